"""A request as routers see it, the answer they give, and the log of both."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

from hstlc.testing.archive.faults import Fault

__all__ = ["Entry", "Incoming", "Outgoing", "RequestLog", "Router", "http_date"]

#: When files were last modified, unless it is said.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def http_date(moment: datetime) -> str:
    """Return a time as headers write it."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request.

    Attributes
    ----------
    method, path : str
        The path is decoded and without query.
    query_text : str
        The query as it came, behind the question mark.
    headers : mapping
        Names in lower case.
    body : bytes
    base_url : str
        Address of the server, without slash at the end.
    faults : tuple of Fault
        What is to go wrong; routers do what they know of it.
    """

    method: str
    path: str
    query_text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""
    faults: tuple[Fault, ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and values of the query, in order."""
        return parse_qsl(self.query_text, keep_blank_values=True)

    @property
    def query(self) -> dict[str, str]:
        """The query; of a repeated name the last value."""
        return dict(self.pairs)

    @property
    def form(self) -> dict[str, str]:
        """Query and the fields of a form in the body together."""
        sent = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return self.query | (dict(parse_qsl(self.body.decode(), keep_blank_values=True)) if sent else {})

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query_text}" if self.query_text else self.path

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def fault(self, kind: str) -> Fault | None:
        """Return the fault of a kind, if this request meets it."""
        return next((one for one in self.faults if one.kind == kind), None)


@dataclass(slots=True)
class Outgoing:
    """An answer.

    Attributes
    ----------
    status : int
    headers : dict
    body : bytes or iterator of bytes
        An iterator is sent in chunks.
    ranges : bool
        Range and If-Range are heeded, and Accept-Ranges says so.
    length : bool
        With Content-Length; without it the connection ends with the body.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    ranges: bool = False
    length: bool = True

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Outgoing:
        """Return an answer in words."""
        return cls(status, {"Content-Type": content_type}, text.encode())

    @classmethod
    def of_json(cls, value: Any, status: int = 200) -> Outgoing:
        """Return an answer in JSON."""
        return cls(status, {"Content-Type": "application/json"}, json.dumps(value).encode())

    @classmethod
    def file(
        cls,
        content: bytes,
        content_type: str = "application/fits",
        *,
        modified: datetime = LONG_AGO,
        headers: Mapping[str, str] | None = None,
        ranges: bool = True,
        length: bool = True,
    ) -> Outgoing:
        """Return a file, with a strong ETag."""
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        mine = {"Content-Type": content_type, "ETag": etag, "Last-Modified": http_date(modified)}
        return cls(200, {**mine, **(headers or {})}, content, ranges, length)


class Router(Protocol):
    """Answers for one service.

    Attributes
    ----------
    prefixes : tuple of str
        Beginnings of the paths that are its.
    """

    prefixes: tuple[str, ...]

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer; HEAD is asked like GET, and the server leaves the body out."""


@dataclass(slots=True)
class Entry:
    """A request in the log.

    Attributes
    ----------
    number : int
        From 0, in the order of arrival.
    fault : str
        Kinds of what was to go wrong, with commas; '' for nothing.
    began, ended : int
        Places in the order of all beginnings and endings; ``ended`` is 0 while it is under way.
    """

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    fault: str = ""
    status: int = 0
    bytes_sent: int = 0
    began: int = 0
    ended: int = 0


class RequestLog:
    """Every request, for assertions.

    Attributes
    ----------
    entries : list of Entry
    limit : int or None
        Only so many of the last requests are kept, for tests that run for long; None for all.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.limit: int | None = None
        self._lock = threading.Lock()
        self._ticks = self._number = 0

    def add(self, request: Incoming) -> Entry:
        """Note that a request came."""
        kinds = ",".join(one.kind for one in request.faults)
        with self._lock:
            self._ticks += 1
            parts = (request.method, request.path, request.query, request.headers, request.body, kinds)
            entry = Entry(self._number, *parts, began=self._ticks)
            self._number += 1
            self.entries.append(entry)
            if self.limit is not None:
                del self.entries[: -self.limit]
        return entry

    def end(self, entry: Entry) -> None:
        """Note that the last of an answer is about to go out."""
        with self._lock:
            if not entry.ended:
                self._ticks += 1
                entry.ended = self._ticks

    def of(self, path: str = "", method: str = "") -> list[Entry]:
        """Return the requests whose path has this regular expression in it."""
        return [one for one in list(self.entries) if re.search(path, one.path) and method in ("", one.method)]

    def count(self, path: str = "", method: str = "") -> int:
        """Return how many these are."""
        return len(self.of(path, method))

    def high_water(self, prefix: str = "") -> int:
        """Return the most requests at once whose path begins so."""
        steps = []
        for one in list(self.entries):
            if one.path.startswith(prefix):
                steps.append((one.began, 1))
                if one.ended:
                    steps.append((one.ended, -1))
        most = now = 0
        for _, step in sorted(steps):
            now += step
            most = max(most, now)
        return most

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self.entries.clear()
            self._number = 0
