"""Rows of the table of figures, and the table as markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Row", "markdown"]

HEADINGS = ("figure", "ours", "original", "ratio", "goal", "reached", "what limits it")


@dataclass(frozen=True)
class Row:
    """One figure, as text.

    Attributes
    ----------
    name : str
        What was measured.
    ours, theirs, ratio : str
        With units; '' for what was not measured.
    goal : str
        What is wanted; '' for a figure that is only told.
    reached : bool or None
        None without a goal.
    limited_by : str
        What keeps it from being better.
    """

    name: str
    ours: str
    theirs: str = ""
    ratio: str = ""
    goal: str = ""
    reached: bool | None = None
    limited_by: str = ""


def markdown(rows: Iterable[Row]) -> str:
    """Return the table as markdown, one line a row.

    Examples
    --------
    >>> print(markdown([Row("write a curve", "0.5 ms", "17 ms", "34", ">= 15", True)]))
    | figure | ours | original | ratio | goal | reached | what limits it |
    | --- | --- | --- | --- | --- | --- | --- |
    | write a curve | 0.5 ms | 17 ms | 34 | >= 15 | yes | |
    """
    lines = [HEADINGS, ("---",) * len(HEADINGS)]
    for row in rows:
        reached = "" if row.reached is None else "yes" if row.reached else "**no**"
        lines.append((row.name, row.ours, row.theirs, row.ratio, row.goal, reached, row.limited_by))
    return "\n".join("| " + " | ".join(cells).rstrip() + " |" for cells in lines)
