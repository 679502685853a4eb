"""A server on this machine that answers as archives do, and misbehaves as told.

Examples
--------
>>> from urllib.request import urlopen
>>> with StandIn() as archive:
...     archive.serve("/a.fits", b"SIMPLE  = ")
...     with urlopen(archive.url + "/a.fits") as answer:
...         print(answer.status, answer.read())
...     archive.log.count("a.fits")
200 b'SIMPLE  = '
1
"""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from hstlc.clock import Clock, SystemClock
from hstlc.testing.archive.faults import FaultPlan
from hstlc.testing.archive.messages import Entry, Incoming, Outgoing, RequestLog, Router
from hstlc.testing.archive.ranges import part_of
from hstlc.testing.archive.sending import Sender
from hstlc.testing.archive.spoiling import spoil, wrong_status

if TYPE_CHECKING:
    from hstlc.testing.archive.world import World

__all__ = ["StandIn"]

RouterT = TypeVar("RouterT")

_LOCALHOST = "127.0.0.1"
_IDLE_S = 60.0  # a connection without requests is given up
_METHODS = ("GET", "HEAD", "POST", "DELETE")


class StandIn:
    """All archives in one process, on the loop-back interface; a context manager.

    Parameters
    ----------
    world : World, optional
        What the archives hold; without it there are only the files of :meth:`serve`.
    seed : int
        Of faults that are left to chance.
    port : int
        0 for one that is free.

    Attributes
    ----------
    url : str
        Address without slash at the end; '' before it was started.
    log : RequestLog
    faults : FaultPlan
    """

    def __init__(self, world: World | None = None, *, seed: int = 0, port: int = 0) -> None:
        self.world = world
        self.clock: Clock = SystemClock() if world is None else world.clock
        self.log = RequestLog()
        self.faults = FaultPlan(seed)
        self.url = ""
        self.stopping = threading.Event()
        self._port = port
        self._routers: list[Router] = []
        self._files: dict[str, Callable[[], Outgoing]] = {}
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._failures: list[BaseException] = []
        if world is not None:
            from hstlc.testing.archive.routers import routers

            for router in routers(world):
                self.mount(router)

    def mount(self, router: Router) -> None:
        """Let a router answer below its prefixes; the longest one that fits counts."""
        self._routers.append(router)

    def router(self, kind: type[RouterT]) -> RouterT:
        """Return the router of a kind, to change how it answers."""
        return next(one for one in self._routers if isinstance(one, kind))

    def serve(
        self,
        path: str,
        content: bytes | Callable[[], bytes],
        *,
        content_type: str = "application/fits",
        headers: Mapping[str, str] | None = None,
        ranges: bool = True,
        length: bool = True,
    ) -> None:
        """Answer GET and HEAD of one path with a file."""

        def answer() -> Outgoing:
            body = content() if callable(content) else content
            return Outgoing.file(body, content_type, headers=headers, ranges=ranges, length=length)

        self._files[path] = answer

    def environment(self, enabled: Sequence[str] = ()) -> dict[str, str]:
        """Return environment variables that point a configuration of hstlc here, and switch some archives on."""
        from hstlc.testing.archive.routers import environment

        return environment(self.url, enabled)

    def start(self) -> StandIn:
        """Begin to answer."""
        self._server = _Server(self, self._port)
        self.url = f"http://{_LOCALHOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop at once: requests under way end in the middle.

        Raises
        ------
        RuntimeError
            A router failed.
        """
        self.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.end_connections()
            self._thread.join(5.0)
            self._server = self._thread = None
        if self._failures:
            raise RuntimeError("the stand-in has a fault of its own") from self._failures[0]

    def __enter__(self) -> StandIn:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except RuntimeError:
            if error is None:
                raise

    def answer(self, request: Incoming) -> Outgoing:
        """Return what is answered to a request, faults of the transport left out."""
        if request.method not in _METHODS:
            return Outgoing.text("method not allowed", 405)
        if (file := self._files.get(request.path)) is not None:
            return file()
        fitting = [
            (len(prefix), router)
            for router in self._routers
            for prefix in router.prefixes
            if request.path.startswith(prefix)
        ]
        if not fitting:
            return Outgoing.text("<html><body><h1>404 Not Found</h1></body></html>", 404, "text/html")
        try:
            return max(fitting, key=lambda one: one[0])[1].answer(request)
        except Exception as error:
            self._failures.append(error)
            return Outgoing.text("".join(traceback.format_exception(error)), 500)

    def answer_to(self, request: Incoming) -> Outgoing:
        """Return the answer with the faults that concern what is said, and cut to the range that was asked for."""
        answer = None
        for one in request.faults:
            answer = answer or wrong_status(one, request, self.clock.now())
        if answer is None:
            answer = self.answer(request)
            for one in request.faults:
                answer = spoil(one, answer)
        return part_of(answer, request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, stand_in: StandIn, port: int) -> None:
        self.stand_in = stand_in
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((_LOCALHOST, port), _Handler)

    def server_bind(self) -> None:
        # the base class looks its own name up
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _LOCALHOST, int(self.server_address[1])

    def note(self, connection: socket.socket, *, is_open: bool) -> None:
        with self._lock:
            (self._open.add if is_open else self._open.discard)(connection)

    def end_connections(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away in the middle; that is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "StandIn"
    sys_version = ""
    timeout = _IDLE_S
    disable_nagle_algorithm = True

    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.note(self.connection, is_open=True)

    def finish(self) -> None:
        self.server.note(self.connection, is_open=False)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet: there is a log."""

    def do_any(self) -> None:
        """Answer one request."""
        stand_in = self.server.stand_in
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size else b""
        faults = stand_in.faults.draw(self.command, self.path, body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Incoming(self.command, unquote(path), query, headers, body, stand_in.url, faults)
        entry = stand_in.log.add(request)
        try:
            self._send(stand_in.answer_to(request), request, entry)
        except OSError:
            self.close_connection = True
        finally:
            stand_in.log.end(entry)

    do_GET = do_HEAD = do_POST = do_DELETE = do_any  # noqa: N815

    def _send(self, answer: Outgoing, request: Incoming, entry: Entry) -> None:
        sender = Sender(self, answer, request, entry, self.server.stand_in.log, self.server.stand_in.stopping)
        if not sender.send():
            self.close_connection = True
