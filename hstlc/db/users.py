"""The queries of users: who may ask for work and send SQL. Of a token only its SHA-256 is known here."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, insert, select, update

from hstlc.db.web_tables import WebUser
from hstlc.errors import UsageError

__all__ = [
    "PRIVATE",
    "add_user",
    "hide_users",
    "new_token",
    "remove_user",
    "replace_token",
    "set_disabled",
    "token_digest",
    "user_by_id",
    "user_of_token",
    "users",
]

USERS = cast(Table, WebUser.__table__)

#: By which a token is known wherever it stands, so that logs can hide it.
PREFIX = "hstlc_"

#: Tables that are no business of those who send SQL: digests of tokens, addresses of people and what they asked.
PRIVATE = frozenset({"web_user", "audit"})

# Whoever may read all tables that come, as the reader may, reads these two when they have come.
_HIDE = """DO $do$ DECLARE g record; BEGIN
  FOR g IN SELECT DISTINCT table_name, grantee FROM information_schema.role_table_grants
    WHERE table_schema = current_schema() AND table_name IN ('web_user', 'audit') AND grantee <> current_user
  LOOP
    EXECUTE 'REVOKE ALL ON ' || quote_ident(g.table_name) || ' FROM '
      || CASE g.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(g.grantee) END;
  END LOOP;
END $do$"""

_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}\Z")


def hide_users(connection: Connection) -> None:
    """Take from every other role what it may do with the tables :data:`PRIVATE`; on SQLite there are no roles.

    Called after every migration, by the owner of the tables.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_HIDE)


def new_token() -> str:
    """Return a token that nobody can guess: 256 random bits.

    Examples
    --------
    >>> len(new_token())
    49
    """
    return PREFIX + secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """Return what is stored of a token.

    It needs no salt and no slow function: what is guessed is 256 random bits, not a word that a person chose.

    Examples
    --------
    >>> token_digest("a")[:8]
    'ca978112'
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def add_user(connection: Connection, name: str, digest: str, now: datetime) -> int:
    """Record a user and return the number of the row.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    name : str
        1 to 64 letters, digits and ``. _ @ + -``, a letter or digit first.
    digest : str
        Of the token, from :func:`token_digest`.
    now : datetime

    Raises
    ------
    UsageError
        ``usage.user-name``, ``usage.user-exists``.
    """
    if not _NAME.match(name):
        raise UsageError(
            "usage.user-name",
            f"expected the name of a user, found {name!r}",
            "use 1 to 64 letters, digits and . _ @ + -, a letter or digit first",
        )
    if connection.scalar(select(USERS.c.id).where(USERS.c.name == name)) is not None:
        hint = f"choose another name, or give this one a new token: hstlc user token {name}"
        raise UsageError("usage.user-exists", f"there is a user {name} already", hint)
    row = {"name": name, "token_sha256": digest, "made_at": now}
    number: int = connection.execute(insert(USERS).values(row).returning(USERS.c.id)).scalar_one()
    return number


def users(connection: Connection) -> list[dict[str, Any]]:
    """Return all users in order of name, without what is stored of their tokens."""
    columns = [column for column in USERS.c if column.name != "token_sha256"]
    return [dict(row) for row in connection.execute(select(*columns).order_by(USERS.c.name)).mappings()]


def user_of_token(connection: Connection, token: str) -> dict[str, Any] | None:
    """Return the row of the user whose token this is, also of one that is disabled; None: nobody's."""
    digest = token_digest(token)
    row = connection.execute(select(USERS).where(USERS.c.token_sha256 == digest)).mappings().first()
    if row is None or not hmac.compare_digest(row["token_sha256"], digest):
        return None
    return dict(row)


def user_by_id(connection: Connection, number: int) -> dict[str, Any] | None:
    """Return the row of a user by its number; None: there is none."""
    row = connection.execute(select(USERS).where(USERS.c.id == number)).mappings().first()
    return None if row is None else dict(row)


def set_disabled(connection: Connection, name: str, when: datetime | None) -> None:
    """Refuse the token of a user from now on, or, with None, take it again.

    Raises
    ------
    UsageError
        ``usage.unknown-user``.
    """
    _changed(connection.execute(update(USERS).where(USERS.c.name == name).values(disabled_at=when)).rowcount, name)


def replace_token(connection: Connection, name: str, digest: str) -> None:
    """Give a user another token; the old one and what was signed in with it end.

    Raises
    ------
    UsageError
        ``usage.unknown-user``.
    """
    _changed(connection.execute(update(USERS).where(USERS.c.name == name).values(token_sha256=digest)).rowcount, name)


def remove_user(connection: Connection, name: str) -> None:
    """Forget a user; what was asked for stays, with the name.

    Raises
    ------
    UsageError
        ``usage.unknown-user``.
    """
    _changed(connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount, name)


def _changed(rows: int, name: str) -> None:
    if rows != 1:
        raise UsageError("usage.unknown-user", f"there is no user {name}", "'hstlc user list' shows the users")
