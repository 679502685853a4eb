"""Index pages, boxes on the sky, dates of archives."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives.dates import DISTANT, literal, mjd_moment, moment, second_after
from hstlc.archives.listing import listed, size_of
from hstlc.archives.renaming import theirs
from hstlc.archives.sky import boxes, separation_deg, within
from hstlc.errors import RejectedError
from tests.tap_fakes import FakeHttp

PAGE = """<html><head><title>Index of /byobsid/8/2798/primary</title></head><body><h1>Index</h1><pre>
<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a><hr>
<a href="/byobsid/8/2798/">Parent Directory</a>                             -
<a href="acisf02798N004_evt2.fits.gz">acisf02798N004_evt2.fits.gz</a>  2020-03-01 10:00   12M
<a href="acisf02798N004_a_very_long_name.fits.gz">acisf02798N004_a_ver..&gt;</a>  2020-03-01 10:00   12M
<a href="a%26b.txt">a&amp;b.txt</a>  1K
<a href="responses/">responses/</a>  -
<a href="../../etc/passwd">../../etc/passwd</a> <a href="..">..</a> <a>no address</a>
<a href="https://elsewhere.example/x.fits">https://elsewhere.example/x.fits</a>
<a href="readme.txt">Read me</a> <a href="twice.txt">twice.txt</a> <a href="twice.txt">twice.txt</a>
</pre></body></html>"""


def test_an_index_page_gives_files_and_folders_and_nothing_that_leads_elsewhere() -> None:
    assert listed(PAGE) == (
        "acisf02798N004_evt2.fits.gz",
        "acisf02798N004_a_very_long_name.fits.gz",
        "a&b.txt",
        "responses/",
        "twice.txt",
    )


def test_a_page_that_is_no_index_has_no_names() -> None:
    assert listed("<html>Maintenance until Monday</html>") == ()
    assert listed("") == ()


@given(st.text(alphabet='<>a/="&;. ', max_size=60))
def test_no_page_gives_a_name_that_leads_out_of_its_folder(page: str) -> None:
    for name in listed(page + '<a href="x">x</a>'):
        assert "/" not in name.removesuffix("/")
        assert name.strip("./")


def test_sizes_are_those_of_the_server() -> None:
    fake = FakeHttp()
    fake.replies["https://a.example/f"] = b"12345"
    assert size_of(fake.http, "https://a.example/f") == 5
    with pytest.raises(RejectedError):
        size_of(fake.http, "https://a.example/other")


ra = st.floats(0, 360, exclude_max=True)
dec = st.floats(-90, 90)


@given(ra, dec, ra, dec, st.floats(1e-4, 30))
def test_everything_within_a_distance_is_in_one_of_the_boxes(
    ra_deg: float, dec_deg: float, other_ra: float, other_dec: float, radius: float
) -> None:
    found = boxes(ra_deg, dec_deg, radius)
    inside = [box for box in found if box.ra_min <= other_ra <= box.ra_max and box.dec_min <= other_dec <= box.dec_max]
    if separation_deg(ra_deg, dec_deg, other_ra, other_dec) <= radius:
        assert inside
    for box in found:
        assert 0 <= box.ra_min <= box.ra_max <= 360
        assert -90 <= box.dec_min <= box.dec_max <= 90


@given(ra, st.floats(-89.9, 89.9), st.floats(0, 360), st.floats(0.001, 1), st.floats(0, 0.999))
def test_a_point_on_a_circle_is_in_one_of_its_boxes(
    ra_deg: float, dec_deg: float, angle: float, radius: float, part: float
) -> None:
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    centre = SkyCoord(ra_deg, dec_deg, unit="deg")
    point = centre.directional_offset_by(angle * u.deg, radius * part * u.deg)
    at = float(point.ra.deg), float(point.dec.deg)
    assert any(
        box.ra_min <= at[0] <= box.ra_max and box.dec_min <= at[1] <= box.dec_max
        for box in boxes(ra_deg, dec_deg, radius)
    )
    assert separation_deg(ra_deg, dec_deg, *at) == pytest.approx(float(centre.separation(point).deg), abs=1e-9)


def test_boxes_are_not_larger_than_they_must_be() -> None:
    (box,) = boxes(180.0, 60.0, 0.5)
    assert box.dec_max - box.dec_min == pytest.approx(1.0, abs=1e-5)
    assert box.ra_max - box.ra_min == pytest.approx(2.0, abs=1e-3)  # 1 / cos(60 deg)


def test_a_circle_with_the_pole_in_it_takes_all_right_ascensions() -> None:
    (box,) = boxes(0.001, 89.9, 0.2)
    assert (box.ra_min, box.ra_max, box.dec_max) == (0.0, 360.0, 90.0)
    near, far = {"ra": 180.0, "dec": 89.95}, {"ra": 180.0, "dec": 89.85}
    assert within([near, far, {"ra": None, "dec": 89.9}], (0.001, 89.9), 0.2) == [near]


def test_a_circle_across_right_ascension_0_takes_two_boxes() -> None:
    west, east = boxes(0.001, 1.0, 0.1)
    assert west.ra_min == pytest.approx(359.901, abs=1e-3)
    assert (west.ra_max, east.ra_min) == (360.0, 0.0)
    assert west.condition("m.ra", "m.dec").startswith("m.dec BETWEEN 0.8999999")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-07 00:00:00", datetime(2026, 4, 7, tzinfo=UTC)),
        ("2001-08-12T03:14:23.0", datetime(2001, 8, 12, 3, 14, 23, tzinfo=UTC)),
        (" 2001-08-12T03:14:23Z ", datetime(2001, 8, 12, 3, 14, 23, tzinfo=UTC)),
        ("2001-08-12T03:14:23+02:00", datetime(2001, 8, 12, 1, 14, 23, tzinfo=UTC)),
        (datetime(2001, 8, 12), datetime(2001, 8, 12, tzinfo=UTC)),
        ("3012-01-01 00:00:00", datetime(3012, 1, 1, tzinfo=UTC)),
        ("9999-12-31 23:59:59", DISTANT),
        ("11970-01-01 00:00:00", DISTANT),
        *((value, None) for value in ("", None, "unknown", "2026-02-30", "0000-00-00", 5)),
    ],
)
def test_dates_of_archives_become_moments(text: object, expected: datetime | None) -> None:
    assert moment(text) == expected


@given(st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)))
def test_a_literal_names_the_second_that_a_moment_is_in(when: datetime) -> None:
    when = when.replace(tzinfo=UTC)
    read = moment(literal(when).strip("'"))
    assert read is not None
    assert read <= when < second_after(read) == read + timedelta(seconds=1)


def test_mjd_is_days_since_1858_and_nonsense_is_none() -> None:
    assert mjd_moment(51544.5) == datetime(2000, 1, 1, 12, tzinfo=UTC)
    assert [mjd_moment(value) for value in (None, "x", float("nan"), 0, True, 1e300)] == [None] * 6


def test_renamed_columns_are_pairs() -> None:
    from pydantic import ValidationError

    from hstlc.missions.xmm.xsa import XsaSettings

    assert theirs(XsaSettings(renamed_columns=("pps_version=v", "ra = right_ascension")).renamed_columns) == {
        "pps_version": "v",
        "ra": "right_ascension",
    }
    with pytest.raises(ValidationError, match="'OURS = THEIRS' is wanted"):
        XsaSettings(renamed_columns=("pps_version",))
