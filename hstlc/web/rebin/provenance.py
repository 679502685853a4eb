"""What a stored light curve is made of: files, settings, versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from hstlc.config import Settings
from hstlc.db.light_curves import find_light_curve
from hstlc.db.rebin import exclusions, parts_of
from hstlc.db.records import products_by_id
from hstlc.missions.registry import missions
from hstlc.pipeline.observation import values_of_row
from hstlc.version import VERSION
from hstlc.web.errors import NotFoundError

__all__ = ["provenance"]

_FILE = ("kind", "filename", "sha256", "size_bytes", "cal_ver", "state")
_PRODUCT = ("filename", "sha256", "size_bytes", "input_digest", "settings_digest", "step_version")


def provenance(connection: Connection, name: str, settings: Settings) -> dict[str, Any]:
    """Return what a light curve is made of as plain values; see the interfaces.

    Raises
    ------
    NotFoundError
        There is no such light curve.
    """
    row = find_light_curve(connection, name)
    if row is None:
        raise NotFoundError(f"there is no light curve {name!r}", "look for it at /curves")
    parts = parts_of(connection, row["product_id"], row["kind"])
    (product,) = products_by_id(connection, [row["product_id"]])
    mission = missions().get(row["mission"])
    read: dict[str, Any] = {}
    if mission is not None and parts:
        values = values_of_row(parts[0].exposure)
        own = settings.missions.get(mission.name) or mission.settings_model()
        read = _plain(mission.extraction_settings(values, own))
    composite = row["kind"] == "composite"
    members = exclusions(connection, row["product_id"]) if composite else []
    return {
        "name": row["filename"],
        "files": [
            {"rootname": part.exposure["rootname"], **{key: file[key] for key in _FILE}}
            for part in parts
            for file in part.files
        ],
        "settings": read,
        "versions": {"hstlc": VERSION, "step_version": product["step_version"], **_libraries()},
        "product": {**{key: product[key] for key in _PRODUCT}, "made_at": product["made_at"].isoformat()},
        "members": [dict(member) for member in members],
    }


def _libraries() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "astropy", "scipy")}


def _plain(values: Any) -> Any:
    """Return settings as values of JSON."""
    if isinstance(values, dict):
        return {str(key): _plain(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_plain(value) for value in values]
    return values if isinstance(values, (str, int, float, bool)) or values is None else str(values)
