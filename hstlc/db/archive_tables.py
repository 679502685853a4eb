"""The tables of archives: what they have, what was fetched of it, and who looks after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from hstlc.db.columns import (
    Base,
    column,
    key_column,
    mission_column,
    number_column,
    reference_column,
    sha256_column,
    size_column,
)
from hstlc.db.types import MessageText, PathText, PortableJson, UtcDateTime

__all__ = [
    *("ArchiveCursor", "ArchiveSelection", "ArchiveSource", "ArchiveWalk", "DownloadAttempt"),
    *("Job", "Leader", "Notice", "RemoteDataset", "RemoteFile", "RemoteProduct"),
]


def _source(**options: Any) -> Any:
    return column(String(16), "name of the archive's client, such as mast", ucd="meta.id", **options)


def _moment(doc: str, ucd: str = "time.processing", **options: Any) -> Any:
    return column(UtcDateTime, f"{doc}, UTC", ucd=ucd, **options)


def _count(doc: str, unit: str = "", **options: Any) -> Any:
    return column(BigInteger, doc, unit=unit, ucd="meta.number", default=0, **options)


def _code(doc: str) -> Any:
    return column(String(64), doc, ucd="meta.code.error", default="")


def _message(doc: str) -> Any:
    return column(MessageText, doc, ucd="meta.note", default="")


class ArchiveSource(Base):
    """One row an archive that was asked: its columns, and whether it is left alone for a while."""

    __tablename__ = "archive_source"

    id: Mapped[int] = key_column()
    source: Mapped[str] = _source(unique=True)
    columns: Mapped[dict[str, Any]] = column(
        PortableJson(), "names and types of its columns when it was last asked", ucd="meta", default=dict
    )
    columns_seen_at: Mapped[datetime | None] = _moment("when that was")
    full_rows: Mapped[int] = _count("datasets that the last full walk met")
    paused_until: Mapped[datetime | None] = _moment("until when it asked to be left alone; NULL: it did not")
    pause_reason: Mapped[str] = _message("why it asked for that")


class ArchiveCursor(Base):
    """One row a stream of an archive: up to where it is known whole."""

    __tablename__ = "archive_cursor"
    __table_args__ = (UniqueConstraint("source", "stream"),)

    id: Mapped[int] = key_column()
    source: Mapped[str] = _source()
    stream: Mapped[str] = column(String(80), "what goes by a date of its own, such as archive", ucd="meta.id")
    watermark: Mapped[datetime | None] = _moment("latest date of a walk that met everything", "time.epoch")
    moved_at: Mapped[datetime] = _moment("when such a walk last ended")


class ArchiveWalk(Base):
    """One row a walk through a window of a stream: what it met, and how it ended."""

    __tablename__ = "archive_walk"
    __table_args__ = (CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),)

    id: Mapped[int] = key_column()
    run_id: Mapped[int | None] = reference_column("run.id", "SET NULL", "the run it was part of", index=True)
    source: Mapped[str] = _source(index=True)
    stream: Mapped[str] = column(String(80), "the stream", ucd="meta.id")
    state: Mapped[str] = column(String(16), "running, done or failed", ucd="meta.code.status")
    window_since: Mapped[datetime | None] = _moment("begin of the window; NULL: everything", "time.start")
    window_until: Mapped[datetime] = _moment("end of the window", "time.end")
    pages: Mapped[int] = _count("answers")
    rows_seen: Mapped[int] = _count("datasets met")
    rows_new: Mapped[int] = _count("... that were not known")
    rows_changed: Mapped[int] = _count("... of which the archive says something else than before")
    rows_missing: Mapped[int] = _count("known datasets that a full walk did not meet")
    requests: Mapped[int] = _count("requests sent")
    retries: Mapped[int] = _count("... of which were further tries")
    bytes_read: Mapped[int] = _count("bytes received", "byte")
    started_at: Mapped[datetime] = _moment("when it began")
    finished_at: Mapped[datetime | None] = _moment("when it ended")
    error_code: Mapped[str] = _code("what ended it early; '': nothing")
    message: Mapped[str] = _message("the same as a sentence")


class RemoteDataset(Base):
    """One row a dataset that an archive showed."""

    __tablename__ = "remote_dataset"
    __table_args__ = (
        UniqueConstraint("source", "dataset_key"),
        Index("ix_remote_dataset_due", "source", "listed_version"),
    )

    id: Mapped[int] = key_column()
    source: Mapped[str] = _source()
    dataset_key: Mapped[str] = column(String(128), "name of the dataset in the archive", ucd="meta.id;obs")
    version_key: Mapped[str] = column(String(255), "changes when the archive processed it again", ucd="meta.version")
    target: Mapped[str] = column(String(255), "target, as the archive calls it", ucd="meta.id;src", default="")
    instrument: Mapped[str] = column(String(64), "instrument, as the archive calls it", ucd="instr", default="")
    ra_deg: Mapped[float | None] = number_column("right ascension, ICRS", "deg", "pos.eq.ra")
    dec_deg: Mapped[float | None] = number_column("declination, ICRS", "deg", "pos.eq.dec")
    start_date: Mapped[datetime | None] = _moment("when it was observed", "time.start;obs")
    release_date: Mapped[datetime | None] = _moment("when it is or was made public", "time.release", index=True)
    columns: Mapped[dict[str, Any]] = column(PortableJson(), "what the archive says of it", ucd="meta", default=dict)
    columns_digest: Mapped[str] = column(String(64), "digest of that", ucd="meta.code")
    listed_version: Mapped[str] = column(
        String(255), "version whose products are known; '': of none", ucd="meta.version", default=""
    )
    listed_at: Mapped[datetime | None] = _moment("when its products were last asked for")
    missed_walks: Mapped[int] = column(
        Integer, "full walks in a row that did not meet it", ucd="meta.number", default=0
    )
    first_seen_at: Mapped[datetime] = _moment("when it was first met")
    last_seen_at: Mapped[datetime] = _moment("when it was last met")
    changed_at: Mapped[datetime | None] = _moment("when it was last met with something else than before")
    gone_at: Mapped[datetime | None] = _moment("when it was found to be gone from the archive; NULL: it is there")


class RemoteProduct(Base):
    """One row a product of an archive in one version: whether it was fetched, or why not."""

    __tablename__ = "remote_product"
    __table_args__ = (
        UniqueConstraint("source", "name", "version_key"),
        CheckConstraint(
            "state IN ('queued', 'deferred', 'done', 'identical', 'waiting', 'rejected', 'forbidden', 'missing',"
            " 'failed', 'superseded')",
            name="state",
        ),
        Index("ix_remote_product_due", "state", "next_try_at"),
    )

    id: Mapped[int] = key_column()
    dataset_id: Mapped[int] = reference_column("remote_dataset.id", "CASCADE", "its dataset", index=True)
    source: Mapped[str] = _source()
    name: Mapped[str] = column(String(255), "name of the product in the archive", ucd="meta.id;meta.file")
    version_key: Mapped[str] = column(String(255), "changes when the archive made it again", ucd="meta.version")
    mission: Mapped[str] = mission_column()
    kind: Mapped[str] = column(String(32), "role of the product, such as corrtag_a", ucd="meta.code.class")
    group_key: Mapped[str] = column(String(128), "what it is processed together with", ucd="meta.id", index=True)
    locator: Mapped[dict[str, Any]] = column(PortableJson(), "how to ask for it", ucd="meta", default=dict)
    declared_bytes: Mapped[int | None] = column(
        BigInteger, "size that the archive states", unit="byte", ucd="phys.size;meta.file"
    )
    state: Mapped[str] = column(
        String(16),
        "queued, deferred (no room), done, identical (made again without a difference), waiting (verified, of a mission"
        " that is not installed), rejected (not wanted, seen by its content), forbidden (not public), missing (the"
        " archive has no such file), failed, or superseded (a later version came first)",
        ucd="meta.code.status",
    )
    priority: Mapped[int] = column(Integer, "smaller comes first", ucd="meta.number", default=1)
    attempts: Mapped[int] = column(Integer, "tries in a row without success", ucd="meta.number", default=0)
    next_try_at: Mapped[datetime | None] = _moment("not before then; NULL: at once if it is queued, else never")
    failing_since_at: Mapped[datetime | None] = _moment("first of these tries")
    epoch: Mapped[str] = column(String(64), "when its file says it was processed", ucd="time.processing", default="")
    error_code: Mapped[str] = _code("why the last try failed; '': it did not")
    message: Mapped[str] = _message("the same as a sentence")
    first_seen_at: Mapped[datetime] = _moment("when it was first listed")
    last_seen_at: Mapped[datetime] = _moment("when it was last listed")
    done_at: Mapped[datetime | None] = _moment("when it was fetched and verified")


class RemoteFile(Base):
    """One row a file that came from an archive: a product is one, or several in an archive file."""

    __tablename__ = "remote_file"
    __table_args__ = (UniqueConstraint("product_id", "filename"),)

    id: Mapped[int] = key_column()
    product_id: Mapped[int] = reference_column("remote_product.id", "CASCADE", "the product it came as")
    filename: Mapped[str] = column(String(255), "name of the file", ucd="meta.id;meta.file")
    path: Mapped[str] = column(PathText, "folder it was put into; from the ingest folder it goes on")
    sha256: Mapped[str] = sha256_column(index=True)
    size_bytes: Mapped[int] = size_column()
    etag: Mapped[str] = column(String(255), "what the archive called its content", ucd="meta.code", default="")
    added_at: Mapped[datetime] = _moment("when it was verified")


class DownloadAttempt(Base):
    """One row a try to fetch a product."""

    __tablename__ = "download_attempt"

    id: Mapped[int] = key_column()
    product_id: Mapped[int] = reference_column("remote_product.id", "CASCADE", "the product", index=True)
    tried_at: Mapped[datetime] = _moment("when it began", index=True)
    seconds: Mapped[float] = number_column("how long it took", "s", "time.duration", default=0.0)
    status: Mapped[int | None] = column(Integer, "HTTP status; NULL: no answer", ucd="meta.code.status")
    bytes_read: Mapped[int] = _count("bytes received", "byte")
    resumed_from: Mapped[int] = _count("bytes that were there already", "byte")
    error_code: Mapped[str] = _code("why it failed; '': it did not")
    message: Mapped[str] = _message("the same as a sentence")


class ArchiveSelection(Base):
    """One row a place or name that somebody wants everything of."""

    __tablename__ = "archive_selection"

    id: Mapped[int] = key_column()
    name: Mapped[str] = column(String(64), "what the person calls it", ucd="meta.id;meta.main", unique=True)
    source: Mapped[str] = _source()
    target: Mapped[str] = column(String(255), "name of the target; '': a place", ucd="meta.id;src", default="")
    ra_deg: Mapped[float | None] = number_column("right ascension, ICRS", "deg", "pos.eq.ra")
    dec_deg: Mapped[float | None] = number_column("declination, ICRS", "deg", "pos.eq.dec")
    radius_deg: Mapped[float] = column(Double, "around it", unit="deg", ucd="pos.angDistance")
    minimum_significance: Mapped[float | None] = number_column(
        "least significance of a source; NULL: any", "", "stat.snr"
    )
    made_at: Mapped[datetime] = _moment("when it was stored")


class Notice(Base):
    """One row a thing that a person should know; while it lasts it is counted, not repeated."""

    __tablename__ = "notice"
    __table_args__ = (CheckConstraint("severity IN ('info', 'warning', 'error')", name="severity"),)

    id: Mapped[int] = key_column()
    key: Mapped[str] = column(String(128), "what it is about, such as 'columns mast'", ucd="meta.id", unique=True)
    severity: Mapped[str] = column(String(16), "info, warning or error", ucd="meta.code")
    message: Mapped[str] = _message("what happened, and what to do")
    count: Mapped[int] = column(Integer, "how often", ucd="meta.number", default=1)
    first_at: Mapped[datetime] = _moment("when it first happened")
    last_at: Mapped[datetime] = _moment("when it last happened")
    cleared_at: Mapped[datetime | None] = _moment("when it was over; NULL: it lasts")
    told_at: Mapped[datetime | None] = _moment("when it was handed to notice_command; NULL: it was not")


class Job(Base):
    """One row a job of the daemon."""

    __tablename__ = "job"

    id: Mapped[int] = key_column()
    name: Mapped[str] = column(String(32), "name of the job, such as poll", ucd="meta.id;meta.main", unique=True)
    running_epoch: Mapped[int | None] = column(
        Integer, "leadership under which it runs; NULL: it does not", ucd="meta.number"
    )
    started_at: Mapped[datetime | None] = _moment("when it last began")
    finished_at: Mapped[datetime | None] = _moment("when it last ended")
    status: Mapped[str] = column(
        String(16), "how it last ended: done, failed or stopped", ucd="meta.code.status", default=""
    )
    message: Mapped[str] = _message("what it says of its last run")
    next_at: Mapped[datetime | None] = _moment("when it is due")
    failures: Mapped[int] = column(Integer, "runs in a row that failed", ucd="meta.number", default=0)


class Leader(Base):
    """One row in all: the daemon that works on this database."""

    __tablename__ = "leader"

    id: Mapped[int] = key_column()
    epoch: Mapped[int] = column(Integer, "number of the leadership: one more with each take-over", ucd="meta.number")
    owner: Mapped[str] = column(String(128), "process that leads: host, number and start", ucd="meta.id")
    lease_until: Mapped[datetime] = _moment("when it counts as dead unless it is heard of before")
    taken_at: Mapped[datetime] = _moment("when it took over")
