"""Requests to archives: patient with faults, polite to hosts, silent about secrets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import requests

from hstlc.archives.limits import NetworkSettings
from hstlc.clock import Clock, SystemClock
from hstlc.errors import RejectedError, TransientError
from hstlc.version import VERSION

if TYPE_CHECKING:
    from hstlc.archives.base import Request

__all__ = ["Answer", "Http", "Reply", "Traffic"]

#: What an answer must be; anything else counts as a fault of the archive that may pass.
Answer = Literal["json", "votable", "text", "html", "any"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the content as JSON; NaN and Infinity are taken too."""
        return json.loads(self.content)


@dataclass(slots=True)
class Traffic:
    """What was sent and received so far."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Http:
    """One way to ask archives, for all threads of a process.

    Parameters
    ----------
    settings : NetworkSettings
    clock : Clock, optional
        For back-off and pauses.
    stop : threading.Event, optional
        Set when the process is to end: waits end, and TransientError ``archive.stopped`` is raised.
    """

    def __init__(
        self, settings: NetworkSettings, clock: Clock | None = None, *, stop: threading.Event | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.stop = stop or threading.Event()
        self.traffic = Traffic()
        self.session = requests.Session()
        self.session.headers["User-Agent"] = f"hstlc/{VERSION} ({settings.contact})"

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        answer: Answer = "any",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for something short.

        Raises
        ------
        TransientError, RejectedError, ProprietaryError
        """
        return self._query("GET", url, params=params, headers=headers, answer=answer)

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        json: Any = None,
        answer: Answer = "any",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask a question; see :meth:`get`."""
        return self._query("POST", url, params=params, data=data, json=json, headers=headers, answer=answer)

    def _query(self, method: str, url: str, *, answer: Answer, **options: Any) -> Reply:
        limits = self.settings
        try:
            response = self.session.request(
                method, url, timeout=(limits.connect_timeout_s, limits.read_timeout_s), **options
            )
        except requests.RequestException as error:
            raise TransientError("archive.no-answer", f"{url}: {error}", "try later") from error
        if response.status_code >= 400:
            raise RejectedError("archive.rejected", f"{url}: status {response.status_code}")
        reply = Reply(response.url, response.status_code, response.headers, response.content)
        if answer == "json":
            reply.json()
        return reply

    @contextmanager
    def open(self, request: Request, *, start: int = 0, validator: str = "") -> Iterator[requests.Response]:
        """Give the answer to a download request, its body not read yet and not decoded: see ``response.raw``.

        One try: what can be tried again is for the caller to decide.

        Parameters
        ----------
        request : Request
        start : int, bytes
            Go on from here, if the entity is still the one of ``validator``.
        validator : str
            Strong ETag or Last-Modified of the part that is there.

        Raises
        ------
        TransientError, RejectedError, ProprietaryError
        """
        headers = {"Accept-Encoding": "identity", **request.headers}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        with self.session.get(request.url, params=dict(request.params), headers=headers, stream=True) as response:
            yield response
