"""The binary tables of COS files: their columns, and keywords and arrays turned into bytes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hstlc.testing.cos.headers import Keywords, Value, overridden

__all__ = ["EVENTS_COLUMNS", "GTI_COLUMNS", "TIMELINE_COLUMNS", "Extension", "write_tables", "x1d_columns"]

BLOCK_BYTES = 2880

Columns = tuple[tuple[str, str, str | None, str | None], ...]  # name, format, unit, display format

EVENTS_COLUMNS: Columns = (
    ("TIME", "1E", "s", None), ("RAWX", "1I", "pixel", None), ("RAWY", "1I", "pixel", None),
    ("XCORR", "1E", "pixel", None), ("YCORR", "1E", "pixel", None), ("XDOPP", "1E", "pixel", None),
    ("XFULL", "1E", "pixel", None), ("YFULL", "1E", "pixel", None), ("WAVELENGTH", "1E", "angstrom", "F9.4"),
    ("EPSILON", "1E", None, None), ("DQ", "1I", None, None), ("PHA", "1B", None, None),
)  # fmt: skip
GTI_COLUMNS: Columns = (("START", "1D", "seconds", None), ("STOP", "1D", "seconds", None))
TIMELINE_COLUMNS: Columns = (
    ("TIME", "1E", "s", "F8.3"), ("LONGITUDE", "1E", "degree", "F10.6"), ("LATITUDE", "1E", "degree", "F10.6"),
    ("SUN_ALT", "1E", "degree", "F6.2"), ("SUN_ZD", "1E", "degree", "F6.2"), ("TARGET_ALT", "1E", "degree", "F6.2"),
    ("RADIAL_VEL", "1E", "km /s", "F7.5"), ("SHIFT1", "1E", "pixel", "F7.3"), ("LY_ALPHA", "1E", "count /s", "G15.6"),
    ("OI_1304", "1E", "count /s", "G15.6"), ("OI_1356", "1E", "count /s", "G15.6"),
    ("DARKRATE", "1E", "count /s /pixel", "G15.6"),
)  # fmt: skip
FLUX_UNIT = "erg /s /cm**2 /angstrom"
X1D_COLUMNS: Columns = (  # the format of a spectrum column is preceded by its length
    ("SEGMENT", "4A", None, None), ("EXPTIME", "1D", "s", "F8.3"), ("NELEM", "1J", None, "I6"),
    ("WAVELENGTH", "D", "angstrom", None), ("FLUX", "E", FLUX_UNIT, None), ("ERROR", "E", FLUX_UNIT, None),
    ("GROSS", "E", "count /s", None), ("GCOUNTS", "E", "count", None), ("NET", "E", "count /s", None),
    ("BACKGROUND", "E", "count /s", None), ("DQ", "I", None, None), ("DQ_WGT", "E", None, None),
    ("DQ_OUTER", "I", None, None), ("BACKGROUND_PER_PIXEL", "E", "count /s /pixel", None),
    ("NUM_EXTRACT_ROWS", "I", None, None), ("ACTUAL_EE", "D", None, None), ("Y_LOWER_OUTER", "D", None, None),
    ("Y_UPPER_OUTER", "D", None, None), ("Y_LOWER_INNER", "D", None, None), ("Y_UPPER_INNER", "D", None, None),
)  # fmt: skip


def x1d_columns(length: int) -> Columns:
    """Return the columns of a spectrum of ``length`` pixels."""
    return tuple(
        (name, form if form[0].isdigit() else f"{length}{form}", unit, display)
        for name, form, unit, display in X1D_COLUMNS
    )


class Extension(NamedTuple):
    """One table: its name, columns, an array for each column, and keywords."""

    name: str
    columns: Columns
    data: Mapping[str, NDArray[Any]]
    keywords: Keywords


def write_tables(
    path: Path, primary: Keywords, extensions: tuple[Extension, ...], overrides: Mapping[str, object]
) -> None:
    """Write a FITS file of a primary header and binary tables, replacing one of the same name.

    Cards are formatted by astropy; the rows are laid out here, because a table unit would swap them byte by byte.
    """
    tables = [dict(primary), *(dict(one.keywords) for one in extensions)]
    overridden(tables, overrides)
    blocks: list[Any] = [_header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "EXTEND": True} | tables[0])]
    for (name, columns, data, _), keywords in zip(extensions, tables[1:], strict=True):
        records = _records(columns, data)
        structure: Keywords = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": records.itemsize}
        structure |= {"NAXIS2": len(records), "PCOUNT": 0, "GCOUNT": 1, "TFIELDS": len(columns)}
        structure |= {"EXTNAME": name, "EXTVER": 1}
        blocks += [_header(structure | keywords | _descriptions(columns)), records.view(np.uint8)]
        blocks.append(bytes(-records.nbytes % BLOCK_BYTES))
    with path.open("wb") as file:
        file.writelines(blocks)


def _records(columns: Columns, data: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the rows as FITS stores them."""
    described = fits.ColDefs([fits.Column(name=name, format=form) for name, form, *_ in columns])
    records = np.zeros(len(data[columns[0][0]]), dtype=described.dtype.newbyteorder(">"))
    for name, *_ in columns:
        records[name] = data[name]
    return records


def _descriptions(columns: Columns) -> Keywords:
    words = ("TTYPE", "TFORM", "TUNIT", "TDISP")
    return {
        f"{word}{i}": value
        for i, column in enumerate(columns, 1)
        for word, value in zip(words, column, strict=True)
        if value is not None
    }


@lru_cache(maxsize=4096, typed=True)
def _card(keyword: str, value: Value) -> Any:
    return fits.Card(keyword, value)


def _header(keywords: Keywords) -> bytes:
    """Return a header as bytes; most cards are the same in all files and are formatted once."""
    text: str = fits.Header([_card(keyword, value) for keyword, value in keywords.items()]).tostring()
    return text.encode("ascii")
