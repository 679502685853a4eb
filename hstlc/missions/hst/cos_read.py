"""COS corrtag and x1d files to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnreadableError, UnsupportedModeError
from hstlc.formats.fits_file import Value
from hstlc.formats.fits_units import read_units
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.hst.cos_events import CorrtagEvents
from hstlc.missions.hst.exposure import Exposure, Spectrum, number
from hstlc.missions.hst.identify import CORRTAG_COLUMNS
from hstlc.model import EventList, Intervals
from hstlc.times import TimeReference

__all__ = ["ABSENT", "CosExposure", "Spectrum", "load", "number", "read_events"]

TIMELINE_COLUMNS = ("TIME", "LATITUDE", "LONGITUDE", "TARGET_ALT", "SUN_ALT")

#: What COS headers write for "no value".
ABSENT = -999.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CosExposure(Exposure[CorrtagEvents]):
    """The files of one exposure of COS; kinds are ``corrtag_a``, ``corrtag_b`` (FUV) or ``corrtag`` (NUV)."""

    @property
    def instrument(self) -> str:
        """``COS``."""
        return "COS"


def read_events(path: Path) -> EventList:
    """Read a corrtag file.

    Returns
    -------
    EventList
        ``time_s`` is the middle of the clock tick, after EXPSTART; columns ``x`` (XFULL), ``y`` (YFULL),
        ``wavelength_aa``, ``epsilon``, ``dq``, ``pha``; rows in file order; good times of the GTI extension with the
        highest EXTVER.

    Raises
    ------
    UnreadableError
        The file is not whole.
    UnsupportedModeError
        ``data.not-corrtag``.
    """
    return _read_corrtag(path, [])[0].event_list()


def _read_corrtag(path: Path, notes: list[str]) -> tuple[CorrtagEvents, Mapping[str, FloatArray]]:
    units = read_units(path, notes, ("EVENTS", "GTI", "TIMELINE"))
    table = units[1] if len(units) > 1 else None
    if table is None or {name.upper() for name in table.columns} != CORRTAG_COLUMNS:
        raise UnsupportedModeError(
            "data.not-corrtag",
            f"{path} is not a COS corrtag file: its first extension has not the twelve columns of one",
            "give a file named like <rootname>_corrtag_a.fits",
            path=str(path),
        )
    header = {**units[0].header, **table.header}
    tables = [unit for unit in units if unit.name == "GTI" and unit.columns]
    if tables:
        rows = (newest := max(tables, key=lambda unit: unit.ver)).table()
        start, stop = (np.array(rows[newest.field(name)], dtype=np.float64) for name in ("START", "STOP"))
        finite = np.isfinite(start) & np.isfinite(stop)
        gti = Intervals.of(start[finite], stop[finite])
    else:
        header["HSTLCGTI"] = "MISSING"
        exptime = number(header, "EXPTIME")
        gti = Intervals.of([0.0], [exptime if np.isfinite(exptime) else 0.0])
    timeline: dict[str, FloatArray] = {}
    second = next((unit for unit in units if unit.name == "TIMELINE"), None)
    if second is not None and second.columns:
        rows = second.table()
        timeline = {n: np.array(rows[n], dtype=np.float64) for n in TIMELINE_COLUMNS if n in second.columns}
    reference = TimeReference(number(header, "EXPSTART"))
    return CorrtagEvents(table, gti, reference, header), timeline


def load(files: Sequence[FileIdentity]) -> CosExposure:
    """Read the files of one exposure; what cannot be read is recorded, not raised.

    Raises
    ------
    InconsistentError
        ``data.vanished``: a file went away.
    """
    ordered = tuple(sorted(files, key=lambda f: f.kind))
    events: dict[str, CorrtagEvents] = {}
    timelines: dict[str, Mapping[str, FloatArray]] = {}
    spectra: dict[str, Spectrum] = {}
    x1d_header: dict[str, Value] = {}
    unreadable: list[tuple[FileIdentity, str]] = []
    notes: list[tuple[str, str]] = []
    for file in ordered:
        warnings: list[str] = []
        try:
            if file.problem:
                unreadable.append((file, file.problem))
            elif file.role is Role.EVENTS:
                events[file.kind], timelines[file.kind] = _read_corrtag(file.path, warnings)
            else:
                x1d_header, spectra = _read_x1d(file.path, warnings)
        except UnreadableError as error:
            unreadable.append((file, error.message))
        notes.extend((file.path.name, warning) for warning in warnings)
    lead = next((events[kind] for kind in sorted(events)), None)
    return CosExposure(
        files=ordered,
        events=events,
        spectra=spectra,
        x1d_header=x1d_header,
        header=dict(lead.header) if lead is not None else {},
        unreadable=tuple(unreadable),
        notes=tuple(notes),
        timelines=timelines,
    )


def _read_x1d(path: Path, notes: list[str]) -> tuple[dict[str, Value], dict[str, Spectrum]]:
    units = read_units(path, notes, ("SCI",))
    table = units[1]
    spectra = {}
    columns = (table.column(name) for name in ("SEGMENT", "NELEM", "WAVELENGTH", "FLUX", "NET"))
    for segment, size, *arrays in zip(*columns, strict=True):
        text = segment.decode("ascii") if isinstance(segment, bytes) else str(segment)
        spectra[text.strip()[-1]] = Spectrum(*(np.array(array[: int(size)], dtype=np.float64) for array in arrays))
    return {**units[0].header, **table.header}, spectra
