"""The pictures of where the events of a source fell: their stretch, their scale bar, and they as PNG."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.model import Stamp
from hstlc.plots.raster import small_font

__all__ = ["STRETCHES", "ScaleBar", "scale_bar", "stamp_extent", "stamp_png", "stamp_title", "stretched"]

FloatArray = NDArray[np.float64]

#: How counts become gray, by the name that the switch of a page shows.
STRETCHES = ("square root", "logarithm")

SKY = "SKY"

_BAR_PART = 0.3  # of the width: the scale bar is not longer
_SIZE, _MARGIN = 300, 8  # pixels of a PNG file
_WHITE, _BLACK = 255, 0
_PALETTE = [*(value for gray in range(254) for value in (255 - gray,) * 3), 0x20, 0x63, 0x9B, 0xC8, 0x2E, 0x20]
_OUTLINE, _BAR = 254, 255  # the last two colors


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A bar of a round angle.

    Attributes
    ----------
    arcsec : float, arcsec
    length : float, pixels
        Of the event list.
    """

    arcsec: float
    length: float

    @property
    def label(self) -> str:
        """The angle as it is written beside the bar."""
        return f"{self.arcsec:g}″" if self.arcsec < 60 else f"{self.arcsec / 60:g}′"


def scale_bar(stamp: Stamp) -> ScaleBar | None:
    """Return the bar of a picture: 1, 2 or 5 times a power of ten of seconds or minutes of arc; None: scale unknown.

    Examples
    --------
    >>> nothing = np.zeros(0)
    >>> bar = scale_bar(Stamp("SKY", np.zeros((40, 40)), 0.0, 0.0, 0.5, 0.492, nothing, nothing))
    >>> bar.arcsec, round(bar.length, 4), bar.label
    (2.0, 4.065, '2″')
    """
    width = stamp.counts.shape[1] * stamp.step
    if not (stamp.scale_arcsec > 0 and width > 0 and math.isfinite(stamp.scale_arcsec)):
        return None
    most = _BAR_PART * width * stamp.scale_arcsec
    unit = 60.0 if most >= 60 else 1.0
    decade = 10.0 ** math.floor(math.log10(most / unit))
    arcsec = unit * max(factor * decade for factor in (1, 2, 5) if factor * decade <= most / unit)
    return ScaleBar(arcsec, arcsec / stamp.scale_arcsec)


def stretched(counts: NDArray[np.integer], stretch: str) -> NDArray[np.uint8]:
    """Return the gray of each pixel, 0 without events to 255 at the most.

    Parameters
    ----------
    counts : ndarray of int, shape (ny, nx), ct
    stretch : str
        One of :data:`STRETCHES`: the root of the counts, or the logarithm of the counts and one.

    Examples
    --------
    >>> stretched(np.array([[0, 1, 4]]), "square root")
    array([[  0, 128, 255]], dtype=uint8)
    """
    values = np.maximum(counts, 0).astype(np.float64)
    values = np.sqrt(values) if stretch == STRETCHES[0] else np.log1p(values)
    top = float(values.max()) if values.size else 0.0
    return np.rint(255 * values / top).astype(np.uint8) if top > 0 else np.zeros(values.shape, dtype=np.uint8)


def stamp_extent(stamp: Stamp) -> tuple[float, float, float, float]:
    """Return where a picture begins and ends, in pixels of the event list: x from, x to, y from, y to."""
    lines, columns = stamp.counts.shape
    return stamp.x, stamp.x + columns * stamp.step, stamp.y, stamp.y + lines * stamp.step


def stamp_title(stamp: Stamp) -> str:
    """Return what a picture shows."""
    return "Sky: north up, east left" if stamp.name == SKY else "Detector: source events"


def stamp_png(stamp: Stamp, stretch: str = STRETCHES[0]) -> bytes:
    """Draw a picture, dark where there are events: outline of the source region in blue, scale bar in red.

    Parameters
    ----------
    stamp : Stamp
    stretch : str
        One of :data:`STRETCHES`.

    Returns
    -------
    bytes
        A PNG file, about 300 pixels wide or high, whose upper edge is the last row; the same for the same stamp.
    """
    from PIL import Image, ImageDraw

    lines, columns = stamp.counts.shape
    zoom = max(1, _SIZE // max(lines, columns))
    gray = np.minimum(stretched(stamp.counts, stretch), 253)
    image = Image.fromarray(np.repeat(np.repeat(gray[::-1], zoom, axis=0), zoom, axis=1))
    image.putpalette(bytes(_PALETTE))
    draw = ImageDraw.Draw(image)
    x, y = (stamp.outline_x - stamp.x) / stamp.step * zoom, (lines - (stamp.outline_y - stamp.y) / stamp.step) * zoom
    for part in _pieces(x, y):
        draw.line(part, fill=_OUTLINE, width=2)
    if (bar := scale_bar(stamp)) is not None:
        length, bottom = bar.length / stamp.step * zoom, lines * zoom - 2 * _MARGIN
        draw.rectangle((_MARGIN, bottom, round(_MARGIN + length) - 1, bottom + 2), fill=_BAR)
        draw.fontmode = "1"
        draw.text((_MARGIN, bottom - 3), bar.label, fill=_BAR, font=small_font(), anchor="ld")
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _pieces(x: FloatArray, y: FloatArray) -> list[list[tuple[float, float]]]:
    """Return the closed lines of an outline, which NaN keeps apart."""
    known = np.isfinite(x) & np.isfinite(y)
    breaks = np.flatnonzero(~known)
    parts = np.split(np.column_stack((x, y)), breaks)
    lines = [part[np.isfinite(part).all(axis=1)] for part in parts]
    return [[(float(a), float(b)) for a, b in line] for line in lines if len(line) > 1]
