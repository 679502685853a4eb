"""A header-data unit of a FITS file: its keywords, and its rows block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError, UnreadableError
from hstlc.formats.fits_file import Value

__all__ = ["BLOCK_ROWS", "Unit"]

#: Rows read at a time: their columns stay in the cache of a core.
BLOCK_ROWS = 65_536

#: Rows read at a time into such a block: they stay in the cache of a core while their columns are taken apart.
_CHUNK_ROWS = 8_192

#: Rows of so many bytes, such as spectra, are not read whole for one column.
_LONG_ROW = 4_096


@dataclass(frozen=True, slots=True)
class Unit:
    """A header-data unit.

    Attributes
    ----------
    path : Path
    name : str
        EXTNAME in capitals; ``PRIMARY`` for the first.
    ver : int
        EXTVER.
    header : mapping of str to str, int, float, bool or None
        Keywords as :func:`hstlc.formats.fits_file.header_values` gives them.
    offset : int, bytes
        Where the data begin.
    dtype : numpy.dtype or None
        A row of a binary table as it lies in the file; None for images.
    rows : int
    memory : ndarray or None
        The rows, where they were read already.
    """

    path: Path
    name: str
    ver: int
    header: dict[str, Value]
    offset: int
    dtype: np.dtype[Any] | None
    rows: int
    memory: NDArray[Any] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns as they are written."""
        return self.dtype.names or () if self.dtype is not None else ()

    def field(self, name: str) -> str:
        """Return how the name of a column is written; capitals do not count.

        Raises
        ------
        UnreadableError
            ``data.unreadable``: there is none.
        """
        for written in self.columns:
            if written.upper() == name.upper():
                return written
        raise UnreadableError(
            "data.unreadable", f"{self.path} has no column {name} in {self.name}", "get it again", path=str(self.path)
        )

    def table(self) -> NDArray[Any]:
        """Return all rows."""
        return next(self.blocks(max(self.rows, 1)), np.zeros(0, self.dtype))

    def column(self, name: str) -> NDArray[Any]:
        """Return one column; of rows that are long, nothing else is read.

        Raises
        ------
        UnreadableError, InconsistentError
            As :meth:`field` and :meth:`blocks`.
        """
        field = self.field(name)
        assert self.dtype is not None
        assert self.dtype.fields is not None
        if self.memory is not None or self.dtype.itemsize < _LONG_ROW:
            return np.array(self.table()[field])
        kind, start = self.dtype.fields[field][:2]
        values = np.empty(self.rows, kind)
        with self.path.open("rb", buffering=0) as file:
            for row in range(self.rows):
                file.seek(self.offset + row * self.dtype.itemsize + start)
                self._check(_fill(file, values[row : row + 1].view(np.uint8).data) == kind.itemsize)
        return values

    def _check(self, whole: bool) -> None:
        if not whole:
            raise InconsistentError(
                "data.changed",
                f"{self.path}: expected {self.rows} rows, the file ends before",
                "something is writing to the file; run again when it is complete",
                path=str(self.path),
            )

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[NDArray[Any]]:
        """Yield the rows in blocks, each in the same memory as the one before.

        Raises
        ------
        InconsistentError
            ``data.changed``: the file has become shorter.
        """
        assert self.dtype is not None
        if self.memory is not None:
            yield from (self.memory[start : start + rows] for start in range(0, self.rows, rows))
            return
        buffer = np.empty(min(rows, self.rows), self.dtype)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset)
            for start in range(0, self.rows, rows):
                block = buffer[: self.rows - start]
                self._check(_fill(file, block.view(np.uint8).data) == block.nbytes)
                yield block

    def column_blocks(self, names: Sequence[str], rows: int = BLOCK_ROWS) -> Iterator[tuple[NDArray[Any], ...]]:
        """Yield some columns in blocks of rows, contiguous and in native byte order, each time in fresh memory."""
        fields = [self.field(name) for name in names]
        assert self.dtype is not None
        kinds = [(self.dtype[field].base.newbyteorder("="), self.dtype[field].shape) for field in fields]
        chunks, rest = self.blocks(min(rows, _CHUNK_ROWS)), np.zeros(0, self.dtype)
        for start in range(0, self.rows, rows):
            number = min(rows, self.rows - start)
            columns = tuple(np.empty((number, *shape), kind) for kind, shape in kinds)
            done = 0
            while done < number:
                chunk = rest if len(rest) else next(chunks)
                chunk, rest = chunk[: number - done], chunk[number - done :]
                for column, field in zip(columns, fields, strict=True):
                    column[done : done + len(chunk)] = chunk[field]
                done += len(chunk)
            yield columns


def _fill(file: Any, target: memoryview) -> int:
    done = 0
    while done < len(target):
        count = file.readinto(target[done:])
        if not count:
            break
        done += count
    return done
