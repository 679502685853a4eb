"""The tables of the sources that exposures see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from hstlc.db.columns import Base, column, key_column, mission_column, number_column, reference_column
from hstlc.db.types import MessageText, PortableJson

__all__ = ["HardnessRatioRow", "SourceRow"]


class SourceRow(Base):
    """One row a source in an exposure: where it is, and where its photons were counted."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("metadata_id", "name"),)

    id: Mapped[int] = key_column()
    mission: Mapped[str] = mission_column()
    metadata_id: Mapped[int] = reference_column("metadata.id", "CASCADE", "the exposure")
    name: Mapped[str] = column(String(128), "name of the source in its exposure", ucd="meta.id;src", index=True)
    same_as: Mapped[str] = column(
        String(128), "the one name of the source in all exposures", ucd="meta.id;src;meta.main", default="", index=True
    )
    ra_deg: Mapped[float] = number_column("right ascension, ICRS", "deg", "pos.eq.ra;meta.main")
    dec_deg: Mapped[float] = number_column("declination, ICRS", "deg", "pos.eq.dec;meta.main", index=True)
    catalogue: Mapped[str] = column(String(64), "where it comes from", ucd="meta.id;meta.table")
    number: Mapped[str] = column(String(64), "what it is called there", ucd="meta.id", default="")
    region: Mapped[str] = column(MessageText, "source region, DS9", ucd="pos.outline;obs.field", default="")
    background_region: Mapped[str] = column(
        MessageText, "background region, DS9", ucd="pos.outline;obs.field", default=""
    )
    significance: Mapped[float | None] = number_column(
        "significance as the catalogue states it; NULL: it does not", "", "stat.snr"
    )
    counts: Mapped[int] = column(BigInteger, "events in the source region", unit="ct", ucd="phot.count;src")
    background_counts: Mapped[int] = column(
        BigInteger, "events in the background region", unit="ct", ucd="phot.count;instr.background"
    )
    scale: Mapped[float] = number_column("area of the source region over the background's", "", "phys.area;arith.ratio")
    exposure_s: Mapped[float] = number_column("live time", "s", "time.duration;obs.exposure")
    offaxis_arcmin: Mapped[float | None] = number_column(
        "distance from the optical axis; NULL: unknown", "arcmin", "pos.angDistance;instr.fov"
    )
    extra: Mapped[dict[str, Any]] = column(PortableJson(), "what only this mission knows", ucd="meta", default=dict)


class HardnessRatioRow(Base):
    """One row a hardness ratio of a source in an exposure: (hard - soft) / (hard + soft)."""

    __tablename__ = "hardness_ratio"
    __table_args__ = (UniqueConstraint("source_id", "hard", "soft"),)

    id: Mapped[int] = key_column()
    source_id: Mapped[int] = reference_column("source.id", "CASCADE", "the source")
    hard: Mapped[str] = column(String(64), "harder band", ucd="instr.bandpass")
    soft: Mapped[str] = column(String(64), "softer band", ucd="instr.bandpass")
    ratio: Mapped[float] = number_column("mean of the posterior", "", "phot.color;stat.mean")
    low: Mapped[float] = number_column("lower limit, 68.27 % with high", "", "phot.color;stat.min")
    high: Mapped[float] = number_column("upper limit", "", "phot.color;stat.max")
