"""Where bins of unequal width begin, and bins put together by phase."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.rebin import dataset_starts, merge
from hstlc.model import LightCurve, Quality
from hstlc.stats.arrival_blocks import arrival_blocks
from hstlc.stats.blocks import block_starts

__all__ = ["between", "by_blocks", "by_counts", "fold", "stretch_starts"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: A time without any live bin this long is a gap, where bins end.
GAP_S = 1.0


def stretch_starts(curve: LightCurve, gap_s: float = GAP_S) -> IntArray:
    """Return the bins at which a dataset, a gap, or what follows a gap begins.

    Parameters
    ----------
    curve : LightCurve
    gap_s : float, seconds
        Neighboring bins without live time are a gap when they are this long together.

    Returns
    -------
    ndarray of int64, shape (k,)
        Increasing, from 0 on.
    """
    dead = curve["exposure"] <= 0
    change = np.zeros(len(curve), dtype=bool)
    change[dataset_starts(curve["dataset"])] = True
    change[1:] |= dead[1:] != dead[:-1]
    starts = np.flatnonzero(change)
    length = np.add.reduceat(curve["bins"], starts) if len(starts) else np.zeros(0)
    gap = dead[starts] & (length >= gap_s)
    dataset = curve["dataset"][starts]
    kept = np.ones(len(starts), dtype=bool)
    kept[1:] = gap[1:] | gap[:-1] | (dataset[1:] != dataset[:-1])
    return starts[kept]


def by_counts(curve: LightCurve, least: float) -> IntArray:
    """Return where bins begin that hold at least so many source counts each, as narrow as they can be.

    Bins end at gaps (:func:`stretch_starts`). What is left at the end of a stretch goes to its last bin; a stretch of
    fewer counts is one bin, and so is a gap.

    Parameters
    ----------
    curve : LightCurve
        Of fine bins, at least one.
    least : float, ct
        Above 0; of ``gross``, background and all.

    Returns
    -------
    ndarray of int64, shape (m,)
        For :func:`hstlc.lightcurves.rebin.merge`.
    """
    edges = [*stretch_starts(curve).tolist(), len(curve)]
    summed: list[float] = np.concatenate(([0.0], np.cumsum(curve["gross"]))).tolist()
    starts: list[int] = []
    for begin, end in itertools.pairwise(edges):
        at, stop = begin, summed[end]
        starts.append(at)
        while stop - summed[at] >= 2 * least:
            at = bisect_left(summed, summed[at] + least * (1 - 1e-12), at + 1, end + 1)
            if stop - summed[at] < least:
                break
            starts.append(at)
    return np.array(starts, dtype=np.int64)


def by_blocks(curve: LightCurve, chance: float) -> IntArray:
    """Return where Bayesian blocks begin: stretches of one rate.

    Of a curve that carries its arrivals, blocks of those (:func:`hstlc.stats.arrival_blocks.arrival_blocks`: source
    events, background and all), with edges at the nearest bin; of others blocks of net rates of cells of bins
    (:func:`hstlc.stats.blocks.block_starts`). Blocks end at gaps too: one that goes on behind a gap has two bins.

    Parameters
    ----------
    curve : LightCurve
        Of fine bins, at least one.
    chance : float
        Probability of one block too many.

    Returns
    -------
    ndarray of int64, shape (m,)
        For :func:`hstlc.lightcurves.rebin.merge`.
    """
    stretches = stretch_starts(curve)
    arrivals = curve.arrivals
    if arrivals is not None and arrivals.total_live_s > 0 and len(arrivals):
        inner = arrival_blocks(arrivals.live_s, arrivals.total_live_s, chance).edges_live_s[1:-1]
        live_s = np.concatenate(([0.0], np.cumsum(curve["exposure"])))
        right = np.searchsorted(live_s, inner * (live_s[-1] / arrivals.total_live_s))
        left = np.maximum(right - 1, 0)
        nearer = inner - live_s[left] < live_s[np.minimum(right, len(curve))] - inner
        found = np.where(nearer, left, right)
    else:
        live = np.flatnonzero(curve["exposure"] > 0)
        dataset, counts, variance, live_s = (
            curve[name][live] for name in ("dataset", "counts", "variance", "exposure")
        )
        rows = block_starts(dataset, counts, variance, live_s, chance)
        found = live[rows] if rows is not None and len(live) else np.zeros(0, dtype=np.int64)
    return np.unique(np.concatenate((stretches, found[(found > 0) & (found < len(curve))])))


def between(curve: LightCurve, start_s: float, stop_s: float) -> LightCurve:
    """Return the bins whose middle lies from ``start_s`` up to ``stop_s``, in seconds as ``time``; none dropped within.

    Pictures go; of the arrivals those in that time stay, on the live time that passes there.
    """
    rows = np.flatnonzero((curve["time"] >= start_s) & (curve["time"] < stop_s))
    data = {name: values[rows] for name, values in curve.data.items()}
    arrivals = curve.arrivals
    if arrivals is not None and len(rows):
        first = float(curve["times"][rows[0]])
        last = float(curve["times"][rows[-1]] + curve["bins"][rows[-1]])
        inside = (arrivals.time_s >= first) & (arrivals.time_s < last)
        before_s = float(np.sum(curve["exposure"][: rows[0]]))
        live_s = float(np.sum(data["exposure"]))
        arrivals = replace(
            arrivals,
            time_s=arrivals.time_s[inside],
            live_s=np.clip(arrivals.live_s[inside] - before_s, 0.0, live_s),
            energy_kev=arrivals.energy_kev[inside],
            total_live_s=live_s,
        )
    return replace(curve, data=data, arrivals=arrivals if len(rows) else None, stamps=())


def fold(curve: LightCurve, phase: FloatArray, bins: int) -> LightCurve:
    """Return a light curve put together by phase: counts and live time of all cycles add.

    Parameters
    ----------
    curve : LightCurve
        Of fine bins, at least one.
    phase : ndarray of float64, shape (n,), cycles
        Of the middle of each bin; whole cycles do not matter.
    bins : int
        Number of phase bins.

    Returns
    -------
    LightCurve
        Of ``bins`` bins; ``times``, ``bins`` and ``time`` are phases, 0 to 1, dates are NaN. The live part of a phase
        bin is that of all bins in it.

    Raises
    ------
    ValueError
        ``bins`` is below 1.
    """
    if bins < 1:
        raise ValueError("at least one phase bin is needed")
    place = np.minimum((np.mod(phase, 1.0) * bins).astype(np.int64), bins - 1)
    order = np.argsort(place, kind="stable")
    ordered = {name: values[order] for name, values in curve.data.items()}
    ordered["dataset"] = np.ones(len(order), dtype=np.int32)
    seen, start = np.unique(place[order], return_index=True)
    merged = merge(replace(curve, data=ordered, arrivals=None, stamps=()), start)
    data = {}
    for name, values in merged.data.items():
        nothing = 0 if values.dtype.kind == "i" or name in _SUMS else np.nan
        data[name] = np.full(bins, nothing, dtype=values.dtype)
        data[name][seen] = values
    empty = np.ones(bins, dtype=bool)
    empty[seen] = False
    data["dataset"][:] = 1
    data["quality"][empty] = Quality.NO_LIVE_TIME | Quality.LOW_FRACTION
    left = np.arange(bins) / bins
    data |= {"times": left, "bins": np.full(bins, 1.0 / bins), "time": left + 0.5 / bins}
    data |= {name: np.full(bins, np.nan) for name in ("mjd", "bjd_tdb")}
    return replace(merged, data=data)


_SUMS = frozenset(
    ("gross", "background", "counts", "exposure", "fraction", "variance", "source_events", "background_events")
)
