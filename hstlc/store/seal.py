"""Marks by which a file is known to be unchanged without reading it again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

__all__ = ["Seal", "seal"]

#: A file changed within so short a time before it was read may be changed again without a new time of change.
_RACY_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Seal:
    """A file as it was when its content was hashed: one with the same marks has the same content.

    Attributes
    ----------
    device, inode : int
    size : int, bytes
    mtime_ns : int, nanoseconds
    sha256 : str
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    sha256: str

    def fits(self, stat: os.stat_result) -> bool:
        """Tell whether this is the file, and unchanged."""
        found = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        return found == (self.device, self.inode, self.size, self.mtime_ns)


def seal(stat: os.stat_result, sha256: str) -> Seal | None:
    """Return the seal of a file that was just hashed; None when it was changed so lately that its marks prove nothing.

    Parameters
    ----------
    stat : os.stat_result
        Taken after the file was hashed.
    sha256 : str
    """
    if time.time_ns() - stat.st_mtime_ns < _RACY_NS:
        return None
    return Seal(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, sha256)
