"""Archives and a daemon that live through simulated days, and what must hold at the end."""

from __future__ import annotations

import ctypes
import gc
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from store_state import Store, end_at, rows_of

from hstlc.db.engine import make_engine, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.selections import add_selection
from hstlc.scheduler.daemon import Daemon
from hstlc.scheduler.jobs import JOBS
from hstlc.scheduler.runner import Ended
from hstlc.store.points import set_hook
from hstlc.testing.archive import FILE_FAULTS, QUERY_FAULTS, Fault, StandIn, World
from hstlc.testing.archive.scenarios import START, busy_days
from hstlc.testing.archive.xray_worlds import add_csc
from hstlc.testing.clock import SimulatedClock, run_simulated

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAILY = tuple(name for name in JOBS if name != "make-plots")
ARCHIVES = ("mast", "xsa", "csc", "cda")

#: Addresses of files; everything else is a question.
FILES = r"retrieve_product|/Download/file|data-action-aio|retrieveFile|byobsid/.*\.fits"
QUESTIONS = rf"^(?!.*(?:{FILES}))"

#: Sources that somebody wants, and where they are.
WANTED = {"2CXO J000000.2+895400": (0.001, 89.9), "2CXO J235959.9+010000": (359.9996, 1.0)}

#: A daemon with little to do but once a day, and with little patience.
PLAN = {
    "NUM_CORES": "1",
    "NETWORK__CONNECT_TIMEOUT": "5 s",
    "NETWORK__ANSWER_TIMEOUT": "1.5 s",
    "NETWORK__READ_TIMEOUT": "1.5 s",
    "NETWORK__QUERY_DEADLINE": "3 s",
    "DOWNLOADS__DEADLINE": "3 s",
    "DOWNLOADS__MINIMUM_RATE": "20000 B/s",
    "DOWNLOADS__MINIMUM_RATE_TIME": "1.5 s",
    "ARCHIVES__CDA__RELIST": "5 d",
    "DAEMON__POLL": "24 h",
    "DAEMON__RECONCILE": "7 d",
    "DAEMON__FETCH": "6 h",
    "DAEMON__INGEST": "12 h",
    "DAEMON__COMPOSE": "5 d",
    "DAEMON__BUILD_STATS": "5 d",
    "DAEMON__MAKE_PLOTS": "15 d",
    "DAEMON__SWEEP": "5 d",
    "DAEMON__BACK_UP": "10 d",
}

#: Where nothing goes wrong, nothing is in a hurry.
PATIENT = {
    "NETWORK__ANSWER_TIMEOUT": "60 s",
    "NETWORK__READ_TIMEOUT": "60 s",
    "NETWORK__QUERY_DEADLINE": "60 s",
    "DOWNLOADS__DEADLINE": "60 s",
    "DOWNLOADS__MINIMUM_RATE_TIME": "60 s",
}

#: What can go wrong with any question. A page of rows may also be too long or too short by itself.
QUESTION_FAULTS: tuple[str | Fault, ...] = (
    *QUERY_FAULTS,
    *("status:408", "status:508", "no_length", "gzip_corrupt", "gzip_encoding", "redirect_loop", "error_200"),
    *("shift_page", "new_column", "overflow", "total_lies"),
    Fault("status", arguments={"code": 503, "retry_after": 120}),
    Fault("status", arguments={"code": 429, "retry_date": 300}),
    Fault("wrong_length", arguments={"difference": -20}),
    Fault("truncate", arguments={"keep_length": False}),
    Fault("reset", arguments={"after": 100}),
)

#: What can go wrong with any file.
DOWNLOAD_FAULTS: tuple[str | Fault, ...] = (
    *FILE_FAULTS,
    *("status:429", "status:502", "gzip_corrupt", "gzip_encoding", "bad_content_range", "redirect_loop", "error_200"),
    *("json_garbage",),
    Fault("status", arguments={"code": 503, "retry_after": 120}),
    Fault("wrong_length", arguments={"difference": -2880}),
    Fault("truncate", arguments={"keep_length": False}),
    Fault("reset", arguments={"after": 5000}),
)


def slow_faults(bytes_per_s: float) -> tuple[Fault, ...]:
    """Return what a client has to wait for; it comes less often than the others, for the wait is real."""
    hang, stall = (Fault(kind, arguments={"seconds": 5.0}) for kind in ("hang", "stall"))
    return hang, stall, Fault("slow", arguments={"bytes_per_s": bytes_per_s})


def world_of(days: int, clock: SimulatedClock, seed: int = 11) -> World:
    """Return a world in which everything happens, in all archives."""
    world = busy_days(days, seed, clock, xray=True)
    add_csc(world, START - 100 * DAY)
    return world


def storm(stand_in: StandIn, part: float = 0.2) -> None:
    """Let a part of all requests go wrong, in every way there is."""
    stand_in.faults.storm(part, 4 * QUESTION_FAULTS + slow_faults(40), seed=1, path=QUESTIONS)
    stand_in.faults.storm(part, 4 * DOWNLOAD_FAULTS + slow_faults(1000), seed=2, path=FILES)


def pointed(store: Store, stand_in: StandIn, **keys: str) -> Store:
    """Return the store with settings that lead to the stand-in."""
    environ = {**stand_in.environment(ARCHIVES), **{f"HSTLC_{name}": text for name, text in {**PLAN, **keys}.items()}}
    return replace(store, environ=environ)


def select_sources(store: Store, now: datetime) -> None:
    """Store the selections of a catalog."""
    engine = make_engine(store.url)
    try:
        ensure_schema(engine)
        with writing(engine) as connection:
            for name, (ra_deg, dec_deg) in WANTED.items():
                place = {"target": "", "ra_deg": ra_deg, "dec_deg": dec_deg, "radius_deg": 0.02}
                row = {"name": name, "source": "csc", "minimum_significance": None, **place}
                add_selection(connection, row, now)
    finally:
        engine.dispose()


# --- living


@dataclass
class Life:
    """What a daemon did.

    Attributes
    ----------
    jobs : Counter
        How often each job was done.
    trouble : list of str
        What was said of those that did not end well.
    seconds : float
        Of real time.
    """

    jobs: Counter[str] = field(default_factory=Counter)
    trouble: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, name: str, due: datetime, ended: Ended) -> None:
        """Count a job."""
        self.jobs[name] += 1
        if ended.status != "done":
            self.trouble.append(f"{due:%Y-%m-%d %H:%M} {name} {ended.status}: {ended.message}")


def live(store: Store, clock: SimulatedClock, until: datetime, life: Life | None = None) -> Life:
    """Let a daemon work up to a moment, and one that only draws at the end: plots cost most and depend on nothing."""
    life, began = life or Life(), time.monotonic()
    run_simulated(Daemon(store.settings, clock, DAILY), clock, until, life.note)
    run_simulated(Daemon(store.settings, clock, ("make-plots",)), clock, until + HOUR, life.note)
    life.seconds += time.monotonic() - began
    return life


def report(title: str, store: Store, stand_in: StandIn, life: Life, expected: Mapping[Any, str]) -> None:
    """Print what happened."""
    rows = rows_of(store.url)
    kinds = Counter(kind for entry in stand_in.log.entries for kind in entry.fault.split(",") if kind)
    walks = Counter(row["state"] for row in rows["archive_walk"])
    print(f"\n{title}: {life.seconds:.0f} s, {sum(life.jobs.values())} jobs, {len(life.trouble)} with trouble")
    print(f"  {len(rows['remote_dataset'])} datasets, {len(rows['remote_product'])} products, {len(expected)} files")
    print(f"  {len(stand_in.log.entries)} requests, {sum(kinds.values())} with a fault, of {len(kinds)} kinds")
    print(f"  {walks['done']} walks done, {walks['failed']} failed; {len(rows['download_attempt'])} tries of downloads")
    print("  faults: " + ", ".join(f"{kind} {number}" for kind, number in kinds.most_common()))


# --- dying


class SharedClock(SimulatedClock):
    """A simulated clock that is the same in all processes; it goes on where a process died."""

    def __init__(self, start: datetime, cell: Any) -> None:
        self._cell = cell
        super().__init__(start)

    @property
    def _now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self._cell.value)

    @_now.setter
    def _now(self, moment: datetime) -> None:
        self._cell.value = (moment - EPOCH) // timedelta(microseconds=1)

    @classmethod
    def of(cls, cell: Any) -> SharedClock:
        """Return a clock in another process."""
        return cls(EPOCH + timedelta(microseconds=cell.value), cell)


@dataclass(frozen=True)
class Death:
    """Where a process ends: when it comes to a point for the ``number``-th time after a moment."""

    point: str
    number: int
    after: datetime


def live_until(store: Store, cell: Any, until: datetime, death: Death) -> None:
    """Let a daemon work until it dies."""
    clock = SharedClock.of(cell)
    die = end_at(death.point, death.number)
    set_hook(lambda name: die(name) if clock.now() >= death.after else None)
    live(store, clock, until)


def points_counted(store: Store, clock: SimulatedClock, until: datetime) -> Counter[str]:
    """Let a daemon work to the end, and return how often it came to each point."""
    seen: Counter[str] = Counter()
    set_hook(lambda name: seen.update((name,)))
    try:
        live(store, clock, until)
    finally:
        set_hook(None)
    return seen


# --- memory


def resident_mb() -> float:
    """Return the memory that this process holds in MB, with what the system has put on the disk meanwhile.

    What it has freed and the C library keeps for later is given back first.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    text = Path("/proc/self/status").read_text()
    return sum(int(text.partition(name)[2].split()[0]) for name in ("VmRSS:", "VmSwap:")) / 1024


def live_long(store: Store, cell: Any, until: datetime, days: int, told: Any) -> None:
    """Let daemons work, a new one after so many days, and tell each time how large the process is; wait for a word.

    Plots are made once, at the end: a daemon leaves them to processes of their own.
    """
    clock, life = SharedClock.of(cell), Life()
    while clock.now() < until:
        began = time.monotonic()
        run_simulated(Daemon(store.settings, clock, DAILY), clock, min(clock.now() + days * DAY, until), life.note)
        life.seconds += time.monotonic() - began
        told.send((resident_mb(), life))
        told.recv()
    live(store, clock, until)
