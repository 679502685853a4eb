"""What a detector does to light pixel by pixel: flat fields and blemishes, and the reference files that say so."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hstlc.testing.cos.headers import Keywords
from hstlc.testing.cos.tables import Columns, Extension, write_tables
from hstlc.testing.stis.detector import HIGH, LOW, low
from hstlc.testing.stis.scene import StisExposure

__all__ = ["Blemish", "blemishes_of", "flat_at", "hot_places", "reference_names", "serious_at", "write_references"]

BPIXTAB_COLUMNS: Columns = (
    ("OPT_ELEM", "8A", None, None), ("PIX1", "1I", None, None), ("PIX2", "1I", None, None),
    ("LENGTH", "1I", None, None), ("AXIS", "1I", None, None), ("VALUE", "1I", None, None),
)  # fmt: skip
HOT, HARMLESS, MASKED = 16, 1024, 8
SERIOUS = 31743  # SDQFLAGS of real headers: all bits but the harmless one
FIRST_HOT, LENGTH_HOT, ROWS_HOT = 300, 6, 4

# OPT_ELEM, PIX1, PIX2, LENGTH, AXIS, VALUE: low-resolution pixels counted from 1
Blemish = tuple[str, int, int, int, int, int]


def reference_names(exposure: StisExposure) -> dict[str, str]:
    """Return the names of the reference files by the keyword that holds them, without their folder."""
    stem = f"sim_{exposure.opt_elem.lower()}_{exposure.cenwave}"
    return {
        "PFLTFILE": f"{stem}_{round(1000 * exposure.flat)}_pfl.fits",
        "LFLTFILE": f"{stem}_{round(1000 * exposure.flat)}_lfl.fits",
        "BPIXTAB": f"{stem}_{int(exposure.bad_pixels)}_bpx.fits",
    }


def write_references(folder: Path, exposure: StisExposure) -> tuple[Path, ...]:
    """Write PFLTFILE, LFLTFILE and BPIXTAB of an exposure into ``folder``, which ``$oref`` should then name."""
    folder.mkdir(parents=True, exist_ok=True)
    names = reference_names(exposure)
    header: Keywords = {"TELESCOP": "HST", "INSTRUME": "STIS", "DETECTOR": exposure.mode.detector, "SIMULATD": "T"}
    images = {"PFLTFILE": _pixel_flat(exposure), "LFLTFILE": _large_flat(exposure)}
    for key, image in images.items():
        primary = fits.PrimaryHDU()
        primary.header.update(header | {"FILENAME": names[key], "OPT_ELEM": exposure.opt_elem})
        units = fits.HDUList([primary, fits.ImageHDU(image, name="SCI", ver=1)])
        units.writeto(folder / names[key], overwrite=True)
    rows = list(zip(*blemishes_of(exposure), strict=True))
    data = {name: np.array(rows[i]) for i, (name, *_) in enumerate(BPIXTAB_COLUMNS)}
    table = Extension("BPX", BPIXTAB_COLUMNS, data, {})
    write_tables(folder / names["BPIXTAB"], header | {"FILENAME": names["BPIXTAB"]}, (table,), {})
    return tuple(folder / name for name in names.values())


def flat_at(exposure: StisExposure, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Return the product of both flats at detector pixels of the high-resolution frame, counted from 1."""
    if exposure.flat == 0:
        return np.ones(len(x))
    column, row = (x - 1) // 2, (y - 1) // 2
    return np.asarray(_pixel_flat(exposure)[row, column].astype(float) * _large_flat(exposure)[row, column])


def serious_at(exposure: StisExposure, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which detector pixels of the high-resolution frame must not be used with this grating."""
    flags = np.zeros((LOW, LOW), dtype=np.int64)
    for opt_elem, pix1, pix2, length, axis, value in blemishes_of(exposure):
        if opt_elem in (exposure.opt_elem, "ANY"):
            along = slice(pix1 - 1, pix1 - 1 + length), slice(pix2 - 1, pix2)
            if axis == 2:
                along = slice(pix1 - 1, pix1), slice(pix2 - 1, pix2 - 1 + length)
            flags[along[1], along[0]] |= value
    return np.asarray((flags[(y - 1) // 2, (x - 1) // 2] & SERIOUS) != 0)


def blemishes_of(exposure: StisExposure) -> tuple[Blemish, ...]:
    """Return the rows of BPIXTAB.

    Of this grating: hot pixels in the middle of the first order, with a harmless flag beside them; of any grating:
    the outermost columns; of another grating: a large piece of the spectrum, which must not matter.
    """
    name = exposure.opt_elem
    other = "G230M" if name != "G230M" else "G140M"
    edge: tuple[Blemish, ...] = (("ANY", 1, 1, LOW, 2, 4), ("ANY", LOW, 1, LOW, 2, 4))
    if not (exposure.bad_pixels and exposure.mode.orders):
        return edge
    order = exposure.mode.orders[0]
    y = int(order.trace(FIRST_HOT))
    hot: tuple[Blemish, ...] = tuple((name, FIRST_HOT, y - 1 + i, LENGTH_HOT, 1, HOT) for i in range(ROWS_HOT))
    harmless: tuple[Blemish, ...] = tuple((name, FIRST_HOT + 50 + i, y - 3, 8, 2, HARMLESS) for i in range(20))
    foreign: tuple[Blemish, ...] = tuple((other, 400, y - 3 + i, 200, 1, MASKED) for i in range(8))
    return (*edge, *hot, *harmless, *foreign)


def hot_places(exposure: StisExposure) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return columns and rows of the hot pixels in the high-resolution frame."""
    if not (exposure.bad_pixels and exposure.mode.orders):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    column = np.arange(2 * FIRST_HOT - 1, 2 * (FIRST_HOT + LENGTH_HOT) - 1)
    y = int(exposure.mode.orders[0].trace(FIRST_HOT)) - 1
    return column, np.arange(2 * y - 1, 2 * (y + ROWS_HOT) - 1)


def _pixel_flat(exposure: StisExposure) -> NDArray[np.float32]:
    return _pixels(exposure.opt_elem, exposure.flat)


@lru_cache(maxsize=4)
def _pixels(opt_elem: str, amplitude: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(zlib.crc32(opt_elem.encode()))
    return (1.0 + amplitude * rng.uniform(-1.0, 1.0, (LOW, LOW))).astype(np.float32)


def _large_flat(exposure: StisExposure) -> NDArray[np.float32]:
    return _large(exposure.flat)


@lru_cache(maxsize=4)
def _large(amplitude: float) -> NDArray[np.float32]:
    along = (np.arange(1, LOW + 1) - low(HIGH / 2)) / LOW
    return np.repeat((1.0 + amplitude * along)[None, :].astype(np.float32), LOW, axis=0)
