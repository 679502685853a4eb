"""The right to work on a store: taken for a time, renewed while it is used, lost for good when another takes it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from hstlc.clock import Clock
from hstlc.config import Settings
from hstlc.db import leader as rows
from hstlc.db.engine import make_engine, reading, writing
from hstlc.errors import HstlcError
from hstlc.logs import redact
from hstlc.pipeline.context import ARCHIVE_LOCK_NAME, LOCK_NAME
from hstlc.store.lock import break_lock
from hstlc.store.run import run_id

__all__ = ["Lease"]

logger = logging.getLogger(__name__)

# Goes on while the machine sleeps, which the monotonic clock does not.
_TIMER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Lease:
    """The lease of this process on the store that its settings name.

    Parameters
    ----------
    settings : Settings
        ``daemon.lease`` says how long it holds without renewal.
    clock : Clock
        What is written to the database comes from it.

    Attributes
    ----------
    owner : str
        This process, see :func:`hstlc.store.run.run_id`.
    settings : Settings
        The same, with a database address under which the sessions of this process are known.
    epoch : int
        Number of the leadership; 0 before the first.
    lost : bool
        Another has taken over. It does not come back.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.owner = run_id()
        address = rows.named_address(settings.db_connection_string, self.owner)
        self.settings = settings.model_copy(update={"db_connection_string": address})
        self.epoch = 0
        self.lost = False
        self._clock = clock
        self._lease_s = settings.daemon.lease_s
        self._engine = make_engine(address)
        self._until_s = 0.0
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._heart: threading.Thread | None = None

    def take(self) -> bool:
        """Take the lease where nobody has it or its holder is silent; tell whether it is ours.

        A holder that is silent loses what it holds: its sessions on PostgreSQL, its lock files with SQLite. One that
        is stopped within an SQLite transaction cannot be passed by; then this waits for the database and fails.

        Raises
        ------
        DatabaseError
            ``store.database``; ``store.database-locked``.
        """
        asked, now = _elapsed(), self._clock.now()
        with reading(self._engine) as connection:
            before = rows.leader(connection)
        owner = before["owner"] if before is not None else ""
        if before is not None and owner not in ("", self.owner) and before["lease_until"] >= now:
            return False
        silent = owner if owner != self.owner else ""
        with writing(self._engine) as connection:
            rows.end_sessions(connection, silent)
            epoch = rows.take(connection, self.owner, now, self._lease_s)
        if epoch is None:
            return False
        self.epoch, self._until_s = epoch, asked + self._lease_s
        if silent:
            logger.warning("takes over from %s, which is silent since its lease ended", silent)
        if silent and self._engine.dialect.name == "sqlite":
            for name in (LOCK_NAME, ARCHIVE_LOCK_NAME):
                break_lock(self.settings.layout.home / name, silent)
        return True

    def renew(self) -> None:
        """Hold the lease for its full length from now.

        Raises
        ------
        LockHeldError
            ``lock.lost``.
        DatabaseError
        """
        with self._guard:
            asked = _elapsed()
            with writing(self._engine) as connection:
                ours = not self._ended.is_set() and rows.renew(
                    connection, self.owner, self.epoch, self._clock.now(), self._lease_s
                )
                found = rows.leader(connection)
            if not ours:
                self.lost = True
                raise rows.lost(self.epoch, f"{found['owner'] or 'nobody'}" if found is not None else "nobody")
            self._until_s = asked + self._lease_s

    def check(self) -> None:
        """Raise when this process may not change the store: for :func:`hstlc.store.fence.set_hook`.

        While the lease runs by the clock of this machine, nothing is asked; after that it is renewed first.

        Raises
        ------
        LockHeldError
            ``lock.lost``.
        DatabaseError
            The lease has run out, and the database cannot be asked.
        """
        if self.lost or self._ended.is_set():
            raise rows.lost(self.epoch, "another process")
        if _elapsed() >= self._until_s:
            self.renew()

    def start(self, beat: Callable[[], None], lose: Callable[[], None]) -> None:
        """Renew the lease from a thread, three times in its length.

        Parameters
        ----------
        beat : callable
            Called after each renewal.
        lose : callable
            Called once, when the lease turns out to be lost.
        """

        def work() -> None:
            while not self._ended.wait(self._lease_s / 3):
                try:
                    self.renew()
                    beat()
                except HstlcError as error:
                    if self.lost:
                        lose()
                        return
                    logger.warning("the lease could not be renewed: %s", redact(str(error)))
                except Exception:
                    logger.exception("a heartbeat failed")

        self._heart = threading.Thread(target=work, name="heartbeat", daemon=True)
        self._heart.start()

    def give_up(self) -> None:
        """Let another take over at once; from now on nothing passes :meth:`check` or is committed."""
        self._ended.set()
        if self._heart is not None and self._heart is not threading.current_thread():
            self._heart.join(self._lease_s)
        if self.epoch and not self.lost:
            with suppress(HstlcError), writing(self._engine) as connection:
                rows.give_up(connection, self.owner, self.epoch, self._clock.now())
        self._engine.dispose()


def _elapsed() -> float:
    return time.clock_gettime(_TIMER)
