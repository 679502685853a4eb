"""Archives and a daemon that live through simulated days, and what must hold at the end."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from store_state import Store, end_at, files_of, rows_of

from hstlc.db.archive_tables import (
    ArchiveCursor,
    ArchiveWalk,
    RemoteDataset,
    RemoteFile,
    RemoteProduct,
)
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.selections import add_selection
from hstlc.db.tables import ExposureFile
from hstlc.scheduler.daemon import Daemon
from hstlc.scheduler.jobs import JOBS
from hstlc.scheduler.runner import Ended
from hstlc.store.points import set_hook
from hstlc.testing.archive import FILE_FAULTS, QUERY_FAULTS, Fault, StandIn, World
from hstlc.testing.archive.hst_files import EXCLUDED_TARGETS
from hstlc.testing.archive.scenarios import START, busy_days
from hstlc.testing.archive.xray_worlds import add_csc
from hstlc.testing.clock import SimulatedClock, run_simulated

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAILY = tuple(name for name in JOBS if name != "make-plots")
ARCHIVES = ("mast", "xsa", "csc", "cda")

#: States of ``remote_product`` in which its bytes were verified.
GOOD = ("done", "identical", "waiting")

#: Addresses of files; everything else is a question.
FILES = r"retrieve_product|/Download/file|data-action-aio|retrieveFile|byobsid/.*\.fits"
QUESTIONS = rf"^(?!.*(?:{FILES}))"

#: Sources that somebody wants, and where they are.
WANTED = {"2CXO J000000.2+895400": (0.001, 89.9), "2CXO J235959.9+010000": (359.9996, 1.0)}

#: A daemon with little to do but once a day, and with little patience.
PLAN = {
    "NUM_CORES": "1",
    "NETWORK__CONNECT_TIMEOUT": "2 s",
    "NETWORK__ANSWER_TIMEOUT": "0.5 s",
    "NETWORK__READ_TIMEOUT": "0.4 s",
    "NETWORK__QUERY_DEADLINE": "1.5 s",
    "DOWNLOADS__DEADLINE": "1.5 s",
    "DOWNLOADS__MINIMUM_RATE": "20000 B/s",
    "DOWNLOADS__MINIMUM_RATE_TIME": "0.5 s",
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
    Fault("hang", arguments={"seconds": 3.0}),
    Fault("stall", arguments={"seconds": 3.0}),
    Fault("slow", arguments={"bytes_per_s": 40}),
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
    Fault("hang", arguments={"seconds": 3.0}),
    Fault("stall", arguments={"seconds": 3.0}),
    Fault("slow", arguments={"bytes_per_s": 1000}),
)


def world_of(days: int, clock: SimulatedClock, seed: int = 11) -> World:
    """Return a world in which everything happens, in all archives."""
    world = busy_days(days, seed, clock, xray=True)
    add_csc(world, START - 100 * DAY)
    return world


def storm(stand_in: StandIn, part: float = 0.2) -> None:
    """Let a part of all requests go wrong, in every way there is."""
    stand_in.faults.storm(part, QUESTION_FAULTS, seed=1, path=QUESTIONS)
    stand_in.faults.storm(part, DOWNLOAD_FAULTS, seed=2, path=FILES)


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


# --- what must hold


@dataclass(frozen=True)
class Outcome:
    """Rows and files, without what depends on when something was done and how often it was tried."""

    rows: dict[str, list[dict[str, Any]]]
    files: dict[str, str]

    def differences(self, other: Outcome) -> list[str]:
        """Name what is not the same."""
        found = [path for path in sorted({*self.files, *other.files}) if self.files.get(path) != other.files.get(path)]
        for table in self.rows:
            mine, theirs = ({repr(row) for row in one.rows[table]} for one in (self, other))
            found += [f"{table}: {row}" for row in sorted(mine ^ theirs)]
            if len(self.rows[table]) != len(other.rows[table]):
                found.append(f"{table}: {len(self.rows[table])} rows, {len(other.rows[table])} rows")
        return found


_HISTORY = ("archive_walk", "archive_source", "archive_cursor", "download_attempt", "notice", "job", "leader")
_VARYING = {
    "remote_dataset": ("missed_walks",),
    "remote_product": ("attempts", "priority"),
    "remote_file": ("etag",),
}


def outcome(store: Store) -> Outcome:
    """Return the state of a store in the end."""
    rows = {
        table: [
            {name: _ordered(value) for name, value in row.items() if name not in _VARYING.get(table, ())}
            for row in found
        ]
        for table, found in rows_of(store.url).items()
        if table not in _HISTORY
    }
    folders = ("filesystem", "outputs", "bad_data", "ingest", "plots", "download/waiting")
    return Outcome(rows, files_of(store.home, folders))


def _ordered(value: Any) -> Any:
    """Return a value with the keys of objects in order: not every database keeps the one in which they came."""
    return json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else value


def expected_files(world: World, now: datetime) -> dict[tuple[str, str, str], str]:
    """Return archive, name, version and content of all files that are wanted; of a catalog, of what is selected."""
    names = {archive: {one.key: one for one in world.records(archive)} for archive in ARCHIVES}
    chosen = {key for key, record in names["csc"].items() if record.columns["name"] in WANTED}
    wanted = {
        (file.name, version.key if not file.version else file.version)
        for key in chosen
        for version in names["csc"][key].met(now)
        for file in version.files
    }
    found = world.expected(now, archives=ARCHIVES)
    return {key: digest for key, digest in found.items() if key[0] != "csc" or key[1:] in wanted}


def read(store: Store, model: type[Any]) -> list[dict[str, Any]]:
    """Return the rows of a table as they are."""
    engine = make_engine(store.url)
    try:
        with reading(engine) as connection:
            return [dict(row) for row in connection.execute(select(model.__table__)).mappings()]
    finally:
        engine.dispose()


def assert_whole(store: Store, world: World, now: datetime) -> dict[tuple[str, str, str], str]:
    """Check that a store has what its archives ever showed to the public, once, and nothing else."""
    expected = expected_files(world, now)
    products = {row["id"]: row for row in read(store, RemoteProduct)}
    found: dict[tuple[str, str, str], str] = {}
    brought = set()
    for row in read(store, RemoteFile):
        brought.add(row["product_id"])
        product = products[row["product_id"]]
        key = (product["source"], row["filename"], product["version_key"].rpartition("|")[2])
        assert key not in found, key
        found[key] = row["sha256"]
    assert sorted(found.items() ^ expected.items()) == []
    unwanted = {
        (archive, file.name)
        for archive in ARCHIVES
        for record in world.records(archive)
        for file in record.versions[0].files
        if not file.wanted
    }
    for row in products.values():
        assert row["state"] in (*GOOD, "rejected"), row
        assert (row["next_try_at"], row["attempts"], row["error_code"]) == (None, 0, ""), row
        assert (row["state"] == "rejected") == (row["id"] not in brought), row
        if row["state"] == "rejected":
            assert "science" in row["message"], row
            assert (row["source"], row["name"]) in unwanted, row
    _assert_files_once(store, expected)
    _assert_watermarks(store, world, now)
    _assert_gone(store, world)
    report = store.verify()
    assert report.clean, report
    assert not [path for path in store.home.rglob("*") if ".part" in path.name]
    assert not [path for path in (store.home / "ingest").rglob("*") if path.is_file()]
    return expected


def _assert_files_once(store: Store, expected: Mapping[tuple[str, str, str], str]) -> None:
    taken = Counter(row["sha256"] for row in read(store, ExposureFile))
    contents = {digest for (source, name, _), digest in expected.items() if source == "mast" and "_asn" not in name}
    assert (taken - Counter(contents), Counter(contents) - taken) == (Counter(), Counter())
    folder = store.home / "download" / "waiting"
    waiting = Counter(files_of(folder, ("",)).values())
    elsewhere = Counter({digest for (source, *_), digest in expected.items() if source != "mast"})
    assert (waiting - elsewhere, elsewhere - waiting) == (Counter(), Counter())


def _assert_watermarks(store: Store, world: World, now: datetime) -> None:
    marks = {(row["source"], row["stream"]): row["watermark"] for row in read(store, ArchiveCursor)}
    ended: dict[tuple[str, str], datetime] = {}
    for row in read(store, ArchiveWalk):
        if row["state"] == "done":
            key = (row["source"], row["stream"])
            ended[key] = max(row["window_until"], ended.get(key, row["window_until"]))
    dates: dict[tuple[str, str], Callable[[Any], datetime]] = {
        ("mast", "archive"): lambda version: version.archived,
        ("xsa", "pps"): lambda version: version.made,
    }
    for key, date in dates.items():
        shown = [date(version) for record in world.records(key[0]) if _searched(record) for version in record.met(now)]
        assert marks[key] == max(shown), key
    for key in (("mast", "release"), ("xsa", "embargo")):
        assert marks[key] == ended[key], key
        assert now - ended[key] < 2 * DAY
    for key, mark in marks.items():
        assert mark is None or mark <= ended[key], key


def _searched(record: Any) -> bool:
    """Tell whether a dataset is one that is asked for."""
    mode, target = record.columns.get("sci_operating_mode", "TIME-TAG"), record.columns.get("sci_targname", "")
    return mode == "TIME-TAG" and target not in EXCLUDED_TARGETS


def _assert_gone(store: Store, world: World) -> None:
    full = [
        (row["source"], row["started_at"])
        for row in read(store, ArchiveWalk)
        if row["stream"] == "full" and row["state"] == "done"
    ]
    for row in read(store, RemoteDataset):
        record = world.record(row["source"], row["dataset_key"])
        last = record.absences[-1] if record.absences else None
        if last is None:
            assert row["gone_at"] is None, row
            continue
        start, stop = last
        missed = sum(source == row["source"] and start <= at and (stop is None or at < stop) for source, at in full)
        met = stop is not None and any(source == row["source"] and at >= stop for source, at in full)
        if met:
            assert row["gone_at"] is None, row
        else:
            assert (row["gone_at"] is not None) == (missed >= 2), (row, missed)


def assert_nothing_twice(stand_in: StandIn, world: World, now: datetime) -> None:
    """Check that no file was downloaded again but for a fault or a new version.

    An archive that is asked for a file whose dataset it has made again gives it anew, be it the same.
    """
    versions: Counter[str] = Counter()
    for archive in ARCHIVES:
        for record in world.records(archive):
            shown = {file.name: 0 for version in record.versions for file in version.files}
            for version in record.met(now):
                for file in version.files:
                    shown[file.name] += 1
            versions.update(shown)
    whole: Counter[str] = Counter()
    for entry in stand_in.log.of(FILES, "GET"):
        if entry.status == 200 and not entry.fault and "range" not in entry.headers:
            whole[f"{entry.path}?{sorted(entry.query.items())}"] += 1
    for target, number in whole.items():
        names = [name for name in versions if name in target]
        most = max((versions[name] for name in names), default=1)
        assert number <= max(most, 1 if names else 2), (target, number, most)


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


def live_until(store: Store, cell: Any, until: datetime, point: str, number: int) -> None:
    """Let a daemon work, and end the process when it comes to a point for the ``number``-th time."""
    set_hook(end_at(point, number))
    live(store, SharedClock.of(cell), until)


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
    """Return the memory of this process in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024
