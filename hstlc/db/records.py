"""The queries of ingest and statistics: plain mappings in, plain rows out, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Integer, RowMapping, String, Table, and_, delete, insert, or_, select, update

from hstlc.db.keys import product_key
from hstlc.db.tables import (
    BadData,
    Base,
    CompositeMember,
    ExposureFile,
    FindingRow,
    HardnessRatioRow,
    Metadata,
    Output,
    PendingRemoval,
    Product,
    Run,
    SourceRow,
    Stats,
)
from hstlc.db.upserts import chunks, key_chunks, upsert
from hstlc.db.web_tables import LightCurveRow, Setup

__all__ = [
    "COMPOSITE",
    "INDIVIDUAL",
    "add_removals",
    "bad_files",
    "begin_run",
    "cancel_removals",
    "due_statistics",
    "exposure_keys",
    "exposure_products",
    "files_of",
    "finish_run",
    "metadata_of",
    "product_key",
    "products_by_id",
    "products_of",
    "recorded_curves",
    "removals",
    "remove_removals",
    "save_bad_data",
    "stored_files",
    "unstorable",
]

Key = tuple[str, str]
Row = Mapping[str, Any]

INDIVIDUAL, COMPOSITE = "individual", "composite"


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


METADATA, FILES, PRODUCTS, OUTPUTS, MEMBERS = map(_table, (Metadata, ExposureFile, Product, Output, CompositeMember))
STATS, BAD, FINDINGS, RUNS, REMOVALS = map(_table, (Stats, BadData, FindingRow, Run, PendingRemoval))
SOURCES, RATIOS = map(_table, (SourceRow, HardnessRatioRow))
LIGHT_CURVES, SETUPS = map(_table, (LightCurveRow, Setup))


def unstorable(table: str, row: Row) -> str:
    """Return which value of a row does not fit its column and why, '' when all do: the same on every database."""
    for name, value in row.items():
        kind = Base.metadata.tables[table].columns[name].type
        if isinstance(value, str) and "\0" in value:
            return f"{name} is {value!r}, which has a zero character in it"
        if isinstance(kind, String) and kind.length and isinstance(value, str) and len(value) > kind.length:
            return f"{name} is {value!r}, expected at most {kind.length} characters"
        if isinstance(kind, Integer) and isinstance(value, int) and abs(value) >= 2**31:
            return f"{name} is {value:.6g}, expected a number below {2**31}"
    return ""


def files_of(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[RowMapping]]:
    """Return the rows of ``exposure_file`` of some exposures, by (mission, rootname)."""
    result: dict[Key, list[RowMapping]] = defaultdict(list)
    for mission, chunk in key_chunks(keys):
        exposures = select(FILES).where(FILES.c.mission == mission, FILES.c.rootname.in_(chunk))
        rows = connection.execute(exposures.order_by(FILES.c.kind, FILES.c.sha256))
        for row in rows.mappings():
            result[row["mission"], row["rootname"]].append(row)
    return dict(result)


def metadata_of(connection: Connection, keys: Iterable[Key]) -> dict[Key, RowMapping]:
    """Return the rows of ``metadata`` of some exposures."""
    result: dict[Key, RowMapping] = {}
    for mission, chunk in key_chunks(keys):
        exposures = select(METADATA).where(METADATA.c.mission == mission, METADATA.c.rootname.in_(chunk))
        rows = connection.execute(exposures)
        result |= {(row["mission"], row["rootname"]): row for row in rows.mappings()}
    return result


def products_of(connection: Connection, keys: Iterable[str], kind: str = INDIVIDUAL) -> dict[str, RowMapping]:
    """Return the rows of ``product`` of one kind, by key."""
    result: dict[str, RowMapping] = {}
    for chunk in chunks(sorted(set(keys))):
        rows = connection.execute(select(PRODUCTS).where(PRODUCTS.c.kind == kind, PRODUCTS.c.key.in_(chunk)))
        result |= {row["key"]: row for row in rows.mappings()}
    return result


def exposure_products(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[dict[str, Any]]]:
    """Return the rows of ``product`` that were made of single exposures, by (mission, rootname)."""
    result: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    joined = PRODUCTS.join(METADATA, PRODUCTS.c.metadata_id == METADATA.c.id)
    for mission, chunk in key_chunks(keys):
        exposures = select(PRODUCTS, METADATA.c.mission, METADATA.c.rootname).select_from(joined)
        of_these = exposures.where(METADATA.c.mission == mission, METADATA.c.rootname.in_(chunk))
        for row in connection.execute(of_these.order_by(PRODUCTS.c.id)).mappings():
            result[row["mission"], row["rootname"]].append(dict(row))
    return dict(result)


def products_by_id(connection: Connection, identities: Iterable[int]) -> list[dict[str, Any]]:
    """Return rows of ``product``, in order of kind and key."""
    found: list[dict[str, Any]] = []
    for chunk in chunks(sorted(set(identities))):
        found += map(dict, connection.execute(select(PRODUCTS).where(PRODUCTS.c.id.in_(chunk))).mappings())
    return sorted(found, key=lambda row: (row["kind"], row["key"]))


def recorded_curves(connection: Connection, keys: Iterable[Key]) -> set[Key]:
    """Return those of the exposures that have a metadata row and a light curve in ``outputs``."""
    found: set[Key] = set()
    joined = METADATA.join(OUTPUTS, OUTPUTS.c.metadata_id == METADATA.c.id)
    for mission, chunk in key_chunks(keys):
        rows = connection.execute(
            select(METADATA.c.mission, METADATA.c.rootname)
            .select_from(joined)
            .where(METADATA.c.mission == mission, METADATA.c.rootname.in_(chunk))
            .where(OUTPUTS.c.individual_product_id.is_not(None), OUTPUTS.c.source_name == "", OUTPUTS.c.band == "")
        )
        found |= {(row.mission, row.rootname) for row in rows}
    return found


def bad_files(connection: Connection, digests: Iterable[str]) -> set[tuple[str, str]]:
    """Return (filename, sha256) of the rows of ``bad_data`` with one of the digests."""
    found: set[tuple[str, str]] = set()
    for chunk in chunks(sorted(set(digests))):
        rows = connection.execute(select(BAD.c.filename, BAD.c.sha256).where(BAD.c.sha256.in_(chunk)))
        found |= {(row.filename, row.sha256) for row in rows}
    return found


def exposure_keys(connection: Connection) -> list[Key]:
    """Return (mission, rootname) of every exposure that has files, sorted."""
    rows = connection.execute(
        select(FILES.c.mission, FILES.c.rootname).distinct().order_by(FILES.c.mission, FILES.c.rootname)
    )
    return [(row.mission, row.rootname) for row in rows]


def stored_files(connection: Connection) -> Iterator[dict[str, Any]]:
    """Yield path, filename, sha256, size_bytes and origin of every file that a row says is in the store."""
    for origin, table in (("exposure_file", FILES), ("bad_data", BAD), ("product", PRODUCTS)):
        columns = [table.c[name] for name in ("path", "filename", "sha256", "size_bytes")]
        kept = select(*columns).where(table.c.sha256 != "")  # others are known by an imported row alone
        for row in connection.execute(kept.order_by(table.c.id)).mappings():
            yield {**row, "origin": origin}


def save_bad_data(connection: Connection, rows: Sequence[Row]) -> None:
    """Record rejected files, one row each; one that is known by name and digest is brought up to date."""
    upsert(connection, BAD, ("filename", "sha256"), rows, keep=("ingest_date",))


def due_statistics(
    connection: Connection, kinds: Sequence[str], *, everything: bool, version: int, settings: str
) -> list[RowMapping]:
    """Return the light curves whose statistics are missing or stale, in order of kind and key.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    kinds : sequence of str
        ``individual``, ``composite``.
    everything : bool
        Also those that another version or other settings made.
    version : int
        Version of the statistics step.
    settings : str
        Digest of its settings.
    """
    stale = or_(STATS.c.id.is_(None), STATS.c.curve_sha256 != PRODUCTS.c.sha256)
    if everything:
        stale = or_(stale, STATS.c.step_version != version, STATS.c.settings_digest != settings)
    columns = (PRODUCTS.c.id, PRODUCTS.c.key, PRODUCTS.c.path, PRODUCTS.c.filename, PRODUCTS.c.sha256)
    rows = connection.execute(
        select(*columns)
        .select_from(PRODUCTS.outerjoin(STATS, STATS.c.product_id == PRODUCTS.c.id))
        .where(and_(PRODUCTS.c.kind.in_(kinds), stale))
        .order_by(PRODUCTS.c.kind.desc(), PRODUCTS.c.key)
    )
    return list(rows.mappings())


def begin_run(
    connection: Connection, command: str, version: str, *, rivals: Collection[str] = (), others: Collection[str] = ()
) -> int:
    """Record that a command began; return the id of its row.

    The caller holds a lock: a run that still says it is running, of a command that needs the same lock, has died.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    command, version : str
    rivals : collection of str
        The commands that need the lock; empty for all but ``others``.
    others : collection of str
        Commands that need another lock.
    """
    died = {"status": "failed", "message": "the process ended without a word"}
    dead = and_(RUNS.c.status == "running", RUNS.c.command.not_in(others))
    if rivals:
        dead = and_(dead, RUNS.c.command.in_(rivals))
    connection.execute(update(RUNS).where(dead).values(**died))
    values = {
        "command": command,
        "version": version,
        "status": "running",
        "started_at": datetime.now(UTC),
        "counts": {},
    }
    identity: int = connection.execute(insert(RUNS).values(message="", **values).returning(RUNS.c.id)).scalar_one()
    return identity


def finish_run(connection: Connection, run: int, *, status: str, counts: Row, message: str = "") -> None:
    """Record how a command ended."""
    connection.execute(
        update(RUNS)
        .where(RUNS.c.id == run)
        .values(status=status, ended_at=datetime.now(UTC), counts=dict(counts), message=message)
    )


def add_removals(connection: Connection, rows: Sequence[Row]) -> None:
    """Record files to delete once this transaction is committed: ``path, sha256, kept_path``."""
    if rows:
        connection.execute(insert(REMOVALS), list(rows))


def removals(connection: Connection) -> list[RowMapping]:
    """Return the files that are still to be deleted, in order."""
    return list(connection.execute(select(REMOVALS).order_by(REMOVALS.c.id)).mappings())


def cancel_removals(connection: Connection, paths: Iterable[str]) -> None:
    """Keep files that were to be deleted: something new has their names."""
    for chunk in chunks(paths):
        connection.execute(delete(REMOVALS).where(REMOVALS.c.path.in_(chunk)))


def remove_removals(connection: Connection, identities: Iterable[int]) -> None:
    """Forget files that are deleted."""
    for chunk in chunks(identities):
        connection.execute(delete(REMOVALS).where(REMOVALS.c.id.in_(chunk)))
