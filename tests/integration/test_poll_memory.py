"""Polling takes as much memory for many datasets as for few."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from store_state import Store, rows_of
from toy_archive import DAY, START, ToyArchive, TurnedClock

from hstlc.archives.base import Page, RemoteDataset, RemoteProduct, Window
from hstlc.pipeline import listing
from hstlc.pipeline.context import open_store
from hstlc.pipeline.poll import poll
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run

PAGE = 250
MB = 1e6


class VastArchive(ToyArchive):
    """An archive that makes its datasets while it is asked; each has one file."""

    batch = 200

    def __init__(self, number: int) -> None:
        super().__init__(TurnedClock(START + 1000 * DAY))
        self.number = number

    def search(self, window: Window) -> Iterator[Page]:  # noqa: ARG002
        for start in range(0, self.number, PAGE):
            some = [self._dataset(place) for place in range(start, min(start + PAGE, self.number))]
            yield Page(tuple(some), START + timedelta(minutes=start), b"x" * 100_000)

    @staticmethod
    def _dataset(place: int) -> RemoteDataset:
        columns = {"name": f"LVAST{place:06d}", "note": "n" * 200, "number": place}
        return RemoteDataset(f"LVAST{place:06d}", "1", "SIM-STAR", "COS", 10.0, -5.0, START, START, columns)

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        return [
            RemoteProduct(one.key, f"{one.key.lower()}_tag.fits", one.version, "tag", one.key, {"of": one.key}, 2880)
            for one in datasets
        ]


def peak_mb(store: Store, number: int) -> float:
    """Return the most memory that a first poll takes."""
    archive, summary = VastArchive(number), Summary()
    tracemalloc.start()
    try:
        with open_store(store.settings, lock="archive") as context, recorded_run(context, "poll", summary):
            (walk,) = poll(context, archive, summary)
        assert (walk.state, walk.seen, summary.failures) == ("done", number, [])
        return tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


def test_a_poll_of_many_datasets_takes_no_more_memory_than_one_of_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "_ROWS", PAGE)

    def store(name: str) -> Store:
        (tmp_path / name).mkdir()
        return Store(tmp_path / name, f"sqlite:///{tmp_path / name / 'database.db'}")

    peak_mb(store("warm"), PAGE)  # imports, compiled statements
    some, many = store("some"), store("many")
    less, more = peak_mb(some, 1_500), peak_mb(many, 4_500)
    assert len(rows_of(many.url)["remote_product"]) == 4_500
    print(f"{less:.1f} MB for 1,500 datasets, {more:.1f} MB for 4,500")
    assert more < 1.2 * less + 1
