"""Pure functions from event arrays to sums per time bin."""

from hstlc.events.binning import bin_edges, bin_index, live_time
from hstlc.events.selection import in_band, in_good_time, outside_windows

__all__ = ["bin_edges", "bin_index", "in_band", "in_good_time", "live_time", "outside_windows"]
