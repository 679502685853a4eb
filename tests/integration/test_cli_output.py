"""What all commands have in common: help, what they import, how errors look."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hstlc import errors
from hstlc.cli.main import cli
from hstlc.cli.options import report_errors

HEAVY = (
    *("astropy", "pandas", "scipy", "matplotlib", "bokeh", "numpy", "sqlalchemy", "pydantic", "rich", "stingray"),
    *("requests", "urllib3", "pyvo", "apscheduler"),
)


def _commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield above, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


COMMANDS = dict(_commands(cli))


def test_these_are_the_commands() -> None:
    assert {" ".join(path) for path, command in COMMANDS.items() if not isinstance(command, click.Group)} == {
        *(
            "ingest",
            "extract",
            "make-composites",
            "build-stats",
            "make-plots",
            "withdraw",
            "check",
            "findings show",
            "hlsp check",
            "demo",
            "mission list",
            "config show",
            "config check",
            "publish",
            "report",
            "import-original",
        ),
        *("targets list", "targets show", "targets merge", "targets split", "targets rename"),
        *("deliver set", "deliver unset"),
        *("poll", "fetch", "get", "selection add", "selection list", "selection remove"),
        *("archive status", "archive check", "daemon", "serve", "status"),
        *("user add", "user list", "user disable", "user enable", "user token", "user remove"),
        *("db upgrade", "db check", "db reset", "db sql", "files reset", "files sweep", "files verify"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "hstlc")
def test_help_explains_everything(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    command = COMMANDS[path]
    assert (command.help or "").strip()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
        else:
            assert parameter.human_readable_name.rstrip("S").upper() in str(command.help).upper()
    assert max(map(len, result.stdout.splitlines())) <= 100


SHOW_MODULES = """
import sys
from hstlc.cli.main import main
sys.argv = ["hstlc", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _imported(*arguments: str) -> set[str]:
    program = [sys.executable, "-c", SHOW_MODULES, *arguments]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_help_imports_nothing_heavy() -> None:
    script = (
        "from click.testing import CliRunner\nfrom hstlc.cli.main import cli\n"
        f"for path in {[list(path) for path in COMMANDS]!r}:\n"
        "    assert CliRunner().invoke(cli, [*path, '--help']).exit_code == 0\n"
        f"import sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert not _imported("--help") & set(HEAVY)


def test_asking_the_database_imports_no_astronomy(home: Path) -> None:
    assert CliRunner().invoke(cli, ["db", "upgrade"]).exit_code == 0
    imported = _imported("db", "sql", "SELECT 1")
    assert "sqlalchemy" in imported
    assert not imported & {"astropy", "pandas", "scipy", "matplotlib", "bokeh"}


@pytest.mark.parametrize("arguments", [("archive", "status"), ("status",), ("selection", "list")])
def test_a_command_that_asks_no_archive_imports_no_client_of_the_network(
    home: Path, arguments: tuple[str, ...]
) -> None:
    assert CliRunner().invoke(cli, ["db", "upgrade"]).exit_code == 0
    assert not _imported(*arguments) & {"requests", "pyvo", "astropy", "apscheduler", "pandas", "scipy", "bokeh"}


def test_version() -> None:
    from hstlc import __version__

    assert CliRunner().invoke(cli, ["--version"]).stdout == f"hstlc, version {__version__}\n"


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.HstlcError, 1),
        (errors.UsageError, 2),
        (errors.DataError, 3),
        (errors.UnreadableError, 3),
        (errors.UnsupportedModeError, 3),
        (errors.InconsistentError, 3),
        (errors.StepError, 4),
        (errors.StoreError, 5),
        (errors.DatabaseError, 5),
        (errors.LockHeldError, 6),
        (errors.ArchiveError, 7),
        (errors.TransientError, 7),
        (errors.RejectedError, 7),
        (errors.ProprietaryError, 7),
        (errors.IntegrityError, 7),
    ],
)
def test_an_error_becomes_message_hint_and_exit_code(error: type[errors.HstlcError], exit_code: int) -> None:
    @click.command()
    @report_errors
    def command() -> None:
        raise error("area.code", "what happened to postgresql://me:c4nary@host/db", "what to do, password=c4nary")

    result = CliRunner().invoke(command)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr == (
        "error [area.code]: what happened to postgresql://me:***@host/db\nhint: what to do, password=***\n"
    )


def test_a_programming_error_keeps_its_traceback() -> None:
    @click.command()
    @report_errors
    def command() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(command).exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["nonsense"], ["ingest", "--nonsense"], ["ingest", "-j", "0"], ["check"]])
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert "--help" in result.stderr
