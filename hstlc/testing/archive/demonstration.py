"""A short play for demonstrations: what the archives have, what happens there, and what goes wrong on the way.

Examples
--------
>>> first, second = ROUNDS
>>> second.when - first.when
datetime.timedelta(days=10)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hstlc.clock import Clock
from hstlc.testing.archive.faults import Fault, FaultPlan, fault
from hstlc.testing.archive.mast_catalog import ARCHIVE
from hstlc.testing.archive.scenarios import EARLY, first_run
from hstlc.testing.archive.server import StandIn
from hstlc.testing.archive.world import World

__all__ = ["AGAIN", "ROUNDS", "SELECTION", "Round", "demonstration", "environment", "plan_faults"]

#: A dataset that is made again between the rounds.
AGAIN = "LS0000010"

_SECRET = "SIM-SECRET"


class Round(NamedTuple):
    """When everything is asked for, and what has happened by then."""

    when: datetime
    title: str


#: By the second, embargoes of three archives have ended, and two of them have made something again.
ROUNDS = (
    Round(EARLY + timedelta(days=3), "The first poll"),
    Round(EARLY + timedelta(days=13), f"Ten days later: {AGAIN} was made again, and three embargoes have ended"),
)

#: A source of the catalog that is only asked for selections, with 13 observations.
SELECTION: dict[str, Any] = {
    "name": "bright-source", "source": "csc", "target": "2CXO J095550.1+694046",
    "ra_deg": 148.95875, "dec_deg": 69.67944, "radius_deg": 1 / 60, "minimum_significance": 5.0,
}  # fmt: skip


def demonstration(clock: Clock) -> World:
    """Return a first run in which something happens between :data:`ROUNDS`."""
    world = first_run(clock, xray=True)
    world.reprocess(ARCHIVE, AGAIN, EARLY + timedelta(days=5))
    secret = next(one.key for one in world.records(ARCHIVE) if one.columns["sci_targname"] == _SECRET)
    world.embargo(ARCHIVE, secret, EARLY + timedelta(days=6))
    return world


def plan_faults(faults: FaultPlan) -> None:
    """Let some requests go wrong, always the same ones.

    Two answers to searches are errors, and a file is cut short: these are asked for again at once. One file is missing,
    a byte of another is wrong, and of a third there is only a page on maintenance: these are for the next round.
    """
    for one in (
        fault("status:503", path="/api/v0.1/search$", times=2),
        Fault("truncate", path="ls0003a1q_corrtag_a"),
        fault("status:404", path="ls0004a2q_x1d"),
        Fault("flip_byte", path="ls0016a1q_corrtag"),
        Fault("html_200", path="os0024010_x1d", times=6),
    ):
        faults.add(one)


def environment(archive: StandIn) -> dict[str, str]:
    """Return environment variables that switch all archives on, and have folders listed anew every few days."""
    return {**archive.environment(("xsa", "csc", "cda")), "HSTLC_ARCHIVES__CDA__RELIST": "5 d"}
