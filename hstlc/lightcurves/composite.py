"""Light curves of several exposures as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.barycenter import unit_vector
from hstlc.model import COLUMNS, FURTHER_COLUMNS, Intervals, LightCurve
from hstlc.times import SECONDS_PER_DAY

__all__ = ["stack"]

Value = str | int | float | bool | None

#: Keywords of members that do not simply agree or drop out.
_MERGED: dict[str, Callable[[list[Any]], Any]] = {
    "EXPSTART": min,
    "EXPEND": max,
    "DATE": max,
    "WMIN": min,
    "WMAX": max,
    **dict.fromkeys(("EXPTIME", "LIVETIME", "NEVENTS", "NBADDQ", "NBADTIME", "NWAVE", "NSOURCE", "NBACKGR"), sum),
}


def stack(curves: Sequence[LightCurve]) -> LightCurve:
    """Return one light curve of all bins of several, none dropped.

    Seconds (``times``, ``time``, good times) are counted from the reference of the first; ``dataset`` numbers the
    curves from 1, and dates (``mjd``, ``bjd_tdb``) stay those of each. Of the keywords stay those that all agree in,
    sums of what adds, the first start, the last end, and the position in the first curve where all are within an arc
    minute of it.

    Parameters
    ----------
    curves : sequence of LightCurve
        At least one, in order of time, of the same time scale and position.

    Returns
    -------
    LightCurve
        Without provenance, arrivals and stamps; with the further columns that all curves have.

    Raises
    ------
    ValueError
        No curve, or references of different scales.
    """
    if not curves:
        raise ValueError("a composite needs at least one light curve")
    reference = curves[0].reference
    if any((c.reference.scale, c.reference.position) != (reference.scale, reference.position) for c in curves):
        raise ValueError("light curves of different time scales or positions cannot be put together")
    shifts_s = [(curve.reference.mjd - reference.mjd) * SECONDS_PER_DAY for curve in curves]
    further = [column for column in FURTHER_COLUMNS if all(column.name in curve.data for curve in curves)]
    data = {column.name: np.concatenate([curve[column.name] for curve in curves]) for column in (*COLUMNS, *further)}
    shift_s = np.repeat(shifts_s, [len(curve) for curve in curves])
    data |= {"times": data["times"] + shift_s, "time": data["time"] + shift_s}
    data["dataset"] = np.repeat(np.arange(1, len(curves) + 1, dtype=np.int32), [len(curve) for curve in curves])
    gti = Intervals.of(
        np.concatenate([curve.gti.start + shift for curve, shift in zip(curves, shifts_s, strict=True)]),
        np.concatenate([curve.gti.stop + shift for curve, shift in zip(curves, shifts_s, strict=True)]),
    )
    return LightCurve(data, gti, reference, _merged_meta(curves))


def _merged_meta(curves: Sequence[LightCurve]) -> dict[str, Value]:
    meta: dict[str, Value] = {}
    for key in dict.fromkeys(key for curve in curves for key in curve.meta):
        values = [curve.meta.get(key) for curve in curves]
        known = [value for value in values if value is not None]
        if key in _MERGED:
            meta[key] = _MERGED[key](known) if known else None
        elif all(value == values[0] for value in values):
            meta[key] = values[0]
    return meta | _position(curves)


def _position(curves: Sequence[LightCurve]) -> dict[str, Value]:
    """Return the position of the target in the first curve, where those of all others are within an arc minute."""
    directions = [one for curve in curves if (one := _direction(curve.meta)) is not None]
    apart = [float(np.linalg.norm(one - directions[0])) for one in directions]
    if len(apart) < len(curves) or max(apart) > np.deg2rad(1 / 60):
        return {}
    return {key: curves[0].meta[key] for key in ("RA_TARG", "DEC_TARG")}


def _direction(meta: Mapping[str, Value]) -> NDArray[np.float64] | None:
    """Return the unit vector to the target."""
    ra_deg, dec_deg = meta.get("RA_TARG"), meta.get("DEC_TARG")
    if not isinstance(ra_deg, (int, float)) or not isinstance(dec_deg, (int, float)):
        return None
    return unit_vector(ra_deg, dec_deg)
