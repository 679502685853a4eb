"""Regions of an event list: shapes, region files, backgrounds, and the part of them that the detector sees."""

from hstlc.regions.background import BackgroundRule, background_region
from hstlc.regions.files import read_regions
from hstlc.regions.live_area import LiveMap
from hstlc.regions.mask import Mask
from hstlc.regions.region import Component, Region
from hstlc.regions.shapes import Annulus, Bounds, Box, Circle, Ellipse, Pie, Polygon, Shape
from hstlc.regions.sky import SkyPixels, off_axis
from hstlc.regions.text import parse_region

__all__ = [
    "Annulus",
    "BackgroundRule",
    "Bounds",
    "Box",
    "Circle",
    "Component",
    "Ellipse",
    "LiveMap",
    "Mask",
    "Pie",
    "Polygon",
    "Region",
    "Shape",
    "SkyPixels",
    "background_region",
    "off_axis",
    "parse_region",
    "read_regions",
]
