"""Putting the store in order after a crash, and comparing files with rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hstlc.db import records
from hstlc.db.engine import reading, writing
from hstlc.db.light_curves import refresh_orphans
from hstlc.pipeline.context import Context
from hstlc.pipeline.publication import finish_removals
from hstlc.store.digest import sha256_file
from hstlc.store.publish import publish, remove, run_alive, stage, sweep_parts

__all__ = ["Report", "sweep", "sweep_downloads", "verify"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What does not fit, as paths.

    Attributes
    ----------
    swept : tuple of Path
        Unfinished files of dead runs and superfluous copies, deleted.
    restored : tuple of Path
        Files put back that an interrupted update had replaced.
    missing : tuple of Path
        Rows without their file.
    damaged : tuple of Path
        Files whose content is not the recorded one.
    unknown : tuple of Path
        Files without a row.
    """

    swept: tuple[Path, ...] = ()
    restored: tuple[Path, ...] = ()
    missing: tuple[Path, ...] = ()
    damaged: tuple[Path, ...] = ()
    unknown: tuple[Path, ...] = ()

    @property
    def clean(self) -> bool:
        """True when rows and files fit."""
        return not (self.missing or self.damaged or self.unknown)


def sweep(context: Context) -> Report:
    """Finish what a dead run left: its ``.part`` files, its deletions, its half-made replacement of a version.

    Cheap: only names are listed, and only files without a row are read. Run at the start of every command
    that makes something.
    """
    layout = context.layout
    folders = (layout.filesystem, layout.outputs, layout.composite, layout.bad_data, layout.plots)
    swept = [path for folder in folders for path in sweep_parts(folder, lambda run: _working(context, run))]
    swept += sweep_parts(layout.ingest, run_alive)  # a download of this very process may be on its way there
    swept += finish_removals(context.engine, layout)
    restored = _restore_versions(context, swept)
    with writing(context.engine) as connection:
        refresh_orphans(connection)
    for path in swept:
        logger.info("deleted %s", path, extra={"action": "swept"})
    for path in restored:
        logger.warning("put back %s", path, extra={"action": "restored"})
    return Report(swept=tuple(swept), restored=tuple(restored))


def sweep_downloads(context: Context) -> list[Path]:
    """Delete the ``.part`` files of dead runs among what archives answered, and return their paths."""
    swept = sweep_parts(context.layout.download, lambda run: _working(context, run))
    for path in swept:
        logger.info("deleted %s", path, extra={"action": "swept"})
    return swept


def _working(context: Context, run: str) -> bool:
    """Tell whether another process may still write its ``.part`` files; this one has none when it begins."""
    return run != context.run and run_alive(run)


def _restore_versions(context: Context, swept: list[Path]) -> list[Path]:
    """Undo updates that were published but not committed.

    An update links the earlier version into ``superseded/`` before the new one takes its name. When no row says that
    a file of ``superseded/`` is there, its row still names the old place: the file goes back there if the new one took
    it, and the link goes away.
    """
    layout = context.layout
    links = [path for path in layout.filesystem.glob("*/superseded/*/*") if path.is_file()]
    if not links:
        return []
    with reading(context.engine) as connection:
        rows = [row for row in records.stored_files(connection) if row["origin"] == "exposure_file"]
    places = {_path(context, row): row for row in rows}
    owners: dict[str, Path] = {row["sha256"]: path for path, row in places.items()}
    restored = []
    for link in sorted(links):
        if link in places:
            continue
        sha256 = sha256_file(link)
        owner = owners.get(sha256)
        if owner is None:
            continue
        if not owner.is_file() or sha256_file(owner) != sha256:
            staged = stage(link, owner.parent, owner.name, context.run, link=False, access=layout.access)
            restored.append(publish(staged, replace=True))
        remove(link)
        swept.append(link)
    return restored


def verify(context: Context, *, content: bool = True) -> Report:
    """Compare every row with its file and every file with the rows; changes nothing.

    Parameters
    ----------
    context : Context
    content : bool
        Read every file and compare its digest; without, its size.
    """
    layout = context.layout
    with reading(context.engine) as connection:
        rows = {_path(context, row): row for row in records.stored_files(connection)}
    # a refused file that was left outside is its owner's
    rows = {path: row for path, row in rows.items() if any(path.is_relative_to(d) for d in layout.directories)}
    missing, damaged = [], []
    for path, row in sorted(rows.items()):
        if not path.is_file():
            missing.append(path)
        elif path.stat().st_size != row["size_bytes"] or (content and sha256_file(path) != row["sha256"]):
            damaged.append(path)
    folders = {layout.filesystem, layout.outputs, layout.composite, layout.bad_data, layout.plots}
    unknown = sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()} - rows.keys())
    return Report(missing=tuple(missing), damaged=tuple(damaged), unknown=tuple(unknown))


def _path(context: Context, row: Mapping[str, Any]) -> Path:
    """Return the path of a row; that of a refused file outside is where it was found."""
    path, filename = Path(row["path"]), str(row["filename"])
    return (path if path.is_absolute() else context.layout.resolve(row["path"])) / filename
