"""ADQL over SQLite: the tables of an archive in memory, with the habits of the service that has them.

Each schema is a database of its own in memory, so that ``schema.table`` works as it is written. Of the query only
``TOP n`` is put in other words. What SQLite would take and the service does not is refused.

Examples
--------
>>> table = TapTable("sky", "star", (TapColumn("name"), TapColumn("ra", "double", unit="deg")))
>>> engine = TapEngine([table], {"sky.star": [("B", 2.0), ("A", 1.0)]})
>>> engine.query("SELECT TOP 1 name, ra FROM sky.star ORDER BY ra").rows
[('A', 1.0)]
"""

from __future__ import annotations

import re
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

__all__ = ["COMMA_JOINS_ONLY", "Refused", "TapColumn", "TapEngine", "TapRefusedError", "TapResult", "TapTable"]

_TOP = re.compile(r"\A\s*SELECT(?P<set>\s+(?:DISTINCT|ALL))?\s+TOP\s+(?P<top>\d+)\b(?P<rest>.*)\Z", re.I | re.S)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_DELIMITED = re.compile(r'(AS\s+)?"([^"]*)"', re.I)
_FUNCTIONS = frozenset({"abs", "avg", "coalesce", "count", "like", "lower", "max", "min", "round", "sum", "upper"})
_STEPS, _STEPS_LIMIT = 100_000, 1_000
_ACTIONS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})


class TapRefusedError(Exception):
    """The service does not answer such a query."""


@dataclass(frozen=True, slots=True)
class TapColumn:
    """A column: its VOTable type, with ``time`` for a date, which is text that compares as a date."""

    name: str
    datatype: str = "char"
    unit: str = ""
    ucd: str = ""
    description: str = ""

    @property
    def votable_type(self) -> str:
        """The type that is written in a VOTable."""
        return "char" if self.datatype == "time" else self.datatype


@dataclass(frozen=True, slots=True)
class TapTable:
    """A table or view of a service."""

    schema: str
    name: str
    columns: tuple[TapColumn, ...]
    description: str = ""

    @property
    def full_name(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"

    def renamed(self, names: Mapping[str, str]) -> TapTable:
        """Return the table with other names for some columns."""
        columns = (replace(column, name=names.get(column.name, column.name)) for column in self.columns)
        return replace(self, columns=tuple(columns))


@dataclass(frozen=True, slots=True)
class TapResult:
    """The answer to a query; ``overflow`` says that there would be more rows."""

    columns: tuple[TapColumn, ...]
    rows: list[tuple[Any, ...]]
    overflow: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A form of query, without its literals, that a service does not take, and what it says then."""

    pattern: re.Pattern[str]
    message: str


_EVERYWHERE = (
    Refused(re.compile(r"\A(?!\s*SELECT\b)", re.I), "only SELECT is supported"),
    Refused(re.compile(r"\bLIMIT\b|;\s*\S|\bPRAGMA\b", re.I), "syntax error near LIMIT, ';' or PRAGMA"),
)

#: A service that takes one condition in JOIN ... ON.
COMMA_JOINS_ONLY = Refused(
    re.compile(r"\bJOIN\b(?:(?!\bJOIN\b|\bWHERE\b).)*?\bON\b(?:(?!\bJOIN\b|\bWHERE\b).)*?\b(?:AND|OR)\b", re.I | re.S),
    "a join takes one condition",
)

_TAP_SCHEMA = (
    TapTable("tap_schema", "schemas", (TapColumn("schema_name"), TapColumn("description"), TapColumn("utype"))),
    TapTable(
        "tap_schema",
        "tables",
        (TapColumn("schema_name"), TapColumn("table_name"), TapColumn("table_type"), TapColumn("description")),
    ),
    TapTable(
        "tap_schema",
        "columns",
        (
            *(TapColumn(name) for name in ("table_name", "column_name", "datatype", "arraysize", "unit", "ucd")),
            *(TapColumn(name) for name in ("utype", "description")),
            *(TapColumn(name, "int") for name in ("principal", "indexed", "std")),
        ),
    ),
)


@dataclass(slots=True)
class _Guard:
    """Lets a connection read, and not for ever; no part of the engine, which is to be freed as soon as it is left."""

    functions: frozenset[str]
    steps: int = 0

    def authorize(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() in self.functions
        else:
            allowed = action in _ACTIONS and not (first or "").startswith("sqlite_")
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def progress(self) -> bool:
        self.steps += 1
        return self.steps > _STEPS_LIMIT


@dataclass(slots=True, weakref_slot=True)
class TapEngine:
    """Answers queries over some tables.

    Parameters
    ----------
    tables : sequence of TapTable
    rows : mapping of str to iterable of tuple
        Content by full name of the table.
    refused : sequence of Refused
        What the service takes no more than this.
    default_rows, hard_rows : int
        Limit where the query has none, and limit of all queries.
    functions : mapping of str to callable
        Further functions of SQL; in a query a name such as ``dbo.f`` stands for ``dbo_f``.
    """

    tables: Sequence[TapTable]
    rows: Mapping[str, Iterable[tuple[Any, ...]]] = field(default_factory=dict, repr=False)
    refused: Sequence[Refused] = ()
    default_rows: int = 100_000
    hard_rows: int = 100_000
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _connection: sqlite3.Connection = field(init=False, repr=False)
    _known: dict[str, TapColumn] = field(init=False, repr=False)
    _guard: _Guard = field(init=False, repr=False)

    def __post_init__(self) -> None:
        everything = (*self.tables, *_TAP_SCHEMA)
        self._known = {column.name.lower(): column for table in reversed(everything) for column in table.columns}
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._connection.close)  # it refers to itself, and would keep the tables for a while
        self._connection.create_collation("moment", _compare_moments)
        for name, function in self.functions.items():
            self._connection.create_function(name, -1, function, deterministic=True)
        content = {**self.rows, **self._tap_schema()}
        for schema in sorted({table.schema for table in everything}):
            self._connection.execute(f"ATTACH ':memory:' AS {schema}")
        for table in everything:
            columns = ", ".join(f'"{column.name}" {_storage(column)}' for column in table.columns)
            self._connection.execute(f"CREATE TABLE {table.full_name} ({columns})")
            marks = ", ".join("?" * len(table.columns))
            self._connection.execute("BEGIN")
            self._connection.executemany(
                f"INSERT INTO {table.full_name} VALUES ({marks})", map(_stored, content.get(table.full_name, ()))
            )
            self._connection.execute("COMMIT")
        self._guard = _Guard(_FUNCTIONS | set(self.functions))
        self._connection.set_authorizer(self._guard.authorize)
        self._connection.set_progress_handler(self._guard.progress, _STEPS)

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._connection.close()

    def query(self, adql: str, maxrec: int | None = None) -> TapResult:
        """Return the rows of a query.

        Raises
        ------
        TapRefusedError
            The service does not take the query.
        """
        sql, top = self._translated(adql)
        limit = min(self.hard_rows, self.default_rows if maxrec is None else maxrec)
        limit = self.hard_rows if top is not None and maxrec is None else limit
        with self._lock:
            self._guard.steps = 0
            try:
                cursor = self._connection.execute(sql)
                rows = list(islice(cursor, limit + 1))
            except sqlite3.Error as error:
                raise TapRefusedError(f"Cannot execute query: {error}") from None
            names = [entry[0] for entry in cursor.description]
        columns = tuple(_unique(self._column(name, rows, place) for place, name in enumerate(names)))
        return TapResult(columns, rows[:limit], overflow=len(rows) > limit)

    def _translated(self, adql: str) -> tuple[str, int | None]:
        adql = adql.strip().removesuffix(";")
        bare = _LITERAL.sub("''", adql)
        for form in (*_EVERYWHERE, *self.refused):
            if form.pattern.search(bare):
                raise TapRefusedError(form.message)
        aliases = {name.lower() for as_, name in _DELIMITED.findall(bare) if as_}
        for _, name in _DELIMITED.findall(bare):  # SQLite would take an unknown one for a text
            if name.lower() not in self._known.keys() | aliases | {table.name for table in self.tables}:
                raise TapRefusedError(f"Unknown column: {name}")
        for name in self.functions:
            adql = re.sub(rf"\b{name.replace('_', '.', 1)}\s*\(", f"{name}(", adql, flags=re.I)
        found = _TOP.match(adql)
        if found is None:
            return adql, None
        return f"SELECT{found['set'] or ''}{found['rest']} LIMIT {found['top']}", int(found["top"])

    def _column(self, name: str, rows: Sequence[tuple[Any, ...]], place: int) -> TapColumn:
        if name.lower() in self._known:
            return self._known[name.lower()]
        values = [row[place] for row in rows if row[place] is not None]
        if values and all(isinstance(value, int) for value in values):
            return TapColumn(name, "long")
        return TapColumn(name, "double" if values and all(isinstance(v, int | float) for v in values) else "char")

    def _tap_schema(self) -> dict[str, list[tuple[Any, ...]]]:
        everything = (*self.tables, *_TAP_SCHEMA)
        return {
            "tap_schema.schemas": [(name, "", "") for name in sorted({table.schema for table in everything})],
            "tap_schema.tables": [(t.schema, t.full_name, "table", t.description) for t in everything],
            "tap_schema.columns": [
                (
                    *(table.full_name, column.name, column.votable_type),
                    *("*" if column.votable_type == "char" else None, column.unit, column.ucd),
                    *("", column.description, 1, 0, 0),
                )
                for table in everything
                for column in table.columns
            ],
        }


def _storage(column: TapColumn) -> str:
    kinds = {"double": "REAL", "float": "REAL", "int": "INTEGER", "long": "INTEGER", "short": "INTEGER"}
    return kinds.get(column.datatype, "TEXT" + (" COLLATE moment" if column.datatype == "time" else ""))


def _stored(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with truth as text: SQLite has no such type."""
    return tuple(str(value).lower() if isinstance(value, bool) else value for value in row)


def _moment(text: str) -> str:
    text = text.replace("T", " ", 1)
    return text.rstrip("0").removesuffix(".") if "." in text else text


def _compare_moments(one: str, other: str) -> int:
    """Compare two dates, whose parts may be separated by a T or a blank, with any number of decimals."""
    one, other = _moment(one), _moment(other)
    return (one > other) - (one < other)


def _unique(columns: Iterable[TapColumn]) -> Iterator[TapColumn]:
    """Yield columns, those of a name that came before under a name of their own."""
    seen: dict[str, int] = {}
    for column in columns:
        seen[column.name] = seen.get(column.name, 0) + 1
        yield column if seen[column.name] == 1 else replace(column, name=f"{column.name}_{seen[column.name]}")
