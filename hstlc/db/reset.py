"""Empty the database: all of it, all but the rejected files, or one table."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, Table, delete, func, insert, inspect, select, text

from hstlc.db.engine import writing
from hstlc.db.migrate import VERSION_TABLE, ensure_schema, refuse_others, run_migrations, state_of
from hstlc.db.records import LIGHT_CURVES, SETUPS
from hstlc.db.tables import BadData, Base, Output
from hstlc.db.views import drop_views
from hstlc.errors import UsageError

__all__ = ["ALL", "PRODUCTION", "reset", "table_names"]

ALL, PRODUCTION = "all", "production"


def table_names() -> list[str]:
    """Return the names of the tables, those that others refer to first."""
    return [table.name for table in Base.metadata.sorted_tables]


def reset(engine: Engine, what: str) -> dict[str, int]:
    """Empty the database, or a part of it, in one transaction; nobody is asked.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database; nothing of it that is not ours is touched.
    what : str
        ``all``: drop our tables and make them anew. ``production``: the same, but the rows of ``bad_data`` stay.
        A table's name: empty it, and before it the tables whose rows cannot be without its rows; rows that only
        point to it lose the pointer.

    Returns
    -------
    dict of str to int
        Rows removed from each table that was emptied, in that order.

    Raises
    ------
    UsageError
        ``usage.unknown-table``, or the errors of :func:`hstlc.db.migrate.ensure_schema`; ``all`` takes an older
        schema too.
    DatabaseError, StoreError
        See :func:`hstlc.db.engine.database_errors`. Nothing is changed then.
    """
    if what not in (ALL, PRODUCTION, *table_names()):
        choices = ", ".join((ALL, PRODUCTION, *table_names()))
        raise UsageError("usage.unknown-table", f"there is no table '{what}'", f"choose one of {choices}")
    if what != ALL:
        ensure_schema(engine)
    with writing(engine) as connection:
        refuse_others(engine, state_of(connection))
        if what == ALL:
            return _recreate(connection)
        if what == PRODUCTION:
            return _recreate_but_bad_data(connection)
        return {table.name: _empty(connection, table) for table in _with_dependents(Base.metadata.tables[what])}


def _recreate(connection: Connection) -> dict[str, int]:
    present = set(inspect(connection).get_table_names())
    tables = [table for table in reversed(Base.metadata.sorted_tables) if table.name in present]
    counts = {
        table.name: connection.scalar(select(func.count()).select_from(text(f'"{table.name}"'))) or 0
        for table in tables
    }
    drop_views(connection)
    Base.metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
    run_migrations(connection)
    return counts


def _recreate_but_bad_data(connection: Connection) -> dict[str, int]:
    table = BadData.__table__
    kept = [column for column in table.columns if not column.primary_key]
    rows = [dict(row) for row in connection.execute(select(*kept).order_by(table.c.id)).mappings()]
    counts = _recreate(connection)
    if rows:
        connection.execute(insert(BadData), rows)
    del counts[table.name]  # type: ignore[attr-defined]
    return counts


def _empty(connection: Connection, table: Table) -> int:
    return connection.execute(delete(table)).rowcount


def _with_dependents(table: Table) -> list[Table]:
    """Return the table after all tables whose rows are deleted with the row they refer to."""
    doomed = {table}
    for other in Base.metadata.sorted_tables:  # parents come before their children
        if any(key.column.table in doomed and key.ondelete == "CASCADE" for key in other.foreign_keys):
            doomed.add(other)
    found = [other for other in reversed(Base.metadata.sorted_tables) if other in doomed]
    if Output.__table__ not in doomed and LIGHT_CURVES not in doomed:
        return found
    # a light curve that no row of outputs names is of nothing, and so is a setup that no light curve has
    return [LIGHT_CURVES, SETUPS, *(other for other in found if other not in (LIGHT_CURVES, SETUPS))]
