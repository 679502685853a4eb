"""From staged files to a consistent store: publish, commit the rows, then delete what is no longer needed.

Whatever moment the process ends at, the next run goes on: a published file without a row is recognised by its digest,
and what is to be deleted stands in ``pending_removal`` from the commit on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from hstlc.db import records, targets
from hstlc.db.engine import reading, writing
from hstlc.db.exposures import ExposureRows, save_exposures
from hstlc.errors import HstlcError, LockHeldError, StoreError
from hstlc.model import Finding
from hstlc.pipeline.observation import Outcome, metadata_row
from hstlc.pipeline.plan import State
from hstlc.pipeline.reasons import registered
from hstlc.pipeline.results import Failure, failure_of
from hstlc.pipeline.stored import removals
from hstlc.store.digest import sha256_file
from hstlc.store.layout import Layout
from hstlc.store.points import point
from hstlc.store.publish import Staged, discard, publish, remove, sync_folder

__all__ = ["finish_removals", "publish_all", "publish_batch", "remove_copy"]

logger = logging.getLogger(__name__)

Made = TypeVar("Made")


def publish_batch(engine: Engine, layout: Layout, outcomes: Sequence[Outcome]) -> list[Failure]:
    """Publish and record a batch of exposures in one transaction; return those whose files could not be published.

    Raises
    ------
    DatabaseError
        The rows could not be committed: nothing is recorded, everything that came is still where it was.
    """

    def record(connection: Connection, done: Sequence[Outcome]) -> list[Mapping[str, str]]:
        keys = [(outcome.task.mission, outcome.task.rootname) for outcome in done]
        before = records.exposure_products(connection, keys)
        pairs = [(outcome, before.get(key, ())) for outcome, key in zip(done, keys, strict=True)]
        save_exposures(connection, [_exposure_rows(outcome, layout, old) for outcome, old in pairs])
        targets.link_exposures(connection, keys)
        return [row for outcome, old in pairs for row in _removals(outcome, old, layout)]

    return publish_all(
        engine,
        layout,
        outcomes,
        name=lambda outcome: outcome.task.name,
        files=lambda outcome: [(p.staged, p.replace) for p in outcome.placements if p.staged is not None],
        record=record,
    )


def publish_all(
    engine: Engine,
    layout: Layout,
    batch: Sequence[Made],
    *,
    name: Callable[[Made], str],
    files: Callable[[Made], Sequence[tuple[Staged, bool]]],
    record: Callable[[Connection, Sequence[Made]], Sequence[Mapping[str, str]]],
) -> list[Failure]:
    """Give the staged files of a batch their names, write its rows in one transaction, delete what is superfluous.

    Parameters
    ----------
    engine, layout
    batch : sequence
        Each with its files; one whose files cannot be published is left out of the rows.
    name : callable
        What to call one in a failure.
    files : callable
        Its staged files, each with whether it may take the place of another.
    record : callable
        Writes the rows of all whose files were published, and returns rows of ``pending_removal``.

    Returns
    -------
    list of Failure

    Raises
    ------
    DatabaseError
        Nothing was recorded.
    LockHeldError
        ``lock.lost``: nothing was recorded.
    """
    failures: list[Failure] = []
    done: list[Made] = []
    for made in batch:
        try:
            for staged, replace in files(made):
                publish(staged, replace=replace, sync=False)
        except LockHeldError:
            raise  # another process works on this store: none of these is to be published
        except HstlcError as error:
            for staged, _ in files(made):
                with suppress(StoreError):  # the sweep of the next run takes what cannot be deleted now
                    discard(staged)
            failures.append(failure_of(error, what=name(made)))
        else:
            done.append(made)
    unsafe = _sync_folders(staged.target.parent for made in done for staged, _ in files(made))
    if unsafe:
        faults = {id(made): unsafe[p] for made in done for s, _ in files(made) if (p := s.target.parent) in unsafe}
        failures += [failure_of(faults[id(made)], what=name(made)) for made in done if id(made) in faults]
        done = [made for made in done if id(made) not in faults]
    if done:
        point("published-fsync")
        with writing(engine) as connection:
            published = (str(staged.target) for made in done for staged, _ in files(made))
            records.cancel_removals(connection, published)
            records.add_removals(connection, record(connection, done))
            point("before-commit")
        point("committed")
        finish_removals(engine, layout)
    return failures


def _sync_folders(folders: Iterable[Path]) -> dict[Path, HstlcError]:
    """Have the names in folders on the disk, each folder once, and return those of which it cannot be said."""
    unsafe = {}
    for folder in sorted(set(folders)):
        try:
            sync_folder(folder)
        except HstlcError as error:
            unsafe[folder] = error
    return unsafe


def _exposure_rows(outcome: Outcome, layout: Layout, old: Sequence[Mapping[str, Any]]) -> ExposureRows:
    bad: list[dict[str, Any]] = []
    metadata = metadata_row(outcome, layout) if outcome.rejection is None else None
    if metadata is not None and {row["input_digest"] for row in old} - {p["input_digest"] for p in outcome.products}:
        metadata["withdrawn"] = ""  # other files than before: the archive has delivered it again
    if outcome.rejection is not None:
        rejected = {
            "ingest_date": datetime.now(UTC).date(),
            "reason": registered(outcome.rejection.reason),
            "message": outcome.rejection.message,
        }
        columns = ("kind", "filename", "path", "sha256", "size_bytes")
        files = [row for row in outcome.files if row["state"] == State.REJECTED]
        bad = [{**{name: row[name] for name in columns}, **rejected} for row in files]
    return ExposureRows(
        outcome.task.mission,
        outcome.task.rootname,
        metadata=metadata,
        files=outcome.files,
        products=outcome.products,
        bad=bad,
        findings=[_finding_row(finding) for finding in outcome.findings],
        sources=outcome.sources,
        composes=outcome.composes,
    )


def _finding_row(finding: Finding) -> dict[str, Any]:
    row = asdict(finding)
    return {**row, "check_name": row.pop("check"), "severity": finding.severity.value}


def _removals(outcome: Outcome, old: Sequence[Mapping[str, Any]], layout: Layout) -> list[Mapping[str, str]]:
    """Return what the new rows make superfluous: sources that were taken in, old places, old products."""
    targets = {placement.target for placement in outcome.placements}
    rows: list[Mapping[str, str]] = []

    def add(path: Path, sha256: str, kept: Path | None) -> None:
        if path not in targets:
            kept_path = str(kept) if kept is not None else ""
            rows.append({"path": str(path), "sha256": sha256, "kept_path": kept_path})

    kept = {}
    for placement in outcome.placements:
        candidate = placement.candidate
        if candidate is None:
            continue
        kept[candidate.sha256] = placement.target
        ours = candidate.state is not State.INCOMING or candidate.inside or outcome.task.move
        if ours and candidate.path != placement.target:
            add(candidate.path, candidate.sha256, placement.target)
    for extra, _ in outcome.task.plan.redundant:
        if (extra.inside or outcome.task.move) and extra.sha256 in kept:
            add(extra.path, extra.sha256, kept[extra.sha256])
    return [*rows, *removals(layout, old, targets)]


def finish_removals(engine: Engine, layout: Layout) -> list[Path]:
    """Delete the files that stand in ``pending_removal`` and return their paths; what cannot be deleted stays there."""
    with reading(engine) as connection:
        pending = records.removals(connection)
    if not pending:
        return []
    removed, done = [], {}
    for row in pending:
        path = Path(row["path"])
        try:
            if remove_copy(path, row["sha256"], Path(row["kept_path"]) if row["kept_path"] else None):
                removed.append(path)
        except LockHeldError:
            raise
        except HstlcError as error:
            logger.error("%s is still to be deleted: %s", path, error)
        else:
            done[row["id"]] = path.parent
    unsafe = _sync_folders(path.parent for path in removed)
    for folder, fault in unsafe.items():
        logger.error("files in %s may still be there: %s", folder, fault)
    for folder in sorted({path.parent for path in removed} - unsafe.keys()):
        _remove_empty_folders(folder, layout)
    with writing(engine) as connection:
        records.remove_removals(connection, [row for row, folder in done.items() if folder not in unsafe])
    return removed


def remove_copy(path: Path, sha256: str, kept: Path | None) -> bool:
    """Delete a file that is no longer needed and tell whether it was there.

    It stays when it has not the content that was recorded (another file took its name), or when the copy that is kept
    has not that content or is the same file under another path. The folder is not synchronized.

    Parameters
    ----------
    path : Path
    sha256 : str
        Content of both; '' for a product, which can be made again.
    kept : Path or None
        The copy; None for a product.
    """
    if not path.exists():
        return False
    if kept is not None and _is_second_name(path, kept):
        remove(path, sync=False)  # whatever is in it stays under the other name
        return True
    if sha256 and sha256_file(path) != sha256:
        logger.warning("%s is kept: it was replaced by another file", path)
        return False
    if kept is not None and (not kept.is_file() or kept.resolve() == path.resolve() or sha256_file(kept) != sha256):
        logger.error("%s is kept: its copy %s does not verify", path, kept)
        return False
    remove(path, sync=False)
    return True


def _is_second_name(path: Path, kept: Path) -> bool:
    """Tell whether two paths are two names (hard links) of one file."""
    linked = kept.is_file() and path.samefile(kept) and path.resolve() != kept.resolve()
    return linked and path.stat().st_nlink > 1


def _remove_empty_folders(folder: Path, layout: Layout) -> None:
    """Delete a folder that became empty and those above it, within the data tree and without its own folders."""
    roots = set(layout.directories)
    while folder not in roots and any(root in folder.parents for root in roots - {layout.home}):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
