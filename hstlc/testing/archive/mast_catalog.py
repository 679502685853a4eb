"""The catalogue of MAST's mission search: its columns, and which datasets fulfil what, in which order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import cos, hypot, radians
from typing import Any
from zlib import crc32

from hstlc.testing.archive.history import Shown
from hstlc.testing.archive.mast_query import Kind, QueryRefusal, condition, value_of
from hstlc.testing.archive.world import World

__all__ = ["ALWAYS", "ARCHIVE", "COLUMNS", "ID", "TYPES", "Catalog", "names_of", "value"]

#: Name of the archive in the world.
ARCHIVE = "mast"

ID = "sci_data_set_name"

#: The columns, with the type that conditions go by.
COLUMNS: dict[str, Kind] = {
    ID: "string", "sci_targname": "string", "sci_instrume": "string", "sci_instrument_config": "string",
    "sci_operating_mode": "string", "sci_aper_1234": "string", "sci_spec_1234": "string",
    "sci_central_wavelength": "float", "sci_actual_duration": "float", "sci_start_time": "datetime",
    "sci_stop_time": "datetime", "sci_pep_id": "integer", "sci_pi_last_name": "string", "sci_ra": "ra",
    "sci_dec": "dec", "sci_asn_id": "string", "sci_expflag": "string", "sci_aec": "string",
    "sci_obs_type": "string", "sci_release_date": "datetime", "sci_generation_date": "datetime",
    "sci_archive_date": "datetime", "sci_status": "string", "sci_target_descrip": "substring",
    "sci_broad_category": "string", "sci_archive_class": "string", "sci_refnum": "integer", "sci_hlsp": "integer",
    "scp_scan_type": "string", "search_key": "string", "search_pos": "string", "ang_sep": "float",
}  # fmt: skip

TYPES = {"integer": "INTEGER", "float": "FLOAT", "ra": "FLOAT", "dec": "FLOAT", "datetime": "DATETIME"}
ALWAYS = (ID, "search_key", "search_pos", "ang_sep")
_ARCMIN = {"arcseconds": 1 / 60, "arcsec": 1 / 60, "arcminutes": 1.0, "arcmin": 1.0, "degrees": 60.0, "deg": 60.0}
_MOST_QUESTIONS = 64  # whose answers are kept
_MOST_TARGETS, _MOST_RADIUS = 100, 30.0

#: A dataset, and its distance from the place that was asked for, if one was.
Found = tuple[Shown, float | None]


class Catalog:
    """What the mission search knows of a world.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept: tuple[tuple[int, int], dict[str, list[Found]]] = ((-1, -1), {})

    def called(self, name: str) -> str:
        """Return what a column is called now."""
        return self.world.column_name(ARCHIVE, name)

    def known(self) -> dict[str, str]:
        """Return our names of the columns by those that they have now."""
        return {self.called(name): name for name in COLUMNS}

    def matching(self, body: Mapping[str, Any]) -> list[Found]:
        """Return everything that fulfils the conditions, in order; kept as long as the world stands still.

        Raises
        ------
        QueryRefusal
        """
        now = self.world.clock.now()
        epoch = self.world.epoch(ARCHIVE, now)
        if epoch != self._kept[0] or len(self._kept[1]) > _MOST_QUESTIONS:
            self._kept = (epoch, {})
        kept = self._kept[1]
        parts = ("conditions", "sort_by", "sort_desc", "target", "radius", "radius_units")
        key = json.dumps({part: body.get(part) for part in parts}, sort_keys=True)
        if key not in kept:
            kept[key] = self._matching(body, self.known(), now)
        return kept[key]

    def _matching(self, body: Mapping[str, Any], known: Mapping[str, str], now: datetime) -> list[Found]:
        conditions = [(name, text) for one in body.get("conditions") or [] for name, text in one.items()]
        names_of([name for name, _ in conditions], known)
        tests = [(known[name], condition(str(text), COLUMNS[known[name]])) for name, text in conditions]
        near = _near(body)
        found: list[Found] = []
        for shown in self.world.visible(ARCHIVE, now):
            if all(test(value(shown, name)) for name, test in tests):
                away = near(shown)
                if away is None or away >= 0:
                    found.append((shown, away))
        _sort(found, names_of(body.get("sort_by") or [], known), body.get("sort_desc") or [], known)
        return found


def names_of(names: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Return names of columns, all of which there are.

    Raises
    ------
    QueryRefusal
    """
    for name in names:
        if name not in known:
            raise QueryRefusal(f"there is no column {name!r}")
    return list(names)


def value(shown: Shown, name: str) -> Any:
    """Return what a column says of a dataset; texts are not padded yet."""
    if name == "sci_generation_date":
        return shown.version.key
    if name == "sci_archive_date":
        return _written(shown.version.archived, shown.key)
    if name == "sci_release_date":
        return _written(shown.release or shown.record.versions[0].archived, "")
    if name == "sci_status":
        return "PUBLIC" if shown.public else "PROPRIETARY"
    if name == "search_pos":
        return f"{shown.columns.get('sci_ra')} {shown.columns.get('sci_dec')}"
    if name == "search_key":
        return f"{shown.columns.get('sci_ra')} {shown.columns.get('sci_dec')}{shown.key}"
    return shown.columns.get(name)


def _written(moment: datetime, key: str) -> str:
    """Return a date as the archive writes it: with or without fraction of a second, from row to row."""
    plain = moment.replace(tzinfo=None)
    return plain.isoformat(timespec="microseconds" if crc32(key.encode()) % 3 == 0 else "auto")


def _sort(found: list[Found], names: Sequence[str], descending: Sequence[bool], known: Mapping[str, str]) -> None:
    """Sort by columns, those named first counting most; nulls come last."""
    order = [*descending, *[False] * len(names)][: len(names)]
    for name, down in reversed(list(zip(names, order, strict=True))):
        kind = COLUMNS[known[name]]
        values = {id(one): value_of(value(one, known[name]), kind) for one, _ in found}
        nulls = [pair for pair in found if values[id(pair[0])] is None]
        there = [pair for pair in found if values[id(pair[0])] is not None]
        there.sort(key=lambda pair, values=values: values[id(pair[0])], reverse=bool(down))  # type: ignore[misc]
        found[:] = there + nulls


def _near(body: Mapping[str, Any]) -> Callable[[Shown], float | None]:
    """Return what gives the distance from the nearest place in arcminutes: None without places, -1 if too far."""
    places = body.get("target")
    if not places:
        return lambda _: None
    radius = float(body.get("radius", 3.0)) * _ARCMIN.get(str(body.get("radius_units", "arcminutes")), 0.0)
    if len(places) > _MOST_TARGETS or not 0 < radius <= _MOST_RADIUS:
        raise QueryRefusal(f"{len(places)} places with radius {radius} arcmin: at most 100, and 30 arcmin, are allowed")
    try:
        centers = [tuple(float(part) for part in str(place).split()) for place in places]
    except ValueError:
        raise QueryRefusal(f"{places!r}: 'RA DEC' in degrees is wanted") from None

    def distance(shown: Shown) -> float:
        ra, dec = float(shown.columns["sci_ra"]), float(shown.columns["sci_dec"])
        nearest = min(
            60 * hypot(((ra - one[0] + 180) % 360 - 180) * cos(radians(dec)), dec - one[1]) for one in centers
        )
        return nearest if nearest <= radius else -1.0

    return distance
