"""Light curves of several cameras that look at a source at the same time, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import counted_curve
from hstlc.model import Arrivals, Intervals, LightCurve, Quality

__all__ = ["camera_shares", "common_times", "sum_arrivals", "sum_curves"]

FloatArray = NDArray[np.float64]


def common_times(gtis: Sequence[Intervals]) -> Intervals:
    """Return the times that are good for all cameras.

    Examples
    --------
    >>> common_times([Intervals.of([0.0], [5.0]), Intervals.of([3.0], [9.0])])
    Intervals(start=array([3.]), stop=array([5.]))
    """
    return reduce(Intervals.intersect, gtis)


def camera_shares(counts: Sequence[float], live_s: Sequence[float]) -> FloatArray:
    """Return each camera's share of the sum of their rates; equal shares where nothing was counted.

    Parameters
    ----------
    counts : sequence of float
        Of each camera over the whole curve; what is below 0, net of background, is taken for 0.
    live_s : sequence of float, seconds
        Live time of each.

    Examples
    --------
    >>> camera_shares([300.0, 50.0], [100.0, 50.0])
    array([0.75, 0.25])
    """
    live = np.asarray(live_s, dtype=np.float64)
    rates = np.where(live > 0, np.maximum(counts, 0.0) / np.where(live > 0, live, 1.0), 0.0)
    total = float(rates.sum())
    return np.asarray(rates / total if total > 0 else np.full(len(rates), 1 / max(len(rates), 1)))


def sum_curves(
    curves: Sequence[LightCurve],
    *,
    minimum_fraction: float = 0.8,
    meta: Mapping[str, Any] | None = None,
) -> LightCurve:
    """Add the light curves of several cameras.

    Events, expected background and variance add. The live time of a bin is the mean of the cameras' live times, each
    weighted with its share of the sum of the net rates of the whole curves (:func:`camera_shares`): the net rate then
    is the sum of the cameras' rates, also where one of them lost a part of a bin and the others did not. Cameras
    are to be counted over the times that all of them share (:func:`common_times`).

    Parameters
    ----------
    curves : sequence of LightCurve
        At least one; the same bins and reference, with :data:`hstlc.model.FURTHER_COLUMNS`.
    minimum_fraction : float
        Bins with a smaller live part get :attr:`hstlc.model.Quality.LOW_FRACTION`; so do bins in which one camera
        saw nothing, as a source that is variable is not known there. Flares of one are flares of the sum.
    meta : mapping of str to value, optional
        Keywords of the sum, by default those that all curves agree in.

    Returns
    -------
    LightCurve
        Its column ``background_scale`` is the mean weighted by the background events. Without arrivals and stamps.

    Raises
    ------
    ValueError
        There is no curve, or bins or references differ.
    """
    if not curves:
        raise ValueError("a sum needs at least one light curve")
    first = curves[0]
    same = all(
        one.reference == first.reference
        and np.array_equal(one["times"], first["times"])
        and np.array_equal(one["bins"], first["bins"])
        for one in curves
    )
    if not same:
        raise ValueError("only light curves of the same bins and reference can be added")
    edges_s = np.append(first["times"], first["times"][-1:] + first["bins"][-1:])
    total = {name: _total(curves, name) for name in ("source_events", "background_events", "background", "variance")}
    shares = camera_shares([float(c["counts"].sum()) for c in curves], [float(c["exposure"].sum()) for c in curves])
    live_s, capacity_s = (
        np.sum([share * part for share, part in zip(shares, parts, strict=True)], axis=0)
        for parts in ([c["exposure"] for c in curves], [_capacity(c) for c in curves])
    )
    known = total["background_events"] > 0
    mean_scale = np.mean([c["background_scale"] for c in curves], axis=0)
    scale = np.where(known, total["background"] / np.where(known, total["background_events"], 1.0), mean_scale)
    curve = counted_curve(
        edges_s,
        live_s,
        total["source_events"],
        total["background_events"],
        scale,
        reference=first.reference,
        gti=common_times([c.gti for c in curves]),
        capacity_s=capacity_s,
        background=total["background"],
        variance=total["variance"],
        minimum_fraction=minimum_fraction,
        meta=_agreed(curves) if meta is None else meta,
        provenance=tuple(entry for c in curves for entry in c.provenance),
    )
    for one in curves:
        flags = one["quality"] & ~int(Quality.NO_LIVE_TIME)
        curve["quality"][:] |= flags.astype(np.int32)
    return curve


def sum_arrivals(arrivals: Sequence[Arrivals], clocks: Sequence[LiveClock]) -> Arrivals:
    """Return the events of all cameras with the live time of the sum.

    Its clock is the mean of the cameras', weighted with their share of the sum of the rates of these events, background
    included: a constant source is uniform in it.

    Parameters
    ----------
    arrivals : sequence of Arrivals
        Of each camera, over the times that all share.
    clocks : sequence of LiveClock
        What their live times were made with, cut to those times too.
    """
    shares = camera_shares([len(one) for one in arrivals], [clock.total for clock in clocks])
    clock = LiveClock.of(list(zip(clocks, shares.tolist(), strict=True)))
    time_s = np.concatenate([one.time_s for one in arrivals])
    energy_kev = np.concatenate([one.energy_kev for one in arrivals])
    order = np.argsort(time_s, kind="stable")
    frame_s = max((one.frame_s for one in arrivals), default=0.0)
    return Arrivals(time_s[order], clock.before(time_s[order]), energy_kev[order], clock.total, frame_s)


def _total(curves: Sequence[LightCurve], name: str) -> FloatArray:
    return np.asarray(np.sum([curve[name] for curve in curves], axis=0), dtype=np.float64)


def _capacity(curve: LightCurve) -> FloatArray:
    """Return the live time that each bin has without a gap."""
    possible_s = float(np.sum(curve["fraction"] * curve["bins"]))
    factor = float(np.sum(curve["exposure"])) / possible_s if possible_s > 0 else 1.0
    return np.asarray(curve["bins"] * factor)


def _agreed(curves: Sequence[LightCurve]) -> dict[str, Any]:
    first = curves[0].meta
    return {key: value for key, value in first.items() if all(one.meta.get(key) == value for one in curves)}
