r"""Small valid files as the archives of XMM-Newton and Chandra give them, made from their names alone.

The same arguments give the same bytes. Another ``version`` gives other events, in the same number, and other keywords
on the processing. Every file says ``SIMULATD = 'T'`` in its primary header and carries checksums.

Examples
--------
>>> exposure = EpicExposure("PN", "S", 3)
>>> exposure.filename("0884250101")
'P0884250101PNS003PIEVLI0000.FTZ'
>>> epic_events("0884250101", exposure)[:2]
b'\x1f\x8b'
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hstlc.testing.cos.scene import place_of

__all__ = [
    *("ChandraExposure", "EpicExposure", "chandra_events", "csc_filename", "csc_light_curve", "csc_region"),
    *("epic_events", "epic_source_list", "small_image"),
]

_EVENTS = 240
_BESIDE = 60  # of them, background
_PIXEL_DEG = 0.05 / 3600  # of EPIC's sky coordinates
_CENTER = 25921.0

_POINTINGS = ("TARG", "PNT", "NOM")

#: Sources in the field of EPIC, as far from its center in pixels; a list has fainter ones too, which are none.
_PLACES = ((0.0, 0.0), (3500.0, 2000.0), (-4000.0, -2500.0))
_CORE = 80.0  # pixels, width of a source
_MJDREF = 50814.0
_CAMERAS = {"PN": ("EPN", (1, 4)), "M1": ("EMOS1", (1, 2)), "M2": ("EMOS2", (1, 2))}
_CLOCK = {"MJDREF": _MJDREF, "TIMESYS": "TT", "TIMEUNIT": "s", "TIMEREF": "LOCAL"}

Column = tuple[str, str, str | None, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class EpicExposure:
    """An exposure of an EPIC camera: PN, M1 or M2; S (scheduled) or U; its number; imaging or timing."""

    camera: str
    flag: str = "S"
    number: int = 1
    timing: bool = False

    @property
    def product(self) -> str:
        """Type of its event list."""
        return "TIEVLI" if self.timing else "PIEVLI" if self.camera == "PN" else "MIEVLI"

    def filename(self, observation: str) -> str:
        """Return the name of its event list."""
        return f"P{observation}{self.camera}{self.flag}{self.number:03d}{self.product}0000.FTZ"


@dataclass(frozen=True, slots=True)
class ChandraExposure:
    """An observation with Chandra; ``region`` is the number of the catalogued region, None for the whole field."""

    obsid: int
    obi: int = 0
    detector: str = "ACIS-I"
    region: int | None = None
    target: str = "SIM-SOURCE"

    @property
    def instrument(self) -> str:
        """ACIS or HRC."""
        return self.detector.partition("-")[0]


def csc_filename(exposure: ChandraExposure, version: int, ending: str, band: str = "") -> str:
    """Return the name of a product of the source catalog.

    Examples
    --------
    >>> csc_filename(ChandraExposure(617, region=91), 21, "regevt3")
    'acisf00617_000N021_r0091_regevt3.fits'
    """
    place = f"{exposure.instrument.lower()}f{exposure.obsid:05d}_{exposure.obi:03d}N{version:03d}"
    region = "" if exposure.region is None else f"r{exposure.region:04d}{band}_"
    return f"{place}_{region}{ending}.fits"


@lru_cache(maxsize=512)
def epic_events(observation: str, exposure: EpicExposure, version: int = 1) -> bytes:
    """Return an event list of EPIC, compressed."""
    random = _random(observation, exposure, version)
    instrument, chips = _CAMERAS[exposure.camera]
    start = 600e6 + (zlib.crc32(observation.encode()) % 10_000_000)
    times = _good_times(random, start, 2000.0)
    keywords = {
        "TELESCOP": "XMM", "INSTRUME": instrument, "OBS_ID": observation,
        "EXP_ID": f"{observation}{exposure.number:03d}", "EXPIDSTR": f"{exposure.flag}{exposure.number:03d}",
        "OBS_MODE": "POINTING", "DATAMODE": "TIMING" if exposure.timing else "IMAGING",
        "SUBMODE": "FastTiming" if exposure.timing else "PrimeFullWindow", "FILTER": "Medium",
        "REVOLUT": 3337, "OBJECT": "SIM-FIELD", "RA_PNT": 150.0, "DEC_PNT": 2.0, "PA_PNT": 100.0,
        "RA_OBJ": 150.0, "DEC_OBJ": 2.0, **_PLANE, "DATE-OBS": "2017-01-05T02:40:00", "DATE-END": "2017-01-05T03:13:20",
        "DATE": f"2025-01-{version:02d}T00:00:00", "SASVERS": f"21.{version}", "ODFVER": "001",
    }  # fmt: skip
    pixel = random.integers(1, 64, (2, _EVENTS)).astype(">i2")
    sky = _field(random)
    chip = np.array(chips, dtype="u1")[(sky[0] > _CENTER + 1000.0).astype(int)]
    columns: list[Column] = [
        *(("TIME", "D", "s", times), ("RAWX", "I", "pixel", pixel[0]), ("RAWY", "I", "pixel", pixel[1])),
        *(("DETX", "I", "0.05 arcsec", pixel[0]), ("DETY", "I", "0.05 arcsec", pixel[1])),
        *(("X", "J", "0.05 arcsec", sky[0]), ("Y", "J", "0.05 arcsec", sky[1])),
        *(("PHA", "I", "CHAN", random.integers(40, 2400, _EVENTS)), ("PI", "I", "eV", _energies(random))),
        *(("FLAG", "J", None, np.zeros(_EVENTS)), ("PATTERN", "B", None, random.integers(0, 5, _EVENTS))),
        ("CCDNR", "B", None, chip),
    ]
    if exposure.timing:
        columns = [column for column in columns if column[0] not in ("X", "Y", "DETX", "DETY")]
    clock = {**_CLOCK, "TSTART": start, "TSTOP": start + 2000.0}
    gti = {"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", "HDUCLAS2": "STANDARD"}
    frames = start + np.arange(0.0, 2000.0, 10.0)
    tables = [_table("EVENTS", columns, {**keywords, **clock, "ONTIME": 1960.0, "LIVETIME": 1862.0})]
    for number in chips:
        part = np.full(frames.size, 0.95)
        length = np.full(frames.size, 10.0)
        exposed: list[Column] = [("TIME", "D", "s", frames + 5.0), ("TIMEDEL", "E", "s", length)]
        tables += [
            _table(f"EXPOSU{number:02d}", [*exposed, ("FRACEXP", "E", None, part)], {**keywords, **clock}),
            _table(f"STDGTI{number:02d}", _intervals(start, start + 2000.0), {**clock, **gti, "CCDID": number}),
        ]
    return _compressed(keywords, tables)


@lru_cache(maxsize=512)
def epic_source_list(observation: str, version: int = 1) -> bytes:
    """Return the list of sources of an observation, compressed."""
    random = _random(observation, version)
    keywords = {
        "TELESCOP": "XMM", "OBS_ID": observation, "CONTENT": "EPIC SUMMARY SOURCE LIST",
        "DATE": f"2025-01-{version:02d}T00:00:00", "SASVERS": f"21.{version}",
    }  # fmt: skip
    x, y = np.array([*_PLACES, *random.uniform(-9000.0, 9000.0, (9, 2))]).T * _PIXEL_DEG
    bright = np.arange(12) < len(_PLACES)
    columns: list[Column] = [
        *(("SRC_NUM", "J", None, np.arange(1, 13)), ("RA", "D", "deg", 150.0 - x / np.cos(np.radians(2.0)))),
        *(("DEC", "D", "deg", 2.0 + y), ("RADEC_ERR", "E", "arcsec", np.full(12, 1.1))),
        *(("EP_DET_ML", "E", None, np.where(bright, 500.0, 7.0)), ("EP_EXTENT", "E", "arcsec", np.zeros(12))),
        ("EP_TOT", "E", "count/s", np.where(bright, 0.09, 0.001) + random.uniform(0.0, 0.001, 12)),
    ]
    return _compressed(keywords, [_table("SRCLIST", columns, keywords)])


@lru_cache(maxsize=512)
def chandra_events(exposure: ChandraExposure, version: int = 4) -> bytes:
    """Return an event list of Chandra, compressed: level 2, or that of a region of the source catalog."""
    random = _random(exposure, version)
    start = 280e6 + 1000.0 * exposure.obsid
    times = _good_times(random, start, 3000.0)
    keywords = _chandra_keywords(exposure, version, "REGEVT3" if exposure.region is not None else "EVT2")
    clock = {**_CLOCK, "TSTART": start, "TSTOP": start + 3000.0}
    events = {"HDUCLASS": "OGIP", "HDUCLAS1": "EVENTS", "HDUCLAS2": "ACCEPTED"}
    sky = random.normal(4096.5, np.where(np.arange(_EVENTS) % 2, 1.5, 30.0), (2, _EVENTS))
    columns: list[Column] = [
        *(("time", "D", "s", times),),
        *(("chipx", "I", "pixel", random.integers(1, 1024, _EVENTS)), ("x", "E", "pixel", sky[0])),
        *(("chipy", "I", "pixel", random.integers(1, 1024, _EVENTS)), ("y", "E", "pixel", sky[1])),
        ("pi", "I" if exposure.instrument == "HRC" else "J", "chan", random.integers(10, 800, _EVENTS)),
    ]
    chips: tuple[int, ...] = ()
    if exposure.instrument == "ACIS":
        chips = (3, 7)
        columns += [
            *(("ccd_id", "I", None, np.where(sky[0] < 4120.0, *chips)), ("energy", "E", "eV", _energies(random))),
            *(("expno", "J", None, np.arange(3, _EVENTS + 3)), ("grade", "I", None, np.zeros(_EVENTS))),
        ]
    live = 2960.0 * 0.98667
    exposed = {"ONTIME": 2960.0, "LIVETIME": live, "EXPOSURE": live, "DTCOR": 0.98667}
    step = (0.492 if exposure.instrument == "ACIS" else 0.1318) / 3600
    plane = {
        f"{name}{1 + [column[0] for column in columns].index(axis)}": value
        for axis, kind, middle, cdelt in (("x", "RA---TAN", "RA_NOM", -step), ("y", "DEC--TAN", "DEC_NOM", step))
        for name, value in {"TCTYP": kind, "TCRVL": keywords[middle], "TCRPX": 4096.5, "TCDLT": cdelt}.items()
    }
    tables = [_table("EVENTS", columns, {**keywords, **clock, **events, **exposed}, plane)]
    for chip in chips:
        gti = _table("GTI", _intervals(start, start + 3000.0), {**clock, "TELESCOP": "CHANDRA", "CCD_ID": chip})
        gti.ver = chip
        tables.append(gti)
    if not chips:
        tables.append(_table("GTI", _intervals(start, start + 3000.0), {**clock, "TELESCOP": "CHANDRA"}))
    return _compressed(keywords, tables)


@lru_cache(maxsize=512)
def csc_region(exposure: ChandraExposure, version: int = 21) -> bytes:
    """Return the ellipses of a catalogued region, one a band, compressed."""
    keywords = _chandra_keywords(exposure, version, "SRCREG")
    kind = {"HDUCLASS": "ASC", "HDUCLAS1": "REGION", "HDUCLAS2": "SRC", "HDUCLAS3": "ECF90"}
    columns: list[Column] = [
        *(("X", "D", "pixel", np.array([4096.5])), ("Y", "D", "pixel", np.array([4096.5]))),
        *(("SHAPE", "16A", None, np.array(["Ellipse"])), ("R", "2D", "pixel", np.array([[6.0 + version / 10, 4.0]]))),
        *(("ROTANG", "2D", "pixel", np.array([[30.0, 0.0]])), ("COMPONENT", "I", None, np.array([1]))),
    ]
    bands = "W" if exposure.instrument == "HRC" else "BUSMH"
    return _compressed(keywords, [_table(f"ECF90REG{band}", columns, {**keywords, **kind}) for band in bands])


@lru_cache(maxsize=512)
def csc_light_curve(exposure: ChandraExposure, version: int = 20) -> bytes:
    """Return the catalog's own light curve of a region, compressed."""
    keywords = _chandra_keywords(exposure, version, "LIGHTCURVE")
    rates = _random(exposure, version).uniform(0.01, 0.02, 30)
    columns: list[Column] = [
        *(("TIME", "D", "s", 280e6 + 100.0 * np.arange(30)), ("COUNT_RATE", "D", "count/s", rates)),
        ("COUNT_RATE_ERR", "D", "count/s", rates / 10),
    ]
    tables = [_table(name, columns, {**keywords, **_CLOCK}) for name in ("LIGHTCURVE", "BKGLIGHTCURVE")]
    return _compressed(keywords, tables)


@lru_cache(maxsize=64)
def small_image(observation: str) -> bytes:
    """Return a file that nobody wants, compressed."""
    return _compressed({"TELESCOP": "CHANDRA", "OBS_ID": observation}, [])


def _chandra_keywords(exposure: ChandraExposure, version: int, content: str) -> dict[str, Any]:
    region = {} if exposure.region is None else {"REGIONID": f"{exposure.region:04d}"}
    ra_deg, dec_deg = place_of(exposure.target)
    place = {f"RA_{end}": ra_deg for end in _POINTINGS} | {f"DEC_{end}": dec_deg for end in _POINTINGS}
    return {
        "ORIGIN": "ASC", "MISSION": "AXAF", "TELESCOP": "CHANDRA", "INSTRUME": exposure.instrument,
        "DETNAM": "ACIS-37" if exposure.instrument == "ACIS" else exposure.detector, "GRATING": "NONE",
        "CONTENT": content, "OBJECT": exposure.target, "OBS_ID": str(exposure.obsid), "OBI_NUM": exposure.obi,
        "SEQ_NUM": f"{500000 + exposure.obsid % 1000}", "DATE-OBS": "2006-11-25T09:25:17",
        "ASCDSVER": f"10.{version}", "REVISION": version, "DATE": f"2020-01-{1 + version % 28:02d}T00:00:00",
        "TIMEDEL": 1.5625e-05 if exposure.instrument == "HRC" else 3.24104, "OBS_MODE": "POINTING",
        "ROLL_PNT": 0.0, "ROLL_NOM": 0.0, **place, **region,
    }  # fmt: skip


#: The plane of EPIC's sky coordinates.
_PLANE = {
    "REFXCTYP": "RA---TAN", "REFXCRPX": _CENTER, "REFXCRVL": 150.0, "REFXCDLT": -_PIXEL_DEG, "REFXCUNI": "deg",
    "REFYCTYP": "DEC--TAN", "REFYCRPX": _CENTER, "REFYCRVL": 2.0, "REFYCDLT": _PIXEL_DEG, "REFYCUNI": "deg",
}  # fmt: skip


def _field(random: np.random.Generator) -> NDArray[Any]:
    """Return where the events of EPIC fall: on its sources in turn, and anywhere."""
    places = np.array(_PLACES)[np.arange(_EVENTS) % len(_PLACES)] + random.normal(0.0, _CORE, (_EVENTS, 2))
    places[:_BESIDE] = random.uniform(-6000.0, 6000.0, (_BESIDE, 2))
    return (_CENTER + random.permutation(places)).T.round().astype(">i4")


def _good_times(random: np.random.Generator, start: float, span: float) -> NDArray[Any]:
    """Return times in the good ones of :func:`_intervals`, in order."""
    live = np.sort(random.uniform(0.0, span - 40.0, _EVENTS))
    return start + live + np.where(live > span / 2 - 20.0, 40.0, 0.0)


def _random(*what: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def _energies(random: np.random.Generator) -> NDArray[Any]:
    return np.clip(random.lognormal(7.0, 0.6, _EVENTS), 200, 12_000).round()


def _intervals(start: float, stop: float) -> list[Column]:
    middle = (start + stop) / 2
    return [
        ("START", "D", "s", np.array([start, middle + 20.0])),
        ("STOP", "D", "s", np.array([middle - 20.0, stop])),
    ]


def _table(
    name: str, columns: Sequence[Column], keywords: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> fits.BinTableHDU:
    made = [fits.Column(name=title, format=form, unit=unit, array=array) for title, form, unit, array in columns]
    table = fits.BinTableHDU.from_columns(made, header=fits.Header(keywords), name=name)
    table.header.update(more or {})  # of columns: astropy takes them off a header that it is given
    return table


def _compressed(keywords: Mapping[str, Any], tables: Sequence[fits.BinTableHDU]) -> bytes:
    primary = fits.PrimaryHDU(header=fits.Header({**keywords, "SIMULATD": "T"}))
    units = fits.HDUList([primary, *tables])
    for unit in units:
        unit.add_checksum(when="simulated")
    stream = io.BytesIO()
    units.writeto(stream)
    return gzip.compress(stream.getvalue(), compresslevel=9, mtime=0)
