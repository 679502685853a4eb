"""Pure functions that make light curves from sums per bin."""

from hstlc.lightcurves.make import RegionSums, Response, light_curve, region_sums

__all__ = ["RegionSums", "Response", "light_curve", "region_sums"]
