"""A client that takes whatever comes, and says how far that was."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPResponse, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

from hstlc.testing.archive import StandIn

__all__ = ["Got"]


class Got:
    """An answer, its body read as far as it comes; ``error`` is what ended it early."""

    def __init__(self, archive: StandIn, path: str = "/a.fits", method: str = "GET", **headers: str) -> None:
        place = urlsplit(archive.url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=5.0)
        self.status, self.headers, self.body, self.error = 0, {}, b"", None
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            self._read(connection.getresponse())
        except (OSError, RemoteDisconnected) as error:
            self.error = error
        finally:
            connection.close()

    def _read(self, response: HTTPResponse) -> None:
        self.status, self.headers = response.status, {name.lower(): value for name, value in response.getheaders()}
        try:
            self.body = response.read()
        except IncompleteRead as error:
            self.body, self.error = error.partial, error
