"""Sums per bin over source and background regions, with variance and fluence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.events.bin_rows import BinRows
from hstlc.lightcurves.lookup import Lookup

__all__ = ["Photons", "Region", "RegionSums", "Response", "RunningSums", "region_sums"]

FloatArray = NDArray[np.float64]


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
        return Lookup(self.wavelength_aa, self.fluence)(wavelength_aa)


@dataclass(frozen=True, slots=True, eq=False)
class Photons:
    """Events chosen from a list, with the wavelength that the region they were chosen for gives them.

    Attributes
    ----------
    row : ndarray of int64, shape (n,)
        Row numbers in the list, increasing.
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


class RunningSums:
    """Sums over the regions of one event list that is read in blocks.

    The expected background in a source region is ``scale * sum(w)``. An event adds the square of its *total* weight to
    the variance: the stripes of a spectrum share their background regions, and what one event of those takes from each
    stripe does not average out. Blocks of any size give the same sums, to the last digit.

    Parameters
    ----------
    bins : int
        Number of bins.
    scales : sequence of float
        Of each region: its area over that of its background region.
    responses : sequence of Response or None
        Of each region.
    """

    def __init__(self, bins: int, scales: Sequence[float], responses: Sequence[Response | None]) -> None:
        self.scales = tuple(scales)
        known = tuple(response for response in responses if response is not None)
        self.responses = known if len(known) == len(scales) else ()
        self._lookups = [Lookup(one.wavelength_aa, one.fluence) for one in self.responses]
        self._events, self._gross, self._background = (np.zeros((len(scales), bins)) for _ in range(3))
        self._variance, self._fluence, self._fluence_variance = np.zeros((3, bins))
        self._reached = 0

    def add(self, index: NDArray[np.int64], weight: FloatArray, photons: Sequence[tuple[Photons, Photons]]) -> None:
        """Add a block of events.

        Parameters
        ----------
        index, weight : ndarray, shape (n,)
            Bin number and weight of each event of the block.
        photons : sequence of (Photons, Photons)
            Source and background events of each region; rows are those of the block.
        """
        if not len(index):
            return
        every = BinRows(index, self._reached)
        net, value = np.zeros(len(index)), np.zeros(len(index))
        for number, (source, beside) in enumerate(photons):
            counted, expected = weight.take(source.row), self.scales[number] * weight.take(beside.row)
            every.count(self._events[number], source.row)
            placed = np.zeros(len(index))
            placed[source.row] = counted
            every.add(self._gross[number], placed)
            BinRows(index.take(beside.row), self._reached).add(self._background[number], expected)
            net = net + placed if number else placed
            net[beside.row] -= expected
            if self._lookups:
                lookup = self._lookups[number]
                worth = counted * lookup(source.wavelength_aa)
                value[source.row] = value[source.row] + worth if number else worth
                value[beside.row] -= expected * lookup(beside.wavelength_aa)
        every.add(self._variance, net**2)
        if self._lookups:
            every.add(self._fluence, value)
            every.add(self._fluence_variance, value**2)
        self._reached = every.reached

    def sums(self) -> RegionSums:
        """Return the sums over all blocks so far."""
        unknown = np.zeros(len(self._variance)) if self.responses else np.full(len(self._variance), np.nan)
        events, gross, background = (np.sum(part, axis=0) for part in (self._events, self._gross, self._background))
        return RegionSums(
            events,
            gross,
            background,
            self._variance.copy(),
            self._fluence + unknown,
            self._fluence_variance + unknown,
            self.responses,
        )


def region_sums(bins: int, index: NDArray[np.int64], weight: FloatArray, regions: Sequence[Region]) -> RegionSums:
    """Sum the weights of a whole event list; see :class:`RunningSums`.

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
    running = RunningSums(bins, [region.scale for region in regions], [region.response for region in regions])
    running.add(index, weight, [(region.source, region.background) for region in regions])
    return running.sums()
