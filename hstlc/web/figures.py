"""The figures of the first page: they are computed once for everybody, and kept for some seconds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from hstlc.db import overview
from hstlc.db.logbook import BOOKS, choices, page
from hstlc.db.overview import InstrumentCount, MissionCount, Place
from hstlc.missions.registry import missions
from hstlc.web.kept import Aged, Kept
from hstlc.web.site import Site
from hstlc.web.sky import MOST_MARKS, sky_map, sky_marks

__all__ = ["Counts", "Figures", "News"]

logger = logging.getLogger(__name__)

_COUNTS_S, _NEWS_S, _CHOICES_S = 30.0, 5.0, 60.0
_CURVES, _CANDIDATES = 12, 5


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is of what, and where."""

    missions: Sequence[MissionCount]
    instruments: Sequence[InstrumentCount]
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class News:
    """What came last, and how the work goes: rows as :mod:`hstlc.db.overview` and the logbook give them."""

    curves: Sequence[Mapping[str, Any]]
    candidates: Sequence[Mapping[str, Any]]
    work: Mapping[str, Any]


class Figures:
    """What pages show that is costly to count and may be some seconds old.

    Parameters
    ----------
    site : Site
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._counts: Kept[None, Counts] = Kept(self._count, seconds=_COUNTS_S)
        self._skies: Kept[str, Markup] = Kept(self._draw, seconds=_COUNTS_S)
        self._news: Kept[str, News] = Kept(self._look, seconds=_NEWS_S)
        self._choices: Kept[str, dict[str, list[str]]] = Kept(self._choose, seconds=_CHOICES_S)

    def warm(self) -> None:
        """Compute what the first visitor would wait for, in a thread of its own."""
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def _warm(self) -> None:
        try:
            self.news("")
            self.sky("")
        except Exception as error:
            logger.warning("the figures of the first page wait for who asks first: %s", error)

    def counts(self) -> Aged[Counts]:
        """Return how much there is of what."""
        return self._counts.get(None)

    def sky(self, mission: str) -> Aged[Markup]:
        """Return the map of the targets of a mission; '': of all."""
        return self._skies.get(mission)

    def news(self, mission: str) -> Aged[News]:
        """Return what came last of a mission ('': of all), and how the work goes."""
        return self._news.get(mission)

    def choices(self, book: str) -> Mapping[str, Sequence[str]]:
        """Return what the filters of a book of the logbook can be set to."""
        return self._choices.get(book).value

    def known_missions(self) -> dict[str, str]:
        """Return name and title of the missions that are installed or have rows."""
        titles = {name: mission.title for name, mission in missions().items()}
        return titles | {row.mission: row.mission for row in self.counts().value.missions if row.mission not in titles}

    def _count(self, _: None) -> Counts:
        with self._site.reading() as connection:
            return Counts(
                overview.mission_counts(connection),
                overview.instrument_counts(connection),
                overview.places(connection),
            )

    def _draw(self, mission: str) -> Markup:
        own = [place for place in self.counts().value.places if not mission or place.mission == mission]
        crowded = len({place.name for place in own}) > MOST_MARKS
        what = "Each mark is a cell of the sky with targets" if crowded else "Each mark is a target"
        text = f"{what}. Equal areas are equally large; 12 h is in the middle and east is left."
        return sky_map(sky_marks(own, mission), text)

    def _look(self, mission: str) -> News:
        there = not mission or any(row.mission == mission for row in self.counts().value.missions)
        with self._site.reading() as connection:
            return News(
                overview.latest_curves(connection, mission, limit=_CURVES) if there else [],
                page(connection, BOOKS["candidates"], {"mission": mission}, limit=_CANDIDATES).rows,
                overview.work(connection, datetime.now(UTC)),
            )

    def _choose(self, book: str) -> dict[str, list[str]]:
        with self._site.reading() as connection:
            return choices(connection, BOOKS[book])
