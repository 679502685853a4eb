"""Rows of a table of observations that see a place, or are of a target of some name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hstlc.archives.sky import boxes, within
from hstlc.archives.tap import Table, TapAnswer, quoted
from hstlc.errors import RejectedError

if TYPE_CHECKING:
    from hstlc.archives.base import Selection
    from hstlc.archives.keyset import KeysetWalk

__all__ = ["selected"]


def selected(
    walk: Callable[[list[str]], KeysetWalk],
    table: Table,
    column: str,
    name: str,
    selection: Selection,
    radius_deg: float,
) -> Iterator[TapAnswer]:
    """Yield the rows that see the place of a selection; without a place, those whose target has a name.

    Parameters
    ----------
    walk : callable
        Conditions to a walk through the rows that fulfil them.
    table : Table
        With columns ``ra`` and ``dec``, in degrees.
    column, name : str
        Of the target, and what it must be.
    selection : Selection
    radius_deg : float, degrees
        Around the place.

    Raises
    ------
    RejectedError
        ``archive.selection``: there is neither a name nor a place.
    ArchiveError
    """
    if selection.ra_deg is None or selection.dec_deg is None:
        if not name:
            raise RejectedError("archive.selection", "a name or a place is wanted, found neither", "give one of them")
        yield from walk([f"{table.theirs(column)} = {quoted(name)}"]).by_key()
        return
    place = selection.ra_deg, selection.dec_deg
    for box in boxes(*place, radius_deg):
        for answer in walk([box.condition(table.theirs("ra"), table.theirs("dec"))]).by_key():
            yield TapAnswer(within(answer.rows, place, radius_deg), answer.reply)
