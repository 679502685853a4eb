"""What ``hstlc status`` says, to people and to programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from hstlc.cli.status import lines
from hstlc.db.archive_tables import Leader, RemoteDataset, RemoteProduct
from hstlc.db.engine import make_engine, writing
from hstlc.db.jobs import begin, finish
from hstlc.db.leader import give_up, take
from hstlc.db.notices import notify
from hstlc.db.tables import Run
from hstlc.errors import StepError
from hstlc.scheduler.status import gather, raise_for_trouble
from hstlc.store import disk

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(store):
    with store.open():
        pass
    engine = make_engine(store.url)
    yield engine
    engine.dispose()


def fill(engine):
    """A leader, three jobs, products of two archives in several states, a failed run and a notice."""
    with writing(engine) as connection:
        take(connection, "node-1-1", NOW - timedelta(minutes=90), 60.0)
        take(connection, "node-4711-90210", NOW - timedelta(seconds=20), 60.0)
        for name, status in (("ingest", "done"), ("poll", "failed")):
            began = NOW - timedelta(minutes=30)
            begin(connection, name, 2, began)
            message = "ingested 3" if status == "done" else "[archive.paused] busy " * 9
            failures = 0 if status == "done" else 3
            following = NOW + timedelta(hours=5)
            finish(
                connection,
                name,
                2,
                status=status,
                message=message,
                failures=failures,
                next_at=following,
                now=NOW - timedelta(minutes=29),
            )
        begin(connection, "fetch", 2, NOW - timedelta(seconds=10))
        seen = {"first_seen_at": NOW, "last_seen_at": NOW}
        row = {"source": "one", "dataset_key": "D", "version_key": "1", "columns_digest": "0" * 64, **seen}
        (dataset,) = connection.execute(insert(RemoteDataset).returning(RemoteDataset.id), row).one()
        common = {"dataset_id": dataset, "version_key": "1", "mission": "m", "kind": "k", "group_key": "g", **seen}
        for number, (source, state, code) in enumerate(
            [
                ("one", "queued", ""),
                ("one", "queued", "archive.short"),
                ("one", "done", ""),
                ("one", "missing", "archive.no-product"),
                ("one", "missing", "archive.no-product"),
                ("two", "forbidden", "archive.proprietary"),
            ]
        ):
            row = {"source": source, "state": state, "error_code": code, "name": f"file{number}.fits"}
            row |= {"declared_bytes": 2_000_000_000, "message": "why it is so" if code else ""}
            connection.execute(insert(RemoteProduct), {**common, **row})
        failed = {"failed": [{"what": "x", "code": "data.changed", "message": "x.fits changed"}]}
        run = {"command": "ingest", "version": "2", "status": "failed", "started_at": NOW - timedelta(days=3)}
        connection.execute(insert(Run), {**run, "counts": failed, "message": ""})
        notify(connection, "columns one", "error", "a column is gone, see 'hstlc archive check'", NOW)


def test_everything_is_told(store, database):
    fill(database)
    (store.inbox / ".incoming").mkdir(parents=True)
    (store.inbox / "a.fits").write_bytes(b"")
    (store.inbox / ".incoming" / "b.fits").write_bytes(b"")
    found = gather(store.settings, NOW)
    assert found["daemon"]["state"] == "alive"
    assert (found["daemon"]["owner"], found["daemon"]["epoch"]) == ("node-4711-90210", 2)
    assert found["daemon"]["heartbeat"] == NOW - timedelta(seconds=20)
    assert [job["name"] for job in found["jobs"]] == ["poll", "fetch", "ingest"]
    assert [job["running"] for job in found["jobs"]] == [False, True, False]
    counts = {(row["source"], row["state"]): row["products"] for row in found["products"]}
    assert counts == {("one", "done"): 1, ("one", "missing"): 2, ("one", "queued"): 2, ("two", "forbidden"): 1}
    assert found["products"][0]["bytes"] == 2_000_000_000
    reasons = [(row["source"], row["state"], row["code"], row["products"]) for row in found["failed_products"]]
    assert reasons == [
        ("one", "missing", "archive.no-product", 2),
        ("one", "queued", "archive.short", 1),
        ("two", "forbidden", "archive.proprietary", 1),
    ]
    assert found["failed_runs"][0]["message"] == "[data.changed] x.fits changed"
    assert found["ingest_files"] == 1
    assert found["notices"][0]["key"] == "columns one"
    assert all(one["enough"] for one in found["disks"])
    text = lines(found)
    assert max(map(len, text)) <= 100
    page = "\n".join(text)
    for words in (
        "alive: node-4711-90210, heard of 20 s ago",
        "failed x3",
        "in 5 h",
        "running",
        "1 file waits in the ingest folder",
        "[archive.no-product] why it is so",
        "3 d ago",
        "a column is gone",
        "2 GB",
    ):
        assert words in page, words


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda c: c.execute(update(Leader).values(lease_until=NOW - timedelta(seconds=1))), "silent"),
        (lambda c: give_up(c, "node-4711-90210", 2, NOW - timedelta(hours=3)), "none"),
    ],
    ids=["silent", "gave up"],
)
def test_a_daemon_that_is_not_alive_is_told_apart(store, database, change, state):
    fill(database)
    with writing(database) as connection:
        change(connection)
    found = gather(store.settings, NOW)
    assert found["daemon"]["state"] == state
    assert any(line.startswith(f"daemon    {state}") for line in lines(found))
    with pytest.raises(StepError) as caught:
        raise_for_trouble(found)
    assert caught.value.code == "step.unhealthy"
    said = {"silent": "the daemon is silent", "none": "no daemon leads"}[state]
    assert said in caught.value.context["trouble"]


def test_an_error_and_a_full_disk_are_trouble_and_a_warning_is_not(store, database, monkeypatch):
    with writing(database) as connection:
        take(connection, "node-1-1", NOW, 60.0)
        notify(connection, "job poll", "warning", "busy", NOW)
    raise_for_trouble(gather(store.settings, NOW))
    with writing(database) as connection:
        notify(connection, "columns one", "error", "a column is gone", NOW)
    with pytest.raises(StepError, match="a column is gone"):
        raise_for_trouble(gather(store.settings, NOW))
    full = store.configured(min_free_space="999999 TB")
    with pytest.raises(StepError, match="is full"):
        raise_for_trouble(gather(full.settings, NOW))
    assert disk.free_bytes(store.home) > 0


def test_the_command_prints_text_or_json_without_a_daemon_or_a_database(hstlc, home):
    result = hstlc("status")
    assert result.exit_code == 0
    assert "there are no tables yet" in result.output
    assert "daemon    none" in result.output
    assert not (home / "hstlc.db").exists()
    found = json.loads(hstlc("status", "--json").output)
    assert found["daemon"] == {"state": "none"}
    assert found["jobs"] == []
    assert hstlc("status", "--check").exit_code == 4


def test_a_database_that_does_not_answer_is_told_without_its_password(hstlc, monkeypatch, home):
    url = "postgresql+psycopg2://hstlc:c4naryword@127.0.0.1:1/none"
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", url)
    (home / "daemon.json").write_text('{"pid": 7, "host": "node", "heartbeat": "2026-03-01T12:00:00+00:00"}')
    result = hstlc("status")
    assert result.exit_code == 0
    assert "cannot be used" in result.output
    assert "unknown: process 7 on node" in result.output
    assert "c4naryword" not in result.output + hstlc("status", "--json").output


def test_once_from_the_command_line_and_a_wrong_job(hstlc, monkeypatch, home):
    monkeypatch.setenv("HSTLC_ARCHIVES__MAST__ENABLED", "false")
    result = hstlc("daemon", "--once", "--jobs", "ingest, sweep", "-q")
    assert result.exit_code == 0, result.output
    assert [job["name"] for job in json.loads(hstlc("status", "--json").output)["jobs"]] == ["ingest", "sweep"]
    result = hstlc("daemon", "--jobs", "wash")
    assert result.exit_code == 2
    assert "wash" in result.output
