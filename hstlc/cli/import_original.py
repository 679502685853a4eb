"""``hstlc import-original``: light curves and tables of the original software."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hstlc.cli.options import as_json, command_options, load_settings, talkative
from hstlc.cli.run import RunOptions, run_command

if TYPE_CHECKING:
    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["import_original"]

_PATH = click.Path(path_type=Path)


@click.command("import-original")
@click.argument("folder", type=_PATH)
@click.option(
    "--tables",
    type=_PATH,
    multiple=True,
    help="SQL dump, CSV file or folder of these with metadata, outputs, bad_data and stats; may be repeated.",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes  [default: num_cores]")
@click.option("--no-wait", is_flag=True, help="Leave at once when another process writes to the store.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, write nothing.")
@as_json
@talkative
@command_options
def import_original(
    folder: Path,
    tables: tuple[Path, ...],
    jobs: int | None,
    no_wait: bool,
    dry_run: bool,
    json_output: bool,
    verbose: bool,
    quiet: bool,
    config: Path | None,
) -> None:
    """Take over light curves, and rows of tables, that the original hstlc made.

    FOLDER is its folder of outputs, or any folder with *_curve.fits and hlsp_hstlc_*_sci.fits in or below it. All is
    copied; nothing in FOLDER changes. An ingest of the real files replaces what was imported, an exposure that was
    ingested stays as it is, and running it twice changes nothing. Exit code 4 when a file or row is left out.
    """
    from hstlc.pipeline.context import database_exists
    from hstlc.pipeline.import_original import import_original as run
    from hstlc.pipeline.statistics import build_statistics

    settings = load_settings(config)
    known = not dry_run or database_exists(settings)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        run(context, folder, tables, summary, workers=workers, known=known, dry_run=dry_run, progress=progress)
        if not dry_run:
            build_statistics(context, summary, workers=workers, progress=progress)

    options = RunOptions(jobs, False, no_wait, dry_run, json_output, verbose, quiet, config)
    run_command(settings, "import-original", options, work)
