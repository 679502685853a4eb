"""What the archives of the stand-in hold, and when: everything is dated, and turning the clock moves the world.

Examples
--------
>>> from datetime import UTC, datetime, timedelta
>>> class Stopped:
...     def now(self):
...         return datetime(2026, 1, 10, tzinfo=UTC)
...     def sleep(self, seconds, stop=None):
...         return False
>>> world = World(Stopped())
>>> day = datetime(2026, 1, 1, tzinfo=UTC)
>>> world.add("mast", "A", {}, lambda number, made: (File("a.fits", b"%d" % number),), made=day)
>>> world.reprocess("mast", "A", day + timedelta(days=5))
>>> world.remove("mast", "A", day + timedelta(days=8))
>>> [one.version.key for one in world.visible("mast", day + timedelta(days=6))]
['2026-01-06T00:00:00']
>>> world.visible("mast")
[]
>>> sorted(version for _, _, version in world.expected())
['2026-01-01T00:00:00', '2026-01-06T00:00:00']
"""

from __future__ import annotations

import hashlib
import random
import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hstlc.clock import Clock, SystemClock
from hstlc.testing.archive.history import BEGINNING, File, Make, Record, Shown, Version

__all__ = ["File", "Shown", "World"]


class World:
    """The truth about all archives.

    Parameters
    ----------
    clock : Clock, optional
        Says which time it is in the world.
    seed : int
        For those who fill it.
    """

    def __init__(self, clock: Clock | None = None, seed: int = 0) -> None:
        self.clock: Clock = clock or SystemClock()
        self.seed = seed
        self.random = random.Random(seed)
        self.revision = 0
        self._records: dict[str, dict[str, Record]] = {}
        self._renamed: list[tuple[str, datetime, str, str]] = []
        self._moments: dict[str, tuple[int, list[datetime]]] = {}
        self._visible: dict[str, tuple[tuple[int, int], list[Shown], dict[str, Shown]]] = {}
        self._digests: dict[tuple[int, str], str] = {}
        self._lock = threading.RLock()

    def add(
        self,
        archive: str,
        key: str,
        columns: Mapping[str, Any],
        make: Make,
        *,
        made: datetime,
        archived: datetime | None = None,
        visible_from: datetime | None = None,
        release: datetime | None = None,
    ) -> None:
        """Put a dataset into an archive.

        Parameters
        ----------
        archive, key : str
        columns : mapping
        make : callable
            Gives its files from the number of the content and the time it was made; cheap, with blobs that are made
            when they are read.
        made, archived, visible_from : datetime
            Each by default as the one before it.
        release : datetime, optional
            Not public before.
        """
        archived = archived or made
        version = Version(made, archived, visible_from or archived, 0, made, make)
        with self._lock:
            records = self._records.setdefault(archive, {})
            if key in records:
                raise ValueError(f"{archive} has {key} already: use reprocess")
            records[key] = Record(archive, key, columns, [version], [(BEGINNING, release)])
            self.revision += 1

    def record(self, archive: str, key: str) -> Record:
        """Return a dataset with its history."""
        return self._records[archive][key]

    def records(self, archive: str) -> list[Record]:
        """Return everything that ever is in an archive."""
        return list(self._records.get(archive, {}).values())

    def reprocess(
        self,
        archive: str,
        key: str,
        when: datetime,
        *,
        change_bytes: bool = True,
        archived: datetime | None = None,
        visible_from: datetime | None = None,
    ) -> None:
        """Make a dataset again; without ``change_bytes`` the files are the same as before."""
        with self._lock:
            record = self.record(archive, key)
            last = record.versions[-1]
            archived = archived or when
            number, content_made = (last.number + 1, when) if change_bytes else (last.number, last.content_made)
            record.versions.append(Version(when, archived, visible_from or archived, number, content_made, last.make))
            self.revision += 1

    def embargo(self, archive: str, key: str, until: datetime | None, *, when: datetime | None = None) -> None:
        """Say when a dataset becomes public (None: it is); ``when`` is from when on the archive says so."""
        with self._lock:
            self.record(archive, key).releases.append((when or BEGINNING, until))
            self.revision += 1

    def remove(self, archive: str, key: str, when: datetime) -> None:
        """Take a dataset away."""
        with self._lock:
            self.record(archive, key).absences.append((when, None))
            self.revision += 1

    def restore(self, archive: str, key: str, when: datetime) -> None:
        """Bring back what was taken away."""
        with self._lock:
            absences = self.record(archive, key).absences
            absences[-1] = (absences[-1][0], when)
            self.revision += 1

    def rename_column(self, archive: str, old: str, new: str, *, when: datetime | None = None) -> None:
        """Give a column another name, from a time on (None: always)."""
        with self._lock:
            self._renamed.append((archive, when or BEGINNING, old, new))
            self._renamed.sort(key=lambda one: one[1])
            self.revision += 1

    def column_name(self, archive: str, name: str, now: datetime | None = None) -> str:
        """Return what a column is called at a time."""
        now = now or self.clock.now()
        for where, since, old, new in self._renamed:
            if where == archive and since <= now and name == old:
                name = new
        return name

    def epoch(self, archive: str, now: datetime | None = None) -> tuple[int, int]:
        """Return a value that is the same as long as nothing in an archive changes, for caches."""
        now = now or self.clock.now()
        with self._lock:
            revision, moments = self._moments.get(archive, (-1, []))
            if revision != self.revision:
                every = {moment for record in self.records(archive) for moment in record.moments()}
                every.update(since for where, since, *_ in self._renamed if where == archive)
                moments = sorted(every)
                self._moments[archive] = (self.revision, moments)
            return self.revision, bisect_right(moments, now)

    def visible(self, archive: str, now: datetime | None = None) -> list[Shown]:
        """Return what an archive shows at a time, by default the present; the list is shared, do not change it."""
        return self._shown(archive, now)[0]

    def shown(self, archive: str, key: str, now: datetime | None = None) -> Shown | None:
        """Return a dataset as an archive shows it, or None."""
        return self._shown(archive, now)[1].get(key)

    def _shown(self, archive: str, now: datetime | None) -> tuple[list[Shown], dict[str, Shown]]:
        now = now or self.clock.now()
        with self._lock:
            epoch = self.epoch(archive, now)
            known = self._visible.get(archive)
            if known is None or known[0] != epoch:
                found = [
                    Shown(record, version, record.release(now), record.is_public(now))
                    for record in self.records(archive)
                    if (version := record.version(now)) is not None
                ]
                known = (epoch, found, {one.key: one for one in found})
                self._visible[archive] = known
            return known[1], known[2]

    def expected(
        self, now: datetime | None = None, *, archives: Sequence[str] = (), every_version: bool = True
    ) -> dict[tuple[str, str, str], str]:
        """Return what a perfect client holds at a time.

        Parameters
        ----------
        now : datetime, optional
        archives : sequence of str
            Which; all by default.
        every_version : bool
            All versions that were shown to the public at some moment; False for the newest of them alone. What an
            archive has removed is still held.

        Returns
        -------
        dict
            From source, product and version to the sha256 of the file.
        """
        held = self.held(now, archives=archives, every_version=every_version)
        return {key: self._digest(version, file) for key, (version, file) in held.items()}

    def held(
        self, now: datetime | None = None, *, archives: Sequence[str] = (), every_version: bool = True
    ) -> dict[tuple[str, str, str], tuple[Version, File]]:
        """Return the same as :meth:`expected` with the files, none of which is made for it."""
        now = now or self.clock.now()
        return {
            (archive, file.product or file.name, file.version or version.key): (version, file)
            for archive in archives or tuple(self._records)
            for record in self.records(archive)
            for version in record.met(now)[0 if every_version else -1 :]
            for file in version.files
            if file.wanted
        }

    def _digest(self, version: Version, file: File) -> str:
        key = (id(version), file.name)
        if key not in self._digests:
            self._digests[key] = hashlib.sha256(file.content).hexdigest()
        return self._digests[key]
