"""Which target an exposure is of: its name in the header, resolved once and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection

from hstlc.archives.sesame import impatient, sesame
from hstlc.config import Settings
from hstlc.db import targets
from hstlc.db.engine import reading, writing
from hstlc.errors import HstlcError, UsageError
from hstlc.missions.base import FileIdentity, is_event_kind
from hstlc.missions.registry import mission as find_mission
from hstlc.model.same_target import Answer, Decision, match
from hstlc.model.target import Seen, canonical, is_solar_system
from hstlc.pipeline.context import Context
from hstlc.pipeline.inputs import identify
from hstlc.pipeline.observation import Task

__all__ = ["Rules", "forget_unused", "name_targets", "read_overrides", "resolve", "rules_of"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How names are resolved.

    Attributes
    ----------
    radius_arcsec : float, arcseconds
        Names at one place mean one target up to this distance; 0 for never.
    overrides : mapping of str to str
        Canonical name to target: what a person wants.
    ask : callable or None
        A resolver: name to :class:`hstlc.model.same_target.Answer`, or None.
    """

    radius_arcsec: float = 2.5
    overrides: Mapping[str, str] = field(default_factory=dict)
    ask: Callable[[str], Answer | None] | None = None


def rules_of(settings: Settings) -> Rules:
    """Return the rules of the configuration.

    Raises
    ------
    UsageError
        ``usage.overrides``: see :func:`read_overrides`.
    """
    section = settings.targets
    overrides = read_overrides(settings.home_dir / Path(section.overrides).expanduser()) if section.overrides else {}
    return Rules(section.radius_arcsec, overrides, _resolver(settings) if section.resolver == "sesame" else None)


def _resolver(settings: Settings) -> Callable[[str], Answer | None]:
    from hstlc.archives.http import Http  # nobody else here needs the network

    return sesame(Http(impatient(settings.network)), settings.targets.resolver_url)


def read_overrides(path: Path) -> dict[str, str]:
    """Read a file of lines ``NAME: TARGET`` (YAML) and return canonical name to canonical name of the target.

    Raises
    ------
    UsageError
        ``usage.overrides``: it is not there, or not such a file.
    """
    wanted = "write lines such as 'BETELGEUSE: HD 39801', a name with ':' or '#' in it in quotes"
    try:
        loaded = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)  # all are texts, "no" too
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError("usage.overrides", f"{path}: expected names and targets, found: {error}", wanted) from error
    loaded = {} if loaded in (None, "") else loaded
    if not isinstance(loaded, dict) or not all(isinstance(text, str) for pair in loaded.items() for text in pair):
        raise UsageError("usage.overrides", f"{path}: expected lines NAME: TARGET, found something else", wanted)
    overrides = {canonical(name): canonical(target) for name, target in loaded.items()}
    for name, target in overrides.items():
        if not target or not targets.is_storable(target):
            problem = f"{path}: {name}: expected the name of a target of 1 to 128 characters, found {target!r}"
            raise UsageError("usage.overrides", problem, wanted)
    return overrides


def resolve(connection: Connection, *seen: Seen, rules: Rules | None = None, record: bool = True) -> list[str]:
    """Return the target of each name, in order, and record those that are new.

    A name that was seen before keeps its target, unless an override says otherwise. New ones are decided together,
    so that their order does not matter: see :func:`hstlc.model.same_target.match`.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction of the only writer; any with ``record=False``.
    seen : Seen
        A name that no database can keep is its own target.
    rules : Rules, optional
        By default names and places, without overrides and resolver.
    record : bool
        Make targets and names that are new.
    """
    rules = rules or Rules()
    if record:
        targets.link_exposures(connection)
    wanted = [one for one in seen if targets.is_storable(one.name)]
    frozen = targets.targets_of_aliases(connection, (one.name for one in wanted))
    forced = {one.name: target for one in wanted if (target := rules.overrides.get(canonical(one.name)))}
    new = [
        one for one in wanted if one.name not in frozen or forced.get(one.name, frozen[one.name]) != frozen[one.name]
    ]
    decisions = _decide(connection, new, rules) if new else {}
    if record:
        targets.save_decisions(connection, decisions.values())
    found = frozen | {alias: decision.target for alias, decision in decisions.items()}
    return [found.get(one.name, one.name) for one in seen]


def _decide(connection: Connection, new: Sequence[Seen], rules: Rules) -> dict[str, Decision]:
    known = targets.known_targets(connection)
    options: dict[str, Any] = {"radius_arcsec": rules.radius_arcsec, "overrides": rules.overrides}
    decisions = match(new, known, **options)
    if rules.ask is None:
        return decisions
    there = {one.name for one in known}
    moving = {one.name for one in new if one.moving or is_solar_system(one.name)}
    asked = [
        alias
        for alias, decision in decisions.items()
        if decision.target not in there and decision.method != "override" and alias not in moving and canonical(alias)
    ]
    answers = {alias: answer for alias in asked if (answer := rules.ask(alias)) is not None}
    decisions = match(new, known, **options, answers=answers) if answers else decisions
    silent = {alias: decisions[alias] for alias in asked if alias not in answers and not decisions[alias].note}
    return decisions | {alias: replace(one, note="the resolver does not tell") for alias, one in silent.items()}


def name_targets(
    context: Context,
    tasks: Sequence[Task],
    found: Mapping[Path, FileIdentity],
    metadata: Mapping[tuple[str, str], Mapping[str, Any]],
    *,
    known: bool,
) -> list[Task]:
    """Return the tasks with the target of each.

    An exposure that is known keeps its target as long as its header calls it the same.

    Parameters
    ----------
    context : Context
    tasks : sequence of Task
    found : mapping of Path to FileIdentity
        What came.
    metadata : mapping
        Rows of the exposures that are known, by mission and rootname.
    known : bool
        There is a database.
    """
    kept: dict[int, str] = {}
    seen: dict[int, Seen] = {}
    for number, task in enumerate(tasks):
        row, lead = metadata.get((task.mission, task.rootname)), _lead(task)
        identity = found.get(lead)
        if row is not None and (identity is None or identity.target.strip() == row["header_targname"].strip()):
            kept[number] = row["targname"]
        elif identity := identity or _stored(task, lead):
            seen[number] = Seen(identity.target.strip(), identity.ra_deg, identity.dec_deg, identity.moving)
    rules = rules_of(context.settings)
    names: list[str] = [one.name for one in seen.values()]
    if seen and known:
        recorded = not any(task.dry_run for task in tasks)
        with (writing if recorded else reading)(context.engine) as connection:
            names = resolve(connection, *seen.values(), rules=rules, record=recorded)
    kept |= dict(zip(seen, names, strict=True))
    return [replace(task, target=kept.get(number, "")) for number, task in enumerate(tasks)]


def _lead(task: Task) -> Path:
    """Return the file that an exposure is described by: its first event list."""
    kinds = find_mission(task.mission).event_kinds
    return min(task.plan.chosen, key=lambda candidate: (not is_event_kind(candidate.kind, kinds), candidate.kind)).path


def _stored(task: Task, path: Path) -> FileIdentity | None:
    """Return what a file of the store says, one of an exposure without rows; None where it cannot be read."""
    try:
        return identify(path, (task.mission,))
    except HstlcError:
        return None


def forget_unused(context: Context) -> None:
    """Delete names and targets that no exposure has."""
    with reading(context.engine) as connection:
        unused = targets.forget_unused(connection, dry_run=True)
    if unused:
        with writing(context.engine) as connection:
            targets.forget_unused(connection)
