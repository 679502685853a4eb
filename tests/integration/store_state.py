"""A store for tests, and its whole state as a value that two stores can be compared by."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select

from hstlc.config import Settings, load
from hstlc.db.engine import make_engine, reading
from hstlc.db.light_curves import SETUP_NAMES, light_curves_differ
from hstlc.db.tables import Base
from hstlc.pipeline import ingest as pipeline
from hstlc.pipeline.context import Context, open_store
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.statistics import build_statistics
from hstlc.pipeline.sweep import Report, verify
from hstlc.store.points import set_hook
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure
from hstlc.testing.cos.scene import place_of

FOLDERS = ("filesystem", "outputs", "bad_data", "ingest")
CRASHED = 137
FAINT = Scene(rate_ct_s=5.0, background_ct_s=0.5)


@dataclass(frozen=True)
class State:
    """Rows of each table, and the digest of each file by its path below the home folder."""

    rows: dict[str, list[dict[str, Any]]]
    files: dict[str, str]

    def of(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row[column] for column in columns) for row in self.rows[table])

    def below(self, folder: str) -> list[str]:
        return sorted(path.removeprefix(f"{folder}/") for path in self.files if path.startswith(f"{folder}/"))


@dataclass(frozen=True)
class Store:
    """A data tree and a database."""

    home: Path
    url: str
    environ: dict[str, str] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        own = {"HSTLC_HOME_DIR": str(self.home), "HSTLC_DB_CONNECTION_STRING": self.url, "HSTLC_MIN_FREE_SPACE": "1 B"}
        return load(None, {**own, **self.environ})

    def configured(self, **keys: str) -> Store:
        """Return the same store with other settings."""
        return replace(self, environ={**self.environ, **{f"HSTLC_{name}".upper(): text for name, text in keys.items()}})

    @property
    def inbox(self) -> Path:
        """The ingest folder."""
        self.settings.ingest_dir.mkdir(parents=True, exist_ok=True)
        return self.settings.ingest_dir

    def give(self, *paths: Path) -> None:
        """Copy files into the ingest folder."""
        for path in paths:
            shutil.copyfile(path, self.inbox / path.name)

    def ingest(self, *paths: Path, wait: bool = True, **options: Any) -> Summary:
        """Do what ``hstlc ingest`` does."""
        summary = Summary()
        options = pipeline.Options(paths, **options)
        with open_store(self.settings, wait=wait) as context, recorded_run(context, "ingest", summary):
            pipeline.ingest(context, options, summary)
            build_statistics(context, summary, workers=options.workers, everything=options.stale)
        return summary

    def build_statistics(self, **options: Any) -> Summary:
        """Do what ``hstlc build-stats`` does."""
        summary = Summary()
        with open_store(self.settings) as context, recorded_run(context, "build-stats", summary):
            build_statistics(context, summary, **options)
        return summary

    @contextmanager
    def open(self, *, write: bool = True) -> Iterator[Context]:
        with open_store(self.settings, write=write) as context:
            yield context

    def verify(self) -> Report:
        """Do what ``hstlc files verify`` does."""
        with self.open(write=False) as context:
            return verify(context)

    def state(self) -> State:
        return State(rows_of(self.url), files_of(self.home))

    def digests(self) -> set[str]:
        return set(files_of(self.home).values())


def rows_of(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables but ``run``, without what two equal stores may differ in: row numbers and clocks.

    A reference to a row is replaced by what that row is about.
    """
    engine = make_engine(url)
    tables = [table for table in Base.metadata.sorted_tables if table.name != "run"]
    try:
        with reading(engine) as connection:
            assert light_curves_differ(connection) == []  # whatever happened, they say what the other tables say
            raw = {t.name: [dict(row) for row in connection.execute(select(t)).mappings()] for t in tables}
    finally:
        engine.dispose()
    about = {
        "metadata.id": {row["id"]: (row["mission"], row["rootname"]) for row in raw["metadata"]},
        "product.id": {row["id"]: (row["kind"], row["key"]) for row in raw["product"]},
        "target.id": {row["id"]: row["name"] for row in raw["target"]},
        "remote_dataset.id": {row["id"]: (row["source"], row["dataset_key"]) for row in raw["remote_dataset"]},
        "remote_product.id": {
            row["id"]: (row["source"], row["name"], row["version_key"]) for row in raw["remote_product"]
        },
        "run.id": {},
        "setup.id": {row["id"]: tuple(row[n] for n in SETUP_NAMES) for row in raw["setup"]},
        "web_user.id": {row["id"]: row["name"] for row in raw["web_user"]},
        "source.id": {row["id"]: (row["metadata_id"], row["name"]) for row in raw["source"]},
    }
    about["source.id"] = {
        number: (about["metadata.id"].get(exposure), name) for number, (exposure, name) in about["source.id"].items()
    }

    def plain(table: Any, row: dict[str, Any]) -> dict[str, Any]:
        for column in table.columns:
            for key in column.foreign_keys:
                row[column.name] = about[key.target_fullname].get(row[column.name])
        return {name: v for name, v in row.items() if name not in ("id", "ingest_date") and not name.endswith("_at")}

    return {t.name: sorted((plain(t, row) for row in raw[t.name]), key=repr) for t in tables}


def files_of(folder: Path, below: tuple[str, ...] = FOLDERS) -> dict[str, str]:
    """Return the digest of every file, by its path relative to ``folder``."""
    paths = [path for name in below for path in (folder / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def footprint(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Return content, time of change and rights of everything in a folder."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
    }


# --- files to ingest


def expose(folder: Path, rootname: str, *, x1d: bool = False, **changes: Any) -> tuple[Path, ...]:
    """Write the files of a short, faint exposure and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    exposure = CosExposure(**{"rootname": rootname, "exptime_s": 20.0, "targname": "SIM-STAR", **changes})
    return write_exposure(folder, exposure, FAINT, x1d=x1d).paths


def recalibrated(folder: Path, source: Path, version: str, **cards: Any) -> Path:
    """Write a file as a later calibration would have made it."""
    folder.mkdir(parents=True, exist_ok=True)
    if "TARGNAME" in cards:  # another target is elsewhere
        cards = dict(zip(("RA_TARG", "DEC_TARG"), place_of(str(cards["TARGNAME"])), strict=True)) | cards
    target = folder / source.name
    shutil.copyfile(source, target)

    def edit(units: Any) -> None:
        for name, value in {"CAL_VER": version, **cards}.items():
            for unit in [unit for unit in units if name in unit.header] or units[:1]:
                unit.header[name] = value

    return edit_file(target, edit)


# --- crashes, in processes that are forked off a warm one


def end_at(point: str, number: int) -> Callable[[str], None]:
    """Return a hook that ends the process when it comes to a point for the ``number``-th time."""
    seen = 0

    def hook(name: str) -> None:
        nonlocal seen
        seen += name == point
        if seen == number and name == point:
            os._exit(CRASHED)

    return hook


def act_and_die(store: Store, action: Callable[[Store], object], point: str, number: int) -> None:
    """Do something to a store and end the process at a point."""
    set_hook(end_at(point, number))
    action(store)


def points_of(store: Store, action: Callable[[Store], object]) -> list[str]:
    """Do something to a store to its end and return the points it came to."""
    seen: list[str] = []
    set_hook(seen.append)
    try:
        action(store)
    finally:
        set_hook(None)
    return seen
