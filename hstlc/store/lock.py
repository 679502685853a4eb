"""One writer per store: an advisory lock on a file, freed by the system when the process ends, however it does."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from hstlc.errors import LockHeldError
from hstlc.logs import redact
from hstlc.store.faults import translated
from hstlc.store.run import run_id

__all__ = ["break_lock", "flock"]

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
    try:
        announced = False
        while not _acquire(handle, path):
            if not _is_current(handle, path):  # broken, see break_lock: what is held now is another file
                handle.close()
                with translated(path):
                    handle = _open(path)
                continue
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
                _note(
                    handle, {"pid": os.getpid(), "host": socket.gethostname(), "command": _command(), "run": run_id()}
                )
            yield
        finally:
            with suppress(OSError):  # the content is a courtesy: closing the file is what frees the lock
                _note(handle, {})
    finally:
        handle.close()


def break_lock(path: Path, run: str) -> bool:
    """Put a new lock file in place of one that a process holds which is taken for dead; tell whether that was needed.

    A stopped process keeps its lock. When it goes on it holds a file without a name, and has to find out by other
    means that it must not write any more: :mod:`hstlc.store.fence`. The lock of anybody else is left alone.

    Parameters
    ----------
    path : Path
        The lock file.
    run : str
        Identifier of that process, of :func:`hstlc.store.run.run_id`.

    Raises
    ------
    StoreError
        ``store.read-only``, ``store.full`` or ``store.io``.
    """
    if not path.is_file():
        return False
    with translated(path):
        handle = _open(path)
    with handle:
        if _acquire(handle, path) or _content(path).get("run") != run:
            return False
        with translated(path):
            fresh = path.with_name(f"{path.name}.{run_id()}.part")
            fresh.touch(mode=_MODE)
            shutil.copymode(path, fresh)
            with suppress(PermissionError):
                os.chown(fresh, -1, path.stat().st_gid)
            fresh.replace(path)
    logger.warning("%s was held by process %s, which is taken for dead: the lock is broken", path, run)
    return True


def _open(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE), "r+b", buffering=0)  # noqa: PTH123


def _acquire(handle: BinaryIO, path: Path) -> bool:
    """Lock the open file, unless another process has it or the name stands for another file by now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        with translated(path):
            raise
    return _is_current(handle, path)


def _is_current(handle: BinaryIO, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    return False


def _note(handle: BinaryIO, holder: dict[str, object]) -> None:
    handle.seek(0)
    handle.truncate()
    if holder:
        handle.write(json.dumps(holder).encode() + b"\n")


def _holder(path: Path) -> str:
    holder = _content(path)
    try:
        return f"process {holder['pid']} on {holder['host']} ({holder['command']})"
    except KeyError:
        return "another process"


def _content(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _command() -> str:
    return redact(" ".join((Path(sys.argv[0]).name, *sys.argv[1:])))
