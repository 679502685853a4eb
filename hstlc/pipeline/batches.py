"""Results of workers, gathered until enough of them are there for a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from hstlc.pipeline.progress import Progress
from hstlc.pipeline.results import Failure, Summary

__all__ = ["in_batches"]

Result = TypeVar("Result")


def in_batches(
    results: Iterable[Result | Failure],
    size: int,
    keep: Callable[[list[Result]], None],
    summary: Summary,
    progress: Progress,
) -> None:
    """Hand results on in batches, the last one smaller; failures go to the summary.

    Parameters
    ----------
    results : iterable
        Taken one by one, as they come.
    size : int
        Results a batch.
    keep : callable
        Publishes and records a batch.
    summary : Summary
    progress : Progress
        Is told of each.
    """
    batch: list[Result] = []
    for result in results:
        progress.item("")
        if isinstance(result, Failure):
            summary.failures.append(result)
            continue
        batch.append(result)
        if len(batch) >= size:
            keep(batch)
            batch = []
    if batch:
        keep(batch)
