"""A file that is being downloaded: its bytes so far, and what is needed to go on from there.

Beside ``NAME.part`` lies ``NAME.part.json``. It says how many bytes are certainly on the disk, so that a download goes
on after a power cut too, and by what the server recognizes its file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["Part", "PartNotes"]

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class PartNotes:
    """What is known of a file that is being downloaded.

    Attributes
    ----------
    url : str
        Where it comes from, without secrets.
    validator : str
        Strong ETag, or else Last-Modified; '' where the server gives none.
    ranges : bool
        Whether the server can go on in the middle.
    total : int or None, bytes
        Size of the whole file, where the server says it.
    size : int, bytes
        What is certainly on the disk.
    """

    url: str
    validator: str = ""
    ranges: bool = False
    total: int | None = None
    size: int = 0


class Part:
    """The bytes of a download in ``folder``, called ``name`` with ``.part``.

    Every method raises OSError where the disk refuses.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.part"
        self.notes_path = folder / f"{name}.part.json"

    def discard(self) -> None:
        """Forget what is there."""
        self.notes_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def resumable(self, url: str) -> PartNotes | None:
        """Return where and how to go on; None where one must start over.

        Of a file that is there as a whole, the last byte is asked for again: the answer says whether it is current.
        """
        try:
            notes = PartNotes(**json.loads(self.notes_path.read_text("utf-8")))
            size = min(notes.size, self.path.stat().st_size)
            if notes.total is not None:
                size = min(size, notes.total - 1)
            usable = notes.url == url and notes.ranges is True and notes.validator and size > 0
        except (OSError, ValueError, TypeError):  # none there, or cut off
            return None
        return PartNotes(url, str(notes.validator), True, notes.total, size) if usable else None

    def digest(self, size: int) -> hashlib._Hash:
        """Return the running SHA-256 of the first ``size`` bytes."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while size > 0 and (block := file.read(min(size, _BLOCK))):
                digest.update(block)
                size -= len(block)
        return digest

    def open(self, size: int) -> BinaryIO:
        """Return the file, opened to write after its first ``size`` bytes; what follows them is gone."""
        file = self.path.open("r+b" if size else "wb", buffering=0)
        try:
            file.truncate(size)
            file.seek(size)
        except BaseException:
            file.close()
            raise
        return file

    def keep(self, file: BinaryIO, notes: PartNotes) -> None:
        """Bring the bytes to the disk, then the notes; only where one can go on there are any."""
        os.fsync(file.fileno())
        if not (notes.ranges and notes.validator):
            self.notes_path.unlink(missing_ok=True)
            return
        fresh = self.notes_path.with_suffix(".new")
        try:
            with fresh.open("w", encoding="utf-8") as target:
                json.dump(asdict(notes), target)
                target.flush()
                os.fsync(target.fileno())
            fresh.replace(self.notes_path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
