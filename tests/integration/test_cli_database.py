"""``hstlc db`` as a user runs it, on both databases."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import insert

from hstlc.db.engine import make_engine, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.reset import table_names
from hstlc.db.tables import Run as RunRow
from hstlc.testing.databases import content

Run = Callable[..., Result]


@pytest.fixture
def database(
    database_url: str, hstlc: Run, fill: Callable[..., None], monkeypatch: pytest.MonkeyPatch, home: Path
) -> str:
    """A configured database with one row in every table."""
    engine = make_engine(database_url)
    ensure_schema(engine)
    fill(engine)
    engine.dispose()
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", database_url)
    return database_url


@pytest.fixture
def readable(database: str, reader_url: str | None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same with a reader, where it needs one."""
    if reader_url is not None:
        monkeypatch.setenv("HSTLC_DB_READONLY_CONNECTION_STRING", reader_url)
    return database


def _content(url: str) -> dict[str, list[tuple[object, ...]]]:
    engine = make_engine(url)
    try:
        return content(engine)
    finally:
        engine.dispose()


# --- upgrade and check


def test_upgrade_makes_the_tables_once(
    hstlc: Run, database_url: str, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", database_url)
    first, second = hstlc("db", "upgrade"), hstlc("db", "upgrade")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("schema empty -> ")
    assert second.stdout == "schema " + first.stdout.rpartition(" ")[2]
    assert hstlc("db", "check").exit_code == 0


def test_check_makes_no_database(hstlc: Run, home: Path) -> None:
    result = hstlc("db", "check")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert str(home / "hstlc.db") in result.stderr
    assert "hstlc db upgrade" in result.stderr
    assert list(home.iterdir()) == []


def test_check_of_an_empty_database_says_what_to_do(
    hstlc: Run, database_url: str, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", database_url)
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()
    result = hstlc("db", "check")
    assert result.exit_code == 2
    assert "error [usage.no-database]: there are no tables of hstlc at " in result.stderr
    assert "hstlc db upgrade" in result.stderr


def test_the_schema_of_another_version_is_left_alone(hstlc: Run, database: str) -> None:
    engine = make_engine(database)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    before = _content(database)
    for command in (["db", "check"], ["db", "upgrade"], ["db", "reset", "stats", "--yes"], ["files", "verify"]):
        result = hstlc(*command)
        assert result.exit_code == 2, command
        assert "error [usage.schema-unknown]" in result.stderr, command
    assert hstlc("ingest", "--dry-run", Path(__file__).parent).exit_code == 2
    assert _content(database) == before


def test_a_server_that_does_not_answer(hstlc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", "postgresql://someone@127.0.0.1:1/nothing")
    for command in (["db", "check"], ["db", "upgrade"], ["ingest"], ["files", "verify"]):
        result = hstlc(*command)
        assert result.exit_code == 5, command
        assert "error [store.database]" in result.stderr
        assert "hint: " in result.stderr


# --- sql

ONE = "SELECT m.targname, s.total, s.poisson_factor, s.periodogram, s.mean FROM stats s JOIN outputs o ON \
s.product_id = o.individual_product_id JOIN metadata m ON o.metadata_id = m.id"


def test_rows_as_a_table(hstlc: Run, readable: str) -> None:
    result = hstlc("db", "sql", "SELECT targname, exptime_s, cenwave FROM metadata")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "targname  exptime_s  cenwave",
        "--------  ---------  -------",
        "A STAR    NULL          1291",
    ]


def test_rows_as_csv(hstlc: Run, readable: str) -> None:
    rows = list(csv.reader(io.StringIO(hstlc("db", "sql", ONE, "--format", "csv").stdout)))
    assert rows[0] == ["targname", "total", "poisson_factor", "periodogram", "mean"]
    assert rows[1][:3] == ["A STAR", "1819", "1.5"]
    assert rows[1][4] == ""


def test_rows_as_json(hstlc: Run, readable: str) -> None:
    (row,) = json.loads(hstlc("db", "sql", ONE, "--format", "json").stdout)
    assert row == {"targname": "A STAR", "total": 1819, "poisson_factor": 1.5, "periodogram": True, "mean": None}


def test_json_has_no_word_for_nan(hstlc: Run, readable: str) -> None:
    if readable.startswith("sqlite"):
        sql, expected = "SELECT 9e999 AS a", [{"a": None}]
    else:
        sql, expected = "SELECT 'NaN'::float8 AS a, '-Infinity'::float8 AS b", [{"a": None, "b": None}]
    text = hstlc("db", "sql", sql, "--format", "json").stdout
    assert json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON")) == expected


def test_columns_of_one_name_are_not_lost_in_json(hstlc: Run, readable: str) -> None:
    result = hstlc("db", "sql", "SELECT 1 AS a, 2 AS a", "--format", "json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error [usage.repeated-column]" in result.stderr
    assert " AS " in result.stderr
    assert hstlc("db", "sql", "SELECT 1 AS a, 2 AS a", "--format", "csv").stdout == "a,a\n1,2\n"


def test_more_rows_than_wanted_are_noted(hstlc: Run, readable: str) -> None:
    result = hstlc("db", "sql", "SELECT 1 AS a UNION ALL SELECT 1", "--limit", "1")
    assert result.stdout.splitlines() == ["a", "-", "1"]
    assert "only the first 1 rows" in result.stderr
    assert "--limit" in result.stderr
    assert hstlc("db", "sql", "SELECT 1 AS a UNION ALL SELECT 1", "--limit", "2").stderr == ""


@pytest.mark.parametrize(
    "sql", ["DELETE FROM stats", "DROP TABLE stats", "SELECT 1; DELETE FROM stats", "COMMIT; DROP TABLE stats", ""]
)
def test_attacks_change_nothing(hstlc: Run, readable: str, sql: str) -> None:
    before = _content(readable)
    result = hstlc("db", "sql", sql)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error [usage.sql]" in result.stderr
    assert _content(readable) == before


def test_without_a_database_there_is_nothing_to_ask(hstlc: Run, home: Path) -> None:
    result = hstlc("db", "sql", "SELECT 1")
    assert result.exit_code == 5
    assert "error [store.database]" in result.stderr
    assert list(home.iterdir()) == []


# --- reset


def _counts(url: str) -> dict[str, int]:
    return {name: len(rows) for name, rows in _content(url).items() if name in table_names()}


@pytest.mark.parametrize("what", [[], ["production"], ["all"]])
def test_production_needs_its_flag(hstlc: Run, database: str, what: list[str]) -> None:
    before = _content(database)
    result = hstlc("db", "reset", *what, "--yes", answer="y\n")
    assert result.exit_code == 2
    assert "error [usage.unconfirmed]" in result.stderr
    assert "--i-know-this-deletes-production" in result.stderr
    assert _content(database) == before


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_only_a_yes_is_a_yes(hstlc: Run, database: str, answer: str) -> None:
    before = _content(database)
    for what in (["stats"], ["all", "--i-know-this-deletes-production"]):
        result = hstlc("db", "reset", *what, answer=answer)
        assert result.exit_code == 1
        assert f"Reset {what[0]} of" in result.output
    assert _content(database) == before


def test_production_keeps_bad_data(hstlc: Run, database: str) -> None:
    result = hstlc("db", "reset", "--i-know-this-deletes-production", answer="y\n")
    assert result.exit_code == 0
    assert "metadata: 1 rows removed" in result.stdout
    assert "bad_data" not in result.stdout
    assert _counts(database) == {name: int(name == "bad_data") for name in table_names()}


def test_all_is_all(hstlc: Run, database: str) -> None:
    assert hstlc("db", "reset", "all", "--yes", "--i-know-this-deletes-production").exit_code == 0
    assert set(_counts(database).values()) == {0}


def test_one_table(hstlc: Run, database: str) -> None:
    engine = make_engine(database)
    row = {"command": "x", "version": "2", "status": "done", "started_at": datetime.now(UTC)}
    with writing(engine) as connection:
        connection.execute(insert(RunRow), row)
    engine.dispose()
    result = hstlc("db", "reset", "run", "--yes")
    assert (result.exit_code, result.stdout) == (0, "run: 2 rows removed\n")
    assert {name for name, number in _counts(database).items() if number == 0} == {"run"}


def test_an_unknown_table_is_refused_before_anything_is_asked(hstlc: Run, database: str) -> None:
    result = hstlc("db", "reset", "nonsense", answer="y\n")
    assert result.exit_code == 2
    assert "error [usage.unknown-table]" in result.stderr
    assert "choose one of all, production, " in result.stderr
    assert "Reset" not in result.output


def test_reset_makes_no_database(hstlc: Run, home: Path) -> None:
    result = hstlc("db", "reset", "stats", "--yes")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []
