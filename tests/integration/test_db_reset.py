"""Emptying the database: all, all but the rejected files, or one table."""

import pytest
from sqlalchemy import Engine, insert, text

from hstlc.db.engine import writing
from hstlc.db.migrate import current_and_head, ensure_schema
from hstlc.db.readonly import select
from hstlc.db.reset import reset, table_names
from hstlc.db.tables import BadData
from hstlc.errors import UsageError
from hstlc.testing.databases import content


def _counts(engine: Engine) -> dict[str, int]:
    return {name: len(rows) for name, rows in content(engine).items() if name != "alembic_version"}


def test_all_leaves_a_new_database(filled: Engine) -> None:
    removed = reset(filled, "all")
    assert removed == dict.fromkeys(table_names(), 1)
    assert _counts(filled) == dict.fromkeys(table_names(), 0)
    current, head = current_and_head(filled)
    assert current == head


def test_production_keeps_the_rejected_files(filled: Engine) -> None:
    before = [row[1:] for row in content(filled)["bad_data"]]
    removed = reset(filled, "production")
    assert "bad_data" not in removed
    assert removed["metadata"] == removed["run"] == 1
    assert [row[1:] for row in content(filled)["bad_data"]] == before
    assert _counts(filled) == {name: int(name == "bad_data") for name in table_names()}
    with writing(filled) as connection:  # numbering goes on
        row = {"filename": "b.fits", "path": "/b", "reason": "No events", "sha256": "1" * 64, "size_bytes": 2}
        connection.execute(insert(BadData), {**row, "ingest_date": before[0][5]})
    assert _counts(filled)["bad_data"] == 2


@pytest.mark.parametrize(
    ("table", "emptied"),
    [
        ("metadata", {"light_curve", "setup", "outputs", "metadata", "source", "hardness_ratio"}),
        ("product", {"composite_member", "candidate", "light_curve", "setup", "stats", "product"}),
        ("stats", {"stats"}),
        ("bad_data", {"bad_data"}),
        ("outputs", {"light_curve", "setup", "outputs"}),
        ("setup", {"light_curve", "setup"}),
        ("run", {"run"}),
    ],
)
def test_one_table_and_what_cannot_be_without_it(filled: Engine, table: str, emptied: set[str]) -> None:
    removed = reset(filled, table)
    assert removed == dict.fromkeys(emptied, 1)
    assert list(removed)[-1] == table
    assert _counts(filled) == {name: int(name not in emptied) for name in table_names()}


def test_an_unknown_table_is_refused_with_the_names(filled: Engine) -> None:
    before = content(filled)
    with pytest.raises(UsageError) as caught:
        reset(filled, "stats; DROP TABLE stats")
    assert caught.value.code == "usage.unknown-table"
    assert all(name in caught.value.hint for name in ("all", "production", *table_names()))
    assert content(filled) == before


@pytest.mark.parametrize("what", ["all", "production", "stats"])
def test_tables_that_are_not_ours_are_left_alone(filled: Engine, what: str) -> None:
    with writing(filled) as connection:
        connection.execute(text("CREATE TABLE mine (a INTEGER)"))
        connection.execute(text("INSERT INTO mine VALUES (7)"))
    reset(filled, what)
    assert content(filled)["mine"] == [(7,)]
    ensure_schema(filled)


@pytest.mark.parametrize("what", ["all", "production", "stats"])
def test_a_foreign_database_is_refused(filled: Engine, what: str) -> None:
    with writing(filled) as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    before = content(filled)
    with pytest.raises(UsageError) as caught:
        reset(filled, what)
    assert caught.value.code == "usage.schema-foreign"
    assert content(filled) == before


def _fail(_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("what", ["all", "production"])
def test_a_reset_that_fails_changes_nothing(filled: Engine, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    before = content(filled)
    monkeypatch.setattr("hstlc.db.reset.run_migrations", _fail)
    with pytest.raises(ZeroDivisionError):
        reset(filled, what)
    assert content(filled) == before


def test_a_reader_can_read_after_a_reset(filled: Engine, database_url: str, reader_url: str | None) -> None:
    reset(filled, "all")
    assert select(database_url, "SELECT count(*) FROM metadata", reader_url=reader_url).rows == [(0,)]
