"""What may be wrong with an exposure of the toy mission."""

from __future__ import annotations

from collections.abc import Iterator

from hstlc.checks import Check
from hstlc.model import Severity
from hstlc_toy.files import ToyExposure
from hstlc_toy.settings import ToySettings


def _unreadable(exposure: ToyExposure, _: ToySettings) -> Iterator[tuple[str, str]]:
    if exposure.problem:
        yield exposure.file.path.name, exposure.problem


def _no_events(exposure: ToyExposure, _: ToySettings) -> Iterator[tuple[str, str]]:
    if exposure.events is not None and not len(exposure.events):
        yield exposure.file.path.name, f"{exposure.file.path.name}: expected photons, found none"


def _no_time(exposure: ToyExposure, _: ToySettings) -> Iterator[tuple[str, str]]:
    if exposure.events is not None and not exposure.events.gti.total > 0:
        yield exposure.file.path.name, f"{exposure.file.path.name}: expected good time, found none"


def _high_background(exposure: ToyExposure, _: ToySettings) -> Iterator[tuple[str, str]]:
    if exposure.header.get("BKGLEVEL") == "HIGH":
        yield exposure.file.path.name, "the telescope says that the background was high"


#: In the order in which their reasons count.
CHECKS = (
    Check("unreadable", "Unreadable file", Severity.REJECT, "The file must be whole.", _unreadable),
    Check("events", "No events", Severity.REJECT, "An event list must have photons.", _no_events),
    Check("time", "No good time", Severity.REJECT, "Some time must be good.", _no_time),
    Check("background", "High background", Severity.FLAG, "The background should be low.", _high_background),
)
