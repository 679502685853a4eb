"""``hstlc withdraw``."""

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

__all__ = ["withdraw"]

# Whether the mark is taken away, and whether that changes anything.
_WORDS = {
    (False, True): "withdrawn",
    (False, False): "withdrawn already, for this reason",
    (True, True): "no longer withdrawn",
    (True, False): "was not withdrawn",
}


@click.command()
@click.argument("rootnames", nargs=-1, required=True)
@click.option("--reason", help="Why; kept in metadata.withdrawn.")
@click.option("--undo", is_flag=True, help="The archive has it again: take the mark away.")
@click.option("--mission", "missions", multiple=True, help="Only exposures of this mission; may be repeated.")
@run_options
def withdraw(
    rootnames: tuple[str, ...], reason: str | None, undo: bool, missions: tuple[str, ...], options: RunOptions
) -> None:
    """Mark exposures that the archive took back, and make their composites without them.

    ROOTNAMES are those of exposures with a light curve, all of which are marked, or none when one is unknown. They
    keep files, light curves and statistics. Newer files of an exposure take the mark away again, the same files do
    not.
    """
    from hstlc.cli.database import require_database
    from hstlc.errors import UsageError
    from hstlc.missions.registry import mission as find_mission
    from hstlc.pipeline import withdraw as pipeline
    from hstlc.pipeline.compose import compose
    from hstlc.pipeline.statistics import build_statistics

    why = (reason or "").strip()
    if bool(why) == undo:
        raise UsageError(
            "usage.bad-reason",
            "--undo takes no reason" if undo else "expected a reason why the exposures were withdrawn, found none",
            "give either --reason TEXT or --undo",
        )
    settings = load_settings(options.config)
    for name in missions:
        find_mission(name)
    require_database(settings)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        marked = pipeline.withdraw(context, rootnames, why, summary, missions=missions, dry_run=options.dry_run)
        if not (options.quiet or options.json_output):
            for rootname, changed in marked.items():
                click.echo(f"{rootname}: {_WORDS[undo, changed]}")
        if not options.dry_run:
            compose(context, summary, workers=workers, everything=options.stale, progress=progress)
            build_statistics(context, summary, workers=workers, everything=options.stale, progress=progress)

    run_command(settings, "withdraw", options, work)
