"""The report of an object: a folder with one page over its sources, and all that the page leads to.

The folder is there as a whole or not at all: it is made beside its place as ``<name>.<run>.part`` and renamed. Only a
folder that a report made, with nothing else in it, gives way to a new one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hstlc.db import reports
from hstlc.db.engine import reading
from hstlc.errors import StepError, StoreError, UsageError
from hstlc.pipeline.context import Context
from hstlc.pipeline.delivery import refuse_store, sweep_folders
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.report_choice import Choice, chosen_sources, place_text
from hstlc.pipeline.report_files import STATIC, Made, ReportTask, make_report_files, write_file
from hstlc.pipeline.results import Failure
from hstlc.pipeline.stored import stored_path
from hstlc.store import disk
from hstlc.store.digest import sha256_file
from hstlc.store.faults import translated
from hstlc.store.layout import Layout, slug
from hstlc.store.permissions import make_directory
from hstlc.store.publish import free_space_guard, sync_folder

if TYPE_CHECKING:
    from hstlc.plots.report import ReportSource

__all__ = ["INDEX", "MARKER", "Report", "default_report_folder", "make_report"]

#: The page of a report, and the file that tells a report from other folders.
INDEX, MARKER = "index.html", "hstlc-report.json"

_FORMAT = 1
_FACTOR = 8  # pictures, pages and exports take less than so many times the light curves themselves

Observations = list[tuple[str, list[list[Mapping[str, Any]]]]]


@dataclass(frozen=True, slots=True)
class Report:
    """What was made.

    Attributes
    ----------
    folder : Path
    sources, observations, files : int
    unchanged : bool
        The folder held just this before.
    """

    folder: Path
    sources: int
    observations: int
    files: int
    unchanged: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "folder": str(self.folder),
            "sources": self.sources,
            "observations": self.observations,
            "files": self.files,
            "unchanged": self.unchanged,
        }


def default_report_folder(layout: Layout, choice: Choice) -> Path:
    """Return where a report goes by default."""
    return layout.home / "reports" / slug(choice.title)


def make_report(
    context: Context,
    choice: Choice,
    folder: Path | None = None,
    *,
    workers: int | Workers = 1,
    progress: Progress | None = None,
) -> Report:
    """Write the report of what was chosen, or find that it is there.

    Parameters
    ----------
    context : Context
    choice : Choice
    folder : Path, optional
        A folder that does not exist, is empty, or is a report; see :func:`default_report_folder`.
    workers : int or Workers
    progress : Progress, optional

    Raises
    ------
    UsageError
        ``usage.nothing-to-report``: no source fits; ``usage.store-folder``: the folder is one of the store's.
    StepError
        ``step.failed``: a light curve could not be drawn; nothing is written then.
    StoreError
        ``store.exists``: the folder holds something else; it stays as it is.
    """
    from hstlc.plots.page import bokeh_script
    from hstlc.plots.report import report_page

    layout = context.layout
    folder = (folder or default_report_folder(layout, choice)).absolute()
    refuse_store(folder, layout)
    old = _files_of(folder)
    with reading(context.engine) as connection:
        found = chosen_sources(reports.reported_curves(connection), choice)
    if not found:
        raise UsageError(
            "usage.nothing-to-report",
            f"{choice.title}: there is no source with a light curve that fits",
            "a larger --radius or smaller thresholds may find some; 'hstlc ingest' makes light curves",
        )
    size = sum(row["size_bytes"] for _, observations in found for curves in observations for row in curves)
    free_space_guard(folder.parent, _FACTOR * size, context.settings.min_free_space)
    sweep_folders(folder, context.run)
    part = folder.with_name(f"{folder.name}.{context.run}.part")
    make_directory(part, layout.access)
    try:
        script, content = bokeh_script()
        tasks = _tasks(context, found, part, script)
        made = _made(tasks, workers, progress or NoProgress())
        write = partial(write_file, part, run=context.run, access=layout.access)
        files = {path: sha256 for one in made for path, sha256 in one.files.items()}
        for name, data in {**_static_files(), script: content}.items():
            files[f"{STATIC}/{name}"] = write(f"{STATIC}/{name}", data)
        sources = _sources(found, made)
        facts = _facts(choice, sources)
        files[INDEX] = write(INDEX, report_page(choice.title, sources, facts, static=STATIC))
        marker = {"hstlc_report": _FORMAT, "title": choice.title, "files": dict(sorted(files.items()))}
        write(MARKER, json.dumps(marker, indent=1, ensure_ascii=False).encode("utf-8", "replace"))
        unchanged = old == files and all(sha256_file(folder / name) == sha for name, sha in files.items())
        if not unchanged:
            _put(part, folder, context.run)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Report(folder, len(sources), len(made), len(files) + 1, unchanged)


def _tasks(context: Context, found: Observations, part: Path, script: str) -> list[ReportTask]:
    return [
        ReportTask(
            f"{curves[0]['rootname']} {name}",
            f"s{number:02d}-{place:02d}",
            curves,
            [stored_path(context.layout, row) for row in curves],
            part,
            script,
            context.settings.stats.oversampling,
            context.run,
            context.layout.access,
        )
        for number, (name, observations) in enumerate(found, 1)
        for place, curves in enumerate(observations, 1)
    ]


def _made(tasks: Sequence[ReportTask], workers: int | Workers, progress: Progress) -> list[Made]:
    progress.stage("report", len(tasks))
    made: list[Made] = []
    failures: list[Failure] = []
    for result in run_tasks(workers, make_report_files, tasks, lambda task: task.name):
        progress.item("")
        if isinstance(result, Failure):
            failures.append(result)
        else:
            made.append(result)
    if failures:
        raise StepError(
            "step.failed",
            f"{len(failures)} of {len(tasks)} failed, no report was written; the first: {failures[0].message}",
            failures[0].hint or "run again once the cause is gone",
            failed=[one.what for one in failures],
        )
    return made


def _sources(found: Observations, made: Sequence[Made]) -> list[ReportSource]:
    from hstlc.plots.report import ReportSource

    curves = iter(one.curve for one in made)
    digits = max(2, len(str(len(found))))
    return [
        ReportSource(f"s{number:02d}", f"{number:0{digits}d}", name, tuple(next(curves) for _ in observations))
        for number, (name, observations) in enumerate(found, 1)
    ]


def _facts(choice: Choice, sources: Sequence[ReportSource]) -> list[tuple[str, str]]:
    """Return the head of the page: what the report was made with."""
    facts = [("Sources", f"{len(sources):,}"), ("Observations", f"{sum(len(one.curves) for one in sources):,}")]
    if choice.ra_deg is not None and choice.dec_deg is not None:
        facts.append(("Place (ICRS)", f"{place_text(choice.ra_deg, choice.dec_deg)} deg"))
        if not choice.source:
            facts.append(("Radius", f"{choice.radius_deg * 60:.4g} arcmin"))
    least = choice.minimum_significance
    facts.append(("Significance threshold", "none" if least is None else f"{least:g}"))
    facts.append(("Counts threshold", f"{choice.minimum_counts:,} counts" if choice.minimum_counts else "none"))
    return facts


def _static_files() -> dict[str, bytes]:
    from hstlc.plots.assets import report_files

    return report_files()


def _files_of(folder: Path) -> dict[str, str] | None:
    """Return the files of the report in a folder with their digests; None where there is no folder, or an empty one.

    Raises
    ------
    StoreError
        ``store.exists``: there is something else.
    """
    if not folder.is_symlink() and not folder.exists():
        return None
    with translated(folder):
        if folder.is_dir() and not folder.is_symlink():
            names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
            if not names:
                return None
            files = _read_marker(folder / MARKER)
            if files is not None and names <= {*files, MARKER}:
                return files
            other = sorted(names - {*(files or ()), MARKER})[:1]
        else:
            other = [folder.name]
    raise StoreError(
        "store.exists",
        f"{folder}: expected no such folder or a report, found something else in it, such as {''.join(other)}",
        "nothing was changed; give another folder, or move this one away",
        path=str(folder),
    )


def _read_marker(path: Path) -> dict[str, str] | None:
    try:
        told = json.loads(path.read_text("utf-8"))
        files = told["files"] if told["hstlc_report"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if isinstance(files, dict) else None


def _put(part: Path, folder: Path, run: str) -> None:
    """Give a folder its name; the report that has it is deleted once the new one is in its place."""
    aside = folder.with_name(f"{folder.name}.old.{run}.part")
    sync_folder(part)
    with translated(folder):
        if folder.exists():
            disk.replace(folder, aside)
        disk.replace(part, folder)
    sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
