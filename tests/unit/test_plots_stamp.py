"""Pictures of where events fell: the right way up, with a scale bar of the right length."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hstlc.model import Stamp
from hstlc.plots.stamp import STRETCHES, scale_bar, stamp_extent, stamp_png, stretched

NOTHING = np.zeros(0)


def stamp(counts: np.ndarray, scale: float = 0.492, step: float = 0.5, name: str = "SKY") -> Stamp:
    return Stamp(name, counts.astype(np.int32), 100.0, 200.0, step, scale, NOTHING, NOTHING)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("stretch", STRETCHES)
def test_the_first_row_is_at_the_bottom_and_the_first_column_at_the_left(stretch: str) -> None:
    counts = np.zeros((30, 40), dtype=int)
    counts[-1, 0] = 9  # the highest row, which is north, and the first column, which is east
    image = pixels(stamp_png(stamp(counts, scale=0.0), stretch))
    assert image.shape == (210, 280, 3)
    assert image[:7, :7].max() < 10
    assert image[7:].min() == 255


def test_the_scale_bar_has_its_length_in_the_picture() -> None:
    one = stamp(np.zeros((40, 40)))
    bar = scale_bar(one)
    assert bar is not None
    image = pixels(stamp_png(one)).astype(int)
    red = (image[:, :, 0] - image[:, :, 1]) > 100
    longest = max(row.sum() for row in red)
    zoom = image.shape[1] / 40
    assert longest == pytest.approx(bar.arcsec / (0.492 * 0.5) * zoom, abs=1.0)


@given(st.floats(1e-3, 1e3, allow_nan=False), st.integers(1, 300), st.floats(0.1, 500, allow_nan=False))
def test_the_bar_is_round_and_fits_into_the_picture(scale: float, width: int, step: float) -> None:
    one = stamp(np.zeros((5, width)), scale, step)
    bar = scale_bar(one)
    assert bar is not None
    assert bar.length * scale == pytest.approx(bar.arcsec)
    assert 0 < bar.length <= 0.3 * width * step * (1 + 1e-9)
    assert bar.length >= 0.3 * width * step / 2.6
    mantissa = bar.arcsec / (60 if bar.arcsec >= 60 else 1)
    assert round(mantissa / 10 ** np.floor(np.log10(mantissa) + 1e-9), 6) in (1, 2, 5)


def test_an_unknown_scale_has_no_bar() -> None:
    assert scale_bar(stamp(np.zeros((4, 4)), scale=0.0)) is None


def test_a_stretch_is_monotonous_and_reaches_black() -> None:
    counts = np.arange(101).reshape(1, -1)
    for stretch in STRETCHES:
        gray = stretched(counts, stretch)[0].astype(int)
        assert (gray[0], gray[-1]) == (0, 255)
        assert (np.diff(gray) >= 0).all()
    np.testing.assert_allclose(stretched(counts, "square root")[0], 25.5 * np.sqrt(counts[0]), atol=0.5)
    np.testing.assert_allclose(stretched(counts, "logarithm")[0], 255 * np.log1p(counts[0]) / np.log(101), atol=0.5)
    assert not stretched(np.zeros((2, 2), dtype=int), "logarithm").any()


def test_the_extent_is_in_pixels_of_the_event_list() -> None:
    assert stamp_extent(stamp(np.zeros((30, 40)))) == (100.0, 120.0, 200.0, 215.0)


def test_the_picture_is_the_same_each_time() -> None:
    one = stamp(np.arange(1200).reshape(30, 40))
    assert stamp_png(one) == stamp_png(one)
