"""Names of targets: how they are written, and what tells that two names mean one target."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Seen", "canonical", "is_solar_system", "normal", "plain_name"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A target as an observer gave it.

    Attributes
    ----------
    name : str
        As in the header.
    ra_deg, dec_deg : float or None, degrees
        Position, ICRS, at epoch 2000 where the proper motion is known; None where the header does not say.
    moving : bool
        It moves across the sky.
    """

    name: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    moving: bool = False


_BLANKS = re.compile(r"[\s_]+")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))

# What observers add to a name when they observe a target again.
_VISIT = re.compile(r"(?<=[^-])-(?:(?:COPY|REPEAT|TWEAK|UPDATED|REVISIT)(?=$)|(?:VISIT|EPOCH)-?\d+(?=-|$))")
# What the name resolvers of data centers put before a name.
_PREFIX = re.compile(r"^(?:NAME-(?=.)|CL-(?=NGC))")

_BODIES = (
    "MERCURY|VENUS|MOON|MARS|PHOBOS|DEIMOS|JUPITER|IO|EUROPA|GANYMEDE|CALLISTO|AMALTHEA|SATURN|MIMAS|ENCELADUS|TETHYS|"
    "DIONE|RHEA|TITAN|HYPERION|IAPETUS|PHOEBE|URANUS|ARIEL|UMBRIEL|TITANIA|OBERON|MIRANDA|NEPTUNE|TRITON|PROTEUS|"
    "NEREID|PLUTO|CHARON|CERES|VESTA|PALLAS|ERIS|HAUMEA|MAKEMAKE|SEDNA"
)
# A body alone, with a number or with a part of it; 'IO-PEG' and the like are variable stars.
_BODY = re.compile(rf"(?:{_BODIES})(?!(?<=^IO)-[A-Z]{{3}}$)(?=[-\d]|$)")
_COMET = re.compile(r"(?:COMET(?=-|\d|$)|\d+[PI](?=[-/]|$)|[CPDXI][-/](?:1[5-9]|20)\d\d-?[A-Z])")
_NUMBERED = re.compile(r"-?\d+$")

# Other spellings of a catalog, once blanks and dashes are gone.
_CATALOGS = (
    (re.compile(r"^(?:MARKARIAN|MARK|MKN)(?=\d)"), "MRK"),
    (re.compile(r"^AZV(?=\d)"), "AV"),
    (re.compile(r"^(?:GLIESE|GL)(?=\d)"), "GJ"),
    (re.compile(r"^MESSIER(?=\d)"), "M"),
)
# Of a catalog of numbers: after a J stand coordinates.
_LEADING_ZEROS = re.compile(r"^([A-Z]+[A-IK-Z])0+(?=\d+[A-Z]{0,2}$)")
# A dash is a sign between digits (0308-565), and after a catalog of zones of declination.
_SIGNED_CATALOG = re.compile(r"^(4C|BD|CD|CPD|SK)-+(?=\d)")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)-+(?=\d)")


def canonical(name: str) -> str:
    """Return a name in the form in which targets are called: capitals, blanks and underscores as dashes.

    Everything else stays. A letter whose capital is more than one character stays as it is.

    Examples
    --------
    >>> canonical(" ngc_ 3516"), canonical("4C--01.61"), canonical("")
    ('NGC-3516', '4C--01.61', '')
    """
    name = "".join(capital if len(capital := letter.upper()) == 1 else letter for letter in name)
    return _BLANKS.sub("-", name.strip())


def is_solar_system(name: str) -> bool:
    """Tell whether a name is that of a planet, a moon, a comet or a small body: nothing with a place among the stars.

    Examples
    --------
    >>> [name for name in ("JUPITER-NORTH-3", "EUROPA2", "COMET-ISON", "IO-PEG", "MARSEILLE") if is_solar_system(name)]
    ['JUPITER-NORTH-3', 'EUROPA2', 'COMET-ISON']
    """
    name = canonical(name)
    return bool(_BODY.match(name) or _COMET.match(name))


def plain_name(name: str) -> str:
    """Return the canonical name without what does not name the target.

    That is what observers add for another visit (COPY, REPEAT, TWEAK, UPDATED, REVISIT, VISITn, EPOCHn), what
    resolvers put before it (NAME, CL), and the numbers that visits of planets and moons have.

    Examples
    --------
    >>> plain_name("GW-Lib-COPY"), plain_name("JUPITER-NORTH-14"), plain_name("COMET-ISON-EPOCH2-OFFSET")
    ('GW-LIB', 'JUPITER-NORTH', 'COMET-ISON-OFFSET')
    """
    plain = canonical(name)
    while True:
        shorter = _PREFIX.sub("", _VISIT.sub("", plain))
        if body := _BODY.match(shorter):
            shorter = body[0] + _NUMBERED.sub("", shorter[body.end() :])
        if shorter == plain:
            return plain
        plain = shorter


def normal(name: str) -> str:
    """Return the form in which names are compared: two names with the same one mean one target.

    Of :func:`plain_name` dashes and blanks go, but for those that are signs; catalogs get one spelling and their
    numbers no leading zeros.

    Examples
    --------
    >>> normal("NGC-3516") == normal("NGC 3516"), normal("MARK 0421") == normal("MRK-421")
    (True, True)
    >>> normal("4C-06.41"), normal("4C+06.41"), normal("WD-0308-565"), normal("SK-67-5")
    ('4C-06.41', '4C+06.41', 'WD0308-565', 'SK-67-5')
    """
    plain = plain_name(unicodedata.normalize("NFKC", name).translate(_DASHES))
    sign = "\0"
    text = _BETWEEN_DIGITS.sub(sign, _SIGNED_CATALOG.sub(rf"\g<1>{sign}", plain))
    text = text.replace("-", "").replace(sign, "-")
    for pattern, catalog in _CATALOGS:
        text = pattern.sub(catalog, text)
    return _LEADING_ZEROS.sub(r"\1", text) or plain
