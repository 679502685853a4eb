"""Rows of ``light_curve`` that no pipeline made."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from hstlc.db.records import LIGHT_CURVES, SETUPS

_NAMES = ("mission", "instrume", "kind", "lead")


def add_light_curve(connection: Connection, row: Mapping[str, Any]) -> int:
    """Insert a row with its setup, which is made if it is new; return the number of the setup."""
    setup = {**{name: row[name] for name in _NAMES}, "interesting": False}
    known = select(SETUPS.c.id).where(*(SETUPS.c[name] == value for name, value in setup.items()))
    number = connection.scalar(known)
    if number is None:
        number = connection.execute(insert(SETUPS).values(setup).returning(SETUPS.c.id)).scalar_one()
    connection.execute(insert(LIGHT_CURVES).values({**row, "setup_id": number}))
    return int(number)
