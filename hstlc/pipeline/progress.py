"""Who wants to know how far a run is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["NoProgress", "Progress"]


class Progress(Protocol):
    """Is told what happens; a terminal, a log, a test."""

    def stage(self, name: str, total: int) -> None:
        """Tell that a stage of ``total`` items begins."""

    def item(self, text: str) -> None:
        """Tell that an item is done, and what became of it; '' when there is nothing to say."""


class NoProgress:
    """Does not want to know."""

    def stage(self, name: str, total: int) -> None:
        """Ignore it."""

    def item(self, text: str) -> None:
        """Ignore it."""
