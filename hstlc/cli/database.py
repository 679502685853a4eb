"""``hstlc db``: the database."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hstlc.cli.options import ask, command_options, load_settings, print_json, reset_options

if TYPE_CHECKING:
    from hstlc.config import Settings

__all__ = ["db", "require_database", "reset"]


def require_database(settings: Settings) -> None:
    """Refuse to go on without a database that has our tables; nothing is made.

    Raises
    ------
    UsageError
        ``usage.no-database``, or ``usage.schema``: it is of another version.
    DatabaseError
        ``store.database``.
    """
    from hstlc.db.engine import safe_url
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import database_exists

    if not database_exists(settings):
        raise UsageError(
            "usage.no-database",
            f"there are no tables of hstlc at {safe_url(settings.db_connection_string)}",
            "check home_dir and db_connection_string; 'hstlc ingest' or 'hstlc db upgrade' makes a new database",
        )


@click.group()
def db() -> None:
    """Look after the database, and ask it."""


@db.command()
@command_options
def upgrade(config: Path | None) -> None:
    """Make the tables, or bring them to the schema of this version."""
    from hstlc.db.migrate import upgrade as run

    settings = load_settings(config)
    settings.layout.make_directories()
    before, after = run(settings.db_connection_string)
    click.echo(f"schema {after}" if before == after else f"schema {before or 'empty'} -> {after}")


@db.command()
@command_options
def check(config: Path | None) -> None:
    """Tell whether the database can be reached and has the schema of this version."""
    from hstlc.db.engine import safe_url

    settings = load_settings(config)
    require_database(settings)
    click.echo(f"{safe_url(settings.db_connection_string)}: schema up to date")


@db.command()
@click.argument("what", default="production")
@reset_options
@command_options
def reset(what: str, yes: bool, confirmed: bool, config: Path | None) -> None:
    """Remove the rows of the database, or of a part of it; files stay.

    WHAT is 'production' (the default: everything but bad_data), 'all', or the name of a table, which is emptied
    together with the tables whose rows cannot be without its rows.
    """
    from hstlc.db.engine import safe_url
    from hstlc.db.reset import ALL, PRODUCTION, table_names
    from hstlc.db.reset import reset as run
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import open_store

    settings = load_settings(config)
    if what not in (choices := (ALL, PRODUCTION, *table_names())):
        raise UsageError("usage.unknown-table", f"there is no table '{what}'", f"choose one of {', '.join(choices)}")
    require_database(settings)
    ask(
        f"Reset {what} of {safe_url(settings.db_connection_string)}?",
        f"resetting '{what}' deletes the rows of every exposure",
        confirmed=confirmed or what not in (ALL, PRODUCTION),
        yes=yes,
    )
    with open_store(settings) as context:
        emptied = run(context.engine, what)
    for table, rows in emptied.items():
        click.echo(f"{table}: {rows} rows removed")


@db.command()
@click.argument("statement")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    help="How to print the rows.",
    show_default=True,
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=10_000, show_default=True, help="Print at most so many rows."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Give up after so many seconds."
)
@command_options
def sql(statement: str, form: str, limit: int, timeout: float, config: Path | None) -> None:
    """Run one read-only SQL statement and print its rows.

    For example: hstlc db sql "SELECT targname, exptime_s FROM metadata"

    The database itself keeps it from changing anything; on PostgreSQL that needs db_readonly_connection_string.
    """
    from hstlc.cli.summary import print_table
    from hstlc.db.readonly import select
    from hstlc.errors import UsageError

    settings = load_settings(config)
    result = select(
        settings.db_connection_string,
        statement,
        limit=limit,
        timeout_s=timeout,
        reader_url=settings.db_readonly_connection_string,
    )
    if form == "json":
        repeated = [name for name, number in Counter(result.columns).items() if number > 1]
        if repeated:
            raise UsageError(
                "usage.repeated-column",
                f"the rows have more than one column named {', '.join(repeated)}, a JSON object can have one",
                "name them apart, such as SELECT a.id AS a_id, or use --format csv",
            )
        print_json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows(result.rows)
    else:
        print_table(result.columns, result.rows)
    if result.truncated:
        click.echo(f"only the first {limit} rows are shown; there are more, see --limit", err=True)
