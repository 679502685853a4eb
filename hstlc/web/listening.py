"""The socket that clients come to: how it is opened, and how it is left without anybody being let down."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import selectors
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hstlc.config.web import WebSection
from hstlc.errors import StoreError

__all__ = ["BACKLOG", "Accepting", "Share", "let_nobody_in", "listen", "somebody_waits"]

logger = logging.getLogger(__name__)

BACKLOG = 2048

_LEFT_S = 0.001  # how long a process lets the others take a connection
_MOST_LEFT = 20  # times in a row
_SHORT_OF_FILES_S = 1.0
_AWAY = 2**30

_SO_ATTACH_FILTER = 26
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K: keep nothing of a packet


def listen(section: WebSection) -> socket.socket:
    """Return a socket that listens where the section says; its port is known then, also that of 0.

    Raises
    ------
    StoreError
        ``store.port``: another program listens there, or the address is not of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            section.host, section.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        raise StoreError(
            "store.port",
            f"cannot listen at {section.host}, port {section.port}: {error.strerror or error}",
            "give another port with --port, or 0 for any that is free",
        ) from error
    return listening


@dataclass(frozen=True, slots=True)
class Share:
    """How many connections each of several processes has, and which one this is.

    Attributes
    ----------
    counts : array of int
        In memory that the processes share.
    slot : int
        Of this one.
    """

    counts: Any
    slot: int

    def note(self, connections: int) -> None:
        """Tell the others how many connections this process has."""
        self.counts[self.slot] = connections

    def away(self) -> None:
        """Tell the others not to wait for this process."""
        self.counts[self.slot] = _AWAY

    def is_more(self) -> bool:
        """Tell whether another process has fewer connections."""
        return bool(self.counts[self.slot] > min(self.counts))


class Accepting:
    """Connections that a socket gets, accepted one after the other, and by none of several processes many more.

    Clients keep their connection: the process that happened to take most of them at the start would have the most to do
    for as long as they stay.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
    listening : socket
    take : callable
        Gets each connection.
    share : Share, optional
        None: there is one process.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        take: Callable[[socket.socket], None],
        share: Share | None = None,
    ) -> None:
        self._loop, self._listening, self._take, self._share = loop, listening, take, share
        self._left = 0  # times in a row that a connection was left to others
        self._later: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._wait()

    def close(self) -> None:
        """Accept no further connection."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._listening.fileno())

    def _wait(self) -> None:
        self._later = None
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._later = self._loop.call_later(seconds, self._wait)

    def _accept(self) -> None:
        if self._share is not None and self._share.is_more() and self._left < _MOST_LEFT:
            self._left += 1
            self._rest(_LEFT_S)
            return
        self._left = 0
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process has it, or it is gone
        except OSError as error:  # too many open files
            logger.error("no connection can be accepted: %s", error.strerror or error)
            self._rest(_SHORT_OF_FILES_S)
            return
        self._take(connection)


def let_nobody_in(listening: socket.socket) -> None:
    """Let a socket take no further connection, without losing those that wait in its queue.

    A socket that is closed resets whoever it has not accepted yet: they have sent their request, and never get an
    answer. Packets of newcomers are dropped instead (Linux; elsewhere the queue is made short); they try again a second
    later, and find the next server, or none.
    """
    if sys.platform == "linux":
        code = ctypes.create_string_buffer(_DROP, len(_DROP))
        with suppress(OSError):
            listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(code)))
            return
    listening.listen(0)


def somebody_waits(listening: socket.socket) -> bool:
    """Tell whether a connection is in the queue of a socket."""
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        return bool(selector.select(0))
