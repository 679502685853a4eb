"""One source in one event list: its events, those of its background, and the live time of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of, counted_curve
from hstlc.missions.xmm.field import FieldList, pi_in
from hstlc.model import Arrivals, Intervals, LightCurve
from hstlc.regions import Region
from hstlc.times import TimeReference

__all__ = ["Aperture", "RegionEvents", "aperture", "arrivals_in", "band_curve", "joined_clock", "within"]

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]

#: A source of which less is on the detector is not seen by a camera.
SMALLEST_PART = 0.05

#: From so many events on, the events tell better than areas how much of a source is on each CCD.
_TELLING = 20


@dataclass(frozen=True, slots=True, eq=False)
class RegionEvents:
    """Good events of a region, of all energies.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        In the event list.
    time_s : ndarray of float64, shape (n,), seconds
        After the origin of the observation.
    pi : ndarray of int, shape (n,), eV
    """

    rows: Rows
    time_s: FloatArray
    pi: NDArray[Any]

    @classmethod
    def of(cls, ready: FieldList, rows: Rows) -> RegionEvents:
        """Take some rows of a list."""
        return cls(rows, ready.times(rows), ready.events.columns["pi"][rows])

    def __len__(self) -> int:
        return len(self.rows)

    def chosen(self, which: NDArray[Any]) -> RegionEvents:
        """Return some of them."""
        return RegionEvents(self.rows[which], self.time_s[which], self.pi[which])

    def times_in(self, band_kev: tuple[float, float]) -> FloatArray:
        """Return the times of those in a band, seconds."""
        return self.time_s[pi_in(self.pi, band_kev)]


@dataclass(frozen=True, slots=True, eq=False)
class Aperture:
    """A source in one event list.

    Attributes
    ----------
    ready : FieldList
    region : Region
    background : Region or None
    source, beside : RegionEvents
        Events of the two regions.
    scale : float
        Live area of the source region over that of the background region; 0: no background.
    part : float
        Part of the source region that is on the live detector.
    clock, background_clock : LiveClock
    gti : Intervals
        When any CCD that the source is on was good.
    live_part : float
        Live part of a second without loss.
    frame_s : float, seconds
        Length of the frames of the CCD that most of it is on; 0: unknown.
    """

    ready: FieldList
    region: Region
    background: Region | None
    source: RegionEvents
    beside: RegionEvents
    scale: float
    part: float
    clock: LiveClock
    background_clock: LiveClock
    gti: Intervals
    live_part: float
    frame_s: float


def aperture(ready: FieldList, region: Region, background: Region | None) -> Aperture | None:
    """Return a source in an event list; None where the list does not see it.

    The live time is that of the CCDs that the region is on, each with its share of the region: by the rates of its
    events, of few events by area.
    """
    live = ready.live
    part = live.fraction(region) if live.known else 1.0
    if part < SMALLEST_PART:
        return None
    rows = ready.index.rows(region)
    weights = _weights(ready, region, rows)
    clock = _weighted(ready, weights)
    if clock.total <= 0:
        return None
    beside: Rows = np.zeros(0, dtype=np.int64)
    scale, background_clock = 0.0, clock
    if background is not None:
        area = background.area * (live.fraction(background) if live.known else 1.0)
        if area > 0:
            beside = ready.index.rows(background)
            scale = region.area * part / area
            background_clock = _weighted(ready, _weights(ready, background, beside))
    gti = Intervals.of([], [])
    for ccd in weights:
        gti = gti.union(ready.gti[ccd])
    live_part = sum(weight * ready.live_part[ccd] for ccd, weight in weights.items())
    frame_s = ready.events.frame_s.get(max(weights, key=lambda ccd: weights[ccd]), 0.0)
    within_live = background if scale else None
    source, around = RegionEvents.of(ready, rows), RegionEvents.of(ready, beside)
    return Aperture(
        ready, region, within_live, source, around, scale, part, clock, background_clock, gti, live_part, frame_s
    )


def _weights(ready: FieldList, region: Region, rows: Rows) -> dict[int, float]:
    """Return the share of a region that is on each CCD; together 1."""
    counts = np.bincount(ready.events.columns["ccd"][rows], minlength=1)
    rates = {
        ccd: float(counts[ccd]) / clock.total
        for ccd, clock in ready.clocks.items()
        if ccd < len(counts) and counts[ccd] and clock.total > 0
    }
    if len(rows) < _TELLING:
        shares = {ccd: share for ccd, share in ready.live.shares(region).items() if ccd in ready.clocks}
        rates = shares or rates or dict.fromkeys(ready.clocks, 1.0)
    total = sum(rates.values())
    return {ccd: rate / total for ccd, rate in rates.items()} if total > 0 else {}


def _weighted(ready: FieldList, weights: Mapping[int, float]) -> LiveClock:
    return LiveClock.of([(ready.clocks[ccd], weight) for ccd, weight in weights.items()])


def within(seen: Aperture, gti: Intervals) -> Aperture:
    """Return a source in the part of its time that is in other good times too."""
    return replace(
        seen,
        source=seen.source.chosen(gti.contains(seen.source.time_s)),
        beside=seen.beside.chosen(gti.contains(seen.beside.time_s)),
        clock=seen.clock.within(gti),
        background_clock=seen.background_clock.within(gti),
        gti=seen.gti.intersect(gti),
    )


def band_curve(
    apertures: Sequence[Aperture],
    band_kev: tuple[float, float],
    edges_s: FloatArray,
    *,
    reference: TimeReference,
    minimum_fraction: float,
    flares: Intervals,
    meta: Mapping[str, Any],
) -> LightCurve:
    """Return the light curve of a source in one band and camera, from one event list or several that follow another.

    Without limits of the rates; see :func:`hstlc.lightcurves.aperture.with_limits`.
    """
    curves = []
    for seen in apertures:
        curves.append(
            aperture_curve(
                edges_s,
                source_time_s=seen.source.times_in(band_kev),
                background_time_s=seen.beside.times_in(band_kev),
                scale=seen.scale,
                clock=seen.clock,
                background_clock=seen.background_clock,
                gti=seen.gti,
                dead_time_factor=seen.live_part,
                reference=reference,
                minimum_fraction=minimum_fraction,
                flares=flares,
                meta=meta,
                limits=False,
            )
        )
    curve = curves[0] if len(curves) == 1 else _following(curves, apertures, edges_s, minimum_fraction, flares)
    np.minimum(curve["fraction"], 1.0, out=curve["fraction"])  # frames and bins do not end together
    return replace(curve, meta=dict(meta))


def _following(
    curves: Sequence[LightCurve],
    apertures: Sequence[Aperture],
    edges_s: FloatArray,
    minimum_fraction: float,
    flares: Intervals,
) -> LightCurve:
    """Return the curves of one camera's exposures, which follow each other, as one."""
    total = {
        name: np.sum([curve[name] for curve in curves], axis=0)
        for name in ("exposure", "source_events", "background_events", "background", "variance")
    }
    known = total["background_events"] > 0
    mean = np.mean([curve["background_scale"] for curve in curves], axis=0)
    scale = np.where(known, total["background"] / np.where(known, total["background_events"], 1.0), mean)
    gti = curves[0].gti
    for curve in curves[1:]:
        gti = gti.union(curve.gti)
    return counted_curve(
        edges_s,
        total["exposure"],
        total["source_events"],
        total["background_events"],
        scale,
        reference=curves[0].reference,
        gti=gti,
        capacity_s=np.diff(edges_s) * max(seen.live_part for seen in apertures),
        background=total["background"],
        variance=total["variance"],
        minimum_fraction=minimum_fraction,
        flares=flares,
    )


def joined_clock(clocks: Sequence[LiveClock]) -> LiveClock:
    """Return the clock of exposures that follow each other.

    Examples
    --------
    >>> first, second = (LiveClock.of([(Intervals.of([a], [b]), 1.0)]) for a, b in ((0.0, 5.0), (8.0, 9.0)))
    >>> joined_clock([second, first]).total
    6.0
    """
    ordered = sorted((clock for clock in clocks if len(clock)), key=lambda clock: float(clock.time_s[0]))
    if len(ordered) == 1:
        return ordered[0]
    time_s = np.unique(np.concatenate([clock.time_s for clock in ordered])) if ordered else np.zeros(0)
    live_s = np.sum([clock.before(time_s) for clock in ordered], axis=0) if ordered else np.zeros(0)
    return LiveClock(time_s, live_s)


def arrivals_in(apertures: Sequence[Aperture], band_kev: tuple[float, float]) -> tuple[Arrivals, LiveClock]:
    """Return the events of a source in one band and camera with the live time before each, and the clock of that."""
    clock = joined_clock([seen.clock for seen in apertures])
    times, energies = [], []
    for seen in apertures:
        chosen = pi_in(seen.source.pi, band_kev)
        times.append(seen.source.time_s[chosen])
        energies.append(seen.source.pi[chosen] / np.float32(1000.0))
    frame_s = max(seen.frame_s for seen in apertures)
    return arrivals_of(np.concatenate(times), np.concatenate(energies), clock, frame_s), clock
