"""What a file of XMM-Newton is, by its content; by its name only when the content cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from hstlc.errors import UnreadableError
from hstlc.formats.fits_file import FITS_SUFFIXES, Value
from hstlc.formats.gz_columns import TableColumns, read_columns
from hstlc.missions.base import FileIdentity, Role

__all__ = ["CAMERAS", "REFUSALS", "SOURCES", "companions", "identify", "keywords", "real"]

#: What we call the cameras, by INSTRUME.
CAMERAS: Mapping[str, str] = {"EPN": "pn", "EMOS1": "m1", "EMOS2": "m2"}

#: Kind of the list of sources.
SOURCES = "obsmli"

#: Why a file of the observatory is refused.
REFUSALS = {
    "Wrong instrument": "A file of the observatory, but not of an EPIC camera.",
    "Timing mode": "Taken without an image: the events have no position on the sky.",
    "Unsupported submode": "A window mode that the light curves are not made of.",
    "Closed filter": "Taken with the filter wheel closed or before the calibration lamp.",
    "Slew": "Taken while the telescope turned.",
    "Unsupported product": "A file of an EPIC camera that is neither an event list nor the list of sources.",
}

#: Submodes that give images of the sky with the usual frames.
_SUBMODES = re.compile(r"PRIMEFULLWINDOW(EXTENDED)?|PRIMELARGEWINDOW|PRIMESMALLWINDOW|PRIMEPARTIAL(RFS|W[2-6])")

_CLOSED = ("CLOSED", "CALCLOSED")

_PPS = re.compile(
    r"P(?P<obs>\d{10})(?P<camera>PN|M1|M2|EP)(?P<exposure>[SUX]\d{3})(?P<type>PIEVLI|MIEVLI|OBSMLI)\w{4}\.FTZ",
    re.IGNORECASE,
)
_SAS = re.compile(r"(?:\d{4}_)?(?P<obs>\d{10})_(?P<camera>EPN|EMOS1|EMOS2)_(?P<exposure>[SU]\d{3})_.*", re.IGNORECASE)


def identify(path: Path) -> FileIdentity | None:
    """Return what a file of XMM-Newton is, None when it is not of the observatory.

    Only the first two headers are read: whether the file is whole is seen when it is loaded.

    Raises
    ------
    InconsistentError
        ``data.vanished``.
    UnreadableError
        Not readable, and the name is not that of an event list or a list of sources.
    """
    try:
        units = read_columns(path, _nothing, most=2)
    except UnreadableError as error:
        named = _of_name(path)
        if named is None:
            raise
        rootname, kind = named
        role = Role.COMPANION if kind == SOURCES else Role.EVENTS
        return FileIdentity(path, "xmm", rootname, kind, role, problem=str(error))
    header = keywords(units)
    if str(header.get("TELESCOP") or "").upper() not in ("XMM", "XMM-NEWTON"):
        return None
    named = _of_name(path)
    rootname = str(header.get("OBS_ID") or "").strip() or (named[0] if named else path.name.split("_")[0])
    kind, role, reason, message = _classify(path, header, units[1:])
    return FileIdentity(
        path=path,
        mission="xmm",
        rootname=rootname,
        kind=kind,
        role=role,
        target=str(header.get("OBJECT") or ""),
        cal_ver=_calibration(header),
        version=_version(header),
        reason=reason,
        message=message,
        ra_deg=real(header, "RA_OBJ"),
        dec_deg=real(header, "DEC_OBJ"),
        archive_name=_archive_name(rootname, kind) if role in (Role.EVENTS, Role.COMPANION) else "",
    )


def _nothing(name: str, header: Mapping[str, Value]) -> tuple[str, ...]:  # noqa: ARG001
    return ()


def keywords(units: list[TableColumns]) -> dict[str, Value]:
    """Return the keywords of the first two units, as the second describes the data and wins."""
    return {key: value for unit in units[:2] for key, value in unit.header.items()}


def real(header: Mapping[str, Value], key: str) -> float | None:
    """Return a keyword as a finite number, None where it is absent or no number."""
    value = header.get(key)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    return float(value) if number else None  # type: ignore[arg-type]


def _classify(path: Path, header: Mapping[str, Value], tables: list[TableColumns]) -> tuple[str, Role, str, str]:
    name = tables[0].name if tables else ""

    def text(key: str) -> str:
        return str(header.get(key) or "").strip()

    def refuse(reason: str, message: str) -> tuple[str, Role, str, str]:
        return "file", Role.REFUSED, reason, f"{path.name}: {message}"

    if name == "SRCLIST" and {"RA", "DEC"} <= set(tables[0].names):
        return SOURCES, Role.COMPANION, "", ""
    instrument = text("INSTRUME").upper()
    camera = CAMERAS.get(instrument)
    if camera is None:
        return refuse("Wrong instrument", f"a file of {instrument or 'no instrument'}, not of an EPIC camera")
    if name != "EVENTS":
        return refuse("Unsupported product", f"its first table is {name or 'absent'}, EVENTS or SRCLIST was expected")
    mode, submode = text("DATAMODE").upper(), text("SUBMODE")
    if mode not in ("", "IMAGING"):
        return refuse("Timing mode", f"taken in mode {mode}, not IMAGING")
    if submode and not _SUBMODES.fullmatch(submode.upper()):
        return refuse("Unsupported submode", f"taken in submode {submode}")
    if text("FILTER").upper() in _CLOSED:
        return refuse("Closed filter", f"taken with the filter {text('FILTER')}")
    if text("OBS_MODE").upper() not in ("", "POINTING"):
        return refuse("Slew", f"OBS_MODE is {text('OBS_MODE')}, POINTING was expected")
    exposure = text("EXPIDSTR").lower() or f"s{text('EXP_ID')[-3:] or '000'}"
    return f"{camera}_{exposure}", Role.EVENTS, "", ""


def _of_name(path: Path) -> tuple[str, str] | None:
    """Return observation and kind that a name says."""
    match = _PPS.fullmatch(path.name) or _SAS.fullmatch(path.name)
    if match is None:
        return None
    camera = match["camera"].upper()
    kind = SOURCES if camera == "EP" else f"{CAMERAS.get(camera, camera.lower())}_{match['exposure'].lower()}"
    return match["obs"], kind


def _archive_name(rootname: str, kind: str) -> str:
    if not re.fullmatch(r"\d{10}", rootname):
        return ""
    if kind == SOURCES:
        return f"P{rootname}EPX000OBSMLI0000.FTZ"
    camera, _, exposure = kind.partition("_")
    events = "PIEVLI" if camera == "pn" else "MIEVLI"
    return f"P{rootname}{camera.upper()}{exposure.upper()}{events}0000.FTZ"


def _calibration(header: Mapping[str, Value]) -> str:
    """Return the version of the software, which SAS writes into CREATOR where SASVERS is absent."""
    found = re.search(r"xmmsas_\S+?-(\d+(?:\.\d+)*)", str(header.get("SASVERS") or header.get("CREATOR") or ""))
    return found[1] if found else str(header.get("SASVERS") or "")


def _version(header: Mapping[str, Value]) -> str:
    """Return a text that sorts by version of the software, then by date; the blank sorts before points and digits."""
    numbers = re.match(r"\D*(\d+(?:\.\d+)*)", _calibration(header))
    version = ".".join(f"{int(part):05d}" for part in numbers[1].split(".")) if numbers else ""
    return f"{version} {header.get('PROCDATE') or header.get('DATE') or ''}"


def companions(path: Path) -> list[Path]:
    """Return the files in the same folder that may be of the same observation: by name, where the name tells."""
    own = _of_name(path)
    found = []
    for other in sorted(path.parent.iterdir()):
        if other == path or not other.name.lower().endswith(FITS_SUFFIXES):
            continue
        named = _of_name(other)
        if own is not None and named is not None and named[0] == own[0]:
            found.append(other)
    return found
