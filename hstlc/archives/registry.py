"""The installed archive clients, found by their entry points."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hstlc.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hstlc.archives.base import Archive

__all__ = ["ENTRY_POINTS", "archive", "archives"]

ENTRY_POINTS = "hstlc.archives"


@cache
def archives() -> Mapping[str, type[Archive[Any]]]:
    """Return the installed archive clients by name, in order of name."""
    found = {point.name: point.load() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name)}
    return MappingProxyType(found)


def archive(name: str) -> type[Archive[Any]]:
    """Return one archive client.

    Raises
    ------
    UsageError
        ``usage.unknown-source``.
    """
    try:
        return archives()[name]
    except KeyError:
        raise UsageError(
            "usage.unknown-source", f"there is no archive {name!r}", f"installed are: {', '.join(archives())}"
        ) from None
