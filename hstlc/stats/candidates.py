"""Flares and dips: stretches of bins whose counts chance hardly explains, with all trials counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hstlc.stats.stretches import PARTS, Bins, Quiet, Stretches, Unlikely, search
from hstlc.times import SECONDS_PER_DAY

__all__ = ["Candidate", "find_candidates"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A flare or dip; the fields are the columns of the table ``candidate``.

    Attributes
    ----------
    kind : {"flare", "dip"}
    dataset : int
        Number of the exposure in the light curve.
    start_mjd, peak_mjd, end_mjd : float, days
        Left edge of its first bin, middle of the highest or lowest one, right edge of the last.
    duration_s : float, seconds
        From start to end.
    counts, expected_counts : float, ct
        Counts in it, and what the quiet rate gives in its live time.
    peak_ratio : float or None
        Rate of the highest or lowest bin over the quiet rate; None where that is not positive.
    probability : float
        Chance of a stretch as unlikely as its most unlikely one anywhere in the light curve: an upper bound.
    trials : int
        Stretches of bins that were looked at, once for a flare and once for a dip; of arrivals, windows that can show
        one of its kind.
    """

    kind: Literal["flare", "dip"]
    dataset: int
    start_mjd: float
    peak_mjd: float
    end_mjd: float
    duration_s: float
    counts: float
    expected_counts: float
    peak_ratio: float | None
    probability: float
    trials: int


def find_candidates(columns: Mapping[str, FloatArray], limit: float = 1e-3) -> tuple[Candidate, ...]:
    """Return the flares and dips of a light curve, in order of dataset and time.

    Stretches of bins that follow each other, of many lengths up to half of the dataset's live time, are compared with
    the rest of the dataset: the quiet level. Bins of other datasets, or beyond a gap, are never part of one. Of the
    counts of a stretch less its share of the dataset's, variance and third cumulant under one rate follow from those
    of the dataset, with what the measured background adds to both; their chance is that of a Poisson variable that
    is scaled and shifted to the same cumulants, which for photons without background is the plain Poisson chance.

    The chance ``p`` of the most unlikely stretch becomes ``1 - (1 - p) ** trials``. Overlapping stretches are counted
    as if they were independent, so it is an upper bound. What is found leaves the quiet level, and the rest is looked
    at again; half of a dataset's live time stays quiet. Stretches of one kind that touch, or are less than a step
    of the search apart, are one candidate.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n,)
        ``dataset, times, bins, mjd, gross, background, counts, variance, exposure`` of the unflagged bins, in the
        units of :data:`hstlc.model.COLUMNS`, in any order, live times above zero.
    limit : float
        Probability, all trials counted, from which chance is believed.

    Returns
    -------
    tuple of Candidate

    Examples
    --------
    >>> n, two = np.arange(300), np.full(300, 2.0)
    >>> counts = np.where((n >= 100) & (n < 120), 60.0, 20.0)
    >>> curve = dict(dataset=np.ones(300), times=2.0 * n, bins=two, mjd=58000 + n / 43200, exposure=two)
    >>> curve |= dict(gross=counts, background=0 * counts, counts=counts, variance=counts)
    >>> [found] = find_candidates(curve)
    >>> found.kind, found.duration_s, found.counts, round(found.expected_counts, 6), found.peak_ratio
    ('flare', 40.0, 1200.0, 400.0, 3.0)
    """
    if len(columns["times"]) < 2:
        return ()
    bins = Bins.of(columns)
    stretches = Stretches.of(bins)
    trials = 2 * len(stretches)
    if not trials:
        return ()
    single = -math.expm1(math.log1p(-limit) / trials)
    return _described(bins, search(bins, stretches, single), trials)


def _described(bins: Bins, found: list[Unlikely], trials: int) -> tuple[Candidate, ...]:
    """Return what was found as candidates: joined where stretches of a kind touch, then with sharper edges."""
    if not found:
        return ()
    whole: list[Unlikely] = []
    for one in sorted(found, key=lambda one: one.start):
        if whole and _touch(bins, whole[-1], one):
            whole[-1] = replace(whole[-1], stop=one.stop, chance=min(whole[-1].chance, one.chance))
        else:
            whole.append(one)
    free = np.ones(len(bins.number), dtype=bool)
    for one in whole:
        free[one.start : one.stop] = False
    quiet = Quiet.of(bins, free)
    for i, one in enumerate(whole):
        low, high = np.searchsorted(bins.run, [bins.run[one.start], bins.run[one.start] + 1]).tolist()
        low = max(low, whole[i - 1].stop) if i else low
        high = min(high, whole[i + 1].start) if i + 1 < len(whole) else high
        whole[i] = _sharpened(quiet, one, low, high)
    return tuple(_candidate(bins, one, quiet.counts / quiet.live_s, trials) for one in whole)


def _touch(bins: Bins, one: Unlikely, after: Unlikely) -> bool:
    """Tell whether a stretch goes on in another of its kind, as far as its edges are known: to a step."""
    step = min(one.stop - one.start, after.stop - after.start) // PARTS
    same = one.flare == after.flare and bins.run[one.start] == bins.run[after.start]
    return bool(same and after.start - one.stop <= step)


def _sharpened(quiet: Quiet, one: Unlikely, low: int, high: int) -> Unlikely:
    """Return a stretch with start and stop moved by up to a step, to where it stands out most; its chance stays."""
    bins, of = quiet.bins, quiet.bins.number[one.start]
    step = (one.stop - one.start) // PARTS
    rate, spread = quiet.counts[of] / quiet.live_s[of], quiet.variance[of] / quiet.live_s[of]
    if step == 0 or not spread > 0:
        return one

    def distance(start: IntArray | int, stop: IntArray | int) -> FloatArray:
        live_s = bins.live_s[stop] - bins.live_s[start]
        excess = bins.counts[stop] - bins.counts[start] - rate * live_s
        return np.asarray((1 if one.flare else -1) * excess / np.sqrt(spread * live_s))

    starts = np.arange(max(low, one.start - step), min(one.start + step, one.stop - 1) + 1)
    start = int(starts[np.argmax(distance(starts, one.stop))])
    stops = np.arange(max(start + 1, one.stop - step), min(one.stop + step, high) + 1)
    stop = int(stops[np.argmax(distance(start, stops))])
    return replace(one, start=start, stop=stop)


def _candidate(bins: Bins, one: Unlikely, quiet: FloatArray, trials: int) -> Candidate:
    names = ("dataset", "times", "bins", "mjd", "counts", "exposure")
    part = {name: bins.columns[name][one.start : one.stop] for name in names}
    rate = part["counts"] / part["exposure"]
    peak = int(np.argmax(rate) if one.flare else np.argmin(rate))
    quiet_rate = float(quiet[bins.number[one.start]])
    half_s = part["bins"] / 2
    return Candidate(
        kind="flare" if one.flare else "dip",
        dataset=int(part["dataset"][0]),
        start_mjd=float(part["mjd"][0] - half_s[0] / SECONDS_PER_DAY),
        peak_mjd=float(part["mjd"][peak]),
        end_mjd=float(part["mjd"][-1] + half_s[-1] / SECONDS_PER_DAY),
        duration_s=float(part["times"][-1] + part["bins"][-1] - part["times"][0]),
        counts=math.fsum(part["counts"]),
        expected_counts=quiet_rate * math.fsum(part["exposure"]),
        peak_ratio=float(rate[peak]) / quiet_rate if quiet_rate > 0 else None,
        probability=-math.expm1(trials * math.log1p(-one.chance)),
        trials=trials,
    )
