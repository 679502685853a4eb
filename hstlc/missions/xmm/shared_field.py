"""What all light curves of an EPIC observation share, and which cameras can be added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.missions.xmm.field import FieldList
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.model import Intervals
from hstlc.times import TimeReference

__all__ = ["SharedField", "in_cameras", "summed_cameras"]

_CAMERA_ORDER = ("pn", "m1", "m2")

FloatArray = NDArray[np.float64]
Bands = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class SharedField:
    """What all light curves of an observation share.

    Attributes
    ----------
    lists : sequence of FieldList
    edges_s : ndarray of float64, shape (n + 1,), seconds
        Edges of the bins.
    bands : mapping of str to (float, float), keV
    lead : str
        The band that stands for a source.
    flares : Intervals
        Background flares whose bins are flagged.
    settings : XmmSettings
    keywords : mapping
        Keywords of all light curves.
    """

    lists: Sequence[FieldList]
    edges_s: FloatArray
    bands: Bands
    lead: str
    flares: Intervals
    settings: XmmSettings
    keywords: Mapping[str, Any]

    @property
    def reference(self) -> TimeReference:
        """Where times count from."""
        return min((ready.events for ready in self.lists), key=lambda events: events.start_met_s).reference

    def band_keywords(self, band: str) -> dict[str, Any]:
        """Return the keywords that say which energies a light curve is of."""
        low, high = self.bands[band]
        return {"BAND": band, "EMIN": low, "EMAX": high}


def in_cameras(lists: Sequence[FieldList]) -> dict[str, list[FieldList]]:
    """Return the event lists of each camera."""
    found = {camera: [ready for ready in lists if ready.camera == camera] for camera in _CAMERA_ORDER}
    return {camera: some for camera, some in found.items() if some}


def summed_cameras(gtis: Mapping[str, Intervals], minimum: float) -> list[str]:
    """Return the cameras whose curves can be added: the longest, and those that share enough time with all before."""
    order = sorted(gtis, key=lambda camera: (-gtis[camera].total, _CAMERA_ORDER.index(camera)))
    chosen, common = order[:1], gtis[order[0]]
    for camera in order[1:]:
        both = common.intersect(gtis[camera])
        if both.total > 0 and both.total >= minimum * gtis[camera].total and both.total >= minimum * common.total:
            chosen.append(camera)
            common = both
    return [camera for camera in _CAMERA_ORDER if camera in chosen]
