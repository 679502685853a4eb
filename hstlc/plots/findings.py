"""The page of the checks: what each found in how many exposures, and what remained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hstlc.plots.assets import fill_template
from hstlc.plots.datatable import Column, data_table
from hstlc.plots.tables import INDEX

__all__ = ["FINDINGS", "FINDING_COLUMNS", "CheckRow", "findings_page"]

#: Name of the page.
FINDINGS = "findings.html"

FINDING_COLUMNS = (
    Column("reason", "finding", "What is recorded with an exposure."),
    Column("severity", "severity", "Reject: no light curve is made. Flag: it is made, and the finding stays with it."),
    Column("found", "exposures", "Exposures in which the check found something, whatever others found.", kind="number"),
    Column(
        "first", "first", "Exposures in which it was the first to find something, in the order here.", kind="number"
    ),
    Column("remaining", "remaining", "Exposures in which nothing was found up to here.", kind="number"),
    Column("check", "check", "Short name of the check."),
    Column("explanation", "what must hold", "The rule that the check asks about.", kind="name"),
    Column("mission", "mission", "Mission whose exposures are asked."),
)


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check and what became of the exposures that it was asked about.

    Attributes
    ----------
    mission, check : str
    severity, reason, explanation : str
        What a finding of it means, its registered text, and the sentence that must hold.
    found : int
        Exposures in which it found something.
    first : int
        Those of them in which no check before it did.
    remaining : int
        Exposures in which neither it nor a check before it found anything.
    """

    mission: str
    check: str
    severity: str
    reason: str
    explanation: str
    found: int
    first: int
    remaining: int


def findings_page(rows: Sequence[CheckRow], exposures: int, *, static: str) -> bytes:
    """Return the HTML page of what the checks found.

    Parameters
    ----------
    rows : sequence of CheckRow
        In the order in which the checks count.
    exposures : int
        How many were asked about.
    static : str
        Relative URL of the folder of :func:`hstlc.plots.assets.asset_files`.

    Returns
    -------
    bytes
        UTF-8, the same for the same rows.
    """
    spotless = exposures - sum(row.first for row in rows)
    rejected = sum(row.first for row in rows if row.severity == "reject")
    noun = "exposure" if exposures == 1 else "exposures"
    intro = (
        f"What the quality checks found in {exposures:,} {noun}: {rejected:,} rejected, {spotless:,} without a finding."
        " Every check is asked of every exposure; from the top down, ever fewer exposures remain without a finding."
    )
    values: dict[str, list[Any]] = {
        "reason": [row.reason for row in rows],
        "severity": [row.severity for row in rows],
        "found": [row.found for row in rows],
        "first": [row.first for row in rows],
        "remaining": [row.remaining for row in rows],
        "check": [row.check for row in rows],
        "explanation": [row.explanation.replace("`", "") for row in rows],
        "mission": [row.mission for row in rows],
    }
    table = data_table(
        FINDING_COLUMNS,
        values,
        caption="Findings of the checks",
        noun="checks",
        search=("reason", "check", "severity", "mission", "explanation"),
        searched="finding, check or rule",
    )
    return fill_template("table.html", title="Findings", intro=intro, static=static, index=INDEX, table=table)
