"""Many rows into a table at once: inserted, or brought up to date where their key is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Executable, Table, select
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["chunks", "identities", "key_chunks", "upsert"]

Row = Mapping[str, Any]
Key = tuple[Any, ...]

# SQLite allows 32766 parameters a statement.
_CHUNK = 5000


def chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of as many values as one statement takes."""
    everything = list(items)
    for start in range(0, len(everything), _CHUNK):
        yield everything[start : start + _CHUNK]


def key_chunks(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield keys of two parts in order: a first part, and as many second parts as one statement takes.

    A list of values finds its rows by an index on both databases, a list of pairs only on SQLite.

    Examples
    --------
    >>> list(key_chunks([("b", "2"), ("a", "1"), ("b", "1"), ("b", "2")]))
    [('a', ['1']), ('b', ['1', '2'])]
    """
    for first, pairs in groupby(sorted(set(keys)), key=itemgetter(0)):
        for chunk in chunks(second for _, second in pairs):
            yield first, chunk


def upsert(
    connection: Connection, table: Table, unique: tuple[str, ...], rows: Iterable[Row], keep: tuple[str, ...] = ()
) -> None:
    """Insert rows, or bring those with the same unique columns up to date.

    They go in order of these columns, so that two writers wait for each other instead of deadlocking.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    table : sqlalchemy.Table
    unique : tuple of str
        Columns of a unique constraint, texts or numbers.
    rows : iterable of mappings
        What a row does not name stays as it is; two with the same unique columns act one after the other.
    keep : tuple of str
        Columns that a row which is known keeps.
    """
    by_key: dict[Key, Row] = {}
    for row in rows:
        key = tuple([row[name] for name in unique])
        before = by_key.get(key)
        by_key[key] = row if before is None else {**before, **row, **{n: before[n] for n in keep if n in before}}
    ordered = [by_key[key] for key in sorted(by_key)]
    for names, alike in groupby(ordered, key=lambda row: row.keys()):
        statement = _statement(connection.dialect.name, table, unique, keep, tuple(sorted(names)))
        connection.execute(statement, list(alike))


@lru_cache
def _statement(
    database: str, table: Table, unique: tuple[str, ...], keep: tuple[str, ...], names: tuple[str, ...]
) -> Executable:
    dialect = postgresql if database == "postgresql" else sqlite
    statement = dialect.insert(table)
    changes = {name: statement.excluded[name] for name in names if name not in (*unique, *keep)}
    upserting = statement.on_conflict_do_update(index_elements=unique, set_=changes)
    # SQLAlchemy sends an upsert that returns nothing row by row, a round trip each; SQLite has none and is faster so.
    whole: Executable = upserting.returning(table.c.id) if database == "postgresql" else upserting
    return whole


def identities(
    connection: Connection, table: Table, unique: tuple[str, str], keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return the ids of the rows with some values of their unique columns, by these values."""
    first, second = (table.c[name] for name in unique)
    found: dict[tuple[str, str], int] = {}
    for value, chunk in key_chunks(keys):
        rows = connection.execute(select(second, table.c.id).where(first == value, second.in_(chunk)))
        found |= {(value, row[0]): row[1] for row in rows}
    return found
