"""A daemon in simulated time: cadence, restarts, failures, and what one job makes another do."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from daemon_process import job, runs
from sqlalchemy import Engine

from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.leader import give_up, leader, take
from hstlc.db.notices import notices
from hstlc.errors import LockHeldError, StepError, StoreError
from hstlc.scheduler import jobs as jobs_module
from hstlc.scheduler.daemon import Daemon
from hstlc.scheduler.jobs import Job
from hstlc.store import fence
from hstlc.testing.clock import SimulatedClock, run_simulated

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _no_fence_is_left():
    yield
    assert fence._hook is None


@pytest.fixture
def clock():
    return SimulatedClock(START)


@pytest.fixture
def calm(store):
    """A store whose daemon asks no archive and does everything a few times a day."""
    every = dict.fromkeys(("fetch", "ingest", "compose", "build_stats", "make_plots"), "6 h")
    keys = {f"daemon__{name}": text for name, text in every.items()}
    return store.configured(**keys, archives__mast__enabled="false", num_cores="1")


def simulate(store, clock, until, names=()):
    done = []
    daemon = Daemon(store.settings, clock, names)
    run_simulated(daemon, clock, until, lambda name, due, ended: done.append((name, due, ended)))
    return done


def replaced(monkeypatch, name, step):
    """Let a job do something else."""
    kind = jobs_module.JOBS[name]
    other = Job(kind.name, kind.lane, kind.command, step, kind.quiet, kind.at_once)
    monkeypatch.setitem(jobs_module.JOBS, name, other)


def test_every_job_keeps_its_cadence_over_days_and_a_restart(calm, clock):
    done = simulate(calm, clock, START + 2 * DAY)
    done += simulate(calm, clock, START + 4 * DAY)
    counts = Counter(name for name, _, _ in done)
    for name in ("poll", "sweep", "back-up"):
        assert 4 <= counts[name] <= 5, name
    for name in ("fetch", "ingest", "compose", "build-stats", "make-plots"):
        assert 15 <= counts[name] <= 18, name
        times = [due for other, due, _ in done if other == name]
        assert all(timedelta(hours=5.4) <= b - a <= timedelta(hours=6.6) for a, b in pairwise(times)), name
    assert counts["reconcile"] == 0
    assert {ended.status for _, _, ended in done} == {"done"}
    assert clock.now() >= START + 4 * DAY
    assert len(runs(calm)) == len(done)
    copies = list((calm.home / "backups").glob("*")) if calm.url.startswith("sqlite") else [1] * counts["back-up"]
    assert len(copies) == counts["back-up"]


def test_what_is_ingested_is_composed_described_and_drawn_at_once(calm, clock, archive):
    simulate(calm, clock, START + timedelta(minutes=1))
    calm.give(*archive.pair)
    done = simulate(calm, clock, START + timedelta(hours=7))
    first = next(number for number, (name, _, ended) in enumerate(done) if "ingested 1" in ended.message)
    assert [name for name, _, _ in done[first : first + 4]] == ["ingest", "compose", "build-stats", "make-plots"]
    moments = [due for _, due, _ in done[first : first + 4]]
    assert moments[-1] - moments[0] < timedelta(seconds=5)
    assert "plots 2" in done[first + 3][2].message
    assert calm.verify().clean


def test_quiet_hours_are_kept_by_what_asks_archives_alone(calm, clock):
    store = calm.configured(daemon__quiet_hours="18:00-06:00")
    done = simulate(store, clock, START + 2 * DAY)
    hours = {name: {due.hour for other, due, _ in done if other == name} for name in ("fetch", "ingest")}
    assert hours["fetch"] <= set(range(6, 18))
    assert not hours["ingest"] <= set(range(6, 18))


def test_a_job_that_fails_is_recorded_noted_tried_again_and_ends_no_other(calm, clock, monkeypatch):
    broken = True

    def step(work):
        if broken:
            raise StoreError("store.io", "the disk of postgresql://a:s3cretpass@h/d is odd", "look")
        return ()

    replaced(monkeypatch, "compose", step)
    done = simulate(calm, clock, START + timedelta(hours=5), ("ingest", "compose"))
    tries = [due for name, due, _ in done if name == "compose"]
    assert [round((b - a) / timedelta(minutes=1)) for a, b in pairwise(tries)] == [15, 30, 60, 120]
    row = job(calm, "compose")
    assert (row["status"], row["failures"]) == ("failed", 5)
    assert row["message"].startswith("[store.io] the disk of")
    assert "s3cretpass" not in row["message"]
    with calm.open(write=False) as context, reading(context.engine) as connection:
        (notice,) = notices(connection)
    assert (notice["key"], notice["severity"], notice["count"]) == ("job compose", "warning", 5)
    assert {run["status"] for run in runs(calm) if run["command"] == "make-composites"} == {"failed"}
    broken = False
    simulate(calm, clock, START + timedelta(hours=12), ("ingest", "compose"))
    assert (job(calm, "compose")["status"], job(calm, "compose")["failures"]) == ("done", 0)
    with calm.open(write=False) as context, reading(context.engine) as connection:
        assert notices(connection) == []


def test_an_error_of_the_program_is_logged_in_full_and_the_daemon_goes_on(calm, clock, monkeypatch, caplog):
    def step(work):
        raise ZeroDivisionError("of step")

    replaced(monkeypatch, "compose", step)
    with caplog.at_level(logging.ERROR, "hstlc"):
        done = simulate(calm, clock, START + timedelta(hours=7), ("compose", "build-stats"))
    assert [ended.status for name, _, ended in done if name == "build-stats"] == ["done", "done"]
    assert job(calm, "compose")["message"].startswith("[step.unexpected] ZeroDivisionError: of step")
    assert "Traceback" in caplog.text


def test_once_does_every_job_in_order_and_says_what_failed(calm, clock, monkeypatch):
    daemon = Daemon(calm.settings, clock)
    daemon.run_once()
    commands = [run["command"] for run in runs(calm)]
    assert commands == [kind.command for kind in jobs_module.JOBS.values()]
    replaced(monkeypatch, "compose", lambda _: 1 // 0)
    daemon = Daemon(calm.settings, clock, ["compose", "sweep"])
    with pytest.raises(StepError) as caught:
        daemon.run_once()
    assert caught.value.context["failed"] == ["compose"]
    assert [run["command"] for run in runs(calm)][-2:] == ["make-composites", "sweep"]


def test_once_leaves_where_another_daemon_leads(calm, clock):
    with calm.open() as context, writing(context.engine) as connection:
        take(connection, "other-1-1", START, 3600.0)
    with pytest.raises(LockHeldError) as caught:
        Daemon(calm.settings, clock).run_once()
    assert caught.value.code == "lock.held"
    assert runs(calm) == []


def test_a_daemon_that_another_one_replaced_begins_no_job(calm, clock):
    daemon = Daemon(calm.settings, clock)
    runner = daemon.begin(heartbeat=False)
    try:
        clock.sleep(3600.0)
        with calm.open() as context, writing(context.engine) as connection:
            assert take(connection, "other-1-1", clock.now(), 3600.0) == 2
        with pytest.raises(LockHeldError) as caught:
            runner.run("ingest")
        assert caught.value.code == "lock.lost"
        with pytest.raises(LockHeldError):
            fence.check()
    finally:
        daemon.end()
    assert runs(calm) == []
    with calm.open(write=False) as context, reading(context.engine) as connection:
        row = leader(connection)
    assert row is not None
    assert row["owner"] == "other-1-1"  # giving up is for those who lead


def test_a_job_that_loses_the_lease_on_its_way_ends_without_a_word_in_the_database(calm, clock, monkeypatch):
    other: Engine = make_engine(calm.url)

    def step(work):
        with writing(other) as connection:
            assert take(connection, "other-1-1", clock.now() + DAY, 3600.0) == 2
        return ()

    replaced(monkeypatch, "compose", step)
    try:
        with pytest.raises(LockHeldError) as caught:
            simulate(calm, clock, START + DAY, ["compose"])
        assert caught.value.code == "lock.lost"
        assert job(calm, "compose")["running_epoch"] == 1
        with writing(other) as connection:
            assert give_up(connection, "other-1-1", 2, clock.now())
        monkeypatch.undo()
        done = simulate(calm, clock, START + timedelta(hours=1), ["compose"])
        assert [ended.status for _, _, ended in done] == ["done"]
    finally:
        other.dispose()


def test_new_notices_are_handed_to_the_command(calm, clock, monkeypatch, tmp_path):
    target = tmp_path / "told.json"
    program = f"import sys; open({str(target)!r}, 'a').write(sys.stdin.read())"
    store = calm.configured(daemon__notice_command=f'["{sys.executable}", "-c", "{program}"]')
    replaced(monkeypatch, "compose", lambda _: 1 // 0)
    simulate(store, clock, START + timedelta(hours=2), ["compose"])
    assert target.read_text().count("job compose") >= 1
    assert target.read_text().count('"key"') == 1
