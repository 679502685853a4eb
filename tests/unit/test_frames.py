"""Bins of whole readout frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.events.frames import Frames, frames_in_bin


@pytest.mark.parametrize(("width", "frame", "frames"), [(500, 3.24104, 154), (500, 0.44104, 1134), (3.3, 3.24104, 1)])
def test_the_width_is_the_nearest_number_of_frames(width, frame, frames):
    assert frames_in_bin(width, frame) == frames


@pytest.mark.parametrize("width", [3.2, 0.0, -1.0, np.nan, np.inf])
def test_a_width_below_a_frame_is_refused(width):
    with pytest.raises(UsageError, match="a bin of") as caught:
        Frames.of([1.0], 3.24104).edges(0, 100, width)
    assert caught.value.code == "usage.bin-width"
    assert caught.value.hint


def test_more_bins_than_memory_are_refused():
    with pytest.raises(UsageError, match="more than") as caught:
        Frames.of([], 1e-5).edges(0, 1e6, 1e-5)
    assert caught.value.code == "usage.bin-width"


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.44104, 3.24104, 0.07336]),
    st.floats(-5e-6, 5e-6),
    st.integers(1, 40),
    st.integers(1, 400),
)
def test_every_bin_holds_so_many_frames_however_the_clock_drifts(seed, frame_s, drift, factor, seen):
    rng = np.random.default_rng(seed)
    total = 40_000
    times = 12.3 + np.arange(total) * frame_s * (1 + drift)
    chosen = np.sort(rng.choice(total, seen, replace=False))
    frames = Frames.of(rng.permutation(np.repeat(times[chosen], 2)), frame_s)
    start, stop = times[chosen[0]], times[chosen[-1]]
    edges = frames.edges(start, stop, factor * frame_s)
    assert edges[0] < start
    assert edges[-1] > stop
    number = np.searchsorted(edges, times[chosen], side="right") - 1
    assert np.array_equal(number, (chosen - chosen[0]) // factor)
    # edges never fall on a frame: they are half a frame away, but for what a gap hides of the drift
    away = np.abs(times[chosen][:, None] - edges[[0, -1]][None, :]).min()
    assert away > 0.4 * frame_s


def test_between_neighbors_the_edge_is_half_way():
    frames = Frames.of([0.0, 3.3, 6.5, 9.8], 3.24)
    assert frames.edges(0.0, 9.8, 3.24).tolist() == pytest.approx([-1.62, 1.65, 4.9, 8.15, 9.8 + 1.62])


def test_without_events_frames_begin_where_they_are_told_to():
    assert Frames.of([], 2.0, start_s=10.0).edges(10.0, 20.0, 4.0).tolist() == [10, 14, 18, 22]


def test_there_is_at_least_one_bin():
    assert len(Frames.of([5.0], 2.0).edges(5.0, 5.0, 100.0)) == 2


def test_number_and_time_are_each_others_inverse():
    frames = Frames.of([1.0, 3.1, 9.2], 2.0)
    numbers = np.array([-3.0, 0.0, 0.5, 3.0, 4.0, 11.5])
    assert np.allclose(frames.number_at(frames.time_at(numbers)), numbers)


@pytest.mark.parametrize("frame", [0.0, -1.0, np.nan])
def test_a_frame_without_length_is_a_mistake(frame):
    with pytest.raises(ValueError, match="frame"):
        Frames.of([1.0], frame)
