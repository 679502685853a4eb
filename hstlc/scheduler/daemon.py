"""The daemon: waits for the lease, then does each job at its time until it is told to stop."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from hstlc.clock import Clock, SystemClock
from hstlc.config import Settings
from hstlc.db.engine import make_engine
from hstlc.db.leader import lost
from hstlc.db.migrate import ensure_schema
from hstlc.errors import HstlcError, LockHeldError, StepError
from hstlc.logs import redact
from hstlc.scheduler.health import HEALTH_NAME, clear_health, write_health
from hstlc.scheduler.jobs import REQUEST_JOBS, chosen
from hstlc.scheduler.lease import Lease
from hstlc.scheduler.runner import Runner
from hstlc.store import fence

__all__ = ["Daemon"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1


class Daemon:
    """One process that may lead a store. It leads at most once: after that it has to be made anew.

    Parameters
    ----------
    settings : Settings
    clock : Clock, optional
        The machine's by default.
    names : collection of str
        Which jobs; all by default.

    Attributes
    ----------
    stop : threading.Event
        Set it to end :meth:`run`: nothing more is begun, and what runs ends with what it did.

    Raises
    ------
    UsageError
        ``usage.unknown-job``.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, names: Collection[str] = ()) -> None:
        self.stop = threading.Event()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._jobs = chosen(names) if names else {**chosen(()), **REQUEST_JOBS}
        self._looked = -math.inf
        self._lease = Lease(settings, self._clock)
        self._health = settings.layout.home / HEALTH_NAME
        self._since = self._clock.now()
        self._runner: Runner | None = None
        self._scheduler: Any = None
        self._armed: dict[str, datetime] = {}
        self._guard = threading.Lock()

    @property
    def busy(self) -> bool:
        """True while a job runs, be it one whose results nobody wants any more."""
        return self._runner is not None and bool(self._runner.running)

    def run(self) -> None:
        """Wait for the lease and work until :attr:`stop` is set.

        Raises
        ------
        LockHeldError
            ``lock.lost``: another daemon took over, because this one was silent for too long.
        UsageError
            ``usage.schema``: the database is of another version.
        StoreError, DatabaseError
            The store could not be opened at the start. Later such errors are recorded, and it goes on.
        """
        self._prepare()
        try:
            if not self._wait_for_lease():
                return
            runner = self._lead()
            self._schedule(runner)
            while not (self._lease.lost or self.stop.wait(_POLL_S)):
                self._look(runner)
            self._scheduler.shutdown(wait=False)
            while runner.running and not self._lease.lost:
                self._clock.sleep(_POLL_S)
            if self._lease.lost:
                raise lost(self._lease.epoch, "another daemon")
            logger.info("stopped", extra={"action": "daemon"})
        finally:
            self.end()

    def run_once(self) -> None:
        """Do every job once, in their order, and end.

        Raises
        ------
        LockHeldError
            ``lock.held``: another daemon leads; ``lock.lost``.
        StepError
            ``step.failed``: some jobs failed; the others were done.
        StoreError, DatabaseError
        """
        runner = self.begin()
        try:
            failed = {}
            asked = set(runner.look())
            for name in self._jobs:
                if not self.stop.is_set() and (name in asked or name not in REQUEST_JOBS):
                    ended = runner.run(name)
                    if ended.status == "failed":
                        failed[name] = ended.message
            if failed:
                name, message = next(iter(failed.items()))
                raise StepError(
                    "step.failed",
                    f"{len(failed)} jobs failed, the first: {name}: {message}",
                    "the log file and 'hstlc status' have the details",
                    failed=list(failed),
                )
        finally:
            self.end()

    def begin(self, *, heartbeat: bool = True) -> Runner:
        """Take the lease, or leave, and return what does the jobs; :meth:`end` is to be called at the end.

        Parameters
        ----------
        heartbeat : bool
            Renew the lease in the background; without, each job begins with a renewal and must be over before it ends.

        Raises
        ------
        LockHeldError
            ``lock.held``: another daemon leads.
        StoreError, DatabaseError
        """
        self._prepare()
        if not self._lease.take():
            raise LockHeldError(
                "lock.held",
                f"expected that no daemon works on {self._settings.home_dir}, found one that does",
                "'hstlc status' tells which; it does these jobs in time",
            )
        return self._lead(heartbeat=heartbeat)

    def end(self) -> None:
        """Give up the lease: nothing that still runs in this process can publish or commit any more."""
        self._lease.give_up()
        fence.set_hook(self._lease.check if self.busy else None)
        clear_health(self._health, self._lease.owner)
        if self._runner is not None:
            self._runner.close()

    def _prepare(self) -> None:
        self._settings.layout.make_directories()
        engine = make_engine(self._settings.db_connection_string)
        try:
            ensure_schema(engine)
        finally:
            engine.dispose()

    def _wait_for_lease(self) -> bool:
        """Return True with the lease taken, False when told to stop before."""
        told = ""
        while not self.stop.is_set():
            why = "another daemon leads"
            try:
                if self._lease.take():
                    return True
            except HstlcError as error:  # the database is away, or held by a stopped process
                why = redact(str(error))
            if why != told:
                logger.warning("waits: %s", why, extra={"action": "daemon"})
            told = why
            self._clock.sleep(self._settings.daemon.lease_s / 3, self.stop)
        return False

    def _lead(self, *, heartbeat: bool = True) -> Runner:
        self._since = self._clock.now()
        logger.info("leads in epoch %d as %s", self._lease.epoch, self._lease.owner, extra={"action": "daemon"})
        fence.set_hook(self._lease.check)
        self._runner = runner = Runner(self._lease, self._jobs, self._clock, self.stop)
        runner.start()
        self._beat()
        if heartbeat:
            self._lease.start(self._beat, self._lose)
        return runner

    def _beat(self) -> None:
        assert self._runner is not None
        layout = self._settings.layout
        write_health(
            self._health,
            owner=self._lease.owner,
            epoch=self._lease.epoch,
            since=self._since,
            now=self._clock.now(),
            jobs=dict(self._runner.running),
            access=layout.access,
        )
        if self._scheduler is not None:
            self._scheduler.wakeup()  # it sleeps until the next job by a clock that may have been set meanwhile

    def _lose(self) -> None:
        logger.error("[lock.lost] another daemon has taken over: this one ends", extra={"action": "daemon"})
        self.stop.set()

    def _schedule(self, runner: Runner) -> None:
        """Have APScheduler call :meth:`_fire` when a job is due; each call makes the next one known to it."""
        from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={lane: ThreadPoolExecutor(1) for lane in ("store", "archive")},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

        def ended(event: Any) -> None:
            with self._guard:
                self._armed.pop(event.job_id, None)
            self._arm(runner)

        self._scheduler.add_listener(ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        self._scheduler.start()
        self._arm(runner)

    def _arm(self, runner: Runner) -> None:
        """Tell the scheduler when each job is due that does not run or wait for its lane: it is told when that ends."""
        with self._guard:
            if self.stop.is_set():
                return
            for name, due in dict(runner.due).items():
                begun = name in self._armed and self._scheduler.get_job(name) is None
                if begun or self._armed.get(name) == due:
                    continue
                self._armed[name] = due
                self._scheduler.add_job(
                    self._fire,
                    "date",
                    run_date=due,
                    args=(name,),
                    id=name,
                    executor=self._jobs[name].lane,
                    replace_existing=True,
                )

    def _look(self, runner: Runner) -> None:
        """See now and then whether users asked for something."""
        if time.monotonic() - self._looked < self._settings.daemon.requests_s:
            return
        self._looked = time.monotonic()
        try:
            if runner.look():
                self._arm(runner)
        except HstlcError as error:
            logger.warning("what users asked for could not be read: [%s] %s", error.code, error)

    def _fire(self, name: str) -> None:
        """Do a job that is due; runs in the thread of its lane."""
        assert self._runner is not None
        if self.stop.is_set():
            return
        try:
            self._runner.run(name)
        except LockHeldError as error:
            logger.error("[%s] job %s: %s", error.code, name, error)
            if error.code == "lock.lost":
                self._lease.lost = True
                self.stop.set()
        except HstlcError as error:
            logger.error("job %s could not be recorded: [%s] %s", name, error.code, error)
        except Exception:
            logger.exception("job %s could not be recorded", name)
