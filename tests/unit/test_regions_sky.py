"""Sky, pixels of an event list and the detector."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, SkyOffsetFrame
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import InconsistentError
from hstlc.regions import SkyPixels, off_axis

STEP = 0.492 / 3600
SKY = SkyPixels(149.8853, 2.60795, 4096.5, 4096.5, -STEP, STEP)


def cards(**changed: object) -> dict[str, object]:
    header: dict[str, object] = {"TFIELDS": 3, "TTYPE1": "time", "TTYPE2": "x", "TTYPE3": "y"}
    for number, kind, value, step in ((2, "RA---TAN", 149.8853, -STEP), (3, "DEC--TAN", 2.60795, STEP)):
        header |= {f"TCTYP{number}": kind, f"TCRVL{number}": value, f"TCRPX{number}": 4096.5, f"TCDLT{number}": step}
    return {name: value for name, value in (header | changed).items() if value is not None}


@given(st.floats(0.0, 359.99), st.floats(-89.5, 89.5), st.floats(0, 359), st.floats(0, 0.4), st.floats(-180, 180))
def test_pixels_are_the_tangents_of_offsets(ra: float, dec: float, toward: float, far: float, roll: float) -> None:
    """Offsets in a frame around the tangent point, which knows nothing of FITS: tan of them are the plane's axes."""
    plane = SkyPixels(ra, dec, 100.0, 200.0, -STEP, STEP, roll)
    source = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(toward * u.deg, far * u.deg)
    to = source.transform_to(SkyOffsetFrame(origin=SkyCoord(ra * u.deg, dec * u.deg))).cartesian
    xi, eta = np.degrees(float(to.y / to.x)), np.degrees(float(to.z / to.x))
    turn = np.radians(roll)
    x, y = plane.pixel(source.ra.deg, source.dec.deg)
    assert x == pytest.approx(100 + (-xi * np.cos(turn) - eta * np.sin(turn)) / STEP, abs=1e-4)
    assert y == pytest.approx(200 + (eta * np.cos(turn) - xi * np.sin(turn)) / STEP, abs=1e-4)
    back_ra, back_dec = plane.sky(x, y)
    back = SkyCoord(back_ra * u.deg, back_dec * u.deg)
    assert back.separation(source).arcsec < 1e-3


def test_roll_is_what_fits_calls_crota2() -> None:
    keywords = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 60.0, "CRPIX1": 5.0}
    keywords |= {"CRPIX2": 6.0, "CDELT1": -STEP, "CDELT2": STEP, "CROTA2": 69.6}
    x, y = WCS(fits.Header(keywords)).all_world2pix(10.05, 60.02, 1)
    assert SkyPixels(10.0, 60.0, 5.0, 6.0, -STEP, STEP, 69.6).pixel(10.05, 60.02) == (
        pytest.approx(float(x), abs=1e-7),
        pytest.approx(float(y), abs=1e-7),
    )


def test_off_axis_angle_of_the_known_source() -> None:
    """Region 35 of observation 7999, whose nominal position is its pointing: 8.53616 arcmin, azimuth 225.5556."""
    ra, dec = SKY.sky(3145.8947368421, 4520.7894736842)
    roll_deg = 225.5556 - np.degrees(np.arctan2(4520.7894736842 - 4096.5, 3145.8947368421 - 4096.5))
    theta, phi = off_axis(SkyPixels(149.8853, 2.60795, 0.0, 0.0, -STEP, STEP, roll_deg % 360), ra, dec)
    assert round(float(theta), 5) == 8.53616
    assert round(float(phi), 4) == 225.5556


def test_a_roll_turns_azimuth_and_leaves_the_off_axis_angle() -> None:
    ra, dec = SKY.sky(3145.9, 4520.8)
    one, other = (off_axis(SkyPixels(149.8853, 2.60795, 0, 0, -STEP, STEP, roll), ra, dec) for roll in (0.0, 30.0))
    assert other[0] == pytest.approx(float(one[0]), rel=1e-12)
    assert (other[1] - one[1]) % 360 == pytest.approx(30.0)
    assert other[0] == pytest.approx(
        SkyCoord(149.8853 * u.deg, 2.60795 * u.deg).separation(SkyCoord(ra * u.deg, dec * u.deg)).arcmin, rel=1e-5
    )


def test_cards_of_columns_make_the_plane_whatever_their_case() -> None:
    assert SkyPixels.of_columns(cards()) == SKY
    assert SkyPixels.of_columns(cards(TTYPE2="X", TTYPE3="Y"), "x", "y") == SKY
    assert SkyPixels.of_columns(fits.Header(cards())) == SKY
    assert pickle.loads(pickle.dumps(SKY)) == SKY


def test_reference_keywords_make_the_plane() -> None:
    header: dict[str, object] = {}
    for axis, kind, value, step in (("X", "RA---TAN", 68.1, -1 / 72000), ("Y", "DEC--TAN", 17.7, 1 / 72000)):
        header |= {f"REF{axis}CTYP": kind, f"REF{axis}CRVL": value, f"REF{axis}CRPX": 25921, f"REF{axis}CDLT": step}
    plane = SkyPixels.of_reference(header)
    assert plane == SkyPixels(68.1, 17.7, 25921.0, 25921.0, -1 / 72000, 1 / 72000)
    assert plane.scale_arcsec == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"TTYPE2": "detx"}, "DETX"),
        ({"TCRVL3": None}, "TCRVL3"),
        ({"TCTYP2": "RA---SIN"}, "RA---SIN"),
        ({"TCDLT2": 0.0}, "0.0"),
        ({"TCRVL3": 95.0}, "95.0"),
        ({"TCRVL2": "149.8 deg"}, "149.8 deg"),
        ({"TFIELDS": 0}, "no columns"),
        ({"TFIELDS": "3"}, "no columns"),
    ],
)
def test_a_header_without_a_plane_is_refused(changed: dict[str, object], found: str) -> None:
    with pytest.raises(InconsistentError, match=found) as error:
        SkyPixels.of_columns(cards(**changed), where="a.fits")
    assert error.value.code == "data.sky-pixels"
    assert "a.fits" in error.value.message


def test_the_far_side_of_the_sky_has_no_pixels() -> None:
    x, y = SKY.pixel([149.9, 329.9, 245.0], [2.6, -2.6, 2.6])
    assert np.isnan(x).tolist() == np.isnan(y).tolist() == [False, True, True]


@pytest.mark.parametrize("dec", [0.0, 60.0, 89.99, -90.0])
@pytest.mark.parametrize("roll", [0.0, 33.0])
def test_north_is_up_but_for_the_roll(dec: float, roll: float) -> None:
    plane = SkyPixels(40.0, dec, 0.0, 0.0, -STEP, STEP, roll)
    assert plane.north_deg(40.0, dec) == pytest.approx(90.0 + roll, abs=1e-4)


def test_both_ways_to_say_it_agree_in_real_files(real_data: Path) -> None:
    for path in sorted((real_data / "xmm").glob("eggr38__m*")):
        header = fits.getheader(path, "EVENTS")
        plane = SkyPixels.of_columns(header)
        assert plane == SkyPixels.of_reference(header)
        assert plane.scale_arcsec == pytest.approx(0.05, rel=1e-9)
    plane = SkyPixels.of_columns(fits.getheader(real_data / "chandra" / "chandra_test.fits", "EVENTS"))
    assert plane.scale_arcsec == pytest.approx(0.492, rel=1e-9)
    assert plane.sky(4096.5, 4096.5) == (pytest.approx(149.09885492322), pytest.approx(69.715351594383))
