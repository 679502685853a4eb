"""Which products there are of the datasets that are new or were processed again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from hstlc.archives.base import Archive, RemoteDataset, RemoteProduct
from hstlc.clock import Clock
from hstlc.db.archives import due_listings
from hstlc.db.downloads import save_listing
from hstlc.db.engine import reading, writing
from hstlc.db.notices import clear, notify, open_keys
from hstlc.errors import ArchiveError, HstlcError
from hstlc.pipeline.context import Context
from hstlc.pipeline.pages import dataset_of
from hstlc.pipeline.pauses import is_over, note_pause
from hstlc.pipeline.results import Summary, failure_of
from hstlc.store.points import point

__all__ = ["list_products"]

logger = logging.getLogger(__name__)

# So many single datasets may fail before the archive is left for this run.
_MOST_FAILURES = 20
_ROWS = 2000  # datasets that are read at once


def list_products(
    context: Context, archive: Archive[Any], summary: Summary, *, clock: Clock, stop: threading.Event | None = None
) -> int:
    """Ask for the products of every public dataset whose version was not listed yet, and queue them.

    A question that fails is halved, down to the dataset that it fails for: that one gets a notice and is asked for
    again next time, the others go on.

    Returns
    -------
    int
        Number of products that were not known.
    """
    name, now = archive.name, clock.now()
    with reading(context.engine) as connection:
        noticed = open_keys(connection, f"listing {name} ")
    failures, found = 0, 0
    for due in _due(context, archive, now, stop):
        rows = {row["dataset_key"]: row for row in due}
        for datasets, answer in _ask(archive, [dataset_of(row) for row in due]):
            if isinstance(answer, Exception):
                if is_over(answer):
                    _give_way(context, archive, summary, answer)
                    return found
                if _has_left(rows[datasets[0].key], answer):
                    summary.waiting.append(f"{name} {datasets[0].key}: it has no products any more")
                    continue
                _fail(context, name, datasets[0], answer, summary, now)
                failures += 1
                if failures >= _MOST_FAILURES:
                    return found
                continue
            listed = {dataset.key: rows[dataset.key]["id"] for dataset in datasets}
            with writing(context.engine) as connection:
                products = _known(name, answer, listed)
                new = save_listing(connection, name, archive.mission, listed, products, now)
                clear(connection, noticed & {f"listing {name} {key}"[:128] for key in listed}, now)
                point("before-commit")
            point("committed")
            found += new
            summary.products += new
    return found


def _due(
    context: Context, archive: Archive[Any], now: datetime, stop: threading.Event | None
) -> Iterator[Sequence[RowMapping]]:
    """Yield the datasets to ask for, as many as go into one question."""
    age, after = archive.relist_after_s, 0
    before = None if age is None else now - timedelta(seconds=age)
    while True:
        with reading(context.engine) as connection:
            some = due_listings(connection, archive.name, now, before=before, after=after, limit=_ROWS)
        for start in range(0, len(some), archive.batch):
            if stop is not None and stop.is_set():
                return
            yield some[start : start + archive.batch]
        if len(some) < _ROWS:
            return
        after = some[-1]["id"]


def _ask(
    archive: Archive[Any], datasets: Sequence[RemoteDataset]
) -> Iterator[tuple[Sequence[RemoteDataset], list[RemoteProduct] | Exception]]:
    """Yield datasets with their products, or a single one with the error that it gives."""
    try:
        yield datasets, archive.products(datasets)
        return
    except Exception as error:
        if isinstance(error, HstlcError) and not isinstance(error, ArchiveError):
            raise
        if len(datasets) == 1 or is_over(error):
            yield datasets, error
            return
    half = len(datasets) // 2
    yield from _ask(archive, datasets[:half])
    yield from _ask(archive, datasets[half:])


def _known(source: str, products: Sequence[RemoteProduct], listed: dict[str, int]) -> list[RemoteProduct]:
    """Return the products of datasets that were asked for, and whose names can be stored."""
    good = []
    for product in products:
        texts = (product.name, product.version, product.kind, product.group)
        short = all(len(text) <= most for text, most in zip(texts, (255, 255, 32, 128), strict=True))
        if product.dataset in listed and product.name and short and "\0" not in "".join(texts):
            good.append(product)
        else:
            logger.error("%s: product %r of %r was not asked for", source, product.name[:255], product.dataset[:128])
    return good


def _has_left(row: RowMapping, error: Exception) -> bool:
    """Tell whether a dataset that had products has none now: full walks will find that it is gone, or it returns."""
    listed = row["listed_at"] is not None and row["listed_version"] == row["version_key"]
    return listed and isinstance(error, ArchiveError) and error.code == "archive.no-product"


def _give_way(context: Context, archive: Archive[Any], summary: Summary, error: Exception) -> None:
    if isinstance(error, ArchiveError):
        note_pause(context, archive.name, error)
        summary.waiting.append(f"{archive.name} products: {error.message}")


def _fail(
    context: Context, source: str, dataset: RemoteDataset, error: Exception, summary: Summary, now: datetime
) -> None:
    failure = failure_of(error, what=f"{source} {dataset.key}")
    summary.failures.append(failure)
    with writing(context.engine) as connection:
        said = f"the products of {dataset.key} cannot be listed: {failure.message}"
        notify(connection, f"listing {source} {dataset.key}", "warning", said, now)
