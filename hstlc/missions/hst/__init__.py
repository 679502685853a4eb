"""The Hubble Space Telescope: COS TIME-TAG exposures."""

from hstlc.missions.hst.mission import MISSION

__all__ = ["MISSION"]
