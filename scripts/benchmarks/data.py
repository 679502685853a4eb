"""The files that are measured with: made once, the same bytes everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from scripts.benchmarks.corrtag import Exposure, write_corrtag
from scripts.benchmarks.reference_tables import write_reference_tables, write_x1d

__all__ = ["MIXED", "PAIRS", "SINGLES", "event_files", "make_data"]

VERSION = "2"  # raised when other bytes come out

PAIRS = {
    "2 x 1e5": Exposure("lbp05aaaq", "PAIR-1E5", {"A": 10**5, "B": 10**5}),
    "2 x 1e6": Exposure("lbp06aaaq", "PAIR-1E6", {"A": 10**6, "B": 10**6}),
}
SINGLES = {
    "1e5": Exposure("lbs05aaaq", "SINGLE-1E5", {"A": 10**5}),
    "1e6": Exposure("lbs06aaaq", "SINGLE-1E6", {"A": 10**6}),
    "1e7": Exposure("lbs07aaaq", "SINGLE-1E7", {"A": 10**7}),
}


def _mixed(number: int = 24, mean_events: float = 0.8e6, sigma: float = 1.0) -> tuple[Exposure, ...]:
    """Return exposures of both segments with log-normal numbers of events, of exactly the mean that is wanted."""
    rng = np.random.default_rng(20161125)
    sizes = rng.lognormal(0.0, sigma, number)
    sizes *= mean_events / sizes.mean()
    exptimes = 4.0 * np.rint(rng.uniform(600.0, 2400.0, number) / 4.0)
    exposures = []
    for i, (size, exptime_s) in enumerate(zip(sizes, exptimes, strict=True)):
        events = {"A": round(0.55 * size), "B": round(0.45 * size)}
        mode = ("G130M", 1291) if i % 2 else ("G160M", 1577)
        start = 58300.25 + 0.07 * i
        exposures.append(Exposure(f"lbm{i:02d}aaaq", f"MIXED-{i // 4}", events, float(exptime_s), *mode, start))
    return tuple(exposures)


MIXED = _mixed()


def event_files(folder: Path, exposure: Exposure) -> list[Path]:
    """Return the event files of an exposure in the folder of :func:`make_data`."""
    kind = "mixed" if exposure in MIXED else exposure.rootname
    return [folder / kind / f"{exposure.rootname}_corrtag_{letter.lower()}.fits" for letter in exposure.events]


def make_data(folder: Path) -> None:
    """Make every file that is not there yet; 1.4 GB."""
    marker = folder / "version"
    if marker.exists() and marker.read_text() == VERSION:
        return
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    reference = folder / "lref"
    reference.mkdir()
    write_reference_tables(reference)
    for exposure in (*PAIRS.values(), *SINGLES.values(), *MIXED):
        place = event_files(folder, exposure)[0].parent
        place.mkdir(exist_ok=True)
        write_x1d(place, exposure, {letter: write_corrtag(place, exposure, letter) for letter in exposure.events})
    marker.write_text(VERSION)
