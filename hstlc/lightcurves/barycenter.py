"""Times of bins as they would be at the barycenter of the solar system.

An instant at the geocenter is moved to the barycenter by the time that light needs from one to the other along the
direction of the target, ``r . n / c`` (Eastman, Siverd & Gaudi 2010, PASP 122, 935, eq. 1), on the time scale TDB. The
scales and the Earth's place are ERFA's, as those of :mod:`astropy.time` and of astropy's ephemeris ``builtin``: no file
is read or downloaded.

What the numbers are worth: the spacecraft is taken to be at the geocenter, which is up to 23 ms for a low orbit;
``epv00`` is within 13.4 km, 45 us, of DE405 from 1900 to 2100; the delay by the Sun's gravity, below 0.12 ms away from
its limb, is left out; a position that is off by an arc second shifts times by up to 2.4 ms over the year. A Julian date
in 64 bits has steps of 40 us.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.times import MJD_ZERO_JD, SECONDS_PER_DAY, TimeReference

__all__ = ["barycentric_delay_s", "bjd_tdb", "target_position", "unit_vector"]

FloatArray = NDArray[np.float64]

#: Where the Earth's ephemeris holds: 1900 to 2100, MJD.
_EPHEMERIS_MJD = (15020.0, 88069.0)

#: Degree of the polynomial over a curve, and by how much it grows with a day: below 0.1 us up to years (tests).
_DEGREE, _DEGREES_PER_DAY = 4, 1.0


def target_position(meta: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return right ascension and declination in degrees (ICRS) that keywords give; None: unknown, or it moves.

    Parameters
    ----------
    meta : mapping of str to value
        ``RA_TARG``, ``DEC_TARG`` in degrees, and ``MTFLAG``, which is T for a moving target.

    Examples
    --------
    >>> target_position({"RA_TARG": 175.5, "DEC_TARG": 26.7}), target_position({"RA_TARG": 175.5})
    ((175.5, 26.7), None)
    """
    if str(meta.get("MTFLAG", "")).strip().upper() in ("T", "TRUE"):
        return None
    ra_deg, dec_deg = (_number(meta.get(keyword)) for keyword in ("RA_TARG", "DEC_TARG"))
    return (ra_deg, dec_deg) if math.isfinite(ra_deg) and -90 <= dec_deg <= 90 else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def unit_vector(ra_deg: float, dec_deg: float) -> FloatArray:
    """Return the direction of a position in degrees as three cosines."""
    ra, dec = np.deg2rad(ra_deg), np.deg2rad(dec_deg)
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def bjd_tdb(reference: TimeReference, time_s: FloatArray, position: tuple[float, float] | None) -> FloatArray:
    """Return instants as barycentric Julian dates in TDB.

    Parameters
    ----------
    reference : TimeReference
        Of the geocenter, in UTC, TAI or TT.
    time_s : ndarray of float64, shape (n,), seconds
        Elapsed since the reference; a leap second between is one of them.
    position : (float, float) or None, degrees
        Right ascension and declination of the target, ICRS.

    Returns
    -------
    ndarray of float64, shape (n,), days
        To the next 4.7e-10 d; NaN where the position is None, for another reference, and outside of 1900 to 2100.

    Examples
    --------
    >>> date = bjd_tdb(TimeReference(58108.5), np.array([0.0]), (175.5462, 26.7066))
    >>> print(f"{date[0]:.6f}")
    2458109.002139
    """
    day, fraction, delay_s = _dates(reference, time_s, position)
    return np.asarray(day + (fraction + (time_s + delay_s) / SECONDS_PER_DAY))


def barycentric_delay_s(
    reference: TimeReference, time_s: FloatArray, position: tuple[float, float] | None
) -> FloatArray:
    """Return what is added to an instant in TT to have the barycentric one in TDB: light travel time and TDB - TT.

    Parameters and conditions are those of :func:`bjd_tdb`; the unit is seconds. The delay is smooth: it is computed at
    the nodes of a Chebyshev polynomial over the span of the instants.
    """
    return _dates(reference, time_s, position)[2]


def _dates(
    reference: TimeReference, time_s: FloatArray, position: tuple[float, float] | None
) -> tuple[float, float, FloatArray]:
    """Return day and fraction of the reference as a Julian date in TT, and the delay at each instant."""
    from numpy.polynomial import Chebyshev

    known = np.asarray(time_s)[np.isfinite(time_s)]
    if position is None or not len(known) or not _is_covered(reference, known):
        return 0.0, 0.0, np.full(np.shape(time_s), np.nan)
    day, fraction = _terrestrial(reference)
    direction = unit_vector(*position)
    first, last = float(known.min()), float(known.max())
    if last - first < 1.0:
        first, last = first - 0.5, first + 0.5
    degree = _DEGREE + math.ceil(_DEGREES_PER_DAY * (last - first) / SECONDS_PER_DAY)
    smooth = Chebyshev.interpolate(
        lambda t: _exact_delay_s(day, fraction + t / SECONDS_PER_DAY, direction), degree, (first, last)
    )
    return day, fraction, np.asarray(smooth(time_s))


def _is_covered(reference: TimeReference, time_s: FloatArray) -> bool:
    """Tell whether scale and place are those we can convert, and all instants within the ephemeris."""
    first, last = (reference.mjd + float(t) / SECONDS_PER_DAY for t in (time_s.min(), time_s.max()))
    within = _EPHEMERIS_MJD[0] <= first and last <= _EPHEMERIS_MJD[1]
    return within and reference.position == "GEOCENTER" and reference.scale in ("UTC", "TAI", "TT")


def _terrestrial(reference: TimeReference) -> tuple[float, float]:
    """Return the reference as a Julian date in TT: half-integer day, and fraction."""
    import erfa

    whole = math.floor(reference.mjd)
    day, fraction = MJD_ZERO_JD + whole, reference.mjd - whole
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)  # leap seconds of that year are not announced yet
        if reference.scale == "UTC":
            day, fraction = erfa.utctai(day, fraction)
    if reference.scale != "TT":
        day, fraction = erfa.taitt(day, fraction)
    return float(day), float(fraction)


def _exact_delay_s(day: float, fraction: FloatArray, direction: FloatArray) -> FloatArray:
    import erfa

    ahead_s, earth = _ephemeris(day, np.ascontiguousarray(fraction, dtype=np.float64).tobytes())
    return np.asarray(earth @ direction * (erfa.DAU / erfa.CMPS) + ahead_s)


@lru_cache(maxsize=16)  # the sources of one field have the same times
def _ephemeris(day: float, fraction: bytes) -> tuple[FloatArray, FloatArray]:
    """Return TDB - TT at the geocenter, s, and the place of the Earth, au."""
    import erfa

    moment = np.frombuffer(fraction)
    ahead_s = erfa.dtdb(day, moment, 0.0, 0.0, 0.0, 0.0)
    _, earth = erfa.epv00(day, moment + ahead_s / SECONDS_PER_DAY)
    return ahead_s, earth["p"].copy()
