"""Statistics of a light curve, as pure functions."""

from hstlc.stats.arrival_summary import arrival_clock, arrival_odds
from hstlc.stats.candidates import Candidate
from hstlc.stats.hardness import hardness_ratio
from hstlc.stats.summary import STEP_VERSION, Statistics, StatsSettings, statistics

__all__ = [
    "STEP_VERSION",
    "Candidate",
    "Statistics",
    "StatsSettings",
    "arrival_clock",
    "arrival_odds",
    "hardness_ratio",
    "statistics",
]
