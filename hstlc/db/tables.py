"""The tables: what is stored, in which unit, and what it means.

The four documented tables (``metadata``, ``outputs``, ``stats``, ``bad_data``) keep their names and columns; columns
are added, never renamed or narrowed. Each column carries ``info`` with ``unit``, ``ucd`` and ``doc``: table headers,
VOTable fields and the documentation are made from these.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column
from sqlalchemy.types import TypeEngine

from hstlc.db.types import MessageText, PathText, PortableJson, UtcDateTime

__all__ = [
    "BadData",
    "Base",
    "CompositeMember",
    "ExposureFile",
    "FindingRow",
    "Metadata",
    "Output",
    "PendingRemoval",
    "Product",
    "Run",
    "Stats",
]


class Base(DeclarativeBase):
    """Base of all tables; constraints get the same names on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _column(
    kind: TypeEngine[Any] | type[TypeEngine[Any]],
    doc: str,
    *more: ForeignKey,
    unit: str = "",
    ucd: str = "",
    **options: Any,
) -> MappedColumn[Any]:
    return mapped_column(kind, *more, info={"unit": unit, "ucd": ucd, "doc": doc}, **options)


def _key() -> MappedColumn[Any]:
    return _column(Integer, "number of the row", ucd="meta.id;meta.main", primary_key=True)


def _reference(target: str, on_delete: str, doc: str, **options: Any) -> MappedColumn[Any]:
    return _column(Integer, doc, ForeignKey(target, ondelete=on_delete), ucd="meta.id", **options)


def _mission(**options: Any) -> MappedColumn[Any]:
    return _column(String(16), "name of the mission, such as hst", ucd="meta.id;instr.obsty", **options)


def _rootname(**options: Any) -> MappedColumn[Any]:
    return _column(String(64), "name of the exposure in the archive", ucd="meta.id;obs", **options)


def _sha256(**options: Any) -> MappedColumn[Any]:
    return _column(String(64), "SHA-256 of the file, hexadecimal", ucd="meta.code", **options)


def _size() -> MappedColumn[Any]:
    return _column(BigInteger, "size of the file", unit="byte", ucd="phys.size;meta.file")


def _only_where(flag: str, column: str) -> Index:
    """Return an index of the rows of ``stats`` with a flag: ``WHERE flag`` uses it, ``WHERE flag = true`` may not."""
    return Index(f"ix_stats_{flag}", column, sqlite_where=text(flag), postgresql_where=text(flag))


def _composites(table: str, column: str, condition: str) -> Index:
    """Return an index of the rows of composites, which is empty on SQLite.

    Composites come after the exposures, whose rows PostgreSQL would read first to join by number. SQLite joins row by
    row and would take this index where a better one is at hand.
    """
    none = text("id < 0")
    return Index(f"ix_{table}_composite", column, sqlite_where=none, postgresql_where=text(condition))


def _number(doc: str, unit: str, ucd: str, **options: Any) -> MappedColumn[Any]:
    return _column(Double, doc, unit=unit, ucd=ucd, **options)


class Metadata(Base):
    """One row an exposure: what was observed, and how."""

    __tablename__ = "metadata"
    __table_args__ = (
        UniqueConstraint("mission", "rootname"),
        Index("ix_metadata_setup", "mission", "instrume", "detector", "opt_elem", "cenwave", "aperture"),
    )

    id: Mapped[int] = _key()
    mission: Mapped[str] = _mission()
    rootname: Mapped[str] = _rootname()
    filename: Mapped[str] = _column(String(255), "the file of the exposure; segment A where there are two", index=True)
    path: Mapped[str] = _column(PathText, "folder of the file")
    ingest_date: Mapped[date] = _column(Date, "day of the last ingest, UTC", ucd="time.processing")
    telescop: Mapped[str] = _column(String(16), "telescope", ucd="instr.tel")
    instrume: Mapped[str] = _column(String(16), "instrument", ucd="instr")
    targname: Mapped[str] = _column(String(128), "target as the observer called it", ucd="meta.id;src", index=True)
    cal_ver: Mapped[str] = _column(String(64), "version of the calibration software", ucd="meta.version;meta.software")
    obstype: Mapped[str] = _column(String(32), "SPECTROSCOPIC or IMAGING", ucd="meta.code.class;obs")
    cenwave: Mapped[int] = _column(Integer, "central wavelength; 0: imaging", unit="Angstrom", ucd="em.wl.central")
    aperture: Mapped[str] = _column(String(64), "aperture", ucd="instr.param")
    detector: Mapped[str] = _column(String(32), "detector", ucd="meta.id;instr.det")
    opt_elem: Mapped[str] = _column(String(32), "grating or mirror", ucd="instr.dispersion")
    fppos: Mapped[int] = _column(Integer, "focal-plane offset position; 0: has none", ucd="instr.param")
    ra_deg: Mapped[float | None] = _number("right ascension of the target, ICRS", "deg", "pos.eq.ra;meta.main")
    dec_deg: Mapped[float | None] = _number("declination of the target, ICRS", "deg", "pos.eq.dec;meta.main")
    expstart_mjd: Mapped[float | None] = _number("start, modified Julian date, UTC", "d", "time.start;obs.exposure")
    expend_mjd: Mapped[float | None] = _number("end, modified Julian date, UTC", "d", "time.end;obs.exposure")
    exptime_s: Mapped[float | None] = _number("exposure time the header states", "s", "time.duration;obs.exposure")
    proposid: Mapped[int | None] = _column(Integer, "number of the observing program", ucd="meta.id;obs.proposal")
    configuration: Mapped[str] = _column(
        String(512), "mission to aperture as one text: the composite it belongs to", ucd="meta.id", index=True
    )
    extra: Mapped[dict[str, Any]] = _column(PortableJson(), "what only this mission knows", ucd="meta", default=dict)
    updated_at: Mapped[datetime] = _column(UtcDateTime, "when the row was last written, UTC", ucd="time.processing")


class ExposureFile(Base):
    """One row a file of an exposure, of every version that was ever ingested."""

    __tablename__ = "exposure_file"
    __table_args__ = (
        UniqueConstraint("mission", "rootname", "kind", "sha256"),
        CheckConstraint("state IN ('current', 'superseded', 'rejected')", name="state"),
    )

    id: Mapped[int] = _key()
    mission: Mapped[str] = _mission()
    rootname: Mapped[str] = _rootname()
    kind: Mapped[str] = _column(String(32), "role of the file, such as corrtag_a or x1d", ucd="meta.code.class")
    filename: Mapped[str] = _column(String(255), "name of the file", ucd="meta.id;meta.file")
    path: Mapped[str] = _column(PathText, "folder of the file")
    sha256: Mapped[str] = _sha256(index=True)
    size_bytes: Mapped[int] = _size()
    cal_ver: Mapped[str] = _column(String(64), "version of the calibration software", ucd="meta.version;meta.software")
    version_key: Mapped[str] = _column(String(255), "sorts the versions of a file, oldest first", ucd="meta.version")
    state: Mapped[str] = _column(String(16), "current, superseded or rejected", ucd="meta.code.status")
    metadata_id: Mapped[int | None] = _reference("metadata.id", "SET NULL", "the exposure's metadata row", index=True)
    added_at: Mapped[datetime] = _column(UtcDateTime, "when the file was taken in, UTC", ucd="time.processing")


class Product(Base):
    """One row a file we made, with digests of all it depends on."""

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("kind", "key"), _composites("product", "id", "kind = 'composite'"))

    id: Mapped[int] = _key()
    kind: Mapped[str] = _column(String(32), "individual, composite, page, plot ...", ucd="meta.code.class")
    key: Mapped[str] = _column(String(512), "what it was made from, unique within its kind", ucd="meta.id")
    path: Mapped[str] = _column(PathText, "folder of the file")
    filename: Mapped[str] = _column(String(255), "name of the file", ucd="meta.id;meta.file")
    sha256: Mapped[str] = _sha256()
    size_bytes: Mapped[int] = _size()
    input_digest: Mapped[str] = _column(String(64), "digest of the inputs", ucd="meta.code")
    step_version: Mapped[int] = _column(Integer, "version of the step that made it", ucd="meta.version;meta.software")
    settings_digest: Mapped[str] = _column(String(64), "digest of the settings the step read", ucd="meta.code")
    made_at: Mapped[datetime] = _column(UtcDateTime, "when it was made, UTC", ucd="time.processing")
    parent_id: Mapped[int | None] = _reference("product.id", "SET NULL", "the light curve it shows", index=True)


class CompositeMember(Base):
    """One row an exposure and the composite of its configuration: its number in it, or why it is not part of it."""

    __tablename__ = "composite_member"
    __table_args__ = (UniqueConstraint("configuration", "metadata_id"),)

    id: Mapped[int] = _key()
    configuration: Mapped[str] = _column(String(512), "key of the composite", ucd="meta.id")
    product_id: Mapped[int | None] = _reference(
        "product.id", "CASCADE", "the composite; NULL: no exposure can be part of one", index=True
    )
    metadata_id: Mapped[int | None] = _reference(
        "metadata.id", "SET NULL", "the exposure; NULL: it is gone", index=True
    )
    dataset: Mapped[int | None] = _column(Integer, "number in the composite, from 1 by time", ucd="meta.number")
    excluded_reason: Mapped[str] = _column(String(64), "why it is not part; '': it is", ucd="meta.note", default="")
    input_digest: Mapped[str] = _column(String(64), "digest of the files it was made of", ucd="meta.code")


class Output(Base):
    """The light curves of an exposure; source and band are '' for a curve of the whole aperture."""

    __tablename__ = "outputs"
    __table_args__ = (UniqueConstraint("metadata_id", "source_name", "band"),)

    id: Mapped[int] = _key()
    metadata_id: Mapped[int] = _reference("metadata.id", "CASCADE", "the exposure")
    source_name: Mapped[str] = _column(String(128), "source; '': the whole aperture", ucd="meta.id;src", default="")
    band: Mapped[str] = _column(String(64), "energy or wavelength band; '': all", ucd="instr.bandpass", default="")
    individual_path: Mapped[str | None] = _column(PathText, "folder of the light curve of the exposure")
    individual_filename: Mapped[str | None] = _column(String(255), "light curve of the exposure", index=True)
    composite_path: Mapped[str | None] = _column(PathText, "folder of the composite light curve")
    composite_filename: Mapped[str | None] = _column(String(255), "composite light curve it is part of")
    individual_product_id: Mapped[int | None] = _reference("product.id", "SET NULL", "its product row", index=True)
    composite_product_id: Mapped[int | None] = _reference("product.id", "SET NULL", "its product row", index=True)


class Stats(Base):
    """Statistics of a light curve. An undefined number is NULL."""

    __tablename__ = "stats"
    __table_args__ = (
        _only_where("interesting", "product_id"),
        _only_where("periodogram", "pearson_p"),
        _composites("stats", "product_id", "datasets > 1"),
    )

    id: Mapped[int] = _key()
    product_id: Mapped[int] = _reference("product.id", "CASCADE", "the light curve's product row", unique=True)
    lightcurve_path: Mapped[str] = _column(PathText, "folder of the light curve")
    lightcurve_filename: Mapped[str] = _column(
        String(255), "name of the light curve", ucd="meta.id;meta.file", index=True
    )
    total: Mapped[int] = _column(BigInteger, "counts of all bins, whole", unit="ct", ucd="phot.count")
    mean: Mapped[float | None] = _number("mean counts of a bin", "ct", "phot.count;stat.mean")
    mu: Mapped[float | None] = _number("square root of mean: what counting alone scatters", "ct", "stat.stdev")
    stdev: Mapped[float | None] = _number("population standard deviation of counts", "ct", "phot.count;stat.stdev")
    poisson_factor: Mapped[float | None] = _number("stdev / mu", "", "stat.value;arith.ratio", index=True)
    pearson_r: Mapped[float | None] = _number("Pearson correlation of counts and time", "", "stat.correlation")
    pearson_p: Mapped[float | None] = _number("probability of that correlation by chance", "", "stat.probability")
    periodogram: Mapped[bool] = _column(Boolean, "whether a period stands out", ucd="meta.code", default=False)
    deliver: Mapped[bool] = _column(Boolean, "whether to deliver the curve", ucd="meta.code", default=False)
    excess_factor: Mapped[float | None] = _number(
        "stdev / root mean square of the errors", "", "stat.value;arith.ratio"
    )
    reduced_chi2: Mapped[float | None] = _number(
        "reduced chi square of a constant rate", "", "stat.fit.chi2;arith.ratio"
    )
    chi2_p: Mapped[float | None] = _number("probability of that chi square by chance", "", "stat.probability")
    within_reduced_chi2: Mapped[float | None] = _number(
        "reduced chi square of a constant rate in each dataset", "", "stat.fit.chi2;arith.ratio"
    )
    within_chi2_p: Mapped[float | None] = _number("probability of that chi square by chance", "", "stat.probability")
    between_reduced_chi2: Mapped[float | None] = _number(
        "reduced chi square of equal rates of the datasets", "", "stat.fit.chi2;arith.ratio"
    )
    between_chi2_p: Mapped[float | None] = _number("probability of that chi square by chance", "", "stat.probability")
    peak_period_s: Mapped[float | None] = _number("period of the highest peak", "s", "time.period")
    peak_power: Mapped[float | None] = _number("normalized Lomb-Scargle power there, 0 to 1", "", "stat.fourier")
    false_alarm_probability: Mapped[float | None] = _number(
        "probability of that peak by chance", "", "stat.probability"
    )
    shortest_period_s: Mapped[float | None] = _number(
        "shortest period that was looked for", "s", "time.period;stat.min"
    )
    datasets: Mapped[int] = _column(Integer, "exposures with bins that were not flagged", ucd="meta.number", default=1)
    bins_used: Mapped[int] = _column(Integer, "bins that were not flagged", ucd="meta.number")
    exposure_s: Mapped[float] = _number("live time of all bins", "s", "time.duration;obs.exposure")
    interesting: Mapped[bool | None] = _column(Boolean, "whether it varies; NULL: cannot be told", ucd="meta.code")
    curve_sha256: Mapped[str] = _column(String(64), "SHA-256 of the light curve used", ucd="meta.code")
    step_version: Mapped[int] = _column(Integer, "version of the step that made it", ucd="meta.version;meta.software")
    settings_digest: Mapped[str] = _column(String(64), "digest of the settings the step read", ucd="meta.code")
    computed_at: Mapped[datetime] = _column(UtcDateTime, "when it was computed, UTC", ucd="time.processing")


class BadData(Base):
    """One row a rejected file, with the first reason."""

    __tablename__ = "bad_data"
    __table_args__ = (UniqueConstraint("filename", "sha256"), Index(None, "mission", "rootname"))

    id: Mapped[int] = _key()
    mission: Mapped[str] = _mission(default="")
    rootname: Mapped[str] = _rootname(default="")
    kind: Mapped[str] = _column(String(32), "role of the file; '': unknown", ucd="meta.code.class", default="")
    filename: Mapped[str] = _column(String(255), "name of the file", ucd="meta.id;meta.file")
    path: Mapped[str] = _column(PathText, "folder of the file")
    ingest_date: Mapped[date] = _column(Date, "day it was rejected, UTC", ucd="time.processing")
    reason: Mapped[str] = _column(String(64), "registered reason, such as Bad EXPFLAG", ucd="meta.note", index=True)
    message: Mapped[str] = _column(MessageText, "what was expected and what was found", ucd="meta.note", default="")
    sha256: Mapped[str] = _sha256(index=True)
    size_bytes: Mapped[int] = _size()


class FindingRow(Base):
    """One row a finding of a check, whether it rejected the exposure or only flagged it."""

    __tablename__ = "finding"
    __table_args__ = (Index(None, "mission", "rootname"),)

    id: Mapped[int] = _key()
    mission: Mapped[str] = _mission()
    rootname: Mapped[str] = _rootname()
    filename: Mapped[str] = _column(String(255), "file it is about; '': the exposure", ucd="meta.id;meta.file")
    check_name: Mapped[str] = _column(String(64), "name of the check", ucd="meta.code")
    severity: Mapped[str] = _column(String(16), "reject or flag", ucd="meta.code.qual")
    reason: Mapped[str] = _column(String(64), "registered reason, such as Bad EXPFLAG", ucd="meta.note", index=True)
    message: Mapped[str] = _column(MessageText, "what was expected and what was found", ucd="meta.note")
    found_at: Mapped[datetime] = _column(UtcDateTime, "when it was found, UTC", ucd="time.processing")


class Run(Base):
    """One row a run of a command."""

    __tablename__ = "run"

    id: Mapped[int] = _key()
    command: Mapped[str] = _column(String(32), "the command", ucd="meta.id;meta.software")
    version: Mapped[str] = _column(String(32), "version of this software", ucd="meta.version;meta.software")
    status: Mapped[str] = _column(String(16), "running, done or failed", ucd="meta.code.status")
    started_at: Mapped[datetime] = _column(UtcDateTime, "when it began, UTC", ucd="time.start")
    ended_at: Mapped[datetime | None] = _column(UtcDateTime, "when it ended, UTC", ucd="time.end")
    counts: Mapped[dict[str, Any]] = _column(PortableJson(), "how many of what", ucd="meta.number", default=dict)
    message: Mapped[str] = _column(MessageText, "why it failed; '': it did not", ucd="meta.note", default="")


class PendingRemoval(Base):
    """One row a file that is no longer needed, written with the rows that make it so and deleted after the file."""

    __tablename__ = "pending_removal"

    id: Mapped[int] = _key()
    path: Mapped[str] = _column(PathText, "the file")
    sha256: Mapped[str] = _column(String(64), "SHA-256 it must have; '': any, it is a product", ucd="meta.code")
    kept_path: Mapped[str] = _column(PathText, "copy that must verify first; '': none is kept")
