"""Sums per bin over the orders of a STIS event list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves import Photons, RegionSums, Response, RunningSums
from hstlc.missions.hst.stis_clock import OUTSIDE, TickPlacer
from hstlc.missions.hst.stis_events import StisBlock
from hstlc.missions.hst.stis_flats import PixelResponse
from hstlc.missions.hst.stis_regions import NOBODY, SIZE, PlaceMap, Region, on_detector

__all__ = ["OrderPart", "added", "sum_orders", "sum_whole", "with_background"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class OrderPart:
    """An order and what is wanted of it.

    Attributes
    ----------
    number : int
        Its index in the map of source boxes.
    region : Region
    wanted : ndarray of bool, shape (2049,)
        Columns whose wavelength is wanted.
    scale : float
        Area of the source box over that of its background; 0 where no background is measured.
    background_ct_s, background_fluence_s : float, counts / s and erg / cm2 / s
        Background of the x1d, subtracted instead where none is measured.
    response : Response or None
    """

    number: int
    region: Region
    wanted: BoolArray
    scale: float
    background_ct_s: float = 0.0
    background_fluence_s: float = 0.0
    response: Response | None = None


def sum_orders(
    blocks: Iterable[StisBlock],
    parts: Sequence[OrderPart],
    owner: PlaceMap,
    placer: TickPlacer,
    pixels: PixelResponse,
    mask: int,
    bins: int,
    counted: Counter[str],
) -> RegionSums:
    """Return the sums over the source and background boxes of orders.

    Parameters
    ----------
    blocks : iterable of StisBlock
    parts : sequence of OrderPart
        At least one.
    owner : ndarray of int16, shape (2049, 2049)
        Whose source box each pixel is in, by :func:`hstlc.missions.hst.stis_regions.claims`: an event in a source box,
        of whatever order, is background of none.
    placer : TickPlacer
        Tells the bins.
    pixels : PixelResponse
        Weight and quality of events that have none of their own.
    mask : int
        Data-quality bits that exclude an event.
    bins : int
    counted : Counter
        Gets the numbers of events, by the keyword of each.
    """
    running = RunningSums(bins, [part.scale for part in parts], [part.response for part in parts])
    for block in blocks:
        index, weight, selected = _selected(block, placer, pixels, mask, counted)
        column, row = np.clip(block.x, 0, SIZE), np.clip(block.y, 0, SIZE)
        claimed = np.where(selected, owner[row, column], np.int16(NOBODY - 1))
        free = np.flatnonzero(claimed == NOBODY)
        free_column, free_row = column.take(free), row.take(free)
        used = np.zeros(len(column), dtype=bool)
        chosen = []
        for part in parts:
            source = np.flatnonzero(claimed == part.number)
            beside = free[part.region.in_background(free_column, free_row)] if part.scale else free[:0]
            wanted = tuple(rows[part.wanted.take(column.take(rows))] for rows in (source, beside))
            sizes = [len(rows) for rows in wanted]
            counted.update(NSOURCE=sizes[0], NBACKGR=sizes[1], NWAVE=len(source) + len(beside) - sum(sizes))
            for rows in wanted:
                used[rows] = True
            chosen.append((part, wanted))
        rows = np.flatnonzero(used)
        place = np.cumsum(used) - 1
        photons = [
            (_photons(part, place, column, source), _photons(part, place, column, beside))
            for part, (source, beside) in chosen
        ]
        running.add(index.take(rows), weight.take(rows), photons)
    return running.sums()


def _photons(part: OrderPart, place: IntArray, column: IntArray, rows: IntArray) -> Photons:
    return Photons(place.take(rows), part.region.wavelength_aa.take(column.take(rows)))


def sum_whole(
    blocks: Iterable[StisBlock],
    band: tuple[float, float] | None,
    placer: TickPlacer,
    pixels: PixelResponse,
    mask: int,
    bins: int,
    counted: Counter[str],
) -> RegionSums:
    """Return the sums over the whole detector, without background or flux.

    Parameters
    ----------
    band : (float, float) or None, Angstrom
        Wavelengths to take of events that have them; None takes all events.
    blocks, placer, pixels, mask, bins, counted
        As of :func:`sum_orders`.
    """
    running = RunningSums(bins, [0.0], [None])
    for block in blocks:
        index, weight, selected = _selected(block, placer, pixels, mask, counted)
        inside = np.count_nonzero(selected)
        if band is not None and block.wavelength_aa is not None:
            selected &= (block.wavelength_aa >= band[0]) & (block.wavelength_aa <= band[1])
        rows = np.flatnonzero(selected)
        counted.update(NSOURCE=len(rows), NBACKGR=0, NWAVE=int(inside) - len(rows))
        nothing = Photons(rows[:0], np.zeros(0))
        running.add(
            index.take(rows), weight.take(rows), [(Photons(np.arange(len(rows)), np.zeros(len(rows))), nothing)]
        )
    return running.sums()


def _selected(
    block: StisBlock, placer: TickPlacer, pixels: PixelResponse, mask: int, counted: Counter[str]
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Return bin and weight of each event, and whether it is good, in good time and on the detector."""
    weight, dq = pixels.at(block.raw_x, block.y)
    if block.epsilon is not None and block.dq is not None:
        weight, dq = block.epsilon, block.dq
    index = placer.place(block.ticks)
    good = ((dq & mask) == 0) & on_detector(block.x, block.y)
    selected = good & (index != OUTSIDE)
    right, usable = int(np.count_nonzero(good)), int(np.count_nonzero(selected))
    counted.update(NEVENTS=len(index), NBADDQ=len(index) - right, NBADTIME=right - usable)
    return index, weight, selected


def with_background(sums: RegionSums, parts: Sequence[OrderPart], live_s: FloatArray) -> RegionSums:
    """Return sums from which the background that the x1d states is taken off; its own error is not known."""
    rate, fluence = (sum(part.background_ct_s for part in parts), sum(part.background_fluence_s for part in parts))
    return replace(sums, background=sums.background + rate * live_s, fluence=sums.fluence - fluence * live_s)


def added(several: Sequence[RegionSums]) -> RegionSums:
    """Return the sums over repeated exposures, which were live one after the other.

    Their spectra are of the same orders: the fluence of each is scaled to the wavelength width of the first, so that
    the flux density of a bin is the mean over the time, not a part of it.
    """
    first = several[0]
    if len(several) == 1:
        return first
    widths = [sum(response.width_aa for response in one.responses) for one in several]
    known = all(width > 0 for width in widths)
    factors = [widths[0] / width if known else np.nan for width in widths]
    events, gross, background, variance = (
        np.sum([getattr(one, name) for one in several], axis=0)
        for name in ("events", "gross", "background", "variance")
    )
    return RegionSums(
        events,
        gross,
        background,
        variance,
        np.sum([factor * one.fluence for factor, one in zip(factors, several, strict=True)], axis=0),
        np.sum([factor**2 * one.fluence_variance for factor, one in zip(factors, several, strict=True)], axis=0),
        first.responses if known else (),
    )
