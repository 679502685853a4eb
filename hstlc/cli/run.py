"""What commands that write to the store have in common."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from hstlc.cli.options import print_json, run_log

if TYPE_CHECKING:
    from hstlc.config import Settings
    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["run_command", "worker_option"]


def worker_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``-j``."""
    return click.option(
        "-j", "--jobs", type=click.IntRange(min=1), help="Worker processes  [default: num_cores, by default all cores]"
    )(function)


def run_command(
    settings: Settings,
    command: str,
    work: Callable[[Context, Summary, Progress, Workers], None],
    *,
    jobs: int | None,
    wait: bool,
    dry_run: bool,
    json_output: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Do the work of a command as the store's only writer, recorded as a run, and print its summary."""
    from hstlc.cli.progress import make_progress
    from hstlc.cli.summary import print_summary
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run

    summary = Summary(dry_run=dry_run)
    if not dry_run:
        run_log(settings, command, verbose=verbose, quiet=quiet)
    with (
        open_store(settings, write=not dry_run, wait=wait) as context,
        nullcontext() if dry_run else recorded_run(context, command, summary),
        make_progress(quiet=quiet or json_output, verbose=verbose) as progress,
        Workers(jobs or settings.num_cores) as workers,
    ):
        work(context, summary, progress, workers)
    if json_output:
        print_json(summary.as_dict())
    elif not quiet:
        print_summary(summary)
    summary.raise_for_failures()
