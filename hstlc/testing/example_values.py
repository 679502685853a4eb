"""What the contract of missions wants of a mission: good exposures with their right answers, and bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["BadExample", "GoodExample", "MissionExamples"]


@dataclass(frozen=True, slots=True)
class GoodExample:
    """The files of one exposure that passes every check, and what its light curve must say.

    Attributes
    ----------
    paths : tuple of Path
        All files of the exposure.
    live_s : float, seconds
        Live time of the curve.
    net_rate_ct_s : float, counts per second
        Injected source rate.
    flags : tuple of str
        Reasons of the flags that all exposures of the mode get.
    """

    paths: tuple[Path, ...]
    live_s: float
    net_rate_ct_s: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadExample:
    """The files of one exposure that must be rejected or refused, and the reason that must come first."""

    paths: tuple[Path, ...]
    reason: str


class MissionExamples(Protocol):
    """What a mission supplies for :class:`hstlc.testing.contract_mission.MissionContract`."""

    def good(self, folder: Path) -> Mapping[str, GoodExample]:
        """Write exposures of every kind that the mission reads into ``folder``; by a telling name."""

    def bad(self, folder: Path) -> Mapping[str, BadExample]:
        """Write bad exposures into ``folder``; by a telling name."""
