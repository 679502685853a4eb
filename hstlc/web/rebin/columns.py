"""The columns of a light curve as it is shown, with their units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.make import ZERO_COUNT_ERROR
from hstlc.lightcurves.poisson import garwood_limits
from hstlc.model import LightCurve
from hstlc.times import MJD_ZERO_JD
from hstlc.web.rebin.engine import Seen, barycentric_edges

__all__ = ["Shown", "shown_columns"]

FloatArray = NDArray[np.float64]


class Shown(NamedTuple):
    """A column: unit, UCD, what it is, and its values; NaN where there is none."""

    unit: str
    ucd: str
    doc: str
    values: NDArray[Any]


def shown_columns(seen: Seen, *, keep_background: bool, barycentric: bool) -> dict[str, Shown]:
    """Return the columns of a light curve as it is shown, in the order of display.

    Parameters
    ----------
    seen : Seen
    keep_background : bool
        Counts and rates are not background-subtracted.
    barycentric : bool
        Times are at the barycenter, TDB.

    Returns
    -------
    dict of str to Shown
    """
    curve = seen.curve
    start = _phases(curve) if seen.folded else _times(curve, barycentric)
    return {**start, **_counts(curve, keep_background), **_ends(curve, seen.folded)}


def _phases(curve: LightCurve) -> dict[str, Shown]:
    return {
        "phase": Shown("", "time.phase", "middle of the phase bin, cycles", curve["time"]),
        "phase_left": Shown("", "time.phase", "where the phase bin begins, cycles", curve["times"]),
        "phase_right": Shown("", "time.phase", "where the phase bin ends, cycles", curve["times"] + curve["bins"]),
    }


def _times(curve: LightCurve, barycentric: bool) -> dict[str, Shown]:
    left, right, mjd = curve["times"], curve["times"] + curve["bins"], curve["mjd"]
    after, scale = "after the reference", curve.reference.scale
    extra: dict[str, Shown] = {}
    if barycentric:
        _, left, right = barycentric_edges(curve)
        mjd = curve["bjd_tdb"] - MJD_ZERO_JD
        after, scale = "after reference_bjd_tdb, at the barycenter", "TDB at the barycenter"
        extra = {
            "bjd_tdb": Shown("d", "time.epoch", "middle of the bin, barycentric Julian date, TDB", curve["bjd_tdb"])
        }
    return {
        "time": Shown("s", "time.epoch", f"middle of the bin, {after}", (left + right) / 2),
        "time_left": Shown("s", "time.start", f"where the bin begins, {after}", left),
        "time_right": Shown("s", "time.end", f"where the bin ends, {after}", right),
        "mjd": Shown("d", "time.epoch", f"middle of the bin, modified Julian date, {scale}", mjd),
        **extra,
    }


def _counts(curve: LightCurve, keep_background: bool) -> dict[str, Shown]:
    live = np.where(curve["exposure"] > 0, curve["exposure"], np.nan)
    if keep_background:
        counts, what = curve["gross"], "in the source region, background and all"
        low, high = (limit / live for limit in garwood_limits(np.maximum(counts, 0.0)))
        rate, error = counts / live, np.sqrt(np.where(counts > 0, counts, ZERO_COUNT_ERROR**2)) / live
    else:
        counts, what = curve["counts"], "background-subtracted"
        rate, error = curve["rate"], curve["rate_error"]
        low, high = _limits(curve, live)
    return {
        "counts": Shown("ct", "phot.count", f"counts, {what}", counts),
        "gross": Shown("ct", "phot.count;src", "counts in the source region", curve["gross"]),
        "background": Shown(
            "ct", "phot.count;instr.background", "counts expected of the background there", curve["background"]
        ),
        "rate": Shown("ct/s", "arith.rate;phot.count", f"counts per live second, {what}", rate),
        "rate_low": Shown("ct/s", "arith.rate;phot.count;stat.min", "lower limit of rate, 68.27 % with rate_high", low),
        "rate_high": Shown("ct/s", "arith.rate;phot.count;stat.max", "upper limit of rate", high),
        "rate_error": Shown("ct/s", "stat.error;phot.count", "error of rate", error),
    }


def _limits(curve: LightCurve, live: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return limits of the net rate; of weighted counts one propagated error below and one error above."""
    if "rate_low" in curve.data:
        return curve["rate_low"], curve["rate_high"]
    return curve["rate"] - np.sqrt(curve["variance"]) / live, curve["rate"] + curve["rate_error"]


def _ends(curve: LightCurve, folded: bool) -> dict[str, Shown]:
    found = {
        "fraction": Shown("", "time.duration;arith.ratio", "live part of the bin, 0 to 1", curve["fraction"]),
        "exposure": Shown("s", "time.duration;obs.exposure", "live time of the bin", curve["exposure"]),
        "quality": Shown("", "meta.code.qual", "0 good; bits of quality_bits", curve["quality"]),
    }
    if not folded:
        found["dataset"] = Shown("", "meta.number", "number of the exposure, from 1", curve["dataset"])
    return found
