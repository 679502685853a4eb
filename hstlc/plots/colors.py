"""The colors of plots of light curves."""

from __future__ import annotations

__all__ = [
    *("BAND", "FLAGGED", "FLARE", "FLARE_BAND", "FRAME", "GAP", "GRID", "ODD_EVEN", "SERIES"),
    *("lighter", "rgba"),
]

ODD_EVEN = ("#20639b", "#c8553d")  # datasets 1, 3, ... and 2, 4, ...
FLAGGED = "#9a9a9a"
BAND = "#efefef"  # behind flagged bins
FLARE = "#b8860b"  # bins that a background flare overlaps
FLARE_BAND = "#fbf1d3"  # behind them
GAP = "#d8d3c4"  # a gap that is shown narrower than it is
GRID = "#e4e8ec"
FRAME = "#444444"

#: Several quantities in one panel, from soft to hard; they stay apart with color-blind eyes.
SERIES = ("#117733", "#c8553d", "#b58900", "#20639b", "#882255", "#44aa99")

_TOWARD_WHITE = 0.6


def lighter(color: str) -> str:
    """Return the color of error bars that go with points of ``color``.

    Examples
    --------
    >>> lighter("#000000")
    '#999999'
    """
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * _TOWARD_WHITE):02x}" for part in parts)


def rgba(color: str) -> int:
    """Return an opaque color as one number, red first.

    Examples
    --------
    >>> hex(rgba("#20639b"))
    '0x20639bff'
    """
    return int(color[1:] + "ff", 16)
