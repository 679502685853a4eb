"""The stand-in's Chandra Source Catalog: TAP, cone search, and the commands that list and give files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from hstlc.testing.archive.csc_tables import ARCHIVE, MASTER, TABLES, catalog_rows
from hstlc.testing.archive.messages import Incoming, Outgoing
from hstlc.testing.archive.tap import COMMA_JOINS_ONLY, Refused, TapRefusedError, TapResult
from hstlc.testing.archive.tap_formats import VOTABLE_TYPE, votable, votable_error
from hstlc.testing.archive.tap_service import CXC_FORMATS, TapService, spoiled_result
from hstlc.testing.archive.world import File, World
from hstlc.testing.archive.world_tables import WorldTables

__all__ = ["RELEASE", "CscRouter", "separation_deg"]

RELEASE = "rel2.1"
TAP, CONE, COMMANDS = "/csc21tap", "/csc21scs/coneSearch", "/csccli"

_GEOMETRY = Refused(re.compile(r"\b(CONTAINS|CIRCLE|POINT|BOX|POLYGON|INTERSECTS)\s*\(", re.I), "CIRCLE not found")
_LONG_LIST = Refused(re.compile(r"\bIN\s*\((?:[^,()]*,){250}", re.I), "the list is too long")
_PACKAGE = re.compile(r"(?P<obsid>\d+)\.(?P<obi>\d+)\.(?P<region>\d*)/(?P<filetype>\w+)/(?P<band>\w*)")
_WORDS = {  # columns of each VERB of the cone search, each with those before
    1: "name ra dec err_ellipse_r0 conf_flag sat_src_flag significance flux_aper_b flux_aper_w",
    2: "flux_aper_lolim_b flux_aper_hilim_b extent_flag hard_hm hard_ms var_intra_index_b var_intra_index_w",
    3: "var_inter_index_b err_ellipse_r1 err_ellipse_ang likelihood acis_num hrc_num",
}


class CscRouter:
    """Answers as the source catalog, release 2.1."""

    prefixes: tuple[str, ...] = (f"{TAP}/", CONE, f"{COMMANDS}/")

    def __init__(self, world: World) -> None:
        self.world = world
        functions = {"dbo_cone_distance": _separation_arcmin, "dbo_separation": _separation_arcmin}
        refused = (_GEOMETRY, _LONG_LIST, COMMA_JOINS_ONLY)
        self._tables = WorldTables(world, ARCHIVE, TABLES, catalog_rows, refused, functions=functions)
        self._tap = TapService(TAP, self._tables, CXC_FORMATS, lenient=True)

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer to a request."""
        if request.path.startswith(f"{TAP}/"):
            return self._tap.answer(request)
        if request.path == CONE:
            return self._cone(request)
        command = request.path.removeprefix(f"{COMMANDS}/")
        form = request.form
        if command == "getProperties":
            return self._properties(form)
        if command == "browse":
            file = self._file(form.get("packageset", "")) if _is_served(form) else None
            return Outgoing.of_json([] if file is None else [{"filename": file.name.removesuffix(".gz")}])
        if command == "retrieveFile":
            file = self._named(form, request)
            if file is not None:
                return Outgoing(200, {"Content-Type": "application/octet-stream"}, file.content)
        return Outgoing.text("<html><body><h1>404 Not Found</h1></body></html>", 404, "text/html")

    def _cone(self, request: Incoming) -> Outgoing:
        asked = {name.upper(): value for name, value in request.form.items()}
        try:
            ra, dec, radius = (float(asked[name]) for name in ("RA", "DEC", "SR"))
            verbosity = int(asked.get("VERB", 1))
            if not (0 <= ra <= 360 and -90 <= dec <= 90 and 0 <= radius <= 180 and verbosity in _WORDS):
                raise ValueError(f"out of range: {asked}")
        except (KeyError, ValueError) as error:
            content = votable_error(f"RA, DEC, SR in degrees and VERB 1, 2 or 3 are wanted: {error}", cone=True)
            return Outgoing(200, {"Content-Type": VOTABLE_TYPE}, content)
        names = " ".join(_WORDS[level] for level in range(1, verbosity + 1)).split()
        everything = self._tables().query(f"SELECT {', '.join(names)} FROM {MASTER.full_name} ORDER BY name")
        at = names.index("ra")
        near = [one for one in everything.rows if separation_deg(ra, dec, one[at], one[at + 1]) <= radius]
        result = spoiled_result(TapResult(everything.columns, near), request)
        return Outgoing(200, {"Content-Type": VOTABLE_TYPE}, votable(result))

    def _properties(self, form: Mapping[str, str]) -> Outgoing:
        try:
            if not _is_served(form):
                raise TapRefusedError(f"unknown version {form['version']}")
            result = self._tables().query(form.get("query", ""))
        except TapRefusedError as refusal:
            return Outgoing.text(f"Error executing query: {refusal}\n")
        if form.get("outputFormat", "tsv") == "vot":
            return Outgoing(200, {"Content-Type": VOTABLE_TYPE}, votable(result))
        return Outgoing.text(_tsv(result, form.get("nullAppearance", "")))

    def _file(self, package: str) -> File | None:
        found = _PACKAGE.fullmatch(package)
        if found is None or not found["region"]:
            return None
        key = f"{int(found['obsid']):05d}_{int(found['obi']):03d}_r{int(found['region']):04d}"
        shown = self.world.shown(ARCHIVE, key)
        files = () if shown is None else shown.version.files
        wanted = (found["filetype"], found["band"])
        return next((one for one in files if (one.labels["filetype"], one.labels.get("band", "")) == wanted), None)

    def _named(self, form: Mapping[str, str], request: Incoming) -> File | None:
        name, kind = f"{form.get('filename', '')}.gz", form.get("filetype", "")
        every = [file for shown in self.world.visible(ARCHIVE) for file in shown.version.files]
        same = [file for file in every if file.labels["filetype"] == kind]
        if request.fault("wrong_file") is not None:
            same = [file for file in same if file.name != name] or same
            return next(iter(same), None)
        return next((file for file in same if file.name == name and _is_served(form)), None)


def _is_served(form: Mapping[str, str]) -> bool:
    return form.get("version", "cur") in (RELEASE, "cur", "")


def _tsv(result: TapResult, null: str) -> str:
    lines = [f'#Column\t{one.name}\t(A20)\t({one.name})\t["{one.description}"]\t[{one.unit}]' for one in result.columns]
    lines.append("\t".join(one.name for one in result.columns))
    lines += ["\t".join(null if value is None else str(value) for value in line) for line in result.rows]
    return "\n".join(lines) + "\n"


def separation_deg(ra_deg: float, dec_deg: float, other_ra_deg: float, other_dec_deg: float) -> float:
    """Return the angle between two places in degrees.

    Examples
    --------
    >>> round(separation_deg(0.001, 89.9, 180.001, 89.9), 6)
    0.2
    """
    from astropy.coordinates import angular_separation

    places = (math.radians(value) for value in (ra_deg, dec_deg, other_ra_deg, other_dec_deg))
    return math.degrees(float(angular_separation(*places)))


def _separation_arcmin(*places: Any) -> float | None:
    return None if None in places else 60.0 * separation_deg(*places)
