"""The extraction of COS exposures: boxes, wavelengths, calibration, good time, what is left out and said."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import UsageError
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.cos_extract import response
from hstlc.missions.hst.cos_read import Spectrum, load
from hstlc.missions.hst.cos_regions import Box, dq_mask, extraction_box, stripes
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Quality
from hstlc.pipeline.inputs import identify
from hstlc.stats import statistics
from hstlc.testing.cos import CosExposure, Scene, edit_file, segments_of, write_exposure

SCENE = Scene(rate_ct_s=20.0, background_ct_s=3.0)
NUV = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"), exptime_s=60.0)
IMAGE = replace(NUV, opt_elem="MIRRORA", obstype="IMAGING")
BOTH = CosExposure(segments=("A", "B"), exptime_s=60.0)
A = CosExposure(exptime_s=60.0)


def read(paths):
    return load([identify(path, ("hst",)) for path in paths])


def extraction(exposure, **settings):
    return MISSION.extract(exposure, HstSettings(**settings))


def written(folder, exposure=A, scene=SCENE, **options):
    return write_exposure(folder, exposure, scene, **options)


# ---- boxes


def test_the_box_is_that_of_the_header(tmp_path):
    exposure = read(written(tmp_path, BOTH).paths)
    assert extraction_box(exposure, "A") == Box(425.191, 0.0, 39.0, ((367.0, 35.0), (570.0, 35.0)))
    assert extraction_box(exposure, "B").center == 485.7
    assert extraction_box(exposure, "A").scale == 39 / 70


@pytest.mark.parametrize("value", [-999.0, None])
def test_a_box_that_the_events_lack_is_that_of_the_spectrum(tmp_path, value):
    truth = written(tmp_path)
    expected = extraction(read(truth.paths)).curve

    def without_place(units):
        if value is None:
            del units["EVENTS"].header["SP_LOC_A"]
        else:
            units["EVENTS"].header["SP_LOC_A"] = value

    edit_file(truth.corrtags[0], without_place)
    curve = extraction(read(truth.paths)).curve
    assert curve.meta["YLOC_A"] == 425.191
    np.testing.assert_array_equal(curve["gross"], expected["gross"])
    assert extraction_box(read(truth.corrtags), "A") is None


def test_a_background_box_that_is_absent_does_not_count_in_the_scale(tmp_path):
    truth = written(tmp_path, replace(A, overrides={"B_BKG2_A": -999.0, "B_HGT2_A": -999}))
    exposure = read(truth.paths)
    assert extraction_box(exposure, "A").scale == 39 / 35
    curve = extraction(exposure).curve
    sky = curve["background"].sum() / curve["exposure"].sum()
    assert sky == pytest.approx(truth.segments[0].background_rate_ct_s, rel=0.25)


def test_boxes_follow_the_slope_of_the_trace(tmp_path):
    """With the slope of the header every injected event is in its box, without it many are not."""
    scene = Scene(rate_ct_s=50.0, background_ct_s=0.0)
    truth = written(tmp_path, NUV, scene)
    assert extraction(read(truth.paths)).curve.meta["NSOURCE"] == truth.source_events
    edit_file(truth.corrtags[0], lambda units: units["EVENTS"].header.update({f"SP_SLP_{s}": 0.1 for s in "ABC"}))
    assert extraction(read(truth.paths)).curve.meta["NSOURCE"] < 0.95 * truth.source_events


@pytest.mark.parametrize(
    ("exposure", "expected"),
    [
        (BOTH, {"A": "corrtag_a", "B": "corrtag_b"}),
        (replace(BOTH, segments=("B",)), {"B": "corrtag_b"}),
        (NUV, dict.fromkeys("ABC", "corrtag")),
        (replace(NUV, opt_elem="G230L", cenwave=2950), dict.fromkeys("AB", "corrtag")),
        (IMAGE, {"N": "corrtag"}),
    ],
)
def test_which_segments_add(tmp_path, exposure, expected):
    assert stripes(read(written(tmp_path, exposure).paths)) == expected


@pytest.mark.parametrize(("sdqflags", "mask"), [(8346, 10970), (184, 184 | 2624), (None, 2624), (-1, 2624)])
def test_serious_flags_are_always_masked(tmp_path, sdqflags, mask):
    truth = written(tmp_path, replace(A, overrides={"SDQFLAGS": sdqflags}))
    assert dq_mask(read(truth.corrtags)) == mask


def test_every_event_left_out_is_counted(tmp_path):
    scene = replace(SCENE, junk_ct_s=5.0, airglow_ct_s=5.0)
    truth = written(tmp_path, replace(BOTH, gti=((0.032, 20.032), (30.032, 50.032))), scene)

    def early(units):  # ten events of the first good time are moved into the gap
        units["EVENTS"].data["TIME"][:10] = 25.024

    edit_file(truth.corrtags[0], early)
    meta = extraction(read(truth.paths)).curve.meta
    with fits.open(truth.corrtags[0]) as a, fits.open(truth.corrtags[1]) as b:
        rows = [units["EVENTS"].data for units in (a, b)]
        good = [(one["DQ"] & 10970) == 0 for one in rows]
        assert meta["NEVENTS"] == sum(len(one) for one in rows)
        assert meta["NBADDQ"] == sum(np.count_nonzero(~one) for one in good) > 0
        assert meta["NBADTIME"] == np.count_nonzero(good[0][rows[0]["TIME"] == np.float32(25.024)]) > 0
    assert meta["NWAVE"] > 0


# ---- wavelengths


def test_background_of_a_stripe_has_the_wavelengths_of_the_stripe(tmp_path):
    """A range that only stripe B sees takes source and background of B alone."""
    truth = written(tmp_path, NUV, Scene(rate_ct_s=30.0, background_ct_s=30.0))
    stripe = segments_of("NUV", "SPECTROSCOPIC", "G185M", 1786)[1]
    low, high = stripe.wavelength_aa([100.0, 900.0])
    curve = extraction(read(truth.paths), nuv_wavelength=f"{low} Angstrom .. {high} Angstrom").curve
    live_s = curve["exposure"].sum()
    part = 800 / 1008
    net, sky = (curve[name].sum() / live_s for name in ("counts", "background"))
    error = np.sqrt(curve["variance"].sum()) / live_s
    assert net == pytest.approx(30.0 * 1.025 * part, abs=4 * error)
    assert sky == pytest.approx(30.0 * 1.025 * part, rel=0.15)


def test_an_empty_range_of_wavelengths_gives_zeros_and_no_flux(tmp_path):
    truth = written(tmp_path)
    curve = extraction(read(truth.paths), fuv_wavelength="1700 Angstrom .. 1800 Angstrom").curve
    assert curve["gross"].sum() == 0
    assert np.isnan(curve["flux"]).all()
    assert curve["exposure"].sum() == pytest.approx(truth.live_s)


# ---- calibration


def test_flux_is_what_the_inverse_sensitivity_of_each_event_says(tmp_path):
    truth = written(tmp_path, BOTH)
    curve = extraction(read(truth.paths)).curve
    fluence = 0.0
    for path, segment in zip(truth.corrtags, segments_of("FUV", "SPECTROSCOPIC", "G130M", 1291), strict=True):
        rows = fits.getdata(path, "EVENTS")
        y, wave = rows["YFULL"].astype(float), rows["WAVELENGTH"].astype(float)
        weight = (
            rows["EPSILON"].astype(float) * segment.inverse_sensitivity(np.maximum(wave, 900)) * segment.dispersion[1]
        )
        first, last = segment.detector.active
        good = ((rows["DQ"] & 10970) == 0) & segment.is_useful(wave) & (rows["XFULL"] > first) & (rows["XFULL"] < last)
        fluence += weight[good & segment.in_box(rows["XFULL"], y)].sum()
        for center in segment.background:
            fluence -= 39 / 70 * weight[good & (y >= center - 17.5) & (y < center + 17.5)].sum()
    measured = (curve["flux"] * curve["exposure"])[curve["exposure"] > 0].sum()
    assert measured * curve.meta["DELTAWAV"] / fluence == pytest.approx(1, rel=1e-4)


def test_flux_of_both_segments_is_the_mean_of_each_by_wavelength(tmp_path):
    truth = written(tmp_path, BOTH)
    (a, b), x1d = truth.corrtags, truth.x1d
    both, first, second = (extraction(read(paths)).curve for paths in ((a, b, x1d), (a, x1d), (b, x1d)))
    widths = first.meta["DELTAWAV"], second.meta["DELTAWAV"]
    assert both.meta["DELTAWAV"] == pytest.approx(sum(widths))
    np.testing.assert_allclose(
        both["flux"], (first["flux"] * widths[0] + second["flux"] * widths[1]) / sum(widths), rtol=1e-12
    )
    np.testing.assert_allclose(both["counts"], first["counts"] + second["counts"], atol=1e-9)


def test_pixels_without_net_counts_are_bridged():
    wavelength = np.arange(1300.0, 1310.0)
    net = np.array([1.0, 2, 0, 0, 1, -1, 3, np.nan, 1, 1])
    spectrum = Spectrum(wavelength, 1e-12 * (wavelength - 1200) * net, net)
    found = response(spectrum, (915.0, 1800.0), ())
    np.testing.assert_allclose(found(wavelength), 1e-12 * (wavelength - 1200), rtol=1e-12)
    assert found.width_aa == pytest.approx(10.0)


def test_calibration_ends_with_the_first_and_last_pixel_that_has_one():
    wavelength = np.arange(1300.0, 1310.0)
    net = np.array([0, 0, 1.0, 1, 1, 1, 1, 1, 0, 0])
    found = response(Spectrum(wavelength, 2e-12 * net, net), (915.0, 1800.0), ())
    at = np.array([1301.4, 1301.6, 1307.4, 1307.6])
    np.testing.assert_allclose(found(at), [0, 2e-12, 2e-12, 0])
    assert found.width_aa == pytest.approx(6.0)


def test_width_of_the_spectrum_leaves_out_what_the_events_leave_out():
    wavelength = np.arange(1200.0, 1300.0, 0.1)
    spectrum = Spectrum(wavelength, np.ones(1000), np.ones(1000))
    assert response(spectrum, (1205.0, 1280.0), ((1208.0, 1225.0),)).width_aa == pytest.approx(58.0, abs=0.2)


def test_a_spectrum_that_runs_backwards_is_the_same():
    wavelength = np.arange(2000.0, 1900.0, -1.0)
    spectrum = Spectrum(wavelength, wavelength * 1e-15, np.ones(100))
    found = response(spectrum, (915.0, 3200.0), ())
    np.testing.assert_allclose(found(np.array([1950.5])), 1950.5e-15)


def test_a_spectrum_without_counts_calibrates_nothing():
    empty = Spectrum(np.arange(1300.0, 1310.0), np.zeros(10), np.zeros(10))
    assert response(empty, (915.0, 1800.0), ()).width_aa == 0


def test_without_a_spectrum_the_flux_is_unknown_and_this_is_said(tmp_path):
    truth = written(tmp_path, BOTH, x1d=False)
    result = extraction(read(truth.paths))
    assert np.isnan(result.curve["flux"]).all()
    assert np.isfinite(result.curve["counts"]).all()
    assert [f.reason for f in result.findings] == ["No flux calibration"] * 2
    assert {f.severity for f in result.findings} == {"flag"}
    assert [f.message.split(";")[0] for f in result.findings] == [f"no x1d for segment {s}" for s in "AB"]


def test_a_spectrum_without_one_of_the_segments(tmp_path):
    truth = written(tmp_path, BOTH)
    edit_file(truth.x1d, lambda units: setattr(units[1], "data", units[1].data[:1]))
    result = extraction(read(truth.paths))
    assert np.isnan(result.curve["flux"]).all()
    (finding,) = result.findings
    assert finding.message == "the x1d has no row for segment B; the flux is NaN"


def test_an_image_has_counts_and_no_flux(tmp_path):
    truth = written(tmp_path, IMAGE, Scene(rate_ct_s=30.0, background_ct_s=5.0))
    result = extraction(read(truth.paths))
    assert result.curve.meta["NSOURCE"] == truth.gross_events
    assert result.curve["background"].sum() == 0
    assert np.isnan(result.curve["flux"]).all()
    assert "imaging" in result.findings[0].message
    assert {"WMIN", "AIRGWIN", "DELTAWAV", "SEGMENTS"}.isdisjoint(
        key for key, value in result.curve.meta.items() if value is not None
    )


# ---- time


def test_bins_start_at_expstart_whatever_the_first_event(tmp_path):
    curve = extraction(read(written(tmp_path, replace(A, gti=((100.032, 130.032),))).paths)).curve
    assert curve["times"][0] == 0
    assert curve.reference.mjd == curve.meta["EXPSTART"] == 58300.25
    dead = curve["time"] < 100
    np.testing.assert_array_equal(curve["quality"][dead], Quality.NO_LIVE_TIME | Quality.LOW_FRACTION)
    assert curve["gross"][dead].sum() == 0


def test_segments_add_in_the_time_that_is_good_for_both(tmp_path):
    truth = written(tmp_path, BOTH)
    edit_file(truth.corrtags[1], lambda units: units["GTI"].data.__setitem__(0, (20.0, 60.032)))
    curve = extraction(read(truth.paths)).curve
    assert curve["exposure"].sum() == pytest.approx(1251 * 0.032)  # ticks 626 to 1876
    assert curve["gross"][:10].sum() == 0
    rate = curve["counts"].sum() / curve["exposure"].sum()
    assert rate == pytest.approx(truth.net_rate_ct_s, abs=4 * np.sqrt(curve["variance"].sum()) / 40)


def test_the_last_good_times_of_a_file_count(tmp_path):
    truth = written(tmp_path)

    def second_gti(units):
        later = units["GTI"].copy()
        later.data = later.data.copy()
        later.data[0] = (10.016, 20.032)
        later.header["EXTVER"] = 2
        units.append(later)

    edit_file(truth.corrtags[0], second_gti)
    assert extraction(read(truth.paths)).curve["exposure"].sum() == pytest.approx(10.016)


def test_no_good_time_at_all(tmp_path):
    truth = written(tmp_path)
    edit_file(truth.corrtags[0], lambda units: setattr(units["GTI"], "data", units["GTI"].data[:0]))
    curve = extraction(read(truth.paths)).curve
    assert len(curve) == 1
    assert curve["exposure"].tolist() == curve["gross"].tolist() == [0.0]
    assert curve.meta["NBADTIME"] > 0
    assert statistics(curve).bins_used == 0


def test_one_event(tmp_path):
    truth = written(tmp_path)

    def one(units):
        rows = units["EVENTS"].data
        in_box = np.flatnonzero((rows["WAVELENGTH"] > 1320) & (np.abs(rows["YFULL"] - 425.191) < 5) & (rows["DQ"] == 0))
        units["EVENTS"].data = rows[in_box[:1]]

    edit_file(truth.corrtags[0], one)
    curve = extraction(read(truth.paths)).curve
    assert np.count_nonzero(curve["gross"]) == 1
    assert 0.95 <= curve["gross"].sum() <= 1.10
    assert statistics(curve).interesting is not True


def test_order_of_the_rows_does_not_matter(tmp_path):
    truth = written(tmp_path, BOTH)
    expected = extraction(read(truth.paths)).curve
    rng = np.random.default_rng(1)
    for path in truth.corrtags:
        edit_file(path, lambda units: setattr(units["EVENTS"], "data", rng.permutation(units["EVENTS"].data)))
    shuffled = extraction(read(truth.paths)).curve
    for name in expected:
        np.testing.assert_allclose(shuffled[name], expected[name], rtol=1e-9, atol=1e-30, err_msg=name)


@pytest.mark.parametrize("width_s", [0.032, 0.1, 1.0, 7.3, 61.0, 1000.0])
def test_any_width_has_the_same_totals(tmp_path, width_s):
    exposure = read(written(tmp_path, BOTH).paths)
    wanted, curve = (extraction(exposure, bin_width=f"{w} s").curve for w in (2.0, width_s))
    for name in ("gross", "background", "counts", "variance", "exposure"):
        assert curve[name].sum() == pytest.approx(wanted[name].sum(), rel=1e-9), name
    assert curve.meta["NSOURCE"] == wanted.meta["NSOURCE"]
    fluence = [np.nansum(one["flux"] * one["exposure"]) for one in (curve, wanted)]
    np.testing.assert_allclose(*fluence, rtol=1e-9)


def test_bins_shorter_than_the_clock_period_are_refused(tmp_path):
    exposure = read(written(tmp_path).paths)
    with pytest.raises(UsageError) as caught:
        extraction(exposure, bin_width="0.03 s")
    assert caught.value.code == "usage.bin-width"
    assert "0.032" in caught.value.hint
