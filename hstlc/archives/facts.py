"""What is believed of an archive, asked and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from hstlc.archives.base import Fact
from hstlc.archives.tap import columns_of
from hstlc.errors import ArchiveError, TransientError
from hstlc.logs import redact

if TYPE_CHECKING:
    from hstlc.archives.tap import Table

__all__ = ["attempt", "column_facts"]


def column_facts(tables: Sequence[Table], *, absent: str = "", release: str = "") -> Iterator[Fact]:
    """Yield for each column that is used of some tables of a service whether the archive has it, in one question.

    Parameters
    ----------
    tables : sequence of Table
    absent : str
        A table that tells by being there that there is a newer release; '' for none.
    release : str
        Key of the configuration to change then.
    """
    names = [*(table.name for table in tables), *([absent] if absent else [])]
    try:
        found = columns_of(tables[0].http, tables[0].url, names)
    except ArchiveError as error:
        holds = None if isinstance(error, TransientError) else False
        yield Fact("columns", holds, redact(f"{error.code}: {error.message}"), tables[0].setting)
        return
    for table in tables:
        types = {name.lower(): kind for name, kind in found[table.name].items()}
        for column in table.columns:
            name = table.theirs(column)
            kind = types.get(name.lower())
            yield Fact(f"column {table.name}.{name}", kind is not None, kind or "missing", table.setting)
    if absent:
        there = bool(found[absent])
        yield Fact("release is the newest", not there, f"{absent} is {'' if there else 'not '}there", release)


def attempt(name: str, setting: str, ask: Callable[[], str]) -> Fact:
    """Ask something: the fact holds when it is answered, and cannot be told when there is no answer now."""
    try:
        return Fact(name, True, redact(ask()), setting)
    except TransientError as error:
        return Fact(name, None, redact(f"{error.code}: {error.message}"), setting)
    except ArchiveError as error:
        return Fact(name, False, redact(f"{error.code}: {error.message}"), setting)
