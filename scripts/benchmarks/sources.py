"""Light curves of many sources of one photon list, beside what it takes to unpack the list and read its columns.

``python -m scripts.benchmarks.sources`` prints the table. Each list is measured in processes of its own, one that only
reads and one that makes the curves, so that their memory is told apart.
"""

from __future__ import annotations

import argparse
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
from numpy.typing import NDArray

from hstlc.events.flares import high_energy_flares
from hstlc.events.frames import Frames
from hstlc.events.good_times import detector_shares, in_own_good_time
from hstlc.events.live_clock import LiveClock
from hstlc.events.sky_index import SkyIndex
from hstlc.formats.gz_columns import TableColumns, read_columns
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of
from hstlc.lightcurves.stamps import detector_stamp, sky_box, sky_stamp
from hstlc.model import Intervals
from hstlc.regions import BackgroundRule, Circle, Region, background_region
from hstlc.times import TimeReference
from scripts.benchmarks.photon_lists import (
    FRAME_S,
    OBSERVATORY_FRAME_S,
    OBSERVATORY_SIDE,
    SIDE,
    START_S,
    camera_list,
    observatory_list,
    source_places,
)
from scripts.benchmarks.table import Row, markdown

__all__ = ["rows"]

_GOAL, _GOAL_MB = 3.0, 400.0
_TURNS = 3
_WIDTH_S = 500.0
_RULE = BackgroundRule(1.5, 4.0)


@dataclass(frozen=True)
class Camera:
    """What a list needs to be known of."""

    name: str
    make: Callable[[Path], Path]
    columns: tuple[str, ...]
    further: Mapping[str, tuple[str, ...]]
    detector: str
    energy: str
    side: float
    radius: float
    frame_s: float
    bands: tuple[tuple[float, float], ...]
    live_part: float


CAMERAS = {
    "camera": Camera(
        "2.7 million events of 45 bytes, 64 units",
        camera_list,
        ("TIME", "X", "Y", "PI", "FLAG", "PATTERN", "CCDNR"),
        {"EXPOSU": ("TIME", "FRACEXP"), "STDGTI": ("START", "STOP")},
        "CCDNR",
        "PI",
        SIDE,
        240.0,
        FRAME_S,
        ((200, 12_000), (200, 2000), (2000, 12_000)),
        0.0687 / FRAME_S,
    ),
    "observatory": Camera(
        "1 million events of 64 bytes, 6 units",
        observatory_list,
        ("TIME", "X", "Y", "ENERGY", "CCD_ID", "GRADE"),
        {"GTI": ("START", "STOP")},
        "CCD_ID",
        "ENERGY",
        OBSERVATORY_SIDE,
        8.0,
        OBSERVATORY_FRAME_S,
        ((500, 7000), (500, 1200), (2000, 7000)),
        0.98733740,
    ),
}


def rows() -> list[Row]:
    """Return the figures of both lists; each is the best of three turns."""
    table = []
    for key, camera in CAMERAS.items():
        with TemporaryDirectory() as folder:
            path = camera.make(Path(folder) / "list.fits.gz")
            read_s, read_mb, _ = _in_a_process(partial(_read_only, key, path))
            whole_s, whole_mb, events = _in_a_process(partial(_curves, key, path))
        ratio = whole_s / read_s
        table += [
            Row(f"{camera.name}: unpack and read the columns", f"{read_s:.2f} s, {read_mb:.0f} MB"),
            Row(
                f"{camera.name}: read, and curves of 50 sources in 3 bands",
                f"{whole_s:.2f} s, {1e9 * (whole_s - read_s) / events:.0f} ns an event besides reading",
                ratio=f"{ratio:.2f} x the reading",
                goal=f"< {_GOAL:g} x",
                reached=ratio < _GOAL,
                limited_by="unpacking",
            ),
            Row(
                f"{camera.name}: memory",
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
    """Return the seconds of the best turn, the most memory in MB and what the work returned."""
    seconds = []
    for _ in range(_TURNS):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return min(seconds), _most_memory_mb(), found


def _most_memory_mb() -> float:
    """Return the most memory that this process ever had; what getrusage tells includes its parent's at the start."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    return float("nan")


def _read(key: str, path: Path) -> list[TableColumns]:
    camera = CAMERAS[key]

    def wanted(name: str, _header: Mapping[str, Any]) -> Collection[str]:
        if name == "EVENTS":
            return camera.columns
        return next((columns for start, columns in camera.further.items() if name.startswith(start)), ())

    return read_columns(path, wanted)


def _read_only(key: str, path: Path) -> int:
    return _read(key, path)[1].rows


def _curves(key: str, path: Path) -> int:
    """Make the curves of one list as a mission does."""
    camera = CAMERAS[key]
    units = _read(key, path)
    events = units[1].columns
    clocks, gtis = _clocks(camera, units)
    del units
    time_s = events["TIME"]
    time_s -= START_S
    detector, energy = events[camera.detector], events[camera.energy]
    good = in_own_good_time(time_s, detector, gtis)
    if "FLAG" in events:
        good &= (events["FLAG"] & 0xCFA0000) == 0
        good &= events["PATTERN"] <= 4
    index = SkyIndex(events["X"], events["Y"], keep=good)
    shared = LiveClock.of([(clock, 1 / len(clocks)) for clock in clocks.values()])
    flares = high_energy_flares(time_s[good & (energy > 10_000) & (energy < 12_000)], shared, 0.5, 100.0)
    regions = [Region.of(Circle(x, y, camera.radius)) for x, y in source_places(camera.side)]
    reference = TimeReference(50_814.0 + START_S / 86_400, "TT")
    made = 0
    for region in regions:
        beside = background_region(region, regions, _RULE)
        source, background = index.rows(region), index.rows(beside)
        shares, scale = detector_shares(detector[source]), region.area / beside.area
        clock = LiveClock.of([(clocks[ccd], share) for ccd, share in shares.items()])
        frames = Frames.of(time_s[source], camera.frame_s)
        edges = frames.edges(clock.good.start[0], clock.good.stop[-1], _WIDTH_S)
        x0, y0, x1, y1 = sky_box(region.bounds)
        around = index.within((x0, y0, x1, y1))
        stamps = (
            sky_stamp(events["X"][around], events["Y"][around], region),
            detector_stamp(events["X"][source].astype(float), events["Y"][source].astype(float)),
        )
        for low, high in camera.bands:
            chosen, other = _between(source, energy, low, high), _between(background, energy, low, high)
            aperture_curve(
                edges,
                source_time_s=time_s[chosen],
                background_time_s=time_s[other],
                scale=scale,
                clock=clock,
                dead_time_factor=camera.live_part,
                reference=reference,
                flares=flares,
                meta={"RA_TARG": 10.0, "DEC_TARG": 5.0},
                arrivals=arrivals_of(time_s[chosen], energy[chosen] / 1000, clock, camera.frame_s),
                stamps=stamps,
            )
            made += 1
    if made != 3 * len(regions):
        raise RuntimeError(f"{made} curves were made")
    return len(time_s)


def _between(selected: NDArray[np.int64], energy: NDArray[Any], low: float, high: float) -> NDArray[np.int64]:
    values = energy[selected]
    return selected[(values >= low) & (values < high)]


def _clocks(camera: Camera, units: list[TableColumns]) -> tuple[dict[int, LiveClock], dict[int, Intervals]]:
    """Return clock and good times of each detector."""
    gtis, frames = {}, {}
    for unit in units:
        number = int(str(unit.header.get("CCDID", unit.header.get("CCD_ID", -1))))
        if "START" in unit.columns:
            gtis[number] = Intervals.of(unit.columns["START"] - START_S, unit.columns["STOP"] - START_S)
        elif "FRACEXP" in unit.columns:
            live_part = unit.columns["FRACEXP"] * camera.live_part
            clock = LiveClock.of_frames(unit.columns["TIME"] - START_S, live_part, camera.frame_s)
            frames[number] = clock.simplified(camera.frame_s / 2)
    if frames:
        return {number: frames[number].within(gti) for number, gti in gtis.items()}, gtis
    return {number: LiveClock.of([(gti, 1.0)], camera.live_part) for number, gti in gtis.items()}, gtis


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(markdown(rows()))
