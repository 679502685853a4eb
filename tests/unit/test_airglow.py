"""Airglow windows of each grating."""

import pytest

from hstlc.missions.hst.airglow import TABLES, windows

LYMAN_ALPHA, OXYGEN = 1215.67, (1302.168, 1304.858, 1306.029)


def inside(wavelength, several):
    return any(low <= wavelength <= high for low, high in several)


@pytest.mark.parametrize("grating", ["G130M", "G160M"])
def test_medium_resolution_has_the_windows_of_2015(grating):
    assert windows("hstlc", grating) == ((1208.0, 1225.0), (1298.0, 1312.0))


def test_low_resolution_joins_them_with_windows_of_fixed_pixels():
    found = windows("hstlc", "G140L")
    by_hand = ((1126.165, 1142.98), (1191.55, 1235.67), (1294.168, 1314.029), (1347.598, 1366.512))
    assert [limit for window in found for limit in window] == pytest.approx([x for window in by_hand for x in window])


@pytest.mark.parametrize(("grating", "half"), [("G130M", 2.5), ("G160M", 3.1), ("G140L", 20.0)])
def test_pixel_windows_scale_with_the_dispersion(grating, half):
    found = windows("calcos", grating)
    assert inside(LYMAN_ALPHA - 0.99 * half, found)
    assert inside(LYMAN_ALPHA + 0.99 * half, found)
    assert not inside(LYMAN_ALPHA + 1.01 * half, found)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "none"])
@pytest.mark.parametrize("grating", ["G130M", "G160M", "G140L"])
def test_windows_are_sorted_apart_and_hold_the_strong_lines(table, grating):
    found = windows(table, grating)
    limits = [limit for window in found for limit in window]
    assert limits == sorted(set(limits))
    assert all(inside(line, found) for line in (LYMAN_ALPHA, *OXYGEN))


def test_wide_windows_are_wider():
    for grating in ("G130M", "G160M", "G140L"):
        width = [sum(high - low for low, high in windows(table, grating)) for table in ("calcos", "wide")]
        assert width[0] < width[1]
    assert inside(989.0, windows("wide", "G130M"))


@pytest.mark.parametrize("grating", ["G185M", "G230L", "MIRRORA", ""])
@pytest.mark.parametrize("table", TABLES)
def test_gratings_that_see_no_airglow_have_no_windows(table, grating):
    assert windows(table, grating) == ()


def test_none_leaves_nothing_out():
    assert windows("none", "G130M") == ()


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="'bright' is none of"):
        windows("bright", "G130M")
