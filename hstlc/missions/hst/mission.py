"""The Hubble mission as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, nextafter
from typing import Any

from hstlc.errors import UsageError
from hstlc.missions.base import ExposureValues, Extraction, Mission
from hstlc.missions.hst import recipe_2016
from hstlc.missions.hst.airglow import TABLES, windows
from hstlc.missions.hst.bands import covering, parse_bands
from hstlc.missions.hst.checks import CHECKS
from hstlc.missions.hst.cos_extract import STEP_VERSION
from hstlc.missions.hst.cos_read import CosExposure
from hstlc.missions.hst.exposure import number
from hstlc.missions.hst.identify import REFUSALS, companions, identify
from hstlc.missions.hst.instruments import HstExposure, extract, load, read_events
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_extract import stis_windows
from hstlc.missions.hst.wavelengths import Bands, comparable
from hstlc.units import to_float

__all__ = ["MISSION"]

#: The orbit took 5807 s when STIS came and takes 5700 s now; bins of 2 s hold 62 or 63 ticks of 32 ms in turn; the
#: orbit crosses the South Atlantic Anomaly at the same hours each day.
ARTIFACTS_S = {"HST orbit": 5750.0, "beat of the 32-ms clock": 4.0, "day of SAA passages": 86400.0}

#: Recipes of earlier software.
RECIPES = (recipe_2016.NAME,)


def artifacts_s(meta: Mapping[str, Any]) -> Mapping[str, float]:  # noqa: ARG001
    """Return the periods that the observatory makes, which are those of the orbit and the clock for all exposures."""
    return ARTIFACTS_S


def describe(exposure: HstExposure) -> ExposureValues:
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
        cal_ver=text("CAL_VER") or str(exposure.x1d_header.get("CAL_VER") or "").strip(),  # tags have none
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
    cos = values.instrume.upper() == "COS"
    settings = recipe_2016.settings_read(settings) if cos else settings
    read: dict[str, Any] = {"bin_width_s": settings.bin_width_s, "minimum_fraction": settings.minimum_fraction}
    if cos and settings.recipe != "current":
        read["recipe"] = settings.recipe
    if cos and settings.maximum_sun_altitude_deg is not None:
        read["maximum_sun_altitude_deg"] = settings.maximum_sun_altitude_deg
    if values.obstype.upper() == "IMAGING":
        return read
    if bands:
        seen = values.extra.get("wavelength_aa") or {}
        asked = parse_bands(settings.bands).items()
        read |= {f"band {name}": list(limits) for name, limits in asked if covering(limits, seen)}
    if values.detector.upper().startswith("FUV"):
        # the windows, not their name: a change of the table makes the curves stale
        stis = values.instrume.upper() == "STIS"
        left_out = (stis_windows if stis else windows)(
            settings.airglow, (values.detector if stis else values.opt_elem).upper()
        )
        read["fuv_wavelength_aa"] = list(settings.fuv_wavelength_aa)
        read["airglow"] = [list(w) for w in left_out]
    else:
        read["nuv_wavelength_aa"] = list(settings.nuv_wavelength_aa)
    return read


def extract_all(exposure: HstExposure, settings: HstSettings, selection: Bands | None = None) -> Extraction:
    """Make the light curve of an exposure; without a selection those of the bands as well, where it sees all of them.

    Each band is a look of its own at the events.
    """
    old = settings.recipe == recipe_2016.NAME and isinstance(exposure, CosExposure)
    make: Any = recipe_2016.extract if old else extract
    made: Extraction = make(exposure, settings, selection)
    if selection is not None or exposure.imaging:
        return made
    bands = {}
    for name, (low, high) in parse_bands(settings.bands).items():
        letters = covering((low, high), made.extra["wavelength_aa"])
        if letters:
            # without the upper edge, so that no event is in two bands side by side
            curve = make(exposure, settings, dict.fromkeys(letters, (low, nextafter(high, low)))).curve
            bands[name] = replace(curve, meta={**curve.meta, "WMAX": high, "BAND": name})
    return replace(made, bands=bands)


def curve_options(
    settings: HstSettings,
    *,
    bin_width: Any = None,
    wavelength: tuple[Any, Any] | None = None,
    airglow: str | None = None,
    band: str | None = None,
    recipe: str | None = None,
    **unknown: Any,
) -> HstSettings:
    """Return settings with the options of :func:`hstlc.light_curve` put in; plain numbers are seconds and Angstrom.

    Raises
    ------
    UsageError
        ``usage.bad-option``: an unknown option, another unit, an empty range, an unknown airglow table, band or recipe.
    """
    changes: dict[str, Any] = {}
    if unknown:
        raise UsageError(
            "usage.bad-option",
            f"HST light curves have no option {', '.join(sorted(unknown))}",
            "the options are bin_width, wavelength, airglow, band and recipe",
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
        if recipe is not None:
            if recipe not in ("current", *RECIPES):
                raise ValueError(f"recipe={recipe!r} is none of current, {', '.join(RECIPES)}")
            changes["recipe"] = recipe
        if band is not None:
            if wavelength is not None:
                raise ValueError("band and wavelength both say which wavelengths are wanted")
            parse_bands([str(band)])
            changes["bands"] = (str(band),)
    except (ValueError, TypeError) as error:
        raise UsageError("usage.bad-option", str(error), "give a Quantity, or a number in s or Angstrom") from error
    return settings.model_copy(update=changes)


MISSION = Mission(
    name="hst",
    title="Hubble Space Telescope",
    instruments=("COS", "STIS"),
    settings_model=HstSettings,
    event_kinds=frozenset({"corrtag", "tag"}),
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
    recipes=RECIPES,
    companions=companions,
    raw_kinds=frozenset({"tag"}),
    artifacts_s=artifacts_s,
)
