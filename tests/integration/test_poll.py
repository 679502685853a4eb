"""Polling: what an archive shows ends in rows once, whatever goes wrong on the way."""

from __future__ import annotations

import gzip
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update
from store_state import Store
from toy_archive import DAY, START, Thing, ToyArchive, TurnedClock, dataset_of

from hstlc.archives.base import Page, Selection, Window
from hstlc.archives.base import RemoteDataset as Shown
from hstlc.archives.base import RemoteProduct as Listed
from hstlc.db.archive_tables import (
    ArchiveCursor,
    ArchiveSource,
    ArchiveWalk,
    Notice,
    RemoteDataset,
    RemoteProduct,
)
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.selections import add_selection, remove_selection
from hstlc.errors import LockHeldError, RejectedError, TransientError, UsageError
from hstlc.pipeline.context import open_store
from hstlc.pipeline.poll import Walked, poll, poll_selection
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run


class Poller:
    """A store, an archive, and a clock that is turned to the day after the archive's beginning."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = TurnedClock(START + 10 * DAY)
        self.archive = ToyArchive(self.clock)
        self.summary = Summary()

    def poll(self, **options: object) -> list[Walked]:
        self.summary = Summary()
        with open_store(self.store.settings, lock="archive") as context:
            if options.get("dry_run"):
                return poll(context, self.archive, self.summary, **options)
            with recorded_run(context, "poll", self.summary):
                return poll(context, self.archive, self.summary, **options)

    def rows(self, model: type, *names: str) -> list[tuple[object, ...]]:
        engine = make_engine(self.store.url)
        try:
            with reading(engine) as connection:
                return sorted(
                    map(tuple, connection.execute(select(*(getattr(model, name) for name in names)))), key=repr
                )
        finally:
            engine.dispose()

    def change(self, statement: object) -> None:
        engine = make_engine(self.store.url)
        with writing(engine) as connection:
            connection.execute(statement)
        engine.dispose()

    def states(self) -> dict[tuple[object, object], object]:
        return {
            (name, version): state for name, version, state in self.rows(RemoteProduct, "name", "version_key", "state")
        }

    @property
    def watermark(self) -> object:
        return dict(self.rows(ArchiveCursor, "stream", "watermark")).get("archive")


@pytest.fixture
def poller(store: Store) -> Poller:
    return Poller(store)


def filled(archive: ToyArchive, number: int = 5) -> None:
    for day in range(number):
        archive.add(f"D{day}", day=day, files={f"d{day}_corrtag.fits": b"content"})


def test_everything_new_is_recorded_listed_and_queued(poller):
    filled(poller.archive)
    (walk,) = poller.poll()
    assert (walk.state, walk.seen, walk.new, walk.changed, walk.pages) == ("done", 5, 5, 0, 3)
    assert (poller.summary.datasets, poller.summary.products, poller.summary.failures) == (5, 5, [])
    assert poller.watermark == START + 4 * DAY
    assert set(poller.states().values()) == {"queued"}
    assert poller.rows(RemoteProduct, "mission", "kind", "priority", "declared_bytes")[0] == ("hst", "corrtag", 1, 7)
    assert poller.rows(RemoteDataset, "dataset_key", "listed_version")[0] == ("D0", "1")
    assert poller.rows(ArchiveWalk, "state", "pages", "rows_seen", "rows_new") == [("done", 3, 5, 5)]


def test_the_answers_are_kept(poller):
    filled(poller.archive)
    poller.poll()
    replies = sorted(poller.store.settings.download_dir.rglob("*.gz"))
    assert [gzip.decompress(path.read_bytes()) for path in replies] == [b"['D0', 'D1']", b"['D2', 'D3']", b"['D4']"]
    assert {path.parent.relative_to(poller.store.settings.download_dir) for path in replies} == {Path("toy/archive")}


def test_a_second_poll_begins_before_the_watermark_and_changes_nothing(poller):
    filled(poller.archive)
    poller.poll()
    before = poller.store.state().rows
    poller.clock.turn(1)
    (walk,) = poller.poll()
    assert walk.since == START + 1 * DAY
    assert (walk.seen, walk.new, walk.changed) == (4, 0, 0)
    after = poller.store.state().rows
    for table in ("remote_dataset", "remote_product", "archive_cursor", "notice"):
        assert after[table] == before[table]
    assert poller.archive.asked == ["products D0 D1 D2 D3", "products D4"]


def test_a_dataset_on_the_edge_of_the_window_is_met(poller):
    poller.archive.add("LAST", day=4)
    poller.poll()
    poller.archive.add("TIE", day=1)  # as old as the overlap, and late
    (walk,) = poller.poll()
    assert (walk.new, walk.since) == (1, START + DAY)


def test_reprocessed_data_is_queued_after_what_is_new_and_supersedes_what_did_not_come(poller):
    filled(poller.archive, 2)
    poller.poll()
    poller.change(update(RemoteProduct).where(RemoteProduct.name == "d0_corrtag.fits").values(state="done"))
    for key in ("D0", "D1"):
        poller.archive.add(key, "2", day=5, files={f"{key.lower()}_corrtag.fits": b"again"})
    (walk,) = poller.poll()
    assert (walk.new, walk.changed) == (0, 2)
    assert poller.states() == {
        ("d0_corrtag.fits", "1"): "done",
        ("d0_corrtag.fits", "2"): "queued",
        ("d1_corrtag.fits", "1"): "superseded",
        ("d1_corrtag.fits", "2"): "queued",
    }
    assert set(poller.rows(RemoteProduct, "version_key", "priority")) == {("1", 1), ("2", 2)}


def test_another_name_of_the_target_changes_the_row_and_lists_nothing(poller):
    poller.archive.add("D0", files={"d0.fits": b"x"})
    poller.poll()
    poller.archive.things["D0"].target = "OTHER"
    (walk,) = poller.poll()
    assert (walk.new, walk.changed) == (0, 1)
    assert poller.rows(RemoteDataset, "target", "version_key") == [("OTHER", "1")]
    assert poller.archive.asked == ["products D0"]


def test_a_row_that_comes_twice_counts_once_and_the_later_version_stays(poller, monkeypatch):
    filled(poller.archive, 4)
    pages = poller.archive._pages

    def shuffled(name: str, things: list) -> Iterator[Page]:
        first, second = pages(name, things)
        old, new = (poller.archive.add("D9", version, day=3) for version in ("1", "2"))
        yield Page((*first.datasets, first.datasets[0], dataset_of(new)), first.watermark)
        yield Page((dataset_of(old), *second.datasets, first.datasets[1]), second.watermark)

    monkeypatch.setattr(poller.archive, "_pages", shuffled)
    (walk,) = poller.poll()
    assert walk.new == 5
    assert len(poller.rows(RemoteDataset, "dataset_key")) == 5
    assert ("D9", "2") in poller.rows(RemoteDataset, "dataset_key", "version_key")


def test_a_walk_that_fails_keeps_its_pages_and_moves_no_watermark(poller):
    filled(poller.archive)
    poller.archive.faults["page archive 1"] = TransientError("archive.timeout", "no answer; token=hunter2secret")
    (walk,) = poller.poll()
    assert (walk.state, walk.new, walk.pages) == ("failed", 2, 1)
    assert poller.watermark is None
    assert [failure.code for failure in poller.summary.failures] == ["archive.timeout"]
    assert poller.rows(ArchiveWalk, "state", "error_code", "rows_new") == [("failed", "archive.timeout", 2)]
    ((key, severity, count, message),) = poller.rows(Notice, "key", "severity", "count", "message")
    assert (key, severity, count) == ("walk toy archive", "warning", 1)
    assert "hunter2secret" not in message
    poller.poll()
    assert poller.rows(Notice, "count", "cleared_at") == [(2, None)]
    poller.archive.faults.clear()
    (walk,) = poller.poll()
    assert (walk.state, walk.since, walk.new) == ("done", None, 3)
    assert poller.rows(Notice, "cleared_at") == [(poller.clock.now(),)]


def test_an_error_of_a_client_ends_its_walk_alone(poller):
    filled(poller.archive)
    poller.archive.faults["page archive 1"] = KeyError("sci_data_set_name")
    (walk,) = poller.poll()
    assert walk.state == "failed"
    assert [failure.code for failure in poller.summary.failures] == ["step.unexpected"]
    assert len(poller.states()) == 2  # what it met before is listed


def test_a_date_in_the_future_hides_nothing(poller):
    archive = poller.archive
    archive.add("NOW", day=1)
    real = archive._pages
    archive._pages = lambda name, things: (Page(p.datasets, START + 4000 * DAY, p.reply) for p in real(name, things))
    poller.poll()
    assert poller.watermark == poller.clock.now()


def test_since_overrides_the_window_and_leaves_no_gap(poller):
    filled(poller.archive)
    poller.poll()
    poller.archive.add("LATE", day=9)
    (walk,) = poller.poll(since=START + 8 * DAY)
    assert (walk.since, walk.new) == (START + 8 * DAY, 1)
    assert poller.watermark == START + 4 * DAY  # what lies between may not have been met
    (walk,) = poller.poll(since=START)
    assert (walk.seen, poller.watermark) == (6, START + 9 * DAY)


def test_an_unknown_stream_is_a_usage_error(poller):
    with pytest.raises(UsageError) as caught:
        poller.poll(streams=["relase"])
    assert caught.value.code == "usage.unknown-stream"
    assert "archive, full" in caught.value.hint


def test_a_column_that_is_gone_stops_the_poll_and_is_told(poller):
    filled(poller.archive)
    poller.poll()
    del poller.archive.named["version"]
    poller.archive.add("NEW", day=6)
    (walk,) = poller.poll()
    assert (walk.stream, walk.state) == ("columns", "failed")
    assert [failure.code for failure in poller.summary.failures] == ["archive.columns"]
    assert poller.watermark == START + 4 * DAY
    assert len(poller.rows(RemoteDataset, "id")) == 5
    ((key, severity, message),) = poller.rows(Notice, "key", "severity", "message")
    assert (key, severity) == ("columns toy", "error")
    assert "version" in message
    poller.archive.named["version"] = "text"
    poller.poll()
    assert len(poller.rows(RemoteDataset, "id")) == 6
    assert poller.rows(Notice, "cleared_at") == [(poller.clock.now(),)]


def test_a_column_that_is_new_or_of_another_type_is_told_and_no_obstacle(poller):
    filled(poller.archive)
    poller.poll()
    poller.archive.named |= {"target": "number", "orbit": "integer"}
    (walk,) = poller.poll()
    assert walk.state == "done"
    assert poller.rows(Notice, "severity", "message") == [
        ("info", "toy: column target was text, is number; column orbit is new")
    ]


def test_a_dataset_is_gone_when_two_full_walks_miss_it_and_comes_back(poller):
    filled(poller.archive)
    poller.poll(full=True)
    gone = poller.archive.things.pop("D1")
    (walk,) = poller.poll(full=True)
    assert (walk.missing, poller.states()["d1_corrtag.fits", "1"]) == (1, "queued")
    poller.poll(full=True)
    assert dict(poller.rows(RemoteDataset, "dataset_key", "gone_at"))["D1"] is not None
    assert poller.states()["d1_corrtag.fits", "1"] == "missing"
    assert len(poller.rows(RemoteDataset, "id")) == 5
    (walk,) = poller.poll(full=True)
    assert walk.missing == 0
    poller.archive.things["D1"] = gone
    poller.poll(full=True)
    assert dict(poller.rows(RemoteDataset, "dataset_key", "gone_at"))["D1"] is None
    assert set(poller.rows(RemoteDataset, "missed_walks")) == {(0,)}
    assert poller.states()["d1_corrtag.fits", "1"] == "queued"


def test_a_file_that_came_stays_done_when_its_dataset_is_gone(poller):
    filled(poller.archive)
    poller.poll(full=True)
    poller.change(update(RemoteProduct).values(state="done"))
    poller.archive.things.pop("D1")
    poller.poll(full=True)
    poller.poll(full=True)
    assert set(poller.states().values()) == {"done"}


def test_a_full_walk_that_shrinks_is_an_outage(poller):
    filled(poller.archive, 20)
    poller.clock.turn(30)
    poller.poll(full=True)
    for day in range(8):
        poller.archive.things.pop(f"D{day}")
    for _ in range(3):
        (walk,) = poller.poll(full=True)
        assert walk.state == "failed"
    assert [failure.code for failure in poller.summary.failures] == ["archive.shrunk"]
    assert set(poller.rows(RemoteDataset, "gone_at", "missed_walks")) == {(None, 0)}
    assert poller.rows(ArchiveSource, "full_rows") == [(20,)]
    (walk,) = poller.poll(full=True, accept_shrunk=True)
    assert (walk.state, walk.missing) == ("done", 8)


def test_an_empty_full_walk_is_an_outage_however_few_there_were(poller):
    filled(poller.archive, 2)
    poller.poll(full=True)
    poller.archive.things.clear()
    (walk,) = poller.poll(full=True)
    assert walk.state == "failed"


def test_what_only_a_full_walk_meets_is_new(poller):
    filled(poller.archive, 2)
    poller.clock.turn(60)
    poller.archive.add("RECENT", day=50)
    poller.poll()
    poller.archive.add("BACKDATED", day=-20, files={"back.fits": b"x"})
    poller.poll()
    assert len(poller.rows(RemoteDataset, "id")) == 3
    (walk,) = poller.poll(full=True)
    assert (walk.new, poller.states()["back.fits", "1"]) == (1, "queued")


def test_selections_are_walked_too(poller):
    poller.archive.add("ELSEWHERE", day=-100, target="GJ 436", files={"gj.fits": b"x"})
    filled(poller.archive, 1)
    poller.poll(since=START)
    assert ("gj.fits", "1") not in poller.states()
    row = {"name": "mine", "source": "toy", "target": "GJ 436", "ra_deg": None, "dec_deg": None}
    row |= {"radius_deg": 0.1, "minimum_significance": None}

    def store(connection: Connection) -> None:
        add_selection(connection, row, START)
        add_selection(connection, {**row, "name": "other", "source": "another"}, START)

    with poller.store.open() as context, writing(context.engine) as connection:
        store(connection)
    walks = poller.poll()
    assert [(walk.stream, walk.new) for walk in walks] == [("archive", 0), ("selection:mine", 1)]
    assert poller.states()["gj.fits", "1"] == "queued"
    with poller.store.open() as context, writing(context.engine) as connection:
        assert remove_selection(connection, "mine")
        assert not remove_selection(connection, "mine")
    assert [walk.stream for walk in poller.poll()] == ["archive"]


def test_one_selection_gives_the_keys_of_its_datasets(poller):
    filled(poller.archive, 3)
    poller.archive.add("G", target="GJ 436", files={"gj.fits": b"x"})
    with open_store(poller.store.settings, lock="archive") as context:
        keys = poll_selection(context, poller.archive, Selection("GJ 436"), poller.summary)
    assert keys == ["G"]
    assert poller.states() == {("gj.fits", "1"): "queued"}


def test_an_embargoed_dataset_is_listed_when_it_is_public(poller):
    poller.archive.add("SECRET", release=START + 20 * DAY, files={"s.fits": b"x"})
    poller.poll()
    assert poller.states() == {}
    poller.clock.turn(11)
    poller.poll()
    assert poller.states() == {("s.fits", "1"): "queued"}


def test_a_dataset_whose_products_cannot_be_listed_holds_up_no_other(poller):
    filled(poller.archive, 4)
    poller.archive.faults["D2"] = TransientError("archive.status", "status 500")
    poller.poll()
    assert sorted(name for name, _ in poller.states()) == ["d0_corrtag.fits", "d1_corrtag.fits", "d3_corrtag.fits"]
    assert [failure.what for failure in poller.summary.failures] == ["toy D2"]
    assert poller.rows(Notice, "key", "cleared_at") == [("listing toy D2", None)]
    poller.archive.faults.clear()
    poller.poll()
    assert len(poller.states()) == 4
    assert poller.rows(Notice, "cleared_at") == [(poller.clock.now(),)]


def test_an_archive_that_wants_to_be_left_alone_is(poller):
    filled(poller.archive)
    until = poller.clock.now() + timedelta(hours=2)
    poller.archive.faults["page archive 1"] = TransientError("archive.paused", "status 503 for long", until=until)
    (walk,) = poller.poll()
    assert (walk.state, poller.summary.failures) == ("failed", [])
    assert len(poller.summary.waiting) == 1
    assert poller.archive.asked == []  # no products either
    poller.archive.faults.clear()
    windows = len(poller.archive.windows)
    (walk,) = poller.poll()
    assert (walk.state, len(poller.archive.windows)) == ("skipped", windows)
    assert "left alone until" in poller.summary.waiting[0]
    poller.clock.turn(0.1)
    (walk,) = poller.poll()
    assert (walk.state, walk.new) == ("done", 3)


def test_a_poll_that_is_stopped_ends_between_pages(poller):
    filled(poller.archive)
    stop = threading.Event()
    real = poller.archive._pages

    def pages(name: str, things: list) -> Iterator[Page]:
        for page in real(name, things):
            yield page
            stop.set()

    poller.archive._pages = pages
    (walk,) = poller.poll(stop=stop)
    assert (walk.state, walk.pages, poller.summary.failures) == ("failed", 2, [])
    assert poller.watermark is None


def test_a_dry_run_tells_and_writes_nothing(poller):
    filled(poller.archive)
    poller.poll(streams=["full"])
    poller.archive.add("NEW", day=6)
    before = poller.store.state()
    (walk,) = poller.poll(dry_run=True)
    assert (walk.state, walk.seen, walk.new) == ("done", 6, 1)
    after = poller.store.state()
    assert (after.rows, after.files) == (before.rows, before.files)
    assert poller.watermark is None


def test_lists_grow_old_where_an_archive_changes_files_in_place(poller):
    poller.archive.add("D0", files={"a.fits": b"x"})
    poller.archive.relisting = 30 * 86400.0
    poller.poll()
    poller.archive.things["D0"].files["b.fits"] = b"y"
    poller.clock.turn(29)
    poller.poll()
    assert len(poller.states()) == 1
    poller.clock.turn(2)
    poller.poll()
    assert len(poller.states()) == 2


def test_a_list_that_is_gone_when_it_is_looked_at_again_is_no_failure(poller):
    for key in ("D0", "D1"):
        poller.archive.add(key, files={f"{key.lower()}.fits": b"x"})
    poller.archive.relisting = 30 * 86400.0
    poller.poll()
    poller.archive.faults["D0"] = RejectedError("archive.no-product", "there is no such folder")
    poller.archive.things["D1"].files["more.fits"] = b"y"
    poller.clock.turn(31)
    poller.poll()
    assert poller.summary.failures == []
    assert poller.summary.waiting == ["toy D0: it has no products any more"]
    assert len(poller.states()) == 3
    assert poller.rows(Notice, "key") == []


def test_what_no_column_takes_is_left_out_or_cut(poller):
    poller.archive.add("K" * 200)
    poller.archive.add("V", "v" * 300)
    poller.archive.add("NUL\0")
    poller.archive.add("LONG", target="T" * 300 + "\0")
    poller.archive.add("GOOD")
    poller.poll()
    assert [key for (key,) in poller.rows(RemoteDataset, "dataset_key")] == ["GOOD", "LONG"]


def test_a_poll_and_a_writer_of_the_store_go_on_together_and_two_polls_do_not(poller):
    with poller.store.open(), open_store(poller.store.settings, lock="archive"):
        with pytest.raises(LockHeldError), open_store(poller.store.settings, lock="archive", wait=False):
            pass
        with pytest.raises(LockHeldError), open_store(poller.store.settings, wait=False):
            pass


def test_a_run_beside_another_does_not_take_it_for_dead(poller):
    with (
        poller.store.open() as writer,
        recorded_run(writer, "ingest", Summary()),
        open_store(poller.store.settings, lock="archive") as context,
        recorded_run(context, "poll", Summary()),
        reading(context.engine) as connection,
    ):
        from hstlc.db.tables import Run

        rows = connection.execute(select(Run.command, Run.status).order_by(Run.id))
        assert [tuple(row) for row in rows] == [("ingest", "running"), ("poll", "running")]


def test_a_rejected_question_is_a_failure_with_its_hint(poller):
    filled(poller.archive)
    poller.archive.faults["archive"] = RejectedError("archive.rejected", "bad query", "change instruments")
    poller.poll()
    assert [(f.code, f.hint) for f in poller.summary.failures] == [("archive.rejected", "change instruments")]


class Large(ToyArchive):
    """A hundred thousand datasets, two thousand a page."""

    batch = 200

    def search(self, window: Window) -> Iterator[Page]:  # noqa: ARG002
        for start in range(0, 100_000, 2000):
            some = [Thing(f"L{number:06d}", "1", START, {}) for number in range(start, start + 2000)]
            yield Page(tuple(map(dataset_of, some)), START + DAY, b"x" * 600_000)

    def products(self, datasets: Sequence[Shown]) -> list[Listed]:
        return [Listed(one.key, f"{one.key}.fits", one.version, "tag", one.key) for one in datasets]


@pytest.mark.soak
def test_a_hundred_thousand_datasets_fit_into_little_memory(poller, capsys):
    poller.archive = Large(poller.clock)
    poller.poll(full=True)
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    poller.poll()
    (walk,) = poller.poll(full=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    with capsys.disabled():
        print(f"\n200000 known rows polled in {time.monotonic() - begun:.1f} s, {grown:.0f} MB more than before")
    assert (walk.seen, walk.new, walk.changed, walk.missing) == (100_000, 0, 0, 0)
    assert len(poller.states()) == 100_000
    assert grown < 100
