"""How many requests are worked on at once: few, so that each is quick, and more when some of them take their time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anyio import from_thread, to_thread

__all__ = ["limit_threads", "taking_time"]

_USUAL = 3  # more would only wait for each other: one of them runs Python at a time
_MOST = 46


def limit_threads() -> None:
    """Let few requests be worked on at once; to be called in the event loop."""
    to_thread.current_default_thread_limiter().total_tokens = _USUAL


@contextmanager
def taking_time() -> Iterator[None]:
    """Give the place of this thread to another request while the block lasts, as long as there are not too many.

    For what takes seconds, in a thread of the event loop; elsewhere nothing is done.
    """
    try:
        given = from_thread.run_sync(_change, 1)
    except RuntimeError:  # no thread of an event loop
        given = False
    try:
        yield
    finally:
        if given:
            from_thread.run_sync(_change, -1)


def _change(number: int) -> bool:
    limiter = to_thread.current_default_thread_limiter()
    if limiter.total_tokens + number > _MOST:
        return False
    limiter.total_tokens += number
    return True
