"""What is drawn at once is what drawing one by one gives."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hstlc.plots import raster
from hstlc.plots.raster import Box, Canvas, Shade, Style

BOX = Box(4, 3, 34, 23, (0.0, 10.0), (0.0, 5.0))
WORDS = ("0.5", "Rate (counts s⁻¹)", "jÅg", " ", "", "58300.250", "—é")


def drawn(canvas):
    return np.asarray(Image.open(io.BytesIO(canvas.png())))


def in_panel(values):
    return st.floats(-2.0, values, allow_nan=False) | st.just(np.nan)


@given(st.lists(st.tuples(st.floats(-1.0, 11.0), in_panel(7.0), st.floats(0.0, 4.0)), max_size=60))
def test_bars_cover_what_each_of_them_covers(bars):
    x, low, height = (np.array([bar[i] for bar in bars]) for i in range(3))
    at_once, one_by_one = Canvas(40, 30), Canvas(40, 30)
    at_once.bars(BOX, x, low, low + height, Shade.ODD_BAR)
    for number in np.flatnonzero(np.isfinite(low)):
        column = int(np.clip(np.rint(BOX.column(x[number])), BOX.left, BOX.right - 1))
        top, bottom = np.rint(BOX.row(low[number] + height[number])), np.rint(BOX.row(low[number]))
        rows = slice(max(int(top), BOX.top), max(min(int(bottom) + 1, BOX.bottom), BOX.top))
        one_by_one.pixels[rows, column] = Shade.ODD_BAR
    assert at_once.pixels.tolist() == one_by_one.pixels.tolist()


@pytest.mark.parametrize("large", [False, True])
@given(points=st.lists(st.tuples(st.floats(0.0, 10.0), in_panel(7.0)), max_size=40))
def test_points_cover_what_each_of_them_covers(large, points):
    x, y = (np.array([point[i] for point in points]) for i in range(2))
    style, reach = Style(Shade.EVEN, Shade.EVEN_BAR), 2 if large else 1
    at_once, expected = Canvas(40, 30), np.zeros((30, 40), dtype=int)
    at_once.points(BOX, x, y, style, large=large)
    for inner in (False, True):
        for number in np.flatnonzero(np.isfinite(y) & (y >= 0) & (y <= 5)):
            column = int(np.clip(np.rint(BOX.column(x[number])), BOX.left + reach, BOX.right - 1 - reach))
            row = int(np.clip(np.rint(BOX.row(y[number])), BOX.top + reach, BOX.bottom - 1 - reach))
            for i in range(-reach, reach + 1):
                for j in range(-reach, reach + 1):
                    if inner is not (abs(i) == abs(j) == reach):
                        expected[row + i, column + j] = style.point if inner else style.bar
    assert at_once.pixels.tolist() == expected.tolist()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(WORDS),
            st.integers(-20, 90) | st.floats(0.0, 80.0),
            st.integers(-5, 45),
            st.sampled_from([("la", 12, False), ("rm", 11, False), ("md", 11, True), ("ma", 16, True)]),
        ),
        max_size=5,
    )
)
def test_remembered_texts_are_those_that_are_written_anew(texts):
    """They may lie over each other and reach out of the picture."""
    canvas, plain = Canvas(80, 40), Image.new("L", (80, 40))
    for text, x, y, (anchor, size, bold) in texts:
        canvas.text(x, y, text, size=size, bold=bold, anchor=anchor)
        font = raster._font(size, bold)
        ImageDraw.Draw(plain).text((x, y), text, fill=255, font=font, anchor=anchor)
    ink = np.asarray(plain, dtype=int) // 16
    assert drawn(canvas).tolist() == np.where(ink > 0, ink + len(Shade) - 1, Shade.PAPER).tolist()


def test_texts_are_in_front_of_everything():
    canvas = Canvas(40, 20)
    canvas.rectangle(0, 0, 40, 20, Shade.FRAME)
    canvas.text(2, 2, "abc")
    pixels = drawn(canvas)
    assert pixels.min() == Shade.FRAME
    assert pixels.max() == len(Shade) - 1 + 15
