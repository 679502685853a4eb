"""Event lists of the EPIC cameras and source lists to values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError, UnreadableError, UnsupportedModeError
from hstlc.events.live_clock import LiveClock
from hstlc.formats.fits_file import Value
from hstlc.formats.gz_columns import TableColumns, each_unit, read_columns
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.xmm.ccd_tables import frames_of, good_times, is_good_time_table
from hstlc.missions.xmm.identify import CAMERAS, keywords, real
from hstlc.missions.xmm.source_list import SourceRow, source_rows
from hstlc.model import EventList, Intervals
from hstlc.regions import SkyPixels
from hstlc.times import SECONDS_PER_DAY, TimeReference

__all__ = ["NEEDED", "EpicEvents", "EpicExposure", "load", "read_events", "read_list"]

FloatArray = NDArray[np.float64]

#: Columns by the names that our lists have.
_COLUMNS: Mapping[str, str] = {
    "X": "x",
    "Y": "y",
    "DETX": "detx",
    "DETY": "dety",
    "RAWX": "raw_x",
    "RAWY": "raw_y",
    "PI": "pi",
    "FLAG": "flag",
    "PATTERN": "pattern",
    "CCDNR": "ccd",
}

#: Columns without which there is no light curve of a source.
NEEDED = ("TIME", "X", "Y", "PI")

_MJDREF = 50814.0
_DEFAULT_STEP_DEG = 1.38888888888889e-05
_CENTER = 25921.0


@dataclass(frozen=True, slots=True, eq=False)
class EpicEvents:
    """One event list.

    Attributes
    ----------
    kind : str
        Camera and exposure, such as ``pn_s003``.
    header : mapping
        Keywords of the primary header and of EVENTS.
    time_s : ndarray of float64, shape (n,), seconds
        After ``start_met_s``, in the order of the file.
    columns : mapping of str to ndarray, shape (n,)
        ``x``, ``y``, ``detx``, ``dety`` (0.05 arcsec), ``raw_x``, ``raw_y``, ``pi`` (eV), ``flag``, ``pattern``,
        ``ccd``: those that the file has.
    start_met_s : float, seconds
        Whole second after MJDREF that ``time_s`` counts from.
    gti : mapping of int to Intervals
        Good times of each CCD, in the same seconds.
    frames : mapping of int to LiveClock
        Frames of each CCD with the part of them that is live, the readout not taken out; empty where the file does not
        say.
    frame_s, integration_s : mapping of int to float, seconds
        Of each CCD: from one frame to the next, and TIMEDEL, the part of it that is no readout.
    missing : tuple of str
        Columns and tables that an event list has and this one has not.
    """

    kind: str
    header: Mapping[str, Value]
    time_s: FloatArray
    columns: Mapping[str, NDArray[Any]]
    start_met_s: float
    gti: Mapping[int, Intervals]
    frames: Mapping[int, LiveClock]
    frame_s: Mapping[int, float]
    integration_s: Mapping[int, float]
    missing: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def camera(self) -> str:
        """``pn``, ``m1`` or ``m2``."""
        return self.kind.partition("_")[0]

    @property
    def reference(self) -> TimeReference:
        """Where ``time_s`` counts from."""
        mjdref = real(self.header, "MJDREF") or _MJDREF
        return TimeReference(mjdref + self.start_met_s / SECONDS_PER_DAY, "TT")

    @property
    def good_time(self) -> Intervals:
        """When any CCD was good."""
        return reduce(Intervals.union, self.gti.values(), Intervals.of([], []))

    @property
    def longest_frame_s(self) -> float:
        """Length of the longest frame; 0: unknown."""
        return max(self.frame_s.values(), default=0.0)

    @property
    def sky(self) -> SkyPixels:
        """The plane of x and y: by the cards of the columns, by REF keywords, or around the pointing as always.

        Raises
        ------
        InconsistentError
            ``data.sky-pixels``: the header has not even a pointing.
        """
        try:
            return SkyPixels.of_columns(self.header)
        except InconsistentError:
            pass
        try:
            return SkyPixels.of_reference(self.header)
        except InconsistentError:
            ra_deg, dec_deg = real(self.header, "RA_PNT"), real(self.header, "DEC_PNT")
            if ra_deg is None or dec_deg is None:
                raise
        return SkyPixels(ra_deg, dec_deg, _CENTER, _CENTER, -_DEFAULT_STEP_DEG, _DEFAULT_STEP_DEG)

    def event_list(self) -> EventList:
        """Return all events, good or not."""
        return EventList(self.time_s, self.columns, self.good_time, self.reference, header=self.header)


@dataclass(frozen=True, slots=True, eq=False)
class EpicExposure:
    """The files of one observation, read.

    Attributes
    ----------
    files : tuple of FileIdentity
        In order of kind.
    lists : mapping of str to EpicEvents
        By kind.
    source_list : tuple of SourceRow or None
        None: no source list could be read.
    unreadable : tuple of (FileIdentity, str)
        Files that could not be read, and why.
    """

    files: tuple[FileIdentity, ...]
    lists: Mapping[str, EpicEvents]
    source_list: tuple[SourceRow, ...] | None = None
    unreadable: tuple[tuple[FileIdentity, str], ...] = ()
    source_header: Mapping[str, Value] = field(default_factory=dict)

    def filename(self, kind: str) -> str:
        """Return the file name of a kind, '' when the observation has none."""
        return next((f.path.name for f in self.files if f.kind == kind), "")


def read_events(path: Path) -> EventList:
    """Read an event list of an EPIC camera.

    Returns
    -------
    EventList
        All events of the file in its order, ``time_s`` after a whole second near TSTART; columns ``x``, ``y``,
        ``detx``, ``dety`` (0.05 arcsec), ``raw_x``, ``raw_y`` (pixels), ``pi`` (eV), ``flag``, ``pattern``, ``ccd``,
        as far as the file has them. Good times are those of any CCD.

    Raises
    ------
    UnreadableError
        The file is not whole.
    UnsupportedModeError
        ``data.not-events``.
    """
    return read_list(path).event_list()


def read_list(path: Path) -> EpicEvents:
    """Read an event list with what its CCDs have of their own; see :func:`read_events`."""
    stream = each_unit(path, _wanted)
    units: list[TableColumns] = []
    events: TableColumns | None = None
    while events is None and (unit := next(stream, None)) is not None:
        units.append(unit)
        events = unit if unit.name == "EVENTS" else None
    header = {**units[0].header, **(events.header if events is not None else {})}
    camera = CAMERAS.get(str(header.get("INSTRUME") or "").strip().upper())
    if events is None or camera is None or "TIME" not in events.columns:
        raise UnsupportedModeError(
            "data.not-events",
            f"{path} is not an event list of an EPIC camera: expected INSTRUME EPN, EMOS1 or EMOS2 and a table EVENTS"
            f" with TIME, found {header.get('INSTRUME')!r} and {', '.join(unit.name for unit in chain(units, stream))}",
            "give a file named like P0123456789PNS003PIEVLI0000.FTZ",
            path=str(path),
        )
    time_s = np.asarray(events.columns["TIME"], dtype=np.float64)
    start = real(header, "TSTART")
    if start is None:
        finite = time_s[np.isfinite(time_s)]
        start = float(finite.min()) if len(finite) else 0.0
    start = float(np.floor(start))
    columns = {ours: events.columns[theirs] for theirs, ours in _COLUMNS.items() if theirs in events.columns}
    missing = [name for name in _COLUMNS if name not in events.columns]
    if "ccd" not in columns:
        columns["ccd"] = np.zeros(len(time_s), dtype=np.uint8)
    numbers = [int(number) for number in np.unique(columns["ccd"])]
    tables: list[TableColumns] = []
    frames, frame_s, integration_s = frames_of(_without_frames(chain(units, stream), tables), header, start)
    gti = good_times(tables, header, start, numbers)
    if not gti:
        missing.append("GTI")
        span = (float(time_s.min()) - start, float(np.nextafter(time_s.max(), np.inf)) - start) if len(time_s) else None
        whole = Intervals.of([span[0]], [span[1]]) if span else Intervals.of([], [])
        gti = dict.fromkeys(numbers, whole)
    if not frames:
        missing.append("EXPOSU")
    if "CCDNR" in missing:  # all events are of one detector, live when any CCD was
        gti = {0: reduce(Intervals.union, gti.values(), Intervals.of([], []))}
        frames = dict(enumerate(list(frames.values())[:1]))
        frame_s = dict(enumerate(list(frame_s.values())[:1]))
        integration_s = dict(enumerate(list(integration_s.values())[:1]))
    exposure = str(header.get("EXPIDSTR") or "").strip().lower() or "s000"
    time_s -= start
    return EpicEvents(
        f"{camera}_{exposure}",
        header,
        time_s,
        columns,
        start,
        gti,
        frames,
        frame_s,
        integration_s,
        tuple(missing),
    )


def _without_frames(units: Iterable[TableColumns], others: list[TableColumns]) -> Iterator[TableColumns]:
    """Yield units, and keep all but the tables of frames: a short frame takes as much memory as an event."""
    for unit in units:
        if not unit.name.startswith("EXPOSU"):
            others.append(unit)
        yield unit


def _wanted(name: str, header: Mapping[str, Value]) -> tuple[str, ...]:  # noqa: ARG001
    if name == "EVENTS":
        return ("TIME", *_COLUMNS)
    if name.startswith("EXPOSU"):
        return "TIME", "FRACEXP", "TIMEDEL"
    return ("START", "STOP") if is_good_time_table(name) else ()


def load(files: Sequence[FileIdentity]) -> EpicExposure:
    """Read the files of one observation; what cannot be read is recorded, not raised.

    Raises
    ------
    InconsistentError
        ``data.vanished``: a file went away.
    """
    ordered = tuple(sorted(files, key=lambda f: f.kind))
    lists: dict[str, EpicEvents] = {}
    rows: tuple[SourceRow, ...] | None = None
    header: Mapping[str, Value] = {}
    unreadable: list[tuple[FileIdentity, str]] = []
    for file in ordered:
        try:
            if file.problem:
                unreadable.append((file, file.problem))
            elif file.role is Role.EVENTS:
                lists[file.kind] = read_list(file.path)
            else:
                units = read_columns(file.path, lambda name, header: _source_columns(name))  # noqa: ARG005
                rows, header = source_rows(units, file.path), keywords(units)
        except (UnreadableError, UnsupportedModeError) as error:
            unreadable.append((file, error.message))
    return EpicExposure(ordered, lists, rows, tuple(unreadable), header)


def _source_columns(name: str) -> tuple[str, ...]:
    from hstlc.missions.xmm.source_list import COLUMNS

    return COLUMNS if name == "SRCLIST" else ()
