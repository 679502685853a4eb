"""Light curves of sources against stingray, against real files with known answers, and against simulated truth."""

import warnings

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from hstlc.events.frames import Frames
from hstlc.events.good_times import detector_shares, in_own_good_time
from hstlc.events.live_clock import LiveClock
from hstlc.events.sky_index import SkyIndex
from hstlc.formats.gz_columns import read_columns
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of, counts_in
from hstlc.model import Intervals
from hstlc.regions import Circle, Region
from hstlc.times import TimeReference

REFERENCE = TimeReference(54_000.0, "TT")

EGGR38 = {  # counts in the source and background circle, net counts, net rate
    "m1": (694, 318, 605.8, 0.02707),
    "m2": (633, 244, 565.4, 0.02543),
}


def stingray():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for another package
        import stingray
        import stingray.gti
    return stingray


def read_list(path):
    """Return columns of the events and good times of each detector: those cut by the observer where there are any."""
    units = read_columns(path, lambda _, header: [str(v) for k, v in header.items() if k.startswith("TTYPE")])
    events = next(unit for unit in units if unit.name == "EVENTS")
    gtis = [
        (unit.header.get("CCDID"), Intervals.of(unit.columns["START"], unit.columns["STOP"]))
        for unit in units
        if unit.name.startswith("GTI")
    ]
    return events, gtis


@pytest.mark.parametrize("width", [500.0, 137.0])
@pytest.mark.parametrize("name", ["chandra_test.fits", "chandra_noener_test.fits"])
def test_counts_and_exposure_of_one_detector_are_those_of_stingray(real_data, name, width):
    events, ((_, gti),) = read_list(real_data / "chandra" / name)
    times = events.columns["TIME"]
    start = float(gti.start[0])
    clock = LiveClock.of([(gti, 1.0)])
    edges = Frames.of(times, 0.44104).edges(start, float(gti.stop[-1]), width)
    other = stingray()
    pairs = np.stack([gti.start, gti.stop], axis=1)
    step = np.diff(edges).mean()
    assert np.ptp(np.diff(edges)) < 0.01  # the clock of the spacecraft drifts by little
    curve = other.Lightcurve.make_lightcurve(
        times, step, tstart=edges[0], tseg=step * (len(edges) - 1), gti=pairs, use_hist=True
    )
    even = edges[0] + step * np.arange(len(edges))
    ours = counts_in(even, times)
    assert np.array_equal(ours, curve.counts[: len(ours)])
    assert curve.counts[len(ours) :].sum() == 0  # rounding may give it one more bin
    assert counts_in(edges, times).sum() == 4612
    # good times are half-open, and that of this cut list ends at the time of its last frame, which has four events
    assert np.count_nonzero(gti.contains(times)) == np.count_nonzero(times < gti.stop[-1]) == 4608
    assert np.count_nonzero(times == gti.stop[-1]) == 4
    for number, live_s in enumerate(clock.between(even)):
        common = other.gti.cross_two_gtis(pairs, np.array([[even[number], even[number + 1]]]))
        assert live_s == pytest.approx(float(np.sum(np.diff(common))), abs=1e-6)
    assert clock.total == pytest.approx(float(np.diff(pairs).sum()))


@pytest.mark.parametrize(("camera", "answer"), EGGR38.items())
def test_counts_and_net_rate_of_a_real_source_are_the_known_answers(real_data, camera, answer):
    (path,) = [path for path in (real_data / "xmm").iterdir() if f"__{camera}" in path.name]
    events, gtis = read_list(path)
    columns = events.columns
    keep = (columns["PATTERN"] <= 12) & ((columns["FLAG"] & 0x766BA000) == 0)
    source, background = Region.of(Circle(27236.443, 27596.668, 600)), Region.of(Circle(28868.8, 25949.1, 1139.57))
    index = SkyIndex(columns["X"], columns["Y"], keep=keep)
    rows, beside = index.rows(source), index.rows(background)
    assert detector_shares(columns["CCDNR"][rows]) == {1: 1.0}
    gti = gtis[0][1]  # of the central detector
    start = float(gti.start[0])
    clock = LiveClock.of([(gti, 1.0)]).shifted(-start)
    curve = aperture_curve(
        np.arange(0.0, gti.stop[-1] - start + 500, 500.0),
        source_time_s=columns["TIME"][rows] - start,
        background_time_s=columns["TIME"][beside] - start,
        scale=source.area / background.area,
        clock=clock,
        reference=REFERENCE,
    )
    counts, background_counts, net, rate = answer
    assert (curve["source_events"].sum(), curve["background_events"].sum()) == (counts, background_counts)
    assert curve["counts"].sum() == pytest.approx(net, abs=0.05)
    assert curve["counts"].sum() / curve["exposure"].sum() == pytest.approx(rate, rel=0.005)


def straddling_source(seed, rate=0.4):
    """Return events of a constant source on two detectors whose good times differ, cut to those of each."""
    rng = np.random.default_rng(seed)
    span = 100_000.0
    gtis = {6: Intervals.of([0, 61_000], [38_000, span]), 7: Intervals.of([0, 52_500], [47_300, 90_000])}
    times = np.sort(rng.uniform(0, span, rng.poisson(rate * span)))
    detector = rng.choice([6, 7], len(times), p=[0.3, 0.7])
    good = in_own_good_time(times, detector, gtis)
    return times[good], detector[good], gtis


def constancy(counts, live_s):
    """Return the probability of so much scatter of a constant source."""
    used = live_s > 0
    expected = counts.sum() / live_s.sum() * live_s[used]
    return float(chi2.sf(np.sum((counts[used] - expected) ** 2 / expected), used.sum() - 1))


def test_a_source_on_two_detectors_with_good_times_of_their_own_is_constant():
    times, _, gtis = straddling_source(1)
    edges = np.arange(0.0, 100_001.0, 1000.0)
    counts = counts_in(edges, times)
    clock = LiveClock.of([(gtis[6], 0.3), (gtis[7], 0.7)])
    assert constancy(counts, clock.between(edges)) > 0.01
    assert counts.sum() / clock.total == pytest.approx(0.4, rel=0.03)
    assert kstest(clock.before(times) / clock.total, "uniform").pvalue > 0.01
    joined = LiveClock.of([(gtis[6].union(gtis[7]), 1.0)])
    assert constancy(counts, joined.between(edges)) < 1e-10


def test_bins_of_whole_frames_do_not_beat_with_the_source():
    """One event a frame is as constant as a source can be: any scatter is made by the bins."""
    frame_s = 3.24104
    times = 5.0 + np.arange(20_000) * frame_s * (1 + 2.6e-6)
    clock = LiveClock.of([(Intervals.of([times[0] - frame_s / 2], [times[-1] + frame_s / 2]), 1.0)], 3.2 / frame_s)
    whole = Frames.of(times, frame_s).edges(times[0], times[-1], 20.0)
    rates = counts_in(whole, times)[:-1] / clock.between(whole)[:-1]
    assert np.ptp(rates) / rates.mean() < 1e-4
    uneven = np.arange(times[0], times[-1], 20.0)
    assert np.ptp(counts_in(uneven, times)[:-1] / 20.0) > 0.04


def test_errors_and_limits_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    bins, width, scale = 20_000, 100.0, 0.2
    edges = np.arange(bins + 1) * width
    clock = LiveClock.of([(Intervals.of([0], [bins * width]), 1.0)])
    for rate, background in ((0.01, 0.1), (0.05, 0.5), (1.0, 1.0)):

        def uniform(per_s):
            return np.sort(rng.uniform(0, bins * width, rng.poisson(per_s * bins * width)))

        curve = aperture_curve(
            edges,
            source_time_s=uniform(rate + scale * background),
            background_time_s=uniform(background),
            scale=scale,
            clock=clock,
            reference=REFERENCE,
        )
        assert curve["counts"].sum() / curve["exposure"].sum() == pytest.approx(rate, rel=0.04)
        assert curve["variance"].mean() == pytest.approx(np.var(curve["counts"]), rel=0.05)
        held = np.mean((curve["rate_low"] <= rate) & (rate <= curve["rate_high"]))
        assert 0.62 < held < 0.86  # whole numbers of few counts come in steps


def test_an_eclipse_is_empty_and_its_arrivals_are_not_uniform():
    rng = np.random.default_rng(6)
    times = rng.uniform(0, 100_000, 330)
    times = np.sort(times[(times < 45_000) | (times > 55_000)])
    clock = LiveClock.of([(Intervals.of([0], [100_000]), 1.0)])
    arrivals = arrivals_of(times, None, clock)
    assert kstest(arrivals.live_s / arrivals.total_live_s, "uniform").pvalue < 0.05
    assert counts_in(np.array([45_000.0, 55_000.0]), times).tolist() == [0]
