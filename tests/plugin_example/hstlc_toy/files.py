"""What a file of the toy mission is, and what is in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.errors import UnreadableError
from hstlc.formats.fits_file import header_values, open_fits
from hstlc.missions.base import FileIdentity, Role
from hstlc.model import EventList, Intervals
from hstlc.regions import SkyPixels
from hstlc.times import TimeReference

REFUSALS = {"Not an event list": "A file of the toy telescope without photons."}

_NAME = re.compile(r"toy_(?P<rootname>[0-9]+)\.fits", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """A row of ``SOURCES``: name, place in degrees, and radius of its region in arcsec."""

    name: str
    ra_deg: float
    dec_deg: float
    radius_arcsec: float


@dataclass(frozen=True, slots=True, eq=False)
class ToyExposure:
    """The content of the file of an exposure; ``problem`` says why it could not be read."""

    file: FileIdentity
    events: EventList | None
    sources: tuple[CatalogSource, ...] = ()
    problem: str = ""

    @property
    def header(self) -> dict[str, Any]:
        """Keywords of the event list."""
        return dict(self.events.header) if self.events else {}

    @property
    def sky(self) -> SkyPixels:
        """Pixels of one arcsec, north up, with the pointing at (1, 1)."""
        step = 1 / 3600
        return SkyPixels(float(self.header["RA_PNT"]), float(self.header["DEC_PNT"]), 1.0, 1.0, -step, step)


def identify(path: Path) -> FileIdentity | None:
    """Return what a file is, by its content; by its name only when the content cannot be read."""
    try:
        with open_fits(path) as hdus:
            header, names = header_values(hdus[0].header), [hdu.name for hdu in hdus]
    except UnreadableError as error:
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise
        return FileIdentity(path, "toy", named["rootname"], "photons", Role.EVENTS, problem=str(error))
    if header.get("TELESCOP") != "TOY":
        return None
    rootname, target = str(header.get("OBS_ID") or ""), str(header.get("OBJECT") or "")
    if "EVENTS" not in names:
        reason = next(iter(REFUSALS))
        return FileIdentity(
            path, "toy", rootname, "file", Role.REFUSED, reason=reason, message=f"{path.name}: has no EVENTS"
        )
    return FileIdentity(
        path,
        "toy",
        rootname,
        "photons",
        Role.EVENTS,
        target=target,
        cal_ver=str(header.get("CAL_VER") or ""),
        version=str(header.get("DATE") or ""),
        ra_deg=float(header["RA_PNT"] or 0.0),
        dec_deg=float(header["DEC_PNT"] or 0.0),
        archive_name=f"toy_{rootname}.fits",
    )


def companions(_: Path) -> list[Path]:
    """Return the other files of an exposure: there are none."""
    return []


def read_events(path: Path) -> EventList:
    """Return the photons of a file: ``x`` and ``y`` in pixels, ``energy_kev`` in keV."""
    return _read(path)[0]


def load(files: Sequence[FileIdentity]) -> ToyExposure:
    """Read the file of an exposure; one that cannot be read is recorded, not raised."""
    (file,) = files
    try:
        events, sources = _read(file.path)
    except UnreadableError as error:
        return ToyExposure(file, None, problem=str(error))
    return ToyExposure(file, events, sources)


def _read(path: Path) -> tuple[EventList, tuple[CatalogSource, ...]]:
    with open_fits(path) as hdus:
        header = header_values(hdus[0].header, hdus["EVENTS"].header)
        rows, good, listed = hdus["EVENTS"].data, hdus["GTI"].data, hdus["SOURCES"].data
        columns = {"x": ("X", np.float64), "y": ("Y", np.float64), "energy_kev": ("ENERGY", np.float32)}
        events = EventList(
            np.array(rows["TIME"], dtype=np.float64),
            {name: np.array(rows[column], dtype=dtype) for name, (column, dtype) in columns.items()},
            Intervals.of(np.array(good["START"], dtype=float), np.array(good["STOP"], dtype=float)),
            TimeReference(float(header["MJDREF"]), "UTC"),
            header=header,
        )
        sources = tuple(
            CatalogSource(str(row["NAME"]), float(row["RA"]), float(row["DEC"]), float(row["RADIUS"])) for row in listed
        )
    return events, sources
