"""Draw the events of a synthetic exposure: Poisson numbers per clock tick, then places, weights and flags."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.cos.detector import AIRGLOW_LINES_AA, DETECTORS, Segment, segments_of
from hstlc.testing.cos.scene import CosExposure, Scene
from hstlc.testing.cos.truth import SegmentTruth

__all__ = ["EventTable", "Kind", "draw_events", "segments_seen"]

TICK_S = 0.032
TRACE_SIGMA_PIXELS = 10.0 / 2.3548  # FWHM of 10 pixels
IMAGE_X, IMAGE_Y = 512.0, 280.0
HARMLESS_DQ = 4  # grid shadow: not in SDQFLAGS, such events count
JUNK_DQ = {"FUV": (8, 64, 512, 520, 2048, 8192), "NUV": (8, 16, 64, 128, 2048)}
STIMS = ((389.0, 984.0), (16000.0, 33.0))
ORBIT_S = 5717.771688


class Kind(IntEnum):
    """Where an event comes from."""

    SOURCE = 0
    BACKGROUND = 1
    AIRGLOW = 2
    JUNK = 3
    STIM = 4


@dataclass(frozen=True, slots=True)
class EventTable:
    """The events of one file in time order, one array a column, and where each came from."""

    columns: dict[str, NDArray[Any]]
    kind: NDArray[np.int8]
    stripe: NDArray[np.int8]
    truth: tuple[SegmentTruth, ...]

    def __len__(self) -> int:
        return len(self.kind)


# tick, x, y, dq, pha of one kind of event and one stripe
_Part = tuple[Kind, int, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def segments_seen(exposure: CosExposure) -> tuple[Segment, ...]:
    """Return the segments that an exposure has light of."""
    known = segments_of(exposure.detector, exposure.obstype, exposure.opt_elem, exposure.cenwave)
    return known if exposure.imaging else tuple(one for one in known if one.letter in exposure.segments)


def draw_events(exposure: CosExposure, scene: Scene, segments: tuple[Segment, ...]) -> EventTable:
    """Return the events of the file that holds ``segments``, sorted by time, the same for the same arguments.

    An event of tick k happened in ((k - 1), k] x 0.032 s and carries the time k x 0.032 s.
    """
    name = "".join(segment.letter for segment in segments)
    rng = np.random.default_rng([exposure.seed, zlib.crc32(f"{exposure.rootname}{name}".encode())])
    ticks = np.concatenate([np.arange(a + 1, b + 1) for a, b in exposure.tick_intervals])
    shape = np.ones(ticks.size) if scene.shape is None else np.asarray(scene.shape((ticks - 0.5) * TICK_S))
    parts = list(_parts(rng, exposure, scene, segments, ticks, shape))
    tick = np.concatenate([part[2] for part in parts])
    order = np.argsort(tick, kind="stable")
    x, y, dq, pha = (np.concatenate([part[i] for part in parts])[order] for i in (3, 4, 5, 6))
    size = [part[2].size for part in parts]
    kind = np.repeat(np.array([part[0] for part in parts], dtype=np.int8), size)[order]
    stripe = np.repeat(np.array([part[1] for part in parts], dtype=np.int8), size)[order]
    if len(segments) > 1:  # the stripe decides the wavelength solution: mid-way between neighbors
        middles = [segment.location for segment in segments]
        edges = np.add(middles[:-1], middles[1:]) / 2
        stripe = np.where(stripe < 0, np.searchsorted(edges, y), stripe).astype(np.int8)
    else:
        stripe = np.zeros_like(stripe)
    columns = _columns(rng, exposure, segments, tick[order], x, y, dq, pha, stripe, kind)
    truth = tuple(
        _truth(exposure, scene, segment, columns, kind, stripe == i, float(shape.mean()))
        for i, segment in enumerate(segments)
    )
    return EventTable(columns, kind, stripe, truth)


def _parts(
    rng: np.random.Generator,
    exposure: CosExposure,
    scene: Scene,
    segments: tuple[Segment, ...],
    ticks: NDArray[np.int64],
    shape: NDArray[np.float64],
) -> Iterator[_Part]:
    detector = DETECTORS[exposure.detector]
    fuv = exposure.detector == "FUV"

    def times(rate_ct_s: float | NDArray[np.float64]) -> NDArray[np.int32]:
        return np.repeat(ticks.astype(np.int32), rng.poisson(np.asarray(rate_ct_s) * TICK_S, ticks.size))

    def photons(n: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
        dq = np.where(rng.random(n, dtype=np.float32) < 0.03, HARMLESS_DQ, 0).astype(np.int16)
        pha = np.clip(9.0 + 3.0 * rng.standard_normal(n, dtype=np.float32), 2, 23) if fuv else np.zeros(n)
        return dq, pha.astype(np.uint8)

    for i, segment in enumerate(segments):
        tick = times(scene.rate_ct_s * shape)
        x, y = _source_places(rng, segment, tick.size)
        yield Kind.SOURCE, i, tick, x, y, *photons(tick.size)

        lines = _lines_seen(segment)
        tick = times(scene.airglow_ct_s if lines.size else 0.0)
        x = rng.choice(lines, tick.size) if lines.size else np.zeros(0)
        x = x + detector.aperture_pixels * (rng.random(tick.size, dtype=np.float32) - 0.5)
        yield Kind.AIRGLOW, i, tick, x, _rows_in_box(rng, segment, x), *photons(tick.size)

        tick = times(scene.junk_ct_s)
        x = _uniform(rng, *detector.active, tick.size)
        dq = rng.choice(np.array(JUNK_DQ[exposure.detector], dtype=np.int16), tick.size)
        pha = np.where(dq & 512, rng.choice(np.array([0, 1, 25, 31]), tick.size), 9 if fuv else 0).astype(np.uint8)
        yield Kind.JUNK, i, tick, x, _rows_in_box(rng, segment, x), dq, pha

    tick = times(scene.background_ct_s * detector.rows / segments[0].height)
    x = _uniform(rng, *detector.active, tick.size)
    yield Kind.BACKGROUND, -1, tick, x, _uniform(rng, 0.0, detector.rows - 0.5, tick.size), *photons(tick.size)

    for x_stim, y_stim in STIMS if fuv else ():
        tick = times(2.0)
        x, y = (at + 0.7 * rng.standard_normal(tick.size, dtype=np.float32) for at in (x_stim, y_stim))
        dq = np.zeros(tick.size, dtype=np.int16)
        yield Kind.STIM, -1, tick, x, y, dq, np.full(tick.size, 19, dtype=np.uint8)


def _uniform(rng: np.random.Generator, low: float, high: float, n: int) -> NDArray[np.float32]:
    return np.asarray(low + (high - low) * rng.random(n, dtype=np.float32), dtype=np.float32)


def _source_places(rng: np.random.Generator, segment: Segment, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    spread = TRACE_SIGMA_PIXELS * rng.standard_normal(n, dtype=np.float32)
    if not segment.name:
        x = IMAGE_X + TRACE_SIGMA_PIXELS * rng.standard_normal(n, dtype=np.float32)
        return x, IMAGE_Y + spread
    intervals = segment.useful_pixels()
    reach = np.concatenate(([0.0], np.cumsum(intervals[:, 1] - intervals[:, 0])))
    x = np.interp(rng.random(n) * reach[-1], np.repeat(reach, 2)[1:-1], intervals.ravel()).astype(np.float32)
    half = segment.height / 2 - 0.5
    return x, segment.center_y(x) + np.clip(spread, -half, half)


def _rows_in_box(rng: np.random.Generator, segment: Segment, x: NDArray[Any]) -> NDArray[Any]:
    half = segment.height / 2 - 0.5
    return segment.center_y(x) + _uniform(rng, -half, half, x.size)


def _lines_seen(segment: Segment) -> NDArray[np.float64]:
    """Return where in XFULL the airglow lines fall that this segment sees whole."""
    start, stop = segment.detector.active
    margin = segment.detector.aperture_pixels / 2
    grid = np.linspace(start, stop, 4097)
    lines = np.interp(AIRGLOW_LINES_AA, segment.wavelength_aa(grid), grid, left=-1.0, right=-1.0)
    return lines[(lines > start + margin) & (lines < stop - margin)] if segment.name else lines[:0]


def _columns(
    rng: np.random.Generator,
    exposure: CosExposure,
    segments: tuple[Segment, ...],
    tick: NDArray[Any],
    x: NDArray[Any],
    y: NDArray[Any],
    dq: NDArray[Any],
    pha: NDArray[Any],
    stripe: NDArray[Any],
    kind: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    detector = DETECTORS[exposure.detector]
    fuv = exposure.detector == "FUV"
    x = x.astype(np.float32)
    y = y.astype(np.float32)
    time = tick * 32 / 1000
    xdopp = x + np.float32(0.0 if exposure.imaging else detector.shift[0])
    doppler = 0.0 if exposure.imaging else detector.doppler_pixels * np.sin(2 * np.pi * time / ORBIT_S)
    xcorr = (xdopp - doppler).astype(np.float32)
    ycorr = y + np.float32(detector.shift[1])
    wavelength = np.zeros(x.size, dtype=np.float32)
    for i, segment in enumerate(segments if not exposure.imaging else ()):
        here = stripe == i
        wavelength[here] = segment.wavelength_aa(x[here])
    wavelength[kind == Kind.STIM] = 0.0
    low, high = exposure.epsilon
    bend = 25.0 * np.cos(np.pi * xcorr / detector.width) if fuv else np.float32(0.0)
    return {
        "TIME": time.astype(np.float32),
        "RAWX": np.clip(np.rint(xcorr + bend), 0, detector.width - 1).astype(np.int16),
        "RAWY": np.clip(np.rint(ycorr - (10.0 if fuv else 0.0)), 0, detector.rows - 1).astype(np.int16),
        "XCORR": xcorr,
        "YCORR": ycorr,
        "XDOPP": xdopp,
        "XFULL": x,
        "YFULL": y,
        "WAVELENGTH": wavelength,
        "EPSILON": _uniform(rng, low, high, x.size),
        "DQ": dq,
        "PHA": pha,
    }


def _truth(
    exposure: CosExposure,
    scene: Scene,
    segment: Segment,
    columns: dict[str, NDArray[Any]],
    kind: NDArray[np.int8],
    here: NDArray[np.bool_],
    mean_shape: float,
) -> SegmentTruth:
    x, y = columns["XFULL"].astype(np.float64), columns["YFULL"].astype(np.float64)
    epsilon = columns["EPSILON"].astype(np.float64)
    useful = segment.useful_pixels()
    source = here & (kind == Kind.SOURCE)
    background = here & (kind == Kind.BACKGROUND) & segment.in_box(x, y)
    gross = source | (background & segment.is_useful(columns["WAVELENGTH"]))
    weight = sum(exposure.epsilon) / 2
    net = scene.rate_ct_s * mean_shape * weight
    width = float(np.diff(segment.wavelength_aa(useful)).sum())
    pixels = float(np.diff(useful).sum())
    start, stop = segment.detector.active
    flux = float("nan")
    if segment.name:  # the source is flat in counts per pixel
        at = np.concatenate([np.linspace(a, b, 2001)[:-1] + (b - a) / 4000 for a, b in useful])
        step = np.concatenate([np.full(2000, (b - a) / 2000) for a, b in useful])
        wave = segment.wavelength_aa(at)
        per_pixel = segment.dispersion[1] + 2 * segment.dispersion[2] * at
        flux = net / pixels * float(np.sum(segment.inverse_sensitivity(wave) * per_pixel * step))
    return SegmentTruth(
        name=segment.name,
        counted=not segment.second_order,
        source_events=int(source.sum()),
        source_epsilon=float(epsilon[source].sum()),
        gross_events=int(gross.sum()),
        gross_epsilon=float(epsilon[gross].sum()),
        net_rate_ct_s=net,
        background_rate_ct_s=scene.background_ct_s * weight * pixels / (stop - start),
        band_flux=flux,
        band_width_aa=width,
    )
