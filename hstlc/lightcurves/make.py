"""From events in a source and a background region to a light curve with propagated errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.model import Intervals, LightCurve, Quality
from hstlc.times import SECONDS_PER_DAY, TimeReference

__all__ = ["ZERO_COUNT_ERROR", "Photons", "Region", "RegionSums", "Response", "light_curve", "region_sums"]

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
class Photons:
    """Events chosen from a list, with the wavelength that the region they were chosen for gives them.

    Attributes
    ----------
    row : ndarray of int64, shape (n,)
        Row numbers in the list, each once.
    wavelength_aa : ndarray of float64, shape (n,), Angstrom
    """

    row: NDArray[np.int64]
    wavelength_aa: FloatArray

    def __len__(self) -> int:
        return len(self.row)

    def select(self, mask: NDArray[np.bool_]) -> Photons:
        """Return the events where ``mask`` is True."""
        return Photons(self.row[mask], self.wavelength_aa[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A source region and the region its background is measured in (of a segment, a stripe, a camera).

    Attributes
    ----------
    source, background : Photons
        Events of each.
    scale : float
        Area of the source region over that of the background region.
    response : Response or None
        Makes fluxes as well.
    """

    source: Photons
    background: Photons
    scale: float
    response: Response | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RegionSums:
    """Sums per bin over the regions of one event list.

    Attributes
    ----------
    events : ndarray of float64, shape (n,)
        Number of source events.
    gross : ndarray of float64, shape (n,), counts
        Sum of the weights of the source events.
    background : ndarray of float64, shape (n,), counts
        The same of the background events, scaled to the source region.
    variance : ndarray of float64, shape (n,), counts^2
        Of ``gross - background``.
    fluence, fluence_variance : ndarray of float64, shape (n,), erg / cm2 and its square
        Background-subtracted; NaN unless every region has a response.
    responses : tuple of Response
        What the fluence was made with; empty where it is NaN.
    """

    events: FloatArray
    gross: FloatArray
    background: FloatArray
    variance: FloatArray
    fluence: FloatArray
    fluence_variance: FloatArray
    responses: tuple[Response, ...]


def region_sums(bins: int, index: NDArray[np.int64], weight: FloatArray, regions: Sequence[Region]) -> RegionSums:
    """Sum the weights of an event list per bin over source and background regions.

    The expected background in a source region is ``scale * sum(w)``. An event adds the square of its *total* weight to
    the variance: the stripes of a spectrum share their background regions, and what one event of those takes from each
    stripe does not average out.

    Parameters
    ----------
    bins : int
        Number of bins.
    index, weight : ndarray, shape (n,)
        Bin number and weight of each event of the list.
    regions : sequence of Region
        At least one.

    Examples
    --------
    >>> first, second = (Photons(np.array([row]), np.array([1500.0])) for row in (0, 1))
    >>> sums = region_sums(1, np.array([0, 0]), np.array([1.0, 1.0]), [Region(first, second, 0.5)])
    >>> sums.gross, sums.background, sums.variance
    (array([1.]), array([0.5]), array([1.25]))
    """

    def total(values: FloatArray, row: NDArray[np.int64] | slice = slice(None)) -> FloatArray:
        return np.bincount(index[row], weights=values, minlength=bins).astype(np.float64)

    events, gross, background = np.zeros(bins), np.zeros(bins), np.zeros(bins)
    net, value = np.zeros(len(index)), np.zeros(len(index))
    for region in regions:
        source, beside = region.source, region.background
        counted, expected = weight[source.row], region.scale * weight[beside.row]
        events += total(np.ones(len(source)), source.row)
        gross += total(counted, source.row)
        background += total(expected, beside.row)
        net[source.row] += counted
        net[beside.row] -= expected
        if region.response is not None:
            value[source.row] += counted * region.response(source.wavelength_aa)
            value[beside.row] -= expected * region.response(beside.wavelength_aa)
    responses = tuple(region.response for region in regions if region.response is not None)
    if len(responses) < len(regions):
        responses, value = (), np.full(len(index), np.nan)
    unknown = np.zeros(bins) if responses else np.full(bins, np.nan)
    return RegionSums(
        events, gross, background, total(net**2), total(value) + unknown, total(value**2) + unknown, responses
    )


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
