"""Simulated days: everything that archives show arrives once, whatever they do wrong and whenever the daemon dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from simulated import (
    DAY,
    HOUR,
    Life,
    Outcome,
    assert_nothing_twice,
    assert_whole,
    live,
    outcome,
    pointed,
    report,
    select_sources,
    storm,
    world_of,
)
from store_state import Store

from hstlc.testing.archive import StandIn, World
from hstlc.testing.archive.scenarios import START
from hstlc.testing.clock import SimulatedClock

DAYS = 30
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
        assert not life.trouble.total()
        return outcome(store)


def test_a_month_of_faults_loses_nothing_and_ends_as_one_without(store, undisturbed):
    with archives(store, DAYS, 0.2) as (store, stand_in, world, clock):
        life = live(store, clock, MONTH_END)
        expected = assert_whole(store, world, MONTH_END)
        report("30 days with faults", store, stand_in, life, expected)
        assert_nothing_twice(stand_in, world, MONTH_END)
        assert outcome(store).differences(undisturbed) == []
