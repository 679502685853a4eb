"""Draw the events of a synthetic exposure: Poisson numbers per cell of time, then ticks, places and weights."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.stis.detector import ACTIVE, HIGH, high, low
from hstlc.testing.stis.scene import TICK_S, Imset, Scene, StisExposure
from hstlc.testing.stis.structure import flat_at, hot_places
from hstlc.testing.stis.truth import cells_of

__all__ = ["DOPPLER_PERIOD_S", "EventTable", "Kind", "doppler_pixels", "draw_events", "lit_columns"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

DOPPLER_PERIOD_S = 5722.0
DOPPLER_PHASE_S = 1500.0  # of the start of the first exposure
IMAGE_PLACE, IMAGE_SPREAD = (1020.0, 1100.0), 6.0


class Kind(IntEnum):
    """Where an event comes from."""

    SOURCE = 0
    BACKGROUND = 1
    HOT = 2
    GAP = 3


@dataclass(frozen=True, slots=True)
class EventTable:
    """The events of all imsets in order of time, and where each came from."""

    tick: IntArray
    axis1: IntArray
    axis2: IntArray
    detaxis1: IntArray
    kind: IntArray
    epsilon: FloatArray

    def __len__(self) -> int:
        return len(self.tick)

    def of(self, imset: Imset, following: Imset | None) -> NDArray[np.bool_]:
        """Tell which events belong to an imset: those until the next one starts."""
        mine = self.tick > imset.start
        return np.asarray(mine if following is None else mine & (self.tick <= following.start))


def doppler_pixels(exposure: StisExposure, tick: IntArray) -> IntArray:
    """Return AXIS1 - DETAXIS1: what the flight software adds, whole pixels of a sine of the orbit."""
    phase = 2 * np.pi * (DOPPLER_PHASE_S + tick * TICK_S) / DOPPLER_PERIOD_S
    return np.asarray(-np.rint(exposure.doppmag * np.sin(phase)), dtype=np.int64)


def lit_columns(exposure: StisExposure) -> tuple[IntArray, ...]:
    """Return the columns AXIS1 with source light of each order: no light ever falls on the hot pixels."""
    column, _ = hot_places(exposure)
    reach = int(np.ceil(exposure.doppmag))
    avoid = np.arange(column[0] - reach, column[-1] + reach + 1) if column.size else column
    mode = exposure.mode
    return tuple(mode.lit_pixels(order, avoid if i == 0 else None) for i, order in enumerate(mode.orders))


def draw_events(exposure: StisExposure, scene: Scene) -> EventTable:
    """Return the events of an exposure, the same for the same arguments; times are ticks after its start."""
    rng = np.random.default_rng([exposure.seed, zlib.crc32(exposure.rootname.encode())])
    parts = list(_parts(rng, exposure, scene))
    tick, x, y = (np.concatenate([part[i] for part in parts]) for i in (1, 2, 3))
    kind = np.repeat([int(part[0]) for part in parts], [part[1].size for part in parts])
    raw = np.isin(kind, (Kind.BACKGROUND, Kind.HOT))  # these stay on the detector, light moves over it
    shift = doppler_pixels(exposure, tick)
    axis1, detaxis1 = np.where(raw, x + shift, x), np.where(raw, x, x - shift)
    inside = (axis1 >= 1) & (axis1 <= HIGH) & (detaxis1 >= 1) & (detaxis1 <= HIGH) & (y >= 1) & (y <= HIGH)
    seen = flat_at(exposure, detaxis1[inside], y[inside])
    inside[inside] = raw[inside] | (rng.random(seen.size) * _brightest(exposure) < seen)
    order = np.argsort(tick[inside], kind="stable")
    tick, axis1, axis2, detaxis1, kind = (part[inside][order] for part in (tick, axis1, y, detaxis1, kind))
    tick = _step_back(tick, exposure.steps_back)
    return EventTable(tick, axis1, axis2, detaxis1, kind, 1.0 / flat_at(exposure, detaxis1, axis2))


def _parts(
    rng: np.random.Generator, exposure: StisExposure, scene: Scene
) -> Iterator[tuple[Kind, IntArray, IntArray, IntArray]]:
    start, length, shape = cells_of(exposure, scene)

    def ticks(rate_ct_s: float, relative: FloatArray | float = 1.0) -> IntArray:
        number = rng.poisson(rate_ct_s * relative * length * TICK_S)
        cell = np.repeat(np.arange(start.size), number)
        return start[cell] + 1 + rng.integers(0, length[cell])

    tick = ticks(scene.rate_ct_s * _brightest(exposure), shape)
    yield Kind.SOURCE, tick, *_source_places(rng, exposure, tick.size)

    rows = sum(2 * order.size for order in exposure.mode.orders)
    area = rows * 2 * (ACTIVE[1] - ACTIVE[0] + 1) / HIGH**2 if rows else 1.0
    tick = ticks(scene.background_ct_s / area)
    yield Kind.BACKGROUND, tick, rng.integers(1, HIGH + 1, tick.size), rng.integers(1, HIGH + 1, tick.size)

    column, row = hot_places(exposure)
    tick = ticks(scene.hot_ct_s if column.size else 0.0)
    yield Kind.HOT, tick, _choice(rng, column, tick.size), _choice(rng, row, tick.size)

    good = [pair for one in exposure.sets for pair in one.ticks]
    gaps = [(a, b) for (_, a), (b, _) in pairwise(good)]
    tick = np.concatenate(
        [rng.integers(a + 1, b + 1, rng.poisson(scene.gap_ct_s * (b - a) * TICK_S)) for a, b in gaps]
        or [np.zeros(0, dtype=np.int64)]
    )
    yield Kind.GAP, tick, *_source_places(rng, exposure, tick.size)


def _choice(rng: np.random.Generator, values: IntArray, n: int) -> IntArray:
    return rng.choice(values, n) if values.size else np.ones(n, dtype=np.int64)


def _source_places(rng: np.random.Generator, exposure: StisExposure, n: int) -> tuple[IntArray, IntArray]:
    """Return AXIS1 and AXIS2 of light; each order gets the same share."""
    orders = exposure.mode.orders
    spread = rng.standard_normal(n)
    if not orders:
        across = IMAGE_PLACE[1] + IMAGE_SPREAD * spread
        along = IMAGE_PLACE[0] + IMAGE_SPREAD * rng.standard_normal(n)
        return np.rint(along).astype(np.int64), np.rint(across).astype(np.int64)
    which = rng.integers(0, len(orders), n)
    x, y = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for i, (order, columns) in enumerate(zip(orders, lit_columns(exposure), strict=True)):
        mine = which == i
        x[mine] = rng.choice(columns, int(mine.sum()))
        off = np.clip(2 * order.spread * spread[mine], 1 - order.size, order.size - 1)
        y[mine] = np.rint(high(order.trace(low(x[mine]))) + off)
    return x, y


def _brightest(exposure: StisExposure) -> float:
    """Return a number that no flat field exceeds."""
    return (1.0 + exposure.flat) * (1.0 + exposure.flat / 2)


def _step_back(tick: IntArray, steps: int) -> IntArray:
    """Return ticks of which so many, evenly spread, are one less than the one before."""
    tick = tick.copy()
    for i in np.linspace(0, len(tick), steps + 2, dtype=np.int64)[1:-1]:
        tick[i] = tick[i - 1] - 1
    return tick
