"""Files that are recognised as nothing to make light curves of: recorded, and taken out of the ingest folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstlc.db import records
from hstlc.db.engine import reading, writing
from hstlc.errors import HstlcError
from hstlc.pipeline.context import Context
from hstlc.pipeline.inputs import Incoming
from hstlc.pipeline.placement import bad_data_path, safe_name, stage_verified
from hstlc.pipeline.publication import finish_removals
from hstlc.pipeline.reasons import registered
from hstlc.pipeline.results import Summary, failure_of
from hstlc.store.points import point
from hstlc.store.publish import publish

__all__ = ["refuse_files"]

logger = logging.getLogger(__name__)


def refuse_files(
    context: Context, files: Sequence[Incoming], summary: Summary, *, move: bool, dry_run: bool, known: bool
) -> None:
    """Record refused files as bad data; those of the ingest folder (all, with ``move``) go to ``bad_data/``.

    A refused file outside stays where it is and is not copied: it is not an exposure that we keep.
    """
    seen: set[tuple[str, str]] = set()
    if known and files:
        with reading(context.engine) as connection:
            seen = records.bad_files(connection, [file.sha256 for file in files])
    new = []
    for file in files:
        name = safe_name(file.identity.path, file.identity.kind, file.sha256)
        if (name, file.sha256) in seen and not (file.inside or move):
            summary.unchanged += 1
        elif dry_run:
            summary.rejected[file.identity.reason] += 1
        else:
            new.append((file, name))
    size = context.settings.commit_batch
    for start in range(0, len(new), size):
        _refuse_batch(context, new[start : start + size], summary, move=move)


def _refuse_batch(context: Context, files: Sequence[tuple[Incoming, str]], summary: Summary, *, move: bool) -> None:
    rows, removals = [], []
    for file, name in files:
        path = file.identity.path
        take = file.inside or move
        try:
            where = _take(context, file, name) if take else path
        except HstlcError as error:
            summary.failures.append(failure_of(error, path=path))
            continue
        rows.append(_row(context, file, where, name))
        if take:
            removals.append({"path": str(path), "sha256": file.sha256, "kept_path": str(where)})
    with writing(context.engine) as connection:
        records.save_bad_data(connection, rows)
        records.add_removals(connection, removals)
        point("before-commit")
    point("committed")
    for row in rows:
        logger.info("%s", row["message"], extra={"action": "refused"})
        summary.rejected[row["reason"]] += 1
    finish_removals(context.engine, context.layout)


def _take(context: Context, file: Incoming, name: str) -> Path:
    where = bad_data_path(context.layout, name, file.sha256)
    path, layout = file.identity.path, context.layout
    return publish(stage_verified(path, where, file.sha256, context.run, layout, link=file.inside, known=file.seal))


def _row(context: Context, file: Incoming, where: Path, name: str) -> Mapping[str, Any]:
    identity = file.identity
    said = {"mission": identity.mission, "rootname": identity.rootname, "kind": identity.kind}
    return {
        **(dict.fromkeys(said, "") if records.unstorable("bad_data", said) else said),
        "filename": name,
        "path": context.layout.relative(where.parent),
        "ingest_date": datetime.now(UTC).date(),
        "reason": registered(identity.reason),
        "message": identity.message.replace(str(identity.path), name),
        "sha256": file.sha256,
        "size_bytes": file.size,
    }
