"""The configuration: a YAML file and the environment, checked before anything is done with them."""

from hstlc.config.describe import Key, describe, example
from hstlc.config.loading import load
from hstlc.config.sections import HlspSection, StatsSection
from hstlc.config.settings import Settings

__all__ = ["HlspSection", "Key", "Settings", "StatsSection", "describe", "example", "load"]
