"""What users ask for as rows, and the daemon that does it: nothing is lost whoever is killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from daemon_process import daemon, ended, environment, is_stopped, job, leads, rows, runs, until
from sqlalchemy import Engine
from store_state import Store

from hstlc.clock import SystemClock
from hstlc.db import requests
from hstlc.db.audit import add_audit, audit_rows, forget_audit_before
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.leader import leader, renew
from hstlc.db.tables import JobRequest, Metadata, Output, Product
from hstlc.db.users import add_user, new_token, remove_user, token_digest, users
from hstlc.errors import DatabaseError, StepError, UsageError
from hstlc.pipeline.requests import reprocess, work_off
from hstlc.pipeline.results import Summary
from hstlc.scheduler.daemon import Daemon
from hstlc.testing.archive import StandIn
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.scenarios import add_hst
from hstlc.testing.archive.world import World
from hstlc.testing.clock import SimulatedClock

NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUICK = {"daemon__lease": "60 s", "daemon__requests": "0.2 s", "daemon__ingest": "10000 s"}


def user_of(engine: Engine, name: str = "ada") -> dict[str, Any]:
    with writing(engine) as connection:
        return {"id": add_user(connection, name, name.ljust(64, "0"), NOW), "name": name}


def asked(engine: Engine, kind: str, arguments: dict[str, Any], user: dict[str, Any], most: int = 99) -> Any:
    with writing(engine) as connection:
        return requests.add_request(connection, kind, arguments, user, NOW, most=most)


def found(engine: Engine, number: int) -> dict[str, Any]:
    with reading(engine) as connection:
        row = requests.find_request(connection, number)
    assert row is not None
    return row


# --- rows


def test_the_same_request_is_queued_once(engine: Engine) -> None:
    ada, bob = user_of(engine), user_of(engine, "bob")
    first, new = asked(engine, "get", {"target": "X", "radius_deg": 0.1}, ada)
    assert new
    again, new = asked(engine, "get", {"radius_deg": 0.1, "target": "X"}, bob)
    assert (again["id"], new, again["user_name"]) == (first["id"], False, "ada")
    assert asked(engine, "get", {"target": "Y", "radius_deg": 0.1}, ada)[1]
    with writing(engine) as connection:
        assert requests.take_request(connection, "get", 1, NOW)["id"] == first["id"]
    running, new = asked(engine, "get", {"target": "X", "radius_deg": 0.1}, bob)  # what runs may miss what is new
    assert new
    assert found(engine, running["id"])["before"] == 2
    with writing(engine) as connection:
        remove_user(connection, "ada")
    row = found(engine, first["id"])
    assert (row["user_id"], row["user_name"]) == (None, "ada")


def test_of_many_who_ask_for_the_same_at_once_one_row_comes(engine: Engine) -> None:
    ada = user_of(engine)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: asked(engine, "get", {"target": f"T{n % 2}"}, ada), range(24)))
    assert len({row["id"] for row, _ in answers}) == 2
    assert sum(new for _, new in answers) == 2


def test_a_user_may_have_so_many_queued(engine: Engine) -> None:
    ada, bob = user_of(engine), user_of(engine, "bob")
    numbers = [asked(engine, "get", {"target": str(n)}, ada, most=3)[0]["id"] for n in range(3)]
    assert asked(engine, "get", {"target": "4"}, ada, most=3) == (None, False)
    assert asked(engine, "get", {"target": "2"}, ada, most=3)[0]["id"] == numbers[2]  # is queued already
    assert asked(engine, "get", {"target": "4"}, bob, most=3)[1]
    with writing(engine) as connection:
        assert requests.cancel_request(connection, numbers[0], NOW)
        assert not requests.cancel_request(connection, numbers[0], NOW)
    assert asked(engine, "get", {"target": "5"}, ada, most=3)[1]


def test_requests_are_taken_in_order_and_by_one(engine: Engine) -> None:
    ada = user_of(engine)
    numbers = [asked(engine, kind, {"target": str(n)}, ada)[0]["id"] for n, kind in enumerate(["get", "reprocess"] * 3)]
    with reading(engine) as connection:
        assert requests.queued_kinds(connection, 1) == {"get", "reprocess"}
        assert [row["id"] for row in requests.list_requests(connection, kind="get")] == numbers[4::-2]
        assert [row["id"] for row in requests.list_requests(connection, before=numbers[2])] == numbers[1::-1]
        assert requests.list_requests(connection, user="bob") == []

    def take(_: int) -> int | None:
        with writing(engine) as connection:
            row = requests.take_request(connection, "get", 7, NOW)
        return None if row is None else row["id"]

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(take, range(6)))
    assert sorted(n for n in taken if n) == numbers[::2]
    with reading(engine) as connection:
        assert requests.queued_kinds(connection, 6) == {"reprocess"}  # those of a later leader are not ours
        assert requests.queued_kinds(connection, 7) == {"get", "reprocess"}


def test_what_was_left_in_the_middle_is_tried_three_times(engine: Engine) -> None:
    number = asked(engine, "get", {"target": "X"}, user_of(engine))[0]["id"]
    for epoch in (1, 2, 3):
        with writing(engine) as connection:
            assert requests.recover_requests(connection, "reprocess", epoch, NOW) == 0
            assert requests.recover_requests(connection, "get", epoch, NOW) == (epoch > 1)
            assert requests.take_request(connection, "get", epoch, NOW)["attempts"] == epoch
            stale = {"state": "done", "counts": {}, "message": "of a leader that is dead"}
            requests.finish_request(connection, number, epoch - 1, NOW, **stale)
            assert requests.find_request(connection, number)["state"] == "running"
    with writing(engine) as connection:
        requests.recover_requests(connection, "get", 4, NOW)
    row = found(engine, number)
    assert (row["state"], row["running_epoch"], row["finished_at"]) == ("failed", None, NOW)
    assert "ended in the middle of it 3 times" in row["message"]


def test_old_audit_rows_go(engine: Engine) -> None:
    common = {"user_name": "ada", "address": "::1", "action": "sql", "status": 200, "seconds": 0.5, "rows": 3}
    days = [NOW - timedelta(days=n) for n in range(4)]
    with writing(engine) as connection:
        add_audit(connection, [{**common, "at": at, "detail": f"caf\udce9 {at}"} for at in days])
        assert forget_audit_before(connection, days[1]) == 2
        assert [row["at"] for row in audit_rows(connection)] == [days[1], days[0]]
        assert "\\udce9" in audit_rows(connection)[0]["detail"]


# --- one after the other


def test_one_that_fails_stops_no_other(store: Store) -> None:
    with store.open() as context:
        ada = user_of(context.engine)
        numbers = [asked(context.engine, "get", {"n": n}, ada)[0]["id"] for n in range(4)]

        def do(arguments: Any, summary: Summary) -> str:
            if arguments["n"] == 1:
                raise StepError("step.x", "it broke, password=hunter2", "mend it")
            if arguments["n"] == 2:
                raise KeyError("an error of the program")
            summary.fetched = 5
            return "well"

        ended_ = work_off(context, "get", 1, do, clock=SystemClock(), stop=threading.Event())
        states = [(found(context.engine, n)["state"], found(context.engine, n)["message"]) for n in numbers]
    assert [one.state for one in ended_] == ["done", "failed", "failed", "done"]
    assert states[0] == states[3] == ("done", "well")
    assert states[1] == ("failed", "[step.x] it broke, password=*** (mend it)")
    assert states[2][1].startswith("[step.unexpected] KeyError")


def test_one_under_way_is_queued_again_when_the_daemon_is_to_stop(store: Store) -> None:
    stop = threading.Event()

    def do(_: Any, __: Summary) -> str:
        stop.set()
        return "half of it"

    with store.open() as context:
        ada = user_of(context.engine)
        numbers = [asked(context.engine, "get", {"n": n}, ada)[0]["id"] for n in range(2)]
        assert [one.state for one in work_off(context, "get", 1, do, clock=SystemClock(), stop=stop)] == ["queued"]
        row = found(context.engine, numbers[0])
        assert (row["state"], row["attempts"], row["running_epoch"]) == ("queued", 0, None)


def test_a_database_that_goes_away_leaves_it_to_the_next_run(store: Store) -> None:
    def away(_: Any, __: Summary) -> str:
        raise DatabaseError("store.database", "gone")

    with store.open() as context:
        number = asked(context.engine, "get", {"n": 1}, user_of(context.engine))[0]["id"]
        how: dict[str, Any] = {"clock": SystemClock(), "stop": threading.Event()}
        with pytest.raises(DatabaseError):
            work_off(context, "get", 1, away, **how)
        assert found(context.engine, number)["state"] == "running"
        assert [one.state for one in work_off(context, "get", 1, lambda *_: "", **how)] == ["done"]
        assert found(context.engine, number)["attempts"] == 2


# --- process again


def test_process_again_does_what_is_stale_of_one_exposure_and_of_no_other(store: Store, archive: Any) -> None:
    store.ingest(*archive.pair, *archive.single)
    changed = store.configured(missions__hst__bin_width="3 s")
    summary = Summary()
    with changed.open() as context:
        keys = {"mission": "hst", "rootname": "lsimp1aaq"}
        message = reprocess(context, keys, summary)
        assert "1 made again" in message
        again = Summary()
        assert "1 as it would be made today" in reprocess(context, keys, again)
        assert (again.ingested, again.updated, again.composites, again.statistics) == (0, 0, 0, 0)
        with pytest.raises(UsageError) as caught:
            reprocess(context, {"target": "NOBODY"}, Summary())
        assert caught.value.code == "usage.unknown-object"
    settings = {row["key"]: row["settings_digest"] for row in rows(store, Product) if row["kind"] == "individual"}
    assert len(set(settings.values())) == 2
    assert summary.ingested + summary.updated == 1
    with changed.open() as context:
        assert "1 made again" in reprocess(context, {"target": "SIM-OTHER"}, Summary())
    settings = {row["key"]: row["settings_digest"] for row in rows(store, Product) if row["kind"] == "individual"}
    assert len(set(settings.values())) == 1
    configuration = rows(store, Output)[0]["configuration"]
    with changed.configured(stats__oversampling="7").open() as context:
        one = Summary()
        assert "with new statistics" in reprocess(context, {"configuration": configuration}, one)
        assert 1 <= one.statistics < len(rows(store, Product))


def test_process_again_leaves_files_in_the_ingest_folder_to_the_ingest(store: Store, archive: Any) -> None:
    store.ingest(*archive.single)
    store.give(*archive.pair)
    with store.open() as context:
        reprocess(context, {"mission": "hst", "rootname": "lsims1aaq"}, Summary())
    assert {row["rootname"] for row in rows(store, Metadata)} == {"lsims1aaq"}
    assert len(list(store.inbox.iterdir())) == len(archive.pair)


# --- the daemon, as processes


def request_of(store: Store, kind: str, arguments: dict[str, Any]) -> int:
    engine = make_engine(store.url)
    try:
        with reading(engine) as connection:
            known = {row["name"]: row for row in users(connection)}
        user = known.get("ada") or user_of(engine)
        return int(asked(engine, kind, arguments, user)[0]["id"])
    finally:
        engine.dispose()


def state_of(store: Store, number: int) -> dict[str, Any]:
    return next(row for row in rows(store, JobRequest) if row["id"] == number)


def test_a_daemon_does_soon_what_is_asked_for_and_records_nothing_while_nothing_is(store: Store, archive: Any) -> None:
    store.ingest(*archive.pair)
    with daemon(store, **QUICK, missions__hst__bin_width="3 s") as process:
        until(lambda: leads(store, process), "it leads")
        until(lambda: job(store, "back-up").get("status") == "done", "it has done what was due")
        before = len(runs(store))
        number = request_of(store, "reprocess", {"mission": "hst", "rootname": "lsimp1aaq"})
        until(lambda: state_of(store, number)["state"] not in ("queued", "running"), "the request is done")
        row = state_of(store, number)
        assert (row["state"], row["attempts"], row["counts"].get("updated", row["counts"].get("ingested"))) == (
            "done", 1, 1,
        ), row  # fmt: skip
        until(lambda: job(store, "reprocess").get("status") == "done", "the job is recorded")
        assert job(store, "reprocess")["next_at"] is None
        number = request_of(store, "reprocess", {"target": "NOBODY"})
        until(lambda: state_of(store, number)["state"] == "failed", "this one fails")
        assert job(store, "reprocess")["status"] == "done"  # it is the user's affair
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    again = [run for run in runs(store)[before:] if run["command"] == "ingest"]
    assert len(again) <= 3
    assert store.verify().clean


@pytest.mark.parametrize("point", ["published", "before-commit", "committed", "stats-committed"])
def test_a_daemon_that_is_killed_in_the_middle_loses_no_request(store: Store, archive: Any, point: str) -> None:
    store.ingest(*archive.pair)
    wide = {"missions__hst__bin_width": "3 s"}
    first_number = request_of(store, "reprocess", {"mission": "hst", "rootname": "lsimp1aaq"})
    second_number = request_of(store, "reprocess", {"target": "SIM-STAR"})
    with daemon(store, "--jobs", "reprocess", stop_at=point, **QUICK, **wide) as first:
        until(lambda: is_stopped(first), f"the first daemon is at the point {point}")
        assert [state_of(store, n)["state"] for n in (first_number, second_number)] == ["running", "queued"]
        first.kill()
        first.wait()
    keys = {**QUICK, "daemon__lease": "2 s"}
    end_lease(store)
    with daemon(store, "--jobs", "reprocess", **keys, **wide) as second:
        for number in (first_number, second_number):
            until(lambda n=number: state_of(store, n)["state"] == "done", "the second daemon has done both")
        second.send_signal(signal.SIGTERM)
        assert ended(second)[0] == 0
    assert [state_of(store, n)["attempts"] for n in (first_number, second_number)] == [2, 1]
    assert store.verify().clean
    clean = Summary()
    with store.configured(**wide).open() as context:
        reprocess(context, {"target": "SIM-STAR"}, clean)
    assert (clean.ingested, clean.updated, clean.composites, clean.statistics) == (0, 0, 0, 0)


@pytest.mark.parametrize("point", ["", "downloaded"])
def test_a_daemon_gets_a_target_that_a_user_asked_for_even_if_it_is_killed(store: Store, point: str) -> None:
    world = World()
    add_hst(world, HstDataset(1, association=False, targname="GJ436"), made=datetime(2025, 3, 1, tzinfo=UTC))
    with StandIn(world) as archive:
        keys = {name.removeprefix("HSTLC_").lower(): text for name, text in archive.environment(["mast"]).items()}
        number = request_of_new(store, "get", {"target": "GJ436", "radius_deg": 0.05, "sources": []})
        if point:
            with daemon(store, "--jobs", "get", stop_at=point, **{**QUICK, **keys}) as first:
                until(lambda: is_stopped(first), "the first daemon is in the middle of it")
                first.kill()
                first.wait()
            assert state_of(store, number)["state"] == "running"
            end_lease(store)
        with daemon(store, "--jobs", "get,ingest", **{**QUICK, **keys}) as process:
            until(lambda: state_of(store, number)["state"] not in ("queued", "running"), "it is fetched")
            row = state_of(store, number)
            assert row["state"] == "done", row["message"]
            assert row["counts"]["fetched"] >= 1
            assert row["message"].startswith("1 dataset found")
            until(lambda: rows(store, Metadata), "it is ingested")
            process.send_signal(signal.SIGTERM)
            assert ended(process)[0] == 0
    assert row["attempts"] == (2 if point else 1)
    assert [row["targname"] for row in rows(store, Metadata)] == ["GJ436"]


def end_lease(store: Store) -> None:
    """Let the lease of a daemon that is dead run out at once."""
    engine = make_engine(store.url)
    with writing(engine) as connection:
        row = leader(connection)
        assert row is not None
        assert renew(connection, row["owner"], row["epoch"], datetime.now(UTC) - timedelta(hours=1), 1)
    engine.dispose()


def request_of_new(store: Store, kind: str, arguments: dict[str, Any]) -> int:
    """Ask in a store that has no database yet."""
    with store.open():
        pass
    return request_of(store, kind, arguments)


def test_quiet_hours_hold_for_archives_alone(store: Store) -> None:
    quiet = store.configured(daemon__quiet_hours="11:00-13:00", archives__mast__enabled="false")
    process = Daemon(quiet.settings, SimulatedClock(datetime(2026, 3, 1, 12, tzinfo=UTC)))
    runner = process.begin(heartbeat=False)
    try:
        assert runner.look() == []
        request_of(store, "get", {"target": "X", "radius_deg": 0.1, "sources": []})
        request_of(store, "reprocess", {"target": "X"})
        assert sorted(runner.look()) == ["get", "reprocess"]
        assert runner.look() == []
        assert runner.due["get"] == datetime(2026, 3, 1, 13, tzinfo=UTC)
        assert runner.due["reprocess"] == datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert runner.run("reprocess").status == "done"
        assert "reprocess" not in runner.due
        assert runner.look() == []
    finally:
        process.end()


# --- server and daemon, as processes


@contextmanager
def server(store: Store) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a server, a process, and its address; what is left of it is killed."""
    web = {"web__requests_per_second": "0", "web__requests_queued": "100"}
    environ = environment(store, **web, archives__mast__enabled="true")
    command = [str(Path(sys.executable).parent / "hstlc"), "serve", "--port", "0", "-q"]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address
            yield process, address[0].rstrip("/")
        finally:
            process.kill()


def test_what_was_answered_with_202_is_done_though_server_and_daemon_are_killed(store: Store, archive: Any) -> None:
    """Clients ask while an ingest writes; the server is killed among their requests, then the daemon in its work."""
    store.ingest(*archive.pair)
    token = new_token()
    engine = make_engine(store.url)
    with writing(engine) as connection:
        add_user(connection, "ada", token_digest(token), NOW)
    promised: dict[int, str] = {}
    begun = threading.Event()

    def client(address: str, first: int) -> None:
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
            for number in range(first, 60, 3):
                what = {"kind": "reprocess", "mission": "hst", "rootname": "lsimp1aaq"}
                if number % 3:
                    what = {"kind": "get", "target": f"T{number}"}
                try:
                    answer = http.post("/api/v1/requests", json=what)
                except httpx2.HTTPError:
                    return  # nobody promised anything
                assert answer.status_code in (200, 202), answer.text
                if answer.status_code == 202:
                    assert answer.headers["location"] == f"/api/v1/requests/{answer.json()['id']}"
                promised[answer.json()["id"]] = what["kind"]
                if len(promised) >= 6 and "reprocess" in list(promised.values()):
                    begun.set()

    with server(store) as (process, address), ThreadPoolExecutor(4) as pool:
        writes = pool.submit(store.ingest, *archive.single)
        clients = [pool.submit(client, address, n) for n in range(3)]
        assert begun.wait(120)
        process.send_signal(signal.SIGKILL)
        for one in (*clients, writes):
            one.result()
    there = {row["id"] for row in rows(store, JobRequest)}
    assert promised.keys() <= there
    wide = {"missions__hst__bin_width": "3 s"}
    with daemon(store, "--jobs", "reprocess", stop_at="published", **QUICK, **wide) as first:
        until(lambda: is_stopped(first), "the daemon is in the middle of a request")
        first.kill()
        first.wait()
    end_lease(store)
    with server(store) as (process, address):
        with daemon(store, "--jobs", "reprocess,get", **QUICK, **wide) as second:
            head = {"Authorization": f"Bearer {token}"}

            def done() -> bool:
                found = httpx2.get(f"{address}/api/v1/requests?limit=1000", headers=head, timeout=60).json()
                return all(row["state"] in ("done", "failed") for row in found["requests"])

            until(done, "all are done")
            second.send_signal(signal.SIGTERM)
            assert ended(second)[0] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    states = {row["id"]: row for row in rows(store, JobRequest)}
    again = [row for row in states.values() if row["kind"] == "reprocess"]
    assert [row["state"] for row in again] == ["done"] * len(again)
    assert max(row["attempts"] for row in again) == 2
    assert all(states[number]["finished_at"] for number in promised)
    engine.dispose()
    assert store.verify().clean
