"""Pictures of a few colors, drawn with arrays: a matplotlib figure of four panels takes three times as long."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hstlc.plots.colors import BAND, FLAGGED, FRAME, GAP, GRID, ODD_EVEN, lighter

if TYPE_CHECKING:
    from PIL import Image, ImageFont

__all__ = ["Box", "Canvas", "Shade", "Style", "text_width"]

FloatArray = NDArray[np.float64]

_INK = 16  # shades of text, the last ones of the palette


class Shade(IntEnum):
    """The colors of a picture, in the order of the palette; shades of text follow them."""

    PAPER = 0
    GRID = 1
    BAND = 2
    GAP = 3
    FLAGGED_BAR = 4
    ODD_BAR = 5
    EVEN_BAR = 6
    FLAGGED = 7
    ODD = 8
    EVEN = 9
    FRAME = 10


@dataclass(frozen=True, slots=True)
class Style:
    """Shade of a set of points and of their error bars."""

    point: Shade
    bar: Shade


@dataclass(frozen=True, slots=True)
class Box:
    """A panel of the picture: pixels, and the values at its edges.

    Attributes
    ----------
    left, top, right, bottom : int
        Edges in pixels from the upper left corner; ``right`` and ``bottom`` are the first pixels outside.
    x : tuple of float
        Values at the left and the right edge.
    y : tuple of float
        Values at the lower and the upper edge.
    """

    left: int
    top: int
    right: int
    bottom: int
    x: tuple[float, float]
    y: tuple[float, float]

    def column(self, x: FloatArray) -> FloatArray:
        """Return the pixel column of each value."""
        return self.left + (x - self.x[0]) * ((self.right - 1 - self.left) / (self.x[1] - self.x[0]))

    def row(self, y: FloatArray) -> FloatArray:
        """Return the pixel row of each value."""
        return self.bottom - 1 - (y - self.y[0]) * ((self.bottom - 1 - self.top) / (self.y[1] - self.y[0]))


class Canvas:
    """A picture that is drawn on.

    Parameters
    ----------
    width, height : int
        Pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.full((height, width), Shade.PAPER, dtype=np.uint8)
        self._texts: Image.Image | None = None

    def fill(self, box: Box, start: FloatArray, stop: FloatArray, shade: Shade) -> None:
        """Fill the strips between the values ``start`` and ``stop`` over the height of a panel."""
        first = np.clip(np.floor(box.column(start)), box.left, box.right - 1).astype(int)
        last = np.clip(np.ceil(box.column(stop)), box.left, box.right - 1).astype(int)
        inside = np.zeros(self.pixels.shape[1] + 1, dtype=np.int64)
        np.add.at(inside, first, 1)
        np.add.at(inside, last + 1, -1)
        self.pixels[box.top : box.bottom, np.cumsum(inside[:-1]) > 0] = shade

    def bars(self, box: Box, x: FloatArray, low: FloatArray, high: FloatArray, shade: Shade) -> None:
        """Draw a vertical line from ``low`` to ``high`` at each ``x``."""
        height, width = box.bottom - box.top, box.right - box.left
        known = np.isfinite(low) & np.isfinite(high)
        column = np.clip(np.rint(box.column(x[known])) - box.left, 0, width - 1).astype(int)
        top = np.clip(np.rint(box.row(high[known])) - box.top, 0, height).astype(int)
        bottom = np.clip(np.rint(box.row(low[known])) - box.top, -1, height - 1).astype(int) + 1
        depth = np.bincount(top * width + column, minlength=(height + 1) * width)
        depth -= np.bincount(bottom * width + column, minlength=(height + 1) * width)
        covered = np.cumsum(depth.reshape(height + 1, width)[:-1], axis=0, dtype=np.int32) > 0
        self.pixels[box.top : box.bottom, box.left : box.right][covered] = shade

    def points(self, box: Box, x: FloatArray, y: FloatArray, style: Style, *, large: bool) -> None:
        """Draw a dot at each point inside the panel; its corners are in the lighter shade."""
        known = np.isfinite(y) & (y >= box.y[0]) & (y <= box.y[1])
        column = np.rint(box.column(x[known])).astype(int)
        row = np.rint(box.row(y[known])).astype(int)
        reach = 2 if large else 1
        column = np.clip(column, box.left + reach, box.right - 1 - reach)
        row = np.clip(row, box.top + reach, box.bottom - 1 - reach)
        spots = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
        for i, j in spots:
            if abs(i) == abs(j) == reach:
                corner = self.pixels[row + i, column + j]
                self.pixels[row + i, column + j] = np.where(corner < style.bar, style.bar, corner)
        for i, j in spots:
            if not abs(i) == abs(j) == reach:
                self.pixels[row + i, column + j] = style.point

    def rectangle(self, left: int, top: int, right: int, bottom: int, shade: Shade) -> None:
        """Fill a rectangle of pixels."""
        self.pixels[top:bottom, left:right] = shade

    def text(self, x: float, y: float, text: str, *, size: int = 12, bold: bool = False, anchor: str = "la") -> None:
        """Write a line of text; ``anchor`` as in Pillow: horizontal l, m, r and vertical a (top), m, s (base), d."""
        from PIL import Image, ImageDraw

        if self._texts is None:
            height, width = self.pixels.shape
            self._texts = Image.new("L", (width, height))
        ImageDraw.Draw(self._texts).text((x, y), text, fill=255, font=_font(size, bold), anchor=anchor)

    def png(self) -> bytes:
        """Return the picture as a PNG file, the same bytes each time."""
        from PIL import Image

        pixels = self.pixels
        if self._texts is not None:
            ink = np.asarray(self._texts) // (256 // _INK)
            pixels = np.where(ink > 0, ink + np.uint8(len(Shade) - 1), pixels)
        image = Image.fromarray(pixels)
        image.putpalette(_palette())
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=1)
        return stream.getvalue()


def text_width(text: str, *, size: int = 12, bold: bool = False) -> float:
    """Return the width of a line of text in pixels."""
    return float(_font(size, bold).getlength(text))


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    found = importlib.util.find_spec("matplotlib")  # its fonts, without importing it
    if found is None or found.origin is None:
        raise ModuleNotFoundError("matplotlib")
    fonts = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(fonts / name, size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _palette() -> bytes:
    colors = {
        Shade.PAPER: "#ffffff",
        Shade.GRID: GRID,
        Shade.BAND: BAND,
        Shade.GAP: GAP,
        Shade.FLAGGED_BAR: lighter(FLAGGED),
        Shade.ODD_BAR: lighter(ODD_EVEN[0]),
        Shade.EVEN_BAR: lighter(ODD_EVEN[1]),
        Shade.FLAGGED: FLAGGED,
        Shade.ODD: ODD_EVEN[0],
        Shade.EVEN: ODD_EVEN[1],
        Shade.FRAME: FRAME,
    }
    inks = [255 - (255 * level) // (_INK - 1) for level in range(1, _INK)]
    return b"".join(bytes.fromhex(colors[shade][1:]) for shade in Shade) + b"".join(bytes([ink] * 3) for ink in inks)
