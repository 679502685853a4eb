"""The thumbnail of a light curve: its points against time, without axes."""

from __future__ import annotations

from dataclasses import replace

from hstlc.model import LightCurve
from hstlc.plots.display import Display, display
from hstlc.plots.raster import Box, Canvas
from hstlc.plots.static import draw_bands, draw_bins

__all__ = ["quicklook_png"]

_WIDTH, _HEIGHT, _MARGIN = 400, 150, 3
_MOST_BINS = 1200


def quicklook_png(curve: LightCurve | Display) -> bytes:
    """Draw flux (or rate, where there is none) against time in 400 x 150 pixels.

    Parameters
    ----------
    curve : LightCurve or Display
        Of one exposure, or a composite: gaps between its datasets are shown narrower than they are.

    Returns
    -------
    bytes
        A PNG file; the same for the same curve.
    """
    shown = display(curve, _MOST_BINS)
    panel = shown.panels[0]
    canvas = Canvas(_WIDTH, _HEIGHT)
    limits = (panel.low, panel.high)
    box = Box(_MARGIN, _MARGIN, _WIDTH - _MARGIN, _HEIGHT - _MARGIN, shown.axis.limits, limits)
    draw_bands(canvas, box, shown)
    draw_bins(canvas, box, replace(panel, error=None), shown, large=False)
    return canvas.png()
