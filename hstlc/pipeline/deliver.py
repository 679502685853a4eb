"""Mark light curves that are to be handed on: a person's decision, kept in ``stats.deliver``."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hstlc.config import Settings
from hstlc.db import deliver as queries
from hstlc.db.composites import COMPOSITE
from hstlc.db.engine import reading, writing
from hstlc.db.readonly import select
from hstlc.errors import UsageError
from hstlc.pipeline.context import Context

__all__ = ["Marked", "asked_names", "mark"]

_MOST = 1_000_000  # rows of a statement; more than any store has curves
_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Marked:
    """What became of the light curves that were asked for.

    Attributes
    ----------
    changed, already : tuple of str
        File names of those whose mark changed, and of those that had it so.
    composites : int
        Composites among both.
    """

    changed: tuple[str, ...]
    already: tuple[str, ...]
    composites: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"changed": list(self.changed), "already": list(self.already), "composites": self.composites}


def asked_names(settings: Settings, queries: Iterable[str]) -> list[str]:
    """Return names and patterns of light curves, with each statement replaced by the names that it returns.

    Parameters
    ----------
    settings : Settings
        Whose database to ask.
    queries : iterable of str
        File names of light curves; patterns of them with ``*``, ``?`` and ``[]``; or read-only SQL, which is what has
        a blank in it, whose first column is ``lightcurve_filename``.

    Raises
    ------
    UsageError
        ``usage.no-names``: the first column of a statement has values that are no names. Others as
        :func:`hstlc.db.readonly.select`.
    """
    names: list[str] = []
    for query in queries:
        if len(query.split()) < 2:
            names.append(query)
            continue
        result = select(
            settings.db_connection_string, query, limit=_MOST, reader_url=settings.db_readonly_connection_string
        )
        found = [row[0] for row in result.rows]
        odd = [value for value in found if not isinstance(value, str) or not value]
        if odd or result.truncated:
            what = repr(odd[0]) if odd else f"more than {_MOST} rows"
            raise UsageError(
                "usage.no-names",
                f"{result.columns[0]}: expected names of light curves in the first column, found {what}",
                "such as: SELECT lightcurve_filename FROM stats WHERE interesting",
            )
        names += found
    return names


def mark(context: Context, names: Sequence[str], *, deliver: bool, dry_run: bool = False) -> Marked:
    """Set or take away the mark of light curves.

    Parameters
    ----------
    context : Context
    names : sequence of str
        File names, and patterns of them.
    deliver : bool
    dry_run : bool
        Count only.

    Raises
    ------
    UsageError
        ``usage.unknown-curve``: a name or pattern fits no row of ``stats``; nothing is marked.
    """
    with reading(context.engine) if dry_run else writing(context.engine) as connection:
        rows = queries.marked_curves(connection)
        known = {row["lightcurve_filename"] for row in rows}
        wanted: set[str] = set()
        unknown = []
        for name in dict.fromkeys(names):
            found = {name} & known or (set(fnmatch.filter(known, name)) if _GLOB & set(name) else set())
            wanted |= found
            if not found:
                unknown.append(name)
        if unknown:
            raise UsageError(
                "usage.unknown-curve",
                f"no light curve with statistics is named {', '.join(unknown[:5])}"
                + (f", nor {len(unknown) - 5} others" if len(unknown) > 5 else ""),
                "names are those of stats.lightcurve_filename; 'hstlc build-stats' makes the rows that are missing",
                names=unknown,
            )
        chosen = [row for row in rows if row["lightcurve_filename"] in wanted]
        change = [row for row in chosen if bool(row["deliver"]) != deliver]
        if not dry_run:
            queries.mark(connection, [row["id"] for row in change], deliver=deliver)
    return Marked(
        tuple(row["lightcurve_filename"] for row in change),
        tuple(row["lightcurve_filename"] for row in chosen if bool(row["deliver"]) == deliver),
        sum(row["kind"] == COMPOSITE for row in chosen),
    )
