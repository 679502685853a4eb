"""Who delivers light curves to an archive, and by which rules."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.resources import files

from hstlc.errors import UsageError

__all__ = ["IDENTIFIER", "VERSION", "Profile", "Project"]

#: ``<proj-id>`` of file names: from a letter to a letter or digit, at most 20 characters (MAST, "File Naming
#: Convention", and the lengths in ``fc_config.yaml`` of spacetelescope/mast_contributor_tools).
IDENTIFIER = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?")

#: ``X[.Y[.Z]]``: X and Y of up to two digits, X without a leading zero, Z of up to two letters or digits (as above).
VERSION = re.compile(r"[1-9][0-9]?(?:\.[0-9]{1,2}(?:\.[a-z0-9]{1,2})?)?")

_PRINTABLE = re.compile(r"[ -~]*")
_DOCUMENTED = tomllib.loads(files(__package__).joinpath("project.toml").read_text(encoding="utf-8"))


class Profile(StrEnum):
    """Whose rules names and headers follow."""

    LEGACY = "legacy"  #: what the original project documented, after MAST's time-series guidelines of 2013
    MAST = "mast"  #: MAST's rules of today


@dataclass(frozen=True, slots=True)
class Project:
    """Who delivers; the defaults are what the original project documented.

    Attributes
    ----------
    profile : Profile
        Whose rules names and headers follow.
    identifier : str
        Project in file names; ``HLSPID`` in upper case.
    name, acronym : str
        Title (``HLSPNAME``) and its short form (``HLSPACRN``).
    lead : str
        Full name of who leads the delivery (``HLSPLEAD``).
    pi_last, pi_first, pi_middle : str
        Principal investigator (``PR_INV_L``, ``PR_INV_F``, ``PR_INV_M``).
    proposal : int
        Number of the proposal (``PROPOSID``).
    version : str
        Version of the products (``HLSPVER``; ``v`` and this in file names).
    doi : str
        Identifier of the collection (``DOI``), '' until the archive has assigned one.
    reference : str
        Paper that describes the products (``REFERENC``, ``CITATION``), '' for none.

    Raises
    ------
    UsageError
        ``usage.hlsp-identifier``, ``usage.hlsp-version``, ``usage.hlsp-text``: a value that no file name or header can
        hold.

    Examples
    --------
    >>> Project().identifier, Project(Profile.MAST, version="1.2").version
    ('hstlc', '1.2')
    """

    profile: Profile = Profile.LEGACY
    identifier: str = _DOCUMENTED["identifier"]
    name: str = _DOCUMENTED["name"]
    acronym: str = _DOCUMENTED["acronym"]
    lead: str = _DOCUMENTED["lead"]
    pi_last: str = _DOCUMENTED["pi_last"]
    pi_first: str = _DOCUMENTED["pi_first"]
    pi_middle: str = _DOCUMENTED["pi_middle"]
    proposal: int = _DOCUMENTED["proposal"]
    version: str = _DOCUMENTED["version"]
    doi: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        if not IDENTIFIER.fullmatch(self.identifier):
            raise UsageError(
                "usage.hlsp-identifier",
                f"{self.identifier!r} cannot be the project in file names",
                "give up to 20 lower-case letters, digits and hyphens, the first a letter, the last no hyphen",
            )
        if not VERSION.fullmatch(self.version):
            raise UsageError(
                "usage.hlsp-version",
                f"{self.version!r} is no version of a product",
                "write one to three parts with dots between them, such as 1, 1.2 or 1.2.3, without the v",
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str) and not _PRINTABLE.fullmatch(value):
                raise UsageError(
                    "usage.hlsp-text",
                    f"{field.name} {value!r} has characters that no FITS header holds",
                    "write it in printable ASCII",
                )
