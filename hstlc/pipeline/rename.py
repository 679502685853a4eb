"""Targets are renamed, put together and taken apart, and what shows their exposures follows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from shlex import quote
from typing import Any

from sqlalchemy import Connection

from hstlc.db import plots, targets
from hstlc.db.engine import reading, writing
from hstlc.errors import UsageError
from hstlc.model.target import canonical
from hstlc.pipeline.compose import compose
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers
from hstlc.pipeline.move import Move, move
from hstlc.pipeline.plots import make_plots
from hstlc.pipeline.progress import Progress
from hstlc.pipeline.results import Summary
from hstlc.pipeline.statistics import build_statistics

__all__ = ["change", "is_like", "plan_merge", "plan_rename", "plan_split", "require_target"]

Row = Mapping[str, Any]


def change(
    context: Context,
    plan: Callable[[Connection], Move],
    summary: Summary,
    *,
    workers: int | Workers = 1,
    everything: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Move:
    """Plan a change of targets, do it, and make again what shows them: composites, statistics, and plots if any are.

    Doing it again after it was interrupted goes on where it ended.

    Parameters
    ----------
    context : Context
    plan : callable
        Connection to :class:`Move`; see :func:`plan_rename`, :func:`plan_merge` and :func:`plan_split`.
    summary : Summary
        Gets ``moved`` and what the later steps count.
    workers : int or Workers
    everything : bool
        Also make anew what other settings or an earlier version made.
    dry_run : bool
        Plan and count only.
    progress : Progress, optional

    Returns
    -------
    Move
        What was planned.

    Raises
    ------
    UsageError
        See the plans; nothing is changed then.
    """
    if dry_run:
        with reading(context.engine) as connection:
            moved = plan(connection)
        summary.moved += len(moved.exposures)
        return moved
    with writing(context.engine) as connection:
        targets.link_exposures(connection)
        moved = plan(connection)
    move(context, moved, summary)
    if not summary.failures:
        options: dict[str, Any] = {"workers": workers, "everything": everything, "progress": progress}
        compose(context, summary, **options)
        build_statistics(context, summary, **options)
        with reading(context.engine) as connection:
            drawn = bool(plots.folder_pages(connection))
        if drawn:
            make_plots(context, summary, **options)
    return moved


def is_like(pattern: str, names: Iterable[str]) -> bool:
    """Tell whether a name is like a pattern: with * and ? the whole name, without them a part; '' is like all.

    Examples
    --------
    >>> is_like("ngc*", ["NGC-3516"]), is_like("516", ["NGC-3516"]), is_like("516*", ["NGC-3516"])
    (True, True, False)
    """
    wanted = pattern if set(pattern) & set("*?[") else f"*{pattern}*"
    return any(fnmatchcase(name.lower(), wanted.lower()) for name in names)


def require_target(connection: Connection, name: str) -> dict[str, Any]:
    """Return the row of the target that a name means.

    Raises
    ------
    UsageError
        ``usage.unknown-target``.
    """
    row = targets.find_target(connection, name)
    if row is None:
        known = [str(one["name"]) for one in targets.list_targets(connection)]
        near = difflib.get_close_matches(canonical(name), known, 3, 0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else "'hstlc targets list' shows all"
        raise UsageError("usage.unknown-target", f"there is no target {name!r}", hint, name=name)
    return row


def plan_rename(connection: Connection, old: str, new: str) -> Move:
    """Return what gives a target another name; nothing to move when it has it already.

    Raises
    ------
    UsageError
        ``usage.unknown-target``, ``usage.target-name``, or ``usage.target-exists``: another target has the name.
    """
    target, name = require_target(connection, old), _new_name(new)
    other = _owner(connection, name)
    if other is not None and other["id"] != target["id"]:
        raise UsageError(
            "usage.target-exists",
            f"{name} is a name of the target {other['name']}",
            f"put them together: hstlc targets merge {quote(target['name'])} --into {quote(other['name'])}",
        )
    if target["name"] == name:
        return Move(name, (), (), target)
    return Move(name, (target,), tuple(targets.exposures_of(connection, target["id"])))


def plan_merge(connection: Connection, names: Sequence[str], into: str) -> Move:
    """Return what puts targets to another one; those that are it already are left out.

    Raises
    ------
    UsageError
        ``usage.unknown-target``.
    """
    target = require_target(connection, into)
    found = {row["id"]: row for name in names if (row := require_target(connection, name))["id"] != target["id"]}
    exposures = [row for number in found for row in targets.exposures_of(connection, number)]
    return Move(target["name"], tuple(found.values()), tuple(exposures), target)


def plan_split(connection: Connection, old: str, wanted: Sequence[str], new: str) -> Move:
    """Return what takes exposures out of a target.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    old : str
    wanted : sequence of str
        Exposures as ``rootname`` or ``mission/rootname``; those that have the other target already stay.
    new : str
        Name of a new target, or of one that there is.

    Raises
    ------
    UsageError
        ``usage.unknown-target``, ``usage.target-name``, ``usage.same-target``; ``usage.unknown-exposure``: the target
        has no such exposure; ``usage.all-exposures``: none would stay.
    """
    source, name = require_target(connection, old), _new_name(new)
    into = _owner(connection, name)
    names: tuple[str, ...] = ()
    if into is not None and into["id"] == source["id"]:
        if name == source["name"]:
            raise UsageError("usage.same-target", f"{name} is the target itself", "choose another name")
        into = None  # one of its names becomes a target of its own
        names = tuple(a["alias"] for a in targets.aliases_of(connection, source["id"]) if canonical(a["alias"]) == name)
    own = {text: row for row in targets.exposures_of(connection, source["id"]) for text in _called(row)}
    there = targets.exposures_of(connection, into["id"]) if into is not None else []
    done = {text for row in there for text in _called(row)}
    for text in wanted:
        if text.lower() not in own and text.lower() not in done:
            hint = f"see all: hstlc targets show {quote(source['name'])}"
            raise UsageError("usage.unknown-exposure", f"{source['name']} has no exposure {text!r}", hint)
    chosen = {own[text.lower()]["id"]: own[text.lower()] for text in wanted if text.lower() in own}
    if chosen and len(chosen) == len({row["id"] for row in own.values()}):
        hint = f"give it the other name: hstlc targets rename {quote(source['name'])} {quote(name)}"
        raise UsageError("usage.all-exposures", f"these are all exposures of {source['name']}", hint)
    return Move(into["name"] if into is not None else name, (), tuple(chosen.values()), into, names)


def _called(row: Row) -> tuple[str, str]:
    return str(row["rootname"]).lower(), f"{row['mission']}/{row['rootname']}".lower()


def _new_name(name: str) -> str:
    written = canonical(name)
    if not written or not targets.is_storable(written):
        found = f"expected a name of 1 to 128 characters, found {name!r}"
        raise UsageError("usage.target-name", found, "choose another name")
    return written


def _owner(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return the target that has a name as it is."""
    row = targets.find_target(connection, name)
    if row is None or row["name"] == name:
        return row
    return row if name in {alias["alias"] for alias in targets.aliases_of(connection, row["id"])} else None
