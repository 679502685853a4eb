"""The keywords of High Level Science Products: one table for headers, their check and their documentation.

Sources: ``mast`` follows MAST's pages "Common Metadata" and "Light-curve Metadata" (outerspace.stsci.edu, MASTDOCS) and
``metadata_keywords.yaml`` of spacetelescope/mast_contributor_tools, which says what is required; ``legacy`` follows the
original project, after "MAST HLSP Time Series Data Delivery Standards" (archive.stsci.edu, 2013) and
``timeseries_mast.yml`` of spacetelescope/MAST_HLSP. Light-curve Metadata has dropped BUNIT: the units of a table are in
its TUNITn.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hstlc.formats.hlsp.project import Profile

__all__ = ["HLSP_KEYWORDS", "Hdu", "Keyword", "Kind", "Need", "from_card", "to_card"]


class Need(StrEnum):
    """How much a profile wants a keyword."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"  #: absent, the archive works it out or goes without
    NONE = ""


class Hdu(StrEnum):
    """Where a keyword is looked for."""

    PRIMARY = "primary"
    TABLE = "LIGHTCURVE"
    EITHER = "either"  #: the primary header first


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "ISO-8601 date and time with a T"
    NAME = "text or whole number"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword and what is asked of it.

    Attributes
    ----------
    keyword : str
        FITS keyword.
    meaning : str
        Comment of the card.
    hdu : Hdu
        Where it must stand.
    kind : Kind
        What its value must be.
    legacy, mast : Need
        What each profile asks.
    rule : str
        What the value must be beside its kind, in words; '' for nothing.
    unknown : str
        Why it may be absent although a profile requires it; '' where it may not.
    """

    keyword: str
    meaning: str
    hdu: Hdu
    kind: Kind
    legacy: Need
    mast: Need
    rule: str = ""
    unknown: str = ""

    def need(self, profile: Profile) -> Need:
        """Return what a profile asks."""
        return self.mast if profile is Profile.MAST else self.legacy


_P, _T, _E = Hdu.PRIMARY, Hdu.TABLE, Hdu.EITHER
_TEXT, _NUMBER, _TIME, _NAME = Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.NAME
_YES, _MAYBE, _NO = Need.REQUIRED, Need.RECOMMENDED, Need.NONE
_NO_PLACE = "the target has no coordinates, as moving targets and sums over a field have none"

HLSP_KEYWORDS: tuple[Keyword, ...] = (
    # who delivers
    Keyword("DOI", "Digital Object Identifier of the collection", _P, _TEXT, _NO, _YES,
            "10., digits, a slash and a name", "the archive has not assigned one yet"),
    Keyword("HLSPID", "collection", _P, _TEXT, _NO, _YES, "the project of the file name in upper case"),
    Keyword("HLSPLEAD", "lead of the project", _P, _TEXT, _YES, _MAYBE),
    Keyword("HLSPNAME", "title of the project", _P, _TEXT, _YES, _MAYBE),
    Keyword("HLSPACRN", "acronym of the project", _P, _TEXT, _YES, _NO),
    Keyword("HLSPTARG", "target of this product", _P, _TEXT, _NO, _YES),
    Keyword("HLSPVER", "version of this product", _P, _TEXT, _NO, _YES, "the version of the file name, without the v"),
    Keyword("PR_INV_L", "last name of the principal investigator", _P, _TEXT, _YES, _NO),
    Keyword("PR_INV_F", "first name of the principal investigator", _P, _TEXT, _YES, _NO),
    Keyword("PR_INV_M", "middle name of the principal investigator", _P, _TEXT, _MAYBE, _NO),
    Keyword("PROPOSID", "proposal", _P, _NAME, _MAYBE, _MAYBE),
    Keyword("LICENSE", "license for the use of these data", _P, _TEXT, _NO, _YES, "CC BY 4.0"),
    Keyword("LICENURL", "text of the license", _P, _TEXT, _NO, _YES, "https://creativecommons.org/licenses/by/4.0/"),
    Keyword("REFERENC", "paper that describes the data", _P, _TEXT, _NO, _MAYBE,
            unknown="no paper describes the data yet"),
    Keyword("CITATION", "paper that describes the data", _P, _TEXT, _YES, _NO,
            unknown="no paper describes the data yet"),
    # what was looked at, with what
    Keyword("OBSERVAT", "observatory", _P, _TEXT, _NO, _YES),
    Keyword("TELESCOP", "telescope", _P, _TEXT, _YES, _YES),
    Keyword("INSTRUME", "instrument", _P, _TEXT, _YES, _YES, "MULTI needs INSTRUnn"),
    Keyword("DETECTOR", "detector", _T, _TEXT, _MAYBE, _MAYBE, "MULTI needs DETECTnn"),
    Keyword("FILTER", "optical element of the passband", _T, _TEXT, _YES, _YES, "MULTI needs FILTERnn"),
    Keyword("APERTURE", "aperture", _T, _TEXT, _NO, _MAYBE),
    Keyword("TARGNAME", "target name as proposed", _P, _TEXT, _YES, _NO),
    Keyword("TARDESCR", "description of the target", _P, _TEXT, _NO, _NO),
    Keyword("TARDESC2", "description of the target, continued", _P, _TEXT, _NO, _NO),
    Keyword("RA_TARG", "[deg] right ascension of the target, J2000", _T, _NUMBER, _YES, _YES,
            "from 0 to below 360", _NO_PLACE),
    Keyword("DEC_TARG", "[deg] declination of the target, J2000", _T, _NUMBER, _YES, _YES,
            "from -90 to 90", _NO_PLACE),
    Keyword("RADESYS", "celestial reference system", _T, _TEXT, _NO, _YES,
            "ICRS, FK5 or FK4; no EQUINOX with ICRS", _NO_PLACE),
    Keyword("EQUINOX", "[yr] equinox of the coordinates", _P, _NUMBER, _YES, _NO,
            "2000.0 under legacy; none with RADESYS ICRS"),
    Keyword("SIMULATD", "simulated data", _P, _TEXT, _NO, _NO, "T in all simulated data, absent or F in others"),
    # when
    Keyword("DATE-OBS", "start of the first bin", _P, _TIME, _YES, _NO, "agrees with EXPSTART"),
    Keyword("EXPSTART", "[d] start of the exposure, MJD UTC", _P, _NUMBER, _YES, _NO, "start of the first bin"),
    Keyword("EXPEND", "[d] end of the exposure, MJD UTC", _P, _NUMBER, _YES, _NO, "end of the last bin"),
    Keyword("EXPTIME", "[s] exposure time of the input", _P, _NUMBER, _YES, _NO,
            "above zero, not above EXPEND - EXPSTART"),
    Keyword("DATE-BEG", "start of the first bin, in TIMESYS", _E, _TIME, _NO, _YES, "agrees with MJD-BEG"),
    Keyword("DATE-END", "end of the last bin, in TIMESYS", _E, _TIME, _NO, _YES, "agrees with MJD-END"),
    Keyword("MJD-BEG", "[d] start of the first bin, in TIMESYS", _E, _NUMBER, _NO, _YES, "start of the first bin"),
    Keyword("MJD-END", "[d] end of the last bin, in TIMESYS", _E, _NUMBER, _NO, _YES, "end of the last bin"),
    Keyword("MJD-MID", "[d] middle between MJD-BEG and MJD-END", _E, _NUMBER, _NO, _YES),
    Keyword("TELAPSE", "[s] time from MJD-BEG to MJD-END", _E, _NUMBER, _NO, _MAYBE),
    Keyword("XPOSURE", "[s] live time of all bins", _E, _NUMBER, _NO, _YES,
            "above zero, not above the time from MJD-BEG to MJD-END"),
    Keyword("TIMESYS", "time scale", _E, _TEXT, _NO, _YES, "UTC, TT, TAI, TDB, TCB, TCG or UT1"),
    Keyword("TIMEUNIT", "unit of times in this header and table", _T, _TEXT, _NO, _MAYBE),
    Keyword("TREFPOS", "where times were measured", _T, _TEXT, _NO, _MAYBE),
)  # fmt: skip


def to_card(text: str) -> str:
    r"""Return a text as a header can hold it: printable ASCII, all else and a last blank as Python escapes.

    Examples
    --------
    >>> to_card("GJ-436"), to_card("α Cen")
    ('GJ-436', '\\u03b1 Cen')
    """
    card = text.encode("unicode_escape").decode("ascii")
    return rf"{card[:-1]}\x20" if card.endswith(" ") else card


def from_card(card: str) -> str:
    """Return the text that :func:`to_card` made ``card`` of; a card with broken escapes comes back as it is."""
    try:
        return card.encode("ascii").decode("unicode_escape")
    except UnicodeError:
        return card
