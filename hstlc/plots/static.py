"""The picture of a light curve: panels of flux, rate, background and live part on one time axis, as PNG."""

from __future__ import annotations

import numpy as np

from hstlc.model import LightCurve
from hstlc.plots.axis import mjd_ticks, second_ticks, value_ticks
from hstlc.plots.display import Display, Panel, display, runs
from hstlc.plots.raster import Box, Canvas, Shade, Style, text_width

__all__ = ["MOST_BINS", "STYLES", "draw_bands", "draw_bins", "static_png"]

MOST_BINS = 4000

STYLES = (Style(Shade.ODD, Shade.ODD_BAR), Style(Shade.EVEN, Shade.EVEN_BAR))
FLAGGED_STYLE = Style(Shade.FLAGGED, Shade.FLAGGED_BAR)

_WIDTH = 1000
_LEFT, _RIGHT = 72, 16  # margins
_TOP, _BOTTOM = 98, 52
_HEIGHTS = {"flux": 210, "rate": 150, "background": 84, "fraction": 56}
_FIRST_HEIGHT = 260  # of the panel on top
_BETWEEN = 26  # room of a panel's label
_LARGE_DOTS = 700  # bins up to which dots are large
_TICK = 4


def static_png(curve: LightCurve | Display) -> bytes:
    """Draw a light curve.

    On top the flux with its errors and the rate below it, or the rate alone where no unflagged bin has a flux; then the
    background and the live part of the bins. Seconds are below, modified Julian dates on top. Gaps between datasets
    are shown narrower than they are. More than 4,000 bins are merged, and the title says so.

    Parameters
    ----------
    curve : LightCurve or Display
        Of one exposure, or a composite.

    Returns
    -------
    bytes
        A PNG file, 1000 pixels wide; the same for the same curve.
    """
    shown = display(curve, MOST_BINS)
    heights = [_FIRST_HEIGHT if i == 0 else _HEIGHTS[panel.name] for i, panel in enumerate(shown.panels)]
    canvas = Canvas(_WIDTH, _TOP + sum(heights) + _BETWEEN * (len(heights) - 1) + _BOTTOM)
    _title(canvas, shown)
    top = _TOP
    for panel, height in zip(shown.panels, heights, strict=True):
        box = Box(_LEFT, top, _WIDTH - _RIGHT, top + height, shown.axis.limits, (panel.low, panel.high))
        _panel(canvas, box, panel, shown, first=top == _TOP)
        top += height + _BETWEEN
    _below(canvas, box, shown)
    return canvas.png()


def draw_bins(canvas: Canvas, box: Box, panel: Panel, shown: Display, *, large: bool) -> None:
    """Draw the bins of a panel: flagged ones in grey, datasets in two colors by turns."""
    good, x = shown.curve.good, shown.axis.x
    even = shown.curve["dataset"] % 2 == 0
    every = ((~good, FLAGGED_STYLE), (good & ~even, STYLES[0]), (good & even, STYLES[1]))
    sets = [(chosen, style) for chosen, style in every if chosen.any()]
    if panel.error is not None:
        for chosen, style in sets:
            values, error = panel.values[chosen], panel.error[chosen]
            canvas.bars(box, x[chosen], values - error, values + error, style.bar)
    for chosen, style in sets:
        canvas.points(box, x[chosen], panel.values[chosen], style, large=large)


def draw_bands(canvas: Canvas, box: Box, shown: Display) -> None:
    """Shade where bins are flagged, and the gaps that are shown narrower than they are."""
    first, last = runs(~shown.curve.good)
    edge = shown.axis.edge
    canvas.fill(box, edge[first], edge[last] + shown.curve["bins"][last], Shade.BAND)
    canvas.fill(box, shown.axis.gaps[:, 0], shown.axis.gaps[:, 1], Shade.GAP)


def _panel(canvas: Canvas, box: Box, panel: Panel, shown: Display, *, first: bool) -> None:
    draw_bands(canvas, box, shown)
    for value, label in value_ticks(panel.low, panel.high, max(2, (box.bottom - box.top) // 28)):
        row = round(float(box.row(np.asarray(value))))
        line = canvas.pixels[row, box.left : box.right]
        line[line == Shade.PAPER] = Shade.GRID
        canvas.rectangle(box.left - _TICK, row, box.left, row + 1, Shade.FRAME)
        canvas.text(box.left - _TICK - 3, row, label, anchor="rm", size=11)
    draw_bins(canvas, box, panel, shown, large=len(shown.curve) <= _LARGE_DOTS)
    _frame(canvas, box)
    canvas.text(box.left, box.top - 18 - (26 if first else 0), panel.label, size=12, bold=True)
    for x, _ in second_ticks(shown.axis, 10):
        _tick(canvas, box, x, box.bottom)
    if first:
        for x, label in mjd_ticks(shown.axis, 8):
            column = _tick(canvas, box, x, box.top - _TICK)
            canvas.text(column, box.top - _TICK - 3, label, anchor="md", size=11)
        scale = shown.curve.reference.scale
        canvas.text(box.right, box.top - 24, "MJD" if scale == "UTC" else f"MJD ({scale})", anchor="rd", size=11)
    if len(shown.curve) == 0:
        canvas.text((box.left + box.right) / 2, (box.top + box.bottom) / 2, "no bins", anchor="mm")


def _below(canvas: Canvas, box: Box, shown: Display) -> None:
    for x, label in second_ticks(shown.axis, 10):
        column = round(float(box.column(np.asarray(x))))
        canvas.text(column, box.bottom + _TICK + 3, label, anchor="ma", size=11)
    canvas.text((box.left + box.right) / 2, box.bottom + 24, shown.time_label, anchor="ma", size=12)


def _title(canvas: Canvas, shown: Display) -> None:
    canvas.text(12, 8, _fitting(shown.target, _WIDTH - 24, 16, bold=True), size=16, bold=True)
    right = _WIDTH - _RIGHT
    for label, style in reversed(_legend(shown)):
        right -= round(text_width(label, size=11))
        canvas.text(right, 38, label, anchor="lm", size=11)
        right -= 10
        if isinstance(style, Style):
            canvas.rectangle(right, 31, right + 1, 46, style.bar)
            canvas.rectangle(right - 3, 36, right + 4, 42, style.point)
        else:
            canvas.rectangle(right - 6, 33, right + 6, 44, style)
        right -= 20
    canvas.text(12, 38, _fitting(shown.setup, right - 24, 12), anchor="lm", size=12)


def _legend(shown: Display) -> list[tuple[str, Style | Shade]]:
    """Return what the colors mean, as far as they occur."""
    good, even = shown.curve.good, shown.curve["dataset"] % 2 == 0
    entries: list[tuple[str, Style | Shade]] = []
    if shown.several:
        entries += [("odd dataset", STYLES[0]), ("even dataset", STYLES[1])]
    elif good.any():
        entries.append(("bin", STYLES[int(even[good].any())]))
    if not good.all():
        entries.append(("flagged bin", FLAGGED_STYLE))
    if len(shown.axis.gaps):
        entries.append(("gap, not to scale", Shade.GAP))
    return entries


def _fitting(text: str, width: float, size: int, *, bold: bool = False) -> str:
    """Return ``text`` on one line, cut where it does not fit."""
    text = " ".join(text.split())
    while text_width(text, size=size, bold=bold) > width and len(text) > 1:
        text = text[:-2].rstrip("…") + "…"
    return text


def _frame(canvas: Canvas, box: Box) -> None:
    canvas.rectangle(box.left, box.bottom - 1, box.right, box.bottom, Shade.FRAME)
    canvas.rectangle(box.left, box.top, box.left + 1, box.bottom, Shade.FRAME)
    canvas.rectangle(box.left, box.top, box.right, box.top + 1, Shade.FRAME)
    canvas.rectangle(box.right - 1, box.top, box.right, box.bottom, Shade.FRAME)


def _tick(canvas: Canvas, box: Box, x: float, top: int) -> int:
    column = round(float(box.column(np.asarray(x))))
    canvas.rectangle(column, top, column + 1, top + _TICK, Shade.FRAME)
    return column
