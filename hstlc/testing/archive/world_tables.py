"""The tables of a TAP service made from the world as it is now, and made again only when it changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hstlc.testing.archive.tap import Refused, TapColumn, TapEngine, TapTable
from hstlc.testing.archive.world import Shown, World

__all__ = ["WorldTables", "blank_date", "columns", "row", "t_date"]

Rows = Mapping[str, Iterable[tuple[Any, ...]]]


@dataclass(slots=True)
class WorldTables:
    """Gives the engine for an archive at the present of the world.

    Parameters
    ----------
    world : World
    archive : str
    tables : sequence of TapTable
    rows : callable
        From what the archive shows to the rows of its tables.
    refused, default_rows, hard_rows, functions
        See :class:`hstlc.testing.archive.tap.TapEngine`.
    """

    world: World
    archive: str
    tables: Sequence[TapTable]
    rows: Callable[[Sequence[Shown]], Rows]
    refused: Sequence[Refused] = ()
    default_rows: int = 100_000
    hard_rows: int = 100_000
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    _known: tuple[tuple[int, int], TapEngine] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> TapEngine:
        """Return the engine; threads that have an earlier one go on with it."""
        now = self.world.clock.now()
        with self._lock:
            epoch = self.world.epoch(self.archive, now)
            if self._known is None or self._known[0] != epoch:
                name = partial(self.world.column_name, self.archive, now=now)
                tables = [table.renamed({c.name: name(c.name) for c in table.columns}) for table in self.tables]
                rows = self.rows(self.world.visible(self.archive, now))
                limits = (self.refused, self.default_rows, self.hard_rows, self.functions)
                self._known = epoch, TapEngine(tables, rows, *limits)
            return self._known[1]


def columns(names: str, datatype: str = "char", unit: str = "") -> tuple[TapColumn, ...]:
    """Return columns of one type from their names."""
    return tuple(TapColumn(name, datatype, unit) for name in names.split())


def row(table: TapTable, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return values in the order of the columns of a table, None where there is none."""
    return tuple(values.get(column.name) for column in table.columns)


def blank_date(moment: datetime | None) -> str | None:
    """Return a date as ``2025-04-26 18:49:54``."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def t_date(moment: datetime | None) -> str | None:
    """Return a date as ``2001-08-12T03:14:23.0``, as some columns have it."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0"
