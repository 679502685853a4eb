"""FITS files of binary tables: what is to be in one, and how astropy writes it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Card", "Table", "TableColumn", "astropy_bytes"]

#: Keyword, value and comment.
Card = tuple[str, Any, str]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table.

    Attributes
    ----------
    name : str
        TTYPE.
    format : str
        TFORM: ``D`` (float64), ``J`` (int32) or ``nA`` (texts of up to n characters).
    unit : str or None
        TUNIT.
    ucd, doc : str or None
        TUCD and TCOMM, both or neither.
    """

    name: str
    format: str
    unit: str | None = None
    ucd: str | None = None
    doc: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A binary table.

    Attributes
    ----------
    name : str
        EXTNAME.
    columns : tuple of TableColumn
    values : sequence
        Of each column, shape (n,): an array of numbers or a list of texts.
    cards : sequence of Card
        Further keywords in their order; a keyword that comes twice keeps its place and gets the later value.
    """

    name: str
    columns: tuple[TableColumn, ...]
    values: Sequence[Any]
    cards: Sequence[Card] = ()


def astropy_bytes(primary: Sequence[Card], tables: Sequence[Table]) -> bytes:
    """Return a file of an empty primary HDU and binary tables, with checksums and without a clock.

    Parameters
    ----------
    primary : sequence of Card
        Further keywords of the primary header.
    tables : sequence of Table

    Returns
    -------
    bytes

    Examples
    --------
    >>> len(astropy_bytes([("TARGNAME", "A STAR", "target")], []))
    2880
    """
    from astropy.io import fits

    hdus = [fits.PrimaryHDU()]
    hdus[0].header["EXTNAME"] = "PRIMARY"
    for table in tables:
        pairs = zip(table.columns, table.values, strict=True)
        columns = [fits.Column(c.name, c.format, unit=c.unit, array=array) for c, array in pairs]
        hdu = fits.BinTableHDU.from_columns(columns, name=table.name)
        for number, column in enumerate(table.columns, 1):
            if column.ucd is not None:
                hdu.header[f"TUCD{number}"] = column.ucd
                hdu.header[f"TCOMM{number}"] = column.doc
        hdus.append(hdu)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)  # a long value leaves no room for its comment
        for hdu, cards in zip(hdus, (primary, *(table.cards for table in tables)), strict=True):
            for keyword, value, comment in cards:
                hdu.header[keyword] = (value, comment)
        whole = fits.HDUList(hdus)
        for hdu in whole:
            hdu.add_datasum(when="")
            hdu.add_checksum(when="")
        whole.writeto(stream)
    return stream.getvalue()
