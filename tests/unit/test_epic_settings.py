"""Settings of EPIC: options, bands, placed sources, hot pixels, which sources of a list are taken."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.missions.energy_bands import PRESETS, parse_bands, widest
from hstlc.missions.placed_sources import PlacedSource, designation, names_of, placed_regions
from hstlc.missions.registry import mission
from hstlc.missions.xmm.hot_pixels import COLUMNS, hot_pixels, on_hot_pixel, on_pn_border
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.source_list import SourceRow, chosen_rows
from hstlc.missions.xmm.sources import circles_of, field_sources, regions_of
from hstlc.regions import Circle, Region, SkyPixels

SKY = SkyPixels(150.1, 2.2, 25921.0, 25921.0, -0.05 / 3600, 0.05 / 3600)


def row(number, east_arcsec, rate=0.1, **more):
    ra = 150.1 + east_arcsec / 3600 / np.cos(np.radians(2.2))
    values = {"likelihood": 100.0, "extent_arcsec": 0.0, **more}
    return SourceRow(str(number), float(ra), 2.2, values["likelihood"], values["extent_arcsec"], rate)


def test_presets_have_the_documented_limits():
    assert parse_bands(["csc"]) == {
        "broad": (0.5, 7.0),
        "ultrasoft": (0.2, 0.5),
        "soft": (0.5, 1.2),
        "medium": (1.2, 2.0),
        "hard": (2.0, 7.0),
    }
    assert parse_bands(["lightcurves-2024"])["ultrasoft"] == (0.15, 0.3)
    assert {name: widest(bands) for name, bands in PRESETS.items()} == {
        "csc": "broad",
        "lightcurves-2024": "broad",
        "4xmm": "band8",
    }


@pytest.mark.parametrize(
    "texts",
    [["blue"], ["x = 2 keV"], ["x = 3 keV .. 2 keV"], ["csc", "soft"], [], ["x = 1 s .. 2 s"], ["= 1 keV .. 2 keV"]],
)
def test_what_is_no_band_is_refused(texts):
    with pytest.raises(ValueError, match=r"."):
        parse_bands(texts)


@given(st.floats(0, 359.9999), st.floats(-89.9, 89.9))
def test_a_designation_cuts_the_position_and_never_rounds_it(ra, dec):
    name = designation("X", ra, dec)
    text = name[3:]
    corner = SkyCoord(
        f"{text[:2]}h{text[2:4]}m{text[4:8]}s {text[8]}{text[9:11]}d{text[11:13]}m{text[13:15]}s", frame="icrs"
    )
    assert -1e-6 <= ra - corner.ra.deg < 0.1 * 15 / 3600 + 1e-6
    assert -1e-6 <= abs(dec) - abs(corner.dec.deg) < 1 / 3600 + 1e-6


def test_names_that_are_taken_get_a_letter():
    assert names_of(["A", "A b"], "A") == "A c"


def test_a_region_file_places_several_sources_with_one_background(tmp_path):
    path = tmp_path / "two.reg"
    path.write_text("circle(10, 10, 5) # text={one}\ncircle(50, 50, 5) # text={two}\ncircle(90, 90, 20) # background\n")
    found = placed_regions(PlacedSource(region=str(path)), None)
    assert [(name, region.center, background.center) for name, region, background in found] == [
        ("one", (10.0, 10.0), (90.0, 90.0)),
        ("two", (50.0, 50.0), (90.0, 90.0)),
    ]


# --- options


def options(**given_options):
    return mission("xmm").curve_options(XmmSettings(), **given_options)


def test_options_of_a_light_curve_have_units():
    by_numbers = options(bin_width=60, energy=(0.5, 2.0), ra=68.1, dec=17.75, radius=20)
    by_quantities = options(
        bin_width=1 * u.min,
        energy=(500 * u.eV, 2 * u.keV),
        ra=4.54 * u.hourangle,
        dec=17.75 * u.deg,
        radius=20 * u.arcsec,
    )
    assert (by_numbers.bin_width_s, by_numbers.bands) == (60.0, ("energy = 0.5 keV .. 2.0 keV",))
    assert by_quantities.bin_width_s == 60.0
    assert parse_bands(by_quantities.bands)["energy"] == pytest.approx((0.5, 2.0))
    ((_, region, _),) = placed_regions(by_quantities.sources[0], SkyPixels(68.1, 17.75, 0, 0, -1 / 3600, 1 / 3600))
    assert region.bounds[2] - region.bounds[0] == pytest.approx(40.0)
    assert region.center == pytest.approx((0.0, 0.0), abs=1e-6)


def test_a_band_may_begin_with_a_camera():
    assert (options(band="m1_soft").cameras, options(band="m1_soft").bands) == (("m1",), ("soft",))
    assert options(band="ep_broad").cameras == ("pn", "m1", "m2")
    assert options(band="soft").bands == ("soft",)


@pytest.mark.parametrize(
    ("given_options", "said"),
    [
        ({"wavelength": (1, 2)}, "no option wavelength"),
        ({"ra": 10.0}, "belong together"),
        ({"ra": 10.0, "dec": 95.0}, "no position"),
        ({"ra": 10.0, "dec": 5.0, "radius": -1}, "radius"),
        ({"ra": 10.0, "dec": 5.0, "region": "circle(1,2,3)"}, "both"),
        ({"radius": 5}, "need a source"),
        ({"region": "circle(1,2,3)", "radius": 3}, "own size"),
        ({"energy": (2, 1)}, "smaller"),
        ({"energy": 3}, "pair"),
        ({"energy": (1, 2), "band": "soft"}, "both"),
        ({"band": "green"}, "none of"),
        ({"bin_width": 3 * u.m}, "converted"),
    ],
)
def test_a_wrong_option_is_a_clear_error(given_options, said):
    with pytest.raises(UsageError, match=said) as caught:
        options(**given_options)
    assert caught.value.code == "usage.bad-option"


def test_only_what_changes_a_light_curve_makes_it_stale():
    settings = XmmSettings()
    read = mission("xmm").extraction_settings
    same = settings.model_copy(update={"maximum_flare_fraction": 0.1, "minimum_live_fraction": 0.9})
    assert read(None, settings) == read(None, same)
    for change in ({"flares": "cut"}, {"source_radius_arcsec": 20.0}, {"bands": ("4xmm",)}, {"cameras": ("pn",)}):
        assert read(None, settings) != read(None, settings.model_copy(update=change))
    bands = settings.model_copy(update={"bands": ("4xmm",)})
    assert read(None, settings, bands=False) == read(None, bands, bands=False)


# --- hot pixels


def test_bad_columns_of_pn_are_always_left_out():
    table = hot_pixels("")
    ccd, x = np.array([4, 5, 10, 4, 5]), np.array([12, 11, 28, 11, 12])
    assert on_hot_pixel(table, "pn", None, ccd, x, np.full(5, 100)).tolist() == [True, True, True, False, False]
    assert not on_hot_pixel(table, "m1", 100, ccd, x, np.full(5, 100)).any()


def test_a_table_of_hot_pixels_counts_in_its_revolutions(tmp_path):
    path = tmp_path / "hot.csv"
    path.write_text(",".join(COLUMNS) + "\nm1,2,300,10,12,500,600\n")
    table = hot_pixels(str(path))
    ccd, x, y = np.full(4, 2), np.array([300, 300, 301, 300]), np.array([10, 12, 11, 13])
    assert on_hot_pixel(table, "m1", 550, ccd, x, y).tolist() == [True, True, False, False]
    assert not on_hot_pixel(table, "m1", 499, ccd, x, y).any()
    assert not on_hot_pixel(table, "m1", None, ccd, x, y).any()


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", ",".join(COLUMNS) + "\nm1,two,3,4,5,6,7\n", ",".join(COLUMNS) + "\nx,1,3,4,5,6,7\n"]
)
def test_what_is_no_table_of_hot_pixels_is_a_clear_error(tmp_path, content):
    path = tmp_path / "hot.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match="line 2") as caught:
        hot_pixels(str(path))
    assert caught.value.code == "usage.hot-pixels"
    assert str(path) in caught.value.message


def test_a_table_of_hot_pixels_that_is_absent_is_a_clear_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        hot_pixels(str(tmp_path / "none.csv"))


def test_borders_of_pn_are_three_pixels_wide():
    x, y = np.arange(1, 65), np.full(64, 100)
    assert np.flatnonzero(~on_pn_border("PrimeFullWindow", x, y))[[0, -1]].tolist() == [4, 59]  # RAWX 5 to 60
    y = np.arange(1, 201)
    full, large = (on_pn_border(mode, np.full(200, 30), y) for mode in ("PrimeFullWindowExtended", "PrimeLargeWindow"))
    assert np.flatnonzero(~full)[[0, -1]].tolist() == [23, 195]  # RAWY 24 to 196
    assert np.flatnonzero(~large)[[0, -1]].tolist() == [0, 195]
    assert not on_pn_border("PrimeSmallWindow", x, x).any()


# --- sources


def test_thresholds_are_decided_by_the_list():
    rows = [row(1, 0, 0.1), row(2, 100, 0.2, likelihood=5.0), row(3, 200, 0.001), row(4, 300, 0.3, extent_arcsec=90.0)]
    rows += [row(5, 400, 0.5), row(6, 500, float("nan"))]
    limits = {"minimum_likelihood": 10, "minimum_counts": 100, "maximum_extent_arcsec": 80.0, "live_s": 10_000.0}
    assert [r.number for r in chosen_rows(rows, maximum_sources=99, **limits)] == ["5", "1", "6"]
    assert [r.number for r in chosen_rows(rows, maximum_sources=1, **limits)] == ["5"]


def test_circles_shrink_between_neighbors_but_not_below_the_limit():
    rows = [row(1, 0), row(2, 40), row(3, 52), row(4, 300)]
    sources, every = field_sources(rows, XmmSettings(), SKY, 10_000.0)
    radii = {source.number: source.radius_arcsec for source in sources}
    assert radii == pytest.approx({"1": 20.0, "2": 10.0, "3": 10.0, "4": 30.0}, abs=1e-4)
    assert len(every) == 4
    assert len({source.name for source in sources}) == 4


def test_sources_of_the_settings_take_the_place_of_those_of_the_list():
    settings = XmmSettings(sources=[{"name": "mine", "region": 'icrs; circle(150.1, 2.2, 15")'}])
    sources, every = field_sources([row(1, 300)], settings, SKY, 10_000.0)
    assert [(source.name, source.catalogue) for source in sources] == [("mine", "configuration")]
    assert (sources[0].ra_deg, sources[0].dec_deg) == pytest.approx((150.1, 2.2))
    assert [source.number for source in every] == ["1"]


def test_sources_of_the_settings_that_are_in_other_fields_do_not_matter():
    elsewhere = [{"region": f'icrs; circle({ra}, 2.2, 15")'} for ra in (152.0, 330.1)]
    sources, _ = field_sources([row(1, 0)], XmmSettings(sources=elsewhere), SKY, 10_000.0)
    assert [source.catalogue for source in sources] == ["OBSMLI"]
    asked = options(ra=152.0, dec=2.2)
    assert [source.catalogue for source in field_sources([row(1, 0)], asked, SKY, 10_000.0)[0]] == ["configuration"]
    with pytest.raises(UsageError, match="90 degrees"):
        field_sources([], options(ra=330.1, dec=2.2), SKY, 10_000.0)
    with pytest.raises(UsageError, match="shape"):
        field_sources([], XmmSettings(sources=[{"region": "blob(1, 2, 3)"}]), SKY, 10_000.0)


def test_the_background_is_a_ring_without_the_other_sources():
    rows = [row(1, 0), row(2, 90)]
    sources, every = field_sources(rows, XmmSettings(), SKY, 10_000.0)
    region, background, why = regions_of(sources[0], circles_of(every, SKY), XmmSettings(), SKY)
    arcsec = np.pi / 0.05**2
    assert why == ""
    assert region.area == pytest.approx(30**2 * arcsec)
    assert background.area == pytest.approx((120**2 - 60**2 - 30**2) * arcsec, rel=2e-3)
    x, y = SKY.pixel(rows[1].ra_deg, rows[1].dec_deg)
    assert not background.inside([float(x)], [float(y)])[0]


def test_a_background_that_others_cover_is_told_and_not_subtracted():
    crowd = [Circle(25921.0, 25921.0 + 90 / 0.05, 5000.0)]
    sources, _ = field_sources([row(1, 0)], XmmSettings(), SKY, 10_000.0)
    region, background, why = regions_of(sources[0], crowd, XmmSettings(), SKY)
    assert isinstance(region, Region)
    assert background is None
    assert why == "nothing is left of the background region"
