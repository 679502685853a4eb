"""The configuration: a YAML file and the environment, checked before anything is done with them."""

from hstlc.config.describe import Key, describe, example
from hstlc.config.loading import load
from hstlc.config.settings import Settings, StatsSection

__all__ = ["Key", "Settings", "StatsSection", "describe", "example", "load"]
