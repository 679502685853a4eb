"""Daemons as processes: one works and the others wait, whatever is done to it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from daemon_process import daemon, ended, epoch, health, is_stopped, job, leads, log, rows, runs, until
from store_state import expose

from hstlc.db.archive_tables import Leader, RemoteProduct
from hstlc.db.tables import Metadata, Stats
from hstlc.pipeline.sweep import sweep
from hstlc.testing.archive import StandIn
from hstlc.testing.archive.faults import Fault
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.scenarios import add_hst
from hstlc.testing.archive.world import World

STEADY = {"daemon__lease": "60 s"}  # a busy machine takes nothing from a leader that lives


def assert_whole(store):
    with store.open() as context:
        sweep(context)  # .part files of processes that are gone
    assert store.verify().clean


def test_of_two_daemons_one_works_and_the_other_waits(store, archive):
    with daemon(store, **STEADY) as first:
        until(lambda: leads(store, first), "the first daemon leads")
        with daemon(store, **STEADY) as second:
            until(lambda: "waits: another daemon leads" in log(store), "the second one waits")
            store.give(*archive.pair)
            until(lambda: rows(store, Metadata), "the exposure is ingested")
            until(lambda: job(store, "make-plots").get("message", "").startswith("plots"), "its plots are made")
            assert epoch(store) == 1
            assert leads(store, first)
            second.send_signal(signal.SIGTERM)
            assert ended(second) == (0, "")
            assert leads(store, first)
        beat = health(store)
        assert (beat["pid"], beat["epoch"]) == (first.pid, 1)
        first.send_signal(signal.SIGTERM)
        assert ended(first) == (0, "")
    assert health(store) == {}
    assert epoch(store) == 0
    assert store.verify().clean
    assert {run["status"] for run in runs(store)} == {"done"}


def test_a_daemon_that_gives_up_is_followed_at_once_by_the_one_that_waits(store):
    with daemon(store, **STEADY) as first:
        until(lambda: leads(store, first), "the first daemon leads")
        with daemon(store, daemon__lease="3 s") as second:
            until(lambda: "waits: another daemon leads" in log(store), "the second one waits")
            first.send_signal(signal.SIGINT)
            assert ended(first)[0] == 0
            until(lambda: leads(store, second), "the second one leads")
            assert epoch(store) == 2


def test_a_daemon_that_is_killed_is_followed_after_its_lease(store, archive):
    store.give(*archive.pair)
    with daemon(store, stop_at="published") as first:
        until(lambda: is_stopped(first), "the first one is in the middle of an ingest")
        first.kill()
        first.wait()
        with daemon(store) as second:
            until(lambda: leads(store, second), "the second one leads")
            until(lambda: rows(store, Metadata), "the exposure is ingested")
            until(lambda: job(store, "make-plots").get("status") == "done", "the jobs have been done")
            second.send_signal(signal.SIGTERM)
            assert ended(second)[0] == 0
    assert "was left in the middle and is due" in log(store)
    assert store.verify().clean
    assert not list(store.home.rglob("*.part"))


@pytest.mark.parametrize("inside", [False, True], ids=["between transactions", "within one"])
def test_a_leader_that_was_stopped_and_goes_on_writes_nothing_more(store, archive, inside):
    point = "published-fsync" if not inside else "before-commit"
    if inside and store.url.startswith("sqlite"):
        point = "committed"  # nobody can end an SQLite transaction that a stopped process is in
    jobs = ("--jobs", "ingest,build-stats")
    store.give(*archive.pair)
    with daemon(store, *jobs, stop_at=point) as first:
        until(lambda: is_stopped(first), f"the first one came to {point}")
        assert leads(store, first)
        with daemon(store, *jobs, daemon__ingest="1 h", **STEADY) as second:  # at rest once it has done its jobs
            until(lambda: leads(store, second), "the second one leads")
            until(lambda: len(rows(store, Stats)) == 1, "its jobs have been done")
            until(lambda: job(store, "build-stats")["message"].startswith("statistics"), "nothing is under way")
            second.send_signal(signal.SIGSTOP)  # so that what changes from now on is the doing of the first
            until(lambda: is_stopped(second), "the second one is stopped")
            before, recorded, leader = store.state(), runs(store), rows(store, Leader)
            first.send_signal(signal.SIGCONT)
            code, said = ended(first)
            assert code == 6, said
            assert "[lock.lost]" in said
            assert store.state() == before
            assert runs(store) == recorded
            assert rows(store, Leader) == leader
            second.send_signal(signal.SIGCONT)
            second.send_signal(signal.SIGTERM)
            assert ended(second)[0] == 0
    assert "lock.lost" in log(store)
    assert len(rows(store, Metadata)) == 1
    assert_whole(store)


@pytest.mark.parametrize(("cores", "exposures"), [(1, 3), (2, 20)])  # two workers are given 16 tasks at once
def test_a_daemon_that_is_told_to_stop_in_a_long_ingest_keeps_what_is_done(store, tmp_path, cores, exposures):
    rootnames = [f"lsim{number:02}aaq" for number in range(exposures)]
    for rootname in rootnames:
        store.give(*expose(tmp_path / "new", rootname))
    options = {"num_cores": str(cores), "commit_batch": "1", **STEADY}
    with daemon(store, stop_at="committed", signal_name="SIGTERM", **options) as process:
        assert ended(process) == (0, "")
    done = {row["rootname"] for row in rows(store, Metadata)}
    assert 1 <= len(done) < len(rootnames)
    assert job(store, "ingest")["status"] == "stopped"
    assert job(store, "ingest")["running_epoch"] is None
    assert epoch(store) == 0
    assert health(store) == {}
    assert_whole(store)
    with daemon(store, "--once", "--jobs", "ingest", **STEADY) as process:
        assert ended(process) == (0, "")
    assert [row["rootname"] for row in rows(store, Metadata)] == rootnames
    assert_whole(store)


def test_a_daemon_that_is_told_to_stop_in_a_slow_download_goes_on_with_it_later(store):
    world = World()
    add_hst(world, HstDataset(1, association=False, x1d=False), made=datetime(2025, 3, 1, tzinfo=UTC))
    with StandIn(world) as archive:
        archive.faults.add(Fault("slow", path="retrieve_product", times=None, arguments={"bytes_per_s": 3000}))
        here = {name.removeprefix("HSTLC_").lower(): text for name, text in archive.environment(["mast"]).items()} | {
            "num_cores": "1",
            "downloads__minimum_rate": "1 B/s",
        }
        with daemon(store, **here, **STEADY) as process:
            until(lambda: parts(store), "the download is under way")
            process.send_signal(signal.SIGTERM)
            assert ended(process) == (0, "")
        assert {row["state"] for row in rows(store, RemoteProduct)} == {"queued"}
        assert rows(store, Metadata) == []
        assert list(store.inbox.glob("*.fits")) == []
        begun = parts(store)
        assert begun
        archive.faults.clear()
        with daemon(store, "--once", "--jobs", "fetch,ingest", **here, **STEADY) as process:
            assert ended(process) == (0, "")
        (again,) = archive.log.of("retrieve_product", "GET")[1:]
        assert again.headers.get("Range") or again.headers.get("range")  # it goes on where it was
    assert {row["state"] for row in rows(store, RemoteProduct)} == {"done"}
    assert len(rows(store, Metadata)) == 1
    assert_whole(store)


def parts(store):
    """Return the downloads under way that have some bytes."""
    return [path for path in store.inbox.glob(".incoming/**/*.part") if path.stat().st_size]


def test_what_takes_too_long_to_stop_is_cut_off_and_done_later(store, archive):
    """The hook stops the lane for good; SIGTERM ends the process all the same."""
    store.give(*archive.pair)
    with daemon(store, stop_at="published", signal_name="hang", daemon__stop_within="1 s", **STEADY) as process:
        until(lambda: "hangs" in log(store), "it hangs")
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    assert "cut off" in log(store)
    assert epoch(store) == 0
    with daemon(store, "--once", "--jobs", "ingest", **STEADY) as process:
        assert ended(process)[0] == 0
    assert len(rows(store, Metadata)) == 1
    assert_whole(store)


def test_no_job_runs_twice_at_once_while_leaders_come_and_go(store, archive):
    store.give(*archive.pair)
    leaders = 4
    for number in range(leaders):
        with daemon(store, "--jobs", "ingest,compose,build-stats") as process:
            until(lambda process=process: leads(store, process), f"leader {number} leads")
            count = len(runs(store))
            until(lambda count=count: len(runs(store)) >= count + 3, "jobs are done")
            process.kill()
            process.wait()
    spans = sorted((run["started_at"], run["ended_at"]) for run in runs(store) if run["ended_at"])
    assert len(spans) >= 2 * leaders
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
