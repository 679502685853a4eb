"""The light curves of several cameras as one."""

import numpy as np
import pytest

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of
from hstlc.lightcurves.cameras import camera_shares, common_times, sum_arrivals, sum_curves
from hstlc.model import FURTHER_COLUMNS, Intervals, Quality
from hstlc.times import TimeReference

REFERENCE = TimeReference(54_000.0, "TT")
EDGES = np.arange(0.0, 10_001.0, 500.0)
COMMON = Intervals.of([0.0, 4700.0], [4200.0, 9700.0])


def camera_curve(rate, background_rate, clock, rng, *, scale=0.25, factor=1.0, **more):
    """Return the curve of a constant source: even events in live time, or random ones with a generator."""

    def times(per_s):
        number = round(per_s * clock.total)
        if rng is not None:
            return clock.time_at(np.sort(rng.uniform(0, clock.total, rng.poisson(number))))
        return clock.time_at((np.arange(number) + 0.5) / number * clock.total) if number else np.zeros(0)

    source = np.sort(np.concatenate((times(rate), times(background_rate * scale))))
    return aperture_curve(
        EDGES,
        source_time_s=source,
        background_time_s=times(background_rate),
        scale=scale,
        clock=clock,
        dead_time_factor=factor,
        reference=REFERENCE,
        arrivals=arrivals_of(source, None, clock),
        **more,
    )


def clocks():
    """Return a camera that loses a quarter of some frames, one with little dead time and one with much."""
    frames = np.arange(1300, 10_000_000, 2600) / 1000
    part = np.where((frames > 2000) & (frames < 3100), 0.75, 1.0)
    return (
        LiveClock.of_frames(frames, part, 2.6).within(COMMON),
        LiveClock.of([(COMMON, 1.0)], 0.98),
        LiveClock.of([(COMMON, 1.0)], 0.70),
    )


def test_a_constant_source_has_the_sum_of_the_rates_in_every_bin():
    rates, factors = (2.0, 3.0, 12.0), (1.0, 0.98, 0.70)
    curves = [
        camera_curve(rate, 1.0, clock, None, factor=factor)
        for rate, clock, factor in zip(rates, clocks(), factors, strict=True)
    ]
    total = sum_curves(curves)
    live = total["exposure"] > 0
    assert live.sum() == 20
    assert np.abs(total["rate"][live] / sum(rates) - 1).max() < 0.004  # a count more or less at the edges
    assert total["counts"].sum() / total["exposure"].sum() == pytest.approx(sum(rates), rel=1e-3)
    assert set(total) >= {column.name for column in FURTHER_COLUMNS}


def test_counts_and_variances_add_and_fractions_are_parts_of_a_whole_bin():
    rng = np.random.default_rng(5)
    curves = [
        camera_curve(0.5, 2.0, clock, rng, scale=scale) for clock, scale in zip(clocks(), (0.1, 0.2, 0.4), strict=True)
    ]
    total = sum_curves(curves)
    for name in ("source_events", "background_events", "background", "counts", "variance"):
        assert np.allclose(total[name], np.sum([curve[name] for curve in curves], axis=0))
    assert np.allclose(total["background_scale"] * total["background_events"], total["background"])
    assert ((total["rate_low"] < total["rate"]) & (total["rate"] < total["rate_high"])).all()
    whole = sum_curves(
        [camera_curve(1.0, 1.0, clock, rng, factor=f) for clock, f in zip(clocks()[1:], (0.98, 0.7), strict=True)]
    )
    assert whole["fraction"][0] == pytest.approx(1.0)
    assert whole["fraction"][8] == pytest.approx(0.4)


def test_what_is_bad_in_one_camera_is_bad_in_the_sum():
    flares = Intervals.of([600.0], [700.0])
    one = camera_curve(1.0, 1.0, LiveClock.of([(COMMON, 1.0)]), None, flares=flares)
    other = camera_curve(1.0, 1.0, LiveClock.of([(Intervals.of([0], [9000]), 1.0)]).within(COMMON), None)
    total = sum_curves([one, other], meta={"FILTER": "Thin1"})
    assert total["quality"][1] == Quality.BACKGROUND_FLARE
    assert total["quality"][18] == Quality.LOW_FRACTION  # the second camera saw nothing of this bin
    assert total["exposure"][18] > 0
    assert total.meta == {"FILTER": "Thin1"}
    assert total.gti == COMMON.intersect(Intervals.of([0], [9000]))


def test_keywords_that_agree_stay_and_provenance_is_of_all():
    clock = LiveClock.of([(COMMON, 1.0)])
    one, other = (
        camera_curve(1.0, 1.0, clock, None, meta={"OBJECT": "A", "CAMERA": c}, provenance=({"filename": c},))
        for c in ("x", "y")
    )
    total = sum_curves([one, other])
    assert total.meta == {"OBJECT": "A"}
    assert total.provenance == ({"filename": "x"}, {"filename": "y"})


def test_a_source_without_counts_has_live_time_and_limits():
    nothing = [camera_curve(0.0, 0.0, clock, None) for clock in clocks()]
    total = sum_curves(nothing)
    assert total["counts"].sum() == 0
    assert total["exposure"][0] == pytest.approx(500 * (1 + 0.98 + 0.7) / 3, rel=1e-3)
    assert (total["rate_high"] > 0).all()


def test_arrivals_of_all_cameras_are_uniform_in_the_live_time_of_the_sum():
    from scipy.stats import kstest

    rng = np.random.default_rng(8)
    curves = [camera_curve(rate, 0.1, clock, rng) for rate, clock in zip((0.2, 0.3, 1.2), clocks(), strict=True)]
    together = sum_arrivals([curve.arrivals for curve in curves], clocks())
    assert len(together) == sum(len(curve.arrivals) for curve in curves)
    assert (np.diff(together.time_s) >= 0).all()
    assert kstest(together.live_s / together.total_live_s, "uniform").pvalue > 0.01
    gross = sum(len(curve.arrivals) / clock.total for curve, clock in zip(curves, clocks(), strict=True))
    assert len(together) / together.total_live_s == pytest.approx(gross)


def test_only_curves_of_the_same_bins_add():
    curve = camera_curve(1.0, 1.0, LiveClock.of([(COMMON, 1.0)]), None)
    later = aperture_curve(
        EDGES + 1,
        source_time_s=np.zeros(0),
        background_time_s=np.zeros(0),
        scale=0.1,
        clock=LiveClock.of([(COMMON, 1.0)]),
        reference=REFERENCE,
    )
    for curves in ([], [curve, later]):
        with pytest.raises(ValueError, match="light curve"):
            sum_curves(curves)


def test_shares_are_of_the_sum_of_rates():
    assert camera_shares([300.0, 50.0, -7.0], [100.0, 50.0, 10.0]).tolist() == pytest.approx([0.75, 0.25, 0])
    assert camera_shares([0.0, 0.0], [1.0, 0.0]).tolist() == [0.5, 0.5]
    assert common_times([COMMON]) == COMMON
