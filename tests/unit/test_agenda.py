"""When jobs are due: cadence, jitter, quiet hours, restarts."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.config.daemon import DaemonSection
from hstlc.errors import UsageError
from hstlc.scheduler.agenda import Quiet, Rule, after_failure, first_times, next_time, outside
from hstlc.scheduler.jobs import JOBS, chosen, rules

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

moments = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
minutes = st.times().map(lambda t: t.replace(second=0, microsecond=0))
quiets = st.builds(Quiet, minutes, minutes).filter(lambda quiet: quiet.begin != quiet.end)
intervals = st.floats(1.0, 30 * 86400.0)
jitters = st.floats(0.0, 0.5)


def is_quiet(quiet: Quiet, moment: datetime) -> bool:
    at = moment.time()
    if quiet.begin < quiet.end:
        return quiet.begin <= at < quiet.end
    return at >= quiet.begin or at < quiet.end


@given(moments, quiets)
def test_nothing_begins_in_quiet_hours_and_nothing_waits_longer_than_they_last(moment: datetime, quiet: Quiet) -> None:
    found = outside(quiet, moment)
    assert not is_quiet(quiet, found)
    assert (found == moment) is not is_quiet(quiet, moment)
    assert moment <= found < moment + DAY


@given(moments, intervals, jitters)
def test_the_next_time_is_one_interval_later_within_the_jitter(
    started: datetime, interval_s: float, jitter: float
) -> None:
    found = next_time(Rule("poll", interval_s, jitter), started, started)
    assert abs((found - started).total_seconds() - interval_s) <= jitter * interval_s + 1e-3


@given(moments, intervals, jitters, st.floats(0.0, 100 * 86400.0))
def test_runs_that_were_missed_are_made_up_for_by_one(
    started: datetime, interval_s: float, jitter: float, late_s: float
) -> None:
    now = started + timedelta(seconds=late_s)
    found = next_time(Rule("poll", interval_s, jitter), started, now)
    assert found >= now
    assert found <= max(now, started + timedelta(seconds=interval_s * 1.5 + 1e-3))


def test_jitter_spreads_and_the_same_history_gives_the_same_times() -> None:
    rule = Rule("poll", 86400.0, 0.1)
    starts = [START + n * DAY for n in range(200)]
    parts = [(next_time(rule, start, start) - start) / DAY - 1 for start in starts]
    assert parts == [(next_time(rule, start, start) - start) / DAY - 1 for start in starts]
    assert min(parts) < -0.05
    assert max(parts) > 0.05
    other = Rule("fetch", 86400.0, 0.1)
    assert next_time(rule, START, START) != next_time(other, START, START)


@given(moments, st.lists(st.tuples(st.none() | moments, st.none() | moments), min_size=9, max_size=9))
def test_after_a_start_everything_is_due_within_its_interval(
    now: datetime, history: list[tuple[datetime | None, datetime | None]]
) -> None:
    section = DaemonSection()
    every = rules(JOBS.values(), section)
    due = {name: pair[0] for name, pair in zip(every, history, strict=True)}
    started = {name: pair[1] and min(pair[1], now) for name, pair in zip(every, history, strict=True)}
    times = first_times(list(every.values()), due, started, now)
    assert list(times) == list(every)
    for name, moment in times.items():
        longest = every[name].interval_s * (1 + section.jitter)
        assert now <= moment <= now + timedelta(seconds=longest + 60)


def test_a_restart_keeps_what_was_planned() -> None:
    every = list(rules(JOBS.values(), DaemonSection()).values())
    started = dict.fromkeys(JOBS, START)
    planned: dict[str, datetime | None] = {rule.name: next_time(rule, START, START) for rule in every}
    now = START + timedelta(seconds=60)
    assert first_times(every, planned, started, now) == planned


def test_what_is_overdue_is_done_at_once_one_after_the_other_in_the_order_of_the_data() -> None:
    every = list(rules(JOBS.values(), DaemonSection()).values())
    long_ago = dict.fromkeys(JOBS, START - 300 * DAY)
    times = first_times(every, {**long_ago}, {**long_ago}, START)
    assert sorted(times, key=times.__getitem__) == list(JOBS)
    assert times["poll"] == START
    assert len(set(times.values())) == len(JOBS)
    assert max(times.values()) < START + timedelta(minutes=1)


def test_a_new_store_is_polled_at_once_and_reconciled_after_a_while() -> None:
    every = list(rules(JOBS.values(), DaemonSection()).values())
    times = first_times(every, {}, {}, START)
    assert times["poll"] == START
    assert times["reconcile"] > START + timedelta(days=6)


def test_a_shorter_interval_counts_from_the_next_start_on() -> None:
    rule = Rule("poll", 3600.0)
    times = first_times([rule], {"poll": START + DAY}, {"poll": START}, START + timedelta(seconds=60))
    assert times["poll"] == START + timedelta(hours=1)


@given(moments, st.integers(1, 2000), intervals)
def test_a_job_that_failed_is_tried_before_its_time_but_not_without_end(
    started: datetime, failures: int, interval_s: float
) -> None:
    rule = Rule("poll", interval_s)
    found = after_failure(rule, failures, started, started)
    assert found <= next_time(rule, started, started)
    assert (found - started).total_seconds() >= min(interval_s, 600.0) - 1e-3


def test_tries_after_failures_are_further_and_further_apart() -> None:
    rule = Rule("poll", 86400.0)
    waits_h = [(after_failure(rule, n, START, START) - START) / timedelta(hours=1) for n in range(1, 8)]
    assert waits_h == [1, 2, 4, 8, 16, 24, 24]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("07:00-09:30", Quiet(time(7), time(9, 30))), ("22:15-01:00", Quiet(time(22, 15), time(1)))],
)
def test_quiet_hours_are_read(text: str, expected: Quiet | None) -> None:
    assert Quiet.parse(text) == expected


def test_quiet_hours_of_no_length_are_none() -> None:
    assert Quiet.parse("07:00-07:00") is None


@pytest.mark.parametrize("text", ["25:00-26:00", "07:61-08:00", "7:00-8:00", "07:00", "night"])
def test_quiet_hours_that_are_no_times_are_refused_by_the_configuration(text: str) -> None:
    with pytest.raises(ValueError, match="quiet_hours"):
        DaemonSection(quiet_hours=text)


def test_archives_are_left_alone_in_quiet_hours_and_the_store_is_not() -> None:
    every = rules(JOBS.values(), DaemonSection(quiet_hours="07:00-09:30"))
    assert {name for name, rule in every.items() if rule.quiet} == {"poll", "reconcile", "fetch"}


def test_jobs_are_chosen_by_name_and_keep_their_order() -> None:
    assert list(chosen(["ingest", "poll"])) == ["poll", "ingest"]
    assert list(chosen([])) == list(JOBS)
    with pytest.raises(UsageError) as caught:
        chosen(["ingest", "wash"])
    assert caught.value.code == "usage.unknown-job"
    assert "wash" in caught.value.message
    assert "make-plots" in caught.value.hint
