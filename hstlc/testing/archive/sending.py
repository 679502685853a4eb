"""Put an answer on the wire, whole or as faults want it."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

from hstlc.testing.archive.faults import Fault
from hstlc.testing.archive.messages import Entry, Incoming, Outgoing, RequestLog

__all__ = ["Sender"]

_BLOCK = 1 << 16
_PATIENCE_S = 30.0  # of faults that keep a client waiting
_DROPS_PER_S = 10


class Sender:
    """Sends one answer.

    Parameters
    ----------
    handler : BaseHTTPRequestHandler
        Its connection.
    answer : Outgoing
    request : Incoming
        Says which faults are due.
    entry, log : Entry, RequestLog
        Where status and bytes are noted.
    stopping : threading.Event
        Ends whatever waits.
    """

    def __init__(
        self,
        handler: BaseHTTPRequestHandler,
        answer: Outgoing,
        request: Incoming,
        entry: Entry,
        log: RequestLog,
        stopping: threading.Event,
    ) -> None:
        self.handler, self.answer, self.request = handler, answer, request
        self.entry, self.log, self.stopping = entry, log, stopping

    def send(self) -> bool:
        """Send the answer, and return whether the connection can be used again."""
        if (one := self._fault("hang")) is not None:
            self.stopping.wait(float(one.get("seconds", _PATIENCE_S)))
            return False
        body = self.answer.body if isinstance(self.answer.body, bytes) else b""
        if self.request.method == "HEAD":
            self.log.end(self.entry)
            self._head(None if not self.answer.length else len(body))
            return self.answer.length
        if (one := self._fault("reset")) is not None:
            if (after := one.get("after")) is not None:
                self._head(len(body))
                self._write(body[: int(after)], last=False)
            self._reset()
            return False
        if not isinstance(self.answer.body, bytes):
            return self._chunked(self.answer.body, cut=False)
        if self.answer.status in (200, 206):
            if self._fault("chunk_cut") is not None:
                return self._chunked(iter((body[: len(body) // 2],)), cut=True)
            if (one := self._fault("stall")) is not None:
                return self._stall(body, one)
            if (one := self._fault("slow")) is not None:
                return self._drip(body, one)
            if (one := self._fault("truncate")) is not None:
                length = len(body) if one.get("keep_length", True) and self.answer.length else None
                return self._plain(body[: int(one.get("size", len(body) // 2))], length, keep=False)
            if (one := self._fault("wrong_length")) is not None:
                return self._plain(body, max(len(body) + int(one.get("difference", 100)), 0), keep=False)
            if self._fault("no_length") is not None or not self.answer.length:
                return self._plain(body, None, keep=False)
        return self._plain(body, len(body), keep=True)

    def _fault(self, kind: str) -> Fault | None:
        return self.request.fault(kind)

    def _head(self, length: int | None, *, chunked: bool = False, keep: bool = True) -> None:
        handler = self.handler
        self.entry.status = self.answer.status
        handler.send_response(self.answer.status)
        for name, value in self.answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding"):
                handler.send_header(name, value)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        elif length is not None:
            handler.send_header("Content-Length", str(length))
        if not keep or (length is None and not chunked):
            handler.send_header("Connection", "close")
        handler.end_headers()

    def _write(self, data: bytes, *, last: bool = True) -> None:
        for start in range(0, len(data), _BLOCK):
            block = data[start : start + _BLOCK]
            self.entry.bytes_sent += len(block)
            if last and start + _BLOCK >= len(data):
                self.log.end(self.entry)
            self.handler.wfile.write(block)

    def _plain(self, body: bytes, length: int | None, *, keep: bool) -> bool:
        if not body:
            self.log.end(self.entry)
        self._head(length, keep=keep)
        self._write(body)
        return keep

    def _chunked(self, blocks: Iterator[bytes], *, cut: bool) -> bool:
        self._head(None, chunked=True, keep=not cut)
        for block in blocks:
            if block:
                self.handler.wfile.write(f"{len(block):x}\r\n".encode())
                self._write(block, last=False)
                self.handler.wfile.write(b"\r\n")
        self.log.end(self.entry)
        if not cut:
            self.handler.wfile.write(b"0\r\n\r\n")
        return not cut

    def _stall(self, body: bytes, one: Fault) -> bool:
        self._head(len(body) if self.answer.length else None, keep=False)
        self._write(body[: int(one.get("after", len(body) // 2))], last=False)
        self.stopping.wait(float(one.get("seconds", _PATIENCE_S)))
        return False

    def _drip(self, body: bytes, one: Fault) -> bool:
        rate = max(float(one.get("bytes_per_s", 1000)), 0.1)
        size = max(int(rate / _DROPS_PER_S), 1)
        self._head(len(body) if self.answer.length else None, keep=False)
        began = time.monotonic()
        for start in range(0, len(body), size):
            self._write(body[start : start + size], last=start + size >= len(body))
            due = began + (start + size) / rate
            if self.stopping.wait(max(due - time.monotonic(), 0.0)):
                break
        return False

    def _reset(self) -> None:
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # closed here, for the server would end the sending half in order first
        os.close(connection.detach())
