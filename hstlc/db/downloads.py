"""The queries of fetching: which products are due, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Table, and_, exists, func, insert, or_, select, update

from hstlc.db.archive_tables import DownloadAttempt, RemoteDataset, RemoteFile, RemoteProduct
from hstlc.db.archives import GONE, PENDING
from hstlc.db.columns import Base
from hstlc.db.tables import BadData, ExposureFile
from hstlc.db.upserts import chunks, upsert

if TYPE_CHECKING:
    from hstlc.archives.base import RemoteProduct as ListedProduct

__all__ = [
    *("HELD", "add_attempt", "bytes_since", "counts_by_state", "due_products", "earlier_digests", "end_waiting"),
    *("held_files", "known_digests", "may_go_on", "products_by_number", "queue_again", "requeue", "save_files"),
    *("save_listing", "save_product", "siblings", "waiting_files"),
]

Row = Mapping[str, Any]

#: States of products whose content is here.
HELD = ("done", "identical", "waiting")

_AGAIN = {"state": "queued", "attempts": 0, "next_try_at": None, "failing_since_at": None}
_AGAIN |= {"error_code": "", "message": ""}


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


PRODUCTS, FILES, ATTEMPTS = map(_table, (RemoteProduct, RemoteFile, DownloadAttempt))
DATASETS, EXPOSURE_FILES, BAD = map(_table, (RemoteDataset, ExposureFile, BadData))


# --- lists of products


def save_listing(
    connection: Connection,
    source: str,
    mission: str,
    datasets: Mapping[str, int],
    products: Sequence[ListedProduct],
    now: datetime,
) -> int:
    """Record what products some datasets have, and that they were asked for; return how many products are new.

    A product that is not known is queued, and earlier versions of it that did not come yet are superseded.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    source, mission : str
    datasets : mapping of str to int
        Row numbers by key.
    products : sequence of hstlc.archives.base.RemoteProduct
        Of these datasets.
    now : datetime
    """
    known = _versions(connection, source, {product.name for product in products})
    rows: dict[tuple[str, str], Row] = {}
    new = 0
    for product in products:
        versions, key = known.get(product.name, {}), (product.name, product.version)
        new += product.version not in versions and key not in rows
        rows[key] = {
            "source": source,
            "name": product.name,
            "version_key": product.version,
            "dataset_id": datasets[product.dataset],
            "mission": mission,
            "kind": product.kind,
            "group_key": product.group,
            "locator": dict(product.locator),
            "declared_bytes": product.size,
            "state": "queued",
            "priority": 2 if versions.keys() - {product.version} else 1,
            "first_seen_at": now,
            "last_seen_at": now,
        }
    kept = ("dataset_id", "state", "priority", "first_seen_at")
    upsert(connection, PRODUCTS, ("source", "name", "version_key"), rows.values(), keep=kept)
    _settle_versions(connection, known, rows)
    for chunk in chunks(datasets.values()):
        listed = {"listed_version": DATASETS.c.version_key, "listed_at": now}
        connection.execute(update(DATASETS).where(DATASETS.c.id.in_(chunk)).values(**listed))
    return new


def _versions(connection: Connection, source: str, names: Collection[str]) -> dict[str, dict[str, RowMapping]]:
    """Return the rows of products by name and version."""
    found: dict[str, dict[str, RowMapping]] = defaultdict(dict)
    columns = [PRODUCTS.c[name] for name in ("id", "name", "version_key", "state", "error_code")]
    for chunk in chunks(sorted(names)):
        rows = select(*columns).where(PRODUCTS.c.source == source, PRODUCTS.c.name.in_(chunk))
        for row in connection.execute(rows).mappings():
            found[row["name"]][row["version_key"]] = row
    return found


def _settle_versions(
    connection: Connection, known: Mapping[str, Mapping[str, RowMapping]], listed: Collection[tuple[str, str]]
) -> None:
    """Let the versions that an archive has now take the place of others that did not come yet."""
    again, over = [], []
    for name, versions in known.items():
        for version, row in versions.items():
            if (name, version) not in listed:
                over += [row["id"]] if row["state"] in PENDING else []
            elif row["state"] == "superseded" or (row["state"] == "missing" and row["error_code"] == GONE):
                again.append(row["id"])
    queue_again(connection, again)
    for chunk in chunks(over):
        values = {"state": "superseded", "next_try_at": None}
        connection.execute(update(PRODUCTS).where(PRODUCTS.c.id.in_(chunk)).values(**values))


# --- what is due


def due_products(
    connection: Connection,
    sources: Collection[str],
    now: datetime,
    *,
    limit: int | None = None,
    only: Collection[tuple[str, str]] = (),
) -> list[tuple[str, int]]:
    """Return archive and row number of the products to fetch, in order: new before reprocessed, oldest first.

    Due is what is queued, and what could not be had and is to be tried again: ``next_try_at`` has come.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    sources : collection of str
    now : datetime
    limit : int, optional
    only : collection of (str, str)
        Archive and key of datasets; empty for all.
    """
    come = PRODUCTS.c.next_try_at <= now
    queued = and_(PRODUCTS.c.state == "queued", or_(PRODUCTS.c.next_try_at.is_(None), come))
    due = or_(queued, and_(PRODUCTS.c.state.in_(PENDING), come))
    rows = select(PRODUCTS.c.source, PRODUCTS.c.id).where(PRODUCTS.c.source.in_(list(sources)), due)
    rows = rows.order_by(PRODUCTS.c.priority, PRODUCTS.c.first_seen_at, PRODUCTS.c.id)
    if not only:
        return [(row.source, row.id) for row in connection.execute(rows.limit(limit))]
    wanted: set[int] = set()
    for source in {source for source, _ in only}:
        for chunk in chunks(sorted({key for name, key in only if name == source})):
            theirs = select(PRODUCTS.c.id).join(DATASETS, PRODUCTS.c.dataset_id == DATASETS.c.id)
            theirs = theirs.where(DATASETS.c.source == source, DATASETS.c.dataset_key.in_(chunk))
            wanted.update(connection.scalars(theirs))
    return [(row.source, row.id) for row in connection.execute(rows) if row.id in wanted][:limit]


def products_by_number(connection: Connection, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return products with the key and release date of their dataset, by row number."""
    found: dict[int, dict[str, Any]] = {}
    columns = select(PRODUCTS, DATASETS.c.dataset_key, DATASETS.c.release_date)
    joined = columns.join(DATASETS, PRODUCTS.c.dataset_id == DATASETS.c.id)
    for chunk in chunks(numbers):
        rows = connection.execute(joined.where(PRODUCTS.c.id.in_(chunk))).mappings()
        found |= {row["id"]: {**row} for row in rows}
    return found


def may_go_on(connection: Connection, numbers: Iterable[int]) -> set[int]:
    """Return those of the products that are still to be fetched some time."""
    found: set[int] = set()
    for chunk in chunks(numbers):
        open_ = or_(PRODUCTS.c.state == "queued", PRODUCTS.c.next_try_at.is_not(None))
        rows = select(PRODUCTS.c.id).where(PRODUCTS.c.id.in_(chunk), PRODUCTS.c.state.in_(PENDING), open_)
        found.update(connection.scalars(rows))
    return found


# --- what became of them


def save_product(connection: Connection, number: int, values: Row) -> None:
    """Change a product."""
    connection.execute(update(PRODUCTS).where(PRODUCTS.c.id == number).values(**values))


def save_files(connection: Connection, rows: Sequence[Row]) -> None:
    """Record the files of a product."""
    upsert(connection, FILES, ("product_id", "filename"), rows, keep=("added_at",))


def add_attempt(connection: Connection, row: Row) -> None:
    """Record a try to fetch a product."""
    connection.execute(insert(ATTEMPTS).values(**row))


def bytes_since(connection: Connection, moment: datetime) -> int:
    """Return how much was received from all archives since a moment, in bytes."""
    read = select(func.sum(ATTEMPTS.c.bytes_read)).where(ATTEMPTS.c.tried_at >= moment)
    return int(connection.scalar(read) or 0)


def siblings(connection: Connection, row: Row) -> list[RowMapping]:
    """Return the other products of the group and version of one whose content is here, with the epoch of each."""
    if not row["group_key"]:
        return []
    same = [PRODUCTS.c[name] == row[name] for name in ("source", "group_key", "version_key")]
    others = select(PRODUCTS).where(*same, PRODUCTS.c.id != row["id"], PRODUCTS.c.state.in_(HELD))
    rows = connection.execute(others.where(PRODUCTS.c.epoch != "").order_by(PRODUCTS.c.id))
    return list(rows.mappings())


def earlier_digests(connection: Connection, row: Row) -> set[str]:
    """Return the digests of the files that came as other versions of a product."""
    joined = select(FILES.c.sha256).join(PRODUCTS, FILES.c.product_id == PRODUCTS.c.id)
    same = (PRODUCTS.c.source == row["source"]) & (PRODUCTS.c.name == row["name"]) & (PRODUCTS.c.id != row["id"])
    return set(connection.scalars(joined.where(same)))


def known_digests(connection: Connection, digests: Iterable[str]) -> set[str]:
    """Return those of the digests that a file of the store has, taken in or rejected."""
    found: set[str] = set()
    for chunk in chunks(sorted(set(digests))):
        for table in (EXPOSURE_FILES, BAD):
            found.update(connection.scalars(select(table.c.sha256).where(table.c.sha256.in_(chunk))))
    return found


def held_files(connection: Connection, sources: Collection[str]) -> list[dict[str, Any]]:
    """Return the files that came and that the store has not taken in: each with the state of its product."""
    taken = (exists().where(table.c.sha256 == FILES.c.sha256) for table in (EXPOSURE_FILES, BAD))
    columns = select(FILES.c.product_id, FILES.c.path, FILES.c.filename, FILES.c.sha256, PRODUCTS.c.state)
    rows = columns.join(PRODUCTS, FILES.c.product_id == PRODUCTS.c.id)
    here = (PRODUCTS.c.source.in_(list(sources)), PRODUCTS.c.state.in_(("done", "waiting")))
    found = connection.execute(rows.where(*here, *(~one for one in taken)).order_by(FILES.c.id))
    return [{**row} for row in found.mappings()]


def waiting_files(connection: Connection, missions: Collection[str]) -> list[dict[str, Any]]:
    """Return the files of the products that wait for one of these missions, with ``source`` and ``name`` of each."""
    rows = select(FILES, PRODUCTS.c.source, PRODUCTS.c.name).join(PRODUCTS, FILES.c.product_id == PRODUCTS.c.id)
    rows = rows.where(PRODUCTS.c.state == "waiting", PRODUCTS.c.mission.in_(list(missions)))
    return [{**row} for row in connection.execute(rows.order_by(PRODUCTS.c.id, FILES.c.id)).mappings()]


def end_waiting(connection: Connection, number: int, places: Mapping[str, str]) -> bool:
    """Have a product done, its files in other folders, by name; return False where it does not wait any more."""
    waits = (PRODUCTS.c.id == number) & (PRODUCTS.c.state == "waiting")
    if not connection.execute(update(PRODUCTS).where(waits).values(state="done")).rowcount:
        return False
    for filename, path in places.items():
        file = (FILES.c.product_id == number) & (FILES.c.filename == filename)
        connection.execute(update(FILES).where(file).values(path=path))
    return True


def queue_again(connection: Connection, numbers: Iterable[int]) -> None:
    """Have products fetched as if they had never been tried."""
    for chunk in chunks(numbers):
        connection.execute(update(PRODUCTS).where(PRODUCTS.c.id.in_(chunk)).values(**_AGAIN))


def requeue(
    connection: Connection,
    source: str = "",
    *,
    states: Collection[str] = ("queued", "deferred", "missing", "failed"),
    now: datetime | None = None,
) -> int:
    """Have everything in some states fetched at once, also what is put off or given up; return how many that are.

    What is missing because its dataset is gone stays so.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    source : str
        Of this archive; '' for all.
    states : collection of str
    now : datetime, optional
        When it is due; by default it always is.
    """
    those = PRODUCTS.c.state.in_(list(states)) & (PRODUCTS.c.error_code != GONE)
    if source:
        those &= PRODUCTS.c.source == source
    return connection.execute(update(PRODUCTS).where(those).values(**{**_AGAIN, "next_try_at": now})).rowcount


# --- for people


def counts_by_state(connection: Connection) -> list[RowMapping]:
    """Return ``source, state, number, bytes`` (declared where there is no file) of products, by archive and state."""
    files = select(FILES.c.product_id, func.sum(FILES.c.size_bytes).label("bytes")).group_by(FILES.c.product_id)
    came = files.subquery()
    size = func.coalesce(came.c.bytes, PRODUCTS.c.declared_bytes, 0)
    counted = (func.count().label("number"), func.sum(size).label("bytes"))
    rows = select(PRODUCTS.c.source, PRODUCTS.c.state, *counted)
    rows = rows.select_from(PRODUCTS.outerjoin(came, came.c.product_id == PRODUCTS.c.id))
    rows = rows.group_by(PRODUCTS.c.source, PRODUCTS.c.state)
    return list(connection.execute(rows.order_by(PRODUCTS.c.source, PRODUCTS.c.state)).mappings())
