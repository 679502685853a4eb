"""Pictures of a few colors, drawn with arrays: a matplotlib figure of four panels takes three times as long."""

from __future__ import annotations

import importlib.util
import io
import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hstlc.plots.colors import BAND, FLAGGED, FRAME, GAP, GRID, ODD_EVEN, lighter

if TYPE_CHECKING:
    from PIL import Image, ImageFont

__all__ = ["Box", "Canvas", "Shade", "Style", "small_font", "text_width"]

FloatArray = NDArray[np.float64]

_INK = 16  # shades of text, the last ones of the palette
_ROOM = 3  # pixels around a line of text, for what reaches out of its box


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
        if len(start) == 0:
            return
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
        order = np.lexsort((top, column))
        place, top, bottom = column[order] * (height + 1), top[order], bottom[order]
        reach = np.maximum.accumulate(place + bottom) if len(place) else place
        start = np.maximum(place + top, np.append(0, reach[:-1])[: len(place)])  # less what earlier lines cover
        length = np.maximum(reach - start, 0)
        stride = self.pixels.shape[1]
        first = (start - place + box.top) * stride + column[order] + box.left
        step = np.arange(int(np.sum(length))) - np.repeat(np.cumsum(length) - length, length)
        self.pixels.reshape(-1)[np.repeat(first, length) + stride * step] = shade

    def points(self, box: Box, x: FloatArray, y: FloatArray, style: Style, *, large: bool) -> None:
        """Draw a dot at each point inside the panel; its corners are in the lighter shade."""
        known = np.isfinite(y) & (y >= box.y[0]) & (y <= box.y[1])
        column = np.rint(box.column(x[known])).astype(int)
        row = np.rint(box.row(y[known])).astype(int)
        reach = 2 if large else 1
        column = np.clip(column, box.left + reach, box.right - 1 - reach)
        row = np.clip(row, box.top + reach, box.bottom - 1 - reach)
        pixels, stride = self.pixels.reshape(-1), self.pixels.shape[1]
        middle = row * stride + column
        spots = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
        for i, j in spots:
            if abs(i) == abs(j) == reach:
                place = middle + (i * stride + j)
                pixels[place] = np.maximum(pixels[place], np.uint8(style.bar))
        for i, j in spots:
            if not abs(i) == abs(j) == reach:
                pixels[middle + (i * stride + j)] = style.point

    def rectangle(self, left: int, top: int, right: int, bottom: int, shade: Shade) -> None:
        """Fill a rectangle of pixels."""
        self.pixels[top:bottom, left:right] = shade

    def text(self, x: float, y: float, text: str, *, size: int = 12, bold: bool = False, anchor: str = "la") -> None:
        """Write a line of text; ``anchor`` as in Pillow: horizontal l, m, r and vertical a (top), m, s (base), d."""
        from PIL import Image

        if self._texts is None:
            height, width = self.pixels.shape
            self._texts = Image.new("L", (width, height))
        mask, left, top = _written(text, size, bold, anchor, x % 1, y % 1)
        if mask is not None:
            self._texts.paste(255, (int(x // 1) + left, int(y // 1) + top), mask)

    def png(self) -> bytes:
        """Return the picture as a PNG file, the same bytes each time."""
        from PIL import Image

        pixels = self.pixels
        if self._texts is not None:
            pixels = np.maximum(pixels, np.asarray(self._texts.point(_ink_shades())))
        image = Image.fromarray(pixels)
        image.putpalette(_palette())
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=1)
        return stream.getvalue()


def text_width(text: str, *, size: int = 12, bold: bool = False) -> float:
    """Return the width of a line of text in pixels."""
    return float(_font(size, bold).getlength(text))


def small_font() -> ImageFont.FreeTypeFont:
    """Return the font of labels in pictures."""
    return _font(12, False)


@lru_cache(maxsize=1024)
def _written(text: str, size: int, bold: bool, anchor: str, x: float, y: float) -> tuple[Image.Image | None, int, int]:
    """Return a line of text as a picture, and where its upper left corner is when it is written at a part of a pixel.

    Labels of axes come back in picture after picture, and rendering them takes longer than all else but the PNG itself.
    """
    from PIL import Image, ImageDraw

    font = _font(size, bold)
    box = font.getbbox(text, anchor=anchor)
    left, top = math.floor(box[0]) - _ROOM, math.floor(box[1]) - _ROOM
    picture = Image.new("L", (math.ceil(box[2]) - left + _ROOM, math.ceil(box[3]) - top + _ROOM))
    ImageDraw.Draw(picture).text((x - left, y - top), text, fill=255, font=font, anchor=anchor)
    inside = picture.getbbox()
    if inside is None:
        return None, 0, 0
    return picture.crop(inside), left + inside[0], top + inside[1]


@cache
def _ink_shades() -> list[int]:
    """Return the shade of each gray of a text; those of text come after all others."""
    return [0 if level < 256 // _INK else level // (256 // _INK) + len(Shade) - 1 for level in range(256)]


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
