"""Statistics of curves that carry their arrivals."""

import dataclasses
import math

import numpy as np
import pytest

from hstlc.events.live_clock import LiveClock
from hstlc.model import Arrivals, Intervals, Quality
from hstlc.stats import StatsSettings, statistics
from hstlc.stats.arrival_summary import arrival_candidates, arrival_clock, arrival_odds, arrival_statistics
from tests.arrival_curves import constant, curve_of, even_clock

ONLY_WITH_ARRIVALS = (
    *("excess_variance", "excess_variance_error", "fractional_variability_limit", "arrivals", "ks_p", "kuiper_p"),
    *("gl_log10_odds", "gl_probability", "gl_index", "gl_bins", "gl_timescale_s", "gl_within_3_sigma"),
    *("gl_within_5_sigma", "gl_rate_mean", "gl_rate_sigma", "gl_rate_min", "gl_rate_max", "blocks_p05", "blocks_p01"),
)


def gaps():
    """Good times with gaps, of which a third is dead for a while, and bins that end within them."""
    gti = Intervals.of([130.0, 9_300.0, 24_210.0], [7_777.0, 21_000.0, 39_600.0])
    return LiveClock.of([(gti, 0.6), (Intervals.of([9_300.0], [30_000.0]), 0.3)], 0.98)


def test_curves_without_arrivals_have_none_of_it():
    found = statistics(dataclasses.replace(curve_of([100.0, 900.0], even_clock(5000.0)), arrivals=None))
    assert {getattr(found, name) for name in ONLY_WITH_ARRIVALS} == {None}


def test_every_number_of_the_arrivals_is_in_the_statistics():
    clock = even_clock(50_000.0)
    curve = curve_of(constant(clock, 300), clock)
    found, own = statistics(curve), arrival_statistics(curve)
    assert {name: getattr(found, name) for name in dataclasses.asdict(own)} == dataclasses.asdict(own)
    assert found.arrivals == 300
    assert found.gl_rate_mean == pytest.approx(300 / 50_000, rel=0.01)
    assert found.gl_rate_min <= found.gl_rate_mean <= found.gl_rate_max
    assert (found.blocks_p05, found.blocks_p01, found.candidates) == (1, 1, ())
    assert min(found.ks_p, found.kuiper_p) > 0.01
    assert found.gl_index <= 2
    assert found.interesting is False


def test_what_bins_say_does_not_depend_on_the_arrivals():
    clock = even_clock(50_000.0)
    curve = curve_of(constant(clock, 300), clock)
    arrivals_s = curve.arrivals.time_s * 0.3
    other = Arrivals(arrivals_s, arrivals_s, curve.arrivals.energy_kev, clock.total)
    changed = dataclasses.asdict(statistics(dataclasses.replace(curve, arrivals=other)))
    plain = dataclasses.asdict(statistics(dataclasses.replace(curve, arrivals=None)))
    for name in (*ONLY_WITH_ARRIVALS, "candidates", "interesting"):
        changed.pop(name), plain.pop(name)
    assert changed == plain


def test_a_step_of_the_arrivals_makes_a_curve_interesting():
    half = np.arange(80) + 0.5
    time_s = np.concatenate([half / 80 * 25_000, 25_000 + half[:20] / 20 * 25_000])
    found = statistics(curve_of(time_s, even_clock(50_000.0), 50_000.0))
    assert found.within_chi2_p is None  # one bin
    assert (found.gl_index, found.gl_bins, found.interesting) == (8, 2, True)
    assert found.gl_log10_odds == pytest.approx(7.369527, abs=5e-7)
    assert found.ks_p == pytest.approx(1.194e-8, abs=5e-12)
    assert found.kuiper_p == pytest.approx(3.201e-7, abs=5e-11)
    assert (found.blocks_p05, found.blocks_p01) == (2, 2)
    old = statistics(curve_of(time_s, even_clock(50_000.0), 50_000.0), StatsSettings(rule="hstlc-2016"))
    assert old.interesting is False


def test_one_bin_without_variability_is_not_interesting():
    clock = even_clock(50_000.0)
    assert statistics(curve_of(constant(clock, 50), clock, 50_000.0)).interesting is False


@pytest.mark.parametrize("n", [0, 1])
def test_no_arrival_and_one(n):
    found = statistics(curve_of(np.full(n, 777.0), gaps()))
    assert (found.arrivals, found.gl_log10_odds, found.gl_probability, found.gl_index) == (n, 0.0, 0.5, 0)
    assert (found.blocks_p05, found.blocks_p01, found.candidates) == (1, 1, ())
    assert (found.ks_p, found.kuiper_p) == ((None, None) if n == 0 else (pytest.approx(found.ks_p), 1.0))
    for value in dataclasses.asdict(found).values():
        assert not isinstance(value, float) or math.isfinite(value)


def test_a_curve_that_was_never_live_counts_nothing():
    clock = even_clock(1000.0)
    curve = curve_of([], clock)
    curve = dataclasses.replace(curve, data={**curve.data, "exposure": np.zeros(2), "quality": np.full(2, 3)})
    assert dataclasses.asdict(arrival_statistics(curve)) == {
        name: 0 if name == "arrivals" else None for name in ONLY_WITH_ARRIVALS[3:]
    }
    assert len(arrival_clock(curve)) == 0
    assert arrival_odds(curve) is None
    assert arrival_candidates(curve) == ()


def test_the_clock_of_a_curve_is_the_one_it_was_made_with():
    made = gaps()
    clock = arrival_clock(curve_of(constant(made, 400), made))
    at = np.linspace(0, 40_000, 4001)
    assert clock.total == pytest.approx(made.total, rel=1e-12)
    assert np.abs(clock.before(at) - made.before(at)).max() < 40.0  # between arrivals and edges it runs evenly
    edges = np.arange(0, 40_001, 500.0)
    np.testing.assert_allclose(clock.before(edges), made.before(edges), atol=1e-6)
    assert clock.good == made.good


def test_a_clock_without_arrivals_stands_still_in_gaps():
    made = LiveClock.of([(Intervals.of([100.0, 700.0], [400.0, 1000.0]), 0.9)])
    clock = arrival_clock(curve_of([], made, 1000.0))
    at = np.linspace(0, 1000, 101)
    np.testing.assert_allclose(clock.before(at), made.before(at), atol=1e-9)


def test_what_leaves_the_detector_for_a_while_is_no_variability():
    made = gaps()
    for seed in range(5):
        curve = curve_of(constant(made, 3000, seed), made)
        found = arrival_statistics(curve)
        assert found.gl_index <= 2
        assert min(found.ks_p, found.kuiper_p) > 1e-3
        assert found.blocks_p01 == 1
        assert arrival_candidates(curve) == ()


def test_arrivals_of_background_flares_are_left_out():
    clock = even_clock(50_000.0)
    flare = np.random.default_rng(5).uniform(20_000, 21_500, 600)
    time_s = np.concatenate([constant(clock, 500), flare])
    flags = np.zeros(100, dtype=int)
    flags[40:43] = Quality.BACKGROUND_FLARE
    seen, cut = (statistics(curve_of(time_s, clock, quality=quality)) for quality in (0, flags))
    assert (seen.gl_index, seen.arrivals, len(seen.candidates)) == (10, 1100, 1)
    assert seen.candidates[0].kind == "flare"
    assert cut.arrivals == np.sum((time_s < 20_000) | (time_s >= 21_500))
    assert cut.gl_index <= 2
    assert (cut.candidates, cut.blocks_p01, cut.interesting) == ((), 1, False)
    assert cut.gl_rate_mean == pytest.approx(500 / 50_000, rel=0.1)


def test_candidates_are_on_the_clock_and_in_modified_julian_dates():
    made = LiveClock.of([(Intervals.of([0.0, 30_000.0], [20_000.0, 110_000.0]), 0.5)])
    time_s = constant(made, 2000)
    time_s = time_s[(time_s < 60_000) | (time_s > 70_000)]
    [dip] = arrival_candidates(curve_of(time_s, made))
    assert (dip.kind, dip.dataset) == ("dip", 1)
    before, after = time_s[time_s < 60_000].max(), time_s[time_s > 70_000].min()
    assert (dip.start_mjd - 55_000) * 86_400 == pytest.approx(before, abs=0.1)
    assert (dip.end_mjd - 55_000) * 86_400 == pytest.approx(after, abs=0.1)
    assert dip.start_mjd < dip.peak_mjd < dip.end_mjd
    assert dip.duration_s == pytest.approx(after - before, abs=1e-3)
    assert (dip.counts, dip.peak_ratio) == (0.0, 0.0)
    assert dip.expected_counts == pytest.approx(200, rel=0.1)
    assert 0 < dip.probability < 1e-60
    assert dip.trials > 1000


def test_a_step_between_datasets_is_no_flare():
    clock = even_clock(100_000.0)
    random = np.random.default_rng(11)
    time_s = np.concatenate([random.uniform(0, 50_000, 200), random.uniform(50_000, 100_000, 1000)])
    curve = curve_of(time_s, clock)
    assert len(arrival_candidates(curve)) > 0
    two = {**curve.data, "dataset": np.repeat([1, 2], 100)}
    assert arrival_candidates(dataclasses.replace(curve, data=two)) == ()
    burst = np.concatenate([time_s, random.uniform(70_000, 70_500, 80)])
    curve = curve_of(burst, clock)
    [flare] = arrival_candidates(dataclasses.replace(curve, data=two | {"counts": curve["counts"]}))
    assert (flare.kind, flare.dataset) == ("flare", 2)
    assert (flare.start_mjd - 55_000) * 86_400 == pytest.approx(70_000, abs=60)


def test_bins_of_a_composite_are_of_live_time():
    clock = LiveClock.of([(Intervals.of([0.0, 3e7], [30_000.0, 3.003e7]), 1.0)])
    time_s = constant(clock, 500)
    edges = np.concatenate([np.arange(0, 30_000, 500.0), np.arange(3e7, 3.003e7, 500.0)])
    one = curve_of(time_s[time_s < 40_000], even_clock(30_000.0))
    data = {name: np.concatenate([values, values]) for name, values in one.data.items()}
    data |= {"times": edges, "exposure": np.full(120, 500.0), "dataset": np.repeat([1, 2], 60)}
    arrivals = Arrivals(time_s, clock.before(time_s), np.zeros(500, "f4"), clock.total)
    odds = arrival_odds(dataclasses.replace(one, data=data, gti=clock.good, arrivals=arrivals))
    assert odds.index <= 2
    assert odds.arrivals == 500
    assert odds.timescale_s > 500
    assert clock.good.contains(odds.curve.start_s).all()
    np.testing.assert_allclose(odds.curve.rate, 500 / 60_000, rtol=0.3)


def test_bright_sources_read_out_in_frames_stay_constant():
    frame_s, frames = 3.2, 5000
    time_s = np.repeat((np.arange(frames) + 0.5) * frame_s, np.random.default_rng(3).poisson(4, frames))
    curve = curve_of(time_s, even_clock(frame_s * frames), 320.0, frame_s=frame_s)
    found = arrival_statistics(curve)
    assert found.arrivals == len(time_s)
    assert found.gl_index <= 2
    assert min(found.ks_p, found.kuiper_p) > 1e-3
    assert arrival_candidates(curve) == ()
