"""Connections whose time-outs follow the answer: patient before its first byte, less so within it, and never for ever.

The time-out of a socket is the longest silence. A server that sends a byte now and then is never silent: against it, a
thread looks at the time and ends the connection. It does the same when the process is to end, so that nobody waits for
a silent server then.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["TimedAdapter", "Watch"]

_TICK_S = 0.2  # how soon the end of the process is seen

_local = threading.local()


class Watch:
    """Ends the connection of a block when its time is over, or when the process is to end.

    Parameters
    ----------
    deadline_s : float, seconds
        From the begin of the block; :meth:`extend` gives it another end.
    read_timeout_s : float, seconds
        Longest silence once the headers are there.
    stop : threading.Event
        Set when the process is to end.

    Attributes
    ----------
    expired, stopped : bool
        Whether it ended the connection, and why.
    """

    def __init__(self, deadline_s: float, read_timeout_s: float, stop: threading.Event) -> None:
        self.deadline_s, self.read_timeout_s = deadline_s, read_timeout_s
        self.expired = self.stopped = False
        self._stop = stop
        self._end = 0.0
        self._socket: socket.socket | None = None
        self._over = threading.Event()
        self._outer: Watch | None = None

    def __enter__(self) -> Watch:
        self._outer = getattr(_local, "watch", None)
        _local.watch = self
        self.extend(self.deadline_s)
        threading.Thread(target=self._run, name="hstlc-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        _local.watch = self._outer

    def extend(self, seconds: float) -> None:
        """Let the time end ``seconds`` from now."""
        self.deadline_s = seconds
        self._end = time.monotonic() + seconds

    def guard(self, connection: socket.socket) -> None:
        """Take care of a socket."""
        self._socket = connection

    def _run(self) -> None:
        left_s = self.deadline_s
        while not self._over.wait(min(_TICK_S, left_s) if left_s > 0 else _TICK_S):
            left_s = self._end - time.monotonic()
            self.stopped = self._stop.is_set()
            self.expired = left_s <= 0
            if (self.stopped or self.expired) and self._socket is not None:
                with contextlib.suppress(OSError):  # it is closed already
                    # not a TLS socket's own shutdown, which would take it apart under way
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                return


class _Timed:
    """What both kinds of connection do more than urllib3's."""

    def getresponse(self) -> Any:
        watch: Watch | None = getattr(_local, "watch", None)
        connection = getattr(self, "sock", None)
        if watch is not None and connection is not None:
            watch.guard(connection)
        response = super().getresponse()  # type: ignore[misc]
        if watch is not None and connection is not None:
            with contextlib.suppress(OSError):  # closed: there is no body
                connection.settimeout(watch.read_timeout_s)
        return response


class _Connection(_Timed, HTTPConnection):
    pass


class _SecureConnection(_Timed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class TimedAdapter(HTTPAdapter):
    """Makes requests use such connections; tries once."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Set up the pools."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools of a proxy."""
        manager: Any = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager
