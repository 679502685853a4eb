"""A source in the field of an exposure: where it is, and the regions its photons are counted in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["HardnessRatio", "Source"]


@dataclass(frozen=True, slots=True)
class HardnessRatio:
    """``(hard - soft) / (hard + soft)`` of a source: positive is harder.

    Attributes
    ----------
    hard, soft : str
        Names of the bands.
    ratio, low, high : float
        Mean of the posterior, and the limits of its central 68.27 %.
    """

    hard: str
    soft: str
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Source:
    """A source as one exposure sees it; the fields but ``hardness`` are columns of the table ``source``.

    Attributes
    ----------
    name : str
        What it is called in the exposure, unique there: that of its catalogue, or its designation by position.
    ra_deg, dec_deg : float, degrees
        ICRS.
    catalogue : str
        Where it comes from, such as ``OBSMLI``, ``reg3``, ``configuration``.
    number : str
        What it is called there.
    region, background_region : str
        Where its photons and those of its background are counted: DS9 regions, one line.
    significance : float or None
        As the catalogue states it; None: it does not.
    counts, background_counts : int
        Events in the two regions, of all bands together.
    scale : float
        Area of the source region over that of its background region.
    exposure_s : float, seconds
        Live time.
    offaxis_arcmin : float or None
        Distance from the optical axis.
    extra : mapping
        What only one mission knows, as plain JSON.
    hardness : tuple of HardnessRatio
    """

    name: str
    ra_deg: float
    dec_deg: float
    catalogue: str
    number: str = ""
    region: str = ""
    background_region: str = ""
    significance: float | None = None
    counts: int = 0
    background_counts: int = 0
    scale: float = 0.0
    exposure_s: float = 0.0
    offaxis_arcmin: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    hardness: tuple[HardnessRatio, ...] = ()
