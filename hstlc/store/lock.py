"""One writer per store: an advisory lock on a file, freed by the system when the process ends, however it does."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hstlc.errors import LockHeldError
from hstlc.logs import redact
from hstlc.store.faults import translated

__all__ = ["flock"]

logger = logging.getLogger(__name__)

_MODE = 0o660  # the group shares the store, so it shares the lock


@contextmanager
def flock(path: Path, wait: bool, *, poll_s: float = 0.2) -> Iterator[None]:
    """Hold the lock for the length of the block.

    The file stays where it is afterwards: deleting it would let two processes lock two files of one name.

    Parameters
    ----------
    path : Path
        The lock file; while it is held its content says who holds it.
    wait : bool
        Wait until the lock is free, looking every ``poll_s`` seconds, or leave at once.

    Raises
    ------
    LockHeldError
        ``lock.held``: another process has it and ``wait`` is False.
    StoreError
        ``store.read-only``, ``store.full`` or ``store.io``: the lock file cannot be made.
    """
    with translated(path):
        handle = _open(path)
    with handle:
        announced = False
        while not _acquire(handle, path):
            holder = _holder(path)
            if not wait:
                raise LockHeldError(
                    "lock.held",
                    f"{path}: expected to be the only writer of this store, found that {holder} is writing",
                    "wait until it has ended, or leave out --no-wait to wait here",
                    path=str(path),
                    holder=holder,
                )
            if not announced:
                logger.warning("waiting for %s: %s holds it", path, holder)
                announced = True
            time.sleep(poll_s)
        try:
            with translated(path):
                _note(handle, {"pid": os.getpid(), "host": socket.gethostname(), "command": _command()})
            yield
        finally:
            with suppress(OSError):  # the content is a courtesy: closing the file is what frees the lock
                _note(handle, {})


def _open(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE), "r+b", buffering=0)  # noqa: PTH123


def _acquire(handle: BinaryIO, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        with translated(path):
            raise
    return True


def _note(handle: BinaryIO, holder: dict[str, object]) -> None:
    handle.seek(0)
    handle.truncate()
    if holder:
        handle.write(json.dumps(holder).encode() + b"\n")


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes())
        return f"process {holder['pid']} on {holder['host']} ({holder['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _command() -> str:
    return redact(" ".join((Path(sys.argv[0]).name, *sys.argv[1:])))
