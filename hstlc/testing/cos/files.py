"""Write synthetic COS exposures: event files, and the spectrum that a calibration would have made of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.cos.detector import DETECTORS, Segment
from hstlc.testing.cos.events import EventTable, Kind, draw_events, segments_seen
from hstlc.testing.cos.headers import Counts, Keywords, events_keywords, primary_keywords, short_keywords
from hstlc.testing.cos.scene import CosExposure, Scene
from hstlc.testing.cos.tables import (
    EVENTS_COLUMNS,
    GTI_COLUMNS,
    TIMELINE_COLUMNS,
    Extension,
    write_tables,
    x1d_columns,
)
from hstlc.testing.cos.truth import SegmentTruth, WrittenExposure

__all__ = ["write_exposure"]

DQ_OUT_OF_BOUNDS = 128
PIXELS_MASK = 8346 | 64 | 512 | 2048


def write_exposure(folder: Path, exposure: CosExposure, scene: Scene, *, x1d: bool = True) -> WrittenExposure:
    """Write the files of one exposure into ``folder`` and return their paths and the truth about them.

    FUV: ``<rootname>_corrtag_a.fits`` and ``_b``; NUV: ``<rootname>_corrtag.fits``; but for images also
    ``<rootname>_x1d.fits``. Files of the same names are replaced. The same arguments give the same bytes.

    Parameters
    ----------
    folder : Path
        An existing folder.
    exposure, scene : CosExposure, Scene
        How and what was observed.
    x1d : bool
        False leaves the spectrum out.
    """
    fuv = exposure.detector == "FUV"
    segments = segments_seen(exposure)
    groups = [(segment,) for segment in segments] if fuv else [segments]
    drawn = [(group, draw_events(exposure, scene, group)) for group in groups]
    keywords = events_keywords(exposure, _counts(drawn, fuv))
    corrtags = tuple(_write_corrtag(folder, exposure, group, table, keywords) for group, table in drawn)
    spectrum = _write_x1d(folder, exposure, scene, drawn, keywords) if x1d and not exposure.imaging else None
    truth: tuple[SegmentTruth, ...] = tuple(one for _, table in drawn for one in table.truth)
    return WrittenExposure(corrtags, spectrum, exposure.live_s, truth)


def _counts(drawn: Iterable[tuple[tuple[Segment, ...], EventTable]], fuv: bool) -> Counts:
    tables = {group[0].letter if fuv else "": table for group, table in drawn}
    rejected = {key: int(np.count_nonzero(table.columns["DQ"] & 512)) for key, table in tables.items()}
    outside = {key: int(np.count_nonzero(table.kind == Kind.STIM)) for key, table in tables.items()}
    return Counts({key: len(table) for key, table in tables.items()}, rejected, outside)


def _write_corrtag(
    folder: Path, exposure: CosExposure, group: tuple[Segment, ...], table: EventTable, keywords: Keywords
) -> Path:
    fuv = exposure.detector == "FUV"
    path = folder / f"{exposure.rootname}_corrtag{f'_{group[0].letter.lower()}' if fuv else ''}.fits"
    segment = group[0].name if fuv else "N/A"
    primary = primary_keywords(exposure, filename=path.name, segment=segment, extracted=False)
    edges = np.asarray(exposure.tick_intervals) * 32 / 1000
    good_times = {"START": edges[:, 0], "STOP": edges[:, 1]}
    extensions = (
        Extension("EVENTS", EVENTS_COLUMNS, table.columns, keywords | _world_coordinates(group)),
        Extension("GTI", GTI_COLUMNS, good_times, short_keywords(exposure)),
        Extension("TIMELINE", TIMELINE_COLUMNS, _timeline(exposure, table), keywords),
    )
    write_tables(path, primary, extensions, exposure.overrides)
    return path


def _write_x1d(
    folder: Path,
    exposure: CosExposure,
    scene: Scene,
    drawn: list[tuple[tuple[Segment, ...], EventTable]],
    keywords: Keywords,
) -> Path:
    path = folder / f"{exposure.rootname}_x1d.fits"
    names = [segment.name for group, _ in drawn for segment in group]
    segment = "N/A" if exposure.detector == "NUV" else names[0] if len(names) == 1 else "BOTH"
    primary = primary_keywords(exposure, filename=path.name, segment=segment, extracted=True)
    rows = [_spectrum(exposure, scene, one, i, table) for group, table in drawn for i, one in enumerate(group)]
    data = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    good = data["DQ_WGT"] > 0
    wave = data["WAVELENGTH"][good]
    primary |= {"MINWAVE": float(wave.min()), "MAXWAVE": float(wave.max()), "SPECRES": 18000.0}
    primary |= {"BANDWID": float(np.ptp(wave)), "CENTRWV": float(wave.min() + wave.max()) / 2}
    keywords = keywords | {
        "NGOODPIX": int(good.sum()),
        "GOODMEAN": float(data["GCOUNTS"][good].mean()),
        "GOODMAX": float(data["GCOUNTS"][good].max()),
    }
    columns = x1d_columns(DETECTORS[exposure.detector].x1d_length)
    write_tables(path, primary, (Extension("SCI", columns, data, keywords),), exposure.overrides)
    return path


def _spectrum(
    exposure: CosExposure, scene: Scene, segment: Segment, stripe: int, table: EventTable
) -> dict[str, NDArray[Any]]:
    """Return one row of the spectrum: what lies in the source box, with the background the scene has there."""
    detector = segment.detector
    c = table.columns
    x, y = c["XFULL"].astype(np.float64), c["YFULL"].astype(np.float64)
    chosen = (table.stripe == stripe) & ((c["DQ"] & PIXELS_MASK) == 0) & segment.in_box(x, y)
    pixel = np.rint(x[chosen]).astype(np.int64) + detector.x_offset
    counts = np.bincount(pixel, minlength=detector.x1d_length)
    weighted = np.bincount(pixel, c["EPSILON"][chosen], minlength=detector.x1d_length)
    place = np.arange(detector.x1d_length) - detector.x_offset
    start, stop = detector.active
    active = (place > start) & (place < stop)
    wave = segment.wavelength_aa(place)
    sensitivity = np.zeros(place.size)
    sensitivity[active] = segment.inverse_sensitivity(wave[active])
    background = np.where(active, scene.background_ct_s / (stop - start), 0.0) * sum(exposure.epsilon) / 2
    net = np.where(active, weighted / exposure.live_s - background, 0.0)
    error = np.sqrt(np.maximum(counts, 1)) / exposure.live_s * sensitivity
    middle = segment.center_y(place)
    dq = np.where(active, 0, DQ_OUT_OF_BOUNDS)
    edges = {
        "Y_LOWER_OUTER": np.ceil(middle - segment.height / 2),
        "Y_UPPER_OUTER": np.floor(middle + segment.height / 2),
        "Y_LOWER_INNER": np.ceil(middle - segment.height / 4),
        "Y_UPPER_INNER": np.floor(middle + segment.height / 4),
    }
    return edges | {
        "SEGMENT": np.array(segment.name),
        "EXPTIME": np.array(exposure.live_s),
        "NELEM": np.array(detector.x1d_length),
        "WAVELENGTH": wave,
        "FLUX": net * sensitivity,
        "ERROR": error,
        "GROSS": np.where(active, counts / exposure.live_s, 0.0),
        "GCOUNTS": np.where(active, counts, 0),
        "NET": net,
        "BACKGROUND": background,
        "DQ": dq,
        "DQ_WGT": active.astype(np.float32),
        "DQ_OUTER": dq,
        "BACKGROUND_PER_PIXEL": background / segment.height,
        "NUM_EXTRACT_ROWS": edges["Y_UPPER_OUTER"] - edges["Y_LOWER_OUTER"] + 1,
        "ACTUAL_EE": np.full(place.size, 0.99),
    }


def _timeline(exposure: CosExposure, table: EventTable) -> dict[str, NDArray[Any]]:
    """Return one row a second from the first event: a smooth orbit, and the airglow that the events hold."""
    c = table.columns
    times = c["TIME"].astype(np.float64) if len(table) else np.asarray(exposure.tick_intervals[0][:1]) * 0.032
    rows = round(float(times[-1] - times[0])) + 1
    t = times[0] + np.arange(rows)
    orbit = 2 * np.pi * t / 5717.771688
    airglow = {"LY_ALPHA": np.zeros(rows), "OI_1304": np.zeros(rows)}
    glowing = np.flatnonzero(table.kind == Kind.AIRGLOW)
    second = np.minimum((times[glowing] - times[0]).astype(np.int64), rows - 1)
    alpha = c["WAVELENGTH"][glowing] < 1260.0
    airglow["LY_ALPHA"] += np.bincount(second[alpha], minlength=rows)
    airglow["OI_1304"] += np.bincount(second[~alpha], minlength=rows)
    dark = np.count_nonzero(table.kind == Kind.BACKGROUND) / exposure.live_s
    detector = DETECTORS[exposure.detector]
    return airglow | {
        "TIME": t,
        "LONGITUDE": np.mod(250.0 + t * (360.0 / 5717.771688 - 360.0 / 86164.0), 360.0),
        "LATITUDE": 28.47 * np.sin(orbit - 0.7),
        "SUN_ALT": 66.0 * np.sin(orbit + 0.3),
        "SUN_ZD": 90.0 - 66.0 * np.sin(orbit + 0.3),
        "TARGET_ALT": 48.0 + 26.0 * np.cos(orbit),
        "RADIAL_VEL": 5.896526 * np.sin(orbit - 0.5),
        "SHIFT1": np.full(rows, detector.shift[0]),
        "OI_1356": np.zeros(rows),
        "DARKRATE": np.full(rows, dark / (detector.rows * np.ptp(detector.active))),
    }


def _world_coordinates(group: tuple[Segment, ...]) -> Keywords:
    """Return the linear world coordinates of XFULL (column 7) and YFULL (column 8)."""
    segment = group[0]
    middle = segment.detector.center
    c1, c2 = segment.dispersion[1:]
    return {
        "TCTYP7": "WAVE",
        "TCRPX7": middle + 1,
        "TCRVL7": float(segment.wavelength_aa(middle)),
        "TCDLT7": c1 + 2 * c2 * middle,
        "TCUNI7": "angstrom",
        "TCTYP8": "ANGLE",
        "TCRPX8": segment.location + 1,
        "TCRVL8": 0.0,
        "TCDLT8": 2.777778e-05,
        "TCUNI8": "deg",
        "TPC7_7": 1.0,
        "TPC7_8": 0.0,
        "TPC8_7": 0.0,
        "TPC8_8": 1.0,
        "TPV7_0": 3800000.0,
        "TPV7_1": 1,
        "TPV7_2": 20.1,
        "TPV7_6": 0.0,
    }
