"""The tables: what is stored, in which unit, and what it means.

The four documented tables (``metadata``, ``outputs``, ``stats``, ``bad_data``) keep their names and columns; columns
are added, never renamed or narrowed. Each column carries ``info`` with ``unit``, ``ucd`` and ``doc``: table headers,
VOTable fields and the documentation are made from these.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Date, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

import hstlc.db.archive_tables  # noqa: F401 - the tables of archives belong to Base too
from hstlc.db.columns import (
    Base,
    column,
    composites_only,
    key_column,
    mission_column,
    number_column,
    reference_column,
    rootname_column,
    sha256_column,
    size_column,
)
from hstlc.db.source_tables import HardnessRatioRow, SourceRow
from hstlc.db.stats_tables import Candidate, Stats
from hstlc.db.types import MessageText, PathText, PortableJson, UtcDateTime
from hstlc.db.web_tables import Audit, JobRequest, LightCurveRow, Setup, WebUser

__all__ = [
    "Audit",
    "BadData",
    "Base",
    "Candidate",
    "CompositeMember",
    "ExposureFile",
    "FindingRow",
    "HardnessRatioRow",
    "JobRequest",
    "LightCurveRow",
    "Metadata",
    "Output",
    "PendingRemoval",
    "Product",
    "Run",
    "Setup",
    "SourceRow",
    "Stats",
    "Target",
    "TargetAlias",
    "WebUser",
]


class Metadata(Base):
    """One row an exposure: what was observed, and how."""

    __tablename__ = "metadata"
    __table_args__ = (
        UniqueConstraint("mission", "rootname"),
        Index("ix_metadata_setup", "mission", "instrume", "detector", "opt_elem", "cenwave", "aperture"),
    )

    id: Mapped[int] = key_column()
    mission: Mapped[str] = mission_column()
    rootname: Mapped[str] = rootname_column()
    filename: Mapped[str] = column(String(255), "the file of the exposure; segment A where there are two", index=True)
    path: Mapped[str] = column(PathText, "folder of the file")
    ingest_date: Mapped[date] = column(Date, "day of the last ingest, UTC", ucd="time.processing")
    telescop: Mapped[str] = column(String(16), "telescope", ucd="instr.tel")
    instrume: Mapped[str] = column(String(16), "instrument", ucd="instr")
    targname: Mapped[str] = column(
        String(128), "target, under the one name that all its exposures have", ucd="meta.id;src;meta.main", index=True
    )
    cal_ver: Mapped[str] = column(String(64), "version of the calibration software", ucd="meta.version;meta.software")
    obstype: Mapped[str] = column(String(32), "SPECTROSCOPIC or IMAGING", ucd="meta.code.class;obs")
    cenwave: Mapped[int] = column(Integer, "central wavelength; 0: imaging", unit="Angstrom", ucd="em.wl.central")
    aperture: Mapped[str] = column(String(64), "aperture", ucd="instr.param")
    detector: Mapped[str] = column(String(32), "detector", ucd="meta.id;instr.det")
    opt_elem: Mapped[str] = column(String(32), "grating or mirror", ucd="instr.dispersion")
    fppos: Mapped[int] = column(Integer, "focal-plane offset position; 0: has none", ucd="instr.param")
    ra_deg: Mapped[float | None] = number_column("right ascension of the target, ICRS", "deg", "pos.eq.ra;meta.main")
    dec_deg: Mapped[float | None] = number_column("declination of the target, ICRS", "deg", "pos.eq.dec;meta.main")
    expstart_mjd: Mapped[float | None] = number_column(
        "start, modified Julian date, UTC", "d", "time.start;obs.exposure"
    )
    expend_mjd: Mapped[float | None] = number_column("end, modified Julian date, UTC", "d", "time.end;obs.exposure")
    exptime_s: Mapped[float | None] = number_column(
        "exposure time the header states", "s", "time.duration;obs.exposure"
    )
    proposid: Mapped[int | None] = column(Integer, "number of the observing program", ucd="meta.id;obs.proposal")
    configuration: Mapped[str] = column(
        String(512), "mission to aperture as one text: the composite it belongs to", ucd="meta.id", index=True
    )
    extra: Mapped[dict[str, Any]] = column(PortableJson(), "what only this mission knows", ucd="meta", default=dict)
    updated_at: Mapped[datetime] = column(UtcDateTime, "when the row was last written, UTC", ucd="time.processing")
    header_targname: Mapped[str] = column(
        String(128), "target as the observer called it", ucd="meta.id;src", default=""
    )
    target_id: Mapped[int | None] = reference_column("target.id", "SET NULL", "the target", index=True)
    withdrawn: Mapped[str] = column(
        String(255), "why the archive took it back; '': it did not", ucd="meta.note", default=""
    )


class Target(Base):
    """One row a target: what its exposures are grouped by."""

    __tablename__ = "target"

    id: Mapped[int] = key_column()
    name: Mapped[str] = column(String(128), "name of the target", ucd="meta.id;src;meta.main", unique=True)
    ra_deg: Mapped[float | None] = number_column("right ascension, ICRS; NULL: unknown or moving", "deg", "pos.eq.ra")
    dec_deg: Mapped[float | None] = number_column("declination, ICRS; NULL: unknown or moving", "deg", "pos.eq.dec")
    moving: Mapped[bool] = column(Boolean, "whether it moves across the sky", ucd="meta.code", default=False)
    made_at: Mapped[datetime] = column(UtcDateTime, "when it was first seen, UTC", ucd="time.processing")


class TargetAlias(Base):
    """One row a name that observers gave a target, and how it was recognized: decided once, unless by a person."""

    __tablename__ = "target_alias"

    id: Mapped[int] = key_column()
    alias: Mapped[str] = column(String(128), "name as an observer wrote it", ucd="meta.id;src", unique=True)
    normal: Mapped[str] = column(String(128), "the name as names are compared", ucd="meta.id;src", index=True)
    target_id: Mapped[int] = reference_column("target.id", "CASCADE", "the target", index=True)
    method: Mapped[str] = column(String(16), "first, override, name, position, resolver or person", ucd="meta.code")
    note: Mapped[str] = column(
        String(255), "what decided, such as a distance or an answer", ucd="meta.note", default=""
    )
    decided_at: Mapped[datetime] = column(UtcDateTime, "when that was decided, UTC", ucd="time.processing")


class ExposureFile(Base):
    """One row a file of an exposure, of every version that was ever ingested."""

    __tablename__ = "exposure_file"
    __table_args__ = (
        UniqueConstraint("mission", "rootname", "kind", "sha256"),
        CheckConstraint("state IN ('current', 'superseded', 'rejected')", name="state"),
    )

    id: Mapped[int] = key_column()
    mission: Mapped[str] = mission_column()
    rootname: Mapped[str] = rootname_column()
    kind: Mapped[str] = column(String(32), "role of the file, such as corrtag_a or x1d", ucd="meta.code.class")
    filename: Mapped[str] = column(String(255), "name of the file", ucd="meta.id;meta.file")
    path: Mapped[str] = column(PathText, "folder of the file")
    sha256: Mapped[str] = sha256_column(index=True)
    size_bytes: Mapped[int] = size_column()
    cal_ver: Mapped[str] = column(String(64), "version of the calibration software", ucd="meta.version;meta.software")
    version_key: Mapped[str] = column(String(255), "sorts the versions of a file, oldest first", ucd="meta.version")
    state: Mapped[str] = column(String(16), "current, superseded or rejected", ucd="meta.code.status")
    metadata_id: Mapped[int | None] = reference_column(
        "metadata.id", "SET NULL", "the exposure's metadata row", index=True
    )
    added_at: Mapped[datetime] = column(UtcDateTime, "when the file was taken in, UTC", ucd="time.processing")


class Product(Base):
    """One row a file we made, with digests of all it depends on."""

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("kind", "key"), composites_only("product", "id", "kind = 'composite'"))

    id: Mapped[int] = key_column()
    kind: Mapped[str] = column(String(32), "individual, composite, page, plot ...", ucd="meta.code.class")
    key: Mapped[str] = column(String(512), "what it was made from, unique within its kind", ucd="meta.id")
    path: Mapped[str] = column(PathText, "folder of the file")
    filename: Mapped[str] = column(String(255), "name of the file", ucd="meta.id;meta.file")
    sha256: Mapped[str] = sha256_column()
    size_bytes: Mapped[int] = size_column()
    input_digest: Mapped[str] = column(String(64), "digest of the inputs", ucd="meta.code")
    step_version: Mapped[int] = column(Integer, "version of the step that made it", ucd="meta.version;meta.software")
    settings_digest: Mapped[str] = column(String(64), "digest of the settings the step read", ucd="meta.code")
    made_at: Mapped[datetime] = column(UtcDateTime, "when it was made, UTC", ucd="time.processing")
    parent_id: Mapped[int | None] = reference_column("product.id", "SET NULL", "the light curve it shows", index=True)
    metadata_id: Mapped[int | None] = reference_column(
        "metadata.id", "SET NULL", "the exposure it was made of; NULL: several, or none", index=True
    )


class CompositeMember(Base):
    """One row an exposure and the composite of its configuration: its number in it, or why it is not part of it."""

    __tablename__ = "composite_member"
    __table_args__ = (UniqueConstraint("configuration", "metadata_id"),)

    id: Mapped[int] = key_column()
    configuration: Mapped[str] = column(String(512), "key of the composite", ucd="meta.id")
    product_id: Mapped[int | None] = reference_column(
        "product.id", "CASCADE", "the composite; NULL: no exposure can be part of one", index=True
    )
    metadata_id: Mapped[int | None] = reference_column(
        "metadata.id", "SET NULL", "the exposure; NULL: it is gone", index=True
    )
    dataset: Mapped[int | None] = column(Integer, "number in the composite, from 1 by time", ucd="meta.number")
    excluded_reason: Mapped[str] = column(String(64), "why it is not part; '': it is", ucd="meta.note", default="")
    input_digest: Mapped[str] = column(String(64), "digest of the files it was made of", ucd="meta.code")


class Output(Base):
    """The light curves of an exposure; source and band are '' for a curve of the whole aperture."""

    __tablename__ = "outputs"
    __table_args__ = (UniqueConstraint("metadata_id", "source_name", "band"),)

    id: Mapped[int] = key_column()
    metadata_id: Mapped[int] = reference_column("metadata.id", "CASCADE", "the exposure")
    source_name: Mapped[str] = column(String(128), "source; '': the whole aperture", ucd="meta.id;src", default="")
    band: Mapped[str] = column(String(64), "energy or wavelength band; '': all", ucd="instr.bandpass", default="")
    individual_path: Mapped[str | None] = column(PathText, "folder of the light curve of the exposure")
    individual_filename: Mapped[str | None] = column(String(255), "light curve of the exposure", index=True)
    composite_path: Mapped[str | None] = column(PathText, "folder of the composite light curve")
    composite_filename: Mapped[str | None] = column(String(255), "composite light curve it is part of")
    individual_product_id: Mapped[int | None] = reference_column(
        "product.id", "SET NULL", "its product row", index=True
    )
    composite_product_id: Mapped[int | None] = reference_column("product.id", "SET NULL", "its product row", index=True)
    instrume: Mapped[str] = column(
        String(16), "instrument that saw it; '': that of the exposure", ucd="instr", default=""
    )
    configuration: Mapped[str] = column(
        String(512), "the composite it belongs to; '': none", ucd="meta.id", default="", index=True
    )
    lead: Mapped[bool] = column(
        Boolean, "whether it has plots of its own; else those of another band show it", ucd="meta.code", default=True
    )


class BadData(Base):
    """One row a rejected file, with the first reason."""

    __tablename__ = "bad_data"
    __table_args__ = (UniqueConstraint("filename", "sha256"), Index(None, "mission", "rootname"))

    id: Mapped[int] = key_column()
    mission: Mapped[str] = mission_column(default="")
    rootname: Mapped[str] = rootname_column(default="")
    kind: Mapped[str] = column(String(32), "role of the file; '': unknown", ucd="meta.code.class", default="")
    filename: Mapped[str] = column(String(255), "name of the file", ucd="meta.id;meta.file")
    path: Mapped[str] = column(PathText, "folder of the file")
    ingest_date: Mapped[date] = column(Date, "day it was rejected, UTC", ucd="time.processing")
    reason: Mapped[str] = column(String(64), "registered reason, such as Bad EXPFLAG", ucd="meta.note", index=True)
    message: Mapped[str] = column(MessageText, "what was expected and what was found", ucd="meta.note", default="")
    sha256: Mapped[str] = sha256_column(index=True)
    size_bytes: Mapped[int] = size_column()


class FindingRow(Base):
    """One row a finding of a check, whether it rejected the exposure or only flagged it."""

    __tablename__ = "finding"
    __table_args__ = (Index(None, "mission", "rootname"),)

    id: Mapped[int] = key_column()
    mission: Mapped[str] = mission_column()
    rootname: Mapped[str] = rootname_column()
    filename: Mapped[str] = column(String(255), "file it is about; '': the exposure", ucd="meta.id;meta.file")
    check_name: Mapped[str] = column(String(64), "name of the check", ucd="meta.code")
    severity: Mapped[str] = column(String(16), "reject or flag", ucd="meta.code.qual")
    reason: Mapped[str] = column(String(64), "registered reason, such as Bad EXPFLAG", ucd="meta.note", index=True)
    message: Mapped[str] = column(MessageText, "what was expected and what was found", ucd="meta.note")
    found_at: Mapped[datetime] = column(UtcDateTime, "when it was found, UTC", ucd="time.processing")


class Run(Base):
    """One row a run of a command."""

    __tablename__ = "run"

    id: Mapped[int] = key_column()
    command: Mapped[str] = column(String(32), "the command", ucd="meta.id;meta.software")
    version: Mapped[str] = column(String(32), "version of this software", ucd="meta.version;meta.software")
    status: Mapped[str] = column(String(16), "running, done or failed", ucd="meta.code.status")
    started_at: Mapped[datetime] = column(UtcDateTime, "when it began, UTC", ucd="time.start")
    ended_at: Mapped[datetime | None] = column(UtcDateTime, "when it ended, UTC", ucd="time.end")
    counts: Mapped[dict[str, Any]] = column(PortableJson(), "how many of what", ucd="meta.number", default=dict)
    message: Mapped[str] = column(MessageText, "why it failed; '': it did not", ucd="meta.note", default="")


class PendingRemoval(Base):
    """One row a file that is no longer needed, written with the rows that make it so and deleted after the file."""

    __tablename__ = "pending_removal"

    id: Mapped[int] = key_column()
    path: Mapped[str] = column(PathText, "the file")
    sha256: Mapped[str] = column(String(64), "SHA-256 it must have; '': any, it is a product", ucd="meta.code")
    kept_path: Mapped[str] = column(PathText, "copy that must verify first; '': none is kept")
