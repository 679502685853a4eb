"""What a file of Chandra is, by its content; by its name only when the content cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path

from hstlc.errors import UnreadableError
from hstlc.formats.fits_file import FITS_SUFFIXES, Value
from hstlc.formats.gz_columns import TableColumns, read_columns
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.chandra.filenames import chandra_name

__all__ = ["EVENT_KINDS", "REFUSALS", "companions", "identify", "keywords", "real", "release", "whole"]

#: Kinds of event list, the best one first: of a region, and of the field with and without the catalog's corrections.
EVENT_KINDS = ("regevt3", "evt3", "evt2")

#: Why a file of the observatory is refused.
REFUSALS = {
    "Wrong instrument": "A file of the observatory, but not of ACIS or HRC.",
    "Continuous clocking": "Taken in a mode that has no image: the events have one coordinate.",
    "Not filtered": "An event list before bad events and bad times were taken out, such as evt1.",
    "Unsupported product": "A file that is neither an event list nor what the catalog has of one of its regions.",
}

_CONTENTS = {"REGEVT3": "regevt3", "EVT3": "evt3", "EVT2": "evt2"}
_RAW = re.compile(r"EVT[01]")
_BANDS_EV = {(500, 7000): "b", (200, 500): "u", (500, 1200): "s", (1200, 2000): "m", (2000, 7000): "h"}
_GZIP = b"\x1f\x8b"

#: Interleaved exposures are two, one of which is short: the letter of CYCLE, and how the archive calls them.
_CYCLES = {"P": "e1", "S": "e2"}

_CYCLE_IN_NAME = re.compile(r"(?<=N\d{3})_(e[12])(?=_)", re.IGNORECASE)


def identify(path: Path) -> FileIdentity | None:
    """Return what a file of Chandra is, None when it is not of the observatory.

    Only the first two headers are read: whether the file is whole is seen when it is loaded.

    Raises
    ------
    InconsistentError
        ``data.vanished``.
    UnreadableError
        Not readable, and the name is not that of a file we know how to place.
    """
    try:
        units = read_columns(path, lambda *_: (), most=2)
    except UnreadableError as error:
        named = _of_name(path)
        if named is None:
            raise
        rootname, kind = named
        role = Role.EVENTS if kind in EVENT_KINDS else Role.COMPANION
        return FileIdentity(path, "chandra", rootname, kind, role, problem=str(error))
    header = keywords(units)
    if str(header.get("TELESCOP") or "").strip().upper() != "CHANDRA":
        return None
    kind, role, reason, message = _classify(path, header, units[1:])
    rootname = _rootname(header, path, kind)
    ra_deg, dec_deg = _position(header)
    return FileIdentity(
        path=path,
        mission="chandra",
        rootname=rootname,
        kind=kind,
        role=role,
        target=str(header.get("OBJECT") or "").strip(),
        cal_ver=str(header.get("ASCDSVER") or "").strip(),
        version=_version(header),
        reason=reason,
        message=message,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        archive_name=_archive_name(path, rootname, kind, header) if role in (Role.EVENTS, Role.COMPANION) else "",
    )


def keywords(units: Sequence[TableColumns]) -> dict[str, Value]:
    """Return the keywords of the first two units, as the second describes the data and wins."""
    return {key: value for unit in units[:2] for key, value in unit.header.items()}


def real(header: Mapping[str, Value], key: str) -> float | None:
    """Return a keyword as a finite number, None where it is absent or no number."""
    value = header.get(key)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    return float(value) if number else None  # type: ignore[arg-type]


def whole(header: Mapping[str, Value], key: str) -> int | None:
    """Return a keyword as a whole number, also where it is written as text such as ``'0035'``."""
    value = header.get(key)
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() else None
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else int(value)


def release(header: Mapping[str, Value]) -> str:
    """Return the release of the source catalog that a product of it belongs to, '' where that is not told.

    Examples
    --------
    >>> release({"REVISION": 21}), release({"REVISION": 1})
    ('2.0', '1')
    """
    revision = whole(header, "REVISION")
    if revision is None:
        return ""
    tens = revision // 10
    return "1" if tens == 0 else f"{2 + (tens - 2) / 10:.1f}" if tens >= 2 else "1.1"


def _classify(path: Path, header: Mapping[str, Value], tables: Sequence[TableColumns]) -> tuple[str, Role, str, str]:
    table = tables[0] if tables else None

    def text(key: str) -> str:
        return str(header.get(key) or "").strip().upper()

    def refuse(reason: str, message: str) -> tuple[str, Role, str, str]:
        return "file", Role.REFUSED, reason, f"{path.name}: {message}"

    if text("INSTRUME") not in ("ACIS", "HRC"):
        return refuse("Wrong instrument", f"a file of {text('INSTRUME') or 'no instrument'}, not of ACIS or HRC")
    content = text("CONTENT")
    if table is not None and (table.name == "EVENTS" or text("HDUCLAS1") == "EVENTS"):
        if _RAW.fullmatch(content) or text("HDUCLAS2") == "ALL":
            return refuse("Not filtered", f"{content or 'events'} before bad ones were taken out; give its evt2")
        if text("READMODE").startswith("CONT"):
            return refuse("Continuous clocking", f"taken in mode {text('READMODE')}")
        kind = _CONTENTS.get(content) or ("regevt3" if whole(header, "REGIONID") is not None else "evt2")
        return kind, Role.EVENTS, "", ""
    if table is not None and {"SHAPE", "X", "Y"} <= set(table.names) and "FOV" not in content:
        if not text("OBS_ID"):
            return refuse("Unsupported product", "the regions of a stack of observations, not of one")
        return "reg3", Role.COMPANION, "", ""
    if table is not None and table.name == "LIGHTCURVE":
        return f"lc3_{_band(header)}", Role.COMPANION, "", ""
    if table is not None and {"TIME", "DTF"} <= set(table.names):
        return "dtf1", Role.COMPANION, "", ""
    what = content or (table.name if table is not None else "") or "without a table"
    return refuse("Unsupported product", f"{what}; an event list (evt2, evt3, regevt3), reg3, lc3 or dtf1 was expected")


def _band(header: Mapping[str, Value]) -> str:
    """Return the letter of the band of a light curve, from what its header says of the energies."""
    if str(header.get("INSTRUME") or "").strip().upper() == "HRC":
        return "w"
    for number in range(1, 40):
        if str(header.get(f"DSTYP{number}") or "").strip().lower() == "energy":
            limits = re.findall(r"\d+(?:\.\d*)?", str(header.get(f"DSVAL{number}") or ""))
            if len(limits) == 2:
                return _BANDS_EV.get((round(float(limits[0])), round(float(limits[1]))), "b")
    return "b"


def _rootname(header: Mapping[str, Value], path: Path, kind: str) -> str:
    obsid = whole(header, "OBS_ID")
    if obsid is None:
        named = _of_name(path)
        return named[0] if named is not None else path.name.split(".")[0].lower()
    instrument = str(header.get("INSTRUME") or "").strip().lower()
    cycle = ""
    if instrument == "acis" and (whole(header, "DTYCYCLE") or 0) > 0:
        cycle = _CYCLES.get(str(header.get("CYCLE") or "").strip().upper()[:1], "")
    region = whole(header, "REGIONID") if kind == "regevt3" or not kind.startswith(("evt", "dtf")) else None
    return _joined(instrument, obsid, whole(header, "OBI_NUM") or 0, cycle, region)


def _joined(instrument: str, obsid: int, obi: int, cycle: str, region: int | None) -> str:
    parts = [f"{instrument}f{obsid:05d}", f"{obi:03d}", cycle, "" if region is None else f"r{region:04d}"]
    return "_".join(filter(None, parts))


def _of_name(path: Path) -> tuple[str, str] | None:
    """Return exposure and kind that a name says."""
    cycle = _CYCLE_IN_NAME.search(path.name)
    named = chandra_name(_CYCLE_IN_NAME.sub("", path.name))
    if named is None or named.ending not in (*EVENT_KINDS, "reg3", "lc3", "dtf1"):
        return None
    rootname = _joined(named.instrument, named.obsid, named.obi or 0, cycle[1].lower() if cycle else "", named.region)
    letter = re.search(r"_r\d{4}([busmhw])_", path.name)
    return rootname, f"lc3_{letter[1] if letter else 'b'}" if named.ending == "lc3" else named.ending


def _archive_name(path: Path, rootname: str, kind: str, header: Mapping[str, Value]) -> str:
    """Return the name in the archives; that of evt2 has the number of the interval only where it is not the first."""
    match = re.fullmatch(r"(\w+?f\d{5,6})_(\d{3})(_e[12])?(_r\d{4})?", rootname)
    revision = whole(header, "REVISION")
    if match is None or revision is None:
        return ""
    observation, interval, cycle, region = (part or "" for part in match.groups())
    ending, _, band = kind.partition("_")
    place = "" if ending in ("evt2", "dtf1") and interval == "000" else f"_{interval}"
    with path.open("rb") as file:
        packed = ".gz" if file.read(2) == _GZIP else ""
    return f"{observation}{place}N{revision:03d}{cycle}{region}{band}_{ending}.fits{packed}"


def _position(header: Mapping[str, Value]) -> tuple[float | None, float | None]:
    for suffix in ("_TARG", "", "_PNT", "_NOM"):
        ra_deg, dec_deg = real(header, f"RA{suffix}"), real(header, f"DEC{suffix}")
        if ra_deg is not None and dec_deg is not None:
            return ra_deg, dec_deg
    return None, None


def _version(header: Mapping[str, Value]) -> str:
    """Return a text that sorts by number of the processing, then by software, then by date."""
    numbers = re.match(r"\D*(\d+(?:\.\d+)*)", str(header.get("ASCDSVER") or ""))
    software = ".".join(f"{int(part):05d}" for part in numbers[1].split(".")) if numbers else ""
    revision = whole(header, "REVISION")
    return f"{'' if revision is None else f'{revision:05d}'} {software} {header.get('DATE') or ''}"


def companions(path: Path) -> list[Path]:
    """Return the files in the same folder that are of the same exposure, by name."""
    own = _of_name(path)
    if own is None:
        return []
    others = (other for other in sorted(path.parent.iterdir()) if other.name.lower().endswith(FITS_SUFFIXES))
    return [
        other for other in others if other != path and (named := _of_name(other)) is not None and named[0] == own[0]
    ]
