"""Plots of the light curves that have none, or stale ones, and the pages over all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection

from hstlc.db import plots, records
from hstlc.db.composites import COMPOSITE
from hstlc.db.engine import reading, writing
from hstlc.pipeline.batches import in_batches
from hstlc.pipeline.context import Context
from hstlc.pipeline.drawing import Drawn, PlotTask, draw
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.plot_folder import refresh_folder
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.publication import finish_removals, publish_all
from hstlc.pipeline.results import Summary
from hstlc.pipeline.stored import is_stored, removal, stored_path
from hstlc.store.digest import digest

__all__ = ["make_plots"]


def make_plots(
    context: Context,
    summary: Summary,
    *,
    kinds: Sequence[str] = ("individual", "composite"),
    workers: int | Workers = 1,
    everything: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> None:
    """Draw what is missing or stale, delete what has lost its light curve, and bring tables and summaries up to date.

    Parameters
    ----------
    context : Context
    summary : Summary
        Gets ``plots`` (light curves drawn), ``pages`` (pages over all of them that changed), ``failures``, ``seconds``.
    kinds : sequence of str
        Which light curves are drawn; tables and summaries always show all.
    workers : int or Workers
    everything : bool
        Also draw again what other settings or an earlier version drew.
    dry_run : bool
        Count only.
    progress : Progress, optional
    """
    progress = progress or NoProgress()
    started = time.monotonic()
    tasks = _tasks(context, kinds, everything)
    if dry_run:
        summary.plots += len(tasks)
        return
    _drop_orphans(context)
    progress.stage("plots", len(tasks))
    results = run_tasks(workers, draw, tasks, lambda task: task.name)
    in_batches(
        results, context.settings.commit_batch, lambda batch: _publish(context, batch, summary), summary, progress
    )
    refresh_folder(context, summary)
    summary.seconds += time.monotonic() - started


def _tasks(context: Context, kinds: Sequence[str], everything: bool) -> list[PlotTask]:
    from hstlc.plots.page import PLOT_VERSION
    from hstlc.plots.tables import INDEX

    layout, bokeh = context.layout, version("bokeh")
    oversampling = context.settings.stats.oversampling
    settings = digest({"oversampling": oversampling, "bokeh": bokeh})
    with reading(context.engine) as connection:
        due = plots.due_plots(connection, kinds, everything=everything, version=PLOT_VERSION, settings=settings)
        lost = {row["parent_id"] for row in plots.plots_of(connection) if not is_stored(layout, row)}
        known = {row["id"] for row in due}
        due += [row for row in records.products_by_id(connection, lost - known - {None}) if row["kind"] in kinds]
    return [
        PlotTask(
            row,
            stored_path(layout, row),
            layout.plots / (COMPOSITE if row["kind"] == COMPOSITE else Path(row["path"]).name),
            oversampling,
            PLOT_VERSION,
            settings,
            f"bokeh-{bokeh}.min.js",
            INDEX,
            layout,
            context.run,
        )
        for row in due
    ]


def _publish(context: Context, batch: Sequence[Drawn], summary: Summary) -> None:
    layout = context.layout

    def record(connection: Connection, drawn: Drawn) -> list[Mapping[str, str]]:
        before = plots.plots_of(connection, [drawn.task.curve["id"]])
        kept = {row["kind"] for row in drawn.rows}
        plots.remove_plots(connection, [row["id"] for row in before if row["kind"] not in kept])
        plots.save_plots(connection, drawn.rows)
        places = {staged.target for staged in drawn.staged}
        return [removal(layout, row) for row in before if stored_path(layout, row) not in places]

    failures = publish_all(
        context.engine,
        layout,
        batch,
        name=lambda drawn: drawn.task.name,
        files=lambda drawn: [(staged, True) for staged in drawn.staged],
        record=record,
    )
    summary.failures += failures
    summary.plots += len(batch) - len(failures)


def _drop_orphans(context: Context) -> None:
    """Delete the plots of light curves that are gone."""
    with writing(context.engine) as connection:
        gone = plots.orphans(connection)
        records.add_removals(connection, [removal(context.layout, row) for row in gone])
        plots.remove_plots(connection, [row["id"] for row in gone])
    if gone:
        finish_removals(context.engine, context.layout)
