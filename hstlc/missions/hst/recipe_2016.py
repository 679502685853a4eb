"""The recipe ``hstlc-2016``: COS light curves with the numbers of the original hstlc, faults and all, to compare with.

What the original did is kept: boxes in XCORR and YCORR, SDQFLAGS alone as mask, bins from the first event on in single
precision, no partial last bin, an inverted background ratio, times of left edges, errors without the scale of the
background. No reference file is read: the flux is what the original gave without any, counts / s a detector column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError
from hstlc.events import outside_windows
from hstlc.lightcurves import RegionSums, light_curve
from hstlc.missions.base import Extraction
from hstlc.missions.hst.airglow import ORIGINAL
from hstlc.missions.hst.cos_extract import COPIED_KEYWORDS, STEP_VERSION
from hstlc.missions.hst.cos_read import ABSENT, CosExposure, number
from hstlc.missions.hst.cos_regions import is_good, stripes
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.wavelengths import Bands, Seen, limits
from hstlc.model import Finding, Intervals, LightCurve, Severity
from hstlc.times import TimeReference

__all__ = ["DAY_PER_SECOND", "NAME", "bin_edges", "documented", "extract", "settings_read"]

NAME = "hstlc-2016"

#: Days a second as the original had it, 2e-6 too much: 7 ms after 3000 s.
DAY_PER_SECOND = 1.15741e-5

FloatArray = NDArray[np.float64]
Limits = tuple[float, float]
Sums = tuple[FloatArray, FloatArray, FloatArray]


def settings_read(settings: HstSettings) -> HstSettings:
    """Return the settings, under this recipe with those that it does not read as they are by default."""
    if settings.recipe != NAME:
        return settings
    names = ("recipe", "bin_width_s", "bands", "fuv_wavelength_aa", "nuv_wavelength_aa")
    airglow = "none" if settings.airglow == "none" else "hstlc"
    return HstSettings().model_copy(update={"airglow": airglow, **{name: getattr(settings, name) for name in names}})


def bin_edges(first_s: np.floating[Any], end_s: float, step_s: float) -> FloatArray:
    """Return the edges of the bins: from the first event on, or from 0, and none beyond the end.

    Their distance is the step as it comes out in the precision of the time stamps.

    Parameters
    ----------
    first_s : numpy floating, seconds
        Earliest time stamp, in the precision of its column.
    end_s, step_s : float, seconds

    Returns
    -------
    ndarray of float64, shape (bins + 1,), seconds

    Examples
    --------
    >>> bin_edges(np.float64(0.5), 5.0, 2.0).tolist()
    [0.5, 2.5, 4.5]
    """
    first = first_s if first_s > 0 else np.float64(0.0)
    start_s = float(first)
    rounded_s = float(first + first.dtype.type(step_s)) - start_s
    number_of_edges = max(int(np.ceil((end_s + step_s - start_s) / step_s)), 0)
    edges: FloatArray = start_s + rounded_s * np.arange(number_of_edges, dtype=np.float64)
    return edges[:-1] if len(edges) and edges[-1] > end_s else edges


def documented(gross: FloatArray, background: FloatArray, flux: FloatArray, bins: FloatArray) -> dict[str, FloatArray]:
    """Return the columns that the original derived; what it left undefined or infinite is NaN.

    Examples
    --------
    >>> columns = documented(np.array([5.0]), np.array([1.0]), np.array([1.0]), np.array([1.0]))
    >>> float(columns["counts"][0]), float(columns["net"][0]), round(float(columns["error"][0]) ** 2, 9)
    (4.0, 4.0, 6.0)
    """
    counts, error = gross - background, np.sqrt(gross + background)
    with np.errstate(divide="ignore", invalid="ignore"):
        derived = {
            "flux": flux,
            "counts": counts,
            "error": error,
            "flux_error": error / counts * flux,
            "net": counts / bins,
            "signal_to_noise": gross / error,
        }
    return {name: np.where(np.isfinite(values), values, np.nan) for name, values in derived.items()}


def extract(exposure: CosExposure, settings: HstSettings, bands: Bands | None = None) -> Extraction:
    """Make the light curve of a COS spectrum as the original did; see :func:`hstlc.missions.hst.cos_extract.extract`.

    The documented columns have the original's numbers; every bin counts as live from end to end.

    Raises
    ------
    UnsupportedModeError
        ``data.recipe``: an image, another instrument, or a list too short for one bin; ``data.no-region``.
    """
    lead = exposure.files[0].path
    if exposure.text("INSTRUME") != "COS" or exposure.imaging:
        raise _refused(f"{lead}: recipe {NAME} expects a COS spectrum, found an image or another instrument")
    letters = {letter: kind for letter, kind in stripes(exposure).items() if bands is None or letter in bands}
    kinds = sorted(set(letters.values()))
    if bands is None:
        wide = settings.nuv_wavelength_aa if kinds == ["corrtag"] else settings.fuv_wavelength_aa
        bands = dict.fromkeys(letters, wide)
    spans = [_span(exposure, kind) for kind in kinds]
    latest = float(max(last for _, last in spans))
    end_s = min(latest, max(_value(exposure, kind, "EXPTIME") for kind in kinds))
    edges = bin_edges(max(first for first, _ in spans), end_s, settings.bin_width_s)
    if len(edges) < 2:
        raise _refused(f"{lead}: recipe {NAME} expects a whole bin, found events until {end_s:g} s")
    excluded = () if settings.airglow == "none" else ORIGINAL
    seen = {letter: Seen() for letter in letters}
    sums = [_sums(exposure, s, kind, edges, bands[s], excluded, seen[s]) for s, kind in letters.items()]
    reference = TimeReference(_value(exposure, kinds[-1], "EXPSTART"))
    detector = "NUV" if kinds == ["corrtag"] else "FUV"
    meta = {
        **{key: exposure.header[key] for key in COPIED_KEYWORDS if exposure.header.get(key) is not None},
        "SEGMENTS": ",".join(f"{detector}{letter}" for letter in letters),
        "DATE": max((str(e.header["DATE"]) for e in exposure.events.values() if e.header.get("DATE")), default=None),
        "RECIPE": NAME,
        "FLUXCAL": "none: flux is in ct / s a detector column",
        "STEPSIZE": settings.bin_width_s,
        "WMIN": min(low for low, _ in bands.values()),
        "WMAX": max(high for _, high in bands.values()),
        "AIRGWIN": ", ".join(f"{low:.10g}-{high:.10g}" for low, high in excluded) or None,
        "DQMASK": int(_value(exposure, kinds[0], "SDQFLAGS")),
        "NEVENTS": sum(len(exposure.events[kind]) for kind in kinds),
        "LIVETIME": settings.bin_width_s * (len(edges) - 1),
        "STEPVER": STEP_VERSION,
    }
    covered = {letter: limits(found, exposure.spectra.get(letter)) for letter, found in seen.items()}
    message = f"recipe {NAME} calibrates no flux: the column is in counts / s a detector column"
    finding = Finding("flux", Severity.FLAG, "No flux calibration", message)
    curve = _light_curve(edges, sums, settings.bin_width_s, reference, meta)
    return Extraction(curve, (finding,), {"wavelength_aa": covered})


def _refused(message: str) -> UnsupportedModeError:
    return UnsupportedModeError("data.recipe", message, "use the recipe 'current' for it")


def _value(exposure: CosExposure, kind: str, key: str) -> float:
    value = number(exposure.events[kind].header, key)
    if not np.isfinite(value) or value == ABSENT:
        raise UnsupportedModeError(
            "data.no-region",
            f"{exposure.filename(kind)}: recipe {NAME} expects {key} in the header, found none",
            "use the recipe 'current' for it",
        )
    return value


def _span(exposure: CosExposure, kind: str) -> tuple[np.floating[Any], np.floating[Any]]:
    """Return the earliest and the latest time stamp, in the precision of the column."""
    ends = [(np.nanmin(stamps), np.nanmax(stamps)) for (stamps,) in exposure.events[kind].blocks("TIME")]
    return min(first for first, _ in ends), max(last for _, last in ends)


def _box(exposure: CosExposure, kind: str, center: str, height: str) -> Limits:
    middle, half = _value(exposure, kind, center), _value(exposure, kind, height) // 2
    return middle - half, middle + half


def _sums(
    exposure: CosExposure,
    letter: str,
    kind: str,
    edges: FloatArray,
    band: Limits,
    excluded: Sequence[Limits],
    seen: Seen,
) -> Sums:
    """Return gross counts, background counts, and their difference a detector column, of one segment or stripe."""
    keys = (("SP_LOC", "SP_HGT"), ("B_BKG1", "B_HGT1"), ("B_BKG2", "B_HGT2"))
    boxes = [_box(exposure, kind, f"{center}_{letter}", f"{height}_{letter}") for center, height in keys]
    mask, bins = int(_value(exposure, kind, "SDQFLAGS")), len(edges) - 1
    source, beside, columns = np.zeros(bins), np.zeros(bins), []
    for stamps, dq, x, y, aa, weight in exposure.events[kind].blocks(
        "TIME", "DQ", "XCORR", "YCORR", "WAVELENGTH", "EPSILON"
    ):
        good = is_good(dq, mask) & (aa > band[0]) & (aa < band[1]) & (x >= 0) & (x < 16384)
        inside, first, second = ((y >= low) & (y < high) & good for low, high in boxes)
        seen.add(aa, inside if kind == "corrtag" else good)
        wanted = outside_windows(aa, excluded)
        columns += [x[inside & wanted].min(), x[inside & wanted].max()] if (inside & wanted).any() else []
        for total, region in ((source, inside), (beside, first | second)):
            # weights stay in single precision, in which their running sum loses digits as the original's did
            counts, _ = np.histogram(stamps[region & wanted], edges, weights=weight[region & wanted])
            total += counts
    (low, high), _, (low2, high2) = boxes
    beside *= (high2 - low2) / (high - low) / 2
    width = round(float(max(columns))) - round(float(min(columns))) + 1 if columns else 1
    return source, beside, (source - beside) / width


def _light_curve(
    edges: FloatArray, sums: Sequence[Sums], step_s: float, reference: TimeReference, meta: Mapping[str, Any]
) -> LightCurve:
    """Return a light curve whose documented columns are the original's, and whose bins are live all the time."""
    gross, background, per_column = (np.sum(part, axis=0) for part in zip(*sums, strict=True))
    undefined, bins = np.full(len(gross), np.nan), np.full(len(gross), step_s)
    total = RegionSums(gross, gross, background, gross + background, undefined, undefined, ())
    gti = Intervals.of([edges[0]], [edges[-1]])
    curve = light_curve(edges, np.diff(edges), [total], reference=reference, gti=gti, meta=meta)
    columns = documented(gross, background, per_column / step_s, bins)
    data = {
        **curve.data,
        **columns,
        "mjd": reference.mjd + edges[:-1] * DAY_PER_SECOND,
        "bins": bins,
        "exposure": bins,
        "fraction": np.ones(len(bins)),
        "rate": columns["net"],
        "rate_error": columns["error"] / bins,
    }
    return replace(curve, data=data)
