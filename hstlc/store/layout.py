"""Where things are in the data tree, and names that are safe as names of folders."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hstlc.errors import StoreError
from hstlc.store.permissions import Access, make_directory

__all__ = ["MAX_SLUG_BYTES", "Layout", "slug"]

MAX_SLUG_BYTES = 80

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
_TAGGED = re.compile(r"-[0-9a-f]{8}\Z")
_PAGE = re.compile(r"\.html?\Z", re.IGNORECASE)  # pages lie beside the folders of the targets
_RESERVED = frozenset({"composite", "superseded"})  # folders of the data tree itself


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one data tree, all absolute.

    Attributes
    ----------
    home, ingest, filesystem, outputs, composite, bad_data, plots, download, logs : Path
        The folders; all but ``home`` may lie elsewhere.
    permissions : int
        Permission bits of the folders; files get the same without the execute bits.
    group : str or None
        Group of everything that is made, None for the one that the system chooses.
    """

    home: Path
    ingest: Path
    filesystem: Path
    outputs: Path
    composite: Path
    bad_data: Path
    plots: Path
    download: Path
    logs: Path
    permissions: int = 0o770
    group: str | None = None

    @property
    def access(self) -> Access:
        """Permissions and group in the form that :mod:`hstlc.store.publish` takes."""
        return Access(self.permissions, self.group)

    @property
    def directories(self) -> tuple[Path, ...]:
        """Every folder of the tree, ``home`` first."""
        return (
            self.home,
            self.ingest,
            self.filesystem,
            self.outputs,
            self.composite,
            self.bad_data,
            self.plots,
            self.download,
            self.logs,
        )

    def make_directories(self) -> None:
        """Make the folders that are missing; those that exist keep their permissions.

        Raises
        ------
        StoreError
            ``store.full``, ``store.read-only`` or ``store.io``.
        """
        for directory in self.directories:
            make_directory(directory, self.access)

    def relative(self, path: Path) -> str:
        """Return the text that stands for ``path`` in the database.

        POSIX, relative to ``home`` where ``path`` is below it, else absolute: a tree that is moved as a whole stays
        valid. :meth:`resolve` is the inverse.
        """
        absolute = Path(os.path.normpath(self.home / path))
        if absolute.is_relative_to(self.home):
            return absolute.relative_to(self.home).as_posix()
        return absolute.as_posix()

    def resolve(self, text: str) -> Path:
        """Return the path that ``text``, made by :meth:`relative`, stands for.

        Raises
        ------
        StoreError
            ``store.outside``: the path is in none of the tree's folders, or has a ``..`` in it.
        """
        path = self.home / text
        inside = any(path.is_relative_to(directory) for directory in self.directories)
        if ".." in PurePosixPath(text).parts or "\0" in text or not inside:
            raise StoreError(
                "store.outside",
                f"{text!r}: expected a path inside the data tree {self.home}, found one that leads out of it",
                "check home_dir and the other directories of the configuration, and the row this path stands in",
                path=text,
            )
        return path


def slug(name: str) -> str:
    """Return ``name`` as a safe name of a folder or part of a file name; two names never give the same one.

    Names made of ``A-Z a-z 0-9 . _ + -`` stay as they are. In all others accents are dropped and the rest becomes
    ``-``; then ``-`` and 8 hexadecimal digits of the SHA-256 of the original are appended, as they are to a name that
    already ends like that, starts with a dot or dash, is empty, longer than 80 bytes, or is that of a folder of the
    tree or of a page.
    The function is therefore not idempotent: give it the original name.

    Examples
    --------
    >>> slug("GJ-436"), slug("4C+06.41")
    ('GJ-436', '4C+06.41')
    >>> slug("../etc/passwd")
    'etc-passwd-7fef78f5'
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = _UNSAFE.sub("-", plain).lstrip(".-")
    fits = len(plain) <= MAX_SLUG_BYTES and not _TAGGED.search(plain) and not _PAGE.search(plain)
    if plain == name and plain and fits and plain.lower() not in _RESERVED:
        return plain
    tag = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{(plain or 'unnamed')[: MAX_SLUG_BYTES - 9].rstrip('-')}-{tag}"
