"""What a rule of a High Level Science Product is, and what it says of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hstlc.formats.hlsp.product import Product
from hstlc.formats.hlsp.project import Profile

__all__ = ["Answer", "Rule", "RuleResult", "Verdict", "broken", "ok", "unchecked"]


class Verdict(StrEnum):
    """What became of a rule."""

    OK = "ok"
    BROKEN = "broken"
    UNCHECKED = "unchecked"  #: nobody can tell from the file


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rule says of a file."""

    verdict: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and the function that looks.

    Attributes
    ----------
    name : str
        Short and stable, such as ``keyword DATE-BEG``.
    words : str
        The rule as a sentence.
    profiles : tuple of Profile
        Where it holds.
    look : callable
        From the product to its answer.
    """

    name: str
    words: str
    profiles: tuple[Profile, ...]
    look: Callable[[Product], Answer]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of a rule in a file.

    Attributes
    ----------
    rule : str
        Name of the rule.
    verdict : Verdict
    message : str
        A sentence: what is wrong, or why it cannot be told, or the rule itself.
    """

    rule: str
    verdict: Verdict
    message: str


def ok(message: str = "") -> Answer:
    """Return that the rule is kept; without a message the rule's own words stand."""
    return Answer(Verdict.OK, message)


def broken(message: str) -> Answer:
    """Return that the rule is broken, and how."""
    return Answer(Verdict.BROKEN, message)


def unchecked(message: str) -> Answer:
    """Return that the file does not tell, and why."""
    return Answer(Verdict.UNCHECKED, message)
