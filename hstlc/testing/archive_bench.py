"""A client of an archive with the stand-in that it asks, for :mod:`hstlc.testing.contract_archive`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hstlc.archives.base import Archive, Page, RemoteDataset, RemoteProduct, Selection, Window
from hstlc.archives.download import download
from hstlc.archives.limits import DownloadSettings
from hstlc.archives.unpack import is_tar, unpack
from hstlc.clock import Clock
from hstlc.testing.archive import StandIn
from hstlc.testing.archive.history import Shown
from hstlc.testing.archive.world import World
from hstlc.testing.clock import SimulatedClock

__all__ = ["ArchiveCase", "Bench", "datasets_of", "fetched", "keys_of"]


@dataclass(frozen=True)
class ArchiveCase:
    """What the suite has to know of an archive.

    Attributes
    ----------
    name : str
        Of the client.
    world : callable
        Gives a small world, to which nothing happens after ``now``.
    now : datetime
    queries : str
        Regular expression of the addresses that are searched.
    renamed : str
        A column without which nothing can be done.
    selections : sequence of (Selection, set of str)
        With the datasets that they mean. An archive without streams has no others.
    dates : mapping of str to callable
        Stream to the date of a dataset that it goes by; to whole seconds.
    release_stream : str
        The one that tells when data become public; '' if there is none.
    settings : mapping of str to str
        Keys of its section, with values as in the environment; pages best small.
    """

    name: str
    world: Callable[[Clock], World]
    now: datetime
    queries: str
    renamed: str
    selections: Sequence[tuple[Selection, frozenset[str]]]
    dates: Mapping[str, Callable[[Shown], datetime]] = field(default_factory=dict)
    release_stream: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Bench:
    """A client and the stand-in that it asks."""

    case: ArchiveCase
    stand_in: StandIn
    world: World
    clock: SimulatedClock
    archive: Archive[Any]

    def search(self, stream: str, since: datetime | None, until: datetime) -> list[Page]:
        """Walk through a window."""
        return list(self.archive.search(Window(stream, since, until)))

    def shown(self) -> list[RemoteDataset]:
        """Walk through all that there is."""
        full = [stream.name for stream in self.archive.streams() if stream.full]
        if full:
            return datasets_of(self.search(full[0], None, self.clock.now()))
        found = (self.archive.find(selection) for selection, _ in self.case.selections)
        return list({dataset.key: dataset for pages in found for dataset in datasets_of(pages)}.values())

    def everything(self) -> list[RemoteDataset]:
        """Walk through all that there is, and leave out what is known not to be public yet."""
        now = self.clock.now()
        return [dataset for dataset in self.shown() if dataset.release is None or dataset.release <= now]

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        """List the products of datasets, batch by batch."""
        size = self.archive.batch
        batches = (datasets[start : start + size] for start in range(0, len(datasets), size))
        return [product for batch in batches for product in self.archive.products(batch)]


def datasets_of(pages: Iterable[Page]) -> list[RemoteDataset]:
    """Return the datasets of pages."""
    return [dataset for page in pages for dataset in page.datasets]


def keys_of(pages: Iterable[Page]) -> list[str]:
    """Return the names of the datasets of pages, in alphabetical order."""
    return sorted(dataset.key for dataset in datasets_of(pages))


def fetched(bench: Bench, product: RemoteProduct, folder: Path) -> list[Path]:
    """Download a product, and return its files under the names under which they are stored."""
    asked = bench.archive.request(product)
    place = folder / f"{product.name}-{product.version}".replace("/", "_").replace("|", "_").replace(":", "_")
    place.mkdir()
    got = download(bench.archive.http, asked, place, "product", limits=DownloadSettings())
    if asked.several and is_tar(got.part):
        return unpack(got.part, place, accept=lambda name: bench.archive.accepts(name, product))
    return [got.part.rename(place / (got.filename or asked.filename or product.name))]
