"""The files a run was given, and what each of them says it is."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hstlc.errors import InconsistentError, UnreadableError, UsageError
from hstlc.formats.fits_file import is_fits_name
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.registry import missions
from hstlc.pipeline.reasons import UNKNOWN, UNREADABLE
from hstlc.pipeline.results import Failure, failure_of
from hstlc.store.digest import sha256_file
from hstlc.store.faults import translated
from hstlc.store.layout import Layout
from hstlc.store.publish import Seal, seal

__all__ = ["Incoming", "Input", "changed", "find_inputs", "fits_files", "identify", "inspect"]


@dataclass(frozen=True, slots=True)
class Input:
    """A file to look at.

    Attributes
    ----------
    path : Path
    inside : bool
        It lies in the ingest folder, the only one that files are moved out of.
    missions : tuple of str
        Missions that may recognise it; empty for all.
    """

    path: Path
    inside: bool
    missions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was looked at."""

    identity: FileIdentity
    sha256: str
    size: int
    inside: bool
    seal: Seal | None = None


def find_inputs(paths: Sequence[Path], layout: Layout, only: tuple[str, ...] = ()) -> list[Input]:
    """Return the files to ingest that paths stand for, without the rest of the data tree; see :func:`fits_files`.

    Raises
    ------
    UsageError
        ``usage.no-such-path``.
    """
    ingest = layout.ingest.resolve()
    own = {d.resolve() for d in layout.directories if d not in (layout.home, layout.ingest)}
    return [Input(file, file.is_relative_to(ingest), only) for file in fits_files(paths, own)]


def fits_files(paths: Sequence[Path], without: Collection[Path] = ()) -> list[Path]:
    """Return the FITS files that paths stand for, resolved, each once, sorted.

    A folder stands for the FITS files in it and below it, without hidden ones and the folders ``without``; a file
    stands for itself whatever its name.

    Raises
    ------
    UsageError
        ``usage.no-such-path``.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise UsageError(
                "usage.no-such-path", f"{path}: there is no such file or folder", "check the path", path=str(path)
            )
        found.update(_walk(path.resolve(), without) if path.is_dir() else [path.resolve()])
    return sorted(found)


def _walk(folder: Path, without: Collection[Path]) -> Iterator[Path]:
    for directory, folders, names in os.walk(folder):
        here = Path(directory)
        folders[:] = [name for name in folders if not name.startswith(".") and here / name not in without]
        for name in names:
            if not name.startswith(".") and is_fits_name(Path(name)) and (here / name).is_file():
                yield (here / name).resolve()


def inspect(file: Input) -> Incoming | Failure:
    """Identify a file by its content and take its digest; whatever is wrong with it is a failure of its own."""
    path = file.path
    try:
        with translated(path, reading=True):
            before = path.stat()
            identity = identify(path, file.missions)
            sha256 = sha256_file(path)
            after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise changed(path, "the file to stay as it is while it is read")
        return Incoming(identity, sha256, after.st_size, file.inside, seal(after, sha256))
    except Exception as error:
        return failure_of(error, path=path)


def changed(path: Path, expected: str) -> InconsistentError:
    """Return the error to raise for a file that is not what it was a moment ago."""
    return InconsistentError(
        "data.changed",
        f"{path}: expected {expected}, found another content",
        "something is writing to the file; run again when it is complete",
        path=str(path),
    )


def identify(path: Path, only: tuple[str, ...] = ()) -> FileIdentity:
    """Return what a file is to the first mission that recognises it; REFUSED when none does."""
    problem: UnreadableError | None = None
    for name, mission in missions().items():
        if only and name not in only:
            continue
        try:
            identity = mission.identify(path)
        except UnreadableError as error:
            problem = error
            continue
        if identity is not None:
            return identity
    if problem is not None:
        return FileIdentity(
            path, "", "", "", Role.REFUSED, problem=problem.message, reason=UNREADABLE, message=problem.message
        )
    message = f"{path.name}: a FITS file that no installed mission ({', '.join(missions())}) recognises"
    return FileIdentity(path, "", "", "", Role.REFUSED, reason=UNKNOWN, message=message)
