"""What the commands that write to the store have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, print_json, run_log, talkative

if TYPE_CHECKING:
    from hstlc.config import Settings
    from hstlc.pipeline.context import Context, Lock
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["RunOptions", "run_command", "run_options"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options that all these commands take.

    Attributes
    ----------
    jobs : int or None
        Worker processes; None for the configured number.
    stale : bool
        Also make anew what other settings or an earlier version made.
    no_wait : bool
        Leave at once when another process writes to the store.
    dry_run : bool
        Write nothing.
    json_output, verbose, quiet : bool
        What to print.
    config : Path or None
        The configuration file.
    """

    jobs: int | None
    stale: bool
    no_wait: bool
    dry_run: bool
    json_output: bool
    verbose: bool
    quiet: bool
    config: Path | None


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of :class:`RunOptions`, and give them to the command as the argument ``options``."""

    @functools.wraps(function)
    def run(**arguments: Any) -> Any:
        options = RunOptions(**{field.name: arguments.pop(field.name) for field in fields(RunOptions)})
        return function(options=options, **arguments)

    jobs = "Worker processes  [default: num_cores, by default all cores]"
    stale = "Also make anew what other settings or an earlier version made."
    for option in (
        click.option("--dry-run", is_flag=True, help="Tell what would be done, write nothing."),
        click.option("--no-wait", is_flag=True, help="Leave at once when another process writes to the store."),
        click.option("--stale", is_flag=True, help=stale),
        click.option("-j", "--jobs", type=click.IntRange(min=1), help=jobs),
    ):
        run = option(run)
    return as_json(talkative(command_options(run)))


def run_command(
    settings: Settings,
    command: str,
    options: RunOptions,
    work: Callable[[Context, Summary, Progress, Workers], None],
    *,
    lock: Lock = "store",
    told: Mapping[str, Any] | None = None,
) -> None:
    """Do the work of a command as the only one that holds its lock, recorded as a run, and print its summary.

    What the work puts into ``told`` goes into the JSON beside the summary.
    """
    from hstlc.cli.progress import make_progress
    from hstlc.cli.summary import print_summary
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run

    summary = Summary(dry_run=options.dry_run)
    if not options.dry_run:
        run_log(settings, command, verbose=options.verbose, quiet=options.quiet)
    with (
        open_store(settings, write=not options.dry_run, wait=not options.no_wait, lock=lock) as context,
        nullcontext() if options.dry_run else recorded_run(context, command, summary),
        make_progress(quiet=options.quiet or options.json_output, verbose=options.verbose) as progress,
        Workers(options.jobs or settings.num_cores) as workers,
    ):
        work(context, summary, progress, workers)
    if options.json_output:
        print_json({**summary.as_dict(), **(told or {})})
    elif not options.quiet:
        print_summary(summary)
    summary.raise_for_failures()
