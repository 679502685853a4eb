"""Simulated days: everything that archives show arrives once, whatever they do wrong and whenever the daemon dies."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from once import once
from simulated import (
    DAY,
    HOUR,
    PATIENT,
    Death,
    Life,
    SharedClock,
    live,
    live_long,
    live_until,
    pointed,
    points_counted,
    report,
    select_sources,
    storm,
    world_of,
)
from simulated_truth import Outcome, assert_nothing_twice, assert_whole, outcome
from store_state import CRASHED, Store

from hstlc.store.points import POINTS
from hstlc.testing.archive import StandIn, World
from hstlc.testing.archive.scenarios import START
from hstlc.testing.clock import SimulatedClock

DAYS, WEEK, YEAR = 30, 8, 365
QUIET_DAYS = 4  # at the end of a world
MONTH_END = START + DAYS * DAY


@contextmanager
def archives(
    store: Store, days: int, part: float, clock: SimulatedClock | None = None
) -> Iterator[tuple[Store, StandIn, World, SimulatedClock]]:
    """Give a store that is pointed at a stand-in of which a part of all answers is wrong."""
    clock = clock or SimulatedClock(START - HOUR)
    world = world_of(days, clock)
    with StandIn(world) as stand_in:
        storm(stand_in, part)
        lived = pointed(store, stand_in, **({} if part else PATIENT))
        select_sources(lived, clock.now())
        yield lived, stand_in, world, clock


def quiet_month(folder: Path) -> Outcome:
    home = folder / "home"
    home.mkdir()
    with archives(Store(home, f"sqlite:///{home / 'database.db'}"), DAYS, 0.0) as (store, stand_in, world, clock):
        life = live(store, clock, MONTH_END)
        expected = assert_whole(store, world, MONTH_END)
        assert_nothing_twice(stand_in, world, MONTH_END)
        report("30 days without faults", store, stand_in, life, expected)
        assert life.trouble == []
        return outcome(store)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What a month ends in when nothing goes wrong."""
    return once(tmp_path_factory, "quiet-month", quiet_month)


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


def killed(store: Store, days: int, deaths: Sequence[Death]) -> Outcome:
    """Return what is there in the end when a daemon dies at one point after the other, each time another goes on."""
    end = START + days * DAY
    cell = warm.Value("q")
    clock = SharedClock(START - HOUR, cell)
    world = world_of(days, clock)
    with StandIn(world) as stand_in:
        lived = pointed(store, stand_in, **PATIENT)
        select_sources(lived, clock.now())
        for death in deaths:
            process = warm.Process(target=live_until, args=(lived, cell, end, death))
            process.start()
            process.join(240)
            assert process.exitcode == CRASHED, (death, process.exitcode, clock.now())
            print(f"  died at {death.point} on {clock.now():%Y-%m-%d %H:%M}")
            clock.sleep(lived.settings.daemon.lease_s + 1.0)
        live(lived, clock, end)
        assert_whole(lived, world, end)
        return outcome(lived)


def spread(number: int, days: int, seed: int, first: Sequence[str] = ()) -> list[Death]:
    """Return where to die in one life: from the first day to the last one on which something happens."""
    chance = random.Random(seed)
    points = [*first, *chance.choices(sorted(POINTS), k=number)][:number]
    chance.shuffle(points)
    step = (days - QUIET_DAYS) * DAY / number
    return [Death(point, chance.randint(1, 3), START - HOUR + place * step) for place, point in enumerate(points)]


def quiet_life(folder: Path, days: int) -> tuple[Outcome, Counter[str]]:
    """Return what a life without deaths ends in, and how often it comes to each point."""
    home = folder / "home"
    home.mkdir()
    clock = SimulatedClock(START - HOUR)
    world = world_of(days, clock)
    with StandIn(world) as stand_in:
        store = pointed(Store(home, f"sqlite:///{home / 'database.db'}"), stand_in, **PATIENT)
        select_sources(store, clock.now())
        seen = points_counted(store, clock, START + days * DAY)
        return outcome(store), seen


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Counter[str]]:
    return once(tmp_path_factory, "quiet-week", lambda folder: quiet_life(folder, WEEK))


def test_a_daemon_that_dies_again_and_again_ends_as_one_that_lives(store, week):
    expected, seen = week
    assert set(seen) == POINTS
    seed = 1 if store.url.startswith("sqlite") else 2
    assert killed(store, WEEK, spread(5, WEEK, seed)).differences(expected) == []


@pytest.mark.soak
def test_a_hundred_deaths_at_all_points(new_store, tmp_path):
    days, lives = 16, 5
    expected, seen = quiet_life(tmp_path, days)
    assert set(seen) == POINTS
    for life in range(lives):
        deaths = spread(10, days, 100 + life, sorted(POINTS) if life == 0 else ())
        print(f"life {life}:")
        assert killed(new_store(f"life-{life}"), days, deaths).differences(expected) == []


# --- a year


@pytest.mark.soak
def test_a_year_of_faults_loses_nothing_and_takes_no_more_memory(store):
    """In a process of its own, which the archives are not in, with a new daemon after every 15 days."""
    end = START + YEAR * DAY
    sizes: list[float] = []
    life, total, faults = Life(), 0, 0
    cell = warm.Value("q")
    clock = SharedClock(START - HOUR, cell)
    with archives(store, YEAR, 0.2, clock) as (store, stand_in, world, clock):
        here, there = warm.Pipe()
        process = warm.Process(target=live_long, args=(store, cell, end, 15, there), daemon=True)
        process.start()
        while clock.now() < end:
            assert here.poll(1200), clock.now()
            size, life = here.recv()
            sizes.append(size)
            total += len(stand_in.log.entries)
            faults += sum(bool(entry.fault) for entry in stand_in.log.entries)
            day = (clock.now() - START) // DAY
            print(f"day {day}: {size:.0f} MB, {total} requests, {faults} faults, {life.seconds:.0f} s", flush=True)
            assert_nothing_twice(stand_in, world, clock.now())
            stand_in.log.entries.clear()
            here.send(None)
        process.join(600)  # it draws all plots
        expected = assert_whole(store, world, end)
        report("a year with faults", store, stand_in, life, expected)
    quarter = len(sizes) // 4
    second, last = (sum(part) / len(part) for part in (sizes[quarter : 2 * quarter], sizes[-quarter:]))
    print(f"second quarter {second:.0f} MB, last quarter {last:.0f} MB")
    assert last <= 1.1 * second + 20
