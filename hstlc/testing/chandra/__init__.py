"""Simulated Chandra observations: fields and catalog regions of ACIS and HRC, with sources that are known."""

from hstlc.testing.chandra.events import EventTable, columns_of, draw_events
from hstlc.testing.chandra.files import (
    Ellipse,
    WrittenChandra,
    write_event_list,
    write_evt2,
    write_region_products,
    write_regions,
)
from hstlc.testing.chandra.scene import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    Shape,
    constant,
    eclipse,
    flare,
    step,
)

__all__ = [
    "ChandraObservation",
    "ChandraScene",
    "ChandraSource",
    "Ellipse",
    "EventTable",
    "Shape",
    "WrittenChandra",
    "columns_of",
    "constant",
    "draw_events",
    "eclipse",
    "flare",
    "step",
    "write_event_list",
    "write_evt2",
    "write_region_products",
    "write_regions",
]
