"""STIS tag, corrtag and x1d files to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnreadableError, UnsupportedModeError
from hstlc.formats.fits_file import Value
from hstlc.formats.fits_units import read_units
from hstlc.formats.stored_units import read_stored_units
from hstlc.formats.unit import Unit
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.hst.exposure import Exposure, Spectrum, number
from hstlc.missions.hst.identify import STIS_CORRTAG_COLUMNS, STIS_TAG_COLUMNS
from hstlc.missions.hst.stis_events import StisEvents
from hstlc.model import Intervals
from hstlc.times import TimeReference

__all__ = ["StisExposure", "StisOrder", "load_stis", "read_stis_events"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class StisOrder:
    """One row of an x1d; places and sizes are low-resolution pixels (1024 x 1024), counted from 1.

    Attributes
    ----------
    order : int
        SPORDER.
    spectrum : Spectrum
    background : ndarray of float64, shape (n,), counts / s
        BACKGROUND: what the archive subtracted in the source box.
    trace : ndarray of float64, shape (n,), pixels
        EXTRLOCY, the row of the trace in each column.
    size : float, pixels
        EXTRSIZE, the height of the source box.
    offsets, sizes : (float, float), pixels
        Rows from the trace to the middle of each background box, and its height.
    """

    order: int
    spectrum: Spectrum
    background: FloatArray
    trace: FloatArray
    size: float
    offsets: tuple[float, float]
    sizes: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class StisExposure(Exposure[StisEvents]):
    """The files of one exposure of STIS; kinds are ``tag`` or ``corrtag``. Where there are both, the tag counts.

    Attributes
    ----------
    imsets : mapping of int to tuple of StisOrder
        The rows of the x1d by EXTVER of their extension; empty without an x1d.
    """

    imsets: Mapping[int, tuple[StisOrder, ...]] = field(default_factory=dict)

    @property
    def instrument(self) -> str:
        """``STIS``."""
        return "STIS"


def read_stis_events(path: Path, notes: list[str] | None = None) -> StisEvents:
    """Read a tag or corrtag file.

    Times of all EVENTS extensions and of the one GTI extension count from TEXPSTRT of the primary header, which is
    EXPSTART of the first of them; EXPSTART is taken where TEXPSTRT is absent.

    Raises
    ------
    UnreadableError
        The file is not whole.
    UnsupportedModeError
        ``data.not-tag``.
    """
    units = read_stored_units(path, notes)
    tables = tuple(sorted((unit for unit in units[1:] if unit.name == "EVENTS" and unit.columns), key=lambda u: u.ver))
    columns = {name.upper() for name in tables[0].columns} if tables else set()
    if not (columns >= STIS_TAG_COLUMNS or columns >= STIS_CORRTAG_COLUMNS):
        raise UnsupportedModeError(
            "data.not-tag",
            f"{path} is not a STIS event list: expected an extension EVENTS with the columns"
            f" {', '.join(sorted(STIS_TAG_COLUMNS))}, found {', '.join(sorted(columns)) or 'none'}",
            "give a file named like <rootname>_tag.fits",
            path=str(path),
        )
    header = _whole_header(units[0], tables)
    start = number(header, "TEXPSTRT")
    reference = TimeReference(start if np.isfinite(start) else number(header, "EXPSTART"))
    gti = [unit for unit in units if unit.name == "GTI" and unit.columns]
    if gti:
        rows = (newest := max(gti, key=lambda unit: unit.ver)).table()
        limits = [np.array(rows[newest.field(name)], dtype=np.float64) for name in ("START", "STOP")]
        finite = np.isfinite(limits[0]) & np.isfinite(limits[1])
        good = Intervals.of(limits[0][finite], limits[1][finite])
    else:
        header["HSTLCGTI"] = "MISSING"
        exptime = number(header, "EXPTIME")
        good = Intervals.of([0.0], [exptime if np.isfinite(exptime) else 0.0])
    return StisEvents(tables, good, reference, header, not columns >= STIS_TAG_COLUMNS)


def _whole_header(primary: Unit, tables: Sequence[Unit]) -> dict[str, Any]:
    """Return the keywords of a file; those of several EVENTS extensions become those of the whole."""
    header: dict[str, Any] = {**primary.header, **tables[0].header}
    if len(tables) == 1:
        return header
    header["EXPSTART"] = min(number(table.header, "EXPSTART") for table in tables)
    header["EXPEND"] = max(number(table.header, "EXPEND") for table in tables)
    header["EXPTIME"] = sum(number(table.header, "EXPTIME") for table in tables)
    flags = [str(table.header.get("EXPFLAG") or "") for table in tables]
    header["EXPFLAG"] = next((flag for flag in flags if flag.strip().upper() != "NORMAL"), flags[0])
    return header


def load_stis(files: Sequence[FileIdentity]) -> StisExposure:
    """Read the files of one exposure; what cannot be read is recorded, not raised.

    Raises
    ------
    InconsistentError
        ``data.vanished``: a file went away.
    """
    ordered = tuple(sorted(files, key=lambda f: f.kind))
    tagged = any(file.kind == "tag" for file in ordered)
    events: dict[str, StisEvents] = {}
    imsets: dict[int, tuple[StisOrder, ...]] = {}
    x1d_header: dict[str, Value] = {}
    unreadable: list[tuple[FileIdentity, str]] = []
    notes: list[tuple[str, str]] = []
    for file in ordered:
        if tagged and file.kind == "corrtag":
            continue
        warnings: list[str] = []
        try:
            if file.problem:
                unreadable.append((file, file.problem))
            elif file.role is Role.EVENTS:
                events[file.kind] = read_stis_events(file.path, warnings)
            else:
                x1d_header, imsets = _read_x1d(file.path, warnings)
        except UnreadableError as error:
            unreadable.append((file, error.message))
        notes.extend((file.path.name, warning) for warning in warnings)
    lead = next(iter(events.values()), None)
    return StisExposure(
        files=ordered,
        events=events,
        spectra={str(row.order): row.spectrum for _, rows in sorted(imsets.items())[:1] for row in rows},
        x1d_header=x1d_header,
        header=dict(lead.header) if lead is not None else {},
        unreadable=tuple(unreadable),
        notes=tuple(notes),
        imsets=imsets,
    )


def _read_x1d(path: Path, notes: list[str]) -> tuple[dict[str, Value], dict[int, tuple[StisOrder, ...]]]:
    units = read_units(path, notes, ("SCI",))
    tables = [unit for unit in units[1:] if unit.name == "SCI" and unit.columns]
    if not tables:
        raise UnreadableError("data.unreadable", f"{path} has no extension SCI", "download it again", path=str(path))
    imsets = {unit.ver: _orders(unit) for unit in tables}
    return {**units[0].header, **tables[0].header}, imsets


def _orders(unit: Unit) -> tuple[StisOrder, ...]:
    rows = unit.table()

    def column(name: str) -> Any:
        return rows[unit.field(name)]

    orders = []
    for i in range(unit.rows):
        n = int(column("NELEM")[i])
        names = ("WAVELENGTH", "FLUX", "NET", "BACKGROUND", "EXTRLOCY")
        wave, flux, net, background, trace = (np.array(column(name)[i][:n], dtype=np.float64) for name in names)
        singles = ("EXTRSIZE", "BK1OFFST", "BK2OFFST", "BK1SIZE", "BK2SIZE")
        size, first, second, first_size, second_size = (float(column(name)[i]) for name in singles)
        spectrum = Spectrum(wave, flux, net)
        pairs = (first, second), (first_size, second_size)
        orders.append(StisOrder(int(column("SPORDER")[i]), spectrum, background, trace, size, *pairs))
    return tuple(orders)
