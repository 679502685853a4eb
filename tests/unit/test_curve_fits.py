"""The light-curve file: what other programs see in it, and that nothing is lost or added on the way."""

import io
import warnings
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy.timeseries import TimeSeries

import hstlc
from hstlc.errors import UnreadableError, UnsupportedModeError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.formats.keywords import KEYWORDS
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.testing.cos import CosExposure, Scene, write_exposure
from hstlc.times import TimeReference

# astropy says that it takes the first of several tables, which is the curve
several_tables = pytest.mark.filterwarnings("ignore:hdu= was not specified:astropy.utils.exceptions.AstropyUserWarning")
PROVENANCE = (
    {"filename": "lsim00aaq_corrtag_a.fits", "kind": "corrtag_a", "sha256": "0" * 64, "cal_ver": "3.2.1 (2017-04-28)"},
    {"filename": "lsim00aaq_x1d.fits", "kind": "x1d", "sha256": "1" * 64, "cal_ver": ""},
)


@pytest.fixture(scope="module")
def curve(tmp_path_factory):
    """A curve with a gap, bins without live time among them."""
    exposure = CosExposure(gti=((0.032, 40.032), (70.032, 130.032)), segments=("A", "B"))
    truth = write_exposure(tmp_path_factory.mktemp("in"), exposure, Scene(rate_ct_s=20.0, background_ct_s=2.0))
    return replace(hstlc.light_curve(truth.corrtags[0]), provenance=PROVENANCE)


@pytest.fixture(scope="module")
def path(curve, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "lsim00aaq_curve.fits"
    path.write_bytes(write_light_curve(curve))
    return path


def assert_same(one, other):
    for column in COLUMNS:
        assert one[column.name].tobytes() == other[column.name].tobytes(), column.name
    assert one.gti == other.gti
    assert one.reference == other.reference
    assert one.meta == other.meta
    assert list(one.provenance) == list(other.provenance)


def test_what_is_read_is_what_was_written(curve, path):
    back = read_light_curve(path)
    assert_same(back, replace(curve, meta={k: v for k, v in curve.meta.items() if v is not None}))
    assert np.isnan(back["rate"]).any()
    assert write_light_curve(back) == path.read_bytes()


def test_two_writes_give_the_same_bytes(curve, path):
    assert write_light_curve(curve) == path.read_bytes()


@pytest.mark.parametrize("rows", [0, 1])
def test_the_shortest_curves_survive(tmp_path, rows):
    data = {c.name: np.full(rows, 3, dtype=c.dtype) for c in COLUMNS}
    short = LightCurve(data, Intervals.of([], []), TimeReference(58000.1, "TT", "GEOCENTER"), {"TARGNAME": "A STAR"})
    path = tmp_path / "short.fits"
    path.write_bytes(write_light_curve(short))
    assert_same(read_light_curve(path), short)


def test_the_file_is_valid_and_its_checksums_are_right(path):
    with fits.open(path, checksum=True) as hdus:  # a wrong checksum is a warning, and warnings are errors
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LIGHTCURVE", "GTI", "PROVENANCE"]
        hdus.verify("exception")
        for hdu in hdus:
            assert hdu.verify_checksum() == hdu.verify_datasum() == 1


def test_a_changed_byte_is_noticed(path):
    changed = bytearray(path.read_bytes())
    with fits.open(path) as hdus:
        changed[hdus["LIGHTCURVE"].fileinfo()["datLoc"] + 100] ^= 1
    with pytest.warns(fits.verify.AstropyUserWarning, match="verification failed"):
        fits.open(io.BytesIO(changed), checksum=True)[1].data  # noqa: B018


def test_nothing_of_here_and_now_is_in_it(path):
    content = path.read_bytes()
    assert str(path.parent).encode() not in content
    assert b"/tmp" not in content
    assert datetime.now(UTC).strftime("%Y-%m-%d").encode() not in content
    with fits.open(path) as hdus:
        assert hdus[0].header["DATE"] == "2018-07-02"  # of the newest input
        for hdu in hdus:
            assert not hdu.header.comments["CHECKSUM"]
            assert not hdu.header.comments["DATASUM"]


def test_every_column_says_what_it_is(path):
    header = fits.getheader(path, "LIGHTCURVE")
    assert header["TFIELDS"] == len(COLUMNS)
    for number, column in enumerate(COLUMNS, 1):
        assert header[f"TTYPE{number}"].lower() == column.name
        assert header[f"TUNIT{number}"] == (column.unit or "10**0")
        assert header[f"TUCD{number}"] == column.ucd
        assert header[f"TCOMM{number}"] == column.doc


def test_every_keyword_has_its_comment(curve, path):
    assert set(curve.meta) <= set(KEYWORDS)
    with fits.open(path) as hdus:
        for hdu in hdus[:2]:
            for keyword, value in curve.meta.items():
                if value is None:
                    assert keyword not in hdu.header
                else:
                    assert hdu.header[keyword] == value
                    assert hdu.header.comments[keyword] == KEYWORDS[keyword]
        for keyword in ("TIMESYS", "MJDREF", "TIMEUNIT", "TREFPOS"):
            for name in ("LIGHTCURVE", "GTI"):
                assert hdus[name].header.comments[keyword] == KEYWORDS[keyword]


def test_numbers_that_are_not_finite_are_left_out_of_headers(curve, tmp_path):
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(replace(curve, meta={"EXPTIME": float("nan"), "CENWAVE": None, "FPPOS": 3})))
    assert read_light_curve(path).meta == {"FPPOS": 3}


@several_tables
def test_astropy_reads_a_table_with_units(curve, path):
    table = Table.read(path)
    for column in COLUMNS:
        name = "TIME" if column.name == "time" else column.name
        np.testing.assert_array_equal(table[name], curve[column.name])
        assert table[name].unit == u.Unit(column.unit), name
    assert table.meta["TARGNAME"] == "SIM-CONSTANT"


@several_tables
def test_astropy_reads_a_time_series(curve, path):
    series = TimeSeries.read(path, time_column="mjd", time_format="mjd")
    assert series.time.scale == "utc"
    assert series["rate"].unit == u.ct / u.s
    middle = Time(curve.reference.mjd, format="mjd", scale="utc") + curve["time"] * u.s
    assert np.abs((series.time - middle).to_value("s")).max() < 1e-4


def test_stingray_reads_it(curve, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports, of units it keeps, and that its reader is experimental
        from stingray import Lightcurve

        plain = Lightcurve.read(str(path))
        with_gti = Lightcurve.read(str(path), fmt="ogip", ratecolumn="counts", skip_checks=True)
    for read in (plain, with_gti):
        np.testing.assert_array_equal(np.asarray(read.time, dtype=float), curve["time"])
        np.testing.assert_array_equal(np.asarray(read.counts, dtype=float), curve["counts"])
        assert read.dt == 2.0
        assert read.mjdref == curve.reference.mjd
    np.testing.assert_array_equal(np.asarray(with_gti._counts_err, dtype=float), curve["error"])
    np.testing.assert_array_equal(
        np.asarray(with_gti.gti, dtype=float), np.column_stack((curve.gti.start, curve.gti.stop))
    )


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(UnsupportedModeError) as caught:
        read_light_curve(path)
    assert caught.value.code == "data.not-light-curve"
    assert caught.value.context["path"] == str(path)
    assert caught.value.hint


def test_a_truncated_curve_is_refused(path, tmp_path):
    cut = tmp_path / "cut.fits"
    cut.write_bytes(path.read_bytes()[:-2880])
    with pytest.raises(UnreadableError) as caught:
        read_light_curve(str(cut))
    assert caught.value.code == "data.truncated"


def test_a_curve_without_one_of_its_columns_is_refused(path, tmp_path):
    less = tmp_path / "less.fits"
    with fits.open(path) as hdus:
        hdus["LIGHTCURVE"].columns.del_col("rate")
        hdus.writeto(less)
    with pytest.raises(UnreadableError) as caught:
        read_light_curve(less)
    assert caught.value.code == "data.unreadable"
    assert "rate" in caught.value.message
