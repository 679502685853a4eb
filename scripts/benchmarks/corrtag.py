"""Event files of any number of events, written in blocks: the layout of calcos, 12 columns and 39 bytes an event.

Where the original of 2016 and this project differ in what they count, the files leave them no choice. Source and
background boxes are of the same even height, level, and in the same pixels of both frames. Bad flags are among the
header's SDQFLAGS. EPSILON is a multiple of 1/16, so that the float32 sums of the original are exact up to a million
counts. And each file begins with a rejected event at 12 ms, from which the original counts its bins: their
edges then lie between the same two clock ticks as ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.cos.detector import Segment, segments_of
from hstlc.testing.cos.headers import Counts, Keywords, events_keywords, primary_keywords, short_keywords
from hstlc.testing.cos.scene import CosExposure
from hstlc.testing.cos.tables import EVENTS_COLUMNS, GTI_COLUMNS, TIMELINE_COLUMNS, Extension, write_tables

__all__ = ["DTYPE", "Exposure", "write_corrtag"]

BLOCK = 500_000  # events drawn and written at a time
TICK_S = 0.032
HEIGHT = 40
FIRST_PIXEL, LAST_PIXEL = 1300, 15100  # of the light, both in every file
DISPERSION_AA = {"G130M": 0.00996, "G160M": 0.01223}  # of both segments: their pixels are worth the same
START_S = 0.012
SOURCE, BACKGROUND = 0.60, 0.15  # parts of the events; the rest lies elsewhere
ELSEWHERE = (660.0, 1020.0)  # rows beside all boxes
HARMLESS_DQ, BAD_DQ = 4, (8, 16, 128, 2, 8192, 520)
DTYPE = np.dtype([(name, {"1E": ">f4", "1I": ">i2", "1B": "u1"}[form]) for name, form, *_ in EVENTS_COLUMNS])
FITS_BLOCK = 2880


@dataclass(frozen=True, slots=True)
class Exposure:
    """What to write.

    Attributes
    ----------
    rootname, targname : str
    events : mapping of str to int
        Number of events of each segment, ``A`` and ``B``.
    exptime_s : float, seconds
        A multiple of 4 s, which is a whole number of clock ticks.
    opt_elem, cenwave : str, int
    expstart_mjd : float, days
    """

    rootname: str
    targname: str
    events: dict[str, int]
    exptime_s: float = 1500.0
    opt_elem: str = "G130M"
    cenwave: int = 1291
    expstart_mjd: float = 58300.25

    @property
    def taken(self) -> CosExposure:
        """The exposure as :mod:`hstlc.testing.cos` describes one."""
        return CosExposure(
            rootname=self.rootname,
            targname=self.targname,
            opt_elem=self.opt_elem,
            cenwave=self.cenwave,
            segments=tuple(self.events),
            gti=((0.0, self.exptime_s),),
            expstart_mjd=self.expstart_mjd,
        )

    def segment(self, letter: str) -> Segment:
        """Return where the light of a segment falls."""
        known = segments_of("FUV", "SPECTROSCOPIC", self.opt_elem, self.cenwave)
        found = next(segment for segment in known if segment.letter == letter)
        start = found.dispersion[0]
        dispersion = (start, DISPERSION_AA[self.opt_elem], 0.0)
        return replace(found, dispersion=dispersion, height=HEIGHT, background_height=(HEIGHT, HEIGHT))

    def keywords(self) -> Keywords:
        """Return the keywords of EVENTS, which TIMELINE and the spectrum repeat."""
        boxes = {f"{key}_{letter}": HEIGHT for key in ("SP_HGT", "B_HGT1", "B_HGT2") for letter in "AB"}
        return events_keywords(self.taken, Counts(self.events)) | boxes


def write_corrtag(folder: Path, exposure: Exposure, letter: str) -> NDArray[np.int64]:
    """Write the event file of one segment and return the number of good source events of each pixel.

    Its bytes depend on the arguments alone.
    """
    path = folder / f"{exposure.rootname}_corrtag_{letter.lower()}.fits"
    segment, number = exposure.segment(letter), exposure.events[letter]
    primary = primary_keywords(exposure.taken, filename=path.name, segment=segment.name, extracted=False)
    empty = {name: np.zeros(0) for name, *_ in EVENTS_COLUMNS}
    keywords = exposure.keywords()
    write_tables(path, primary, (Extension("EVENTS", EVENTS_COLUMNS, empty, keywords),), {})
    head = path.read_bytes().replace(_card("NAXIS2", 0), _card("NAXIS2", number))
    spectrum = np.zeros(segment.detector.x1d_length, dtype=np.int64)
    with path.open("wb") as file:
        file.write(head)
        for records, pixels in _blocks(exposure, segment, number):
            file.write(records.data)
            spectrum += np.bincount(pixels, minlength=len(spectrum))
        file.write(bytes(-number * DTYPE.itemsize % FITS_BLOCK))
    with path.open("ab") as file:
        file.write(_other_extensions(folder, exposure, keywords))
    return spectrum


def _card(keyword: str, value: int) -> bytes:
    return f"{keyword:8}= {value:20d}".encode()


def _blocks(exposure: Exposure, segment: Segment, number: int) -> Iterator[tuple[NDArray[np.void], NDArray[np.int64]]]:
    """Yield rows as the file holds them, in order of time, and the pixels of their good source events."""
    ticks = exposure.exptime_s / TICK_S
    seed = [int.from_bytes(f"{exposure.rootname}{segment.letter}".encode(), "big")]
    for first in range(0, number, BLOCK):
        size = min(BLOCK, number - first)
        rng = np.random.default_rng([*seed, first])
        tick = np.sort(rng.integers(int(ticks * first / number), int(ticks * (first + size) / number), size)) + 1
        kind = rng.random(size, dtype=np.float32)
        in_source, in_background = kind < SOURCE, (kind >= SOURCE) & (kind < SOURCE + BACKGROUND)
        x = (FIRST_PIXEL + (LAST_PIXEL - FIRST_PIXEL) * rng.random(size, dtype=np.float32)).astype(np.float32)
        reach = HEIGHT / 2 - 0.1
        offset = rng.uniform(-reach, reach, size)
        boxes = np.where(rng.random(size) < 0.5, *segment.background)
        y = np.where(in_background, boxes + offset, rng.uniform(*ELSEWHERE, size))
        y[in_source] = segment.location + np.clip(4.25 * rng.standard_normal(size), -reach, reach)[in_source]
        quality = rng.random(size, dtype=np.float32)
        dq = np.where(quality < 0.03, HARMLESS_DQ, 0)
        dq[quality > 0.97] = rng.choice(BAD_DQ, int(np.count_nonzero(quality > 0.97)))
        time = tick * 32 / 1000
        if first == 0:
            time[0], dq[0] = START_S, 8
            x[1:3], y[1:3], dq[1:3], in_source[1:3] = (FIRST_PIXEL, LAST_PIXEL), segment.location, 0, True
        wavelength = segment.wavelength_aa(x)
        records = np.empty(size, dtype=DTYPE)
        columns: dict[str, NDArray[Any]] = {
            "TIME": time,
            "RAWX": np.rint(x),
            "RAWY": np.rint(y),
            "WAVELENGTH": wavelength,
            "EPSILON": rng.integers(15, 19, size) / 16,
            "DQ": dq,
            "PHA": np.clip(9.0 + 3.0 * rng.standard_normal(size, dtype=np.float32), 2, 23),
            **dict.fromkeys(("XCORR", "XDOPP", "XFULL"), x),
            **dict.fromkeys(("YCORR", "YFULL"), y),
        }
        for name, values in columns.items():
            records[name] = values
        counted = in_source & ((dq & ~HARMLESS_DQ) == 0)
        yield records, np.rint(x[counted]).astype(np.int64)


def _other_extensions(folder: Path, exposure: Exposure, keywords: Keywords) -> bytes:
    """Return the bytes of GTI and TIMELINE: an orbit away from the anomaly, with the target above the limb."""
    t = np.arange(int(exposure.exptime_s) + 1, dtype=np.float64)
    orbit = 2 * np.pi * t / 5717.771688
    constant = {"SHIFT1": -33.5, "LY_ALPHA": 3.0, "OI_1304": 1.0, "OI_1356": 0.0, "DARKRATE": 2e-6}
    timeline = {name: np.full(len(t), value) for name, value in constant.items()} | {
        "TIME": t,
        "LONGITUDE": 120.0 + t / 40,
        "LATITUDE": 28.47 * np.cos(orbit / 2),
        "SUN_ALT": 66.0 * np.sin(orbit + 0.3),
        "SUN_ZD": 90.0 - 66.0 * np.sin(orbit + 0.3),
        "TARGET_ALT": 48.0 + 26.0 * np.cos(orbit),
        "RADIAL_VEL": 5.896526 * np.sin(orbit - 0.5),
    }
    good = {"START": np.array([0.0]), "STOP": np.array([exposure.exptime_s])}
    extensions = (
        Extension("GTI", GTI_COLUMNS, good, short_keywords(exposure.taken)),
        Extension("TIMELINE", TIMELINE_COLUMNS, timeline, keywords),
    )
    scratch = folder / "extensions.part"
    write_tables(scratch, {}, extensions, {})
    found = scratch.read_bytes()
    scratch.unlink()
    return found[FITS_BLOCK:]
