"""Ingest: from files to exposures, light curves and rows."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hstlc.db import records
from hstlc.db.engine import reading
from hstlc.errors import HstlcError
from hstlc.missions.base import Role
from hstlc.missions.registry import mission as find_mission
from hstlc.missions.registry import missions
from hstlc.pipeline.admission import admit_waiting
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.inputs import Incoming, find_inputs, inspect
from hstlc.pipeline.observation import Outcome, Task, input_digest, process, settings_digest, values_of_row
from hstlc.pipeline.plan import Candidate, State, plan_exposure
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.publication import publish_batch, remove_copy
from hstlc.pipeline.refusal import refuse_files
from hstlc.pipeline.results import Failure, Summary
from hstlc.pipeline.stored import is_stored
from hstlc.pipeline.targets import forget_unused, name_targets

__all__ = ["Options", "ingest"]

logger = logging.getLogger(__name__)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """How to ingest.

    Attributes
    ----------
    paths : tuple of Path
        Files and folders; empty for the ingest folder.
    workers : int or Workers
    move : bool
        Take files away from outside the ingest folder.
    stale : bool
        Also do again what other settings or an earlier version of a step made or rejected.
    limit : int or None
        At most so many exposures.
    missions : tuple of str
        Only these; empty for all.
    dry_run : bool
        Look and tell, write nothing.
    corrtag_extract : bool
        Also make the calibrated event lists of raw ones again.
    only : frozenset of (str, str) or None
        Mission and rootname of exposures of the store: these alone, and no new files are looked for.
    """

    paths: tuple[Path, ...] = ()
    workers: int | Workers = 1
    move: bool = False
    stale: bool = False
    limit: int | None = None
    missions: tuple[str, ...] = ()
    dry_run: bool = False
    corrtag_extract: bool = False
    only: frozenset[Key] | None = None


def ingest(
    context: Context, options: Options, summary: Summary, progress: Progress | None = None, *, known: bool = True
) -> None:
    """Ingest files: identify, group into exposures, check, extract, publish, record.

    Parameters
    ----------
    context : Context
        The store, held as its only writer unless it is a dry run.
    options : Options
    summary : Summary
        Gets the counts.
    progress : Progress, optional
    known : bool
        The database is there and says what is in the store; False for a dry run without one.

    Raises
    ------
    UsageError
        A path that does not exist.
    DatabaseError
        The database went away; what was committed stays.
    """
    progress = progress or NoProgress()
    started = time.monotonic()
    if known and not options.dry_run and options.only is None:
        admit_waiting(context, summary)
    incoming = _inspect(context, options, progress, summary) if options.only is None else []
    exposures: dict[Key, list[Incoming]] = defaultdict(list)
    refused: list[Incoming] = []
    for file in incoming:
        identity = file.identity
        if identity.role is Role.WAITING:
            summary.waiting.append(identity.message)
        elif identity.role is Role.REFUSED:
            refused.append(file)
        else:
            exposures[identity.mission, identity.rootname].append(file)
    refuse_files(context, refused, summary, move=options.move, dry_run=options.dry_run, known=known)
    tasks = _tasks(context, options, exposures, summary, known)
    progress.stage("exposures", len(tasks))
    batch: list[Outcome] = []
    for result in run_tasks(options.workers, process, tasks, lambda task: task.name):
        if isinstance(result, Failure):
            summary.failures.append(result)
            progress.item(f"{result.what}: failed: {result.message}")
            continue
        if options.dry_run:
            _count(result, summary, progress)
            continue
        batch.append(result)
        if len(batch) >= context.settings.commit_batch:
            _publish(context, batch, summary, progress)
            batch = []
    if batch:
        _publish(context, batch, summary, progress)
    if not options.dry_run:
        forget_unused(context)
    summary.seconds += time.monotonic() - started


def _inspect(context: Context, options: Options, progress: Progress, summary: Summary) -> list[Incoming]:
    inputs = find_inputs(options.paths or (context.layout.ingest,), context.layout, options.missions)
    summary.files = len(inputs)
    progress.stage("files", len(inputs))
    found: list[Incoming] = []
    for result in run_tasks(options.workers, inspect, inputs, lambda file: str(file.path)):
        progress.item("")
        if isinstance(result, Failure):
            summary.failures.append(result)
        elif not (options.missions and result.identity.mission not in options.missions):
            found.append(result)
    return found


def _tasks(
    context: Context, options: Options, exposures: Mapping[Key, Sequence[Incoming]], summary: Summary, known: bool
) -> list[Task]:
    """Return what there is to do, in order of exposure; what is done already is counted."""
    everything = options.stale or options.corrtag_extract
    asked, everything = (exposures, everything) if options.only is None else (options.only, False)
    stored, products, metadata, recorded = _stored(context, asked, everything, known)
    raw = {key for key, rows in stored.items() if options.corrtag_extract and _has_raw(key[0], rows)}
    keys = sorted({*exposures, *raw, *(stored if options.stale else ())})
    if options.missions:
        keys = [key for key in keys if key[0] in options.missions]
    tasks: list[Task] = []
    for key in keys:
        mission, rootname = key
        if mission not in missions():
            continue  # a row of a mission that is not installed here
        candidates = [_known(context, row) for row in stored.get(key, ())]
        plan = plan_exposure(
            candidates, [_candidate(file) for file in exposures.get(key, ())], find_mission(mission).event_kinds
        )
        if not plan.chosen:
            names = ", ".join(sorted(file.identity.path.name for file in exposures.get(key, ())))
            summary.waiting.append(f"{names}: waits for the event list of exposure {rootname}; ingest them together")
            continue
        made = products.get(key, ())
        due = plan.changed or _is_due(context, plan.chosen, made if key in recorded else ())
        if options.stale and not due:
            due = _is_stale(context, mission, made, metadata.get(key))
        due = due or (key in raw and bool(made))
        if not due:
            summary.unchanged += 1
            _drop_redundant(plan.redundant, move=options.move, dry_run=options.dry_run)
            continue
        tasks.append(
            Task(
                mission,
                rootname,
                plan,
                context.settings.missions[mission],
                context.layout,
                context.run,
                known=bool(made),
                move=options.move,
                min_free_space=context.settings.min_free_space,
                dry_run=options.dry_run,
            )
        )
    identities = {file.identity.path: file.identity for files in exposures.values() for file in files}
    return name_targets(context, tasks[: options.limit], identities, metadata, known=known)


def _stored(context: Context, keys: Iterable[Key], everything: bool, known: bool) -> tuple[Any, Any, Any, set[Key]]:
    if not known:
        return {}, {}, {}, set()
    with reading(context.engine) as connection:
        wanted = records.exposure_keys(connection) if everything else []
        wanted = sorted({*wanted, *keys})
        return (
            records.files_of(connection, wanted),
            records.exposure_products(connection, wanted),
            records.metadata_of(connection, wanted),
            records.recorded_curves(connection, wanted),
        )


def _has_raw(name: str, rows: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether an exposure has an event list of which a calibrated one is made."""
    return name in missions() and any(row["kind"] in find_mission(name).raw_kinds for row in rows)


def _candidate(file: Incoming) -> Candidate:
    identity = file.identity
    return Candidate(
        identity.kind,
        identity.path,
        file.sha256,
        file.size,
        identity.cal_ver,
        identity.version,
        State.INCOMING,
        file.inside,
        file.seal,
        identity.archive_name,
    )


def _known(context: Context, row: Mapping[str, Any]) -> Candidate:
    state = State(row["state"])
    return Candidate(
        row["kind"],
        context.layout.resolve(row["path"]) / row["filename"],
        row["sha256"],
        row["size_bytes"],
        row["cal_ver"],
        row["version_key"],
        state,
        archive_name="" if state is State.REJECTED else row["filename"],  # the name it was given stays
    )


def _is_due(context: Context, chosen: Sequence[Candidate], products: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a product is missing or was made of other files; a rejected exposure has none to miss."""
    if all(candidate.state is State.REJECTED for candidate in chosen):
        return False
    made_of = input_digest((c.kind, c.sha256) for c in chosen)
    return not products or not all(p["input_digest"] == made_of and is_stored(context.layout, p) for p in products)


def _is_stale(
    context: Context, name: str, products: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any] | None
) -> bool:
    """Tell whether another version or other settings made a product; a rejected exposure is asked again."""
    if not products or metadata is None:
        return True
    mission = find_mission(name)
    settings = settings_digest(mission, values_of_row(metadata), context.settings.missions[name])
    return any((p["step_version"], p["settings_digest"]) != (mission.step_version, settings) for p in products)


def _drop_redundant(pairs: Sequence[tuple[Candidate, Candidate]], *, move: bool, dry_run: bool) -> None:
    """Delete files from the ingest folder that the store has already, once the stored copy verifies."""
    for extra, stored in pairs:
        if dry_run or extra.path == stored.path:
            continue
        logger.info("%s: the store has it as %s", extra.path, stored.path, extra={"action": "duplicate"})
        if not (extra.inside or move):
            continue
        try:
            remove_copy(extra.path, extra.sha256, stored.path)
        except HstlcError as error:
            logger.warning("%s is kept: %s", extra.path, error)


def _publish(context: Context, batch: Sequence[Outcome], summary: Summary, progress: Progress) -> None:
    failures = publish_batch(context.engine, context.layout, batch)
    failed = {failure.what for failure in failures}
    summary.failures += failures
    for outcome in batch:
        if outcome.task.name in failed:
            progress.item(f"{outcome.task.name}: failed")
        else:
            _count(outcome, summary, progress)


def _count(outcome: Outcome, summary: Summary, progress: Progress) -> None:
    name = outcome.task.name
    for old in outcome.task.plan.history:
        if old.state in (State.CURRENT, State.INCOMING):
            what = f"{old.path.name} of calibration {old.cal_ver or 'unknown'}"
            logger.info("%s: %s is superseded", name, what, extra={"action": "superseded", "exposure": name})
    for finding in outcome.findings:
        logger.info("%s: %s: %s", name, finding.reason, finding.message, extra={"action": "finding", "exposure": name})
    if outcome.rejection is not None:
        summary.rejected[outcome.rejection.reason] += 1
        progress.item(f"{name}: rejected, {outcome.rejection.reason}: {outcome.rejection.message}")
    elif outcome.task.known:
        summary.updated += 1
        progress.item(f"{name}: updated")
    else:
        summary.ingested += 1
        progress.item(f"{name}: ingested")
