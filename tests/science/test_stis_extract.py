"""The extraction of STIS exposures: boxes, background, weights, wavelengths, good time; what is said of each."""

import io
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from stis_tables import START_MJD, order_row, write_tag, write_x1d

import hstlc
from hstlc.errors import UsageError
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.identify import identify
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_corrtag import COLUMNS
from hstlc.missions.hst.stis_extract import stis_windows
from hstlc.testing.stis import Scene, StisExposure, write_exposure, write_references

TRACE, SHIFTA2 = 799.5, 19.0  # of a row at 400 in low-resolution pixels
SECOND = 8000  # ticks


@pytest.fixture(autouse=True)
def no_reference_files(monkeypatch):
    monkeypatch.delenv("oref", raising=False)


def events(*places, n=1, start_s=0.0, length_s=10.0):
    """Events at places (AXIS1, AXIS2), ``n`` at each, spread over some time."""
    ticks = np.rint((start_s + length_s * (np.arange(n * len(places)) + 0.5) / (n * len(places))) * SECOND)
    return [(tick, x, y, x) for tick, (x, y) in zip(ticks, [place for place in places for _ in range(n)], strict=True)]


def extraction(folder, selection=None, **options):
    exposure = MISSION.load([identify(path) for path in sorted(folder.glob("*.fits"))])
    return MISSION.extract(exposure, HstSettings(**options), selection)


def made(folder, rows, *imsets, x1d=None, spectrum_header=None, options=None, **tag):
    write_tag(folder / "otst00010_tag.fits", *imsets, **tag)
    if rows is not None:
        write_x1d(folder / "otst00010_x1d.fits", *(x1d or [rows]), **(spectrum_header or {}))
    return extraction(folder, **(options or {}))


def reasons(extracted):
    return [finding.reason for finding in extracted.findings]


# --- the source box


def test_events_are_taken_around_the_trace_in_the_frame_of_the_events(tmp_path):
    """Once the row of the x1d was taken for one of the events' frame, and SHIFTA2 was added to it a second time."""
    wrong = [400, 400 + SHIFTA2, TRACE + 2 * SHIFTA2]
    places = [(1000, y) for y in (788, 789, 810, 811)] + [(1000, int(y)) for y in wrong]
    curve = made(tmp_path, [order_row(400.0, size=11.0)], events(*places, n=3), SHIFTA2=SHIFTA2).curve
    assert curve["gross"].sum() == 6
    assert (curve.meta["NEVENTS"], curve.meta["NSOURCE"]) == (21, 6)


def test_the_box_follows_a_tilted_trace(tmp_path):
    row = order_row(np.linspace(300.0, 500.0, 1024), size=7.0)
    places = [(1, 599), (1, 999), (2048, 999), (2048, 599), (1024, 799)]
    assert made(tmp_path, [row], events(*places)).curve["gross"].sum() == 3


def test_what_lies_beside_the_box_is_not_counted(tmp_path):
    """Once the whole detector was summed."""
    inside = events((700, 800), n=50)
    dark = events(*[(x, y) for x in range(50, 2000, 150) for y in (100, 400, 1100, 1700)], n=2)
    alone = made(tmp_path, [order_row()], inside).curve
    both = made(tmp_path, [order_row()], sorted(inside + dark)).curve
    np.testing.assert_array_equal(both["gross"], alone["gross"])


def test_an_event_that_the_doppler_correction_shifts_off_the_detector_is_left_out(tmp_path):
    found = [(SECOND, 0, 800, 1), (2 * SECOND, 1, 800, 2), (3 * SECOND, 2048, 800, 2047)]
    curve = made(tmp_path, [order_row()], found).curve
    assert curve["gross"].sum() == 2
    assert curve.meta["NBADDQ"] == 1


def test_an_event_in_two_source_boxes_counts_once_for_the_nearest(tmp_path):
    rows = [
        order_row(400.0, order=88, sensitivity=1e-14),
        order_row(406.0, order=87, sensitivity=3e-14),
    ]
    options = {"airglow": "none"}
    curve = made(tmp_path, rows, events((700, 805), n=4), options=options).curve
    assert curve["gross"].sum() == 4
    fluence = np.nansum(curve["flux"] * curve["exposure"]) * curve.meta["DELTAWAV"]
    assert fluence == pytest.approx(4 * 1e-14 * 0.5832, rel=1e-6, abs=0)
    curve = made(tmp_path, rows, events((700, 806), n=4), options=options).curve
    fluence = np.nansum(curve["flux"] * curve["exposure"]) * curve.meta["DELTAWAV"]
    assert fluence == pytest.approx(4 * 3e-14 * 0.5832, rel=1e-6, abs=0)
    assert (curve.meta["SEGMENTS"], curve.meta["DELTAWAV"]) == ("87-88", pytest.approx(2 * 1024 * 0.5832))


# --- the background


def test_background_is_subtracted_by_area(tmp_path):
    """Once nothing was. Boxes at 799.5 +- 600 of 10 rows each, a source box of 22 rows."""
    places = [(700, 199), (900, 1400)]
    curve = made(tmp_path, [order_row()], events((800, 800), n=100) + events(*places, n=10)).curve
    assert curve["background"].sum() == pytest.approx(20 * 22 / 20)
    assert curve["counts"].sum() == pytest.approx(78.0)
    assert curve["variance"].sum() == pytest.approx(100 + 20 * (22 / 20) ** 2)
    assert curve.meta["NBACKGR"] == 20


def test_a_constant_dark_detector_has_no_net_counts(tmp_path):
    rng = np.random.default_rng(1)
    n = 200_000
    found = np.stack([rng.integers(1, 10 * SECOND, n), *(rng.integers(1, 2049, n) for _ in range(3))], axis=1)
    rows = [order_row(300.0 + 20 * i, order=80 + i, size=7.0, offsets=(-10.0, 10.0)) for i in range(5)]
    curve = made(tmp_path, rows, found[np.argsort(found[:, 0])]).curve
    assert curve["gross"].sum() > 5000
    assert abs(curve["counts"].sum()) < 4 * np.sqrt(curve["variance"].sum())


def test_events_of_a_neighboring_order_are_no_background(tmp_path):
    """The upper box of order 87, rows 819 to 828, runs into the source box of order 86, rows 825 to 838."""
    rows = [
        order_row(400.0, order=87, size=7.0, offsets=(12.0, -12.0)),
        order_row(416.0, order=86, size=7.0, offsets=(60.0, -60.0)),
    ]
    found = events((700, 826), n=500) + events((700, 820), n=8)
    curve = made(tmp_path, rows, sorted(found)).curve
    assert curve["gross"].sum() == 500
    assert curve["background"].sum() == pytest.approx(8 * 14 / 16)


def test_where_no_background_is_free_that_of_the_spectrum_is_subtracted(tmp_path):
    """Three orders 14 rows apart: the boxes of the middle one, of one row, are wholly within those of the others."""
    near = {"size": 7.0, "sizes": (0.5, 0.5)}
    rows = [
        order_row(393.0, order=88, **near, offsets=(-60.0, -70.0)),
        order_row(400.0, order=87, **near, offsets=(6.0, -6.0), background=0.002),
        order_row(407.0, order=86, **near, offsets=(60.0, 70.0)),
    ]
    extracted = made(tmp_path, rows, events((700, 800), n=100), options={"airglow": "none"})
    assert reasons(extracted) == ["Background of the x1d"]
    assert "87" in extracted.findings[0].message
    curve = extracted.curve
    assert curve["background"] == pytest.approx(0.002 * 1024 * curve["exposure"])
    fluence = (curve["flux"] * curve["exposure"]).sum() * curve.meta["DELTAWAV"]
    assert fluence == pytest.approx((100 - 0.002 * 1024 * 10) * 2e-14 * 0.5832, rel=1e-6, abs=0)
    alone = extraction(tmp_path, {"87": (1200.0, 1300.0)}, airglow="none").curve
    pixels = np.arange(1024) * 0.5832 + 1119.0
    assert alone["background"].sum() == pytest.approx(10 * 0.002 * ((pixels >= 1200) & (pixels <= 1300)).sum())


# --- flux, wavelengths


def test_flux_is_that_of_the_spectrum(tmp_path):
    """A rate of 1 count/s in every pixel has the flux that the archive gives the same net rate."""
    places = [(x, 800) for x in range(1, 2049)]
    curve = made(tmp_path, [order_row(net=1.0)], events(*places, n=5), options={"airglow": "none"}).curve
    live = curve["exposure"].sum()
    assert (curve["flux"] * curve["exposure"]).sum() / live == pytest.approx(2e-14, rel=1e-6, abs=0)
    assert live == pytest.approx(10.0)


def test_orders_give_the_mean_flux_over_all_of_their_wavelengths(tmp_path):
    wide, narrow = (1200.0, 0.06), (1150.0, 0.02)
    rows = [order_row(300.0, order=90, wavelength=wide), order_row(500.0, order=91, wavelength=narrow)]
    found = events(*[(x, 600) for x in range(1, 2049)], n=4) + events(*[(x, 1000) for x in range(1, 2049)], n=8)
    curve = made(tmp_path, rows, sorted(found), options={"airglow": "none"}).curve
    flux = (curve["flux"] * curve["exposure"]).sum() / curve["exposure"].sum()
    each = [0.8 * 2e-14, 1.6 * 2e-14]  # 4 and 8 events a high-resolution column in 10 s
    assert flux == pytest.approx((each[0] * 0.06 + each[1] * 0.02) / 0.08, rel=1e-6, abs=0)


def test_wavelengths_are_those_of_the_column_of_the_spectrum(tmp_path):
    places = [(x, 800) for x in range(1, 2049)]
    write_tag(tmp_path / "otst00010_tag.fits", events(*places))
    write_x1d(tmp_path / "otst00010_x1d.fits", [order_row()])
    wavelength = 1119.0 + 0.5832 * ((np.arange(1, 2049) + 0.5) / 2 - 1)
    curve = hstlc.light_curve(tmp_path / "otst00010_tag.fits", wavelength=(1400.0, 1500.0), bin_width=1.0)
    inside = ((wavelength >= 1400) & (wavelength <= 1500)).sum()
    assert (len(curve), curve["gross"].sum()) == (10, inside)
    assert (curve.meta["WMIN"], curve.meta["WMAX"], curve.meta["NWAVE"]) == (1400.0, 1500.0, 2048 - inside)
    curve = hstlc.light_curve(tmp_path / "otst00010_tag.fits")
    left_out = sum(((wavelength >= low) & (wavelength <= high)).sum() for low, high in ((1208, 1225), (1298, 1312)))
    assert curve["gross"].sum() == 2048 - left_out


def test_orders_that_are_not_selected_are_left_out_but_stay_no_background(tmp_path):
    rows = [
        order_row(400.0, order=87, size=7.0, offsets=(12.0, -12.0)),
        order_row(416.0, order=86, size=7.0, offsets=(12.0, -12.0)),
    ]
    write_tag(tmp_path / "otst00010_tag.fits", sorted(events((700, 800), n=10) + events((700, 826), n=500)))
    write_x1d(tmp_path / "otst00010_x1d.fits", rows)
    curve = extraction(tmp_path, {"87": (1100.0, 1800.0)}).curve
    assert (curve["gross"].sum(), curve["background"].sum()) == (10, 0)
    assert curve.meta["SEGMENTS"] == "87"


def test_what_each_order_covers_is_told_for_composites(tmp_path):
    rows = [
        order_row(300.0, order=90, wavelength=(1200.0, 0.06)),
        order_row(500.0, order=91, wavelength=(1150.0, 0.02)),
    ]
    extracted = made(tmp_path, rows, events((700, 600), n=10))
    assert extracted.extra["wavelength_aa"] == {
        "90": (1200.0, pytest.approx(1261.38)),
        "91": (1150.0, pytest.approx(1170.46)),
    }


def test_members_of_a_composite_compare_order_by_order(tmp_path):
    first = [
        order_row(300.0, order=90, wavelength=(1200.0, 0.06)),
        order_row(500.0, order=91, wavelength=(1150.0, 0.06)),
    ]
    second = [order_row(300.0, order=90, wavelength=(1201.0, 0.06))]
    members = []
    for i, rows in enumerate((first, second)):
        folder = tmp_path / str(i)
        extracted = made(folder, rows, events((700, 600), n=10))
        values = MISSION.describe(MISSION.load([identify(path) for path in folder.glob("*.fits")]))
        members.append(replace(values, extra={**values.extra, **extracted.extra}))
    common = MISSION.comparable(members, HstSettings())
    assert common.selection == {"90": (1201.0, pytest.approx(1261.38))}
    assert common.excluded == {}


@pytest.mark.parametrize(
    ("table", "detector", "expected"),
    [
        ("hstlc", "FUV-MAMA", ((1208.0, 1225.0), (1298.0, 1312.0))),
        ("calcos", "FUV-MAMA", ((1208.0, 1225.0), (1298.0, 1312.0))),
        ("none", "FUV-MAMA", ()),
        ("hstlc", "NUV-MAMA", ()),
        ("wide", "NUV-MAMA", ()),
    ],
)
def test_airglow_is_left_out_of_the_far_ultraviolet(table, detector, expected):
    assert stis_windows(table, detector) == expected


def test_settings_that_an_extraction_reads(tmp_path):
    write_tag(tmp_path / "otst00010_tag.fits", events((1, 1)))
    values = MISSION.describe(MISSION.load([identify(tmp_path / "otst00010_tag.fits")]))
    read = MISSION.extraction_settings(values, HstSettings())
    assert read["airglow"] == [[1208.0, 1225.0], [1298.0, 1312.0]]
    assert read["fuv_wavelength_aa"] == [915.0, 1800.0]
    near = MISSION.extraction_settings(replace(values, detector="NUV-MAMA"), HstSettings())
    assert near.keys() == {"bin_width_s", "minimum_fraction", "nuv_wavelength_aa"}


# --- time


def test_bins_count_from_the_start_and_hold_the_live_time_of_whole_ticks(tmp_path):
    found = [
        (1, 700, 800, 700),
        (SECOND * 2, 700, 800, 700),
        (SECOND * 2 + 1, 700, 800, 700),
        (SECOND * 5, 700, 800, 700),
    ]
    curve = made(tmp_path, [order_row()], found, gti=[(0.0, 2.5), (4.0, 9.0)]).curve
    assert curve["gross"].tolist() == [2, 1, 1, 0, 0]
    assert curve["exposure"] == pytest.approx([2.0, 0.5, 2.0, 2.0, 1.0], abs=1e-9)
    assert curve["fraction"] == pytest.approx([1.0, 0.25, 1.0, 1.0, 0.5])
    assert curve.reference.mjd == START_MJD
    assert curve.meta["TICK"] == 125e-6


def test_bins_cannot_be_shorter_than_a_tick(tmp_path):
    write_tag(tmp_path / "otst00010_tag.fits", events((700, 800), n=9), gti=[(0.0, 0.01)])
    write_x1d(tmp_path / "otst00010_x1d.fits", [order_row()])
    assert len(hstlc.light_curve(tmp_path / "otst00010_tag.fits", bin_width=125e-6)) == 80
    with pytest.raises(UsageError) as caught:
        hstlc.light_curve(tmp_path / "otst00010_tag.fits", bin_width=100e-6)
    assert caught.value.code == "usage.bin-width"


def test_events_out_of_order_fall_into_their_bins(tmp_path):
    found = events((700, 800), n=400)
    shuffled = [found[i] for i in np.random.default_rng(2).permutation(len(found))]
    ordered, mixed = (
        made(tmp_path / name, [order_row()], rows).curve for name, rows in (("a", found), ("b", shuffled))
    )
    for name in ordered:
        np.testing.assert_allclose(mixed[name], ordered[name], rtol=1e-12)


# --- repeated exposures


def two_imsets(folder, first, second, x1d):
    found = (
        events(*[(x, 800) for x in range(1, 2049)], n=5),
        events(*[(x, int(second)) for x in range(1, 2049)], n=5, start_s=20.0),
    )
    times = {"gti": [(0, 10), (20, 30)], "starts_s": (0.0, 20.0)}
    return made(folder, first, *found, x1d=x1d, options={"airglow": "none"}, **times)


def test_repeated_exposures_are_one_curve_each_with_its_own_spectrum(tmp_path):
    first, second = order_row(400.0), order_row(420.0, sensitivity=1e-14)
    curve = two_imsets(tmp_path, first, 840, [[first], [second]]).curve
    assert (len(curve), curve["gross"].sum()) == (15, 2 * 5 * 2048)
    assert curve["exposure"] == pytest.approx([2.0] * 5 + [0.0] * 5 + [2.0] * 5, abs=1e-9)
    assert curve["flux"][:5] == pytest.approx([2e-14] * 5, rel=2e-3, abs=0)
    assert curve["flux"][10:] == pytest.approx([1e-14] * 5, rel=2e-3, abs=0)
    assert np.isnan(curve["flux"][5:10]).all()


def test_spectra_of_other_widths_do_not_change_the_flux(tmp_path):
    first, second = order_row(400.0), order_row(420.0, wavelength=(1119.0, 0.2916))
    curve = two_imsets(tmp_path, first, 840, [[first], [second]]).curve
    assert curve["flux"][10:] == pytest.approx([2e-14] * 5, rel=2e-3, abs=0)


def test_an_imset_without_a_spectrum_takes_the_boxes_of_another(tmp_path):
    first = order_row(400.0)
    extracted = two_imsets(tmp_path, first, 800, [[first]])
    assert reasons(extracted) == ["Missing spectrum"]
    assert "imset 2" in extracted.findings[0].message
    assert extracted.curve["gross"].sum() == 2 * 5 * 2048


# --- what is missing


def test_without_a_spectrum_the_whole_detector_is_summed_and_it_is_said(tmp_path):
    extracted = made(tmp_path, None, events((700, 800), (5, 2000), n=7))
    assert reasons(extracted) == ["No flux calibration"]
    assert "whole detector" in extracted.findings[0].message
    assert extracted.curve["gross"].sum() == 14
    assert extracted.curve["background"].sum() == 0
    assert np.isnan(extracted.curve["flux"]).all()
    assert extracted.extra["wavelength_aa"] == {}


def test_a_spectrum_of_zeros_is_none(tmp_path):
    extracted = made(tmp_path, [order_row(net=0.0)], events((700, 800), n=7))
    assert "no extracted order" in extracted.findings[0].message
    assert np.isnan(extracted.curve["flux"]).all()


def test_images_have_no_wavelengths(tmp_path):
    extracted = made(tmp_path, None, events((700, 800), (5, 2000), n=7), OBSTYPE="IMAGING", OPT_ELEM="MIRFUV")
    assert reasons(extracted) == ["No flux calibration"]
    assert "imaging" in extracted.findings[0].message
    assert extracted.curve["gross"].sum() == 14
    assert extracted.curve.meta["WMIN"] is None


def test_a_spectrum_without_flux_calibration_gives_counts_alone(tmp_path):
    extracted = made(tmp_path, [order_row()], events((700, 800), n=7), spectrum_header={"FLUXCORR": "OMIT"})
    assert reasons(extracted) == ["No flux calibration"]
    assert extracted.curve["gross"].sum() == 7
    assert np.isnan(extracted.curve["flux"]).all()


def test_reference_files_that_are_not_there_are_a_finding(tmp_path):
    names = {"PFLTFILE": "oref$p_pfl.fits", "BPIXTAB": "oref$b_bpx.fits"}
    extracted = made(tmp_path, [order_row()], events((700, 800), n=7), **names)
    assert reasons(extracted) == ["Missing reference file"]
    assert "PFLTFILE oref$p_pfl.fits, BPIXTAB oref$b_bpx.fits" in extracted.findings[0].message
    assert extracted.curve["gross"].sum() == 7


# --- reference files


def reference(folder, name, *hdus):
    folder.mkdir(exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(folder / name, overwrite=True)


def test_events_are_divided_by_the_flat_where_the_detector_saw_them(tmp_path, monkeypatch):
    """Once they were multiplied by it, at the place after the Doppler correction."""
    flat = np.ones((1024, 1024), np.float32)
    flat[:, 349] = 0.8  # detector columns 699 and 700
    reference(tmp_path / "ref", "p_pfl.fits", fits.ImageHDU(flat))
    monkeypatch.setenv("oref", str(tmp_path / "ref"))
    found = [(SECOND, 700, 800, 705), (2 * SECOND + 1, 705, 800, 700)]
    curve = made(tmp_path / "data", [order_row()], found, PFLTFILE="oref$p_pfl.fits").curve
    assert curve["gross"][:2] == pytest.approx([1.0, 1.25])


def test_bad_pixels_of_another_grating_are_good(tmp_path, monkeypatch):
    """Once every row of the table counted, whatever grating it is of."""
    rows = [("G140L", 350, 395, 10, 1, 8), ("G140M", 400, 395, 10, 1, 8), ("G140L", 450, 395, 10, 1, 1024)]
    names = ("OPT_ELEM", "PIX1", "PIX2", "LENGTH", "AXIS", "VALUE")
    columns = [
        fits.Column(name, "8A" if name == "OPT_ELEM" else "I", array=np.array(values))
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    ]
    reference(tmp_path / "ref", "b_bpx.fits", fits.BinTableHDU.from_columns(columns))
    monkeypatch.setenv("oref", str(tmp_path / "ref"))
    found = events((700, 790), (800, 790), (900, 790), n=5)
    curve = made(tmp_path / "data", [order_row()], found, BPIXTAB="oref$b_bpx.fits").curve
    assert (curve["gross"].sum(), curve.meta["NBADDQ"], curve.meta["DQMASK"]) == (10, 5, 31743)


def test_a_flat_that_is_put_in_comes_out(tmp_path, monkeypatch):
    exposure = StisExposure(exptime_s=60.0, flat=0.4, doppmag=12.0, bad_pixels=True)
    monkeypatch.setenv("oref", str(tmp_path / "ref"))
    write_references(tmp_path / "ref", exposure)
    truth = write_exposure(tmp_path, exposure, Scene(800.0, 0.0))
    curve = hstlc.light_curve(truth.tag)
    edges = np.append(curve["times"], curve["times"][-1] + curve["bins"][-1])
    np.testing.assert_allclose(curve["gross"], truth.source_counts(edges), rtol=1e-6)
    assert abs(curve["gross"].sum() / curve.meta["NSOURCE"] - 1) > 0.02  # the flat matters


# --- the calibrated event list


def corrtag_of(extracted):
    return bytes(extracted.files["corrtag"])


def simulated(folder, monkeypatch, **changes):
    exposure = StisExposure(**{"exptime_s": 10.0, "flat": 0.2, "doppmag": 5.0, "bad_pixels": True, **changes})
    monkeypatch.setenv("oref", str(folder / "ref"))
    write_references(folder / "ref", exposure)
    return write_exposure(folder, exposure, Scene(300.0, 40.0))


MODES = [
    {},
    {"opt_elem": "E140H", "cenwave": 1271},
    {"imsets": 2, "pause_s": 3.0},
    {"opt_elem": "MIRNUV", "cenwave": 0},
]


@pytest.mark.parametrize("mode", MODES, ids=["first order", "echelle", "two imsets", "image"])
def test_the_corrtag_gives_the_curve_of_its_tag(tmp_path, monkeypatch, mode):
    truth = simulated(tmp_path, monkeypatch, **mode)
    extracted = extraction(tmp_path)
    path = truth.tag.with_name("osim00010_corrtag.fits")
    path.write_bytes(corrtag_of(extracted))
    truth.tag.unlink()
    curve = hstlc.light_curve(path)
    for name in curve:
        np.testing.assert_array_equal(curve[name], extracted.curve[name], err_msg=name)


def test_the_corrtag_says_of_each_event_what_the_tag_and_the_reference_files_say(tmp_path, monkeypatch):
    truth = simulated(tmp_path, monkeypatch)
    content = corrtag_of(extraction(tmp_path))
    with fits.open(truth.tag) as tag, fits.open(io.BytesIO(content), checksum=True) as made:
        before, after = tag["EVENTS"].data, made["EVENTS"].data
        assert [column.name for column in made["EVENTS"].columns] == [name for name, *_ in COLUMNS]
        np.testing.assert_allclose(after["TIME"], before["TIME"], atol=1e-12)
        for name, old in {"RAWX": "DETAXIS1", "RAWY": "AXIS2", "XCORR": "AXIS1", "YCORR": "AXIS2"}.items():
            np.testing.assert_array_equal(after[name], before[old])
        order = truth.exposure.mode.orders[0]
        np.testing.assert_allclose(after["WAVELENGTH"], order.wavelength_aa((before["AXIS1"] + 0.5) / 2), atol=1e-6)
        flats = [fits.getdata(tmp_path / "ref" / tag[0].header[key].split("$")[1]) for key in ("PFLTFILE", "LFLTFILE")]
        places = (before["AXIS2"] - 1) // 2, (before["DETAXIS1"] - 1) // 2
        np.testing.assert_allclose(after["EPSILON"], 1 / (flats[0][places] * flats[1][places]), rtol=1e-6)
        assert set(np.unique(after["DQ"])) >= {0, 16, 1024}
        np.testing.assert_array_equal(made["GTI"].data["STOP"], tag["GTI"].data["STOP"])
        assert made["EVENTS"].header["FLATDONE"]
        for key in ("TARGNAME", "EXPTIME", "SIMULATD", "DOPPMAG"):
            old = tag[0].header.get(key, tag["EVENTS"].header.get(key))
            assert made[0].header.get(key, made["EVENTS"].header.get(key)) == old


def test_wavelengths_of_events_between_orders_are_those_of_the_nearest(tmp_path):
    rows = [
        order_row(300.0, order=90, wavelength=(1200.0, 0.06)),
        order_row(400.0, order=89, wavelength=(1220.0, 0.06)),
    ]
    found = events((1001, 600), (1001, 699), (1001, 700), (1001, 2000))
    extracted = made(tmp_path, rows, found)
    wavelength = fits.getdata(io.BytesIO(corrtag_of(extracted)), "EVENTS")["WAVELENGTH"]
    assert wavelength == pytest.approx([1229.985, 1229.985, 1249.985, 1249.985])


def test_the_corrtag_is_the_same_each_time_and_keeps_no_history(tmp_path):
    write_tag(tmp_path / "otst00010_tag.fits", events((700, 800), n=20), history="made on Monday")
    write_x1d(tmp_path / "otst00010_x1d.fits", [order_row()])
    content = corrtag_of(extraction(tmp_path))
    assert corrtag_of(extraction(tmp_path)) == content
    with fits.open(io.BytesIO(content)) as hdus:
        hdus.verify("exception")
        assert not any("HISTORY" in hdu.header for hdu in hdus)
        assert hdus[0].header["FILENAME"] == "otst00010_corrtag.fits"
        assert str(tmp_path).encode() not in content
        assert not hdus["EVENTS"].header["FLATDONE"]
        assert (hdus["EVENTS"].data["EPSILON"] == 1).all()


def test_a_selection_and_a_corrtag_make_no_corrtag(tmp_path):
    extracted = made(tmp_path, [order_row()], events((700, 800), n=20))
    assert list(extracted.files) == ["corrtag"]
    with pytest.raises(KeyError):
        extracted.files["x1d"]
    assert extraction(tmp_path, {"1": (1300.0, 1400.0)}).files == {}
    path = tmp_path / "otst00010_corrtag.fits"
    path.write_bytes(corrtag_of(extracted))
    (tmp_path / "otst00010_tag.fits").unlink()
    assert extraction(tmp_path).files == {}


def test_wavelengths_of_a_corrtag_count_where_there_is_no_spectrum(tmp_path):
    extracted = made(tmp_path, [order_row()], events((700, 800), (1900, 800), n=10))
    path = tmp_path / "otst00010_corrtag.fits"
    path.write_bytes(corrtag_of(extracted))
    for name in ("otst00010_tag.fits", "otst00010_x1d.fits"):
        (tmp_path / name).unlink()
    assert hstlc.light_curve(path)["gross"].sum() == 20
    assert hstlc.light_curve(path, wavelength=(1600.0, 1700.0))["gross"].sum() == 10


def test_bands_are_orders_that_see_all_of_them(tmp_path):
    found = events((1000, 800), n=30)  # 1410.3 Angstrom
    extracted = made(
        tmp_path, [order_row()], found, options={"bands": ("blue = 1400 Angstrom .. 1420 Angstrom", "MgII")}
    )
    assert list(extracted.bands) == ["blue"]
    assert extracted.bands["blue"]["gross"].sum() == 30
