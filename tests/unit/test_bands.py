"""The bands that get a light curve of their own: what a setting may ask for, and who sees it."""

from __future__ import annotations

from dataclasses import replace
from math import nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.missions.base import ExposureValues
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.bands import LINES_AA, covering, parse_bands
from hstlc.missions.hst.settings import HstSettings
from hstlc.pipeline.observation import settings_digest
from hstlc.pipeline.placement import curve_name

FUV = ExposureValues(
    telescop="HST", instrume="COS", targname="SIM-STAR", cal_ver="3.2.1", obstype="SPECTROSCOPIC", cenwave=1291,
    aperture="PSA", detector="FUV", opt_elem="G130M", fppos=3, ra_deg=1.0, dec_deg=2.0, expstart_mjd=58300.0,
    expend_mjd=58300.1, exptime_s=100.0, proposid=1,
    extra={"wavelength_aa": {"A": [1291.1, 1428.7], "B": [1137.9, 1275.4]}},
)  # fmt: skip


# --- texts


@pytest.mark.parametrize("text", ["CIV", "civ", "C IV", " c  iv "])
def test_a_line_is_known_whatever_its_blanks_and_case(text: str) -> None:
    assert parse_bands([text]) == {"CIV": (1547.0, 1552.0)}


def test_every_line_has_a_range_and_a_name_of_its_own() -> None:
    assert parse_bands(LINES_AA) == dict(LINES_AA)
    assert len({name.lower() for name in LINES_AA}) == len(LINES_AA)
    assert all(low < high for low, high in LINES_AA.values())


def test_a_window_has_a_name_and_a_range_in_any_unit_of_length() -> None:
    (found,) = parse_bands(["blue=115 nm .. 1190 Angstrom"]).items()
    assert found == ("blue", pytest.approx((1150.0, 1190.0)))


def test_a_window_may_take_the_name_of_a_line() -> None:
    assert parse_bands(["CIV = 1540 Angstrom .. 1560 Angstrom"]) == {"CIV": (1540.0, 1560.0)}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["C V"], "'C V' is none of the lines NV, SiIV, CIV"),
        ([""], "none of the lines"),
        (["CIV", "c iv"], "CIV is given twice"),
        (["blue = 1150 Angstrom .. 1190 Angstrom", "BLUE = 1 nm .. 2 nm"], "BLUE is given twice"),
        (["blue = 1150 .. 1190"], "1150"),
        (["blue = 1150 Angstrom"], "range"),
        (["blue = 1190 Angstrom .. 1150 Angstrom"], "empty"),
        (["blue = 1 s .. 2 s"], "Angstrom"),
        (["= 1150 Angstrom .. 1190 Angstrom"], "'' cannot name a band"),
        (["a/b = 1150 Angstrom .. 1190 Angstrom"], "'a/b' cannot name a band"),
        (["../x = 1150 Angstrom .. 1190 Angstrom"], "cannot name a band"),
        ([f"{'x' * 33} = 1150 Angstrom .. 1190 Angstrom"], "at most 32"),
    ],
)
def test_what_is_no_band_is_refused_with_what_is_wrong(texts: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=r"band|line|range|empty|Angstrom") as caught:
        parse_bands(texts)
    assert said in str(caught.value)
    with pytest.raises(ValueError, match="bands"):
        HstSettings(bands=tuple(texts))


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,31}", fullmatch=True), min_size=2, max_size=2))
def test_two_bands_never_have_one_file(names: list[str]) -> None:
    one, other = names
    assert (curve_name("lsim01aaq", one) == curve_name("lsim01aaq", other)) == (one == other)
    assert curve_name("lsim01aaq", one) != curve_name("lsim01aaq")
    assert "/" not in curve_name("lsim01aaq", one)


# --- who sees them


LIMITS = {"A": (1291.0, 1430.0), "B": (1135.0, 1276.0), "C": None}


@pytest.mark.parametrize(
    ("band", "seen"),
    [
        ((1393.0, 1404.0), ["A"]),
        ((1291.0, 1430.0), ["A"]),
        ((nextafter(1291.0, 0), 1300.0), []),
        ((1400.0, nextafter(1430.0, 2000)), []),
        ((1270.0, 1295.0), []),
        ((1238.0, 1243.0), ["B"]),
    ],
)
def test_a_segment_sees_a_band_when_it_sees_all_of_it(band: tuple[float, float], seen: list[str]) -> None:
    assert covering(band, LIMITS) == seen


def test_stripes_that_overlap_see_a_band_together() -> None:
    assert covering((2.0, 3.0), {"A": (1.0, 4.0), "B": (2.0, 3.0), "C": (2.5, 9.0)}) == ["A", "B"]


# --- what is stale


def digest(values: ExposureValues, *bands: str, **options: bool) -> str:
    return settings_digest(MISSION, values, HstSettings(bands=bands), **options)


def test_a_band_that_is_seen_is_read_and_another_is_not() -> None:
    assert digest(FUV) == digest(FUV, "C IV", "Mg II")
    assert digest(FUV) != digest(FUV, "Si IV")
    assert digest(FUV, "N V") != digest(FUV, "Si IV")


def test_order_and_spelling_of_bands_do_not_matter_and_limits_do() -> None:
    assert digest(FUV, "N V", "Si IV") == digest(FUV, "SIIV", "nv")
    assert digest(FUV, "a = 1150 Angstrom .. 1160 Angstrom") == digest(FUV, "a=1.15e3 Angstrom..1160 Angstrom")
    assert digest(FUV, "a = 1150 Angstrom .. 1160 Angstrom") != digest(FUV, "a = 1150 Angstrom .. 1161 Angstrom")


def test_composites_read_no_bands() -> None:
    assert digest(FUV, "Si IV", bands=False) == digest(FUV, bands=False) == digest(FUV)


def test_images_have_no_bands() -> None:
    image = replace(FUV, obstype="IMAGING", detector="NUV", extra={"wavelength_aa": {}})
    assert digest(image, "Si IV", "Mg II") == digest(image)


# --- as an option in Python


def test_the_option_is_one_band() -> None:
    assert MISSION.curve_options(HstSettings(bands=("N V",)), band="C IV").bands == ("C IV",)
    assert MISSION.curve_options(HstSettings(bands=("N V",))).bands == ("N V",)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"band": "C V"}, "'C V' is none of the lines"),
        ({"band": (1547, 1552)}, "(1547, 1552)"),
        ({"band": "C IV", "wavelength": (1400, 1500)}, "band and wavelength"),
        ({"bands": ["C IV"]}, "no option bands"),
    ],
)
def test_a_wrong_option_says_what_is_wrong(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        MISSION.curve_options(HstSettings(), **options)
    assert caught.value.code == "usage.bad-option"
    assert said in caught.value.message
