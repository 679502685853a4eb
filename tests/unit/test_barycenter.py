"""Barycentric dates: against astropy's, over years, and where there are none."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy.utils import iers
from hlsp_composite import composite
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hstlc
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.lightcurves import light_curve, region_sums
from hstlc.lightcurves.barycenter import barycentric_delay_s, bjd_tdb, target_position
from hstlc.lightcurves.composite import stack
from hstlc.lightcurves.rebin import rebin
from hstlc.model import Intervals
from hstlc.testing.cos import CosExposure, Scene, write_exposure
from hstlc.times import TimeReference, iso_date

STAR = (175.5462, 26.7066)
CENTER = EarthLocation.from_geocentric(0, 0, 0, "m")
STEP_D = 2.0**-31  # of a Julian date in 64 bits

positions = st.tuples(st.floats(0, 359.999), st.floats(-90, 90))


@pytest.fixture(autouse=True)
def _offline():
    """Astropy's tables of the Earth are as old as its package, whatever today is."""
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
    ):
        yield


def instants(mjd: float, time_s: np.ndarray, scale: str = "utc") -> Time:
    """The instants at the geocenter in TT, seconds counted as a clock counts them."""
    tt = Time(mjd, format="mjd", scale=scale, location=CENTER).tt + np.asarray(time_s) * u.s
    return Time(tt.jd1, tt.jd2, format="jd", scale="tt", location=CENTER)


def astropys_delay_s(time: Time, position: tuple[float, float]) -> np.ndarray:
    travel = time.light_travel_time(SkyCoord(*position, unit="deg"), ephemeris="builtin").to_value("s")
    scale = (time.tdb.jd1 - time.tt.jd1) + (time.tdb.jd2 - time.tt.jd2)
    return travel + scale * 86400


@settings(max_examples=40)
@given(st.floats(48000, 62000), st.floats(0, 3e5), positions)
@example(57753.999, 400.0, STAR)  # a leap second lies between
@example(58108.5, 0.0, (0.0, 90.0))
@pytest.mark.filterwarnings("ignore:.*dubious year", "ignore:Tried to get polar motions")
def test_delays_are_astropys_to_a_microsecond(mjd, length_s, position):
    time_s = np.linspace(0, length_s, 7)
    found = barycentric_delay_s(TimeReference(mjd), time_s, position)
    expected = astropys_delay_s(instants(mjd, time_s), position)
    assert np.abs(found - expected).max() < 1e-6


@settings(max_examples=30)
@given(st.floats(48000, 62000), st.sampled_from(["UTC", "TAI", "TT"]), positions)
@pytest.mark.filterwarnings("ignore:.*dubious year", "ignore:Tried to get polar motions")
def test_dates_are_astropys_to_the_step_of_the_number(mjd, scale, position):
    time_s = np.arange(0.0, 3000.0, 271.3)
    time = instants(mjd, time_s, scale.lower())
    travel = time.light_travel_time(SkyCoord(*position, unit="deg"), ephemeris="builtin")
    date = time.tdb + travel
    found = bjd_tdb(TimeReference(mjd, scale), time_s, position)
    assert np.abs((found - date.jd1) - date.jd2).max() <= STEP_D


def test_years_at_once_are_as_good_as_every_instant_alone():
    time_s = np.linspace(0, 8 * 365.25 * 86400, 60)
    together = barycentric_delay_s(TimeReference(56000.3), time_s, STAR)
    alone = [barycentric_delay_s(TimeReference(56000.3), np.array([t]), STAR)[0] for t in time_s]
    assert np.abs(together - alone).max() < 1e-6
    assert 400 < np.ptp(together) / 2 < 500  # the star is 22 degrees from the ecliptic


def test_a_leap_second_is_a_second():
    """The last day of 2016 had 86401 of them."""
    (reached,) = bjd_tdb(TimeReference(57753.0), np.array([86402.0]), STAR)
    (counted,) = bjd_tdb(TimeReference(57754 + 1 / 86400), np.array([0.0]), STAR)
    assert reached == pytest.approx(counted, abs=STEP_D)


@pytest.mark.parametrize(
    ("reference", "position"),
    [
        (TimeReference(58108.5), None),
        (TimeReference(58108.5, "UTC", "BARYCENTER"), STAR),
        (TimeReference(58108.5, "UT1"), STAR),
        (TimeReference(1e9), STAR),
        (TimeReference(0.0), STAR),
        (TimeReference(float("nan")), STAR),
    ],
    ids=["no position", "not at the geocenter", "another scale", "far future", "1858", "no date"],
)
def test_what_cannot_be_known_is_nan(reference, position):
    assert np.isnan(bjd_tdb(reference, np.arange(3.0), position)).all()


def test_no_bins_have_no_dates():
    assert len(bjd_tdb(TimeReference(58108.5), np.zeros(0), STAR)) == 0


@pytest.mark.parametrize("flag", ["T", "t ", True, "TRUE"])
def test_a_moving_target_has_no_position(flag):
    place = {"RA_TARG": 10.0, "DEC_TARG": -3}
    assert target_position(place) == (10.0, -3.0)
    assert target_position({**place, "MTFLAG": ""}) == target_position({**place, "MTFLAG": "F"}) == (10.0, -3.0)
    assert target_position({**place, "MTFLAG": flag}) is None


@pytest.mark.parametrize(
    "place", [{}, {"RA_TARG": 1.0}, {"RA_TARG": "1", "DEC_TARG": 2.0}, {"RA_TARG": 1.0, "DEC_TARG": 91.0},
              {"RA_TARG": float("nan"), "DEC_TARG": 2.0}, {"RA_TARG": True, "DEC_TARG": 2.0}], ids=repr
)  # fmt: skip
def test_a_position_that_is_none_is_unknown(place):
    assert target_position(place) is None


def test_dates_need_no_astropy():
    code = (
        "import sys, numpy as np; from hstlc.times import TimeReference, iso_date;"
        "from hstlc.lightcurves.barycenter import bjd_tdb; r = TimeReference(58108.5);"
        "assert np.isfinite(bjd_tdb(r, np.zeros(1), (1.0, 2.0))).all() and iso_date(r, 0.0);"
        "sys.exit('astropy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.floats(-600000, 2900000), st.floats(0, 1e5), st.sampled_from(["UTC", "TT", "TDB"]))
@pytest.mark.filterwarnings("ignore:.*dubious year")
def test_iso_dates_are_astropys(mjd, time_s, scale):
    found = iso_date(TimeReference(mjd, scale), time_s)
    expected = Time(mjd, time_s / 86400, format="mjd", scale=scale.lower())
    assert abs((Time(found, format="isot", scale=scale.lower()) - expected).to_value("ms")) < 0.51


@pytest.mark.parametrize("mjd", [-1e6, 1e9, float("nan"), float("inf")])
def test_a_year_without_four_digits_is_no_iso_date(mjd):
    assert iso_date(TimeReference(mjd), 0.0) is None


# --- in light curves


def bins(meta):
    sums = region_sums(3, np.zeros(0, dtype=np.int64), np.zeros(0), [])
    edges = np.array([0.0, 2.0, 4.0, 6.0])
    sums = replace(sums, **{name: np.zeros(3) for name in ("events", "gross", "background")})
    gti = Intervals.of([0.0], [6.0])
    return light_curve(edges, np.full(3, 2.0), [sums], reference=TimeReference(58108.5), gti=gti, meta=meta)


def test_a_light_curve_has_the_dates_of_the_middles_of_its_bins():
    curve = bins({"RA_TARG": STAR[0], "DEC_TARG": STAR[1]})
    expected = bjd_tdb(TimeReference(58108.5), np.array([1.0, 3.0, 5.0]), STAR)
    np.testing.assert_array_equal(curve["bjd_tdb"], expected)
    assert np.isnan(bins({})["bjd_tdb"]).all()
    assert np.isnan(bins({"RA_TARG": 1.0, "DEC_TARG": 2.0, "MTFLAG": "T"})["bjd_tdb"]).all()


def test_a_moving_target_of_an_exposure_has_no_dates(tmp_path):
    for name, flag, known in (("lsim01aaq", "", True), ("lsim02aaq", "T", False)):
        exposure = CosExposure(rootname=name, exptime_s=20.0, overrides={"MTFLAG": flag})
        curve = hstlc.light_curve(write_exposure(tmp_path, exposure, Scene(rate_ct_s=5.0)).corrtags[0])
        assert np.isfinite(curve["bjd_tdb"]).all() == known
        assert curve.meta.get("MTFLAG") == (flag or None)


def test_a_composite_keeps_the_dates_of_its_members():
    one = bins({"RA_TARG": 10.0, "DEC_TARG": 20.0})
    other = replace(one, reference=TimeReference(58109.5), data={**one.data, "bjd_tdb": one["bjd_tdb"] + 1.0})
    both = stack([one, other])
    np.testing.assert_array_equal(both["bjd_tdb"], np.concatenate([one["bjd_tdb"], one["bjd_tdb"] + 1.0]))


def test_a_merged_bin_has_the_date_of_its_middle():
    curve = bins({"RA_TARG": STAR[0], "DEC_TARG": STAR[1]})
    wide = rebin(curve, 3)
    assert wide["bjd_tdb"] == pytest.approx(curve["bjd_tdb"][1:2], abs=STEP_D)


def test_the_header_says_what_the_dates_are(tmp_path):
    curve = bins({"RA_TARG": STAR[0], "DEC_TARG": STAR[1]})
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    header = fits.getheader(path, "LIGHTCURVE")
    assert header["TREFDIR"] == "RA_TARG,DEC_TARG"
    assert header["PLEPHEM"] == "DE405"
    assert (header["DATE-BEG"], header["DATE-END"]) == ("2017-12-21T12:00:00.000", "2017-12-21T12:00:06.000")
    assert (header["MJD-BEG"], header["MJD-END"], header["TELAPSE"]) == (58108.5, 58108.5 + 6 / 86400, 6.0)
    with iers.conf.set_temp("auto_download", False):
        table = Table.read(path, hdu=1, astropy_native=True)  # whole dates are taken as they are
    np.testing.assert_array_equal(np.asarray(table["bjd_tdb"]), curve["bjd_tdb"])
    path.write_bytes(write_light_curve(bins({})))
    assert not {"TREFDIR", "PLEPHEM"} & set(fits.getheader(path, "LIGHTCURVE"))


def test_a_file_of_before_is_read_without_dates(tmp_path):
    path, earlier = tmp_path / "curve.fits", tmp_path / "earlier.fits"
    path.write_bytes(write_light_curve(composite()))
    with fits.open(path) as hdus:
        hdus["LIGHTCURVE"].columns.del_col("bjd_tdb")
        hdus.writeto(earlier)
    found, expected = read_light_curve(earlier), read_light_curve(path)
    assert np.isnan(found["bjd_tdb"]).all()
    np.testing.assert_array_equal(found["counts"], expected["counts"])
