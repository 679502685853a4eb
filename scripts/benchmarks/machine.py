"""The machine that measures: what it is, and how fast it reads memory."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmarks.contender import Answer, timed
from scripts.benchmarks.corrtag import DTYPE

__all__ = ["Stream", "describe"]

BYTES = 800_000_000  # far more than any cache holds
PACKAGES = ("numpy", "scipy", "astropy", "sqlalchemy", "matplotlib", "bokeh", "finufft")


class Stream:
    """Reads a large array from memory once a call, with the fastest of several NumPy reductions, on one core.

    Nothing that reads all bytes of the events is faster: the time of as many bytes is the floor. It depends on what
    else the machine does, and is taken between the turns of the contenders.
    """

    def __init__(self) -> None:
        array = np.random.default_rng(0).integers(0, 2**62, BYTES // 8)
        readers: tuple[Callable[[], Any], ...] = (
            array.max,
            array.view(np.uint8).max,
            array.view(np.float64).max,
            array.sum,
        )
        self._read = min(readers, key=lambda reader: min(timed(reader)[0] for _ in range(3)))

    def __call__(self) -> Answer:
        """Return ``bytes_s`` and ``event_ns``, the nanoseconds of the bytes of one event."""
        seconds, _ = timed(self._read)
        return {"bytes_s": BYTES / seconds, "event_ns": 1e9 * seconds / BYTES * DTYPE.itemsize}


def describe(stream: Stream) -> str:
    """Return what the figures depend on, as a Markdown list."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    speeds = [stream() for _ in range(9)]
    bytes_s, floor_ns = (float(np.median([speed[key] for speed in speeds])) for key in ("bytes_s", "event_ns"))
    cores = (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB of memory, {platform.system()}"
        f" {platform.release().split('-')[0]}; load {os.getloadavg()[0]:.1f} at the start"
    )
    speed = (
        f"streaming read of one core: {bytes_s / 1e9:.1f} GB/s, so {floor_ns:.1f} ns for the"
        f" {DTYPE.itemsize} bytes of an event: the floor"
    )
    software = (
        f"Python {platform.python_version()}, {packages}; the original is lightcurve 0.6.2 with the same NumPy, SciPy"
        " and astropy"
    )
    return "".join(f"- {line}\n" for line in (cores, speed, software))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
