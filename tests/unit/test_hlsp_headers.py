"""What the headers of a composite say under each profile."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time
from hlsp_composite import META, STAR, START, composite, write_composite
from hypothesis import given
from hypothesis import strategies as st

from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.formats.hlsp.headers import hlsp_keywords, span_s
from hstlc.formats.hlsp.keywords import HLSP_KEYWORDS, Need, from_card, to_card
from hstlc.formats.hlsp.project import Profile, Project
from hstlc.formats.keywords import KEYWORDS
from hstlc.model import Intervals, LightCurve
from hstlc.times import TimeReference

PROJECTS = [Project(profile) for profile in Profile]
MAST = Project(Profile.MAST, doi="10.17909/abcd-ef12", reference="2018ApJ...1....1E", version="1.2")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
def test_every_keyword_is_in_the_table_and_has_its_comment(tmp_path, project):
    keywords = hlsp_keywords(composite(), STAR, project)
    assert set(keywords) <= {keyword.keyword for keyword in HLSP_KEYWORDS} | {"OPT_ELEM", "CENWAVE"}
    with fits.open(write_composite(tmp_path, project)) as hdus:
        for hdu in hdus[:2]:
            for keyword, value in keywords.items():
                if value is None:
                    assert keyword not in hdu.header
                else:
                    assert hdu.header[keyword] == value
                    assert hdu.header.comments[keyword] in (KEYWORDS[keyword], "")  # a long value leaves no room
            assert hdu.header.comments["TELESCOP"] == "telescope"


def test_comments_are_said_once_and_fit_a_card():
    assert len({keyword.keyword for keyword in HLSP_KEYWORDS}) == len(HLSP_KEYWORDS)
    for keyword in HLSP_KEYWORDS:
        assert KEYWORDS[keyword.keyword] == keyword.meaning
        assert len(keyword.meaning) <= 47


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
def test_all_that_the_profile_requires_is_there(tmp_path, project):
    project = replace(project, doi=MAST.doi, reference=MAST.reference)
    with fits.open(write_composite(tmp_path, project)) as hdus:
        for keyword in HLSP_KEYWORDS:
            if keyword.need(project.profile) is Need.REQUIRED:
                assert keyword.keyword in hdus["LIGHTCURVE"].header, keyword.keyword
                assert keyword.keyword in hdus[0].header, keyword.keyword


def test_legacy_headers_are_the_documented_ones():
    keywords = hlsp_keywords(composite(), STAR, Project())
    assert keywords["PROPOSID"] == 13902
    assert keywords["HLSPLEAD"] == "Justin C. Ely"
    assert [keywords[f"PR_INV_{letter}"] for letter in "LFM"] == ["Ely", "Justin", "Charles"]
    assert keywords["HLSPNAME"] == "The Lightcurve Legacy of COS and STIS"
    assert keywords["HLSPACRN"] == "LLOCS"
    assert keywords["CITATION"] == ""
    assert keywords["EQUINOX"] == 2000.0
    assert keywords["FILTER"] == "G130M"
    assert keywords["DATE-OBS"] == "2017-12-21T12:00:00.000"
    assert keywords["EXPSTART"] == 58108.5
    assert keywords["EXPEND"] == pytest.approx(58108.5 + 86404 / 86400, abs=1e-11)  # the end of the last bin
    assert keywords["EXPTIME"] == 10.0


@pytest.mark.parametrize("exptime", [None, 0.0, -1.0, "ten"])
def test_without_an_exposure_time_the_live_time_stands_for_it(exptime):
    assert hlsp_keywords(composite(EXPTIME=exptime), STAR, Project())["EXPTIME"] == 9.0


def test_mast_headers_say_who_what_and_when():
    keywords = hlsp_keywords(composite(), STAR, MAST)
    assert keywords["DOI"] == "10.17909/abcd-ef12"
    assert keywords["REFERENC"] == "2018ApJ...1....1E"
    assert (keywords["HLSPID"], keywords["HLSPVER"], keywords["HLSPTARG"]) == ("HSTLC", "1.2", "GJ-436")
    assert keywords["OBSERVAT"] == keywords["TELESCOP"] == "HST"
    assert keywords["PROPOSID"] == META["PROPOSID"]
    assert keywords["DATE-BEG"] == "2017-12-21T12:00:00.000"
    assert keywords["DATE-END"] == "2017-12-22T12:00:04.000"
    assert Time(keywords["MJD-END"], format="mjd", scale="utc").isot == keywords["DATE-END"]
    assert keywords["MJD-MID"] == pytest.approx((keywords["MJD-BEG"] + keywords["MJD-END"]) / 2, abs=1e-11)
    assert keywords["TELAPSE"] == 86404.0
    assert keywords["XPOSURE"] == 9.0
    assert keywords["TIMESYS"] == "UTC"
    assert (keywords["RADESYS"], keywords["EQUINOX"]) == ("ICRS", None)
    assert keywords["LICENSE"] == "CC BY 4.0"


def test_exposures_of_several_proposals_get_that_of_the_project():
    assert hlsp_keywords(composite(PROPOSID=None), STAR, MAST)["PROPOSID"] == 13902


def test_what_is_not_known_is_left_out():
    keywords = hlsp_keywords(composite(RA_TARG=None), STAR, Project(Profile.MAST))
    assert keywords["DOI"] is keywords["REFERENC"] is keywords["RADESYS"] is None


def test_an_equinox_of_the_exposures_does_not_stand_beside_icrs(tmp_path):
    with fits.open(write_composite(tmp_path, MAST, EQUINOX=2000.0)) as hdus:
        assert all("EQUINOX" not in hdu.header for hdu in hdus)


@pytest.mark.parametrize("scale", ["UTC", "TT", "TDB"])
def test_dates_are_in_the_scale_of_the_curve(scale):
    curve = replace(composite(), reference=TimeReference(58108.5, scale))
    keywords = hlsp_keywords(curve, STAR, MAST)
    assert keywords["DATE-BEG"] == "2017-12-21T12:00:00.000"
    assert keywords["TIMESYS"] == scale


def test_years_without_announced_leap_seconds_raise_no_warning():
    curve = replace(composite(), reference=TimeReference(90000.25))
    assert hlsp_keywords(curve, STAR, MAST)["DATE-BEG"] == "2105-04-16T06:00:00.000"


def test_the_last_bin_to_end_is_the_end_whatever_the_order():
    curve = composite()
    mixed = replace(curve, data={name: values[::-1] for name, values in curve.data.items()})
    assert span_s(mixed) == span_s(curve) == (0.0, 86404.0)


def test_a_curve_without_bins_has_no_dates():
    empty = LightCurve({name: v[:0] for name, v in composite().data.items()}, Intervals.of([], []), TimeReference(5e4))
    with pytest.raises(ValueError, match="zero-size"):
        hlsp_keywords(empty, STAR, MAST)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
def test_the_curve_survives_and_the_file_is_deterministic(tmp_path, project):
    path = write_composite(tmp_path, project)
    back = read_light_curve(path)
    assert write_light_curve(back) == path.read_bytes()
    np.testing.assert_array_equal(back["times"], START)


@given(st.text(max_size=130))
def test_any_name_of_a_target_comes_back_from_a_card(text):
    card = to_card(text)
    assert from_card(card) == text
    assert card.isascii()
    assert card == "" or card.isprintable()
    header = fits.Header()
    header["TARGNAME"] = card
    assert fits.Header.fromstring(header.tostring())["TARGNAME"] == card


def test_a_card_with_broken_escapes_is_taken_as_it_is():
    assert from_card("C:\\x") == "C:\\x"
