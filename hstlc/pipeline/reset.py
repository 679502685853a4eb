"""Files back to where ingest takes them from, and light curves removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from hstlc.pipeline.context import Context
from hstlc.pipeline.sweep import sweep
from hstlc.store.digest import sha256_file
from hstlc.store.faults import translated
from hstlc.store.publish import publish, remove, stage

__all__ = ["reset_files"]


def reset_files(context: Context) -> tuple[list[Path], list[Path]]:
    """Move every file of the filesystem folder back to the ingest folder and delete what is in the outputs folder.

    Every version goes back, each under its name; where another file has the name, in a folder of its digest. Rows are
    not touched: reset the database too, or ingest again, which finds its files where they are now.

    Returns
    -------
    tuple of two lists of Path
        Where the files are now, and what was deleted.
    """
    layout = context.layout
    sweep(context)
    moved = []
    for path in sorted(p for p in layout.filesystem.rglob("*") if p.is_file()):
        target = layout.ingest / path.name
        if target.exists() and sha256_file(target) != sha256_file(path):
            target = layout.ingest / sha256_file(path)[:8] / path.name
        staged = stage(path, target.parent, target.name, context.run, link=True, access=layout.access)
        moved.append(publish(staged))
        remove(path)
    for folder in sorted((p for p in layout.filesystem.rglob("*") if p.is_dir()), reverse=True):
        with translated(folder):
            folder.rmdir()
    folders = {layout.outputs, layout.composite}  # the second is in the first, unless it was put elsewhere
    deleted = sorted({p for folder in folders for p in folder.rglob("*") if p.is_file()})
    for child in sorted({child for folder in folders for child in folder.iterdir()}, reverse=True):
        with translated(child):
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                child.unlink()
    layout.make_directories()
    return moved, deleted
