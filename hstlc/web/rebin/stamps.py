"""Pictures of where the events of a stretch of time fell: on the sky, and on the detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hstlc.missions.base import is_event_kind
from hstlc.missions.registry import mission as find_mission
from hstlc.model import EventList, LightCurve, Stamp
from hstlc.times import SECONDS_PER_DAY
from hstlc.web.rebin.held import Held
from hstlc.web.rebin.parts import made_of_events, stored_curve
from hstlc.web.rebin.subject import Selection, Subject

__all__ = ["stamps"]

#: Of larger files no pictures of a stretch are made: their events would fill the memory of a worker.
_LARGEST_FILE = 60_000_000

#: Pixels along a side of a picture of a detector.
_PIXELS = 128

_LARGE = "the event list is too large for a picture of a stretch of time"
_NONE = "there is no picture of several exposures, nor of an imported light curve"
_ALL = "all events of the file at these places, whatever their quality and energy"


def stamps(subject: Subject, selection: Selection, held: Held, check: Callable[[], None]) -> dict[str, Any]:
    """Return pictures as plain values; see the interfaces.

    Without a stretch of time they are those that are stored with the curve of a source; else all events of the first
    event list in that time, on the grid of the stored picture, or on the detector where there is none.
    """
    curve = stored_curve(subject, held)
    stored = {stamp.name: stamp for stamp in curve.stamps}
    if stored and selection.start_s is None and selection.stop_s is None:
        return {"sky": _plain(stored.get("SKY")), "detector": _plain(stored.get("DETECTOR")), "note": ""}
    if len(subject.parts) != 1 or not made_of_events(subject):
        return {"sky": None, "detector": None, "note": _NONE}
    part, mission = subject.parts[0], find_mission(subject.mission)
    path, size = next((path, size) for kind, path, size in part.files if is_event_kind(kind, mission.event_kinds))
    if size > _LARGEST_FILE:
        return {"sky": None, "detector": None, "note": _LARGE}
    check()
    events: EventList = held.get(f"places {part.key}", lambda: _places(mission.read_events(path)))
    check()
    x, y = _chosen(events, curve, selection)
    if "SKY" in stored:
        return {"sky": _plain(_counted(stored["SKY"], x, y)), "detector": None, "note": _ALL}
    return {"sky": None, "detector": _plain(_detector(events, x, y)), "note": _ALL}


def _places(events: EventList) -> EventList:
    """Return a list that holds only where and when its events were."""
    columns = {name: events.columns[name].astype(np.float32) for name in ("x", "y") if name in events.columns}
    return EventList(events.time_s, columns, events.gti, events.reference, events.tick_s)


def _chosen(events: EventList, curve: LightCurve, selection: Selection) -> tuple[Any, Any]:
    """Return the places of the events in the stretch of time."""
    if not {"x", "y"} <= events.columns.keys():
        return np.zeros(0), np.zeros(0)
    shift_s = (events.reference.mjd - curve.reference.mjd) * SECONDS_PER_DAY
    time_s = events.time_s + shift_s
    start_s = -np.inf if selection.start_s is None else selection.start_s
    stop_s = np.inf if selection.stop_s is None else selection.stop_s
    inside = (time_s >= start_s) & (time_s < stop_s)
    return events.columns["x"][inside], events.columns["y"][inside]


def _counted(stamp: Stamp, x: Any, y: Any) -> Stamp:
    """Return a picture of other events on the same grid."""
    lines, columns = stamp.counts.shape
    at_x, at_y = np.floor((x - stamp.x) / stamp.step), np.floor((y - stamp.y) / stamp.step)
    inside = (at_x >= 0) & (at_x < columns) & (at_y >= 0) & (at_y < lines)
    place = at_y[inside].astype(np.int64) * columns + at_x[inside].astype(np.int64)
    counts = np.bincount(place, minlength=lines * columns).reshape(lines, columns).astype(np.int32)
    return Stamp(stamp.name, counts, stamp.x, stamp.y, stamp.step, stamp.scale_arcsec, stamp.outline_x, stamp.outline_y)


def _detector(events: EventList, x: Any, y: Any) -> Stamp | None:
    """Return where on the detector events fell, on a grid that holds all of the list."""
    every = [events.columns[name] for name in ("x", "y") if name in events.columns]
    finite = [values[np.isfinite(values)] for values in every]
    if len(finite) != 2 or not all(len(values) for values in finite):
        return None
    low = [float(np.floor(values.min())) for values in finite]
    size = max(float(values.max()) - start for values, start in zip(finite, low, strict=True))
    step = max(1.0, float(np.ceil(size / _PIXELS)))
    shape = [int((float(values.max()) - start) // step) + 1 for values, start in zip(finite, low, strict=True)]
    nothing = np.zeros(0)
    empty = Stamp("DETECTOR", np.zeros((shape[1], shape[0]), np.int32), low[0], low[1], step, 0.0, nothing, nothing)
    return _counted(empty, x, y)


def _plain(stamp: Stamp | None) -> dict[str, Any] | None:
    if stamp is None:
        return None
    sky = stamp.name == "SKY"
    return {
        "counts": stamp.counts,
        "x0": stamp.x,
        "y0": stamp.y,
        "step": stamp.step,
        "unit": "pixel",
        "scale_arcsec": stamp.scale_arcsec or None,
        "outline_x": _pen(stamp.outline_x),
        "outline_y": _pen(stamp.outline_y),
        "x_label": "sky x, east to the left (pixel)" if sky else "detector x (pixel)",
        "y_label": "sky y, north up (pixel)" if sky else "detector y (pixel)",
    }


def _pen(values: Any) -> Any:
    return np.where(np.isfinite(values), values, np.nan).astype(np.float64)
