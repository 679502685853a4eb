"""Periods that are an observatory's own."""

from dataclasses import replace

import numpy as np
import pytest

from hstlc.missions.registry import missions
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.stats import StatsSettings, statistics
from hstlc.stats.artifacts import artifact_note
from hstlc.times import TimeReference

ORBIT = {"orbit": 5750.0, "beat": 4.0}
DAYS = 5 * 86400.0


def pulsating(period_s, amplitude=0.08, bins=750, seed=1):
    """A curve of 2-s bins with so little variation that the periodogram alone sees it."""
    time = 2.0 * np.arange(bins) + 1
    counts = np.random.default_rng(seed).poisson(20 * (1 + amplitude * np.sin(2 * np.pi * time / period_s))) * 1.0
    data = {column.name: np.zeros(bins, dtype=column.dtype) for column in COLUMNS}
    data |= {"times": time - 1, "time": time, "mjd": 58000 + time / 86400, "bins": np.full(bins, 2.0)}
    data |= {"gross": counts, "counts": counts, "variance": counts, "exposure": np.full(bins, 2.0)}
    data |= {"net": counts / 2, "rate": counts / 2, "dataset": np.ones(bins, dtype="i4")}
    return LightCurve(data, Intervals.of([0], [2.0 * bins]), TimeReference(58000.0))


@pytest.mark.parametrize(
    ("period_s", "note"),
    [
        (5750.0, "orbit"),
        (5705.0, "orbit"),  # one percent
        (5600.0, ""),
        (2875.0, "orbit, harmonic 2"),
        (1916.0, "orbit, harmonic 3"),
        (1437.5, ""),  # the fourth
        (4.001, "beat"),
        (120.0, ""),
    ],
)
def test_a_period_of_the_observatory_has_its_name(period_s, note):
    assert artifact_note(period_s, DAYS, ORBIT) == note


def test_a_short_curve_does_not_tell_apart_what_its_resolution_joins():
    assert artifact_note(1500.0, 2000.0, ORBIT) == "orbit, harmonic 3"
    assert artifact_note(500.0, 2000.0, ORBIT) == ""


def test_of_two_artifacts_the_nearer_is_named():
    near = {"day": 86400.0, "orbit": 5750.0}
    assert artifact_note(5800.0, 3000.0, near) == "orbit"
    assert artifact_note(80_000.0, 3000.0, near) == "day"
    assert artifact_note(100.0, 1e4, {}) == ""


def test_a_peak_of_an_artifact_alone_makes_nothing_interesting():
    curve = pulsating(75.0)
    plain = statistics(curve)
    assert plain.false_alarm_probability < 1e-3 < plain.within_chi2_p
    assert (plain.interesting, plain.peak_note) == (True, "")
    noted = statistics(curve, StatsSettings(), {"pump": 150.2})
    assert (noted.interesting, noted.peak_note) == (False, "pump, harmonic 2")
    assert replace(noted, interesting=True, peak_note="") == plain


def test_a_curve_that_varies_otherwise_is_interesting_all_the_same():
    found = statistics(pulsating(75.0, 0.5), StatsSettings(), {"pump": 75.0})
    assert found.within_chi2_p < 1e-3
    assert (found.interesting, found.peak_note) == (True, "pump")


@pytest.mark.parametrize("mission", missions().values(), ids=lambda mission: mission.name)
def test_every_note_of_a_mission_fits_its_column(mission):
    for name, period_s in mission.artifacts_s({}).items():
        assert period_s > 0
        assert len(artifact_note(period_s / 2, 1e9, {name: period_s})) <= 64


@pytest.mark.parametrize(
    ("period_s", "note"), [(5717.77, "HST orbit"), (5807.0, "HST orbit"), (4.0, "beat of the 32-ms clock")]
)
def test_hubble_knows_its_orbit_and_its_clock(period_s, note):
    assert artifact_note(period_s, DAYS, missions()["hst"].artifacts_s({})) == note
