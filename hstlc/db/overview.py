"""What the first page tells: how much there is of what, what is new, and how the work on it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, distinct, func, select, true

from hstlc.db import jobs
from hstlc.db.archive_tables import RemoteProduct
from hstlc.db.archives import cursors, last_walks, source_states
from hstlc.db.leader import leader
from hstlc.db.notices import notices
from hstlc.db.records import COMPOSITE, INDIVIDUAL, LIGHT_CURVES, METADATA
from hstlc.db.tables import JobRequest, Target

__all__ = ["InstrumentCount", "MissionCount", "Place", "instrument_counts", "latest_curves", "mission_counts"]
__all__ += ["places", "work"]

_targets, _remote, _requests = Target.__table__, RemoteProduct.__table__, JobRequest.__table__
assert isinstance(_targets, Table)
assert isinstance(_remote, Table)
assert isinstance(_requests, Table)
TARGETS, REMOTE, REQUESTS = _targets, _remote, _requests

_WAITING = ("queued", "deferred", "waiting", "failed")
_OPEN_REQUESTS = ("queued", "running")


@dataclass(frozen=True, slots=True)
class MissionCount:
    """How much there is of a mission.

    Attributes
    ----------
    mission : str
    exposures, targets : int
    exposure_s : float, s
        Exposure time that the headers state.
    first_mjd, last_mjd : float or None, d
        First start and last end, UTC.
    """

    mission: str
    exposures: int
    targets: int
    exposure_s: float
    first_mjd: float | None
    last_mjd: float | None


@dataclass(frozen=True, slots=True)
class InstrumentCount:
    """How many light curves there are of an instrument.

    Attributes
    ----------
    mission, instrume : str
    individual, composite : int
        Light curves.
    exposures, targets : int
        What they are of.
    exposure_s : float, s
        Exposure time of these exposures.
    """

    mission: str
    instrume: str
    individual: int
    composite: int
    exposures: int
    targets: int
    exposure_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is, and how many exposures of a mission there are of it.

    Attributes
    ----------
    mission, name : str
    ra_deg, dec_deg : float, deg
        ICRS.
    exposures : int
    """

    mission: str
    name: str
    ra_deg: float
    dec_deg: float
    exposures: int


def mission_counts(connection: Connection) -> list[MissionCount]:
    """Return how much there is of each mission, in order of name."""
    m = METADATA.c
    rows = (
        select(
            m.mission,
            func.count(),
            func.count(distinct(m.targname)),
            func.coalesce(func.sum(m.exptime_s), 0.0),
            func.min(m.expstart_mjd),
            func.max(m.expend_mjd),
        )
        .group_by(m.mission)
        .order_by(m.mission)
    )
    return [MissionCount(*row) for row in connection.execute(rows)]


def instrument_counts(connection: Connection) -> list[InstrumentCount]:
    """Return how many light curves there are of each instrument, in order of mission and name."""
    c = LIGHT_CURVES.c
    curves: dict[tuple[str, str], dict[str, int]] = {}
    numbers = select(c.mission, c.instrume, c.kind, func.count()).group_by(c.mission, c.instrume, c.kind)
    for mission, instrument, kind, number in connection.execute(numbers):
        curves.setdefault((mission, instrument), {})[kind] = number
    once = select(c.mission, c.instrume, c.metadata_id, c.targname, c.exptime_s).where(c.kind == INDIVIDUAL)
    seen = once.distinct().subquery().c
    exposures = select(
        seen.mission,
        seen.instrume,
        func.count(),
        func.count(distinct(seen.targname)),
        func.coalesce(func.sum(seen.exptime_s), 0.0),
    ).group_by(seen.mission, seen.instrume)
    of = {(mission, instrument): rest for mission, instrument, *rest in connection.execute(exposures)}
    return [
        InstrumentCount(*key, number.get(INDIVIDUAL, 0), number.get(COMPOSITE, 0), *of.get(key, (0, 0, 0.0)))
        for key, number in sorted(curves.items())
    ]


def places(connection: Connection) -> list[Place]:
    """Return where the targets are, those without a position left out."""
    m, t = METADATA.c, TARGETS.c
    numbers = (
        select(m.mission, m.target_id, func.count().label("exposures"))
        .where(m.target_id.is_not(None))
        .group_by(m.mission, m.target_id)
        .subquery()
    )
    rows = (
        select(numbers.c.mission, t.name, t.ra_deg, t.dec_deg, numbers.c.exposures)
        .select_from(numbers.join(TARGETS, t.id == numbers.c.target_id))
        .where(t.ra_deg.is_not(None), t.dec_deg.is_not(None))
        .order_by(numbers.c.mission, t.name)
    )
    return [Place(*row) for row in connection.execute(rows)]


def latest_curves(connection: Connection, mission: str = "", *, limit: int) -> list[dict[str, Any]]:
    """Return the light curves that were made last, one each of a target and instrument.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    mission : str
        '': of all missions.
    limit : int
        Most of them; only the last forty times as many are looked at.

    Returns
    -------
    list of dict
        Columns of ``light_curve``.
    """
    c = LIGHT_CURVES.c
    of_mission: ColumnElement[bool] = c.mission == mission if mission else true()
    newest = select(LIGHT_CURVES).where(and_(of_mission, c.lead)).order_by(c.made_at.desc(), c.product_id.desc())
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in connection.execute(newest.limit(40 * limit)).mappings():
        found.setdefault((row["mission"], row["targname"], row["instrume"]), dict(row))
    return list(found.values())[:limit]


def work(connection: Connection, now: datetime) -> dict[str, Any]:
    """Return how the work goes.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    now : datetime

    Returns
    -------
    dict
        ``daemon``: alive, silent (its lease ran out) or none; ``since``; ``jobs``: rows of ``job`` with ``running``;
        ``streams``: of each stream of an archive ``source, stream, watermark, moved_at, walk_state, walk_message,
        paused_until``; ``downloads``: ``source, state, number, bytes`` of what was not fetched yet; ``requests``:
        number by state of what users asked for; ``notices``: those that last.
    """
    lease = leader(connection)
    owner = lease is not None and lease["owner"] != ""
    alive = lease is not None and owner and lease["lease_until"] >= now
    epoch = lease["epoch"] if lease is not None and owner else None
    rows = [dict(row) for row in jobs.jobs(connection).values()]
    return {
        "daemon": "alive" if alive else "silent" if owner else "none",
        "since": lease["taken_at"] if lease is not None and alive else None,
        "jobs": [{**row, "running": epoch is not None and row["running_epoch"] == epoch} for row in rows],
        "streams": _streams(connection),
        "downloads": _downloads(connection),
        "requests": _open_requests(connection),
        "notices": [dict(row) for row in notices(connection)],
    }


def _streams(connection: Connection) -> list[dict[str, Any]]:
    walks = {(row["source"], row["stream"]): row for row in last_walks(connection)}
    paused = {row["source"]: row["paused_until"] for row in source_states(connection)}
    found = []
    for row in cursors(connection):
        walk = walks.get((row["source"], row["stream"]))
        found.append(
            {
                **{name: row[name] for name in ("source", "stream", "watermark", "moved_at")},
                "walk_state": walk["state"] if walk is not None else "",
                "walk_message": walk["message"] if walk is not None else "",
                "paused_until": paused.get(row["source"]),
            }
        )
    return found


def _downloads(connection: Connection) -> list[dict[str, Any]]:
    r = REMOTE.c
    number, size = func.count().label("number"), func.coalesce(func.sum(r.declared_bytes), 0).label("bytes")
    rows = select(r.source, r.state, number, size).where(r.state.in_(_WAITING)).group_by(r.source, r.state)
    return [
        {**row, "bytes": int(row["bytes"])} for row in connection.execute(rows.order_by(r.source, r.state)).mappings()
    ]


def _open_requests(connection: Connection) -> dict[str, int]:
    r = REQUESTS.c
    rows = select(r.state, func.count()).where(r.state.in_(_OPEN_REQUESTS)).group_by(r.state)
    return {row[0]: row[1] for row in connection.execute(rows)}
