"""What a right reduction of a synthetic exposure finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.stis.detector import ACTIVE
from hstlc.testing.stis.scene import TICK_S, TICKS_PER_SECOND, Scene, StisExposure

__all__ = ["WrittenExposure", "cells_of"]

FloatArray = NDArray[np.float64]
CELL_TICKS = 80  # 10 ms: within it the rate is constant


@dataclass(frozen=True, slots=True, eq=False)
class WrittenExposure:
    """The files of a synthetic exposure and the right answers.

    Attributes
    ----------
    tag, x1d : Path, Path or None
        Event list, and spectrum where one was written.
    exposure, scene : StisExposure, Scene
        What was asked for.
    source_tick : ndarray of int64
        Ticks after the start of the first exposure of all source events, in the order of the file.
    source_epsilon : ndarray of float64
        One over the flat field at the detector pixel of each.
    lit : tuple of ndarray
        High-resolution columns with source light, of each order.
    """

    tag: Path
    x1d: Path | None
    exposure: StisExposure
    scene: Scene
    source_tick: NDArray[np.int64]
    source_epsilon: FloatArray
    lit: tuple[NDArray[np.int64], ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return (self.tag,) if self.x1d is None else (self.tag, self.x1d)

    @property
    def live_s(self) -> float:
        """Sum of the good times, seconds."""
        return self.exposure.live_s

    @property
    def source_events(self) -> int:
        """Source events in the file."""
        return len(self.source_tick)

    @property
    def net_rate_ct_s(self) -> float:
        """Expected weighted source rate, mean over the good times, counts per second."""
        _, length, shape = cells_of(self.exposure, self.scene)
        return self.scene.rate_ct_s * float(np.sum(shape * length) / np.sum(length))

    def expected_counts(self, edges_s: FloatArray) -> FloatArray:
        """Return the expected weighted source counts between edges, seconds after the start of the first exposure."""
        start, length, shape = cells_of(self.exposure, self.scene)
        counts = self.scene.rate_ct_s * shape * length * TICK_S
        at = np.concatenate(([0.0], np.column_stack([start, start + length]).ravel().astype(float)))
        reached = np.concatenate(([0.0], np.column_stack([np.cumsum(counts) - counts, np.cumsum(counts)]).ravel()))
        return np.diff(np.interp(np.asarray(edges_s) * TICKS_PER_SECOND, at, reached))

    def source_counts(self, edges_s: FloatArray) -> FloatArray:
        """Return the weighted source counts that are in the file; tick k is of the time ((k - 1), k] ticks."""
        middle_s = (self.source_tick - 0.5) * TICK_S
        return np.histogram(middle_s, edges_s, weights=self.source_epsilon)[0]

    def flux_density(self, excluded: Iterable[tuple[float, float]] = ()) -> float:
        """Return the expected mean flux density, erg s-1 cm-2 Angstrom-1, when these wavelengths are left out.

        It is the sum of the orders' fluxes over the sum of their calibrated widths; NaN for an image.
        """
        orders, pixel = self.exposure.mode.orders, np.arange(ACTIVE[0], ACTIVE[1] + 1)
        if not orders:
            return float("nan")
        rate = self.net_rate_ct_s / len(orders)
        flux = width = 0.0
        for order, columns in zip(orders, self.lit, strict=True):
            at: Any = (columns + 0.5) / 2
            flux += rate * float(np.mean(order.inverse_sensitivity(at) * order.pixel_aa(at)))
            wave = order.wavelength_aa(pixel)
            used = np.ones(pixel.size, dtype=bool)
            for a, b in excluded:
                used &= (wave < a) | (wave > b)
            width += float(order.pixel_aa(pixel)[used].sum())
        return flux / width


def cells_of(exposure: StisExposure, scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Return start and length (ticks) of the pieces of good time of constant rate, and the relative rate of each."""
    starts, lengths = [], []
    for a, b in [pair for one in exposure.sets for pair in one.ticks]:
        start = np.arange(a, b, CELL_TICKS)
        starts.append(start)
        lengths.append(np.minimum(start + CELL_TICKS, b) - start)
    start, length = np.concatenate(starts), np.concatenate(lengths)
    middle_s = (start + length / 2) * TICK_S
    shape = np.ones(start.size) if scene.shape is None else np.asarray(scene.shape(middle_s), dtype=np.float64)
    return start, length, shape
