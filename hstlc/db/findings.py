"""The queries of findings: what the checks found in which exposures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, case, func, literal, select

from hstlc.db.records import BAD, FILES, FINDINGS, METADATA

__all__ = ["Tally", "exposures_by_mission", "exposures_with", "findings_of", "known_exposures", "tallies"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a check found something.

    Attributes
    ----------
    severity, reason : str
        As recorded with its findings.
    found : int
        Exposures with a finding of it.
    first : int
        Exposures in which no check before it found anything.
    """

    severity: str
    reason: str
    found: int
    first: int


def exposures_by_mission(connection: Connection) -> dict[str, int]:
    """Return how many exposures of each mission there are, accepted and rejected."""
    exposures = select(FILES.c.mission, FILES.c.rootname).distinct().subquery()
    rows = connection.execute(
        select(exposures.c.mission, func.count()).group_by(exposures.c.mission).order_by(exposures.c.mission)
    )
    return {mission: int(number) for mission, number in rows}


def tallies(connection: Connection, mission: str, order: Sequence[str]) -> dict[str, Tally]:
    """Return by name what each check of a mission found, those that found nothing left out.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    mission : str
    order : sequence of str
        Names of the checks in the order in which they count; names that only the rows have come last, by name.
    """
    of_mission = FINDINGS.c.mission == mission
    names = connection.execute(select(FINDINGS.c.check_name).where(of_mission).distinct()).scalars()
    ranked = [*order, *sorted(set(names) - set(order))]
    if not ranked:
        return {}
    number = func.count(func.distinct(FINDINGS.c.rootname))
    severity, reason = func.max(FINDINGS.c.severity), func.max(FINDINGS.c.reason)
    counted = connection.execute(
        select(FINDINGS.c.check_name, severity, reason, number).where(of_mission).group_by(FINDINGS.c.check_name)
    ).all()
    rank = case({name: literal(i) for i, name in enumerate(ranked)}, value=FINDINGS.c.check_name)
    lead = select(func.min(rank).label("rank")).where(of_mission).group_by(FINDINGS.c.rootname).subquery()
    leading = connection.execute(select(lead.c.rank, func.count()).group_by(lead.c.rank))
    first: dict[int, int] = {int(i): int(n) for i, n in leading}
    found = {name: Tally(how, why, int(n), first.get(ranked.index(name), 0)) for name, how, why, n in counted}
    return {name: found[name] for name in ranked if name in found}


def exposures_with(connection: Connection, check: str) -> list[dict[str, Any]]:
    """Return the findings of a check: mission, rootname, targname ('' where rejected), filename, severity, message."""
    columns = [FINDINGS.c[name] for name in ("mission", "rootname", "filename", "severity", "reason", "message")]
    target = func.coalesce(METADATA.c.targname, "").label("targname")
    same = and_(METADATA.c.mission == FINDINGS.c.mission, METADATA.c.rootname == FINDINGS.c.rootname)
    rows = connection.execute(
        select(*columns, target)
        .select_from(FINDINGS.outerjoin(METADATA, same))
        .where(FINDINGS.c.check_name == check)
        .order_by(FINDINGS.c.mission, FINDINGS.c.rootname, FINDINGS.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def known_exposures(connection: Connection, rootname: str) -> list[dict[str, Any]]:
    """Return mission, rootname, targname and the reason of the rejection ('' where accepted) of an exposure.

    Rows of ``bad_data`` without an exposure, files that were refused alone, are left out. Several missions may have
    exposures of one name.
    """
    missions = connection.execute(select(FILES.c.mission).where(FILES.c.rootname == rootname).distinct()).scalars()
    found = []
    for mission in sorted(missions):
        here = select(METADATA.c.targname).where(METADATA.c.mission == mission, METADATA.c.rootname == rootname)
        target = connection.execute(here).scalar_one_or_none()
        bad = select(BAD.c.reason).where(BAD.c.mission == mission, BAD.c.rootname == rootname).order_by(BAD.c.id)
        reason = connection.execute(bad.limit(1)).scalar_one_or_none() if target is None else ""
        found.append({"mission": mission, "rootname": rootname, "targname": target or "", "rejected": reason or ""})
    return found


def findings_of(connection: Connection, mission: str, rootname: str) -> list[Mapping[str, Any]]:
    """Return the findings of an exposure in the order in which the checks were asked."""
    columns = [FINDINGS.c[name] for name in ("check_name", "severity", "reason", "filename", "message")]
    of_exposure = and_(FINDINGS.c.mission == mission, FINDINGS.c.rootname == rootname)
    rows = connection.execute(select(*columns).where(of_exposure).order_by(FINDINGS.c.id))
    return [dict(row) for row in rows.mappings()]
