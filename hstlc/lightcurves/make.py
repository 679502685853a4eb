"""From sums over source and background regions to a light curve with propagated errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.barycenter import bjd_tdb, target_position
from hstlc.lightcurves.sums import RegionSums
from hstlc.model import Intervals, LightCurve, Quality
from hstlc.times import SECONDS_PER_DAY, TimeReference

__all__ = ["ZERO_COUNT_ERROR", "light_curve"]

FloatArray = NDArray[np.float64]

#: One-sigma (84.13 %) upper limit of a Poisson mean when no event was seen, -ln(1 - 0.8413); Gehrels (1986, ApJ 303,
#: 336), table 1.
ZERO_COUNT_ERROR = 1.841


def light_curve(
    edges_s: FloatArray,
    live_s: FloatArray,
    regions: Sequence[RegionSums],
    *,
    reference: TimeReference,
    gti: Intervals,
    capacity_s: FloatArray | None = None,
    minimum_fraction: float = 0.8,
    meta: Mapping[str, Any] | None = None,
    provenance: tuple[Mapping[str, str | int | float], ...] = (),
) -> LightCurve:
    """Make a light curve of every bin, none dropped.

    Counts of the regions add; the flux density is the sum of the regions' fluences over live time and over the sum of
    their wavelength widths: the mean weighted by wavelength. The flux is NaN as soon as one region has no response.
    At no source event the error is that of the Poisson upper limit (times the mean fluence for the flux), while the
    column ``variance`` keeps the propagated one, which is unbiased in a sum.

    Parameters
    ----------
    edges_s : ndarray of float64, shape (n + 1,), seconds
        Bin edges after ``reference``.
    live_s : ndarray of float64, shape (n,), seconds
        Live time of each bin.
    regions : sequence of RegionSums
        One for each event list, at least one.
    capacity_s : ndarray of float64, shape (n,), seconds
        Live time that a bin without any gap has, by default its width; with a clock its whole ticks.
    minimum_fraction : float
        Bins with a smaller live part get :attr:`hstlc.model.Quality.LOW_FRACTION`.
    meta : mapping of str to value, optional
        Keywords of the curve. ``RA_TARG`` and ``DEC_TARG`` (degrees, ICRS) give the column ``bjd_tdb``, which is NaN
        without them and for a moving target, ``MTFLAG`` T: :mod:`hstlc.lightcurves.barycenter`.

    Returns
    -------
    LightCurve
    """
    n = len(live_s)
    width_s = np.diff(edges_s)
    middle_s = (edges_s[:-1] + edges_s[1:]) / 2
    gross = np.sum([r.gross for r in regions], axis=0)
    background = np.sum([r.background for r in regions], axis=0)
    variance = np.sum([r.variance for r in regions], axis=0)
    empty = np.sum([r.events for r in regions], axis=0) == 0
    error = np.sqrt(variance + np.where(empty, ZERO_COUNT_ERROR**2, 0.0))
    counts = gross - background
    fraction = live_s / (width_s if capacity_s is None else capacity_s)
    live = np.where(live_s > 0, live_s, np.nan)
    flux, flux_error = _flux(regions, live, empty)
    quality = np.where(live_s <= 0, Quality.NO_LIVE_TIME | Quality.LOW_FRACTION, 0)
    quality |= np.where(fraction < minimum_fraction, Quality.LOW_FRACTION, 0)
    with np.errstate(invalid="ignore"):
        rate, rate_error = counts / live, error / live
    data: dict[str, NDArray[Any]] = {
        "dataset": np.ones(n, dtype=np.int32),
        "times": edges_s[:-1],
        "mjd": reference.mjd + middle_s / SECONDS_PER_DAY,
        "bins": width_s,
        "gross": gross,
        "background": background,
        "flux": flux,
        "counts": counts,
        "error": error,
        "flux_error": flux_error,
        "net": rate,
        "signal_to_noise": counts / error,
        "time": middle_s,
        "exposure": live_s,
        "fraction": fraction,
        "rate": rate,
        "rate_error": rate_error,
        "variance": variance,
        "quality": quality.astype(np.int32),
        "bjd_tdb": bjd_tdb(reference, middle_s, target_position(meta or {})),
    }
    return LightCurve(data, gti, reference, dict(meta or {}), provenance)


def _flux(regions: Sequence[RegionSums], live_s: FloatArray, empty: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    responses = [response for r in regions for response in r.responses]
    width_aa = sum(response.width_aa for response in responses)
    if not all(r.responses for r in regions) or width_aa <= 0:
        nothing = np.full(len(live_s), np.nan)
        return nothing, nothing.copy()
    per = live_s * width_aa
    fluence = np.sum([r.fluence for r in regions], axis=0)
    variance = np.sum([r.fluence_variance for r in regions], axis=0)
    mean = float(np.mean(np.concatenate([response.fluence for response in responses])))
    variance = np.where(empty, variance + (ZERO_COUNT_ERROR * mean) ** 2, variance)
    return fluence / per, np.sqrt(variance) / per
