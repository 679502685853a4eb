"""The units of a FITS file, read directly where the file is ordinary, with astropy where it is not."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.formats.fast_read import scan
from hstlc.formats.fits_file import header_values, open_fits
from hstlc.formats.unit import Unit

__all__ = ["read_units"]


def read_units(path: Path, notes: list[str] | None = None, tables: Collection[str] = ()) -> tuple[Unit, ...]:
    """Return the header-data units of a whole FITS file.

    Parameters
    ----------
    path : Path
    notes : list of str, optional
        Gets the text of each warning of the library that read it.
    tables : collection of str
        Names of the tables whose rows are wanted beside those of the first extension, if the file is not an ordinary
        one; without any, no rows.

    Raises
    ------
    InconsistentError, UnreadableError
        As :func:`hstlc.formats.fits_file.open_fits`.
    """
    try:
        units = scan(path)
    except OSError:
        units = None  # said better below
    if units is not None:
        return units
    with open_fits(path, notes) as hdus:
        every = [_unit(path, hdu, hdu.name in tables or (bool(tables) and i == 1)) for i, hdu in enumerate(hdus)]
        return tuple(every)


def _unit(path: Path, hdu: Any, wanted: bool) -> Unit:
    """Return a unit whose rows, if wanted, are in memory as astropy makes them of scaled and strange columns."""
    header = header_values(hdu.header)
    if not hasattr(hdu, "columns"):
        return Unit(path, hdu.name, hdu.ver, header, 0, None, 0)
    if not wanted:
        return Unit(path, hdu.name, hdu.ver, header, 0, np.dtype([(name, "V1") for name in hdu.columns.names]), 0)
    data = hdu.data
    columns = {name: np.asarray(data[name]) for name in data.names}
    fields = [(name, values.dtype, values.shape[1:]) for name, values in columns.items()]
    rows = np.empty(len(data), dtype=fields)
    for name, values in columns.items():
        rows[name] = values
    return Unit(path, hdu.name, hdu.ver, header, 0, rows.dtype, len(rows), rows)
