"""Sources of few arrivals with a known truth: how often constant ones are called variable, and what is found."""

import numpy as np
import pytest

from hstlc.events.live_clock import LiveClock
from hstlc.model import Intervals
from hstlc.stats.arrival_blocks import arrival_blocks
from hstlc.stats.arrival_summary import arrival_candidates, arrival_statistics
from hstlc.stats.gregory_loredo import gregory_loredo
from tests.arrival_curves import constant, curve_of, even_clock

T_S = 50_000.0
LEVELS = (5, 20, 50, 100, 500)  # counts of constant sources


def indices(counts, sources, seed=1):
    """Part of constant sources of so many counts on average with each variability index."""
    random, clock = np.random.default_rng([seed, counts]), even_clock(T_S)
    found = [gregory_loredo(random.uniform(0, T_S, random.poisson(counts)), clock).index for _ in range(sources)]
    return np.bincount(found, minlength=11) / sources


@pytest.mark.parametrize(("counts", "constant_part"), [(20, 0.67), (100, 0.80)])
def test_indices_of_constant_sources_are_those_known(counts, constant_part):
    found = indices(counts, 150)
    assert found[0] == pytest.approx(constant_part, abs=0.13)
    assert np.sum(found[:3]) > 0.93
    assert np.sum(found[6:]) < 0.06


@pytest.mark.soak
@pytest.mark.parametrize("counts", LEVELS)
def test_indices_of_constant_sources_at_length(counts):
    found = indices(counts, 2000, seed=2)
    parts = ", ".join(f"{index}: {part:.4f}" for index, part in enumerate(found) if part)
    print(f"{counts} counts: {parts}; from 6 on: {np.sum(found[6:]):.4f}, from 7 on: {np.sum(found[7:]):.4f}")
    assert np.sum(found[6:]) < 0.03
    assert np.sum(found[7:]) < 0.01


def eclipsed(counts, seed):
    """Arrivals of a source of so many counts on average that is gone for 10 ks of 100 ks."""
    random = np.random.default_rng([seed, counts])
    time_s = np.sort(random.uniform(0, 90_000, random.poisson(counts)))
    return np.where(time_s < 45_000, time_s, time_s + 10_000)


@pytest.mark.parametrize(
    ("counts", "least", "most", "median"), [(60, 0.0, 0.1, -0.13), (150, 0.2, 0.8, None), (300, 0.97, 1.0, 4.5)]
)
def test_eclipses_are_seen_by_the_odds_as_known(counts, least, most, median):
    found = [gregory_loredo(eclipsed(counts, seed), even_clock(100_000.0)) for seed in range(30)]
    assert least <= np.mean([one.index >= 6 for one in found]) <= most
    if median is not None:
        assert np.median([one.log10_odds for one in found]) == pytest.approx(median, abs=0.3 if median < 0 else 1.0)


@pytest.mark.parametrize(("counts", "least", "most"), [(60, 0.0, 0.1), (150, 0.8, 1.0), (300, 1.0, 1.0)])
def test_eclipses_are_found_as_dips(counts, least, most):
    found = []
    for seed in range(30):
        curve = curve_of(eclipsed(counts, seed), even_clock(100_000.0), 1000.0)
        dips = [one for one in arrival_candidates(curve) if one.kind == "dip"]
        found.append(len(dips) == 1)
        for dip in dips:
            start_s, end_s = ((mjd - 55_000) * 86_400 for mjd in (dip.start_mjd, dip.end_mjd))
            assert start_s < 50_000 < end_s
            assert dip.duration_s > 9_500
            assert dip.counts <= 3
    assert least <= np.mean(found) <= most


def test_a_flare_that_decays_is_found_with_its_start():
    for seed in range(20):
        random = np.random.default_rng([7, seed])
        burst = 70_000 + random.exponential(800, 40)
        time_s = np.concatenate([random.uniform(0, 100_000, 100), burst])
        curve = curve_of(time_s, even_clock(100_000.0), 1000.0)
        [flare] = arrival_candidates(curve)
        assert flare.kind == "flare"
        assert (flare.start_mjd - 55_000) * 86_400 == pytest.approx(70_000, abs=300)
        assert 300 < flare.duration_s < 6000
        assert flare.probability < 1e-6
        assert arrival_statistics(curve).gl_index >= 7


def dithering(part=0.5):
    """The live clock of a source that leaves the detector in part of each 1000 s."""
    time_s = np.arange(0, T_S + 1, 5.0)
    lost = np.where(np.sin(2 * np.pi * (time_s[:-1] + 2.5) / 1000) > 0.8, part, 0.0)
    return LiveClock(time_s, np.concatenate(([0.0], np.cumsum(5.0 * (1 - lost)))))


def straddling():
    """The live clock of a source on two detectors, one of which has good times of its own."""
    whole, own = Intervals.of([0.0], [T_S]), Intervals.of([12_000.0, 31_000.0], [20_000.0, T_S])
    return LiveClock.of([(whole, 0.4), (own, 0.6)])


@pytest.mark.parametrize(
    ("clock", "counts"), [(dithering(), 60_000), (straddling(), 4000)], ids=["dither", "two detectors"]
)
def test_what_the_detector_does_is_no_variability_in_live_time(clock, counts):
    known, unknown = [], []
    for seed in range(3):
        time_s = constant(clock, counts, seed)
        known.append(arrival_statistics(curve_of(time_s, clock)))
        unknown.append(arrival_statistics(curve_of(time_s, even_clock(T_S))))
        assert arrival_candidates(curve_of(time_s, clock)) == ()
    assert max(one.gl_index for one in known) <= 2
    assert min(one.ks_p for one in known) > 1e-3
    assert min(one.gl_index for one in unknown) >= 6


def test_the_dither_of_a_source_is_in_its_odds_with_the_right_number_of_bins():
    """Where the live time does not know of it, as many bins as there are periods times a few stand out."""
    found = gregory_loredo(constant(dithering(), 60_000), even_clock(T_S))
    assert found.index == 10
    assert found.peak_bins % 50 == 0


def candidates_of_constant(counts, sources, limit, seed=3):
    random, clock, found = np.random.default_rng([seed, counts]), even_clock(T_S), 0
    for _ in range(sources):
        curve = curve_of(random.uniform(0, T_S, random.poisson(counts)), clock, 5000.0)
        found += bool(arrival_candidates(curve, limit))
    return found / sources


@pytest.mark.parametrize("counts", [10, 100])
def test_false_dips_and_flares_are_as_rare_as_stated(counts):
    assert candidates_of_constant(counts, 300, 0.05) <= 0.06


@pytest.mark.soak
@pytest.mark.parametrize("counts", [10, 30, 100, 1000, 10_000])
def test_false_dips_and_flares_are_as_rare_as_stated_at_length(counts):
    parts = []
    for limit, sources in ((0.1, 500), (0.01, 1500), (0.001, 4000)):
        sources //= 5 if counts == 10_000 else 1
        parts.append(candidates_of_constant(counts, sources, limit))
        assert parts[-1] <= limit + 3 * np.sqrt(limit / sources) + 1 / sources
    print(f"{counts} counts: a dip or flare in " + ", ".join(f"{part:.5f}" for part in parts) + " for 0.1, 0.01, 0.001")


@pytest.mark.soak
@pytest.mark.parametrize("counts", [10, 100, 1000, 20_000])
def test_false_blocks_are_as_rare_as_stated_at_length(counts):
    random, parts = np.random.default_rng([4, counts]), []
    sources = 2000 if counts < 1000 else 300
    for chance in (0.05, 0.01):
        several = [len(arrival_blocks(random.uniform(0, 1, counts), 1.0, chance)) > 1 for _ in range(sources)]
        parts.append(np.mean(several))
        assert parts[-1] <= chance + 3 * np.sqrt(chance / sources) + 1 / sources
    print(f"{counts} counts: more than one block in {parts[0]:.4f} for 0.05, {parts[1]:.4f} for 0.01")
