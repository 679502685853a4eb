"""The part of the spectrum that a light curve is of, against the conversions of astropy."""

import astropy.units as u
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.model.spectral import KEV_M, energies_kev, spectral_range, wavelengths_m

LIMITS = st.floats(0.01, 1000).map(lambda value: float(f"{value:.6g}"))


def test_the_constant_is_that_of_astropy() -> None:
    assert (1 * u.keV).to_value(u.m, u.spectral()) == pytest.approx(KEV_M, rel=1e-15)


@pytest.mark.parametrize(
    ("meta", "found"),
    [
        ({}, None),
        ({"EMIN": 0.5}, None),
        ({"EMIN": None, "EMAX": None}, None),
        ({"EMIN": 2, "EMAX": 0.5}, None),
        ({"EMIN": "low", "EMAX": 7.0}, None),
        ({"WMIN": None, "WMAX": 1430.0}, None),
        ({"WMIN": float("nan"), "WMAX": 1430.0}, None),
        ({"WMIN": 1150, "WMAX": 1430.0}, (1150.0, 1430.0, "Angstrom")),
        ({"EMIN": 0.0, "EMAX": 7.0, "WMIN": None}, (0.0, 7.0, "keV")),
    ],
)
def test_ranges(meta: dict[str, object], found: tuple[float, float, str] | None) -> None:
    assert spectral_range(meta) == found


def test_wavelengths_are_those_of_astropy() -> None:
    edges = (7.0 * u.keV).to_value(u.m, u.spectral()), (0.5 * u.keV).to_value(u.m, u.spectral())
    assert wavelengths_m({"EMIN": 0.5, "EMAX": 7.0}) == pytest.approx(edges, rel=1e-14)
    assert wavelengths_m({"WMIN": 1150.0, "WMAX": 1430.0}) == pytest.approx((1.15e-7, 1.43e-7), rel=1e-14)


def test_a_band_from_no_energy_has_no_longest_wavelength() -> None:
    shortest, longest = wavelengths_m({"EMIN": 0, "EMAX": 10.0})
    assert (shortest, longest) == (KEV_M / 10, None)
    assert energies_kev(shortest, longest) == (0.0, 10.0)
    assert (wavelengths_m({}), energies_kev(None, None)) == ((None, None), None)


@given(LIMITS, LIMITS)
def test_energies_come_back(one: float, other: float) -> None:
    low, high = sorted((one, other))
    if low < high:
        assert energies_kev(*wavelengths_m({"EMIN": low, "EMAX": high})) == (low, high)
