"""Bring content next to its target: complete, hashed and on the disk, but not yet under its name."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hstlc.errors import InconsistentError, StoreError
from hstlc.store import disk
from hstlc.store.digest import BLOCK_SIZE, sha256_file
from hstlc.store.faults import translated
from hstlc.store.permissions import Access, make_directory
from hstlc.store.points import point
from hstlc.store.seal import Seal

__all__ = ["Staged", "stage", "stage_bytes"]

# What link(2) says where it cannot do it but a copy may.
_COPY_INSTEAD = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that waits to be published.

    Attributes
    ----------
    part : Path
        Where the content is now.
    target : Path
        Where it will be.
    sha256 : str
        Of the content, 64 hexadecimal digits.
    size : int, bytes
    access : Access
        Permissions and group it will get.
    """

    part: Path
    target: Path
    sha256: str
    size: int
    access: Access


def stage(
    source: Path,
    target_dir: Path,
    name: str,
    run: str,
    *,
    link: bool,
    access: Access | None = None,
    known: Seal | None = None,
) -> Staged:
    """Bring a file next to its target, as ``<name>.<run>.part``.

    Parameters
    ----------
    source : Path
        The file; it is not changed.
    target_dir : Path
        Made when missing.
    name : str
        Name the file will have there.
    run : str
        Identifier of this run, of :func:`hstlc.store.run.run_id`.
    link : bool
        Allow a hard link instead of a copy. Only for files of the ingest folder: permissions belong to the content,
        so a link would change those of the source. Even with True a copy is made across file systems, and of a
        symbolic link or a file with other names, which may lie anywhere.
    access : Access, optional
        Permissions and group, by default rwxrwx--- without group.
    known : Seal, optional
        Of the source: while it fits, a link is not read again.

    Raises
    ------
    InconsistentError
        ``data.vanished``: the source is gone; ``data.changed``: it was written to meanwhile.
    UnreadableError
        ``data.unreadable``: the source cannot be read.
    StoreError
        ``store.full``, ``store.read-only``, ``store.io`` or ``store.outside``. No ``.part`` is left behind.
    """
    access = access or Access()
    with _fresh_part(target_dir, name, run, access) as part:
        before = _stat(source)
        may_link = link and before.st_nlink == 1 and stat.S_ISREG(before.st_mode) and not source.is_symlink()
        if may_link and _link(source, part):
            sha256 = known.sha256 if known is not None and known.fits(part.stat()) else sha256_file(part)
            point("staged")
            with translated(part), part.open("rb") as handle:
                disk.fsync(handle.fileno())
        else:
            sha256 = _write(part, _blocks(source))
        after = _stat(source)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise InconsistentError(
                "data.changed",
                f"{source}: expected {before.st_size} unchanged bytes, found that something is writing to the file",
                "run again when the file is complete",
                path=str(source),
            )
        point("staged-fsync")
    return Staged(part, target_dir / name, sha256, before.st_size, access)


def stage_bytes(
    data: bytes | memoryview, target_dir: Path, name: str, run: str, *, access: Access | None = None
) -> Staged:
    """Write ``data`` next to its target, as ``<name>.<run>.part``; see :func:`stage`.

    Raises
    ------
    StoreError
        ``store.full``, ``store.read-only``, ``store.io`` or ``store.outside``. No ``.part`` is left behind.
    """
    access = access or Access()
    with _fresh_part(target_dir, name, run, access) as part:
        sha256 = _write(part, (data,))
        point("staged-fsync")
    return Staged(part, target_dir / name, sha256, memoryview(data).nbytes, access)


@contextlib.contextmanager
def _fresh_part(target_dir: Path, name: str, run: str, access: Access) -> Iterator[Path]:
    """Yield the path for a new .part; delete what is there when the block fails, however it does."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise StoreError(
            "store.outside",
            f"{name!r}: expected the name of a file in {target_dir}, found a path",
            "names that come from outside must go through hstlc.store.layout.slug",
            path=name,
        )
    make_directory(target_dir, access)
    part = target_dir / f"{name}.{run}.part"
    with translated(part):
        disk.unlink(part)  # left by a worker of this same run that died
    try:
        yield part
    except BaseException:
        with contextlib.suppress(OSError):
            disk.unlink(part)
        raise


def _stat(source: Path) -> os.stat_result:
    with translated(source, reading=True):
        return source.stat()


def _link(source: Path, part: Path) -> bool:
    """Tell whether a hard link could be made."""
    with translated(part):
        try:
            disk.link(source, part)
        except FileNotFoundError:
            _stat(source)  # says so if it is the source that is gone
            raise
        except OSError as error:
            if error.errno not in _COPY_INSTEAD:
                raise
            return False
    return True


def _write(part: Path, blocks: Iterable[bytes | memoryview]) -> str:
    sha256 = hashlib.sha256()
    with translated(part), disk.create(part) as writer:
        for block in blocks:
            sha256.update(block)
            disk.write(writer, block)
        writer.flush()
        point("staged")
        disk.fsync(writer.fileno())
    return sha256.hexdigest()


def _blocks(source: Path) -> Iterator[bytes]:
    with translated(source, reading=True):
        reader = source.open("rb", buffering=0)
    with reader:
        while True:
            with translated(source, reading=True):
                block = reader.read(BLOCK_SIZE)
            if not block:
                return
            yield block
