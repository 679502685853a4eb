"""The section ``missions.hst`` of the configuration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator

from hstlc.missions.hst.bands import parse_bands
from hstlc.units import AngstromRange, Seconds, format_quantity, parse_quantity

__all__ = ["HstSettings"]


def _altitude(value: object) -> float | None:
    if value is None:
        return None
    degrees = parse_quantity(value, "deg")
    if not -90 <= degrees <= 90:
        raise ValueError(f"{value!r} must be an altitude from -90 deg to 90 deg")
    return degrees


def _altitude_text(degrees: Any) -> str | None:
    return None if degrees is None else format_quantity(degrees, "deg")


#: An altitude above the horizon in degrees, or None.
Altitude = Annotated[float | None, BeforeValidator(_altitude), PlainSerializer(_altitude_text)]


class HstSettings(BaseModel):
    """Settings of the Hubble mission; numbers are in the unit that the field name ends in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    recipe: Literal["current", "hstlc-2016"] = Field(
        "current", description="how curves are made; hstlc-2016: of COS spectra, with the numbers of the original hstlc"
    )
    bin_width_s: Seconds = Field(2.0, alias="bin_width", description="width of the time bins")
    fuv_wavelength_aa: AngstromRange = Field(
        (915.0, 1800.0), alias="fuv_wavelength", description="wavelengths that FUV curves are made of"
    )
    nuv_wavelength_aa: AngstromRange = Field(
        (915.0, 3200.0), alias="nuv_wavelength", description="wavelengths that NUV curves are made of"
    )
    airglow: Literal["hstlc", "calcos", "wide", "none"] = Field(
        "hstlc", description="table of airglow windows left out of FUV curves"
    )
    bands: tuple[str, ...] = Field(
        (),
        description="bands that get light curves of their own: NV, SiIV, CIV, HeII, MgII, NUV2325, NUV2670, or windows"
        " such as 'blue = 1150 Angstrom .. 1190 Angstrom'",
    )
    minimum_fraction: float = Field(0.8, ge=0, le=1, description="bins with a smaller live part are flagged")
    maximum_sun_altitude_deg: Altitude = Field(
        None,
        alias="maximum_sun_altitude",
        description="good time of COS ends where the Sun is higher above the horizon of the telescope, such as '20 deg'"
        " to leave out the airglow of the day; nothing: day and night count",
    )
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
    minimum_live_fraction: float = Field(
        0.5, ge=0, le=1, description="exposures with a smaller part of good time between its start and end are flagged"
    )
    maximum_silence_s: Seconds = Field(
        5.0, alias="maximum_silence", description="longest part of a good time interval that may be without events"
    )
    silence_probability: float = Field(
        1e-6, gt=0, lt=1, description="chance probability below which a longer one is flagged"
    )
    maximum_gti_mismatch_s: Seconds = Field(
        1.0, alias="maximum_gti_mismatch", description="a larger difference of EXPTIME and good time is flagged"
    )
    maximum_rate_fuv: float = Field(15000.0, gt=0, description="counts/s a segment above which COS FUV is flagged")
    maximum_rate_nuv: float = Field(170000.0, gt=0, description="counts/s above which COS NUV is flagged")
    maximum_rate_stripe: float = Field(30000.0, gt=0, description="counts/s a stripe above which COS NUV is flagged")
    maximum_rate_stis: float = Field(30000.0, gt=0, description="counts/s above which STIS is flagged")

    @field_validator("bands")
    @classmethod
    def _bands(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_bands(texts)
        return texts
