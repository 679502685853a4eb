"""``hstlc demo --archive``: from archives to plots, offline, with a stand-in that moves in time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hstlc.clock import Clock
    from hstlc.config import Settings
    from hstlc.pipeline.results import Summary

__all__ = ["QUESTIONS", "show_archive"]

QUESTIONS = {
    "What became of what the archives have?": """
SELECT source, state, COUNT(*) AS products FROM remote_product GROUP BY source, state ORDER BY source, state""",
    "Which exposures did the archive make again, and what came of it?": """
SELECT p.name, p.version_key, p.state FROM remote_product p
WHERE p.name IN (SELECT name FROM remote_product GROUP BY name HAVING COUNT(*) > 1)
ORDER BY p.name, p.version_key""",
    "Up to which date is each archive known?": """
SELECT source, stream, watermark FROM archive_cursor ORDER BY source, stream""",
    "Which downloads needed more than one try?": """
SELECT p.source, p.name, COUNT(*) AS tries FROM download_attempt a JOIN remote_product p ON a.product_id = p.id
GROUP BY p.source, p.name HAVING COUNT(*) > 1 ORDER BY p.source, p.name""",
    "Which targets have light curves now?": """
SELECT targname, instrume, COUNT(*) AS exposures, SUM(exptime_s) AS exptime_s
FROM metadata GROUP BY targname, instrume ORDER BY targname, instrume""",
}


def show_archive(folder: Path) -> Summary:
    """Poll, fetch, ingest and plot what a stand-in has, and once more when things have happened there."""
    from hstlc.cli.summary import print_summary
    from hstlc.config import load
    from hstlc.testing.archive import StandIn
    from hstlc.testing.archive.scenarios import EARLY, reprocessed
    from hstlc.testing.clock import SimulatedClock

    clock = SimulatedClock(EARLY + timedelta(days=3))
    world, again = reprocessed(EARLY + timedelta(days=5), clock)
    with StandIn(world) as archive:
        click.echo(f"A stand-in for archives answers at {archive.url}; nothing leaves this machine")
        settings = load(None, {"HSTLC_HOME_DIR": str(folder), **archive.environment(("xsa", "cda"))})
        for title, days in (("The first poll", 0), (f"Four days later, {again} was made again there", 4)):
            click.echo(f"\n{click.style(title, bold=True)}\n{'=' * len(title)}")
            clock.sleep(days * 86400.0)
            summary = _everything(settings, clock)
            print_summary(summary)
    return summary


def _everything(settings: Settings, clock: Clock) -> Summary:
    from hstlc.cli.progress import make_progress
    from hstlc.pipeline import ingest as pipeline
    from hstlc.pipeline.compose import compose
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.fetch import fetch
    from hstlc.pipeline.plots import make_plots
    from hstlc.pipeline.poll import poll
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run
    from hstlc.pipeline.sources import open_sources
    from hstlc.pipeline.statistics import build_statistics

    archives, summary = open_sources(settings, clock=clock), Summary()
    with open_store(settings, lock="archive") as context:
        with recorded_run(context, "poll", summary):
            for archive in archives.values():
                for walk in poll(context, archive, summary, clock=clock):
                    click.echo(
                        f"{walk.source} {walk.stream}: {walk.seen} datasets, {walk.new} new, {walk.changed} changed"
                    )
        with recorded_run(context, "fetch", summary):
            fetch(context, archives, summary, clock=clock)
    with (
        open_store(settings) as context,
        recorded_run(context, "demo", summary),
        make_progress(quiet=False, verbose=False) as progress,
        Workers(settings.num_cores) as workers,
    ):
        pipeline.ingest(context, pipeline.Options((), workers), summary, progress)
        compose(context, summary, workers=workers, progress=progress)
        build_statistics(context, summary, workers=workers, progress=progress)
        make_plots(context, summary, workers=workers, progress=progress)
    return summary
