"""Light curves of 50 sources of one photon list in three bands, beside what it takes to unpack it and read its columns.

``python -m scripts.benchmarks.sources`` prints the table. Each list is measured in processes of its own, one that only
reads and one that does what an ingest does of it, so that their memory is told apart; the first turn of each, which
imports what is needed, does not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hstlc.formats.gz_columns import read_columns
from hstlc.missions.registry import mission
from hstlc.testing.chandra import ChandraObservation, ChandraScene, ChandraSource, write_evt2
from hstlc.testing.epic import EpicCamera, EpicObservation, EpicSource, write_observation
from scripts.benchmarks.table import Row, markdown

__all__ = ["rows"]

_GOAL, _GOAL_MB = 3.0, 400.0
_TURNS = 4
_SOURCES = 50
_BANDS = ("broad", "soft", "hard")


@dataclass(frozen=True)
class Field:
    """A photon list: who reads it, what of it, and how its sources are given."""

    name: str
    mission: str
    write: Callable[[Path], None]
    columns: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Any]


def _places(radius_arcsec: float) -> np.ndarray:
    return np.random.default_rng(5).uniform(-radius_arcsec, radius_arcsec, (_SOURCES, 2))


def _camera(folder: Path) -> None:
    sources = tuple(EpicSource(float(x), float(y), 0.02) for x, y in _places(600.0))
    camera = EpicCamera("pn", "S003", background_ct_s=66.0)
    write_observation(folder, EpicObservation(length_s=40_000.0, cameras=(camera,), sources=sources))


def _observatory(folder: Path) -> None:
    sources = tuple(ChandraSource(0.02, float(x), float(y)) for x, y in _places(200.0))
    scene = ChandraScene(sources, background_ct_s=19.0)
    write_evt2(folder, ChandraObservation(ontime_s=50_000.0), scene, compressed=True)


def _regions() -> list[dict[str, str]]:
    at = ChandraObservation()
    found = []
    for number, (west, north) in enumerate(_places(200.0)):
        ra, dec = at.ra_deg - west / 3600 / math.cos(math.radians(at.dec_deg)), at.dec_deg + north / 3600
        found.append({"name": f"S{number}", "region": f'icrs;circle({ra:.7f},{dec:.7f},4")'})
    return found


FIELDS = {
    "camera": Field(
        "pn, 2.7 million events, 64 units",
        "xmm",
        _camera,
        {
            "EVENTS": ("TIME", "RAWX", "RAWY", "DETX", "DETY", "X", "Y", "PI", "FLAG", "PATTERN", "CCDNR"),
            "EXPOSU": ("TIME", "FRACEXP"),
            "STDGTI": ("START", "STOP"),
        },
        {"bands": _BANDS, "minimum_counts": 0},
    ),
    "observatory": Field(
        "evt2, 1 million events",
        "chandra",
        _observatory,
        {
            "EVENTS": ("time", "ccd_id", "chipx", "chipy", "detx", "dety", "x", "y", "energy", "pi", "grade"),
            "GTI": ("START", "STOP"),
        },
        {"bands": _BANDS, "sources": _regions()},
    ),
}


def rows() -> list[Row]:
    """Return the figures of both lists; each is the best of three turns."""
    table = []
    for key, field in FIELDS.items():
        with TemporaryDirectory() as name:
            folder = Path(name)
            field.write(folder)
            read_s, read_mb, events = _in_a_process(partial(_read, key, folder))
            whole_s, whole_mb, curves = _in_a_process(partial(_curves, key, folder))
        ratio = whole_s / read_s
        table += [
            Row(f"{field.name}: unpack and read the columns", f"{read_s:.2f} s, {read_mb:.0f} MB"),
            Row(
                f"{field.name}: read, and {curves} light curves",
                f"{whole_s:.2f} s, {1e9 * (whole_s - read_s) / events:.0f} ns an event besides reading",
                ratio=f"{ratio:.2f} x the reading",
                goal=f"< {_GOAL:g} x",
                reached=ratio < _GOAL,
                limited_by="unpacking, and what a curve costs",
            ),
            Row(
                f"{field.name}: memory",
                f"{whole_mb:.0f} MB",
                goal=f"< {_GOAL_MB:g} MB",
                reached=whole_mb < _GOAL_MB,
                limited_by="the columns of all events, and Python with NumPy, SciPy and astropy",
            ),
        ]
    return table


def _in_a_process(work: Callable[[], int]) -> tuple[float, float, int]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, work).result()


def _measured(work: Callable[[], int]) -> tuple[float, float, int]:
    """Return the seconds of the best turn but the first, the most memory in MB and what the work returned."""
    seconds = []
    for _ in range(_TURNS):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:]), _most_memory_mb(), found


def _most_memory_mb() -> float:
    """Return the most memory that this process ever had; what getrusage tells includes its parent's at the start."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    return float("nan")


def _read(key: str, folder: Path) -> int:
    """Unpack the photon list, the largest file, and read its columns; return the number of events."""
    columns = FIELDS[key].columns

    def wanted(name: str, _header: Mapping[str, Any]) -> Collection[str]:
        return next((some for start, some in columns.items() if name.startswith(start)), ())

    path = max(folder.iterdir(), key=lambda file: file.stat().st_size)
    return next(unit.rows for unit in read_columns(path, wanted) if unit.name == "EVENTS")


def _curves(key: str, folder: Path) -> int:
    """Do what an ingest does of the files, and return the number of light curves of sources."""
    own = mission(FIELDS[key].mission)
    files = [identity for path in sorted(folder.iterdir()) if (identity := own.identify(path)) is not None]
    extraction = own.extract(own.load(files), own.settings_model(**FIELDS[key].settings))
    return sum(len(seen.curves) for seen in extraction.sources)


if __name__ == "__main__":
    print(markdown(rows()))
