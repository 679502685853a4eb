"""Statistics of a light curve, as pure functions."""

from hstlc.stats.candidates import Candidate
from hstlc.stats.summary import STEP_VERSION, Statistics, StatsSettings, statistics

__all__ = ["STEP_VERSION", "Candidate", "Statistics", "StatsSettings", "statistics"]
