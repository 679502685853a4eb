"""Files that wait in the download folder go to the ingest folder once their mission is installed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hstlc.db import downloads
from hstlc.db.engine import reading, writing
from hstlc.errors import HstlcError, InconsistentError
from hstlc.missions.registry import missions
from hstlc.pipeline.arrival import free_folder
from hstlc.pipeline.context import Context
from hstlc.pipeline.publication import publish_all
from hstlc.pipeline.results import Summary, failure_of
from hstlc.store.publish import Staged, discard, free_space_guard, stage

__all__ = ["admit_waiting", "number_waiting"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A product with its files, each with where it waits and where it goes."""

    number: int
    name: str
    files: tuple[tuple[Path, Staged], ...]


def number_waiting(connection: Connection, installed: Collection[str] | None = None) -> int:
    """Return how many files wait for nothing any more: their mission is installed."""
    return len(downloads.waiting_files(connection, missions() if installed is None else installed))


def admit_waiting(context: Context, summary: Summary, installed: Collection[str] | None = None) -> int:
    """Give the files of products in state ``waiting`` whose mission is installed to the ingest folder.

    Each product is ``done`` in the transaction that follows its files; what waited is deleted after it. A run that ends
    at any moment is gone on with by the next one. A file that is gone or damaged is fetched again.

    Parameters
    ----------
    context : Context
        The store, held as its only writer; files may be fetched at the same time.
    summary : Summary
        Gets what failed, and ``waiting`` what is fetched again.
    installed : collection of str, optional
        Names of missions, by default the installed ones.

    Returns
    -------
    int
        Number of files that went.

    Raises
    ------
    DatabaseError
        What was not committed still waits.
    """
    with reading(context.engine) as connection:
        rows = downloads.waiting_files(connection, missions() if installed is None else installed)
    products = (list(files) for _, files in groupby(rows, key=lambda row: row["product_id"]))
    number = 0
    while some := list(islice(products, context.settings.commit_batch)):
        batch = list(_stage_all(context, some, summary))
        failures = publish_all(
            context.engine,
            context.layout,
            batch,
            name=lambda made: made.name,
            files=lambda made: [(staged, False) for _, staged in made.files],
            record=lambda connection, done: _record(connection, context, done),
        )
        summary.failures += failures
        failed = {failure.what for failure in failures}
        for made in (made for made in batch if made.name not in failed):
            number += len(made.files)
            logger.info("%s goes to the ingest folder", made.name, extra={"action": "admitted"})
    return number


def _stage_all(
    context: Context, products: Sequence[Sequence[Mapping[str, Any]]], summary: Summary
) -> Iterator[_Admitted]:
    """Yield the products whose files are all there; names that are given in this batch are given once."""
    given: dict[Path, str] = {}
    for files in products:
        name = f"{files[0]['source']} {files[0]['name']}"
        staged: list[tuple[Path, Staged]] = []
        try:
            for row in files:
                staged.append(_stage(context, row, given))
        except InconsistentError as error:
            _discard(staged)
            with writing(context.engine) as connection:
                downloads.queue_again(connection, [files[0]["product_id"]])
            logger.warning("%s: %s; it is fetched again", name, error.message, extra={"action": "lost"})
            summary.waiting.append(f"{name}: {error.message}; 'hstlc fetch' gets it again")
        except HstlcError as error:
            _discard(staged)
            summary.failures.append(failure_of(error, what=name))
        else:
            yield _Admitted(files[0]["product_id"], name, tuple(staged))


def _stage(context: Context, row: Mapping[str, Any], given: dict[Path, str]) -> tuple[Path, Staged]:
    layout, filename, sha256 = context.layout, row["filename"], row["sha256"]
    waiting = Path(layout.home, row["path"], filename)
    free_space_guard(layout.ingest, row["size_bytes"], context.settings.min_free_space)
    folder = free_folder(layout.ingest, filename, sha256)
    if given.setdefault(folder / filename, sha256) != sha256:
        folder = layout.ingest / sha256[:8]
    staged = stage(waiting, folder, filename, context.run, link=True, access=layout.access)
    if staged.sha256 != sha256:
        discard(staged)
        raise InconsistentError(
            "data.changed",
            f"{waiting}: expected the content that was verified when it came, found another one",
            "it is fetched again",
            path=str(waiting),
        )
    return waiting, staged


def _record(connection: Connection, context: Context, done: Sequence[_Admitted]) -> list[Mapping[str, str]]:
    removals: list[Mapping[str, str]] = []
    for made in done:
        places = {staged.target.name: context.layout.relative(staged.target.parent) for _, staged in made.files}
        if downloads.end_waiting(connection, made.number, places):
            removals += [
                {"path": str(path), "sha256": staged.sha256, "kept_path": str(staged.target)}
                for path, staged in made.files
            ]
    return removals


def _discard(staged: Sequence[tuple[Path, Staged]]) -> None:
    for _, one in staged:
        discard(one)
