"""Fixtures of all tests."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from archive_demo import Made, demonstrate
from browser import browser, loopback, watched_page  # noqa: F401 - one browser for all tests
from click.testing import CliRunner, Result
from hypothesis import settings
from once import once
from schema_once import repeat_migrations
from sqlalchemy import Connection, Engine, insert

from hstlc import logs
from hstlc.cli.main import cli
from hstlc.config.settings import ENVIRONMENT_PREFIX
from hstlc.config.sources import NOT_KEYS
from hstlc.db import migrate, reset
from hstlc.db.archive_tables import (
    ArchiveCursor,
    ArchiveSelection,
    ArchiveSource,
    ArchiveWalk,
    DownloadAttempt,
    Job,
    Leader,
    Notice,
    RemoteDataset,
    RemoteFile,
    RemoteProduct,
)
from hstlc.db.engine import make_engine, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.tables import (
    Audit,
    BadData,
    Candidate,
    CompositeMember,
    ExposureFile,
    FindingRow,
    HardnessRatioRow,
    JobRequest,
    LightCurveRow,
    Metadata,
    Output,
    PendingRemoval,
    Product,
    Run,
    Setup,
    SourceRow,
    Stats,
    Target,
    TargetAlias,
    WebUser,
)
from hstlc.testing.databases import KINDS, fresh_database, fresh_postgres_url, reader_url_for

collect_ignore = ["plugin_example"]  # a package of its own: tests/integration/test_plugin_example.py installs it

pytest.register_assert_rewrite("hstlc.testing.contract_archive", "hstlc.testing.contract_mission")

settings.register_profile("hstlc", deadline=None, derandomize=True)  # no timing, the same examples every time
settings.load_profile("hstlc")


@pytest.fixture(scope="session", autouse=True)
def _schema_once() -> Iterator[None]:
    """Empty databases of this process get their tables sooner; see :mod:`schema_once`."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (migrate, reset):
            patch.setattr(module, "run_migrations", repeat_migrations)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files with known answers, which lies outside the repository."""
    root = Path(__file__).parents[1]
    folder = (root / os.environ.get("HSTLC_REAL_DATA", "../shared/data")).resolve()
    if not (folder / "hst").is_dir():
        missing = f"no real files: there is no folder {folder / 'hst'} (HSTLC_REAL_DATA)"
        if os.environ.get("HSTLC_REQUIRE_REAL_DATA") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


@pytest.fixture(scope="session")
def archive_demo(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """What ``hstlc demo --archive``, with all missions, made and printed; made once, not to be changed."""
    return once(tmp_path_factory, "archive-demo", demonstrate)


@pytest.fixture(scope="session")
def demo_home(archive_demo: Made) -> Path:
    """The data tree of that; not to be changed."""
    return archive_demo.folder


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database without tables, on SQLite and on PostgreSQL."""
    with fresh_database(request.param, tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database without tables."""
    with fresh_postgres_url() as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with our tables and no rows, on SQLite and on PostgreSQL."""
    engine = make_engine(database_url)
    ensure_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def reader_url(database_url: str) -> str | None:
    """The address of a login that can only read ``database_url``; None on SQLite, which needs none."""
    return reader_url_for(database_url) if database_url.startswith("postgresql") else None


@pytest.fixture
def sqlite_folder(tmp_path: Path) -> Path:
    """A folder to make SQLite databases in."""
    folder = tmp_path / "sqlite"
    folder.mkdir()
    return folder


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """The same with one row in every table."""
    _fill(engine)
    return engine


@pytest.fixture(scope="session")
def fill() -> Callable[[Engine], None]:
    """A function that puts one row into every table of a database that has our tables."""
    return _fill


def _fill(engine: Engine) -> None:
    """Write one exposure, its file, light curve and statistics, a rejected file, a finding and a run."""
    now, today, digest = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC), date(2024, 5, 6), "0" * 64
    file = {"path": "/data", "filename": "lz0001aaq_corrtag_a.fits", "sha256": digest, "size_bytes": 1}
    exposure = {"mission": "hst", "rootname": "lz0001aaq"}
    made = {"step_version": 1, "settings_digest": digest}
    setup = {
        "telescop": "HST", "instrume": "COS", "targname": "A STAR", "cal_ver": "3.4", "obstype": "SPECTROSCOPIC",
        "cenwave": 1291, "aperture": "PSA", "detector": "FUV", "opt_elem": "G130M", "fppos": 3,
    }  # fmt: skip
    with writing(engine) as connection:
        row = {"name": setup["targname"], "ra_deg": 10.5, "dec_deg": -3.25, "moving": False, "made_at": now}
        (target_id,) = connection.execute(insert(Target).returning(Target.id), row).one()
        row = {"alias": setup["targname"], "normal": "ASTAR", "target_id": target_id, "method": "first"}
        connection.execute(insert(TargetAlias), {**row, "decided_at": now})
        place = {"filename": file["filename"], "path": "/data", "ingest_date": today, "target_id": target_id}
        row = {**exposure, **place, **setup, "extra": {"segments": ["A"]}, "updated_at": now}
        row |= {"configuration": (configuration := "hst/COS/FUV/A STAR/G130M/1291/PSA")}
        (metadata_id,) = connection.execute(insert(Metadata).returning(Metadata.id), row).one()
        row = {**exposure, **file, "kind": "corrtag_a", "cal_ver": "3.4", "version_key": "1", "state": "current"}
        connection.execute(insert(ExposureFile), {**row, "metadata_id": metadata_id, "added_at": now})
        curve = {"path": "/out", "filename": "lz0001aaq_curve.fits"}
        row = {**curve, **made, "kind": "individual", "key": "lz0001aaq", "sha256": digest, "size_bytes": 1}
        row |= {"input_digest": digest, "made_at": now}
        (product_id,) = connection.execute(insert(Product).returning(Product.id), row).one()
        member = {"configuration": configuration, "product_id": product_id, "metadata_id": metadata_id, "dataset": 1}
        connection.execute(insert(CompositeMember), {**member, "input_digest": digest})
        row = {"metadata_id": metadata_id, "individual_product_id": product_id}
        row |= {"individual_path": curve["path"], "individual_filename": curve["filename"]}
        connection.execute(insert(Output), row)
        row = {"mission": "hst", "metadata_id": metadata_id, "name": "SKY J0042-0315", "ra_deg": 10.5, "dec_deg": -3.25}
        row |= {"catalogue": "list", "counts": 9, "background_counts": 20, "scale": 0.1, "exposure_s": 1881.152}
        (source_id,) = connection.execute(insert(SourceRow).returning(SourceRow.id), row).one()
        row = {"source_id": source_id, "hard": "hard", "soft": "soft", "ratio": 0.25, "low": 0.125, "high": 0.5}
        connection.execute(insert(HardnessRatioRow), row)
        row = {"mission": "hst", "instrume": "COS", "kind": "individual", "lead": True, "interesting": False}
        setup_id = connection.execute(insert(Setup).returning(Setup.id), row).scalar_one()
        row = {"lightcurve_path": curve["path"], "lightcurve_filename": curve["filename"], "product_id": product_id}
        row |= {"setup_id": setup_id, "candidates": 1}
        row |= {"total": 1819, "poisson_factor": 1.5, "periodogram": True, "bins_used": 941, "exposure_s": 1881.152}
        connection.execute(insert(Stats), {**row, **made, "curve_sha256": digest, "computed_at": now})
        times = {"start_mjd": 60000.0, "peak_mjd": 60000.001, "end_mjd": 60000.002, "duration_s": 172.8}
        found = {"counts": 90.0, "expected_counts": 40.0, "probability": 1e-9, "trials": 900, "dataset": 1}
        connection.execute(insert(Candidate), {**times, **found, "kind": "flare", "product_id": product_id})
        row = {**curve, "product_id": product_id, "kind": "individual", "size_bytes": 1, "made_at": now}
        row |= {
            **exposure,
            "metadata_id": metadata_id,
            "targname": "A STAR",
            "source_name": "",
            "band": "",
            "lead": True,
        }
        row |= {name: setup[name] for name in ("instrume", "detector", "opt_elem", "cenwave", "aperture")}
        connection.execute(insert(LightCurveRow), {**row, "setup_id": setup_id, "exposures": 1})
        connection.execute(insert(BadData), {**file, "ingest_date": today, "reason": "No events"})
        row = {**exposure, "filename": "", "check_name": "companion", "severity": "flag", "reason": "Missing segment"}
        connection.execute(insert(FindingRow), {**row, "message": "no segment B", "found_at": now})
        connection.execute(insert(Run), {"command": "ingest", "version": "2", "status": "running", "started_at": now})
        connection.execute(
            insert(PendingRemoval), {"path": "/in/a.fits", "sha256": digest, "kept_path": "/data/a.fits"}
        )
        _fill_archives(connection, now, digest)


def _fill_archives(connection: Connection, now: datetime, digest: str) -> None:
    """Write an archive with one dataset and its product, a selection, a notice, a job and a leader."""
    source, stream = {"source": "mast"}, {"stream": "archive"}
    connection.execute(insert(ArchiveSource), {**source, "columns": {"sci_targname": "string"}})
    connection.execute(insert(ArchiveCursor), {**source, **stream, "watermark": now, "moved_at": now})
    walk = {**source, **stream, "state": "done", "window_until": now, "started_at": now}
    connection.execute(insert(ArchiveWalk), walk)
    row = {**source, "dataset_key": "LZ0001AAQ", "version_key": "1", "columns_digest": digest}
    row |= {"first_seen_at": now, "last_seen_at": now}
    (dataset_id,) = connection.execute(insert(RemoteDataset).returning(RemoteDataset.id), row).one()
    row = {**source, "dataset_id": dataset_id, "name": "lz0001aaq_corrtag_a.fits", "version_key": "1"}
    row |= {"mission": "hst", "kind": "corrtag_a", "group_key": "lz0001aaq", "state": "done"}
    row |= {"first_seen_at": now, "last_seen_at": now}
    (product_id,) = connection.execute(insert(RemoteProduct).returning(RemoteProduct.id), row).one()
    row = {"product_id": product_id, "filename": "lz0001aaq_corrtag_a.fits", "path": "/in", "sha256": digest}
    connection.execute(insert(RemoteFile), {**row, "size_bytes": 1, "added_at": now})
    connection.execute(insert(DownloadAttempt), {"product_id": product_id, "tried_at": now, "status": 200})
    connection.execute(insert(ArchiveSelection), {**source, "name": "mine", "radius_deg": 0.1, "made_at": now})
    row = {"key": "columns mast", "severity": "warning", "message": "a column is gone"}
    connection.execute(insert(Notice), {**row, "first_at": now, "last_at": now})
    connection.execute(insert(Job), {"name": "poll"})
    row = {"name": "reader", "token_sha256": digest, "made_at": now}
    (user_id,) = connection.execute(insert(WebUser).returning(WebUser.id), row).one()
    row = {"kind": "reprocess", "digest": digest, "state": "queued", "user_id": user_id, "user_name": "reader"}
    connection.execute(insert(JobRequest), {**row, "requested_at": now})
    row = {"at": now, "user_name": "reader", "address": "127.0.0.1", "action": "sql", "status": 200}
    connection.execute(insert(Audit), row)
    connection.execute(insert(Leader), {"epoch": 1, "owner": "host-1-1", "lease_until": now, "taken_at": now})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a data tree that the environment names; nothing else is configured."""
    for name in set(os.environ) - NOT_KEYS:
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.delenv("HSTLC_CONFIG", raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HSTLC_HOME_DIR", str(folder))
    monkeypatch.setenv("HSTLC_NUM_CORES", "1")
    return folder


@pytest.fixture
def hstlc(home: Path) -> Iterator[Callable[..., Result]]:
    """A function that runs ``hstlc ARGUMENTS`` in this process on the data tree ``home``."""

    def run(*arguments: object, answer: str | None = None) -> Result:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception  # what a user would see as a traceback
        return result

    yield run
    logs.close()
