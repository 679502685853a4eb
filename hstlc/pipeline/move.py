"""Files, light curves and rows of exposures go to another target in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hstlc.db import plots, records, targets
from hstlc.db.engine import reading, writing
from hstlc.db.keys import configuration_key
from hstlc.errors import StoreError
from hstlc.model.same_target import separation_arcsec
from hstlc.pipeline.context import Context
from hstlc.pipeline.publication import finish_removals, publish_all
from hstlc.pipeline.results import Summary
from hstlc.pipeline.stored import removals, stored_path
from hstlc.store.layout import slug
from hstlc.store.publish import Staged, discard, stage

__all__ = ["Move", "move"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """Exposures that get another target.

    Attributes
    ----------
    name : str
        Name of the target that they get.
    leaving : tuple of mappings
        Rows of ``target`` that are renamed or merged, as a whole.
    exposures : tuple of mappings
        Rows of ``metadata``; those that have the target already are not among them.
    into : mapping or None
        Row of the target, where there is one.
    names : tuple of str
        What observers called it, where it is made of exposures of another one.
    """

    name: str
    leaving: tuple[Row, ...]
    exposures: tuple[Row, ...]
    into: Row | None = None
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Files:
    """What of a move is on the disk: staged files, old places, and rows with their new folders."""

    staged: list[tuple[Staged, bool]] = field(default_factory=list)
    removals: list[dict[str, str]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)


def move(context: Context, moved: Move, summary: Summary) -> None:
    """Do what was planned: in one transaction, after which every file is in its new place and the old ones go.

    Composites, statistics and plots are not made here.

    Parameters
    ----------
    context : Context
    moved : Move
    summary : Summary
        Gets ``moved`` and ``failures``.
    """
    if not (moved.leaving or moved.exposures):
        return
    content = _Files()
    try:
        with reading(context.engine) as connection:
            _stage(context, connection, moved, content)
        # should this end before the rows are written, the next run deletes what is in the new places
        taken = [{"path": str(s.target), "sha256": s.sha256, "kept_path": ""} for s, _ in content.staged]
        olds = {row["kept_path"]: row["path"] for row in content.removals}
        with writing(context.engine) as connection:
            records.add_removals(connection, [{**row, "kept_path": olds[row["path"]]} for row in taken])
    except BaseException:
        for staged, _ in content.staged:
            with suppress(StoreError):
                discard(staged)
        raise

    def record(connection: Connection, _: Sequence[Move]) -> Sequence[Mapping[str, str]]:
        _record(context, connection, moved, content)
        return [*content.removals, *removals(context.layout, content.views)]

    failures = publish_all(
        context.engine,
        context.layout,
        [moved],
        name=lambda one: f"target {one.name}",
        files=lambda _: content.staged,
        record=record,
    )
    if failures:
        finish_removals(context.engine, context.layout)
    summary.failures += failures
    summary.moved += 0 if failures else len(moved.exposures)


def _stage(context: Context, connection: Connection, moved: Move, content: _Files) -> None:
    """Stage every file of the exposures beside its new name."""
    layout = context.layout
    keys = [(row["mission"], row["rootname"]) for row in moved.exposures]
    folders = {layout.filesystem / slug(str(row["name"])) for row in moved.leaving}
    folders |= {layout.filesystem / slug(str(row["targname"])) for row in moved.exposures}
    new = layout.filesystem / slug(moved.name)
    rows: dict[int, Row] = {row["id"]: dict(row) for one in records.files_of(connection, keys).values() for row in one}
    if moved.leaving:  # earlier versions of exposures that are rejected now are there too
        rows |= {row["id"]: row for row in targets.files_below(connection, [layout.relative(one) for one in folders])}
    for row in rows.values():
        old = stored_path(layout, row)
        home = next((folder for folder in folders if old.is_relative_to(folder)), None)
        if home is not None and home != new:
            where = new / old.relative_to(home)
            content.files.append({"id": row["id"], "path": layout.relative(where.parent)})
            _stage_file(context, content, old, where, replace=False)
    made = [row for one in records.exposure_products(connection, keys).values() for row in one]
    for row in made:
        old = stored_path(layout, row)
        where = layout.outputs / slug(moved.name) / old.name
        content.products.append({"id": row["id"], "path": layout.relative(where.parent)})
        _stage_file(context, content, old, where, replace=True)
    content.views = plots.plots_of(connection, [row["id"] for row in content.products])


def _stage_file(context: Context, content: _Files, old: Path, where: Path, *, replace: bool) -> None:
    """Stage a file; one that is lost is missed in its new place from now on, one that is damaged moves as it is."""
    if old == where or not old.exists():
        return
    staged = stage(old, where.parent, where.name, context.run, link=True, access=context.layout.access)
    content.staged.append((staged, replace))
    content.removals.append({"path": str(old), "sha256": staged.sha256, "kept_path": str(where)})


def _record(context: Context, connection: Connection, moved: Move, content: _Files) -> None:
    layout = context.layout
    into = moved.into
    if into is None and moved.leaving:
        targets.rename_target(connection, moved.leaving[0], moved.name)
        number = int(moved.leaving[0]["id"])
    elif into is None:
        number = targets.add_target(connection, moved.name, *_place_apart(context, connection, moved))
        targets.decide(
            connection, (*moved.names, moved.name), moved.name, f"split from {moved.exposures[0]['targname']}"
        )
    else:
        number = int(into["id"])
    old, new = {row["id"]: stored_path(layout, row) for row in moved.exposures}, layout.filesystem / slug(moved.name)
    rows = []
    for row in moved.exposures:
        before = layout.filesystem / slug(str(row["targname"]))
        path = old[row["id"]].parent
        folder = new / path.relative_to(before) if path.is_relative_to(before) else path
        described = {**row, "targname": moved.name}
        configuration = configuration_key(described)
        rows.append({**described, "path": layout.relative(folder), "configuration": configuration})
    targets.move_rows(connection, number, rows, content.files, content.products)
    plots.remove_plots(connection, [row["id"] for row in content.views])
    if into is not None:
        for leaving in moved.leaving:
            targets.merge_target(connection, leaving, into)


def _place_apart(context: Context, connection: Connection, moved: Move) -> tuple[float | None, float | None]:
    """Return the place of a target that was split off, if it is another one than that of the target it comes from."""
    first = moved.exposures[0]
    source = targets.find_target(connection, str(first["targname"]))
    if source is None or None in (first["ra_deg"], first["dec_deg"], source["ra_deg"], source["dec_deg"]):
        return None, None
    place = first["ra_deg"], first["dec_deg"]
    apart = separation_arcsec(place, (source["ra_deg"], source["dec_deg"]))
    return place if apart > context.settings.targets.radius_arcsec else (None, None)
