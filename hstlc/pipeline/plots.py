"""Plots of the light curves that have none, or stale ones, and the pages over all of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hstlc.db import plots
from hstlc.db.composites import COMPOSITE
from hstlc.db.engine import reading
from hstlc.pipeline.batches import in_batches
from hstlc.pipeline.context import Context
from hstlc.pipeline.drawing import STATIC, Drawn, PlotTask, draw
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.plot_folder import drop_plots, is_script, refresh_folder
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.publication import publish_all
from hstlc.pipeline.results import Summary
from hstlc.pipeline.stored import is_stored, removals, stored_path
from hstlc.store.digest import digest
from hstlc.store.layout import Layout

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
    settings = _settings_digest(context)
    tasks = _tasks(context, kinds, everything, settings)
    if dry_run:
        summary.plots += len(tasks)
        return
    with reading(context.engine) as connection:
        orphans = plots.orphans(connection)
    drop_plots(context, orphans)
    progress.stage("plots", len(tasks))
    results = run_tasks(workers, draw, tasks, lambda task: task.name)
    in_batches(
        results, context.settings.commit_batch, lambda batch: _publish(context, batch, summary), summary, progress
    )
    refresh_folder(context, summary, settings)
    summary.seconds += time.monotonic() - started


def _settings_digest(context: Context) -> str:
    return digest({"oversampling": context.settings.stats.oversampling, "bokeh": version("bokeh")})


def _tasks(context: Context, kinds: Sequence[str], everything: bool, settings: str) -> list[PlotTask]:
    from hstlc.plots.page import PLOT_VERSION
    from hstlc.plots.tables import INDEX

    layout = context.layout
    with reading(context.engine) as connection:
        scripts = [row for row in plots.folder_pages(connection) if is_script(row["key"])]
        # of an earlier version, which nobody has any more: what needs it is drawn anew
        everything = everything or not all(is_stored(layout, row, layout.plots / STATIC) for row in scripts)
        lost = {row["parent_id"] for row in plots.plots_of(connection) if not _is_in_place(layout, row)}
        due = plots.due_plots(
            connection, kinds, everything=everything, version=PLOT_VERSION, settings=settings, lost=lost
        )
    return [
        PlotTask(
            row,
            stored_path(layout, row),
            layout.plots / (COMPOSITE if row["kind"] == COMPOSITE else Path(row["path"]).name),
            context.settings.stats.oversampling,
            PLOT_VERSION,
            settings,
            f"bokeh-{version('bokeh')}.min.js",
            INDEX,
            layout,
            context.run,
            context.settings.min_free_space,
            {one["band"]: (stored_path(layout, one), one["sha256"]) for one in row["others"]},
        )
        for row in due
    ]


def _is_in_place(layout: Layout, row: Mapping[str, Any]) -> bool:
    """Tell whether a plot is stored, in the plot folder of today."""
    return is_stored(layout, row, layout.plots / Path(row["path"]).name)


def _publish(context: Context, batch: Sequence[Drawn], summary: Summary) -> None:
    layout = context.layout

    def record(connection: Connection, done: Sequence[Drawn]) -> Sequence[Mapping[str, str]]:
        before = defaultdict(list)
        for row in plots.plots_of(connection, [drawn.task.curve["id"] for drawn in done]):
            before[row["parent_id"]].append(row)
        superfluous, gone = [], []
        for drawn in done:
            earlier, kept = before[drawn.task.curve["id"]], {row["kind"] for row in drawn.rows}
            superfluous += [row["id"] for row in earlier if row["kind"] not in kept]
            gone += removals(layout, earlier, {staged.target for staged in drawn.staged})
        plots.remove_plots(connection, superfluous)
        plots.save_plots(connection, [row for drawn in done for row in drawn.rows])
        return gone

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
