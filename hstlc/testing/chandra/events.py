"""Events of a simulated Chandra observation: frames, dither, chips, energies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.chandra.scene import ChandraObservation, ChandraScene, ChandraSource, Shape

__all__ = ["EventTable", "columns_of", "draw_events", "grades"]

FloatArray = NDArray[np.float64]

#: Energies of all events, within the broad band.
_ENERGY_KEV = (0.52, 6.9)

#: Grades that are kept.
_GRADES = (0, 2, 3, 4, 6)

#: Events of HRC are drawn on a grid so fine that they look continuous.
_FINE_S = 1 / 64


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """Events before they are written.

    Attributes
    ----------
    time_s : ndarray of float64, seconds
        After the start of the observation, increasing.
    x, y : ndarray of float64, pixels
    energy_kev : ndarray of float64, keV
    source : ndarray of int
        Number of the source, -1 for the background.
    """

    time_s: FloatArray
    x: FloatArray
    y: FloatArray
    energy_kev: FloatArray
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_s)

    def select(self, rows: NDArray[Any]) -> EventTable:
        """Return some of the events."""
        return EventTable(*(getattr(self, name)[rows] for name in ("time_s", "x", "y", "energy_kev", "source")))


def draw_events(observation: ChandraObservation, scene: ChandraScene) -> EventTable:
    """Draw the events of a scene: those that fell on a chip in its good time."""
    random = np.random.default_rng([observation.seed, observation.obsid])
    parts = [_source_events(random, observation, source, number) for number, source in enumerate(scene.sources)]
    parts.append(_background_events(random, observation, scene))
    arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in EventTable.__dataclass_fields__]
    table = EventTable(*arrays)
    table = table.select(np.argsort(table.time_s, kind="stable"))
    return table.select(np.asarray(columns_of(observation, table)["chip"] >= 0))


def columns_of(observation: ChandraObservation, table: EventTable) -> Mapping[str, NDArray[Any]]:
    """Return where on the chips events fell: ``chip`` (-1: on none, or not in its good time), ``chipx``, ``chipy``.

    ``detx`` and ``dety`` too, pixels of the detector plane.
    """
    shift_x, shift_y = observation.dither(table.time_s)
    chip, chip_x, chip_y = (np.full(len(table), -1.0) for _ in range(3))
    for number, (corner_x, corner_y) in observation.chip_corners.items():
        x, y = table.x - corner_x + shift_x, table.y - corner_y + shift_y
        on = (x >= 0.5) & (x < observation.chip_pixels + 0.5) & (y >= 0.5) & (y < observation.chip_pixels + 0.5)
        live = np.zeros(len(table), dtype=bool)
        for start, stop in observation.chip_times(number):
            live |= (table.time_s >= start) & (table.time_s < stop)
        seen = on & live
        chip[seen], chip_x[seen], chip_y[seen] = number, x[seen], y[seen]
    return {
        "chip": chip.astype(np.int16),
        "chipx": np.rint(chip_x).astype(np.int16),
        "chipy": np.rint(chip_y).astype(np.int16),
        "detx": (table.x + shift_x).astype(np.float32),
        "dety": (table.y + shift_y).astype(np.float32),
    }


def _source_events(
    random: np.random.Generator, observation: ChandraObservation, source: ChandraSource, number: int
) -> EventTable:
    time_s = _times(random, observation, source.rate_ct_s, source.shape)
    sigma = source.sigma_arcsec / observation.pixel_arcsec
    x, y = observation.pixel(source.x_arcsec, source.y_arcsec)
    offset = random.normal(0.0, sigma, (2, len(time_s)))
    energy: FloatArray = random.lognormal(np.log(source.energy_kev), 0.5, len(time_s))
    energy = np.where((energy < _ENERGY_KEV[0]) | (energy > _ENERGY_KEV[1]), source.energy_kev, energy)
    return EventTable(time_s, x + offset[0], y + offset[1], energy, np.full(len(time_s), number))


def _background_events(random: np.random.Generator, observation: ChandraObservation, scene: ChandraScene) -> EventTable:
    corners = np.array(list(observation.chip_corners.values()))
    margin = observation.dither_arcsec / observation.pixel_arcsec
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + observation.chip_pixels + margin
    area = float(np.prod(high - low))
    unit = 1e6 if observation.instrument == "ACIS" else 100.0 * (60.0 / observation.pixel_arcsec) ** 2
    time_s = _times(random, observation, scene.background_ct_s * area / unit, scene.background_shape)
    x, y = (random.uniform(low[axis], high[axis], len(time_s)) for axis in (0, 1))
    energy = random.uniform(*_ENERGY_KEV, len(time_s))
    return EventTable(time_s, x, y, energy, np.full(len(time_s), -1))


def _times(random: np.random.Generator, observation: ChandraObservation, rate: float, shape: Shape) -> FloatArray:
    acis = observation.instrument == "ACIS"
    step = observation.frame_s if acis else _FINE_S
    middle = np.asarray((np.arange(int(observation.ontime_s / step)) + 0.5) * step, dtype=np.float64)
    expected = rate * step * observation.dtcor * shape(middle)
    time_s = np.repeat(middle, random.poisson(expected))
    return time_s if acis else np.sort(time_s + random.uniform(-step / 2, step / 2, len(time_s)))


def grades(random: np.random.Generator, number: int) -> NDArray[np.int64]:
    """Return grades of good events."""
    return random.choice(np.array(_GRADES), number)
