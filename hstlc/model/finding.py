"""What a look at a file or exposure found: a value, never an exception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How much a finding matters; the values are the strings stored in SQL."""

    REJECT = "reject"  # no light curve is made; the exposure goes to bad_data
    FLAG = "flag"  # the curve is made, the finding stays with it


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one check.

    Attributes
    ----------
    check : str
        Name of the check, such as ``expflag``.
    severity : Severity
        REJECT or FLAG.
    reason : str
        The registered text, such as ``Bad EXPFLAG``; goes to ``bad_data.reason``.
    message : str
        What was expected and what was found.
    filename : str
        The file it is about, '' for the exposure as a whole.
    """

    check: str
    severity: Severity
    reason: str
    message: str
    filename: str = ""
