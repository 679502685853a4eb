"""Notices handed to a command of the administrator's choice, such as one that sends mail."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from hstlc.db.engine import reading, writing
from hstlc.db.notices import mark_told, untold
from hstlc.logs import redact
from hstlc.pipeline.context import Context

__all__ = ["tell"]

logger = logging.getLogger(__name__)

_TIMEOUT_S = 30.0


def tell(context: Context, command: Sequence[str], now: datetime, *, timeout_s: float = _TIMEOUT_S) -> int:
    """Hand every notice that is new to a command, as JSON on its standard input, one call each.

    Parameters
    ----------
    context : Context
    command : sequence of str
        Program and arguments, run without a shell; empty: nothing is done.
    now : datetime
    timeout_s : float, seconds
        A call that takes longer is ended.

    Returns
    -------
    int
        How many were handed on. One of which the command fails is tried again at the next call of this function.
    """
    if not command:
        return 0
    with reading(context.engine) as connection:
        new = untold(connection)
    told = 0
    for notice in new:
        if not _run(command, notice, timeout_s):
            break  # the next one would fail alike
        with writing(context.engine) as connection:
            mark_told(connection, notice["id"], now)
        told += 1
    return told


def _run(command: Sequence[str], notice: RowMapping, timeout_s: float) -> bool:
    text = json.dumps(_plain(notice))
    try:
        done = subprocess.run(
            list(command), input=text.encode(), capture_output=True, timeout=timeout_s, check=False, close_fds=True
        )
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        logger.error("notice_command %s: %s", command[0], redact(f"{type(error).__name__}: {error}"))
        return False
    if done.returncode:
        said = redact(done.stderr.decode("utf-8", "replace").strip()[:500])
        logger.error("notice_command %s ended with code %d: %s", command[0], done.returncode, said)
    return done.returncode == 0


def _plain(notice: RowMapping) -> dict[str, Any]:
    plain = {name: notice[name] for name in ("key", "severity", "message", "count")}
    return plain | {name: notice[name].isoformat() for name in ("first_at", "last_at")}
