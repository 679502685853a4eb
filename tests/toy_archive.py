"""An archive in memory: tests say what it has and what it does wrong."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from astropy.io.fits import PrimaryHDU

from hstlc.archives.base import (
    Archive,
    Fact,
    Identity,
    Page,
    RemoteDataset,
    RemoteProduct,
    Request,
    Selection,
    Stream,
    Window,
)
from hstlc.archives.http import Http
from hstlc.archives.limits import ArchiveSettings, DownloadSettings, NetworkSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class TurnedClock:
    """A clock that tests turn; waiting turns it too."""

    def __init__(self, now: datetime = START) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> bool:
        self.time += timedelta(seconds=seconds)
        return stop is not None and stop.is_set()

    def turn(self, days: float) -> None:
        self.time += timedelta(days=days)


@dataclass
class Thing:
    """A dataset: when it was archived, its files with their content, when it becomes public."""

    key: str
    version: str
    archived: datetime
    files: dict[str, bytes] = field(default_factory=dict)
    target: str = "SIM-STAR"
    release: datetime | None = None
    epoch: str = ""


class ToyArchive(Archive[ArchiveSettings]):
    """Two streams, by date of archiving and of everything; pages of two datasets."""

    name = "toy"
    title = "Archive in memory"
    mission = "hst"
    settings_model = ArchiveSettings
    required: ClassVar[frozenset[str]] = frozenset({"key", "version"})
    batch: ClassVar[int] = 4

    def __init__(self, clock: TurnedClock | None = None, *, page: int = 2, **settings: Any) -> None:
        self.turned = clock or TurnedClock()
        http = Http(NetworkSettings(), self.turned)
        super().__init__(ArchiveSettings(**{"spacing": "1 ms", **settings}), http, self.turned)
        self.things: dict[str, Thing] = {}
        self.page = page
        self.named: dict[str, str] = {"key": "text", "version": "text", "target": "text"}
        self.faults: dict[str, Exception] = {}  # by "columns", stream, "page NAME NUMBER", dataset or file name
        self.asked: list[str] = []
        self.windows: list[Window] = []
        self.relisting: float | None = None

    @property
    def relist_after_s(self) -> float | None:
        return self.relisting

    def add(self, key: str, version: str = "1", *, day: float = 0.0, **more: Any) -> Thing:
        """Put a dataset into the archive, in place of one of its key."""
        self.things[key] = Thing(key, version, START + day * DAY, **more)
        return self.things[key]

    def streams(self) -> tuple[Stream, ...]:
        return (Stream("archive", overlap_s=3 * 86400.0), Stream("full", full=True))

    def columns(self) -> Mapping[str, str]:
        self._fail("columns")
        return self.named

    def search(self, window: Window) -> Iterator[Page]:
        self.windows.append(window)
        self._fail(window.stream)
        since = None if window.stream == "full" else window.since
        things = [
            t for t in self.things.values() if t.archived <= window.until and (since is None or t.archived >= since)
        ]
        yield from self._pages(window.stream, sorted(things, key=lambda t: (t.archived, t.key)))

    def find(self, selection: Selection) -> Iterator[Page]:
        self._fail(f"selection:{selection.name}")
        yield from self._pages("find", [t for t in self.things.values() if t.target == selection.target])

    def _pages(self, name: str, things: Sequence[Thing]) -> Iterator[Page]:
        for start in range(0, len(things), self.page):
            self._fail(f"page {name} {start // self.page}")
            some = things[start : start + self.page]
            reply = repr([thing.key for thing in some]).encode()
            yield Page(tuple(map(dataset_of, some)), max(thing.archived for thing in some), reply)

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        self.asked.append(f"products {' '.join(dataset.key for dataset in datasets)}")
        found = []
        for dataset in datasets:
            self._fail(dataset.key)
            thing = self.things[dataset.key]
            for name, content in thing.files.items():
                kind = name.partition(".")[0].partition("_")[2] or "file"
                found.append(
                    RemoteProduct(dataset.key, name, thing.version, kind, dataset.key, {"of": thing.key}, len(content))
                )
        return found

    def request(self, product: RemoteProduct) -> Request:
        return Request(f"http://toy.invalid/{product.name}", filename=product.name)

    def identify(self, path: Path, product: RemoteProduct) -> Identity:
        self._fail(f"identify {product.name}")
        header = path.read_bytes()[:2880].decode("ascii", "replace")
        said = dict(re.findall(r"(EPOCH|REJECT) *= '([^']*?) *'", header))
        return Identity(said.get("EPOCH", ""), said.get("REJECT", ""))

    def facts(self) -> Iterator[Fact]:
        yield Fact("it is a toy", True)

    def _fail(self, where: str) -> None:
        if where in self.faults:
            raise self.faults[where]

    # --- bytes

    def download(
        self,
        http: Http,  # noqa: ARG002
        request: Request,
        folder: Path,
        name: str,
        *,
        limits: DownloadSettings,  # noqa: ARG002
        expected_bytes: int | None = None,  # noqa: ARG002
    ) -> Any:
        """Do what ``hstlc.archives.download.download`` does, without a network."""
        self.asked.append(f"get {request.filename}")
        self._fail(request.filename)
        content = next(t.files[request.filename] for t in self.things.values() if request.filename in t.files)
        part = folder / f"{name}.part"
        part.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        size = len(content)
        return SimpleNamespace(
            part=part, sha256=digest, size=size, etag=f'"{digest[:8]}"', last_modified="", status=200, bytes_read=size,
            resumed_from=0, filename="", content_type="application/fits", warnings=(),
        )  # fmt: skip


def fits(seed: int = 0, **cards: str) -> bytes:
    """Return a small whole FITS file; cards such as EPOCH and REJECT are what the archive reads of it."""
    unit = PrimaryHDU(np.full(3, seed, np.int16))
    unit.header["SIMULATD"] = True
    unit.header.update(cards)
    stream = io.BytesIO()
    unit.writeto(stream)
    return stream.getvalue()


def dataset_of(thing: Thing) -> RemoteDataset:
    columns = {"key": thing.key, "version": thing.version, "target": thing.target}
    return RemoteDataset(thing.key, thing.version, thing.target, release=thing.release, columns=columns)


def changed(thing: Thing, **values: Any) -> Thing:
    """Return a thing with other values."""
    return replace(thing, **values)
