"""Which sources a report is about: those around a place, one by its name, or all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from hstlc.archives.sky import separation_deg
from hstlc.db import reports, targets
from hstlc.errors import ArchiveError, UsageError

__all__ = ["RADIUS_DEG", "Choice", "Resolver", "chosen_sources", "find_object", "place_text"]

Row = Mapping[str, Any]

#: Name to its place, ICRS degrees.
Resolver = Callable[[str], tuple[float, float]]

#: Distance from a place, degrees.
RADIUS_DEG = 2 / 60


@dataclass(frozen=True, slots=True)
class Choice:
    """What a report is about.

    Attributes
    ----------
    title : str
    ra_deg, dec_deg : float or None, degrees
        None: sources are not chosen by their place.
    radius_deg : float, degrees
    source : str
        The one name of a source; '' for all that fit.
    target_id : int or None
        Exposures of this target that have no sources are part of the report, and all of it where its place is unknown.
    minimum_counts : int
        Sources with fewer events in each of their observations are left out.
    minimum_significance : float or None
        Sources whose catalog states less, in each of their observations, are left out.
    """

    title: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float = RADIUS_DEG
    source: str = ""
    target_id: int | None = None
    minimum_counts: int = 0
    minimum_significance: float | None = None


def place_text(ra_deg: float, dec_deg: float) -> str:
    """Return the name of a place.

    Examples
    --------
    >>> place_text(68.10058, 17.75)
    '68.10058 +17.75000'
    """
    return f"{ra_deg:.5f} {dec_deg:+.5f}"


def find_object(connection: Connection, name: str, resolver: Resolver | None, radius_deg: float | None) -> Choice:
    """Return what a name means: a source of the store, a target of it, or what a resolver knows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    name : str
    resolver : callable or None
        Is asked for names that the store does not know; None: nobody is.
    radius_deg : float or None, degrees
        By default 2 arcmin around a target; of a source by its name that source alone.

    Raises
    ------
    UsageError
        ``usage.unknown-object``: nobody knows the name.
    """
    places = reports.source_places(connection, name)
    if places:
        title, ra_deg, dec_deg = places[0]
        alone = title if radius_deg is None else ""
        return Choice(title, ra_deg, dec_deg, radius_deg or RADIUS_DEG, source=alone)
    radius_deg = radius_deg or RADIUS_DEG
    if (target := targets.find_target(connection, name)) is not None:
        return Choice(target["name"], target["ra_deg"], target["dec_deg"], radius_deg, target_id=target["id"])
    why = "no name resolver is asked"
    if resolver is not None:
        try:
            return Choice(name, *resolver(name), radius_deg)
        except ArchiveError as error:
            why = error.message
    raise UsageError(
        "usage.unknown-object",
        f"no source and no target of the store is called {name!r}; {why}",
        "'hstlc targets list' shows the targets; or give --ra and --dec",
        name=name,
    )


def chosen_sources(rows: Sequence[Row], choice: Choice) -> list[tuple[str, list[list[Row]]]]:
    """Return the sources that a report is about, nearest first, with the light curves of each observation.

    Parameters
    ----------
    rows : sequence of mappings
        Those of :func:`hstlc.db.reports.reported_curves`.
    choice : Choice

    Returns
    -------
    list of (str, list of lists)
        Name of the source; its observations in order of time, each with its light curves, of which the first one
        stands for the source.
    """
    found: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        if _fits(row, choice):
            name = row["same_as"] or row["source_name"] or row["targname"]
            observation = f"{row['mission']}/{row['rootname']}/{row['source_name']}"
            found.setdefault((row["mission"], name), {}).setdefault(observation, []).append(row)
    kept = [(name, list(curves.values())) for (_, name), curves in found.items() if _bright(curves, choice)]
    return sorted(kept, key=lambda item: (_distance(item[1][0][0], choice), item[0]))


def _fits(row: Row, choice: Choice) -> bool:
    if choice.source:
        return choice.source in (row["same_as"], row["source_name"])
    own = choice.target_id is not None and row["target_id"] == choice.target_id
    if choice.ra_deg is None or choice.dec_deg is None:
        return own if choice.target_id is not None else True
    return _distance(row, choice) <= choice.radius_deg or (own and row["same_as"] is None)


def _distance(row: Row, choice: Choice) -> float:
    if None in (choice.ra_deg, choice.dec_deg):
        return 0.0
    if row["ra_deg"] is None or row["dec_deg"] is None:
        return 360.0
    return separation_deg(row["ra_deg"], row["dec_deg"], choice.ra_deg or 0.0, choice.dec_deg or 0.0)


def _bright(observations: Mapping[str, Sequence[Row]], choice: Choice) -> bool:
    """Tell whether a source passes the thresholds in one of its observations; what is not known passes."""
    leads = [curves[0] for curves in observations.values()]
    counts = [row["source_counts"] for row in leads if row["source_counts"] is not None]
    significances = [row["significance"] for row in leads if row["significance"] is not None]
    least = choice.minimum_significance
    return (not counts or max(counts) >= choice.minimum_counts) and (
        least is None or not significances or max(significances) >= least
    )
