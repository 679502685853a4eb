"""The stand-in's Chandra Data Archive: TAP, folders of observations, and the search for footprints."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hstlc.testing.archive.csc import separation_deg
from hstlc.testing.archive.messages import Incoming, Outgoing
from hstlc.testing.archive.tap import TapColumn, TapResult, TapTable
from hstlc.testing.archive.tap_formats import VOTABLE_TYPE, votable, votable_error
from hstlc.testing.archive.tap_service import CXC_FORMATS, TapService
from hstlc.testing.archive.world import Shown, World
from hstlc.testing.archive.world_tables import Rows, WorldTables, blank_date, columns, row

__all__ = ["ARCHIVE", "CdaRouter"]

ARCHIVE = "cda"
TAP, FOLDERS, FOOTPRINTS = "/cxctap", "/cdaftp/byobsid", "/fps-dbdal-rest/jax-rs/main/footprints"

OBSERVATION = TapTable(
    "cxc",
    "observation",
    (
        TapColumn("obsid", "int", description="Observation id"),
        *columns("target_name instrument grating status exposure_mode grid_name joint_obs category proposal_number"),
        *columns("ra dec", "double", "deg"),
        *(TapColumn("start_date", "time"), TapColumn("public_avail_date", "time")),
        *(TapColumn("exposure_time", "double", "ks"), TapColumn("event_count", "int")),
        *(TapColumn("event_count_rate", "double", "s-1"), TapColumn("sequence_num", "int")),
    ),
    "observations",
)
_FOOTPRINT = (
    *columns("ObsId", "int"),
    *columns("Instrument Grating target_name obs_date pi_last_name"),
    *columns("RA Dec", "double", "deg"),
    *columns("Exposure", "double", "ks"),
)
_NOT_FOUND = "<!DOCTYPE HTML><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


class CdaRouter:
    """Answers as the archive of Chandra."""

    prefixes: tuple[str, ...] = (f"{TAP}/", f"{FOLDERS}/", FOOTPRINTS)

    def __init__(self, world: World) -> None:
        self.world = world
        tables = WorldTables(world, ARCHIVE, (OBSERVATION,), _rows)
        self._tap = TapService(TAP, tables, CXC_FORMATS, lenient=True, redirects=True)

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer to a request."""
        if request.path.startswith(f"{TAP}/"):
            return self._tap.answer(request)
        if request.path == FOOTPRINTS:
            return self._footprints(request)
        return self._below(request)

    def _below(self, request: Incoming) -> Outgoing:
        digit, _, rest = request.path.removeprefix(f"{FOLDERS}/").partition("/")
        obsid, _, inside = rest.partition("/")
        folder, _, name = inside.partition("/")
        shown = self.world.shown(ARCHIVE, obsid)
        if shown is None or not shown.public or digit != obsid[-1:]:
            return Outgoing.text(_NOT_FOUND, 404, "text/html")
        files = shown.version.files
        folders = sorted({file.labels["folder"] for file in files})
        if not folder:
            return _index(request.path, [f"{one}/" for one in folders], shown.version.made)
        here = [file for file in files if file.labels["folder"] == folder]
        if not name and here:
            return _index(request.path, [file.name for file in here], shown.version.made)
        if request.fault("wrong_file") is not None:
            others = (one for one in self.world.visible(ARCHIVE) if one.key != obsid)
            here = [file for one in others for file in one.version.files if file.name[-13:] == name[-13:]][:1]
            name = here[0].name if here else name
        found = next((file for file in here if file.name == name), None)
        if found is None:
            return Outgoing.text(_NOT_FOUND, 404, "text/html")
        headers = {"Content-Encoding": "gzip"} if name.endswith(".gz") else {}
        return Outgoing.file(found.content, "image/fits", modified=shown.version.made, headers=headers)

    def _footprints(self, request: Incoming) -> Outgoing:
        asked = request.form
        try:
            ra, dec = (float(value) for value in asked["POS"].split(","))
            size = float(asked["SIZE"])
        except (KeyError, ValueError) as error:
            return Outgoing(400, {"Content-Type": VOTABLE_TYPE}, votable_error(f"POS and SIZE are wanted: {error}"))
        instruments = [name for name in asked.get("INST", "").split(",") if name]
        near = []
        for shown in self.world.visible(ARCHIVE):
            one = shown.columns
            wanted = shown.public and (not instruments or one["instrument"] in instruments)
            if wanted and separation_deg(ra, dec, one["ra"], one["dec"]) <= size:
                near.append((int(shown.key), one["instrument"], "NONE", one["target_name"],
                             blank_date(one["start_date"]), "SIMULATED", one["ra"], one["dec"], 3.0))  # fmt: skip
        return Outgoing(200, {"Content-Type": VOTABLE_TYPE}, votable(TapResult(_FOOTPRINT, near)))


def _rows(visible: Sequence[Shown]) -> Rows:
    return {OBSERVATION.full_name: [row(OBSERVATION, _observation(shown)) for shown in visible]}


def _observation(shown: Shown) -> dict[str, Any]:
    return {
        "obsid": int(shown.key), "grating": "NONE", "status": "archived", "exposure_mode": "TE",
        "category": "SIMULATED", "proposal_number": "01234567", "exposure_time": 3.0, "event_count": 240,
        "event_count_rate": 0.08, "sequence_num": 500000, **shown.columns,
        "start_date": blank_date(shown.columns["start_date"]),
        "public_avail_date": blank_date(shown.release or shown.version.archived),
    }  # fmt: skip


def _index(path: str, names: Sequence[str], modified: datetime) -> Outgoing:
    """Return the page that a web server makes of a folder."""
    path = f"{path.rstrip('/')}/"
    above = f"{path.rstrip('/').rpartition('/')[0]}/"
    lines = [
        *(f"<html><head><title>Index of {html.escape(path[:-1])}</title></head><body>",),
        *(f"<h1>Index of {html.escape(path[:-1])}</h1><pre>",),
        '<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a> <a href="?C=S;O=A">Size</a><hr>',
        f'<a href="{html.escape(above)}">Parent Directory</a>                             -',
        *(f'<a href="{name}">{name}</a>  {modified:%Y-%m-%d %H:%M}   12K' for name in map(html.escape, names)),
        "</pre></body></html>",
    ]
    return Outgoing.text("\n".join(lines), content_type="text/html;charset=UTF-8")
