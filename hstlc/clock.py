"""What time it is and how to wait: one injected value, so that a year can pass in a test."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells the time to schedulers, back-off, leases and embargoes; timers of single bytes use the system's."""

    def now(self) -> datetime:
        """Return the present, in UTC, time zone aware."""

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait; end early when ``stop`` is set, and return whether it is."""


class SystemClock:
    """The time of the machine."""

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait; end early when ``stop`` is set, and return whether it is."""
        if stop is None:
            time.sleep(max(seconds, 0.0))
            return False
        return stop.wait(max(seconds, 0.0))
