"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import JSON, DateTime, Dialect, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from hstlc.logs import printable

__all__ = ["MessageText", "OrderedText", "PathText", "PortableJson", "UtcDateTime"]

_URL = "file://"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: timezone-aware going in, UTC coming out, on every database.

    SQLite keeps no time zone, so the value is converted to UTC before it is written and marked as UTC when it is
    read. A naive datetime is a guess and is refused.

    Raises
    ------
    ValueError
        When a naive datetime is bound.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return ``value`` in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: pass an aware datetime, such as datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return ``value`` as an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class PathText(TypeDecorator[str]):
    """A path: as it is, or as a ``file://`` URL where its bytes are no text, which no database takes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the path, or its URL."""
        if value is None or value == printable(value):
            return value
        return _URL + quote_from_bytes(os.fsencode(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the path."""
        if value is None or not value.startswith(_URL):
            return value
        return os.fsdecode(unquote_to_bytes(value.removeprefix(_URL)))


class MessageText(TypeDecorator[str]):
    """A sentence for people: what is no text in it is written as an escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the sentence."""
        return None if value is None else printable(value)


def OrderedText(length: int) -> TypeEngine[str]:  # noqa: N802 - used where a type is used
    """Return the type of a text by which lists are sorted: in order of its characters' numbers, on every database.

    So an index finds texts by their beginning, too. PostgreSQL sorts as the people of some country do otherwise.
    """
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def PortableJson() -> TypeEngine[Any]:  # noqa: N802 - used where a type is used
    """Return the JSON type: JSONB on PostgreSQL, JSON text on SQLite."""
    return JSON().with_variant(JSONB(), "postgresql")
