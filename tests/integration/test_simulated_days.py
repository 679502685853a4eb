"""Simulated days: everything that archives show arrives once, whatever they do wrong and whenever the daemon dies."""

from __future__ import annotations

import gc
import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from simulated import (
    DAY,
    HOUR,
    Life,
    Outcome,
    SharedClock,
    assert_nothing_twice,
    assert_whole,
    live,
    live_until,
    outcome,
    pointed,
    points_counted,
    report,
    resident_mb,
    select_sources,
    storm,
    world_of,
)
from store_state import CRASHED, Store

from hstlc.store.points import POINTS
from hstlc.testing.archive import StandIn, World
from hstlc.testing.archive.scenarios import START
from hstlc.testing.clock import SimulatedClock

DAYS, WEEK, YEAR = 30, 8, 365
MONTH_END = START + DAYS * DAY


@contextmanager
def archives(store: Store, days: int, part: float) -> Iterator[tuple[Store, StandIn, World, SimulatedClock]]:
    """Give a store that is pointed at a stand-in of which a part of all answers is wrong."""
    clock = SimulatedClock(START - HOUR)
    world = world_of(days, clock)
    with StandIn(world) as stand_in:
        storm(stand_in, part)
        lived = pointed(store, stand_in)
        select_sources(lived, clock.now())
        yield lived, stand_in, world, clock


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What a month ends in when nothing goes wrong."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    home.mkdir()
    with archives(Store(home, f"sqlite:///{home / 'database.db'}"), DAYS, 0.0) as (store, stand_in, world, clock):
        life = live(store, clock, MONTH_END)
        expected = assert_whole(store, world, MONTH_END)
        assert_nothing_twice(stand_in, world, MONTH_END)
        report("30 days without faults", store, stand_in, life, expected)
        # the folder of an observation that is gone, until that is certain
        known = "poll failed: 1 failed, the first: [archive.no-product]"
        assert [text for text in life.trouble if known not in text] == []
        return outcome(store)


def test_a_month_of_faults_loses_nothing_and_ends_as_one_without(store, undisturbed):
    with archives(store, DAYS, 0.2) as (store, stand_in, world, clock):
        life = live(store, clock, MONTH_END)
        expected = assert_whole(store, world, MONTH_END)
        report("30 days with faults", store, stand_in, life, expected)
        assert_nothing_twice(stand_in, world, MONTH_END)
        assert outcome(store).differences(undisturbed) == []


# --- a daemon that dies

warm = multiprocessing.get_context("forkserver")
warm.set_forkserver_preload(
    ["simulated", "scipy.stats", "alembic.command", "psycopg2", "hstlc.missions.hst", "hstlc.archives.http", "pyvo"]
)


def killed(store: Store, days: int, kills: Sequence[tuple[str, int]]) -> Outcome:
    """Return what is there in the end when a daemon dies at one point after the other, each time another goes on."""
    end = START + days * DAY
    cell = warm.Value("q")
    clock = SharedClock(START - HOUR, cell)
    world = world_of(days, clock)
    with StandIn(world) as stand_in:
        lived = pointed(store, stand_in)
        select_sources(lived, clock.now())
        for point, number in kills:
            process = warm.Process(target=live_until, args=(lived, cell, end, point, number))
            process.start()
            process.join(240)
            assert process.exitcode == CRASHED, (point, number, process.exitcode, clock.now())
            print(f"  died at {point}, time {number}, on {clock.now():%Y-%m-%d %H:%M}")
            clock.sleep(lived.settings.daemon.lease_s + 1.0)
        live(lived, clock, end)
        assert_whole(lived, world, end)
        return outcome(lived)


def spread(seen: Counter[str], number: int, seed: int, first: Sequence[str] = ()) -> list[tuple[str, int]]:
    """Return points to die at in one life: each so early after the one before that all are reached."""
    chance = random.Random(seed)
    names = [*first, *chance.choices(sorted(seen), k=number)][:number]
    chance.shuffle(names)
    return [(name, chance.randint(1, max(seen[name] // (2 * number), 1))) for name in names]


def quiet_life(folder: Path, days: int) -> tuple[Outcome, Counter[str]]:
    """Return what a life without deaths ends in, and how often it comes to each point."""
    home = folder / "home"
    home.mkdir()
    clock = SimulatedClock(START - HOUR)
    world = world_of(days, clock)
    with StandIn(world) as stand_in:
        store = pointed(Store(home, f"sqlite:///{home / 'database.db'}"), stand_in)
        select_sources(store, clock.now())
        seen = points_counted(store, clock, START + days * DAY)
        return outcome(store), seen


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Counter[str]]:
    return quiet_life(tmp_path_factory.mktemp("week"), WEEK)


def test_a_daemon_that_dies_again_and_again_ends_as_one_that_lives(store, week):
    expected, seen = week
    assert set(seen) == POINTS
    seed = 1 if store.url.startswith("sqlite") else 2
    assert killed(store, WEEK, spread(seen, 5, seed)).differences(expected) == []


@pytest.mark.soak
def test_a_hundred_deaths_at_all_points(new_store, tmp_path):
    days, lives = 16, 5
    expected, seen = quiet_life(tmp_path, days)
    assert set(seen) == POINTS
    for life in range(lives):
        kills = spread(seen, 10, 100 + life, sorted(POINTS) if life == 0 else ())
        print(f"life {life}:")
        assert killed(new_store(f"life-{life}"), days, kills).differences(expected) == []


# --- a year


@pytest.mark.soak
def test_a_year_of_faults_loses_nothing_and_takes_no_more_memory(store):
    """With a new daemon after every 15 days; each draws plots at the end."""
    life, total, faults = Life(), 0, 0
    end = START + YEAR * DAY
    sizes: list[float] = []
    with archives(store, YEAR, 0.2) as (store, stand_in, world, clock):
        for day in range(15, YEAR + 15, 15):
            live(store, clock, min(START + day * DAY, end), life)
            gc.collect()
            sizes.append(resident_mb())
            total += len(stand_in.log.entries)
            faults += sum(bool(entry.fault) for entry in stand_in.log.entries)
            assert_nothing_twice(stand_in, world, clock.now())
            stand_in.log.entries.clear()  # of the stand-in, not of what is measured
            print(f"day {day}: {sizes[-1]:.0f} MB, {total} requests, {faults} faults, {life.seconds:.0f} s", flush=True)
        expected = assert_whole(store, world, end)
        report("a year with faults", store, stand_in, life, expected)
    quarter = len(sizes) // 4
    second, last = (sum(part) / len(part) for part in (sizes[quarter : 2 * quarter], sizes[-quarter:]))
    print(f"second quarter {second:.0f} MB, last quarter {last:.0f} MB")
    assert last <= 1.1 * second + 20
