"""One job after the other: does it, records it, and knows what is due next. In real time or in simulated time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hstlc.clock import Clock
from hstlc.db import jobs as rows
from hstlc.db import leader, requests
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.notices import clear, notify
from hstlc.errors import HstlcError, LockHeldError
from hstlc.logs import redact
from hstlc.scheduler.agenda import Quiet, after_failure, first_times, next_time, outside
from hstlc.scheduler.jobs import Job, Work, rules
from hstlc.scheduler.lease import Lease

if TYPE_CHECKING:
    from hstlc.pipeline.context import Context

__all__ = ["Ended", "Runner"]

logger = logging.getLogger(__name__)

_LOCK_POLL_S = 0.5
_RETRY_S = 60.0  # after a run of which nothing could be recorded
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: ``done``, ``failed`` or ``stopped``, what it says, and the jobs that are due because of it."""

    status: str
    message: str
    due: Collection[str] = ()


class Runner:
    """Does jobs under a lease that is held.

    Parameters
    ----------
    lease : Lease
        Taken.
    jobs : mapping of str to Job
        In their order.
    clock : Clock
    stop : threading.Event
        Once it is set, jobs end with what they did.

    Attributes
    ----------
    due : dict of str to datetime
        When each job is due.
    running : dict of str to datetime
        The jobs that run, and since when.
    """

    def __init__(self, lease: Lease, jobs: dict[str, Job], clock: Clock, stop: threading.Event) -> None:
        self.settings = lease.settings
        self.due: dict[str, datetime] = {}
        self.running: dict[str, datetime] = {}
        self._lease, self._jobs, self._clock, self._stop = lease, jobs, clock, stop
        self._rules = rules(jobs.values(), self.settings.daemon)
        self._failures: dict[str, int] = {}
        self._unfinished: set[str] = set()
        self._guard = threading.RLock()
        self._engine = make_engine(self.settings.db_connection_string)
        leader.fence(self._engine, lease.owner, lease.epoch)

    def start(self) -> None:
        """Take up what the last daemon left: jobs in the middle, and the times that it planned."""
        now = self._clock.now()
        with writing(self._engine) as connection:
            for name in rows.interrupted(connection, self._lease.epoch, now):
                logger.warning("job %s was left in the middle and is due", name)
            found = rows.jobs(connection)
            self._failures = {name: row["failures"] for name, row in found.items()}
            planned = {name: row["next_at"] for name, row in found.items()}
            started = {name: row["started_at"] for name, row in found.items()}
            self.due = first_times(list(self._rules.values()), planned, started, now)
            rows.postpone(connection, self.due)

    def look(self) -> list[str]:
        """Let the jobs be due that users asked for, archives not before the end of quiet hours; return which are new.

        Raises
        ------
        DatabaseError
        """
        with reading(self._engine) as connection:
            kinds = requests.queued_kinds(connection, self._lease.epoch)
        now = self._clock.now()
        quiet = Quiet.parse(self.settings.daemon.quiet_hours)
        found = []
        with self._guard:
            for name in (name for name in self._jobs if name in kinds):
                if name not in self.due and name not in self.running:
                    self.due[name] = outside(quiet if self._jobs[name].quiet else None, now)
                    found.append(name)
        return found

    def next_due(self) -> tuple[str, datetime]:
        """Return the job that is due first, and when."""
        order = {name: number for number, name in enumerate(self._jobs)}
        return min(self.due.items(), key=lambda item: (item[1], order[item[0]]))

    def run(self, name: str) -> Ended:
        """Do a job and record how it ended; what goes wrong within it is recorded and ends nothing else.

        Raises
        ------
        LockHeldError
            ``lock.lost``: another daemon leads.
        DatabaseError
            It could not even be recorded.
        """
        job, started = self._jobs[name], self._clock.now()
        with self._guard:
            self.due.pop(name, None)  # what is asked for from now on is another run
            self.running[name] = started
        try:
            self._lease.renew()
            with writing(self._engine) as connection:
                rows.begin(connection, name, self._lease.epoch, started, again=name in self._unfinished)
            self._unfinished.add(name)
            logger.info("job %s begins in epoch %d", name, self._lease.epoch, extra={"action": "job"})
            ended = self._attempt(job)
            self._record(job, started, ended)
            self._unfinished.discard(name)
        finally:
            with self._guard:
                del self.running[name]
                if name in self._rules:
                    self.due.setdefault(name, self._clock.now() + timedelta(seconds=_RETRY_S))
        self._tell()
        return ended

    def close(self) -> None:
        """End the connections."""
        self._engine.dispose()

    def _attempt(self, job: Job) -> Ended:
        try:
            return self._do(job)
        except LockHeldError as error:
            if error.code == "lock.lost":
                raise
            return Ended("failed", _short(f"[{error.code}] {error}"))
        except HstlcError as error:
            self._lease.check()  # a take-over ends connections: then this is no failure of the job
            logger.error("job %s failed: [%s] %s", job.name, error.code, error)
            return Ended("failed", _short(f"[{error.code}] {error}"))
        except Exception as error:
            self._lease.check()
            logger.exception("job %s met an error of the program", job.name)
            return Ended("failed", _short(f"[step.unexpected] {type(error).__name__}: {error}"))

    def _do(self, job: Job) -> Ended:
        from hstlc.pipeline.executor import Workers
        from hstlc.pipeline.results import Summary
        from hstlc.pipeline.run import recorded_run

        summary = Summary()
        notes: list[str] = []
        with self._opened(job) as context:
            if context is None:
                return Ended("stopped", "another program was writing to the store")
            with (
                recorded_run(context, job.command, summary),
                Workers(self.settings.num_cores, self._stop) as workers,
            ):
                due = job.step(Work(context, summary, workers, self._clock, self._stop, notes, self._lease.epoch))
        message = _short(", ".join([*notes, *_counts(summary.as_dict())]))
        if workers.cut_short or (self._stop.is_set() and job.lane == "archive"):
            return Ended("stopped", message, due)
        if summary.failures:
            first = summary.failures[0]
            text = f"{len(summary.failures)} failed, the first: [{first.code}] {first.message}"
            return Ended("failed", _short("; ".join(filter(None, (text, message)))), due)
        return Ended("done", message, due)

    @contextmanager
    def _opened(self, job: Job) -> Iterator[Context | None]:
        """Give the store with a fence around its commits; None where the wait for it was ended by ``stop``."""
        from hstlc.pipeline.context import open_store

        with ExitStack() as stack:
            waits = False
            while True:
                try:
                    context = stack.enter_context(open_store(self.settings, wait=False, lock=job.lane))
                    break
                except LockHeldError as error:
                    self._lease.check()
                    if not waits:
                        logger.warning("job %s waits: %s", job.name, error.message, extra={"action": "job"})
                    waits = True
                if self._clock.sleep(_LOCK_POLL_S, self._stop):
                    yield None
                    return
            leader.fence(context.engine, self._lease.owner, self._lease.epoch)
            yield context

    def _record(self, job: Job, started: datetime, ended: Ended) -> None:
        name, now = job.name, self._clock.now()
        failures = self._failures.get(name, 0) + 1 if ended.status == "failed" else 0
        rule = self._rules.get(name)
        if rule is None:
            following = None if ended.status == "done" else now + timedelta(seconds=_RETRY_S)
        elif ended.status == "failed":
            following = after_failure(rule, failures, started, now)
        else:
            following = now if ended.status == "stopped" else next_time(rule, started, now)
        with self._guard:
            asked = {other: outside(self._rules[other].quiet, now) for other in ended.due if other in self._rules}
            if following is not None:
                asked[name] = min(following, asked.get(name, following), self.due.get(name, following))
            for number, other in enumerate(sorted(asked, key=list(self._jobs).index)):
                moment = asked[other] + timedelta(milliseconds=number)  # in their order
                self.due[other] = min(moment, self.due.get(other, moment))
            due = {other: self.due[other] for other in asked if other != name}
            own = self.due.get(name)
        with writing(self._engine) as connection:
            rows.finish(
                connection,
                name,
                self._lease.epoch,
                status=ended.status,
                message=ended.message,
                failures=failures,
                next_at=own,
                now=now,
            )
            rows.postpone(connection, due)
            if ended.status == "failed":
                notify(connection, f"job {name}", "warning", f"the job {name} failed: {ended.message}", now)
            elif ended.status == "done":
                clear(connection, [f"job {name}"], now)
        self._failures[name] = failures
        logger.info("job %s %s: %s", name, ended.status, ended.message or "nothing to do", extra={"action": "job"})

    def _tell(self) -> None:
        """Hand new notices to the command that wants them; what it does wrong is its own affair."""
        from hstlc.pipeline.context import Context
        from hstlc.pipeline.notices import tell

        command = self.settings.daemon.notice_command
        if command:
            context = Context(self.settings, self.settings.layout, self._engine, self._lease.owner)
            tell(context, command, self._clock.now())


def _short(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 3]}..."


def _counts(summary: dict[str, Any]) -> list[str]:
    """Return the counts of a summary that are not zero.

    Examples
    --------
    >>> _counts({"ingested": 3, "updated": 0, "waiting": ["a.fits"], "seconds": 1.5, "dry_run": False})
    ['ingested 3', 'waiting 1']
    """
    found = {name: value for name, value in summary.items() if value and name != "seconds"}
    numbers = {name: value if isinstance(value, int) else len(value) for name, value in found.items()}
    return [f"{name.replace('_', ' ')} {number}" for name, number in numbers.items()]
