"""Where on the detector source and background of a COS exposure are taken, and which events are good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events import in_band
from hstlc.missions.hst.cos_read import ABSENT, CosExposure, number

__all__ = ["BURST_DQ", "Box", "dq_mask", "extraction_box", "in_boxes", "is_good", "stripes"]

#: Burst, pulse height out of range, bad time: what calcos calls serious when it makes images, on top of SDQFLAGS.
BURST_DQ = 64
SERIOUS_DQ = BURST_DQ | 512 | 2048

#: Detector columns (XFULL) that events are taken from, and the middle that the slope of a trace refers to.
COLUMNS = {"FUV": (0.0, 16384.0, 8192.0), "NUV": (-np.inf, np.inf, 512.0)}

#: Imaging: the half of the NUV detector that sees the sky, (columns, rows) in pixels; the other half has the lamp.
IMAGING_FIELD = ((0.0, 1024.0), (0.0, 512.0))

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Box:
    """Extraction regions of one segment, in pixels of XFULL and YFULL.

    Attributes
    ----------
    center, slope, height : float
        The source box is ``center + slope * (x - middle) +- height / 2``, half-open.
    backgrounds : tuple of (float, float)
        Center and height of each background box, parallel to the source box.
    """

    center: float
    slope: float
    height: float
    backgrounds: tuple[tuple[float, float], ...]

    @property
    def scale(self) -> float:
        """Height of the source box over the heights of the background boxes; 0 without any."""
        total = sum(height for _, height in self.backgrounds)
        return self.height / total if total else 0.0


def dq_mask(exposure: CosExposure) -> int:
    """Return the data-quality bits that exclude an event: the header's SDQFLAGS and the always serious ones."""
    flags = exposure.number("SDQFLAGS")
    return SERIOUS_DQ | (int(flags) if np.isfinite(flags) and flags > 0 else 0)


def stripes(exposure: CosExposure) -> dict[str, str]:
    """Return the segments to sum: letter to the kind of file that holds its events.

    FUV segments have a file each; the NUV stripes A, B, C share one, and with G230L stripe C is light of the second
    order and left out.
    """
    if "corrtag" in exposure.events:
        if exposure.imaging:
            return {"N": "corrtag"}
        letters = "AB" if exposure.text("OPT_ELEM") == "G230L" else "ABC"
        return dict.fromkeys(letters, "corrtag")
    return {kind[-1].upper(): kind for kind in sorted(exposure.events)}


def extraction_box(exposure: CosExposure, letter: str) -> Box | None:
    """Return the boxes of a segment from the event list's header, else from the x1d's; None when neither has them."""
    kind = stripes(exposure)[letter]
    for header in (exposure.events[kind].header, exposure.x1d_header):
        box = _box(header, letter)
        if box is not None:
            return box
    return None


def _box(header: Mapping[str, Any], letter: str) -> Box | None:
    def value(key: str) -> float:
        found = number(header, f"{key}_{letter}")
        return float("nan") if found == ABSENT else found

    center, height, slope = value("SP_LOC"), value("SP_HGT"), value("SP_SLP")
    if not (np.isfinite(center) and height > 0):
        return None
    pairs = ((value(f"B_BKG{i}"), value(f"B_HGT{i}")) for i in (1, 2))
    backgrounds = tuple((c, h) for c, h in pairs if np.isfinite(c) and h > 0)
    return Box(center, slope if np.isfinite(slope) else 0.0, height, backgrounds)


def is_good(dq: NDArray[Any], mask: int) -> BoolArray:
    """Tell for each event whether none of the data-quality bits of ``mask`` is set."""
    return np.asarray(((dq if mask < 2**15 else dq.astype(np.int32)) & mask) == 0)


def in_boxes(x: FloatArray, y: FloatArray, box: Box | None, detector: str) -> tuple[BoolArray, BoolArray]:
    """Tell for each event whether it is in the source and in the background region.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,), pixels
        XFULL and YFULL.
    box : Box or None
        None for the imaging field, which has no background.
    detector : str
        ``FUV`` or ``NUV``.
    """
    if box is None:
        (x0, x1), (y0, y1) = IMAGING_FIELD
        return (x >= x0) & (x < x1) & (y >= y0) & (y < y1), np.zeros(len(x), dtype=bool)
    first, last, middle = COLUMNS[detector]
    on = (x >= first) & (x < last)
    with np.errstate(invalid="ignore"):
        straight = y - box.slope * (x - middle)
    background = np.zeros(len(x), dtype=bool)
    for center, height in box.backgrounds:
        background |= in_band(straight, center, height)
    return on & in_band(straight, box.center, box.height), on & background
