"""From events in a source and a background region to a light curve with propagated errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.model import Intervals, LightCurve, Quality
from hstlc.times import SECONDS_PER_DAY, TimeReference

__all__ = ["ZERO_COUNT_ERROR", "RegionSums", "Response", "light_curve", "region_sums"]

FloatArray = NDArray[np.float64]

#: One-sigma (84.13 %) upper limit of a Poisson mean when no event was seen, -ln(1 - 0.8413); Gehrels (1986, ApJ 303,
#: 336), table 1.
ZERO_COUNT_ERROR = 1.841


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What a weighted count at a wavelength is worth in flux.

    Attributes
    ----------
    wavelength_aa : ndarray of float64, shape (n,), Angstrom
        Increasing grid of the calibrated pixels.
    fluence : ndarray of float64, shape (n,), erg / cm2 a count
        Inverse sensitivity times pixel width: a count spread over one pixel's width of spectrum.
    width_aa : float, Angstrom
        Width of the spectrum that the selected events cover.
    """

    wavelength_aa: FloatArray
    fluence: FloatArray
    width_aa: float

    def __call__(self, wavelength_aa: FloatArray) -> FloatArray:
        """Return the fluence of a count at each wavelength; 0 beyond the calibrated range."""
        return np.interp(wavelength_aa, self.wavelength_aa, self.fluence, left=0.0, right=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class RegionSums:
    """Sums per bin over one pair of source and background regions (a segment, a stripe, a camera).

    Attributes
    ----------
    events : ndarray of float64, shape (n,)
        Number of source events.
    gross, gross_variance : ndarray of float64, shape (n,), counts and counts^2
        Sum of weights and of squared weights of the source events.
    background, background_variance : ndarray of float64, shape (n,), counts and counts^2
        The same of the background events, scaled to the source region.
    fluence, fluence_variance : ndarray of float64, shape (n,), erg / cm2 and its square
        Background-subtracted; NaN without a response.
    response : Response or None
        What the fluence was made with.
    """

    events: FloatArray
    gross: FloatArray
    gross_variance: FloatArray
    background: FloatArray
    background_variance: FloatArray
    fluence: FloatArray
    fluence_variance: FloatArray
    response: Response | None


def region_sums(
    bins: int,
    source: tuple[NDArray[np.int64], FloatArray, FloatArray],
    background: tuple[NDArray[np.int64], FloatArray, FloatArray],
    scale: float,
    response: Response | None = None,
) -> RegionSums:
    """Sum weights per bin over a source and a background region.

    Parameters
    ----------
    bins : int
        Number of bins.
    source, background : tuple of three ndarrays, shape (n,)
        Bin number of each event, its weight and its wavelength in Angstrom.
    scale : float
        Area of the source region over that of the background region. The expected background in the source region is
        ``scale * sum(w)`` and its variance ``scale**2 * sum(w**2)``.
    response : Response, optional
        Makes fluxes as well.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> sums = region_sums(1, (np.array([0]), one, one), (np.array([0]), one, one), 0.5)
    >>> sums.gross, sums.background, sums.background_variance
    (array([1.]), array([0.5]), array([0.25]))
    """

    def total(index: NDArray[np.int64], values: FloatArray) -> FloatArray:
        return np.bincount(index, weights=values, minlength=bins).astype(np.float64)

    index, weight, wavelength_aa = source
    bkg_index, bkg_weight, bkg_wavelength_aa = background
    if response is None:
        fluence = fluence_variance = np.full(bins, np.nan)
    else:
        value, bkg_value = weight * response(wavelength_aa), scale * bkg_weight * response(bkg_wavelength_aa)
        fluence = total(index, value) - total(bkg_index, bkg_value)
        fluence_variance = total(index, value**2) + total(bkg_index, bkg_value**2)
    return RegionSums(
        events=total(index, np.ones(len(index))),
        gross=total(index, weight),
        gross_variance=total(index, weight**2),
        background=scale * total(bkg_index, bkg_weight),
        background_variance=scale**2 * total(bkg_index, bkg_weight**2),
        fluence=fluence,
        fluence_variance=fluence_variance,
        response=response,
    )


def light_curve(
    edges_s: FloatArray,
    live_s: FloatArray,
    regions: Sequence[RegionSums],
    *,
    reference: TimeReference,
    gti: Intervals,
    minimum_fraction: float = 0.8,
    meta: Mapping[str, Any] | None = None,
    provenance: tuple[Mapping[str, str], ...] = (),
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
        At least one.
    minimum_fraction : float
        Bins with a smaller live part get :attr:`hstlc.model.Quality.LOW_FRACTION`.

    Returns
    -------
    LightCurve
    """
    n = len(live_s)
    width_s = np.diff(edges_s)
    middle_s = (edges_s[:-1] + edges_s[1:]) / 2
    gross = np.sum([r.gross for r in regions], axis=0)
    background = np.sum([r.background for r in regions], axis=0)
    background_variance = np.sum([r.background_variance for r in regions], axis=0)
    variance = np.sum([r.gross_variance for r in regions], axis=0) + background_variance
    empty = np.sum([r.events for r in regions], axis=0) == 0
    error = np.sqrt(np.where(empty, ZERO_COUNT_ERROR**2 + background_variance, variance))
    counts = gross - background
    fraction = live_s / width_s
    live = np.where(live_s > 0, live_s, np.nan)
    flux, flux_error = _flux(regions, live, empty)
    # a bin is a tick short of its width by the lattice alone: half a tick in two seconds is not a gap
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
        "fraction": np.minimum(fraction, 1.0),
        "rate": rate,
        "rate_error": rate_error,
        "variance": variance,
        "quality": quality.astype(np.int32),
    }
    return LightCurve(data, gti, reference, dict(meta or {}), provenance)


def _flux(regions: Sequence[RegionSums], live_s: FloatArray, empty: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    responses = [r.response for r in regions if r.response is not None]
    width_aa = sum(r.width_aa for r in responses)
    if len(responses) < len(regions) or width_aa <= 0:
        nothing = np.full(len(live_s), np.nan)
        return nothing, nothing.copy()
    per = live_s * width_aa
    fluence = np.sum([r.fluence for r in regions], axis=0)
    variance = np.sum([r.fluence_variance for r in regions], axis=0)
    mean = float(np.mean(np.concatenate([r.fluence for r in responses])))
    variance = np.where(empty, variance + (ZERO_COUNT_ERROR * mean) ** 2, variance)
    return fluence / per, np.sqrt(variance) / per
