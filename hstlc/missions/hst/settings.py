"""The section ``missions.hst`` of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hstlc.missions.hst.bands import parse_bands
from hstlc.units import AngstromRange, Seconds

__all__ = ["HstSettings"]


class HstSettings(BaseModel):
    """Settings of the Hubble mission; numbers are in the unit that the field name ends in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    bin_width_s: Seconds = Field(2.0, alias="bin_width", description="width of the time bins")
    fuv_wavelength_aa: AngstromRange = Field(
        (915.0, 1800.0), alias="fuv_wavelength", description="wavelengths that COS FUV curves are made of"
    )
    nuv_wavelength_aa: AngstromRange = Field(
        (915.0, 3200.0), alias="nuv_wavelength", description="wavelengths that COS NUV curves are made of"
    )
    airglow: Literal["hstlc", "calcos", "wide", "none"] = Field(
        "hstlc", description="table of airglow windows left out of COS FUV curves"
    )
    bands: tuple[str, ...] = Field(
        (),
        description="bands that get light curves of their own: NV, SiIV, CIV, HeII, MgII, NUV2325, NUV2670, or windows"
        " such as 'blue = 1150 Angstrom .. 1190 Angstrom'",
    )
    minimum_fraction: float = Field(0.8, ge=0, le=1, description="bins with a smaller live part are flagged")
    accepted_expflags: tuple[str, ...] = Field(
        ("NORMAL",), description="values of EXPFLAG that are not rejected; add INTERRUPTED to use such exposures"
    )
    bad_proposals: tuple[int, ...] = Field(
        (13635,), description="proposals whose exposures are rejected (calibration specials such as focus sweeps)"
    )
    minimum_exptime_s: Seconds = Field(1.0, alias="minimum_exptime", description="shorter exposures are rejected")
    strict_time: bool = Field(False, description="reject an event list for any step back in time, as hstlc did in 2016")
    maximum_step_back_s: Seconds = Field(
        1.0, alias="maximum_step_back", description="a larger step back in time rejects the event list"
    )
    maximum_disorder: float = Field(
        1e-3, ge=0, le=1, description="a larger part of events out of order, and more than one, rejects the event list"
    )
    minimum_planned_fraction: float = Field(
        0.8, ge=0, le=1, description="exposures shorter than this part of the planned time are flagged"
    )
    burst_factor: float = Field(
        5.0, gt=1, description="times the mean from which a 2-s bin of the FUV background can be a burst"
    )
    burst_probability: float = Field(
        1e-6, gt=0, lt=1, description="chance probability below which such a bin is flagged as a burst"
    )
    maximum_rate_fuv: float = Field(15000.0, gt=0, description="counts/s a segment above which FUV is flagged")
    maximum_rate_nuv: float = Field(170000.0, gt=0, description="counts/s above which NUV is flagged")

    @field_validator("bands")
    @classmethod
    def _bands(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_bands(texts)
        return texts
