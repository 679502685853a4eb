"""Notices: one row a thing, counted while it lasts, handed on once."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from store_state import Store

from hstlc.db.engine import reading, writing
from hstlc.db.notices import clear, notices, notify, open_keys, untold
from hstlc.pipeline.notices import tell

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_notice_is_counted_while_it_lasts_and_begins_anew_afterwards(engine: Engine) -> None:
    with writing(engine) as connection:
        for hours in range(3):
            notify(connection, "walk a b", "warning", f"failed {hours}, password=hunter2", NOW + hours * HOUR)
        ((row),) = notices(connection)
        assert (row["count"], row["first_at"], row["last_at"]) == (3, NOW, NOW + 2 * HOUR)
        assert row["message"] == "failed 2, password=***"
        assert open_keys(connection, "walk a ") == {"walk a b"}
        assert open_keys(connection, "walk_") == set()
        assert clear(connection, ["walk a b", "other"], NOW) == 1
        assert clear(connection, ["walk a b"], NOW) == 0
        assert (notices(connection), len(notices(connection, every=True))) == ([], 1)
        notify(connection, "walk a b", "error", "again", NOW + 9 * HOUR)
        (row,) = notices(connection)
        assert (row["count"], row["first_at"], row["severity"]) == (1, NOW + 9 * HOUR, "error")


def test_a_key_that_is_too_long_is_cut_the_same_way_everywhere(engine: Engine) -> None:
    with writing(engine) as connection:
        notify(connection, "k" * 300, "info", "x", NOW)
        assert clear(connection, ["k" * 300], NOW) == 1


def filled(store: Store) -> None:
    with store.open() as context, writing(context.engine) as connection:
        notify(connection, "a", "warning", "first", NOW)
        notify(connection, "b", "error", "second $(touch x)", NOW)
        notify(connection, "over", "info", "gone", NOW)
        clear(connection, ["over"], NOW)


def test_new_notices_are_handed_to_the_command_once(store: Store, tmp_path) -> None:
    filled(store)
    log = tmp_path / "told"
    command = [sys.executable, "-c", f"import sys; open({str(log)!r}, 'a').write(sys.stdin.read() + '\\n')"]
    with store.open() as context:
        assert tell(context, command, NOW) == 2
        assert tell(context, command, NOW) == 0
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["key"], one["severity"], one["message"], one["count"]) for one in told] == [
        ("a", "warning", "first", 1),
        ("b", "error", "second $(touch x)", 1),
    ]
    assert told[0]["first_at"] == NOW.isoformat()


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "import time; time.sleep(60)", None])
def test_a_command_that_fails_is_tried_again_next_time(store: Store, caplog, program) -> None:
    filled(store)
    command = [sys.executable, "-c", program] if program else ["/no/such/program"]
    with store.open() as context:
        assert tell(context, command, NOW, timeout_s=1.0) == 0
        with reading(context.engine) as connection:
            assert len(untold(connection)) == 2
    assert "notice_command" in caplog.text


def test_without_a_command_nothing_is_told(store: Store) -> None:
    filled(store)
    with store.open() as context:
        assert tell(context, (), NOW) == 0
