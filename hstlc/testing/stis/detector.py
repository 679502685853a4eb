"""Where STIS puts light: orders, traces, extraction boxes and sensitivities of the modes that we simulate.

Places are those of the spectrum file: low-resolution pixels of a 1024 x 1024 frame, counted from 1. Events carry
high-resolution pixels of a 2048 x 2048 frame, also counted from 1: ``high = 2 low - 0.5``. Sizes of boxes and the
spacing of echelle orders are those of real headers; effective areas are round numbers of the right size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.errors import UsageError
from hstlc.testing.cos.detector import AIRGLOW_WINDOWS_AA, AIRGLOW_WINDOWS_G140L_AA, HC_ERG_AA, WINDOW_MARGIN_AA

__all__ = ["HIGH", "LOW", "Mode", "Order", "high", "low", "mode_of"]

FloatArray = NDArray[np.float64]
Windows = tuple[tuple[float, float], ...]

LOW, HIGH = 1024, 2048
#: First and last low-resolution pixel that the calibration gives a flux for.
ACTIVE = (13, 1012)
#: Pixel at which the place of an order is stated.
REFERENCE_PIXEL = 513


def high(low_pixel: ArrayLike) -> FloatArray:
    """Return high-resolution places of low-resolution ones, both counted from 1."""
    return 2.0 * np.asarray(low_pixel, dtype=np.float64) - 0.5


def low(high_pixel: ArrayLike) -> FloatArray:
    """Return low-resolution places of high-resolution ones, both counted from 1."""
    return (np.asarray(high_pixel, dtype=np.float64) + 0.5) / 2.0


@dataclass(frozen=True, slots=True)
class Order:
    """One spectral order.

    Attributes
    ----------
    number : int
        1 for a first-order grating.
    wavelength : (float, float)
        Angstrom at the middle of the detector, Angstrom / low-resolution pixel.
    center : float
        A2CENTER, the row at :data:`REFERENCE_PIXEL`.
    tilt, bow : float
        Rows that the trace rises over the detector, and by which its ends lie above its middle.
    size, background_size : float
        Heights of the boxes, low-resolution pixels.
    background_offset : (float, float)
        Rows from the trace to the middles of the background boxes.
    area_cm2, area_tilt : float
        Effective area in the middle, and its relative change from there to either end.
    spread : float
        Standard deviation of the light across the trace, low-resolution pixels.
    """

    number: int
    wavelength: tuple[float, float]
    center: float
    tilt: float
    bow: float
    size: float
    background_size: float
    background_offset: tuple[float, float]
    area_cm2: float
    area_tilt: float = 0.15
    spread: float = 1.0

    def wavelength_aa(self, x: ArrayLike) -> FloatArray:
        """Return wavelengths at low-resolution pixels; the dispersion falls slightly to the red."""
        at = np.asarray(x, dtype=np.float64) - 512.5
        middle, step = self.wavelength
        return np.asarray(middle + step * at * (1.0 - 2e-6 * at))

    def pixel_aa(self, x: ArrayLike) -> FloatArray:
        """Return the width of low-resolution pixels, Angstrom."""
        return np.asarray(self.wavelength[1] * (1.0 - 4e-6 * (np.asarray(x, dtype=np.float64) - 512.5)))

    def trace(self, x: ArrayLike) -> FloatArray:
        """Return EXTRLOCY at low-resolution pixels."""
        at = (np.asarray(x, dtype=np.float64) - REFERENCE_PIXEL) / (LOW / 2)
        return np.asarray(self.center + self.tilt / 2 * at + self.bow * at**2)

    def inverse_sensitivity(self, x: ArrayLike) -> FloatArray:
        """Return flux density per net rate of a low-resolution pixel, erg cm-2 Angstrom-1: photon energy by area."""
        z = (np.asarray(x, dtype=np.float64) - 512.5) / 512.0
        area = self.area_cm2 * (1.0 + self.area_tilt * z - 0.1 * z**2)
        return np.asarray(HC_ERG_AA / (self.wavelength_aa(x) * area * self.pixel_aa(x)))

    def in_box(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Tell which high-resolution places lie in the source box."""
        return np.asarray(np.abs(np.asarray(y, dtype=np.float64) - high(self.trace(low(x)))) <= self.size)


@dataclass(frozen=True, slots=True)
class Mode:
    """A grating or mirror: its detector, usual aperture, central wavelength and orders (none of an image)."""

    opt_elem: str
    cenwave: int
    detector: str
    aperture: str
    orders: tuple[Order, ...]

    @property
    def imaging(self) -> bool:
        """True without a dispersing element."""
        return not self.orders

    @property
    def dark_windows_aa(self) -> Windows:
        """Wavelengths without source light, where airglow may be left out of a curve."""
        if self.detector != "FUV-MAMA" or self.imaging:
            return ()
        return AIRGLOW_WINDOWS_G140L_AA if self.opt_elem == "G140L" else AIRGLOW_WINDOWS_AA

    def lit_pixels(self, order: Order, avoid: NDArray[Any] | None = None) -> NDArray[np.int64]:
        """Return the high-resolution columns that source light falls on: calibrated, outside the dark windows.

        ``avoid`` are columns without light for another reason.
        """
        column = np.arange(2 * ACTIVE[0] - 1, 2 * ACTIVE[1] + 1)
        wave = order.wavelength_aa(low(column))
        lit = np.ones(column.size, dtype=bool)
        for a, b in self.dark_windows_aa:
            lit &= (wave < a - WINDOW_MARGIN_AA) | (wave > b + WINDOW_MARGIN_AA)
        if avoid is not None:
            lit &= ~np.isin(column, avoid)
        return column[lit]


def _first_order(wavelength: tuple[float, float], center: float, area_cm2: float) -> tuple[Order, ...]:
    return (Order(1, wavelength, center, 4.0, 0.3, 11.0, 5.0, (-300.0, 300.0), area_cm2, spread=1.2),)


def _echelle(
    first: int, product_aa: float, step_aa: float, place: float, spacing: tuple[float, float], sign: int
) -> tuple[Order, ...]:
    """Return ten orders; wavelength times order is a constant, the spacing a power of the order."""
    numbers = np.arange(first, first + 10)
    gaps = spacing[0] * (first / (numbers - 0.5)) ** spacing[1]
    centers = place + sign * (np.cumsum(gaps) - gaps[0])
    return tuple(
        Order(
            int(m),
            (product_aa / m, step_aa / m),
            round(float(center), 3),
            6.0,
            0.4,
            7.0,
            5.0,
            (round(-sign * gap / 2, 3), round(sign * gap / 2, 3)),
            300.0,
        )
        for m, center, gap in zip(numbers, centers, gaps, strict=True)
    )


_MODES = {
    (mode.opt_elem, mode.cenwave): mode
    for mode in (
        Mode("G140L", 1425, "FUV-MAMA", "52X0.2", _first_order((1418.0, 0.5832), 408.1, 1500.0)),
        Mode("G140M", 1222, "FUV-MAMA", "52X0.1", _first_order((1222.0, 0.0530), 389.3, 700.0)),
        Mode("E140M", 1425, "FUV-MAMA", "0.2X0.2", _echelle(100, 147950.0, 1.5864, 700.2, (25.5, 1.85), -1)),
        Mode("E230M", 1978, "NUV-MAMA", "0.2X0.2", _echelle(100, 204180.0, 3.3116, 413.6, (25.3, 1.85), 1)),
        # orders so close that background boxes run into source boxes
        Mode("E140H", 1271, "FUV-MAMA", "0.2X0.2", _echelle(311, 421060.0, 1.8545, 500.4, (9.0, 1.85), -1)),
        Mode("MIRFUV", 0, "FUV-MAMA", "F25SRF2", ()),
        Mode("MIRNUV", 0, "NUV-MAMA", "F25SRF2", ()),
    )
}


def mode_of(opt_elem: str, cenwave: int) -> Mode:
    """Return a mode by grating and central wavelength.

    Raises
    ------
    UsageError
        Not a mode that can be simulated (``testing.unknown-mode``).

    Examples
    --------
    >>> [order.number for order in mode_of("E230M", 1978).orders][:3]
    [100, 101, 102]
    """
    if (opt_elem, cenwave) not in _MODES:
        known = ", ".join(f"{element}/{wave}" for element, wave in _MODES)
        raise UsageError(
            "testing.unknown-mode",
            f"STIS {opt_elem}/{cenwave} cannot be simulated: expected one of {known}",
            "choose one of them, or add it to the table of modes",
        )
    return _MODES[opt_elem, cenwave]
