"""Neighboring bins of a light curve merged into wider ones, each dataset on its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UsageError
from hstlc.lightcurves.make import ZERO_COUNT_ERROR
from hstlc.lightcurves.poisson import net_limits
from hstlc.model import FURTHER_COLUMNS, LightCurve, Quality

__all__ = ["dataset_starts", "merge", "merged_length", "rebin"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def dataset_starts(dataset: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the row at which each dataset begins; no row for no bins.

    Examples
    --------
    >>> dataset_starts(np.array([1, 1, 2, 2, 2]))
    array([0, 2])
    """
    if len(dataset) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([[0], np.flatnonzero(np.diff(dataset)) + 1])


def merged_length(dataset: NDArray[np.integer], factor: int) -> int:
    """Return how many bins :func:`rebin` makes of the bins of ``dataset``.

    Examples
    --------
    >>> merged_length(np.array([1, 1, 2, 2, 2]), 2)
    3
    """
    lengths = np.diff(np.append(dataset_starts(dataset), len(dataset)))
    return int(np.sum(-(-lengths // factor)))


def rebin(curve: LightCurve, factor: int, *, minimum_fraction: float = 0.8) -> LightCurve:
    """Merge every ``factor`` bins of a dataset into one; its last bin may hold fewer.

    Counts, their variance, live time and widths add. The flux is the mean weighted by live time, so that fluences add
    too. A merged bin without any source count has the error of the Poisson upper limit once, not once for each bin:
    what a bin's flux error owes to that limit is taken off by the ratio of ``variance`` to ``error**2``.

    Parameters
    ----------
    curve : LightCurve
        Datasets one after the other, bins in the order of time.
    factor : int
        At least 1.
    minimum_fraction : float
        Bins with a smaller live part get :attr:`hstlc.model.Quality.LOW_FRACTION`.

    Returns
    -------
    LightCurve
        ``curve`` itself for a factor of 1.

    Raises
    ------
    UsageError
        ``usage.rebin-factor``: the factor is below 1.
    """
    if factor < 1:
        raise UsageError(
            "usage.rebin-factor", f"bins to merge: expected at least 1, found {factor}", "give a whole number above 0"
        )
    if factor == 1 or len(curve) == 0:
        return curve
    edges = np.append(dataset_starts(curve["dataset"]), len(curve)).tolist()
    start = np.concatenate([np.arange(a, b, factor) for a, b in itertools.pairwise(edges)])
    return merge(curve, start, minimum_fraction=minimum_fraction)


def merge(curve: LightCurve, start: IntArray, *, minimum_fraction: float = 0.8) -> LightCurve:
    """Merge bins of a light curve into any wider ones; what adds and what does not is said at :func:`rebin`.

    Parameters
    ----------
    curve : LightCurve
        With at least one bin.
    start : ndarray of int64, shape (m,)
        The first bin of each of the new ones, increasing, the first of them 0; a new bin lies within one dataset.
    minimum_fraction : float
        Bins with a smaller live part get :attr:`hstlc.model.Quality.LOW_FRACTION`.

    Returns
    -------
    LightCurve
        Of ``m`` bins.
    """
    number = np.diff(np.append(start, len(curve)))

    def total(values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, start))

    def middle(values: FloatArray) -> FloatArray:
        origin = values[start]
        return np.asarray(origin + total((values - np.repeat(origin, number)) * curve["bins"]) / total(curve["bins"]))

    gross, background, exposure = (total(curve[name]) for name in ("gross", "background", "exposure"))
    variance = total(curve["variance"])
    counts, empty, live = gross - background, gross == 0, np.where(exposure > 0, exposure, np.nan)
    error = np.sqrt(variance + np.where(empty, ZERO_COUNT_ERROR**2, 0.0))
    flux, flux_error = _flux(curve, start, empty, error, live)
    fraction = _fraction(curve, start, exposure)
    quality = np.where(exposure <= 0, Quality.NO_LIVE_TIME | Quality.LOW_FRACTION, 0)
    quality |= np.where(fraction < minimum_fraction, Quality.LOW_FRACTION, 0)
    data: dict[str, NDArray[Any]] = {
        "dataset": curve["dataset"][start],
        "times": curve["times"][start],
        "mjd": middle(curve["mjd"]),
        "bins": total(curve["bins"]),
        "gross": gross,
        "background": background,
        "flux": flux,
        "counts": counts,
        "error": error,
        "flux_error": flux_error,
        "net": counts / live,
        "signal_to_noise": counts / np.where(error > 0, error, np.nan),
        "time": middle(curve["time"]),
        "exposure": exposure,
        "fraction": fraction,
        "rate": counts / live,
        "rate_error": error / live,
        "variance": variance,
        "quality": quality,
        "bjd_tdb": middle(curve["bjd_tdb"]),
    }
    if all(column.name in curve.data for column in FURTHER_COLUMNS):
        data |= _further(curve, total, background, exposure, variance)
    quality |= np.bitwise_or.reduceat(curve["quality"] & Quality.BACKGROUND_FLARE, start)
    data["quality"] = quality.astype(np.int32)
    return replace(curve, data=data)


def _further(
    curve: LightCurve,
    total: Callable[[FloatArray], FloatArray],
    background: FloatArray,
    exposure_s: FloatArray,
    variance: FloatArray,
) -> dict[str, FloatArray]:
    """Return the further columns of merged bins: the scale is that which turns background events into background."""
    events, beside = total(curve["source_events"]), total(curve["background_events"])
    mean = total(curve["background_scale"] * curve["bins"]) / total(curve["bins"])
    scale = np.where(beside > 0, background / np.where(beside > 0, beside, 1.0), mean)
    low, high = net_limits(events, beside, scale, exposure_s, variance)
    further = (events, beside, scale, low, high)
    return {column.name: values for column, values in zip(FURTHER_COLUMNS, further, strict=True)}


def _flux(
    curve: LightCurve, start: NDArray[np.int64], empty: NDArray[np.bool_], error: FloatArray, live_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return flux and its error from the fluences of the bins that have live time."""
    dead = curve["exposure"] <= 0
    fluence = np.where(dead, 0.0, curve["flux"] * curve["exposure"])
    deviation = np.where(dead, 0.0, curve["flux_error"] * curve["exposure"])
    per_count = deviation / np.where(curve["error"] > 0, curve["error"], np.inf)
    bins = np.maximum(np.add.reduceat((~dead).astype(np.float64), start), 1.0)
    upper_limit = error * np.add.reduceat(per_count, start) / bins
    propagated = np.sqrt(np.add.reduceat(per_count**2 * curve["variance"], start))
    return np.add.reduceat(fluence, start) / live_s, np.where(empty, upper_limit, propagated) / live_s


def _fraction(curve: LightCurve, start: NDArray[np.int64], exposure_s: FloatArray) -> FloatArray:
    """Return live time over what it would be without any gap, whole clock ticks where the bins count those."""
    live = curve["fraction"] > 0
    capacity = np.where(live, curve["exposure"] / np.where(live, curve["fraction"], 1.0), curve["bins"])
    return np.asarray(exposure_s / np.add.reduceat(capacity, start))
