"""A small picture of a light curve as SVG, without any plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from hstlc.web.rebin.columns import Shown

__all__ = ["curve_picture"]

FloatArray = NDArray[np.float64]

_WIDTH, _HEIGHT = 900, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 15, 34, 46
_MOST_BINS = 4000


def curve_picture(title: str, columns: Mapping[str, Shown]) -> str:
    """Return rates against time or phase as steps with error bars.

    Parameters
    ----------
    title : str
    columns : mapping of str to Shown
        As :func:`hstlc.web.rebin.columns.shown_columns` gives them. Of more than 4000 bins, neighbors are drawn as one
        from the lowest to the highest limit.

    Returns
    -------
    str
        An SVG document.
    """
    folded = "phase" in columns
    left, right = (columns[f"{'phase' if folded else 'time'}_{side}"].values for side in ("left", "right"))
    rate, low, high = (columns[name].values.astype(np.float64) for name in ("rate", "rate_low", "rate_high"))
    if len(left) > _MOST_BINS:
        left, right, rate, low, high = _thinned(left, right, rate, low, high)
    known = np.isfinite(rate)
    x = _Axis(float(np.min(left, initial=0.0)), float(np.max(right, initial=1e-9)), _LEFT, _WIDTH - _RIGHT)
    top = float(np.max(high[known], initial=0.0)) or 1.0
    bottom = min(0.0, float(np.min(low[known], initial=0.0)))
    y = _Axis(bottom, top * 1.05, _HEIGHT - _BOTTOM, _TOP)
    bars = "".join(
        f"M{x(a):.1f} {y(r):.1f}H{x(b):.1f}M{x((a + b) / 2):.1f} {y(lo):.1f}V{y(hi):.1f}"
        for a, b, r, lo, hi in zip(left[known], right[known], rate[known], low[known], high[known], strict=True)
    )
    unit = "phase" if folded else "time after the reference (s)"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="Light curve of {escape(title, quote=True)}" '
        'font-family="sans-serif" font-size="12">'
    )
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        *_ticks(x, y),
        f'<path d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}" fill="none" stroke="#333"/>',
        f'<path d="{bars}" fill="none" stroke="#1f5fa8"/>',
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{unit}</text>',
        f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">rate (ct/s)</text>',
        "</svg>\n",
    ]
    return "".join(parts)


class _Axis:
    """Values to places: linear."""

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        self.low, self.high = low, high if high > low else low + 1.0
        self._start, self._scale = start, (stop - start) / (self.high - self.low)

    def __call__(self, value: float) -> float:
        return self._start + (value - self.low) * self._scale

    def ticks(self) -> list[float]:
        """Return round values, some five of them."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        first = math.ceil(self.low / step)
        return [number * step for number in range(first, math.floor(self.high / step) + 1)]


def _ticks(x: _Axis, y: _Axis) -> list[str]:
    below = _HEIGHT - _BOTTOM
    found = []
    for value in x.ticks():
        found.append(f'<path d="M{x(value):.1f} {below}v5" stroke="#333"/>')
        found.append(f'<text x="{x(value):.1f}" y="{below + 18}" text-anchor="middle">{value:g}</text>')
    for value in y.ticks():
        found.append(f'<path d="M{_LEFT} {y(value):.1f}h-5" stroke="#333"/>')
        found.append(f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    return found


def _thinned(
    left: FloatArray, right: FloatArray, rate: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    start = np.unique(np.linspace(0, len(left), _MOST_BINS, endpoint=False).astype(np.int64))
    ends = np.append(start[1:], len(left)) - 1
    number = np.add.reduceat(np.isfinite(rate).astype(np.float64), start)
    mean = np.add.reduceat(np.nan_to_num(rate), start) / np.where(number > 0, number, np.nan)
    return left[start], right[ends], mean, np.fmin.reduceat(low, start), np.fmax.reduceat(high, start)
