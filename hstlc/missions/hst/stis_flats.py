"""What the pixels of a STIS detector do to events: flat fields make weights, bad pixels data-quality bits.

The reference files are named in the header as ``oref$name.fits``; the environment says where ``oref`` is. Flat fields
and bad pixels belong to the detector, so that both are looked up at DETAXIS1, which is not corrected for the Doppler
shift.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import DataError, UnreadableError
from hstlc.formats.fits_file import open_fits
from hstlc.missions.hst.stis_regions import SIZE, on_detector

__all__ = ["BAD_FLAT", "OFF_DETECTOR", "PixelResponse", "pixel_response", "reference_file"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Data-quality bits: a defect in a calibration file; beyond the edge of the detector.
BAD_FLAT = 512
OFF_DETECTOR = 4

FLATS = ("PFLTFILE", "LFLTFILE")


@dataclass(frozen=True, slots=True, eq=False)
class PixelResponse:
    """Weight and quality of an event by the pixel that saw it; maps are ``[row, column]`` from 0 to 2048.

    Attributes
    ----------
    epsilon : ndarray of float32, shape (2049, 2049), or None
        One over the flat field; None where there is no flat field.
    quality : ndarray of int16, shape (2049, 2049), or None
        Data-quality bits; None where no table of bad pixels is there.
    missing : tuple of str
        Keywords whose file is named in the header and is not there, each with the name.
    """

    epsilon: NDArray[np.float32] | None = None
    quality: NDArray[np.int16] | None = None
    missing: tuple[str, ...] = ()

    def at(self, x: IntArray, y: IntArray) -> tuple[FloatArray, NDArray[np.int32]]:
        """Return weights and data-quality bits of events by their column and row on the detector."""
        inside = on_detector(x, y)
        place = np.clip(y, 0, SIZE), np.clip(x, 0, SIZE)
        weight = np.ones(len(x)) if self.epsilon is None else self.epsilon[place].astype(np.float64)
        bits = np.zeros(len(x), np.int32) if self.quality is None else self.quality[place].astype(np.int32)
        bits[~inside] |= OFF_DETECTOR
        weight[~inside] = 1.0
        return weight, bits

    def good(self, mask: int) -> NDArray[np.bool_]:
        """Tell which pixels of the detector have none of the bits of ``mask``."""
        usable = np.ones((SIZE + 1, SIZE + 1), dtype=bool) if self.quality is None else (self.quality & mask) == 0
        usable[0], usable[:, 0] = False, False
        return usable


def reference_file(header: Mapping[str, Any], key: str) -> Path | None:
    """Return the path of a reference file; None when the header names none, or the environment not its folder.

    Examples
    --------
    >>> reference_file({"PFLTFILE": "N/A"}, "PFLTFILE") is None
    True
    """
    name = str(header.get(key) or "").strip()
    folder, dollar, file = name.rpartition("$")
    if not name or name.upper() == "N/A":
        return None
    place = os.environ.get(folder) if dollar else ""
    return None if place is None else Path(place) / file


def pixel_response(header: Mapping[str, Any]) -> PixelResponse:
    """Read the flat fields and the bad pixels that a header names.

    Epsilon is ``1 / (PFLTFILE * LFLTFILE)``. Rows of BPIXTAB count for the OPT_ELEM that they name, or for all where
    that is ``ANY``. A file that is not there, or cannot be read, is left out and named in ``missing``.
    """
    missing: list[str] = []
    images = [image for key in FLATS if (image := _read(header, key, _image, missing)) is not None]
    rows = _read(header, "BPIXTAB", _rows, missing)
    quality = None if rows is None else _bad_pixels(rows, str(header.get("OPT_ELEM") or ""))
    if not images:
        return PixelResponse(None, quality, tuple(missing))
    shape = tuple(max(lengths) for lengths in zip(*(image.shape for image in images), strict=True))
    flat = reduce(np.multiply, (_repeated(image, shape) for image in images))
    usable = np.isfinite(flat) & (flat > 0)
    weight = np.divide(1.0, flat, where=usable, out=np.zeros_like(flat)).astype(np.float32)
    epsilon = np.zeros((SIZE + 1, SIZE + 1), dtype=np.float32)
    epsilon[1:, 1:] = _repeated(weight, (SIZE, SIZE))
    if not usable.all():
        quality = np.zeros((SIZE + 1, SIZE + 1), dtype=np.int16) if quality is None else quality
        quality[1:, 1:][~_repeated(usable, (SIZE, SIZE))] |= BAD_FLAT
    return PixelResponse(epsilon, quality, tuple(missing))


def _read(header: Mapping[str, Any], key: str, reader: Any, missing: list[str]) -> Any:
    name = str(header.get(key) or "").strip()
    if not name or name.upper() == "N/A":
        return None
    path = reference_file(header, key)
    try:
        if path is not None and path.is_file():
            return reader(path)
        missing.append(f"{key} {name}")
    except DataError as error:
        missing.append(f"{key} {name} ({error.message})")
    return None


def _image(path: Path) -> FloatArray:
    """Return the first image of a file."""
    with open_fits(path) as hdus:
        image = next((hdu.data for hdu in hdus if hdu.is_image and hdu.data is not None), np.zeros(0))
        if image.ndim != 2 or any(SIZE % length for length in image.shape):
            raise _unusable(path, f"expected an image of two sides that {SIZE} is a multiple of, found {image.shape}")
        return np.asarray(image, dtype=np.float64)


def _repeated(image: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an image with each pixel repeated until it has some numbers of rows and columns."""
    for axis, (length, present) in enumerate(zip(shape, image.shape, strict=True)):
        image = np.repeat(image, length // present, axis=axis) if length > present else image
    return image


def _rows(path: Path) -> dict[str, list[Any]]:
    names = ("OPT_ELEM", "PIX1", "PIX2", "LENGTH", "AXIS", "VALUE")
    with open_fits(path) as hdus:
        tables = [hdu for hdu in hdus if {*names} <= {*getattr(getattr(hdu, "columns", None), "names", ())}]
        if not tables:
            raise _unusable(path, f"expected a table of {', '.join(names)}")
        return {name: np.asarray(tables[0].data[name]).tolist() for name in names}


def _unusable(path: Path, what: str) -> UnreadableError:
    return UnreadableError("data.unreadable", f"{path}: {what}", "get it again", path=str(path))


def _bad_pixels(rows: Mapping[str, list[Any]], opt_elem: str) -> NDArray[np.int16]:
    """Return the map of data-quality bits; PIX1, PIX2 and LENGTH are low-resolution pixels, counted from 1."""
    half = SIZE // 2
    bits = np.zeros((half, half), dtype=np.int16)
    wanted = {opt_elem.strip().upper(), "ANY"}
    for element, pix1, pix2, length, axis, value in zip(*rows.values(), strict=True):
        if str(element).strip().upper() not in wanted:
            continue
        x, y = int(pix1) - 1, int(pix2) - 1
        reach = (1, int(length)) if axis == 2 else (int(length), 1)
        bits[max(y, 0) : max(y + reach[1], 0), max(x, 0) : max(x + reach[0], 0)] |= np.int16(value)
    quality = np.zeros((SIZE + 1, SIZE + 1), dtype=np.int16)
    quality[1:, 1:] = _repeated(bits, (SIZE, SIZE))
    return quality
