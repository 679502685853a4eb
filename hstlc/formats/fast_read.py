"""Ordinary FITS files without astropy: headers and rows, at the speed of the disk.

Astropy needs several milliseconds for the headers of a file and holds whole tables. Here a file whose every card,
column and byte count is of the plain kind is read directly; for any other :func:`scan` gives None, and astropy says
what to make of it, with its warnings. What is plain: FITS standard 4.0, fixed or free format of one card a keyword
(section 4.2), primary HDU, images and binary tables (section 7.3) of unscaled numbers and text, without heap.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hstlc.formats.fits_file import Value
from hstlc.formats.unit import Unit

__all__ = ["scan"]

_BLOCK, _CARD, _CHUNK = 2880, 80, 16 * 2880
_MOST_BLOCKS = 400  # longer headers are not ordinary

_KEY = re.compile(r"[A-Z0-9_-]+ *")
_CARD_VALUE = re.compile(r" +(?:'((?:[^']|'')*)'|([TF])|([+-]?\d+)|([+-]?\d+\.\d*(?:E[+-]?\d+)?)|) *(?:/.*)?")
_FORM = re.compile(r"(\d*)([BIJKEDA])")
_DISPLAY = re.compile(r"[EFGD]\d+\.\d+|I\d+|A\d+")
_TYPES = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_FORBIDDEN = frozenset({"GROUPS", "BLANK", "ZIMAGE", "ZTABLE", "THEAP", "CONTINUE", "HIERARCH"})
_COMMENTARY = frozenset({"COMMENT ", "HISTORY ", " " * 8})
_STANDARD = f"{'SIMPLE':8}= {'T':>20}"
_SINGLE = frozenset("SIMPLE XTENSION BITPIX NAXIS NAXIS1 NAXIS2 PCOUNT GCOUNT TFIELDS EXTNAME EXTVER".split())  # noqa: SIM905
_SCALING = re.compile(r"(?:TSCAL|TZERO|TNULL|TDIM|TBCOL)\d+")
_DESCRIBING = re.compile(r"(TTYPE|TFORM|TUNIT|TDISP|TCTYP|TCUNI|TCRPX|TCRVL|TCDLT|TRPOS)\d+")
_RECORD = re.compile(r" *[A-Za-z_][\w.]*: +[+-]?[\d.]")  # 'FIELD: 1' is a keyword of its own to astropy
_PIXELS = {8, 16, 32, 64, -32, -64}


class _UnusualError(Exception):
    """Something that astropy is to judge."""


def scan(path: Path) -> tuple[Unit, ...] | None:
    """Return the units of an ordinary, whole, uncompressed FITS file; None for any other, whatever is wrong with it.

    Raises
    ------
    OSError
        The file cannot be opened or read.
    """
    stat = path.stat()
    return _scan(path, stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)


@lru_cache(maxsize=16)  # identified and loaded one after the other
def _scan(path: Path, size: int, *_marks: int) -> tuple[Unit, ...] | None:
    with path.open("rb", buffering=0) as file:
        units: list[Unit] = []
        position = 0
        try:
            while position < size or not units:
                unit, position = _unit(path, file, position, first=not units)
                if position > size:
                    return None
                units.append(unit)
        except _UnusualError:
            return None
    if len(units) > 1 and units[0].header.get("EXTEND") is not True:  # astropy puts it right
        return None
    return tuple(units)


def _unit(path: Path, file: Any, position: int, *, first: bool) -> tuple[Unit, int]:
    text, length = _header_text(file, position)
    if first and not text.startswith(_STANDARD):  # astropy says that it is not
        raise _UnusualError
    header: dict[str, Value] = {}
    order: list[str] = []
    for start in range(0, len(text), _CARD):
        card = text[start : start + _CARD]
        if card[:8] in _COMMENTARY and order:
            continue
        key, value = _parsed(card)
        if key in header and (key in _SINGLE or _DESCRIBING.fullmatch(key)):
            raise _UnusualError
        order.append(key)
        header[key] = value
    if not _FORBIDDEN.isdisjoint(header):
        raise _UnusualError
    axes = _whole(header, "NAXIS", 9)
    table = header.get("XTENSION") == "BINTABLE"
    lead = ["SIMPLE" if first else "XTENSION", "BITPIX", "NAXIS", *(f"NAXIS{i}" for i in range(1, axes + 1))]
    lead += [] if first else ["PCOUNT", "GCOUNT"]
    lead += ["TFIELDS"] if table else []
    if order[: len(lead)] != lead or (
        header["SIMPLE"] is not True if first else not table and header["XTENSION"] != "IMAGE"
    ):
        raise _UnusualError
    bits = header["BITPIX"]
    if not isinstance(bits, int) or bits not in _PIXELS or header.get("PCOUNT", 0) != 0 or header.get("GCOUNT", 1) != 1:
        raise _UnusualError
    lengths = [_whole(header, f"NAXIS{i}") for i in range(1, axes + 1)]
    size = abs(bits) // 8 * math.prod(lengths) if axes else 0
    name, ver = header.get("EXTNAME", "PRIMARY" if first else ""), header.get("EXTVER", 1)
    if not isinstance(name, str) or name != name.upper() or type(ver) is not int:
        raise _UnusualError
    dtype = _row(header, lengths) if table else None
    unit = Unit(path, name, ver, header, position + length, dtype, lengths[1] if table else 0)
    return unit, position + length + math.ceil(size / _BLOCK) * _BLOCK


def _header_text(file: BinaryIO, position: int) -> tuple[str, int]:
    """Return the cards before END, and the length of the header in bytes."""
    content = b""
    for _ in range(_MOST_BLOCKS):
        file.seek(position + len(content))
        chunk = file.read(_CHUNK)
        content += chunk
        end = -_CARD
        while (end := content.find(b"END" + b" " * 77, max(end + 1, 0))) % _CARD and end >= 0:
            pass
        if end >= 0:
            length = math.ceil((end + _CARD) / _BLOCK) * _BLOCK
            if len(content) < length or content[end + _CARD : length].strip(b" "):
                break
            text = content[:end].decode("latin-1")
            if not (text.isascii() and text.isprintable()):
                break
            return text, length
        if len(chunk) < _CHUNK:
            break
    raise _UnusualError


@lru_cache(maxsize=2**14)  # files of one instrument share most of their cards
def _parsed(card: str) -> tuple[str, Value]:
    """Return keyword and value of a card."""
    match = _CARD_VALUE.fullmatch(card, 9)
    if match is None or card[8] != "=" or not _KEY.fullmatch(card, 0, 8):
        raise _UnusualError
    return card[:8].rstrip(), _value(match)


def _value(match: re.Match[str]) -> Value:
    text, flag, whole, real = match.groups()
    if text is not None:
        if _RECORD.match(text):
            raise _UnusualError
        return text.replace("''", "'").strip()
    if flag is not None:
        return flag == "T"
    if whole is not None:
        return int(whole)
    return float(real) if real is not None else None


def _whole(header: dict[str, Value], key: str, most: int = 2**62) -> int:
    value = header.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise _UnusualError
    return value


def _row(header: dict[str, Value], lengths: list[int]) -> np.dtype[Any]:
    """Return the dtype of a row of a table."""
    fields: list[Any] = []
    count = _whole(header, "TFIELDS", 999)
    if header["BITPIX"] != 8 or len(lengths) != 2 or not count:
        raise _UnusualError
    for key, value in header.items():
        kind = _DESCRIBING.fullmatch(key)
        if _SCALING.fullmatch(key) or (kind and isinstance(value, str) is (kind[1] in ("TCRPX", "TCRVL", "TCDLT"))):
            raise _UnusualError
        if kind and (kind[1] == "TRPOS" or (kind[1] == "TDISP" and not _DISPLAY.fullmatch(str(value)))):
            raise _UnusualError
    for number in range(1, count + 1):
        name, form = header.get(f"TTYPE{number}"), _FORM.fullmatch(str(header.get(f"TFORM{number}")))
        if not (isinstance(name, str) and name and form):
            raise _UnusualError
        repeat, code = int(form[1] or 1), form[2]
        if repeat < 1:
            raise _UnusualError
        fields.append(
            (name, f"S{repeat}") if code == "A" else (name, _TYPES[code], *([(repeat,)] if repeat > 1 else []))
        )
    if len({field[0].lower() for field in fields}) < count:
        raise _UnusualError
    dtype = np.dtype(fields)
    if dtype.itemsize != lengths[0]:
        raise _UnusualError
    return dtype
