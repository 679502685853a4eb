"""Large photon lists as archives have them: twelve detectors in 64 units, and one of four with wide rows.

The numbers are random where those of real lists are, so that they compress as those do.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from astropy.io import fits

__all__ = [
    "FRAME_S",
    "OBSERVATORY_FRAME_S",
    "OBSERVATORY_SIDE",
    "SIDE",
    "START_S",
    "camera_list",
    "observatory_list",
    "source_places",
]

SPAN_S = 48_000.0
FRAME_S = 0.07336496
SIDE = 51_840  # pixels of the sky
START_S = 2.8e8
OBSERVATORY_FRAME_S = 3.24104
OBSERVATORY_SIDE = 8192.0
_SOURCES = 50
_LEVEL = 6
_PARTS_PER_DETECTOR = ("EXPOSU", "BADPIX", "DLIMAP", "HKAUX", "STDGTI")


def source_places(side: float = SIDE) -> np.ndarray:
    """Return where the sources are, shape (50, 2), pixels."""
    return np.random.default_rng(7).uniform(0.2 * side, 0.8 * side, (_SOURCES, 2))


def _positions(rng: np.random.Generator, number: int, side: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places: one in twenty in a source, the others all over the field."""
    x, y = rng.uniform(0.1 * side, 0.9 * side, (2, number))
    places = source_places(side)
    bright = rng.random(number) < 0.05
    which = rng.integers(0, _SOURCES, bright.sum())
    x[bright] = places[which, 0] + rng.normal(0, width, len(which))
    y[bright] = places[which, 1] + rng.normal(0, width, len(which))
    return x, y


def _card_table(name: str, rows: np.ndarray, **cards: object) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU(rows, name=name)
    hdu.header.update(cards)
    hdu.header["SIMULATD"] = True
    return hdu


def camera_list(path: Path, number: int = 2_700_000) -> Path:
    """Write a list of 45 bytes an event in 64 units, compressed: twelve detectors, each with frames and good times."""
    rng = np.random.default_rng(1)
    x, y = _positions(rng, number, SIDE, 120.0)
    frame = np.sort(rng.integers(0, int(SPAN_S / FRAME_S), number))
    time_s = START_S + (frame + rng.random(number)) * FRAME_S
    rows = np.zeros(number, dtype=[
        ("TIME", ">f8"), ("RAWX", ">i2"), ("RAWY", ">i2"), ("DETX", ">i2"), ("DETY", ">i2"), ("X", ">i4"),
        ("Y", ">i4"), ("PHA", ">i2"), ("PI", ">i2"), ("FLAG", ">i4"), ("PATTERN", "u1"), ("PAT_ID", "u1"),
        ("PAT_SEQ", ">i2"), ("CCDNR", "u1"), ("TIME_RAW", ">f8"),
    ])  # fmt: skip
    rows["TIME"], rows["TIME_RAW"] = time_s, START_S + (frame + rng.random(number)) * FRAME_S
    rows["X"], rows["Y"] = x, y
    rows["DETX"], rows["DETY"] = (x - SIDE / 2) / 2 + rng.normal(0, 5, number), (y - SIDE / 2) / 2
    rows["CCDNR"] = 1 + (x * 6 // SIDE).astype(int) + 6 * (y > SIDE / 2)
    rows["RAWX"], rows["RAWY"] = 1 + x % 64, 1 + y % 200
    rows["PI"] = np.clip(rng.lognormal(7, 0.9, number), 150, 15000)
    rows["PHA"] = rows["PI"] / 5
    rows["FLAG"] = np.where(rng.random(number) < 0.02, 0x10000, 0)
    rows["PATTERN"] = rng.choice(6, number, p=[0.7, 0.1, 0.07, 0.04, 0.04, 0.05])
    del x, y, frame, time_s
    hdus: list[fits.hdu.base._BaseHDU] = [fits.PrimaryHDU(), _card_table("EVENTS", rows, MJDREF=50814.0)]
    hdus.append(_card_table("OFFSETS", np.zeros(100, dtype=[("RAWX", ">i2"), ("OFFSETX", ">i2")])))
    frames = np.zeros(int(SPAN_S / FRAME_S), dtype=[("TIME", ">f8"), ("FRACEXP", ">f4")])
    for ccd in range(1, 13):
        middle_s = START_S + (np.arange(len(frames)) + 0.5 + ccd / 24) * FRAME_S
        frames["TIME"], frames["FRACEXP"] = middle_s, np.clip(rng.normal(0.95, 0.01, len(frames)), 0, 1)
        good = np.zeros(3, dtype=[("START", ">f8"), ("STOP", ">f8")])
        good["START"] = START_S + np.array([10.0, 15_000.0 + ccd, 31_000.0])
        good["STOP"] = START_S + np.array([14_900.0, 30_000.0, SPAN_S - 10])
        empty = np.zeros(40, dtype=[("RAWX", ">i2"), ("RAWY", ">i2")])
        for part in _PARTS_PER_DETECTOR:
            table = {"EXPOSU": frames.copy(), "STDGTI": good}.get(part, empty)
            hdus.append(_card_table(f"{part}{ccd:02d}", table, CCDID=ccd, TIMEDEL=0.0687))
    hdus.append(_card_table("CALINDEX", np.zeros(20, dtype=[("NAME", "S40")])))
    return _write(hdus, path)


def observatory_list(path: Path, number: int = 1_000_000) -> Path:
    """Write a list of 1 million events with rows of many columns and good times of four detectors, compressed."""
    rng = np.random.default_rng(2)
    side, frame_s = OBSERVATORY_SIDE, OBSERVATORY_FRAME_S
    x, y = _positions(rng, number, side, 4.0)
    rows = np.zeros(number, dtype=[
        ("time", ">f8"), ("ccd_id", ">i2"), ("node_id", ">i2"), ("expno", ">i4"), ("chipx", ">i2"), ("chipy", ">i2"),
        ("tdetx", ">i2"), ("tdety", ">i2"), ("detx", ">f4"), ("dety", ">f4"), ("x", ">f4"), ("y", ">f4"),
        ("pha", ">i4"), ("pha_ro", ">i4"), ("energy", ">f4"), ("pi", ">i4"), ("fltgrade", ">i2"), ("grade", ">i2"),
        ("status", "u1", (4,)),
    ])  # fmt: skip
    frame = np.sort(rng.integers(0, int(SPAN_S / frame_s), number))
    rows["time"], rows["expno"] = START_S + (frame + 0.5) * frame_s, frame + 3
    rows["ccd_id"] = 2 * (x > side / 2) + (y > side / 2)
    rows["x"], rows["y"], rows["detx"], rows["dety"] = x, y, x + 3.3, y - 2.2
    rows["chipx"], rows["chipy"] = 1 + x % 1024, 1 + y % 1024
    rows["energy"] = np.clip(rng.lognormal(7.3, 0.7, number), 100, 12000)
    rows["pi"] = np.minimum(rows["energy"] / 14.6 + 1, 1024)
    rows["pha"], rows["pha_ro"] = rows["energy"] / 4, rows["energy"] / 4 + 2
    rows["grade"] = rng.choice([0, 2, 3, 4, 6], number)
    hdus: list[fits.hdu.base._BaseHDU] = [fits.PrimaryHDU(), _card_table("EVENTS", rows, TIMEDEL=frame_s)]
    for ccd in range(4):
        good = np.zeros(2, dtype=[("START", ">f8"), ("STOP", ">f8")])
        good["START"], good["STOP"] = START_S + np.array([5.0, 20_000.0]), START_S + np.array([19_000.0 + ccd, SPAN_S])
        hdus.append(_card_table("GTI", good, CCD_ID=ccd))
    return _write(hdus, path)


def _write(hdus: list[fits.hdu.base._BaseHDU], path: Path) -> Path:
    with gzip.open(path, "wb", compresslevel=_LEVEL) as file:
        fits.HDUList(hdus).writeto(file)
    return path
