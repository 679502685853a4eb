"""The curves of one source beside each other: its bands by energy, its cameras, and its hardness along time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.rebin import dataset_starts
from hstlc.model import LightCurve
from hstlc.model.spectral import spectral_range
from hstlc.stats.hardness import hardness_ratio

__all__ = ["RatioSeries", "band_label", "bands_and_cameras", "energies", "hardness_series"]

FloatArray = NDArray[np.float64]

_EVENTS = 20  # about so many events a point of hardness
_MOST_POINTS = 24
_RATIOS = 3  # bands, the hardest ones, that ratios are of


@dataclass(frozen=True, slots=True, eq=False)
class RatioSeries:
    """The hardness ratio of two bands along time.

    Attributes
    ----------
    hard, soft : str
        The bands; ``(hard - soft) / (hard + soft)``.
    first, last : ndarray of int64, shape (k,)
        First and last bin of each point.
    ratio, low, high : ndarray of float64, shape (k,)
        Mean of the posterior, and the limits of its central 68.27 %.
    """

    hard: str
    soft: str
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    ratio: FloatArray
    low: FloatArray
    high: FloatArray


def energies(curve: LightCurve) -> tuple[float, float] | None:
    """Return the limits of the band of a curve in keV; None where it does not say."""
    found = spectral_range(curve.meta)
    return found[:2] if found is not None and found[2] == "keV" else None


def band_label(name: str, curve: LightCurve) -> str:
    """Return the name of a band with its energies."""
    limits = energies(curve)
    return name if limits is None else f"{name} {limits[0]:g}–{limits[1]:g} keV"


def bands_and_cameras(
    lead: LightCurve, others: Mapping[str, LightCurve]
) -> tuple[dict[str, LightCurve], dict[str, LightCurve]]:
    """Return the curves that the instrument of the lead has of other bands, and those of the same band elsewhere.

    Both are in the order of energy and name. Curves of other instruments in other bands are in neither.
    """

    def order(item: tuple[str, LightCurve]) -> tuple[float, float, str]:
        return (*(energies(item[1]) or (np.inf, np.inf)), item[0])

    instrument, limits = lead.meta.get("INSTRUME"), energies(lead)
    ranked = sorted(others.items(), key=order)
    bands = {name: curve for name, curve in ranked if curve.meta.get("INSTRUME") == instrument}
    cameras = {name: curve for name, curve in ranked if name not in bands and energies(curve) == limits}
    return bands, cameras


def hardness_series(bands: Mapping[str, LightCurve]) -> list[RatioSeries]:
    """Return the hardness ratios of the hardest bands that do not overlap, three at most, along time.

    Neighboring bins of a dataset are taken together until a point has about 20 events, at most 24 points in all. Only
    unflagged bins count; a point without any event in either band is left out.

    Parameters
    ----------
    bands : mapping of str to LightCurve
        Of one instrument, with the events of source and background regions.

    Returns
    -------
    list of RatioSeries
        Empty where there are fewer than two such bands with the same bins.
    """
    used = _disjoint({name: curve for name, curve in bands.items() if energies(curve) and "source_events" in curve})
    names = sorted(used, key=lambda name: energies(used[name]) or (0.0, 0.0))[-_RATIOS:]
    if len(names) < 2:
        return []
    example = used[names[0]]
    names = [name for name in names if np.array_equal(used[name]["times"], example["times"])]
    good = np.logical_and.reduce([used[name].good for name in names])
    events = np.sum([used[name]["source_events"] * good for name in names], axis=0)
    first, last = _groups(example, float(np.sum(events)))
    return [
        one
        for soft, hard in sorted(combinations(names, 2), key=lambda pair: (-names.index(pair[1]), names.index(pair[0])))
        if len((one := _series(hard, soft, used, good, first, last)).ratio)
    ]


def _disjoint(curves: Mapping[str, LightCurve]) -> dict[str, LightCurve]:
    """Return bands of which no two overlap, narrow ones first."""
    taken: dict[str, tuple[float, float]] = {}
    limits = {name: energies(curve) or (0.0, 0.0) for name, curve in curves.items()}
    for name in sorted(limits, key=lambda name: (limits[name][1] - limits[name][0], limits[name], name)):
        low, high = limits[name]
        if all(high <= other_low or low >= other_high for other_low, other_high in taken.values()):
            taken[name] = low, high
    return {name: curves[name] for name in taken}


def _groups(curve: LightCurve, events: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last bin of the points, which do not reach over the end of a dataset."""
    points = int(np.clip(events / _EVENTS, 1, _MOST_POINTS))
    width = max(1, -(-len(curve) // points))
    starts = np.append(dataset_starts(curve["dataset"]), len(curve)).tolist()
    first = np.concatenate([np.arange(a, b, width) for a, b in pairwise(starts)] or [np.zeros(0)]).astype(np.int64)
    return first, np.append(first[1:], len(curve))[: len(first)] - 1


def _series(
    hard: str,
    soft: str,
    curves: Mapping[str, LightCurve],
    good: NDArray[np.bool_],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> RatioSeries:
    def sums(name: str, column: str) -> FloatArray:
        return np.asarray(np.add.reduceat(np.where(good, curves[name][column], 0.0), first))

    if not len(first):
        return RatioSeries(hard, soft, first, last, *(np.zeros(0),) * 3)
    counts = {
        (name, which): sums(name, f"{which}_events") for name in (hard, soft) for which in ("source", "background")
    }
    weight = counts[hard, "background"] + counts[soft, "background"]
    scaled = sum(
        np.add.reduceat(
            np.where(good, curves[name]["background_events"] * curves[name]["background_scale"], 0.0), first
        )
        for name in (hard, soft)
    )
    plain = np.array([np.mean(curves[hard]["background_scale"][a : b + 1]) for a, b in zip(first, last, strict=True)])
    scale = np.where(weight > 0, scaled / np.where(weight > 0, weight, 1.0), plain)
    seen = counts[hard, "source"] + counts[soft, "source"] > 0
    values = [_ratio(counts, hard, soft, float(scale[i]), i) for i in np.flatnonzero(seen).tolist()]
    ratio, low, high = (
        (np.array(column, dtype=np.float64) for column in zip(*values, strict=True)) if values else (np.zeros(0),) * 3
    )
    return RatioSeries(hard, soft, first[seen], last[seen], ratio, low, high)


def _ratio(
    counts: Mapping[tuple[str, str], FloatArray], hard: str, soft: str, scale: float, point: int
) -> tuple[float, float, float]:
    def number(name: str, which: str) -> int:
        return round(float(counts[name, which][point]))

    return hardness_ratio(
        number(hard, "source"),
        number(soft, "source"),
        number(hard, "background"),
        number(soft, "background"),
        scale,
    )
