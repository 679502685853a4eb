"""Polling and fetching with the real clients, from the stand-in archive: what a perfect client would hold, and once."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from store_state import Store
from toy_archive import TurnedClock

from hstlc.db.archive_tables import RemoteFile, RemoteProduct
from hstlc.db.engine import reading
from hstlc.pipeline.context import open_store
from hstlc.pipeline.fetch import fetch
from hstlc.pipeline.poll import poll
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.sources import open_sources
from hstlc.testing.archive.scenarios import START, first_run
from hstlc.testing.archive.server import StandIn

QUICK = {"HSTLC_NETWORK__BACKOFF": "10 ms", "HSTLC_NETWORK__LONGEST_BACKOFF": "50 ms"}


def ask(store: Store, clock: TurnedClock) -> Summary:
    summary = Summary()
    archives = open_sources(store.settings, ("mast",), clock)
    with open_store(store.settings, lock="archive") as context:
        with recorded_run(context, "poll", summary):
            poll(context, archives["mast"], summary)
        with recorded_run(context, "fetch", summary):
            fetch(context, archives, summary)
    return summary


def held(store: Store) -> dict[tuple[str, str, str], str]:
    with store.open(write=False) as context, reading(context.engine) as connection:
        joined = select(RemoteProduct.source, RemoteProduct.name, RemoteProduct.version_key, RemoteFile.sha256)
        rows = connection.execute(joined.join(RemoteFile, RemoteFile.product_id == RemoteProduct.id))
        return {(row.source, row.name, row.version_key): row.sha256 for row in rows}


@pytest.mark.parametrize("storm", [False, True], ids=["calm", "storm"])
def test_a_first_run_ends_with_every_file_that_is_public(store: Store, storm: bool) -> None:
    clock = TurnedClock(START)
    with StandIn(first_run(clock)) as archive:
        store = store.configured()
        store = Store(store.home, store.url, {**QUICK, **archive.environment()})
        if storm:
            archive.faults.storm(0.2, ("status", "reset", "truncate", "html_200"), seed=1)
        ask(store, clock)
        if storm:
            archive.faults.clear()
            for _ in range(3):
                clock.turn(4)
                ask(store, clock)
        assert held(store).keys() == archive.world.expected(clock.now()).keys()
        assert held(store) == archive.world.expected(clock.now())
        assert ask(store, clock).fetched == 0
