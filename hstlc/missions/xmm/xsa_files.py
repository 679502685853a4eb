"""Names of XMM-Newton's processed files, and which of them an observation can have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hstlc.archives.tap import Row

__all__ = ["PpsName", "is_true", "possible", "pps_name"]

_NAME = re.compile(
    r"P(?P<observation>\d{10})(?P<instrument>PN|M1|M2|R1|R2|OM|EP|CA|OB)(?P<flag>[SUX])(?P<exposure>\d{3})"
    r"(?P<type>[A-Z0-9_]{6})(?P<subset>[0-9A-Z])(?P<source>[0-9A-F]{3})\.(?P<extension>[A-Z]{3,4})"
)


@dataclass(frozen=True, slots=True)
class PpsName:
    """What the name of a file says."""

    observation: str
    instrument: str
    type: str
    extension: str


def pps_name(filename: str) -> PpsName | None:
    """Return what a name says, None when it is not that of a processed file.

    Examples
    --------
    >>> pps_name("P0301730401PNS003PIEVLI0000.FTZ").type
    'PIEVLI'
    """
    match = _NAME.fullmatch(filename)
    return PpsName(*match.group("observation", "instrument", "type", "extension")) if match else None


def is_true(value: object, default: bool) -> bool:
    """Return a truth value that comes as one, as text or not at all.

    Examples
    --------
    >>> is_true("true", False), is_true(False, True), is_true(None, True)
    (True, False, True)
    """
    if value is None:
        return default
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "t", "1", "y", "yes")


def possible(
    instrument: str, kind: str, exposures: Iterable[Row], names: Mapping[str, str], timing: re.Pattern[str]
) -> bool:
    """Tell whether an observation can have event lists of a kind.

    PN in a timing mode makes no image. The outer chips of MOS make one in all modes. The list of sources needs an
    image of any of the three.

    Parameters
    ----------
    instrument, kind : str
        Such as PN and PIEVLI; EP stands for all three cameras.
    exposures : iterable of mapping
        All of the observation, by our names of the columns.
    names : mapping of str to str
        What the archive calls an instrument.
    timing : re.Pattern
        Found in the names of timing modes.
    """
    if instrument == "EP":
        seen = list(exposures)
        images = (("PN", "PIEVLI"), ("M1", "MIEVLI"), ("M2", "MIEVLI"))
        return any(possible(camera, events, seen, names, timing) for camera, events in images)
    spellings = {instrument.upper(), names.get(instrument, instrument).upper()}
    for exposure in exposures:
        if str(exposure["instrument"]).upper() not in spellings or not is_true(exposure["is_scientific"], True):
            continue
        timed = bool(timing.search(str(exposure["mode_friendly_name"] or "")))
        if kind == "TIEVLI" and not timed:
            continue
        if kind == "PIEVLI" and timed:
            continue
        return True
    return False
