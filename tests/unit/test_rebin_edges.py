"""Bins of unequal width and phases: nothing is lost, nothing is counted twice."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of
from hstlc.lightcurves.grouping import between, by_blocks, by_counts, fold, stretch_starts
from hstlc.lightcurves.rebin import merge
from hstlc.model import Intervals, Quality
from hstlc.times import TimeReference

SUMS = ("gross", "background", "variance", "exposure", "counts", "source_events", "background_events")

bins = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.booleans()), min_size=1, max_size=60)


def curve_of(rows, *, datasets=()):
    """Return a curve of 1-s bins: source events, background events, and whether the bin is live."""
    edges = np.arange(len(rows) + 1.0)
    live = Intervals.of([k for k, row in enumerate(rows) if row[2]], [k + 1.0 for k, row in enumerate(rows) if row[2]])
    clock = LiveClock.of([(live, 1.0)])
    times = [np.repeat(edges[:-1] + 0.5, [row[n] if row[2] else 0 for row in rows]) for n in (0, 1)]
    curve = aperture_curve(
        edges,
        source_time_s=times[0],
        background_time_s=times[1],
        scale=0.25,
        clock=clock,
        reference=TimeReference(58000.0),
        arrivals=arrivals_of(times[0], None, clock),
    )
    if len(datasets):
        curve.data["dataset"][:] = 1 + np.searchsorted(sorted(datasets), np.arange(len(rows)), side="right")
    return curve


def conserved(before, after):
    for name in SUMS:
        assert after[name].sum() == pytest.approx(before[name].sum(), abs=1e-9), name


@given(bins, st.integers(1, 40), st.lists(st.integers(1, 59), max_size=2))
def test_bins_of_counts_keep_all_and_hold_enough(rows, least, datasets):
    curve = curve_of(rows, datasets=datasets)
    starts = by_counts(curve, least)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged = merge(curve, starts)
    conserved(curve, merged)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    stretches = stretch_starts(curve)
    assert set(stretches) <= set(starts)
    for begin, end in zip(stretches, [*stretches[1:], len(curve)], strict=True):
        inside = (starts >= begin) & (starts < end)
        if inside.sum() > 1:
            assert (merged["gross"][inside] >= least).all()
        elif curve["gross"][begin:end].sum() < least:
            assert inside.sum() == 1
    assert merged["bins"].sum() == pytest.approx(curve["bins"].sum())


@given(bins, st.floats(1e-4, 0.5), st.booleans())
def test_blocks_keep_all(rows, chance, arrivals):
    curve = curve_of(rows)
    if not arrivals:
        curve = between(curve, -np.inf, np.inf)
        object.__setattr__(curve, "arrivals", None)
    starts = by_blocks(curve, chance)
    assert set(stretch_starts(curve)) <= set(starts)
    conserved(curve, merge(curve, starts))


@given(bins, st.floats(0.7, 40.0), st.integers(1, 12))
def test_phases_keep_all(rows, period, number):
    curve = curve_of(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folded = fold(curve, curve["time"] / period, number)
    conserved(curve, folded)
    assert len(folded) == number
    assert (folded["quality"][folded["exposure"] == 0] & Quality.NO_LIVE_TIME).all()
    assert np.isfinite(folded["rate"][folded["exposure"] > 0]).all()


def test_bins_of_counts_are_as_narrow_as_they_can_be():
    curve = curve_of([(1, 0, True)] * 10)
    assert by_counts(curve, 3).tolist() == [0, 3, 6]
    assert by_counts(curve, 1).tolist() == list(range(10))
    assert by_counts(curve, 11).tolist() == [0]


def test_gaps_are_bins_of_their_own():
    curve = curve_of([(1, 0, True)] * 3 + [(0, 0, False)] * 2 + [(1, 0, True)] * 3)
    assert stretch_starts(curve).tolist() == [0, 3, 5]
    merged = merge(curve, by_counts(curve, 3))
    assert merged["gross"].tolist() == [3, 0, 3]
    assert np.isnan(merged["rate"][1])
    assert stretch_starts(curve, gap_s=3.0).tolist() == [0]


def test_blocks_find_a_step():
    rows = [(1, 0, True)] * 60 + [(6, 0, True)] * 60
    curve = curve_of(rows)
    starts = by_blocks(curve, 0.01)
    assert len(starts) == 2
    assert abs(starts[1] - 60) <= 1
    object.__setattr__(curve, "arrivals", None)
    starts = by_blocks(curve, 0.01)
    assert len(starts) == 2
    assert abs(starts[1] - 60) <= 4


def test_folding_finds_the_phase_of_a_pulse():
    rows = [(5 if k % 10 == 7 else 1, 0, True) for k in range(200)]
    folded = fold(curve_of(rows), (np.arange(200) + 0.5) / 10, 10)
    assert folded["gross"].tolist() == [100 if k == 7 else 20 for k in range(10)]
    assert folded["time"][7] == pytest.approx(0.75)
    with pytest.raises(ValueError, match="phase bin"):
        fold(curve_of(rows), np.zeros(200), 0)


def test_a_stretch_takes_its_arrivals_along():
    curve = curve_of([(2, 1, True)] * 10 + [(0, 0, False)] * 5 + [(2, 1, True)] * 10)
    part = between(curve, 5.0, 20.0)
    assert part["times"].tolist() == list(range(5, 20))
    assert len(part.arrivals) == part["source_events"].sum() == 20
    assert part.arrivals.total_live_s == 10.0
    assert part.arrivals.live_s.min() >= 0
    assert part.arrivals.live_s.max() <= 10
    assert len(between(curve, 30.0, 40.0)) == 0
