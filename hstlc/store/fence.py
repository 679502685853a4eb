"""May this process still change the store? A process that can lose that right asks before every change of a name."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["check", "set_hook"]

_hook: Callable[[], None] | None = None


def set_hook(hook: Callable[[], None] | None) -> None:
    """Call ``hook()`` before every change from now on; None goes back to asking nobody. Not for worker processes."""
    global _hook
    _hook = hook


def check() -> None:
    """Ask whether files may be published, replaced or removed.

    Raises
    ------
    LockHeldError
        ``lock.lost``: another process works on this store by now.
    """
    if _hook is not None:
        _hook()
