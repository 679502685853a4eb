"""Progress on a terminal as a bar, elsewhere as plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from hstlc.pipeline.progress import Progress

__all__ = ["make_progress"]

_PLAIN_EVERY_S = 10.0


@contextmanager
def make_progress(*, quiet: bool, verbose: bool) -> Iterator[Progress]:
    """Give what shows progress: nothing, a bar with rate and time left on a terminal, or lines."""
    if quiet:
        from hstlc.pipeline.progress import NoProgress

        yield NoProgress()
    elif sys.stderr.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description:>10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        from rich.console import Console

        with Bar(*columns, console=Console(stderr=True)) as bar:
            yield TerminalProgress(bar, verbose)
    else:
        yield PlainProgress(verbose)


class TerminalProgress:
    """A bar a stage."""

    def __init__(self, bar: Bar, verbose: bool) -> None:
        self._bar, self._verbose = bar, verbose
        self._task: TaskID | None = None
        self._started, self._done = time.monotonic(), 0

    def stage(self, name: str, total: int) -> None:
        """Begin a bar."""
        self._started, self._done = time.monotonic(), 0
        self._task = self._bar.add_task(name, total=total, rate="") if total else None

    def item(self, text: str) -> None:
        """Move the bar on."""
        if text and (self._verbose or "rejected" in text or "failed" in text):
            self._bar.console.print(text, highlight=False, markup=False)
        self._done += 1
        if self._task is not None:
            seconds = max(time.monotonic() - self._started, 1e-3)
            self._bar.update(self._task, advance=1, rate=f"{self._done / seconds:.1f}/s")


class PlainProgress:
    """Lines for logs and pipes: what is notable, and every ten seconds how far it is."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._name, self._total, self._done, self._said = "", 0, 0, time.monotonic()

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._name, self._total, self._done, self._said = name, total, 0, time.monotonic()

    def item(self, text: str) -> None:
        """Count, and say it when it is notable."""
        self._done += 1
        if text and (self._verbose or "rejected" in text or "failed" in text):
            click.echo(text, err=True)
        if time.monotonic() - self._said > _PLAIN_EVERY_S:
            self._said = time.monotonic()
            click.echo(f"{self._name}: {self._done} of {self._total}", err=True)
