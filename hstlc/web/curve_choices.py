"""What the form of the table of light curves offers to choose from."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from hstlc.db.browse import instruments
from hstlc.web.kept import Kept
from hstlc.web.site import Site

__all__ = ["CurveChoices", "choices_of", "keep_choices"]

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CurveChoices:
    """Missions and instruments that there are light curves of.

    Attributes
    ----------
    missions, instruments : tuple of (str, str)
        Value and what is shown of it, sorted.
    """

    missions: tuple[tuple[str, str], ...]
    instruments: tuple[tuple[str, str], ...]


def keep_choices(site: Site) -> Kept[None, CurveChoices]:
    """Return the choices of a store, read again after some seconds."""

    def read(_: None) -> CurveChoices:
        with site.reading() as connection:
            found = instruments(connection)
        missions, names = sorted({one for one, _ in found}), sorted({name for _, name in found if name})
        return CurveChoices(tuple((one, one) for one in missions), tuple((one, one) for one in names))

    return Kept(read, seconds=_SECONDS)


def choices_of(request: Request) -> CurveChoices:
    """Return the choices for a page."""
    kept: Kept[None, CurveChoices] = request.app.state.curve_choices
    return kept.get(None).value
