"""What faults do to the rows of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hstlc.testing.archive.faults import ROWS
from hstlc.testing.archive.messages import Incoming

__all__ = ["spoiled", "total"]

Row = dict[str, Any]

_FAR = "3022-01-01T00:00:00"


def spoiled(rows: Sequence[Row], request: Incoming, *, before: Row | None = None) -> list[Row]:
    """Return the rows of a page with what is to go wrong with them.

    Parameters
    ----------
    rows : sequence of dict
        Left as they are.
    request : Incoming
    before : dict, optional
        The last row of the page before: it comes again when a row was put in in the meantime.
    """
    new = [dict(row) for row in rows]
    for one in request.faults:
        if one.kind not in ROWS:
            continue
        column = str(one.get("column", ""))
        if one.kind == "dup_rows":
            new = [row for row in new for _ in range(2)]
        elif one.kind == "shuffle_rows":
            new = new[1::2] + new[::2]
        elif one.kind == "shift_page" and before is not None:
            new = [dict(before), *new[:-1]]
        elif one.kind == "overflow":
            new = new[: int(one.get("limit", 1))]
        elif one.kind == "null_field":
            new = [row | {column: None} for row in new]
        elif one.kind == "far_future_date":
            new = [row | {column: _FAR} for row in new]
        elif one.kind == "type_change":
            new = [row | {column: _retyped(row.get(column))} for row in new]
        elif one.kind == "rename_column":
            new = [
                {str(one.get("to", f"{name}_2")) if name == column else name: row[name] for name in row} for row in new
            ]
        elif one.kind == "drop_column":
            new = [{name: row[name] for name in row if name != column} for row in new]
        elif one.kind == "new_column":
            new = [row | {column or "brand_new": "new"} for row in new]
        elif one.kind == "pad_strings":
            new = [{name: f"{v}   " if isinstance(v, str) else v for name, v in row.items()} for row in new]
    return new


def _retyped(value: Any) -> Any:
    if isinstance(value, str):
        return len(value)
    return None if value is None else str(value)


def total(number: int, request: Incoming) -> int:
    """Return how many rows the answer says that there are."""
    lie = request.fault("total_lies")
    return number if lie is None else number + int(lie.get("difference", 7))
