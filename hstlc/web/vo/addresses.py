"""Full addresses in answers: under the configured name of the server, else as the client asked."""

from __future__ import annotations

import re
from urllib.parse import quote

from fastapi import Request

from hstlc.config.web import WebSection

__all__ = ["Addresses", "addresses_of"]

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Addresses:
    """Addresses of this server.

    Parameters
    ----------
    base : str
        Such as ``https://curves.example.org``, without a slash at its end.

    Examples
    --------
    >>> Addresses("http://localhost:8000").of_curve("a b.fits", "file")
    'http://localhost:8000/api/v1/curves/a%20b.fits/file'
    """

    def __init__(self, base: str) -> None:
        self.base = base

    def of(self, path: str) -> str:
        """Return the full address of a path, such as ``/vo/scs``."""
        return self.base + path

    def of_curve(self, name: str | int, what: str) -> str:
        """Return the address of ``file``, ``data``, ``provenance`` and the like of a light curve."""
        return self.of(f"/api/v1/curves/{quote(str(name), safe='')}/{what}")

    def of_page(self, name: str | int, what: str = "") -> str:
        """Return the address of the page of a light curve, or of ``thumbnail.png`` and the like below it."""
        return self.of(f"/curve/{quote(str(name), safe='')}" + (f"/{what}" if what else ""))


def addresses_of(request: Request, section: WebSection) -> Addresses:
    """Return the addresses to write into an answer.

    Without ``web.base_url`` they are as the client asked; a ``Host`` header that is no name of a host and port is left
    alone: whatever it holds, nothing of it gets into an answer.
    """
    if section.base_url:
        return Addresses(section.base_url)
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        shown = f"[{section.host}]" if ":" in section.host else section.host
        host = f"{shown}:{section.port}"
    return Addresses(f"{'https' if request.url.scheme == 'https' else 'http'}://{host}")
