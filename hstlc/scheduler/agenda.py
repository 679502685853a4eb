"""When each job is due: pure functions of times, the same for a real year and a simulated one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

__all__ = ["Quiet", "Rule", "after_failure", "first_times", "next_time", "outside"]

#: Jobs that are overdue when the daemon starts begin so many seconds one after the other.
SPREAD_S = 2.0

#: A job that failed is tried again after this part of its interval, but not before so many seconds.
RETRY_PART, SHORTEST_RETRY_S = 1 / 24, 600.0


@dataclass(frozen=True, slots=True)
class Quiet:
    """A time of each day, UTC, in which archives are left alone; it may span midnight."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Quiet | None:
        """Return the hours that a text such as ``07:00-09:30`` means; None for '' and for equal times.

        Examples
        --------
        >>> Quiet.parse("22:00-01:30")
        Quiet(begin=datetime.time(22, 0), end=datetime.time(1, 30))
        """
        if not text:
            return None
        begin, end = (time.fromisoformat(part) for part in text.split("-"))
        return cls(begin, end) if begin != end else None


@dataclass(frozen=True, slots=True)
class Rule:
    """How often a job is done.

    Attributes
    ----------
    name : str
    interval_s : float, seconds
        From the start of a run to that of the next.
    jitter : float
        The interval is longer or shorter by up to this part of itself.
    quiet : Quiet or None
        When it does not begin.
    at_once : bool
        A job that was never done is due at once; else after one interval.
    """

    name: str
    interval_s: float
    jitter: float = 0.0
    quiet: Quiet | None = None
    at_once: bool = True


def next_time(rule: Rule, started: datetime, now: datetime) -> datetime:
    """Return when a job that began at ``started`` is due again, not before ``now``.

    Runs that were missed, because this one or another took long, are made up for by a single one. The jitter depends
    on the job and on ``started`` alone: the same history gives the same times.

    Examples
    --------
    >>> begun = datetime(2026, 1, 1, tzinfo=UTC)
    >>> str(next_time(Rule("poll", 3600.0), begun, begun + timedelta(seconds=5)))
    '2026-01-01 01:00:00+00:00'
    """
    part = random.Random(f"{rule.name} {started.isoformat()}").uniform(-rule.jitter, rule.jitter)
    due = started + timedelta(seconds=rule.interval_s * (1 + part))
    return outside(rule.quiet, max(due, now))


def after_failure(rule: Rule, failures: int, started: datetime, now: datetime) -> datetime:
    """Return when a job is tried again that failed ``failures`` times in a row: soon, then later, then as always."""
    shortest = max(rule.interval_s * RETRY_PART, SHORTEST_RETRY_S)
    retry_s = min(shortest * 2.0 ** min(failures - 1, 30), rule.interval_s)
    return outside(rule.quiet, min(now + timedelta(seconds=retry_s), next_time(rule, started, now)))


def outside(quiet: Quiet | None, moment: datetime) -> datetime:
    """Return ``moment``, or the end of the quiet hours that it is in."""
    if quiet is None:
        return moment
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for start in (day - timedelta(days=1), day):
        begin = start + timedelta(hours=quiet.begin.hour, minutes=quiet.begin.minute)
        end = start + timedelta(hours=quiet.end.hour, minutes=quiet.end.minute)
        if end < begin:
            end += timedelta(days=1)
        if begin <= moment < end:
            return end
    return moment


def first_times(
    rules: Sequence[Rule], due: Mapping[str, datetime | None], started: Mapping[str, datetime | None], now: datetime
) -> dict[str, datetime]:
    """Return when each job is due at the start of a daemon.

    What was planned stays, unless a shorter interval was configured since. What is overdue or new is done at once, one
    after the other in the order of ``rules``.

    Parameters
    ----------
    rules : sequence of Rule
    due, started : mapping of str to datetime
        What the earlier daemon recorded; None or missing where it recorded nothing.
    now : datetime
    """
    times: dict[str, datetime] = {}
    overdue = 0
    for rule in rules:
        planned, begun = due.get(rule.name), started.get(rule.name)
        if planned is not None and begun is not None:
            planned = min(planned, next_time(rule, begun, begun))
        elif planned is not None:
            planned = min(planned, now + timedelta(seconds=rule.interval_s))
        if planned is None and not rule.at_once:
            planned = next_time(rule, now, now)
        if planned is None or planned <= now:
            planned = now + timedelta(seconds=SPREAD_S * overdue)
            overdue += 1
        times[rule.name] = outside(rule.quiet, planned)
    return times
