"""Statistics of the light curves that have none, or stale ones."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstlc.db import light_curves, records
from hstlc.db.candidates import save_candidates
from hstlc.db.engine import reading, writing
from hstlc.db.keys import mission_of
from hstlc.errors import InconsistentError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.registry import missions
from hstlc.pipeline.batches import in_batches
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.results import Failure, Summary, failure_of
from hstlc.stats import STEP_VERSION, StatsSettings, statistics
from hstlc.store.digest import digest, sha256_file
from hstlc.store.points import point

__all__ = ["build_statistics"]


@dataclass(frozen=True, slots=True)
class CurveTask:
    """One light curve to describe."""

    product_id: int
    key: str
    path: Path
    sha256: str
    settings: StatsSettings


def build_statistics(
    context: Context,
    summary: Summary,
    *,
    kinds: Sequence[str] = ("individual", "composite"),
    workers: int | Workers = 1,
    everything: bool = False,
    only: Collection[int] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> None:
    """Compute what is missing or stale in ``stats`` and add the counts to the summary.

    Parameters
    ----------
    context : Context
    summary : Summary
        Gets ``statistics``, ``failures`` and ``seconds``.
    kinds : sequence of str
        Which light curves.
    workers : int or Workers
    everything : bool
        Also what other settings or an earlier version computed.
    only : collection of int, optional
        Numbers of the products of these light curves alone.
    dry_run : bool
        Count only.
    progress : Progress, optional
    """
    progress = progress or NoProgress()
    started = time.monotonic()
    section = context.settings.stats
    settings = StatsSettings(section.interesting_p, section.rule, section.oversampling, section.candidate_p)
    artifacts_s = {name: dict(mission.artifacts_s({})) for name, mission in missions().items()}
    settings_digest = digest(asdict(settings), artifacts_s)
    with reading(context.engine) as connection:
        due = records.due_statistics(
            connection, kinds, everything=everything, version=STEP_VERSION, settings=settings_digest
        )
    tasks = [
        CurveTask(
            row["id"],
            row["key"],
            context.layout.resolve(row["path"]) / row["filename"],
            row["sha256"],
            settings,
        )
        for row in due
        if only is None or row["id"] in only
    ]
    if dry_run:
        summary.statistics += len(tasks)
        return
    progress.stage("statistics", len(tasks))
    places = {row["id"]: {"lightcurve_path": row["path"], "lightcurve_filename": row["filename"]} for row in due}
    results = run_tasks(workers, describe_curve, tasks, lambda task: task.key)

    def save(batch: list[dict[str, Any]]) -> None:
        found = {row["product_id"]: row["candidates"] for row in batch}
        common = {"settings_digest": settings_digest}
        rows = [{**row, **places[row["product_id"]], **common, "candidates": len(row["candidates"])} for row in batch]
        with writing(context.engine) as connection:
            light_curves.save_statistics(connection, rows)
            save_candidates(connection, found)
        point("stats-committed")
        summary.statistics += len(batch)

    in_batches(results, context.settings.commit_batch, save, summary, progress)
    summary.seconds += time.monotonic() - started


def describe_curve(task: CurveTask) -> dict[str, Any] | Failure:
    """Return the statistics of a curve as a row with its candidates in full, or why there are none."""
    try:
        if sha256_file(task.path) != task.sha256:
            raise InconsistentError(
                "data.changed",
                f"{task.path}: the light curve is not the one that was recorded",
                "delete it and run 'hstlc ingest --stale', which makes it again",
                path=str(task.path),
            )
        curve = read_light_curve(task.path)
        mission = missions().get(mission_of(task.key))
        row = asdict(statistics(curve, task.settings, mission.artifacts_s(curve.meta) if mission else {}))
    except Exception as error:
        return failure_of(error, what=task.key)
    return {
        "product_id": task.product_id,
        **row,
        "curve_sha256": task.sha256,
        "step_version": STEP_VERSION,
        "computed_at": datetime.now(UTC),
    }
