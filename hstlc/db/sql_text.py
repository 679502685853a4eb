"""Parts of SQL as text with their values, for queries that have a new shape nearly every time they are asked.

SQLAlchemy takes longer to compile such a query than the database to answer it, and what it keeps of hundreds of them
are objects through which the garbage collector goes while clients wait. Lists of light curves have thousands of shapes:
an order, a way and any of a hundred limits.

Names in the text are those of our tables and columns; whatever a client gave is a value, and is bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Column, Connection, CursorResult, Dialect

from hstlc.db.types import UtcDateTime

__all__ = [
    "NOTHING",
    "Sql",
    "all_of",
    "any_of",
    "bound",
    "chain",
    "commas",
    "converted",
    "name_of",
    "run",
    "spaces",
    "sql",
]

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Sql:
    """Text of SQL.

    Attributes
    ----------
    text : str
        With a question mark for each value, and none elsewhere.
    values : tuple
        As the driver takes them, see :func:`bound`.
    """

    text: str
    values: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text)


#: No text at all.
NOTHING = Sql("")


def sql(text: str, *parts: Any) -> Sql:
    """Return a text with something in each place of ``{}``: another text, or a question mark for a value.

    Examples
    --------
    >>> sql("SELECT {} WHERE total > {}", sql("mean"), 5)
    Sql(text='SELECT mean WHERE total > ?', values=(5,))
    """
    values: list[Any] = []
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Sql):
            texts.append(part.text)
            values += part.values
        else:
            texts.append("?")
            values.append(part)
    return Sql(text.format(*texts), tuple(values))


def chain(parts: Iterable[Sql], between: str) -> Sql:
    """Return texts one after the other, with something between them."""
    own = list(parts)
    return Sql(between.join(part.text for part in own), tuple(value for part in own for value in part.values))


def commas(parts: Iterable[Any]) -> Sql:
    """Return texts, or question marks for values, with commas between them."""
    return chain((part if isinstance(part, Sql) else Sql("?", (part,)) for part in parts), ", ")


def spaces(parts: Iterable[Sql]) -> Sql:
    """Return texts one after the other."""
    return chain(parts, " ")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Return that all conditions hold; without any, that something is true."""
    return chain(conditions, " AND ") or Sql("1 = 1")


def any_of(conditions: Iterable[Sql]) -> Sql:
    """Return that one of some conditions holds; without any, that something is false.

    Examples
    --------
    >>> any_of([sql("a = {}", 1), sql("b = {}", 2)])
    Sql(text='(a = ? OR b = ?)', values=(1, 2))
    """
    return sql("({})", chain(conditions, " OR ") or Sql("1 = 0"))


def name_of(column: Column[Any]) -> Sql:
    """Return the name of a column, with that of its table."""
    return Sql(f"{column.table.name}.{column.name}")


def bound(column: Column[Any], value: Any, dialect: Dialect) -> Any:
    """Return a value of a column as the driver takes it."""
    if not isinstance(column.type, UtcDateTime):
        return value
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    return value if process is None else process(value)


def run(connection: Connection, query: Sql, **options: Any) -> CursorResult[Any]:
    """Return what a query finds; its rows are as the driver gives them, see :func:`converted`.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    query : Sql
    **options : object
        Execution options of SQLAlchemy.
    """
    text = query.text.replace("?", "%s") if connection.dialect.paramstyle != "qmark" else query.text
    return connection.exec_driver_sql(text, query.values or None, execution_options=options or None)


def converted(rows: Iterable[Row], columns: Sequence[Column[Any]], dialect: Dialect) -> Iterator[Row]:
    """Yield rows that the driver gave with truth values and moments as such.

    Parameters
    ----------
    rows : iterable of sequences
    columns : sequence of sqlalchemy.Column
        What the rows begin with.
    dialect : sqlalchemy.Dialect
    """
    processes = _processes(tuple(columns), dialect)
    for row in rows:
        if not processes:
            yield row
            continue
        own = list(row)
        for place, process in processes:
            own[place] = process(own[place])
        yield own


@lru_cache(maxsize=64)
def _processes(columns: tuple[Column[Any], ...], dialect: Dialect) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for place, column in enumerate(columns):
        if isinstance(column.type, Boolean | UtcDateTime):
            process = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if process is not None:
                found.append((place, process))
    return found
