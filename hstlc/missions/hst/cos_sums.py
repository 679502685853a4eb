"""Sums of a COS event list over source and background of its segment or stripes, block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from hstlc.events import outside_windows
from hstlc.lightcurves import Photons, RegionSums, Response, RunningSums
from hstlc.missions.hst.cos_clock import OUTSIDE, Placer
from hstlc.missions.hst.cos_events import CorrtagEvents
from hstlc.missions.hst.cos_regions import Box, in_boxes, is_good
from hstlc.missions.hst.wavelengths import Seen

__all__ = ["Part", "sum_list"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Windows = tuple[tuple[float, float], ...]

#: Of longer lists every second, third ... event alone is used to find the wavelengths of a stripe's columns.
MOST_FITTED = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A segment or stripe.

    Attributes
    ----------
    letter : str
    box : Box or None
        None for the imaging field.
    band : tuple of float, Angstrom
        Wanted wavelengths.
    response : Response or None
    """

    letter: str
    box: Box | None
    band: tuple[float, float]
    response: Response | None


def sum_list(
    events: CorrtagEvents,
    parts: Sequence[Part],
    placer: Placer,
    mask: int,
    excluded: Windows,
    bins: int,
    detector: str,
    counted: Counter[str],
    seen: Mapping[str, Seen] | None,
) -> RegionSums:
    """Return the sums of a list over its segment or stripes.

    Parameters
    ----------
    events : CorrtagEvents
    parts : sequence of Part
        At least one.
    placer : Placer
        Tells the bins.
    mask : int
        Data-quality bits that exclude an event.
    excluded : tuple of (float, float), Angstrom
        Airglow windows.
    bins : int
    detector : str
        ``FUV`` or ``NUV``.
    counted : Counter
        Gets the numbers of events, by the keyword of each.
    seen : mapping of str to Seen, or None
        Get the wavelengths that were seen, by letter; None for images, which have none.
    """
    relations = [None] * len(parts) if detector == "FUV" or seen is None else _relations(events, parts, placer, mask)
    running = RunningSums(
        bins, [part.box.scale if part.box else 0.0 for part in parts], [part.response for part in parts]
    )
    for stamps, dq, *floats, weight in events.blocks("TIME", "DQ", "XFULL", "YFULL", "WAVELENGTH", "EPSILON"):
        x, y, wavelength = (values.astype(np.float64) for values in floats)
        index = placer.place(stamps)
        good = is_good(dq, mask)
        selected = good & (index != OUTSIDE)
        chosen: list[tuple[BoolArray, BoolArray, FloatArray]] = []
        for part, relation in zip(parts, relations, strict=True):
            source, beside = (where & selected for where in in_boxes(x, y, part.box, detector))
            beside_aa = wavelength if relation is None else relation(x)
            inside = _number(source) + _number(beside)
            if seen is not None:
                if detector == "FUV":
                    seen[part.letter].add(wavelength, selected)
                else:
                    seen[part.letter].add(wavelength, source)
                    seen[part.letter].add(beside_aa, beside)
                wanted = _wanted(wavelength, part.band, excluded)
                source &= wanted
                beside &= wanted if beside_aa is wavelength else _wanted(beside_aa, part.band, excluded)
            sizes = _number(source), _number(beside)
            counted.update(NSOURCE=sizes[0], NBACKGR=sizes[1], NWAVE=inside - sum(sizes))
            chosen.append((source, beside, beside_aa))
        right, usable = _number(good), _number(selected)
        counted.update(NEVENTS=len(stamps), NBADDQ=len(stamps) - right, NBADTIME=right - usable)
        rows = np.flatnonzero(reduce(np.logical_or, (where for pair in chosen for where in pair[:2])))
        photons = [
            (_photons(source, wavelength, rows), _photons(beside, beside_aa, rows))
            for source, beside, beside_aa in chosen
        ]
        running.add(index.take(rows), weight.take(rows).astype(np.float64), photons)
    return running.sums()


def _number(where: BoolArray) -> int:
    return int(np.count_nonzero(where))


def _wanted(wavelength_aa: FloatArray, band: tuple[float, float], excluded: Windows) -> BoolArray:
    inside = (wavelength_aa >= band[0]) & (wavelength_aa <= band[1])
    return inside & outside_windows(wavelength_aa, excluded) if excluded else inside


def _photons(where: BoolArray, wavelength_aa: FloatArray, rows: NDArray[np.int64]) -> Photons:
    """Return the events that are ``where``, numbered as places in ``rows``."""
    number = np.flatnonzero(where.take(rows))
    return Photons(number, wavelength_aa.take(rows.take(number)))


def _relations(events: CorrtagEvents, parts: Sequence[Part], placer: Placer, mask: int) -> list[Polynomial | None]:
    """Return the wavelength of each NUV stripe as a polynomial of the column, None where too few events tell.

    On the NUV detector calcos gives an event the wavelength of the nearest stripe, which for a background box is
    often not the stripe that the box belongs to. The stripe's own relation is read off its source events.
    """
    every = 1 + len(events) // MOST_FITTED
    found: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in parts]
    for stamps, dq, *floats in events.blocks("TIME", "DQ", "XFULL", "YFULL", "WAVELENGTH"):
        x, y, wavelength = (values.astype(np.float64) for values in floats)
        selected = is_good(dq, mask) & (placer.place(stamps) != OUTSIDE)
        for part, points in zip(parts, found, strict=True):
            known = np.flatnonzero(in_boxes(x, y, part.box, "NUV")[0] & selected & (wavelength > 0))[::every]
            points.append((x[known], wavelength[known]))
    pairs = [[np.concatenate(side) for side in zip(*points, strict=True)] for points in found if points]
    return [Polynomial.fit(x, aa, 2) if len(x) >= 10 else None for x, aa in pairs] or [None] * len(parts)
