"""The Hubble mission as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from hstlc.errors import UsageError
from hstlc.missions.base import ExposureValues, Extraction, Mission
from hstlc.missions.hst.airglow import TABLES, windows
from hstlc.missions.hst.bands import covering, parse_bands
from hstlc.missions.hst.checks import CHECKS
from hstlc.missions.hst.cos_extract import STEP_VERSION, extract
from hstlc.missions.hst.cos_read import CosExposure, load, number, read_events
from hstlc.missions.hst.identify import REFUSALS, companions, identify
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.wavelengths import Bands, comparable
from hstlc.units import to_float

__all__ = ["MISSION"]


def describe(exposure: CosExposure) -> ExposureValues:
    """Return the documented metadata of an exposure; ``cenwave`` is 0 for imaging, as documented."""
    header = exposure.header

    def text(key: str) -> str:
        return str(header.get(key) or "").strip()

    def whole(key: str) -> int | None:
        value = number(header, key)
        return int(value) if isfinite(value) else None

    def real(key: str) -> float | None:
        value = number(header, key)
        return value if isfinite(value) else None

    return ExposureValues(
        telescop=text("TELESCOP"),
        instrume=text("INSTRUME"),
        targname=text("TARGNAME"),
        cal_ver=text("CAL_VER"),
        obstype=text("OBSTYPE"),
        cenwave=0 if exposure.imaging else whole("CENWAVE") or 0,
        aperture=text("APERTURE"),
        detector=text("DETECTOR"),
        opt_elem=text("OPT_ELEM"),
        fppos=whole("FPPOS") or 0,
        ra_deg=real("RA_TARG"),
        dec_deg=real("DEC_TARG"),
        expstart_mjd=real("EXPSTART"),
        expend_mjd=real("EXPEND"),
        exptime_s=real("EXPTIME"),
        proposid=whole("PROPOSID"),
        extra={
            "segments": sorted(exposure.events),
            "x1d": bool(exposure.spectra),
            "life_adj": whole("LIFE_ADJ"),
            "events": sum(len(events) for events in exposure.events.values()),
            "simulated": text("SIMULATD") == "T",
        },
    )


def extraction_settings(values: ExposureValues, settings: HstSettings, *, bands: bool = True) -> Mapping[str, Any]:
    """Return what the extraction of an exposure of this configuration reads of the settings."""
    read: dict[str, Any] = {"bin_width_s": settings.bin_width_s, "minimum_fraction": settings.minimum_fraction}
    if values.obstype.upper() == "IMAGING":
        return read
    if bands:
        seen = values.extra.get("wavelength_aa") or {}
        asked = parse_bands(settings.bands).items()
        read |= {f"band {name}": list(limits) for name, limits in asked if covering(limits, seen)}
    if values.detector.upper() == "FUV":
        # the windows, not their name: a change of the table makes the curves stale
        read["fuv_wavelength_aa"] = list(settings.fuv_wavelength_aa)
        read["airglow"] = [list(w) for w in windows(settings.airglow, values.opt_elem.upper())]
    else:
        read["nuv_wavelength_aa"] = list(settings.nuv_wavelength_aa)
    return read


def extract_all(exposure: CosExposure, settings: HstSettings, selection: Bands | None = None) -> Extraction:
    """Make the light curve of an exposure; without a selection those of the bands as well, where it sees all of them.

    Each band is a look of its own at the events.
    """
    made = extract(exposure, settings, selection)
    if selection is not None or exposure.imaging:
        return made
    bands = {}
    for name, limits in parse_bands(settings.bands).items():
        letters = covering(limits, made.extra["wavelength_aa"])
        if letters:
            curve = extract(exposure, settings, dict.fromkeys(letters, limits)).curve
            bands[name] = replace(curve, meta={**curve.meta, "BAND": name})
    return replace(made, bands=bands)


def curve_options(
    settings: HstSettings,
    *,
    bin_width: Any = None,
    wavelength: tuple[Any, Any] | None = None,
    airglow: str | None = None,
    **unknown: Any,
) -> HstSettings:
    """Return settings with the options of :func:`hstlc.light_curve` put in; plain numbers are seconds and Angstrom.

    Raises
    ------
    UsageError
        ``usage.bad-option``: an unknown option, another unit, an empty range, an unknown airglow table.
    """
    changes: dict[str, Any] = {}
    if unknown:
        raise UsageError(
            "usage.bad-option",
            f"HST light curves have no option {', '.join(sorted(unknown))}",
            "the options are bin_width, wavelength and airglow",
        )
    try:
        if bin_width is not None:
            changes["bin_width_s"] = to_float(bin_width, "s")
        if wavelength is not None:
            try:
                low, high = (to_float(value, "Angstrom") for value in wavelength)
            except TypeError:
                raise ValueError(f"wavelength={wavelength!r} is not a pair of wavelengths") from None
            if not low < high:
                raise ValueError(f"the wavelength range {low} .. {high} Angstrom is empty")
            changes |= {"fuv_wavelength_aa": (low, high), "nuv_wavelength_aa": (low, high)}
        if airglow is not None:
            if airglow not in TABLES:
                raise ValueError(f"airglow={airglow!r} is none of {', '.join(TABLES)}")
            changes["airglow"] = airglow
    except (ValueError, TypeError) as error:
        raise UsageError("usage.bad-option", str(error), "give a Quantity, or a number in s or Angstrom") from error
    return settings.model_copy(update=changes)


MISSION = Mission(
    name="hst",
    title="Hubble Space Telescope",
    instruments=("COS",),
    settings_model=HstSettings,
    event_kinds=frozenset({"corrtag", "corrtag_a", "corrtag_b"}),
    step_version=STEP_VERSION,
    identify=identify,
    load=load,
    read_events=read_events,
    checks=CHECKS,
    refusals=REFUSALS,
    describe=describe,
    extract=extract_all,
    comparable=comparable,
    extraction_settings=extraction_settings,
    curve_options=curve_options,
    companions=companions,
)
