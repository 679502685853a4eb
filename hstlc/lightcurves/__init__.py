"""Pure functions that make light curves from sums per bin."""

from hstlc.lightcurves.make import light_curve
from hstlc.lightcurves.sums import Photons, Region, RegionSums, Response, RunningSums, region_sums

__all__ = ["Photons", "Region", "RegionSums", "Response", "RunningSums", "light_curve", "region_sums"]
