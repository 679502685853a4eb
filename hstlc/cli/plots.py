"""``hstlc make-plots``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hstlc.cli.options import load_settings
from hstlc.cli.run import RunOptions, run_command, run_options

if TYPE_CHECKING:
    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["make_plots"]


@click.command("make-plots")
@click.argument("which", type=click.Choice(["individual", "composite", "both"]), default="both")
@click.option("--summary", "only_summary", is_flag=True, help="Only the tables, summaries and the index page.")
@run_options
def make_plots(which: str, only_summary: bool, options: RunOptions) -> None:
    """Draw the light curves whose plots are missing or stale, and bring tables, summaries and index page up to date.

    WHICH is individual, composite or both (default). Open index.html of the plot folder in a browser: it needs no
    server and no network.
    """
    from hstlc.cli.database import require_database
    from hstlc.pipeline import plots

    settings = load_settings(options.config)
    require_database(settings)
    kinds = ("individual", "composite") if which == "both" else (which,)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        plots.make_plots(
            context,
            summary,
            kinds=() if only_summary else kinds,
            workers=workers,
            everything=options.stale,
            dry_run=options.dry_run,
            progress=progress,
        )

    run_command(settings, "make-plots", options, work)
