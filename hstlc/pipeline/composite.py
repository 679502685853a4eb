"""One composite: read its members, extract what they have in common, stack, stage. Runs in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstlc.db.composites import CURVE, NO_FILES, WITHDRAWN
from hstlc.errors import InconsistentError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.formats.hlsp.headers import hlsp_keywords
from hstlc.formats.hlsp.names import Configuration, composite_name
from hstlc.formats.hlsp.project import Project
from hstlc.lightcurves.composite import stack
from hstlc.missions.base import Comparable, ExposureValues, Mission
from hstlc.missions.registry import mission as find_mission
from hstlc.model import LightCurve
from hstlc.pipeline.inputs import identify
from hstlc.pipeline.results import Failure, failure_of
from hstlc.store.digest import digest, sha256_file
from hstlc.store.layout import Layout
from hstlc.store.points import point
from hstlc.store.publish import Staged, free_space_guard, stage_bytes

__all__ = ["STEP_VERSION", "Composite", "GroupTask", "Member", "MemberRow", "make_composite"]

#: Raised when the same members give another composite.
STEP_VERSION = 1


@dataclass(frozen=True, slots=True)
class Member:
    """An exposure of the configuration.

    Attributes
    ----------
    metadata_id : int
    rootname : str
    values : ExposureValues
    input_digest : str
        Digest of its files, as its own light curve has it.
    files : tuple of (kind, path, sha256)
        The files that it is made of.
    withdrawn : bool
        The archive took it back.
    """

    metadata_id: int
    rootname: str
    values: ExposureValues
    input_digest: str
    files: tuple[tuple[str, Path, str], ...]
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class GroupTask:
    """One composite to make.

    Attributes
    ----------
    configuration : str
        Key of the composite.
    mission : str
    members : tuple of Member
        All exposures of the configuration, in order of time, at least one.
    settings : object
        The mission's settings.
    project : Project
        Who delivers.
    layout : Layout
    run : str
        Identifier of the run, for ``.part`` files.
    min_free_space : int, bytes
    digest : str
        Of the settings that are read.
    """

    configuration: str
    mission: str
    members: tuple[Member, ...]
    settings: Any
    project: Project
    layout: Layout
    run: str
    min_free_space: int
    digest: str


@dataclass(frozen=True, slots=True)
class MemberRow:
    """What ``composite_member`` says of an exposure."""

    metadata_id: int
    dataset: int | None
    excluded_reason: str
    input_digest: str


@dataclass(frozen=True, slots=True)
class Composite:
    """What became of a composite.

    Attributes
    ----------
    configuration : str
    members : tuple of MemberRow
        None: there are no exposures any more.
    staged : Staged or None
    product : mapping or None
        Row of ``product``; None when nothing could be made.
    """

    configuration: str
    members: tuple[MemberRow, ...]
    staged: Staged | None
    product: Mapping[str, Any] | None


def make_composite(task: GroupTask) -> Composite | Failure:
    """Make one composite; an error is returned as a value."""
    try:
        return _make(task)
    except Exception as error:
        return failure_of(error, what=f"composite {task.configuration}")


def _make(task: GroupTask) -> Composite:
    mission = find_mission(task.mission)
    valid = [member for member in task.members if member.files and not member.withdrawn]
    stored = any(kind == CURVE for member in valid for kind, _, _ in member.files)
    compared = mission.comparable if valid and not stored else None
    comparable = compared([member.values for member in valid], task.settings) if compared else Comparable()
    excluded = {valid[i].metadata_id: reason for i, reason in comparable.excluded.items()}
    excluded |= {member.metadata_id: NO_FILES for member in task.members if not member.files}
    excluded |= {member.metadata_id: WITHDRAWN for member in task.members if member.withdrawn}
    taking_part = [member for member in task.members if member.metadata_id not in excluded]
    number = {member.metadata_id: i for i, member in enumerate(taking_part, 1)}
    rows = tuple(
        MemberRow(m.metadata_id, number.get(m.metadata_id), excluded.get(m.metadata_id, ""), m.input_digest)
        for m in task.members
    )
    if not taking_part:
        return Composite(task.configuration, rows, None, None)
    curves = [_curve(mission, member, task.settings, comparable.selection) for member in taking_part]
    provenance = tuple(
        _provenance(i, member, curve) for i, (member, curve) in enumerate(zip(taking_part, curves, strict=True), 1)
    )
    first = taking_part[0].values
    configuration = Configuration(
        task.mission,
        first.telescop,
        first.instrume,
        first.detector,
        first.targname,
        first.opt_elem,
        first.cenwave,
        first.aperture,
    )
    curve = stack(curves)
    meta = {**curve.meta, "NDATASET": len(curves), **hlsp_keywords(curve, configuration, task.project)}
    data = write_light_curve(replace(curve, meta=meta, provenance=provenance))
    free_space_guard(task.layout.home, len(data), task.min_free_space)
    name = composite_name(configuration, task.project)
    staged = stage_bytes(data, task.layout.composite, name, task.run, access=task.layout.access)
    point("curve-written")
    return Composite(task.configuration, rows, staged, _product_row(task, taking_part, staged))


def _curve(mission: Mission, member: Member, settings: Any, selection: Any) -> LightCurve:
    identities = []
    for kind, path, sha256 in member.files:
        if sha256_file(path) != sha256:
            raise InconsistentError(
                "data.changed",
                f"{path}: the file is not the one that was recorded",
                "ingest the right one again; 'hstlc files verify' lists all such files",
                path=str(path),
            )
        if kind == CURVE:
            return read_light_curve(path)
        identity = identify(path, (mission.name,))
        if identity.kind != kind:
            raise InconsistentError(
                "data.changed",
                f"{path}: expected a {kind} file, found {identity.kind or 'none of this mission'}",
                "run 'hstlc ingest --stale'",
                path=str(path),
            )
        identities.append(identity)
    curve: LightCurve = mission.extract(mission.load(identities), settings, selection).curve
    return curve


def _provenance(dataset: int, member: Member, curve: LightCurve) -> dict[str, str | int | float]:
    values, meta = member.values, curve.meta
    lead = min(member.files)
    covered = [pair for pair in dict(values.extra.get("wavelength_aa") or {}).values() if pair]
    known = {
        "dataset": dataset,
        "rootname": member.rootname,
        "filename": lead[1].name,
        "sha256": lead[2],
        "inputs": ",".join(path.name for _, path, _ in member.files),
        "proposid": -1 if values.proposid is None else values.proposid,
        "expstart": values.expstart_mjd,
        "expend": values.expend_mjd,
        "exptime": values.exptime_s,
        "livetime": meta.get("LIVETIME"),
        "cal_ver": values.cal_ver,
        "fppos": values.fppos,
        "life_adj": -1 if (life_adj := values.extra.get("life_adj")) is None else life_adj,
        "n_events": meta.get("NEVENTS", 0),
        "wmin": min((low for low, _ in covered), default=None),
        "wmax": max((high for _, high in covered), default=None),
    }
    return {name: float("nan") if value is None else value for name, value in known.items()}


def _product_row(task: GroupTask, members: list[Member], staged: Staged) -> dict[str, Any]:
    return {
        "path": task.layout.relative(staged.target.parent),
        "filename": staged.target.name,
        "sha256": staged.sha256,
        "size_bytes": staged.size,
        "input_digest": digest([[member.rootname, member.input_digest] for member in members]),
        "step_version": STEP_VERSION,
        "settings_digest": task.digest,
        "made_at": datetime.now(UTC),
    }
