"""The path of one observation: read, check, extract, stage. Runs in a worker; touches no database.

Everything it writes is a ``.part`` file next to its target; the parent publishes and commits
(:mod:`hstlc.pipeline.publication`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstlc.checks import first_rejection, run_checks
from hstlc.db import records
from hstlc.db.exposures import WHOLE
from hstlc.db.keys import configuration_key
from hstlc.errors import InconsistentError, StoreError
from hstlc.formats.curve_fits import write_light_curve
from hstlc.missions.base import ExposureValues, Extraction, FileIdentity, Mission, SourceCurves
from hstlc.missions.registry import mission as find_mission
from hstlc.model import Finding
from hstlc.pipeline.inputs import changed, identify
from hstlc.pipeline.placement import Placement, curve_name, place_files
from hstlc.pipeline.plan import Candidate, Plan, State
from hstlc.pipeline.results import Failure, failure_of
from hstlc.store.digest import digest
from hstlc.store.layout import Layout, slug
from hstlc.store.points import point
from hstlc.store.publish import discard, free_space_guard, stage_bytes

__all__ = ["Outcome", "Task", "input_digest", "metadata_row", "process", "settings_digest", "values_of_row"]


@dataclass(frozen=True, slots=True)
class Task:
    """One exposure to do.

    Attributes
    ----------
    mission, rootname : str
    plan : Plan
        Its files.
    settings : object
        The mission's settings.
    layout : Layout
    run : str
        Identifier of the run, for ``.part`` files.
    known : bool
        The exposure has a light curve already.
    target : str
        The one name of its target; '' for what the header says.
    move : bool
        Take files away from outside the ingest folder too.
    min_free_space : int, bytes
    dry_run : bool
        Look and tell, write nothing.
    """

    mission: str
    rootname: str
    plan: Plan
    settings: Any
    layout: Layout
    run: str
    known: bool = False
    target: str = ""
    move: bool = False
    min_free_space: int = 0
    dry_run: bool = False

    @property
    def name(self) -> str:
        """Mission and rootname, for messages."""
        return f"{self.mission}/{self.rootname}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an exposure: everything the parent needs to publish and record it.

    Attributes
    ----------
    task : Task
    rejection : Finding or None
        Why there is no light curve.
    findings : tuple of Finding
    values : ExposureValues
    placements : tuple of Placement
        Staged files, in the order in which they are to be published.
    files : tuple of mappings
        Rows of ``exposure_file``.
    products : tuple of mappings
        Rows of ``product`` with what ``outputs`` says of each.
    sources : tuple of mappings
        Rows of ``source`` with the hardness ratios of each.
    composes : bool
        Its whole-aperture light curve is part of a composite.
    """

    task: Task
    rejection: Finding | None
    findings: tuple[Finding, ...]
    values: ExposureValues
    placements: tuple[Placement, ...] = ()
    files: tuple[Mapping[str, Any], ...] = ()
    products: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    composes: bool = True


def process(task: Task) -> Outcome | Failure:
    """Do one exposure; an error is returned as a value, and what was staged for it is removed."""
    staged: list[Placement] = []
    try:
        return _process(task, staged)
    except Exception as error:
        for placement in staged:
            if placement.staged is not None:
                with suppress(StoreError):  # the sweep of the next run takes what cannot be deleted now
                    discard(placement.staged)
        return failure_of(error, what=task.name)


def _process(task: Task, staged: list[Placement]) -> Outcome:
    mission = find_mission(task.mission)
    exposure = mission.load([_identity(mission, candidate) for candidate in task.plan.chosen])
    findings = run_checks(mission.checks, exposure, task.settings)
    rejection = first_rejection(findings)
    values = mission.describe(exposure)
    target = task.target or values.targname
    _check_storable(task, values)
    if task.dry_run:
        return Outcome(task, rejection, findings, values)
    needed = sum(c.size for c in task.plan.chosen if c.state is State.INCOMING)
    free_space_guard(task.layout.home, needed, task.min_free_space)
    extraction = None
    if rejection is None:
        extraction = mission.extract(exposure, task.settings)
        findings += extraction.findings
        values = replace(values, extra={**values.extra, **extraction.extra})
    rejected = rejection is not None
    for placement in place_files(task.plan, task.layout, task.rootname, target, task.run, rejected=rejected):
        staged.append(placement)
    names = {placement.candidate.path: placement.target.name for placement in staged if placement.candidate}
    findings = tuple(_stored_names(finding, names) for finding in findings)
    rejection = _stored_names(rejection, names) if rejection else None
    files = tuple(_file_row(task, placement) for placement in staged)
    products = []
    if extraction is not None:
        made = _product_columns(task, mission, values)
        for kind, output, name, data in _contents(task, extraction, names):
            placement = _stage_product(task, target, name, data)
            staged.append(placement)
            products.append({"kind": kind, **output, **_place_columns(task, placement), **made})
    sources = tuple(map(_source_row, extraction.sources)) if extraction is not None else ()
    composes = mission.comparable is not None
    return Outcome(task, rejection, findings, values, tuple(staged), files, tuple(products), sources, composes)


def _contents(
    task: Task, extraction: Extraction, names: Mapping[Path, str]
) -> Iterator[tuple[str, dict[str, Any], str, bytes | memoryview]]:
    """Yield kind, output, file name and content of every product; the light curve of the whole exposure comes first."""
    provenance = _provenance(task.plan.chosen, names)
    for band, curve in {"": extraction.curve, **extraction.bands}.items():
        data = write_light_curve(replace(curve, provenance=provenance))
        yield records.INDIVIDUAL, {**WHOLE, "band": band}, curve_name(task.rootname, band), data
    for seen in extraction.sources:
        source = seen.source.name
        for band, curve in seen.curves.items():
            output = {"source_name": source, "band": band, "lead": band == seen.lead}
            output["instrume"] = str(curve.meta.get("INSTRUME") or "")
            data = write_light_curve(replace(curve, provenance=provenance))
            yield records.INDIVIDUAL, output, curve_name(task.rootname, band, source), data
    for kind, content in extraction.files.items():
        yield kind, dict(WHOLE), f"{slug(task.rootname)}_{slug(kind)}.fits", content


def _source_row(seen: SourceCurves) -> dict[str, Any]:
    row = asdict(seen.source)
    return {**row, "extra": dict(seen.source.extra)}


def _identity(mission: Mission, candidate: Candidate) -> FileIdentity:
    identity = identify(candidate.path, (mission.name,))
    if identity.kind != candidate.kind:
        raise changed(candidate.path, f"a {candidate.kind} file as a moment ago")
    return identity


def _check_storable(task: Task, values: ExposureValues) -> None:
    """Raise for a header with a value that no database could hold: it must not stop what is recorded with it."""
    lead = task.plan.chosen[0].path
    problem = records.unstorable("metadata", {"mission": task.mission, "rootname": task.rootname, **asdict(values)})
    for candidate in (*task.plan.history, *task.plan.chosen):
        row = {"kind": candidate.kind, "cal_ver": candidate.cal_ver, "version_key": candidate.version}
        problem = problem or records.unstorable("exposure_file", row)
    if problem:
        raise InconsistentError(
            "data.header", f"{lead}: {problem}", "get the file again, or correct its header", path=str(lead)
        )


def _stored_names(finding: Finding, names: Mapping[Path, str]) -> Finding:
    """Return a finding that calls files by their names in the store, whatever they were read as."""
    filename, message = finding.filename, finding.message
    for path, name in names.items():
        message = message.replace(str(path), name)
        if filename == path.name:
            filename = name
    return replace(finding, filename=filename, message=message)


def _provenance(chosen: tuple[Candidate, ...], names: Mapping[Path, str]) -> tuple[Mapping[str, str], ...]:
    return tuple({"filename": names[c.path], "kind": c.kind, "sha256": c.sha256, "cal_ver": c.cal_ver} for c in chosen)


def _stage_product(task: Task, target: str, name: str, data: bytes | memoryview) -> Placement:
    staged = stage_bytes(data, task.layout.outputs / slug(target), name, task.run, access=task.layout.access)
    point("curve-written")
    return Placement(None, staged, replace=True)


def _file_row(task: Task, placement: Placement) -> dict[str, Any]:
    candidate, target = placement.candidate, placement.target
    assert candidate is not None
    return {
        "kind": candidate.kind,
        "filename": target.name,
        "path": task.layout.relative(target.parent),
        "sha256": candidate.sha256,
        "size_bytes": candidate.size,
        "cal_ver": candidate.cal_ver,
        "version_key": candidate.version,
        "state": placement.state.value,
        "added_at": datetime.now(UTC),
    }


def _place_columns(task: Task, placement: Placement) -> dict[str, Any]:
    staged = placement.staged
    assert staged is not None
    return {
        "path": task.layout.relative(staged.target.parent),
        "filename": staged.target.name,
        "sha256": staged.sha256,
        "size_bytes": staged.size,
    }


def _product_columns(task: Task, mission: Mission, values: ExposureValues) -> dict[str, Any]:
    return {
        "input_digest": input_digest((c.kind, c.sha256) for c in task.plan.chosen),
        "step_version": mission.step_version,
        "settings_digest": settings_digest(mission, values, task.settings),
        "made_at": datetime.now(UTC),
    }


def input_digest(files: Any) -> str:
    """Return the digest of what a curve is made of: kind and digest of each current file."""
    return digest(sorted([kind, sha256] for kind, sha256 in files))


def settings_digest(mission: Mission, values: ExposureValues, settings: Any, *, bands: bool = True) -> str:
    """Return the digest of the settings that the extraction of this exposure reads, with or without its bands."""
    return digest(dict(mission.extraction_settings(values, settings, bands=bands)))


def values_of_row(row: Mapping[str, Any]) -> ExposureValues:
    """Return the values that a row of ``metadata`` holds; ``targname`` is the one name of the target."""
    return ExposureValues(**{name: row[name] for name in ExposureValues.__dataclass_fields__})


def metadata_row(outcome: Outcome, layout: Layout) -> dict[str, Any]:
    """Return the row of ``metadata``: the values, and the documented file, which is segment A where there is one."""
    lead = min(
        (p for p in outcome.placements if p.candidate is not None and p.state is State.CURRENT),
        key=lambda p: p.candidate.kind if p.candidate else "",
    )
    now = datetime.now(UTC)
    values = {name: getattr(outcome.values, name) for name in ExposureValues.__dataclass_fields__}
    described = {**values, "targname": outcome.task.target or outcome.values.targname}
    return {
        **described,
        "header_targname": outcome.values.targname,
        "configuration": configuration_key({"mission": outcome.task.mission, **described}),
        "filename": lead.target.name,
        "path": layout.relative(lead.target.parent),
        "ingest_date": now.date(),
        "updated_at": now,
    }
