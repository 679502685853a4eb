"""Lists of light curves with their statistics: sorted by any column that has an index, limited, in pages.

A page begins after the last row of the one before, by the value that the list is sorted by and the number of the
product, so that the thousandth page costs what the first does. NULL comes last, whichever way the list is sorted. Rows
are met on the way through the index of the order, unless a limit leaves few rows: then those are sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

from hstlc.db.curve_columns import COLUMNS, SORTED_BY
from hstlc.db.curve_filters import Limits, conditions, few, unindexed
from hstlc.db.light_curves import LIGHT_CURVES
from hstlc.db.records import STATS

__all__ = ["Order", "Page", "Place", "browse", "count_curves", "instruments", "stream"]

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by.

    Attributes
    ----------
    name : str
        One of :data:`hstlc.db.curve_columns.SORTED_BY`.
    falling : bool
        Highest first.
    """

    name: str
    falling: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a list: its value of what the list is sorted by, and its product."""

    value: Any
    product_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list.

    Attributes
    ----------
    rows : list of sequences
        The columns that were asked for, in their order.
    previous, next : Place or None
        The first and the last row, if there are rows before and after them.
    """

    rows: list[Row]
    previous: Place | None
    next: Place | None


def browse(
    connection: Connection,
    columns: Sequence[str],
    order: Order,
    limits: Limits,
    size: int,
    *,
    after: Place | None = None,
    before: Place | None = None,
) -> Page:
    """Return one page of the list of light curves.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    columns : sequence of str
        Names of :data:`hstlc.db.curve_columns.COLUMNS`.
    order : Order
    limits : Limits
    size : int
        Rows of a page.
    after, before : Place, optional
        A row that the page follows or precedes, at most one of them; none: the first page.

    Returns
    -------
    Page
    """
    place, backwards = (before, True) if before is not None else (after, False)
    chosen = few(connection, limits, order.name)
    found: list[Row] = []
    for phase in _phases(connection, columns, order, limits, place, backwards, chosen):
        found += connection.execute(phase.limit(size + 1 - len(found))).all()
        if len(found) > size:
            break
    more = len(found) > size
    del found[size:]
    if backwards:
        found.reverse()
    if not found:
        return Page([], None, None)
    first, last = (Place(row[-2], row[-1]) for row in (found[0], found[-1]))
    rows = [row[:-2] for row in found]
    precedes, follows = (more, True) if backwards else (place is not None, more)
    return Page(rows, first if precedes else None, last if follows else None)


def stream(
    connection: Connection, columns: Sequence[str], order: Order, limits: Limits, most: int
) -> Iterator[Row]:
    """Yield the first rows of a list, read from the database a thousand at a time.

    Parameters
    ----------
    connection, columns, order, limits
        As of :func:`browse`.
    most : int
        Rows at most.
    """
    chosen = few(connection, limits, order.name)
    own = connection.execution_options(yield_per=1000)
    for phase in _phases(connection, columns, order, limits, None, False, chosen):
        for row in own.execute(phase.limit(most)):
            yield row[:-2]
            most -= 1
        if most <= 0:
            return


def count_curves(connection: Connection, limits: Limits, most: int) -> int:
    """Return the number of light curves of a list, or ``most`` if there are as many or more.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    limits : Limits
    most : int
        No more than these are counted.
    """
    dialect = connection.dialect.name
    chosen = few(connection, limits, "")
    query = select(STATS.c.product_id)
    if chosen is not None:
        some = chosen.cte("chosen").prefix_with("MATERIALIZED")
        joined: Any = some.join(STATS, STATS.c.product_id == some.c.product_id)
    else:
        joined = STATS
    joined = joined.join(LIGHT_CURVES, LIGHT_CURVES.c.product_id == STATS.c.product_id)
    query = query.select_from(joined).where(*conditions(limits, dialect)).limit(most)
    return connection.scalar(select(func.count()).select_from(query.subquery())) or 0


def instruments(connection: Connection) -> list[tuple[str, str]]:
    """Return the missions and instruments that there are light curves of, in order: one look into an index for each."""
    pair = tuple_(LIGHT_CURVES.c.mission, LIGHT_CURVES.c.instrume)
    query = select(LIGHT_CURVES.c.mission, LIGHT_CURVES.c.instrume)
    query = query.order_by(LIGHT_CURVES.c.mission, LIGHT_CURVES.c.instrume).limit(1)
    found: list[tuple[str, str]] = []
    row = connection.execute(query).first()
    while row is not None:
        found.append((row[0], row[1]))
        row = connection.execute(query.where(pair > tuple_(row[0], row[1]))).first()
    return found


def _phases(
    connection: Connection,
    columns: Sequence[str],
    order: Order,
    limits: Limits,
    place: Place | None,
    backwards: bool,
    chosen: Select[Any] | None,
) -> Iterator[Select[Any]]:
    """Yield the queries whose rows one after the other are the list: those with a value, then those with NULL."""
    column = COLUMNS[order.name]
    value, product = _keys(column, walks=chosen is None)
    query = _joined(columns, order, chosen).where(*conditions(limits, connection.dialect.name))
    falling = order.falling != backwards
    query = query.order_by(*((value.desc(), product.desc()) if falling else (value, product)))
    with_value = query.where(value.is_not(None))
    without = query.where(value.is_(None))
    if place is not None:
        if place.value is None:
            without = without.where(product < place.product_id if falling else product > place.product_id)
        else:
            keys, there = tuple_(value, product), tuple_(place.value, place.product_id)
            with_value = with_value.where(keys < there if falling else keys > there)
    if not column.nullable:
        yield with_value
    elif place is None or (place.value is None) == backwards:
        yield from (without, with_value) if backwards else (with_value, without)
    else:
        yield with_value if backwards else without


def _keys(column: Any, *, walks: bool) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    product = column.table.c.product_id
    return (column, product) if walks else (unindexed(column), unindexed(product))


def _joined(columns: Sequence[str], order: Order, chosen: Select[Any] | None) -> Select[Any]:
    """Return the query of some columns, with the two that the list is sorted by at the end."""
    column = COLUMNS[order.name]
    own = column.table
    other = LIGHT_CURVES if own is STATS else STATS
    query = select(*(COLUMNS[name].label(name) for name in columns), column.label("_value"), own.c.product_id)
    if chosen is None:
        walked = own.join(other, other.c.product_id == own.c.product_id)
        return query.select_from(walked).with_hint(own, f"INDEXED BY {SORTED_BY[order.name]}", "sqlite")
    some = chosen.cte("chosen").prefix_with("MATERIALIZED")
    joined = some.join(own, own.c.product_id == some.c.product_id)
    return query.select_from(joined.join(other, other.c.product_id == own.c.product_id))
