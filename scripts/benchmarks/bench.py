"""What a group of measurements gets, and how its answers become figures."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.benchmarks import peer
from scripts.benchmarks.contender import Answer, Contender, environment
from scripts.benchmarks.machine import Stream
from scripts.benchmarks.table import Row

__all__ = ["STEP_S", "Bench", "compared", "median", "size"]

STEP_S = 2.0  # width of the bins


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the files are, and how fast the machine can be.

    Attributes
    ----------
    folder : Path
        For everything that is made.
    original : Path
        The Python that has the original.
    stream : Stream
        The floor, as one more contender.
    """

    folder: Path
    original: Path
    stream: Stream

    @property
    def data(self) -> Path:
        """The folder of :func:`scripts.benchmarks.data.make_data`."""
        return self.folder / "data"

    def scratch(self, name: str) -> str:
        """Return the path of a file that may be overwritten."""
        return str(self.folder / name)

    def start_ours(self) -> Contender:
        """Start hstlc, its imports done."""
        command = [sys.executable, "-m", "scripts.benchmarks.ours"]
        contender = Contender("ours", command, environment(), self.folder / "ours.log")
        contender.ask("warm")
        return contender

    def start_theirs(self) -> Contender:
        """Start the original, its imports done."""
        return peer.start(self.original, self.data / "lref", self.folder / "original.log")


def median(answers: Iterable[Answer], key: str = "seconds") -> float:
    """Return the median of what several answers say."""
    return float(np.median([answer[key] for answer in answers]))


def compared(name: str, ours_s: float, theirs_s: float, goal: float | None, limited_by: str = "") -> Row:
    """Return the row of two times; ``goal`` is the ratio that is wanted."""
    ratio = theirs_s / ours_s
    wanted = "" if goal is None else f">= {goal:g} x"
    reached = None if goal is None else ratio >= goal
    return Row(name, size(ours_s), size(theirs_s), f"{ratio:.1f} x", wanted, reached, limited_by)


def size(seconds: float) -> str:
    """Return a time with a fitting unit and three digits.

    Examples
    --------
    >>> size(0.0123456), size(12.3456), size(1234.5)
    ('12.3 ms', '12.3 s', '1234 s')
    """
    if seconds < 1e-3:
        return f"{1e6 * seconds:.3g} us"
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"
