"""What is costly to compute and may be some seconds old: computed once, however many ask, and never while they wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

__all__ = ["Aged", "Kept"]

logger = logging.getLogger(__name__)

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Aged(Generic[Value]):
    """A value, and from when it is.

    Attributes
    ----------
    value : object
    at : datetime
        UTC, before it was computed.
    """

    value: Value
    at: datetime


@dataclass(slots=True)
class _Slot(Generic[Value]):
    lock: threading.Lock
    found: Aged[Value] | None = None
    due: float = 0.0
    renewing: bool = False


class Kept(Generic[Key, Value]):
    """Values by key, each computed at most once in a time.

    The first to ask for a key computes it, and those who ask meanwhile wait for the same. Once there is a value nobody
    waits: when it is due again, a thread computes it and all get the old one until then. So costly a value that it
    takes a second is kept longer, and at most a twentieth of one core goes into it.

    Parameters
    ----------
    make : callable
        Key to value; its keys are few, such as the installed missions.
    seconds : float
        How long a value is kept, at least.
    clock : callable
        Seconds that never go back.

    Examples
    --------
    >>> kept = Kept(str.upper, seconds=10.0)
    >>> kept.get("hst").value
    'HST'
    """

    _COST = 20.0

    def __init__(
        self, make: Callable[[Key], Value], *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make, self._seconds, self._clock = make, seconds, clock
        self._slots: dict[Key, _Slot[Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Aged[Value]:
        """Return the value of a key.

        Raises
        ------
        Exception
            What the computation raised, while there is no value yet; the next to ask tries again.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot(threading.Lock()))
        with slot.lock:
            if slot.found is None:
                self._renew(key, slot)
            found = slot.found
            assert found is not None
            if slot.renewing or self._clock() < slot.due:
                return found
            slot.renewing = True
        threading.Thread(target=self._renew_aside, args=(key, slot), name="renew", daemon=True).start()
        return found

    def _renew(self, key: Key, slot: _Slot[Value]) -> None:
        at, begun = datetime.now(UTC), self._clock()
        value = self._make(key)
        ended = self._clock()
        slot.found = Aged(value, at)
        slot.due = ended + max(self._seconds, self._COST * (ended - begun))

    def _renew_aside(self, key: Key, slot: _Slot[Value]) -> None:
        try:
            self._renew(key, slot)
        except Exception as error:
            slot.due = self._clock() + self._seconds
            logger.warning("what pages show stays as it was: %s", error)
        finally:
            slot.renewing = False
