"""What is put into a simulated STIS exposure comes out: light curves, rates and fluxes without bias."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import hstlc
from hstlc.testing.stis import Scene, StisExposure, flare, sinusoid, write_exposure, write_references

SEEDS, FEWER_SEEDS = 100, 20
BIN_S = 4.0
PULSE = Scene(rate_ct_s=60.0, background_ct_s=5.0, shape=sinusoid(20.0, 0.6))
FLARE = Scene(rate_ct_s=60.0, background_ct_s=5.0, shape=flare(8.0, rise_s=2.0, decay_s=6.0))
DARK = Scene(rate_ct_s=15.0, background_ct_s=40.0)
FIRST_ORDER = StisExposure(exptime_s=40.0)
ECHELLE = StisExposure(exptime_s=40.0, opt_elem="E230M", cenwave=1978, doppmag=12.0)
CROWDED = replace(ECHELLE, opt_elem="E140H", cenwave=1271)
GAP = replace(FIRST_ORDER, gti=((0.0, 13.0), (21.0, 40.0)))
MODES = {
    "first order": (FIRST_ORDER, PULSE, SEEDS),
    "echelle": (ECHELLE, PULSE, SEEDS),
    "first order, flare and gap": (GAP, replace(FLARE, gap_ct_s=60.0), FEWER_SEEDS),
    "first order, Lyman alpha": (replace(FIRST_ORDER, opt_elem="G140M", cenwave=1222), PULSE, FEWER_SEEDS),
    "first order, dark": (replace(FIRST_ORDER, exptime_s=20.0), DARK, FEWER_SEEDS),
    "echelle, dark": (replace(ECHELLE, exptime_s=20.0), DARK, FEWER_SEEDS),
    "echelle, orders close together": (CROWDED, PULSE, FEWER_SEEDS),
    "two imsets": (replace(FIRST_ORDER, exptime_s=14.0, imsets=2, pause_s=7.0), PULSE, FEWER_SEEDS),
    "out of order": (replace(FIRST_ORDER, steps_back=3), PULSE, FEWER_SEEDS),
    "image": (StisExposure(opt_elem="MIRNUV", cenwave=0, exptime_s=40.0), replace(PULSE, background_ct_s=0.0), 15),
}


@dataclass(frozen=True)
class Measured:
    """Of each seed: pulls of net counts and of flux of the whole exposure and bin by bin, and the curve of the last."""

    net: np.ndarray
    flux: np.ndarray
    counts_by_bin: np.ndarray
    flux_by_bin: np.ndarray


def windows(curve) -> list[tuple[float, float]]:
    """The wavelengths that were left out."""
    texts = str(curve.meta.get("AIRGWIN") or "").split(", ")
    return [tuple(map(float, text.split("-"))) for text in texts if text]


def measure(folder: Path, exposure: StisExposure, scene: Scene, seeds: int) -> Measured:
    net, flux, counts_by_bin, flux_by_bin = [], [], [], []
    for seed in range(seeds):
        truth = write_exposure(folder, replace(exposure, seed=seed), scene)
        curve = hstlc.light_curve(truth.tag, bin_width=BIN_S)
        live = curve["exposure"]
        assert live.sum() == pytest.approx(truth.live_s, abs=1e-9)
        edges = np.append(curve["times"], curve["times"][-1] + curve["bins"][-1])
        expected = truth.expected_counts(edges)
        assert expected.sum() == pytest.approx(truth.net_rate_ct_s * truth.live_s)
        variance = curve["variance"]
        net.append((curve["counts"] - expected).sum() / np.sqrt(variance.sum()))
        used = live > 0
        counts_by_bin.append((curve["counts"] - expected)[used])
        density = truth.flux_density(windows(curve))
        injected = density * expected[used] / (truth.net_rate_ct_s * live[used])
        weight = live[used] / live.sum()
        error = np.sqrt(((curve["flux_error"][used] * weight) ** 2).sum())
        flux.append(((curve["flux"][used] - injected) * weight).sum() / error)
        flux_by_bin.append((curve["flux"][used] - injected) / density)
    return Measured(*map(np.array, (net, flux, counts_by_bin, flux_by_bin)))


def assert_unbiased(pulls: np.ndarray) -> None:
    n = len(pulls)
    assert abs(pulls.mean()) < 3 / np.sqrt(n)
    assert abs(pulls.std() - 1) < 3 / np.sqrt(2 * n)


def assert_no_bin_is_biased(differences: np.ndarray) -> None:
    """The mean curve of all seeds is the injected one, as closely as its scatter says."""
    error = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    pulls = differences.mean(axis=0) / error
    assert np.abs(pulls).max() < 4  # some ten bins are looked at
    assert (pulls**2).sum() < len(pulls) + 4 * np.sqrt(2 * len(pulls))


@pytest.mark.parametrize("mode", MODES)
def test_light_curve_and_flux_are_unbiased_and_their_errors_are_right(tmp_path, mode):
    exposure, scene, seeds = MODES[mode]
    measured = measure(tmp_path, exposure, scene, seeds)
    assert_unbiased(measured.net)
    assert_no_bin_is_biased(measured.counts_by_bin)
    if exposure.imaging:
        assert np.isnan(measured.flux).all()
    else:
        assert_unbiased(measured.flux)
        assert_no_bin_is_biased(measured.flux_by_bin)


@pytest.mark.soak
@pytest.mark.parametrize("mode", ["first order", "first order, dark", "echelle", "echelle, orders close together"])
def test_no_bias_shows_in_many_exposures(tmp_path, mode):
    exposure, scene, _ = MODES[mode]
    measured = measure(tmp_path, exposure, scene, 300)
    for name, values in (("net rate", measured.net), ("flux", measured.flux)):
        print(f"STIS {mode}, {name}: mean pull {values.mean():+.3f}, scatter {values.std():.3f}")
    assert_unbiased(measured.net)
    assert_unbiased(measured.flux)


def test_weights_give_back_what_the_detector_takes(tmp_path, monkeypatch):
    """Flat fields and bad pixels: a flat field that was multiplied, or bad pixels of another grating, would show."""
    exposure = replace(FIRST_ORDER, flat=0.3, doppmag=9.0, bad_pixels=True)
    scene = replace(PULSE, background_ct_s=1.0, rate_ct_s=200.0, hot_ct_s=100.0)
    write_references(tmp_path / "oref", exposure)
    monkeypatch.setenv("oref", f"{tmp_path / 'oref'}/")
    measured = measure(tmp_path, exposure, scene, FEWER_SEEDS)
    assert_unbiased(measured.net)
    assert_unbiased(measured.flux)
    monkeypatch.delenv("oref")
    truth = write_exposure(tmp_path, exposure, scene)
    without = hstlc.light_curve(truth.tag, bin_width=BIN_S)
    assert without["counts"].sum() > 1.2 * truth.net_rate_ct_s * truth.live_s  # the hot pixels shine through


@pytest.mark.parametrize("mode", ["first order", "echelle", "echelle, orders close together"])
def test_every_injected_event_and_no_other_is_counted(tmp_path, mode):
    exposure, scene, _ = MODES[mode]
    truth = write_exposure(tmp_path, exposure, replace(scene, background_ct_s=0.0))
    curve = hstlc.light_curve(truth.tag, bin_width=BIN_S)
    edges = np.append(curve["times"], curve["times"][-1] + curve["bins"][-1])
    assert curve["gross"].tolist() == truth.source_counts(edges).tolist()
    assert curve["gross"].sum() == truth.source_events == len(hstlc.read(truth.tag)) > 2000


def test_without_a_spectrum_the_whole_detector_is_summed(tmp_path):
    truth = write_exposure(tmp_path, FIRST_ORDER, PULSE, x1d=False)
    curve = hstlc.light_curve(truth.tag, bin_width=BIN_S)
    assert curve["gross"].sum() == len(fits.getdata(truth.tag, 1)) > 10 * truth.source_events / 2
    assert not curve["background"].any()
    assert np.isnan(curve["flux"]).all()
