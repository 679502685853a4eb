"""A few columns of the tables of a FITS file, compressed or not, without ever holding the file.

An event list of 120 MB, compressed to 100, has ten columns of which four are needed. The file is unpacked piece by
piece, and of each piece of a table only the columns that are wanted are kept, in the machine's byte order.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError, UnreadableError
from hstlc.formats.fits_file import Value, header_values

__all__ = ["TableColumns", "Wanted", "each_unit", "read_columns"]

_BLOCK, _CARD = 2880, 80
_END = b"END" + b" " * 77
_MOST_BLOCKS = 2000  # of a header
_PIECE = 2**20  # bytes of the file at a time
_CHUNK_ROWS = 8_192  # their columns stay in the cache of a core
_GZIP = b"\x1f\x8b"
_FORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])")
_TYPES = {"L": "S1", "X": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "C": ">c8"}
_TYPES |= {"M": ">c16", "P": ">i4", "Q": ">i8"}

#: Which columns of a table are wanted, by its EXTNAME and header; no name: only its header.
Wanted = Callable[[str, Mapping[str, Value]], Collection[str]]


@dataclass(frozen=True, slots=True, eq=False)
class TableColumns:
    """A header-data unit and the columns of it that were wanted.

    Attributes
    ----------
    name : str
        EXTNAME in capitals; ``PRIMARY`` for the first.
    header : mapping of str to str, int, float, bool or None
        Keywords as :func:`hstlc.formats.fits_file.header_values` gives them.
    rows : int
        Of the table; 0 for images.
    names : tuple of str
        All columns of the table, in capitals.
    columns : mapping of str to ndarray, shape (rows,) or (rows, repeat)
        By their names in capitals, native byte order. Integers that are TNULL are as they are in the file; bits are
        bytes, the first one highest.
    """

    name: str
    header: Mapping[str, Value]
    rows: int
    names: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]


def read_columns(path: Path, wanted: Wanted, most: int | None = None) -> list[TableColumns]:
    """Read the headers and some columns of all units of a FITS file, gzip unpacked on the fly.

    Parameters
    ----------
    path : Path
    wanted : callable
        Is called with name and header of each table; names in any case, those that are not in the table are passed
        over.
    most : int, optional
        Stop after the header of so many units: what follows is not looked at, whole or not.

    Returns
    -------
    list of TableColumns
        One for each unit, in their order.

    Raises
    ------
    InconsistentError
        ``data.vanished``: the file is gone.
    UnreadableError
        ``data.empty``, ``data.not-fits``, ``data.truncated``, ``data.unreadable``.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.table import Table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "list.fits.gz"
    ...     Table({"TIME": [1.5, 2.5], "X": [7, 8]}, meta={"EXTNAME": "EVENTS"}).write(path)
    ...     read_columns(path, lambda name, header: ["time"])[1].columns
    {'TIME': array([1.5, 2.5])}
    """
    return list(each_unit(path, wanted, most))


def each_unit(path: Path, wanted: Wanted, most: int | None = None) -> Iterator[TableColumns]:
    """Yield the units of a FITS file as they are read, for tables that need not be held together.

    Takes and raises what :func:`read_columns` does; the file is known to be whole after the last of them.
    """
    try:
        with path.open("rb") as file:
            stream = _Stream(path, file)
            number = 0
            while text := _header_text(path, stream, first=not number):
                number += 1
                yield _unit(path, stream, text, wanted, first=number == 1, stop=number == most)
                if number == most:
                    return
            stream.finish()
    except FileNotFoundError as error:
        raise InconsistentError(
            "data.vanished", f"{path} is gone", "it was moved or deleted while being read; ingest again", path=str(path)
        ) from error
    except zlib.error as error:
        raise _unreadable(path, f"broken compressed data: {error}") from error
    except OSError as error:
        if isinstance(error, UnreadableError | InconsistentError):
            raise
        raise UnreadableError(
            "data.unreadable",
            f"{path} cannot be read: {error.strerror or error}",
            "check the path and its permissions",
            path=str(path),
        ) from error


class _Stream:
    """The bytes of a file in order, unpacked."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        start = file.read(len(_GZIP))
        if not start:
            raise UnreadableError("data.empty", f"{path} is empty (0 bytes)", "get it again", path=str(path))
        file.seek(0)
        self._unpacker = zlib.decompressobj(31) if start == _GZIP else None
        self._piece, self._at = b"", 0

    def _next(self) -> bool:
        """Go on to the next piece; False at the end."""
        self._piece, self._at = b"", 0
        while not self._piece:
            more = self._file.read(_PIECE)
            if self._unpacker is None:
                self._piece = more
                return bool(more)
            if self._unpacker.eof:  # several compressed parts one after the other are one file, zeros may follow
                more = (self._unpacker.unused_data + more).lstrip(b"\0")
                if not more:
                    return False
                self._unpacker = zlib.decompressobj(31)
            elif not more:
                raise _truncated(self._path, "its compressed data end early")
            self._piece = self._unpacker.decompress(more)
        return True

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        parts = []
        while size > 0 and (self._at < len(self._piece) or self._next()):
            part = self._piece[self._at : self._at + size]
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> int:
        """Pass over so many bytes and return how many there were."""
        left = size
        while left > 0 and (self._at < len(self._piece) or self._next()):
            step = min(left, len(self._piece) - self._at)
            self._at += step
            left -= step
        return size - left

    def finish(self) -> None:
        """Read to the end: the checksum of compressed data comes last."""
        while self._next():
            pass


def _header_text(path: Path, stream: _Stream, *, first: bool) -> str:
    """Return the cards of the next header with END; '' at the end of the file."""
    content = b""
    for _ in range(_MOST_BLOCKS):
        block = stream.read(_BLOCK)
        if not content:
            if first and not block.startswith(b"SIMPLE  ="):
                raise UnreadableError("data.not-fits", f"{path} is not a FITS file", "get it again", path=str(path))
            if not first and not block.startswith(b"XTENSION="):
                return ""  # the end, or what the standard calls special records
        content += block
        ends = [at for at in range(len(content) - len(block), len(content), _CARD) if content.startswith(_END, at)]
        if ends:
            return content[: ends[0] + _CARD].decode("latin-1")
        if len(block) < _BLOCK:
            break
    raise _truncated(path, "a header has no end")


def _unit(path: Path, stream: _Stream, text: str, wanted: Wanted, *, first: bool, stop: bool) -> TableColumns:
    from astropy.io import fits

    try:
        header = header_values(fits.Header.fromstring(text))
        axes = [int(str(header[f"NAXIS{i}"])) for i in range(1, int(str(header["NAXIS"])) + 1)]
        element = abs(int(str(header["BITPIX"]))) // 8 * int(str(header.get("GCOUNT", 1)))
        size = element * (int(str(header.get("PCOUNT", 0))) + math.prod(axes)) if axes else 0
    except (fits.VerifyError, KeyError, ValueError) as error:
        raise _unreadable(path, f"a broken header: {error}") from error
    name = str(header.get("EXTNAME") or ("PRIMARY" if first else "")).strip().upper()
    if header.get("XTENSION") != "BINTABLE":
        if stop:
            return TableColumns(name, header, 0, (), {})
        _complete(path, name, stream.skip(_padded(size)), size)
        return TableColumns(name, header, 0, (), {})
    dtype, names = _row(path, name, header, axes[0])
    if stop:
        return TableColumns(name, header, axes[1], names, {})
    chosen = {one.upper() for one in wanted(name, header)}
    numbers = [number for number, one in enumerate(names) if one in chosen]
    rows = axes[1]
    columns = _columns(path, name, stream, dtype, rows, numbers) if numbers else []
    done = rows * dtype.itemsize if numbers else 0
    _complete(path, name, done + stream.skip(_padded(size) - done), size)
    scaled = (_scaled(column, header, number + 1) for column, number in zip(columns, numbers, strict=True))
    return TableColumns(name, header, rows, names, dict(zip((names[n] for n in numbers), scaled, strict=True)))


def _columns(
    path: Path, name: str, stream: _Stream, dtype: np.dtype[Any], rows: int, numbers: list[int]
) -> list[NDArray[Any]]:
    fields = [f"c{number}" for number in numbers]
    columns = [np.empty((rows, *dtype[one].shape), dtype[one].base.newbyteorder("=")) for one in fields]
    for start in range(0, rows, _CHUNK_ROWS):
        count = min(_CHUNK_ROWS, rows - start)
        content = stream.read(count * dtype.itemsize)
        _complete(path, name, len(content), count * dtype.itemsize)
        chunk = np.frombuffer(content, dtype)
        for column, one in zip(columns, fields, strict=True):
            column[start : start + count] = chunk[one]
    return columns


def _row(path: Path, name: str, header: Mapping[str, Value], length: int) -> tuple[np.dtype[Any], tuple[str, ...]]:
    """Return the dtype of a row, with fields c0, c1, ..., and the names of its columns."""
    fields: list[Any] = []
    names = []
    for number in range(1, int(str(header.get("TFIELDS", 0))) + 1):
        form = _FORM.match(str(header.get(f"TFORM{number}", "")))
        if form is None:
            raise _unreadable(path, f"column {number} of {name} without a form that FITS knows")
        repeat, code = int(form[1] or 1), form[2]
        names.append(str(header.get(f"TTYPE{number}") or f"COL{number}").strip().upper())
        if code == "A":
            fields.append((f"c{number - 1}", f"S{repeat}"))
            continue
        repeat = math.ceil(repeat / 8) if code == "X" else 2 * repeat if code in "PQ" else repeat
        fields.append((f"c{number - 1}", _TYPES[code], *([(repeat,)] if repeat != 1 else [])))
    dtype = np.dtype(fields)
    if dtype.itemsize != length:
        raise _unreadable(path, f"rows of {name} of {length} bytes, its columns have {dtype.itemsize}")
    return dtype, tuple(names)


def _scaled(values: NDArray[Any], header: Mapping[str, Value], number: int) -> NDArray[Any]:
    scale, zero = (header.get(f"{key}{number}", default) for key, default in (("TSCAL", 1), ("TZERO", 0)))
    if (scale, zero) == (1, 0) or values.dtype.kind not in "iuf":
        return values
    return np.asarray(values * float(str(scale)) + float(str(zero)))


def _padded(size: int) -> int:
    return math.ceil(size / _BLOCK) * _BLOCK


def _complete(path: Path, name: str, found: int, expected: int) -> None:
    if found < expected:
        raise _truncated(path, f"of the {expected} bytes of {name} it has {found}")


def _truncated(path: Path, detail: str) -> UnreadableError:
    return UnreadableError("data.truncated", f"{path} is cut short: {detail}", "get it again", path=str(path))


def _unreadable(path: Path, detail: str) -> UnreadableError:
    return UnreadableError("data.unreadable", f"{path} has {detail}", "get it again", path=str(path))
