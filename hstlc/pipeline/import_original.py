"""Light curves and rows of the original hstlc into the store: copied, checked and recorded, never moved.

What is imported has step version 0 and no files that it was made of, so that an ingest of the real files takes its
place. An exposure that was ingested already is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hstlc.db import light_curves, original, records
from hstlc.db.engine import reading, writing
from hstlc.db.upserts import chunks
from hstlc.errors import UsageError
from hstlc.formats.original import is_composite_name, is_curve_name, read_original
from hstlc.formats.original_tables import read_tables
from hstlc.missions.registry import missions
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers, run_tasks
from hstlc.pipeline.imported_curves import IMPORTED, Import, Look, import_composites, import_exposures
from hstlc.pipeline.inputs import fits_files
from hstlc.pipeline.original_rows import Catalog, Key, catalog
from hstlc.pipeline.progress import NoProgress, Progress
from hstlc.pipeline.reasons import registered_reasons
from hstlc.pipeline.recipes import missions_with
from hstlc.pipeline.results import Failure, Summary, failure_of
from hstlc.store.digest import sha256_file
from hstlc.store.layout import Layout

__all__ = ["ORIGINAL", "import_original", "look"]

#: The recipe whose missions the original knew.
ORIGINAL = "hstlc-2016"


def import_original(
    context: Context,
    folder: Path,
    tables: Sequence[Path],
    summary: Summary,
    *,
    workers: int | Workers = 1,
    known: bool = True,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> None:
    """Import what the original made; a second time changes nothing.

    Parameters
    ----------
    context : Context
        The store, held as its only writer unless it is a dry run.
    folder : Path
        Light curves are looked for in it and below it.
    tables : sequence of Path
        Dumps and CSV files; a folder stands for the ``.sql``, ``.csv`` and ``.tsv`` files in it.
    summary : Summary
        Gets the counts, and what is wrong with a file or row as failures.
    workers : int or Workers
    known : bool
        The database is there; False for a dry run without one.
    dry_run : bool
        Read and count, write nothing.
    progress : Progress, optional

    Raises
    ------
    UsageError
        ``usage.no-such-path``, or ``usage.import-folder``: a folder of the data tree.
    DatabaseError
    """
    progress = progress or NoProgress()
    paths = _paths(folder, context.layout)
    found = _catalog(tables)
    summary.files += len(paths)
    hint = "correct the row and import again; all others were taken over"
    summary.failures += [Failure(p.place, "data.row", f"{p.place}: {p.message}", hint) for p in found.problems]
    progress.stage("files", len(paths))
    looks: dict[str, Look] = {}
    for result in run_tasks(workers, look, paths, str):
        progress.item("")
        if isinstance(result, Failure):
            summary.failures.append(result)
        elif (first := looks.setdefault(result.path.name, result)).sha256 != result.sha256:
            message = f"{result.path}: expected one file of this name, found another in {first.path.parent}"
            summary.failures.append(Failure(str(result.path), "data.twice", message, "import the right one alone"))
    work = Import(context, found, looks, missions_with(ORIGINAL)[0], summary, known, dry_run)
    import_exposures(work)
    if not dry_run:
        import_composites(work)
        _import_statistics(work)
    _import_bad_data(work)
    _note_missing(work)


def look(path: Path) -> Look | Failure:
    """Read and check a light curve of the original."""
    try:
        sha256 = sha256_file(path)
        curve = read_original(path)
        starts = {int(row["dataset"]): float(row["expstart"]) for row in curve.provenance}
        return Look(path, sha256, path.stat().st_size, len(curve), float(curve["exposure"].sum()), starts)
    except Exception as error:
        return failure_of(error, path=path)


def _paths(folder: Path, layout: Layout) -> list[Path]:
    """Return the light curves below a folder, sorted; those in the data tree are ours."""
    if not folder.is_dir():
        raise UsageError("usage.no-such-path", f"{folder}: there is no such folder", "check the path", path=str(folder))
    own = {directory.resolve() for directory in layout.directories if directory not in (layout.home, layout.ingest)}
    if any(folder.resolve().is_relative_to(directory) for directory in own):
        raise UsageError(
            "usage.import-folder",
            f"{folder}: expected a folder outside of the data tree {layout.home}, found one that belongs to it",
            "choose another home_dir for this store; the folders of the original stay as they are",
            path=str(folder),
        )
    files = fits_files([folder], own)
    return [path for path in files if is_curve_name(path.name) or is_composite_name(path.name)]


def _catalog(tables: Sequence[Path]) -> Catalog:
    files: list[Path] = []
    for path in tables:
        if not path.exists():
            raise UsageError(
                "usage.no-such-path", f"{path}: there is no such file or folder", "check the path", path=str(path)
            )
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [one for one in inside if one == path or one.suffix.lower() in (".sql", ".csv", ".tsv")]
    rows = (row for path in files for row in read_tables(path))
    return catalog(rows, missions().keys(), missions_with(ORIGINAL)[0], registered_reasons().keys())


def _import_statistics(work: Import) -> None:
    """Record statistics of the light curves that have none."""
    wanted = {name: values for name, values in work.catalog.statistics.items() if name in work.looks}
    with reading(work.context.engine) as connection:
        products = original.imported(connection, wanted)
        known = original.described(connection, [row["id"] for row in products])
    now = datetime.now(UTC)
    rows = []
    for product in products:
        one = work.looks[product["filename"]]
        if product["sha256"] != one.sha256 or known.get(product["id"]) == one.sha256:
            continue
        made = {"curve_sha256": one.sha256, "step_version": IMPORTED, "settings_digest": "", "computed_at": now}
        size = {"bins_used": one.bins, "exposure_s": one.exposure_s, "datasets": len(one.starts)}
        place = {"lightcurve_path": product["path"], "lightcurve_filename": product["filename"]}
        rows.append({"product_id": product["id"], **place, **wanted[product["filename"]], **size, **made})
    for batch in chunks(rows):
        with writing(work.context.engine) as connection:
            light_curves.save_statistics(connection, batch)
    work.summary.statistics += len(rows)


def _import_bad_data(work: Import) -> None:
    """Record rejected files that are not known, and whose exposures are not."""
    bad = work.catalog.bad
    known: dict[str, set[str]] = {}
    ingested: Collection[Key] = ()
    if work.known:
        with reading(work.context.engine) as connection:
            known = original.known_bad(connection, bad)
            ingested = records.files_of(connection, [(row["mission"], row["rootname"]) for row in bad.values()])
    rows = [row for name, row in bad.items() if name not in known and (row["mission"], row["rootname"]) not in ingested]
    for row in rows:
        work.summary.rejected[row["reason"]] += 1
    if not work.dry_run:
        for batch in chunks(rows):
            with writing(work.context.engine) as connection:
                records.save_bad_data(connection, batch)


def _note_missing(work: Import) -> None:
    """Say which light curves the tables know and the folder has not."""
    named = {*work.catalog.curves, *work.catalog.composites}
    missing = sorted(named - work.looks.keys())
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        what = f"{len(missing)} light curves that the tables name are not in the folder"
        work.summary.waiting.append(f"{what}: {', '.join(missing[:3])}{more}")
