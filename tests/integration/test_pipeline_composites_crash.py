"""A process that dies while it makes composites loses nothing, and the next run ends as if nothing had happened."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from composite_runs import COMPOSITE, ingest, ingest_stale, make_everything, visit
from store_state import CRASHED, Store, files_of, points_of, recalibrated
from test_pipeline_crash import copies, crash

from hstlc import logs
from hstlc.cli.main import cli
from hstlc.testing.databases import fresh_database, sqlite_url


@pytest.fixture(scope="session")
def days(tmp_path_factory):
    """A file of each of three exposures of a star; nobody writes to them."""
    folder = tmp_path_factory.mktemp("days")
    return [visit(folder, number)[0] for number in (1, 2, 3)]


@pytest.fixture
def sqlite_store(tmp_path):
    """A new store on SQLite."""
    (tmp_path / "database").mkdir()
    return Store(tmp_path / "home", sqlite_url(tmp_path / "database"))


def one_more(store, days, tmp_path):
    """A member more, whose own light curve is there already."""
    ingest(store, *days[:2])
    store.ingest(days[2])
    return store, ingest


def another_name(store, days, tmp_path):
    """The composite gets another name."""
    ingest(store, *days[:2])
    return store.configured(hlsp__profile="mast"), ingest_stale


def the_last_one_gone(store, days, tmp_path):
    """One composite is to go, another to be made."""
    ingest(store, days[0])
    store.ingest(recalibrated(tmp_path / "new", days[0], "4.0", TARGNAME="SIM-OTHER"))
    return store, ingest


def elsewhere(store, days, tmp_path):
    """The first composite, outside the data tree."""
    store = store.configured(composite_dir=str(tmp_path / "elsewhere"))
    store.ingest(days[0])
    return store, ingest


WRITING = {"staged", "staged-fsync", "curve-written"}
RECORDING = {"published", "published-fsync", "before-commit", "committed", "stats-committed"}
SCENARIOS = {
    (one_more, "sqlite"): WRITING | RECORDING,
    (one_more, "postgresql"): {"published", "before-commit", "committed"},
    (another_name, "sqlite"): {"published", "before-commit", "committed", "unlinked"},
    (the_last_one_gone, "sqlite"): {"published", "before-commit", "committed", "unlinked"},
    (the_last_one_gone, "postgresql"): {"before-commit", "committed", "unlinked"},
}


@pytest.mark.parametrize(("scenario", "kind"), SCENARIOS, ids=lambda value: getattr(value, "__name__", value))
def test_a_crash_while_composing_loses_nothing_and_the_next_run_ends_the_same(kind, scenario, days, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'database.db'}"
        if kind == "postgresql":
            url = stack.enter_context(fresh_database(kind, tmp_path))
        store, action = scenario(Store(home, url), days, tmp_path)
        kept = {digest for path, digest in files_of(home).items() if not path.startswith(COMPOSITE)}
        copy = stack.enter_context(copies(kind, store, tmp_path))
        undisturbed = copy("undisturbed")
        trace = points_of(undisturbed, action)
        assert set(trace) >= WRITING | RECORDING | SCENARIOS[scenario, kind]
        expected = undisturbed.state()
        for point in sorted(SCENARIOS[scenario, kind]):
            tried = copy(point)
            assert crash(tried, action, point, 1) == CRASHED, point
            assert kept <= tried.digests(), point
            assert action(tried).failures == [], point
            state = tried.state()
            assert state.rows == expected.rows, point
            assert state.files == expected.files, point
            assert not list(tried.home.rglob("*.part")), point
            assert tried.verify().clean, point


@pytest.mark.parametrize("point", ["staged-fsync", "published"])
def test_a_crash_leaves_nothing_in_a_folder_elsewhere(sqlite_store, days, tmp_path, point):
    store, action = elsewhere(sqlite_store, days, tmp_path)
    assert crash(store, action, point, 1) == CRASHED
    assert action(store).failures == []
    (made,) = (tmp_path / "elsewhere").iterdir()
    assert made.suffix == ".fits"
    assert store.verify().clean


@pytest.mark.parametrize("point", ["staged-fsync", "committed"])
def test_after_a_crash_make_composites_alone_puts_everything_in_order(sqlite_store, days, tmp_path, point):
    store, _ = another_name(sqlite_store, days, tmp_path)
    assert crash(store, make_everything, point, 1) == CRASHED
    own = {"HSTLC_HOME_DIR": str(store.home), "HSTLC_DB_CONNECTION_STRING": store.url}
    result = CliRunner().invoke(cli, ["make-composites", "--stale", "-q"], env={**own, **store.environ})
    logs.close()
    assert result.exit_code == 0
    assert len(list((store.home / COMPOSITE).iterdir())) == 1
    assert store.state().rows["pending_removal"] == []
