"""Dates as archives write them: without time zone, with or without fractions, sometimes a thousand years ahead."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["DISTANT", "literal", "mjd_moment", "moment", "second_after"]

#: What stands for every date that is further away.
DISTANT = datetime(9000, 1, 1, tzinfo=UTC)

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_DISTANT_TEXT = re.compile(r"\+?\d{5,}-")


def moment(value: Any) -> datetime | None:
    """Return a date of an archive in UTC, time zone aware; None where there is none or it is not one.

    Parameters
    ----------
    value : str, datetime or None
        ISO 8601, with blank or T; without time zone it counts as UTC. Dates after the year 9000 become that year,
        as some archives write that what is never published is published then.

    Examples
    --------
    >>> moment("2001-08-12T03:14:23.0")
    datetime.datetime(2001, 8, 12, 3, 14, 23, tzinfo=datetime.timezone.utc)
    >>> moment("11970-01-01 00:00:00").year
    9000
    """
    if isinstance(value, datetime):
        found = value
    else:
        text = str(value or "").strip()
        if _DISTANT_TEXT.match(text):
            return DISTANT
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return min(found, DISTANT)


def mjd_moment(value: Any) -> datetime | None:
    """Return a Modified Julian Date (days) as a moment to the second; None where it is not one.

    Examples
    --------
    >>> mjd_moment(59000.5).isoformat()
    '2020-05-31T12:00:00+00:00'
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2_000_000:
        return None
    return _MJD_ZERO + timedelta(seconds=round(value * 86400))


def literal(value: datetime) -> str:
    """Return a moment as the text that is compared with dates in a query, to the second.

    Examples
    --------
    >>> literal(datetime(2026, 11, 21, 6, 30, 59, 900000, tzinfo=UTC))
    "'2026-11-21 06:30:59'"
    """
    return f"'{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"


def second_after(value: datetime) -> datetime:
    """Return the begin of the second after the one that a moment lies in."""
    return value.replace(microsecond=0) + timedelta(seconds=1)
