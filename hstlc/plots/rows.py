"""A light curve as the tables, summaries and the index page show it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = ["COMPOSITE", "INDIVIDUAL", "CurveRow", "Verdict", "duration_text", "in_order"]

INDIVIDUAL, COMPOSITE = "individual", "composite"

_MJD_ZERO = datetime(1858, 11, 17)


class Verdict(StrEnum):
    """Whether a light curve varies; the words are those of the documented table names."""

    INTERESTING = "interesting"
    BORING = "boring"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One light curve: what was observed, its statistics, and where its files are.

    Texts from headers are plain, not escaped. URLs are relative to the folder of the pages and percent-encoded, ''
    where there is no such file. Statistics are None where there are none.

    Attributes
    ----------
    kind : str
        ``individual`` or ``composite``.
    mission, targname, instrume, detector, opt_elem, aperture : str
        What was observed, with what.
    cenwave : int, Angstrom
        Central wavelength; 0 for imaging.
    rootname : str
        The exposure; '' for composites.
    datasets : int
        Exposures in the curve.
    proposid : int or None
        Number of the observing program.
    ra_deg, dec_deg : float or None, degrees
        Position of the target, ICRS.
    expstart_mjd : float or None, days
        Start of the first exposure, MJD UTC.
    exptime_s : float or None, seconds
        Exposure time that the headers state.
    filename : str
        Name of the FITS file.
    exposure_s : float or None, seconds
        Live time of all bins.
    total, mean : int or None and float or None, counts
        Sum over all bins, and mean of a bin.
    poisson_factor, pearson_r, pearson_p, reduced_chi2, chi2_p : float or None
        See :class:`hstlc.stats.Statistics`; those of chi-square are of a constant rate within each exposure.
    peak_period_s, false_alarm_probability : float or None, seconds and a probability
        Highest peak of the periodogram, and how likely it is by chance.
    periodogram, deliver : bool
        Whether a period stands out, and whether the curve is to be delivered.
    interesting : bool or None
        Whether the curve varies; None where that cannot be told.
    page, quicklook, fits, periodogram_page : str
        URLs of the interactive page, the thumbnail, the FITS file and the page of the periodogram.
    source, band : str
        The source in the field and the band of its curve; '' for the whole aperture.
    gl_index : int or None
        Variability index of its arrivals, 0 to 10.
    """

    kind: str
    mission: str
    targname: str
    instrume: str
    detector: str
    opt_elem: str
    cenwave: int
    aperture: str
    rootname: str
    datasets: int
    proposid: int | None
    ra_deg: float | None
    dec_deg: float | None
    expstart_mjd: float | None
    exptime_s: float | None
    filename: str
    exposure_s: float | None
    total: int | None
    mean: float | None
    poisson_factor: float | None
    pearson_r: float | None
    pearson_p: float | None
    reduced_chi2: float | None
    chi2_p: float | None
    peak_period_s: float | None
    false_alarm_probability: float | None
    periodogram: bool
    interesting: bool | None
    deliver: bool
    page: str
    quicklook: str
    fits: str
    periodogram_page: str
    source: str = ""
    band: str = ""
    gl_index: int | None = None

    @property
    def verdict(self) -> Verdict:
        """In which of the three tables the curve belongs."""
        if self.interesting is None:
            return Verdict.NULL
        return Verdict.INTERESTING if self.interesting else Verdict.BORING

    @property
    def setting(self) -> str:
        """Grating and central wavelength in one word, such as ``G130M/1291``; without the second for imaging."""
        return "/".join(part for part in (self.opt_elem, str(self.cenwave) if self.cenwave else "") if part)

    @property
    def configuration(self) -> str:
        """Grating, central wavelength and aperture in one word, such as ``G130M/1291/PSA``."""
        return "/".join(part for part in (self.setting, self.aperture) if part)

    @property
    def start_utc(self) -> str:
        """Start to the minute, such as ``2012-11-21 08:05``; '' where it is unknown or no date of the calendar."""
        if self.expstart_mjd is None or not math.isfinite(self.expstart_mjd):
            return ""
        try:
            start = _MJD_ZERO + timedelta(seconds=round(self.expstart_mjd * 86400))
        except OverflowError:
            return ""
        return start.isoformat(sep=" ", timespec="minutes")


def in_order(rows: Iterable[CurveRow]) -> list[CurveRow]:
    """Return the rows as tables show them first: composites, then exposures, by target, configuration and start."""

    def key(row: CurveRow) -> tuple[object, ...]:
        setup = (row.mission, row.instrume, row.detector, row.opt_elem, row.cenwave, row.aperture, row.source, row.band)
        return row.kind != COMPOSITE, row.targname, *setup, row.start_utc, row.filename

    return sorted(rows, key=key)


def duration_text(seconds: float) -> str:
    """Return a time as a reader takes it in at a glance.

    Examples
    --------
    >>> duration_text(850.0), duration_text(12_345.0), duration_text(2.5e6)
    ('850 s', '12.3 ks', '2.50 Ms')
    """
    for size, unit in ((1e6, "Ms"), (1e3, "ks")):
        if seconds >= 0.9995 * size:
            scaled = seconds / size
            decimals = max(0, 2 - math.floor(math.log10(scaled * 1.0005)))
            return f"{scaled:,.{decimals}f} {unit}"
    return f"{seconds:.0f} s"
