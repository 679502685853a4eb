"""Stretches of bins whose counts the quiet level of their dataset hardly explains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PARTS", "Bins", "Matched", "Quiet", "Stretches", "Unlikely", "search"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Stretches of one length begin this part of it apart.
PARTS = 4

_PASSES = 3  # bounds the work: a pass takes all flares, or all dips, that stand out of a dataset's quiet level
_LEAST_SKEW = 1e-4  # below it a Poisson distribution of so many counts is a normal one
_LARGE_SHAPE = 1e4
_LEAST_DEVIANCE = 1e-12
_SMOOTH = 50.0  # counts from which a mean of the background is hardly one by chance
_TOUCHING = 0.1  # of a bin: bins that are less apart follow each other


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins in order of dataset and time, with running sums that are one longer."""

    columns: Mapping[str, FloatArray]
    number: IntArray  # of the dataset, from 0
    run: IntArray  # bins of one number follow each other without a gap
    live_s: FloatArray
    counts: FloatArray
    background: FloatArray
    smooth: FloatArray  # of the background, without its chance from bin to bin
    weight: float  # variance of a source event, by its weight
    scale: float  # variance of a count of background, by what it adds to the background

    @classmethod
    def of(cls, columns: Mapping[str, FloatArray]) -> Bins:
        """Return bins in any order as these."""
        number = np.unique(columns["dataset"], return_inverse=True)[1]
        order = np.lexsort((columns["times"], number))
        columns = {name: values[order] for name, values in columns.items()}
        number = number[order]
        gap = columns["times"][1:] - (columns["times"] + columns["bins"])[:-1]
        apart = (gap > _TOUCHING * columns["bins"][1:]) | (np.diff(number) > 0)
        run = np.concatenate([[0], np.cumsum(apart)])
        live_s, counts, background = (_running(columns[name]) for name in ("exposure", "counts", "background"))
        smooth = _smoothed(number, live_s, background, float(np.sum(columns["variance"])))
        weights = _weights(columns["gross"], columns["background"], columns["variance"])
        return cls(columns, number, run, live_s, counts, background, smooth, *weights)

    def total(self, name: str, free: NDArray[np.bool_] | None = None) -> FloatArray:
        """Return the sums of a column over each dataset, or over its free bins alone."""
        values = self.columns[name]
        return np.bincount(self.number, values if free is None else np.where(free, values, 0.0)).astype(np.float64)


def _running(values: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(values)])


def _smoothed(number: IntArray, live_s: FloatArray, background: FloatArray, variance: float) -> FloatArray:
    """Return the running sum of a background that is in each bin the mean over as many around as have enough counts."""
    n = len(number)
    half = math.ceil(min(_SMOOTH * n / variance / 2, n)) if variance > 0 else n
    bins, last = np.arange(n), np.cumsum(np.bincount(number))
    low = np.maximum(bins - half, (last - np.bincount(number))[number])
    high = np.minimum(bins + half + 1, last[number])
    mean = (background[high] - background[low]) / (live_s[high] - live_s[low]) * np.diff(live_s)
    return _running(mean)


def _weights(gross: FloatArray, background: FloatArray, variance: FloatArray) -> tuple[float, float]:
    """Return ``a`` and ``b`` of ``variance = a gross + b background``, fitted to all bins, neither negative.

    For events of weight one and a background region of ``1 / r`` times the source region's size they are 1 and ``r``.
    """
    gg, gb, bb = float(gross @ gross), float(gross @ background), float(background @ background)
    gv, bv = float(gross @ variance), float(background @ variance)
    determinant = gg * bb - gb**2
    if determinant > 1e-9 * gg * bb:
        a, b = (gv * bb - bv * gb) / determinant, (bv * gg - gv * gb) / determinant
        if a >= 0 and b >= 0:
            return a, b
    return max(gv / gg, 0.0) if gg > 0 else 0.0, 0.0


@dataclass(frozen=True, slots=True)
class Stretches:
    """Stretches of bins that follow each other, and the sums over each."""

    start: IntArray  # its first bin
    stop: IntArray  # the one after its last
    number: IntArray  # of its dataset
    live_s: FloatArray
    counts: FloatArray
    background: FloatArray  # as measured, or as around it, whichever is higher

    @classmethod
    def of(cls, bins: Bins) -> Stretches:
        """Return stretches of many lengths up to half of the live time of their dataset."""
        start, stop = _edges(bins.run.tobytes())
        number, live_s = bins.number[start], bins.live_s[stop] - bins.live_s[start]
        fits = live_s <= bins.total("exposure")[number] / 2
        start, stop = start[fits], stop[fits]
        counts, own, around = (sums[stop] - sums[start] for sums in (bins.counts, bins.background, bins.smooth))
        return cls(start, stop, number[fits], live_s[fits], counts, np.maximum(own, around))

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, rows: NDArray[Any]) -> Stretches:
        columns = self.start, self.stop, self.number, self.live_s, self.counts, self.background
        return Stretches(*(values[rows] for values in columns))


@lru_cache(maxsize=4)
def _edges(run: bytes) -> tuple[IntArray, IntArray]:
    """Return first bin and bin after the last of the stretches within runs: two lengths an octave, each in steps."""
    number = np.frombuffer(run, dtype=np.int64)
    n, longest = len(number), int(np.max(np.bincount(number)))
    octaves = 2 ** np.arange(longest.bit_length())
    lengths = np.union1d(octaves, 3 * octaves[:-1])
    starts, stops = [], []
    for length in lengths[lengths <= longest].tolist():
        start = np.arange(0, n - length + 1, max(length // PARTS, 1))
        start = start[number[start] == number[start + length - 1]]
        starts.append(start)
        stops.append(start + length)
    return np.concatenate(starts), np.concatenate(stops)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Sums over the bins of each dataset that no candidate has."""

    bins: Bins
    live_s: FloatArray
    counts: FloatArray
    background: FloatArray
    variance: FloatArray
    third: FloatArray

    @classmethod
    def of(cls, bins: Bins, free: NDArray[np.bool_]) -> Quiet:
        """Return the sums over the free bins."""
        background = bins.total("background", free)
        # weights of the source region add their cubes, those of the background take them off
        third = bins.weight**2 * bins.total("gross", free) - bins.scale**2 * background
        live_s, counts, variance = (bins.total(name, free) for name in ("exposure", "counts", "variance"))
        return cls(bins, live_s, counts, background, variance, third)

    def cumulants(self, of: Stretches) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return of stretches their counts beyond their share, and variance and third cumulant of these by chance.

        A stretch has the part ``f`` of its dataset's live time; ``(1 - f)`` times its counts less ``f`` times those of
        the rest does not depend on the rate. Where its background is higher than elsewhere so are both cumulants; a
        low one among high ones is taken for chance.
        """
        weight, scale = self.bins.weight, self.bins.scale
        part = of.live_s / self.live_s[of.number]
        other = 1 - part
        excess = of.counts - part * self.counts[of.number]
        more = np.maximum(of.background - part * self.background[of.number], 0.0)
        both = part * other
        variance = both * self.variance[of.number] + other**2 * (weight + scale) * more
        third = both * (other - part) * self.third[of.number] + other**3 * (weight**2 - scale**2) * more
        return excess, variance, third


@dataclass(frozen=True, slots=True)
class Matched:
    """Poisson variables of given means, and numbers of them that stand for the counts beyond a share.

    ``excess + shift`` is ``scale`` times a Poisson variable with the same variance and third cumulant; with a negative
    scale the tails change places.
    """

    number: FloatArray
    mean: FloatArray
    above: NDArray[np.bool_]  # whether it is the upper tail that counts

    @classmethod
    def of(cls, excess: FloatArray, variance: FloatArray, third: FloatArray) -> Matched:
        """Return the variables of the given variances (above zero) and third cumulants."""
        least = _LEAST_SKEW * np.sqrt(variance)
        scale = np.copysign(np.maximum(np.abs(third / variance), least), third)
        mean = variance / scale**2
        return cls(np.maximum(mean + excess / scale, 0.0), mean, (excess > 0) == (scale > 0))

    def __getitem__(self, rows: IntArray) -> Matched:
        return Matched(self.number[rows], self.mean[rows], self.above[rows])

    def deviance(self) -> FloatArray:
        """Return half the deviance of the numbers: Chernoff's bound of their chance is ``exp`` of less that."""
        from scipy.special import xlogy

        return np.asarray(xlogy(self.number, self.number / self.mean) - self.number + self.mean)

    def chance(self) -> FloatArray:
        """Return the probability of a number as high, or as low, as each is."""
        shape = np.where(self.above, self.number, self.number + 1)
        return np.where(self.above, *_gamma(shape, self.mean))


def _gamma(shape: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the regularized incomplete gamma functions P and Q.

    The functions of scipy lose their digits far from large shapes; beyond them the saddle point is as good: Lugannani
    and Rice (1980, Adv. Appl. Prob. 12, 475), as Barndorff-Nielsen (1986, Biometrika 73, 307) writes it.
    """
    from scipy.special import gammainc, gammaincc, ndtr, xlogy

    large = shape > _LARGE_SHAPE
    low, high = gammainc(shape, x), gammaincc(shape, x)
    shape, x = shape[large], x[large]
    root = np.copysign(np.sqrt(2 * np.maximum(x - shape + xlogy(shape, shape / x), _LEAST_DEVIANCE)), x - shape)
    ratio = np.maximum((x - shape) / np.sqrt(shape) / root, _LEAST_DEVIANCE)
    normal = root + np.log(ratio) / root
    low[large], high[large] = ndtr(normal), ndtr(-normal)
    return low, high


@dataclass(frozen=True, slots=True)
class Unlikely:
    """A stretch that chance hardly explains: its bins, whether it is a flare, and its chance as a single one."""

    start: int
    stop: int
    flare: bool
    chance: float


def search(bins: Bins, stretches: Stretches, single: float) -> list[Unlikely]:
    """Return the stretches whose chance is below ``single``, none of which overlap."""
    free = np.ones(len(bins.number), dtype=bool)
    half_s = bins.total("exposure") / 2
    found: list[Unlikely] = []
    for _ in range(_PASSES):
        quiet = Quiet.of(bins, free)
        taken = _taken(*_outstanding(quiet, stretches, single), quiet.live_s - half_s, single)
        if not taken:
            break
        found += taken
        for one in taken:
            free[one.start : one.stop] = False
        used = np.concatenate([[0], np.cumsum(~free)])
        stretches = stretches[used[stretches.stop] == used[stretches.start]]
    return found


def _outstanding(quiet: Quiet, stretches: Stretches, single: float) -> tuple[Stretches, NDArray[np.bool_], Matched]:
    """Return the stretches that may be less likely than ``single``, first those with the least bound of their chance.

    The chance itself, which takes longer, is left to those that are taken.
    """
    excess, variance, third = quiet.cumulants(stretches)
    # None that is so unlikely is nearer to its mean: half the deviance is at most the square of the distance
    nearest = max(-0.5 * math.log(single) - 1, 0.0)
    rows = np.flatnonzero((excess**2 > nearest * variance) & (variance > 0))
    matched = Matched.of(excess[rows], variance[rows], third[rows])
    deviance = matched.deviance()
    # by Stirling's formula a single number has a probability of at least exp(-deviance) / sqrt(8 number)
    able = np.flatnonzero(deviance > -math.log(single) - 0.5 * np.log(8 * np.maximum(matched.number, 1.0)))
    able = able[np.argsort(-deviance[able], kind="stable")]
    return stretches[rows[able]], excess[rows[able]] > 0, matched[able]


def _taken(
    stretches: Stretches, flare: NDArray[np.bool_], matched: Matched, room_s: FloatArray, single: float
) -> list[Unlikely]:
    """Return the first stretch of each dataset, then those of its kind that overlap with none before.

    A flare raises the level that is still called quiet, so dips beside it wait for the next look, and the reverse.
    """
    start, stop, number, live_s = stretches.start, stretches.stop, stretches.number, stretches.live_s
    datasets, first = np.unique(number, return_index=True)
    kind = np.zeros(len(room_s), dtype=bool)
    kind[datasets] = flare[first]
    left = flare == kind[number]
    picked = []
    while left.any():
        row = int(np.argmax(left))
        left[row] = False
        if live_s[row] <= room_s[number[row]]:
            room_s[number[row]] -= live_s[row]
            left &= (stop <= start[row]) | (start >= stop[row])
            picked.append(row)
    chance = matched[np.array(picked, dtype=np.int64)].chance().tolist()
    return [
        Unlikely(int(start[row]), int(stop[row]), bool(flare[row]), p)
        for row, p in zip(picked, chance, strict=True)
        if p < single
    ]
