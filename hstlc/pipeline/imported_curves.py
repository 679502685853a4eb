"""Copies of light curves that other software made, and their rows: of exposures, then of composites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping

from hstlc.db import composites, records
from hstlc.db.engine import reading
from hstlc.db.exposures import ExposureRows, save_exposures
from hstlc.db.keys import configuration_key
from hstlc.db.upserts import chunks
from hstlc.errors import HstlcError
from hstlc.formats.original import is_composite_name, is_curve_name
from hstlc.pipeline.composite import MemberRow
from hstlc.pipeline.context import Context
from hstlc.pipeline.observation import input_digest
from hstlc.pipeline.original_rows import Catalog, Key, unknown_exposure
from hstlc.pipeline.placement import curve_name, stage_verified
from hstlc.pipeline.publication import publish_all
from hstlc.pipeline.results import Failure, Summary, failure_of
from hstlc.pipeline.stored import is_stored, removals, stored_path
from hstlc.store.layout import slug
from hstlc.store.publish import Staged, free_space_guard

__all__ = ["IMPORTED", "Import", "Look", "import_composites", "import_exposures"]

#: Step version of what was imported.
IMPORTED = 0

#: Two files tell the start of an exposure within this, in days.
_SAME_START = 1.0 / 86400

#: The original left out of a composite what had a bin without a count.
LEFT_OUT = "Left out by the software that made it"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """A light curve that was looked at.

    Attributes
    ----------
    path : Path
    sha256 : str
    size : int, bytes
    bins : int
    exposure_s : float, seconds
    starts : mapping of int to float, days
        MJD of the start of the exposure of each dataset.
    """

    path: Path
    sha256: str
    size: int
    bins: int
    exposure_s: float
    starts: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Import:
    """What is to be imported into a store.

    Attributes
    ----------
    context : Context
    catalog : Catalog
        What the tables say.
    looks : mapping of str to Look
        The light curves by file name.
    mission : str
        Mission of exposures that no table describes.
    summary : Summary
    known, dry_run : bool
        The database is there; nothing is written.
    """

    context: Context
    catalog: Catalog
    looks: Mapping[str, Look]
    mission: str
    summary: Summary
    known: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _Made:
    """A light curve to record, and its copy; None where there is none."""

    name: str
    staged: Staged | None
    replace: bool
    known: bool
    rows: Any


def import_exposures(work: Import) -> None:
    """Copy and record the light curves of single exposures, and the exposures that have none."""
    curves: dict[Key, Look] = {}
    for name, look in sorted(work.looks.items()):
        if is_curve_name(name) and curves.setdefault(key := _key_of(work, name), look) is not look:
            message = f"{look.path}: expected one light curve of {key[1]}, found {curves[key].path} as well"
            work.summary.failures.append(Failure(name, "data.twice", message, "import the right one alone"))
    for keys in chunks(sorted({*curves, *work.catalog.exposures})):
        state = _state(work, keys)
        _publish(work, [(key, curves.get(key), state) for key in keys])


def _key_of(work: Import, name: str) -> Key:
    """Return the exposure of a light curve, which its name tells."""
    rootname = name.removesuffix("_curve.fits")
    described = (key for key in work.catalog.exposures if key[1] == rootname)
    return next(described, (work.mission, rootname))


@dataclass(frozen=True, slots=True)
class _State:
    """What the store knows of exposures."""

    metadata: Mapping[Key, Row]
    files: Set[Key]
    products: Mapping[Key, Sequence[Row]]


def _state(work: Import, keys: Sequence[Key]) -> _State:
    if not work.known:
        return _State({}, set(), {})
    with reading(work.context.engine) as connection:
        return _State(
            _plain(records.metadata_of(connection, keys)),
            set(records.files_of(connection, keys)),
            {**records.exposure_products(connection, keys)},
        )


def _plain(rows: Mapping[Key, RowMapping]) -> dict[Key, Row]:
    return {key: dict(row) for key, row in rows.items()}


def _publish(work: Import, exposures: Sequence[tuple[Key, Look | None, _State]]) -> None:
    """Copy and record some exposures, as many a transaction as are configured."""
    todo: list[_Made] = []
    for key, look, state in exposures:
        before, products = state.metadata.get(key), state.products.get(key, ())
        if key in state.files or any(product["step_version"] != IMPORTED for product in products):
            work.summary.unchanged += 1  # it was ingested
            continue
        row = _metadata_row(work, key, look, before)
        if _is_same(work, row, look, before, products):
            work.summary.unchanged += 1
            continue
        try:
            todo.append(_exposure(work, key, row, look, products))
        except HstlcError as error:
            work.summary.failures.append(failure_of(error, what="/".join(key)))
        if len(todo) >= work.context.settings.commit_batch:
            _record(work, todo)
            todo = []
    _record(work, todo)


def _metadata_row(work: Import, key: Key, look: Look | None, before: Row | None) -> dict[str, Any]:
    """Return the row of ``metadata``; the name of the target stays what the store has made of the same name."""
    now = datetime.now(UTC)
    values = work.catalog.exposures.get(key) or unknown_exposure(now.date())
    named = values["targname"]
    if before is not None and before["header_targname"] == named:
        named = before["targname"]
    start = min(look.starts.values()) if look is not None else before["expstart_mjd"] if before is not None else None
    described = {**values, "targname": named}
    return {
        **described,
        "header_targname": values["targname"],
        "configuration": configuration_key({"mission": key[0], **described}),
        "path": "",
        "expstart_mjd": start,
        "extra": {},
        "updated_at": now,
    }


def _is_same(work: Import, row: Row, look: Look | None, before: Row | None, products: Sequence[Row]) -> bool:
    """Tell whether the store has an exposure and its light curve as they are to be."""
    if before is None or any(before[name] != row[name] for name in row if name not in ("ingest_date", "updated_at")):
        return before is not None and look is None and bool(products)  # what an earlier import found, stays
    if look is None:
        return True
    folder = work.context.layout.outputs / slug(row["targname"])
    return any(p["sha256"] == look.sha256 and is_stored(work.context.layout, p, folder) for p in products)


def _exposure(work: Import, key: Key, row: Row, look: Look | None, products: Sequence[Row]) -> _Made:
    staged = None
    made: list[Row] = []
    if look is not None and not work.dry_run:
        staged = _stage(work, look, work.context.layout.outputs / slug(row["targname"]), curve_name(key[1]))
        made = [{"kind": records.INDIVIDUAL, "band": "", **_product_columns(work, look, staged)}]
    replace = staged is not None and any(stored_path(work.context.layout, p) == staged.target for p in products)
    rows = ExposureRows(*key, metadata=row, files=(), products=made, bad=(), findings=())
    return _Made("/".join(key), staged, replace, bool(products), rows)


def _stage(work: Import, look: Look, folder: Path, name: str) -> Staged:
    layout = work.context.layout
    free_space_guard(layout.home, look.size, work.context.settings.min_free_space)
    return stage_verified(look.path, folder / name, look.sha256, work.context.run, layout, link=False)


def _product_columns(work: Import, look: Look, staged: Staged) -> dict[str, Any]:
    return {
        "path": work.context.layout.relative(staged.target.parent),
        "filename": staged.target.name,
        "sha256": staged.sha256,
        "size_bytes": staged.size,
        "input_digest": input_digest([("curve", look.sha256)]),
        "step_version": IMPORTED,
        "settings_digest": "",
        "made_at": datetime.now(UTC),
    }


def _record(work: Import, batch: Sequence[_Made]) -> None:
    layout, summary = work.context.layout, work.summary
    failed: set[str] = set()
    if not work.dry_run:

        def record(connection: Connection, done: Sequence[_Made]) -> Sequence[Mapping[str, str]]:
            before = records.exposure_products(connection, [made.rows.key for made in done])
            save_exposures(connection, [made.rows for made in done])
            kept = {made.staged.target for made in done if made.staged is not None}
            return removals(layout, [row for rows in before.values() for row in rows], kept)

        failed = _published(work, batch, record)
    for made in batch:
        if made.name not in failed:
            summary.updated += made.known
            summary.ingested += not made.known


def _published(
    work: Import, batch: Sequence[_Made], record: Callable[[Connection, Sequence[_Made]], Sequence[Mapping[str, str]]]
) -> set[str]:
    """Publish and record a batch, and return the names of those that could not be."""
    failures = publish_all(
        work.context.engine,
        work.context.layout,
        batch,
        name=lambda made: made.name,
        files=lambda made: [(made.staged, made.replace)] if made.staged is not None else [],
        record=record,
    )
    work.summary.failures += failures
    return {failure.what for failure in failures}


# --- composites


def import_composites(work: Import) -> None:
    """Copy and record the composites whose exposures were imported, and say which exposure is in which."""
    with reading(work.context.engine) as connection:
        keys = {*work.catalog.exposures, *(_key_of(work, name) for name in work.looks if is_curve_name(name))}
        metadata = _plain(records.metadata_of(connection, keys))
        wanted = {row["configuration"] for row in metadata.values()}
        found = composites.members_of(connection, wanted)
        products = composites.composite_products(connection, wanted)
        due = composites.due_configurations(connection)
    looks, exposures = _composites_of(work, metadata)
    todo: list[_Made] = []
    for configuration in sorted(found):
        members, product, look = found[configuration], products.get(configuration), looks.get(configuration)
        if any(files for _, files in members) or (product is not None and product["step_version"] != IMPORTED):
            continue  # some were ingested, and a composite is made of them
        there = product is not None and is_stored(work.context.layout, product)
        same = look is None or (there and product is not None and product["sha256"] == look.sha256)
        if configuration not in due and same:
            continue
        part = exposures.get(configuration, set())
        try:
            todo.append(_composite(work, configuration, [row for row, _ in members], look, part, product))
        except HstlcError as error:
            work.summary.failures.append(failure_of(error, what=configuration))

    def record(connection: Connection, done: Sequence[_Made]) -> Sequence[Mapping[str, str]]:
        composites.save_composites(connection, [made.rows for made in done])
        copied = [made for made in done if made.staged is not None and made.name in products]
        kept = {made.staged.target for made in copied if made.staged is not None}
        return removals(work.context.layout, [products[made.name] for made in copied], kept)

    for batch in chunks(todo):
        failed = _published(work, batch, record)
        work.summary.composites += sum(made.staged is not None and made.name not in failed for made in batch)


def _composites_of(work: Import, metadata: Mapping[Key, Row]) -> tuple[dict[str, Look], dict[str, set[Key]]]:
    """Return the composites by configuration, and the exposures that the tables say are part of them."""
    looks: dict[str, Look] = {}
    exposures: dict[str, set[Key]] = {}
    for name, look in sorted(work.looks.items()):
        if not is_composite_name(name):
            continue
        part = [key for key in work.catalog.composites.get(name, ()) if key in metadata]
        configurations = {metadata[key]["configuration"] for key in part}
        if len(configurations) != 1 or not configurations.isdisjoint(looks):
            message = f"{look.path}: expected rows of outputs that say of which exposures of one configuration it is"
            found = f", found those of {len(configurations)}" if len(configurations) != 1 else ", found two such files"
            hint = "give the tables metadata and outputs with --tables"
            work.summary.failures.append(Failure(name, "data.composite", message + found, hint))
            continue
        (configuration,) = configurations
        looks[configuration], exposures[configuration] = look, set(part)
    return looks, exposures


def _composite(
    work: Import, configuration: str, members: Sequence[Row], look: Look | None, part: set[Key], product: Row | None
) -> _Made:
    staged = None if look is None else _stage(work, look, work.context.layout.composite, look.path.name)
    made = None if look is None or staged is None else _product_columns(work, look, staged)
    if made is None and product is not None:  # what an earlier import found, stays
        made = {name: value for name, value in product.items() if name not in ("id", "kind", "key")}
    rows = []
    starts = dict(look.starts) if look is not None else {}
    for member in members:
        start = member["expstart_mjd"]
        near = [n for n, mjd in starts.items() if start is not None and abs(mjd - start) < _SAME_START]
        number = near[0] if near else None
        starts = {n: mjd for n, mjd in starts.items() if n != number}
        listed = (member["mission"], member["rootname"]) in part
        reason = "" if near else LEFT_OUT if listed else composites.NO_FILES
        rows.append(asdict(MemberRow(member["id"], number, reason, member["input_digest"])))
    replace = staged is not None and product is not None and stored_path(work.context.layout, product) == staged.target
    return _Made(
        configuration, staged, replace, product is not None, composites.CompositeRows(configuration, made, rows)
    )
