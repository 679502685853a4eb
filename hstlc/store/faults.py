"""What the operating system refused, said as an error that a person can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hstlc.errors import DataError, HstlcError, InconsistentError, StoreError, UnreadableError

__all__ = ["translate", "translated"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}
_GONE = {errno.ENOENT, errno.ESTALE}


@contextmanager
def translated(path: Path, *, reading: bool = False) -> Iterator[None]:
    """Turn an OSError of the block into the error of :func:`translate`; ours pass unchanged.

    Parameters
    ----------
    path : Path
        The file or folder that the block works on.
    reading : bool
        True where the block reads a source file: what fails then is the data, not the store.
    """
    try:
        yield
    except HstlcError:  # StoreError is an OSError too
        raise
    except OSError as error:
        raise translate(error, path, reading=reading) from error


def translate(error: OSError, path: Path, *, reading: bool = False) -> StoreError | DataError:
    """Return the error to raise for an OSError.

    Returns
    -------
    StoreError
        ``store.full``, ``store.read-only`` or, for everything else, ``store.io``.
    InconsistentError
        ``data.vanished``: the source was listed and is no longer there.
    UnreadableError
        ``data.unreadable``: the source is there and cannot be read.
    """
    number = error.errno or 0
    why = error.strerror or str(error)
    context = {"path": str(path), "errno": number}
    if reading and number in _GONE:
        return InconsistentError(
            "data.vanished",
            f"{path}: expected the file that was found a moment ago, found nothing",
            "something else moved or deleted it; run again once it is back, or without it",
            **context,
        )
    if reading:
        return UnreadableError(
            "data.unreadable",
            f"{path}: expected a readable file, found: {why}",
            "check the permissions of the file and of the folders above it, and the disk",
            **context,
        )
    if number in _FULL:
        return StoreError(
            "store.full",
            f"{path}: no space left to write ({why})",
            "free some space or raise the quota, then run again: what was done stays done",
            **context,
        )
    if number in _DENIED:
        return StoreError(
            "store.read-only",
            f"{path}: expected to be allowed to write, found: {why}",
            "check that the file system is mounted read-write and that this user may write to the folder",
            **context,
        )
    return StoreError("store.io", f"{path}: {why}", "check the disk and the mount, then run again", **context)
