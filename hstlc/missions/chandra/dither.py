"""The dither of the telescope: it moves a source over gaps, edges and bad columns of the detector with its periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock

__all__ = ["Dither", "artifacts_s", "dither_of", "in_phase"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dither:
    """The usual pattern of an instrument: amplitude in arcsec, periods along y and z of the spacecraft in seconds."""

    amplitude_arcsec: float
    period_y_s: float
    period_z_s: float


_ACIS_BEFORE = Dither(8.0, 1000.0, 707.1)
_ACIS_SINCE = Dither(16.0, 2000.0, 1414.0)
_HRC = Dither(20.0, 1087.0, 768.6)

#: 2022-10-01, MJD: ACIS has the larger pattern since that month.
_CHANGE_MJD = 59853.0

#: Frequencies beside that of the dither, relative to it, whose power tells what the source does by itself.
_BESIDE = np.array([0.7, 0.75, 0.8, 0.85, 0.9, 1.1, 1.15, 1.2, 1.25, 1.3])
_ABOVE_NEIGHBORS = 5.0

_FEWEST = 20


def dither_of(instrument: str, mjd: float | None) -> Dither:
    """Return the usual dither of an instrument on a day; without a day that of ACIS before October 2022.

    Examples
    --------
    >>> dither_of("ACIS", 59999.0).period_y_s, dither_of("ACIS", 55000.0).period_y_s
    (2000.0, 1000.0)
    """
    if instrument.strip().upper() == "HRC":
        return _HRC
    return _ACIS_SINCE if mjd is not None and mjd >= _CHANGE_MJD else _ACIS_BEFORE


def artifacts_s(meta: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the periods that dither and frames make in a light curve, seconds, from its keywords.

    The patterns are the usual ones; observers can ask for others.

    Examples
    --------
    >>> artifacts_s({"INSTRUME": "ACIS", "EXPSTART": 54064.0, "FRAMETIM": 3.24104})
    {'dither Y': 1000.0, 'dither Z': 707.1, 'frame': 3.24104}
    """
    instrument = str(meta.get("INSTRUME") or "").strip().upper()
    if instrument not in ("ACIS", "HRC"):
        return {}
    start = meta.get("EXPSTART")
    known = isinstance(start, (int, float))
    dither = dither_of(instrument, float(start) if known else None)  # type: ignore[arg-type]
    periods = {"dither Y": dither.period_y_s, "dither Z": dither.period_z_s}
    if not known and instrument == "ACIS":
        periods |= {"dither since 2022 Y": _ACIS_SINCE.period_y_s, "dither since 2022 Z": _ACIS_SINCE.period_z_s}
    frame = meta.get("FRAMETIM")
    return periods | ({"frame": float(frame)} if isinstance(frame, (int, float)) and frame > 0 else {})


def in_phase(time_s: FloatArray, clock: LiveClock, period_s: float) -> float:
    """Return the probability that arrivals gather so at one phase of a period by chance.

    That of the Rayleigh power ``N |r|**2``, ``exp(-power)``, where ``r`` is the mean of the phase vectors less that of
    the live time (Mardia & Jupp 2000, Directional Statistics, 6.3.1). It is 1 where frequencies beside it have a fifth
    of its power or more, as those of a source that varies by itself have; where live time does not last five periods;
    and for fewer than 20 arrivals.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,), seconds
    clock : LiveClock
    period_s : float, seconds

    Examples
    --------
    >>> from hstlc.model import Intervals
    >>> clock = LiveClock.of([(Intervals.of([0.0], [50_000.0]), 1.0)])
    >>> in_phase(np.arange(0.0, 50_000.0, 1000.0), clock, 1000.0) < 1e-20
    True
    """
    if len(time_s) < _FEWEST or clock.total < 5 * period_s:
        return 1.0
    frequency_hz = np.concatenate(([1.0], _BESIDE)) / period_s
    power = np.array([_power(time_s, clock, frequency) for frequency in frequency_hz])
    if power[0] < _ABOVE_NEIGHBORS * max(float(np.mean(power[1:])), 1.0):
        return 1.0
    return float(np.exp(-power[0]))


def _power(time_s: FloatArray, clock: LiveClock, frequency_hz: float) -> float:
    turn = 2j * np.pi * frequency_hz
    edges_s = np.linspace(
        clock.time_s[0], clock.time_s[-1], int((clock.time_s[-1] - clock.time_s[0]) * frequency_hz * 20)
    )
    live_s = clock.between(edges_s)
    expected = np.sum(live_s * np.exp(turn * (edges_s[:-1] + edges_s[1:]) / 2)) / live_s.sum()
    return float(len(time_s) * np.abs(np.mean(np.exp(turn * time_s)) - expected) ** 2)
