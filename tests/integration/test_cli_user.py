"""``hstlc user``: tokens are shown once, and kept nowhere."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import Engine

from hstlc.db.engine import reading
from hstlc.db.users import user_of_token


@pytest.fixture
def user(hstlc, database_url: str, monkeypatch: pytest.MonkeyPatch):
    """A function that runs ``hstlc user``, on SQLite and on PostgreSQL."""
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", database_url)
    assert hstlc("db", "upgrade").exit_code == 0
    return lambda *arguments: hstlc("user", *arguments)


def whose(engine: Engine, token: str) -> tuple[str, bool] | None:
    with reading(engine) as connection:
        row = user_of_token(connection, token)
    return None if row is None else (row["name"], row["disabled_at"] is None)


def test_a_token_is_printed_once_and_is_the_users(user, engine, home) -> None:
    assert "hstlc user add NAME" in user("list").output
    added = user("add", "ada")
    assert added.exit_code == 0
    token = added.stdout.strip()
    assert re.fullmatch(r"hstlc_[\w-]{43}", token)
    assert "once" in added.stderr
    assert whose(engine, token) == ("ada", True)
    listed = user("list")
    assert "ada" in listed.output
    assert token not in listed.output
    (row,) = json.loads(user("list", "--json").stdout)
    assert (row["name"], row["disabled_at"], set(row)) == ("ada", None, {"id", "name", "made_at", "disabled_at"})
    for path in home.rglob("*"):  # neither in the database nor in a log
        assert not path.is_file() or token.encode() not in path.read_bytes()


def test_a_new_token_ends_the_old_one(user, engine) -> None:
    old = user("add", "ada").stdout.strip()
    new = user("token", "ada").stdout.strip()
    assert (whose(engine, old), whose(engine, new)) == (None, ("ada", True))


def test_a_user_is_disabled_enabled_and_removed(user, engine) -> None:
    token = user("add", "ada").stdout.strip()
    assert "hstlc user enable ada" in user("disable", "ada").output
    assert whose(engine, token) == ("ada", False)
    assert user("list").output.count("20") == 2  # two dates
    user("enable", "ada")
    assert whose(engine, token) == ("ada", True)
    assert user("remove", "ada").exit_code == 0
    assert whose(engine, token) is None


def test_what_cannot_be_is_said(user) -> None:
    user("add", "ada")
    for arguments, code in (
        (("add", "ada"), "usage.user-exists"),
        (("add", "a b"), "usage.user-name"),
        *(((name, "nobody"), "usage.unknown-user") for name in ("token", "disable", "enable", "remove")),
    ):
        answer = user(*arguments)
        assert answer.exit_code == 2, arguments
        assert f"[{code}]" in answer.stderr
        assert "hint: " in answer.stderr
        assert answer.stdout == ""


def test_without_a_database_nothing_is_made(hstlc, home) -> None:
    answer = hstlc("user", "add", "ada")
    assert "[usage.no-database]" in answer.stderr
    assert list(home.iterdir()) == []
