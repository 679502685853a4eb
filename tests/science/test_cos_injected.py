"""What is put into a simulated exposure comes out: events one by one, rates and fluxes without bias."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from astropy.io import fits

from hstlc.missions.hst import MISSION
from hstlc.missions.hst.settings import HstSettings
from hstlc.pipeline.inputs import identify
from hstlc.testing.cos import CosExposure, Scene, segments_of, write_exposure

SEEDS = 200
SETTINGS = HstSettings(bin_width="5 s")
NUV = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"), exptime_s=40.0)
BUSY = Scene(rate_ct_s=20.0, background_ct_s=3.0, airglow_ct_s=5.0, junk_ct_s=4.0)
DARK_SKY = replace(BUSY, background_ct_s=0.0)
MOSTLY_BACKGROUND = Scene(rate_ct_s=2.0, background_ct_s=40.0)
MODES = {
    "G130M both segments": (CosExposure(segments=("A", "B"), exptime_s=40.0), BUSY),
    "G130M gap": (CosExposure(gti=((0.032, 20.032), (35.032, 65.032))), BUSY),
    "G140L": (CosExposure(opt_elem="G140L", cenwave=1105, segments=("A", "B"), exptime_s=40.0), BUSY),
    "G185M three stripes": (NUV, BUSY),
    "G185M bright sky": (replace(NUV, exptime_s=20.0), MOSTLY_BACKGROUND),
    "G230L": (replace(NUV, opt_elem="G230L", cenwave=2950), BUSY),
    "image": (replace(NUV, opt_elem="MIRRORA", obstype="IMAGING"), replace(DARK_SKY, junk_ct_s=0.0)),
}


@dataclass(frozen=True)
class Pulls:
    """Measured less injected in units of the error that the curve states, one number a seed."""

    net: np.ndarray
    flux: np.ndarray


known = cache(lambda path: identify(path, ("hst",)))  # each seed writes the same kinds of file to the same paths


def made(folder, exposure, scene):
    """The truth about a simulated exposure and its light curve."""
    truth = write_exposure(folder, exposure, scene)
    return truth, MISSION.extract(MISSION.load([known(path) for path in truth.paths]), SETTINGS).curve


def pulls_of(folder, exposure, scene, seeds):
    net, flux = [], []
    for seed in range(seeds):
        truth, curve = made(folder, replace(exposure, seed=seed), scene)
        live_s = curve["exposure"].sum()
        assert live_s == pytest.approx(truth.live_s, abs=1e-9)
        assert curve.meta["NSOURCE"] == truth.gross_events
        assert curve["gross"].sum() == pytest.approx(truth.gross_epsilon, rel=1e-12)
        net.append((curve["counts"].sum() - truth.net_rate_ct_s * live_s) / np.sqrt(curve["variance"].sum()))
        weight = curve["exposure"] / live_s
        error = np.sqrt(np.nansum((curve["flux_error"] * weight) ** 2))
        flux.append((np.nansum(curve["flux"] * weight) - truth.flux_density) / error if error else np.nan)
    return Pulls(np.array(net), np.array(flux))


def assert_unbiased(pulls):
    assert abs(pulls.mean()) < 3 / np.sqrt(len(pulls))
    assert 0.8 < pulls.std() < 1.2
    assert np.mean(np.abs(pulls) > 3) < 0.02


@pytest.mark.parametrize("mode", MODES)
def test_rate_and_flux_are_unbiased_and_their_errors_are_right(tmp_path, mode):
    exposure, scene = MODES[mode]
    pulls = pulls_of(tmp_path, exposure, scene, SEEDS)
    assert_unbiased(pulls.net)
    if exposure.imaging:
        assert np.isnan(pulls.flux).all()
    else:
        assert_unbiased(pulls.flux)


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_no_bias_shows_in_many_long_exposures(tmp_path, mode):
    exposure, scene = MODES[mode]
    longer = replace(exposure, exptime_s=400.0)
    pulls = pulls_of(tmp_path, longer, scene, 1000)
    for name, values in (("net rate", pulls.net), ("flux", pulls.flux)):
        print(f"{mode}, {name}: mean pull {values.mean():+.3f}, scatter {values.std():.3f}")
    assert_unbiased(pulls.net)
    if not exposure.imaging:
        assert_unbiased(pulls.flux)
        difference = pulls.flux - pulls.net
        assert abs(difference.mean()) < 3.5 * difference.std() / np.sqrt(len(difference))  # seven modes are looked at


@pytest.mark.parametrize("mode", ["G130M both segments", "G140L", "G185M three stripes", "G230L", "image"])
def test_every_injected_event_and_no_other_is_counted(tmp_path, mode):
    exposure, scene = MODES[mode]
    clean = replace(scene, background_ct_s=0.0)
    truth, curve = made(tmp_path, exposure, clean)
    assert curve.meta["NSOURCE"] == truth.source_events > 500
    assert curve.meta["NBACKGR"] == 0
    assert curve["gross"].sum() == pytest.approx(truth.source_epsilon, rel=1e-12)


def test_light_of_the_second_order_never_counts(tmp_path):
    exposure, scene = MODES["G230L"]
    _, with_c = made(tmp_path, replace(exposure, segments=("A", "B", "C")), scene)
    assert with_c.meta["SEGMENTS"] == "NUVA,NUVB"
    assert {key for key in with_c.meta if key.startswith("YLOC_")} == {"YLOC_A", "YLOC_B"}
    only_c = replace(exposure, segments=("C",))
    _, curve = made(tmp_path, only_c, replace(scene, background_ct_s=0.0))
    assert curve["gross"].sum() == 0


@pytest.mark.parametrize("mode", ["G130M both segments", "G140L", "G185M three stripes", "G230L"])
def test_flux_covers_the_injected_wavelengths(tmp_path, mode):
    exposure, scene = MODES[mode]
    truth, curve = made(tmp_path, exposure, scene)
    width = sum(segment.band_width_aa for segment in truth.counted)
    assert curve.meta["DELTAWAV"] == pytest.approx(width, rel=2e-4)


def test_every_event_has_a_flux_to_the_last_pixel(tmp_path):
    """Light in the outer halves of the first and last calibrated pixel is worth as much as its neighbors'."""
    exposure, _ = MODES["G185M three stripes"]
    truth, curve = made(tmp_path, exposure, Scene(rate_ct_s=200.0, background_ct_s=0.0))
    rows = fits.getdata(truth.corrtags[0], "EVENTS")
    fluence = 0.0
    for stripe in segments_of("NUV", "SPECTROSCOPIC", "G185M", 1786):
        here = stripe.in_box(rows["XFULL"].astype(float), rows["YFULL"].astype(float))
        worth = stripe.inverse_sensitivity(rows["WAVELENGTH"][here]) * stripe.dispersion[1]
        fluence += (rows["EPSILON"][here] * worth).sum()
    measured = np.nansum(curve["flux"] * curve["exposure"]) * curve.meta["DELTAWAV"]
    assert measured / fluence == pytest.approx(1, rel=1e-5)
