"""``hstlc deliver``: which light curves are to be handed on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json, talkative

__all__ = ["deliver"]


@click.group()
def deliver() -> None:
    """Mark light curves for delivery, in the column deliver of the table stats.

    'hstlc publish --deliver-only' takes the composites that are marked.
    """


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--dry-run", is_flag=True, help="Tell what would be done, write nothing.")(function)
    wait = "Leave at once when another process writes to the store."
    function = click.option("--no-wait", is_flag=True, help=wait)(function)
    return click.argument("queries", nargs=-1, required=True)(as_json(talkative(command_options(function))))


@deliver.command("set")
@_options
def set_(**arguments: Any) -> None:
    """Mark the light curves that QUERIES name.

    A query is the file name of a light curve, a pattern such as 'hlsp_*gj-436*', or one read-only SQL statement whose
    first column is lightcurve_filename. A name or pattern that fits no light curve is an error, and nothing is marked.
    """
    _mark(deliver=True, **arguments)


@deliver.command()
@_options
def unset(**arguments: Any) -> None:
    """Take the mark away from the light curves that QUERIES name, as of 'hstlc deliver set'."""
    _mark(deliver=False, **arguments)


def _mark(
    queries: tuple[str, ...],
    *,
    deliver: bool,
    dry_run: bool,
    no_wait: bool,
    json_output: bool,
    verbose: bool,
    quiet: bool,
    config: Path | None,
) -> None:
    from hstlc.cli.database import require_database
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.deliver import asked_names, mark

    settings = load_settings(config)
    require_database(settings)
    names = asked_names(settings, queries)
    with open_store(settings, write=not dry_run, wait=not no_wait) as context:
        marked = mark(context, names, deliver=deliver, dry_run=dry_run)
    if json_output:
        print_json({**marked.as_dict(), "deliver": deliver, "dry_run": dry_run})
        return
    if quiet:
        return
    done = "marked for delivery" if deliver else "not marked for delivery any more"
    for name in marked.changed if verbose else ():
        click.echo(f"{name}: {done}")
    curves = len(marked.changed) + len(marked.already)
    click.echo(
        f"{'dry run, nothing written: ' if dry_run else ''}{len(marked.changed)} of {curves} light curves {done}, "
        f"{len(marked.already)} {'were' if deliver else 'were not'} before; {marked.composites} are composites"
    )
