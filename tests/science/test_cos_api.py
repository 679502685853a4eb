"""The notebook functions on files: what they find beside a path, and what they take as options."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

import hstlc
from hstlc.db.engine import make_engine
from hstlc.db.migrate import ensure_schema
from hstlc.errors import InconsistentError, UnreadableError, UnsupportedModeError, UsageError
from hstlc.testing.cos import CosExposure, Scene, write_exposure

SCENE = Scene(rate_ct_s=20.0, background_ct_s=3.0, airglow_ct_s=20.0)
BOTH = CosExposure(segments=("A", "B"), exptime_s=60.0)
NUV = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"), exptime_s=60.0)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    write_exposure(folder, replace(BOTH, rootname="lsim99aaq"), SCENE)  # another exposure in the same folder
    return write_exposure(folder, BOTH, SCENE)


def same(one, other):
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def test_reading_gives_the_events_of_one_file(both):
    events = hstlc.read(str(both.corrtags[0]))
    with_fits = Table.read(both.corrtags[0], hdu=1)
    assert len(events) == len(with_fits)
    np.testing.assert_array_equal(events["wavelength_aa"], np.asarray(with_fits["WAVELENGTH"], dtype=float))
    np.testing.assert_allclose(events.time_s, np.asarray(with_fits["TIME"], dtype=float) - 0.016, atol=1e-4)
    assert events.reference.mjd == BOTH.expstart_mjd
    assert events.gti.total == pytest.approx(60.0)
    assert all(values.dtype.isnative for values in events.columns.values())


def test_either_segment_finds_the_other_and_the_spectrum(both):
    curves = [hstlc.light_curve(path) for path in both.corrtags]
    assert same(*curves)
    assert curves[0].meta["SEGMENTS"] == "FUVA,FUVB"
    assert np.isfinite(curves[0]["flux"]).all()
    live_s = curves[0]["exposure"].sum()
    error = np.sqrt(curves[0]["variance"].sum()) / live_s
    assert curves[0]["counts"].sum() / live_s == pytest.approx(both.net_rate_ct_s, abs=4 * error)


def test_a_segment_alone_is_a_curve_without_flux(tmp_path):
    truth = write_exposure(tmp_path, replace(BOTH, segments=("B",)), SCENE, x1d=False)
    curve = hstlc.light_curve(truth.corrtags[0])
    assert curve.meta["SEGMENTS"] == "FUVB"
    assert np.isnan(curve["flux"]).all()


def test_a_name_that_is_not_the_archives_has_no_companions(both, tmp_path):
    alone = tmp_path / "my favorite star.fits"
    alone.write_bytes(both.corrtags[0].read_bytes())
    assert hstlc.light_curve(alone).meta["SEGMENTS"] == "FUVA"


@pytest.mark.parametrize("width", [10, 10.0, 10 * u.s, (1 / 6) * u.min, np.float32(10), "10 s"])
def test_bin_width_is_a_quantity_or_seconds(both, width):
    curve = hstlc.light_curve(both.corrtags[0], bin_width=width)
    np.testing.assert_allclose(curve["bins"], 10.0)
    assert curve.meta["STEPSIZE"] == pytest.approx(10.0)


@pytest.mark.parametrize("band", [(1320, 1400), (1320 * u.AA, 140 * u.nm), [1320.0, 1400 * u.AA]])
def test_wavelength_is_a_pair_of_quantities_or_angstrom(both, band):
    curve = hstlc.light_curve(both.corrtags[0], wavelength=band)
    assert (curve.meta["WMIN"], curve.meta["WMAX"]) == pytest.approx((1320, 1400))
    assert curve.meta["DELTAWAV"] == pytest.approx(80, abs=0.02)
    assert 0 < curve["gross"].sum() < hstlc.light_curve(both.corrtags[0])["gross"].sum()


def test_airglow_windows_are_a_choice(both):
    gross = {
        name: hstlc.light_curve(both.corrtags[0], airglow=name)["gross"].sum() for name in ("hstlc", "wide", "none")
    }
    assert gross["wide"] < gross["hstlc"] < gross["none"]
    assert hstlc.light_curve(both.corrtags[0], airglow="calcos").meta["AIRGLOW"] == "calcos"
    assert hstlc.light_curve(both.corrtags[0], airglow="none").meta["AIRGWIN"] is None


def test_the_near_ultraviolet_has_no_airglow_to_leave_out(tmp_path):
    path = write_exposure(tmp_path, NUV, SCENE).corrtags[0]
    curves = [hstlc.light_curve(path, airglow=name) for name in ("hstlc", "none")]
    assert same(*curves)
    assert {curve.meta["AIRGLOW"] for curve in curves} == {"none"}


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ({"bin_width": 2 * u.AA}, "usage.bad-option", "Angstrom"),
        ({"bin_width": "2"}, "usage.bad-option", "'2 s'"),
        ({"bin_width": "wide"}, "usage.bad-option", "wide"),
        ({"bin_width": 0}, "usage.bin-width", "0"),
        ({"bin_width": -1 * u.s}, "usage.bin-width", "-1"),
        ({"bin_width": float("nan")}, "usage.bin-width", "nan"),
        ({"bin_width": 1 * u.ms}, "usage.bin-width", "0.001"),
        ({"wavelength": (1400, 1320)}, "usage.bad-option", "empty"),
        ({"wavelength": (1320,)}, "usage.bad-option", ""),
        ({"wavelength": 1320}, "usage.bad-option", ""),
        ({"wavelength": (1 * u.s, 2 * u.s)}, "usage.bad-option", "s"),
        ({"wavelength": (float("nan"), 1400)}, "usage.bad-option", "nan"),
        ({"airglow": "bright"}, "usage.bad-option", "calcos"),
        pytest.param({"energy": (1, 2)}, "usage.bad-option", "energy"),
        pytest.param({"binwidth": 2}, "usage.bad-option", "bin_width"),
    ],
)
def test_a_wrong_option_says_what_is_wrong(both, options, code, word):
    with pytest.raises(UsageError) as caught:
        hstlc.light_curve(both.corrtags[0], **options)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert caught.value.hint


def test_files_that_are_no_event_lists(both, tmp_path):
    other = tmp_path / "notes.fits"
    other.write_text("not a FITS file")
    for path, error, code in (
        (both.x1d, UnsupportedModeError, "data.not-events"),
        (other, UnsupportedModeError, "data.not-events"),
        (tmp_path / "gone.fits", InconsistentError, "data.vanished"),
    ):
        for function in (hstlc.read, hstlc.light_curve):
            with pytest.raises(error) as caught:
                function(path)
            assert caught.value.code == code
            assert str(path) in str(caught.value.context["path"])
            assert caught.value.hint


def test_a_truncated_event_list(both, tmp_path):
    cut = tmp_path / both.corrtags[0].name
    cut.write_bytes(both.corrtags[0].read_bytes()[:-50_000])
    with pytest.raises((UnreadableError, UnsupportedModeError), match="cut short"):
        hstlc.read(cut)


def test_a_query_is_a_table(filled_home):
    table = hstlc.query("SELECT targname, exptime_s FROM metadata ORDER BY rootname")
    assert isinstance(table, Table)
    assert table.colnames == ["targname", "exptime_s"]
    assert len(table) == 0


def test_a_query_that_writes_is_refused(filled_home):
    with pytest.raises(UsageError) as caught:
        hstlc.query("DELETE FROM metadata")
    assert caught.value.code == "usage.sql"


@pytest.fixture
def filled_home(tmp_path, monkeypatch):
    """A data tree with an empty database, which the environment points to."""
    monkeypatch.delenv("HSTLC_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HSTLC_HOME_DIR", str(tmp_path))
    from hstlc.config import load

    engine = make_engine(load(None).db_connection_string)
    ensure_schema(engine)
    engine.dispose()
    return tmp_path
