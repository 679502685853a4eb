"""Requests to archives: patient with faults, polite to hosts, silent about secrets.

Every exchange goes through one place, which waits for its turn with the host, sends the request, follows redirects by
hand, and says what went wrong as an error of ours. Questions are asked again where that may help; of a download,
:mod:`hstlc.archives.download` decides what to do. Time-outs: connection, first byte, silence within the body, and a
deadline for each try.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import requests
from urllib3.exceptions import HTTPError

from hstlc.archives import failures, redirects
from hstlc.archives.connections import Watch
from hstlc.archives.hosts import Hosts, Turn, host_of, is_local
from hstlc.archives.limits import NetworkSettings
from hstlc.archives.replies import Open, Reply, Traffic
from hstlc.archives.session import Session
from hstlc.clock import Clock, SystemClock
from hstlc.errors import ArchiveError, IntegrityError, RejectedError, TransientError
from hstlc.logs import redact
from hstlc.version import VERSION

if TYPE_CHECKING:
    from hstlc.archives.base import Request

__all__ = ["Answer", "Http", "Open", "Reply", "Traffic"]

logger = logging.getLogger(__name__)

#: What an answer must be; anything else counts as a fault of the archive that may pass.
Answer = Literal["json", "votable", "text", "html", "any"]

_BLOCK = 1 << 20
_START = 4096  # bytes of a refusal that are read to say why
_NETWORK = (OSError, HTTPException, HTTPError, UnicodeError)  # an exception of requests is an OSError
_NOT_AGAIN = ("archive.stopped", "archive.paused")  # asking again at once does not help

T = TypeVar("T")


class Http:
    """One way to ask archives, for all threads of a process.

    Parameters
    ----------
    settings : NetworkSettings
    clock : Clock, optional
        For back-off and pauses.
    stop : threading.Event, optional
        Set when the process is to end: waits end, and TransientError ``archive.stopped`` is raised.
    seed : int, optional
        Of the random waits.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        clock: Clock | None = None,
        *,
        stop: threading.Event | None = None,
        seed: int | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.stop = stop or threading.Event()
        self.traffic = Traffic()
        self._hosts = Hosts(
            self.clock, self.stop, failures_to_pause=settings.failures_to_pause, pause_s=settings.pause_s
        )
        self._random = random.Random(seed)
        self.session = Session(self._requested)
        self.session.headers["User-Agent"] = f"hstlc/{VERSION}" + (f" ({settings.contact})" if settings.contact else "")

    def limit(self, host: str, concurrency: int, spacing_s: float) -> None:
        """Set how many requests a host (or the host of an address) gets at once, and how close together they start."""
        self._hosts.limit(host_of(host), concurrency, spacing_s)

    def pause(self, host: str, until: datetime, reason: str) -> None:
        """Refuse requests to a host until then, as it asked for in an earlier run."""
        self._hosts.pause(host_of(host), until, redact(reason))

    def paused_until(self, host: str) -> datetime | None:
        """Return until when a host is left alone; None when it is not."""
        return self._hosts.paused_until(host_of(host))

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        answer: Answer = "any",
        headers: Mapping[str, str] | None = None,
        redirect_hosts: Iterable[str] = (),
    ) -> Reply:
        """Ask for something short.

        Raises
        ------
        TransientError
            After all tries: ``archive.status``, ``archive.timeout``, ``archive.no-answer``, ``archive.tls``,
            ``archive.wrong-answer``, ``archive.redirect-loop``; at once: ``archive.paused``, ``archive.stopped``.
        IntegrityError
            After all tries: ``archive.truncated``, ``archive.bad-encoding``.
        RejectedError
            ``archive.no-product``, ``archive.rejected``, ``archive.redirect``, ``archive.too-long``.
        ProprietaryError
            ``archive.forbidden``.
        """
        return self._query("GET", url, answer, redirect_hosts, params=params, headers=headers)

    def head(self, url: str, *, headers: Mapping[str, str] | None = None, redirect_hosts: Iterable[str] = ()) -> Reply:
        """Ask for the headers alone; see :meth:`get`."""
        headers = {"Accept-Encoding": "identity", **(headers or {})}
        return self._query("HEAD", url, "any", redirect_hosts, headers=headers)

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        json: Any = None,
        answer: Answer = "any",
        headers: Mapping[str, str] | None = None,
        redirect_hosts: Iterable[str] = (),
    ) -> Reply:
        """Ask a question; see :meth:`get`."""
        return self._query("POST", url, answer, redirect_hosts, params=params, data=data, json=json, headers=headers)

    def _query(self, method: str, url: str, answer: str, redirect_hosts: Iterable[str], **options: Any) -> Reply:
        request = self._prepare(method, url, **options)
        response, content = self.retried(lambda: self._asked(request, answer, tuple(redirect_hosts)))
        response.headers.pop("Set-Cookie", None)
        return Reply(redact(response.url), response.status_code, response.headers, content)

    @contextmanager
    def open(self, request: Request, *, start: int = 0, validator: str = "") -> Iterator[requests.Response]:
        """Give the answer to a download request, its body not read yet and not decoded: see :meth:`blocks`.

        One try: what can be tried again is for the caller to decide.

        Parameters
        ----------
        request : Request
        start : int, bytes
            Go on from here, if the entity is still the one of ``validator``. The answer may then be 206, 200 or 416.
        validator : str
            Strong ETag or Last-Modified of the part that is there.

        Raises
        ------
        TransientError, RejectedError, ProprietaryError
            As :meth:`get`, but after one try.
        """
        with self.opened(request, start=start, validator=validator) as answer:
            yield answer.response

    @contextmanager
    def opened(self, request: Request, *, start: int = 0, validator: str = "") -> Iterator[Open]:
        """Give what :meth:`open` gives, with the watch, so that the deadline can follow the size."""
        headers = {"Accept-Encoding": "identity", **request.headers}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        prepared = self._prepare("GET", request.url, params=dict(request.params), headers=headers)
        with self._exchange(prepared, request.redirect_hosts, accepted=(416,) if start else ()) as answer:
            yield answer

    def blocks(self, answer: Open, *, decode: bool = False) -> Iterator[bytes]:
        """Yield the body as it comes, in blocks of up to 1 MiB.

        Raises
        ------
        TransientError
            ``archive.timeout``, ``archive.no-answer``, ``archive.stopped``.
        IntegrityError
            ``archive.truncated``: it is shorter than its Content-Length, or its last chunk is missing.
        """
        while True:
            block, error = b"", None
            try:
                block = answer.response.raw.read1(_BLOCK, decode_content=decode) or b""
            except _NETWORK as raised:
                error = failures.failure(raised, answer.url)
            if self.stop.is_set():
                raise failures.stopped(answer.url)
            if answer.watch.expired:
                raise failures.timed_out(answer.url, f"a whole answer in {answer.watch.deadline_s:g} s", "less")
            if error is not None:  # raised here, it has no context with the address in it
                raise error
            if not block:
                return
            self.traffic.add(bytes=len(block))
            yield block

    def retried(self, once: Callable[[], T], again: Callable[[ArchiveError], bool] | None = None) -> T:
        """Return what ``once`` returns; do it again, after a random wait, where it raises what may pass.

        Parameters
        ----------
        once : callable
        again : callable
            Whether another try may help; not asked after errors that cannot pass.
        """
        number = 1
        while True:
            try:
                return once()
            except (TransientError, IntegrityError) as error:
                if error.code in _NOT_AGAIN or number >= self.settings.tries or (again and not again(error)):
                    raise
                logger.info("try %d of %d: %s", number, self.settings.tries, error.message)
                asked_to_wait = bool(error.context.get("retry_after_s"))
            longest = min(self.settings.longest_backoff_s, self.settings.backoff_s * 2.0 ** (number - 1))
            if not asked_to_wait and self.clock.sleep(self._random.uniform(0.0, longest), self.stop):
                raise failures.stopped()
            number += 1
            self.traffic.add(retries=1)

    def _prepare(self, method: str, url: str, **options: Any) -> requests.PreparedRequest:
        return self.session.prepared(requests.Request(method, url, **options))

    def _asked(
        self,
        request: requests.PreparedRequest,
        answer: str,
        redirect_hosts: Iterable[str],
        *,
        accepted: tuple[int, ...] = (),
        follow: bool = True,
    ) -> tuple[requests.Response, bytes]:
        """Return one answer to a query with its whole body."""
        longest = self.settings.longest_answer
        with self._exchange(request, redirect_hosts, accepted=accepted, follow=follow) as opened:
            content = bytearray()
            for block in self.blocks(opened, decode=True):
                content += block
                if len(content) > longest:
                    raise RejectedError(
                        "archive.too-long",
                        f"{failures.shown(opened.url)}: expected at most {longest} bytes, found more",
                        "ask for less, or raise longest_answer in the section 'network'",
                        url=failures.shown(opened.url),
                    )
            response = opened.response
            if response.status_code < 300:
                failures.check_answer(answer, bytes(content), response.url, response.headers.get("Content-Type", ""))
        return response, bytes(content)

    def _requested(self, request: requests.PreparedRequest, *, follow: bool) -> tuple[requests.Response, bytes]:
        """Answer a request of the session."""
        return self.retried(lambda: self._asked(request, "service", (), accepted=(400,), follow=follow))

    @contextmanager
    def _exchange(
        self,
        request: requests.PreparedRequest,
        redirect_hosts: Iterable[str],
        *,
        accepted: tuple[int, ...] = (),
        follow: bool = True,
    ) -> Iterator[Open]:
        """Give the answer to a request, after redirects, its body not read yet."""
        for _ in range(redirects.MOST + 1):
            with (
                self._hosts.turn(host_of(request.url or "")) as turn,
                Watch(self.settings.query_deadline_s, self.settings.read_timeout_s, self.stop) as watch,
                self._sent(request, watch) as response,
            ):
                opened = Open(response, watch)
                following = redirects.redirected(request, response, redirect_hosts) if follow else None
                if following is None:
                    self._refuse(opened, turn, accepted if follow else (*accepted, *range(300, 400)))
                    turn.answered()
                    yield opened
                    return
            request = following
        raise redirects.looping(request.url or "")

    @contextmanager
    def _sent(self, request: requests.PreparedRequest, watch: Watch) -> Iterator[requests.Response]:
        url = request.url or ""
        limits = self.settings
        options: dict[str, Any] = {**self.session.merge_environment_settings(url, {}, True, None, None)}
        if is_local(host_of(url)):
            options["proxies"] = {}
        self.traffic.add(requests=1)
        error = None
        try:
            response = self.session.get_adapter(url).send(
                request.copy(),
                **options | {"stream": True},
                timeout=(limits.connect_timeout_s, limits.answer_timeout_s),
            )
        except _NETWORK as raised:
            error = failures.failure(raised, url)
        if error is not None and watch.stopped:
            raise failures.stopped(url)
        if error is not None and watch.expired:
            raise failures.timed_out(url, f"an answer in {watch.deadline_s:g} s", "none")
        if error is not None:
            raise error
        try:
            yield response
        finally:
            response.close()

    def _refuse(self, opened: Open, turn: Turn, accepted: tuple[int, ...]) -> None:
        """Raise what the status means, and leave the host alone when it asks for that."""
        response = opened.response
        if response.status_code in accepted or 200 <= response.status_code < 300:
            return
        error = failures.classify(response.status_code, response.headers, self._start_of(opened), response.url)
        if error is None:
            return
        wait_s = failures.retry_after_s(response.headers, self.clock.now())
        if wait_s and isinstance(error, TransientError):
            wait_s = min(wait_s, self.settings.longest_retry_after_s)
            until = self.clock.now() + timedelta(seconds=wait_s)
            wait = wait_s <= self.settings.longest_backoff_s
            error.context["retry_after_s"] = wait_s
            self._hosts.pause(turn.host, until, f"it answered with status {response.status_code}", wait=wait)
            if not wait:
                raise self._hosts.paused(turn.host)
        raise error

    def _start_of(self, opened: Open) -> bytes:
        start = b""
        try:
            for block in self.blocks(opened, decode=True):
                start += block
                if len(start) >= _START:
                    break
        except (TransientError, IntegrityError) as error:
            if error.code == "archive.stopped":
                raise
        return start[:_START]
