"""Synthetic EPIC observations as the files of the archive's pipeline."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hstlc.regions import SkyPixels
from hstlc.testing.epic.events import DrawnEvents, draw_events, good_times, live_part
from hstlc.testing.epic.scene import EpicCamera, EpicObservation

__all__ = ["CameraTruth", "WrittenObservation", "epic_filename", "position_of", "sky_of", "write_observation"]

_MJDREF = 50814.0
_STEP_DEG = 1.38888888888889e-05
_CENTER = 25921.0

Column = tuple[str, str, str | None, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class CameraTruth:
    """What was put into an event list.

    Attributes
    ----------
    path : Path
    live_s : float, seconds
        Live time of CCDs without good times of their own.
    events : DrawnEvents
        All rows.
    """

    path: Path
    live_s: float
    events: DrawnEvents

    def source_events(
        self, number: int, radius_arcsec: float, low_kev: float = 0.5, high_kev: float = 7.0, *, at: tuple[float, float]
    ) -> int:
        """Return how many good events of source ``number`` are within a radius of ``at`` (arcsec east, north)."""
        events = self.events
        near = np.hypot(events.east - at[0], events.north - at[1]) < radius_arcsec
        inside = (events.pi >= low_kev * 1000) & (events.pi < high_kev * 1000)
        return int(np.count_nonzero(events.good & near & inside & (events.source == number)))

    def field_events(self, low_kev: float = 0.5, high_kev: float = 7.0) -> int:
        """Return how many good events of the band there are."""
        events = self.events
        inside = (events.pi >= low_kev * 1000) & (events.pi < high_kev * 1000)
        return int(np.count_nonzero(events.good & inside))


@dataclass(frozen=True, slots=True, eq=False)
class WrittenObservation:
    """The files of a synthetic observation and what is in them.

    Attributes
    ----------
    observation : EpicObservation
    lists : mapping of str to CameraTruth
        By kind, such as ``pn_s003``.
    source_list : Path or None
    """

    observation: EpicObservation
    lists: Mapping[str, CameraTruth]
    source_list: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        events = tuple(truth.path for truth in self.lists.values())
        return events if self.source_list is None else (*events, self.source_list)


def epic_filename(obs_id: str, camera: str, exposure: str) -> str:
    """Return the name that the archive gives an event list.

    Examples
    --------
    >>> epic_filename("0884250101", "pn", "S003")
    'P0884250101PNS003PIEVLI0000.FTZ'
    """
    kind = "PIEVLI" if camera == "pn" else "MIEVLI"
    return f"P{obs_id}{camera.upper()}{exposure.upper()}{kind}0000.FTZ"


def sky_of(observation: EpicObservation) -> SkyPixels:
    """Return the plane of X and Y."""
    return SkyPixels(observation.ra_deg, observation.dec_deg, _CENTER, _CENTER, -_STEP_DEG, _STEP_DEG)


def position_of(observation: EpicObservation, number: int = 0) -> tuple[float, float]:
    """Return right ascension and declination of a source, degrees."""
    source = observation.sources[number]
    ra, dec = sky_of(observation).sky(_CENTER - source.east_arcsec / 0.05, _CENTER + source.north_arcsec / 0.05)
    return float(ra), float(dec)


def write_observation(
    folder: Path, observation: EpicObservation | None = None, *, compress: int = 6
) -> WrittenObservation:
    """Write the event lists and the source list of an observation.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    observation : EpicObservation, optional
        By default one of all three cameras, with one constant source.
    compress : int
        Level of gzip; 0 writes plain FITS under the same names.

    Returns
    -------
    WrittenObservation
    """
    observation = EpicObservation() if observation is None else observation
    folder.mkdir(parents=True, exist_ok=True)
    lists = {}
    for camera in observation.cameras:
        events = draw_events(observation, camera)
        path = folder / epic_filename(observation.obs_id, camera.name, camera.exposure)
        _write(path, _keywords(observation, camera), _tables(observation, camera, events), compress)
        on_s = sum(stop - start for start, stop in good_times(observation, camera))
        lists[f"{camera.name}_{camera.exposure.lower()}"] = CameraTruth(path, on_s * live_part(camera), events)
    source_list = _write_sources(folder, observation, compress) if observation.source_list else None
    return WrittenObservation(observation, lists, source_list)


def _keywords(observation: EpicObservation, camera: EpicCamera) -> dict[str, Any]:
    kind, start = camera.kind, observation.start_met_s
    on_s = sum(stop - begin for begin, stop in good_times(observation, camera))
    reference = {
        f"REF{axis}{key}": value
        for axis, ctype, value_deg, step in (
            ("X", "RA---TAN", observation.ra_deg, -_STEP_DEG),
            ("Y", "DEC--TAN", observation.dec_deg, _STEP_DEG),
        )
        for key, value in {
            "CTYP": ctype, "CRPX": int(_CENTER), "CRVL": value_deg, "CDLT": step, "LMIN": 1, "LMAX": 51840,
            "CUNI": "deg",
        }.items()
    }  # fmt: skip
    keywords = {
        **_processing(observation), "INSTRUME": kind.instrume, "EXP_ID": f"{observation.obs_id}{camera.exposure[-3:]}",
        "EXPIDSTR": camera.exposure, "OBS_MODE": "POINTING", "DATAMODE": "IMAGING", "SUBMODE": kind.submode,
        "FILTER": "Medium", "REVOLUT": 3337, "OBSERVER": "SIMULATED",
        "RA_OBJ": observation.ra_deg, "DEC_OBJ": observation.dec_deg,
        "RA_NOM": observation.ra_deg, "DEC_NOM": observation.dec_deg,
        "RA_PNT": observation.ra_deg, "DEC_PNT": observation.dec_deg, "PA_PNT": observation.roll_deg,
        "AVRG_PNT": "MEDIAN", "EQUINOX": 2000.0, "RADECSYS": "FK5", **_clock(),
        "TSTART": start, "TSTOP": start + observation.length_s, "TELAPSE": observation.length_s,
        "DURATION": observation.length_s, "FRMTIME": int(kind.frame_s * 1000), "ONTIME": on_s,
        "LIVETIME": on_s * camera.live_part * kind.integration_s / kind.frame_s, **reference,
        "CONTENT": f"EPIC {'PN' if kind.is_pn else 'MOS'} IMAGING MODE EVENT LIST",
    }  # fmt: skip
    return {key: value for key, value in {**keywords, **camera.keywords}.items() if value is not None}


def _processing(observation: EpicObservation) -> dict[str, Any]:
    return {
        "TELESCOP": "XMM", "OBS_ID": observation.obs_id, "OBJECT": observation.target, "ORIGIN": "SIMULATED",
        "DATE": f"2025-01-{observation.version % 28 + 1:02d}T00:00:00",
        "SASVERS": f"21.{observation.version}", "ODFVER": "001",
    }  # fmt: skip


def _clock() -> dict[str, Any]:
    return {
        "MJDREF": _MJDREF, "TIMEZERO": 0.0, "TIMESYS": "TT", "TIMEUNIT": "s", "TIMEREF": "LOCAL",
        "TASSIGN": "SATELLITE", "CLOCKAPP": True,
    }  # fmt: skip


def _tables(observation: EpicObservation, camera: EpicCamera, events: DrawnEvents) -> list[fits.BinTableHDU]:
    keywords = _keywords(observation, camera)
    start, kind = observation.start_met_s, camera.kind
    pixel = "0.05 arcsec"
    time = start + events.time_s
    columns: list[Column] = [
        *(("TIME", "D", "s", time), ("RAWX", "I", "pixel", events.raw_x), ("RAWY", "I", "pixel", events.raw_y)),
        *(("DETX", "I", pixel, events.det_x), ("DETY", "I", pixel, events.det_y)),
        ("X", "J", pixel, np.round(_CENTER - events.east / 0.05).astype(np.int32)),
        ("Y", "J", pixel, np.round(_CENTER + events.north / 0.05).astype(np.int32)),
        *(("PHA", "I", "CHAN", events.pi // 5), ("PI", "I", "eV" if kind.is_pn else "CHAN", events.pi)),
        *(("FLAG", "J", None, events.flag), ("PATTERN", "B", None, events.pattern)),
    ]
    if kind.is_pn:
        nothing = np.zeros(len(time))
        columns += [("PAT_ID", "B", None, nothing), ("PAT_SEQ", "I", None, nothing)]
    columns.append(("CCDNR", "B", None, events.ccd))
    if kind.is_pn:
        columns.append(("TIME_RAW", "D", "s", time))
    columns = [column for column in columns if column[0] not in camera.without]
    cards: dict[str, Any] = {**keywords, **_sky_cards(observation, [name for name, *_ in columns])}
    cards |= {f"ONTIME{number:02d}": keywords["ONTIME"] for number in camera.numbers}
    cards |= {f"LIVETI{number:02d}": keywords["LIVETIME"] for number in camera.numbers}
    mask = 0xCFA0000 if kind.is_pn else 0x766BA000
    cards["XMMEA_EP" if kind.is_pn else "XMMEA_EM"] = f"(FLAG & {mask:#x}) == 0"
    if "GTI" not in camera.without:
        cards |= {"DSTYP1": "CCDNR", "DSTYP2": "TIME", "DSVAL2": "TABLE", "DSUNI2": "s"}
        for place, number in enumerate(camera.numbers, 1):
            prefix = "" if place == 1 else str(place)
            cards |= {f"{prefix}DSVAL1": str(number), f"{prefix}DSREF2": f":STDGTI{number:02d}"}
    tables = [_table("EVENTS", columns, cards), _table("OFFSETS", _offsets(camera), keywords)]
    for number in camera.numbers:
        own = {**keywords, "CCDID": number}
        if "EXPOSU" not in camera.without:
            tables.append(_exposed(observation, camera, number, own))
        tables.append(_table(f"BADPIX{number:02d}", _bad_pixels(), own))
        if kind.is_pn:
            tables += [_table(f"{name}{number:02d}", _offsets(camera), own) for name in ("DLIMAP", "HKAUX")]
        if "GTI" not in camera.without:
            good = good_times(observation, camera, number)
            limits: list[Column] = [
                ("START", "D", "s", start + np.array([begin for begin, _ in good])),
                ("STOP", "D", "s", start + np.array([end for _, end in good])),
            ]
            ogip = {"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", "HDUCLAS2": "STANDARD"}
            tables.append(_table(f"STDGTI{number:02d}", limits, {**own, **ogip}))
    tables.append(_table("CALINDEX", [("TYPE", "8A", None, np.array(["CCF"]))], keywords))
    return tables


def _exposed(
    observation: EpicObservation, camera: EpicCamera, number: int, keywords: Mapping[str, Any]
) -> fits.BinTableHDU:
    """Return the table of frames: of the whole observation and a frame more."""
    kind = camera.kind
    frames = int(np.ceil(observation.length_s / kind.frame_s)) + 1
    middle = observation.start_met_s + (np.arange(frames) + 0.5) * kind.frame_s
    columns: list[Column] = [("TIME", "D", "s", middle)]
    if not kind.is_pn:
        columns.append(("TIMEDEL", "E", "s", np.full(frames, kind.integration_s)))
    columns.append(("FRACEXP", "E", None, np.full(frames, camera.live_part)))
    more = {"TIMEDEL": kind.integration_s} if kind.is_pn else {}
    return _table(f"EXPOSU{number:02d}", columns, {**keywords, **more})


def _sky_cards(observation: EpicObservation, names: Sequence[str]) -> dict[str, Any]:
    cards: dict[str, Any] = {}
    for name, ctype, value, step in (
        ("X", "RA---TAN", observation.ra_deg, -_STEP_DEG),
        ("Y", "DEC--TAN", observation.dec_deg, _STEP_DEG),
    ):
        if name in names:
            number = names.index(name) + 1
            cards |= {f"TCTYP{number}": ctype, f"TCRVL{number}": value, f"TCRPX{number}": int(_CENTER)}
            cards |= {f"TCDLT{number}": step, f"TCUNI{number}": "deg", f"TLMIN{number}": 1, f"TLMAX{number}": 51840}
    return cards


def _offsets(camera: EpicCamera) -> list[Column]:
    numbers = np.array(camera.numbers)
    zero = np.zeros(len(numbers))
    return [("RAWX", "I", None, zero + 1), ("OFFSETX", "I", None, zero), ("CCDNR", "B", None, numbers)]


def _bad_pixels() -> list[Column]:
    one = np.ones(1)
    return [(name, "I", None, one) for name in ("RAWX", "RAWY", "TYPE", "YEXTENT", "BADFLAG")]


def _write_sources(folder: Path, observation: EpicObservation, compress: int) -> Path:
    listed = [(number, source) for number, source in enumerate(observation.sources) if source.listed]
    rates = [
        sum(source.rate_ct_s * source.weights.get(camera.name, 1.0) for camera in observation.cameras)
        for _, source in listed
    ]
    counts = np.array(rates) * observation.length_s
    places = np.array([position_of(observation, number) for number, _ in listed]).reshape(-1, 2)
    number = len(listed)
    columns: list[Column] = [
        *(("SRC_NUM", "J", None, np.arange(1, number + 1)), ("ML_ID_SRC", "J", None, np.arange(1, number + 1))),
        *(("RA", "D", "deg", places[:, 0]), ("DEC", "D", "deg", places[:, 1])),
        *(("RADEC_ERR", "E", "arcsec", np.full(number, 0.8)), ("EP_DET_ML", "E", None, counts)),
        *(("EP_EXTENT", "E", "arcsec", np.zeros(number)), ("EP_TOT", "E", "count/s", np.array(rates))),
        ("EP_FLAG", "12A", None, np.array(["F" * 12] * number, dtype="S12")),
    ]
    path = folder / f"P{observation.obs_id}EPX000OBSMLI0000.FTZ"
    keywords = {**_processing(observation), "CONTENT": "EPIC SUMMARY SOURCE LIST"}
    _write(path, keywords, [_table("SRCLIST", columns, keywords)], compress)
    return path


def _table(name: str, columns: Sequence[Column], keywords: Mapping[str, Any]) -> fits.BinTableHDU:
    made = [fits.Column(name=title, format=form, unit=unit, array=array) for title, form, unit, array in columns]
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    for key, value in keywords.items():
        hdu.header[key] = value
    return hdu


def _write(path: Path, keywords: Mapping[str, Any], tables: Sequence[fits.BinTableHDU], compress: int) -> None:
    primary = fits.PrimaryHDU(header=fits.Header({**keywords, "SIMULATD": "T"}))
    stream = io.BytesIO()
    fits.HDUList([primary, *tables]).writeto(stream)
    data = stream.getvalue()
    path.write_bytes(gzip.compress(data, compresslevel=compress, mtime=0) if compress else data)
