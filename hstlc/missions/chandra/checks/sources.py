"""Questions about the sources of an exposure that flag it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hstlc.missions.chandra.checks.rejections import Found
from hstlc.missions.chandra.curve_keywords import utc_mjd
from hstlc.missions.chandra.dither import dither_of, in_phase
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.field import Field, field_of
from hstlc.missions.chandra.identify import real
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.missions.chandra.sources import LocatedSource, located_sources

#: A chip that sees less of a source than this is not counted.
_LEAST_SHARE = 0.01

#: Keywords that may hold the name of the source of a product of the catalog.
_NAMES = ("SRCNAME", "SOURCE", "CSCNAME", "NAME")

#: Pixels along a side of a CCD.
_CHIP = 1024


def _each(exposure: ChandraExposure, settings: ChandraSettings) -> Iterator[tuple[Field, LocatedSource]]:
    events = exposure.lead
    if events is None or not len(events) or not events.good_time.total > 0:
        return
    for source in located_sources(exposure, settings):
        yield field_of(exposure), source


def no_events(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Regions without any event."""
    for _, source in _each(exposure, settings):
        if not len(source.rows):
            yield exposure.filename(), f"{source.name}: no good event is in its region"


def no_background(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Say of which sources nothing is subtracted."""
    for _, source in _each(exposure, settings):
        if source.background is None:
            why = source.problem or "its region is the whole event list"
            yield exposure.filename(), f"{source.name}: {why}; nothing is subtracted"


def extended(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Say which source the catalog calls extended."""
    for header, kind in ((exposure.header, ""), (exposure.region_header, "reg3")):
        name = next((str(header[key]).strip() for key in _NAMES if header.get(key)), "")
        if name.startswith(("2CXO", "CXO")) and name.endswith("X"):
            yield exposure.filename(kind), f"{name} is extended; light curves are those of its region"
            return


def several_chips(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Say which sources more than one CCD sees."""
    for _, source in _each(exposure, settings):
        parts = {number: part for number, part in source.weights.items() if part >= _LEAST_SHARE}
        if len(parts) > 1 and len(source.rows):
            text = ", ".join(f"{part:.0%} on {number}" for number, part in sorted(parts.items()))
            yield exposure.filename(), f"{source.name}: {text}; each counts with its own good time"


def near_edge(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Say which sources the dither takes over an edge of a CCD."""
    if exposure.instrument != "ACIS":
        return
    for ready, source in _each(exposure, settings):
        columns, sky = ready.events.columns, ready.events.sky
        if not {"chip_x", "chip_y"} <= columns.keys() or not len(source.rows) or source.catalogue == "regevt3":
            continue
        rows = source.rows[ready.ccd[source.rows] == max(source.weights, key=lambda number: source.weights[number])]
        if not len(rows):
            continue
        scale = sky.scale_arcsec if sky is not None else 0.492
        dither = dither_of("ACIS", _day(exposure))
        low_x, low_y, high_x, high_y = source.region.bounds
        reach = dither.amplitude_arcsec / scale + max(high_x - low_x, high_y - low_y) / 2
        first_row = real(exposure.header, "FIRSTROW") or 1.0
        last_row = first_row + (real(exposure.header, "NROWS") or _CHIP) - 1
        for name, first, last in (("chip_x", 1.0, float(_CHIP)), ("chip_y", first_row, last_row)):
            middle = float(np.median(columns[name][rows]))
            if middle - reach < first or middle + reach > last:
                axis = name.replace("_", "").upper()
                text = f"{source.name}: {axis} {middle:.0f}, an edge of the CCD is within {reach:.0f} pixels"
                yield exposure.filename(), text


def pile_up(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Say which sources are so bright that photons of one frame are taken for one."""
    for ready, source in _each(exposure, settings):
        frame_s, live_s = ready.events.frame_s, ready.clock(dict(source.weights)).total
        if not frame_s > 0 or not live_s > 0 or source.catalogue == "regevt3":
            continue
        own = len(source.rows) - source.scale * len(source.background_rows)
        frames = live_s / ready.live_part / frame_s
        if own / frames > settings.maximum_counts_per_frame:
            yield exposure.filename(), f"{source.name}: {own / frames:.3f} counts a frame; some are lost or changed"


def dither(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Say which sources vary with the dither."""
    for ready, source in _each(exposure, settings):
        pattern = dither_of(exposure.instrument, _day(exposure))
        clock = ready.clock(dict(source.weights))
        time_s = ready.events.time_s[source.rows]
        for axis, period_s in (("Y", pattern.period_y_s), ("Z", pattern.period_z_s)):
            chance = in_phase(time_s, clock, period_s)
            if chance < settings.dither_probability:
                text = (
                    f"{source.name}: arrivals gather at one phase of the {period_s:g} s of {axis}, chance {chance:.1e}"
                )
                yield exposure.filename(), text


def _day(exposure: ChandraExposure) -> float | None:
    start, mjdref = real(exposure.header, "TSTART"), real(exposure.header, "MJDREF") or 50814.0
    return None if start is None else utc_mjd(mjdref, start)
