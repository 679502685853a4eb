"""The socket that clients come to: how it is opened, and how it is left without anybody being let down."""

from __future__ import annotations

import ctypes
import selectors
import socket
import struct
import sys
from contextlib import suppress

from hstlc.config.web import WebSection
from hstlc.errors import StoreError

__all__ = ["BACKLOG", "let_nobody_in", "listen", "somebody_waits"]

BACKLOG = 2048

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
