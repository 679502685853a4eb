"""Files out of a tar that an archive sent, without trusting it.

Nothing is written but plain files with expected names, side by side in one folder; what tries anything else makes the
whole archive file bad.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from hstlc.errors import IntegrityError

__all__ = ["is_tar", "unpack"]

_BLOCK = 1 << 20
_RECORD = 512
_MOST_MEMBERS = 2000
_MOST_BYTES = 50 << 30
_MOST_RATIO = 200
_SMALL = 10 << 20  # below this, the ratio does not matter


def is_tar(path: Path) -> bool:
    """Tell whether a file is a tar, plain or within gzip; a compressed FITS file is none.

    Raises
    ------
    OSError
    """
    with path.open("rb") as file:
        start = file.read(_RECORD)
        if start[:2] == b"\x1f\x8b":
            file.seek(0)
            try:
                with gzip.GzipFile(fileobj=file) as source:
                    start = source.read(_RECORD)
            except (EOFError, zlib.error, gzip.BadGzipFile):
                return False
    return start[257:262] == b"ustar"


def unpack(path: Path, folder: Path, *, accept: Callable[[str], bool]) -> list[Path]:
    """Write the files of a tar or tar.gz into a folder and return them, in the order in which they come.

    Parameters
    ----------
    path : Path
    folder : Path
        An existing folder; names that are taken there are refused.
    accept : callable
        Tells of a plain file name whether it is one that may come.

    Raises
    ------
    IntegrityError
        ``archive.bad-archive-file``: cut short or broken, another member than a plain file or a folder, a path that
        leads out, a name that ``accept`` refuses or that comes twice, more than 2000 members, 50 GiB or (above 10 MiB)
        200 times the size of the file. Nothing is left in the folder then.
    OSError
        The disk is full or refuses; nothing is left in the folder.
    """
    written: list[Path] = []
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as source:
                    _members(path, cast(BinaryIO, source), folder, accept, written)
                    _drain(path, cast(BinaryIO, source))
            else:
                _check_end(path, file, _members(path, file, folder, accept, written))
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        _remove(written)
        raise _bad(path, f"{error or 'the end'}") from None
    except BaseException:
        _remove(written)
        raise
    return written


def _bad(path: Path, found: str) -> IntegrityError:
    return IntegrityError(
        "archive.bad-archive-file",
        f"{path.name}: expected a whole tar of plain files, found: {found}",
        "it is fetched again",
        path=str(path),
    )


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _members(path: Path, source: BinaryIO, folder: Path, accept: Callable[[str], bool], written: list[Path]) -> int:
    """Write all members; return where the last one ends."""
    most = min(_MOST_BYTES, max(_SMALL, _MOST_RATIO * path.stat().st_size))
    total = 0
    with tarfile.open(fileobj=source, mode="r:") as tar:
        for number, member in enumerate(tar, 1):
            if number > _MOST_MEMBERS:
                raise _bad(path, f"more than {_MOST_MEMBERS} members")
            if member.isdir():
                continue
            name = _plain_name(path, member, accept)
            total += member.size
            if total > most:
                raise _bad(path, f"more than {most} bytes in {path.stat().st_size}")
            _write(path, tar, member, folder / name, written)
        return tar.offset


def _plain_name(path: Path, member: tarfile.TarInfo, accept: Callable[[str], bool]) -> str:
    parts = member.name.split("/")
    if not member.isreg() or member.issparse():
        raise _bad(path, f"the member {member.name!r}, which is no plain file")
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or "\0" in member.name:
        raise _bad(path, f"the path {member.name!r}")
    if not accept(parts[-1]) or not parts[-1]:
        raise _bad(path, f"the name {parts[-1]!r}, which no file of this kind has")
    return parts[-1]


def _write(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, written: list[Path]) -> None:
    content = tar.extractfile(member)
    assert content is not None  # it is a regular file
    try:
        file = target.open("xb")
    except FileExistsError:
        raise _bad(path, f"the name {target.name!r} twice") from None
    written.append(target)
    left = member.size
    with file:
        while left and (block := content.read(min(left, _BLOCK))):
            file.write(block)
            left -= len(block)
        file.flush()
        os.fsync(file.fileno())
    if left:
        raise _bad(path, f"{member.name!r} cut short by {left} bytes")


def _drain(path: Path, source: BinaryIO) -> None:
    """Read what follows the last member, so that the checksum of the compressed data is computed."""
    left = _SMALL
    while block := source.read(_BLOCK):
        left -= len(block)
        if left < 0:
            raise _bad(path, f"more than {_SMALL} bytes behind the last member")


def _check_end(path: Path, source: BinaryIO, end: int) -> None:
    """See that the tar ends on purpose: a block of zeros says so; one that is cut between two members has none."""
    source.seek(end)
    if source.read(_RECORD) != bytes(_RECORD):
        raise _bad(path, "no mark of its end")
