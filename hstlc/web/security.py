"""What every answer has and every request must keep to: security headers, sizes, requests of a client in a time."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hstlc.config.web import WebSection
from hstlc.logs import printable
from hstlc.web.errors import problem

__all__ = ["SECURITY_HEADERS", "Guard", "RateLimit", "add_guard", "is_local"]

logger = logging.getLogger(__name__)

_SLOW_S = 2.0  # answers that take longer are in the log
_HOST = re.compile(rb"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_LOCAL = re.compile(rb"((.+\.)?localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,15}")
_KEPT = b"public, max-age=604800, immutable"  # of a static file whose address names its version

#: Nothing from elsewhere, no script in the page; BokehJS sets styles in the page.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

#: What every answer has.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class RateLimit:
    """How many requests each client may send: a bucket that fills with time.

    Parameters
    ----------
    per_second : float
        Requests that a client may send in the long run; 0: any number.
    burst : int
        Requests at once.
    most : int
        Clients that are remembered; the one not heard of for longest is forgotten.

    Examples
    --------
    >>> limit = RateLimit(1.0, 2)
    >>> [limit.wait_s("client", now) for now in (0.0, 0.0, 0.0, 1.0)]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, per_second: float, burst: int, most: int = 100_000) -> None:
        self._per_second, self._burst, self._most = per_second, float(burst), most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str, now: float) -> float:
        """Take one request of a client; return 0, or after how many seconds it may try again."""
        if self._per_second <= 0:
            return 0.0
        left, seen = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - seen) * self._per_second)
        waits = 0.0 if left >= 1.0 else (1.0 - left) / self._per_second
        self._buckets[client] = (left - 1.0 if waits == 0.0 else left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return waits


class Guard:
    """ASGI middleware: refuse what is too large, too often or no text; no answer without security headers.

    What goes wrong in a route in a way that nobody expected is an answer too, and a traceback in the log.

    Parameters
    ----------
    app : ASGI application
    section : WebSection
        Limits.
    local : bool
        Only who asks for this machine by a name of its own gets an answer: a page from elsewhere could have its name
        lead here, and read what it gets.
    """

    def __init__(self, app: ASGIApp, section: WebSection, local: bool = False) -> None:
        self.app, self.section, self.local = app, section, local
        self.limit = RateLimit(section.requests_per_second, section.requests_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, began, status = Request(scope), time.monotonic(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_missing(message["headers"], scope)]}
            elif scope["method"] == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            refusal = self._refusal(request)
            inner = self.app if refusal is None else refusal
            asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # the same, less its body
            await inner(asked, _limited(receive, self.section.largest_request_bytes), send_guarded)
        except ClientDisconnect:
            logger.debug("%s %s: the client went away", scope["method"], printable(scope["path"]))
        except UnicodeEncodeError as error:  # half a surrogate pair in JSON, on its way to a database or file
            if status:
                raise
            logger.debug("%s %s", scope["method"], printable(scope["path"]), exc_info=error)
            await _NOT_TEXT.answer(request)(scope, receive, send_guarded)
        except Exception as error:
            logger.error("%s %s failed", scope["method"], printable(scope["path"]), exc_info=error)
            if status:
                raise  # half an answer is out: only the end of the connection can say that it is not whole
            await _FAILED.answer(request)(scope, receive, send_guarded)
        _log(scope, status, time.monotonic() - began)

    def _refusal(self, request: Request) -> Response | None:
        """Return why a request is refused, if it is."""
        scope, section = request.scope, self.section
        if not scope["path"].startswith("/static/"):
            client = request.client.host if request.client else ""
            wait = self.limit.wait_s(client, time.monotonic())
            if wait:
                answer = problem(request, 429, "web.too-many", "too many requests", f"try again after {wait:.1f} s")
                answer.headers["retry-after"] = str(int(wait) + 1)
                return answer
        address = scope["raw_path"] + b"?" + scope["query_string"]
        if len(address) > section.longest_address:
            return problem(request, 414, "web.too-long", "the address is too long", "ask for less at once")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > section.largest_head_bytes:
            return problem(request, 431, "web.too-large", "the headers are too large", "send fewer of them")
        if "\0" in scope["path"] or b"%00" in address or b"\0" in address:
            return _NOT_TEXT.answer(request)
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1 or not all(_HOST.fullmatch(value) for value in hosts):
            return problem(request, 400, "web.host", "the header Host is not the name of a host", "send one name")
        if self.local and hosts and not _LOCAL.fullmatch(hosts[0]):
            hint = "ask for 127.0.0.1, or set web.base_url to the address that people use"
            return problem(request, 421, "web.host", "this server is for this machine alone", hint)
        lengths = request.headers.getlist("content-length") or ["0"]
        if len(set(lengths)) > 1 or not _LENGTH.fullmatch(lengths[0]):
            return problem(request, 400, "web.length", "the header Content-Length is not a number of bytes")
        if int(lengths[0]) > section.largest_request_bytes:
            most = f"at most {section.largest_request_bytes} bytes"
            return problem(request, 413, "web.too-large", "the request is too large", most)
        return None


@dataclass(frozen=True, slots=True)
class _Problem:
    status: int
    code: str
    message: str
    hint: str

    def answer(self, request: Request) -> Response:
        return problem(request, self.status, self.code, self.message, self.hint)


_NOT_TEXT = _Problem(400, "web.not-text", "the request holds a character that is no text", "send Unicode without NUL")
_FAILED = _Problem(500, "web.internal", "the server failed", "the log of the server says why")


def _missing(headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers that an answer should have besides its own."""
    names = {name.lower() for name, _ in headers}
    found = [pair for pair in SECURITY_HEADERS if pair[0] not in names]
    if b"cache-control" not in names and scope["path"].startswith("/static/"):
        found.append((b"cache-control", _KEPT if scope["query_string"] else b"no-cache"))
    return found


def _log(scope: Scope, status: int, seconds: float) -> None:
    level = logging.INFO if seconds > _SLOW_S else logging.DEBUG
    if logger.isEnabledFor(level):
        query = scope["query_string"].decode("latin-1")
        address = printable(scope["path"] + ("?" + query if query else ""))
        logger.log(level, "%s %.200s: %d after %.0f ms", scope["method"], address, status, 1000 * seconds)


def _limited(receive: Receive, most: int) -> Receive:
    """Return a way to receive a body that ends with an error when it is longer than stated or allowed."""
    got = 0

    async def receive_limited() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            from starlette.exceptions import HTTPException

            raise HTTPException(413, f"the request is larger than {most} bytes")
        return message

    return receive_limited


def add_guard(app: FastAPI, section: WebSection, *, local: bool = False) -> None:
    """Put the guard before everything else."""
    app.add_middleware(Guard, section=section, local=local)


def is_local(section: WebSection) -> bool:
    """Tell whether nobody but this machine is to reach the server."""
    if section.base_url or section.proxies:
        return False
    return section.host == "localhost" or _is_loopback(section.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
