"""STIS exposures to light curves: the boxes in which the archive extracted each order, in the frame of the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events import bin_edges, live_time, outside_windows
from hstlc.lightcurves import RegionSums, light_curve
from hstlc.missions.base import Extraction
from hstlc.missions.hst.airglow import ORIGINAL, WIDE_HALF_WIDTH, WIDE_LINES
from hstlc.missions.hst.cos_extract import COPIED_KEYWORDS, STEP_VERSION, response
from hstlc.missions.hst.exposure import number
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_clock import TICK_S, TickPlacer
from hstlc.missions.hst.stis_corrtag import CorrtagFile
from hstlc.missions.hst.stis_events import StisEvents
from hstlc.missions.hst.stis_flats import PixelResponse, pixel_response
from hstlc.missions.hst.stis_read import StisExposure
from hstlc.missions.hst.stis_regions import PlaceMap, Region, claims, free_areas, regions, source_areas
from hstlc.missions.hst.stis_sums import OrderPart, added, sum_orders, sum_whole, with_background
from hstlc.missions.hst.wavelengths import Bands, Seen, limits
from hstlc.model import Finding, Intervals, Severity
from hstlc.times import SECONDS_PER_DAY

__all__ = ["extract_stis", "stis_windows"]

BoolArray = NDArray[np.bool_]
Windows = tuple[tuple[float, float], ...]

#: SDQFLAGS of real headers: every bit but that of small blemishes.
SERIOUS_DQ = 31743

#: Less of the source box's area in free background boxes is too little to measure a background in.
LEAST_FREE = 0.1

#: Seconds by which TEXPSTRT and EXPSTART of the first imset may differ: what their digits tell apart.
ZERO_POINT_S = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class _Imset:
    """One EVENTS extension with the orders of its spectrum."""

    number: int
    found: tuple[Region, ...]
    parts: tuple[OrderPart, ...]
    owner: PlaceMap
    gti: Intervals


def stis_windows(table: str, detector: str) -> Windows:
    """Return the wavelength windows to leave out of STIS spectra; none of the NUV detector.

    The windows of the original hstlc hold for both instruments. ``calcos`` is a table in pixels of COS, for which they
    stand in; ``wide`` is 7 A around the six strongest lines.

    Examples
    --------
    >>> stis_windows("hstlc", "FUV-MAMA"), stis_windows("hstlc", "NUV-MAMA")
    (((1208.0, 1225.0), (1298.0, 1312.0)), ())
    """
    if table == "none" or not detector.upper().startswith("FUV"):
        return ()
    return (
        tuple((line - WIDE_HALF_WIDTH, line + WIDE_HALF_WIDTH) for line in WIDE_LINES) if table == "wide" else ORIGINAL
    )


def extract_stis(exposure: StisExposure, settings: HstSettings, bands: Bands | None = None) -> Extraction:
    """Make the light curve of a STIS exposure, and the calibrated event list of its tag.

    Events count when they are of good quality, in good time, of a wanted wavelength and in the source box of an order.
    Orders and repeated exposures add. Bins start at TEXPSTRT and all are kept. Without an x1d, and of images, the whole
    detector is summed: nothing is subtracted and the flux is NaN.

    Parameters
    ----------
    exposure : StisExposure
        With a readable event list.
    settings : HstSettings
    bands : mapping of str to (float, float), optional
        Orders to the wavelengths to take, Angstrom; other orders are left out. None takes all orders and the
        wavelengths of the settings.

    Returns
    -------
    Extraction
        ``extra["wavelength_aa"]`` has the wavelengths that each order covers, ``files["corrtag"]`` the calibrated
        event list where the exposure has a tag and nothing is selected; it is made when it is asked for.

    Raises
    ------
    UsageError
        ``usage.bin-width``: see :func:`hstlc.events.bin_edges`.
    """
    name, events = exposure.lists[0]
    detector = exposure.text("DETECTOR")
    configured = settings.fuv_wavelength_aa if detector.startswith("FUV") else settings.nuv_wavelength_aa
    excluded = () if exposure.imaging else stis_windows(settings.airglow, detector)
    mask, pixels, findings = _mask(events), pixel_response(events.header), _findings(exposure, name, events)
    if pixels.missing and not events.calibrated:
        findings.append(_missing_files(name, pixels))
    imsets = (
        [] if exposure.imaging else _imsets(exposure, events, configured, excluded, bands, pixels.good(mask), findings)
    )
    edges = bin_edges(float(events.gti.stop[-1]) if len(events.gti) else 0.0, settings.bin_width_s, TICK_S)
    live_s = live_time(edges, events.gti, TICK_S)
    placer, counted = TickPlacer(events.gti, edges), Counter[str]()
    parts = [part for imset in imsets[:1] for part in imset.parts]
    if imsets:
        sums = added([_sum_imset(events, imset, edges, placer, pixels, mask, counted) for imset in imsets])
    else:
        band = configured if _has_wavelengths(events) and not exposure.imaging else None
        whole = (events.imset_blocks(i) for i in range(len(events.tables)))
        sums = added([sum_whole(blocks, band, placer, pixels, mask, len(live_s), counted) for blocks in whole])
    wanted = [configured] if bands is None else [bands[part.region.name] for part in parts]
    width = sum(one.width_aa for one in sums.responses)
    curve = light_curve(
        edges,
        live_s,
        [sums],
        capacity_s=live_time(edges, Intervals.of([edges[0]], [edges[-1]]), TICK_S),
        reference=events.reference,
        gti=events.gti,
        minimum_fraction=settings.minimum_fraction,
        meta={
            **_describing_keywords(exposure, events, parts),
            "STEPSIZE": settings.bin_width_s,
            "TICK": TICK_S,
            "MINFRAC": settings.minimum_fraction,
            "WMIN": min(low for low, _ in wanted) if parts else None,
            "WMAX": max(high for _, high in wanted) if parts else None,
            "DELTAWAV": width if width else None,
            "AIRGLOW": settings.airglow if excluded else "none",
            "AIRGWIN": ", ".join(f"{low:.10g}-{high:.10g}" for low, high in excluded) or None,
            "DQMASK": mask,
            **{key: counted[key] for key in ("NEVENTS", "NBADDQ", "NBADTIME", "NWAVE", "NSOURCE", "NBACKGR")},
            "LIVETIME": float(live_s.sum()),
            "STEPVER": STEP_VERSION,
        },
    )
    covered = {r.name: limits(Seen(), r.spectrum) for imset in imsets[:1] for r in imset.found}
    made = not events.calibrated and bands is None
    files = CorrtagFile(name, events, [imset.found for imset in imsets], pixels) if made else {}
    return Extraction(curve, tuple(findings), {"wavelength_aa": covered}, files=files)


def _imsets(
    exposure: StisExposure,
    events: StisEvents,
    configured: tuple[float, float],
    excluded: Windows,
    bands: Bands | None,
    good: BoolArray,
    findings: list[Finding],
) -> list[_Imset]:
    """Return the orders of each EVENTS extension; none where there is no x1d."""
    made: list[_Imset] = []
    calibrated = str(exposure.x1d_header.get("FLUXCORR") or "COMPLETE").strip().upper() == "COMPLETE"
    for index, table in enumerate(events.tables):
        ver = table.ver if table.ver in exposure.imsets else min(exposure.imsets, default=0)
        found = regions(exposure.imsets.get(ver, ()))
        if not found:
            return []
        if ver != table.ver:
            message = f"the x1d has no spectrum of imset {table.ver}; that of imset {ver} says where its orders are"
            findings.append(Finding("imset", Severity.FLAG, "Missing spectrum", message, exposure.filename("x1d")))
        owner = claims(found)
        parts = tuple(
            _part(i, region, bands[region.name] if bands is not None else configured, excluded, owner, good, calibrated)
            for i, region in enumerate(found)
            if bands is None or region.name in bands
        )
        crowded = [part.region.name for part in parts if not part.scale and part.wanted.any()]
        if crowded:
            message = f"orders {', '.join(crowded)} have no free background boxes; BACKGROUND of the x1d is subtracted"
            findings.append(Finding("background", Severity.FLAG, "Background of the x1d", message))
        made.append(_Imset(index, found, parts, owner, _span(events, index)))
    return made


def _part(
    number: int,
    region: Region,
    band: tuple[float, float],
    excluded: Windows,
    owner: PlaceMap,
    good: BoolArray,
    calibrated: bool,
) -> OrderPart:
    def inside(wavelength_aa: NDArray[np.float64]) -> BoolArray:
        low, high = band
        return (wavelength_aa >= low) & (wavelength_aa <= high) & outside_windows(wavelength_aa, excluded)

    wanted = inside(region.wavelength_aa)
    wanted[0] = False
    source = int(source_areas(owner, good, number)[wanted].sum())
    free = int(free_areas(owner, good, region)[wanted].sum())
    worth = response(region.spectrum, band, excluded) if calibrated else None
    if free > 0 and free >= LEAST_FREE * source:
        return OrderPart(number, region, wanted, source / free, response=worth)
    wavelength_aa = region.spectrum.wavelength_aa
    rate = np.where(inside(wavelength_aa), region.background_ct_s, 0.0)
    fluence = 0.0 if worth is None else float((rate * worth(wavelength_aa)).sum())
    return OrderPart(number, region, wanted, 0.0, float(rate.sum()), fluence, worth)


def _sum_imset(
    events: StisEvents,
    imset: _Imset,
    edges: NDArray[np.float64],
    placer: TickPlacer,
    pixels: PixelResponse,
    mask: int,
    counted: Counter[str],
) -> RegionSums:
    blocks = events.imset_blocks(imset.number)
    sums = sum_orders(blocks, imset.parts, imset.owner, placer, pixels, mask, len(edges) - 1, counted)
    return with_background(sums, imset.parts, live_time(edges, imset.gti, TICK_S))


def _span(events: StisEvents, index: int) -> Intervals:
    """Return the good time of one of several repeated exposures: that from its start to the start of the next."""
    starts = [number(table.header, "EXPSTART") for table in events.tables]
    after_s = [(start - events.reference.mjd) * SECONDS_PER_DAY for start in starts]
    if len(after_s) == 1 or not np.isfinite(after_s).all() or not len(events.gti):
        return events.gti
    first = after_s[index] if index else float(events.gti.start[0])
    last = after_s[index + 1] if index + 1 < len(after_s) else float(events.gti.stop[-1])
    return events.gti.intersect(Intervals.of([first], [last]))


def _mask(events: StisEvents) -> int:
    flags = number(events.header, "SDQFLAGS")
    return int(flags) if np.isfinite(flags) and flags > 0 else SERIOUS_DQ


def _has_wavelengths(events: StisEvents) -> bool:
    blocks = (block for i in range(len(events.tables)) for block in events.imset_blocks(i))
    return events.calibrated and any(b.wavelength_aa is not None and bool((b.wavelength_aa > 0).any()) for b in blocks)


def _findings(exposure: StisExposure, name: str, events: StisEvents) -> list[Finding]:
    found = []
    if exposure.imaging:
        message = "imaging exposures have no x1d; the flux is NaN and the background is not subtracted"
        found.append(Finding("flux", Severity.FLAG, "No flux calibration", message))
    elif not any(regions(orders) for orders in exposure.imsets.values()):
        what = "the x1d has no extracted order" if exposure.x1d_header else "no x1d"
        message = f"{what}: the whole detector is summed, no background is subtracted and the flux is NaN"
        found.append(Finding("flux", Severity.FLAG, "No flux calibration", message))
    elif str(exposure.x1d_header.get("FLUXCORR") or "COMPLETE").strip().upper() != "COMPLETE":
        message = f"FLUXCORR of the x1d is {exposure.x1d_header.get('FLUXCORR')!r}; the flux is NaN"
        found.append(Finding("flux", Severity.FLAG, "No flux calibration", message))
    apart_s = abs(number(events.header, "EXPSTART") - events.reference.mjd) * SECONDS_PER_DAY
    if apart_s > ZERO_POINT_S:
        message = f"times count from TEXPSTRT, from which EXPSTART is {apart_s:.3f} s apart"
        found.append(Finding("zero_point", Severity.FLAG, "Zero point of time", message, name))
    return found


def _missing_files(name: str, pixels: PixelResponse) -> Finding:
    message = (
        f"not found: {', '.join(pixels.missing)}; without flat fields events count 1, without a table of bad pixels all"
        " are good; set the environment variable 'oref' to the folder of the reference files"
    )
    return Finding("reference_file", Severity.FLAG, "Missing reference file", message, name)


def _describing_keywords(exposure: StisExposure, events: StisEvents, parts: Sequence[OrderPart]) -> Mapping[str, Any]:
    dates = [str(header["DATE"]) for header in (events.header, exposure.x1d_header) if header.get("DATE")]
    orders = sorted(int(part.region.name) for part in parts)
    named = {key: exposure.header[key] for key in COPIED_KEYWORDS if exposure.header.get(key) is not None}
    if not named.get("CAL_VER") and exposure.x1d_header.get("CAL_VER"):
        named["CAL_VER"] = exposure.x1d_header["CAL_VER"]  # raw event lists have none
    return {
        **named,
        "SEGMENTS": f"{orders[0]}-{orders[-1]}" if len(orders) > 1 else ",".join(map(str, orders)) or None,
        "DATE": max(dates) if dates else None,
    }
