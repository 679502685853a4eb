"""Events of a synthetic exposure with an EPIC camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.epic.scene import EpicCamera, EpicObservation, FloatArray, Interval, Shape, draw_energies

__all__ = ["DrawnEvents", "draw_events", "good_times", "live_part"]

#: Radius of the field of view, arcsec.
FIELD_ARCSEC = 900.0

#: The image of a point source ends here, arcsec.
IMAGE_ARCSEC = 60.0

#: Bad events beside each good one: of a pattern that is no photon's, and outside of the field of view.
_BAD_PATTERNS, _OUT_OF_FIELD = 0.06, 0.02

_OUT_OF_FOV = 0x10000
_BAD_COLUMNS = ((4, 12), (5, 11), (10, 28))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnEvents:
    """Events in the order of time.

    Attributes
    ----------
    time_s : ndarray, seconds after the start of the observation
    det_x, det_y : ndarray of int, 0.05 arcsec
    east, north : ndarray, arcsec from the pointing
    raw_x, raw_y, ccd, pi, flag, pattern : ndarray of int
    source : ndarray of int
        Number of the source, -1 for the background.
    good : ndarray of bool
    """

    time_s: FloatArray
    det_x: NDArray[np.int16]
    det_y: NDArray[np.int16]
    east: FloatArray
    north: FloatArray
    raw_x: NDArray[np.int16]
    raw_y: NDArray[np.int16]
    ccd: NDArray[np.uint8]
    pi: NDArray[np.int16]
    flag: NDArray[np.int32]
    pattern: NDArray[np.uint8]
    source: NDArray[np.int32]
    good: NDArray[np.bool_]


def good_times(observation: EpicObservation, camera: EpicCamera, ccd: int | None = None) -> tuple[Interval, ...]:
    """Return the good times of a camera, or of one of its CCDs."""
    whole = camera.gti or ((0.0, observation.length_s),)
    return whole if ccd is None else camera.ccd_gti.get(ccd, whole)


def live_part(camera: EpicCamera) -> float:
    """Return the live part of a second: FRACEXP, of pn less the readout."""
    kind = camera.kind
    return float(np.float32(camera.live_part)) * (kind.integration_s / kind.frame_s if kind.is_pn else 1.0)


def draw_events(observation: EpicObservation, camera: EpicCamera) -> DrawnEvents:
    """Return the events of an exposure."""
    key = [observation.seed, observation.version, int(observation.obs_id), *camera.name.encode()]
    random = np.random.default_rng([*key, *camera.exposure.encode()])
    span = good_times(observation, camera)
    spans = [span, *(good_times(observation, camera, ccd) for ccd in camera.ccd_gti)]
    span = (
        ((min(a for one in spans for a, _ in one), max(b for one in spans for _, b in one)),)
        if camera.ccd_gti
        else span
    )
    per_s = live_part(camera)
    parts = []
    for number, source in enumerate(observation.sources):
        rate = source.rate_ct_s * source.weights.get(camera.name, 1.0) * per_s
        times = _times(random, span, rate, source.shape)
        distance = _image(random, len(times), source.width_arcsec)
        angle = random.uniform(0.0, 2.0 * np.pi, len(times))
        east = source.east_arcsec + distance * np.sin(angle)
        north = source.north_arcsec + distance * np.cos(angle)
        energy = draw_energies(random, len(times), background=False)
        parts.append((times, east, north, energy, np.full(len(times), number)))
    times = _times(random, span, camera.background_ct_s * per_s, camera.background)
    east, north = _in_field(random, observation, camera, len(times))
    parts.append((times, east, north, draw_energies(random, len(times), background=True), np.full(len(times), -1)))
    time_s, east, north, energy, source_number = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    pattern = random.integers(0, 5 if camera.kind.is_pn else 13, len(time_s))
    flag = np.zeros(len(time_s), dtype=np.int32)
    # beside them what must be left out: copies of some events at other times
    extra = random.integers(0, max(len(time_s), 1), int((_BAD_PATTERNS + _OUT_OF_FIELD) * len(time_s)))
    bad_pattern = np.arange(len(extra)) < _BAD_PATTERNS / (_BAD_PATTERNS + _OUT_OF_FIELD) * len(extra)
    time_s = np.concatenate((time_s, _spread(random.random(len(extra)), span)))
    east, north, energy = (np.concatenate((one, one[extra])) for one in (east, north, energy))
    source_number = np.concatenate((source_number, np.full(len(extra), -1)))
    limit = (5, 13) if camera.kind.is_pn else (13, 32)
    pattern = np.concatenate((pattern, np.where(bad_pattern, random.integers(*limit, len(extra)), 0)))
    flag = np.concatenate((flag, np.where(bad_pattern, 0, _OUT_OF_FOV).astype(np.int32)))
    good = np.concatenate((np.ones(len(time_s) - len(extra), dtype=bool), np.zeros(len(extra), dtype=bool)))
    x, y = _to_detector(observation, east, north)
    ccd, raw_x, raw_y = _pixels(camera, x, y)
    kept = ccd > 0
    for number in camera.numbers:
        own = good_times(observation, camera, number)
        inside = np.zeros(len(time_s), dtype=bool)
        for start, stop in own:
            inside |= (time_s >= start) & (time_s < stop)
        kept &= (ccd != number) | inside
    if camera.kind.is_pn:
        for number, column in _BAD_COLUMNS:
            kept &= ~((ccd == number) & (raw_x == column))
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(time_s[rows], kind="stable")]
    return DrawnEvents(
        time_s[rows],
        np.round(x[rows] / 0.05).astype(np.int16),
        np.round(y[rows] / 0.05).astype(np.int16),
        east[rows],
        north[rows],
        raw_x[rows].astype(np.int16),
        raw_y[rows].astype(np.int16),
        ccd[rows].astype(np.uint8),
        np.floor(energy[rows] * 1000.0).astype(np.int16),
        flag[rows],
        pattern[rows].astype(np.uint8),
        source_number[rows].astype(np.int32),
        good[rows],
    )


def _times(random: np.random.Generator, span: tuple[Interval, ...], rate_ct_s: float, shape: Shape) -> FloatArray:
    """Return arrival times in good time of a source that varies."""
    grid = np.concatenate([np.linspace(start, stop, 2001) for start, stop in span])
    highest = float(shape(grid).max())
    total = sum(stop - start for start, stop in span)
    times = _spread(random.random(random.poisson(rate_ct_s * highest * total)), span)
    return times[random.random(len(times)) * highest < shape(times)] if highest > 0 else times[:0]


def _spread(part: FloatArray, span: tuple[Interval, ...]) -> FloatArray:
    """Return times in good time for numbers from 0 to 1."""
    before = np.cumsum([0.0, *(stop - start for start, stop in span)])
    at = part * before[-1]
    number = np.clip(np.searchsorted(before, at, side="right") - 1, 0, len(span) - 1)
    return np.asarray(np.array([start for start, _ in span])[number] + at - before[number])


def _image(random: np.random.Generator, number: int, width_arcsec: float) -> FloatArray:
    """Return distances from a point source: a King profile of slope 1.5 that ends at :data:`IMAGE_ARCSEC`."""
    most = 1.0 - 1.0 / np.sqrt(1.0 + (IMAGE_ARCSEC / width_arcsec) ** 2)
    return np.asarray(width_arcsec * np.sqrt((1.0 - most * random.random(number)) ** -2 - 1.0))


def _in_field(
    random: np.random.Generator, observation: EpicObservation, camera: EpicCamera, number: int
) -> tuple[FloatArray, FloatArray]:
    """Return places on the CCDs that are on, within the field of view, as offsets on the sky."""
    boxes = np.array([camera.kind.ccds[ccd] for ccd in camera.numbers])
    x, y = np.zeros(0), np.zeros(0)
    while len(x) < number:
        size = 3 * (number - len(x)) + 100
        box = boxes[random.integers(0, len(boxes), size)]
        new_x = box[:, 0] + random.random(size) * (box[:, 2] - box[:, 0])
        new_y = box[:, 1] + random.random(size) * (box[:, 3] - box[:, 1])
        inside = np.hypot(new_x, new_y) < FIELD_ARCSEC
        x, y = np.concatenate((x, new_x[inside])), np.concatenate((y, new_y[inside]))
    return _to_sky(observation, x[:number], y[:number])


def _to_detector(observation: EpicObservation, east: FloatArray, north: FloatArray) -> tuple[FloatArray, FloatArray]:
    angle = np.radians(observation.roll_deg)
    return (
        np.asarray(-east * np.cos(angle) + north * np.sin(angle)),
        np.asarray(east * np.sin(angle) + north * np.cos(angle)),
    )


def _to_sky(observation: EpicObservation, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    angle = np.radians(observation.roll_deg)
    return np.asarray(-x * np.cos(angle) + y * np.sin(angle)), np.asarray(x * np.sin(angle) + y * np.cos(angle))


def _pixels(camera: EpicCamera, x: FloatArray, y: FloatArray) -> tuple[NDArray[np.int64], ...]:
    """Return CCD (0: none), RAWX and RAWY, which count from 1."""
    ccd, raw_x, raw_y = (np.zeros(len(x), dtype=np.int64) for _ in range(3))
    for number in camera.numbers:
        x0, y0, x1, y1 = camera.kind.ccds[number]
        rows = np.flatnonzero((x >= x0) & (x < x1) & (y >= y0) & (y < y1))
        ccd[rows] = number
        raw_x[rows] = np.floor((x[rows] - x0) / camera.kind.pixel_arcsec) + 1
        raw_y[rows] = np.floor((y[rows] - y0) / camera.kind.pixel_arcsec) + 1
    return ccd, raw_x, raw_y
