"""Named places where a crash must do no harm; tests stop the process at each of them.

A point is called right *after* the step it names, so that a test that ends the process there proves that the
state on disk and in the database at that moment is one that the next run can go on from.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["POINTS", "point", "set_hook"]

POINTS: frozenset[str] = frozenset(
    {
        # the store
        "staged",  # the .part file has its content
        "staged-fsync",  # ... which is on the disk
        "published",  # the file has its name
        "published-fsync",  # ... which is on the disk
        "unlinked",  # a file that is no longer needed is gone
        # the pipeline
        "downloaded",  # a file of an archive is whole and verified, and has no name in the store yet
        "before-commit",
        "committed",
        "curve-written",
        "stats-committed",
    }
)

_hook: Callable[[str], None] | None = None


def set_hook(hook: Callable[[str], None] | None) -> None:
    """Call ``hook(name)`` at every point from now on; None goes back to doing nothing. For tests."""
    global _hook
    _hook = hook


def point(name: str) -> None:
    """Mark a place where a crash must do no harm.

    Raises
    ------
    KeyError
        ``name`` is not in :data:`POINTS`: a crash test would not know of it.
    """
    if name not in POINTS:
        raise KeyError(f"{name!r} is not a registered crash point: add it to POINTS")
    if _hook is not None:
        _hook(name)
