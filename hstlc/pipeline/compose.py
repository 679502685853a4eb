"""Composites: one light curve of all exposures of a configuration, made when and only when a member changed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from hstlc.db import composites
from hstlc.db.engine import reading
from hstlc.formats.hlsp.project import Project
from hstlc.missions.base import ExposureValues
from hstlc.missions.registry import mission as find_mission
from hstlc.missions.registry import missions
from hstlc.pipeline.batches import in_batches
from hstlc.pipeline.composite import STEP_VERSION, Composite, GroupTask, Member, make_composite
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.observation import settings_digest, values_of_row
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.publication import publish_all
from hstlc.pipeline.results import Summary
from hstlc.pipeline.same_source import join_sources
from hstlc.pipeline.stored import is_stored, removals, stored_path
from hstlc.store.digest import digest
from hstlc.store.layout import Layout

__all__ = ["compose"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Group:
    """A configuration, its exposures, and the composite there is."""

    configuration: str
    found: Sequence[tuple[Row, Sequence[Row]]]
    product: Row | None


def compose(
    context: Context,
    summary: Summary,
    *,
    workers: int | Workers = 1,
    everything: bool = False,
    only: Collection[str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> None:
    """Make the composites that are missing or whose members changed, and add the counts to the summary.

    Parameters
    ----------
    context : Context
    summary : Summary
        Gets ``composites``, ``waiting``, ``failures`` and ``seconds``.
    workers : int or Workers
    everything : bool
        Also those that other settings or an earlier version made.
    only : collection of str, optional
        These configurations alone.
    dry_run : bool
        Count only.
    progress : Progress, optional
    """
    progress = progress or NoProgress()
    started = time.monotonic()
    if not dry_run:
        join_sources(context)
    groups = [group for group in _due(context, everything, only) if only is None or group.configuration in only]
    if dry_run:
        summary.composites += len(groups)
        return
    progress.stage("composites", len(groups))
    empty = [Composite(group.configuration, (), None, None) for group in groups if not group.found]
    if empty:
        _publish(context, empty, summary)
    tasks = [_task(context, group) for group in groups if group.found]
    tasks = [task for task in tasks if not _waits(task, summary)]
    results = run_tasks(workers, make_composite, tasks, lambda task: task.configuration)
    in_batches(
        results, context.settings.commit_batch, lambda batch: _publish(context, batch, summary), summary, progress
    )
    summary.seconds += time.monotonic() - started


def _waits(task: GroupTask, summary: Summary) -> bool:
    """Tell whether files of a member are gone, and note it."""
    members = [member for member in task.members if not member.withdrawn]
    gone = (path for member in members for _, path, _ in member.files if not path.is_file())
    missing = [f"{path.name}, which is gone" for path in gone]
    if missing:
        summary.waiting.append(f"composite {task.configuration}: waits for {missing[0]}; ingest it again")
    return bool(missing)


def _due(context: Context, everything: bool, only: Collection[str] | None) -> list[_Group]:
    layout = context.layout
    with reading(context.engine) as connection:
        due = composites.due_configurations(connection)
        products = composites.composite_products(connection)
        due |= {key for key, row in products.items() if not is_stored(layout, row)}
        every = composites.configurations(connection) if everything and only is None else set(only or ())
        wanted = every | due if everything else due
        found = composites.members_of(connection, wanted)
    groups = [_Group(key, found.get(key, ()), products.get(key)) for key in sorted(wanted)]
    return [
        group
        for group in groups
        if all(row["mission"] in missions() for row, _ in group.found)
        and (not group.found or any(files for _, files in group.found))  # else only curves that were imported
        and (group.configuration in due or _is_stale(context, group))
    ]


def _is_stale(context: Context, group: _Group) -> bool:
    """Tell whether another version or other settings made a composite; one that could not be made is tried again."""
    if group.product is None:
        return True
    task = _task(context, group)
    return bool(group.product["step_version"] != STEP_VERSION or group.product["settings_digest"] != task.digest)


def _task(context: Context, group: _Group) -> GroupTask:
    rows = [row for row, _ in group.found]
    name = rows[0]["mission"]
    settings, project = context.settings.missions[name], context.settings.hlsp.project
    return GroupTask(
        group.configuration,
        name,
        tuple(_member(context.layout, *one) for one in group.found),
        settings,
        project,
        context.layout,
        context.run,
        context.settings.min_free_space,
        _settings_digest(name, values_of_row(rows[0]), settings, project),
    )


def _settings_digest(name: str, values: ExposureValues, settings: Any, project: Project) -> str:
    mission = find_mission(name)
    extraction = settings_digest(mission, values, settings, bands=False)
    return digest({"extraction": extraction, "version": mission.step_version, "hlsp": asdict(project)})


def _member(layout: Layout, row: Row, files: Sequence[Row]) -> Member:
    places = tuple((f["kind"], stored_path(layout, f), f["sha256"]) for f in files)
    withdrawn = bool(row["withdrawn"])
    return Member(row["id"], row["rootname"], values_of_row(row), row["input_digest"], places, withdrawn)


def _publish(context: Context, batch: Sequence[Composite], summary: Summary) -> None:
    layout = context.layout

    def record(connection: Connection, done: Sequence[Composite]) -> Sequence[Mapping[str, str]]:
        before = composites.composite_products(connection, [made.configuration for made in done])
        rows = [
            composites.CompositeRows(made.configuration, made.product, [asdict(member) for member in made.members])
            for made in done
        ]
        composites.save_composites(connection, rows)
        gone = []
        for made in done:
            earlier = [before[made.configuration]] if made.configuration in before else []
            gone += removals(layout, earlier, [made.staged.target] if made.staged is not None else [])
        return gone

    failures = publish_all(
        context.engine,
        layout,
        batch,
        name=lambda made: made.configuration,
        files=lambda made: [(made.staged, True)] if made.staged is not None else [],
        record=record,
    )
    summary.failures += failures
    failed = {failure.what for failure in failures}
    summary.composites += sum(made.product is not None and made.configuration not in failed for made in batch)
