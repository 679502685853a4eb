"""``hstlc user``: who may ask for work and send SQL over the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["user"]


@click.group()
def user() -> None:
    """Who may ask for work, and send SQL, over the pages and interfaces.

    Looking needs no user. Each has a token, which is shown once when it is made; the database keeps its digest alone.
    """


def _change(config: Path | None, change: Callable[[Connection], Any]) -> Any:
    """Do something to the users, in one transaction; a writer at work is waited for, not its whole run."""
    from hstlc.cli.database import require_database
    from hstlc.db.engine import make_engine, writing

    settings = load_settings(config)
    require_database(settings)
    engine = make_engine(settings.db_connection_string)
    try:
        with writing(engine) as connection:
            return change(connection)
    finally:
        engine.dispose()


def _show_token(name: str, token: str) -> None:
    click.echo(token)
    click.echo(f"this is the token of {name}; it is shown this once, and is to be kept like a password", err=True)


@user.command("add")
@click.argument("name")
@command_options
def add(name: str, config: Path | None) -> None:
    """Add the user NAME and print the token: on standard output, and nothing else there.

    It is used at /account of the pages, or as 'Authorization: Bearer TOKEN' by programs.
    """
    from hstlc.clock import SystemClock
    from hstlc.db.users import add_user, new_token, token_digest

    token = new_token()
    _change(config, lambda connection: add_user(connection, name, token_digest(token), SystemClock().now()))
    _show_token(name, token)


@user.command("token")
@click.argument("name")
@command_options
def token_(name: str, config: Path | None) -> None:
    """Give the user NAME a new token and print it; the old one, and who is signed in with it, end at once."""
    from hstlc.db.users import new_token, replace_token, token_digest

    token = new_token()
    _change(config, lambda connection: replace_token(connection, name, token_digest(token)))
    _show_token(name, token)


@user.command("disable")
@click.argument("name")
@command_options
def disable(name: str, config: Path | None) -> None:
    """Refuse the token of the user NAME from now on."""
    from hstlc.clock import SystemClock
    from hstlc.db.users import set_disabled

    _change(config, lambda connection: set_disabled(connection, name, SystemClock().now()))
    click.echo(f"{name}: disabled; 'hstlc user enable {name}' undoes it")


@user.command("enable")
@click.argument("name")
@command_options
def enable(name: str, config: Path | None) -> None:
    """Take the token of the user NAME again."""
    from hstlc.db.users import set_disabled

    _change(config, lambda connection: set_disabled(connection, name, None))
    click.echo(f"{name}: enabled")


@user.command("remove")
@click.argument("name")
@command_options
def remove(name: str, config: Path | None) -> None:
    """Forget the user NAME; what was asked for stays, with the name."""
    from hstlc.db.users import remove_user

    _change(config, lambda connection: remove_user(connection, name))
    click.echo(f"{name}: removed")


@user.command("list")
@as_json
@command_options
def list_(json_output: bool, config: Path | None) -> None:
    """Show the users: since when they are there, and since when their tokens are refused."""
    from hstlc.cli.summary import print_table
    from hstlc.db.users import users

    found = _change(config, users)
    if json_output:
        print_json(found)
    elif not found:
        click.echo("there are no users: 'hstlc user add NAME' adds one")
    else:
        rows = [(row["name"], _day(row["made_at"]), _day(row["disabled_at"])) for row in found]
        print_table(("name", "added", "disabled"), rows)


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
