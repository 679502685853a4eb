"""The queries of the pages of targets: finding them, and what there is of one of them.

Every list is limited, and every query begins at an index, but for names with something in their middle: these read
all names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, func, literal, or_, select, union_all

from hstlc.db.cone import Cone, separation_deg, within
from hstlc.db.records import FINDINGS, LIGHT_CURVES, METADATA, SOURCES, STATS
from hstlc.db.tables import Candidate
from hstlc.db.targets import ALIASES, TARGETS
from hstlc.model.target import canonical, normal

__all__ = [
    "COUNTED",
    "CURVE_STATS",
    "Found",
    "TargetRows",
    "named_targets",
    "of_target",
    "target_page",
    "target_rows",
    "targets_around",
    "targets_of_curves",
]

Row = dict[str, Any]

_candidates = Candidate.__table__
assert isinstance(_candidates, Table)
_CANDIDATES = _candidates

#: Light curves of a target that lists count; more are "and more".
COUNTED = 500
#: Light curves of a target that its page reads, the newest; and its other lists.
_MOST_CURVES, _MOST = 400, 100
#: Exposures of a mission among which its targets are looked for; of a mission with more, among all targets.
_FEW = 5000

#: Columns of ``stats`` that come with the curves of a page.
CURVE_STATS = ("total", "poisson_factor", "interesting", "candidates", "exposure_s")


@dataclass(frozen=True, slots=True)
class Found:
    """Targets, and whether there are more.

    Attributes
    ----------
    rows : list of dict
        Of ``target``, with ``curves``, their light curves as a list of ``mission, instrume, number``; together at
        most :data:`COUNTED`. In a cone also ``distance_deg``.
    more : bool
    """

    rows: list[Row]
    more: bool = False


def target_page(connection: Connection, *, after: str = "", before: str = "", mission: str = "", limit: int) -> Found:
    """Return targets by name: those after a name, or those before one.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    after, before : str
        Names, at most one of the two; '': the first targets.
    mission : str
        Only targets that it observed; '': all.
    limit : int
    """
    rows = select(TARGETS)
    if mission:
        rows = rows.where(_observed_by(connection, mission))
    if before:
        rows = rows.where(TARGETS.c.name < before).order_by(TARGETS.c.name.desc())
    else:
        rows = (rows.where(TARGETS.c.name > after) if after else rows).order_by(TARGETS.c.name)
    found = [dict(row) for row in connection.execute(rows.limit(limit + 1)).mappings()]
    more = len(found) > limit
    kept = found[:limit][::-1] if before else found[:limit]
    return Found(_counted(connection, kept), more)


def named_targets(connection: Connection, text: str, *, limit: int) -> Found:
    """Return targets with a text in their name, or in one that an observer gave them; those that begin with it first.

    Blanks, dashes and the spelling of catalogs do not matter in names of observers.
    """
    name, plain = canonical(text), normal(text)
    known = select(ALIASES.c.target_id).where(
        or_(ALIASES.c.normal.contains(plain, autoescape=True), ALIASES.c.alias.contains(text, autoescape=True))
    )
    wanted = or_(TARGETS.c.name.contains(name, autoescape=True), TARGETS.c.id.in_(known))
    begins = TARGETS.c.name.startswith(name, autoescape=True)
    rows = select(TARGETS).where(wanted).order_by(begins.desc(), TARGETS.c.name).limit(limit + 1)
    found = [dict(row) for row in connection.execute(rows).mappings()]
    return Found(_counted(connection, found[:limit]), len(found) > limit)


def targets_around(connection: Connection, cone: Cone, *, mission: str = "", limit: int) -> Found:
    """Return the targets in a cone, the nearest first; targets that move are in none."""
    condition, rank = within(TARGETS.c.ra_deg, TARGETS.c.dec_deg, cone)
    rows = select(TARGETS).where(condition)
    if mission:
        rows = rows.where(_observed_by(connection, mission))
    found = [
        {**row, "distance_deg": separation_deg(row["ra_deg"], row["dec_deg"], cone)}
        for row in connection.execute(rows.order_by(rank, TARGETS.c.name).limit(limit + 1)).mappings()
    ]
    return Found(_counted(connection, found[:limit]), len(found) > limit)


def targets_of_curves(connection: Connection, text: str) -> tuple[str, list[str]]:
    """Return which kind of identifier a text is, and the names it leads to.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    text : str

    Returns
    -------
    kind : str
        ``curve``: a file name of a light curve; ``exposure``: the name or file of one; ``source``; ``program``: the
        number of one; '': nothing of these.
    names : list of str
        File name of the light curve; of other kinds the names of targets.
    """
    table, lower = LIGHT_CURVES.c, text.lower()
    found = connection.scalars(select(table.filename).where(table.filename == text).limit(1)).first()
    if found is not None:
        return "curve", [found]
    spellings = list(dict.fromkeys((text, lower, text.upper())))
    wanted: list[tuple[str, Select[Any]]] = [
        ("exposure", select(table.targname).where(table.rootname.in_(spellings))),
        ("exposure", select(METADATA.c.targname).where(METADATA.c.filename.in_([text, lower]))),
        ("source", select(table.targname).where(table.source_name == text)),
    ]
    if text.isascii() and text.isdecimal() and len(text) < 10:
        wanted.append(("program", select(table.targname).where(table.proposid == int(text))))
    for kind, rows in wanted:
        names = connection.scalars(select(rows.limit(_FEW).subquery().c.targname).distinct().limit(_MOST)).all()
        if names:
            return kind, sorted(names)
    return "", []


def target_rows(connection: Connection, names: Sequence[str]) -> Found:
    """Return the targets of some names, by name."""
    rows = select(TARGETS).where(TARGETS.c.name.in_(names)).order_by(TARGETS.c.name)
    return Found(_counted(connection, [dict(row) for row in connection.execute(rows).mappings()]))


@dataclass(frozen=True, slots=True, eq=False)
class TargetRows:
    """What there is of a target.

    Attributes
    ----------
    aliases : list of str
        What observers called it.
    exposures : list of dict
        Columns of ``metadata``, in order of time: the newest rows.
    curves : list of dict
        Of ``light_curve`` with :data:`CURVE_STATS`: the newest ones, in order of time.
    sources : list of dict
        ``name, ra_deg, dec_deg, exposures`` of the sources in its fields, under their one name.
    candidates : list of dict
        Of ``candidate`` with ``filename``, of these curves, the least likely by chance first.
    findings : list of dict
        Of ``finding``, of these exposures.
    more : set of str
        Lists that are not all.
    """

    aliases: list[str]
    exposures: list[Row]
    curves: list[Row]
    sources: list[Row]
    candidates: list[Row]
    findings: list[Row]
    more: set[str] = field(default_factory=set)


def of_target(connection: Connection, target: Mapping[str, Any]) -> TargetRows:
    """Return what there is of a target.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    target : mapping
        Its row, see :func:`hstlc.db.targets.find_target`.
    """
    more: set[str] = set()

    def some(name: str, rows: Select[Any], most: int, **values: Any) -> list[Row]:
        answer = connection.execute(rows, values)
        names = tuple(answer.keys())
        found = [dict(zip(names, row, strict=True)) for row in answer]
        if len(found) > most:
            more.add(name)
        return found[:most]

    number = {"target": target["id"]}
    aliases = some("aliases", _ALIASES_OF, _MOST, **number)
    exposures = some("exposures", _EXPOSURES_OF, _MOST_CURVES, **number)
    curves = some("curves", _CURVES_OF, _MOST_CURVES, targname=target["name"])
    filenames = {row["product_id"]: row["filename"] for row in curves if row["candidates"]}
    candidates = some("candidates", _CANDIDATES_OF, _MOST, products=[*filenames]) if filenames else []
    for row in candidates:
        row["filename"] = filenames[row["product_id"]]
    sources: list[Row] = []
    if any(row["source_name"] for row in curves):
        sources = _together(some("sources", _SOURCES_OF, 5 * _MOST_CURVES, **number))
    findings = some("findings", _FINDINGS_OF, _MOST, **number)
    return TargetRows(
        [row["alias"] for row in aliases],
        sorted(exposures, key=lambda row: (row["expstart_mjd"] is None, row["expstart_mjd"], row["rootname"])),
        sorted(curves, key=lambda row: (row["start_mjd"] is None, row["start_mjd"], row["product_id"])),
        sources,
        candidates,
        findings,
        more,
    )


_EXPOSURE = [
    METADATA.c[name]
    for name in (
        *("id", "mission", "rootname", "filename", "instrume", "detector", "opt_elem", "cenwave", "aperture"),
        *("expstart_mjd", "expend_mjd", "exptime_s", "proposid", "header_targname", "withdrawn"),
    )
]
_CURVE = [
    *(column for column in LIGHT_CURVES.c if column.name not in ("id", "path")),
    *(STATS.c[n] for n in CURVE_STATS),
]
_SOURCE = [SOURCES.c[name] for name in ("mission", "name", "same_as", "ra_deg", "dec_deg", "significance")]
_FINDING = [FINDINGS.c[name] for name in ("mission", "rootname", "severity", "reason", "filename", "message")]


_TARGET = METADATA.c.target_id == bindparam("target")
_ALIASES_OF = select(ALIASES.c.alias).where(ALIASES.c.target_id == bindparam("target")).order_by(ALIASES.c.id)
_ALIASES_OF = _ALIASES_OF.limit(_MOST + 1)
_EXPOSURES_OF = select(*_EXPOSURE).where(_TARGET).order_by(METADATA.c.id.desc()).limit(_MOST_CURVES + 1)
_CURVES_OF = (
    select(*_CURVE)
    .select_from(LIGHT_CURVES.outerjoin(STATS, STATS.c.product_id == LIGHT_CURVES.c.product_id))
    .where(LIGHT_CURVES.c.targname == bindparam("targname"))
    .order_by(LIGHT_CURVES.c.product_id.desc())
    .limit(_MOST_CURVES + 1)
)
_CANDIDATES_OF = (
    select(_CANDIDATES)
    .where(_CANDIDATES.c.product_id.in_(bindparam("products", expanding=True)))
    .order_by(_CANDIDATES.c.probability, _CANDIDATES.c.id)
    .limit(_MOST + 1)
)
_SOURCES_OF = select(*_SOURCE).where(
    SOURCES.c.metadata_id.in_(select(METADATA.c.id).where(_TARGET).order_by(METADATA.c.id.desc()).limit(_MOST))
)
_SOURCES_OF = _SOURCES_OF.limit(5 * _MOST_CURVES + 1)
_FINDINGS_OF = (
    select(*_FINDING)
    .select_from(
        METADATA.join(
            FINDINGS, and_(FINDINGS.c.mission == METADATA.c.mission, FINDINGS.c.rootname == METADATA.c.rootname)
        )
    )
    .where(_TARGET)
    .limit(_MOST + 1)
)


def _together(rows: Sequence[Row]) -> list[Row]:
    """Return one row a source that several exposures saw."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        name = row["same_as"] or row["name"]
        one = found.setdefault((row["mission"], name), {**row, "name": name, "exposures": 0})
        one["exposures"] += 1
    return [found[key] for key in sorted(found)]


def _observed_by(connection: Connection, mission: str) -> Any:
    """Return the condition that a mission observed a target; few exposures are listed, of many one is looked for."""
    few = select(METADATA.c.target_id).where(METADATA.c.mission == mission)
    number = connection.scalar(select(func.count()).select_from(few.limit(_FEW).subquery())) or 0
    if number < _FEW:
        return TARGETS.c.id.in_(few)
    return select(literal(1)).where(METADATA.c.target_id == TARGETS.c.id, METADATA.c.mission == mission).exists()


def _counted(connection: Connection, targets: list[Row]) -> list[Row]:
    """Return targets with their light curves by mission and instrument."""
    if not targets:
        return []
    parts = []
    for i, target in enumerate(targets):
        own = (
            select(LIGHT_CURVES.c.mission, LIGHT_CURVES.c.instrume)
            .where(LIGHT_CURVES.c.targname == target["name"])
            .order_by(LIGHT_CURVES.c.product_id)
            .limit(COUNTED)
            .subquery()
        )
        columns = literal(i).label("i"), own.c.mission, own.c.instrume, func.count().label("number")
        parts.append(select(*columns).group_by(own.c.mission, own.c.instrume))
    counts: dict[int, list[Row]] = {}
    for row in connection.execute(union_all(*parts)).mappings():
        one = {name: row[name] for name in ("mission", "instrume", "number")}
        counts.setdefault(row["i"], []).append(one)
    key = lambda one: (one["mission"], one["instrume"])  # noqa: E731 - as short as it is clear
    return [{**target, "curves": sorted(counts.get(i, []), key=key)} for i, target in enumerate(targets)]
