"""Sources that several exposures see: one name, and a composite for each instrument and band."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection

from hstlc.db import sources
from hstlc.db.engine import reading, writing
from hstlc.db.keys import configuration_key, source_setup
from hstlc.missions.registry import missions
from hstlc.model.same_source import Detection, same_sources
from hstlc.pipeline.context import Context

__all__ = ["join_sources"]


def join_sources(context: Context) -> None:
    """Say which sources of different exposures are one, and which of their light curves make a composite.

    What comes out depends on which exposures there are, not on the order in which they came: sources are joined in
    order of time (:func:`hstlc.model.same_source.same_sources`).
    """
    for name, mission in missions().items():
        if not mission.source_radius_arcsec:
            continue
        with reading(context.engine) as connection:
            names, keys = _due(connection, name, mission.source_radius_arcsec)
        if names or keys:
            with writing(context.engine) as connection:
                sources.name_sources(connection, names)
                sources.set_configurations(connection, keys)


def _due(
    connection: Connection, mission: str, radius_arcsec: float
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Return the names of sources and the composites of light curves that are not what they are to be."""
    found = sources.sources_in_time(connection, mission)
    seen = [Detection(row["metadata_id"], row["name"], row["ra_deg"], row["dec_deg"]) for row in found]
    joined = same_sources(seen, radius_arcsec)
    named = {(row["metadata_id"], row["name"]): name for row, name in zip(found, joined, strict=True)}
    names = [(row["id"], name) for row, name in zip(found, joined, strict=True) if row["same_as"] != name]
    curves = sources.curves_of_sources(connection, mission)
    wanted = {row["id"]: _configuration(mission, row, named) for row in curves}
    members = Counter(wanted.values())
    keys = [
        (row["id"], key)
        for row in curves
        if (key := wanted[row["id"]] if members[wanted[row["id"]]] > 1 else "") != row["configuration"]
    ]
    return names, keys


def _configuration(mission: str, row: dict[str, Any], named: dict[tuple[int, str], str]) -> str:
    name = named.get((row["metadata_id"], row["source_name"]))
    if name is None:
        return ""
    return configuration_key(source_setup(mission, row["instrume"], name, row["band"]))
