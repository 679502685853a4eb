"""Archives that asked to be left alone for a while, and when they may be asked again."""

from __future__ import annotations

from datetime import datetime

from hstlc.db.archives import pause, source_state
from hstlc.db.engine import reading, writing
from hstlc.errors import ArchiveError, HstlcError
from hstlc.logs import redact
from hstlc.pipeline.context import Context

__all__ = ["is_over", "note_pause", "paused"]


def is_over(error: BaseException) -> bool:
    """Tell whether an archive is not to be asked anything more in this run."""
    return isinstance(error, HstlcError) and error.code in ("archive.paused", "archive.stopped")


def note_pause(context: Context, source: str, error: ArchiveError) -> None:
    """Remember until when an archive asked to be left alone, if that is what the error says."""
    until = error.context.get("until")
    if error.code == "archive.paused" and isinstance(until, datetime):
        with writing(context.engine) as connection:
            pause(connection, source, until, redact(error.message))


def paused(context: Context, source: str, now: datetime) -> str:
    """Return the sentence that an archive is left alone and why; '' when it may be asked."""
    with reading(context.engine) as connection:
        state = source_state(connection, source)
    if state is None or state["paused_until"] is None or state["paused_until"] <= now:
        return ""
    text = f"{source} is left alone until {state['paused_until']:%Y-%m-%d %H:%M} UTC"
    return f"{text}: {state['pause_reason']}" if state["pause_reason"] else text
