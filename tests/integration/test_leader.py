"""The lease of the leader, and the fence around the commits of the one that lost it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, text

from hstlc.db import jobs
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.leader import end_sessions, fence, give_up, leader, named_address, renew, take
from hstlc.db.migrate import ensure_schema
from hstlc.db.tables import Run
from hstlc.errors import LockHeldError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEASE_S = 60.0


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def taken(engine: Engine, owner: str, now: datetime = NOW) -> int | None:
    with writing(engine) as connection:
        return take(connection, owner, now, LEASE_S)


def renewed(engine: Engine, owner: str, epoch: int, now: datetime) -> bool:
    with writing(engine) as connection:
        return renew(connection, owner, epoch, now, LEASE_S)


def test_the_first_leads_and_the_second_does_not_until_the_lease_is_over(engine: Engine) -> None:
    assert taken(engine, "a") == 1
    assert taken(engine, "b") is None
    assert taken(engine, "b", after(60)) is None
    assert taken(engine, "b", after(60.001)) == 2
    with reading(engine) as connection:
        row = leader(connection)
    assert row is not None
    assert (row["epoch"], row["owner"], row["lease_until"]) == (2, "b", after(120.001))


def test_a_lease_that_is_renewed_does_not_end(engine: Engine) -> None:
    epoch = taken(engine, "a")
    assert epoch == 1
    assert renewed(engine, "a", epoch, after(50))
    assert taken(engine, "b", after(100)) is None
    assert taken(engine, "b", after(111)) == 2
    assert not renewed(engine, "a", epoch, after(112))


def test_a_leader_that_was_silent_leads_on_where_nobody_took_over(engine: Engine) -> None:
    assert taken(engine, "a") == 1
    assert renewed(engine, "a", 1, after(10_000))
    assert taken(engine, "b", after(10_001)) is None


def test_giving_up_lets_the_next_one_in_at_once(engine: Engine) -> None:
    assert taken(engine, "a") == 1
    with writing(engine) as connection:
        assert not give_up(connection, "b", 1, NOW)
        assert give_up(connection, "a", 1, NOW)
    assert taken(engine, "b") == 2
    with writing(engine) as connection:
        assert not give_up(connection, "a", 1, NOW)


def test_only_one_of_many_that_ask_at_once_leads(engine: Engine) -> None:
    results: list[int | None] = []
    threads = [threading.Thread(target=lambda n=n: results.append(taken(engine, f"p{n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [1] + [None] * 7


def write(engine: Engine) -> None:
    with writing(engine) as connection:
        row = {"command": "x", "version": "2", "status": "done", "started_at": NOW, "counts": {}, "message": ""}
        connection.execute(insert(Run), row)


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(connection.execute(select(Run.id)).all())


def test_the_fence_lets_the_leader_commit_and_nobody_who_was_one(engine: Engine) -> None:
    fenced = make_engine(engine.url)
    try:
        epoch = taken(engine, "a")
        assert epoch is not None
        fence(fenced, "a", epoch)
        write(fenced)
        assert taken(engine, "b", after(61)) == 2
        with pytest.raises(LockHeldError) as caught:
            write(fenced)
        assert caught.value.code == "lock.lost"
        assert "b in epoch 2" in caught.value.message
        assert count(engine) == 1
        write(engine)  # the new leader
        assert count(fenced) == 2  # reading is for all
    finally:
        fenced.dispose()


def test_a_leader_that_gave_up_commits_nothing_more(engine: Engine) -> None:
    fenced = make_engine(engine.url)
    try:
        epoch = taken(engine, "a")
        assert epoch is not None
        fence(fenced, "a", epoch)
        with writing(engine) as connection:
            give_up(connection, "a", epoch, NOW)
        with pytest.raises(LockHeldError):
            write(fenced)
        assert count(engine) == 0
    finally:
        fenced.dispose()


def test_a_take_over_waits_for_a_commit_that_is_under_way(postgres_url: str) -> None:
    """The question of the fence locks the row: a take-over in between would not be seen."""
    engine, fenced = make_engine(postgres_url), make_engine(postgres_url)
    try:
        ensure_schema(engine)
        assert taken(engine, "a") == 1
        with fenced.connect() as connection:
            connection.execute(text("SELECT epoch FROM leader WHERE id = 1 FOR SHARE"))
            with writing(engine) as other:
                other.execute(text("SET LOCAL lock_timeout = '300ms'"))
                with pytest.raises(Exception, match="lock timeout"):
                    take(other, "b", after(61), LEASE_S)
                other.rollback()
    finally:
        engine.dispose()
        fenced.dispose()


def test_sessions_of_a_silent_leader_are_ended_with_their_locks_and_no_others(postgres_url: str) -> None:
    owner = f"{'h' * 40}-4711-9021077"
    theirs, ours = make_engine(named_address(postgres_url, owner)), make_engine(postgres_url)
    try:
        with theirs.connect() as connection, ours.connect() as bystander:
            connection.execute(text("SELECT pg_advisory_lock(7)"))
            bystander.execute(text("SELECT 1"))
            with writing(ours) as breaking:
                assert end_sessions(breaking, "another-1-1") == 0
                assert end_sessions(breaking, "") == 0
                assert end_sessions(breaking, owner) == 1
            deadline = time.monotonic() + 60
            with writing(ours) as asking:
                while not asking.scalar(text("SELECT pg_try_advisory_lock(7)")):
                    assert time.monotonic() < deadline
            assert bystander.scalar(text("SELECT 1")) == 1
            connection.invalidate()
    finally:
        theirs.dispose()
        ours.dispose()


def test_a_session_name_ends_with_process_and_start_however_long_the_host_is() -> None:
    address = named_address("postgresql+psycopg2://u@localhost/d", f"{'h' * 40}-4711-9021077")
    name = address.split("application_name=hstlc+")[1]
    assert len(f"hstlc {name}") == 63 - (57 - len(name))
    assert name.endswith("h-4711-9021077")
    assert named_address("sqlite:////d/x.db", "a-1-1") == "sqlite:////d/x.db"


def test_a_job_begins_once_and_is_due_when_it_said(engine: Engine) -> None:
    with writing(engine) as connection:
        jobs.postpone(connection, {"poll": after(5)})
        jobs.begin(connection, "poll", 3, NOW)
        with pytest.raises(LockHeldError) as caught:
            jobs.begin(connection, "poll", 3, after(1))
        assert caught.value.code == "lock.job"
        with pytest.raises(LockHeldError):
            jobs.begin(connection, "poll", 2, after(1))
        jobs.begin(connection, "poll", 3, after(1), again=True)
        jobs.finish(connection, "poll", 3, status="done", message="m", failures=0, next_at=after(100), now=after(2))
        row = jobs.jobs(connection)["poll"]
        assert (row["status"], row["message"], row["next_at"], row["running_epoch"]) == ("done", "m", after(100), None)
        assert (row["started_at"], row["finished_at"]) == (after(1), after(2))


def test_a_job_of_a_dead_leader_is_due_and_that_of_the_present_one_is_left_alone(engine: Engine) -> None:
    with writing(engine) as connection:
        jobs.begin(connection, "poll", 3, NOW)
        jobs.begin(connection, "ingest", 4, NOW)
        assert jobs.interrupted(connection, 4, after(9)) == ["poll"]
        found = jobs.jobs(connection)
    assert (found["poll"]["status"], found["poll"]["next_at"], found["poll"]["running_epoch"]) == (
        "failed",
        after(9),
        None,
    )
    assert found["ingest"]["running_epoch"] == 4


def test_a_finish_of_an_earlier_leadership_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        jobs.begin(connection, "poll", 3, NOW)
        jobs.begin(connection, "poll", 4, NOW)
        jobs.finish(connection, "poll", 3, status="done", message="", failures=0, next_at=None, now=NOW)
        assert jobs.jobs(connection)["poll"]["running_epoch"] == 4
