"""Daemons as processes of their own, for tests: started, stopped at a named point, waited for."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Table, select
from store_state import Store

from hstlc.config.settings import ENVIRONMENT_PREFIX
from hstlc.db.archive_tables import Job, Leader
from hstlc.db.engine import make_engine, reading
from hstlc.db.migrate import ensure_schema
from hstlc.db.tables import Run

PATIENCE_S = 120.0  # generous: the machine may be busy with other tests
Value = TypeVar("Value")


def environment(store: Store, **keys: str) -> dict[str, str]:
    """Return the environment of a daemon on a store: no archive, one worker, jobs that are due all the time."""
    own = {
        "HSTLC_HOME_DIR": str(store.home),
        "HSTLC_DB_CONNECTION_STRING": store.url,
        "HSTLC_MIN_FREE_SPACE": "1 B",
        "HSTLC_NUM_CORES": "1",
        "HSTLC_ARCHIVES__MAST__ENABLED": "false",
        "HSTLC_DAEMON__LEASE": "2 s",
        "HSTLC_DAEMON__INGEST": "1 s",
        **{f"{ENVIRONMENT_PREFIX}{name}".upper(): text for name, text in keys.items()},
    }
    plain = {name: text for name, text in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    return {**plain, **own}


@contextmanager
def daemon(
    store: Store, *arguments: str, stop_at: str = "", signal_name: str = "SIGSTOP", **keys: str
) -> Iterator[subprocess.Popen[str]]:
    """Start ``hstlc daemon ARGUMENTS``; at the first ``stop_at``, a point, it sends itself a signal, or hangs.

    Whatever is left of it at the end of the block is killed.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, stop_at, signal_name, "daemon", "-q", *arguments],
        env=environment(store, **keys),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(question: Callable[[], Value], what: str) -> Value:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain: {what}"
        time.sleep(0.05)
    return answer


def is_stopped(process: subprocess.Popen[str]) -> bool:
    """Tell whether a process was stopped by a signal (field 3 of /proc/PID/stat is T)."""
    assert process.poll() is None, process.communicate()[1]
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process; return its exit code and what it said on standard error."""
    said = process.communicate(timeout=PATIENCE_S)[1]
    return process.returncode, said


def rows(store: Store, table: type[Any]) -> list[dict[str, Any]]:
    """Return the rows of a table in order."""
    assert isinstance(table.__table__, Table)
    engine = make_engine(store.url)
    try:
        ensure_schema(engine)
        with reading(engine) as connection:
            found = connection.execute(select(table.__table__).order_by(table.__table__.c.id))
            return [dict(row) for row in found.mappings()]
    finally:
        engine.dispose()


def epoch(store: Store) -> int:
    """Return the number of the present leadership; 0 where there is none."""
    found = rows(store, Leader)
    return found[0]["epoch"] if found and found[0]["owner"] else 0


def leads(store: Store, process: subprocess.Popen[str]) -> bool:
    """Tell whether a process leads."""
    assert process.poll() is None, process.communicate()[1]
    found = rows(store, Leader)
    return bool(found) and f"-{process.pid}-" in found[0]["owner"]


def job(store: Store, name: str) -> dict[str, Any]:
    """Return the row of a job; nothing before it is known."""
    return next((row for row in rows(store, Job) if row["name"] == name), {})


def runs(store: Store) -> list[dict[str, Any]]:
    """Return the rows of all runs."""
    return rows(store, Run)


def log(store: Store) -> str:
    """Return what the daemons of a store wrote to their log."""
    path = store.home / "logs" / "daemon.log"
    return path.read_text() if path.is_file() else ""


def health(store: Store) -> dict[str, Any]:
    """Return the health file; nothing where there is none."""
    path = store.home / "daemon.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def main(arguments: Sequence[str]) -> None:
    """Run hstlc, and send this process a signal when it comes to a point for the first time."""
    from hstlc.cli.main import cli
    from hstlc.store.points import set_hook

    point, signal_name, *rest = arguments
    seen = False

    def hook(name: str) -> None:
        nonlocal seen
        if name == point and not seen:
            seen = True
            if signal_name == "hang":
                logging.getLogger("hstlc").warning("hangs")
                threading.Event().wait()
            # to this thread: with os.kill it would go on until another one gets time to take the signal
            signal.pthread_kill(threading.get_ident(), signal.Signals[signal_name])
            if signal_name == "SIGTERM":
                lines = Path(os.environ["HSTLC_HOME_DIR"], "logs", "daemon.log")
                until(lambda: "SIGTERM: stops" in lines.read_text(), "the signal is noted")

    set_hook(hook)
    cli(rest, prog_name="hstlc")


if __name__ == "__main__":
    main(sys.argv[1:])
