"""Light curves of a source from the events of its region and those of its background region.

Each event counts as one; live time comes from a clock (:class:`hstlc.events.live_clock.LiveClock`), so that gaps, dead
time, lost frames and detectors that see only a part of the region are in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.events.flares import overlapping
from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.make import light_curve
from hstlc.lightcurves.poisson import net_limits
from hstlc.lightcurves.sums import RegionSums
from hstlc.model import Arrivals, Intervals, LightCurve, Quality, Stamp
from hstlc.times import TimeReference

__all__ = ["aperture_curve", "arrivals_of", "counted_curve", "counts_in", "with_limits"]

FloatArray = NDArray[np.float64]


def counts_in(edges_s: FloatArray, time_s: FloatArray) -> FloatArray:
    """Return how many events each bin holds; times in any order, fastest when they increase.

    Examples
    --------
    >>> counts_in(np.array([0.0, 1.0, 2.0]), np.array([1.5, 0.5, 1.0, 2.0]))
    array([1., 2.])
    """
    ordered = time_s if (time_s[1:] >= time_s[:-1]).all() else np.sort(time_s)
    return np.diff(np.searchsorted(ordered, edges_s)).astype(np.float64)


def arrivals_of(
    time_s: FloatArray, energy_kev: NDArray[Any] | None, clock: LiveClock, frame_s: float = 0.0
) -> Arrivals:
    """Return the events of a source with the live time before each.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,), seconds
        Times of the source events, within good time.
    energy_kev : ndarray, shape (n,), keV, or None
        None: the detector does not measure it.
    clock : LiveClock
        That of the light curve.
    frame_s : float, seconds
        Length of the readout frames, 0 for continuous times.

    Examples
    --------
    >>> clock = LiveClock.of([(Intervals.of([0.0, 20.0], [10.0, 30.0]), 0.5)])
    >>> arrivals_of(np.array([21.0, 4.0]), None, clock).live_s
    array([2. , 5.5])
    """
    order = np.argsort(time_s, kind="stable")
    energy = np.full(len(time_s), np.nan) if energy_kev is None else energy_kev
    times = time_s[order].astype(np.float64)
    return Arrivals(times, clock.before(times), energy[order].astype(np.float32), clock.total, frame_s)


def aperture_curve(
    edges_s: FloatArray,
    *,
    source_time_s: FloatArray,
    background_time_s: FloatArray,
    scale: float,
    clock: LiveClock,
    reference: TimeReference,
    gti: Intervals | None = None,
    background_clock: LiveClock | None = None,
    dead_time_factor: float = 1.0,
    minimum_fraction: float = 0.8,
    flares: Intervals | None = None,
    meta: Mapping[str, Any] | None = None,
    provenance: tuple[Mapping[str, str | int | float], ...] = (),
    arrivals: Arrivals | None = None,
    stamps: tuple[Stamp, ...] = (),
    limits: bool = True,
) -> LightCurve:
    """Make the light curve of a source in one band.

    The background expected in a bin is the number of background events there, times the ratio of the areas, and times
    that of the live times where both regions have clocks of their own. Its variance is ``N + scale**2 B``.

    Parameters
    ----------
    edges_s : ndarray of float64, shape (n + 1,), seconds
        Bin edges after ``reference``, increasing.
    source_time_s, background_time_s : ndarray of float64, seconds
        Times of the events of the two regions in the band, within their good times.
    scale : float
        Area of the source region over that of the background region; 0: no background is subtracted.
    clock : LiveClock
        Live time of the source region.
    gti : Intervals, optional
        Good times, by default those in which the clock runs.
    background_clock : LiveClock, optional
        Live time of the background region, where it lies on other detectors; by default that of the source. Where it
        stands still in a bin while the source is seen, the background is not known, and the bin gets
        :attr:`hstlc.model.Quality.LOW_FRACTION`.
    dead_time_factor : float
        Live part of a second without gap: a bin that nothing interrupts has the fraction 1.
    minimum_fraction : float
        Bins with a smaller live part get :attr:`hstlc.model.Quality.LOW_FRACTION`.
    flares : Intervals, optional
        Bins that overlap one get :attr:`hstlc.model.Quality.BACKGROUND_FLARE`.
    meta, provenance, arrivals, stamps
        Go to the curve as they are.
    limits : bool
        Compute ``rate_low`` and ``rate_high``; else they are NaN until :func:`with_limits` does it for many curves.

    Returns
    -------
    LightCurve
        With :data:`hstlc.model.FURTHER_COLUMNS`; the flux is NaN.

    Examples
    --------
    >>> clock = LiveClock.of([(Intervals.of([0.0], [20.0]), 1.0)])
    >>> curve = aperture_curve(
    ...     np.array([0.0, 10.0, 20.0]),
    ...     source_time_s=np.array([1.0, 2.0, 3.0]),
    ...     background_time_s=np.array([4.0, 5.0]),
    ...     scale=0.5,
    ...     clock=clock,
    ...     reference=TimeReference(50814.0, "TT"),
    ... )
    >>> curve["counts"], curve["variance"], curve["exposure"]
    (array([2., 0.]), array([3.5, 0. ]), array([10., 10.]))
    """
    live_s = clock.between(edges_s)
    scales = np.full(len(live_s), float(scale))
    unknown = np.zeros(len(live_s), dtype=bool)
    if background_clock is not None and scale > 0:
        beside_s = background_clock.between(edges_s)
        unknown = (beside_s <= 0) & (live_s > 0)
        scales *= np.where(beside_s > 0, live_s / np.where(beside_s > 0, beside_s, 1.0), 1.0)
    curve = counted_curve(
        edges_s,
        live_s,
        counts_in(edges_s, source_time_s),
        counts_in(edges_s, background_time_s),
        scales,
        reference=reference,
        gti=clock.good if gti is None else gti,
        capacity_s=np.diff(edges_s) * dead_time_factor,
        minimum_fraction=minimum_fraction,
        flares=flares,
        meta=meta,
        provenance=provenance,
        limits=limits,
    )
    if unknown.any():
        curve["quality"][unknown] |= Quality.LOW_FRACTION
    return replace(curve, arrivals=arrivals, stamps=stamps)


def counted_curve(
    edges_s: FloatArray,
    live_s: FloatArray,
    source_events: FloatArray,
    background_events: FloatArray,
    scale: ArrayLike,
    *,
    reference: TimeReference,
    gti: Intervals,
    capacity_s: FloatArray | None = None,
    background: FloatArray | None = None,
    variance: FloatArray | None = None,
    minimum_fraction: float = 0.8,
    flares: Intervals | None = None,
    meta: Mapping[str, Any] | None = None,
    provenance: Sequence[Mapping[str, str | int | float]] = (),
    limits: bool = True,
) -> LightCurve:
    """Make a light curve of events that are counted already; see :func:`aperture_curve`.

    Parameters
    ----------
    live_s, source_events, background_events : ndarray of float64, shape (n,)
        Of each bin, seconds and counts.
    scale : array_like, shape (n,) or scalar
        Exposure of the source region, in area and time, over that of the background region.
    capacity_s : ndarray of float64, shape (n,), seconds, optional
        Live time of a bin that nothing interrupts, by default its width.
    background, variance : ndarray of float64, shape (n,), optional
        Expected background and variance of the net counts, by default what ``scale`` makes of the events.
    """
    scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), live_s.shape).copy()
    expected = scales * background_events if background is None else background
    spread = source_events + scales**2 * background_events if variance is None else variance
    nothing = np.full(len(live_s), np.nan)
    sums = RegionSums(source_events, source_events, expected, spread, nothing, nothing, ())
    with np.errstate(invalid="ignore", divide="ignore"):
        curve = light_curve(
            edges_s,
            live_s,
            [sums],
            reference=reference,
            gti=gti,
            capacity_s=capacity_s,
            minimum_fraction=minimum_fraction,
            meta=meta,
            provenance=tuple(provenance),
        )
    quality = curve["quality"].copy()
    if flares is not None:
        quality[overlapping(edges_s, flares)] |= Quality.BACKGROUND_FLARE
    further = {
        "fraction": np.minimum(curve["fraction"], 1.0),  # dead time varies, and sums are rounded
        "source_events": source_events,
        "background_events": background_events,
        "background_scale": scales,
        "rate_low": nothing,
        "rate_high": nothing,
    }
    curve = replace(curve, data={**curve.data, "quality": quality, **further})
    return with_limits({"": curve})[""] if limits else curve


def with_limits(curves: Mapping[str, LightCurve]) -> dict[str, LightCurve]:
    """Return light curves with the limits of their rates, found for all at once, which takes less time.

    Those of curves without a background region are others (:func:`hstlc.lightcurves.poisson.net_limits`).
    """
    names = ("source_events", "background_events", "background_scale", "exposure", "variance")
    found = dict(curves)
    for subtracted in (False, True):
        some = {key: one for key, one in curves.items() if (one["background_scale"] > 0).any() == subtracted}
        if not some:
            continue
        low, high = net_limits(*(np.concatenate([one[name] for one in some.values()]) for name in names))
        start = 0
        for key, one in some.items():
            stop = start + len(one)
            found[key] = replace(one, data={**one.data, "rate_low": low[start:stop], "rate_high": high[start:stop]})
            start = stop
    return found
