"""A check and how a list of them is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hstlc.model import Finding, Severity

__all__ = ["Check", "first_rejection", "run_checks"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of every exposure of a mission.

    Attributes
    ----------
    name : str
        Short name, such as ``expflag``; stored with each finding.
    reason : str
        The registered text that ``bad_data.reason`` gets.
    severity : Severity
        What an answer means.
    explanation : str
        One sentence for documentation: the rule and why it is there.
    function : callable
        Takes the mission's exposure and settings; yields ``(filename, message)`` for each thing it found, the
        filename '' for the exposure as a whole.
    """

    name: str
    reason: str
    severity: Severity
    explanation: str
    function: Callable[[Any, Any], Iterable[tuple[str, str]]]


def run_checks(checks: Sequence[Check], exposure: object, settings: object) -> tuple[Finding, ...]:
    """Run every check in order and keep everything they find."""
    return tuple(
        Finding(check.name, check.severity, check.reason, message, filename)
        for check in checks
        for filename, message in check.function(exposure, settings)
    )


def first_rejection(findings: Iterable[Finding]) -> Finding | None:
    """Return the first finding that rejects, the one whose reason ``bad_data`` records."""
    return next((finding for finding in findings if finding.severity is Severity.REJECT), None)
