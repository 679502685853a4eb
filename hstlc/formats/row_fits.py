"""Rows of a database as a FITS binary table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.row_columns import Column

__all__ = ["fits_bytes"]

_FORMATS = {"bool": "L", "int": "J", "long": "K", "float": "D"}
_NULLS = {"int": -(2**31), "long": -(2**63)}


def fits_bytes(columns: Sequence[Column], name: str) -> bytes:
    r"""Return a FITS file of one binary table.

    NULL is TNULL in columns of whole numbers, NaN in those of numbers, a zero byte in those of bools, and no
    characters in those of texts. FITS has no characters beyond ASCII: they are written as ``\u00e9``.

    Parameters
    ----------
    columns : sequence of Column
        Values of the fields; TUNIT, TUCD and TCOMM come from the fields.
    name : str
        EXTNAME.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from hstlc.formats.row_columns import columns_of
    >>> from hstlc.formats.row_tables import Field
    >>> len(fits_bytes(columns_of([Field("rate", "float", "ct/s")], [(0.5,)]), "RATES"))
    8640
    """
    from astropy.io import fits

    made, logical = [], []
    for i, column in enumerate(columns):
        kind = column.field.kind
        values, code = _stored(column)
        null = _NULLS.get(kind) if kind in _NULLS and column.missing.any() else None
        made.append(fits.Column(column.field.name, code, column.field.unit or None, null, array=values))
        if kind == "bool" and column.missing.any():
            logical.append(i)
    table = fits.BinTableHDU.from_columns(made, name=name.upper()[:68], character_as_bytes=True)
    raw = table.data.view(np.ndarray)
    for i in logical:
        raw[raw.dtype.names[i]][columns[i].missing] = 0
    for i, column in enumerate(columns, start=1):
        for keyword, text in (("TUCD", column.field.ucd), ("TCOMM", column.field.doc)):
            if text:
                table.header.set(f"{keyword}{i}", _ascii(text)[:68], after=_last(table.header, i))
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(file)
    return file.getvalue()


def _stored(column: Column) -> tuple[NDArray[Any], str]:
    """Return the values as FITS holds them, and their TFORM."""
    kind = column.field.kind
    if kind in _NULLS:
        values = column.values
        if column.missing.any():
            values = np.where(column.missing, values.dtype.type(_NULLS[kind]), values)
        return values, _FORMATS[kind]
    if kind in _FORMATS:
        return column.values, _FORMATS[kind]
    texts = np.array([_ascii(text) for text in column.values], "S")
    return texts, f"{max(1, texts.dtype.itemsize)}A"


def _ascii(text: str) -> bytes | str:
    return text.encode("ascii", "backslashreplace").decode()


def _last(header: Any, i: int) -> str:
    """Return the last keyword of a column that the header has."""
    names = ("TCOMM", "TUCD", "TNULL", "TUNIT", "TFORM", "TTYPE")
    return next(f"{name}{i}" for name in names if f"{name}{i}" in header)
