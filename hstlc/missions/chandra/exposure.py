"""The files of one Chandra exposure, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import HstlcError, UnreadableError
from hstlc.events.live_clock import LiveClock
from hstlc.formats.fits_file import Value
from hstlc.formats.gz_columns import TableColumns, read_columns
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.chandra.identify import EVENT_KINDS, keywords
from hstlc.missions.chandra.read import ChandraEvents, read_event_list
from hstlc.regions import Region, SkyPixels, read_regions

__all__ = ["ChandraExposure", "load"]

#: Columns that light curves need.
_WANTED = ("x", "y", "ccd", "energy_kev", "pi", "grade", "chip_x", "chip_y", "det_x", "det_y")

#: Beginnings of the keywords in which the source catalog says how variable its own light curve is.
_VARIABILITY = ("VARINDEX", "FRAC3SIG", "FRAC5SIG", "ODDS", "LOGODDS", "PROB", "VARPROB")


@dataclass(frozen=True, slots=True, eq=False)
class ChandraExposure:
    """The files of one exposure; an exposure is an interval of an observation, or a region of the catalog in it.

    Attributes
    ----------
    files : tuple of FileIdentity
        In order of kind.
    events : mapping of str to ChandraEvents
        By kind: ``regevt3``, ``evt3``, ``evt2``.
    regions : mapping of str to Region
        Of the file ``reg3``, by names of its tables, in pixels of the event list.
    region_header : mapping
        Keywords of that file, empty without one.
    curves : mapping of str to mapping
        Of the catalog's own light curves, what their headers say of variability, by letter of band.
    dead_time : LiveClock or None
        What HRC's table of dead times leaves, on the seconds of the event list.
    unreadable : tuple of (FileIdentity, str)
        Files that could not be read, and why.
    """

    files: tuple[FileIdentity, ...]
    events: Mapping[str, ChandraEvents]
    regions: Mapping[str, Region] = field(default_factory=dict)
    region_header: Mapping[str, Value] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    dead_time: LiveClock | None = None
    unreadable: tuple[tuple[FileIdentity, str], ...] = ()

    @property
    def kind(self) -> str:
        """Kind of the event list that curves are made of, '' without any."""
        return next((kind for kind in EVENT_KINDS if kind in self.events), "")

    @property
    def lead(self) -> ChandraEvents | None:
        """The event list that curves are made of."""
        return self.events.get(self.kind)

    @property
    def header(self) -> Mapping[str, Value]:
        """Its keywords, empty without one."""
        return self.lead.header if self.lead is not None else {}

    @property
    def instrument(self) -> str:
        """ACIS or HRC."""
        return self.lead.instrument if self.lead is not None else ""

    def filename(self, kind: str = "") -> str:
        """Return the file name of a kind, by default of the event list; '' without one."""
        return next((file.path.name for file in self.files if file.kind == (kind or self.kind)), "")

    def text(self, key: str) -> str:
        """Return a keyword of the event list as text."""
        return str(self.header.get(key) or "").strip()


def load(files: Sequence[FileIdentity]) -> ChandraExposure:
    """Read the files of one exposure; what cannot be read is recorded, not raised.

    Raises
    ------
    InconsistentError
        ``data.vanished``: a file went away.
    """
    ordered = tuple(sorted(files, key=lambda file: file.kind))
    unreadable: list[tuple[FileIdentity, str]] = []
    found: dict[str, Any] = {}
    events: dict[str, ChandraEvents] = {}
    curves: dict[str, Mapping[str, Value]] = {}
    # event lists first, as regions need their pixels and dead times their clock
    for file in sorted(ordered, key=lambda file: file.role is not Role.EVENTS):
        plane = next((events[kind] for kind in EVENT_KINDS if kind in events), None)
        try:
            if file.problem:
                unreadable.append((file, file.problem))
            elif file.role is Role.EVENTS:
                events[file.kind] = read_event_list(file.path, _WANTED)
            elif file.kind == "reg3":
                found["regions"], found["region_header"] = _regions(file.path, plane.sky if plane else None)
            elif file.kind.startswith("lc3"):
                curves[file.kind.partition("_")[2]] = _variability(file.path)
            elif plane is not None:
                found["dead_time"] = _dead_time(file.path, plane)
        except HstlcError as error:
            if error.code == "data.vanished":
                raise
            unreadable.append((file, error.message))
    return ChandraExposure(ordered, events, curves=curves, unreadable=tuple(unreadable), **found)


def _regions(path: Path, sky: SkyPixels | None) -> tuple[dict[str, Region], Mapping[str, Value]]:
    header = keywords(read_columns(path, lambda *_: ()))  # to the end: a file that is cut is not believed
    return read_regions(path, sky), header


def _variability(path: Path) -> dict[str, Value]:
    units = read_columns(path, lambda *_: ())
    missing = {"LIGHTCURVE", "BKGLIGHTCURVE"} - {unit.name for unit in units}
    if missing:
        raise UnreadableError(
            "data.truncated", f"{path} has no table {' and no '.join(sorted(missing))}", "get it again", path=str(path)
        )
    header = keywords(units)
    return {key: value for key, value in header.items() if key.startswith(_VARIABILITY) and value is not None}


def _dead_time(path: Path, events: ChandraEvents) -> LiveClock:
    """Return live time as the samples of the dead time factor give it: the table dtf1."""
    units = read_columns(path, lambda *_: ("TIME", "DTF"))
    table = next((unit for unit in units if {"TIME", "DTF"} <= unit.columns.keys()), None)
    if table is None or not table.rows:
        raise UnreadableError(
            "data.unreadable", f"{path} has no dead times: a table with TIME and DTF was expected", "get it again",
            path=str(path),
        )  # fmt: skip
    time_s, factor = _samples(table)
    return LiveClock.of_frames(time_s - events.offset_s, factor)


def _samples(table: TableColumns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    time_s, rows = np.unique(table.columns["TIME"].astype(np.float64), return_index=True)
    factor = table.columns["DTF"].astype(np.float64)[rows]
    good = np.isfinite(time_s)
    return time_s[good], np.clip(factor[good], 0.0, 1.0)
