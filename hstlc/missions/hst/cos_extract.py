"""COS exposures to light curves: source and background boxes in the frame in which calcos extracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError
from hstlc.events import bin_edges, bin_index, in_band, in_good_time, live_time, outside_windows
from hstlc.lightcurves import Photons, Region, Response, light_curve, region_sums
from hstlc.missions.base import Extraction
from hstlc.missions.hst.airglow import windows
from hstlc.missions.hst.cos_read import ABSENT, TICK_S, CosExposure, Spectrum, number
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.wavelengths import Bands, limits
from hstlc.model import EventList, Finding, Intervals, Severity

__all__ = ["STEP_VERSION", "Box", "dq_mask", "extract", "extraction_box", "stripes"]

#: Raised when the same input gives other numbers.
STEP_VERSION = 1

#: Burst, pulse height out of range, bad time: what calcos calls serious when it makes images, on top of SDQFLAGS.
BURST_DQ = 64
SERIOUS_DQ = BURST_DQ | 512 | 2048

#: Detector columns (XFULL) that events are taken from, and the middle that the slope of a trace refers to.
COLUMNS = {"FUV": (0.0, 16384.0, 8192.0), "NUV": (-np.inf, np.inf, 512.0)}

#: Imaging: the half of the NUV detector that sees the sky, (columns, rows) in pixels; the other half has the lamp.
IMAGING_FIELD = ((0.0, 1024.0), (0.0, 512.0))

#: Keywords of the input that describe the curve as they are.
COPIED_KEYWORDS = (
    *("TELESCOP", "INSTRUME", "DETECTOR", "TARGNAME", "RA_TARG", "DEC_TARG", "OBSTYPE", "OPT_ELEM", "CENWAVE"),
    *("APERTURE", "FPPOS", "LIFE_ADJ", "ROOTNAME", "PROPOSID", "CAL_VER", "EXPSTART", "EXPEND", "EXPTIME", "SIMULATD"),
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """Extraction regions of one segment, in pixels of XFULL and YFULL.

    Attributes
    ----------
    center, slope, height : float
        The source box is ``center + slope * (x - middle) +- height / 2``, half-open.
    backgrounds : tuple of (float, float)
        Center and height of each background box, parallel to the source box.
    """

    center: float
    slope: float
    height: float
    backgrounds: tuple[tuple[float, float], ...]

    @property
    def scale(self) -> float:
        """Height of the source box over the heights of the background boxes; 0 without any."""
        total = sum(height for _, height in self.backgrounds)
        return self.height / total if total else 0.0


def dq_mask(exposure: CosExposure) -> int:
    """Return the data-quality bits that exclude an event: the header's SDQFLAGS and the always serious ones."""
    flags = exposure.number("SDQFLAGS")
    return SERIOUS_DQ | (int(flags) if np.isfinite(flags) and flags > 0 else 0)


def stripes(exposure: CosExposure) -> dict[str, str]:
    """Return the segments to sum: letter to the kind of file that holds its events.

    FUV segments have a file each; the NUV stripes A, B, C share one, and with G230L stripe C is light of the second
    order and left out.
    """
    if "corrtag" in exposure.events:
        if exposure.imaging:
            return {"N": "corrtag"}
        letters = "AB" if exposure.text("OPT_ELEM") == "G230L" else "ABC"
        return dict.fromkeys(letters, "corrtag")
    return {kind[-1].upper(): kind for kind in sorted(exposure.events)}


def extraction_box(exposure: CosExposure, letter: str) -> Box | None:
    """Return the boxes of a segment from the event list's header, else from the x1d's; None when neither has them."""
    kind = stripes(exposure)[letter]
    for header in (exposure.events[kind].header, exposure.x1d_header):
        box = _box(header, letter)
        if box is not None:
            return box
    return None


def _box(header: Mapping[str, Any], letter: str) -> Box | None:
    def value(key: str) -> float:
        found = number(header, f"{key}_{letter}")
        return float("nan") if found == ABSENT else found

    center, height, slope = value("SP_LOC"), value("SP_HGT"), value("SP_SLP")
    if not (np.isfinite(center) and height > 0):
        return None
    pairs = ((value(f"B_BKG{i}"), value(f"B_HGT{i}")) for i in (1, 2))
    backgrounds = tuple((c, h) for c, h in pairs if np.isfinite(c) and h > 0)
    return Box(center, slope if np.isfinite(slope) else 0.0, height, backgrounds)


def response(
    spectrum: Spectrum, wavelength_aa: tuple[float, float], excluded: tuple[tuple[float, float], ...]
) -> Response:
    """Return what a count is worth from an x1d row: FLUX / NET is the archive's own inverse sensitivity.

    It holds the sensitivity, its change with time and the aperture correction of that exposure. Pixels without net
    counts have no ratio and are bridged linearly; beyond the first and last pixel with a ratio nothing is calibrated.
    """
    wavelength = spectrum.wavelength_aa
    pixel_aa = np.abs(np.gradient(wavelength)) if len(wavelength) > 1 else np.ones(len(wavelength))
    with np.errstate(divide="ignore", invalid="ignore"):
        sensitivity = spectrum.flux / spectrum.net
    known = np.isfinite(sensitivity) & (sensitivity > 0)
    if not known.any():
        return Response(np.array([0.0]), np.array([0.0]), 0.0)
    order = np.argsort(wavelength[known])
    grid, fluence = wavelength[known][order], (sensitivity * pixel_aa)[known][order]
    used = (wavelength >= max(wavelength_aa[0], grid[0])) & (wavelength <= min(wavelength_aa[1], grid[-1]))
    used &= outside_windows(wavelength, excluded)
    width_aa = pixel_aa[known][order]
    grid = np.concatenate(([grid[0] - width_aa[0] / 2], grid, [grid[-1] + width_aa[-1] / 2]))
    return Response(grid, np.pad(fluence, 1, mode="edge"), float(pixel_aa[used].sum()))


def extract(exposure: CosExposure, settings: HstSettings, bands: Bands | None = None) -> Extraction:
    """Make the light curve of a COS exposure.

    Events count when they are of good quality, in good time, of a wanted wavelength and in a box. Segments add; their
    common good time is used. Bins start at EXPSTART and all are kept.

    Parameters
    ----------
    exposure : CosExposure
        With at least one readable event list.
    settings : HstSettings
    bands : mapping of str to (float, float), optional
        Segment letters to the wavelengths to take, Angstrom; other segments are left out. None takes all segments and
        the wavelengths of the settings.

    Returns
    -------
    Extraction
        ``extra["wavelength_aa"]`` has the wavelengths that each segment can see.

    Raises
    ------
    UsageError
        ``usage.bin-width``: see :func:`hstlc.events.bin_edges`.
    UnsupportedModeError
        ``data.no-region``: nothing says where the spectrum is.
    """
    letters = {letter: kind for letter, kind in stripes(exposure).items() if bands is None or letter in bands}
    kinds = sorted(set(letters.values()))
    reference = exposure.events[kinds[0]].reference
    gti = reduce(Intervals.intersect, (exposure.events[kind].gti for kind in kinds))
    edges = bin_edges(float(gti.stop[-1]) if len(gti) else 0.0, settings.bin_width_s, TICK_S)
    excluded = () if exposure.imaging else windows(settings.airglow, exposure.text("OPT_ELEM"))
    configured = settings.nuv_wavelength_aa if "corrtag" in exposure.events else settings.fuv_wavelength_aa
    bands = dict.fromkeys(letters, configured) if bands is None else bands
    seen: dict[str, Any] = {}
    mask = dq_mask(exposure)
    findings: list[Finding] = []
    counted = {"NEVENTS": 0, "NBADDQ": 0, "NBADTIME": 0, "NWAVE": 0, "NSOURCE": 0, "NBACKGR": 0}
    selected: dict[str, EventList] = {}
    for kind in kinds:
        events = exposure.events[kind]
        good = (events["dq"] & mask) == 0
        timely = in_good_time(events.time_s, gti, TICK_S)
        selected[kind] = events.select(good & timely)
        counted["NEVENTS"] += len(events)
        counted["NBADDQ"] += int((~good).sum())
        counted["NBADTIME"] += int((good & ~timely).sum())
    detector = "NUV" if "corrtag" in exposure.events else "FUV"
    regions: dict[str, list[Region]] = {kind: [] for kind in kinds}
    boxes: dict[str, float] = {}
    for letter, kind in letters.items():
        box = None if exposure.imaging else extraction_box(exposure, letter)
        if box is None and not exposure.imaging:
            raise UnsupportedModeError(
                "data.no-region",
                f"{exposure.filename(kind)}: expected SP_LOC_{letter} and SP_HGT_{letter} here or in the x1d",
                "get the exposure calibrated to an x1d",
                segment=letter,
            )
        spectrum = exposure.spectra.get(letter)
        source, background = _in_boxes(selected[kind], box, detector)
        inside = len(source) + len(background)
        calibration = None if spectrum is None else response(spectrum, bands[letter], excluded)
        if not exposure.imaging:
            background = _with_wavelengths_of(source, background, selected[kind], detector)
            seen[letter] = limits(
                selected[kind]["wavelength_aa"]
                if detector == "FUV"
                else np.concatenate((source.wavelength_aa, background.wavelength_aa)),
                spectrum,
            )
            source, background = (_wanted(photons, bands[letter], excluded) for photons in (source, background))
        counted["NSOURCE"] += len(source)
        counted["NBACKGR"] += len(background)
        counted["NWAVE"] += inside - len(source) - len(background)
        scale = box.scale if box is not None else 0.0
        regions[kind].append(Region(source, background, scale, calibration))
        boxes |= _box_keywords(letter, box)
        if spectrum is None:
            findings.append(_no_flux(exposure, letter))
    index = {kind: bin_index(events.time_s, edges, TICK_S) for kind, events in selected.items()}
    sums = [region_sums(len(edges) - 1, index[kind], selected[kind]["epsilon"], regions[kind]) for kind in kinds]
    live_s = live_time(edges, gti, TICK_S)
    width = sum(response.width_aa for one in sums for response in one.responses)
    curve = light_curve(
        edges,
        live_s,
        sums,
        capacity_s=live_time(edges, Intervals.of([edges[0]], [edges[-1]]), TICK_S),
        reference=reference,
        gti=gti,
        minimum_fraction=settings.minimum_fraction,
        meta={
            **_describing_keywords(exposure, letters),
            "STEPSIZE": settings.bin_width_s,
            "TICK": TICK_S,
            "MINFRAC": settings.minimum_fraction,
            "WMIN": None if exposure.imaging else min(low for low, _ in bands.values()),
            "WMAX": None if exposure.imaging else max(high for _, high in bands.values()),
            "DELTAWAV": width if width else None,
            "AIRGLOW": settings.airglow if excluded else "none",
            "AIRGWIN": ", ".join(f"{low:.10g}-{high:.10g}" for low, high in excluded) or None,
            "DQMASK": mask,
            **counted,
            **boxes,
            "LIVETIME": float(live_s.sum()),
            "STEPVER": STEP_VERSION,
        },
    )
    return Extraction(curve, tuple(findings), {"wavelength_aa": seen})


def _in_boxes(events: EventList, box: Box | None, detector: str) -> tuple[Photons, Photons]:
    """Return the events of the source and of the background region; without boxes those of the imaging field."""
    x, y = events["x"], events["y"]
    background = np.zeros(len(x), dtype=bool)
    if box is None:
        (x0, x1), (y0, y1) = IMAGING_FIELD
        source = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    else:
        first, last, middle = COLUMNS[detector]
        on = (x >= first) & (x < last)
        straight = y - box.slope * (x - middle)
        for center, height in box.backgrounds:
            background |= in_band(straight, center, height)
        source, background = on & in_band(straight, box.center, box.height), on & background
    return _chosen(events, source), _chosen(events, background)


def _chosen(events: EventList, mask: NDArray[np.bool_]) -> Photons:
    row = np.flatnonzero(mask)
    return Photons(row, events["wavelength_aa"][row])


def _with_wavelengths_of(source: Photons, background: Photons, events: EventList, detector: str) -> Photons:
    """Return the background events with the wavelength that the source's spectrum has in their column.

    On the NUV detector calcos gives an event the wavelength of the nearest stripe, which for a background box is
    often not the stripe that the box belongs to. The stripe's own relation is read off its source events; it is a
    polynomial of the column.
    """
    known = source.select(source.wavelength_aa > 0)
    if detector == "FUV" or len(known) < 10 or not len(background):
        return background
    relation = np.polynomial.Polynomial.fit(events["x"][known.row], known.wavelength_aa, 2)
    return Photons(background.row, relation(events["x"][background.row]))


def _wanted(photons: Photons, band: tuple[float, float], excluded: tuple[tuple[float, float], ...]) -> Photons:
    wavelength = photons.wavelength_aa
    inside = (wavelength >= band[0]) & (wavelength <= band[1])
    return photons.select(inside & outside_windows(wavelength, excluded))


def _no_flux(exposure: CosExposure, letter: str) -> Finding:
    if exposure.imaging:
        message = "imaging exposures have no x1d; the flux is NaN and the background is not subtracted"
    elif exposure.x1d_header:
        message = f"the x1d has no row for segment {letter}; the flux is NaN"
    else:
        message = f"no x1d for segment {letter}; the flux is NaN"
    return Finding("flux", Severity.FLAG, "No flux calibration", message)


def _box_keywords(letter: str, box: Box | None) -> dict[str, float]:
    if box is None:
        return {}
    return {
        f"YLOC_{letter}": box.center,
        f"YSLP_{letter}": box.slope,
        f"YHGT_{letter}": box.height,
        f"BSCL_{letter}": box.scale,
    }


def _describing_keywords(exposure: CosExposure, letters: Mapping[str, str]) -> dict[str, Any]:
    header = exposure.header
    dates = [str(events.header["DATE"]) for events in exposure.events.values() if events.header.get("DATE")]
    if exposure.x1d_header.get("DATE"):
        dates.append(str(exposure.x1d_header["DATE"]))
    detector = "FUV" if "corrtag" not in exposure.events else "NUV"
    names = [] if exposure.imaging else [f"{detector}{letter}" for letter in letters]
    return {
        **{key: header[key] for key in COPIED_KEYWORDS if header.get(key) is not None},
        "SEGMENTS": ",".join(names) or None,
        "DATE": max(dates) if dates else None,
    }
