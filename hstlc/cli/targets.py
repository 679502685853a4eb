"""``hstlc targets``: which names mean one target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json
from hstlc.cli.run import RunOptions, run_command, run_options

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.move import Move
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["targets"]


@click.group()
def targets() -> None:
    """Look after the names of targets: exposures of one target have one name, and one composite a configuration."""


@targets.command("list")
@click.option("--like", default="", help="Only those with such a name, such as 'NGC*'; without * any part of a name.")
@as_json
@command_options
def list_targets(like: str, json_output: bool, config: Path | None) -> None:
    """List the targets with their place, the number of their exposures and the names that observers gave them."""
    from hstlc.cli.database import require_database
    from hstlc.cli.summary import print_table
    from hstlc.db.engine import reading
    from hstlc.db.targets import list_targets as rows_of
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.rename import is_like

    settings = load_settings(config)
    require_database(settings)
    with open_store(settings, write=False) as context, reading(context.engine) as connection:
        rows = [row for row in rows_of(connection) if is_like(like, (row["name"], *row["names"]))]
    columns = ("name", "ra_deg", "dec_deg", "moving", "exposures", "names")
    if json_output:
        print_json([{name: row[name] for name in columns} for row in rows])
    else:
        print_table(columns, [[*(row[name] for name in columns[:-1]), ", ".join(row["names"])] for row in rows])


@targets.command()
@click.argument("name")
@as_json
@command_options
def show(name: str, json_output: bool, config: Path | None) -> None:
    """Show a target: its names, how each was recognized, and its exposures. NAME may be any of its names."""
    from hstlc.cli.database import require_database
    from hstlc.cli.summary import print_table
    from hstlc.db.engine import reading
    from hstlc.db.targets import aliases_of, exposures_of
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.rename import require_target

    settings = load_settings(config)
    require_database(settings)
    with open_store(settings, write=False) as context, reading(context.engine) as connection:
        target = require_target(connection, name)
        names, exposures = aliases_of(connection, target["id"]), exposures_of(connection, target["id"])
    about_name = ("alias", "method", "note", "decided_at")
    about_exposure = ("mission", "rootname", "header_targname", "ra_deg", "dec_deg", "configuration")
    if json_output:
        about = {key: target[key] for key in ("name", "ra_deg", "dec_deg", "moving", "made_at")}
        about["names"] = [{key: row[key] for key in about_name} for row in names]
        about["exposures"] = [{key: row[key] for key in about_exposure} for row in exposures]
        print_json(about)
        return
    place = "moving" if target["moving"] else "place unknown"
    if target["ra_deg"] is not None and target["dec_deg"] is not None:
        place = f"{target['ra_deg']:.6f} {target['dec_deg']:+.6f} deg"
    click.echo(f"{target['name']}: {place}\n")
    print_table(about_name, [[row[key] for key in about_name] for row in names])
    click.echo("")
    print_table(about_exposure, [[row[key] for key in about_exposure] for row in exposures])


@targets.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--into", required=True, help="The target that they are put to.")
@run_options
def merge(names: tuple[str, ...], into: str, options: RunOptions) -> None:
    """Put targets to another one, with their exposures, names and files.

    NAMES are those of the targets that go. Composites, statistics and plots are made again as needed.
    """
    from hstlc.pipeline.rename import plan_merge

    _change("targets merge", lambda connection: plan_merge(connection, names, into), options)


@targets.command()
@click.argument("name")
@click.argument("exposures", nargs=-1, required=True)
@click.option("--as", "new", required=True, help="The target that they get, a new one or one that there is.")
@run_options
def split(name: str, exposures: tuple[str, ...], new: str, options: RunOptions) -> None:
    """Give exposures of the target NAME another target, with their files.

    EXPOSURES are rootnames. What is ingested later under the name in their headers still goes to NAME. Composites,
    statistics and plots are made again as needed.
    """
    from hstlc.pipeline.rename import plan_split

    _change("targets split", lambda connection: plan_split(connection, name, exposures, new), options)


@targets.command()
@click.argument("old")
@click.argument("new")
@run_options
def rename(old: str, new: str, options: RunOptions) -> None:
    """Give the target OLD the name NEW, with its folders; OLD stays one of its names.

    Composites, statistics and plots are made again as needed.
    """
    from hstlc.pipeline.rename import plan_rename

    _change("targets rename", lambda connection: plan_rename(connection, old, new), options)


def _change(command: str, plan: Callable[[Connection], Move], options: RunOptions) -> None:
    from hstlc.cli.database import require_database
    from hstlc.pipeline.rename import change

    settings = load_settings(options.config)
    require_database(settings)

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        again: dict[str, Any] = {"workers": workers, "everything": options.stale, "progress": progress}
        moved = change(context, plan, summary, dry_run=options.dry_run, **again)
        if not (options.quiet or options.json_output):
            for row in moved.exposures:
                click.echo(f"{row['rootname']}: {row['targname']} -> {moved.name}")

    run_command(settings, command, options, work)
