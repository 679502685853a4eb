"""What a synthetic EPIC observation is to show: the observation, its cameras, sources and background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAMERAS", "CameraKind", "EpicCamera", "EpicObservation", "EpicSource", "Shape", "band_part", "eclipse"]

FloatArray = NDArray[np.float64]
Interval = tuple[float, float]

#: Relative rate by time, seconds after the start of the observation.
Shape = Callable[[FloatArray], FloatArray]


def _constant(time_s: FloatArray) -> FloatArray:
    return np.ones_like(time_s)


def eclipse(start_s: float, stop_s: float, depth: float = 1.0) -> Shape:
    """Return 1, and ``1 - depth`` from start to stop."""
    return lambda t: np.where((t >= start_s) & (t < stop_s), 1.0 - depth, 1.0)


@dataclass(frozen=True, slots=True)
class CameraKind:
    """What all exposures of a camera share; lengths on the sky in arcseconds, frames in seconds."""

    instrume: str
    ccds: Mapping[int, tuple[float, float, float, float]]  # x from, y from, x to, y to, arcsec on the detector
    pixel_arcsec: float
    frame_s: float
    integration_s: float
    submode: str

    @property
    def is_pn(self) -> bool:
        """True for pn, whose readout is dead time by default."""
        return self.instrume == "EPN"


def _pn_ccds() -> dict[int, tuple[float, float, float, float]]:
    width, height, gap = 64 * 4.1, 200 * 4.1, 4.0
    found = {}
    for number in range(12):
        column, line = number % 6, number // 6
        x = (column - 3) * (width + gap) + gap / 2 + 110.0  # the axis lies on a CCD, not in a gap
        y = (line - 1) * (height + gap) + gap / 2 + 200.0
        found[number + 1] = (x, y, x + width, y + height)
    return found


def _mos_ccds() -> dict[int, tuple[float, float, float, float]]:
    side, gap = 600 * 1.1, 4.0
    step = side + gap
    centers = {1: (0.0, 0.0), 2: (-step / 2, -step), 3: (-step, 0.0), 4: (-step / 2, step)}
    centers |= {5: (step / 2, step), 6: (step, 0.0), 7: (step / 2, -step)}
    return {n: (x - side / 2, y - side / 2, x + side / 2, y + side / 2) for n, (x, y) in centers.items()}


CAMERAS: Mapping[str, CameraKind] = {
    "pn": CameraKind("EPN", _pn_ccds(), 4.1, 0.07336496, 0.0687, "PrimeFullWindow"),
    "m1": CameraKind("EMOS1", _mos_ccds(), 1.1, 2.6, 2.594, "PrimeFullWindow"),
    "m2": CameraKind("EMOS2", _mos_ccds(), 1.1, 2.6, 2.594, "PrimeFullWindow"),
}


@dataclass(frozen=True, slots=True)
class EpicCamera:
    """One exposure with a camera.

    Attributes
    ----------
    name : str
        ``pn``, ``m1``, ``m2``.
    exposure : str
        Such as ``S003``.
    gti : tuple of (float, float), seconds
        Good times after the start of the observation; empty: all of it.
    ccd_gti : mapping of int to tuple of (float, float)
        Good times of some CCDs, where they differ.
    ccds : tuple of int
        Those that are on; empty: all.
    live_part : float
        FRACEXP of every frame.
    background_ct_s : float
        Good events of the background in the field of view, 0.2 to 12 keV.
    background : callable
        Its relative rate by time.
    keywords : mapping
        Put into both headers: ``{"FILTER": "Closed"}``; None takes a keyword out.
    without : tuple of str
        Columns and tables that are left out: ``FLAG``, ``GTI``, ``EXPOSU``.
    """

    name: str
    exposure: str = "S003"
    gti: tuple[Interval, ...] = ()
    ccd_gti: Mapping[int, tuple[Interval, ...]] = field(default_factory=dict)
    ccds: tuple[int, ...] = ()
    live_part: float = 0.99
    background_ct_s: float = 1.0
    background: Shape = _constant
    keywords: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def kind(self) -> CameraKind:
        """What its exposures share."""
        return CAMERAS[self.name]

    @property
    def numbers(self) -> tuple[int, ...]:
        """CCDs that are on."""
        return self.ccds or tuple(self.kind.ccds)


@dataclass(frozen=True, slots=True)
class EpicSource:
    """A point source.

    Attributes
    ----------
    east_arcsec, north_arcsec : float
        From the pointing.
    rate_ct_s : float
        Good events per live second in each camera, 0.2 to 12 keV, all of its image; times ``weights``.
    shape : callable
        Relative rate by time.
    weights : mapping of str to float
        By camera, 1 where it is absent.
    width_arcsec : float
        Core radius of the image.
    listed : bool
        It is in the source list.
    """

    east_arcsec: float = 0.0
    north_arcsec: float = 0.0
    rate_ct_s: float = 0.1
    shape: Shape = _constant
    weights: Mapping[str, float] = field(default_factory=dict)
    width_arcsec: float = 5.5
    listed: bool = True


@dataclass(frozen=True, slots=True)
class EpicObservation:
    """A synthetic observation; see :func:`hstlc.testing.epic.write_observation`.

    Attributes
    ----------
    obs_id : str
        Ten digits.
    target : str
    ra_deg, dec_deg, roll_deg : float, degrees
        Pointing, and PA_PNT.
    start_met_s, length_s : float, seconds
        After 1998-01-01 TT, and how long.
    cameras : tuple of EpicCamera
    sources : tuple of EpicSource
    source_list : bool
        Write an OBSMLI file.
    version : int
        Of the processing; other numbers give other events.
    seed : int
    """

    obs_id: str = "0999990101"
    target: str = "SIM-FIELD"
    ra_deg: float = 150.1
    dec_deg: float = 2.2
    roll_deg: float = 100.0
    start_met_s: float = 636_100_300.0
    length_s: float = 10_000.0
    cameras: tuple[EpicCamera, ...] = (EpicCamera("pn", "S003"), EpicCamera("m1", "S001"), EpicCamera("m2", "S002"))
    sources: tuple[EpicSource, ...] = (EpicSource(),)
    source_list: bool = True
    version: int = 1
    seed: int = 1


#: Limits of the energies, keV, and the photon index of the power law that sources have.
_LOWEST, _HIGHEST, _INDEX = 0.2, 12.0, 1.7

#: Part of the background that is flat, the rest is like a source.
FLAT_PART = 0.55


def _cumulative(energy_kev: float) -> float:
    slope = 1.0 - _INDEX
    low, high = _LOWEST**slope, _HIGHEST**slope
    at = min(max(energy_kev, _LOWEST), _HIGHEST)
    return float((low - at**slope) / (low - high))


def band_part(low_kev: float, high_kev: float, *, background: bool = False) -> float:
    """Return which part of the photons of sources, or of the background, is in a band.

    Examples
    --------
    >>> round(band_part(0.5, 7.0), 4), band_part(0.2, 12.0, background=True)
    (0.4703, 1.0)
    """
    part = _cumulative(high_kev) - _cumulative(low_kev)
    if not background:
        return part
    flat = (min(high_kev, _HIGHEST) - max(low_kev, _LOWEST)) / (_HIGHEST - _LOWEST)
    return FLAT_PART * flat + (1 - FLAT_PART) * part


def draw_energies(random: np.random.Generator, number: int, *, background: bool) -> FloatArray:
    """Return energies in keV."""
    slope = 1.0 - _INDEX
    low, high = _LOWEST**slope, _HIGHEST**slope
    energy = np.asarray((low - random.random(number) * (low - high)) ** (1.0 / slope))
    if background:
        flat = random.random(number) < FLAT_PART
        energy[flat] = random.uniform(_LOWEST, _HIGHEST, int(flat.sum()))
    return energy
