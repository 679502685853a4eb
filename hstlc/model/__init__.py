"""Frozen values that the steps pass to each other."""

from hstlc.model.events import EventList
from hstlc.model.finding import Finding, Severity
from hstlc.model.intervals import Intervals
from hstlc.model.lightcurve import COLUMNS, LightCurve, Quality

__all__ = ["COLUMNS", "EventList", "Finding", "Intervals", "LightCurve", "Quality", "Severity"]
