"""The recipe hstlc-2016 against numbers that the original software gave."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import hstlc
from hstlc.errors import UnsupportedModeError, UsageError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.recipe_2016 import bin_edges, documented
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import COLUMNS
from hstlc.stats import statistics
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

RECIPE = "hstlc-2016"
SCENE = Scene(rate_ct_s=20.0, background_ct_s=3.0, airglow_ct_s=20.0)


@pytest.fixture(scope="module")
def event_file(real_data):
    return real_data / "hst" / "ld9m10ujq_corrtag_a.fits"


@pytest.fixture(scope="module")
def curve(event_file):
    return hstlc.light_curve(event_file, recipe=RECIPE)


# what the original gave for a real exposure


def test_sums_and_times_of_the_real_exposure(curve):
    assert len(curve) == 940
    assert curve["gross"].sum() == pytest.approx(2313.512, abs=5e-4)
    assert curve["background"].sum() == pytest.approx(1627.536, abs=5e-4)
    assert curve["counts"].sum() == pytest.approx(685.976, abs=5e-4)
    assert curve["net"].mean() == pytest.approx(0.364881, abs=1e-6)
    assert np.count_nonzero(curve["gross"] == 0) == 89
    assert curve["times"][0] == pytest.approx(0.064, abs=1e-8)
    assert curve["mjd"][0] == pytest.approx(58108.51215838074, abs=2e-11)
    assert curve["mjd"][-1] == pytest.approx(58108.53389453932, abs=2e-11)


def test_statistics_of_the_real_exposure(curve):
    found = statistics(curve)
    assert found.total == 685
    assert found.mean == pytest.approx(0.72976, abs=5e-6)
    assert found.mu == pytest.approx(0.85426, abs=5e-6)
    assert found.stdev == pytest.approx(1.78199, abs=5e-6)
    assert found.poisson_factor == pytest.approx(2.08600, abs=5e-6)  # 2.08553 with edges in double precision
    assert found.pearson_r == pytest.approx(-0.02398, abs=5e-6)
    assert found.pearson_p == pytest.approx(0.46269, abs=5e-6)
    assert found.periodogram is False


def test_bins_of_one_second(event_file):
    curve = hstlc.light_curve(event_file, recipe=RECIPE, bin_width=1)
    assert len(curve) == 1881
    assert curve["gross"].sum() == pytest.approx(2313.512, abs=5e-4)
    assert curve["background"].sum() == pytest.approx(1628.465, abs=5e-4)
    assert curve["net"].mean() == pytest.approx(0.364193, abs=1e-6)
    assert np.count_nonzero(curve["gross"] == 0) == 561
    assert curve["mjd"][-1] == pytest.approx(58108.5339176889, abs=2e-11)


def test_the_product_says_what_it_is_and_is_read_back(curve, tmp_path):
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    assert fits.getval(path, "RECIPE") == RECIPE
    assert "detector column" in fits.getval(path, "FLUXCAL")
    again = read_light_curve(path)
    assert list(again) == [column.name for column in COLUMNS]
    for name in again:
        np.testing.assert_array_equal(again[name], curve[name], err_msg=name)


def test_every_bin_counts_as_live(curve):
    np.testing.assert_array_equal(curve["exposure"], curve["bins"])
    np.testing.assert_array_equal(curve["bins"], 2.0)
    np.testing.assert_array_equal(curve["fraction"], 1.0)
    assert curve.good.all()
    np.testing.assert_array_equal(curve["rate"], curve["net"])


def test_the_current_recipe_is_another_and_the_default(event_file, curve):
    current = hstlc.light_curve(event_file)
    assert "RECIPE" not in current.meta
    assert current["background"].sum() / curve["background"].sum() < 0.9
    same = hstlc.light_curve(event_file, recipe="current")
    np.testing.assert_array_equal(current["counts"], same["counts"])


# what the unit tests of the original used


@pytest.fixture(scope="module")
def fixture_file(tmp_path_factory):
    """One event a detector column, evenly over 100 s."""

    def write(epsilon=1.0, dq=0, sdqflags=16):
        n = 16384
        columns = [
            fits.Column("TIME", "1E", array=np.linspace(0, 100, n)),
            *(fits.Column(name, "1I", array=np.zeros(n)) for name in ("RAWX", "RAWY")),
            fits.Column("XCORR", "1E", array=np.arange(n)),
            fits.Column("YCORR", "1E", array=np.full(n, 100)),
            *(fits.Column(name, "1E", array=np.zeros(n)) for name in ("XDOPP", "XFULL", "YFULL")),
            fits.Column("WAVELENGTH", "1E", array=np.full(n, 1200)),
            fits.Column("EPSILON", "1E", array=np.full(n, epsilon)),
            fits.Column("DQ", "1I", array=np.full(n, dq)),
            fits.Column("PHA", "1B", array=np.full(n, 14)),
        ]
        keys = {"EXPTIME": 100.0, "EXPSTART": 56000.0, "SDQFLAGS": sdqflags, "SP_LOC_A": 100, "SP_HGT_A": 20}
        keys |= {"B_BKG1_A": 150, "B_BKG2_A": 50, "B_HGT1_A": 20, "B_HGT2_A": 20}
        who = {"TELESCOP": "HST", "INSTRUME": "COS", "OBSMODE": "TIME-TAG", "OBSTYPE": "SPECTROSCOPIC"}
        who |= {"ROOTNAME": "lfix00aaq", "DETECTOR": "FUV", "SEGMENT": "FUVA", "OPT_ELEM": "G130M", "SIMULATD": "T"}
        primary = fits.PrimaryHDU(header=fits.Header(who))
        table = fits.BinTableHDU.from_columns(columns, header=fits.Header(keys), name="EVENTS")
        path = tmp_path_factory.mktemp("fixture") / "lfix00aaq_corrtag_a.fits"
        fits.HDUList([primary, table]).writeto(path)
        return path

    return write


@pytest.mark.parametrize(
    ("step", "rows", "total", "first"),
    [
        (0.1, 1000, 16384, 17),
        (0.5, 200, 16384, 82),
        (1, 100, 16384, 164),
        (2, 50, 16384, 328),
        (5, 20, 16384, 820),
        (10, 10, 16384, 1639),
        (0.3, 333, 16367, None),
        (3, 33, 16220, None),
    ],
)
def test_steps_of_the_original_fixture(fixture_file, step, rows, total, first):
    curve = hstlc.light_curve(fixture_file(), recipe=RECIPE, bin_width=step, airglow="none")
    assert (len(curve), curve["gross"].sum()) == (rows, total)
    if first is not None:
        assert curve["gross"][0] == first


def test_weights_flux_and_mask_of_the_original_fixture(fixture_file):
    heavy = hstlc.light_curve(fixture_file(epsilon=1.25), recipe=RECIPE, bin_width=1)
    assert heavy["gross"].sum() == 20480
    plain = hstlc.light_curve(fixture_file(), recipe=RECIPE, bin_width=1)
    assert plain["flux"][0] == 0.010009765625
    for mask in (8, 8376):
        curve = hstlc.light_curve(fixture_file(dq=8, sdqflags=mask), recipe=RECIPE, bin_width=1)
        assert curve["gross"].sum() == 0
        assert np.isnan(curve["signal_to_noise"]).all()


def test_derived_columns_of_the_original_fixture():
    columns = documented(np.array([5.0, 3.0]), np.array([1.0, 3.0]), np.array([2.0, 2.0]), np.array([1.0, 1.0]))
    assert columns["counts"].tolist() == [4, 0]
    assert columns["net"].tolist() == [4, 0]
    assert columns["error"] == pytest.approx(np.sqrt([6, 6]))
    assert columns["signal_to_noise"] == pytest.approx([5 / 6**0.5, 3 / 6**0.5])
    np.testing.assert_allclose(columns["flux_error"], [6**0.5 / 4 * 2, np.nan])


# what decides its numbers


@pytest.mark.parametrize("first", [np.float32(0.064), np.float32(3.7), np.float64(0.064)])
@pytest.mark.parametrize("step", [0.3, 1.0, 2.0, 7.0])
def test_edges_are_those_of_arange(first, step):
    edges = np.arange(first, 1881.152 + step, step)
    np.testing.assert_array_equal(bin_edges(first, 1881.152, step), edges[:-1] if edges[-1] > 1881.152 else edges)


def test_unequal_boxes_show_the_inverted_ratio(fixture_file):
    path = fixture_file()

    def unequal(hdus):
        table = hdus[1]
        table.header["B_HGT1_A"], table.header["B_HGT2_A"] = 40, 40
        table.data["YCORR"][::2] = 150

    edit_file(path, unequal)
    curve = hstlc.light_curve(path, recipe=RECIPE, bin_width=10)
    assert curve["background"].sum() == pytest.approx(8192 * (40 / 20) / 2)  # 20 / (40 + 40) would be right
    assert curve["gross"].sum() == 8192


def test_two_segments_add_and_the_last_bin_that_is_not_full_is_dropped(tmp_path):
    both = CosExposure(segments=("A", "B"), exptime_s=61.0)
    truth = write_exposure(tmp_path, both, SCENE)
    curves = [hstlc.light_curve(path, recipe=RECIPE) for path in truth.corrtags]
    np.testing.assert_array_equal(curves[0]["counts"], curves[1]["counts"])
    assert curves[0].meta["SEGMENTS"] == "FUVA,FUVB"
    assert len(curves[0]) == 30
    alone = []
    for path in truth.corrtags:
        folder = tmp_path / path.stem
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
        alone.append(hstlc.light_curve(folder / path.name, recipe=RECIPE)["gross"].sum())
    assert curves[0]["gross"].sum() == pytest.approx(sum(alone), rel=0.05)


def test_stripes_of_the_nuv_add(tmp_path):
    nuv = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"), exptime_s=60.0)
    path = write_exposure(tmp_path, nuv, SCENE).corrtags[0]
    curve = hstlc.light_curve(path, recipe=RECIPE)
    assert curve.meta["SEGMENTS"] == "NUVA,NUVB,NUVC"
    assert curve["gross"].sum() == pytest.approx(hstlc.light_curve(path)["gross"].sum(), rel=0.2)


def test_images_are_refused_with_a_way_out(tmp_path):
    image = CosExposure(detector="NUV", opt_elem="MIRRORA", obstype="IMAGING", exptime_s=20.0)
    path = write_exposure(tmp_path, image, SCENE).corrtags[0]
    with pytest.raises(UnsupportedModeError) as caught:
        hstlc.light_curve(path, recipe=RECIPE)
    assert caught.value.code == "data.recipe"
    assert str(path) in caught.value.message
    assert "'current'" in caught.value.hint


def test_a_keyword_that_is_missing_is_named(tmp_path):
    path = write_exposure(tmp_path, CosExposure(exptime_s=20.0), SCENE).corrtags[0]
    edit_file(path, lambda hdus: hdus[1].header.__setitem__("SP_LOC_A", -999.0))
    with pytest.raises(UnsupportedModeError) as caught:
        hstlc.light_curve(path, recipe=RECIPE)
    assert caught.value.code == "data.no-region"
    assert "SP_LOC_A" in caught.value.message


def test_an_unknown_recipe_is_an_error_that_names_the_known_ones(event_file):
    with pytest.raises(UsageError) as caught:
        hstlc.light_curve(event_file, recipe="hstlc-2015")
    assert RECIPE in caught.value.message


def test_only_settings_that_the_recipe_reads_make_its_curves_stale(event_file):
    values = MISSION.describe(MISSION.load([MISSION.identify(event_file)]))

    def read(**changes):
        return MISSION.extraction_settings(values, HstSettings().model_copy(update=changes))

    assert read(recipe=RECIPE) != read()
    assert read(recipe=RECIPE, minimum_fraction=0.5) == read(recipe=RECIPE)
    assert read(recipe=RECIPE, airglow="calcos") == read(recipe=RECIPE)
    for changes in ({"airglow": "none"}, {"bin_width_s": 1.0}, {"fuv_wavelength_aa": (1300.0, 1400.0)}):
        assert read(recipe=RECIPE, **changes) != read(recipe=RECIPE), changes


def test_the_page_on_what_changed_has_these_numbers(event_file):
    page = (Path(__file__).parents[2] / "docs" / "what-changed.md").read_text()
    table = page.split("## One exposure, both ways")[1].split("\n## ")[0]
    cells = [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"
    ]
    shown = {name: (old, new) for name, old, new in cells[2:]}

    def found(curve):
        numbers = statistics(curve)
        counts = curve["counts"].sum()
        return {
            "bins": len(curve),
            "left edge of the first bin (s)": curve["times"][0],
            "gross` (counts)": curve["gross"].sum(),
            "background` (counts)": curve["background"].sum(),
            "counts": counts,
            "rate (counts/s)": counts / curve["exposure"].sum(),
            "error of `counts`, all bins": np.sqrt(curve["variance"].sum()),
            "bins without a source event": np.count_nonzero(curve["gross"] == 0),
            **{name: getattr(numbers, name) for name in shown if hasattr(numbers, name)},
        }

    for column, recipe in enumerate((RECIPE, "current")):
        numbers = found(hstlc.light_curve(event_file, recipe=recipe))
        assert numbers.keys() == shown.keys()
        for name, text in shown.items():
            digits = len(text[column].partition(".")[2])
            assert float(text[column]) == pytest.approx(numbers[name], abs=0.51 * 10**-digits), (recipe, name)
