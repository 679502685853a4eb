"""Chandra event lists to values: evt2, evt3 and regevt3 of ACIS and HRC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError, UnsupportedModeError
from hstlc.formats.fits_file import Value, open_fits
from hstlc.formats.gz_columns import TableColumns, read_columns
from hstlc.missions.chandra.identify import real, whole
from hstlc.model import EventList, Intervals
from hstlc.regions import Mask, SkyPixels
from hstlc.times import SECONDS_PER_DAY, TimeReference

__all__ = ["EV_PER_CHANNEL", "GOOD_GRADES", "ChandraEvents", "read_event_list", "read_events"]

FloatArray = NDArray[np.float64]

#: Width of a channel PI of ACIS, eV: ``PI = floor(ENERGY / 14.6) + 1``.
EV_PER_CHANNEL = 14.6

#: Patterns of pixels that X-ray photons make, those of evt2.
GOOD_GRADES = (0, 2, 3, 4, 6)

#: Columns that are read, and what they are called here; the number of the chip is ``ccd_id`` or ``chip_id``.
_COLUMNS = {
    "X": "x", "Y": "y", "CCD_ID": "ccd", "CHIP_ID": "ccd", "ENERGY": "energy_kev", "PI": "pi", "GRADE": "grade",
    "CHIPX": "chip_x", "CHIPY": "chip_y", "DETX": "det_x", "DETY": "det_y",
}  # fmt: skip

#: Of these many days are the steps in which a time reference is chosen: they have no rounding errors.
_REFERENCE_STEP_D = 1 / 1024

_MJDREF = 50814.0


@dataclass(frozen=True, slots=True, eq=False)
class ChandraEvents:
    """The events of one file.

    Attributes
    ----------
    path : Path
    header : mapping
        Keywords of primary header and event list.
    time_s : ndarray of float64, shape (n,), seconds
        After ``reference``, in the order of the file: of ACIS the middle of the frame. NaN where there is no column.
    columns : mapping of str to ndarray, shape (n,)
        Of ``x, y`` (sky pixels), ``ccd``, ``energy_kev``, ``pi``, ``grade``, ``chip_x, chip_y``, ``det_x, det_y`` those
        that the file has; ``energy_kev`` of ACIS is made from ``pi`` where it has no energies.
    gti : mapping of int to Intervals
        Good times of each chip, of the reference too. HRC, and files that do not tell chips apart, have one for all.
    reference : TimeReference
    offset_s : float, seconds
        By which the times of the file are larger.
    names : tuple of str
        All columns of the file, in capitals.
    has_gti : bool
        The file has good times; else they are those of its header.
    sky : SkyPixels or None
        Plane of ``x`` and ``y``.
    mask : Mask or None
        The image MASK of products of the source catalog.
    """

    path: Path
    header: Mapping[str, Value]
    time_s: FloatArray
    columns: Mapping[str, NDArray[Any]]
    gti: Mapping[int, Intervals]
    reference: TimeReference
    offset_s: float
    names: tuple[str, ...]
    has_gti: bool
    sky: SkyPixels | None
    mask: Mask | None

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def instrument(self) -> str:
        """ACIS or HRC."""
        return str(self.header.get("INSTRUME") or "").strip().upper()

    @property
    def frame_s(self) -> float:
        """From one frame to the next; 0 for HRC, which times each photon."""
        return (real(self.header, "TIMEDEL") or 0.0) if self.instrument == "ACIS" else 0.0

    @property
    def dtcor(self) -> float:
        """Live part of a good second: DTCOR, else what else the header says of it; 1 where it says nothing."""
        value = real(self.header, "DTCOR")
        for part, all_of in (("EXPTIME", "TIMEDEL"), ("LIVETIME", "ONTIME")):
            some, every = real(self.header, part), real(self.header, all_of)
            if not value and some and every and (part != "EXPTIME" or self.instrument == "ACIS"):
                value = some / every
        return min(value, 1.0) if value and value > 0 else 1.0

    @property
    def ccd(self) -> NDArray[Any]:
        """Number of the chip of each event; where the file does not tell, or has one good time for all, that one."""
        number = self.columns.get("ccd")
        if number is None or len(self.gti) == 1:
            return np.full(len(self), next(iter(self.gti)), dtype=np.int16)
        return number

    @property
    def good_time(self) -> Intervals:
        """When any chip was live."""
        return reduce(Intervals.union, self.gti.values())

    def event_list(self) -> EventList:
        """Return the events as the rest of the package knows them; the good times are those of any chip."""
        return EventList(self.time_s, self.columns, self.good_time, self.reference, header=self.header)


def read_events(path: Path) -> EventList:
    """Read an event list.

    Returns
    -------
    EventList
        ``time_s`` is the middle of the frame for ACIS; columns ``x``, ``y``, ``ccd``, ``energy_kev``, ``pi``,
        ``grade``, ``chip_x``, ``chip_y``, ``det_x``, ``det_y``, as far as the file has them; rows in file order; good
        times are when any chip was live.

    Raises
    ------
    UnreadableError
        The file is not whole.
    UnsupportedModeError
        ``data.not-events``.
    """
    return read_event_list(path).event_list()


def read_event_list(path: Path, wanted: Collection[str] | None = None) -> ChandraEvents:
    """Read an event list with the good times of each of its chips.

    Parameters
    ----------
    path : Path
    wanted : collection of str, optional
        Columns as in :class:`ChandraEvents`, by default all.

    Raises
    ------
    UnreadableError, InconsistentError
        The file is not whole, or gone.
    UnsupportedModeError
        ``data.not-events``: it has no table of events.
    """
    names = [name for name, ours in _COLUMNS.items() if wanted is None or ours in wanted]

    def chosen(name: str, header: Mapping[str, Value]) -> list[str]:
        if _is_gti(name, header):
            return ["START", "STOP"]
        return ["TIME", *names] if _is_events(name, header) else []

    units = read_columns(path, chosen)
    table = next((unit for unit in units if _is_events(unit.name, unit.header)), None)
    if table is None:
        raise UnsupportedModeError(
            "data.not-events", f"{path} has no table of events", "give an evt2, evt3 or regevt3 file", path=str(path)
        )
    header = {**units[0].header, **table.header}
    reference, offset_s = _reference(header, table)
    gti = _good_times(units, header, offset_s)
    time_s = table.columns["TIME"] - offset_s if "TIME" in table.columns else np.full(table.rows, np.nan)
    return ChandraEvents(
        path=path,
        header=header,
        time_s=time_s,
        columns=_columns(table, header),
        gti=gti or {0: _stated_times(header, offset_s)},
        reference=reference,
        offset_s=offset_s,
        names=table.names,
        has_gti=bool(gti),
        sky=_sky(header, path),
        mask=_mask(path, units),
    )


def _is_events(name: str, header: Mapping[str, Value]) -> bool:
    return name == "EVENTS" or str(header.get("HDUCLAS1") or "").strip().upper() == "EVENTS"


def _is_gti(name: str, header: Mapping[str, Value]) -> bool:
    return name.startswith("GTI") or str(header.get("HDUCLAS1") or "").strip().upper() == "GTI"


def _reference(header: Mapping[str, Value], table: TableColumns) -> tuple[TimeReference, float]:
    """Return the reference, within 85 s before the start, and the seconds by which times of the file are larger."""
    mjdref = real(header, "MJDREF")
    if mjdref is None:
        mjdref = (real(header, "MJDREFI") or _MJDREF) + (real(header, "MJDREFF") or 0.0)
    zero_s = real(header, "TIMEZERO") or 0.0
    start_s = real(header, "TSTART")
    if start_s is None:
        times = table.columns.get("TIME")
        start_s = float(np.nanmin(times)) if times is not None and np.isfinite(times).any() else 0.0
    steps = floor((start_s + zero_s) / SECONDS_PER_DAY / _REFERENCE_STEP_D)
    reference = TimeReference(mjdref + steps * _REFERENCE_STEP_D, "TT")
    return reference, steps * _REFERENCE_STEP_D * SECONDS_PER_DAY - zero_s


def _good_times(units: Sequence[TableColumns], header: Mapping[str, Value], offset_s: float) -> dict[int, Intervals]:
    """Return the good times by chip: that of CCD_ID, else of the number behind the name of the table, else EXTVER."""
    found: dict[int, Intervals] = {}
    tables = [unit for unit in units if _is_gti(unit.name, unit.header) and {"START", "STOP"} <= unit.columns.keys()]
    acis = str(header.get("INSTRUME") or "").strip().upper() == "ACIS"
    for unit in tables:
        number = whole(unit.header, "CCD_ID")
        if number is None and acis:
            digits = "".join(c for c in str(unit.header.get("HDUNAME") or unit.name).split("_")[0] if c.isdigit())
            number = int(digits) if digits else whole(unit.header, "EXTVER")
        start, stop = (np.atleast_1d(unit.columns[name]).astype(np.float64) - offset_s for name in ("START", "STOP"))
        finite = np.isfinite(start) & np.isfinite(stop)
        times = Intervals.of(start[finite], stop[finite])
        key = number if number is not None and acis else 0
        found[key] = found[key].union(times) if key in found else times
    return found


def _stated_times(header: Mapping[str, Value], offset_s: float) -> Intervals:
    start, stop = real(header, "TSTART"), real(header, "TSTOP")
    return (
        Intervals.of([], []) if start is None or stop is None else Intervals.of([start - offset_s], [stop - offset_s])
    )


def _columns(table: TableColumns, header: Mapping[str, Value]) -> dict[str, NDArray[Any]]:
    columns = {ours: table.columns[name] for name, ours in _COLUMNS.items() if name in table.columns}
    if "energy_kev" in columns:
        columns["energy_kev"] = (columns["energy_kev"] / 1000.0).astype(np.float32)
    elif "pi" in columns and str(header.get("INSTRUME") or "").strip().upper() == "ACIS":
        channel = columns["pi"]
        energy = (EV_PER_CHANNEL / 1000.0) * (channel - 0.5)
        columns["energy_kev"] = np.where(channel >= 1, energy, np.nan).astype(np.float32)
    return columns


def _sky(header: Mapping[str, Value], path: Path) -> SkyPixels | None:
    try:
        return SkyPixels.of_columns(header, where=str(path))
    except InconsistentError:
        return None  # a check says so


def _mask(path: Path, units: Sequence[TableColumns]) -> Mask | None:
    number = next((n for n, unit in enumerate(units) if unit.name == "MASK" and unit.header.get("NAXIS") == 2), None)
    if number is None:
        return None
    with open_fits(path) as hdus:
        try:
            return Mask.of_image(hdus[number].header, hdus[number].data, where=f"{path}, MASK")
        except InconsistentError:
            return None
