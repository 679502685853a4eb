"""Processes that make light curves while the server answers others.

A light curve goes to the process that made it last and holds its events, unless that one is busy for long. A newer
request of the same page takes the place of an older one. What takes too long is ended with its process, which is
started again. No process outlives the server.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import multiprocessing
import os
import threading
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from hstlc.errors import HstlcError
from hstlc.web.rebin.worker import CRASHED, DONE, REFUSED, STOPPED, serve

__all__ = ["BusyError", "Pool", "SupersededError", "Ticket"]

logger = logging.getLogger(__name__)

#: After so long a request goes to any process that is free.
PATIENCE_S = 0.5
#: A request that is not wanted any more may go on for so long.
GRACE_S = 2.0
MOST_WAITING = 100
_TRIES = 2
_LOOK_S = 0.25


class BusyError(HstlcError):
    """A light curve cannot be made now, or took too long: ``web.rebin-busy``, ``web.rebin-timeout``, ``web.rebin``."""

    http_status = 503
    retryable = True


class SupersededError(HstlcError):
    """The answer is not wanted any more: ``web.superseded``."""

    http_status = 409


@dataclass(eq=False)
class Ticket:
    """A request on its way; ``finish`` is called once with the answer or an error, in any thread."""

    number: int
    job: Any
    key: str
    view: tuple[str, str]
    deadline: float
    finish: Callable[[Any, BaseException | None], None]
    since: float = field(default_factory=time.monotonic)
    tries: int = 0
    dropped: BaseException | None = None


class Pool:
    """Workers and their queue.

    Parameters
    ----------
    workers : int
    timeout_s : float, seconds
        From the moment a request comes in.
    cache_bytes : int
        What each process keeps.
    """

    def __init__(self, workers: int, timeout_s: float, cache_bytes: int) -> None:
        self._timeout_s, self._cache_bytes = timeout_s, cache_bytes
        self._changed = threading.Condition()
        self._waiting: list[Ticket] = []
        self._running: dict[int, Ticket] = {}
        self._numbers = itertools.count(1)
        self._closed = False
        self._slots = [_Slot(self, index) for index in range(workers)]
        self._started = False

    @property
    def processes(self) -> list[int]:
        """Numbers of the processes that run."""
        return [slot.process.pid for slot in self._slots if slot.process is not None and slot.process.pid is not None]

    async def run(self, job: Any, view: str = "", gone: Callable[[], Awaitable[bool]] | None = None) -> Any:
        """Return the answer to a job; nothing else waits for it.

        Parameters
        ----------
        job : Job
            With ``key`` and ``kind``.
        view : str
            Page that asks; '' for others. Older requests of the same page and kind are dropped.
        gone : callable, optional
            Tells whether the client is gone.

        Raises
        ------
        SupersededError
            A newer request took its place, or the client is gone.
        BusyError
            Too many wait, it took too long, or its process died twice.
        HstlcError
            What the worker found wrong.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def finish(value: Any, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the server is down already
                loop.call_soon_threadsafe(_resolve, future, value, error)

        ticket = self.submit(job, view, finish)
        try:
            while not (await asyncio.wait({future}, timeout=_LOOK_S))[0]:
                if gone is not None and await gone():
                    self.drop(ticket, SupersededError("web.superseded", "the client is gone"))
            return await future
        finally:
            if not future.done():
                self.drop(ticket, SupersededError("web.superseded", "the request was given up"))

    def submit(self, job: Any, view: str, finish: Callable[[Any, BaseException | None], None]) -> Ticket:
        """Put a job into the queue; ``finish`` gets its answer."""
        now = time.monotonic()
        with self._changed:
            if self._closed:
                raise BusyError("web.rebin-busy", "the server is going down", "try again in a moment")
            for older in [*self._waiting, *self._running.values()] if view else []:
                if older.view == (view, job.kind):
                    self._drop(older, SupersededError("web.superseded", "a newer request took the place of this one"))
            if len(self._waiting) >= MOST_WAITING:
                raise BusyError("web.rebin-busy", "too many light curves are being made", "try again in a moment")
            ticket = Ticket(next(self._numbers), job, job.key, (view, job.kind), now + self._timeout_s, finish)
            self._waiting.append(ticket)
            self._start()
            self._changed.notify_all()
        return ticket

    def warm(self) -> None:
        """Start the processes, so that the first request does not wait for one to load what it needs."""
        with self._changed:
            self._start()

    def _start(self) -> None:
        if not self._started and not self._closed:
            self._started = True
            for slot in self._slots:
                slot.start()

    def drop(self, ticket: Ticket, error: BaseException) -> None:
        """Give up a request: one that waits at once, one that runs at its next step."""
        with self._changed:
            self._drop(ticket, error)

    def _drop(self, ticket: Ticket, error: BaseException) -> None:
        if ticket.dropped is None:
            ticket.dropped = error
            ticket.finish(None, error)
            if ticket in self._waiting:
                self._waiting.remove(ticket)
        self._changed.notify_all()

    def close(self) -> None:
        """End all processes; who still waits is told."""
        with self._changed:
            self._closed = True
            for ticket in [*self._waiting, *self._running.values()]:
                self._drop(ticket, BusyError("web.rebin-busy", "the server is going down", "try again in a moment"))
            self._changed.notify_all()
        if self._started:
            for slot in self._slots:
                slot.join()

    def take(self, index: int) -> Ticket | None:
        """Wait for a request for a process; None: there will be no more."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for ticket in list(self._waiting):
                    if now > ticket.deadline:
                        self._drop(ticket, _late())
                for ticket in self._waiting:
                    if zlib.crc32(ticket.key.encode()) % len(self._slots) == index or now - ticket.since > PATIENCE_S:
                        self._waiting.remove(ticket)
                        self._running[ticket.number] = ticket
                        return ticket
                self._changed.wait(PATIENCE_S / 2 if self._waiting else None)
            return None

    def ended(self, ticket: Ticket) -> None:
        """Note that a request does not run any more."""
        with self._changed:
            self._running.pop(ticket.number, None)

    def settle(self, ticket: Ticket, value: Any, error: BaseException | None) -> None:
        """Give an answer, unless the request was dropped."""
        with self._changed:
            if ticket.dropped is None:
                ticket.dropped = error or SupersededError("web.superseded", "answered")
                ticket.finish(value, error)

    @property
    def cache_bytes(self) -> int:
        """What each process keeps."""
        return self._cache_bytes


def _late() -> BusyError:
    return BusyError("web.rebin-timeout", "the light curve took too long to make", "ask for wider bins, or later")


def _resolve(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if not future.done():
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)


class _Slot(threading.Thread):
    """A thread that feeds one process."""

    def __init__(self, pool: Pool, index: int) -> None:
        super().__init__(name=f"rebin-{index}", daemon=True)
        self._pool, self._index = pool, index
        self.process: Any = None
        self._connection: Connection | None = None
        self._unwanted: Any = None

    def run(self) -> None:
        """Take requests until there are no more."""
        try:
            with suppress(OSError):  # a request tries again, and is told
                self._begin()
            while (ticket := self._pool.take(self._index)) is not None:
                try:
                    self._try(ticket)
                except Exception as error:
                    logger.exception("a worker could not be asked")
                    self._pool.settle(ticket, None, error)
                    self._end()
                finally:
                    self._pool.ended(ticket)
        finally:
            self._end()

    def _begin(self) -> None:
        if self.process is not None and self.process.is_alive():
            return
        self._end()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._unwanted = context.Value("q", 0, lock=False)
        arguments = theirs, self._unwanted, self._pool.cache_bytes, os.getpid()
        self.process = context.Process(target=serve, args=arguments, name=self.name, daemon=True)
        self.process.start()
        theirs.close()
        self._connection = ours

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process.close()
            self.process = None

    def _try(self, ticket: Ticket) -> None:
        while ticket.dropped is None:
            ticket.tries += 1
            self._begin()
            assert self._connection is not None
            try:
                self._connection.send((ticket.number, ticket.job))
                answered = self._wait(ticket)
            except (EOFError, OSError):
                answered = False
            if answered:
                return
            self._end()
            if ticket.dropped is None and ticket.tries >= _TRIES:
                error = BusyError("web.rebin", "the process that made it ended twice", "ask for less, or tell us")
                logger.error("a worker died twice over light curve %s", ticket.key)
                self._pool.settle(ticket, None, error)

    def _wait(self, ticket: Ticket) -> bool:
        """Wait for an answer; False: the process is dead or must be ended."""
        assert self._connection is not None
        given_up: float | None = None
        while True:
            ready = wait([self._connection, self.process.sentinel], _LOOK_S if ticket.dropped is None else 0.05)
            if self._connection in ready:
                number, state, value = self._connection.recv()
                if number == ticket.number:
                    self._answer(ticket, state, value)
                    return True
                continue
            if ready:
                return False
            now = time.monotonic()
            if now > ticket.deadline:
                self._pool.drop(ticket, _late())
            if ticket.dropped is not None:
                self._unwanted.value = ticket.number
                given_up = given_up or now
                if now - given_up > GRACE_S:
                    return False

    def _answer(self, ticket: Ticket, state: str, value: Any) -> None:
        if state == DONE:
            self._pool.settle(ticket, value, None)
        elif state == REFUSED:
            self._pool.settle(ticket, None, value)
        elif state == CRASHED:
            logger.error("light curve %s failed in a worker\n%s", ticket.key, value)
            self._pool.settle(ticket, None, RuntimeError("a worker failed; the log has its traceback"))
        elif state == STOPPED:
            self._pool.settle(ticket, None, SupersededError("web.superseded", "the answer is not wanted any more"))
