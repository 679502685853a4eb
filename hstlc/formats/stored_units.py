"""The units of a FITS file with the rows of its tables as they are stored: scaled columns stay whole numbers.

A clock that counts in ticks is written as integers and a scale (TSCAL). The integers are exact and take half the room,
and blocks of them are read from the file as they are needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hstlc.errors import UnreadableError
from hstlc.formats.fits_file import header_values, open_fits
from hstlc.formats.unit import Unit

__all__ = ["read_stored_units"]

_PACKED = b"\x1f\x8b"


def read_stored_units(path: Path, notes: list[str] | None = None) -> tuple[Unit, ...]:
    """Return the header-data units of a whole FITS file; no scale is applied to columns.

    Parameters
    ----------
    path : Path
        Of a compressed file the rows of all tables are held in memory.
    notes : list of str, optional
        Gets the text of each warning of the library that read it.

    Raises
    ------
    InconsistentError, UnreadableError
        As :func:`hstlc.formats.fits_file.open_fits`; ``data.unreadable`` for a table whose rows are not as its columns
        say.
    """
    with open_fits(path, notes) as hdus:
        with path.open("rb") as file:
            packed = file.read(len(_PACKED)) == _PACKED
        return tuple(_unit(path, hdu, packed) for hdu in hdus)


def _unit(path: Path, hdu: Any, packed: bool) -> Unit:
    header = header_values(hdu.header)
    if not hasattr(hdu, "columns"):
        return Unit(path, hdu.name, hdu.ver, header, 0, None, 0)
    dtype, rows = hdu.columns.dtype.newbyteorder(">"), int(hdu.header["NAXIS2"])
    if dtype.itemsize != hdu.header["NAXIS1"]:
        raise UnreadableError(
            "data.unreadable",
            f"{path}: expected rows of {dtype.itemsize} bytes in {hdu.name}, found {hdu.header['NAXIS1']}",
            "download it again",
            path=str(path),
        )
    place = hdu.fileinfo()
    memory = None
    if packed:
        place["file"].seek(place["datLoc"])
        memory = np.frombuffer(place["file"].read(rows * dtype.itemsize), dtype=dtype)
    return Unit(path, hdu.name, hdu.ver, header, place["datLoc"], dtype, rows, memory)
