"""XMM-Newton's EPIC cameras as one value."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from hstlc.errors import UsageError
from hstlc.missions.base import ExposureValues, Mission
from hstlc.missions.energy_bands import parse_bands, range_text
from hstlc.missions.placed_sources import placed_by_options
from hstlc.missions.xmm.again import prepare
from hstlc.missions.xmm.checks import CHECKS
from hstlc.missions.xmm.extract import STEP_VERSION, extract, longest_live_s
from hstlc.missions.xmm.hot_pixels import hot_pixels
from hstlc.missions.xmm.identify import REFUSALS, companions, identify, real
from hstlc.missions.xmm.read import EpicEvents, EpicExposure, load, read_events
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.usable import usable_kinds
from hstlc.units import to_float

__all__ = ["MISSION"]

#: Settings that only decide what is flagged, not what a light curve is.
_OF_CHECKS = ("maximum_flare_fraction", "minimum_live_fraction")

#: The orbit of two days; sources are lost in the radiation belts once each time.
_ORBIT_S = 172_000.0

#: Positions of EPIC's source lists are good to 1 to 2 arcsec and some more in the same place far from the axis, where
#: images are wide: four times that is nearly always enough, and less than half of what two sources that the cameras
#: tell apart are separated by.
_SAME_SOURCE_ARCSEC = 8.0

#: What the name of a band can begin with.
_CAMERAS = {"pn": ("pn",), "m1": ("m1",), "m2": ("m2",), "ep": ("pn", "m1", "m2")}

_OPTIONS = "bin_width, energy, band, ra, dec, radius, region and background"


def artifacts_s(meta: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the periods that the cameras make: of the readout where a keyword tells it; of several orbits, theirs."""
    found = {"XMM orbit": _ORBIT_S} if "NDATASET" in meta else {}  # one observation lies within one orbit
    frame_s = meta.get("FRAMETIM")
    if isinstance(frame_s, (int, float)) and frame_s > 0:
        found["readout frame"] = float(frame_s)
    return found


def describe(exposure: EpicExposure) -> ExposureValues:
    """Return the documented metadata of an observation; times are UTC, as documented."""
    kinds = usable_kinds(exposure) or sorted(exposure.lists)
    lists = [exposure.lists[kind] for kind in kinds]
    header = lists[0].header if lists else {}
    rootname = exposure.files[0].rootname

    def several(key: str) -> str:
        return "+".join(dict.fromkeys(text for one in lists if (text := str(one.header.get(key) or "").strip())))

    start, end = _span_utc(lists)
    return ExposureValues(
        telescop="XMM",
        instrume="EPIC",
        targname=str(header.get("OBJECT") or "").strip(),
        cal_ver=exposure.files[0].cal_ver,
        obstype="IMAGING",
        cenwave=0,
        aperture="FIELD",
        detector=several("INSTRUME"),
        opt_elem=several("FILTER"),
        fppos=0,
        ra_deg=real(header, "RA_OBJ"),
        dec_deg=real(header, "DEC_OBJ"),
        expstart_mjd=start,
        expend_mjd=end,
        exptime_s=longest_live_s(exposure, XmmSettings()),
        proposid=int(rootname[:6]) if rootname[:6].isdigit() else None,
        extra={
            "exposures": {kind: str(exposure.lists[kind].header.get("SUBMODE") or "").strip() for kind in kinds},
            "revolution": str(header.get("REVOLUT") or "").strip(),
            "events": sum(len(events) for events in lists),
            "source_list": len(exposure.source_list) if exposure.source_list is not None else None,
            "simulated": any(str(events.header.get("SIMULATD") or "").strip() == "T" for events in lists),
        },
    )


def _span_utc(lists: list[EpicEvents]) -> tuple[float | None, float | None]:
    """Return start and end of good time, MJD UTC."""
    import erfa

    from hstlc.times import MJD_ZERO_JD, SECONDS_PER_DAY

    spans = [
        (events.reference.mjd, float(good.start[0]), float(good.stop[-1]))
        for events in lists
        if len(good := events.good_time)
    ]
    if not spans:
        return None, None
    found = []
    for mjd in (min(m + a / SECONDS_PER_DAY for m, a, _ in spans), max(m + b / SECONDS_PER_DAY for m, _, b in spans)):
        day, fraction = erfa.taiutc(*erfa.tttai(MJD_ZERO_JD, mjd))
        found.append(float(day - MJD_ZERO_JD + fraction))
    return found[0], found[1]


def extraction_settings(
    values: ExposureValues,  # noqa: ARG001
    settings: XmmSettings,
    *,
    bands: bool = True,
) -> Mapping[str, Any]:
    """Return what the extraction of an observation reads of the settings."""
    read: dict[str, Any] = settings.model_dump(mode="json", exclude={*_OF_CHECKS, "bands", "hot_pixels"})
    limits = parse_bands(settings.bands)
    if bands:
        read |= {f"band {name}": list(band) for name, band in limits.items()}
    if settings.hot_pixels:  # the pixels, not the name of their file
        read["hot_pixels"] = sha256(repr(hot_pixels(settings.hot_pixels)).encode()).hexdigest()
    return read


def curve_options(
    settings: XmmSettings,
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
) -> XmmSettings:
    """Return settings with the options of :func:`hstlc.light_curve` put in.

    Plain numbers are seconds, keV, degrees (``ra``, ``dec``) and arcseconds (``radius``); ``region`` and ``background``
    are DS9 text or region files. ``band`` may begin with a camera: ``m1_soft``.

    Raises
    ------
    UsageError
        ``usage.bad-option``: an unknown option, another unit, an empty range, an unknown band, half a position.
    """
    if unknown:
        raise UsageError(
            "usage.bad-option",
            f"light curves of XMM-Newton have no option {', '.join(sorted(unknown))}",
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
            parse_bands(changes["bands"])
        if band is not None:
            camera, _, name = str(band).partition("_")
            if camera in _CAMERAS:
                changes["cameras"] = _CAMERAS[camera]
            changes["bands"] = (name if camera in _CAMERAS else str(band),)
            parse_bands(changes["bands"])
        placed = placed_by_options(
            ra=ra,
            dec=dec,
            radius=radius,
            region=region,
            background=background,
            default_radius_arcsec=settings.source_radius_arcsec,
        )
        if placed:
            changes |= {"sources": placed, "use_source_list": False}  # these and no others
    except (ValueError, TypeError) as error:
        raise UsageError(
            "usage.bad-option", str(error), "give a Quantity, or a number in s, keV, degrees or arcsec"
        ) from error
    return settings.model_copy(update=changes)


MISSION = Mission(
    name="xmm",
    title="XMM-Newton",
    instruments=("EPIC", "EPN", "EMOS1", "EMOS2"),
    settings_model=XmmSettings,
    event_kinds=frozenset({"pn", "m1", "m2"}),
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
    source_radius_arcsec=_SAME_SOURCE_ARCSEC,
    prepare=prepare,
)
