"""Pages of rows by key: a page begins after the last row of the one before, however deep it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_

from hstlc.errors import UsageError

__all__ = ["Key", "Slice", "slice_of"]

_SEPARATOR = "~"
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Key:
    """One of the values that rows are sorted by; it is never NULL.

    Attributes
    ----------
    label : str
        Name of the value in the rows.
    value : sqlalchemy.ColumnElement
    kind : type
        int, float or datetime.
    descending : bool
    """

    label: str
    value: ColumnElement[Any]
    kind: type[int] | type[float] | type[datetime] = int
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of rows.

    Attributes
    ----------
    rows : list of dict
    next, previous : str
        Places to ask for the rows that follow (``after``) and precede (``before``); '': there are none.
    """

    rows: list[dict[str, Any]]
    next: str = ""
    previous: str = ""


def slice_of(
    connection: Connection, rows: Select[Any], keys: Sequence[Key], *, after: str = "", before: str = "", limit: int
) -> Slice:
    """Return one page of the rows of a query.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    rows : sqlalchemy.Select
        The query, neither sorted nor limited; it has a column of the name of each key.
    keys : sequence of Key
        What the rows are sorted by; together they are different for any two rows.
    after, before : str
        A place of an earlier page, at most one of the two; none: the first page.
    limit : int
        Rows of a page.

    Returns
    -------
    Slice

    Raises
    ------
    UsageError
        ``usage.bad-place``: not a place of these keys.
    """
    if after and before:
        raise _bad_place("both after= and before= are given")
    place = after or before
    if place:
        rows = rows.where(_beyond(keys, _values(keys, place), backwards=bool(before)))
    order = (key.value.desc() if key.descending != bool(before) else key.value.asc() for key in keys)
    found = [dict(row) for row in connection.execute(rows.order_by(*order).limit(limit + 1)).mappings()]
    more = len(found) > limit
    del found[limit:]
    if before:
        found.reverse()
    if not found:
        return Slice([])
    follows, precedes = (True, more) if before else (more, bool(after))
    first, last = _place(keys, found[0]), _place(keys, found[-1])
    return Slice(found, last if follows else "", first if precedes else "")


def _beyond(keys: Sequence[Key], values: Sequence[Any], *, backwards: bool) -> ColumnElement[bool]:
    """Return the condition that a row comes after a place; the bound of the first key alone lets an index be used."""
    ways: list[ColumnElement[bool]] = []
    for i, key in enumerate(keys):
        same = [other.value == value for other, value in zip(keys[:i], values, strict=False)]
        falls = key.descending != backwards
        ways.append(and_(*same, key.value < values[i] if falls else key.value > values[i]))
    first = keys[0]
    bound = first.value <= values[0] if first.descending != backwards else first.value >= values[0]
    return and_(bound, or_(*ways))


def _place(keys: Sequence[Key], row: Mapping[str, Any]) -> str:
    return _SEPARATOR.join(_text(row[key.label]) for key in keys)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return repr(value)


def _values(keys: Sequence[Key], place: str) -> list[Any]:
    parts = place.split(_SEPARATOR)
    if len(parts) != len(keys) or len(place) > 200 or not place.isascii():
        raise _bad_place(f"{place[:60]!r} is no place in this order")
    try:
        return [_READ[key.kind](part) for key, part in zip(keys, parts, strict=True)]
    except ValueError:
        raise _bad_place(f"{place[:60]!r} is no place in this order") from None


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) > _LARGEST:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)


_READ: dict[type, Callable[[str], Any]] = {int: _whole, float: _number, datetime: _moment}


def _bad_place(found: str) -> UsageError:
    return UsageError("usage.bad-place", found, "follow the links of a page, or leave out after= and before=")
