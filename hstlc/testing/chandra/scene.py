"""What a simulated Chandra observation looked at: the observation, the sources of its field, how they vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import pi
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = [
    *("ChandraObservation", "ChandraScene", "ChandraSource", "Shape"),
    *("constant", "eclipse", "flare", "step"),
]

FloatArray = NDArray[np.float64]

#: Times in seconds after the start to the factor by which a rate is multiplied, 0 or more.
Shape = Callable[[FloatArray], FloatArray]

GoodTimes = tuple[tuple[float, float], ...]

#: Size of a sky pixel, arcsec.
_PIXEL_ARCSEC = {"ACIS": 0.492, "HRC": 0.1318}

#: Middle of the plane, pixels.
_CENTER = {"ACIS": 4096.5, "HRC-I": 16384.5, "HRC-S": 32768.5}


def constant() -> Shape:
    """Return the shape of a source that does not vary."""
    return lambda time_s: np.ones(len(time_s))


def step(at_s: float, after: float) -> Shape:
    """Return the shape of a source whose rate becomes ``after`` times what it was."""
    return lambda time_s: np.where(time_s < at_s, 1.0, after)


def eclipse(start_s: float, stop_s: float, left: float = 0.0) -> Shape:
    """Return the shape of an eclipse that leaves the part ``left`` of the rate."""
    return lambda time_s: np.where((time_s >= start_s) & (time_s < stop_s), left, 1.0)


def flare(peak_s: float, decay_s: float, factor: float) -> Shape:
    """Return the shape of a flare that rises at once by ``factor`` times the rate and decays."""

    def rate(time_s: FloatArray) -> FloatArray:
        since = np.maximum(time_s - peak_s, 0.0)
        return 1.0 + np.where(time_s >= peak_s, factor * np.exp(-since / decay_s), 0.0)

    return rate


@dataclass(frozen=True, slots=True)
class ChandraObservation:
    """How an observation was made; the default is one chip of ACIS with the source in its middle.

    Attributes
    ----------
    obsid, obi, region : int
        Numbers of observation, interval and region of the catalog; no region: the whole field.
    detector : str
        ``ACIS-I``, ``ACIS-S``, ``HRC-I`` or ``HRC-S``.
    chips : mapping of int to (float, float), pixels
        Number of a chip to the lower left corner of it on the sky, without dither; a chip of ACIS has 1024 pixels
        along a side, one of HRC is as large as the plane.
    good_times : mapping of int to tuple of (float, float), seconds
        Good times of chips that have others than ``(0, ontime_s)``, after ``start_s``.
    start_s : float, seconds
        Start, after MJD 50814 TT.
    ontime_s : float, seconds
    frame_s, exposed_s : float, seconds
        From one frame of ACIS to the next, and the part of it that is exposed.
    dead_time_factor : float
        DTCOR of HRC.
    ra_deg, dec_deg : float, degrees
        Middle of the plane.
    dither_arcsec : float, arcsec
        Amplitude; 0: none.
    dither_periods_s : (float, float), seconds
        Along y and z of the spacecraft, here x and y of the chip, as the roll angle is 0.
    target : str
    revision : int
        Version in the name of the file.
    date : str
        DATE of the files.
    seed : int
    """

    obsid: int = 7999
    obi: int = 0
    region: int | None = None
    detector: str = "ACIS-S"
    chips: Mapping[int, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({7: (3584.0, 3584.0)}))
    good_times: Mapping[int, GoodTimes] = field(default_factory=lambda: MappingProxyType({}))
    start_s: float = 280834899.0
    ontime_s: float = 20000.0
    frame_s: float = 3.24104
    exposed_s: float = 3.2
    dead_time_factor: float = 0.987
    ra_deg: float = 150.0
    dec_deg: float = 2.0
    dither_arcsec: float = 8.0
    dither_periods_s: tuple[float, float] = (1000.0, 707.1)
    target: str = "SIM-SOURCE"
    revision: int = 21
    date: str = "2020-01-21T00:00:00"
    seed: int = 1

    @property
    def instrument(self) -> str:
        """ACIS or HRC."""
        return self.detector.partition("-")[0]

    @property
    def pixel_arcsec(self) -> float:
        """Size of a sky pixel."""
        return _PIXEL_ARCSEC[self.instrument]

    @property
    def center(self) -> float:
        """Middle of the plane in pixels, the same for x and y."""
        return _CENTER.get(self.instrument, 0.0) or _CENTER[self.detector]

    @property
    def dtcor(self) -> float:
        """Live part of a second."""
        return self.exposed_s / self.frame_s if self.instrument == "ACIS" else self.dead_time_factor

    @property
    def chip_corners(self) -> Mapping[int, tuple[float, float]]:
        """Corners of the chips; HRC has one that is as large as the plane."""
        return self.chips if self.instrument == "ACIS" else {0: (0.5, 0.5)}

    @property
    def chip_pixels(self) -> float:
        """Pixels along a side of a chip."""
        return 1024.0 if self.instrument == "ACIS" else 2 * self.center - 1

    def chip_times(self, chip: int) -> GoodTimes:
        """Good times of a chip, seconds after the start."""
        return self.good_times.get(chip, ((0.0, self.ontime_s),))

    def live_s(self, chip: int) -> float:
        """Live time of a chip, seconds."""
        return sum(stop - start for start, stop in self.chip_times(chip)) * self.dtcor

    def dither(self, time_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far the chips are from where they would be without dither, pixels."""
        amplitude = self.dither_arcsec / self.pixel_arcsec
        first, second = (np.sin(2 * pi * time_s / period) * amplitude for period in self.dither_periods_s)
        return first, second

    def pixel(self, x_arcsec: float, y_arcsec: float) -> tuple[float, float]:
        """Return the sky pixel of a place so many arcseconds west and north of the middle."""
        return self.center + x_arcsec / self.pixel_arcsec, self.center + y_arcsec / self.pixel_arcsec


@dataclass(frozen=True, slots=True)
class ChandraSource:
    """A source of the field.

    Attributes
    ----------
    rate_ct_s : float, counts per live second
        In the broad band, 0.5 to 7 keV, on a chip that sees all of it.
    x_arcsec, y_arcsec : float, arcsec
        West and north of the middle of the plane.
    sigma_arcsec : float, arcsec
        Width of the image.
    energy_kev : float, keV
        Median energy.
    shape : callable
    """

    rate_ct_s: float
    x_arcsec: float = 0.0
    y_arcsec: float = 0.0
    sigma_arcsec: float = 0.8
    energy_kev: float = 1.5
    shape: Shape = field(default_factory=constant)


@dataclass(frozen=True, slots=True)
class ChandraScene:
    """The sources of a field and its background.

    Attributes
    ----------
    sources : tuple of ChandraSource
        The first is that of the catalog in products of a region.
    background_ct_s : float, counts per live second
        In the broad band, per million square pixels of ACIS, about a chip, or per 100 square arcminutes of HRC.
    background_shape : callable
    """

    sources: tuple[ChandraSource, ...] = (ChandraSource(0.05),)
    background_ct_s: float = 0.05
    background_shape: Shape = field(default_factory=constant)
