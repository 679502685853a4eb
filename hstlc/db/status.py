"""What waits, and what went wrong: counts for a person who looks after a store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, and_, func, or_, select

from hstlc.db.archive_tables import RemoteProduct
from hstlc.db.tables import Base, Run

__all__ = ["failed_products", "failed_runs"]


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


PRODUCTS, RUNS = _table(RemoteProduct), _table(Run)

_TROUBLE = ("failed", "missing", "forbidden")


def failed_products(connection: Connection) -> list[dict[str, Any]]:
    """Return the products that could not be fetched, grouped by source, state and error code, with one as example."""
    P = PRODUCTS.c  # noqa: N806
    trouble = or_(P.state.in_(_TROUBLE), and_(P.state.in_(("queued", "deferred")), P.error_code != ""))
    grouped = (
        select(P.source, P.state, P.error_code, func.count().label("products"), func.max(P.id).label("example"))
        .where(trouble)
        .group_by(P.source, P.state, P.error_code)
        .subquery()
    )
    found = (
        select(
            grouped.c.source,
            grouped.c.state,
            grouped.c.error_code.label("code"),
            grouped.c.products,
            P.name,
            P.message,
            P.next_try_at,
        )
        .join(PRODUCTS, P.id == grouped.c.example)
        .order_by(grouped.c.products.desc(), grouped.c.source, grouped.c.state, grouped.c.error_code)
    )
    return [dict(row) for row in connection.execute(found).mappings()]


def failed_runs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the latest runs that failed: command, started_at, message and counts."""
    failed = select(RUNS.c.command, RUNS.c.started_at, RUNS.c.message, RUNS.c.counts).where(RUNS.c.status == "failed")
    return [dict(row) for row in connection.execute(failed.order_by(RUNS.c.id.desc()).limit(limit)).mappings()]
