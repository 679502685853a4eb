"""What every answer has and every request must keep to: security headers, sizes, requests of a client in a time."""

from __future__ import annotations

import time
from collections import OrderedDict

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hstlc.config.web import WebSection
from hstlc.web.errors import problem

__all__ = ["Guard", "RateLimit", "add_guard"]

#: Nothing from elsewhere, no script in the page; BokehJS sets styles in the page.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

_HEADERS = (
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
    """ASGI middleware: refuse what is too large or too often, and give every answer its security headers.

    Parameters
    ----------
    app : ASGI application
    section : WebSection
        Limits.
    """

    def __init__(self, app: ASGIApp, section: WebSection) -> None:
        self.app, self.section = app, section
        self.limit = RateLimit(section.requests_per_second, section.requests_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                own = [pair for pair in _HEADERS if pair[0] not in names]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        request = Request(scope)
        client = request.client.host if request.client else ""
        wait = 0.0 if scope["path"].startswith("/static/") else self.limit.wait_s(client, time.monotonic())
        if wait:
            answer = problem(request, 429, "web.too-many", "too many requests", f"try again after {wait:.1f} s")
            answer.headers["retry-after"] = str(int(wait) + 1)
            await answer(scope, receive, send_guarded)
            return
        if (refused := self._refused(request)) is not None:
            await problem(request, *refused)(scope, receive, send_guarded)
            return
        await self.app(scope, _limited(receive, self.section.largest_request_bytes), send_guarded)

    def _refused(self, request: Request) -> tuple[int, str, str, str] | None:
        if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > self.section.longest_address:
            return 414, "web.too-long", "the address is too long", "ask for less at once"
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.section.largest_request_bytes:
            return (
                413,
                "web.too-large",
                "the request is too large",
                f"at most {self.section.largest_request_bytes} bytes",
            )
        return None


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


def add_guard(app: FastAPI, section: WebSection) -> None:
    """Put the guard before everything else."""
    app.add_middleware(Guard, section=section)
