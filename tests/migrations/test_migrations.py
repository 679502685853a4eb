"""The sum of the migrations is what the models say, and nobody's database is touched unasked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade as alembic_upgrade
from alembic.migration import MigrationContext
from schema_once import repeat_migrations
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from hstlc.db import migrate
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.keys import configuration_key
from hstlc.db.migrate import current_and_head, ensure_schema, migrations_folder, upgrade
from hstlc.db.tables import Base
from hstlc.db.views import drop_views
from hstlc.errors import DatabaseError, UsageError
from hstlc.testing.databases import content, fresh_database

REPOSITORY = Path(__file__).parents[2]
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = {head!r}


def upgrade():
    with op.batch_alter_table("metadata", recreate={recreate!r}) as table:
        table.add_column(sa.Column("novelty", sa.Integer(), server_default="5"))
{more}
"""


def _add_revision(
    folder: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, *, recreate: str = "auto", more: str = ""
) -> None:
    """Make a copy of the migrations with one more, and let the program find it."""
    copy = folder / "100% of the migrations"
    shutil.copytree(migrations_folder(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    head = current_and_head(engine)[1]
    text_ = NEXT.format(head=head, recreate=recreate, more=more)
    (copy / "versions" / "9999_next.py").write_text(text_)
    monkeypatch.setattr(migrate, "migrations_folder", lambda: copy)


def _differences(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, Base.metadata)


def test_alembic_finds_no_difference(engine: Engine) -> None:
    assert _differences(engine) == []


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX ix_bad_data_reason",
        "ALTER TABLE run ADD COLUMN novelty INTEGER",
        "ALTER TABLE stats DROP COLUMN mu",
        "DROP TABLE finding",
    ],
)
def test_that_comparison_finds_differences(engine: Engine, change: str) -> None:
    with writing(engine) as connection:
        drop_views(connection)
        connection.execute(text(change))
    assert _differences(engine)


def _described(engine: Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        look = inspect(connection)
        return {
            table: {
                "columns": sorted(  # a later migration adds its columns at the end
                    (c["name"], repr(c["type"]), c["nullable"], str(c["default"]), c.get("autoincrement"))
                    for c in look.get_columns(table)
                ),
                "primary": look.get_pk_constraint(table),
                "unique": sorted(look.get_unique_constraints(table), key=repr),
                "checks": sorted(look.get_check_constraints(table), key=repr),
                "foreign": sorted(look.get_foreign_keys(table), key=repr),
                "indexes": sorted(map(_index, look.get_indexes(table)), key=repr),
            }
            for table in look.get_table_names()
            if table != migrate.VERSION_TABLE
        }


def _views(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        look = inspect(connection)
        return {name: str(look.get_view_definition(name)) for name in look.get_view_names()}


def _index(found: Any) -> dict[str, Any]:
    return {**found, "dialect_options": {name: str(value) for name, value in found["dialect_options"].items()}}


def test_reflected_tables_are_the_same(engine: Engine, tmp_path: Path) -> None:
    with fresh_database(engine.dialect.name, tmp_path) as url:
        other = make_engine(url)
        with writing(other) as connection:
            Base.metadata.create_all(connection)
        by_models = _described(other)
        other.dispose()
    by_migrations = _described(engine)
    assert by_migrations.keys() == Base.metadata.tables.keys()
    for table, described in by_models.items():
        assert by_migrations[table] == described


def test_what_the_other_tests_work_on_is_what_the_migrations_make(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "run_migrations", repeat_migrations)
    described = []
    for name in ("heard", "repeated"):
        (tmp_path / name).mkdir()
        with fresh_database(engine.dialect.name, tmp_path / name) as url:
            other = make_engine(url)
            ensure_schema(other)
            described.append((_described(other), _views(other), content(other)))
            other.dispose()
    by_migrations = _described(engine), _views(engine), content(engine)
    assert by_migrations[1]
    assert described == [by_migrations, by_migrations]


def test_an_empty_database_is_filled_and_then_left_alone(database_url: str) -> None:
    engine = make_engine(database_url)
    assert current_and_head(engine)[0] is None
    ensure_schema(engine)
    current, head = current_and_head(engine)
    assert current == head
    before = content(engine)
    ensure_schema(engine)
    assert content(engine) == before
    assert upgrade(database_url) == (head, head)
    engine.dispose()


def test_the_rows_of_the_first_schema_are_kept_and_completed(database_url: str) -> None:
    engine = make_engine(database_url)
    with writing(engine) as connection:
        config = migrate._config(migrations_folder())
        config.attributes["connection"] = connection
        alembic_upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO metadata (mission, rootname, filename, path, ingest_date, telescop, instrume, targname, "
                "cal_ver, obstype, cenwave, aperture, detector, opt_elem, fppos, extra, updated_at) VALUES ('sky', "
                "'a', 'a.fits', 'x', '2024-05-06', 'T', 'CAM', 'A/B%', '1', 'IMAGING', 0, 'WIDE', 'D', 'CLEAR', 1, "
                "'{}', '2024-05-06 00:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO product (kind, key, path, filename, sha256, size_bytes, input_digest, step_version, "
                "settings_digest, made_at) VALUES ('individual', 'k', 'p', 'f', '0', 1, '0', 1, '0', "
                "'2024-05-06 00:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO stats (product_id, lightcurve_path, lightcurve_filename, total, periodogram, deliver, "
                "bins_used, exposure_s, curve_sha256, step_version, settings_digest, computed_at) SELECT id, 'p', 'f', "
                "7, true, true, 3, 2.5, '0', 1, '0', '2024-05-06 00:00:00' FROM product"
            )
        )
    assert upgrade(database_url) == ("0001", "0009")
    with reading(engine) as connection:
        row = connection.execute(text("SELECT * FROM metadata")).mappings().one()
        assert row["configuration"] == configuration_key(row) == "sky/CAM/D/A%2FB%25/CLEAR/0/WIDE"
        assert connection.execute(text("SELECT datasets, total, deliver FROM stats")).one() == (1, 7, True)
        assert connection.execute(text("SELECT parent_id FROM product")).one() == (None,)
    engine.dispose()


def test_light_curves_that_vary_get_a_setup_of_their_own(database_url: str) -> None:
    engine = make_engine(database_url)
    with writing(engine) as connection:
        config = migrate._config(migrations_folder())
        config.attributes["connection"] = connection
        alembic_upgrade(config, "0007")
        connection.execute(
            text("INSERT INTO setup (id, mission, instrume, kind, lead) VALUES (7, 'a', 'b', 'c', true)")
        )
        for number, varies in ((1, "true"), (2, "false"), (3, "NULL")):
            product = (
                "INSERT INTO product (id, kind, key, path, filename, sha256, size_bytes, input_digest, step_version, "
                f"settings_digest, made_at) VALUES ({number}, 'individual', 'k{number}', 'p', 'f', '0', 1, '0', 1, "
                "'0', '2024-05-06 00:00:00')"
            )
            curve = (
                "INSERT INTO light_curve (product_id, setup_id, kind, filename, path, size_bytes, made_at, mission, "
                "targname, source_name, band, lead, rootname, instrume, detector, opt_elem, cenwave, aperture, "
                f"exposures) VALUES ({number}, 7, 'individual', 'f', 'p', 1, '2024-05-06 00:00:00', 'a', 'T', '', '', "
                "true, 'r', 'b', '', '', 0, '', 1)"
            )
            stats = (
                "INSERT INTO stats (product_id, setup_id, lightcurve_path, lightcurve_filename, total, periodogram, "
                "deliver, datasets, bins_used, exposure_s, interesting, curve_sha256, step_version, settings_digest, "
                f"computed_at, candidates, peak_note) VALUES ({number}, 7, 'p', 'f', 7, false, false, 1, 3, 2.5, "
                f"{varies}, '0', 1, '0', '2024-05-06 00:00:00', 0, '')"
            )
            for statement in (product, curve, stats):
                connection.execute(text(statement))
    assert upgrade(database_url) == ("0007", "0009")
    with reading(engine) as connection:
        joined = (
            "SELECT c.product_id, u.mission, u.interesting FROM light_curve c JOIN setup u ON u.id = c.setup_id "
            "JOIN stats s ON s.product_id = c.product_id AND s.setup_id = u.id ORDER BY 1"
        )
        rows = [(row[0], row[1], bool(row[2])) for row in connection.execute(text(joined))]
    assert rows == [(1, "a", True), (2, "a", False), (3, "a", False)]
    engine.dispose()


def test_an_older_database_is_refused_and_upgraded_on_demand(
    filled: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    _add_revision(tmp_path, monkeypatch, filled)
    with pytest.raises(UsageError) as caught:
        ensure_schema(filled)
    assert caught.value.code == "usage.schema"
    assert "hstlc db upgrade" in caught.value.hint
    assert content(filled) == before
    assert upgrade(database_url) == ("0009", "9999")
    ensure_schema(filled)
    assert content(filled)["metadata"] == [(*before["metadata"][0], 5)]


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(
    filled: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    _add_revision(tmp_path, monkeypatch, filled, recreate="always" if filled.dialect.name == "sqlite" else "auto")
    upgrade(database_url)
    after = content(filled)
    assert after["outputs"] == before["outputs"]
    assert after["exposure_file"] == before["exposure_file"]
    with filled.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE outputs SET metadata_id = 4711"))


def test_an_upgrade_that_fails_changes_nothing(
    filled: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    _add_revision(tmp_path, monkeypatch, filled, more="    raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        upgrade(database_url)
    assert content(filled) == before
    assert current_and_head(filled)[0] == "0009"


def test_an_upgrade_that_breaks_references_is_undone(
    filled: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    wrong = "    op.execute('UPDATE outputs SET metadata_id = 4711')"
    _add_revision(tmp_path, monkeypatch, filled, more=wrong)
    with pytest.raises((DatabaseError, IntegrityError), match=r"(?i)refer|foreign key") as caught:
        upgrade(database_url)
    if filled.dialect.name == "sqlite":
        assert isinstance(caught.value, DatabaseError)
        assert caught.value.code == "store.database"
        assert "outputs" in caught.value.message
    assert content(filled) == before


@pytest.mark.parametrize("act", ["ensure_schema", "upgrade"])
def test_a_database_of_a_newer_program_is_refused(filled: Engine, database_url: str, act: str) -> None:
    with writing(filled) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = content(filled)
    with pytest.raises(UsageError) as caught:
        upgrade(database_url) if act == "upgrade" else ensure_schema(filled)
    assert caught.value.code == "usage.schema-unknown"
    assert "older" in caught.value.message
    assert "newer hstlc" in caught.value.hint
    assert content(filled) == before


@pytest.mark.parametrize("act", ["ensure_schema", "upgrade"])
def test_a_database_of_somebody_else_is_refused(database_url: str, act: str) -> None:
    engine = make_engine(database_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE metadata (a INTEGER)"))
        connection.execute(text("INSERT INTO metadata VALUES (7)"))
    with pytest.raises(UsageError) as caught:
        upgrade(database_url) if act == "upgrade" else ensure_schema(engine)
    assert caught.value.code == "usage.schema-foreign"
    assert "db_connection_string" in caught.value.hint
    assert content(engine) == {"metadata": [(7,)]}
    engine.dispose()


FILL = (
    "import sys; from hstlc.db.engine import *; from hstlc.db.migrate import *; ensure_schema(make_engine(sys.argv[1]))"
)


def test_two_at_once_fill_an_empty_database_once(database_url: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", FILL, database_url]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    engine = make_engine(database_url)
    current, head = current_and_head(engine)
    assert current == head
    engine.dispose()


def test_the_schema_of_a_database_is_made_without_the_repository(tmp_path: Path) -> None:
    package = tmp_path / "site" / "hstlc"
    shutil.copytree(REPOSITORY / "hstlc", package, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    shutil.copytree(REPOSITORY / "migrations", package / "migrations")
    code = "import hstlc.db.migrate as m; print(m.migrations_folder()); " + FILL
    address = f"sqlite:///{tmp_path}/a%20b.db"
    done = subprocess.run(
        [sys.executable, "-c", code, address],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(package / "migrations")]


def test_developers_use_the_ini_file_and_the_environment(database_url: str) -> None:
    environment = {**os.environ, "HSTLC_DB_CONNECTION_STRING": database_url}
    for command in ("upgrade head", "check"):
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *command.split()],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    del environment["HSTLC_DB_CONNECTION_STRING"]
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "current"], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "HSTLC_DB_CONNECTION_STRING" in done.stderr


def test_the_modules_that_need_no_alembic_do_not_import_it() -> None:
    code = (
        "import sys, hstlc.db.engine, hstlc.db.tables, hstlc.db.migrate, hstlc.db.readonly, hstlc.db.reset; "
        "print(*({'alembic', 'astropy', 'pandas', 'scipy', 'psycopg2', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
