"""Fetching: what is due comes once, verified; what cannot be had is tried again, and every error means one thing."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from store_state import Store
from toy_archive import DAY, START, Thing, ToyArchive, TurnedClock, fits

from hstlc.db.archive_tables import ArchiveSource, DownloadAttempt, Notice, RemoteFile, RemoteProduct
from hstlc.db.downloads import counts_by_state, requeue
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.tables import ExposureFile
from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError, TransientError
from hstlc.pipeline.context import open_store
from hstlc.pipeline.fetch import Fetched, fetch
from hstlc.pipeline.poll import poll
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.store import disk
from hstlc.store.digest import sha256_file

HOUR = timedelta(hours=1)


class Fetcher:
    """A store, an archive and a clock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = TurnedClock(START + 10 * DAY)
        self.archive = ToyArchive(self.clock)
        self.summary = Summary()

    def add(self, key: str, version: str = "1", **files: bytes) -> Thing:
        return self.archive.add(key, version, files={f"{name}.fits": content for name, content in files.items()})

    def poll(self) -> None:
        with open_store(self.store.settings, lock="archive") as context, recorded_run(context, "poll", Summary()):
            poll(context, self.archive, Summary())

    def fetch(self, **options: object) -> list[Fetched]:
        self.summary = Summary()
        options = {"download": self.archive.download, **options}
        with (
            open_store(self.store.settings, lock="archive") as context,
            recorded_run(context, "fetch", self.summary),
        ):
            return fetch(context, {"toy": self.archive}, self.summary, **options)

    def poll_and_fetch(self, **options: object) -> dict[str, str]:
        self.poll()
        return {one.name: one.state for one in self.fetch(**options)}

    def rows(self, model: type, *names: str) -> list[tuple[object, ...]]:
        engine = make_engine(self.store.url)
        try:
            with reading(engine) as connection:
                found = connection.execute(select(*(getattr(model, name) for name in names)))
                return sorted(map(tuple, found), key=repr)
        finally:
            engine.dispose()

    def change(self, statement: object) -> None:
        engine = make_engine(self.store.url)
        with writing(engine) as connection:
            connection.execute(statement)
        engine.dispose()

    def row(self, name: str, *columns: str) -> tuple[object, ...]:
        (found,) = (row[1:] for row in self.rows(RemoteProduct, "name", *columns) if row[0] == name)
        return found

    @property
    def inbox(self) -> list[str]:
        folder = self.store.settings.ingest_dir
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def fetcher(store: Store) -> Fetcher:
    return Fetcher(store)


def test_what_is_due_comes_once_and_has_its_rows(fetcher):
    content = fits(1)
    fetcher.add("D0", a=content, b=fits(2))
    assert fetcher.poll_and_fetch() == {"a.fits": "done", "b.fits": "done"}
    path = fetcher.store.settings.ingest_dir / "a.fits"
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o660
    assert (fetcher.summary.fetched, fetcher.summary.bytes_fetched) == (2, 2 * len(content))
    files = fetcher.rows(RemoteFile, "filename", "path", "sha256", "size_bytes")
    assert files[0] == ("a.fits", "ingest", sha256_file(path), len(content))
    attempts = fetcher.rows(DownloadAttempt, "status", "bytes_read", "error_code")
    assert attempts == [(200, len(content), "")] * 2
    assert fetcher.fetch() == []
    assert fetcher.inbox == ["a.fits", "b.fits"]


def test_a_dry_run_tells_what_is_due(fetcher):
    fetcher.add("D0", a=fits())
    fetcher.poll()
    before = fetcher.store.state()
    with fetcher.store.open(write=False) as context:
        told = fetch(context, {"toy": fetcher.archive}, Summary(), dry_run=True)
    assert [(one.name, one.state, one.bytes) for one in told] == [("a.fits", "due", len(fits()))]
    assert fetcher.store.state() == before


def test_new_data_comes_before_what_was_made_again_and_a_limit_holds(fetcher):
    fetcher.archive = ToyArchive(fetcher.clock, concurrency=1)
    fetcher.add("D0", old=fits(1))
    fetcher.poll_and_fetch()
    fetcher.add("D0", "2", old=fits(2))
    fetcher.poll()
    fetcher.add("D1", new=fits(3))
    fetcher.poll()
    assert [one.name for one in fetcher.fetch(limit=1)] == ["new.fits"]
    assert [one.name for one in fetcher.fetch(limit=1)] == ["old.fits"]


def test_only_some_datasets_can_be_fetched(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.add("D1", b=fits(2))
    fetcher.poll()
    assert [one.name for one in fetcher.fetch(only=[("toy", "D1")])] == ["b.fits"]


def test_a_new_version_comes_beside_a_file_that_still_waits_to_be_taken_in(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.poll_and_fetch()
    fetcher.add("D0", "2", a=fits(2))
    fetcher.poll_and_fetch()
    digest = hashlib.sha256(fits(2)).hexdigest()
    assert set(fetcher.inbox) == {"a.fits", f"{digest[:8]}/a.fits"}
    assert (fetcher.store.settings.ingest_dir / "a.fits").read_bytes() == fits(1)


def test_what_was_made_again_without_a_difference_is_identical(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.poll_and_fetch()
    (fetcher.store.settings.ingest_dir / "a.fits").rename(fetcher.store.home / "taken.fits")
    fetcher.change(update(RemoteProduct).values(state="identical"))
    fetcher.add("D0", "2", a=fits(1))
    assert fetcher.poll_and_fetch() == {"a.fits": "identical"}
    assert fetcher.inbox == []
    assert len(fetcher.rows(RemoteFile, "sha256")) == 2


def test_a_file_that_the_store_has_already_is_not_given_to_it_again(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.poll()
    row = {"mission": "hst", "rootname": "x", "kind": "tag", "filename": "a.fits", "path": "x", "size_bytes": 1}
    row |= {
        "sha256": hashlib.sha256(fits(1)).hexdigest(),
        "cal_ver": "",
        "version_key": "",
        "state": "current",
        "added_at": START,
    }
    fetcher.change(insert(ExposureFile).values(**row))
    assert {one.name: one.state for one in fetcher.fetch()} == {"a.fits": "done"}
    assert fetcher.inbox == []


def test_what_its_content_says_is_not_wanted_is_rejected_and_not_kept(fetcher):
    fetcher.add("D0", a=fits(1, REJECT="not science member"))
    assert fetcher.poll_and_fetch() == {"a.fits": "rejected"}
    assert fetcher.inbox == []
    assert fetcher.row("a.fits", "message", "error_code") == ("not science member", "")
    assert (fetcher.summary.failures, fetcher.summary.waiting, fetcher.fetch()) == ([], [], [])


def test_files_of_a_mission_that_is_not_installed_wait_verified(fetcher, monkeypatch):
    monkeypatch.setattr(ToyArchive, "mission", "lisa")
    fetcher.add("D0", a=fits(1))
    assert fetcher.poll_and_fetch() == {"a.fits": "waiting"}
    path = fetcher.store.settings.download_dir / "waiting" / "toy" / "a.fits"
    assert (path.read_bytes(), fetcher.inbox) == (fits(1), [])
    assert fetcher.row("a.fits", "mission", "epoch") == ("lisa", "")
    assert fetcher.fetch() == []


# --- errors, and what follows


@pytest.mark.parametrize(
    ("error", "state", "code", "wait"),
    [
        (TransientError("archive.timeout", "silent"), "queued", "archive.timeout", HOUR),
        (IntegrityError("archive.truncated", "short"), "queued", "archive.truncated", HOUR),
        (RejectedError("archive.no-product", "404"), "queued", "archive.no-product", HOUR),
        (RejectedError("archive.rejected", "400"), "failed", "archive.rejected", HOUR),
        (KeyError("uri"), "failed", "step.unexpected", HOUR),
        (ProprietaryError("archive.forbidden", "401"), "forbidden", "archive.forbidden", 24 * HOUR),
        (OSError(28, "No space left on device"), "deferred", "store.full", HOUR),
    ],
)
def test_every_error_means_one_thing(fetcher, error, state, code, wait):
    fetcher.add("D0", a=fits(1), b=fits(2))
    fetcher.archive.faults["a.fits"] = error
    assert fetcher.poll_and_fetch() == {"a.fits": state, "b.fits": "done"}
    found, again = fetcher.row("a.fits", "error_code", "next_try_at")
    assert found == code
    assert 0.74 * wait <= again - fetcher.clock.now() <= 1.26 * wait
    assert fetcher.fetch() == []
    fetcher.archive.faults.clear()
    fetcher.clock.turn(2)
    assert [one.state for one in fetcher.fetch()] == ["done"]
    assert fetcher.row("a.fits", "attempts", "error_code", "message", "failing_since_at") == (0, "", "", None)
    assert {cleared is not None for _, cleared in fetcher.rows(Notice, "key", "cleared_at")} <= {True}


def test_a_damaged_file_never_reaches_the_ingest_folder(fetcher):
    whole = fits(1)
    fetcher.add("CUT", cut=whole[:-100])
    fetcher.add("HTML", html=b"<html>maintenance</html>" * 200)
    fetcher.add("EMPTY", empty=b"")
    assert set(fetcher.poll_and_fetch().values()) == {"queued"}
    assert fetcher.inbox == []
    assert {failure.code.partition(".")[0] for failure in fetcher.summary.failures} == {"archive"}


def test_a_file_of_another_observation_is_fetched_again(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.archive.faults["identify a.fits"] = IntegrityError("archive.wrong-file", "expected D0, found D1")
    assert fetcher.poll_and_fetch() == {"a.fits": "queued"}
    assert fetcher.inbox == []


def test_waits_grow_and_in_the_end_a_product_is_given_up(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.archive.faults["a.fits"] = TransientError("archive.status", "500")
    fetcher.poll()
    waits = []
    for _ in range(40):
        if not fetcher.fetch():
            break
        (again,) = fetcher.row("a.fits", "next_try_at")
        if again is None:
            break
        waits.append(again - fetcher.clock.now())
        fetcher.clock.time = again
    assert fetcher.row("a.fits", "state", "next_try_at") == ("failed", None)
    assert max(waits) > 2 * DAY
    assert 14 * DAY <= sum(waits, timedelta()) <= 20 * DAY
    ((severity, message),) = fetcher.rows(Notice, "severity", "message")
    assert severity == "error"
    assert "given up" in message
    fetcher.clock.turn(100)
    assert fetcher.fetch() == []
    engine = make_engine(fetcher.store.url)
    with writing(engine) as connection:
        assert requeue(connection, "other") == 0
        assert requeue(connection, "toy") == 1
    engine.dispose()
    fetcher.archive.faults.clear()
    assert [one.state for one in fetcher.fetch()] == ["done"]


def test_a_file_that_is_not_there_is_missing_after_three_tries_and_may_still_come(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.archive.faults["a.fits"] = RejectedError("archive.no-product", "404")
    states = [fetcher.poll_and_fetch()["a.fits"]]
    for _ in range(2):
        (fetcher.clock.time,) = fetcher.row("a.fits", "next_try_at")
        states += [one.state for one in fetcher.fetch()]
    assert states == ["queued", "queued", "missing"]
    fetcher.archive.faults.clear()
    (fetcher.clock.time,) = fetcher.row("a.fits", "next_try_at")
    assert [one.state for one in fetcher.fetch()] == ["done"]


def test_a_forbidden_product_is_asked_for_when_it_is_released(fetcher):
    thing = fetcher.add("D0", a=fits(1))
    fetcher.poll()
    thing.release = START + 100 * DAY
    fetcher.poll()
    fetcher.archive.faults["a.fits"] = ProprietaryError("archive.forbidden", "401")
    fetcher.fetch()
    assert fetcher.row("a.fits", "next_try_at") == (START + 100 * DAY,)
    assert fetcher.summary.failures == []
    assert len(fetcher.summary.waiting) == 1


def test_an_archive_says_itself_what_its_refusals_mean(fetcher, monkeypatch):
    def refusal(self: ToyArchive, error: ArchiveError, product: object, now: object) -> ArchiveError:
        return RejectedError("archive.no-product", f"here that means: no such file ({error.code})")

    monkeypatch.setattr(ToyArchive, "refusal", refusal)
    fetcher.add("D0", a=fits(1))
    fetcher.archive.faults["a.fits"] = ProprietaryError("archive.forbidden", "401")
    fetcher.poll_and_fetch()
    assert fetcher.row("a.fits", "error_code") == ("archive.no-product",)


def test_an_archive_that_wants_to_be_left_alone_is_and_nothing_counts_as_tried(fetcher):
    fetcher.archive = ToyArchive(fetcher.clock, concurrency=1)
    fetcher.add("D0", a=fits(1), b=fits(2), c=fits(3))
    until = fetcher.clock.now() + 5 * HOUR
    fetcher.archive.faults["a.fits"] = TransientError("archive.paused", "503", until=until)
    assert fetcher.poll_and_fetch() == {}
    assert fetcher.archive.asked[-1] == "get a.fits"
    assert set(fetcher.rows(RemoteProduct, "state", "attempts", "next_try_at")) == {("queued", 0, None)}
    assert fetcher.rows(ArchiveSource, "paused_until") == [(until,)]
    assert fetcher.rows(DownloadAttempt, "id") == []
    fetcher.archive.faults.clear()
    assert fetcher.fetch() == []
    assert "left alone" in fetcher.summary.waiting[0]
    fetcher.clock.turn(0.25)
    assert len(fetcher.fetch()) == 3


def test_secrets_stay_out_of_rows(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.archive.faults["a.fits"] = TransientError("archive.status", "GET /x?token=canary12345 gave 500")
    fetcher.poll_and_fetch()
    assert "canary12345" not in str(fetcher.store.state().rows)


# --- files of one processing


def test_files_of_one_version_must_be_of_one_processing(fetcher):
    thing = fetcher.add("D0", a=fits(1, EPOCH="60200"), b=fits(2, EPOCH="60100"))
    fetcher.archive.settings = fetcher.archive.settings.model_copy(update={"concurrency": 1})
    assert fetcher.poll_and_fetch() == {"a.fits": "done", "b.fits": "queued"}
    assert fetcher.inbox == ["a.fits"]
    assert "60200" in fetcher.row("b.fits", "message")[0]
    assert (fetcher.summary.failures, len(fetcher.summary.waiting)) == ([], 1)
    thing.files["b.fits"] = fits(2, EPOCH="60200")
    fetcher.clock.turn(1)
    assert [one.state for one in fetcher.fetch()] == ["done"]
    assert fetcher.inbox == ["a.fits", "b.fits"]


def test_an_older_file_that_came_first_is_fetched_again(fetcher):
    thing = fetcher.add("D0", a=fits(1, EPOCH="60100"), b=fits(2, EPOCH="60200"))
    fetcher.archive.settings = fetcher.archive.settings.model_copy(update={"concurrency": 1})
    assert fetcher.poll_and_fetch() == {"a.fits": "done", "b.fits": "done"}
    assert fetcher.row("a.fits", "state") == ("queued",)
    thing.files["a.fits"] = fits(3, EPOCH="60200")
    assert [one.state for one in fetcher.fetch()] == ["done"]
    assert fetcher.row("a.fits", "state", "epoch") == ("done", "60200")
    assert fetcher.fetch() == []


def test_a_file_that_stays_older_is_taken_in_the_end_and_told(fetcher):
    fetcher.add("D0", a=fits(1, EPOCH="60200"), b=fits(2, EPOCH="60100"))
    fetcher.archive.settings = fetcher.archive.settings.model_copy(update={"concurrency": 1})
    fetcher.poll_and_fetch()
    for _ in range(40):
        if fetcher.row("b.fits", "state") == ("done",):
            break
        (fetcher.clock.time,) = fetcher.row("b.fits", "next_try_at")
        fetcher.fetch()
    assert fetcher.row("b.fits", "state", "next_try_at") == ("done", None)
    assert 14 * DAY <= fetcher.clock.now() - START - 10 * DAY <= 20 * DAY
    assert fetcher.rows(Notice, "key", "severity") == [("fetch toy b.fits", "warning")]
    assert fetcher.row("a.fits", "state") == ("done",)


# --- limits


def test_without_room_nothing_is_begun_and_one_notice_says_so(fetcher, monkeypatch):
    fetcher.add("D0", a=fits(1), b=fits(2))
    fetcher.poll()
    monkeypatch.setattr(disk, "free_bytes", lambda _: 3000)
    assert {one.name: one.state for one in fetcher.fetch()} == {"a.fits": "deferred", "b.fits": "deferred"}
    assert [name for name in fetcher.archive.asked if name.startswith("get")] == []
    assert fetcher.rows(Notice, "key", "severity", "cleared_at") == [("fetch room", "error", None)]
    monkeypatch.undo()
    fetcher.clock.turn(1)
    assert {one.state for one in fetcher.fetch()} == {"done"}
    assert fetcher.rows(Notice, "cleared_at") == [(fetcher.clock.now(),)]


def test_room_is_kept_for_a_file_of_unknown_size(fetcher, monkeypatch):
    fetcher.add("D0", a=fits(1))
    fetcher.poll()
    fetcher.change(update(RemoteProduct).values(declared_bytes=None))
    monkeypatch.setattr(disk, "free_bytes", lambda _: 10**9)
    assert [one.state for one in fetcher.fetch()] == ["deferred"]


def test_a_day_has_its_budget(store):
    size = len(fits())
    fetcher = Fetcher(store.configured(downloads__daily_bytes=f"{2 * size} B"))
    fetcher.archive = ToyArchive(fetcher.clock, concurrency=1)
    fetcher.add("D0", **{f"f{number}": fits(number) for number in range(5)})
    assert len(fetcher.poll_and_fetch()) == 2
    assert "daily_bytes" in fetcher.summary.waiting[0]
    assert fetcher.fetch() == []
    fetcher.clock.turn(1.1)
    assert len(fetcher.fetch()) == 2
    assert fetcher.rows(Notice, "key", "count", "cleared_at") == [("fetch budget", 3, None)]
    fetcher.clock.turn(1.1)
    assert len(fetcher.fetch()) == 1
    assert fetcher.rows(Notice, "cleared_at") == [(fetcher.clock.now(),)]


def test_no_archive_is_asked_for_more_at_once_than_it_allows(fetcher):
    fetcher.archive = ToyArchive(fetcher.clock, concurrency=2)
    fetcher.add("D0", **{f"f{number}": fits(number) for number in range(8)})
    lock, active, most = threading.Lock(), 0, 0
    pair = threading.Barrier(2)

    def download(*arguments: object, **options: object) -> object:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        pair.wait(120)  # two are under way at once, or this breaks
        try:
            return fetcher.archive.download(*arguments, **options)
        finally:
            with lock:
                active -= 1

    assert set(fetcher.poll_and_fetch(download=download).values()) == {"done"}
    assert most == 2


def test_a_fetch_that_is_stopped_begins_nothing_more(fetcher):
    fetcher.archive = ToyArchive(fetcher.clock, concurrency=1)
    fetcher.add("D0", a=fits(1), b=fits(2))
    stop = threading.Event()

    def download(*arguments: object, **options: object) -> object:
        stop.set()
        return fetcher.archive.download(*arguments, **options)

    assert len(fetcher.poll_and_fetch(stop=stop, download=download)) == 1
    assert len(fetcher.fetch()) == 1


# --- what a fetch finds at its start


def test_remains_that_nobody_will_go_on_with_are_deleted(fetcher):
    fetcher.add("D0", a=fits(1))
    fetcher.poll_and_fetch()
    fetcher.add("D1", b=fits(2))
    fetcher.archive.faults["b.fits"] = TransientError("archive.stopped", "stopped")
    fetcher.poll_and_fetch()
    numbers = dict(fetcher.rows(RemoteProduct, "name", "id"))
    incoming = fetcher.store.settings.ingest_dir / ".incoming"
    kept = incoming / f"b.fits.{numbers['b.fits']}.part"
    swept = [incoming / f"a.fits.{numbers['a.fits']}.part", incoming / "strange", incoming / "x.999999.part.json"]
    for path in (kept, *swept):
        path.write_bytes(b"x")
    (incoming / "17").mkdir()
    fetcher.fetch()
    assert sorted(incoming.iterdir()) == [kept]


def test_a_file_that_was_fetched_and_is_nowhere_is_fetched_again(fetcher):
    fetcher.add("D0", a=fits(1), b=fits(2))
    fetcher.poll_and_fetch()
    (fetcher.store.settings.ingest_dir / "a.fits").unlink()
    assert [one.name for one in fetcher.fetch()] == ["a.fits"]
    assert fetcher.inbox == ["a.fits", "b.fits"]
    assert fetcher.fetch() == []


def test_a_file_that_cannot_be_published_is_put_off(fetcher, monkeypatch):
    fetcher.add("D0", a=fits(1))
    fetcher.poll()

    def refuse(source: Path, target: Path) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(disk, "link", refuse)
    assert [one.state for one in fetcher.fetch()] == ["deferred"]
    monkeypatch.undo()
    fetcher.clock.turn(1)
    assert [one.state for one in fetcher.fetch()] == ["done"]


def test_counts_tell_what_there_is(fetcher):
    fetcher.add("D0", a=fits(1), b=fits(2))
    fetcher.archive.faults["b.fits"] = RejectedError("archive.rejected", "400")
    fetcher.poll_and_fetch()
    engine = make_engine(fetcher.store.url)
    with reading(engine) as connection:
        counts = {row["state"]: (row["number"], row["bytes"]) for row in counts_by_state(connection)}
    engine.dispose()
    assert counts == {"done": (1, len(fits())), "failed": (1, len(fits()))}
