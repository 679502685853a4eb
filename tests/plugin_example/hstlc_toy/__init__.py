"""A toy mission for hstlc, outside of its package."""

from hstlc_toy.mission import MISSION

__all__ = ["MISSION"]
