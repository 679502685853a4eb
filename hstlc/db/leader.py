"""The lease of the daemon that works on a database, and the fence that stops the one that lost it.

The row ``leader`` says who leads until when. Its ``epoch`` is one more with each take-over; a transaction of the leader
asks for it right before its commit, so that a process that slept through the loss of its lease commits nothing.
All times come from the caller's clock: hosts that share a PostgreSQL database must have the same time (NTP).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, Table, event, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from hstlc.db.archive_tables import Leader
from hstlc.db.engine import normalize_url
from hstlc.errors import LockHeldError

__all__ = ["end_sessions", "fence", "give_up", "leader", "lost", "named_address", "renew", "take"]

_ONE = 1  # the only row
_NAME_BYTES = 63  # PostgreSQL cuts application_name after as many

assert isinstance(Leader.__table__, Table)
LEADER = Leader.__table__


def leader(connection: Connection) -> RowMapping | None:
    """Return the row of the leader: epoch, owner ('' when it gave up), lease_until, taken_at; None before the first."""
    return connection.execute(select(LEADER).where(LEADER.c.id == _ONE)).mappings().one_or_none()


def take(connection: Connection, owner: str, now: datetime, lease_s: float) -> int | None:
    """Take over where nobody leads, the leader is silent for longer than its lease, or it is ``owner`` itself.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that the caller commits.
    owner : str
        Identifier of this process.
    now : datetime
        Time zone aware.
    lease_s : float, seconds
        After so long without :func:`renew` another may take over.

    Returns
    -------
    int or None
        The new epoch; None while another leads.
    """
    row = {"epoch": 1, "owner": owner, "lease_until": now + timedelta(seconds=lease_s), "taken_at": now}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(LEADER).values(id=_ONE, **row).on_conflict_do_nothing(index_elements=["id"])
    first: int | None = connection.execute(statement.returning(LEADER.c.epoch)).scalar_one_or_none()
    if first is not None:
        return first
    free = or_(LEADER.c.lease_until < now, LEADER.c.owner.in_(("", owner)))
    taking = update(LEADER).where(LEADER.c.id == _ONE, free).values(**{**row, "epoch": LEADER.c.epoch + 1})
    epoch: int | None = connection.execute(taking.returning(LEADER.c.epoch)).scalar_one_or_none()
    return epoch


def renew(connection: Connection, owner: str, epoch: int, now: datetime, lease_s: float) -> bool:
    """Lead for ``lease_s`` seconds from now; return False when another has taken over."""
    lease_until = now + timedelta(seconds=lease_s)
    ours = (LEADER.c.id == _ONE, LEADER.c.owner == owner, LEADER.c.epoch == epoch)
    return connection.execute(update(LEADER).where(*ours).values(lease_until=lease_until)).rowcount == 1


def give_up(connection: Connection, owner: str, epoch: int, now: datetime) -> bool:
    """Let another take over at once; return False when one has."""
    ours = (LEADER.c.id == _ONE, LEADER.c.owner == owner, LEADER.c.epoch == epoch)
    return connection.execute(update(LEADER).where(*ours).values(owner="", lease_until=now)).rowcount == 1


def fence(engine: Engine, owner: str, epoch: int) -> None:
    """Let no transaction of this engine be committed from the moment that another leads.

    The question is part of the transaction. On PostgreSQL it locks the row, so that a take-over and a commit come one
    after the other; an SQLite transaction is the only one that writes anyway.

    Raises
    ------
    LockHeldError
        ``lock.lost``, raised later by the commit; the transaction is rolled back.
    """
    question = select(LEADER.c.owner, LEADER.c.epoch).where(LEADER.c.id == _ONE)
    if engine.dialect.name == "postgresql":
        question = question.with_for_update(read=True)

    def verify(connection: Connection) -> None:
        found = connection.execute(question).one_or_none()
        if found is None or tuple(found) != (owner, epoch):
            raise lost(epoch, f"{found.owner or 'nobody'} in epoch {found.epoch}" if found else "nobody")

    event.listen(engine, "commit", verify)


def lost(epoch: int, found: str) -> LockHeldError:
    """Return the error of a process that no longer leads."""
    return LockHeldError(
        "lock.lost",
        f"expected to lead this store in epoch {epoch}, found that {found} does: nothing more is written",
        "the other daemon goes on; start this one again and it will wait for its turn",
        epoch=epoch,
    )


def named_address(address: str, owner: str) -> str:
    """Return the address of a database under which the sessions of ``owner`` can be told from others.

    Examples
    --------
    >>> named_address("postgresql+psycopg2://hstlc@localhost/hstlc", "node3-4711-90210")
    'postgresql+psycopg2://hstlc@localhost/hstlc?application_name=hstlc+node3-4711-90210'
    >>> named_address("sqlite:////data/hstlc.db", "node3-4711-90210")
    'sqlite:////data/hstlc.db'
    """
    url = normalize_url(address)
    if url.get_backend_name() == "postgresql":
        url = url.update_query_dict({"application_name": _session_name(owner)})
    return url.render_as_string(hide_password=False)


def end_sessions(connection: Connection, owner: str) -> int:
    """End the sessions of a leader that is taken for dead, with the locks they hold, and return how many there were.

    PostgreSQL lets a role end its own sessions. On SQLite nothing can be done and 0 is returned: the system frees the
    locks of a dead process, and nobody those of a stopped one.
    """
    if connection.dialect.name != "postgresql" or not owner:
        return 0
    ending = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user"
        " AND application_name = :name AND pid <> pg_backend_pid()"
    )
    return int(connection.scalar(ending, {"name": _session_name(owner)}) or 0)


def _session_name(owner: str) -> str:
    return f"hstlc {owner[-(_NAME_BYTES - len('hstlc ')) :]}"
