"""Write simulated Chandra files: event lists of fields and of regions, regions, light curves, dead time."""

from __future__ import annotations

import gzip
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hstlc.testing.chandra.events import EventTable, columns_of, draw_events, grades
from hstlc.testing.chandra.headers import Keywords, clock_keywords, column_plane, observation_keywords
from hstlc.testing.chandra.scene import ChandraObservation, ChandraScene

__all__ = ["Ellipse", "WrittenChandra", "write_event_list", "write_evt2", "write_region_products", "write_regions"]

Column = tuple[str, str, str | None, NDArray[Any]]

#: x, y, semi-major and semi-minor axis in pixels, and the angle of the first, degrees counter-clockwise from +x.
Ellipse = tuple[float, float, float, float, float]

#: Half axes of the source region in widths of the image: about nine tenths of the photons.
_REACH = 2.15

#: The box of the products of a region is that of the background: so many times the axes of the source.
_BACKGROUND = 5.0

_BANDS = {"ACIS": "BUSMH", "HRC": "W"}


@dataclass(frozen=True, slots=True)
class WrittenChandra:
    """The files of one exposure, and what is in them.

    Attributes
    ----------
    paths : tuple of Path
        The event list comes first.
    live_s : float, seconds
        Live time of the first chip.
    rate_ct_s : float, counts per live second
        Of all events of the list, expected where nothing varies and no chip ends.
    events : EventTable
        What was written.
    ellipse : Ellipse or None
        Of the source region.
    """

    paths: tuple[Path, ...]
    live_s: float
    rate_ct_s: float
    events: EventTable
    ellipse: Ellipse | None = None


def write_evt2(
    folder: Path,
    observation: ChandraObservation,
    scene: ChandraScene,
    *,
    content: str = "EVT2",
    compressed: bool = False,
    dtf: bool = True,
    without: Collection[str] = (),
) -> WrittenChandra:
    """Write the event list of a whole field, and the table of dead times of HRC.

    Parameters
    ----------
    folder : Path
        An existing folder.
    observation, scene : ChandraObservation, ChandraScene
        How and what was observed.
    content : str
        ``EVT2`` or ``EVT3``.
    compressed : bool
        Write ``.fits.gz``.
    dtf : bool
        Write the dead times, of HRC.
    without : collection of str
        Columns that are left out, and ``GTI`` for the good times.
    """
    events = draw_events(observation, scene)
    lower = observation.instrument.lower()
    interval = "" if content == "EVT2" else f"_{observation.obi:03d}"
    stem = f"{lower}f{observation.obsid:05d}{interval}N{observation.revision:03d}"
    path = folder / f"{stem}_{content.lower()}.fits{'.gz' if compressed else ''}"
    write_event_list(path, observation, events, content=content, without=without)
    paths = [path]
    if observation.instrument == "HRC" and dtf:
        paths.append(_write_dtf(folder / f"{stem}_dtf1.fits", observation))
    area = 1.0 if observation.instrument == "ACIS" else _chip_unit(observation)
    background = scene.background_ct_s * area * _chip_area(observation)
    rate = sum(source.rate_ct_s for source in scene.sources) + background
    return WrittenChandra(tuple(paths), observation.live_s(next(iter(observation.chip_corners))), rate, events)


def write_region_products(
    folder: Path,
    observation: ChandraObservation,
    scene: ChandraScene,
    *,
    reg3: bool = True,
    lc3: bool = False,
    mask: bool = True,
    background_region: bool = False,
    compressed: bool = False,
    without: Collection[str] = (),
) -> WrittenChandra:
    """Write what the source catalog has of a region: ``regevt3``, ``reg3``, ``lc3``.

    The region is that of the first source of the scene; the events are those of the box of its background.

    Parameters
    ----------
    folder : Path
        An existing folder.
    observation, scene : ChandraObservation, ChandraScene
        How and what was observed; the observation has a region.
    reg3, lc3 : bool
        Write the ellipses of the bands, and the catalog's own light curve.
    mask : bool
        Put the image MASK into the event list.
    background_region : bool
        Write ``SRCREG`` and ``BKGREG`` as release 1 had them, in place of an ellipse a band.
    compressed : bool
        Write ``.fits.gz``.
    without : collection of str
        Columns that are left out, and ``GTI`` for the good times.
    """
    assert observation.region is not None
    source = scene.sources[0]
    x, y = observation.pixel(source.x_arcsec, source.y_arcsec)
    radius = _REACH * source.sigma_arcsec / observation.pixel_arcsec
    ellipse = (round(x, 4), round(y, 4), radius, 0.8 * radius, 30.0)
    box = tuple(value + sign * _BACKGROUND * radius for sign in (-1, 1) for value in (x, y))
    drawn = draw_events(observation, scene)
    inside = (drawn.x >= box[0]) & (drawn.x <= box[2]) & (drawn.y >= box[1]) & (drawn.y <= box[3])
    events = drawn.select(inside)
    ending = ".fits.gz" if compressed else ".fits"
    stem = (
        f"{observation.instrument.lower()}f{observation.obsid:05d}_{observation.obi:03d}N{observation.revision:03d}"
        f"_r{observation.region:04d}"
    )
    paths = [folder / f"{stem}_regevt3{ending}"]
    write_event_list(paths[0], observation, events, content="REGEVT3", without=without, mask=box if mask else None)
    if reg3:
        paths.append(folder / f"{stem}_reg3{ending}")
        names = [f"ECF90REG{band}" for band in _BANDS[observation.instrument]]
        write_regions(
            paths[-1],
            observation,
            {"SRCREG": ellipse} if background_region else dict.fromkeys(names, ellipse),
            ring=ellipse if background_region else None,
        )
    if lc3:
        band = _BANDS[observation.instrument][0].lower()
        paths.append(folder / f"{stem}{band}_lc3{ending}")
        _write_curve(paths[-1], observation, events)
    unit = 1e-6 if observation.instrument == "ACIS" else _chip_unit(observation)
    area = (box[2] - box[0]) * (box[3] - box[1])
    rate = source.rate_ct_s + scene.background_ct_s * unit * area
    live_s = observation.live_s(next(iter(observation.chip_corners)))
    return WrittenChandra(tuple(paths), live_s, rate, events, ellipse)


def write_event_list(
    path: Path,
    observation: ChandraObservation,
    events: EventTable,
    *,
    content: str = "EVT2",
    without: Collection[str] = (),
    mask: Sequence[float] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Write any events as an event list.

    Parameters
    ----------
    path : Path
        Compressed where it ends in ``.gz``.
    observation : ChandraObservation
    events : EventTable
    content : str
        Keyword CONTENT.
    without : collection of str
        Columns that are left out, and ``GTI`` for the good times.
    mask : sequence of float, optional
        Box of the image MASK: x from, y from, x to, y to.
    overrides : mapping, optional
        Keywords of the event list to set, or with None to leave out.
    """
    acis = observation.instrument == "ACIS"
    columns = [column for column in (_acis if acis else _hrc)(observation, events) if column[0] not in without]
    numbers = {name: number for number, (name, *_) in enumerate(columns, 1)}
    keywords = observation_keywords(observation, content)
    described = keywords | {"HDUCLASS": "OGIP", "HDUCLAS1": "EVENTS", "HDUCLAS2": "ACCEPTED", "HDUNAME": "EVENTS"}
    if {"x", "y"} <= numbers.keys():
        described |= column_plane(observation, numbers)
    described |= overrides or {}
    units: list[Any] = [_table("EVENTS", columns, {k: v for k, v in described.items() if v is not None})]
    if "GTI" not in without:
        units += _good_times(observation)
    if mask is not None:
        units.append(_mask(mask))
    _write(path, keywords, units)
    return path


def _acis(observation: ChandraObservation, events: EventTable) -> list[Column]:
    place, random = columns_of(observation, events), np.random.default_rng(observation.seed)
    energy_ev = (events.energy_kev * 1000).astype(np.float32)
    number = len(events)
    other = np.random.default_rng((observation.seed, 1))  # what no light curve depends on
    adu = np.clip(energy_ev / 4.7 + other.normal(0.0, 15.0, number), 0, 36_855).astype(np.int32)
    return [
        ("time", "1D", "s", events.time_s + observation.start_s),
        ("ccd_id", "1I", None, place["chip"]),
        ("node_id", "1I", None, place["chipx"] // 257),
        ("expno", "1J", None, (events.time_s / observation.frame_s).astype(np.int32) + 3),
        *((name, "1I", "pixel", place[name]) for name in ("chipx", "chipy")),
        ("tdetx", "1I", "pixel", 1025 * place["chip"] + place["chipx"]),
        ("tdety", "1I", "pixel", 1700 + place["chipy"]),
        *((name, "1E", "pixel", place[name]) for name in ("detx", "dety")),
        ("x", "1E", "pixel", events.x),
        ("y", "1E", "pixel", events.y),
        ("pha", "1J", "adu", adu),
        ("pha_ro", "1J", "adu", np.maximum(adu - other.integers(0, 60, number), 0)),
        ("energy", "1E", "eV", energy_ev),
        ("pi", "1J", "chan", np.minimum(np.floor(energy_ev / 14.6) + 1, 1024)),
        ("fltgrade", "1I", None, other.integers(0, 256, number)),
        ("grade", "1I", None, grades(random, number)),
        ("status", "32X", None, np.zeros((number, 32), dtype=bool)),
    ]


def _hrc(observation: ChandraObservation, events: EventTable) -> list[Column]:
    place, number = columns_of(observation, events), len(events)
    channel = (events.energy_kev * 30).astype(np.int16)
    return [
        ("time", "1D", "s", events.time_s + observation.start_s),
        *((name, "1J", "pixel", np.rint(place[other])) for name, other in (("rawx", "detx"), ("rawy", "dety"))),
        *((name, "1I", "pixel", np.rint(place[other])) for name, other in (("chipx", "detx"), ("chipy", "dety"))),
        *((name, "1E", "pixel", place[name]) for name in ("detx", "dety")),
        ("x", "1E", "pixel", events.x),
        ("y", "1E", "pixel", events.y),
        ("pha", "1I", "chan", channel),
        ("pi", "1I", "chan", channel),
        ("chip_id", "1I", None, np.zeros(number)),
        ("status", "32X", None, np.zeros((number, 32), dtype=bool)),
    ]


def _good_times(observation: ChandraObservation) -> list[fits.BinTableHDU]:
    acis = observation.instrument == "ACIS"
    units = []
    for chip in observation.chip_corners:
        edges = np.array(observation.chip_times(chip)).reshape(-1, 2) + observation.start_s
        columns: list[Column] = [("START", "1D", "s", edges[:, 0]), ("STOP", "1D", "s", edges[:, 1])]
        keywords = {"MISSION": "AXAF", "TELESCOP": "CHANDRA", "INSTRUME": observation.instrument}
        more = {"CCD_ID": chip, "HDUNAME": f"GTI{chip}"} if acis else {}
        unit = _table("GTI", columns, {**keywords, **clock_keywords(observation), **more})
        unit.ver = chip if acis else 1
        units.append(unit)
    return units


def _mask(box: Sequence[float]) -> fits.ImageHDU:
    low_x, low_y, high_x, high_y = box
    size = (int(np.ceil(high_y - low_y)), int(np.ceil(high_x - low_x)))
    unit = fits.ImageHDU(np.ones(size, dtype=np.uint8), name="MASK")
    for axis, low in (("1", low_x), ("2", low_y)):
        unit.header.update({f"CRPIX{axis}P": 0.5, f"CRVAL{axis}P": low, f"CDELT{axis}P": 1.0})
    return unit


def write_regions(
    path: Path, observation: ChandraObservation, ellipses: Mapping[str, Ellipse], ring: Ellipse | None = None
) -> None:
    """Write a region file.

    Parameters
    ----------
    path : Path
        Compressed where it ends in ``.gz``.
    observation : ChandraObservation
    ellipses : mapping of str to Ellipse
        By names of tables, such as ``ECF90REGB``.
    ring : Ellipse, optional
        Source ellipse of the table ``BKGREG``, which is five times as large without it.
    """
    keywords = observation_keywords(observation, "SRCREG")
    kind = {"HDUCLASS": "ASC", "HDUCLAS1": "REGION", "HDUCLAS2": "SRC", "HDUCLAS3": "ECF90"}
    units = [
        _table(name, _shapes(["Ellipse"], [ellipse]), keywords | kind | _region_plane(observation))
        for name, ellipse in ellipses.items()
    ]
    if ring is not None:
        x, y, a, b, angle = ring
        rows = [(x, y, factor * a, factor * b, angle) for factor in (_BACKGROUND, 1.0)]
        background = kind | {"HDUCLAS2": "BKG"} | _region_plane(observation)
        units.append(_table("BKGREG", _shapes(["Ellipse", "!Ellipse"], rows), keywords | background))
    _write(path, keywords, units)


def _region_plane(observation: ChandraObservation) -> Keywords:
    plane = column_plane(observation, {"x": 1, "y": 2})
    return plane | {"TCTYP1": "XLON-TAN", "TCTYP2": "YLAT-TAN"}


def _shapes(names: Sequence[str], rows: Sequence[Ellipse]) -> list[Column]:
    values = np.array(rows)
    return [
        ("X", "1D", "pixel", values[:, 0]),
        ("Y", "1D", "pixel", values[:, 1]),
        ("SHAPE", "16A", None, np.array(names)),
        ("R", "2D", "pixel", values[:, 2:4]),
        ("ROTANG", "2D", "pixel", np.column_stack((values[:, 4], np.full(len(rows), np.nan)))),
        ("COMPONENT", "1I", None, np.ones(len(rows))),
    ]


def _write_curve(path: Path, observation: ChandraObservation, events: EventTable) -> None:
    keywords = observation_keywords(observation, "LIGHTCURVE")
    edges = np.linspace(0.0, observation.ontime_s, 31)
    rate = np.histogram(events.time_s, edges)[0] / np.diff(edges) / observation.dtcor
    error = np.sqrt(np.maximum(rate, 1e-9) / np.diff(edges))
    named = zip(
        ("COUNT_RATE", "COUNT_RATE_ERR", "MINUS_3SIG", "PLUS_3SIG"),
        (rate, error, rate - 3 * error, rate + 3 * error),
        strict=True,
    )
    columns: list[Column] = [
        ("TIME", "1D", "s", edges[:-1] + observation.start_s),
        *((name, "1D", "count/s", values) for name, values in named),
    ]
    found = {"VARINDEX": 0, "FRAC3SIG": 1.0, "FRAC5SIG": 1.0}
    _write(path, keywords, [_table(name, columns, keywords | found) for name in ("LIGHTCURVE", "BKGLIGHTCURVE")])


def _write_dtf(path: Path, observation: ChandraObservation) -> Path:
    keywords = observation_keywords(observation, "DTF")
    time_s = np.arange(0.0, observation.ontime_s + 2.05, 2.05) + observation.start_s
    columns: list[Column] = [
        ("TIME", "1D", "s", time_s),
        ("DTF", "1D", None, np.full(len(time_s), observation.dtcor)),
        ("DTF_ERR", "1D", None, np.zeros(len(time_s))),
    ]
    _write(path, keywords, [_table("DTF", columns, keywords)])
    return path


def _chip_unit(observation: ChandraObservation) -> float:
    """Return what a square pixel of HRC is of 100 square arcminutes."""
    return (observation.pixel_arcsec / 60.0) ** 2 / 100.0


def _chip_area(observation: ChandraObservation) -> float:
    """Return the area of all chips, in million square pixels for ACIS."""
    area = len(observation.chip_corners) * observation.chip_pixels**2
    return area / 1e6 if observation.instrument == "ACIS" else area


def _table(name: str, columns: Sequence[Column], keywords: Mapping[str, Any]) -> fits.BinTableHDU:
    made = [fits.Column(name=title, format=form, unit=unit, array=array) for title, form, unit, array in columns]
    table = fits.BinTableHDU.from_columns(made, name=name)
    table.header.update(dict(keywords))  # afterwards: those of planes would be taken for properties of columns
    return table


def _write(path: Path, keywords: Keywords, tables: Sequence[Any]) -> None:
    chosen = ("TELESCOP", "INSTRUME", "OBS_ID", "DATE", "ORIGIN", "CREATOR", "CONTENT", "SIMULATD")
    units = fits.HDUList([fits.PrimaryHDU(header=fits.Header({key: keywords[key] for key in chosen})), *tables])
    for unit in units:
        unit.add_checksum(when="simulated")
    stream = io.BytesIO()
    units.writeto(stream)
    content = stream.getvalue()
    path.write_bytes(gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)
