"""``hstlc db``: the database."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

from hstlc.cli.options import command_options, load_settings, print_json

__all__ = ["db"]


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
    from hstlc.db.engine import make_engine, safe_url
    from hstlc.db.migrate import current_and_head
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import database_exists

    settings = load_settings(config)
    url = safe_url(settings.db_connection_string)
    if not database_exists(settings):
        raise UsageError("usage.no-database", f"there is no database at {url}", "run 'hstlc db upgrade' to make it")
    engine = make_engine(settings.db_connection_string)
    try:
        current, head = current_and_head(engine)
    finally:
        engine.dispose()
    if current != head:
        raise UsageError("usage.schema", f"{url} has schema {current}, expected {head}", "run 'hstlc db upgrade'")
    click.echo(f"{url}: schema {head}, up to date")


@db.command()
@click.argument("what", default="production")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--i-know-this-deletes-production",
    "confirmed",
    is_flag=True,
    help="Needed to reset 'production' or 'all': every row goes (production keeps bad_data).",
)
@command_options
def reset(what: str, yes: bool, confirmed: bool, config: Path | None) -> None:
    """Empty the database: WHAT is all, production (keeps bad_data) or a table."""
    from hstlc.db.engine import safe_url
    from hstlc.db.reset import ALL, PRODUCTION
    from hstlc.db.reset import reset as run
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import open_store

    settings = load_settings(config)
    if what in (ALL, PRODUCTION) and not confirmed:
        raise UsageError(
            "usage.unconfirmed",
            f"resetting '{what}' deletes the rows of every exposure",
            "add --i-know-this-deletes-production if that is what you want",
        )
    if not yes:
        click.confirm(f"Reset {what} of {safe_url(settings.db_connection_string)}?", abort=True)
    with open_store(settings) as context:
        emptied = run(context.engine, what)
    for table, rows in emptied.items():
        click.echo(f"{table}: {rows} rows removed")


@db.command()
@click.argument("statement")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", help="How to print.")
@click.option("--limit", type=click.IntRange(min=1), default=10_000, show_default=True, help="Most rows to print.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Seconds to wait.")
@command_options
def sql(statement: str, form: str, limit: int, timeout: float, config: Path | None) -> None:
    """Run one read-only SQL statement and print its rows.

    The database itself keeps it from changing anything; on PostgreSQL that needs db_readonly_connection_string.
    """
    from hstlc.cli.summary import print_table
    from hstlc.db.readonly import select

    settings = load_settings(config)
    result = select(
        settings.db_connection_string,
        statement,
        limit=limit,
        timeout_s=timeout,
        reader_url=settings.db_readonly_connection_string,
    )
    if form == "json":
        print_json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows(result.rows)
    else:
        print_table(result.columns, result.rows)
    if result.truncated:
        click.echo(f"only the first {limit} rows; see --limit", err=True)
