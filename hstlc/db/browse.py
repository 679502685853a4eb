"""Lists of light curves with their statistics: sorted by any column that has an index, limited, in pages.

A page begins after the last row of the one before, by the value that the list is sorted by and the number of the
product, so that the thousandth page costs what the first does. NULL comes last, whichever way the list is sorted.

Rows are met on the way through the index of the order, unless a limit leaves few rows: then those are sorted. Where a
limit leaves more, and the first part of the way met too few of them, they are sorted after all: a way that looks short
can be long when the limit and the order have to do with each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Select, func, select, tuple_

from hstlc.db.curve_columns import COLUMNS, SORTED_BY
from hstlc.db.curve_filters import Limits, bare, conditions, fewest, unindexed
from hstlc.db.light_curves import LIGHT_CURVES
from hstlc.db.records import STATS

__all__ = ["Order", "Page", "Place", "browse", "count_curves", "instruments", "stream"]

Row = Sequence[Any]

_FEW = 2_000  # rows that are sorted rather than met on the way
_WAY = 20_000  # rows to look at before those that a limit leaves are sorted after all
_SORTED = 50_000  # the most of these


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
    asked = _Asked(connection.dialect.name, tuple(columns), order, limits, place, backwards)
    found = _found(connection, asked, size + 1)
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


def stream(connection: Connection, columns: Sequence[str], order: Order, limits: Limits, most: int) -> Iterator[Row]:
    """Yield the first rows of a list, read from the database a thousand at a time.

    Parameters
    ----------
    connection, columns, order, limits
        As of :func:`browse`.
    most : int
        Rows at most.
    """
    asked = _Asked(connection.dialect.name, tuple(columns), order, limits)
    _, chosen = fewest(connection, limits, order.name, _SORTED)
    own = connection.execution_options(yield_per=1000)
    for phase in _phases(asked, chosen):
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
    _, chosen = fewest(connection, limits, "", _SORTED)
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


@dataclass(frozen=True, slots=True)
class _Asked:
    dialect: str
    columns: tuple[str, ...]
    order: Order
    limits: Limits
    place: Place | None = None
    backwards: bool = False


def _found(connection: Connection, asked: _Asked, size: int) -> list[Row]:
    """Return the rows of a page, the nearest to its place first."""
    limits, sort = asked.limits, asked.order.name
    if limits == Limits():
        return _take(connection, _phases(asked), size)
    number, chosen = fewest(connection, limits, sort, _FEW)
    if chosen is not None:
        return _take(connection, _phases(asked, chosen), size)
    if len(found := _along(connection, asked, size)) == size:
        return found
    if number > 0:
        number, chosen = fewest(connection, limits, sort, _SORTED)
    planned = number < 0  # no index tells how many there are: the database may know
    return _take(connection, _phases(asked, chosen, planned=planned), size)


def _take(connection: Connection, phases: Iterator[Select[Any]], size: int) -> list[Row]:
    """Return the first rows of queries, one after the other."""
    found: list[Row] = []
    for phase in phases:
        found += connection.execute(phase.limit(size - len(found))).all()
        if len(found) >= size:
            break
    return found


def _along(connection: Connection, asked: _Asked, size: int) -> list[Row]:
    """Return the rows of a page that are met among the next some thousands in the order."""
    column = COLUMNS[asked.order.name]
    own: Any = column.table
    where, keys = next(_parts(asked, column, own.c.product_id))
    ahead = select(column, own.c.product_id).where(*where).order_by(*keys).offset(_WAY).limit(1)
    end = connection.execute(ahead.with_hint(own, f"INDEXED BY {SORTED_BY[column.name]}", "sqlite")).first()
    query = _joined(asked, None, hinted=True).where(*where, *conditions(asked.limits, asked.dialect))
    if end is not None:
        falling = asked.order.falling != asked.backwards
        query = query.where(_beyond(column, own.c.product_id, Place(*end), falling=not falling))
    return _take(connection, iter([query.order_by(*keys)]), size)


def _phases(asked: _Asked, chosen: Select[Any] | None = None, *, planned: bool = False) -> Iterator[Select[Any]]:
    """Yield the queries whose rows one after the other are the list.

    ``chosen``: sort the rows of these products; ``planned``: the database decides. Else the way goes through the index
    of the order.
    """
    column = COLUMNS[asked.order.name]
    product = column.table.c.product_id
    walks = chosen is None and not planned
    wrap = bare if planned else unindexed
    for where, keys in _parts(asked, *((column, product) if walks else (unindexed(column), unindexed(product)))):
        query = _joined(asked, chosen, hinted=walks).where(*where, *conditions(asked.limits, asked.dialect, wrap))
        yield query.order_by(*keys)


def _parts(asked: _Asked, value: Any, product: Any) -> Iterator[tuple[list[Any], tuple[Any, Any]]]:
    """Yield conditions and order of the parts of a list from a place on: rows with a value, then those with NULL."""
    falling = asked.order.falling != asked.backwards
    keys = (value.desc(), product.desc()) if falling else (value, product)
    with_value, without = [value.is_not(None)], [value.is_(None)]
    if asked.place is not None:
        part = without if asked.place.value is None else with_value
        part.append(_beyond(value, product, asked.place, falling=falling))
    for where in _sides(COLUMNS[asked.order.name], asked.place, asked.backwards, with_value, without):
        yield where, keys


def _beyond(value: Any, product: Any, place: Place, *, falling: bool) -> Any:
    """Return the condition that a row comes after a place, or with ``falling`` before it."""
    if place.value is None:
        return product < place.product_id if falling else product > place.product_id
    here, there = tuple_(value, product), tuple_(place.value, place.product_id)
    return here < there if falling else here > there


def _sides(column: Any, place: Place | None, backwards: bool, with_value: Any, without: Any) -> tuple[Any, ...]:
    """Return the conditions of the parts of a list that a page can have rows of, in their order."""
    if not column.nullable:
        return (with_value,)
    if place is None or (place.value is None) == backwards:
        return (without, with_value) if backwards else (with_value, without)
    return (with_value,) if backwards else (without,)


def _joined(asked: _Asked, chosen: Select[Any] | None, *, hinted: bool) -> Select[Any]:
    """Return the query of some columns, with the two that the list is sorted by at the end."""
    column = COLUMNS[asked.order.name]
    own: Any = column.table
    other = LIGHT_CURVES if own is STATS else STATS
    columns = (COLUMNS[name].label(name) for name in asked.columns)
    query: Any = select(*columns, column.label("_value"), own.c.product_id)
    if chosen is not None:
        some = chosen.cte("chosen").prefix_with("MATERIALIZED")
        joined = some.join(own, own.c.product_id == some.c.product_id)
        return cast(Select[Any], query.select_from(joined.join(other, other.c.product_id == own.c.product_id)))
    query = query.select_from(own.join(other, other.c.product_id == own.c.product_id))
    found: Select[Any] = query.with_hint(own, f"INDEXED BY {SORTED_BY[column.name]}", "sqlite") if hinted else query
    return found
