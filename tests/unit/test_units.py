"""Numbers with units: in from text, out as the same text."""

import pytest
from astropy import units as u
from astropy.coordinates import Angle
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from hstlc.units import AngstromRange, Seconds, format_quantity, parse_quantity, to_float


class Model(BaseModel):
    width: Seconds = 2.0
    band: AngstromRange = (915.0, 1800.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2 s", 2),
        ("2s", 2),
        (" 1.5 min ", 90),
        (".5 s", 0.5),
        ("2. s", 2),
        ("1e-1 s", 0.1),
        ("32 ms", 0.032),
        ("1h", 3600),
    ],
)
def test_text_with_a_unit_of_time(text, seconds):
    assert parse_quantity(text, "s") == pytest.approx(seconds)


@pytest.mark.parametrize("value", [2, 2.0, "2", "", "s", "two s", "2 3 s", "2 Angstrom", "2 parsnips", True, None])
def test_what_has_no_unit_of_time_is_refused(value):
    with pytest.raises(ValueError, match="write it like"):
        parse_quantity(value, "s")


def test_quantities_are_converted():
    assert parse_quantity(2 * u.min, "s") == 120
    assert to_float(120 * u.nm, "Angstrom") == pytest.approx(1200)
    with pytest.raises(ValueError, match="cannot be converted to 's'"):
        to_float(2 * u.Angstrom, "s")
    with pytest.raises(ValueError, match="cannot be converted to 's'"):
        to_float(Angle(1, "deg"), "s")


def test_plain_numbers_are_taken_where_they_are_welcome():
    assert to_float(3, "s") == 3.0
    assert to_float("3 min", "s") == 180.0
    with pytest.raises(ValueError, match="write it like"):
        to_float("3", "s")
    with pytest.raises(ValueError, match="has no unit: write it like '3 s'"):
        to_float(3, "s", bare=False)


@given(st.floats(1e-6, 1e9))
def test_text_is_read_back_to_the_same_number(number):
    text = format_quantity(number, "s")
    assert parse_quantity(text, "s") == pytest.approx(number, rel=1e-14)
    assert format_quantity(parse_quantity(text, "s"), "s") == text


@pytest.mark.parametrize("text", ["0 s", "-1 s", "1e999 s"])
def test_a_time_that_cannot_be_a_width_is_refused(text):
    with pytest.raises(ValidationError, match="must be a positive, finite time"):
        Model(width=text)


def test_a_range_has_two_ends_in_order():
    assert Model(band="91.5 nm .. 1800 Angstrom").band == pytest.approx((915, 1800))
    for text, problem in [("1 Angstrom", "not a range"), ("2 Angstrom .. 1 Angstrom", "empty"), (7, "not a range")]:
        with pytest.raises(ValidationError, match=problem):
            Model(band=text)


def test_a_model_prints_what_it_reads():
    printed = Model().model_dump()
    assert printed == {"width": "2 s", "band": "915 Angstrom .. 1800 Angstrom"}
    assert Model(**printed) == Model()
