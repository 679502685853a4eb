"""Chandra exposures to light curves: of the whole field, and of every source by band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError
from hstlc.events.binning import bin_edges
from hstlc.events.frames import Frames
from hstlc.lightcurves.aperture import aperture_curve
from hstlc.missions.base import Extraction
from hstlc.missions.chandra.background_flares import background_times, find_flares
from hstlc.missions.chandra.curve_keywords import exposure_keywords
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.field import Field, field_of
from hstlc.missions.chandra.mission_settings import ChandraSettings, bands_of
from hstlc.missions.chandra.source_curves import NO_TIME, Task, band_keywords, in_band, source_curves, without_flares
from hstlc.missions.chandra.sources import LocatedSource, located_sources
from hstlc.missions.energy_bands import widest
from hstlc.model import Finding, Intervals, LightCurve, Severity

__all__ = ["STEP_VERSION", "FieldFlares", "extract", "field_edges", "field_frames", "field_task", "whole_field"]

#: Raised when the same input gives other numbers.
STEP_VERSION = 1

FloatArray = NDArray[np.float64]


def extract(exposure: ChandraExposure, settings: ChandraSettings, selection: None = None) -> Extraction:  # noqa: ARG001
    """Make the light curves of a Chandra exposure.

    Times count from within 85 s of the start, in TT at the spacecraft. Bins of ACIS are whole frames, from half-way
    between two to half-way between two; those of all sources and bands are the same. A region that lies on several
    chips is live as far as they are, each with its share of the events a second. Fractions of it off the detector make
    no correction: they are told in ``live_part_of_region`` of the source and by flags.

    Parameters
    ----------
    exposure : ChandraExposure
        With a readable event list that has events in good time.
    settings : ChandraSettings
    selection : None
        Whole exposures make no composites.

    Returns
    -------
    Extraction
        ``curve`` is of all good events of the widest band, background and all.

    Raises
    ------
    UsageError
        ``usage.bin-width``, ``usage.region``.
    UnsupportedModeError
        ``data.no-events``: there is no event list with good time.
    """
    task = field_task(exposure, settings)
    bands = task.bands
    located = located_sources(exposure, settings)
    findings: list[Finding] = []
    flares = FieldFlares(task, located, exposure.kind)
    made = []
    for source in located:
        number = int(np.count_nonzero(in_band(task, source.rows, bands[task.lead])))
        if number < settings.minimum_counts:
            message = f"{source.name}: {number} events, at least {settings.minimum_counts} are wanted"
            findings.append(Finding("few_counts", Severity.FLAG, "Few counts", message, exposure.filename()))
        else:
            made.append(source_curves(task, source, flares.on(source.weights)))
    every = flares.on(task.ready.events.gti)
    extra = {"sources": len(made), "flare_s": round(every.total, 6)}
    return Extraction(whole_field(task, every), tuple(findings), extra, sources=tuple(made))


def field_task(exposure: ChandraExposure, settings: ChandraSettings) -> Task:
    """Return what all curves of an exposure share.

    Raises
    ------
    UsageError, UnsupportedModeError
        As :func:`extract`.
    """
    if exposure.lead is None or not exposure.lead.good_time.total > 0:
        names = ", ".join(file.path.name for file in exposure.files)
        raise UnsupportedModeError(
            "data.no-events", f"{names}: no event list with good time", "run 'hstlc check' on the files"
        )
    ready = field_of(exposure)
    bands = bands_of(settings.bands, exposure.instrument)
    keywords = exposure_keywords(exposure, settings, STEP_VERSION)
    edges_s = field_edges(ready, settings.bin_width_s, field_frames(ready))
    return Task(ready, settings, edges_s, bands, widest(bands), keywords)


class FieldFlares:
    """Background flares by the chips that a source lies on, each found once.

    Parameters
    ----------
    task : Task
    located : tuple of LocatedSource
        All sources of the field.
    kind : str
        Of the event list: of others than ``evt2`` none are looked for.
    """

    def __init__(self, task: Task, located: tuple[LocatedSource, ...], kind: str) -> None:
        self._task = task
        wanted = kind == "evt2" and task.settings.flares != "off"
        rows = [source.rows for source in located if source.catalogue != "regevt3"]
        sources = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        self._background_s = background_times(task.ready, sources, task.bands[task.lead]) if wanted else {}
        self._found: dict[frozenset[int], Intervals] = {}

    def on(self, chips: Mapping[int, Any]) -> Intervals:
        """Return the flares that these chips saw together."""
        key = frozenset(chips)
        if not self._background_s or not key:
            return NO_TIME
        if key not in self._found:
            self._found[key] = find_flares(self._task.ready, key, self._background_s, self._task.settings)
        return self._found[key]


def field_frames(ready: Field) -> Frames | None:
    """Return the readout frames of a field; None: times are continuous."""
    if not ready.events.frame_s > 0:
        return None
    return Frames.of(ready.events.time_s[ready.rows], ready.events.frame_s, float(ready.events.good_time.start[0]))


def field_edges(ready: Field, width_s: float, frames: Frames | None) -> FloatArray:
    """Return the edges of the bins of all curves of a field, seconds.

    Raises
    ------
    UsageError
        ``usage.bin-width``.
    """
    good = ready.events.good_time
    start_s, stop_s = float(good.start[0]), float(good.stop[-1])
    if frames is None:
        return start_s + bin_edges(stop_s - start_s, width_s)
    return frames.edges(start_s, stop_s, width_s)


def whole_field(task: Task, flares: Intervals) -> LightCurve:
    """Return the light curve of all good events of the widest band."""
    ready, band = task.ready, task.bands[task.lead]
    rows = ready.rows[in_band(task, ready.rows, band)]
    clock = ready.clock(ready.weights(rows))
    time_s = np.sort(ready.events.time_s[rows])
    clock, time_s, marked = without_flares(task, clock, time_s, flares)
    return aperture_curve(
        task.edges_s,
        source_time_s=time_s,
        background_time_s=time_s[:0],
        scale=0.0,
        clock=clock,
        reference=ready.events.reference,
        dead_time_factor=ready.live_part,
        minimum_fraction=task.settings.minimum_fraction,
        flares=marked,
        meta={
            **task.keywords,
            **band_keywords(task, task.lead),
            "NEVENTS": len(ready.events),
            "NBADDQ": ready.bad_grade,
            "NBADTIME": ready.bad_time,
            "NSOURCE": len(time_s),
            "NBACKGR": 0,
            "LIVETIME": clock.total,
        },
    )
