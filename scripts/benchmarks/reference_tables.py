"""Sensitivities: the tables that the original calibrates with, and spectra that were calibrated with the same ones.

The sensitivity of a segment is the same at all wavelengths. The original takes the mean over the events where we take
each event's own, and both are then the same. FLUX / NET of a spectrum is that sensitivity to the last digit: NET and
the sensitivity have so few bits that their product is exact in the float32 of the column FLUX.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.cos.headers import primary_keywords
from hstlc.testing.cos.tables import Extension, write_tables, x1d_columns
from scripts.benchmarks.corrtag import Exposure

__all__ = ["write_reference_tables", "write_x1d"]

LENGTH = 16384
SETTINGS = {
    "G130M": (1055, 1096, 1222, 1291, 1300, 1309, 1318, 1327),
    "G160M": (1533, 1577, 1589, 1600, 1611, 1623),
    "G140L": (800, 1105, 1230, 1280),
}
APERTURES = ("PSA", "BOA")
SEGMENTS = ("FUVA", "FUVB")
INVERSE_SENSITIVITY = {"FUVA": 8.5e-13, "FUVB": 7.2e-13}  # erg / cm2 / Angstrom a count a pixel, at the reference time
WAVES, TIMES = 20, 8  # of the table of changes with time
REFERENCE_MJD, SLOPE_PERCENT = 54952.0, -2.0
EXACT_MJD = 58300.25  # at which the sensitivity has few bits: where fluxes are compared
BITS = 12


def few_bits(value: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return numbers rounded to 12 bits: the product of two of them is exact in float32."""
    mantissa, exponent = np.frexp(value)
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, BITS)), exponent - BITS))


def _sensitivity(segment: str) -> float:
    """Return the column SENSITIVITY, the same at all wavelengths."""
    return float(np.float32(1.0 / INVERSE_SENSITIVITY[segment]))


def _drift(mjd: float) -> float:
    return (mjd - REFERENCE_MJD) * (SLOPE_PERCENT) / (365.25 * 100)


def _intercept(segment: str) -> float:
    exact = float(few_bits(INVERSE_SENSITIVITY[segment]))
    return 1.0 / (exact * _sensitivity(segment)) - _drift(EXACT_MJD)


def inverse_sensitivity(segment: str, mjd: float) -> float:
    """Return flux by net count rate of a pixel at a date, erg / cm2 / Angstrom a count, rounded to few bits."""
    change = _drift(mjd) + _intercept(segment)
    return float(few_bits(1.0 / (_sensitivity(segment) * change)))


def write_reference_tables(folder: Path) -> None:
    """Write ``sim_phot.fits`` (FLUXTAB) and ``sim_tds.fits`` (TDSTAB), which event files name with ``lref$``."""
    from astropy.io import fits

    rows = [
        (segment, grating, cenwave, aperture)
        for grating, cenwaves in SETTINGS.items()
        for cenwave in cenwaves
        for segment in SEGMENTS
        for aperture in APERTURES
    ]
    wave = np.linspace(900.0, 1900.0, 1801)
    column = fits.Column
    phot = [
        column("SEGMENT", "4A", array=[row[0] for row in rows]),
        column("OPT_ELEM", "5A", array=[row[1] for row in rows]),
        column("CENWAVE", "I", array=[row[2] for row in rows]),
        column("APERTURE", "3A", array=[row[3] for row in rows]),
        column("WAVELENGTH", f"{len(wave)}D", unit="angstrom", array=np.tile(wave, (len(rows), 1))),
        column("SENSITIVITY", f"{len(wave)}E", array=np.array([np.full(len(wave), _sensitivity(r[0])) for r in rows])),
    ]
    _write(folder / "sim_phot.fits", fits.BinTableHDU.from_columns(phot))
    rows_tds = [(segment, grating, aperture) for grating in SETTINGS for segment in SEGMENTS for aperture in APERTURES]
    shape = (len(rows_tds), TIMES, WAVES)
    intercepts = np.array([_intercept(row[0]) for row in rows_tds])
    n, form, dim = len(rows_tds), f"{TIMES * WAVES}D", f"({WAVES},{TIMES})"
    times = REFERENCE_MJD + 400.0 * np.arange(TIMES)
    tds = [
        column("SEGMENT", "4A", array=[row[0] for row in rows_tds]),
        column("OPT_ELEM", "5A", array=[row[1] for row in rows_tds]),
        column("APERTURE", "3A", array=[row[2] for row in rows_tds]),
        column("NWL", "J", array=np.full(n, WAVES)),
        column("NT", "J", array=np.full(n, TIMES)),
        column("WAVELENGTH", f"{WAVES}D", array=np.tile(np.linspace(880.0, 1920.0, WAVES), (n, 1))),
        column("TIME", f"{TIMES}D", array=np.tile(times, (n, 1))),
        column("SLOPE", form, dim=dim, array=np.full(shape, SLOPE_PERCENT)),
        column("INTERCEPT", form, dim=dim, array=np.broadcast_to(intercepts[:, None, None], shape).copy()),
    ]
    table = fits.BinTableHDU.from_columns(tds)
    table.header["REF_TIME"] = REFERENCE_MJD
    _write(folder / "sim_tds.fits", table)


def _write(path: Path, table: object) -> None:
    from astropy.io import fits

    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, overwrite=True)


def write_x1d(folder: Path, exposure: Exposure, counts: dict[str, NDArray[np.int64]]) -> None:
    """Write the spectrum of an exposure from the source events of each pixel, by segment letter."""
    path = folder / f"{exposure.rootname}_x1d.fits"
    rows = []
    for letter, number in counts.items():
        segment = exposure.segment(letter)
        net = few_bits(number / exposure.exptime_s)
        flux = net * inverse_sensitivity(segment.name, exposure.expstart_mjd)
        nothing = np.zeros(LENGTH)
        rows.append(
            {name: nothing for name, *_ in x1d_columns(LENGTH)}
            | {
                "SEGMENT": np.array(segment.name),
                "EXPTIME": np.array(exposure.exptime_s),
                "NELEM": np.array(LENGTH),
                "WAVELENGTH": segment.wavelength_aa(np.arange(LENGTH)),
                "FLUX": flux,
                "ERROR": flux / np.sqrt(np.maximum(number, 1)),
                "GROSS": net,
                "GCOUNTS": number,
                "NET": net,
                "DQ_WGT": (number > 0).astype(np.float64),
            }
        )
    primary = primary_keywords(exposure.taken, filename=path.name, segment="BOTH", extracted=True)
    data = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    write_tables(path, primary, (Extension("SCI", x1d_columns(LENGTH), data, exposure.keywords()),), {})
