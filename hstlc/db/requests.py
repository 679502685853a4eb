"""The queries of the table ``job_request``: work that users ask for and the daemon does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Table, and_, case, func, insert, or_, select, text, update

from hstlc.db.records import FILES, METADATA, OUTPUTS
from hstlc.db.web_tables import JobRequest

__all__ = [
    "MOST_ATTEMPTS",
    "STATES",
    "add_request",
    "cancel_request",
    "configurations_of",
    "find_request",
    "finish_request",
    "has_configuration",
    "has_exposure",
    "list_requests",
    "put_back",
    "queued_kinds",
    "recover_requests",
    "request_digest",
    "requested_exposures",
    "take_request",
]

REQUESTS = cast(Table, JobRequest.__table__)

#: Of a request, in the order in which it has them.
STATES = ("queued", "running", "done", "failed", "cancelled")

#: A request in whose middle the daemon ended so often is not begun again.
MOST_ATTEMPTS = 3

_ADDING = 0x6873746C6371  # "hstlcq": advisory lock of PostgreSQL; SQLite lets one write at a time anyway


def request_digest(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return by what the same request is known again.

    Examples
    --------
    >>> request_digest("get", {"a": 1, "b": 2}) == request_digest("get", {"b": 2, "a": 1})
    True
    """
    content = orjson.dumps([kind, dict(arguments)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def add_request(
    connection: Connection,
    kind: str,
    arguments: Mapping[str, Any],
    user: Mapping[str, Any],
    now: datetime,
    *,
    most: int,
) -> tuple[dict[str, Any] | None, bool]:
    """Record a request, unless the same one is queued.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction of its own: the request is safe once it is committed.
    kind : str
        ``reprocess`` or ``get``.
    arguments : mapping
        Plain values.
    user : mapping
        ``id`` and ``name`` of who asks.
    now : datetime
    most : int
        Most requests of a user that may be queued.

    Returns
    -------
    dict or None
        The row; None: the user has as many queued as one may have.
    bool
        Whether it is new.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADDING})
    digest = request_digest(kind, arguments)
    same = select(REQUESTS).where(REQUESTS.c.digest == digest, REQUESTS.c.state == "queued").order_by(REQUESTS.c.id)
    row = connection.execute(same.limit(1)).mappings().first()
    if row is not None:
        return dict(row), False
    own = and_(REQUESTS.c.user_id == user["id"], REQUESTS.c.state == "queued")
    if connection.scalar(select(func.count()).select_from(REQUESTS).where(own)) >= most:  # type: ignore[operator]
        return None, False
    values = {"kind": kind, "arguments": dict(arguments), "digest": digest, "state": "queued", "requested_at": now}
    values |= {"user_id": user["id"], "user_name": user["name"], "attempts": 0, "counts": {}, "message": ""}
    made = connection.execute(insert(REQUESTS).values(values).returning(REQUESTS)).mappings().one()
    return dict(made), True


def find_request(connection: Connection, number: int) -> dict[str, Any] | None:
    """Return a request with ``before``, how many of its kind are to be done first; None: there is none."""
    row = connection.execute(select(REQUESTS).where(REQUESTS.c.id == number)).mappings().first()
    if row is None:
        return None
    earlier = and_(REQUESTS.c.kind == row["kind"], REQUESTS.c.state.in_(("queued", "running")), REQUESTS.c.id < number)
    ahead = connection.scalar(select(func.count()).select_from(REQUESTS).where(earlier))
    return {**row, "before": ahead if row["state"] == "queued" else 0}


def list_requests(
    connection: Connection,
    *,
    user: str = "",
    state: str = "",
    kind: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return requests, the newest first.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    user, state, kind : str
        Only of this user, in this state, of this kind; '' for all.
    before : int, optional
        Only those with a smaller number: the next page.
    limit : int
        At most so many.
    """
    query = select(REQUESTS).order_by(REQUESTS.c.id.desc()).limit(limit)
    for column, wanted in (("user_name", user), ("state", state), ("kind", kind)):
        if wanted:
            query = query.where(REQUESTS.c[column] == wanted)
    if before is not None:
        query = query.where(REQUESTS.c.id < before)
    return [dict(row) for row in connection.execute(query).mappings()]


def cancel_request(connection: Connection, number: int, now: datetime) -> bool:
    """Leave a queued request undone; False: it is not queued any more."""
    queued = and_(REQUESTS.c.id == number, REQUESTS.c.state == "queued")
    return connection.execute(update(REQUESTS).where(queued).values(state="cancelled", finished_at=now)).rowcount == 1


# --- the daemon


def _left(epoch: int) -> Any:
    """Return which requests an earlier leader, or an earlier try of this one, left in the middle."""
    return and_(REQUESTS.c.state == "running", REQUESTS.c.running_epoch <= epoch)


def queued_kinds(connection: Connection, epoch: int) -> set[str]:
    """Return the kinds of which there is something to do under this leadership, or something was left in the middle."""
    wanted = or_(REQUESTS.c.state == "queued", _left(epoch))
    return set(connection.scalars(select(REQUESTS.c.kind).where(wanted).distinct()))


def recover_requests(connection: Connection, kind: str, epoch: int, now: datetime) -> int:
    """Queue what was left in the middle again, and give up what was begun :data:`MOST_ATTEMPTS` times.

    Returns
    -------
    int
        How many there were.
    """
    left = and_(_left(epoch), REQUESTS.c.kind == kind)
    spent = REQUESTS.c.attempts >= MOST_ATTEMPTS
    values = {
        "state": case((spent, "failed"), else_="queued"),
        "finished_at": case((spent, now), else_=None),
        "message": case((spent, f"the daemon ended in the middle of it {MOST_ATTEMPTS} times"), else_=""),
        "running_epoch": None,
    }
    return connection.execute(update(REQUESTS).where(left).values(values)).rowcount


def take_request(connection: Connection, kind: str, epoch: int, now: datetime) -> dict[str, Any] | None:
    """Begin the oldest queued request of a kind and return its row; None: there is none."""
    oldest = select(func.min(REQUESTS.c.id)).where(REQUESTS.c.kind == kind, REQUESTS.c.state == "queued")
    number = connection.scalar(oldest)
    if number is None:
        return None
    values = {"state": "running", "running_epoch": epoch, "started_at": now, "attempts": REQUESTS.c.attempts + 1}
    queued = and_(REQUESTS.c.id == number, REQUESTS.c.state == "queued")  # it may have been cancelled meanwhile
    begun = connection.execute(update(REQUESTS).where(queued).values(values).returning(REQUESTS)).mappings().first()
    return take_request(connection, kind, epoch, now) if begun is None else dict(begun)


def finish_request(
    connection: Connection,
    number: int,
    epoch: int,
    now: datetime,
    *,
    state: str,
    counts: Mapping[str, Any],
    message: str,
) -> None:
    """Record how a request ended that :func:`take_request` began under this leadership."""
    values = {"state": state, "counts": dict(counts), "message": message, "finished_at": now, "running_epoch": None}
    connection.execute(update(REQUESTS).where(_ours(number, epoch)).values(values))


def put_back(connection: Connection, number: int, epoch: int) -> None:
    """Queue a request again that was begun under this leadership and is not done because the daemon stops."""
    values = {"state": "queued", "running_epoch": None, "attempts": REQUESTS.c.attempts - 1}
    connection.execute(update(REQUESTS).where(_ours(number, epoch)).values(values))


def _ours(number: int, epoch: int) -> Any:
    return and_(REQUESTS.c.id == number, REQUESTS.c.state == "running", REQUESTS.c.running_epoch == epoch)


# --- what requests are about


def has_exposure(connection: Connection, mission: str, rootname: str) -> bool:
    """Tell whether the store has files of an exposure."""
    wanted = select(FILES.c.id).where(FILES.c.mission == mission, FILES.c.rootname == rootname).limit(1)
    return connection.scalar(wanted) is not None


def has_configuration(connection: Connection, configuration: str) -> bool:
    """Tell whether exposures of a configuration have light curves."""
    wanted = select(OUTPUTS.c.id).where(OUTPUTS.c.configuration == configuration).limit(1)
    return bool(configuration) and connection.scalar(wanted) is not None


def requested_exposures(
    connection: Connection, *, target_id: int | None = None, configuration: str = ""
) -> set[tuple[str, str]]:
    """Return mission and rootname of the exposures of a target or a configuration."""
    query = select(METADATA.c.mission, METADATA.c.rootname)
    if target_id is not None:
        query = query.where(METADATA.c.target_id == target_id)
    else:
        joined = METADATA.join(OUTPUTS, OUTPUTS.c.metadata_id == METADATA.c.id)
        query = query.select_from(joined).where(OUTPUTS.c.configuration == configuration).distinct()
    return {(row.mission, row.rootname) for row in connection.execute(query)}


def configurations_of(connection: Connection, keys: set[tuple[str, str]]) -> tuple[set[str], set[int]]:
    """Return the configurations of some exposures, and the numbers of the products of those and of the exposures."""
    found: set[str] = set()
    products: set[int] = set()
    joined = METADATA.join(OUTPUTS, OUTPUTS.c.metadata_id == METADATA.c.id)
    columns = (OUTPUTS.c.configuration, OUTPUTS.c.individual_product_id, OUTPUTS.c.composite_product_id)
    for mission, rootname in sorted(keys):
        of_it = and_(METADATA.c.mission == mission, METADATA.c.rootname == rootname)
        for row in connection.execute(select(*columns).select_from(joined).where(of_it)):
            found |= {row[0]} - {""}
            products |= {row[1], row[2]} - {None}
    return found, products
