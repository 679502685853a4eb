"""Light curves of the original as ours: what is read, and what is refused."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hstlc.errors import HstlcError, InconsistentError, UnreadableError, UnsupportedModeError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.formats.original import DOCUMENTED, is_composite_name, is_curve_name
from hstlc.model import COLUMNS
from hstlc.stats import statistics

DAY = 1.15741e-5


def columns(n=20, start=57000.25, dataset=1, seed=1):
    """Return the columns of an original light curve."""
    random = np.random.default_rng(seed)
    times = 0.064 + 2.0 * np.arange(n)
    gross, background = (random.poisson(rate, n).astype(np.float32) for rate in (9, 2))
    counts, error = gross - background, np.sqrt(gross + background)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = gross / error
    return {
        "dataset": np.full(n, float(dataset)),
        "times": times,
        "mjd": start + times * DAY,
        "bins": np.full(n, 2.0),
        "gross": gross,
        "background": background,
        "flux": counts / 16384,
        "counts": counts,
        "error": error,
        "flux_error": error / 16384,
        "net": (counts / 2).astype(np.float32),
        "signal_to_noise": ratio.astype(np.float32),
    }


def write(path, data, primary=None, **cards):
    header = fits.Header(cards)
    table = fits.BinTableHDU(Table(data), header=header)
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(primary or {})), table]).writeto(path, overwrite=True)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lz01aaq_curve.fits"


def test_the_documented_columns_are_those_of_the_file(path):
    data = columns()
    curve = read_light_curve(write(path, data, SOURCE="/x/lz01aaq_corrtag_a.fits", EXPTIME=40.0))
    assert list(curve) == [column.name for column in COLUMNS]
    for name in DOCUMENTED:
        np.testing.assert_array_equal(curve[name], np.asarray(data[name], dtype=float), err_msg=name)
    assert curve.meta["ROOTNAME"] == "lz01aaq"
    assert curve.meta["EXPTIME"] == 40.0
    assert "unknown" in curve.meta["FLUXCAL"]
    assert curve.reference.mjd == pytest.approx(57000.25, abs=1e-9)
    np.testing.assert_allclose(curve["time"], data["times"] + 1)
    np.testing.assert_array_equal(curve["exposure"], 2.0)
    assert curve.good.all()
    assert curve.gti.total == pytest.approx(40.0)
    assert np.isnan(curve["bjd_tdb"]).all()
    assert statistics(curve).total == int(data["counts"].sum())


def test_a_composite_counts_seconds_from_its_first_start(path):
    late, early = columns(start=57100.5), columns(start=57000.25, dataset=2, seed=2)
    both = {name: np.concatenate([late[name], early[name]]) for name in late}
    curve = read_light_curve(
        write(path, both, {"TARGNAME": "A-STAR", "FILTER": "G130M", "RA_TARG": 10.0, "DEC_TARG": 5.0})
    )
    assert curve.reference.mjd == pytest.approx(57000.25, abs=1e-9)
    np.testing.assert_allclose(curve["times"][:20], late["times"] + 100.25 * 86400, atol=1e-3)
    np.testing.assert_allclose(curve["times"][20:], early["times"], atol=1e-3)
    starts = {row["dataset"]: row["expstart"] for row in curve.provenance}
    assert starts == {1: pytest.approx(57100.5, abs=1e-9), 2: pytest.approx(57000.25, abs=1e-9)}
    assert len(curve.gti) == 2
    assert (curve.meta["TARGNAME"], curve.meta["OPT_ELEM"]) == ("A-STAR", "G130M")
    assert np.isfinite(curve["bjd_tdb"]).all()


def test_other_orders_and_cases_of_columns_are_read(path):
    data = columns()
    curve = read_light_curve(write(path, {name.upper(): data[name] for name in reversed(data)}))
    np.testing.assert_array_equal(curve["gross"], data["gross"])


def test_what_was_divided_by_nothing_is_undefined(path):
    data = columns()
    data["flux_error"][3], data["signal_to_noise"][4], data["flux"][5] = np.inf, np.nan, np.nan
    curve = read_light_curve(write(path, data))
    assert np.isnan([curve["flux_error"][3], curve["signal_to_noise"][4], curve["flux"][5]]).all()


def test_it_can_be_written_as_one_of_ours(path, tmp_path):
    curve = read_light_curve(write(path, columns()))
    other = tmp_path / "ours.fits"
    other.write_bytes(write_light_curve(curve))
    again = read_light_curve(other)
    for name in curve:
        np.testing.assert_array_equal(again[name], curve[name], err_msg=name)


def change(name, value, row=3):
    def spoil(data):
        data[name] = data[name].astype(np.float64)
        data[name][row] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change("mjd", np.nan), "finite numbers in the column mjd"),
        (change("counts", np.inf), "finite numbers in the column counts"),
        (change("times", 1e300), "finite numbers in the column times"),
        (change("bins", 0.0), "bins wider than 0 s"),
        (change("dataset", 0.5), "whole numbers from 1"),
        (change("dataset", 1e9), "whole numbers from 1"),
        (change("counts", 1e4), "gross - background"),
        (lambda data: data.update(gross=np.array(["x"] * 20)), "one number a row"),
        (lambda data: data.update(gross=np.ones((20, 2))), "one number a row"),
        (lambda data: data.update({name: values[:0] for name, values in data.items()}), "found none"),
    ],
)
def test_damaged_columns_are_told(path, spoil, words):
    data = columns()
    spoil(data)
    with pytest.raises(InconsistentError) as caught:
        read_light_curve(write(path, data))
    assert caught.value.code == "data.light-curve"
    assert str(path) in caught.value.message
    assert words in caught.value.message


def test_another_table_is_no_light_curve(path):
    data = columns()
    del data["net"], data["flux"]
    with pytest.raises(UnsupportedModeError) as caught:
        read_light_curve(write(path, data))
    assert caught.value.code == "data.not-light-curve"
    assert "missing flux, net" in caught.value.message
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(path, overwrite=True)
    with pytest.raises(UnsupportedModeError):
        read_light_curve(path)


def test_a_file_cut_anywhere_gives_an_error_of_ours(path):
    whole = write(path, columns()).read_bytes()
    for size in (0, 100, 2880, 5000, len(whole) - 2880, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(HstlcError) as caught:
            read_light_curve(path)
        assert isinstance(caught.value, UnreadableError | UnsupportedModeError)


def test_names_of_light_curves():
    assert is_curve_name("lbova4b2q_curve.fits")
    assert is_composite_name("hlsp_hstlc_hst_stis-nuv-mama_ngc6905_e230m_2561_0.2x0.2_v1_sci.fits")
    for name in ("lbova4b2q_curve.fits.part", "_curve.fits", "x/y_curve.fits", "hlsp_other_sci.fits", "curve.fits"):
        assert not is_curve_name(name)
        assert not is_composite_name(name)
