"""What the tables are made of: their base, and columns that say their unit, UCD and meaning."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, MetaData, String, text
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.types import TypeEngine

__all__ = [
    "Base",
    "column",
    "composites_only",
    "key_column",
    "mission_column",
    "number_column",
    "only_where",
    "reference_column",
    "rootname_column",
    "sha256_column",
    "size_column",
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


def column(
    kind: TypeEngine[Any] | type[TypeEngine[Any]],
    doc: str,
    *more: ForeignKey,
    unit: str = "",
    ucd: str = "",
    **options: Any,
) -> MappedColumn[Any]:
    """Return a column with its unit, UCD and description."""
    return mapped_column(kind, *more, info={"unit": unit, "ucd": ucd, "doc": doc}, **options)


def key_column() -> MappedColumn[Any]:
    """Return the number of a row."""
    return column(Integer, "number of the row", ucd="meta.id;meta.main", primary_key=True)


def reference_column(target: str, on_delete: str, doc: str, **options: Any) -> MappedColumn[Any]:
    """Return a reference to the row of another table."""
    return column(Integer, doc, ForeignKey(target, ondelete=on_delete), ucd="meta.id", **options)


def mission_column(**options: Any) -> MappedColumn[Any]:
    """Return the column of a mission's name."""
    return column(String(16), "name of the mission, such as hst", ucd="meta.id;instr.obsty", **options)


def rootname_column(**options: Any) -> MappedColumn[Any]:
    """Return the column of an exposure's name."""
    return column(String(64), "name of the exposure in the archive", ucd="meta.id;obs", **options)


def sha256_column(**options: Any) -> MappedColumn[Any]:
    """Return the column of a file's digest."""
    return column(String(64), "SHA-256 of the file, hexadecimal", ucd="meta.code", **options)


def size_column() -> MappedColumn[Any]:
    """Return the column of a file's size."""
    return column(BigInteger, "size of the file", unit="byte", ucd="phys.size;meta.file")


def only_where(flag: str, column: str) -> Index:
    """Return an index of the rows of ``stats`` with a flag: ``WHERE flag`` uses it, ``WHERE flag = true`` may not."""
    return Index(f"ix_stats_{flag}", column, sqlite_where=text(flag), postgresql_where=text(flag))


def composites_only(table: str, column: str, condition: str) -> Index:
    """Return an index of the rows of composites, which is empty on SQLite.

    Composites come after the exposures, whose rows PostgreSQL would read first to join by number. SQLite joins row by
    row and would take this index where a better one is at hand.
    """
    none = text("id < 0")
    return Index(f"ix_{table}_composite", column, sqlite_where=none, postgresql_where=text(condition))


def number_column(doc: str, unit: str, ucd: str, **options: Any) -> MappedColumn[Any]:
    """Return a column of floating-point numbers."""
    return column(Double, doc, unit=unit, ucd=ucd, **options)
