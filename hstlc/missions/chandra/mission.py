"""The Chandra mission as one value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hstlc.errors import UsageError
from hstlc.missions.base import ExposureValues, Mission
from hstlc.missions.chandra.again import prepare
from hstlc.missions.chandra.checks import CHECKS
from hstlc.missions.chandra.curve_keywords import utc_mjd
from hstlc.missions.chandra.dither import artifacts_s
from hstlc.missions.chandra.exposure import ChandraExposure, load
from hstlc.missions.chandra.extract import STEP_VERSION, extract
from hstlc.missions.chandra.identify import REFUSALS, companions, identify, real, release, whole
from hstlc.missions.chandra.mission_settings import ChandraSettings, bands_of
from hstlc.missions.chandra.read import read_events
from hstlc.missions.energy_bands import range_text
from hstlc.missions.placed_sources import placed_by_options
from hstlc.units import to_float

__all__ = ["MISSION"]

#: Absolute positions are good to 0.8 arcsec on the axis (90 %) and centroids of faint sources far off it to a second
#: or two; sources of the catalog closer to each other are rare, as the images of the telescope are no smaller off axis.
SOURCE_RADIUS_ARCSEC = 2.0

_OPTIONS = "bin_width, energy, band, ra, dec, radius, region and background"


def describe(exposure: ChandraExposure) -> ExposureValues:
    """Return the documented metadata of an exposure; ``cenwave`` and ``fppos`` are 0."""
    header, events = exposure.header, exposure.lead
    mjdref = real(header, "MJDREF") or 50814.0
    start, stop = (real(header, key) for key in ("TSTART", "TSTOP"))
    first = next((file for file in exposure.files), None)
    positions = [(real(header, f"RA{end}"), real(header, f"DEC{end}")) for end in ("_TARG", "", "_PNT", "_NOM")]
    ra_deg, dec_deg = next((pair for pair in positions if None not in pair), (None, None))
    return ExposureValues(
        telescop=exposure.text("TELESCOP"),
        instrume=exposure.text("INSTRUME").upper(),
        targname=exposure.text("OBJECT") or (first.target if first is not None else ""),
        cal_ver=exposure.text("ASCDSVER"),
        obstype="IMAGING",
        cenwave=0,
        aperture="",
        detector=exposure.text("DETNAM"),
        opt_elem=exposure.text("GRATING"),
        fppos=0,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        expstart_mjd=None if start is None else utc_mjd(mjdref, start),
        expend_mjd=None if stop is None else utc_mjd(mjdref, stop),
        exptime_s=real(header, "EXPOSURE"),
        proposid=whole(header, "SEQ_NUM"),
        extra={
            "obs_id": exposure.text("OBS_ID"),
            "obi": whole(header, "OBI_NUM"),
            "region": whole(header, "REGIONID"),
            "event_list": exposure.kind,
            "chips": sorted(events.gti) if events is not None and exposure.instrument == "ACIS" else [],
            "events": len(events) if events is not None else 0,
            "revision": whole(header, "REVISION"),
            "catalog_release": release(header) if exposure.kind in ("regevt3", "evt3") else "",
            "catalog_variability": {band: dict(found) for band, found in sorted(exposure.curves.items())},
            "datamode": exposure.text("DATAMODE"),
            "roll_deg": real(header, "ROLL_PNT"),
            "simulated": exposure.text("SIMULATD") == "T",
        },
    )


def extraction_settings(
    values: ExposureValues,
    settings: ChandraSettings,
    *,
    bands: bool = True,  # noqa: ARG001
) -> Mapping[str, Any]:
    """Return what the extraction of an exposure of this configuration reads of the settings."""
    limits = bands_of(settings.bands, values.instrume)
    read: dict[str, Any] = {
        "bin_width_s": settings.bin_width_s,
        "minimum_fraction": settings.minimum_fraction,
        "minimum_counts": settings.minimum_counts,
        "bands": {name: list(pair) for name, pair in limits.items()},
    }
    catalog = values.extra.get("event_list") == "regevt3" and settings.use_catalog
    if settings.sources:
        read["sources"] = [[one.name, *map(_content, (one.region, one.background))] for one in settings.sources]
    if settings.sources or catalog:
        read["background"] = [settings.background_inner, settings.background_outer]
    if catalog:
        read["region_band"] = settings.region_band
    elif values.extra.get("event_list") == "regevt3":
        read["use_catalog"] = False
    if values.extra.get("event_list") == "evt2":
        read["flares"] = settings.flares
        if settings.flares != "off":
            read["flare"] = [settings.flare_method, settings.flare_bin_s]
    return read


def _content(region: str) -> str:
    """Return the text of a region; of a region file its digest, as the file can change."""
    path = Path(region)
    looks = "(" not in path.name and region != ""
    return hashlib.sha256(path.read_bytes()).hexdigest() if looks and path.is_file() else region


def curve_options(
    settings: ChandraSettings,
    *,
    bin_width: Any = None,
    energy: tuple[Any, Any] | None = None,
    band: str | None = None,
    ra: Any = None,
    dec: Any = None,
    radius: Any = None,
    region: Any = None,
    background: Any = None,
    **unknown: Any,
) -> ChandraSettings:
    """Return settings with the options of :func:`hstlc.light_curve` put in; plain numbers are s, keV, deg and arcsec.

    Raises
    ------
    UsageError
        ``usage.bad-option``: an unknown option, another unit, an empty range, an unknown band, half a position.
    """
    if unknown:
        raise UsageError(
            "usage.bad-option",
            f"Chandra light curves have no option {', '.join(sorted(unknown))}",
            f"the options are {_OPTIONS}",
        )
    changes: dict[str, Any] = {}
    try:
        if bin_width is not None:
            changes["bin_width_s"] = to_float(bin_width, "s")
        if energy is not None:
            if band is not None:
                raise ValueError("band and energy both say which energies are wanted")
            changes["bands"] = (range_text(energy),)
        if band is not None:
            changes["bands"] = (str(band),)
        if "bands" in changes:
            bands_of(changes["bands"], "ACIS")
        placed = placed_by_options(
            ra=ra, dec=dec, radius=radius, region=region, background=background,
            default_radius_arcsec=settings.source_radius_arcsec,
        )  # fmt: skip
        if placed:
            changes |= {"sources": placed, "use_catalog": False}
    except (ValueError, TypeError) as error:
        hint = "give a Quantity, or a number in s, keV, deg or arcsec"
        raise UsageError("usage.bad-option", str(error), hint) from error
    return settings.model_copy(update=changes)


MISSION = Mission(
    name="chandra",
    title="Chandra X-ray Observatory",
    instruments=("ACIS", "HRC"),
    settings_model=ChandraSettings,
    event_kinds=frozenset({"regevt3", "evt3", "evt2"}),
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
    artifacts_s=artifacts_s,
    source_radius_arcsec=SOURCE_RADIUS_ARCSEC,
    prepare=prepare,
)
