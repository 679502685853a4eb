"""A page of an archive's answer as rows, and as a file that shows what it said."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import datetime
from typing import Any

from hstlc.archives.base import Page, RemoteDataset
from hstlc.errors import StoreError
from hstlc.logs import printable, redact_bytes
from hstlc.pipeline.context import Context
from hstlc.store.digest import digest
from hstlc.store.layout import slug
from hstlc.store.publish import free_space_guard, publish, stage_bytes

__all__ = ["dataset_of", "dataset_rows", "store_reply"]

logger = logging.getLogger(__name__)

_KEY, _VERSION, _TARGET, _INSTRUMENT = 128, 255, 255, 64  # lengths of the columns


def dataset_rows(source: str, page: Page) -> list[dict[str, Any]]:
    """Return the datasets of a page as rows of ``remote_dataset``, each once: in its later version."""
    found: dict[str, RemoteDataset] = {}
    for dataset in page.datasets:
        key, before = dataset.key, found.get(dataset.key)
        if not key or len(key) > _KEY or len(dataset.version) > _VERSION or "\0" in key + dataset.version:
            logger.error("%s: dataset %r of version %r is left out: no such name can be stored", source, *_cut(dataset))
        elif before is None or before.version <= dataset.version:
            found[key] = dataset
    return [_row(dataset) for dataset in found.values()]


def _cut(dataset: RemoteDataset) -> tuple[str, str]:
    return dataset.key[:_KEY], dataset.version[:_KEY]


def _row(dataset: RemoteDataset) -> dict[str, Any]:
    columns = _storable(dict(dataset.columns))
    row: dict[str, Any] = {
        "target": printable(dataset.target)[:_TARGET],
        "instrument": printable(dataset.instrument)[:_INSTRUMENT],
        "ra_deg": dataset.ra_deg,
        "dec_deg": dataset.dec_deg,
        "start_date": dataset.start,
        "release_date": dataset.release,
        "columns": columns,
    }
    said = {name: str(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return {**row, "dataset_key": dataset.key, "version_key": dataset.version, "columns_digest": digest(said)}


def _storable(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the values as JSON that every database takes: no NaN, no infinity, no zero characters."""
    text = json.dumps(columns, default=str)
    if "NaN" not in text and "Infinity" not in text and "\\u0000" not in text:
        return columns if _plain(columns) else dict(json.loads(text))
    return dict(json.loads(text.replace("\\u0000", "\\\\x00"), parse_constant=lambda _: None))


def _plain(columns: dict[str, Any]) -> bool:
    return all(value is None or isinstance(value, (str, int, float, bool)) for value in columns.values())


def dataset_of(row: Any) -> RemoteDataset:
    """Return the dataset that a row of ``remote_dataset`` stands for."""
    return RemoteDataset(
        key=row["dataset_key"],
        version=row["version_key"],
        target=row["target"],
        instrument=row["instrument"],
        ra_deg=row["ra_deg"],
        dec_deg=row["dec_deg"],
        start=row["start_date"],
        release=row["release_date"],
        columns=row["columns"],
    )


def store_reply(context: Context, source: str, stream: str, page: Page, stamp: datetime, number: int) -> None:
    """Keep an answer under ``download/SOURCE/STREAM/``, compressed; where there is no room, do without."""
    if not page.reply:
        return
    layout = context.layout
    folder = layout.download / slug(source) / slug(stream)
    name = f"{stamp:%Y-%m-%dT%H-%M-%S.%fZ}_{number:04d}{page.suffix}.gz"
    try:
        free_space_guard(layout.download, len(page.reply), context.settings.min_free_space)
        data = gzip.compress(redact_bytes(page.reply), 1, mtime=0)
        publish(stage_bytes(data, folder, name, context.run, access=layout.access))
    except StoreError as error:
        if error.code != "store.full":
            raise
        logger.warning("the answer of %s is not kept: %s", source, error)
