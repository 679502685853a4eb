"""Flags of how an exposure was taken: pointing, orbit, background, count rates, clock."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import reduce

import numpy as np

from hstlc.events import bin_edges, in_band, live_time
from hstlc.missions.hst.checks.rejections import Found, HstExposure
from hstlc.missions.hst.cos_clock import OUTSIDE, TICK_S, Placer
from hstlc.missions.hst.cos_read import ABSENT, CosExposure
from hstlc.missions.hst.cos_regions import BURST_DQ, dq_mask, extraction_box, in_boxes, is_good, stripes
from hstlc.missions.hst.daylight import at_night
from hstlc.missions.hst.saa import in_saa
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Intervals

#: The observatory's clock was off by 0.5 to 2.75 s in data processed between these dates (2017-06-28, 2018-05-04).
CLOCK_ERROR_MJD = (57932.0, 58242.0)

#: Width of the bins in which bursts of the background are looked for, seconds.
BURST_BIN_S = 2.0


def shortened(exposure: HstExposure, settings: HstSettings) -> Found:
    """Exposures much shorter than planned."""
    planned, exptime = exposure.number("PLANTIME"), exposure.number("EXPTIME")
    if planned > 0 and exptime < settings.minimum_planned_fraction * planned:
        yield "", f"EXPTIME is {exptime:g} s of {planned:g} s planned"


def interrupted(exposure: HstExposure, settings: HstSettings) -> Found:
    """Exposures that did not end as planned, where the settings accept them."""
    accepted = {flag.upper() for flag in settings.accepted_expflags}
    for name, events in exposure.lists:
        value = str(events.header.get("EXPFLAG") or "").strip()
        if value.upper() != "NORMAL" and value.upper() in accepted:
            yield name, f"EXPFLAG is {value!r}, accepted by the settings"


def guiding(exposure: HstExposure, _: HstSettings) -> Found:
    """Exposures without fine lock on guide stars."""
    lock = exposure.text("FGSLOCK")
    if lock and lock != "FINE":
        yield "", f"FGSLOCK is {lock!r}, expected 'FINE'"


def offset_pointing(exposure: HstExposure, _: HstSettings) -> Found:
    """Exposures that did not point at the target's position or aperture.

    A dither along the slit of STIS (POSTARG2) leaves the target in the slit; a pattern across it does not.
    """
    dither = exposure.instrument == "STIS" and exposure.text("P1_PURPS") == "DITHER"
    for key in ("POSTARG1",) if dither else ("POSTARG1", "POSTARG2"):
        offset = exposure.number(key)
        if offset and np.isfinite(offset) and offset != ABSENT:
            yield "", f"{key} is {offset:g} arcsec: the target was offset"
    if exposure.text("P1_PURPS") == "MOSAIC":
        yield "", "P1_PURPS is 'MOSAIC'"
    if exposure.text("PATTERN1") == "STIS-PERP-TO-SLIT" and exposure.text("P1_FRAME") == "POS-TARG":
        yield "", "PATTERN1 is 'STIS-PERP-TO-SLIT' in the frame of POS-TARG: the slit was moved off the target"
    if exposure.text("APERTURE") == "BOA":
        yield "", "APERTURE is 'BOA': the light is attenuated and out of focus"


def prism(exposure: HstExposure, _: HstSettings) -> Found:
    """Spectra of a prism, whose resolution differs by a factor of hundred from one end to the other."""
    if "PRISM" in exposure.text("OPT_ELEM"):
        yield "", f"OPT_ELEM is {exposure.text('OPT_ELEM')!r}: do not combine it with spectra of gratings"


def moving_target(exposure: HstExposure, _: HstSettings) -> Found:
    """Targets that move: their exposures do not show the same source region."""
    if exposure.text("MTFLAG") in ("T", "TRUE"):
        yield "", "MTFLAG is 'T': a moving target"


def count_rate(exposure: HstExposure, settings: HstSettings) -> Found:
    """Global count rates that the detector cannot have, or at which it is not linear or loses photons."""
    keys, limit = ["GLOBRATE"], settings.maximum_rate_nuv
    if exposure.instrument != "COS":
        limit = settings.maximum_rate_stis
    elif "corrtag" not in exposure.events:
        keys, limit = [f"GLOBRT_{kind[-1].upper()}" for kind in sorted(exposure.events)], settings.maximum_rate_fuv
    for key in keys:
        rate = exposure.number(key)
        if np.isfinite(rate) and rate != ABSENT and not 0 < rate <= limit:
            yield "", f"{key} is {rate:g} counts/s, expected 0 to {limit:g}"
    for letter, rate in _stripe_rates(exposure, settings.maximum_rate_stripe).items():
        if rate > settings.maximum_rate_stripe:
            limit = settings.maximum_rate_stripe
            yield "", f"stripe {letter} has {rate:g} counts/s in its box, expected at most {limit:g}"


def _stripe_rates(exposure: HstExposure, limit: float) -> dict[str, float]:
    """Return the rates in the boxes of the NUV stripes, counts/s; nothing where the whole detector has no more."""
    if exposure.imaging or not isinstance(exposure, CosExposure) or "corrtag" not in exposure.events:
        return {}
    events = exposure.events["corrtag"]
    live_s = events.gti.total
    if not live_s or len(events) / live_s <= limit:
        return {}
    counts = Counter[str]()
    for x, y in events.blocks("XFULL", "YFULL"):
        for letter in stripes(exposure):
            box = extraction_box(exposure, letter)
            if box is not None:
                counts[letter] += int(in_boxes(x.astype(np.float64), y.astype(np.float64), box, "NUV")[0].sum())
    return {letter: count / live_s for letter, count in counts.items()}


def overflow(exposure: HstExposure, _: HstSettings) -> Found:
    """Photons lost because the on-board memory was full."""
    if exposure.number("OVERFLOW") > 0:
        yield "", f"OVERFLOW is {exposure.number('OVERFLOW'):.0f}: the on-board buffer lost photons"


def saa_passage(exposure: HstExposure, _: HstSettings) -> Found:
    """Exposures during which the telescope flew through the South Atlantic Anomaly."""
    for kind, timeline in sorted(exposure.timelines.items()):
        if {"LATITUDE", "LONGITUDE"} <= timeline.keys():
            seconds = int(in_saa(timeline["LATITUDE"], timeline["LONGITUDE"]).sum())
            if seconds:
                yield exposure.filename(kind), f"{seconds} s in the South Atlantic Anomaly: the background is high"


def occulted(exposure: HstExposure, _: HstSettings) -> Found:
    """Exposures during which the Earth covered the target."""
    for kind, timeline in sorted(exposure.timelines.items()):
        seconds = int((timeline.get("TARGET_ALT", np.zeros(0)) < 0).sum())
        if seconds:
            yield exposure.filename(kind), f"{seconds} s with the target behind the Earth's limb"


def daylight(exposure: HstExposure, settings: HstSettings) -> Found:
    """Good time that is left out because the Sun was high."""
    if not isinstance(exposure, CosExposure) or not exposure.events:
        return
    if settings.maximum_sun_altitude_deg is None or settings.recipe != "current":
        return
    gti = reduce(Intervals.intersect, (events.gti for _, events in exposure.lists))
    night = at_night(gti, exposure.timelines.values(), settings.maximum_sun_altitude_deg)
    if night is not None and night.total < gti.total:
        what = f"{gti.total - night.total:.1f} of {gti.total:.1f} s of good time are left out"
        yield "", f"{what}: the Sun was higher than {settings.maximum_sun_altitude_deg:g} deg"


def burst(exposure: HstExposure, settings: HstSettings) -> Found:
    """Bursts of the FUV background: those that the header tells of, and one that the event list shows.

    The archive's pipeline no longer looks for them. The highest bin of the background regions is compared with a
    constant background: it is a burst when it has several times the mean, as calcos required of a large burst, and
    chance would not make one bin in so many that high.
    """
    from scipy.special import pdtrc

    if not isinstance(exposure, CosExposure):
        return
    for letter in "AB":
        if exposure.number(f"TBRST_{letter}") > 0:
            lost_s, lost = (exposure.number(f"{key}_{letter}") for key in ("TBRST", "NBRST"))
            yield "", f"TBRST_{letter} is {lost_s:g} s, NBRST_{letter} {lost:g} events: left out as bursts"
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


def clock_error(exposure: HstExposure, _: HstSettings) -> Found:
    """Files taken and processed while the observatory's clock was off."""
    first, last = CLOCK_ERROR_MJD
    start, processed = exposure.number("EXPSTART"), exposure.number("PROCTIME")
    if not np.isfinite(processed):
        processed = _mjd(exposure.text("DATE"))
    if first <= processed <= last and start >= first:
        yield "", f"processed at MJD {processed:.1f}, when absolute times were off by 0.5 to 2.75 s; get it again"


def _mjd(day: str) -> float:
    """Return the modified Julian date of a day such as ``2017-12-22``, NaN where it is none."""
    try:
        return float((date.fromisoformat(day[:10]) - date(1858, 11, 17)).days)
    except ValueError:
        return float("nan")
