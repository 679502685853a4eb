"""What the columns of our tables mean, by name alone: for the answers to SQL of a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Boolean

from hstlc.db.columns import Base

__all__ = ["Known", "known_columns"]


@dataclass(frozen=True, slots=True)
class Known:
    """What all columns of a name have in common.

    Attributes
    ----------
    unit : str
        '': none.
    doc : str
        Meaning; '': it differs from table to table.
    boolean : bool
        Whether 0 and 1, as SQLite has them, are False and True.
    """

    unit: str
    doc: str
    boolean: bool


@cache
def known_columns() -> dict[str, Known]:
    """Return the columns of all tables by name; those whose unit differs from table to table are left out.

    Examples
    --------
    >>> known_columns()["exptime_s"].unit
    's'
    """
    from hstlc.db import archive_tables, tables  # noqa: F401  # what they define is known then

    found: dict[str, Known] = {}
    differ: set[str] = set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            boolean = isinstance(column.type, Boolean)
            new = Known(column.info.get("unit", ""), column.info.get("doc", ""), boolean)
            old = found.setdefault(column.name, new)
            if (old.unit, old.boolean) != (new.unit, new.boolean):
                differ.add(column.name)
            elif old.doc != new.doc:
                found[column.name] = Known(new.unit, "", boolean)
    return {name: known for name, known in found.items() if name not in differ}
