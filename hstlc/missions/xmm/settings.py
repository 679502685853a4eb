"""The section ``missions.xmm`` of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hstlc.missions.energy_bands import parse_bands
from hstlc.missions.placed_sources import PlacedSource
from hstlc.units import Arcseconds, KevRange, Seconds

__all__ = ["Camera", "XmmSettings"]

Camera = Literal["pn", "m1", "m2"]


class XmmSettings(BaseModel):
    """Settings of the EPIC cameras; numbers are in the unit that the field name ends in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    cameras: tuple[Camera, ...] = Field(("pn", "m1", "m2"), min_length=1, description="cameras that are used")
    bin_width_s: Seconds = Field(500.0, alias="bin_width", description="width of the time bins")
    bands: tuple[str, ...] = Field(
        ("csc",),
        description="bands of energy: csc, lightcurves-2024, 4xmm, a band of csc such as soft, or limits such as"
        " 'iron = 6.2 keV .. 7.2 keV'; the widest stands for the source",
    )
    minimum_fraction: float = Field(0.8, ge=0, le=1, description="bins with a smaller live part are flagged")
    sources: tuple[PlacedSource, ...] = Field(
        (),
        description="sources of your own (name, region, background): instead of the source list if in the field",
    )
    use_source_list: bool = Field(True, description="make light curves of the sources of the observation's source list")
    minimum_likelihood: float = Field(
        10.0, ge=0, description="sources of the list with a smaller EP_DET_ML are left out"
    )
    minimum_counts: float = Field(
        50.0, ge=0, description="sources of which the list expects fewer counts, EP_TOT times live time, are left out"
    )
    maximum_sources: int = Field(200, ge=0, le=5000, description="so many of them at most, those with most counts")
    maximum_extent_arcsec: float = Field(
        80.0, ge=0, description="sources of the list with a larger EP_EXTENT are left out; 0: all extended ones"
    )
    source_radius_arcsec: Arcseconds = Field(
        30.0, alias="source_radius", description="radius of the circle around a source"
    )
    smallest_radius_arcsec: Arcseconds = Field(
        10.0, alias="smallest_radius", description="the circle of a source with neighbors is not made smaller"
    )
    background_inner_arcsec: Arcseconds = Field(
        60.0, alias="background_inner", description="radius at which the ring of the background begins"
    )
    background_outer_arcsec: Arcseconds = Field(
        120.0, alias="background_outer", description="radius at which it ends; other sources are cut out"
    )
    maximum_pattern_pn: int = Field(4, ge=0, le=12, description="highest PATTERN of pn")
    maximum_pattern_mos: int = Field(12, ge=0, le=31, description="highest PATTERN of MOS")
    flag_mask_pn: int = Field(0xCFA0000, ge=0, le=0x7FFFFFFF, description="bits of FLAG that leave out an event of pn")
    flag_mask_mos: int = Field(
        0x766BA000, ge=0, le=0x7FFFFFFF, description="bits of FLAG that leave out an event of MOS"
    )
    hot_pixels: str = Field(
        "",
        description="table of hot pixels (CSV: camera, ccd, rawx, rawy_first, rawy_last, revolution_first,"
        " revolution_last) beside the bad columns of pn that are always left out",
    )
    pn_borders: bool = Field(True, description="count the pixels along the borders of the CCDs of pn")
    mos_central_ccd: bool = Field(True, description="count the central CCD of MOS where it is read in a window")
    readout_is_dead: tuple[Camera, ...] = Field(
        ("pn",),
        description="cameras whose readout of a frame, TIMEDEL against its length, is no live time: 6 % of pn, 1 % of"
        " MOS; photons that arrive then are smeared along a column",
    )
    flares: Literal["flag", "cut", "off"] = Field(
        "flag", description="what becomes of background flares: bins are flagged, the time is no good time, nothing"
    )
    flare_energy_kev: KevRange = Field((10.0, 12.0), alias="flare_energy", description="energies that tell of flares")
    flare_rate_ct_s: float = Field(
        0.5, gt=0, description="counts/s at these energies, a camera, above which there is a flare"
    )
    flare_bin_s: Seconds = Field(
        100.0, alias="flare_bin", description="width of the bins in which flares are looked for"
    )
    maximum_flare_fraction: float = Field(
        0.5, ge=0, le=1, description="exposures with a larger part of flares are flagged"
    )
    minimum_live_fraction: float = Field(
        0.5, ge=0, le=1, description="event lists with a smaller part of good time are flagged"
    )
    minimum_common_fraction: float = Field(
        0.5, ge=0, le=1, description="a camera that shares a smaller part of its time with the others is not summed"
    )

    @field_validator("bands")
    @classmethod
    def _bands(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_bands(texts)
        return texts
