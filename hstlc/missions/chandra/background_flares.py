"""Background flares in level-2 event lists; those of the source catalog have their good times cut already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from hstlc.events.binning import bin_edges
from hstlc.events.flares import MINIMUM_KEPT, clean_bins, joined_bins, sigma_bins
from hstlc.missions.chandra.field import Field
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.model import Intervals

__all__ = ["background_times", "find_flares"]

FloatArray = NDArray[np.float64]

_NONE = Intervals.of([], [])

#: Expected events of a bin at least: with fewer, chance alone makes outliers.
_FEWEST = 25.0

#: Bins with a smaller live part tell no rate.
_SHORTEST_PART = 0.5

#: Bins at least: fewer have no typical rate.
_FEWEST_BINS = 10


def background_times(ready: Field, sources: NDArray[np.int64], band_kev: tuple[float, float]) -> dict[int, FloatArray]:
    """Return the times of the good events of a band on each chip, without those of sources, increasing.

    Parameters
    ----------
    ready : Field
    sources : ndarray of int64
        Rows of events of sources.
    band_kev : (float, float), keV
    """
    events = ready.events
    keep = np.zeros(len(events), dtype=bool)
    keep[ready.rows] = True
    keep[sources] = False
    energy = events.columns.get("energy_kev")
    if energy is not None:
        keep &= (energy >= band_kev[0]) & (energy < band_kev[1])
    time_s, ccd = events.time_s[keep], ready.ccd[keep]
    return {number: np.sort(time_s[ccd == number], kind="stable") for number in events.gti}


def find_flares(
    ready: Field, chips: Iterable[int], background_s: Mapping[int, FloatArray], settings: ChandraSettings
) -> Intervals:
    """Find when the background of some chips is not at its quiet level.

    Bins of the background curve are widened until 25 events are expected in each.

    Parameters
    ----------
    ready : Field
    chips : iterable of int
    background_s : mapping of int to ndarray of float64, seconds
        Times of the background on each chip: :func:`background_times`.
    settings : ChandraSettings

    Returns
    -------
    Intervals
        Bad bins, joined; none where there are too few events, or no quiet level is found.
    """
    events = ready.events
    counts = {number: len(background_s[number]) for number in sorted(chips)}
    time_s = np.sort(np.concatenate([background_s[number] for number in counts]), kind="stable")
    rates = {number: n / events.gti[number].total for number, n in counts.items() if events.gti[number].total > 0}
    if not sum(rates.values()) > 0:
        return _NONE
    clock = ready.clock({number: rate / sum(rates.values()) for number, rate in rates.items()})
    good = clock.good
    if not clock.total > 0:
        return _NONE
    width_s = max(settings.flare_bin_s, _FEWEST / (len(time_s) / clock.total))
    span_s = float(good.stop[-1] - good.start[0])
    if span_s < _FEWEST_BINS * width_s:
        return _NONE
    edges_s = float(good.start[0]) + bin_edges(span_s, width_s)
    live_s = clock.between(edges_s)
    long = live_s >= _SHORTEST_PART * width_s * ready.live_part
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(long, np.diff(np.searchsorted(time_s, edges_s)) / live_s, np.nan)
    kept = sigma_bins(rate) if settings.flare_method == "sigma" else clean_bins(rate, width_s)
    if np.count_nonzero(kept) < MINIMUM_KEPT * np.count_nonzero(long):
        return _NONE
    return joined_bins(edges_s, long & ~kept)
