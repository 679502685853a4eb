"""What a user does to a store with composites, and what of its files changed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from astropy.io import fits
from sqlalchemy import text
from store_state import FAINT, FOLDERS, Store, files_of

from hstlc.formats.curve_fits import read_light_curve
from hstlc.formats.hlsp.check import check_hlsp
from hstlc.formats.hlsp.rule import Verdict
from hstlc.model import LightCurve
from hstlc.pipeline import ingest as pipeline
from hstlc.pipeline.compose import compose
from hstlc.pipeline.context import open_store
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.statistics import build_statistics
from hstlc.store import disk
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

COMPOSITE = "outputs/composite"


def ingest(store: Store, *paths: Path, **options: Any) -> Summary:
    """Do what ``hstlc ingest`` does."""
    summary = Summary()
    chosen = pipeline.Options(paths, **options)
    with open_store(store.settings) as context, recorded_run(context, "ingest", summary):
        pipeline.ingest(context, chosen, summary)
        compose(context, summary, workers=chosen.workers, everything=chosen.stale)
        build_statistics(context, summary, workers=chosen.workers, everything=chosen.stale)
    return summary


def make_composites(store: Store, **options: Any) -> Summary:
    """Do what ``hstlc make-composites`` does."""
    summary = Summary()
    with open_store(store.settings) as context, recorded_run(context, "make-composites", summary):
        compose(context, summary, **options)
    return summary


def ingest_stale(store: Store) -> Summary:
    """Do what ``hstlc ingest --stale`` does."""
    return ingest(store, stale=True)


def make_everything(store: Store) -> Summary:
    """Do what ``hstlc make-composites --stale`` does."""
    return make_composites(store, everything=True)


def execute(store: Store, *statements: str) -> None:
    """Change the database as somebody with another program would."""
    with store.open() as context, context.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


# --- exposures


def visit(folder: Path, number: int, *, scene: Scene = FAINT, x1d: bool = False, **changes: Any) -> tuple[Path, ...]:
    """Write a short exposure of day ``number`` and return its paths."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"rootname": f"lsim{number:02d}aaq", "exptime_s": 20.0, "targname": "SIM-STAR", "seed": number}
    values |= {"expstart_mjd": 58300.25 + number, **changes}
    return write_exposure(folder, CosExposure(**values), scene, x1d=x1d).paths


def shifted(path: Path, shift_aa: float) -> Path:
    """Move the wavelengths of the events of a file, as another position of the grating does."""

    def edit(units: Any) -> None:
        wavelength = units["EVENTS"].data["WAVELENGTH"]
        wavelength[wavelength > 0] += shift_aa

    return edit_file(path, edit)


# --- what came of it


def composites(store: Store, folder: str = COMPOSITE) -> list[Path]:
    """Return the composites on the disk."""
    return sorted((store.home / folder).glob("*.fits"))


def curve_of(store: Store, part: str = "") -> LightCurve:
    """Return the only composite with ``part`` in its name."""
    (path,) = [path for path in composites(store) if part in path.name]
    return read_light_curve(path)


def rootnames(store: Store, part: str = "") -> list[str]:
    """Return the exposures of a composite, in its order."""
    return [str(row["rootname"]) for row in curve_of(store, part).provenance]


def members(store: Store) -> list[tuple[Any, ...]]:
    """Return (rootname, dataset, reason) of ``composite_member``, sorted by time."""
    rows = store.state().rows["composite_member"]
    return sorted(((row["metadata_id"] or ("", ""))[1], row["dataset"], row["excluded_reason"]) for row in rows)


def assert_deliverable(store: Store) -> None:
    """Hold every composite against the rules of its archive."""
    for path in composites(store):
        broken = [
            f"{path.name}: {one.rule}: {one.message}" for one in check_hlsp(path) if one.verdict is Verdict.BROKEN
        ]
        assert not broken, broken
        with fits.open(path, checksum=True) as units:
            units.verify("exception")


# --- what was written


def snapshot(store: Store) -> dict[str, tuple[int, int, str]]:
    """Return inode, time of change and digest of every file of the tree."""
    digests = files_of(store.home, FOLDERS)
    stats = {path: (store.home / path).stat() for path in digests}
    return {path: (stats[path].st_ino, stats[path].st_mtime_ns, digests[path]) for path in digests}


def written(store: Store, before: dict[str, tuple[int, int, str]]) -> set[str]:
    """Return the names of files that are new, gone, or anything else than untouched."""
    after = snapshot(store)
    return {Path(path).name for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


@contextmanager
def disk_calls(monkeypatch: Any) -> Iterator[list[tuple[str, str]]]:
    """Give a list of what is done to the disk, (function, name of the file), but for deletions of what is not there."""
    calls: list[tuple[str, str]] = []

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            place = next((one for one in reversed(arguments) if isinstance(one, Path)), None)
            if place is not None and not (name == "unlink" and not place.exists()):
                calls.append((name, place.name))
            return function(*arguments)

        return call

    with monkeypatch.context() as patch:
        for name in ("create", "link", "replace", "unlink"):
            patch.setattr(disk, name, watched(name, getattr(disk, name)))
        yield calls
