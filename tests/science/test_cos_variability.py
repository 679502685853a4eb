"""Constant sources look constant at any brightness, with any gap, and a pulsation is found."""

import numpy as np
import pytest

from hstlc.missions.hst import MISSION
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import LightCurve
from hstlc.pipeline.inputs import identify
from hstlc.stats import statistics
from hstlc.testing.cos import CosExposure, Scene, sinusoid, write_exposure

GAP = ((0.032, 300.032), (600.032, 900.032))


def curve_of(folder, exposure, scene, **settings):
    files = [identify(path, ("hst",)) for path in write_exposure(folder, exposure, scene, x1d=False).paths]
    return MISSION.extract(MISSION.load(files), HstSettings(**settings)).curve


def test_a_bright_constant_source_is_constant(tmp_path):
    curve = curve_of(tmp_path, CosExposure(exptime_s=120.0, seed=3), Scene(rate_ct_s=13_000.0, background_ct_s=20.0))
    assert curve["gross"].sum() / curve["exposure"].sum() > 13_000
    found = statistics(curve)
    assert found.reduced_chi2 == pytest.approx(1.0, abs=0.15)
    assert found.interesting is False
    assert found.periodogram is False

    naive = statistics(without_ticks(curve))
    assert naive.reduced_chi2 > 2
    assert naive.interesting is True
    assert naive.peak_period_s == pytest.approx(4.0, abs=0.1)


def without_ticks(curve):
    """The same curve by someone who thinks that every 2-s bin is 2 s long."""
    width_s = curve["bins"]
    rate = curve["counts"] / width_s
    return LightCurve({**curve.data, "exposure": width_s, "rate": rate, "net": rate}, curve.gti, curve.reference)


@pytest.mark.parametrize("seed", range(8))
def test_a_gap_does_not_make_a_constant_source_interesting(tmp_path, seed):
    curve = curve_of(tmp_path, CosExposure(gti=GAP, seed=seed), Scene(rate_ct_s=30.0, background_ct_s=3.0))
    found = statistics(curve)
    assert found.interesting is False
    assert found.exposure_s == pytest.approx(600.0)
    assert curve["exposure"][151:300].sum() == 0
    assert len(curve) == 451


@pytest.mark.parametrize("seed", range(4))
def test_a_pulsation_is_found(tmp_path, seed):
    scene = Scene(rate_ct_s=20.0, background_ct_s=3.0, shape=sinusoid(120.0, 0.3))
    found = statistics(curve_of(tmp_path, CosExposure(exptime_s=1200.0, seed=seed), scene))
    assert found.interesting is True
    assert found.false_alarm_probability < 1e-3
    assert found.peak_period_s == pytest.approx(120.0, abs=2.0)


def test_false_alarms_of_constant_sources_are_as_rare_as_promised(tmp_path):
    """At a limit of 1e-3 for either of two tests, 60 constant sources give about 0.1 alarms."""
    probabilities = []
    for seed in range(60):
        curve = curve_of(tmp_path, CosExposure(exptime_s=200.0, seed=seed), Scene(rate_ct_s=20.0, background_ct_s=3.0))
        probabilities.append(statistics(curve).chi2_p)
    assert sum(p < 1e-3 for p in probabilities) <= 1
    assert 0.35 < np.mean(probabilities) < 0.65
