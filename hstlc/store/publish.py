"""Put a file under its name so that a crash at any moment loses nothing and overwrites nothing.

::

    stage      source -> <name>.<run>.part in the target folder, hashed, on the disk
    publish    .part  -> <name>, never over another file; the folder's entry on the disk
    (commit the rows)
    remove     the source in the ingest folder

What a crash leaves behind is a ``.part`` file, removed by :func:`sweep_parts`, or a published file without a row, which
the next run finds and recognizes by its digest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hstlc.errors import StoreError
from hstlc.store import disk, fence
from hstlc.store.digest import sha256_file
from hstlc.store.faults import translated
from hstlc.store.permissions import apply_permissions
from hstlc.store.points import point
from hstlc.store.run import run_alive, run_id, run_of_part
from hstlc.store.seal import Seal, seal
from hstlc.store.stage import Staged, stage, stage_bytes

__all__ = [
    "Seal",
    "Staged",
    "apply_permissions",
    "discard",
    "free_space_guard",
    "publish",
    "remove",
    "run_alive",
    "run_id",
    "seal",
    "stage",
    "stage_bytes",
    "sweep_parts",
    "sync_folder",
]


def publish(staged: Staged, *, replace: bool = False, sync: bool = True) -> Path:
    """Give a staged file its name and return the path; the ``.part`` is gone afterwards.

    Parameters
    ----------
    staged : Staged
        Of :func:`stage` or :func:`stage_bytes`.
    replace : bool
        Take the place of a file that has the name already: for products, which can be made again. With False only
        a file with the same content may have it, which is a success.
    sync : bool
        Return when the name is on the disk; else :func:`sync_folder` is still to be called.

    Raises
    ------
    StoreError
        ``store.exists``: another file has the name; it stays as it is. ``store.full``, ``store.read-only`` or
        ``store.io``: nothing was published.
    LockHeldError
        ``lock.lost``: see :mod:`hstlc.store.fence`; the ``.part`` stays.
    """
    fence.check()
    try:
        apply_permissions(staged.part, staged.access)
        with translated(staged.target):
            if replace:
                disk.replace(staged.part, staged.target)
            else:
                _link_or_recognize(staged)
    finally:
        discard(staged)  # rename(2) of two names of one file does nothing and would leave the .part
    point("published")
    if sync:
        with translated(staged.target):
            disk.fsync_directory(staged.target.parent)
        point("published-fsync")
    return staged.target


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk; once for all files that were published in it or deleted.

    Raises
    ------
    StoreError
        ``store.full``, ``store.read-only`` or ``store.io``.
    """
    with translated(folder):
        disk.fsync_directory(folder)


def _link_or_recognize(staged: Staged) -> None:
    target = staged.target
    try:
        disk.link(staged.part, target)
    except FileExistsError:
        if target.is_file() and not target.is_symlink() and sha256_file(target) == staged.sha256:
            return
        raise StoreError(
            "store.exists",
            f"{target}: expected no file of this name or the same one, found one with other content",
            "nothing was overwritten; compare the two and move one of them away",
            path=str(target),
            sha256=staged.sha256,
        ) from None


def discard(staged: Staged) -> None:
    """Delete the ``.part`` of a file that will not be published."""
    with translated(staged.part):
        disk.unlink(staged.part)


def remove(path: Path, *, sync: bool = True) -> None:
    """Delete a file; one that is not there is a success.

    Parameters
    ----------
    path : Path
    sync : bool
        Return when that is on the disk; else :func:`sync_folder` is still to be called.

    Raises
    ------
    StoreError
        ``store.read-only`` or ``store.io``.
    LockHeldError
        ``lock.lost``: see :mod:`hstlc.store.fence`.
    """
    fence.check()
    with translated(path):
        disk.unlink(path)
        point("unlinked")
        if sync:
            disk.fsync_directory(path.parent)


def sweep_parts(folder: Path, alive: Callable[[str], bool] = run_alive) -> list[Path]:
    """Delete the ``.part`` files of dead runs in ``folder`` and below it, and return their paths, sorted.

    Parameters
    ----------
    folder : Path
        A folder of the data tree; symbolic links to folders are not followed.
    alive : callable
        Tells from a run's identifier whether it may still be at work.
    """
    swept = []
    for directory, _, names in os.walk(folder):
        for name in names:
            run = run_of_part(name)
            if run is not None and not alive(run):
                path = Path(directory, name)
                with translated(path):
                    disk.unlink(path)
                swept.append(path)
    return sorted(swept)


def free_space_guard(folder: Path, needed: int, minimum: int) -> None:
    """Refuse to begin what would leave less than ``minimum`` bytes free.

    Parameters
    ----------
    folder : Path
        Where ``needed`` bytes are to be written; may be missing as yet.
    needed, minimum : int, bytes

    Raises
    ------
    StoreError
        ``store.full``.
    """
    existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    with translated(folder):
        free = disk.free_bytes(existing)
    if free - needed < minimum:
        raise StoreError(
            "store.full",
            f"{folder}: expected room for {needed} bytes and {minimum} to spare, found {free} bytes free",
            "free some space, or lower min_free_space in the configuration",
            path=str(folder),
            free=free,
            needed=needed,
        )
