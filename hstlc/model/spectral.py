"""What part of the spectrum a light curve is of, as its keywords tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["KEV_M", "energies_kev", "spectral_range", "wavelengths_m"]

#: Wavelength of a photon of 1 keV, m: h c / (1000 e), exact in the SI since 2019.
KEV_M = 1.2398419843320026e-9

_ANGSTROM_M = 1e-10


def spectral_range(meta: Mapping[str, Any]) -> tuple[float, float, str] | None:
    """Return the limits of a light curve, and their unit: keV, else Angstrom; None where it does not say.

    Parameters
    ----------
    meta : mapping
        Keywords of a light curve: ``EMIN`` and ``EMAX`` in keV, ``WMIN`` and ``WMAX`` in Angstrom.

    Examples
    --------
    >>> spectral_range({"EMIN": 0.5, "EMAX": 7.0})
    (0.5, 7.0, 'keV')
    """
    for low, high, unit in (("EMIN", "EMAX", "keV"), ("WMIN", "WMAX", "Angstrom")):
        lowest, highest = meta.get(low), meta.get(high)
        if isinstance(lowest, int | float) and isinstance(highest, int | float) and lowest < highest:
            return float(lowest), float(highest), unit
    return None


def wavelengths_m(meta: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the shortest and the longest wavelength of a light curve, m; None where it does not say or has no end.

    Parameters
    ----------
    meta : mapping
        As of :func:`spectral_range`.

    Examples
    --------
    >>> shortest, longest = wavelengths_m({"EMIN": 0.5, "EMAX": 2.0})
    >>> f"{shortest:.4g} {longest:.4g}"
    '6.199e-10 2.48e-09'
    """
    found = spectral_range(meta)
    if found is None:
        return None, None
    low, high, unit = found
    if unit == "keV":
        return KEV_M / high, KEV_M / low if low > 0 else None
    return low * _ANGSTROM_M, high * _ANGSTROM_M


def energies_kev(shortest_m: float | None, longest_m: float | None) -> tuple[float, float] | None:
    """Return the lowest and the highest energy of a range of wavelengths, keV; None where the highest is not known.

    They are rounded to the nine digits that survive the way there and back.

    Examples
    --------
    >>> energies_kev(*wavelengths_m({"EMIN": 0.5, "EMAX": 2.0}))
    (0.5, 2.0)
    """
    if shortest_m is None:
        return None
    low, high = (0.0 if value is None else float(f"{KEV_M / value:.9g}") for value in (longest_m, shortest_m))
    return low, high
