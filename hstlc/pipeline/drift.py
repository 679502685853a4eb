"""Whether an archive still has the columns that its client reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hstlc.archives.base import Archive
from hstlc.db.archives import save_columns, source_state
from hstlc.db.engine import reading, writing
from hstlc.db.notices import clear, notify
from hstlc.errors import RejectedError
from hstlc.pipeline.context import Context

__all__ = ["check_columns", "column_changes"]

logger = logging.getLogger(__name__)


def check_columns(context: Context, archive: Archive[Any], now: datetime, *, dry_run: bool = False) -> None:
    """Compare the columns of an archive with those it had; say what changed, remember what is there now.

    Raises
    ------
    RejectedError
        ``archive.columns``: one that the client needs is gone; what the archive says cannot be trusted.
    ArchiveError
        The archive does not say.
    """
    name, key = archive.name, f"columns {archive.name}"
    try:
        found = archive.columns()
        missing = sorted(archive.required - found.keys())
        if missing:
            raise RejectedError(
                "archive.columns",
                f"{name}: expected the columns {', '.join(sorted(archive.required))}, {', '.join(missing)} not found",
                f"the archive has changed: see its documentation, and the section archives.{name} of the configuration",
                missing=missing,
            )
    except RejectedError as error:
        if not dry_run:
            with writing(context.engine) as connection:
                notify(connection, key, "error", str(error), now)
        raise
    if dry_run:
        return
    with reading(context.engine) as connection:
        state = source_state(connection, name)
    before: Mapping[str, str] = {} if state is None else state["columns"]
    changes = column_changes(before, found) if before else []
    with writing(context.engine) as connection:
        clear(connection, [key], now)
        if changes:
            notify(connection, f"{key} changed", "info", f"{name}: {'; '.join(changes)}", now)
        save_columns(connection, name, found, now)
    for change in changes:
        logger.warning("%s: %s", name, change, extra={"action": "columns"})


def column_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return sentences on columns that are new, gone or of another type.

    Examples
    --------
    >>> column_changes({"a": "text", "b": "text"}, {"a": "number", "c": "text"})
    ['column a was text, is number', 'column b is gone', 'column c is new']
    """
    said = [
        f"column {name} is gone" if name not in after else f"column {name} was {before[name]}, is {after[name]}"
        for name in sorted(before)
        if after.get(name) != before[name]
    ]
    return [*said, *(f"column {name} is new" for name in sorted(after.keys() - before.keys()))]
