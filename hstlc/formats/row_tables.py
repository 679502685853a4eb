"""Rows of a database as files: CSV, FITS and VOTable, with units and meanings where the format has a place for them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Literal, TextIO

import orjson

__all__ = ["Field", "Kind", "batches", "plain", "write_csv"]

Kind = Literal["bool", "int", "long", "float", "text", "time", "date", "json"]

_BATCH = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of rows.

    Attributes
    ----------
    name : str
    kind : str
        ``bool``, ``int`` (32 bits), ``long`` (64 bits), ``float``, ``text``, ``time`` (aware), ``date`` or ``json``.
    unit, ucd, doc : str
        Unit, Unified Content Descriptor and description; '': none.
    """

    name: str
    kind: Kind
    unit: str = ""
    ucd: str = ""
    doc: str = ""


def batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Yield rows in lists of a thousand."""
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch


def plain(value: Any) -> Any:
    """Return a value as number, bool, text or None: times as ISO 8601 in UTC, what is structured as JSON text.

    Examples
    --------
    >>> plain(datetime(2024, 5, 6, 7, 8, 9, 120000, UTC)), plain({"a": [1]}), plain(2.5)
    ('2024-05-06T07:08:09.120Z', '{"a":[1]}', 2.5)
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return orjson.dumps(value).decode()


def write_csv(fields: Sequence[Field], rows: Iterable[Sequence[Any]], file: TextIO) -> int:
    r"""Write rows as RFC 4180 wants it: a line of names, CRLF, quotes where they are needed.

    NULL and numbers that are not finite are empty; bools are ``true`` and ``false``. A spreadsheet takes text for a
    formula that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return: unless it is a number, it gets
    ``'`` before it, as spreadsheets write it themselves.

    Parameters
    ----------
    fields : sequence of Field
    rows : iterable of sequences
    file : text file
        Opened with ``newline=""``.

    Returns
    -------
    int
        Rows written.

    Examples
    --------
    >>> from io import StringIO
    >>> text = StringIO(newline="")
    >>> write_csv([Field("name", "text"), Field("rate", "float")], [("=A1", 0.5), ("-1.5", None)], text)
    2
    >>> text.getvalue()
    "name,rate\r\n'=A1,0.5\r\n-1.5,\r\n"
    """
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([_cell(field.name) for field in fields])
    written = 0
    for batch in batches(rows):
        writer.writerows([[_cell(value) for value in row] for row in batch])
        written += len(batch)
    return written


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    text = plain(value)
    if isinstance(text, str) and text.startswith(_FORMULA) and not _is_number(text):
        return "'" + text
    return text


def _is_number(text: str) -> bool:
    """Tell whether a text is a decimal number, with nothing around it."""
    if not text.isascii() or text != text.strip() or "_" in text:
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
