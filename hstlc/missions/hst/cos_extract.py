"""COS exposures to light curves: source and background boxes in the frame in which calcos extracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError
from hstlc.events import bin_edges, live_time, outside_windows
from hstlc.lightcurves import Response, light_curve
from hstlc.missions.base import Extraction
from hstlc.missions.hst.airglow import windows
from hstlc.missions.hst.cos_clock import TICK_S, Placer
from hstlc.missions.hst.cos_read import CosExposure, Spectrum
from hstlc.missions.hst.cos_regions import Box, dq_mask, extraction_box, stripes
from hstlc.missions.hst.cos_sums import Part, sum_list
from hstlc.missions.hst.daylight import at_night
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.wavelengths import Bands, Seen, limits
from hstlc.model import Finding, Intervals, Severity

__all__ = ["STEP_VERSION", "extract", "response"]

#: Raised when the same input gives other numbers.
STEP_VERSION = 2

#: Keywords of the input that describe the curve as they are.
COPIED_KEYWORDS = (
    *("TELESCOP", "INSTRUME", "DETECTOR", "TARGNAME", "RA_TARG", "DEC_TARG", "OBSTYPE", "OPT_ELEM", "CENWAVE"),
    *("APERTURE", "FPPOS", "LIFE_ADJ", "ROOTNAME", "PROPOSID", "CAL_VER", "EXPSTART", "EXPEND", "EXPTIME", "SIMULATD"),
    "MTFLAG",
)

FloatArray = NDArray[np.float64]
Windows = tuple[tuple[float, float], ...]


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
    common good time is used, without the day where ``maximum_sun_altitude`` is set and a TIMELINE tells it. Bins start
    at EXPSTART and all are kept.

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
    night = _night(exposure, kinds, gti, settings.maximum_sun_altitude_deg)
    gti = gti if night is None else night  # the bins stay, those of the day without live time
    excluded = () if exposure.imaging else windows(settings.airglow, exposure.text("OPT_ELEM"))
    configured = settings.nuv_wavelength_aa if "corrtag" in exposure.events else settings.fuv_wavelength_aa
    bands = dict.fromkeys(letters, configured) if bands is None else bands
    parts = {letter: _part(exposure, letter, bands[letter], excluded) for letter in letters}
    mask, detector = dq_mask(exposure), "NUV" if "corrtag" in exposure.events else "FUV"
    placer = Placer(gti, edges)
    counted: Counter[str] = Counter()
    seen: dict[str, Seen] = {letter: Seen() for letter in letters}
    sums = [
        sum_list(
            exposure.events[kind],
            [part for letter, part in parts.items() if letters[letter] == kind],
            placer,
            mask,
            excluded,
            len(edges) - 1,
            detector,
            counted,
            None if exposure.imaging else seen,
        )
        for kind in kinds
    ]
    live_s = live_time(edges, gti, TICK_S)
    width = sum(response.width_aa for one in sums for response in one.responses)
    boxes = {key: value for letter, part in parts.items() for key, value in _box_keywords(letter, part.box).items()}
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
            "SUNALT": None if night is None else settings.maximum_sun_altitude_deg,
            "DQMASK": mask,
            **{key: counted[key] for key in ("NEVENTS", "NBADDQ", "NBADTIME", "NWAVE", "NSOURCE", "NBACKGR")},
            **boxes,
            "LIVETIME": float(live_s.sum()),
            "STEPVER": STEP_VERSION,
        },
    )
    findings = tuple(_no_flux(exposure, letter) for letter in letters if _calibrated(exposure, letter) is None)
    covered = {letter: limits(found, exposure.spectra.get(letter)) for letter, found in seen.items()}
    return Extraction(curve, findings, {"wavelength_aa": {} if exposure.imaging else covered})


def _part(exposure: CosExposure, letter: str, band: tuple[float, float], excluded: Windows) -> Part:
    box = None if exposure.imaging else extraction_box(exposure, letter)
    if box is None and not exposure.imaging:
        raise UnsupportedModeError(
            "data.no-region",
            f"{exposure.filename(stripes(exposure)[letter])}: expected SP_LOC_{letter} and SP_HGT_{letter} here or in"
            " the x1d",
            "get the exposure calibrated to an x1d",
            segment=letter,
        )
    spectrum = _calibrated(exposure, letter)
    return Part(letter, box, band, None if spectrum is None else response(spectrum, band, excluded))


def _night(exposure: CosExposure, kinds: Sequence[str], gti: Intervals, maximum_deg: float | None) -> Intervals | None:
    """Return the good time at night; None where day and night count, or nothing tells them apart."""
    timelines = (exposure.timelines.get(kind, {}) for kind in kinds)
    return None if maximum_deg is None else at_night(gti, timelines, maximum_deg)


def _calibrated(exposure: CosExposure, letter: str) -> Spectrum | None:
    """Return the x1d row of a segment; None as well when the archive could not calibrate its flux."""
    step = str(exposure.x1d_header.get("FLUXCORR") or "COMPLETE").strip().upper()
    return exposure.spectra.get(letter) if step == "COMPLETE" else None


def _no_flux(exposure: CosExposure, letter: str) -> Finding:
    if exposure.imaging:
        message = "imaging exposures have no x1d; the flux is NaN and the background is not subtracted"
    elif letter in exposure.spectra:
        message = f"FLUXCORR of the x1d is {exposure.x1d_header.get('FLUXCORR')!r}; the flux is NaN"
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
        **{key: header[key] for key in COPIED_KEYWORDS if header.get(key) not in (None, "")},
        "SEGMENTS": ",".join(names) or None,
        "DATE": max(dates) if dates else None,
    }
