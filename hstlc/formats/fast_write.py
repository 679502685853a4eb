"""FITS files of binary tables many times faster than astropy writes them, and the same bytes.

What is not quite ordinary (a text that is not ASCII or too long for a card, a keyword with a meaning of its own, a
column of another type) is left to :func:`hstlc.formats.fits_tables.astropy_bytes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.checksum import encode_checksum, word_sum
from hstlc.formats.fits_tables import Card, Table, TableColumn

__all__ = ["fast_bytes"]

_BLOCK = 2880
_CARD = 80
_NUMBER = 20  # characters of a number
_TEXT = 70  # characters of a text, quotes included

_KEYWORD = re.compile("[A-Z0-9_-]{1,8}")
#: Keywords that say how a file is built, or that are more than a keyword to astropy.
_OWN = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|[PG]COUNT|TFIELDS|GROUPS|THEAP|EXT(NAME|VER|LEVEL)|B(LANK|SCALE|ZERO)"
    r"|END|COMMENT|HISTORY|CONTINUE|HIERARCH|CHECKSUM|DATASUM|T[A-Z]{3,5}\d+"
)
_DTYPES: dict[str, np.dtype[Any]] = {"D": np.dtype("f8"), "J": np.dtype("i4")}


class _UnusualError(Exception):
    """Something that is left to astropy."""


def fast_bytes(primary: Sequence[Card], tables: Sequence[Table]) -> bytes | None:
    """Return what ``astropy_bytes`` returns; None for anything that is not ordinary.

    Parameters
    ----------
    primary : sequence of Card
        Further keywords of the primary header.
    tables : sequence of Table

    Returns
    -------
    bytes or None

    Examples
    --------
    >>> len(fast_bytes([("TARGNAME", "A STAR", "target")], []))
    2880
    >>> fast_bytes([("TARGNAME", "α Cen", "target")], []) is None
    True
    """
    try:
        parts = _hdu(_PRIMARY, primary, b"")
        for table in tables:
            rows = _rows(table)
            cards = _table_cards(len(table.columns), len(rows), rows.dtype.itemsize)
            parts += _hdu(cards + _column_cards(table.name, table.columns), table.cards, rows.tobytes())
    except _UnusualError:
        return None
    return b"".join(parts)


def _hdu(start: str, cards: Iterable[Card], data: bytes) -> list[bytes]:
    """Return header and data, both in whole blocks."""
    images: dict[str, str] = {}
    values: dict[str, Any] = {}
    for keyword, value, comment in cards:
        if not _is_ordinary(keyword, comment) or repr(values.setdefault(keyword, value)) != repr(value):
            raise _UnusualError
        images[keyword] = _image(keyword, value, comment)
    start += "".join(images.values())
    data += bytes(-len(data) % _BLOCK)
    datasum = word_sum(data)
    end = _image("DATASUM", str(datasum)) + f"{'END':{_CARD}}"
    end += " " * (-(len(start) + _CARD + len(end)) % _BLOCK)
    blank = start + _image("CHECKSUM", "0" * 16) + end
    checksum = encode_checksum(word_sum(blank.encode("ascii"), datasum))
    return [(start + _image("CHECKSUM", checksum) + end).encode("ascii"), data]


def _image(keyword: str, value: Any, comment: str = "") -> str:
    """Return the 80 characters of a card; a comment that does not fit is cut."""
    kind = type(value)
    if kind is str:
        # astropy takes 'FIELD: 1' for a record-valued keyword
        if not _is_plain(value) or (": " in value and value[-1] in "0123456789."):
            raise _UnusualError
        quoted = value.replace("'", "''")
        text = f"'{quoted:8}'".ljust(_NUMBER) if value else "''"
    elif kind is bool:
        text = f"{'FT'[value]:>{_NUMBER}}"
    elif kind is int:
        text = f"{value:{_NUMBER}d}"
    elif kind is float and isfinite(value):
        text = f"{_float_text(value):>{_NUMBER}}"
    else:
        raise _UnusualError
    if len(text) > (_TEXT if kind is str else _NUMBER):
        raise _UnusualError
    if comment:
        text = f"{text} / {comment}"
    return f"{keyword:8}= {text:70.70}"


@lru_cache(maxsize=1024)
def _is_ordinary(keyword: str, comment: str) -> bool:
    known = _KEYWORD.fullmatch(keyword) and not _OWN.fullmatch(keyword)
    return bool(known) and _is_plain(comment) and comment == comment.rstrip()


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _float_text(value: float) -> str:
    """Return a number in at most 20 characters, as many digits of it as find room."""
    mantissa, mark, exponent = repr(value).upper().partition("E")
    return f"{mantissa[: _NUMBER - len(mark + exponent)]}{mark}{exponent}"


_PRIMARY = (
    _image("SIMPLE", True, "conforms to FITS standard")
    + _image("BITPIX", 8, "array data type")
    + _image("NAXIS", 0, "number of array dimensions")
    + _image("EXTEND", True)
    + _image("EXTNAME", "PRIMARY")
)


def _table_cards(n_columns: int, n_rows: int, width: int) -> str:
    return (
        _image("XTENSION", "BINTABLE", "binary table extension")
        + _image("BITPIX", 8, "array data type")
        + _image("NAXIS", 2, "number of array dimensions")
        + _image("NAXIS1", width, "length of dimension 1")
        + _image("NAXIS2", n_rows, "length of dimension 2")
        + _image("PCOUNT", 0, "number of group parameters")
        + _image("GCOUNT", 1, "number of groups")
        + _image("TFIELDS", n_columns, "number of table fields")
    )


@lru_cache(maxsize=64)
def _column_cards(name: str, columns: tuple[TableColumn, ...]) -> str:
    images = []
    for number, column in enumerate(columns, 1):
        images += [_image(f"TTYPE{number}", column.name), _image(f"TFORM{number}", column.format)]
        if column.unit is not None:
            images.append(_image(f"TUNIT{number}", column.unit))
    images.append(_image("EXTNAME", name, "extension name"))
    for number, column in enumerate(columns, 1):
        if column.ucd is not None:
            images += [_image(f"TUCD{number}", column.ucd), _image(f"TCOMM{number}", column.doc)]
    return "".join(images)


def _rows(table: Table) -> NDArray[Any]:
    """Return the rows as they stand in the file: columns side by side, big-endian."""
    types: list[tuple[str, np.dtype[Any]]] = []
    for number, (column, values) in enumerate(zip(table.columns, table.values, strict=True)):
        dtype = _DTYPES.get(column.format)
        if dtype is None:
            if not all(_is_plain(text) and text == text.rstrip() for text in values):
                raise _UnusualError
            dtype = np.dtype(f"S{column.format[:-1]}")
        elif values.dtype != dtype or values.ndim != 1:
            raise _UnusualError
        types.append((str(number), dtype.newbyteorder(">")))
    lengths = {len(values) for values in table.values}
    if len(lengths) != 1:
        raise _UnusualError
    rows = np.empty(lengths.pop(), dtype=types)
    for (name, _), values in zip(types, table.values, strict=True):
        rows[name] = values
    return rows
