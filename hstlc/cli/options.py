"""Options that several commands share, and how errors become messages and exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.errors import HstlcError

if TYPE_CHECKING:
    from hstlc.config import Settings

__all__ = [
    "as_json",
    "ask",
    "command_options",
    "load_settings",
    "print_json",
    "report_errors",
    "reset_options",
    "run_log",
    "talkative",
]

_PATH = click.Path(path_type=Path)


def command_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config`` and turn expected errors into messages."""
    text = "Configuration file  [default: $HSTLC_CONFIG, else ~/hstlc_config.yaml where it exists]"
    return click.option("--config", type=_PATH, help=text)(report_errors(function))


def talkative(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-v`` and ``-q``."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="Print what went wrong only.")
    verbose = click.option("-v", "--verbose", is_flag=True, help="Print what became of everything.")
    return verbose(quiet(function))


def as_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``."""
    return click.option("--json", "json_output", is_flag=True, help="Print JSON instead of text.")(function)


def report_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Print an expected error as message and hint and exit with its code; others keep their traceback."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except HstlcError as error:
            from hstlc.logs import redact

            click.echo(f"error [{error.code}]: {redact(error.message)}", err=True)
            if error.hint:
                click.echo(f"hint: {redact(error.hint)}", err=True)
            sys.exit(error.exit_code)

    return run


def reset_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--yes`` and the long flag without which nothing of value is deleted."""
    yes = click.option("--yes", is_flag=True, help="Do not ask.")
    text = "Needed where every exposure loses its rows or its light curve."
    return yes(click.option("--i-know-this-deletes-production", "confirmed", is_flag=True, help=text)(function))


def ask(question: str, deletes: str, *, confirmed: bool, yes: bool) -> None:
    """Go on only when the person at the terminal means it.

    Raises
    ------
    UsageError
        ``usage.unconfirmed``: the long flag is missing.
    click.Abort
        The answer was no.
    """
    from hstlc.errors import UsageError

    if not confirmed:
        hint = "add --i-know-this-deletes-production if that is what you want"
        raise UsageError("usage.unconfirmed", deletes, hint)
    if not yes:
        click.confirm(question, abort=True)


def load_settings(config: Path | None) -> Settings:
    """Read the configuration."""
    from hstlc.config import load

    return load(config)


def run_log(settings: Settings, command: str, *, verbose: bool, quiet: bool) -> None:
    """Log to the terminal and to a file of this run."""
    from hstlc.logs import configure
    from hstlc.store.permissions import apply_permissions

    settings.layout.make_directories()
    path = configure(settings.log_dir, command, settings.log_level, verbosity=int(verbose) - int(quiet))
    apply_permissions(path, settings.layout.access)


def print_json(value: Any) -> None:
    """Print a value as JSON; numbers that JSON has no word for (NaN, infinity) are null."""
    strict = json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)
    click.echo(json.dumps(strict, indent=2, ensure_ascii=False))
