"""What can go wrong in the middle of a run: each ends in a clear error, loses nothing, and the next run ends right."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from store_state import expose, footprint

from hstlc.db.engine import normalize_url
from hstlc.errors import DatabaseError, LockHeldError
from hstlc.pipeline import inputs, observation
from hstlc.pipeline.executor import run_tasks
from hstlc.pipeline.results import Failure
from hstlc.store import disk
from hstlc.store.points import set_hook

warm = multiprocessing.get_context("forkserver")


@pytest.fixture(autouse=True)
def no_hook():
    yield
    set_hook(None)


def at(name, action, number=1):
    """Do something when the run comes to a point for the ``number``-th time."""
    seen = 0

    def hook(point):
        nonlocal seen
        seen += point == name
        if point == name and seen == number:
            action()

    set_hook(hook)


def failed(summary, code, path):
    """Assert that one thing failed, with this code, telling the path and what to do; return it."""
    (failure,) = summary.failures
    assert failure.code == code
    assert str(path) in failure.message
    assert failure.hint
    return failure


def assert_ends_like(store, other, *paths):
    """Assert that the next run of a store ends as that of an undisturbed one."""
    assert store.ingest(*paths).failures == []
    other.ingest(*paths)
    assert store.state() == other.state()
    assert store.verify().clean
    assert not list(store.home.rglob("*.part"))


# --- sources


@pytest.fixture
def source(archive, tmp_path):
    """A folder with two good exposures that a test may spoil; the spoiled one comes first."""
    folder = tmp_path / "source"
    folder.mkdir()
    for path in (*archive.pair[:2], *archive.single):
        shutil.copyfile(path, folder / path.name)
    return folder


def test_a_file_that_vanishes_before_it_is_looked_at(new_store, source, archive, monkeypatch):
    store, gone = new_store(), source / archive.pair[0].name
    found = inputs.find_inputs

    def find(*args):
        result = found(*args)
        gone.unlink()
        return result

    monkeypatch.setattr("hstlc.pipeline.ingest.find_inputs", find)
    summary = store.ingest(source)
    failed(summary, "data.vanished", gone)
    assert summary.ingested == 2  # the other segment and the other exposure
    monkeypatch.undo()
    shutil.copyfile(archive.pair[0], gone)
    assert_ends_like(store, new_store("other"), source)


@pytest.mark.parametrize("place", ["outside", "inside"])
def test_a_file_that_vanishes_between_the_look_and_the_work(new_store, source, archive, monkeypatch, place):
    store = new_store()
    if place == "inside":
        store.give(*source.iterdir())
    folder = store.inbox if place == "inside" else source
    gone = folder / archive.pair[0].name
    monkeypatch.setattr("hstlc.pipeline.ingest.refuse_files", lambda *_, **__: gone.unlink())
    summary = store.ingest(folder)
    failed(summary, "data.vanished", gone)
    assert summary.ingested == 1
    monkeypatch.undo()
    shutil.copyfile(archive.pair[0], gone)
    assert store.ingest(folder).ingested == 1
    other = new_store("other")
    other.ingest(*archive.pair[:2], *archive.single)
    assert store.state() == other.state()


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_changes_between_the_look_and_the_work(new_store, source, archive, monkeypatch, link):
    store = new_store()
    if link:
        store.give(*source.iterdir())
    folder = store.inbox if link else source
    changing = folder / archive.pair[0].name

    def change(*_, **__):
        data = changing.read_bytes()
        changing.write_bytes(data[:-1] + b"\1")

    monkeypatch.setattr("hstlc.pipeline.ingest.refuse_files", change)
    summary = store.ingest(folder)
    failed(summary, "data.changed", changing)
    assert summary.ingested == 1
    assert "SIM-STAR" not in str(store.state().files)
    assert changing.is_file()
    monkeypatch.undo()
    shutil.copyfile(archive.pair[0], changing)
    assert store.ingest(folder).ingested == 1
    assert store.verify().clean


def test_a_file_that_changes_while_it_is_looked_at(store, source, archive, monkeypatch):
    changing = source / archive.pair[0].name
    identify = inputs.identify

    def look(path, *args):
        found = identify(path, *args)
        if path == changing:
            path.write_bytes(path.read_bytes() + b"\0" * 2880)
        return found

    monkeypatch.setattr(inputs, "identify", look)
    failed(store.ingest(source), "data.changed", changing)


def test_a_refused_file_that_changes_stays(store, archive, monkeypatch):
    store.give(archive.refused)
    path = store.inbox / archive.refused.name
    found = inputs.inspect

    def inspect_then_change(file):
        result = found(file)
        path.write_bytes(b"something else")
        return result

    monkeypatch.setattr("hstlc.pipeline.ingest.inspect", inspect_then_change)
    failed(store.ingest(), "data.changed", path)
    assert path.read_bytes() == b"something else"
    assert store.state().rows["bad_data"] == []


def test_an_unreadable_file_stops_nothing_else(new_store, source, archive, monkeypatch):
    store, locked = new_store(), source / archive.pair[0].name
    digest = inputs.sha256_file

    def refuse(path):
        if path == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return digest(path)

    monkeypatch.setattr(inputs, "sha256_file", refuse)
    summary = store.ingest(source)
    failed(summary, "data.unreadable", locked)
    assert summary.ingested == 2
    monkeypatch.undo()
    assert_ends_like(store, new_store("other"), source)


def test_a_programming_error_in_one_file_stops_nothing_else(new_store, source, archive, monkeypatch, caplog):
    store, odd = new_store(), source / archive.single[0].name
    mission_of = observation.find_mission

    def find(name):
        mission = mission_of(name)

        def load(files):
            if files[0].path == odd:
                raise ZeroDivisionError("nothing to divide by")
            return mission.load(files)

        return replace(mission, load=load)

    monkeypatch.setattr(observation, "find_mission", find)
    summary = store.ingest(source)
    (failure,) = summary.failures
    assert (failure.code, failure.what) == ("step.unexpected", "hst/lsims1aaq")
    assert "ZeroDivisionError" in caplog.text
    assert summary.ingested == 1
    monkeypatch.undo()
    assert_ends_like(store, new_store("other"), source)


def test_a_read_only_source_folder_is_enough(store, source):
    folders = [source]
    with read_only(source):
        before = footprint(source)
        assert store.ingest(*folders).failures == []
        assert footprint(source) == before
    assert store.state().of("metadata", "rootname") == [("lsimp1aaq",), ("lsims1aaq",)]


@contextmanager
def read_only(folder):
    """Make a folder read-only; by a mount where the user is root and nothing less does it."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    bind = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if bind.returncode:
        pytest.skip("root without the right to mount cannot make a folder read-only")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


# --- the disk


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "store.full"), (errno.EROFS, "store.read-only")])
@pytest.mark.parametrize("operation", ["write", "link", "replace", "fsync_directory"])
def test_a_disk_that_refuses_in_the_middle(new_store, source, monkeypatch, operation, number, code):
    store = new_store()
    store.ingest(source)
    store.give(*expose(store.home / "later", "lsimz1aaq", seed=7), *expose(store.home / "later", "lsimz2aaq", seed=8))
    given = store.digests()
    real, calls = getattr(disk, operation), 0

    def refuse(*args):
        nonlocal calls
        calls += 1
        if calls >= 2:
            raise OSError(number, os.strerror(number))
        return real(*args)

    monkeypatch.setattr(disk, operation, refuse)
    summary = store.ingest()
    assert summary.failures
    for failure in summary.failures:
        assert failure.code == code
        assert str(store.home) in failure.message
        assert "space" in failure.hint if code == "store.full" else "mounted read-write" in failure.hint
    assert given <= store.digests()
    monkeypatch.undo()
    assert store.ingest().failures == []
    assert len(store.state().rows["metadata"]) == 4
    assert store.state().below("ingest") == []
    assert store.verify().clean
    assert not list(store.home.rglob("*.part"))


def test_a_deletion_that_fails_is_tried_again(store, archive, monkeypatch):
    store.give(*archive.single)

    def refuse(path):
        if path.parent == store.inbox:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        path.unlink(missing_ok=True)

    monkeypatch.setattr(disk, "unlink", refuse)
    assert store.ingest().ingested == 1
    assert store.state().below("ingest") == [archive.single[0].name]
    monkeypatch.undo()
    store.ingest()
    assert store.state().below("ingest") == []
    assert store.state().rows["pending_removal"] == []


def test_a_stray_file_in_the_place_of_another_is_not_overwritten(new_store, source, archive):
    store = new_store()
    stray = store.home / "filesystem" / "SIM-OTHER" / archive.single[0].name
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"somebody put this here")
    summary = store.ingest(source)
    failed(summary, "store.exists", stray)
    assert summary.ingested == 1
    assert stray.read_bytes() == b"somebody put this here"
    stray.unlink()
    assert_ends_like(store, new_store("other"), source)


def test_an_ingest_folder_on_another_file_system(new_store, source, archive):
    store = new_store()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if Path(folder).stat().st_dev == source.stat().st_dev:
            pytest.skip("/dev/shm is not another file system here")
        apart = store.configured(ingest_dir=folder)
        apart.give(*source.iterdir())
        assert apart.ingest().ingested == 2
        assert list(Path(folder).iterdir()) == []
        assert store.verify().clean
    assert_ends_like(store, new_store("other"), source)


def test_too_little_free_space_writes_no_file(store, source):
    summary = store.configured(min_free_space="1000 TB").ingest(source)
    assert {failure.code for failure in summary.failures} == {"store.full"}
    assert "min_free_space" in summary.failures[0].hint
    assert store.state().files == {}
    assert store.ingest(source).ingested == 2


# --- the database


def test_a_database_that_goes_away_before_the_commit(new_store, source):
    store = new_store()
    store.ingest(source)
    store.give(*expose(store.home / "later", "lsimz1aaq", seed=7))
    before = store.state()
    with away(store.url) as go:
        at("before-commit", go)
        with pytest.raises(DatabaseError) as caught:
            store.ingest()
    set_hook(None)
    assert caught.value.code == "store.database"
    assert caught.value.hint
    assert store.state().rows == before.rows
    assert set(before.files.values()) <= store.digests()
    assert store.ingest().ingested == 1
    assert store.verify().clean
    assert store.state().below("ingest") == []


def test_a_database_that_goes_away_after_the_commit(new_store, source):
    store = new_store()
    store.give(*source.iterdir())
    with away(store.url) as go:
        at("unlinked", go)
        with pytest.raises(DatabaseError) as caught:
            store.ingest()
    set_hook(None)
    assert caught.value.code == "store.database"
    assert_ends_like(store, new_store("other"), source)


@contextmanager
def away(url):
    """Give a function that takes the database away; it is back after the block."""
    address = normalize_url(url)
    if address.get_backend_name() == "sqlite":
        path = Path(address.database)
        yield lambda: path.rename(path.with_suffix(".away"))
        path.with_suffix(".away").rename(path)
        return

    def stop() -> None:
        engine = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        name = {"name": address.database}
        with engine.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{address.database}" ALLOW_CONNECTIONS false'))
            connection.execute(
                text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name"), name
            )

    yield stop
    engine = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{address.database}" ALLOW_CONNECTIONS true'))


# --- workers


def double(number):
    return 2 * number


def double_but_die_at_three(number):
    if number == 3:
        os._exit(1)
    return 2 * number


def double_but_die_once(task):
    number, marker = task
    if number == 3 and not marker.exists():
        marker.touch()
        os._exit(1)
    return 2 * number


def test_results_come_in_order_from_any_number_of_workers():
    tasks = list(range(40))
    assert list(run_tasks(1, double, tasks)) == list(run_tasks(2, double, tasks)) == [2 * n for n in tasks]
    assert list(run_tasks(2, double, [])) == []


def test_a_serial_run_begins_a_task_when_its_result_is_wanted():
    begun = []
    results = run_tasks(1, begun.append, [1, 2, 3])
    next(results)
    assert begun == [1]
    results.close()


def test_a_worker_that_dies_takes_only_its_own_task_with_it():
    results = list(run_tasks(2, double_but_die_at_three, range(40), lambda task: f"task {task}"))
    (failure,) = [result for result in results if isinstance(result, Failure)]
    assert results.index(failure) == 3
    assert (failure.what, failure.code) == ("task 3", "step.worker-died")
    assert "memory" in failure.hint
    assert [r for r in results if r != failure] == [2 * n for n in range(40) if n != 3]


def test_a_worker_that_dies_once_is_forgiven(tmp_path):
    tasks = [(number, tmp_path / "died") for number in range(6)]
    assert list(run_tasks(2, double_but_die_once, tasks)) == [0, 2, 4, 6, 8, 10]


# --- two at once


def hold(store, reached, go):
    def wait(point):
        if point == "before-commit":
            reached.set()
            go.wait(60)

    set_hook(wait)
    store.ingest()


def test_two_at_once_one_works_and_the_other_waits_and_finds_all_done(store, source):
    store.give(*source.iterdir())
    reached, go = warm.Event(), warm.Event()
    first = warm.Process(target=hold, args=(store, reached, go))
    first.start()
    assert reached.wait(60)
    with pytest.raises(LockHeldError) as caught:
        store.ingest(source, wait=False)
    assert (caught.value.code, caught.value.exit_code) == ("lock.held", 6)
    assert "--no-wait" in caught.value.hint
    found = []
    second = threading.Thread(target=lambda: found.append(store.ingest(source)))
    second.start()
    go.set()
    second.join(60)
    first.join(60)
    assert first.exitcode == 0
    (summary,) = found
    assert (summary.ingested, summary.updated, summary.unchanged) == (0, 0, 2)
    assert store.verify().clean


def test_the_command_tells_that_another_one_writes(store, source):
    environment = {**os.environ, "HSTLC_HOME_DIR": str(store.home), "HSTLC_DB_CONNECTION_STRING": store.url}
    with store.open():
        command = ["-c", "from hstlc.cli.main import main; main()", "ingest", "--no-wait", "--quiet", str(source)]
        ended = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 6
    assert "[lock.held]" in ended.stderr
    assert "hint: " in ended.stderr
