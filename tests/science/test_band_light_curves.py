"""Light curves of bands: the right events in the right bins, and together those of the whole curve."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

import hstlc
from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.settings import HstSettings
from hstlc.pipeline.inputs import identify
from hstlc.plots.display import display
from hstlc.plots.page import curve_page
from hstlc.stats import statistics
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

SCENE = Scene(rate_ct_s=100.0, background_ct_s=10.0, airglow_ct_s=20.0, junk_ct_s=5.0)
PLAIN = CosExposure(segments=("A", "B"), exptime_s=96.0, epsilon=(1.0, 1.0), seed=11)
NUV = replace(PLAIN, detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"))
SI_IV = (1393.0, 1404.0)
STEP_S = 9.6  # 300 ticks of the clock


def load(paths):
    return MISSION.load([identify(path, ("hst",)) for path in paths])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write_exposure(tmp_path_factory.mktemp("plain"), PLAIN, SCENE)


@pytest.fixture(scope="module")
def nuv(tmp_path_factory):
    return write_exposure(tmp_path_factory.mktemp("nuv"), NUV, SCENE)


@pytest.fixture(scope="module")
def blinking(tmp_path_factory):
    """The same exposure, without the photons of Si IV in every second interval of 9.6 s."""
    truth = write_exposure(tmp_path_factory.mktemp("blinking"), PLAIN, SCENE)

    def edit(units):
        events = units["EVENTS"].data
        tick = np.rint(events["TIME"].astype(float) / 0.032)
        inside = (events["WAVELENGTH"] >= SI_IV[0]) & (events["WAVELENGTH"] < SI_IV[1])
        units["EVENTS"].data = events[~(inside & ((tick - 1) // 300 % 2 == 1))]

    edit_file(truth.corrtags[0], edit)
    return truth


# --- what varies is seen where it varies


def test_a_band_that_blinks_shows_it_and_its_neighbors_do_not(blinking, plain):
    still, blinks = (hstlc.light_curve(t.corrtags[0], band="Si IV", bin_width=STEP_S) for t in (plain, blinking))
    assert still["gross"][still.good].min() > 30
    assert (blinks["gross"][1::2] == 0).all()
    np.testing.assert_array_equal(blinks["gross"][::2], still["gross"][::2])
    assert statistics(blinks).chi2_p < 1e-20
    assert statistics(still).chi2_p > 1e-3
    for outside in ("below = 1312 Angstrom .. 1393 Angstrom", "above = 1404 Angstrom .. 1425 Angstrom", "N V"):
        before, after = (hstlc.light_curve(t.corrtags[0], band=outside, bin_width=STEP_S) for t in (plain, blinking))
        for name in ("gross", "background", "counts", "error", "flux"):
            np.testing.assert_array_equal(after[name], before[name], err_msg=outside)
        assert statistics(after).chi2_p > 1e-3


def test_a_band_has_the_rate_that_its_part_of_the_light_has(plain):
    """The source is flat in counts a pixel: a band has its share of the useful pixels."""
    curve = hstlc.light_curve(plain.corrtags[0], band="Si IV")
    with fits.open(plain.corrtags[0]) as units:
        events = units["EVENTS"].data
    assert curve.meta["DELTAWAV"] == pytest.approx(11.0, abs=0.01)
    share = 11.0 / plain.segments[0].band_width_aa
    expected = share * plain.segments[0].net_rate_ct_s * plain.live_s
    assert curve["counts"].sum() == pytest.approx(expected, abs=4 * np.sqrt(curve["variance"].sum()))
    in_band = (events["WAVELENGTH"] >= SI_IV[0]) & (events["WAVELENGTH"] < SI_IV[1])
    assert curve.meta["NSOURCE"] + curve.meta["NBACKGR"] < in_band.sum()


def test_a_band_of_one_segment_has_the_good_time_of_that_segment(tmp_path):
    truth = write_exposure(tmp_path, PLAIN, SCENE)

    def shorter(units):
        units["GTI"].data["STOP"] = 48.032

    edit_file(truth.corrtags[1], shorter)
    whole, of_a, of_b = (hstlc.light_curve(truth.corrtags[0], **o) for o in ({}, {"band": "Si IV"}, {"band": "N V"}))
    assert whole["exposure"].sum() == pytest.approx(48.0)
    assert of_a["exposure"].sum() == pytest.approx(96.0)
    assert of_b["exposure"].sum() == pytest.approx(48.0)


# --- together they are the whole


def tiled(truth, setting, limits, inner):
    """The light curve of a range of wavelengths, and those of the bands that it is cut into."""
    edges = [limits[0], *sorted(set(inner)), limits[1]]
    pairs = itertools.pairwise(edges)
    bands = [f"b{i} = {low!r} Angstrom .. {high!r} Angstrom" for i, (low, high) in enumerate(pairs)]
    chosen = HstSettings(**{setting: f"{limits[0]!r} Angstrom .. {limits[1]!r} Angstrom"}, bands=tuple(bands))
    made = MISSION.extract(load(truth.paths), chosen)
    assert list(made.bands) == [f"b{i}" for i in range(len(bands))]
    return made.curve, list(made.bands.values())


def assert_together(whole, parts):
    np.testing.assert_array_equal(sum(part["gross"] for part in parts), whole["gross"])
    for name in ("NSOURCE", "NBACKGR"):
        assert sum(part.meta[name] for part in parts) == whole.meta[name]
    for name in ("background", "counts", "variance"):
        np.testing.assert_allclose(sum(part[name] for part in parts), whole[name], rtol=1e-12, atol=1e-12)
    assert sum(part.meta["DELTAWAV"] or 0.0 for part in parts) == pytest.approx(whole.meta["DELTAWAV"], rel=1e-12)


# Not the wavelength of any event: those are float32, in steps of 2^-13 Angstrom here.
FUVA, NUVB = (1300.00003, 1420.00003), (1770.00003, 1800.00003)
inner_edges = st.lists(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), min_size=1, max_size=4)


@settings(max_examples=15)
@given(data=st.data(), inner=inner_edges)
def test_bands_side_by_side_have_together_the_counts_of_the_whole(plain, data, inner):
    with fits.open(plain.corrtags[0]) as units:
        seen = units["EVENTS"].data["WAVELENGTH"].astype(float)
    seen = seen[(seen > FUVA[0]) & (seen < FUVA[1])]
    at_events = data.draw(st.lists(st.integers(0, len(seen) - 1), max_size=3))
    edges = [FUVA[0] + 119.0 * (0.004 + 0.992 * part) for part in inner] + [float(seen[i]) for i in at_events]
    whole, parts = tiled(replace(plain, corrtags=plain.corrtags[:1]), "fuv_wavelength", FUVA, edges)
    assert_together(whole, parts)


def test_the_bands_of_a_stripe_have_together_its_counts(nuv):
    whole, parts = tiled(nuv, "nuv_wavelength", NUVB, [1777.7, 1790.0, 1790.5])
    assert {part.meta["SEGMENTS"] for part in parts} == {"NUVB"}
    assert_together(whole, parts)


# --- what a curve says of itself, and what cannot be made


def test_a_curve_tells_its_band_in_file_and_title(plain, tmp_path):
    curve = hstlc.light_curve(str(plain.corrtags[1]), band="si iv")
    assert {name: curve.meta[name] for name in ("BAND", "WMIN", "WMAX", "SEGMENTS")} == {
        "BAND": "SiIV", "WMIN": 1393.0, "WMAX": 1404.0, "SEGMENTS": "FUVA",
    }  # fmt: skip
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    assert fits.getheader(path).comments["BAND"] == "name of the band of wavelengths"
    back = read_light_curve(path)
    assert back.meta["BAND"] == "SiIV"
    shown = display(back, 20)
    assert " · band SiIV · " in shown.setup
    assert "band SiIV" in curve_page(shown, identity="x", script="bokeh.js", links={}).decode()
    assert "band" not in display(hstlc.light_curve(plain.corrtags[0]), 20).setup


def test_the_option_gives_the_curve_that_the_setting_gives(plain):
    alone = hstlc.light_curve(plain.corrtags[0], band="Si IV")
    stored = MISSION.extract(load(plain.paths), HstSettings(bands=("N V", "Si IV"))).bands["SiIV"]
    assert alone.meta == stored.meta
    for name in alone:
        np.testing.assert_array_equal(alone[name], stored[name])
    by_range = hstlc.light_curve(plain.corrtags[0], wavelength=SI_IV)
    np.testing.assert_array_equal(alone["gross"], by_range["gross"])


def test_a_selection_makes_no_bands(plain):
    """Composites select wavelengths; their members need no bands."""
    made = MISSION.extract(load(plain.paths), HstSettings(bands=("Si IV",)), {"A": (1300.0, 1400.0)})
    assert made.bands == {}


def test_a_band_that_is_not_seen_whole_is_an_error_that_names_it(plain, tmp_path):
    image = write_exposure(tmp_path, replace(NUV, opt_elem="MIRRORA", obstype="IMAGING"), Scene(20.0))
    for path, band in (
        (plain.corrtags[0], "C IV"),
        (plain.corrtags[0], "gap = 1270 Angstrom .. 1295 Angstrom"),
        (image.corrtags[0], "Mg II"),
    ):
        with pytest.raises(UsageError) as caught:
            hstlc.light_curve(path, band=band)
        assert caught.value.code == "usage.bad-option"
        assert path.name in caught.value.message
        assert f"all of the band {band}" in caught.value.message
        assert caught.value.hint
