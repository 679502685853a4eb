"""The services of the stand-in, and the settings that lead to them."""

from __future__ import annotations

from collections.abc import Sequence

from hstlc.testing.archive import cda, csc, sesame, xsa
from hstlc.testing.archive.cda import CdaRouter
from hstlc.testing.archive.csc import CscRouter
from hstlc.testing.archive.mast import MastRouter
from hstlc.testing.archive.messages import Router
from hstlc.testing.archive.sesame import SesameRouter
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xsa import XsaRouter

__all__ = ["environment", "routers"]

_ARCHIVES = ("mast", "xsa", "csc", "cda")


def routers(world: World) -> list[Router]:
    """Return a router for every service of a world."""
    return [MastRouter(world), XsaRouter(world), CscRouter(world), CdaRouter(world), SesameRouter(world)]


def environment(url: str, enabled: Sequence[str] = ()) -> dict[str, str]:
    """Return environment variables that point a configuration at a stand-in.

    Parameters
    ----------
    url : str
        Its address without slash at the end.
    enabled : sequence of str
        Archives to switch on; the others stay as they are.
    """
    paths = {
        "ARCHIVES__MAST__URL": "",
        "ARCHIVES__XSA__TAP_URL": xsa.TAP,
        "ARCHIVES__XSA__FILES_URL": xsa.AIO,
        "ARCHIVES__CSC__TAP_URL": csc.TAP,
        "ARCHIVES__CSC__CONE_URL": csc.CONE,
        "ARCHIVES__CSC__BROWSE_URL": f"{csc.COMMANDS}/browse",
        "ARCHIVES__CSC__FILES_URL": f"{csc.COMMANDS}/retrieveFile",
        "ARCHIVES__CDA__TAP_URL": cda.TAP,
        "ARCHIVES__CDA__FILES_URL": cda.FOLDERS,
        "TARGETS__RESOLVER_URL": f"{sesame.PATH}-oxpI?",
    }
    return {
        **{f"HSTLC_{key}": url + path for key, path in paths.items()},
        **{f"HSTLC_ARCHIVES__{name.upper()}__SPACING": "0.001 s" for name in _ARCHIVES},
        **{f"HSTLC_ARCHIVES__{name.upper()}__ENABLED": "true" for name in enabled},
    }
