"""The texts by which products and groups of exposures are known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

__all__ = ["CONFIGURATION", "configuration_key", "mission_of", "product_key", "source_setup"]

#: What exposures have in common that make one composite; columns of ``metadata``.
CONFIGURATION = ("mission", "instrume", "detector", "targname", "opt_elem", "cenwave", "aperture")

_LONGEST = 512


def product_key(mission: str, rootname: str, source_name: str = "", band: str = "") -> str:
    """Return the key of an individual light curve in ``product``; a slash in a name is written as %2F."""
    return "/".join(quote(name, safe=" ") for name in (mission, rootname, source_name, band))


def mission_of(key: str) -> str:
    """Return the mission of the key of a light curve of an exposure or of a composite.

    Examples
    --------
    >>> mission_of(product_key("sky", "lsim01aaq"))
    'sky'
    """
    return unquote(key.partition("/")[0])


def source_setup(mission: str, instrume: str, name: str, band: str) -> dict[str, Any]:
    """Return what the light curves of a source in several exposures have in common, as columns :data:`CONFIGURATION`.

    Examples
    --------
    >>> configuration_key(source_setup("sky", "CAMERA", "SKY J0102+03", "broad"))
    'sky/CAMERA/ALL/SKY J0102+03/BROAD/0/SOURCE'
    """
    common = {"detector": "ALL", "cenwave": 0, "aperture": "SOURCE"}
    return {"mission": mission, "instrume": instrume, "targname": name, "opt_elem": band.upper(), **common}


def configuration_key(values: Mapping[str, Any]) -> str:
    """Return the key of the composite that an exposure belongs to.

    Parameters
    ----------
    values : mapping
        With the columns :data:`CONFIGURATION`.

    Returns
    -------
    str
        At most 512 characters; the end of a longer text is replaced by its SHA-256.

    Examples
    --------
    >>> setup = {"instrume": "CAMERA", "detector": "A/B", "opt_elem": "NONE", "cenwave": 0, "aperture": "WIDE"}
    >>> configuration_key({"mission": "sky", "targname": "GJ-436", **setup})
    'sky/CAMERA/A%2FB/GJ-436/NONE/0/WIDE'
    """
    text = "/".join(str(values[name]).replace("%", "%25").replace("/", "%2F") for name in CONFIGURATION)
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 65]}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
