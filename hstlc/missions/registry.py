"""The installed missions, found by their entry points."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING

from hstlc.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hstlc.missions.base import Mission

__all__ = ["ENTRY_POINTS", "mission", "missions"]

ENTRY_POINTS = "hstlc.missions"


@cache
def missions() -> Mapping[str, Mission]:
    """Return the installed missions by name, in order of name."""
    found = {point.name: point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}
    return MappingProxyType(found)


def mission(name: str) -> Mission:
    """Return one mission.

    Raises
    ------
    UsageError
        ``usage.unknown-mission``.
    """
    try:
        return missions()[name]
    except KeyError:
        raise UsageError(
            "usage.unknown-mission", f"there is no mission {name!r}", f"installed are: {', '.join(missions())}"
        ) from None
