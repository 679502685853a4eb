"""What the checks of all missions found in the exposures of the store."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from hstlc.db.findings import exposures_by_mission, tallies
from hstlc.missions.registry import missions
from hstlc.model import Severity
from hstlc.plots.findings import CheckRow

__all__ = ["check_rows"]

_EXTRACTION = "Noticed while the light curve is made."


def check_rows(connection: Connection) -> tuple[list[CheckRow], int]:
    """Return a row a check of every mission that has exposures, in the order of the checks, and how many there are.

    Findings whose check is none of the mission's, those of the extraction or of an earlier version, come last.
    """
    numbers = exposures_by_mission(connection)
    rows = [row for mission, number in numbers.items() for row in _rows_of(connection, mission, number)]
    return rows, sum(numbers.values())


def _rows_of(connection: Connection, mission: str, remaining: int) -> Sequence[CheckRow]:
    known = missions().get(mission)
    checks = {check.name: check for check in known.checks} if known is not None else {}
    found = tallies(connection, mission, list(checks))
    rows = []
    for name in [*checks, *(name for name in found if name not in checks)]:
        check, tally = checks.get(name), found.get(name)
        first = tally.first if tally is not None else 0
        remaining -= first
        rows.append(
            CheckRow(
                mission,
                name,
                check.severity.value if check is not None else tally.severity if tally is not None else Severity.FLAG,
                check.reason if check is not None else tally.reason if tally is not None else "",
                check.explanation if check is not None else _EXTRACTION,
                tally.found if tally is not None else 0,
                first,
                remaining,
            )
        )
    return rows
