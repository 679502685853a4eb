"""The tables of the pages: every light curve in one row, and who may ask for what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from hstlc.db.columns import (
    Base,
    column,
    key_column,
    mission_column,
    number_column,
    reference_column,
    size_column,
)
from hstlc.db.types import MessageText, OrderedText, PathText, PortableJson, UtcDateTime

__all__ = ["Audit", "JobRequest", "LightCurveRow", "Setup", "WebUser"]


_SORTED = ("filename", "targname", "start_mjd", "exptime_s", "made_at", "proposid")


def _moment(doc: str, ucd: str = "time.processing", **options: Any) -> Any:
    return column(UtcDateTime, f"{doc}, UTC", ucd=ucd, **options)


class Setup(Base):
    """One row a sort of light curves: lists are sorted within each, and merged."""

    __tablename__ = "setup"
    __table_args__ = (UniqueConstraint("mission", "instrume", "kind", "lead", "interesting"),)

    id: Mapped[int] = key_column()
    mission: Mapped[str] = mission_column()
    instrume: Mapped[str] = column(String(16), "instrument", ucd="instr")
    kind: Mapped[str] = column(String(16), "individual or composite", ucd="meta.code.class")
    lead: Mapped[bool] = column(Boolean, "whether its light curves stand for their sources", ucd="meta.code")
    interesting: Mapped[bool] = column(
        Boolean, "whether its light curves vary; false also where that cannot be told", ucd="meta.code"
    )


class LightCurveRow(Base):
    """One row a light curve: what other tables say of it, put together so that lists are fast."""

    __tablename__ = "light_curve"
    __table_args__ = (
        CheckConstraint("kind IN ('individual', 'composite')", name="kind"),
        *(Index(None, "setup_id", name, "product_id") for name in _SORTED),
        Index(None, "dec_deg", "ra_deg"),
        Index(None, "mission", "instrume"),
    )

    product_id: Mapped[int] = reference_column(
        "product.id", "CASCADE", "the light curve's product row", primary_key=True, autoincrement=False
    )
    setup_id: Mapped[int] = reference_column(
        "setup.id", "CASCADE", "its mission, instrument, kind and lead, and whether it varies, as one"
    )
    kind: Mapped[str] = column(String(16), "individual or composite", ucd="meta.code.class")
    filename: Mapped[str] = column(OrderedText(255), "name of the light curve", ucd="meta.id;meta.file", index=True)
    path: Mapped[str] = column(PathText, "folder of the light curve")
    size_bytes: Mapped[int] = size_column()
    made_at: Mapped[datetime] = _moment("when the light curve was made")
    mission: Mapped[str] = mission_column()
    metadata_id: Mapped[int | None] = reference_column(
        "metadata.id", "SET NULL", "the exposure, of a composite its first one", index=True
    )
    targname: Mapped[str] = column(OrderedText(128), "target of the exposures", ucd="meta.id;src;meta.main", index=True)
    source_name: Mapped[str] = column(
        OrderedText(128), "source in the field; '': the whole aperture", ucd="meta.id;src", index=True
    )
    band: Mapped[str] = column(String(64), "energy or wavelength band; '': all", ucd="instr.bandpass")
    lead: Mapped[bool] = column(Boolean, "whether it stands for its source", ucd="meta.code")
    rootname: Mapped[str] = column(
        OrderedText(64), "name of the exposure in the archive", ucd="meta.id;obs", index=True
    )
    instrume: Mapped[str] = column(String(16), "instrument", ucd="instr")
    detector: Mapped[str] = column(String(32), "detector", ucd="meta.id;instr.det")
    opt_elem: Mapped[str] = column(String(32), "grating, mirror or filter", ucd="instr.dispersion")
    cenwave: Mapped[int] = column(Integer, "central wavelength; 0: has none", unit="Angstrom", ucd="em.wl.central")
    aperture: Mapped[str] = column(String(64), "aperture", ucd="instr.param")
    proposid: Mapped[int | None] = column(Integer, "number of the observing program", ucd="meta.id;obs.proposal")
    exposures: Mapped[int] = column(Integer, "exposures in it", ucd="meta.number")
    ra_deg: Mapped[float | None] = number_column("right ascension, ICRS", "deg", "pos.eq.ra;meta.main")
    dec_deg: Mapped[float | None] = number_column("declination, ICRS", "deg", "pos.eq.dec;meta.main")
    start_mjd: Mapped[float | None] = number_column("start, modified Julian date, UTC", "d", "time.start;obs.exposure")
    end_mjd: Mapped[float | None] = number_column("end, modified Julian date, UTC", "d", "time.end;obs.exposure")
    exptime_s: Mapped[float | None] = number_column(
        "exposure time that the headers state, of all exposures", "s", "time.duration;obs.exposure"
    )


class WebUser(Base):
    """One row a person or program that may ask for work and send SQL."""

    __tablename__ = "web_user"

    id: Mapped[int] = key_column()
    name: Mapped[str] = column(String(64), "name of the user", ucd="meta.id;meta.main", unique=True)
    token_sha256: Mapped[str] = column(String(64), "SHA-256 of the token", ucd="meta.code", unique=True)
    made_at: Mapped[datetime] = _moment("when the user was added")
    disabled_at: Mapped[datetime | None] = _moment("since when the token is not good any more; NULL: it is")


class JobRequest(Base):
    """One row a piece of work that a user asked for; the daemon does it."""

    __tablename__ = "job_request"
    __table_args__ = (
        CheckConstraint("kind IN ('reprocess', 'get')", name="kind"),
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
        Index(None, "state", "kind"),
    )

    id: Mapped[int] = key_column()
    kind: Mapped[str] = column(String(16), "reprocess or get", ucd="meta.code.class")
    arguments: Mapped[dict[str, Any]] = column(PortableJson(), "what of", ucd="meta", default=dict)
    digest: Mapped[str] = column(String(64), "digest of kind and arguments", ucd="meta.code", index=True)
    state: Mapped[str] = column(String(16), "queued, running, done, failed or cancelled", ucd="meta.code.status")
    user_id: Mapped[int | None] = reference_column("web_user.id", "SET NULL", "who asked")
    user_name: Mapped[str] = column(String(64), "name of who asked", ucd="meta.id")
    requested_at: Mapped[datetime] = _moment("when that was")
    started_at: Mapped[datetime | None] = _moment("when it last began")
    finished_at: Mapped[datetime | None] = _moment("when it ended")
    running_epoch: Mapped[int | None] = column(
        Integer, "leadership under which it runs; NULL: it does not", ucd="meta.number"
    )
    attempts: Mapped[int] = column(Integer, "how often it was begun", ucd="meta.number", default=0)
    counts: Mapped[dict[str, Any]] = column(PortableJson(), "how many of what", ucd="meta.number", default=dict)
    message: Mapped[str] = column(MessageText, "how it ended", ucd="meta.note", default="")


class Audit(Base):
    """One row a request that was more than looking: who asked for what, and what was answered."""

    __tablename__ = "audit"

    id: Mapped[int] = key_column()
    at: Mapped[datetime] = _moment("when it was asked", index=True)
    user_name: Mapped[str] = column(String(64), "who asked; '': nobody who is known", ucd="meta.id", default="")
    address: Mapped[str] = column(String(64), "network address of the client", ucd="meta.id")
    action: Mapped[str] = column(String(32), "what was asked for, such as sql", ucd="meta.code.class")
    detail: Mapped[str] = column(MessageText, "the same in full, without secrets", ucd="meta.note", default="")
    status: Mapped[int] = column(Integer, "HTTP status of the answer", ucd="meta.code.status")
    seconds: Mapped[float] = number_column("how long the answer took", "s", "time.duration", default=0.0)
    rows: Mapped[int | None] = column(BigInteger, "rows of the answer", ucd="meta.number")
