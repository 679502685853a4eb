"""Instants in UTC against astropy."""

from __future__ import annotations

import pytest
from astropy.time import Time, TimeDelta

from hstlc.times import TimeReference, utc_text


@pytest.mark.parametrize("scale", ["UTC", "TAI", "TT"])
@pytest.mark.parametrize(("mjd", "seconds"), [(50814.0, 64.184), (54621.25, 12_345.6), (57753.9, 8_700.0)])
def test_utc_is_that_of_astropy(scale: str, mjd: float, seconds: float) -> None:
    moment = Time(mjd, format="mjd", scale=scale.lower()) + TimeDelta(seconds, format="sec")
    expected = Time(moment.utc, format="iso", precision=0).iso
    assert utc_text(TimeReference(mjd, scale), seconds) == expected


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e30, -1e30])
def test_no_date_of_the_calendar_is_nothing(seconds: float) -> None:
    assert utc_text(TimeReference(54621.25, "TT"), seconds) == ""
