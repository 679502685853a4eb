"""What must hold of a store in the end, whatever happened to it: against the world that its archives showed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulated import ARCHIVES, DAY, FILES, WANTED
from sqlalchemy import select
from store_state import Store, files_of, rows_of

from hstlc.db.archive_tables import ArchiveCursor, ArchiveWalk, RemoteDataset, RemoteFile, RemoteProduct
from hstlc.db.engine import make_engine, reading
from hstlc.db.tables import BadData, ExposureFile
from hstlc.missions.registry import missions
from hstlc.testing.archive import StandIn, World
from hstlc.testing.archive.hst_files import EXCLUDED_TARGETS

#: States of ``remote_product`` in which its bytes were verified.
GOOD = ("done", "identical", "waiting")


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
    "remote_product": ("attempts", "priority", "declared_bytes"),  # of some, a question of its own tells the size
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


def _has(world: World, row: dict[str, Any]) -> bool:
    """Tell whether an observation has a file of the camera that a row is about, in any version."""
    observation, camera, _ = row["name"].split("_")
    start = f"P{observation}{camera}"
    records = (one for one in world.records(row["source"]) if one.key == observation)
    return any(file.name.startswith(start) for one in records for version in one.versions for file in version.files)


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
    differing = sorted(found.items() ^ expected.items())
    about = {key[:2] for key, _ in differing}
    rows = [row for row in products.values() if any(row["name"][:9] in name for _, name in about)]
    assert differing == [], (differing, rows)
    unwanted = {
        (archive, file.name)
        for archive in ARCHIVES
        for record in world.records(archive)
        for file in record.versions[0].files
        if not file.wanted
    }
    for row in products.values():
        if row["state"] == "missing":  # asked for while the archive would not say which cameras there were
            assert (row["source"], row["error_code"]) == ("xsa", "archive.no-product"), row
            assert not _has(world, row), row
            continue
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
    """Check that the store took in each file of an installed mission, and that those of others wait."""
    homeless = {row["source"] for row in read(store, RemoteProduct) if row["mission"] not in missions()}
    rows = {row["sha256"] for row in read(store, BadData)}, [row["sha256"] for row in read(store, ExposureFile)]
    taken = Counter([*rows[1], *(rows[0] - set(rows[1]))])  # a file that is refused belongs to no exposure
    wanted = {key: digest for key, digest in expected.items() if not (key[0] == "mast" and "_asn" in key[1])}
    contents = Counter({digest for (source, *_), digest in wanted.items() if source not in homeless})
    assert (taken - contents, contents - taken) == (Counter(), Counter())
    waiting = Counter(files_of(store.home / "download" / "waiting", ("",)).values())
    elsewhere = Counter({digest for (source, *_), digest in wanted.items() if source in homeless})
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
    again: Counter[str] = Counter()  # a file that comes broken lets all of its observation be asked for again
    observation: dict[str, str] = {}
    for entry in stand_in.log.of(FILES, "GET"):
        own = str(dict(entry.query).get("obsno", ""))
        observation[f"{entry.path}?{sorted(entry.query.items())}"] = own
        again[own] += bool(own and entry.fault)
        if entry.status == 200 and not entry.fault and "range" not in entry.headers:
            whole[f"{entry.path}?{sorted(entry.query.items())}"] += 1
    for target, number in whole.items():
        if "_asn" in target:  # part of the question which files there are, and asked for again with it
            continue
        names = [name for name in versions if name in target]
        most = max((versions[name] for name in names), default=1)
        assert number <= max(most, 1 if names else 2 + again[observation[target]]), (target, number, most)
