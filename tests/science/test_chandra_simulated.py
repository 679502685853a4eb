"""Simulated sources of Chandra come out as what they are."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import hstlc
from hstlc.checks import run_checks
from hstlc.missions.base import SourceCurves
from hstlc.missions.chandra.mission import MISSION
from hstlc.model import LightCurve
from hstlc.stats import Statistics, statistics
from hstlc.testing.chandra import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    Shape,
    constant,
    eclipse,
    flare,
    step,
    write_evt2,
    write_region_products,
)

LONG = ChandraObservation(region=35, ontime_s=100_000.0, dither_arcsec=8.0)
HERE = {"ra": 150.0, "dec": 2.0, "radius": 2.5}


def seen(folder: Path, counts: float, shape: Shape, seed: int = 1, **more: Any) -> SourceCurves:
    """Return the curves of a source of about so many counts in 100 ks, were it constant."""
    source = ChandraSource(counts / 98_700.0 / 0.9, shape=shape)
    observation = replace(LONG, seed=seed, **more)
    written = write_region_products(folder, observation, ChandraScene((source,), background_ct_s=0.02))
    (made,) = hstlc.light_curves(written.paths[0])
    return made


def told(curve: LightCurve) -> Statistics:
    return statistics(curve, artifacts_s=MISSION.artifacts_s(curve.meta))


def test_constant_sources_are_hardly_ever_variable(tmp_path: Path) -> None:
    indices = [told(seen(tmp_path, 100, constant(), seed).curves["broad"]).gl_index for seed in range(30)]
    assert sum(index is not None and index >= 6 for index in indices) <= 3  # 1.7 % of them are
    assert np.median([index for index in indices if index is not None]) <= 1


def test_a_step_is_definitely_variable(tmp_path: Path) -> None:
    found = told(seen(tmp_path, 160, step(50_000.0, 0.25)).curves["broad"])
    assert found.gl_index is not None
    assert found.gl_index >= 7
    assert found.ks_p is not None
    assert found.kuiper_p is not None
    assert found.ks_p < 1e-5
    assert found.kuiper_p < 1e-4
    assert found.blocks_p01 == 2
    assert found.interesting


def test_an_eclipse_of_10_ks_is_found_where_it_is(tmp_path: Path) -> None:
    curve = seen(tmp_path, 300, eclipse(45_000.0, 55_000.0)).curves["broad"]
    found = told(curve)
    assert found.gl_index in (7, 8)
    (dip,) = [one for one in found.candidates if one.kind == "dip"]
    start_mjd = 50814.0 + LONG.start_s / 86400.0
    since_s = [(mjd - start_mjd) * 86400.0 for mjd in (dip.start_mjd, dip.end_mjd)]
    assert since_s[0] == pytest.approx(45_000, abs=1500)
    assert since_s[1] == pytest.approx(55_000, abs=1500)
    assert dip.probability < 1e-4
    assert dip.counts == 0


def test_a_flare_is_found_where_it_is(tmp_path: Path) -> None:
    found = told(seen(tmp_path, 100, flare(30_000.0, 2000.0, 20.0)).curves["broad"])
    best = min((one for one in found.candidates if one.kind == "flare"), key=lambda one: one.probability)
    start_s = (best.start_mjd - 50814.0) * 86400.0 - LONG.start_s
    assert start_s == pytest.approx(30_000, abs=1000)
    assert best.duration_s < 8000
    assert found.gl_index is not None
    assert found.gl_index >= 8


def test_sources_of_no_and_of_one_count_are_not_variable(tmp_path: Path) -> None:
    for counts, seed in ((0.0, 1), (0.9, 5)):
        made = seen(tmp_path, counts, constant(), seed)
        found = told(made.curves["broad"])
        assert made.source.counts <= 3
        assert found.gl_index in (0, 1, None)
        assert found.gl_probability is None or found.gl_probability == pytest.approx(0.5, abs=0.02)
        assert not found.interesting
        assert not found.candidates


def near_an_edge(folder: Path) -> Path:
    """Write a source that the dither takes off its chip for a part of each period along y."""
    chips = MappingProxyType({7: (4096.5 - 512.0, 3584.0)})
    edge_arcsec = (512.0 - 10.0) * 0.492
    observation = ChandraObservation(chips=chips, ontime_s=50_000.0, dither_periods_s=(1000.0, 707.1))
    scene = ChandraScene((ChandraSource(0.03, x_arcsec=edge_arcsec, sigma_arcsec=0.5),), background_ct_s=0.02)
    return write_evt2(folder, observation, scene).paths[0]


def test_a_source_that_the_dither_takes_over_an_edge_is_flagged(tmp_path: Path) -> None:
    path = near_an_edge(tmp_path)
    where = {"ra": 150.0 - (512.0 - 10.0) * 0.492 / 3600 / np.cos(np.deg2rad(2.0)), "dec": 2.0, "radius": 2.5}
    settings = MISSION.curve_options(MISSION.settings_model(), **where)
    identity = MISSION.identify(path)
    assert identity is not None
    findings = run_checks(MISSION.checks, MISSION.load([identity]), settings)
    reasons = {finding.reason: finding.message for finding in findings}
    assert "Near chip edge" in reasons
    assert "1000 s of Y" in reasons["Dither"]
    found = told(hstlc.light_curve(path, bin_width=100.0, **where))
    assert found.peak_period_s == pytest.approx(1000.0, rel=0.01)
    assert found.peak_note == "dither Y"


def test_a_source_in_the_middle_of_its_chip_does_not_follow_the_dither(tmp_path: Path) -> None:
    shapes = (constant(), step(20_000.0, 0.3), flare(10_000.0, 500.0, 15.0))
    for seed, shape in enumerate(shapes):
        observation = ChandraObservation(ontime_s=50_000.0, seed=seed)
        scene = ChandraScene((ChandraSource(0.01, shape=shape),), background_ct_s=0.02)
        identity = MISSION.identify(write_evt2(tmp_path, observation, scene).paths[0])
        assert identity is not None
        settings = MISSION.curve_options(MISSION.settings_model(), **HERE)
        findings = run_checks(MISSION.checks, MISSION.load([identity]), settings)
        assert not {"Dither", "Near chip edge"} & {finding.reason for finding in findings}


def test_a_background_flare_is_not_one_of_the_source(tmp_path: Path) -> None:
    def high(time_s: np.ndarray) -> np.ndarray:
        return np.where((time_s >= 20_000) & (time_s < 24_000), 15.0, 1.0)

    scene = ChandraScene((ChandraSource(0.03),), background_ct_s=0.5, background_shape=high)
    observation = ChandraObservation(ontime_s=60_000.0)
    path = write_evt2(tmp_path, observation, scene).paths[0]
    curve = hstlc.light_curve(path, ra=150.0, dec=2.0, radius=15.0)
    flaring = (curve["quality"] & 4) > 0
    assert 8 <= np.count_nonzero(flaring) <= 14
    gross = curve["gross"] / curve["exposure"]
    assert gross[flaring].mean() > 1.25 * gross[~flaring].mean()
    net, error = curve["counts"][flaring].sum(), np.sqrt(curve["variance"][flaring].sum())
    assert abs(net - 0.03 * curve["exposure"][flaring].sum()) < 3.5 * error
    assert told(curve).gl_index in (0, 1, 2)


#: Two chips that meet in the middle of the field; the second has half of the good time.
TWO_CHIPS = ChandraObservation(
    chips=MappingProxyType({6: (3072.0, 3584.0), 7: (4096.0, 3584.0)}),
    good_times=MappingProxyType({6: ((0.0, 60_000.0),), 7: ((0.0, 30_000.0),)}),
    ontime_s=60_000.0,
)


def test_a_source_on_two_chips_with_other_good_times_is_constant(tmp_path: Path) -> None:
    observation = replace(TWO_CHIPS, dither_arcsec=0.0)
    scene = ChandraScene((ChandraSource(0.02),), background_ct_s=0.02)
    path = write_evt2(tmp_path, observation, scene).paths[0]
    curve = hstlc.light_curve(path, **HERE)
    found = told(curve)
    assert curve["counts"].sum() / curve["exposure"].sum() == pytest.approx(0.02, rel=0.1)
    assert found.gl_index in (0, 1, 2)
    assert found.ks_p is not None
    assert found.ks_p > 1e-3
    # of the events alone it is not: half of the source is missing in the second half
    times = np.asarray((curve.arrivals or pytest.fail("no arrivals")).time_s) - curve["times"][0]
    assert np.count_nonzero(times < 30_000) > 1.5 * np.count_nonzero(times >= 30_000)


def test_where_one_of_two_chips_is_off_the_dither_is_told(tmp_path: Path) -> None:
    path = write_evt2(tmp_path, TWO_CHIPS, ChandraScene((ChandraSource(0.02),), background_ct_s=0.02)).paths[0]
    identity = MISSION.identify(path)
    assert identity is not None
    settings = MISSION.curve_options(MISSION.settings_model(), **HERE)
    findings = run_checks(MISSION.checks, MISSION.load([identity]), settings)
    assert {"Several CCDs", "Near chip edge", "Dither"} <= {finding.reason for finding in findings}
