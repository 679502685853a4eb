"""Hold a file against the rules of High Level Science Products."""

from __future__ import annotations

from pathlib import Path

from hstlc.errors import UnsupportedModeError
from hstlc.formats.hlsp.file_rules import FILE_RULES
from hstlc.formats.hlsp.header_rules import HEADER_RULES
from hstlc.formats.hlsp.product import read_product
from hstlc.formats.hlsp.project import Profile
from hstlc.formats.hlsp.rule import Rule, RuleResult, Verdict

__all__ = ["RULES", "RuleResult", "Verdict", "check_hlsp", "rules_of"]

#: Every rule; a name stands once for each profile.
RULES: tuple[Rule, ...] = (*FILE_RULES, *HEADER_RULES)


def rules_of(profile: Profile) -> tuple[Rule, ...]:
    """Return the rules of a profile."""
    return tuple(rule for rule in RULES if profile in rule.profiles)


def check_hlsp(path: Path, profile: Profile | None = None) -> tuple[RuleResult, ...]:
    """Hold a file against every rule of a profile.

    Parameters
    ----------
    path : Path
        A FITS file.
    profile : Profile, optional
        Whose rules; by default those that its headers name: HLSPID, HLSPTARG or HLSPVER stand for ``mast``, HLSPACRN or
        PR_INV_L for ``legacy``.

    Returns
    -------
    tuple of RuleResult
        One a rule, in the order of the table. What the file cannot tell is unchecked, never in order.

    Raises
    ------
    UnsupportedModeError
        ``data.not-hlsp``: no profile is given and the headers name none.
    UnreadableError, InconsistentError
        Not a whole FITS file, or gone.
    """
    product, named = read_product(path, profile)
    if profile is None and named is None:
        raise UnsupportedModeError(
            "data.not-hlsp",
            f"{path} has none of the keywords that name a profile: HLSPID, HLSPTARG, HLSPVER, HLSPACRN, PR_INV_L",
            "give a composite light curve, or say with --profile what the file should be",
            path=str(path),
        )
    results = []
    for rule in rules_of(product.profile):
        answer = rule.look(product)
        results.append(RuleResult(rule.name, answer.verdict, answer.message or rule.words))
    return tuple(results)
