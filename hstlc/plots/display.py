"""What a plot of a light curve shows: at most so many bins, the panels with their labels and limits, the title."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.rebin import dataset_starts, merged_length, rebin
from hstlc.model import COLUMNS, LightCurve
from hstlc.plots.axis import TimeAxis, time_axis

__all__ = ["Display", "Panel", "bounded", "display", "display_unit", "heading", "runs"]

FloatArray = NDArray[np.float64]

_UNITS = {column.name: column.unit for column in COLUMNS}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORDS = {"ct": "counts", "Angstrom": "Å"}
_MARGIN = 0.06  # of a panel's height, above and below what it shows
_FULL_FRACTION = (-0.05, 1.1)  # limits of the panel that shows the live part


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One quantity against time.

    Attributes
    ----------
    name : str
        ``flux``, ``rate``, ``background`` or ``fraction``.
    label : str
        Name and unit, the power of ten that was taken out included.
    values : ndarray of float64, shape (n,)
    error : ndarray of float64, shape (n,), or None
    low, high : float
        Limits of the axis, in the unit of ``values``.
    """

    name: str
    label: str
    values: FloatArray
    error: FloatArray | None
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Display:
    """A light curve ready to be drawn.

    Attributes
    ----------
    curve : LightCurve
        With its bins merged where there were too many.
    axis : TimeAxis
    panels : tuple of Panel
        The source first: flux and rate, or the rate alone.
    target : str
        Name of the target, as the header has it: not escaped.
    setup : str
        How and when it was observed, not escaped either.
    whole : LightCurve
        With the bins that it has.
    """

    curve: LightCurve
    axis: TimeAxis
    panels: tuple[Panel, ...]
    target: str
    setup: str
    whole: LightCurve

    @property
    def several(self) -> bool:
        """True for a composite of more than one dataset."""
        return len(self.axis.left) > 1

    @property
    def time_label(self) -> str:
        """What the labels of the time axis count."""
        return f"Time since the start of {'dataset #' if self.several else 'the exposure'} (s)"


def display(curve: LightCurve | Display, most: int) -> Display:
    """Return what to draw of a light curve, in at most ``most`` bins (but one for each dataset).

    Bins are merged within datasets. The flux is shown where an unflagged bin has one. What was made ready with another
    limit is the same where no bins were merged and none need be, and serves again. A flux that is in another unit than
    that of the column, as ``FLUXCAL`` tells, is left out.
    """
    if isinstance(curve, Display):
        if curve.curve is curve.whole and len(curve.whole) <= most:
            return curve
        curve = curve.whole
    shown = bounded(curve, most)
    good = shown.good
    live = np.where(shown["exposure"] > 0, shown["exposure"], np.nan)
    panels = [
        _panel("rate", "Rate", _UNITS["rate"], shown["rate"], shown["rate_error"], good),
        _panel("background", "Background", _UNITS["rate"], shown["background"] / live, None, good),
        Panel("fraction", "Live part", shown["fraction"], None, *_FULL_FRACTION),
    ]
    if np.isfinite(shown["flux"][good]).any() and not curve.meta.get("FLUXCAL"):
        panels.insert(0, _panel("flux", "Flux", _UNITS["flux"], shown["flux"], shown["flux_error"], good))
    target, setup = heading(curve, shown)
    return Display(shown, time_axis(shown), tuple(panels), target, setup, curve)


def bounded(curve: LightCurve, most: int) -> LightCurve:
    """Merge as few bins as leave at most ``most``, or one for each dataset where there are more datasets."""
    factor = max(1, math.ceil(len(curve) / most))
    datasets = len(dataset_starts(curve["dataset"]))
    while merged_length(curve["dataset"], factor) > max(most, datasets):
        factor += max(1, factor // 8)
    limit = curve.meta.get("MINFRAC")
    return rebin(curve, factor, minimum_fraction=float(limit) if isinstance(limit, (int, float)) else 0.8)


def display_unit(unit: str) -> str:
    """Return a unit of FITS as a reader writes it.

    Examples
    --------
    >>> display_unit("erg s-1 cm-2 Angstrom-1"), display_unit("ct/s")
    ('erg s⁻¹ cm⁻² Å⁻¹', 'counts s⁻¹')
    """
    factors, _, divisor = unit.partition("/")
    parts = factors.split() + [f"{part}-1" for part in divisor.split()]
    names = [part.rstrip("-0123456789") for part in parts]
    powers = [part[len(name) :].translate(_SUPERSCRIPTS) for part, name in zip(parts, names, strict=True)]
    return " ".join(_WORDS.get(name, name) + power for name, power in zip(names, powers, strict=True))


def heading(curve: LightCurve, shown: LightCurve) -> tuple[str, str]:
    """Return the name of the target, and in one line how it was observed and how wide the bins are."""
    meta = curve.meta

    def text(keyword: str) -> str:
        value = meta.get(keyword)
        return "" if value is None else str(value).strip()

    grating = "/".join(part for part in (text("OPT_ELEM"), text("CENWAVE")) if part not in ("", "0"))
    number = len(dataset_starts(curve["dataset"]))
    exposure = f"{number} exposures" if number > 1 else text("ROOTNAME")
    setup = [grating, text("APERTURE")]
    if text("SRCNAME"):
        setup = [part for part in (text("OPT_ELEM"),) if part not in ("NONE", text("BAND"))]
    parts = [
        " ".join(part for part in (text("INSTRUME"), text("DETECTOR")) if part),
        *setup,
        f"band {text('BAND')}" if text("BAND") else "",
        exposure,
    ]
    if len(curve):
        width, wide = float(np.median(curve["bins"])), float(np.max(shown["bins"]))
        parts.append(f"{width:g}-s bins" if shown is curve else f"{wide:g}-s bins shown (of {width:g} s)")
    else:
        parts.append("no bins")
    if text("SIMULATD") in ("T", "True"):
        parts.append("simulated")
    return text("SRCNAME") or text("TARGNAME") or text("ROOTNAME") or "unnamed", " · ".join(
        part for part in parts if part
    )


def runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last index of each run of True.

    Examples
    --------
    >>> runs(np.array([True, True, False, True]))
    (array([0, 3]), array([1, 3]))
    """
    change = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(change == 1), np.flatnonzero(change == -1) - 1


def _panel(
    name: str, word: str, unit: str, values: FloatArray, error: FloatArray | None, good: NDArray[np.bool_]
) -> Panel:
    finite = np.isfinite(values)
    chosen = finite & good if (finite & good).any() else finite
    size = float(np.max(np.abs(values[chosen]))) if chosen.any() else 0.0
    exponent = math.floor(math.log10(size)) if size > 0 else 0
    exponent = 0 if -3 <= exponent <= 4 else exponent
    factor = 10.0**-exponent
    values, error = values * factor, None if error is None else error * factor
    low, high = _limits(values[chosen], None if error is None else error[chosen])
    power = f"10{str(exponent).translate(_SUPERSCRIPTS)} " if exponent else ""
    return Panel(name, f"{word} ({power}{display_unit(unit)})", values, error, low, high)


def _limits(values: FloatArray, error: FloatArray | None) -> tuple[float, float]:
    """Return limits that show all values with their errors, or with zero where they have none."""
    low, high = 0.0, 1.0
    if len(values):
        reach = np.zeros(1) if error is None else np.where(np.isfinite(error), error, 0.0)
        low, high = float(np.min(values - reach)), float(np.max(values + reach))
    if error is None:
        low, high = min(low, 0.0), max(high, 0.0)
    if not high > low:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    margin = _MARGIN * (high - low)
    return low - margin, high + margin
