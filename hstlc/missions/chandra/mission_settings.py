"""The section ``missions.chandra`` of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hstlc.missions.energy_bands import parse_bands
from hstlc.missions.placed_sources import PlacedSource
from hstlc.units import Arcseconds, Seconds

__all__ = ["WIDE", "ChandraSettings", "bands_of"]

Range = tuple[float, float]

#: What HRC, which has no energies to speak of, sees of the band of this name of the source catalog, keV.
WIDE: Mapping[str, Range] = {"wide": (0.1, 10.0)}


def bands_of(texts: tuple[str, ...], instrument: str) -> dict[str, Range]:
    """Return the bands that an instrument has of those that are asked for, keV: HRC has one, whatever is asked.

    Examples
    --------
    >>> list(bands_of(("csc",), "ACIS")), bands_of(("csc",), "HRC")
    (['broad', 'ultrasoft', 'soft', 'medium', 'hard'], {'wide': (0.1, 10.0)})
    """
    if instrument.upper() == "HRC":
        return dict(WIDE)
    return parse_bands(["wide = 0.1 keV .. 10 keV" if text.strip() == "wide" else text for text in texts])


class ChandraSettings(BaseModel):
    """Settings of ACIS and HRC; numbers are in the unit that the field name ends in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    bin_width_s: Seconds = Field(
        500.0, alias="bin_width", description="width of the time bins; of ACIS the nearest number of whole frames"
    )
    bands: tuple[str, ...] = Field(
        ("csc",),
        description="bands of energy of ACIS: csc, lightcurves-2024, a band of csc such as soft, or limits such as"
        " 'iron = 6.2 keV .. 7.2 keV'; the widest stands for the source. HRC has one band, wide",
    )
    minimum_fraction: float = Field(0.8, ge=0, le=1, description="bins with a smaller live part are flagged")
    sources: tuple[PlacedSource, ...] = Field(
        (), description="sources of your own: name, region and background; those outside a field are left out"
    )
    use_catalog: bool = Field(True, description="make light curves of the regions of the source catalog (reg3)")
    region_band: Literal["broad", "ultrasoft", "soft", "medium", "hard"] = Field(
        "broad", description="whose ellipse of the catalog is the source region of all bands of ACIS"
    )
    minimum_counts: int = Field(0, ge=0, description="sources with fewer events in the widest band get no light curves")
    source_radius_arcsec: Arcseconds = Field(
        2.5, alias="source_radius", description="radius of the circle around a position that is given without one"
    )
    background_inner: float = Field(
        1.1, ge=1, description="the background begins at so many times the size of the source region"
    )
    background_outer: float = Field(
        5.0, gt=1, description="and ends at so many times; 1.1 and 5 are those of release 2.1 of the source catalog"
    )
    flares: Literal["flag", "cut", "off"] = Field(
        "flag",
        description="what becomes of background flares in evt2: bins are flagged, the time is no good time, nothing;"
        " event lists of the source catalog have none",
    )
    flare_method: Literal["sigma", "clean"] = Field("sigma", description="how they are found, as CIAO calls it")
    flare_bin_s: Seconds = Field(
        259.28, alias="flare_bin", description="width of the bins of the background; wider where there are few events"
    )
    maximum_counts_per_frame: float = Field(
        0.1, gt=0, description="sources with more events of a frame on the average are flagged: photons pile up"
    )
    dither_probability: float = Field(
        1e-6, gt=0, lt=1, description="chance probability below which arrivals in phase with the dither are flagged"
    )

    @field_validator("bands")
    @classmethod
    def _bands(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        bands_of(texts, "ACIS")
        return texts
