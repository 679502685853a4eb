"""Several processes that answer at one socket: one that dies is replaced, and all of them end with the first."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from hstlc.errors import HstlcError
from hstlc.web.listening import Share

__all__ = ["Herd", "end_with"]

logger = logging.getLogger(__name__)

_YOUNG_S = 5.0  # a worker that dies younger may have died of its start
_MOST_YOUNG_DEATHS = 5
_PARENT_POLL_S = 1.0


class Herd:
    """Workers that do the same until they are told to stop.

    Parameters
    ----------
    number : int
        How many.
    work : callable
        What each does; it ends after SIGTERM. It gets its :class:`hstlc.web.listening.Share`, then the arguments.
    *arguments : object
        A socket is shared.

    Notes
    -----
    SIGTERM or SIGINT: the workers get SIGTERM, and this ends when they have. A second one kills them.
    """

    def __init__(self, number: int, work: Callable[..., None], *arguments: Any) -> None:
        self._number, self._work, self._arguments = number, work, arguments
        self._workers: dict[int, tuple[BaseProcess, float]] = {}
        counts = multiprocessing.get_context("spawn").RawArray("i", number)
        self._shares = [Share(counts, slot) for slot in range(number)]
        self._signals = 0
        self._young_deaths = 0

    def run(self, stopping: Callable[[], None]) -> None:
        """Work until a signal comes.

        Parameters
        ----------
        stopping : callable
            Called before the workers are told to stop.

        Raises
        ------
        HstlcError
            ``web.workers``: they die as soon as they start.
        """
        reading, writing = socket.socketpair()
        with reading, writing:
            writing.setblocking(False)
            before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
            handlers = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                while not self._signals:
                    self._replace()
                    wait([reading, *(process.sentinel for process, _ in self._workers.values())])
                    if not self._signals:
                        self._bury()
                stopping()
                self._stop()
            finally:
                self._kill()
                signal.set_wakeup_fd(before)
                for number, handler in handlers.items():
                    signal.signal(number, handler)

    def _note(self, _: int, __: FrameType | None) -> None:
        self._signals += 1

    def _replace(self) -> None:
        for slot in range(self._number):
            if slot not in self._workers:
                self._shares[slot].away()
                given = self._shares[slot], *self._arguments
                process = multiprocessing.get_context("spawn").Process(target=self._work, args=given)
                process.start()
                self._workers[slot] = process, time.monotonic()

    def _bury(self) -> None:
        for slot, (process, since) in list(self._workers.items()):
            if process.is_alive():
                continue
            process.join()
            del self._workers[slot]
            self._shares[slot].away()
            logger.error("worker %s ended with %s; another one takes its place", process.pid, process.exitcode)
            self._young_deaths = self._young_deaths + 1 if time.monotonic() - since < _YOUNG_S else 0
            if self._young_deaths >= _MOST_YOUNG_DEATHS:
                raise HstlcError("web.workers", "the workers die as soon as they start", "the log says of what")

    def _stop(self) -> None:
        for process, _ in self._workers.values():
            with suppress(ProcessLookupError):
                process.terminate()
        while self._signals < 2 and any(process.is_alive() for process, _ in self._workers.values()):
            wait([process.sentinel for process, _ in self._workers.values() if process.is_alive()], timeout=0.1)

    def _kill(self) -> None:
        for process, _ in self._workers.values():
            process.kill()
            process.join()
        self._workers.clear()


def end_with(parent: int) -> None:
    """End this process, from a thread, when its parent is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
