"""The original's way with its database, re-enacted: an engine and a session for every look-up and every write.

Each is made of the address anew, each write is committed by itself, and a row is looked up by the name of its file
before it is inserted or updated. Only the three tables that the original had are written, with its columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import Float, ForeignKey, String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from hstlc.db.engine import normalize_url
from scripts.benchmarks.database_rows import exposure_rows, statistics_row

__all__ = ["make_tables", "write_exposure"]


class Base(DeclarativeBase):
    """Base of the original's tables."""

    type_annotation_map = {str: String(100), float: Float}  # noqa: RUF012 - as SQLAlchemy wants it


class Metadata(Base):
    """An exposure."""

    __tablename__ = "metadata"

    id: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str]
    path: Mapped[str]
    ingest_date: Mapped[date]
    telescop: Mapped[str]
    instrume: Mapped[str]
    targname: Mapped[str]
    cal_ver: Mapped[str]
    obstype: Mapped[str]
    cenwave: Mapped[int]
    aperture: Mapped[str]
    detector: Mapped[str]
    opt_elem: Mapped[str]
    fppos: Mapped[int]


class Outputs(Base):
    """Its light curves."""

    __tablename__ = "outputs"

    id: Mapped[int] = mapped_column(primary_key=True)
    metadata_id: Mapped[int] = mapped_column(ForeignKey("metadata.id"))
    individual_path: Mapped[str | None]
    individual_filename: Mapped[str | None]
    composite_path: Mapped[str | None]
    composite_filename: Mapped[str | None]


class Stats(Base):
    """Statistics of a light curve."""

    __tablename__ = "stats"

    id: Mapped[int] = mapped_column(primary_key=True)
    lightcurve_path: Mapped[str]
    lightcurve_filename: Mapped[str]
    total: Mapped[int]
    mean: Mapped[float]
    mu: Mapped[float]
    stdev: Mapped[float]
    poisson_factor: Mapped[float]
    pearson_r: Mapped[float]
    pearson_p: Mapped[float]
    periodogram: Mapped[bool]
    deliver: Mapped[bool]


def make_tables(address: str) -> None:
    """Make the tables in an empty database."""
    engine = create_engine(normalize_url(address))
    Base.metadata.create_all(engine)
    engine.dispose()


def write_exposure(address: str, number: int) -> None:
    """Write the rows of an exposure."""
    given = exposure_rows(number)
    assert given.metadata is not None
    (product,) = given.products
    exposure = {name: given.metadata[name] for name in Metadata.__table__.columns.keys() if name != "id"}  # noqa: SIM118
    curve = {"individual_path": product["path"], "individual_filename": product["filename"]}
    described = statistics_row(number)
    statistics = {name: described.get(name, False) for name in Stats.__table__.columns.keys() if name != "id"}  # noqa: SIM118
    _save(address, Metadata, {"filename": exposure["filename"]}, exposure)
    metadata_id = _number(address, Metadata, {"filename": exposure["filename"]})
    _save(address, Outputs, {"metadata_id": metadata_id}, {"metadata_id": metadata_id, **curve})
    _save(address, Stats, {"lightcurve_filename": statistics["lightcurve_filename"]}, statistics)


def _save(address: str, table: type[Base], wanted: dict[str, Any], values: dict[Any, Any]) -> None:
    known = _number(address, table, wanted)
    with _session(address) as session:
        if known is None:
            session.add(table(**values))
        else:
            session.query(table).filter_by(**wanted).update(values)
        session.commit()


def _number(address: str, table: type[Base], wanted: dict[str, Any]) -> int | None:
    with _session(address) as session:
        found = session.query(table).filter_by(**wanted).first()
        return None if found is None else int(found.id)  # type: ignore[attr-defined]


@contextmanager
def _session(address: str) -> Iterator[Session]:
    engine = create_engine(normalize_url(address))
    session = sessionmaker(bind=engine)()
    try:
        yield session
    finally:
        session.close()
        engine.dispose()
