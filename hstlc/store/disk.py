"""Every operation of the store that changes a disk, one function each, so that a test can make each of them fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

__all__ = ["create", "free_bytes", "fsync", "fsync_directory", "link", "replace", "unlink", "write"]


def create(path: Path) -> BinaryIO:
    """Open a new file for writing, readable by nobody else until it gets its permissions."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")  # noqa: PTH123


def write(writer: BinaryIO, block: bytes | memoryview) -> None:
    """Write all of ``block``."""
    writer.write(block)


def fsync(descriptor: int) -> None:
    """Return when the content is on the disk."""
    os.fsync(descriptor)


def fsync_directory(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync(descriptor)
    finally:
        os.close(descriptor)


def link(source: Path, target: Path) -> None:
    """Give the content of ``source`` a second name, which must be free."""
    os.link(source, target, follow_symlinks=False)


def replace(source: Path, target: Path) -> None:
    """Rename, taking the place of what has the name."""
    source.replace(target)


def unlink(path: Path) -> None:
    """Delete a file that may already be gone."""
    path.unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """Return what this user may still write, in bytes."""
    return shutil.disk_usage(folder).free
