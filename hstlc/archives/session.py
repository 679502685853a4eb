"""A session of requests whose every request is as patient, polite and silent as those of ``Http``."""

from __future__ import annotations

import io
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import requests
from urllib3.response import HTTPResponse

from hstlc.archives.connections import TimedAdapter
from hstlc.archives.failures import failure

__all__ = ["Session"]


class _Ask(Protocol):
    def __call__(self, request: requests.PreparedRequest, *, follow: bool) -> tuple[requests.Response, bytes]: ...


class Session(requests.Session):
    """What pyvo asks with.

    The body is there as a whole when a method returns, with ``stream=True`` too, so that nothing breaks while it is
    read. What is wrong is raised as an error of ours, with the codes of :meth:`hstlc.archives.http.Http.get`; pyvo puts
    those that it meets while it reads a VOTable into the ``cause`` of its own. An answer with status 400 is given to
    the caller instead: the TAP protocol says in it, as a VOTable, what is wrong with a query. Time-outs, cookies and
    credentials that a caller passes on are not looked at; cookies of servers are not kept, and nobody's .netrc is read.

    Parameters
    ----------
    ask : callable
        Gives the answer to a prepared request, and its body.
    """

    def __init__(self, ask: _Ask) -> None:
        super().__init__()
        self._ask = ask
        self.auth = _nobody
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, TimedAdapter(pool_connections=16, pool_maxsize=8))

    def prepared(self, request: requests.Request) -> requests.PreparedRequest:
        """Return a request with the headers of the session.

        Raises
        ------
        RejectedError
            ``archive.rejected``: its address is none.
        """
        try:
            return self.prepare_request(request)
        except requests.RequestException as raised:
            error = failure(raised, request.url or "")
        raise error

    def request(self, method: str | bytes, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        """Ask; see :meth:`requests.Session.request`."""
        options |= dict(zip(("params", "data", "headers"), arguments, strict=False))
        wanted = {name: options.get(name) for name in ("params", "data", "headers", "files", "json")}
        method, url = (text.decode() if isinstance(text, bytes) else text for text in (method, url))
        request = self.prepared(requests.Request(method.upper(), url, **wanted))
        return _buffered(*self._ask(request, follow=options.get("allow_redirects", True) is not False))


def _buffered(response: requests.Response, content: bytes) -> requests.Response:
    for name in ("Content-Encoding", "Transfer-Encoding", "Set-Cookie"):
        response.headers.pop(name, None)
    response._content = content
    response._content_consumed = True  # type: ignore[attr-defined]
    response.raw = HTTPResponse(
        io.BytesIO(content), response.headers, status=response.status_code, preload_content=False
    )
    return response


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
