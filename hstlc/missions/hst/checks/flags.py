"""Questions whose answer stays with the light curve."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np

from hstlc.events import bin_edges, in_band, live_time
from hstlc.missions.base import Role
from hstlc.missions.hst.cos_clock import OUTSIDE, TICK_S, Placer
from hstlc.missions.hst.cos_read import CosExposure
from hstlc.missions.hst.cos_regions import BURST_DQ, dq_mask, extraction_box, is_good, stripes
from hstlc.missions.hst.saa import in_saa
from hstlc.missions.hst.settings import HstSettings

Found = Iterator[tuple[str, str]]

#: The observatory's clock was off by 0.5 to 2.75 s in data processed between these dates (2017-06-28, 2018-05-04).
CLOCK_ERROR_MJD = (57932.0, 58242.0)

#: Width of the bins in which bursts of the background are looked for, seconds.
BURST_BIN_S = 2.0


def unreadable_x1d(exposure: CosExposure, _: HstSettings) -> Found:
    """Find an x1d that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is not Role.EVENTS:
            yield file.path.name, f"{why}; the flux is NaN"


def slight_disorder(exposure: CosExposure, _: HstSettings) -> Found:
    """Small steps back in time: harmless, but recorded."""
    for name, events in exposure.lists:
        times = events.times
        if times.back and not times.invalid:
            what = f"{times.back} of {len(events)} times are earlier than the one before"
            yield name, f"{what}, by up to {times.step_back_s:.6f} s"


def no_background(exposure: CosExposure, _: HstSettings) -> Found:
    """Regions without background boxes."""
    if exposure.imaging:
        return
    for letter, kind in stripes(exposure).items():
        box = extraction_box(exposure, letter)
        if box is not None and not box.backgrounds:
            yield exposure.filename(kind), f"no background box for segment {letter}: nothing is subtracted"


def missing_segment(exposure: CosExposure, _: HstSettings) -> Found:
    """FUV exposures of which one segment is not here though the header says it has events."""
    if "corrtag" in exposure.events or not exposure.events:
        return
    present = set(exposure.events) | {file.kind for file, _ in exposure.unreadable}
    for kind, letter in (("corrtag_a", "A"), ("corrtag_b", "B")):
        if kind in present:
            continue
        expected = exposure.number(f"NEVENTS{letter}") > 0 or letter in exposure.spectra
        if expected:
            yield "", f"segment {letter} is missing: {exposure.files[0].rootname}_{kind}.fits was not given"


def missing_x1d(exposure: CosExposure, _: HstSettings) -> Found:
    """Spectroscopic exposures without an x1d."""
    if not exposure.imaging and not any(file.kind == "x1d" for file in exposure.files):
        yield "", f"{exposure.files[0].rootname}_x1d.fits was not given; the flux is NaN"


def missing_gti(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists without a GTI extension."""
    for name, events in exposure.lists:
        if events.header.get("HSTLCGTI") == "MISSING":
            yield name, "no GTI extension; the time from 0 to EXPTIME is taken as good"


def header_mismatch(exposure: CosExposure, _: HstSettings) -> Found:
    """Numbers in the header that the content does not confirm."""
    for kind in sorted(exposure.events):
        name, events = exposure.filename(kind), exposure.events[kind]
        exptime = events.header.get("EXPTIME")
        if isinstance(exptime, (int, float)) and abs(events.gti.total - exptime) > 1:
            yield name, f"EXPTIME is {exptime:g} s, the good time intervals add to {events.gti.total:.3f} s"
        key = "NEVENTS" + kind[-1].upper() if kind != "corrtag" else "NEVENTS"
        rows = events.header.get(key)
        if isinstance(rows, int) and rows >= 0 and rows != len(events):
            yield name, f"{key} is {rows}, the event list has {len(events)} rows"
        if name and not name.lower().startswith(str(events.header.get("ROOTNAME") or name).lower()):
            yield name, f"ROOTNAME is {events.header.get('ROOTNAME')!r}, the file has another name"


def outside_good_time(exposure: CosExposure, _: HstSettings) -> Found:
    """Events outside the good time intervals: left out of the curve."""
    for name, events in exposure.lists:
        outside = events.times.outside
        if outside:
            yield name, f"{outside} of {len(events)} events lie outside the good time intervals and are left out"


def shortened(exposure: CosExposure, settings: HstSettings) -> Found:
    """Exposures much shorter than planned."""
    planned, exptime = exposure.number("PLANTIME"), exposure.number("EXPTIME")
    if planned > 0 and exptime < settings.minimum_planned_fraction * planned:
        yield "", f"EXPTIME is {exptime:g} s of {planned:g} s planned"


def guiding(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures without fine lock on guide stars."""
    lock = exposure.text("FGSLOCK")
    if lock and lock != "FINE":
        yield "", f"FGSLOCK is {lock!r}, expected 'FINE'"


def offset_pointing(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures that did not point at the target's position or aperture."""
    for key in ("POSTARG1", "POSTARG2"):
        if exposure.number(key) not in (0.0,) and np.isfinite(exposure.number(key)):
            yield "", f"{key} is {exposure.number(key):g} arcsec: the target was offset"
    if exposure.text("P1_PURPS") == "MOSAIC":
        yield "", "P1_PURPS is 'MOSAIC'"
    if exposure.text("APERTURE") == "BOA":
        yield "", "APERTURE is 'BOA': the light is attenuated and out of focus"


def moving_target(exposure: CosExposure, _: HstSettings) -> Found:
    """Targets that move: their exposures do not show the same source region."""
    if exposure.text("MTFLAG") == "T":
        yield "", "MTFLAG is 'T': a moving target"


def count_rate(exposure: CosExposure, settings: HstSettings) -> Found:
    """Global count rates that the detector cannot have, or at which it is not linear."""
    fuv = "corrtag" not in exposure.events
    limit = settings.maximum_rate_fuv if fuv else settings.maximum_rate_nuv
    keys = [f"GLOBRT_{kind[-1].upper()}" for kind in sorted(exposure.events)] if fuv else ["GLOBRATE"]
    for key in keys:
        rate = exposure.number(key)
        if np.isfinite(rate) and rate != -999 and not 0 < rate <= limit:
            yield "", f"{key} is {rate:g} counts/s, expected 0 to {limit:g}"


def overflow(exposure: CosExposure, _: HstSettings) -> Found:
    """Photons lost because the on-board memory was full."""
    if exposure.number("OVERFLOW") > 0:
        yield "", f"OVERFLOW is {exposure.number('OVERFLOW'):.0f}: the on-board buffer lost photons"


def saa_passage(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures during which the telescope flew through the South Atlantic Anomaly."""
    for kind, timeline in sorted(exposure.timelines.items()):
        if {"LATITUDE", "LONGITUDE"} <= timeline.keys():
            seconds = int(in_saa(timeline["LATITUDE"], timeline["LONGITUDE"]).sum())
            if seconds:
                yield exposure.filename(kind), f"{seconds} s in the South Atlantic Anomaly: the background is high"


def occulted(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures during which the Earth covered the target."""
    for kind, timeline in sorted(exposure.timelines.items()):
        seconds = int((timeline.get("TARGET_ALT", np.zeros(0)) < 0).sum())
        if seconds:
            yield exposure.filename(kind), f"{seconds} s with the target behind the Earth's limb"


def burst(exposure: CosExposure, settings: HstSettings) -> Found:
    """Bursts of the FUV background, which the archive's pipeline no longer looks for.

    The highest bin of the background regions is compared with a constant background: it is a burst when it has
    several times the mean, as calcos required of a large burst, and chance would not make one bin in so many that high.
    """
    from scipy.special import pdtrc

    for letter, kind in stripes(exposure).items():
        box = None if exposure.imaging or kind == "corrtag" else extraction_box(exposure, letter)
        events = exposure.events[kind]
        if box is None or not box.backgrounds or not len(events.gti):
            continue
        edges = bin_edges(float(events.gti.stop[-1]), BURST_BIN_S, TICK_S)
        live_s = live_time(edges, events.gti, TICK_S)
        counts, placer = np.zeros(len(live_s), dtype=np.int64), Placer(events.gti, edges)
        for stamps, dq, rows in events.blocks("TIME", "DQ", "YFULL"):
            y = rows.astype(np.float64)
            beside = reduce(np.logical_or, [in_band(y, center, height) for center, height in box.backgrounds])
            index = placer.place(stamps)
            chosen = is_good(dq, dq_mask(exposure) & ~BURST_DQ) & beside & (index != OUTSIDE)
            counts += np.bincount(index.take(np.flatnonzero(chosen)), minlength=len(counts))
        expected = int(counts.sum()) * live_s / live_s.sum()
        chance = pdtrc(counts - 1, expected) * len(live_s)
        worst = int(np.argmin(np.where(counts > settings.burst_factor * expected, chance, np.inf)))
        if counts[worst] > settings.burst_factor * expected[worst] and chance[worst] < settings.burst_probability:
            yield (
                exposure.filename(kind),
                f"{counts[worst]} background events from {edges[worst]:.0f} s on, {expected[worst]:.1f} expected",
            )


def clock_error(exposure: CosExposure, _: HstSettings) -> Found:
    """Files processed while the observatory's clock was off."""
    first, last = CLOCK_ERROR_MJD
    start, processed = exposure.number("EXPSTART"), exposure.number("PROCTIME")
    if first <= processed <= last and start >= first:
        yield "", f"processed at MJD {processed:.1f}, when absolute times were off by 0.5 to 2.75 s; get it again"


def reader_note(exposure: CosExposure, _: HstSettings) -> Found:
    """Warnings of the library that read the file."""
    yield from exposure.notes
