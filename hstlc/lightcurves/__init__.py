"""Pure functions that make light curves from sums per bin."""

from hstlc.lightcurves.make import Photons, Region, RegionSums, Response, light_curve, region_sums

__all__ = ["Photons", "Region", "RegionSums", "Response", "light_curve", "region_sums"]
