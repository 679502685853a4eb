"""What a fetch finds at its start: remains of downloads, and files that were fetched and are nowhere."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hstlc.db import downloads, records
from hstlc.db.engine import reading, writing
from hstlc.pipeline.context import Context
from hstlc.pipeline.retrieval import INCOMING

__all__ = ["find_lost", "sweep_incoming"]

logger = logging.getLogger(__name__)

_PART = re.compile(r".*\.(\d{1,18})\.part(?:\.json)?", re.DOTALL)


def sweep_incoming(context: Context) -> list[Path]:
    """Delete what no download will go on with, and return the paths; the caller is the only one who fetches."""
    folder = context.layout.ingest / INCOMING
    found = {path: _PART.fullmatch(path.name) for path in sorted(folder.iterdir())}
    numbers = {path: int(match[1]) for path, match in found.items() if match and path.is_file()}
    with reading(context.engine) as connection:
        wanted = downloads.may_go_on(connection, set(numbers.values()))
    swept = [path for path in found if numbers.get(path) not in wanted]
    for path in swept:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
        logger.info("deleted %s", path, extra={"action": "swept"})
    return swept


def find_lost(context: Context, sources: Collection[str]) -> list[int]:
    """Queue again what was fetched and is neither where it was put nor known to the store; return its row numbers."""
    gone = _gone(context, sources)
    if not gone:
        return []
    again = {(row["product_id"], _path(context, row)) for row in _gone(context, sources)}
    gone = [row for row in gone if (row["product_id"], _path(context, row)) in again]  # not those on their way there
    with reading(context.engine) as connection:  # ingest may have taken them in meanwhile
        known = downloads.known_digests(connection, [row["sha256"] for row in gone])
        known |= {row["sha256"] for row in records.removals(connection)}
    lost = [row for row in gone if row["sha256"] not in known]
    numbers = sorted({row["product_id"] for row in lost})
    with writing(context.engine) as connection:
        downloads.queue_again(connection, numbers)
    for row in lost:
        logger.warning("%s is gone and is fetched again", _path(context, row), extra={"action": "lost"})
    return numbers


def _gone(context: Context, sources: Collection[str]) -> list[dict[str, Any]]:
    with reading(context.engine) as connection:
        held = downloads.held_files(connection, sources)
    return [row for row in held if not _path(context, row).is_file()]


def _path(context: Context, row: Mapping[str, Any]) -> Path:
    return Path(context.layout.home, row["path"], row["filename"])
