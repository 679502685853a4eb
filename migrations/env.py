"""Where Alembic starts: on a connection we give it, or, for developers, on HSTLC_DB_CONNECTION_STRING."""

import os

from alembic import context
from sqlalchemy import Connection

from hstlc.db.tables import Base
from hstlc.db.types import UtcDateTime
from hstlc.db.users import hide_users
from hstlc.db.views import drop_views, make_views


def render_item(kind: str, item: object, _: object) -> str | bool:
    """Write our types as plain ones: a migration must not change when the program does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        drop_views(connection)
        context.run_migrations()
        make_views(connection)
        hide_users(connection)


def run_for_developers() -> None:
    from hstlc.db.engine import make_engine

    address = os.environ.get("HSTLC_DB_CONNECTION_STRING")
    if not address:
        raise SystemExit("set HSTLC_DB_CONNECTION_STRING to the database that Alembic shall work on")
    engine = make_engine(address)
    try:
        with engine.begin() as connection:
            run(connection)
    finally:
        engine.dispose()


if context.is_offline_mode():
    raise SystemExit("SQL scripts are not made: SQLite rebuilds tables from what it finds in them")
given = context.config.attributes.get("connection")
if given is None:
    run_for_developers()
else:
    run(given)
