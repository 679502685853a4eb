"""``hstlc config`` and ``mission``, and that no command ever shows a password."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from sqlalchemy import make_url

from hstlc.config import describe
from hstlc.missions.registry import missions

Run = Callable[..., Result]

CANARY = "c4nary-p4ss"


def test_the_values_in_force(hstlc: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSTLC_MISSIONS__HST__BIN_WIDTH", "5 s")
    as_yaml, as_json = hstlc("config", "show"), hstlc("config", "show", "--json")
    assert (as_yaml.exit_code, as_json.exit_code) == (0, 0)
    values = json.loads(as_json.stdout)
    assert yaml.safe_load(as_yaml.stdout) == values
    assert values["home_dir"] == str(home)
    assert values["missions"]["hst"]["bin_width"] == "5 s"


def test_every_key_is_explained(hstlc: Run) -> None:
    explained = json.loads(hstlc("config", "show", "--keys", "--json").stdout)
    assert [key["name"] for key in explained] == [key.name for key in describe()]
    assert all(key.keys() == {"name", "kind", "default", "environment", "doc"} for key in explained)
    text = hstlc("config", "show", "--keys").stdout
    assert "missions.hst.bin_width: width of the time bins" in text
    assert "HSTLC_MISSIONS__HST__BIN_WIDTH" in text


def test_check_says_that_all_is_well(hstlc: Run, home: Path) -> None:
    result = hstlc("config", "check")
    assert (result.exit_code, result.stdout) == (0, f"the configuration is right; the data tree is {home}\n")
    assert list(home.iterdir()) == []


def test_a_file_given_with_config_is_read(hstlc: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HSTLC_HOME_DIR")
    file = home.parent / "mine.yaml"
    file.write_text(f"home_dir: {home}\nstats:\n  rule: hstlc-2016\n")
    assert json.loads(hstlc("config", "show", "--json", "--config", file).stdout)["stats"]["rule"] == "hstlc-2016"
    file.write_text(f"home_dir: {home}\nbin_widht: 2 s\n")
    result = hstlc("config", "check", "--config", file)
    assert result.exit_code == 2
    assert f"error [usage.unknown-key]: {file}, line 2" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        *(["ingest"], ["build-stats"], ["config", "show"], ["config", "check"], ["db", "upgrade"], ["db", "check"]),
        *(["db", "reset", "stats"], ["db", "sql", "SELECT 1"], ["files", "verify"], ["files", "sweep"]),
    ],
    ids=" ".join,
)
def test_without_a_configuration_the_cure_is_named(
    hstlc: Run, home: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.delenv("HSTLC_HOME_DIR")
    result = hstlc(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error [usage.no-home]" in result.stderr
    assert "hint: set HSTLC_HOME_DIR=" in result.stderr


# --- missions


def test_missions_are_listed_with_their_checks(hstlc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HSTLC_HOME_DIR")  # needs no configuration
    listed = json.loads(hstlc("mission", "list", "--json").stdout)
    assert [mission["name"] for mission in listed] == list(missions())
    for mission in listed:
        assert mission.keys() == {"name", "title", "instruments", "checks"}
        assert [check["reason"] for check in mission["checks"]] == [
            check.reason for check in missions()[mission["name"]].checks
        ]
    text = hstlc("mission", "list").stdout
    assert "hst: Hubble Space Telescope (COS, STIS), " in text
    assert "Bad EXPFLAG" not in text
    assert "  reject Bad EXPFLAG: EXPFLAG is one of `accepted_expflags`." in hstlc("mission", "list", "--checks").stdout


# --- passwords

COMMANDS = [
    ["config", "show"],
    ["config", "show", "--json"],
    ["config", "show", "--keys"],
    ["config", "check"],
    ["db", "check"],
    ["db", "upgrade"],
    ["db", "sql", "SELECT * FROM nowhere"],
    ["db", "reset", "nonsense"],
    ["db", "reset", "stats"],
    ["db", "reset", "all", "--i-know-this-deletes-production"],
    ["files", "verify"],
    ["files", "sweep"],
    ["files", "reset", "--i-know-this-deletes-production"],
    ["ingest"],
    ["ingest", "--dry-run"],
    ["ingest", "--json", "-v"],
    ["build-stats", "-v"],
]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://hstlc:{CANARY}@127.0.0.1:1/nothing",
        f"postgresql://127.0.0.1:1/nothing?user=hstlc&password={CANARY}",
        f"postgresql://hstlc:{CANARY}@127.0.0.1:nonsense/nothing",
        f"mysql://hstlc:{CANARY}@127.0.0.1/nothing",
    ],
    ids=["unreachable", "option", "broken", "unsupported"],
)
def test_no_password_where_the_database_does_not_answer(
    hstlc: Run, home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", url)
    monkeypatch.setenv("HSTLC_DB_READONLY_CONNECTION_STRING", url)
    for command in COMMANDS:
        result = hstlc(*command, answer="y\n")
        assert CANARY not in result.output, command
        assert result.output, command
    assert all(CANARY not in path.read_text() for path in home.rglob("*.log"))


def test_no_password_where_it_does(hstlc: Run, home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = make_url(postgres_url)
    with_password = url.set(username=url.username or "postgres", password=CANARY)
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", with_password.render_as_string(hide_password=False))
    assert hstlc("db", "upgrade").exit_code == 0
    for command in COMMANDS:
        result = hstlc(*command, answer="n\n")
        assert CANARY not in result.output, command
    asked = hstlc("db", "reset", "all", "--i-know-this-deletes-production", answer="n\n").output
    assert "Reset all of postgresql" in asked
    assert ":***@" in asked
    logs = list(home.rglob("*.log"))
    assert logs
    assert all(CANARY not in path.read_text() for path in logs)
