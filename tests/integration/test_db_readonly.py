"""One statement that reads, and attacks that change nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, insert, text

from hstlc.db.engine import make_engine, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.readonly import ResultSet, reader_sql, select
from hstlc.db.tables import Run
from hstlc.db.views import drop_views
from hstlc.errors import DatabaseError, UsageError
from hstlc.testing.databases import content, fresh_database, reader_url_for, sqlite_url

Ask = Callable[..., ResultSet]
Target = Callable[[str], tuple[Engine, str, str | None, Path]]


@pytest.fixture
def ask(filled: Engine, database_url: str, reader_url: str | None) -> Ask:
    return lambda sql, **options: select(database_url, sql, reader_url=reader_url, **options)


def test_the_documented_query(ask: Ask) -> None:
    answer = ask(
        "SELECT m.targname, s.poisson_factor FROM stats s JOIN outputs o ON s.lightcurve_filename = "
        "o.individual_filename JOIN metadata m ON o.metadata_id = m.id WHERE s.periodogram"
    )
    assert answer == ResultSet(("targname", "poisson_factor"), [("A STAR", 1.5)], truncated=False)


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS a;", "VALUES (1)", "WITH x AS (SELECT 1 AS a) SELECT a FROM x; -- end", "/* ; */ SELECT 1"]
)
def test_what_a_statement_may_look_like(ask: Ask, sql: str) -> None:
    assert ask(sql).rows == [(1,)]


def test_signs_that_drivers_take_for_their_own_are_left_alone(ask: Ask) -> None:
    assert ask("SELECT 'a%s %(b)s :c ? ;', count(*) FROM metadata WHERE targname LIKE 'A%'").rows == [
        ("a%s %(b)s :c ? ;", 1)
    ]


def test_values_are_plain(ask: Ask) -> None:
    row = ask("SELECT sum(total), avg(total), max(exposure_s), max(mean), max(computed_at) FROM stats").rows[0]
    assert row[:4] == (1819, 1819.0, 1881.152, None)
    assert [type(value) for value in row] == [int, float, float, type(None), str]
    assert row[4].startswith("2024-05-06 07:08:09.123456")


def test_names_may_repeat_and_rows_are_limited(ask: Ask, filled: Engine) -> None:
    run = {"command": "x", "version": "2", "status": "done", "started_at": datetime.now(UTC)}
    with writing(filled) as connection:
        connection.execute(insert(Run), [run] * 5)
    answer = ask("SELECT id, id FROM run ORDER BY id", limit=4)
    assert answer.columns == ("id", "id")
    assert answer.rows == [(n, n) for n in (1, 2, 3, 4)]
    assert answer.truncated
    assert not ask("SELECT id FROM run", limit=6).truncated


@pytest.mark.parametrize("sql", ["", " \n", "SELECT 1\0", "SELEC 1", "SELECT * FROM nowhere", "SELECT '\ud800'"])
def test_what_is_wrong_is_said(ask: Ask, sql: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(sql)
    assert caught.value.code == "usage.sql"
    assert "one SELECT" in caught.value.hint


BOMB = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_a_bomb_is_stopped(ask: Ask) -> None:
    with pytest.raises(UsageError) as caught:
        ask(BOMB, timeout_s=0.2)
    assert caught.value.code == "usage.sql-timeout"
    assert "0.2 s" in caught.value.message
    assert "ask for less" in caught.value.hint


BOTH = [
    "DELETE FROM stats",
    "DROP TABLE stats",
    "INSERT INTO run SELECT * FROM run",
    "UPDATE stats SET deliver = NOT deliver",
    "SELECT 1; DELETE FROM stats",
    "COMMIT; DROP TABLE stats",
    "COMMIT",
    "ROLLBACK; DELETE FROM stats",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE TEMP TABLE mine AS SELECT 1",
    "VACUUM",
    "WITH d AS (SELECT 1) DELETE FROM stats",
    "EXPLAIN ANALYZE DELETE FROM stats",
]
SQLITE = [
    "ATTACH '{folder}/x.db' AS x",
    "ATTACH '{folder}/x.db' AS x; CREATE TABLE x.t(a)",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA query_only = OFF",
    "SELECT * FROM pragma_journal_mode",
    "VACUUM INTO '{folder}/x.db'",
    "VACUUM main INTO '{folder}/x.db'",
    "SELECT load_extension('{folder}/x.so')",
    "WITH d AS (SELECT 1) INSERT INTO run SELECT * FROM run",
    "DELETE FROM stats RETURNING id",
    "REPLACE INTO sqlite_master VALUES (1, 2, 3, 4, 5)",
    "SAVEPOINT a",
    "CREATE VIRTUAL TABLE v USING fts5(a)",
    "SELECT length(zeroblob(500000000))",
    "SELECT length(hex(zeroblob(9000000)))",
]
POSTGRES = [
    "RESET ROLE",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SELECT set_config('role', 'postgres', false)",
    "SELECT set_config('session_authorization', 'postgres', false)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SET TRANSACTION READ WRITE",
    "COPY stats TO PROGRAM 'touch {folder}/x'",
    "COPY stats TO '{folder}/x'",
    "COPY run FROM '/dev/null'",
    "SELECT lo_export(lo_create(0), '{folder}/x')",
    "SELECT lo_create(4711)",
    "SELECT lo_from_bytea(4711, 'x')",
    "WITH d AS (DELETE FROM stats RETURNING *) SELECT * FROM d",
    "DELETE FROM stats RETURNING id",
    "SELECT query_to_xml('delete from stats', true, true, '')",
    "SELECT query_to_xml('commit; drop table stats', true, true, '')",
    "DO $$ BEGIN DELETE FROM stats; END $$",
    "SELECT 1 INTO mine",
    "SELECT * FROM stats FOR UPDATE",
    "SELECT nextval('run_id_seq')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_reload_conf()",
    "PREPARE x AS DELETE FROM stats",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM stats; SELECT 1'",
    "SELECT '1$x$ a $x$; DROP TABLE stats; SELECT $x$ b $x$'; DROP TABLE stats",
    "SELECT E'\\'; DROP TABLE stats; --'; DROP TABLE stats",
]


def _attacks() -> list[object]:
    sqlite, postgres = [*BOTH, *SQLITE], [*BOTH, *POSTGRES]
    pairs = [("sqlite", sql) for sql in sqlite] + [("postgresql", sql) for sql in postgres]
    return [pytest.param(kind, sql, id=f"{kind}-{sql[:40]}") for kind, sql in pairs]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory, fill: Callable[[Engine], None]) -> Iterator[Target]:
    """Both databases with rows, made once: no attack may change them."""
    made: dict[str, tuple[Engine, str, str | None, Path]] = {}
    with ExitStack() as stack:

        def target(kind: str) -> tuple[Engine, str, str | None, Path]:
            if kind not in made:
                folder = tmp_path_factory.mktemp("attacked")
                folder.chmod(0o777)
                url = stack.enter_context(fresh_database(kind, folder))
                engine = make_engine(url)
                stack.callback(engine.dispose)
                ensure_schema(engine)
                fill(engine)
                made[kind] = (engine, url, reader_url_for(url) if kind == "postgresql" else None, folder)
            return made[kind]

        yield target


@pytest.mark.parametrize(("kind", "sql"), _attacks())
def test_an_attack_changes_nothing(targets: Target, kind: str, sql: str) -> None:
    engine, url, reader, folder = targets(kind)
    before, files = content(engine), sorted(folder.iterdir())
    assert before["stats"]
    with pytest.raises(UsageError) as caught:
        select(url, sql.replace("{folder}", str(folder)), reader_url=reader, timeout_s=10)
    assert caught.value.code == "usage.sql"
    assert content(engine) == before
    assert sorted(folder.iterdir()) == files


@pytest.mark.parametrize("sql", [BOTH[0], BOTH[1], BOTH[3]])
def test_the_same_statement_with_rights_changes_something(filled: Engine, sql: str) -> None:
    before = content(filled)
    with writing(filled) as connection:
        drop_views(connection)  # or PostgreSQL keeps their tables
        connection.execute(text(sql))
    assert content(filled) != before


def test_a_broken_or_missing_sqlite_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError) as caught:
        select(sqlite_url(tmp_path), "SELECT 1")
    assert caught.value.code == "store.database"
    assert str(tmp_path) in caught.value.message
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "hstlc.db").write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseError) as caught:
        select(sqlite_url(tmp_path), "SELECT * FROM stats")
    assert caught.value.code == "store.database"


def test_a_path_with_signs_that_mean_something_in_an_address(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=rwc#%41 b.db"
    sqlite3.connect(path).close()
    url = URL.create("sqlite", database=str(path))
    with pytest.raises(UsageError):
        select(url, "CREATE TABLE t(a)")
    assert select(url, "SELECT 1").rows == [(1,)]
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_reader_the_hint_is_the_sql_that_makes_one(filled: Engine, database_url: str) -> None:
    if filled.dialect.name == "sqlite":
        assert select(database_url, "SELECT 1").rows == [(1,)]
        return
    with pytest.raises(UsageError) as caught:
        select(database_url, "SELECT 1")
    assert caught.value.code == "usage.no-reader"
    assert reader_sql(str(filled.url.database)) in caught.value.hint
    assert "db_readonly_connection_string" in caught.value.hint


RIGHTS = {
    "GRANT INSERT ON bad_data TO {role}": "bad_data",
    "GRANT UPDATE (deliver) ON stats TO {role}": "stats",
    "GRANT TRUNCATE ON run TO PUBLIC": "run",
    "GRANT CREATE ON SCHEMA public TO {role}": "schema public",
    "GRANT CREATE ON DATABASE {database} TO {role}": "create schemas",
    "GRANT pg_execute_server_program TO {role}": "pg_execute_server_program",
    "GRANT pg_write_server_files TO {role} WITH INHERIT FALSE": "pg_write_server_files",
    "GRANT pg_read_server_files TO {role}": "pg_read_server_files",
    "GRANT pg_write_all_data TO {role}": "pg_write_all_data",
    "GRANT postgres TO {role} WITH INHERIT FALSE": "superuser",
    "ALTER ROLE {role} SUPERUSER": "superuser",
    "ALTER ROLE {role} CREATEROLE": "can make roles",
    "ALTER TABLE finding OWNER TO {role}": "finding",
}


def test_a_reader_that_can_do_more_is_refused(postgres_url: str) -> None:
    owner = make_engine(postgres_url)
    ensure_schema(owner)
    for grant, said in RIGHTS.items():
        reader = reader_url_for(postgres_url)
        assert select(postgres_url, "SELECT 1", reader_url=reader).rows == [(1,)]
        role = make_engine(reader).url.username
        with owner.connect() as connection:
            connection.exec_driver_sql(grant.format(role=role, database=owner.url.database))
            connection.commit()
        with pytest.raises(UsageError) as caught:
            select(postgres_url, "SELECT 1", reader_url=reader)
        assert caught.value.code == "usage.reader-rights", grant
        assert any(said in right for right in caught.value.context["rights"]), grant
        assert "CREATE ROLE" in caught.value.hint
        with owner.connect() as connection:
            connection.exec_driver_sql("REVOKE TRUNCATE ON run FROM PUBLIC")
            connection.commit()
    owner.dispose()


def test_a_reader_of_another_kind_of_database_is_refused(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        select(postgres_url, "SELECT 1", reader_url=sqlite_url(tmp_path))
    assert caught.value.code == "usage.database-url"


def test_a_session_that_is_ended_is_no_fault_of_the_sql(postgres_url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        select(postgres_url, "SELECT pg_terminate_backend(pg_backend_pid())", reader_url=reader_url_for(postgres_url))
    assert caught.value.code == "store.database"
