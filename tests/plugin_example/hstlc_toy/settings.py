"""The section ``missions.toy`` of the configuration, and the options of a light curve."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hstlc.errors import UsageError
from hstlc.units import Seconds, to_float

#: Bands of every source, keV; an event belongs to a band from its lower limit on, below the upper one.
BANDS_KEV = {"broad": (0.5, 8.0), "hard": (2.0, 8.0)}


class ToySettings(BaseModel):
    """Settings of the toy mission; numbers are in the unit that the field name ends in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bin_width_s: Seconds = Field(20.0, alias="bin_width", description="width of the time bins")
    minimum_counts: int = Field(10, ge=0, description="sources with fewer counts get no light curve")
    place: tuple[float, float, float] | None = Field(
        None, description="only a source here: right ascension, declination (degrees) and radius (arcsec)"
    )
    energy_kev: tuple[float, float] | None = Field(None, description="only these energies, keV")
    band: str | None = Field(None, description=f"only this band: {', '.join(BANDS_KEV)}")


def curve_options(
    settings: ToySettings,
    *,
    bin_width: Any = None,
    ra: Any = None,
    dec: Any = None,
    radius: Any = 10.0,
    energy: tuple[Any, Any] | None = None,
    band: str | None = None,
    **unknown: Any,
) -> ToySettings:
    """Return settings with the options of ``hstlc extract`` and ``hstlc.light_curve`` put in.

    Raises
    ------
    UsageError
        ``usage.bad-option``.
    """
    hint = "the options are bin_width (s), ra and dec (deg), radius (arcsec), energy (keV) and band"
    if unknown:
        named = ", ".join(sorted(unknown))
        raise UsageError("usage.bad-option", f"light curves of the toy have no option {named}", hint)
    changes: dict[str, Any] = {}
    try:
        if bin_width is not None:
            changes["bin_width_s"] = to_float(bin_width, "s")
        if ra is not None:
            changes["place"] = (to_float(ra, "deg"), to_float(dec, "deg"), to_float(radius, "arcsec"))
            changes["minimum_counts"] = 0
        if energy is not None:
            low, high = (to_float(value, "keV") for value in energy)
            changes["energy_kev"] = (low, high)
        if band is not None:
            if band not in BANDS_KEV:
                raise ValueError(f"band={band!r} is none of {', '.join(BANDS_KEV)}")
            changes["band"] = band
    except (TypeError, ValueError) as error:
        raise UsageError("usage.bad-option", str(error), hint) from error
    return settings.model_copy(update=changes)
