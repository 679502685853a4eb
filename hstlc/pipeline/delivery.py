"""A collection for an archive: composites with the headers and names it asks for, pictures, manifest and README.

A collection is a folder that is there as a whole or not at all: it is made beside its place as ``<name>.<run>.part``
and renamed. One that is there already is compared, never changed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hstlc.db.composites import due_configurations
from hstlc.db.deliver import composites_to_deliver
from hstlc.db.engine import reading
from hstlc.errors import DataError, InconsistentError, StepError, StoreError, UsageError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.formats.hlsp.check import Verdict, check_hlsp
from hstlc.formats.hlsp.collection import README, Entry, delivered, entry, manifest, manifest_name, preview_name, readme
from hstlc.formats.hlsp.names import Configuration, composite_name
from hstlc.formats.hlsp.project import Profile, Project
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.results import Failure, failure_of
from hstlc.pipeline.stored import stored_path
from hstlc.store import disk
from hstlc.store.digest import sha256_file
from hstlc.store.faults import translated
from hstlc.store.layout import Layout
from hstlc.store.permissions import Access, make_directory
from hstlc.store.points import point
from hstlc.store.publish import free_space_guard, publish, run_alive, stage_bytes, sync_folder
from hstlc.store.run import run_of_part

__all__ = ["Collection", "default_folder", "make_collection", "refuse_store", "sweep_folders"]

_SETUP = ("mission", "telescop", "instrume", "detector", "targname", "opt_elem", "cenwave", "aperture")


@dataclass(frozen=True, slots=True)
class Collection:
    """What was made.

    Attributes
    ----------
    folder : Path
    files : tuple of str
        Names of the files, sorted; of a dry run those of the light curves.
    size_bytes : int
    curves : int
    unchanged : bool
        The folder held just this before.
    """

    folder: Path
    files: tuple[str, ...]
    size_bytes: int
    curves: int
    unchanged: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "folder": str(self.folder),
            "curves": self.curves,
            "size_bytes": self.size_bytes,
            "unchanged": self.unchanged,
            "files": list(self.files),
        }


@dataclass(frozen=True, slots=True)
class _Task:
    """One composite to hand on."""

    source: Path
    sha256: str
    name: str
    configuration: Configuration
    project: Project
    folder: Path
    run: str
    access: Access


@dataclass(frozen=True, slots=True)
class _Made:
    """The files of one composite, and the rules that they break."""

    entries: tuple[Entry, ...]
    broken: tuple[str, ...]


def default_folder(layout: Layout, project: Project) -> Path:
    """Return where a collection goes by default: one folder a version."""
    return layout.home / "publish" / f"hlsp_{project.identifier}_v{project.version}"


def make_collection(
    context: Context,
    folder: Path | None = None,
    *,
    marked: bool = False,
    workers: int | Workers = 1,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Write the collection of all composites, or find that it is there.

    Light curves get headers and names of the profile ``mast`` and of the project as it is configured now, whatever
    profile the store uses. Each is held against the rules of :mod:`hstlc.formats.hlsp.check`.

    Parameters
    ----------
    context : Context
    folder : Path, optional
        A folder that does not exist, is empty, or holds this collection; see :func:`default_folder`.
    marked : bool
        Only composites with ``stats.deliver``.
    workers : int or Workers
    dry_run : bool
        Tell the names of the light curves, write nothing.
    progress : Progress, optional

    Raises
    ------
    UsageError
        ``usage.nothing-to-publish``; ``usage.composites-due``: exposures have changed since composites were made;
        ``usage.store-folder``: the folder is one of the store's.
    DataError
        ``data.hlsp-broken``: light curves that do not keep the rules, with all that is wrong in ``context``.
    StepError
        ``step.failed``: some could not be written. Nothing is published in any of these cases.
    StoreError
        ``store.exists``: the folder holds something else; it stays as it is.
    """
    layout = context.layout
    project = replace(context.settings.hlsp.project, profile=Profile.MAST)
    folder = (folder or default_folder(layout, project)).absolute()
    refuse_store(folder, layout)
    rows = _rows(context, marked)
    part = folder.with_name(f"{folder.name}.{context.run}.part")
    tasks = [_task(row, project, part, context) for row in rows]
    if dry_run:
        names = tuple(sorted(task.name for task in tasks))
        return Collection(folder, names, sum(row["size_bytes"] for row in rows), len(names))
    progress = progress or NoProgress()
    progress.stage("light curves", len(tasks))
    # a picture is smaller than its light curve
    free_space_guard(folder.parent, 2 * sum(row["size_bytes"] for row in rows), context.settings.min_free_space)
    sweep_folders(folder, context.run)
    make_directory(part, layout.access)
    try:
        made = []
        for result in run_tasks(workers, _make, tasks, lambda task: task.name):
            made.append(result)
            progress.item("")
        entries = _all_right(made)
        entries += _describe(entries, project, part, context)
        sync_folder(part)
        unchanged = _is_there(folder, entries)
        if not unchanged:
            with translated(folder):
                disk.replace(part, folder)
            point("published")
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    size = sum(one.size_bytes for one in entries)
    return Collection(folder, tuple(sorted(one.filename for one in entries)), size, len(tasks), unchanged)


def refuse_store(folder: Path, layout: Layout) -> None:
    """Raise for a folder that has, or is in, one of the store's.

    Raises
    ------
    UsageError
        ``usage.store-folder``.
    """
    taken = [one for one in layout.directories if one != layout.home]
    inside = [one for one in taken if folder.is_relative_to(one) or one.is_relative_to(folder)]
    if inside or folder == layout.home:
        raise UsageError(
            "usage.store-folder",
            f"{folder}: expected a folder of its own, found one that has or is part of the data tree",
            "give another folder, outside of the data tree or new in its home folder",
            path=str(folder),
        )


def _rows(context: Context, marked: bool) -> list[dict[str, Any]]:
    with reading(context.engine) as connection:
        rows = composites_to_deliver(connection, marked=marked)
        due = due_configurations(connection)
    if not rows:
        raise UsageError(
            "usage.nothing-to-publish",
            "there is no composite light curve that is marked for delivery" if marked else "there are no composites",
            "mark some with 'hstlc deliver set'" if marked else "'hstlc make-composites' makes them",
        )
    stale = [row["key"] for row in rows if row["key"] in due or row["mission"] is None]
    if stale:
        raise UsageError(
            "usage.composites-due",
            f"{len(stale)} of {len(rows)} composites are not made of the exposures as they are now: {stale[0]}",
            "run 'hstlc make-composites' first",
            configurations=stale,
        )
    return rows


def _task(row: Mapping[str, Any], project: Project, part: Path, context: Context) -> _Task:
    configuration = Configuration(*(row[name] for name in _SETUP))
    return _Task(
        stored_path(context.layout, row),
        row["sha256"],
        composite_name(configuration, project),
        configuration,
        project,
        part,
        context.run,
        context.layout.access,
    )


def _make(task: _Task) -> _Made | Failure:
    """Write one light curve and its picture, and hold it against the rules; an error is returned as a value."""
    try:
        return _made(task)
    except Exception as error:
        return failure_of(error, what=task.name)


def _made(task: _Task) -> _Made:
    from hstlc.plots.static import static_png

    if sha256_file(task.source) != task.sha256:
        raise InconsistentError(
            "data.changed",
            f"{task.source}: the light curve is not the one that was recorded",
            "run again where another command is at work; else delete it and run 'hstlc make-composites'",
            path=str(task.source),
        )
    curve = delivered(read_light_curve(task.source), task.configuration, task.project)
    contents = {task.name: ("lc", write_light_curve(curve)), preview_name(task.name): ("preview", static_png(curve))}
    for name, (_, content) in contents.items():
        _write(content, name, task.folder, task.run, task.access)
    results = check_hlsp(task.folder / task.name, Profile.MAST)
    return _Made(
        tuple(entry(name, kind, content, curve) for name, (kind, content) in contents.items()),
        tuple(f"{task.name}: {one.rule}: {one.message}" for one in results if one.verdict is Verdict.BROKEN),
    )


def _write(content: bytes, name: str, folder: Path, run: str, access: Access) -> None:
    publish(stage_bytes(content, folder, name, run, access=access), sync=False)


def _all_right(results: Iterable[_Made | Failure]) -> list[Entry]:
    """Return the rows of all files where none failed and none breaks a rule."""
    made = [one for one in results if isinstance(one, _Made)]
    failures = [one for one in results if isinstance(one, Failure)]
    broken = [text for one in made for text in one.broken]
    if broken:
        files = sum(bool(one.broken) for one in made)
        raise DataError(
            "data.hlsp-broken",
            f"{files} of {len(made) + len(failures)} light curves are not in order, nothing was published",
            "mend what is wrong, or leave them out: 'hstlc deliver unset' and --deliver-only",
            broken=broken,
        )
    if failures:
        raise StepError(
            "step.failed",
            f"{len(failures)} failed, nothing was published; the first: {failures[0].message}",
            failures[0].hint or "run again once the cause is gone",
            failed=[one.what for one in failures],
        )
    return [row for one in made for row in one.entries]


def _describe(entries: Sequence[Entry], project: Project, part: Path, context: Context) -> list[Entry]:
    """Write README and manifest, and return their rows."""
    name = manifest_name(one.filename for one in entries if one.type == "lc")
    text = readme(entries, project, name)
    rows = [entry(README, "readme", text)]
    table = manifest([*entries, *rows])
    for content, filename in ((text, README), (table, name)):
        _write(content, filename, part, context.run, context.layout.access)
    return [*rows, entry(name, "manifest", table)]


def _is_there(folder: Path, entries: Sequence[Entry]) -> bool:
    """Tell whether a folder holds just these files; False where there is none, or an empty one."""
    if not folder.is_symlink() and not folder.exists():
        return False
    wanted = {one.filename: one.sha256 for one in entries}
    with translated(folder):
        found = {path.name: _digest(path) for path in folder.iterdir()} if folder.is_dir() else {"": ""}
    if not found:
        return False
    different = sorted(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
    if different:
        what = ", ".join(different[:5]) + (f" and {len(different) - 5} more" if len(different) > 5 else "")
        raise StoreError(
            "store.exists",
            f"{folder}: expected no such folder or the same collection, found that it differs in {what}",
            "nothing was changed; give another folder, or move this one away",
            path=str(folder),
            different=different,
        )
    return True


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def sweep_folders(folder: Path, run: str) -> None:
    """Delete what dead runs left beside a folder of this name."""
    for path in folder.parent.glob(f"{folder.name}.*.part"):
        other = run_of_part(path.name)
        if path.is_dir() and other is not None and (other == run or not run_alive(other)):
            shutil.rmtree(path, ignore_errors=True)
