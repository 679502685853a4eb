"""Good time at night: while the Sun shines on the atmosphere above the telescope, airglow fills the aperture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from hstlc.model import Intervals

__all__ = ["at_night"]

FloatArray = NDArray[np.float64]


def at_night(gti: Intervals, timelines: Iterable[Mapping[str, FloatArray]], maximum_deg: float) -> Intervals | None:
    """Return the part of good times in which the Sun is not above an altitude.

    Between the rows of a timeline the altitude is interpolated; before the first and after the last it stays as it is
    there.

    Parameters
    ----------
    gti : Intervals
        Good times, seconds.
    timelines : iterable of mapping of str to ndarray
        ``TIME``, seconds, and ``SUN_ALT``, degrees above the horizon of the telescope; each takes its days away. Rows
        without a number, and timelines without such rows, tell nothing.
    maximum_deg : float, degrees
        The Sun may be as high as this.

    Returns
    -------
    Intervals or None
        None when no timeline tells the altitude.

    Examples
    --------
    >>> timeline = {"TIME": np.array([0.0, 10.0, 20.0]), "SUN_ALT": np.array([-10.0, 10.0, 30.0])}
    >>> night = at_night(Intervals.of([2.0], [18.0]), [timeline], 20.0)
    >>> night.start, night.stop
    (array([2.]), array([15.]))
    """
    known = [pair for timeline in timelines if len((pair := _known(timeline))[0])]
    if not known:
        return None
    for time_s, altitude_deg in known:
        gti = gti.intersect(_nights(time_s, altitude_deg - maximum_deg, gti))
    return gti


def _known(timeline: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    if not {"TIME", "SUN_ALT"} <= timeline.keys():
        return np.zeros(0), np.zeros(0)
    time_s, altitude_deg = timeline["TIME"], timeline["SUN_ALT"]
    rows = np.flatnonzero(np.isfinite(time_s) & np.isfinite(altitude_deg) & (np.abs(altitude_deg) <= 90))
    rows = rows[np.argsort(time_s[rows], kind="stable")]
    return time_s[rows], altitude_deg[rows]


def _nights(time_s: FloatArray, above_deg: FloatArray, gti: Intervals) -> Intervals:
    """Return when ``above_deg``, of times in order, is not positive."""
    dark = above_deg <= 0
    before = np.flatnonzero(dark[1:] != dark[:-1])
    part = above_deg[before] / (above_deg[before] - above_deg[before + 1])
    changes = time_s[before] + part * (time_s[before + 1] - time_s[before])
    first, last = min([time_s[0], *gti.start[:1]]) - 1, max([time_s[-1], *gti.stop[-1:]]) + 1
    cuts = np.concatenate(([first], changes, [last]))
    kept = dark[np.concatenate(([0], before + 1))]
    return Intervals.of(cuts[:-1][kept], cuts[1:][kept])
