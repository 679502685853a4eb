"""A process that dies at any named point loses nothing, and the next run ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from store_state import CRASHED, Store, act_and_die, files_of, points_of, recalibrated

from hstlc.db.engine import normalize_url
from hstlc.store.points import POINTS
from hstlc.testing.databases import KINDS, fresh_database

warm = multiprocessing.get_context("forkserver")
warm.set_forkserver_preload(["store_state", "scipy.stats", "alembic.command", "psycopg2", "hstlc.missions.hst"])


def ingest(store: Store) -> object:
    return store.ingest()


def build_statistics(store: Store) -> object:
    return store.build_statistics(everything=True)


# --- what is done to which store: a function that prepares it, and the one that is interrupted


def first_ingest(store, archive, tmp_path):
    store.give(*archive.pair, *archive.bad, archive.refused)
    return ingest


def superseding(store, archive, tmp_path):
    store.ingest(*archive.pair)
    store.give(recalibrated(tmp_path / "new", archive.pair[0], "4.0"))
    return ingest


def rejecting(store, archive, tmp_path):
    store.ingest(*archive.pair)
    store.give(recalibrated(tmp_path / "bad", archive.pair[1], "4.0", EXPFLAG="INTERRUPTED"))
    return ingest


def accepting(store, archive, tmp_path):
    rejecting(store, archive, tmp_path)
    store.ingest()
    store.give(recalibrated(tmp_path / "good", archive.pair[1], "5.0"))
    return ingest


def statistics(store, archive, tmp_path):
    store.ingest(*archive.pair, *archive.single)
    with store.open() as context, context.engine.begin() as connection:
        connection.execute(text("DELETE FROM stats"))
    return build_statistics


SCENARIOS = (first_ingest, superseding, rejecting, accepting, statistics)


@contextmanager
def copies(kind: str, store: Store, folder: Path) -> Iterator[Callable[[str], Store]]:
    """Give a function that returns a copy of a store: its tree and its database."""
    with ExitStack() as stack:

        def copy(name: str) -> Store:
            home = folder / name
            shutil.copytree(store.home, home)
            if kind == "sqlite":
                return replace(store, home=home, url=f"sqlite:///{home / 'database.db'}")
            return replace(store, home=home, url=stack.enter_context(copied_database(store.url, name)))

        yield copy


@contextmanager
def copied_database(address: str, name: str) -> Iterator[str]:
    url = normalize_url(address)
    copy = url.set(database=f"{url.database}_{name}")
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{copy.database}" TEMPLATE "{url.database}"'))
        yield copy.render_as_string(hide_password=False)
        connection.execute(text(f'DROP DATABASE "{copy.database}" WITH (FORCE)'))


def crash(store: Store, action: Callable[[Store], object], point: str, number: int) -> int | None:
    process = warm.Process(target=act_and_die, args=(store, action, point, number))
    process.start()
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_loses_nothing_and_the_next_run_ends_the_same(kind, scenario, archive, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'database.db'}"
        if kind == "postgresql":
            url = stack.enter_context(fresh_database(kind, tmp_path))
        store = Store(home, url)
        action = scenario(store, archive, tmp_path)
        kept = {digest for path, digest in files_of(home).items() if not path.startswith("outputs/")}
        copy = stack.enter_context(copies(kind, store, tmp_path))
        undisturbed = copy("undisturbed")
        trace = points_of(undisturbed, action)
        expected = undisturbed.state()
        for point in sorted(set(trace)):
            total = trace.count(point)
            for number in sorted({1, 2, total} if kind == "sqlite" else {1, total}):
                if number > total:
                    continue
                where = f"{point}, time {number} of {total}"
                tried = copy(f"{point}-{number}")
                assert crash(tried, action, point, number) == CRASHED, where
                assert kept <= tried.digests(), where
                summary = action(tried)
                assert summary.failures == [], where
                state = tried.state()
                assert state.rows == expected.rows, where
                assert state.files == expected.files, where
                assert not list(tried.home.rglob("*.part")), where
                assert tried.verify().clean, where


@pytest.mark.parametrize("scenario", [superseding, rejecting])
def test_a_crash_while_a_crash_is_put_right(scenario, archive, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    store = Store(home, f"sqlite:///{home / 'database.db'}")
    action = scenario(store, archive, tmp_path)
    with copies("sqlite", store, tmp_path) as copy:
        undisturbed = copy("undisturbed")
        action(undisturbed)
        expected = undisturbed.state()
        assert crash(store, action, "before-commit", 1) == CRASHED
        for point in sorted(set(points_of(copy("recovering"), action))):
            tried = copy(f"again-{point}")
            assert crash(tried, action, point, 1) == CRASHED, point
            assert action(tried).failures == [], point
            assert tried.state().rows == expected.rows, point
            assert tried.state().files == expected.files, point
            assert tried.verify().clean, point


def test_every_point_is_reached(archive, tmp_path):
    seen = set()
    for scenario in SCENARIOS:
        home = tmp_path / scenario.__name__
        store = Store(home, f"sqlite:///{home / 'database.db'}")
        home.mkdir()
        seen |= set(points_of(store, scenario(store, archive, tmp_path / f"of-{scenario.__name__}")))
    assert seen == POINTS - {"downloaded"}
