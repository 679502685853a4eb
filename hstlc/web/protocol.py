"""How a connection is held: what a client must send and take in time, how large a request's head is, how it ends.

uvicorn waits for ever for a request that does not come, for the rest of one that has begun, and for a client that does
not take its answer; its parser takes heads of any size; and its own refusals lack our headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["BoundedProtocol", "Limits"]

_LEAST_BYTES_PER_S = 1000.0  # a client that takes less of an answer is cut off
_FIRST_REQUEST_S, _NEXT_REQUEST_S = 2.0, 0.3  # what is on its way when the server stops is answered

_TEXTS = {400: "not a request in HTTP", 408: "the request did not come in time", 431: "the head is too large"}
_BUSY = b"too many connections\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection must keep to.

    Attributes
    ----------
    idle_s : float, seconds
        Longest time that a request may take to come, from its first byte to its last, and a client may take nothing.
    head_bytes : int
        Longest head of a request.
    connections : int
        Connections that are served at the same time.
    headers : sequence of pair of bytes
        What every answer has.
    noted : callable
        Gets the number of connections when it changes.
    """

    idle_s: float
    head_bytes: int
    connections: int
    headers: Sequence[tuple[bytes, bytes]]
    noted: Callable[[int], None] = lambda _: None


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection, within limits.

    Parameters
    ----------
    limits : Limits
    **others : object
        As uvicorn gives them.
    """

    def __init__(self, *, limits: Limits, **others: Any) -> None:
        super().__init__(**others)
        self.limits = limits
        self._until: asyncio.TimerHandle | None = None  # when the request must have come
        self._stalled: asyncio.TimerHandle | None = None  # when the client must have taken some of its answer
        self._head_bytes: int | None = None  # of a head that is coming
        self._stops = False
        self._running: RequestResponseCycle | None = None  # whose answer is under way; ``cycle`` is the last one asked

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.limits.noted(len(self.connections))
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        for timer in (self._until, self._stalled):
            if timer is not None:
                timer.cancel()
        self._until = self._stalled = None
        self._end_answer()
        super().connection_lost(exc)
        self.limits.noted(len(self.connections))

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes is not None and self._head_bytes > self.limits.head_bytes:
            self._refuse(431)
        elif self._until is None and self.timeout_keep_alive_task is None and self._is_idle():
            self._await_request()  # bytes that begin no request

    def on_message_begin(self) -> None:
        """Count the head from here on."""
        super().on_message_begin()
        self._head_bytes = 0
        self._await_request()

    def on_headers_complete(self) -> None:
        """Hand the request over, unless there are too many connections."""
        self._head_bytes = None
        self.app = self._busy if len(self.connections) > self.limits.connections else self.config.loaded_app
        super().on_headers_complete()
        if self._stops:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Stop waiting: the request is whole."""
        super().on_message_complete()
        if self._until is not None:
            self._until.cancel()
            self._until = None

    def pause_writing(self) -> None:
        """Watch whether the client takes anything."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """Stop watching: it did."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def shutdown(self) -> None:
        """End after the answer that is under way, or that a request on its way is about to need."""
        self._stops = True
        if self._is_idle():
            self.loop.call_later(_FIRST_REQUEST_S if self.cycle is None else _NEXT_REQUEST_S, self._close_idle)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Refuse what is not HTTP."""
        self._refuse(400)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _end_answer(self) -> None:
        """Let the answer that is under way go nowhere: uvicorn would tell only the last of several requests."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_idle(self) -> None:
        if self._is_idle() and self._head_bytes is None and not self.transport.is_closing():
            self.transport.close()

    def _await_request(self) -> None:
        if self._until is not None:
            self._until.cancel()
        self._until = self.loop.call_later(self.limits.idle_s, self._too_late)

    def _too_late(self) -> None:
        self._until = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused and not self._is_idle():
            self._await_request()  # it is we who do not read
        elif self._head_bytes is None and self._is_idle():
            self.transport.close()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Say what is wrong, if no answer has begun, and end the connection."""
        self._end_answer()
        if self._running is not None and self._running.response_started and not self._running.response_complete:
            self.transport.abort()
            return
        text = f"{_TEXTS[status]}\n".encode()
        content = [STATUS_LINE[status]]
        own = (
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(text)).encode()),
            (b"connection", b"close"),
        )
        for name, value in (*self.server_state.default_headers, *self.limits.headers, *own):
            content.extend([name, b": ", value, b"\r\n"])
        self.transport.write(b"".join([*content, b"\r\n", text]))
        self.transport.close()

    def _watch_writing(self) -> None:
        left = self.transport.get_write_buffer_size()

        def look() -> None:
            self._stalled = None
            if left - self.transport.get_write_buffer_size() < _LEAST_BYTES_PER_S * self.limits.idle_s:
                self.transport.abort()
            else:
                self._watch_writing()

        self._stalled = self.loop.call_later(self.limits.idle_s, look)

    async def _busy(self, _: Scope, __: Receive, send: Send) -> None:
        length = str(len(_BUSY)).encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
        headers += [(b"retry-after", b"1"), (b"connection", b"close"), *self.limits.headers]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _BUSY})
