"""How politely each host is asked: how many requests at once, how close together, and when not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from hstlc.archives.failures import is_fault_of_host, stopped
from hstlc.clock import Clock
from hstlc.errors import TransientError

__all__ = ["Hosts", "Turn", "host_of", "is_local"]

_LOOP = ("127.", "localhost", "::1")
_TICK_S = 0.2  # how soon a waiting thread sees that the process is to end
_SAYS_NOTHING = ("archive.stopped", "archive.paused")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def host_of(url: str) -> str:
    """Return what counts as the host of an address; on this machine, where servers differ by port, with the port.

    Examples
    --------
    >>> host_of("https://Archive.example:443/search")
    'archive.example'
    >>> host_of("http://127.0.0.1:8765/search")
    '127.0.0.1:8765'
    """
    parts = urlsplit(url if "://" in url else f"//{url}")
    name = (parts.hostname or "").lower()
    return f"{name}:{parts.port or 80}" if is_local(name) else name


def is_local(host: str) -> bool:
    """Tell whether a host, with or without port, is this machine."""
    return host.startswith(_LOOP)


@dataclass
class _Host:
    name: str
    concurrency: int = 2
    spacing_s: float = 0.0
    active: int = 0
    next_start: datetime = _LONG_AGO
    failures: int = 0
    until: datetime = _LONG_AGO
    reason: str = ""
    wait: bool = True  # through the pause, or refuse
    tripped: bool = False  # too many failures: after the pause, one request tries
    trial: bool = False  # it is under way
    changed: threading.Condition = field(default_factory=threading.Condition)


class Turn:
    """A request's permission to talk to a host."""

    def __init__(self, hosts: Hosts, host: _Host, trial: bool) -> None:
        self._hosts, self._host, self._trial = hosts, host, trial
        self.host = host.name

    def answered(self) -> None:
        """Note that the host gave an answer that does not speak against it; others need not wait for this one."""
        if self._trial:
            self._trial = False
            with self._host.changed:
                self._host.tripped = self._host.trial = False
                self._host.changed.notify_all()

    def end(self, error: BaseException | None) -> None:
        """Give the turn back and note how it went; ``error`` is what ended the request early."""
        host = self._host
        with host.changed:
            if is_fault_of_host(error):
                host.failures += 1
                if host.failures >= self._hosts.failures_to_pause:
                    until = self._hosts.clock.now() + timedelta(seconds=self._hosts.pause_s)
                    _pause(host, until, f"{host.failures} failures in a row, the last: {error}", wait=False)
                    host.tripped = True
            elif error is None or (isinstance(error, Exception) and getattr(error, "code", "") not in _SAYS_NOTHING):
                host.failures, host.tripped = 0, False
            if self._trial:
                host.trial = False
            host.active -= 1
            host.changed.notify_all()


class Hosts:
    """All hosts that were talked to.

    Parameters
    ----------
    clock : Clock
    stop : threading.Event
    failures_to_pause : int
        Failures of a host in a row after which it is left alone.
    pause_s : float, seconds
        For how long; then one request tries.
    """

    def __init__(self, clock: Clock, stop: threading.Event, *, failures_to_pause: int, pause_s: float) -> None:
        self.clock, self.stop = clock, stop
        self.failures_to_pause, self.pause_s = failures_to_pause, pause_s
        self._hosts: dict[str, _Host] = {}
        self._limited: set[str] = set()
        self._lock = threading.Lock()

    def _host(self, name: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(name, _Host(name))

    def limit(self, name: str, concurrency: int, spacing_s: float) -> None:
        """Set limits; where two archives share a host, the stricter ones hold."""
        host = self._host(name)
        with host.changed:
            known = name in self._limited
            host.concurrency = min(concurrency, host.concurrency) if known else concurrency
            host.spacing_s = max(spacing_s, host.spacing_s) if known else spacing_s
            self._limited.add(name)
            host.changed.notify_all()

    def pause(self, name: str, until: datetime, reason: str, *, wait: bool = False) -> None:
        """Leave a host alone; requests wait until then, or are refused."""
        host = self._host(name)
        with host.changed:
            _pause(host, until, reason, wait=wait)
            host.changed.notify_all()

    def paused_until(self, name: str) -> datetime | None:
        """Return until when a host is left alone; None when it is not."""
        until = self._host(name).until
        return until if until > self.clock.now() else None

    def paused(self, name: str) -> TransientError:
        """Return ``archive.paused`` for a host, with ``until`` (UTC), ``host`` and ``reason`` in its context."""
        return _paused(self._host(name))

    @contextmanager
    def turn(self, name: str) -> Iterator[Turn]:
        """Wait until the host may be asked, and let the block do it.

        Raises
        ------
        TransientError
            ``archive.paused``, with ``until`` (UTC) and ``host`` in its context; ``archive.stopped``.
        """
        host = self._host(name)
        turn, wait_s = self._begin(host)
        failed: BaseException | None = None
        try:
            if self.clock.sleep(wait_s, self.stop) if wait_s > 0 else self.stop.is_set():
                raise stopped(name)
            yield turn
        except BaseException as error:
            failed = error
            raise
        finally:
            turn.end(failed)

    def _begin(self, host: _Host) -> tuple[Turn, float]:
        while True:
            with host.changed:
                if self.stop.is_set():
                    raise stopped(host.name)
                now = self.clock.now()
                pause_s = (host.until - now).total_seconds()
                if pause_s > 0 and not host.wait:
                    raise _paused(host)
                if pause_s <= 0:
                    if host.active < host.concurrency and not host.trial:
                        return self._start(host, now)
                    host.changed.wait(_TICK_S)
                    continue
            self.clock.sleep(pause_s, self.stop)

    def _start(self, host: _Host, now: datetime) -> tuple[Turn, float]:
        host.active += 1
        host.trial = host.tripped
        wait_s = (host.next_start - now).total_seconds()
        if not 0 <= wait_s <= host.concurrency * host.spacing_s:  # longer only when a clock was set back
            wait_s = 0.0
        host.next_start = now + timedelta(seconds=wait_s + host.spacing_s)
        return Turn(self, host, host.trial), wait_s


def _pause(host: _Host, until: datetime, reason: str, *, wait: bool) -> None:
    if until >= host.until:
        host.until, host.reason, host.wait = until, reason, wait


def _paused(host: _Host) -> TransientError:
    return TransientError(
        "archive.paused",
        f"{host.name} is left alone until {host.until:%Y-%m-%dT%H:%M:%SZ}: {host.reason}",
        "try again then",
        host=host.name,
        until=host.until,
        reason=host.reason,
    )
