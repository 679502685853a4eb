"""A clock that is turned by hand, and a daemon that lives by it: years pass in seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from hstlc.scheduler.daemon import Daemon
from hstlc.scheduler.runner import Ended

__all__ = ["SimulatedClock", "run_simulated"]


class SimulatedClock:
    """A :class:`hstlc.clock.Clock` on which waiting takes no time; any number of threads may wait.

    Parameters
    ----------
    start : datetime
        Time zone aware.

    Examples
    --------
    >>> from datetime import UTC
    >>> clock = SimulatedClock(datetime(2026, 1, 1, tzinfo=UTC))
    >>> clock.sleep(86400.0)
    False
    >>> str(clock.now())
    '2026-01-02 00:00:00+00:00'
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a time with time zone is wanted")
        self._now = start
        self._guard = threading.Lock()

    def now(self) -> datetime:
        """Return the simulated present."""
        with self._guard:
            return self._now

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Turn the clock on at once, unless ``stop`` is set; return whether it is."""
        if stop is not None and stop.is_set():
            return True
        with self._guard:
            self._now += timedelta(seconds=max(seconds, 0.0))
        return False

    def advance_to(self, moment: datetime) -> None:
        """Turn the clock on to a moment; never back."""
        with self._guard:
            self._now = max(self._now, moment)


def run_simulated(
    daemon: Daemon,
    clock: SimulatedClock,
    until: datetime,
    after: Callable[[str, datetime, Ended], None] | None = None,
) -> int:
    """Let a daemon do every job that is due up to a moment, one after the other in this thread.

    Parameters
    ----------
    daemon : Daemon
        Made with ``clock``.
    clock : SimulatedClock
        Is at ``until`` afterwards, or later.
    until : datetime
    after : callable, optional
        Called after each job with its name, when it was due, and how it ended.

    Returns
    -------
    int
        Number of jobs that were done.

    Raises
    ------
    LockHeldError
        ``lock.held``: another daemon leads.
    """
    done = 0
    runner = daemon.begin(heartbeat=False)
    try:
        while not daemon.stop.is_set():
            name, due = runner.next_due()
            if due > until:
                break
            clock.advance_to(due)
            ended = runner.run(name)
            done += 1
            if after is not None:
                after(name, due, ended)
    finally:
        daemon.end()
    clock.advance_to(until)
    return done
