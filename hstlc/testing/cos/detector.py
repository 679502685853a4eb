"""Where COS puts light: extraction boxes, wavelength solutions and sensitivities of the modes that we simulate.

Boxes and wavelength coefficients of the FUV are those of real headers at lifetime position 4; NUV stripe centers
are those of G185M; effective areas are round numbers of the right size, so that the inverse sensitivity is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.errors import UsageError

__all__ = ["AIRGLOW_WINDOWS_AA", "DETECTORS", "Detector", "Segment", "segments_of"]

FloatArray = NDArray[np.float64]

HC_ERG_AA = 1.98644586e-8  # Planck's constant times the speed of light, CODATA 2018
WAVELENGTH_LIMITS_AA = {"FUV": (915.0, 1800.0), "NUV": (915.0, 3200.0)}

# No source photon falls into these: the default windows, for G140L joined with those of a fixed pixel width.
AIRGLOW_WINDOWS_AA = ((1208.0, 1225.0), (1298.0, 1312.0))
AIRGLOW_WINDOWS_G140L_AA = ((1126.165, 1142.98), (1191.55, 1235.67), (1294.168, 1314.029), (1347.598, 1366.512))
AIRGLOW_LINES_AA = (1215.67, 1302.168, 1304.858, 1306.029)
WINDOW_MARGIN_AA = 0.005  # above the rounding of a float32 wavelength


@dataclass(frozen=True, slots=True)
class Detector:
    """Size and frame of a detector; ``active`` are the limits of XFULL, ``shift`` is XDOPP - XFULL and in y."""

    width: int
    rows: int
    active: tuple[float, float]
    center: float
    x1d_length: int
    x_offset: int
    shift: tuple[float, float]
    doppler_pixels: float
    aperture_pixels: float


DETECTORS = {
    "FUV": Detector(16384, 1024, (1299.5, 15100.5), 8192.0, 16384, 0, (-33.5181, -0.5435), 2.7, 184.0),
    "NUV": Detector(1024, 1024, (7.5, 1015.5), 512.0, 1274, 100, (-5.2, -0.5), 0.95, 60.0),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One FUV segment, NUV stripe, or the lower half of an NUV image.

    Attributes
    ----------
    name : str
        FUVA, FUVB, NUVA, NUVB, NUVC; '' for an image.
    dispersion : (float, float, float)
        Angstrom, Angstrom / pixel, Angstrom / pixel^2: wavelength against the zero-indexed XFULL.
    location, slope, height : float, float, int
        Middle of the source box at the detector's center column, its slope, its height, pixels.
    background, background_height : pairs
        The same of the two background boxes.
    area_cm2, area_tilt : float, float
        Effective area in the middle of the active range, and its relative change from there to either end.
    second_order : bool
        Light of this stripe must not be used.
    """

    name: str
    dispersion: tuple[float, float, float]
    location: float
    slope: float = 0.0
    height: int = 39
    background: tuple[float, float] = (-999.0, -999.0)
    background_height: tuple[int, int] = (35, 35)
    area_cm2: float = 0.0
    area_tilt: float = 0.0
    second_order: bool = False

    @property
    def letter(self) -> str:
        """A, B or C."""
        return self.name[-1:]

    @property
    def detector(self) -> Detector:
        """The detector it is a part of."""
        return DETECTORS["FUV" if self.name.startswith("FUV") else "NUV"]

    @property
    def airglow_windows(self) -> tuple[tuple[float, float], ...]:
        """Wavelengths without source light, Angstrom."""
        g140l = self.name.startswith("FUV") and self.dispersion[1] > 0.05
        return AIRGLOW_WINDOWS_G140L_AA if g140l else AIRGLOW_WINDOWS_AA

    def wavelength_aa(self, x: ArrayLike) -> FloatArray:
        """Return wavelengths at XFULL."""
        c0, c1, c2 = self.dispersion
        x = np.asarray(x, dtype=np.float64)
        return c0 + x * (c1 + c2 * x)

    def center_y(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the middle row of the source box at XFULL."""
        return self.location + self.slope * (x - self.detector.center)

    def in_box(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which positions lie in the source box, half-open in y."""
        offset = y - self.center_y(x)
        return np.asarray((offset >= -self.height / 2) & (offset < self.height / 2))

    def inverse_sensitivity(self, wavelength_aa: ArrayLike) -> FloatArray:
        """Return flux density per net count rate of a pixel, erg cm-2 Angstrom-1: the energy of a photon by area."""
        wave = np.asarray(wavelength_aa, dtype=np.float64)
        low, high = self.wavelength_aa(self.detector.active)
        z = (2.0 * wave - low - high) / (high - low)
        width = self.dispersion[1] + 2.0 * self.dispersion[2] * self.detector.center
        return np.asarray(HC_ERG_AA / (wave * self.area_cm2 * (1.0 + self.area_tilt * z - 0.1 * z**2) * width))

    def useful_pixels(self) -> FloatArray:
        """Return the intervals of XFULL, shape (n, 2), whose light counts: active, in limits, outside airglow."""
        start, stop = self.detector.active
        if not self.name:
            return np.array([[start, stop]])
        grid = np.linspace(start, stop, 4097)
        low, high = WAVELENGTH_LIMITS_AA[self.name[:3]]
        walls = [edge for a, b in self.airglow_windows for edge in (a - WINDOW_MARGIN_AA, b + WINDOW_MARGIN_AA)]
        edges = np.interp([low, *walls, high], self.wavelength_aa(grid), grid).reshape(-1, 2)
        return np.asarray(edges[edges[:, 1] > edges[:, 0]])

    def is_useful(self, wavelength_aa: ArrayLike) -> NDArray[np.bool_]:
        """Tell which wavelengths lie in the limits of the detector and outside the airglow windows."""
        wave = np.asarray(wavelength_aa, dtype=np.float64)
        if not self.name:
            return np.ones(wave.shape, dtype=bool)
        low, high = WAVELENGTH_LIMITS_AA[self.name[:3]]
        useful = (wave > low) & (wave < high)
        for a, b in self.airglow_windows:
            useful &= (wave < a) | (wave > b)
        return np.asarray(useful)


def _fuv(
    a: tuple[float, float, float], b: tuple[float, float, float], areas: tuple[float, float]
) -> tuple[Segment, ...]:
    return (
        Segment("FUVA", a, 425.191, background=(367.0, 570.0), area_cm2=areas[0], area_tilt=-0.15),
        Segment("FUVB", b, 485.700, background=(426.0, 629.0), area_cm2=areas[1], area_tilt=0.3),
    )


def _nuv(*stripes: tuple[float, float], area_cm2: float, second_order: str = "") -> tuple[Segment, ...]:
    return tuple(
        Segment(
            f"NUV{letter}",
            (first, step, 0.0),
            location,
            slope=0.012,
            height=57,
            background=(90.0, 500.0),
            background_height=(51, 51),
            area_cm2=area_cm2,
            area_tilt=0.1,
            second_order=letter in second_order,
        )
        for letter, location, (first, step) in zip("ABC", (187.0, 285.0, 422.0), stripes, strict=True)
    )


_MODES: dict[tuple[str, int], tuple[Segment, ...]] = {
    ("G130M", 1291): _fuv((1278.18, 0.0099662, 0.0), (1124.90, 0.0099633, 0.0), (1800.0, 2200.0)),
    ("G130M", 1055): _fuv((1045.02, 0.00995559, 0.0), (892.49, 0.00992336, 0.0), (600.0, 60.0)),
    ("G160M", 1577): _fuv((1574.07, 0.012242, 0.0), (1383.90, 0.012220, 0.0), (900.0, 1200.0)),
    ("G140L", 1105): _fuv((1030.15, 0.0794368, 3.134e-8), (-42.88, 0.0783295, 3.598e-8), (1500.0, 30.0)),
    ("G185M", 1786): _nuv((1668.6, 0.037), (1767.6, 0.037), (1866.6, 0.037), area_cm2=500.0),
    ("G230L", 2950): _nuv((1650.0, 0.39), (2750.0, 0.39), (1400.0, 0.195), area_cm2=700.0, second_order="C"),
}
_IMAGE = (Segment("", (0.0, 0.0, 0.0), location=256.0, height=512, background_height=(0, 0)),)


def segments_of(detector: str, obstype: str, opt_elem: str, cenwave: int) -> tuple[Segment, ...]:
    """Return the segments of a mode.

    Raises
    ------
    UsageError
        Not a mode that can be simulated (``testing.unknown-mode``).

    Examples
    --------
    >>> [segment.name for segment in segments_of("FUV", "SPECTROSCOPIC", "G130M", 1291)]
    ['FUVA', 'FUVB']
    """
    if (detector, obstype) == ("NUV", "IMAGING"):
        return _IMAGE
    segments = _MODES.get((opt_elem, cenwave), ())
    if obstype != "SPECTROSCOPIC" or not segments or not segments[0].name.startswith(detector):
        known = ", ".join(f"{element}/{wave}" for element, wave in _MODES)
        raise UsageError(
            "testing.unknown-mode",
            f"{detector} {obstype} {opt_elem}/{cenwave} cannot be simulated: expected one of {known}, or NUV IMAGING",
            "choose one of them, or add it to the table of modes",
        )
    return segments
