"""``hstlc ingest``, ``hstlc make-composites`` and ``hstlc build-stats``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hstlc.cli.options import load_settings
from hstlc.cli.run import RunOptions, run_command, run_options

if TYPE_CHECKING:
    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["build_stats", "ingest", "make_composites"]

_FILES = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, type=_FILES)
@click.option("--move", is_flag=True, help="Move files in from outside the ingest folder instead of copying.")
@click.option("--limit", type=click.IntRange(min=1), help="Do at most so many exposures that there is work for.")
@click.option(
    "--mission",
    "missions",
    multiple=True,
    help="Only files of this mission, see 'hstlc mission list'; may be repeated.",
)
@click.option("--recipe", help="Make light curves of this run as earlier software did, such as hstlc-2016.")
@click.option("--corrtag-extract", is_flag=True, help="Make calibrated event lists of raw ones (STIS tags) again.")
@run_options
def ingest(
    paths: tuple[Path, ...],
    move: bool,
    limit: int | None,
    missions: tuple[str, ...],
    recipe: str | None,
    corrtag_extract: bool,
    options: RunOptions,
) -> None:
    """Take files in: check, record, make light curves, composites and statistics.

    PATHS are files or folders, by default the configured ingest folder. Files outside that folder are copied and
    never changed. Running it twice changes nothing. Exit code 0 also when files are rejected: see the summary and the
    table bad_data; 4 when something failed and is to be run again.
    """
    from hstlc.missions.registry import mission as find_mission
    from hstlc.pipeline import ingest as pipeline
    from hstlc.pipeline.compose import compose
    from hstlc.pipeline.context import database_exists
    from hstlc.pipeline.recipes import with_recipe
    from hstlc.pipeline.statistics import build_statistics

    settings = load_settings(options.config)
    if recipe is not None:
        settings = with_recipe(settings, recipe)
    for name in missions:
        find_mission(name)
    stale, dry_run = options.stale, options.dry_run
    known = not dry_run or database_exists(settings)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        wanted = pipeline.Options(paths, workers, move, stale, limit, missions, dry_run, corrtag_extract)
        pipeline.ingest(context, wanted, summary, progress, known=known)
        if not summary.files and not options.quiet:
            places = ", ".join(str(path) for path in paths or (settings.ingest_dir,))
            click.echo(f"there are no FITS files in {places}", err=True)
        if not dry_run:
            compose(context, summary, workers=workers, everything=stale, progress=progress)
            build_statistics(context, summary, workers=workers, everything=stale, progress=progress)

    run_command(settings, "ingest", options, work)


@click.command("make-composites")
@run_options
def make_composites(options: RunOptions) -> None:
    """Make the light curves of several exposures that are missing or whose exposures changed.

    'hstlc ingest' does it too. A composite has all exposures of a mission, instrument, detector, target, optical
    element, central wavelength and aperture; the table composite_member tells which, and why one is not part of it.
    """
    from hstlc.cli.database import require_database
    from hstlc.pipeline.compose import compose

    settings = load_settings(options.config)
    if options.dry_run:
        require_database(settings)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        compose(context, summary, workers=workers, everything=options.stale, dry_run=options.dry_run, progress=progress)

    run_command(settings, "make-composites", options, work)


@click.command("build-stats")
@click.argument("which", type=click.Choice(["individual", "composite", "both"]), default="both")
@run_options
def build_stats(which: str, options: RunOptions) -> None:
    """Compute the statistics of light curves that have none, or stale ones.

    WHICH is individual, composite or both (default).
    """
    from hstlc.cli.database import require_database
    from hstlc.pipeline.statistics import build_statistics

    settings = load_settings(options.config)
    if options.dry_run:
        require_database(settings)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        build_statistics(
            context,
            summary,
            kinds=("individual", "composite") if which == "both" else (which,),
            workers=workers,
            everything=options.stale,
            dry_run=options.dry_run,
            progress=progress,
        )

    run_command(settings, "build-stats", options, work)
