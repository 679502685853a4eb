"""Datasets of the stand-in's archives with their history: versions, dates of publication, absences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

__all__ = ["BEGINNING", "Blob", "File", "Make", "Record", "Shown", "Version"]

#: Content of a file, or how to make it.
Blob = bytes | Callable[[], bytes]

#: Before everything.
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class File:
    """A file in an archive.

    Attributes
    ----------
    name : str
    blob : bytes or callable
    wanted : bool
        A perfect client fetches it.
    product, version : str
        What a client knows it under; '' for its name, and for the version of its dataset.
    labels : mapping of str to str
        For routers.
    """

    name: str
    blob: Blob
    wanted: bool = True
    product: str = ""
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes."""
        return self.blob() if callable(self.blob) else self.blob


#: Gives the files of a dataset: of the how-manieth content (from 0), and when that was made.
Make = Callable[[int, datetime], Sequence[File]]


@dataclass(frozen=True)
class Version:
    """What one processing of a dataset made.

    Attributes
    ----------
    made, archived, visible_from : datetime
        ``visible_from`` is when queries begin to show it; one that is late has an earlier ``archived``.
    number : int
        Of the content, from 0; the same as of the version before where nothing changed.
    content_made : datetime
        When this content was first made.
    make : callable
    """

    made: datetime
    archived: datetime
    visible_from: datetime
    number: int
    content_made: datetime
    make: Make

    @property
    def key(self) -> str:
        """When it was made, as text."""
        return self.made.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")

    @cached_property
    def files(self) -> tuple[File, ...]:
        """The files."""
        return tuple(self.make(self.number, self.content_made))


@dataclass(slots=True)
class Record:
    """A dataset with its history.

    Attributes
    ----------
    releases : list of (datetime, datetime or None)
        From when on it has which date of publication; None is public.
    absences : list of (datetime, datetime or None)
        When it was taken away and came back.
    """

    archive: str
    key: str
    columns: Mapping[str, Any]
    versions: list[Version]
    releases: list[tuple[datetime, datetime | None]]
    absences: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def version(self, now: datetime) -> Version | None:
        """Return the version that is shown at a time, if any."""
        if any(start <= now and (stop is None or now < stop) for start, stop in self.absences):
            return None
        shown = [one for one in self.versions if one.visible_from <= now]
        return max(shown, key=lambda one: (one.visible_from, one.made), default=None)

    def release(self, now: datetime) -> datetime | None:
        """Return the date of publication that holds at a time."""
        return next(release for since, release in reversed(self.releases) if since <= now)

    def is_public(self, now: datetime) -> bool:
        """Tell whether everybody may have it."""
        release = self.release(now)
        return release is None or release <= now

    def moments(self) -> Iterator[datetime]:
        """Yield when something about it changes."""
        yield from (one.visible_from for one in self.versions)
        for since, release in self.releases:
            yield from (moment for moment in (since, release) if moment is not None)
        for start, stop in self.absences:
            yield from (moment for moment in (start, stop) if moment is not None)

    def met(self, now: datetime) -> list[Version]:
        """Return the versions that the public could see at some moment up to a time, in order."""
        met: list[Version] = []
        for moment in sorted({one for one in self.moments() if one <= now}):
            version = self.version(moment)
            if version is not None and self.is_public(moment) and version not in met:
                met.append(version)
        return met


@dataclass(frozen=True, slots=True)
class Shown:
    """A dataset as it is shown at a time."""

    record: Record
    version: Version
    release: datetime | None
    public: bool

    @property
    def key(self) -> str:
        """Its name."""
        return self.record.key

    @property
    def columns(self) -> Mapping[str, Any]:
        """What the archive says of it."""
        return self.record.columns
