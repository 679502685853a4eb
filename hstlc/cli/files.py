"""``hstlc files``: the data tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hstlc.cli.database import require_database
from hstlc.cli.options import as_json, ask, command_options, load_settings, print_json, reset_options

if TYPE_CHECKING:
    from hstlc.pipeline.sweep import Report

__all__ = ["files", "reset"]


@click.group()
def files() -> None:
    """Look after the files of the data tree."""


@files.command()
@reset_options
@command_options
def reset(yes: bool, confirmed: bool, config: Path | None) -> None:
    """Move all ingested files back to the ingest folder and delete the light curves; rows stay.

    The next 'hstlc ingest' takes the files in again. Rejected files stay in bad_data.
    """
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.reset import reset_files

    settings = load_settings(config)
    deletes = (
        f"resetting the files moves everything out of {settings.filesystem_dir} and empties {settings.outputs_dir}"
    )
    ask(f"Reset the files below {settings.home_dir}?", deletes, confirmed=confirmed, yes=yes)
    with open_store(settings) as context:
        moved, deleted = reset_files(context)
    click.echo(f"{len(moved)} files moved back to {settings.ingest_dir}, {len(deleted)} outputs deleted")


@files.command()
@as_json
@command_options
def sweep(json_output: bool, config: Path | None) -> None:
    """Finish what an interrupted run left. Every run does this first; alone it is of use on a full disk."""
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.sweep import sweep as run

    with open_store(load_settings(config)) as context:
        report = run(context)
    _print(report, json_output=json_output)


@files.command()
@click.option("--fast", is_flag=True, help="Compare sizes instead of reading every file.")
@as_json
@command_options
def verify(fast: bool, json_output: bool, config: Path | None) -> None:
    """Compare every row with its file and every file with the rows; changes nothing."""
    from hstlc.errors import StoreError
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.sweep import verify as run

    settings = load_settings(config)
    require_database(settings)
    with open_store(settings, write=False) as context:
        report = run(context, content=not fast)
    _print(report, json_output=json_output)
    if not report.clean:
        raise StoreError(
            "store.inconsistent",
            f"{len(report.missing)} files are missing, {len(report.damaged)} damaged, {len(report.unknown)} unknown",
            "ingest missing and damaged files again; 'hstlc ingest --stale' makes light curves anew",
        )


def _print(report: Report, *, json_output: bool) -> None:
    groups = {
        "deleted": report.swept,
        "put back": report.restored,
        "missing": report.missing,
        "damaged": report.damaged,
        "unknown": report.unknown,
    }
    if json_output:
        print_json({name: [str(path) for path in paths] for name, paths in groups.items()})
    else:
        for name, paths in groups.items():
            for path in paths:
                click.echo(f"{name}: {path}")
        if not any(groups.values()):
            click.echo("nothing to report")
