"""The processes that answer: one, or several that share a port; they end what is under way before they stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, cast

import click
import uvicorn
from fastapi import FastAPI

from hstlc.config import Settings
from hstlc.config.web import WebSection
from hstlc.errors import UsageError
from hstlc.logs import configure
from hstlc.pipeline.context import database_exists
from hstlc.store.permissions import apply_permissions
from hstlc.web.app import create_app
from hstlc.web.listening import Accepting, Share, let_nobody_in, listen, somebody_waits
from hstlc.web.protocol import BoundedProtocol, Limits
from hstlc.web.security import SECURITY_HEADERS, is_local
from hstlc.web.workers import Herd, end_with

__all__ = ["run_server"]

logger = logging.getLogger(__name__)

_LAST_ANSWERS_S = 20  # how long answers under way may take once the server is told to stop
_LAST_CONNECTIONS_S = 5.0  # how long it goes on to accept who waits already


def run_server(settings: Settings, section: WebSection, *, verbosity: int = 0) -> None:
    """Answer requests until SIGTERM or Ctrl-C; a second one ends at once.

    Parameters
    ----------
    settings : Settings
    section : WebSection
        In place of that of the settings: what the command line says is in it.
    verbosity : int
        1: every line of the log; -1: what went wrong only.

    Raises
    ------
    UsageError
        ``usage.no-database``: there is nothing to serve yet; ``usage.schema``.
    StoreError
        ``store.port``: another program listens there.
    HstlcError
        ``web.workers``: further processes cannot start.
    """
    if not database_exists(settings):
        raise UsageError(
            "usage.no-database", "there is no database yet", "run 'hstlc ingest FOLDER' or 'hstlc demo' first"
        )
    settings.layout.make_directories()
    path = configure(settings.log_dir, "serve", settings.log_level, verbosity=verbosity, daily=True)
    apply_permissions(path, settings.layout.access)
    with listen(section) as listening:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the server has its own way to stop
        click.echo(f"hstlc is at http://{shown}:{port}/ (stop it with Ctrl-C)")
        settings = settings.model_copy(update={"web": section.model_copy(update={"port": port})})
        if section.workers == 1:
            _serve(settings, listening)
        else:
            Herd(section.workers, _work, settings, listening, os.getpid()).run(listening.close)


def _work(share: Share, settings: Settings, listening: socket.socket, parent: int) -> None:
    """Answer in a process of several; a terminal's Ctrl-C is for the first of them, which tells the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    configure(settings.log_dir, "serve", settings.log_level, verbosity=-1, daily=True)
    with listening:
        _serve(settings, listening, share)


def _serve(settings: Settings, listening: socket.socket, share: Share | None = None) -> None:
    section = settings.web
    app = create_app(settings, local=is_local(section))
    app.state.figures.warm()
    gc.collect()
    gc.freeze()  # what is loaded stays: to look through it for garbage would stop all answers for a tenth of a second
    limits = Limits(section.idle_s, section.largest_head_bytes, section.connections, SECURITY_HEADERS)
    if share is not None:
        share.note(0)
        limits = replace(limits, noted=share.note)
    config = uvicorn.Config(
        app,
        http=cast(Any, partial(BoundedProtocol, limits=limits)),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(section.proxies),  # by default uvicorn believes what another program on this machine says
        forwarded_allow_ips=section.proxies,
        timeout_keep_alive=max(1, round(section.idle_s)),
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
    with _forwarded_log():
        _Server(config, app, share).run(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn, whose end by a signal is an end like any other, and which lets nobody down who waits already.

    It accepts connections itself, so that none of several processes gets many more than another.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, share: Share | None = None) -> None:
        super().__init__(config)
        self._app, self._share = app, share
        self._accepting: list[Accepting] = []
        self._taking: set[asyncio.Task[Any]] = set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.should_exit:
            os._exit(128 + sig)  # threads that still compute are not waited for
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        if self.started:
            self._app.state.rebin.warm()
        loop = asyncio.get_running_loop()
        self._accepting = [Accepting(loop, one, self._take, self._share) for one in sockets or ()]

    def _take(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
        self._taking.add(task)
        task.add_done_callback(self._taken)

    def _protocol(self) -> asyncio.Protocol:
        make = cast(Any, self.config.http_protocol_class)
        made: asyncio.Protocol = make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return made

    def _taken(self, task: asyncio.Task[Any]) -> None:
        self._taking.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.debug("a connection was gone before it began: %s", task.exception())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in sockets or ():
            let_nobody_in(listening)
            end = time.monotonic() + _LAST_CONNECTIONS_S
            while somebody_waits(listening) and time.monotonic() < end:
                await asyncio.sleep(0.01)  # they are accepted, one after the other
        for accepting in self._accepting:
            accepting.close()
        if self._taking:
            await asyncio.wait(self._taking)
        await super().shutdown(sockets)


@contextmanager
def _forwarded_log() -> Iterator[None]:
    """Let what uvicorn says be in our log: what clients do wrong, and how the server is doing, as details."""
    theirs, handler = logging.getLogger("uvicorn.error"), _Forward()
    theirs.addHandler(handler)
    theirs.propagate, before = False, theirs.propagate
    theirs.setLevel(logging.INFO)
    try:
        yield
    finally:
        theirs.removeHandler(handler)
        theirs.propagate = before


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = logging.DEBUG if record.levelno < logging.ERROR else record.levelno
        logger.log(level, "%s", record.getMessage().strip(), exc_info=record.exc_info)
