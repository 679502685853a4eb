"""Who may read and write what this program makes: set here and nowhere else."""

from __future__ import annotations

import functools
import grp
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hstlc.store.faults import translated

__all__ = ["Access", "apply_permissions", "make_directory"]

logger = logging.getLogger(__name__)

_EXECUTE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Access:
    """Permissions and group of everything below the data tree.

    Attributes
    ----------
    mode : int
        Permission bits of a folder; a file gets the same without the execute bits.
    group : str or None
        Name of the group, None for the one that the system chooses.
    """

    mode: int = 0o770
    group: str | None = None


def apply_permissions(path: Path, access: Access) -> None:
    """Set group and permission bits of a file or folder that this user owns; leave another user's alone.

    A group that does not exist, or that this user may not give, is logged once and is no error: the file is there
    and its owner can read it.
    """
    with translated(path):
        found = path.stat()
        if found.st_uid != os.geteuid():
            return
        group_id = _group_id(access.group) if access.group else None
        if group_id is not None and group_id != found.st_gid:
            try:
                _chown(path, group_id)
            except PermissionError:
                _warn_once(access.group, "this user is not a member of it")
        inherits = found.st_mode & stat.S_ISGID  # the files of such a folder get its group
        path.chmod(access.mode | inherits if stat.S_ISDIR(found.st_mode) else access.mode & ~_EXECUTE)


def make_directory(path: Path, access: Access) -> Path:
    """Make a folder and those above it that are missing; those that exist keep their permissions.

    Raises
    ------
    StoreError
        ``store.full``, ``store.read-only``, or ``store.io`` where a file has the folder's name.
    """
    if path.is_dir():
        return path
    make_directory(path.parent, access)
    with translated(path):
        path.mkdir(mode=0o700, exist_ok=True)
    apply_permissions(path, access)
    return path


def _chown(path: Path, group_id: int) -> None:
    os.chown(path, -1, group_id)


@functools.cache
def _group_id(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        _warn_once(name, "there is no such group on this system")
        return None


@functools.cache
def _warn_once(name: str, why: str) -> None:
    logger.warning("files keep their group instead of %r: %s", name, why)
