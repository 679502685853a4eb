"""The queries of ingest and statistics: plain mappings in, plain rows out, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Integer, RowMapping, String, Table, and_, delete, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from hstlc.db.keys import product_key
from hstlc.db.tables import (
    BadData,
    Base,
    CompositeMember,
    ExposureFile,
    FindingRow,
    Metadata,
    Output,
    PendingRemoval,
    Product,
    Run,
    Stats,
)

__all__ = [
    "add_removals",
    "bad_files",
    "begin_run",
    "cancel_removals",
    "chunks",
    "due_statistics",
    "exposure_keys",
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
    "save_exposure",
    "save_rejection",
    "save_statistics",
    "stored_files",
    "unstorable",
    "upsert",
]

Key = tuple[str, str]
Row = Mapping[str, Any]

INDIVIDUAL = "individual"

# SQLite allows 32766 parameters a statement: two each for a key, with room to spare.
_CHUNK = 5000


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


METADATA, FILES, PRODUCTS, OUTPUTS, MEMBERS = map(_table, (Metadata, ExposureFile, Product, Output, CompositeMember))
STATS, BAD, FINDINGS, RUNS, REMOVALS = map(_table, (Stats, BadData, FindingRow, Run, PendingRemoval))


def chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of as many keys as one statement takes."""
    everything = list(items)
    for start in range(0, len(everything), _CHUNK):
        yield everything[start : start + _CHUNK]


def upsert(connection: Connection, table: Table, unique: Sequence[str], values: Row, keep: Sequence[str] = ()) -> int:
    """Insert a row, or bring the one with the same unique columns up to date but for ``keep``; return its id."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values)
    changes = {name: statement.excluded[name] for name in values if name not in (*unique, *keep)}
    statement = statement.on_conflict_do_update(index_elements=list(unique), set_=changes).returning(table.c.id)
    identity: int = connection.execute(statement).scalar_one()
    return identity


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
    for chunk in chunks(sorted(set(keys))):
        rows = connection.execute(
            select(FILES)
            .where(tuple_(FILES.c.mission, FILES.c.rootname).in_(chunk))
            .order_by(FILES.c.kind, FILES.c.sha256)
        )
        for row in rows.mappings():
            result[row["mission"], row["rootname"]].append(row)
    return dict(result)


def metadata_of(connection: Connection, keys: Iterable[Key]) -> dict[Key, RowMapping]:
    """Return the rows of ``metadata`` of some exposures."""
    result: dict[Key, RowMapping] = {}
    for chunk in chunks(sorted(set(keys))):
        rows = connection.execute(select(METADATA).where(tuple_(METADATA.c.mission, METADATA.c.rootname).in_(chunk)))
        result |= {(row["mission"], row["rootname"]): row for row in rows.mappings()}
    return result


def products_of(connection: Connection, keys: Iterable[str], kind: str = INDIVIDUAL) -> dict[str, RowMapping]:
    """Return the rows of ``product`` of one kind, by key."""
    result: dict[str, RowMapping] = {}
    for chunk in chunks(sorted(set(keys))):
        rows = connection.execute(select(PRODUCTS).where(PRODUCTS.c.kind == kind, PRODUCTS.c.key.in_(chunk)))
        result |= {row["key"]: row for row in rows.mappings()}
    return result


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
    for chunk in chunks(sorted(set(keys))):
        wanted = tuple_(METADATA.c.mission, METADATA.c.rootname).in_(chunk)
        rows = connection.execute(
            select(METADATA.c.mission, METADATA.c.rootname)
            .select_from(joined)
            .where(wanted, OUTPUTS.c.individual_product_id.is_not(None))
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
        for row in connection.execute(select(*columns).order_by(table.c.id)).mappings():
            yield {**row, "origin": origin}


def save_exposure(
    connection: Connection,
    key: Key,
    *,
    metadata: Row,
    files: Sequence[Row],
    product: Row | None,
    findings: Sequence[Row],
) -> None:
    """Record an accepted exposure: metadata, its files, its light curve, its findings; its files are not bad any more.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    key : tuple of (mission, rootname)
    metadata : mapping
        Columns of ``metadata`` but id, mission, rootname.
    files : sequence of mappings
        Every known version of every file, columns of ``exposure_file`` but id, mission, rootname, metadata_id.
    product : mapping or None
        Columns of ``product`` but id, kind, key; None leaves the curve that is there.
    findings : sequence of mappings
        ``filename, check_name, severity, reason, message``; replace those of before.
    """
    mission, rootname = key
    identity = upsert(
        connection, METADATA, ("mission", "rootname"), {"mission": mission, "rootname": rootname, **metadata}
    )
    _save_files(connection, key, files, identity)
    if product is not None:
        product_id = upsert(
            connection,
            PRODUCTS,
            ("kind", "key"),
            {"kind": INDIVIDUAL, "key": product_key(mission, rootname), **product},
        )
        upsert(
            connection,
            OUTPUTS,
            ("metadata_id", "source_name", "band"),
            {
                "metadata_id": identity,
                "source_name": "",
                "band": "",
                "individual_path": product["path"],
                "individual_filename": product["filename"],
                "individual_product_id": product_id,
            },
        )
    _forget_bad(connection, {row["sha256"] for row in files})
    _save_findings(connection, key, findings)


def save_rejection(
    connection: Connection, key: Key, *, files: Sequence[Row], bad: Sequence[Row], findings: Sequence[Row]
) -> None:
    """Record a rejected exposure: its files as bad data, and no light curve, statistics or metadata any more."""
    mission, rootname = key
    connection.execute(
        delete(PRODUCTS).where(
            PRODUCTS.c.kind == INDIVIDUAL,
            PRODUCTS.c.key.startswith(product_key(mission, rootname)[:-1], autoescape=True),
        )
    )
    connection.execute(delete(METADATA).where(METADATA.c.mission == mission, METADATA.c.rootname == rootname))
    _save_files(connection, key, files, None)
    _forget_bad(connection, {row["sha256"] for row in files} - {row["sha256"] for row in bad})
    save_bad_data(connection, [{"mission": mission, "rootname": rootname, **row} for row in bad])
    _save_findings(connection, key, findings)


def save_bad_data(connection: Connection, rows: Sequence[Row]) -> None:
    """Record rejected files, one row each; one that is known by name and digest is brought up to date."""
    for row in rows:
        upsert(connection, BAD, ("filename", "sha256"), row, keep=("ingest_date",))


def _forget_bad(connection: Connection, digests: Iterable[str]) -> None:
    """Delete the rows of files that are not bad any more; other files of the exposure that were refused keep theirs."""
    for chunk in chunks(sorted(digests)):
        connection.execute(delete(BAD).where(BAD.c.sha256.in_(chunk)))


def _save_files(connection: Connection, key: Key, files: Sequence[Row], metadata_id: int | None) -> None:
    for row in files:
        values = {"mission": key[0], "rootname": key[1], "metadata_id": metadata_id, **row}
        upsert(connection, FILES, ("mission", "rootname", "kind", "sha256"), values, keep=("added_at",))


def _save_findings(connection: Connection, key: Key, findings: Sequence[Row]) -> None:
    mission, rootname = key
    connection.execute(delete(FINDINGS).where(FINDINGS.c.mission == mission, FINDINGS.c.rootname == rootname))
    if findings:
        now = datetime.now(UTC)
        rows = [{"mission": mission, "rootname": rootname, "found_at": now, **row} for row in findings]
        connection.execute(insert(FINDINGS), rows)


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


def save_statistics(connection: Connection, rows: Sequence[Row]) -> None:
    """Record statistics, one row a curve; ``deliver`` is a person's decision and stays."""
    for row in rows:
        upsert(connection, STATS, ("product_id",), {"deliver": False, **row}, keep=("deliver",))


def begin_run(connection: Connection, command: str, version: str) -> int:
    """Record that a command began; return the id of its row.

    The caller is the only writer: a run that still says it is running has died.
    """
    died = {"status": "failed", "message": "the process ended without a word"}
    connection.execute(update(RUNS).where(RUNS.c.status == "running").values(**died))
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
