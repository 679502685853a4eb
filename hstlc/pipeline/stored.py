"""Files that rows say are in the store."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from hstlc.errors import StoreError
from hstlc.store.layout import Layout

__all__ = ["is_stored", "removals", "stored_path"]

logger = logging.getLogger(__name__)

Row = Mapping[str, Any]


def stored_path(layout: Layout, row: Row) -> Path:
    """Return the path of the file of a row with ``path`` and ``filename``."""
    return layout.resolve(row["path"]) / str(row["filename"])


def is_stored(layout: Layout, row: Row, folder: Path | None = None) -> bool:
    """Tell whether the file of a row is there and has the recorded size.

    One in a folder that is no longer of the tree, or not in ``folder`` where that is given, is not.
    """
    try:
        path = stored_path(layout, row)
    except StoreError:
        return False
    here = folder is None or path.parent == folder
    return here and path.is_file() and bool(path.stat().st_size == row["size_bytes"])


def removals(layout: Layout, rows: Iterable[Row], kept: Collection[Path] = ()) -> list[dict[str, str]]:
    """Return the rows of ``pending_removal`` that delete products.

    Those of ``kept`` stay, and those in a folder that is no longer of the tree, where nothing is ours to delete.
    """
    found = []
    for row in rows:
        try:
            path = stored_path(layout, row)
        except StoreError:
            logger.warning("%s/%s stays: its folder is no longer configured", row["path"], row["filename"])
        else:
            if path not in kept:
                found.append({"path": str(path), "sha256": "", "kept_path": ""})
    return found
