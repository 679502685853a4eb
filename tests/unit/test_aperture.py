"""Light curves from the events of a source region and a background region."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of, counts_in
from hstlc.lightcurves.poisson import net_limits
from hstlc.model import COLUMNS, FURTHER_COLUMNS, Intervals, Quality, Stamp
from hstlc.times import TimeReference

REFERENCE = TimeReference(54_000.25, "TT")
EDGES = np.arange(0.0, 601.0, 100.0)


def clock_of(*pairs, factor=1.0):
    return LiveClock.of([(Intervals.of(*np.array(pairs, dtype=float).T), 1.0)], factor)


def curve_of(source, background=(), scale=0.25, clock=None, **more):
    return aperture_curve(
        EDGES,
        source_time_s=np.array(source, dtype=float),
        background_time_s=np.array(background, dtype=float),
        scale=scale,
        clock=clock or clock_of((0, 600)),
        reference=REFERENCE,
        **more,
    )


@given(st.lists(st.floats(-10, 610), max_size=80), st.lists(st.floats(-10, 610), max_size=80))
def test_counts_variance_and_background_follow_the_definition(source, background):
    curve = curve_of(source, background)
    n, b = (np.histogram(times, EDGES)[0].astype(float) for times in (source, background))
    n[-1] -= sum(time == 600.0 for time in source)  # a bin does not hold its upper edge
    b[-1] -= sum(time == 600.0 for time in background)
    assert set(curve) == {column.name for column in (*COLUMNS, *FURTHER_COLUMNS)}
    assert curve["source_events"].tolist() == curve["gross"].tolist() == n.tolist()
    assert curve["background_events"].tolist() == b.tolist()
    assert np.allclose(curve["background"], b / 4)
    assert np.allclose(curve["counts"], n - b / 4)
    assert np.allclose(curve["variance"], n + b / 16)
    assert np.allclose(curve["error"], np.sqrt(n + b / 16 + np.where(n == 0, 1.841**2, 0)))
    assert np.allclose(curve["rate"], curve["counts"] / 100)
    assert np.array_equal(np.stack([curve["rate_low"], curve["rate_high"]]), np.stack(net_limits(n, b, 0.25, 100.0)))
    assert np.isnan(curve["flux"]).all()
    assert (curve["quality"] == 0).all()
    assert (curve["fraction"] == 1).all()


def test_times_are_those_of_the_reference():
    curve = curve_of([5.0], meta={"RA_TARG": 10.0, "DEC_TARG": 5.0})
    assert curve["times"].tolist() == [0, 100, 200, 300, 400, 500]
    assert curve["mjd"][0] == pytest.approx(54_000.25 + 50 / 86_400, abs=1e-9)
    assert abs(curve["bjd_tdb"][0] - 2_400_000.5 - curve["mjd"][0]) < 0.006
    assert (curve.reference, len(curve.gti)) == (REFERENCE, 1)


def test_a_bin_that_nothing_interrupts_has_the_fraction_one_whatever_the_dead_time():
    curve = curve_of([], clock=clock_of((0, 250), (290, 400), factor=0.9), dead_time_factor=0.9)
    assert curve["exposure"].tolist() == pytest.approx([90, 90, 54, 90, 0, 0])
    assert curve["fraction"].tolist() == pytest.approx([1, 1, 0.6, 1, 0, 0])
    low, none = int(Quality.LOW_FRACTION), int(Quality.NO_LIVE_TIME | Quality.LOW_FRACTION)
    assert curve["quality"].tolist() == [0, 0, low, 0, none, none]
    assert np.isnan(curve["rate"]).tolist() == np.isnan(curve["rate_high"]).tolist() == [False] * 4 + [True] * 2


def test_flares_mark_every_bin_that_they_overlap():
    curve = curve_of([1.0], flares=Intervals.of([150.0, 400.0], [200.0, 401.0]))
    flare = int(Quality.BACKGROUND_FLARE)
    assert curve["quality"].tolist() == [0, flare, 0, 0, flare, 0]
    assert curve.good.tolist() == [True, False, True, True, False, True]


def test_a_background_with_other_live_time_is_scaled_in_each_bin():
    other = clock_of((0, 150), (200, 550), factor=0.5)
    curve = curve_of([10.0, 110.0], [20.0, 120.0, 220.0, 320.0], scale=0.5, background_clock=other)
    assert curve["background_scale"].tolist() == pytest.approx([1.0, 2.0, 1.0, 1.0, 1.0, 2.0])
    assert curve["background"].tolist() == pytest.approx([1, 2, 1, 1, 0, 0])
    assert (curve["quality"] == 0).all()
    blind = curve_of([10.0], [20.0], background_clock=clock_of((0, 500)))
    assert blind["quality"].tolist() == [0, 0, 0, 0, 0, int(Quality.LOW_FRACTION)]


def test_without_background_region_limits_are_those_of_counts_alone():
    curve = curve_of([1.0, 2.0], scale=0.0)
    assert curve["rate_high"][1] == pytest.approx(0.01841, abs=1e-5)
    assert curve["background"].sum() == 0


def test_attachments_go_along():
    clock = clock_of((0, 100), (200, 300), factor=0.5)
    arrivals = arrivals_of(np.array([210.0, 10.0]), np.array([2.0, 1.0]), clock, 3.2)
    assert (arrivals.time_s.tolist(), arrivals.live_s.tolist()) == ([10, 210], [5, 55])
    assert (arrivals.energy_kev.tolist(), arrivals.total_live_s, arrivals.frame_s) == ([1, 2], 100, 3.2)
    assert np.isnan(arrivals_of(np.array([1.0]), None, clock).energy_kev).all()
    stamp = Stamp("SKY", np.zeros((1, 1), np.int32), 0.0, 0.0, 1.0, 0.0, np.zeros(0), np.zeros(0))
    curve = curve_of([10.0, 210.0], clock=clock, arrivals=arrivals, stamps=(stamp,), provenance=({"filename": "a"},))
    assert curve.arrivals is arrivals
    assert curve.stamps == (stamp,)
    assert curve.provenance == ({"filename": "a"},)
    assert curve.gti == Intervals.of([0, 200], [100, 300])


def test_events_are_counted_in_any_order():
    assert counts_in(EDGES, np.array([599.0, 0.0, 100.0, -1.0, 600.0])).tolist() == [1, 1, 0, 0, 0, 1]
