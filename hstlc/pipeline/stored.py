"""Files that rows say are in the store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hstlc.store.layout import Layout

__all__ = ["is_stored", "removal", "stored_path"]

Row = Mapping[str, Any]


def stored_path(layout: Layout, row: Row) -> Path:
    """Return the path of the file of a row with ``path`` and ``filename``."""
    return layout.resolve(row["path"]) / str(row["filename"])


def is_stored(layout: Layout, row: Row) -> bool:
    """Tell whether the file of a row is there and has the recorded size."""
    path = stored_path(layout, row)
    return path.is_file() and bool(path.stat().st_size == row["size_bytes"])


def removal(layout: Layout, row: Row) -> dict[str, str]:
    """Return the row of ``pending_removal`` that deletes a product."""
    return {"path": str(stored_path(layout, row)), "sha256": "", "kept_path": ""}
