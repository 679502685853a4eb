"""The stand-in's name resolver: names of targets in the world and a few well-known ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, SubElement, tostring

from hstlc.testing.archive.messages import Incoming, Outgoing
from hstlc.testing.archive.world import World

__all__ = ["KNOWN", "Place", "SesameRouter"]

PATH = "/cgi-bin/nph-sesame/"


class Place(NamedTuple):
    """What a name means: ICRS in degrees, and other names."""

    ra_deg: float
    dec_deg: float
    names: tuple[str, ...]


KNOWN = (
    Place(175.5462223, 26.7065694, ("Ross 905", "GJ 436", "LP 316-8", "2MASS J11421096+2642251")),
    Place(148.8882194, 69.0652951, ("M 81", "NGC 3031", "UGC 5318")),
    Place(166.1138086, 38.2088329, ("Mrk 421", "QSO B1101+384")),
)
_ARCHIVES: Mapping[str, tuple[str, str, str]] = {
    "mast": ("sci_targname", "sci_ra", "sci_dec"),
    "xsa": ("target", "ra", "dec"),
    "csc": ("name", "ra", "dec"),
    "cda": ("target_name", "ra", "dec"),
}


class SesameRouter:
    """Answers as Sesame: in XML when its options have an x, otherwise in lines of text."""

    prefixes: tuple[str, ...] = (PATH,)

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer to a request."""
        options = request.path.removeprefix(PATH)
        name = unquote_plus(request.query_text)
        place = self._place(name)
        if "x" in options.partition("/")[0]:
            return Outgoing(200, {"Content-Type": "text/xml"}, _xml(name, place))
        return Outgoing.text(_text(name, place))

    def _place(self, name: str) -> Place | None:
        wanted = _plain(name)
        for place in KNOWN:
            if wanted in map(_plain, place.names):
                return place
        for archive, (title, ra, dec) in _ARCHIVES.items():
            for shown in self.world.visible(archive):
                one = shown.columns
                if wanted and wanted == _plain(str(one.get(title) or "")) and one.get(ra) is not None:
                    return Place(float(one[ra]), float(one[dec]), (str(one[title]),))
        return None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).upper()


def _xml(name: str, place: Place | None) -> bytes:
    root = Element("Sesame")
    target = SubElement(root, "Target", option="SNV")
    SubElement(target, "name").text = name
    if place is None:
        for service in ("S=Simbad (via url)", "N=NED (via url)", "V=VizieR (local)"):
            SubElement(SubElement(target, "Resolver", name=service), "INFO").text = "*** Nothing found ***"
    else:
        resolver = SubElement(target, "Resolver", name="S=Simbad (via url)")
        lines = {"otype": "*", "jpos": _sexagesimal(place), "jradeg": f"{place.ra_deg:.7f}"}
        lines |= {"jdedeg": f"{place.dec_deg:+.7f}", "oname": place.names[0]}
        for tag, text in lines.items():
            SubElement(resolver, tag).text = text
        for alias in place.names:
            SubElement(resolver, "alias").text = alias
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def _text(name: str, place: Place | None) -> str:
    if place is None:
        return (
            f"# {name}\t#Q1\n#!SIMBAD: Nothing found\n#!NED: Nothing found\n#!VizieR: Nothing found\n\n#====Done====\n"
        )
    lines = (
        *(f"# {name}\t#Q1", "#=S=Simbad (via url):    1     0ms", "%@ 123", "%C.0 *"),
        f"%J {place.ra_deg:.7f} {place.dec_deg:+.7f} = {_sexagesimal(place)}",
        *(f"%I.0 {place.names[0]}", *(f"%I {alias}" for alias in place.names[1:]), "", "#====Done===="),
    )
    return "\n".join(lines) + "\n"


def _sexagesimal(place: Place) -> str:
    from astropy.coordinates import Angle

    hours = Angle(place.ra_deg, "deg").to_string(unit="hourangle", sep=":", precision=2, pad=True)
    degrees = Angle(place.dec_deg, "deg").to_string(sep=":", precision=1, pad=True, alwayssign=True)
    return f"{hours} {degrees}"
