"""SQL over the interfaces: it reads, and does nothing else; on both databases."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table
from sqlalchemy import Engine
from starlette.testclient import TestClient

from hstlc.config import Settings, load
from hstlc.db import readonly
from hstlc.db.audit import audit_rows
from hstlc.db.engine import make_engine, normalize_url, reading, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.users import PRIVATE, add_user, new_token, token_digest
from hstlc.errors import DatabaseError, UsageError
from hstlc.testing.databases import content, reader_url_for
from hstlc.web import sql as web_sql
from hstlc.web.app import create_app

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OWN = {"Origin": "http://testserver"}
Ask = Callable[..., Any]


@pytest.fixture
def head(filled: Engine) -> dict[str, str]:
    token = new_token()
    with writing(filled) as connection:
        add_user(connection, "ada", token_digest(token), NOW)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def settings(filled: Engine, database_url: str, reader_url: str | None, tmp_path: Path) -> Settings:
    """Settings of a store whose reader cannot see the tables of users."""
    keys = {"HSTLC_HOME_DIR": str(tmp_path / "home"), "HSTLC_DB_CONNECTION_STRING": database_url}
    if reader_url is not None:
        with writing(filled) as connection:
            role = normalize_url(reader_url).username
            connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
            connection.exec_driver_sql(f"REVOKE SELECT ON web_user, audit FROM {role}")
        keys["HSTLC_DB_READONLY_CONNECTION_STRING"] = reader_url
    (tmp_path / "home").mkdir()
    return load(None, {**keys, "HSTLC_WEB__REQUESTS_PER_SECOND": "0", "HSTLC_WEB__SQL_TIMEOUT": "5 s"})


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ask(browser: TestClient, head: dict[str, str]) -> Ask:
    """A function that sends a statement and returns the answer."""

    def send(statement: str, **more: Any) -> Any:
        return browser.post("/api/v1/sql", json={"sql": statement, **more}, headers=head)

    return send


def test_rows_come_in_every_format(ask: Ask) -> None:
    statement = "SELECT targname, exptime_s, 3 AS n, NULL AS missing FROM metadata"
    found = ask(statement).json()
    assert found["rows"] == [{"targname": "A STAR", "exptime_s": None, "n": 3, "missing": None}]
    assert (found["truncated"], list(found["columns"])) == (False, ["targname", "exptime_s", "n", "missing"])
    answer = ask(statement, format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[0] == "targname,exptime_s,n,missing"
    with fits.open(io.BytesIO(ask(statement, format="fits").content)) as units:
        assert units[1].data["n"].tolist() == [3]
    table = parse_single_table(io.BytesIO(ask(statement, format="votable").content)).to_table()
    assert table["targname"][0] == "A STAR"
    assert ask("SELECT 1 AS a, 2 AS a").json()["rows"] == [{"a": 1, "a_2": 2}]
    assert ask("SELECT targname FROM metadata WHERE 1 = 0").json()["rows"] == []


def test_rows_are_limited(ask: Ask, settings: Settings) -> None:
    numbers = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT n FROM t"
    found = ask(numbers, limit=7).json()
    assert ([row["n"] for row in found["rows"]], found["truncated"]) == ([1, 2, 3, 4, 5, 6, 7], True)
    assert len(ask(numbers, limit=10**9).json()["rows"]) == 100


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE stats",
        "DELETE FROM stats",
        "UPDATE stats SET total = 0",
        "INSERT INTO bad_data (id) VALUES (9)",
        "SELECT 1; DROP TABLE stats",
        "COMMIT; DROP TABLE stats",
        "COMMIT",
        "WITH gone AS (DELETE FROM stats RETURNING id) SELECT * FROM gone",
        "ATTACH 'x.db' AS x",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'x.db'",
        "SELECT load_extension('x')",
        "COPY stats TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE TABLE x (a int)",
        "SELECT * INTO x FROM stats",
        "SET ROLE postgres",
        "SELECT nonsense FROM nowhere",
        "'",
        "SELECT 1 --\u0000",
        "caf\u00e9",
        " ",
    ],
)
def test_nothing_can_be_changed(statement: str, ask: Ask, filled: Engine, head: dict[str, str]) -> None:
    before = content(filled)
    answer = ask(statement)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "usage.sql"
    after = content(filled)
    assert {name: rows for name, rows in after.items() if name != "audit"} == {
        name: rows for name, rows in before.items() if name != "audit"
    }


@pytest.mark.parametrize("table", ["web_user", "audit", "WEB_USER", '"web_user"', "main.web_user"])
@pytest.mark.parametrize(
    "shape", ["SELECT * FROM {}", "SELECT count(*) FROM {}", "SELECT 1 WHERE EXISTS (SELECT 1 FROM {})"]
)
def test_tables_of_users_are_not_read(table: str, shape: str, ask: Ask) -> None:
    answer = ask(shape.format(table))
    assert answer.status_code == 400
    assert "token" not in answer.text


def test_a_statement_that_takes_too_long_or_gives_too_much_is_ended(settings: Settings, head: dict[str, str]) -> None:
    section = settings.web.model_copy(update={"sql_timeout_s": 0.5, "sql_bytes": 100_000})
    with TestClient(create_app(settings.model_copy(update={"web": section}))) as client:

        def code(statement: str) -> str:
            answer = client.post("/api/v1/sql", json={"sql": statement}, headers=head)
            assert answer.status_code == 400, answer.text
            return str(answer.json()["code"])

        endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT {} FROM t"
        assert code(endless.format("count(*)")) == "usage.sql-timeout"
        assert code(endless.format("n, 'a text of some length that is there again and again'")) == "usage.sql-large"
        make = "repeat('x', 1000000)" if settings.db_readonly_connection_string else "hex(zeroblob(500000))"
        assert code(f"SELECT {make}") == "usage.sql-large"
        small = client.post("/api/v1/sql", json={"sql": "SELECT 'well' AS a"}, headers=head)
        assert small.json()["rows"] == [{"a": "well"}]


def test_only_so_many_statements_run_at_the_same_time(
    settings: Settings, head: dict[str, str], filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = new_token()
    with writing(filled) as connection:
        add_user(connection, "bob", token_digest(token), NOW)
    heads = {"ada": head, "bob": {"Authorization": f"Bearer {token}"}}
    section = settings.web.model_copy(update={"sql_at_once": 3, "sql_of_user": 2})
    real, running, go = web_sql.select, threading.Semaphore(0), threading.Event()

    def slow(*args: Any, **options: Any) -> Any:
        running.release()
        assert go.wait(60)
        return real(*args, **options)

    monkeypatch.setattr(web_sql, "select", slow)
    answers: list[int] = []
    with TestClient(create_app(settings.model_copy(update={"web": section}))) as client:

        def send(name: str) -> Any:
            return client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=heads[name])

        threads = [
            threading.Thread(target=lambda n=n: answers.append(send(n).status_code)) for n in ("ada", "ada", "bob")
        ]
        for thread in threads:
            thread.start()
            assert running.acquire(timeout=60)
        refused = [send("ada"), send("bob")]
        assert [answer.status_code for answer in refused] == [429, 429]
        assert "yours" in refused[0].json()["title"]
        assert refused[1].headers["retry-after"]
        go.set()
        for thread in threads:
            thread.join(60)
        assert send("bob").status_code == 200
    assert answers == [200, 200, 200]


def test_without_a_reader_that_can_only_read_there_is_no_sql(
    settings: Settings, head: dict[str, str], database_url: str, filled: Engine
) -> None:
    if database_url.startswith("sqlite"):  # which needs none
        with TestClient(create_app(settings)) as client:
            assert client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=head).status_code == 200
        return
    password = "a-password-that-nobody-sees"
    reader = normalize_url(settings.db_readonly_connection_string or "").username
    cases = {
        "usage.no-reader": None,
        "usage.reader-rights": settings.db_readonly_connection_string,
    }
    with writing(filled) as connection:
        connection.exec_driver_sql(f"GRANT SELECT ON web_user TO {reader}")
    for code, address in cases.items():
        changed = settings.model_copy(update={"db_readonly_connection_string": address})
        with TestClient(create_app(changed)) as client:
            answer = client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=head)
        assert answer.status_code == 503, code
        assert answer.json()["code"] == code
        assert "not set up" in answer.json()["title"]
        assert password not in answer.text
        assert normalize_url(settings.db_readonly_connection_string or "").password not in answer.text
    assert "REVOKE SELECT ON web_user" in answer.json()["hint"]


def test_a_reader_that_was_made_before_the_tables_cannot_read_those_of_users(postgres_url: str) -> None:
    reader = reader_url_for(postgres_url)
    engine = make_engine(postgres_url)
    ensure_schema(engine)
    engine.dispose()
    found = readonly.select(postgres_url, "SELECT count(*) FROM stats", reader_url=reader, hidden=PRIVATE)
    assert found.rows == [(0,)]
    with pytest.raises(UsageError) as caught:
        readonly.select(postgres_url, "SELECT * FROM web_user", reader_url=reader)
    assert caught.value.code == "usage.sql"


def test_statements_are_recorded_and_cut(settings: Settings, head: dict[str, str], filled: Engine) -> None:
    with TestClient(create_app(settings)) as client:
        client.post("/api/v1/sql", json={"sql": "SELECT 1 UNION SELECT 2"}, headers=head)
        client.post("/api/v1/sql", json={"sql": "DROP TABLE stats"}, headers=head)
        client.post("/api/v1/sql", json={"sql": f"SELECT '{'x' * 20_000}'"}, headers=head)
    with reading(filled) as connection:
        rows = [row for row in audit_rows(connection, action="sql") if row["user_name"] == "ada"][::-1]
    assert [(row["status"], row["rows"]) for row in rows] == [(200, 2), (400, None), (200, 1)]
    assert rows[0]["detail"] == "SELECT 1 UNION SELECT 2"
    assert len(rows[2]["detail"]) == 4000
    assert all(row["seconds"] >= 0 for row in rows)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sql": ""},
        {"sql": 1},
        {"sql": "SELECT 1", "format": "xls"},
        {"sql": "SELECT 1", "limit": 0},
        {"sql": "SELECT 1", "limit": -1},
        {"sql": "SELECT 1", "limit": 1e300},
        {"sql": "SELECT 1", "more": 1},
        {"sql": "x" * 60_000},
    ],
)
def test_a_body_that_is_none_is_refused(body: Any, browser: TestClient, head: dict[str, str]) -> None:
    answer = browser.post("/api/v1/sql", content=json.dumps(body), headers={**head, "Content-Type": "application/json"})
    assert answer.status_code == 422
    assert browser.get("/api/v1/sql", headers=head).status_code == 405


def test_the_page_runs_what_its_form_sends_and_nothing_else(browser: TestClient, head: dict[str, str]) -> None:
    token = head["Authorization"].split()[1]
    browser.post("/account", data={"token": token}, headers=OWN)
    page = browser.get("/sql", params={"sql": "SELECT 'was run' || '!'"})  # an address runs nothing
    assert "was run!" not in page.text
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found
    form = {"form_token": found[1]}
    assert "exptime_s" in page.text  # the columns are told, with their units
    assert "token_sha256" not in page.text
    statement = "SELECT '<b>' || targname AS t, ra_deg, 1.5 AS x FROM metadata\r\n-- \"&"
    answer = browser.post("/sql", data={**form, "sql": statement, "format": ""}, headers=OWN)
    assert answer.status_code == 200
    assert "&lt;b&gt;A STAR" in answer.text
    assert "<b>A" not in answer.text
    assert '<span class="unit">deg</span>' in answer.text
    assert "1 row in" in answer.text
    answer = browser.post("/sql", data={**form, "sql": "SELEC 1"}, headers=OWN)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "SELEC 1</textarea>" in answer.text
    answer = browser.post("/sql", data={**form, "sql": "SELECT 1 AS one", "format": "csv"}, headers=OWN)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text.splitlines() == ["one", "1"]
    assert browser.post("/sql", data={**form, "sql": "SELECT 1", "format": "exe"}, headers=OWN).status_code == 400


def test_every_example_of_the_page_runs(ask: Ask) -> None:
    for _, statement in web_sql.EXAMPLES:
        assert ask(statement).status_code == 200, statement


def test_an_answer_says_nothing_of_this_machine(
    settings: Settings, head: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise DatabaseError("store.database", f"{settings.db_connection_string} cannot be read", "check it")

    monkeypatch.setattr(web_sql, "select", away)
    with TestClient(create_app(settings)) as client:
        answer = client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=head)
    assert (answer.status_code, answer.json()["code"]) == (503, "store.database")
    assert answer.headers["retry-after"]
    for part in ("/tmp", "hstlc.db", "postgresql", "sqlite", "Traceback"):
        assert part not in answer.text
