"""COS corrtag and x1d files to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnreadableError, UnsupportedModeError
from hstlc.formats.fits_file import Value, header_values, open_fits
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.hst.identify import CORRTAG_COLUMNS
from hstlc.model import EventList, Intervals
from hstlc.times import TimeReference

__all__ = ["ABSENT", "TICK_S", "CosExposure", "Spectrum", "load", "read_events"]

#: Period of the COS clock. A time stamp k * TICK_S stands for the photons of ((k - 1) * TICK_S, k * TICK_S].
TICK_S = 0.032

TIMELINE_COLUMNS = ("LATITUDE", "LONGITUDE", "TARGET_ALT")

#: What COS headers write for "no value".
ABSENT = -999.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """One row of an x1d: a segment or stripe as the archive calibrated it.

    Attributes
    ----------
    wavelength_aa : ndarray of float64, shape (n,), Angstrom
    flux : ndarray of float64, shape (n,), erg / s / cm2 / Angstrom
    net : ndarray of float64, shape (n,), counts / s
    """

    wavelength_aa: FloatArray
    flux: FloatArray
    net: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CosExposure:
    """The files of one exposure, read.

    Attributes
    ----------
    files : tuple of FileIdentity
        In order of kind.
    events : mapping of str to EventList
        By kind: ``corrtag_a``, ``corrtag_b`` (FUV) or ``corrtag`` (NUV).
    spectra : mapping of str to Spectrum
        By segment letter, from the x1d; empty without one.
    x1d_header : mapping
        Keywords of the x1d, empty without one.
    header : mapping
        Keywords of the leading event list.
    unreadable : tuple of (FileIdentity, str)
        Files that could not be read, and why.
    notes : tuple of (str, str)
        File name and warning of a library that read it.
    timelines : mapping of str to mapping of str to ndarray
        By kind: one row a second of ``LATITUDE``, ``LONGITUDE`` and ``TARGET_ALT``, degrees, of the TIMELINE extension.
    """

    files: tuple[FileIdentity, ...]
    events: Mapping[str, EventList]
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)
    x1d_header: Mapping[str, Value] = field(default_factory=dict)
    header: Mapping[str, Value] = field(default_factory=dict)
    unreadable: tuple[tuple[FileIdentity, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    timelines: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)

    def number(self, key: str) -> float:
        """Return a keyword as a number, NaN where it is absent, undefined or not a number."""
        return number(self.header, key)

    def text(self, key: str) -> str:
        """Return a keyword as upper-case text, '' where it is absent."""
        return str(self.header.get(key) or "").strip().upper()

    def filename(self, kind: str) -> str:
        """Return the file name of a kind, '' when the exposure has none."""
        return next((f.path.name for f in self.files if f.kind == kind), "")

    @property
    def lists(self) -> list[tuple[str, EventList]]:
        """File name and event list of each kind, in order."""
        return [(self.filename(kind), self.events[kind]) for kind in sorted(self.events)]

    @property
    def imaging(self) -> bool:
        """True for imaging exposures, which have no wavelengths."""
        return self.text("OBSTYPE") == "IMAGING"


def number(header: Mapping[str, Any], key: str) -> float:
    """Return a keyword as a float, NaN where it is absent, undefined or not a number."""
    value = header.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")


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
    return _read_corrtag(path, [])[0]


def _read_corrtag(path: Path, notes: list[str]) -> tuple[EventList, Mapping[str, FloatArray]]:
    with open_fits(path, notes) as hdus:
        table = hdus[1] if len(hdus) > 1 else None
        if (
            table is None
            or not hasattr(table, "columns")
            or {c.upper() for c in table.columns.names} != CORRTAG_COLUMNS
        ):
            raise UnsupportedModeError(
                "data.not-corrtag",
                f"{path} is not a COS corrtag file: its first extension has not the twelve columns of one",
                "give a file named like <rootname>_corrtag_a.fits",
                path=str(path),
            )
        data = table.data
        header = header_values(hdus[0].header, table.header)
        stamp = np.asarray(data["TIME"], dtype=np.float64)
        time_s = (np.rint(stamp / TICK_S) - 0.5) * TICK_S
        columns: dict[str, NDArray[Any]] = {
            "x": np.asarray(data["XFULL"], dtype=np.float64),
            "y": np.asarray(data["YFULL"], dtype=np.float64),
            "wavelength_aa": np.asarray(data["WAVELENGTH"], dtype=np.float64),
            "epsilon": np.asarray(data["EPSILON"], dtype=np.float64),
            "dq": np.asarray(data["DQ"], dtype=np.int32),
            "pha": np.asarray(data["PHA"], dtype=np.int16),
        }
        tables = [h for h in hdus if h.name == "GTI" and hasattr(h, "columns")]
        if tables:
            newest = max(tables, key=lambda h: h.ver)
            start = np.asarray(newest.data["START"], dtype=np.float64)
            stop = np.asarray(newest.data["STOP"], dtype=np.float64)
            finite = np.isfinite(start) & np.isfinite(stop)
            gti = Intervals.of(start[finite], stop[finite])
        else:
            header["HSTLCGTI"] = "MISSING"
            exptime = number(header, "EXPTIME")
            gti = Intervals.of([0.0], [exptime if np.isfinite(exptime) else 0.0])
        timeline = {
            name: np.asarray(hdus["TIMELINE"].data[name], dtype=np.float64)
            for name in TIMELINE_COLUMNS
            if "TIMELINE" in hdus and name in hdus["TIMELINE"].columns.names
        }
    return EventList(time_s, columns, gti, TimeReference(number(header, "EXPSTART")), TICK_S, header), timeline


def load(files: Sequence[FileIdentity]) -> CosExposure:
    """Read the files of one exposure; what cannot be read is recorded, not raised.

    Raises
    ------
    InconsistentError
        ``data.vanished``: a file went away.
    """
    ordered = tuple(sorted(files, key=lambda f: f.kind))
    events: dict[str, EventList] = {}
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
    with open_fits(path, notes) as hdus:
        header = header_values(hdus[0].header, hdus[1].header)
        spectra = {}
        for row in hdus[1].data:
            size = int(row["NELEM"])
            wavelength, flux, net = (
                np.array(row[name][:size], dtype=np.float64) for name in ("WAVELENGTH", "FLUX", "NET")
            )
            spectra[str(row["SEGMENT"]).strip()[-1]] = Spectrum(wavelength, flux, net)
    return header, spectra
