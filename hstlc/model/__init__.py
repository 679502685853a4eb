"""Frozen values that the steps pass to each other."""

from hstlc.model.attachments import Arrivals, Stamp
from hstlc.model.events import EventList
from hstlc.model.finding import Finding, Severity
from hstlc.model.intervals import Intervals
from hstlc.model.lightcurve import COLUMNS, FURTHER_COLUMNS, LightCurve, Quality
from hstlc.model.source import HardnessRatio, Source

__all__ = [
    "COLUMNS",
    "FURTHER_COLUMNS",
    "Arrivals",
    "EventList",
    "Finding",
    "HardnessRatio",
    "Intervals",
    "LightCurve",
    "Quality",
    "Severity",
    "Source",
    "Stamp",
]
