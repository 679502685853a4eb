"""What requests give: whole answers, answers that are still to be read, and how much went over the line."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

    from hstlc.archives.connections import Watch

__all__ = ["Open", "Reply", "Traffic"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    Attributes
    ----------
    url : str
        Where it came from after redirects, without secrets.
    status : int
    headers : mapping of str to str
    content : bytes
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the content as JSON; NaN and Infinity are taken too."""
        return json.loads(self.content)


@dataclass(slots=True)
class Traffic:
    """What was sent and received so far."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, requests: int = 0, retries: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Count; of all threads."""
        with self.lock:
            self.requests += requests
            self.retries += retries
            self.bytes += bytes


@dataclass(frozen=True, slots=True)
class Open:
    """An answer whose body is still to be read, with the watch over its connection."""

    response: requests.Response
    watch: Watch

    @property
    def url(self) -> str:
        """Where it comes from."""
        return self.response.url
