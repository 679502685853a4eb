"""The texts that ``bad_data.reason`` may have."""

from __future__ import annotations

from collections.abc import Mapping

from hstlc.missions.registry import missions
from hstlc.model import Severity

__all__ = ["UNKNOWN", "UNREADABLE", "registered", "registered_reasons"]

UNREADABLE, UNKNOWN = "Unreadable file", "Unknown product"


def registered_reasons() -> Mapping[str, str]:
    """Return every reason for which a file is rejected or refused, and what it means."""
    reasons: dict[str, str] = {}
    for mission in missions().values():
        reasons |= mission.refusals
        reasons |= {c.reason: c.explanation for c in mission.checks if c.severity is Severity.REJECT}
    return reasons | {
        UNREADABLE: "The file is not FITS, or not whole.",
        UNKNOWN: "A FITS file that no installed mission recognizes.",
    }


def registered(reason: str) -> str:
    """Return the reason.

    Raises
    ------
    LookupError
        It is not registered: a check or mission has forgotten it.
    """
    if reason not in registered_reasons():
        raise LookupError(f"{reason!r} is not a registered reason: {', '.join(registered_reasons())}")
    return reason
