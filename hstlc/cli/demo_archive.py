"""``hstlc demo --archive``: from archives to plots, offline, with a stand-in that moves in time."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hstlc.clock import Clock
    from hstlc.config import Settings
    from hstlc.pipeline.results import Summary
    from hstlc.testing.archive.demonstration import Round

__all__ = ["MARK", "QUESTIONS", "show_archive"]

#: File that marks a folder as one of this demonstration; it says up to which simulated time it was played.
MARK = ".hstlc-demo-archive"

QUESTIONS = {
    "What became of what the archives have?": """
SELECT source, state, COUNT(*) AS products FROM remote_product GROUP BY source, state ORDER BY source, state""",
    "What did the archives make again, and what came of it?": """
SELECT p.source, p.name, p.version_key, p.state FROM remote_product p
WHERE EXISTS (SELECT 1 FROM remote_product o WHERE o.source = p.source AND o.name = p.name AND o.id <> p.id)
ORDER BY p.source, p.name, p.version_key""",
    "How did the polls go, and up to which date is each archive known?": """
SELECT w.source, w.stream, w.state, w.rows_seen AS seen, w.rows_new AS new, w.rows_changed AS changed, w.retries,
       c.watermark AS known_up_to
FROM archive_walk w LEFT JOIN archive_cursor c ON c.source = w.source AND c.stream = w.stream ORDER BY w.id""",
    "Which downloads needed more than one try?": """
SELECT p.source, p.name, a.status, a.bytes_read, a.resumed_from, a.error_code
FROM download_attempt a JOIN remote_product p ON a.product_id = p.id
WHERE a.resumed_from > 0 OR p.id IN (SELECT product_id FROM download_attempt GROUP BY product_id HAVING COUNT(*) > 1)
ORDER BY p.source, p.name, a.id""",
    "Which targets have light curves now?": """
SELECT targname, instrume, COUNT(*) AS exposures, SUM(exptime_s) AS exptime_s
FROM metadata GROUP BY targname, instrume ORDER BY targname, instrume""",
}


def show_archive(folder: Path) -> Summary:
    """Poll, fetch, ingest and plot what a stand-in has, and once more when things have happened there.

    In a folder where that was done it goes on with the day after: nothing has happened since.
    """
    from hstlc.cli.summary import print_summary
    from hstlc.config import load
    from hstlc.testing.archive import StandIn
    from hstlc.testing.archive.demonstration import demonstration, environment, plan_faults
    from hstlc.testing.clock import SimulatedClock

    known = _played(folder)
    rounds = _rounds_after(known)
    clock = SimulatedClock(rounds[0].when)
    with StandIn(demonstration(clock)) as archive:
        click.echo(f"A stand-in for archives answers at {archive.url}; nothing leaves this machine")
        if known is None:
            plan_faults(archive.faults)
        settings = load(None, {"HSTLC_HOME_DIR": str(folder), **environment(archive)})
        _store_selection(settings, clock)
        for when, title in rounds:
            heading = f"{when:%Y-%m-%d}. {title}"
            click.echo(f"\n{click.style(heading, bold=True)}\n{'=' * len(heading)}")
            clock.advance_to(when)
            summary = _everything(settings, clock)
            print_summary(summary)
            if not (summary.datasets or summary.products or summary.fetched or summary.failures):
                click.echo("nothing is new in the archives")
            (folder / MARK).write_text(f"{clock.now().isoformat()}\n", "utf-8")
    return summary


def _played(folder: Path) -> datetime | None:
    """Return the simulated time at which an earlier demonstration ended; None where there was none."""
    with suppress(OSError, ValueError):
        return datetime.fromisoformat((folder / MARK).read_text("utf-8").strip()).astimezone(UTC)
    return None


def _rounds_after(known: datetime | None) -> list[Round]:
    from hstlc.testing.archive.demonstration import ROUNDS, Round

    if known is None:
        return list(ROUNDS)
    later = [one for one in ROUNDS if one.when > known]
    return later or [
        Round(known + timedelta(days=1), "The next day: nothing has happened since the last demonstration")
    ]


def _store_selection(settings: Settings, clock: Clock) -> None:
    from hstlc.db.engine import writing
    from hstlc.db.selections import add_selection
    from hstlc.pipeline.context import open_store
    from hstlc.testing.archive.demonstration import SELECTION

    with open_store(settings, lock="archive") as context, writing(context.engine) as connection:
        add_selection(connection, SELECTION, clock.now())


def _everything(settings: Settings, clock: Clock) -> Summary:
    from hstlc.cli.poll import walk_line
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
                    click.echo(walk_line(walk))
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
