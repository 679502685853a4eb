"""The toy mission as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hstlc.missions.base import ExposureValues, Mission
from hstlc.times import SECONDS_PER_DAY
from hstlc_toy.checks import CHECKS
from hstlc_toy.curves import STEP_VERSION, extract
from hstlc_toy.files import REFUSALS, ToyExposure, companions, identify, load, read_events
from hstlc_toy.settings import BANDS_KEV, ToySettings, curve_options


def describe(exposure: ToyExposure) -> ExposureValues:
    """Return the documented metadata; what other missions have and this one has not is 0 or ''."""
    header, events = exposure.header, exposure.events
    known = events is not None and len(events.gti) > 0
    return ExposureValues(
        telescop="TOY",
        instrume=str(header.get("INSTRUME") or ""),
        targname=str(header.get("OBJECT") or exposure.file.target),
        cal_ver=str(header.get("CAL_VER") or ""),
        obstype="IMAGING",
        cenwave=0,
        aperture="",
        detector="",
        opt_elem="",
        fppos=0,
        ra_deg=header.get("RA_PNT"),
        dec_deg=header.get("DEC_PNT"),
        expstart_mjd=events.reference.mjd + float(events.gti.start[0]) / SECONDS_PER_DAY if events and known else None,
        expend_mjd=events.reference.mjd + float(events.gti.stop[-1]) / SECONDS_PER_DAY if events and known else None,
        exptime_s=events.gti.total if events else None,
        proposid=header.get("PROPOSID"),
        extra={"simulated": header.get("SIMULATD") == "T"},
    )


def extraction_settings(_: ExposureValues, settings: ToySettings, *, bands: bool = True) -> Mapping[str, Any]:
    """Return what the extraction reads of the settings."""
    read = {"bin_width_s": settings.bin_width_s, "minimum_counts": settings.minimum_counts}
    read |= {"place": settings.place, "energy_kev": settings.energy_kev, "band": settings.band}
    return read | ({f"band {name}": limits for name, limits in BANDS_KEV.items()} if bands else {})


MISSION = Mission(
    name="toy",
    title="Toy telescope",
    instruments=("WATCHER",),
    settings_model=ToySettings,
    event_kinds=frozenset({"photons"}),
    step_version=STEP_VERSION,
    identify=identify,
    load=load,
    read_events=read_events,
    checks=CHECKS,
    refusals=REFUSALS,
    describe=describe,
    extract=extract,
    comparable=None,
    extraction_settings=extraction_settings,
    curve_options=curve_options,
    companions=companions,
    source_radius_arcsec=3.0,
)
