"""Who asked for what, written beside the answers: no answer waits for the database because of it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from sqlalchemy import Engine

from hstlc.db.audit import add_audit
from hstlc.db.engine import writing
from hstlc.errors import HstlcError
from hstlc.logs import printable, redact

__all__ = ["AuditWriter", "audit", "close_audit"]

logger = logging.getLogger(__name__)

_MOST_WAITING = 10_000
_BATCH = 500
_RETRY_S = 1.0
_LAST_S = 20.0  # how long the end of a server waits for the database
_LONGEST = 4000

_making = threading.Lock()


class AuditWriter:
    """Rows of ``audit``, taken at once and written by a thread of its own, together where several wait.

    Every row is in the log of the server too. One that cannot be kept, because the database is away for long, is
    counted, and the log says so.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    most : int
        Rows that may wait.

    Attributes
    ----------
    lost : int
        Rows that were not kept.
    """

    def __init__(self, engine: Engine, most: int = _MOST_WAITING) -> None:
        self.lost = 0
        self._engine = engine
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(most)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
        self._thread.start()

    def add(self, row: dict[str, Any]) -> None:
        """Take a row; never waits."""
        try:
            self._waiting.put_nowait(row)
        except queue.Full:
            self._lose(1, "the database has been away for long")

    def close(self, within_s: float = _LAST_S) -> None:
        """Write what waits and end; what the database does not take within that time is lost."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put(None, timeout=within_s)
        self._thread.join(within_s)
        if self._thread.is_alive():
            self._lose(self._waiting.qsize(), "the server ended before the database took them")

    def _work(self) -> None:
        ended = False
        while not ended:
            rows = [self._waiting.get()]
            while len(rows) < _BATCH and not self._waiting.empty():
                rows.append(self._waiting.get_nowait())
            ended = None in rows
            self._write([row for row in rows if row is not None])

    def _write(self, rows: list[dict[str, Any]]) -> None:
        deadline = None
        while rows:
            try:
                with writing(self._engine) as connection:
                    add_audit(connection, rows)
                return
            except HstlcError as error:
                if self._closing.is_set():
                    deadline = deadline or time.monotonic() + _LAST_S / 2
                if deadline is not None and time.monotonic() > deadline:
                    self._lose(len(rows), redact(str(error)))
                    return
                time.sleep(_RETRY_S)
            except Exception:
                logger.exception("audit rows could not be written")
                self._lose(len(rows), "an error of the program")
                return

    def _lose(self, number: int, why: str) -> None:
        self.lost += number
        logger.error("%d audit rows are in this log alone, %d so far: %s", number, self.lost, why)


def audit(
    request: Request,
    action: str,
    detail: str,
    status: int,
    *,
    user: str = "",
    seconds: float = 0.0,
    rows: int | None = None,
) -> None:
    """Record a request that was more than looking.

    Parameters
    ----------
    request : Request
    action : str
        What was asked for, such as ``sql``.
    detail : str
        The same in full; secrets are hidden, a long one is cut.
    status : int
        HTTP status of the answer.
    user : str
        Who asked; '': nobody who is known.
    seconds : float, seconds
        How long it took.
    rows : int, optional
        Of the answer.
    """
    detail = redact(printable(detail))
    row = {
        "at": datetime.now(UTC),
        "user_name": user,
        "address": (request.client.host if request.client else "")[:64],
        "action": action,
        "detail": detail if len(detail) <= _LONGEST else f"{detail[: _LONGEST - 3]}...",
        "status": status,
        "seconds": seconds,
        "rows": rows,
    }
    logger.info(
        "%s by %s from %s: %d, %s", action, user or "nobody", row["address"], status, detail[:200].replace("\n", " "),
        extra={"action": "audit"},
    )  # fmt: skip
    _writer(request.app).add(row)


def _writer(app: Any) -> AuditWriter:
    """Return the writer of an application, which begins with the first row."""
    with _making:
        if not hasattr(app.state, "audit"):
            app.state.audit = AuditWriter(app.state.site.engine)
        writer: AuditWriter = app.state.audit
        return writer


def close_audit(app: Any) -> None:
    """Write what waits; at the end of an application."""
    with _making:
        writer = getattr(app.state, "audit", None)
        if writer is not None:
            del app.state.audit
    if writer is not None:
        writer.close()
