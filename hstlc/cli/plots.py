"""``hstlc make-plots``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hstlc.cli.options import as_json, command_options, load_settings, talkative
from hstlc.cli.run import run_command, worker_option

if TYPE_CHECKING:
    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["make_plots"]


@click.command("make-plots")
@click.argument("which", type=click.Choice(["individual", "composite", "both"]), default="both")
@worker_option
@click.option("--summary", "only_summary", is_flag=True, help="Only the tables, summaries and the index page.")
@click.option("--stale", is_flag=True, help="Also draw anew what other settings or an earlier version drew.")
@click.option("--no-wait", is_flag=True, help="Leave at once when another process writes to the store.")
@click.option("--dry-run", is_flag=True, help="Count what is to be drawn, write nothing.")
@as_json
@talkative
@command_options
def make_plots(
    which: str,
    jobs: int | None,
    only_summary: bool,
    stale: bool,
    no_wait: bool,
    dry_run: bool,
    json_output: bool,
    config: Path | None,
    verbose: bool,
    quiet: bool,
) -> None:
    """Draw the light curves whose plots are missing or stale, and bring tables, summaries and index page up to date.

    WHICH is individual, composite or both (default). Open index.html of the plot folder in a browser: it needs no
    server and no network.
    """
    from hstlc.cli.database import require_database
    from hstlc.pipeline import plots

    settings = load_settings(config)
    require_database(settings)
    kinds = ("individual", "composite") if which == "both" else (which,)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        plots.make_plots(
            context,
            summary,
            kinds=() if only_summary else kinds,
            workers=workers,
            everything=stale,
            dry_run=dry_run,
            progress=progress,
        )

    run_command(
        settings,
        "make-plots",
        work,
        jobs=jobs,
        wait=not no_wait,
        dry_run=dry_run,
        json_output=json_output,
        verbose=verbose,
        quiet=quiet,
    )
