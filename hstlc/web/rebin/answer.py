"""What is answered: a light curve as JSON, as columns for other formats, as a FITS product."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from hstlc.formats.curve_fits import write_light_curve
from hstlc.lightcurves.barycenter import target_position
from hstlc.model import LightCurve, Quality
from hstlc.model.spectral import spectral_range
from hstlc.web.rebin.columns import Shown
from hstlc.web.rebin.engine import Seen, barycentric_edges
from hstlc.web.rebin.subject import Selection, Subject

__all__ = ["description", "fits_product", "json_answer", "summary"]

_QUALITY = {
    Quality.NO_LIVE_TIME: "nothing was live",
    Quality.LOW_FRACTION: "less of the bin was live than the limit",
    Quality.BACKGROUND_FLARE: "overlaps a background flare",
}


def json_answer(
    subject: Subject, selection: Selection, seen: Seen, columns: Mapping[str, Shown], snippet: str, seconds: float
) -> bytes:
    """Return a light curve as it is shown, as JSON; NaN is null."""
    answer = {
        "name": subject.name,
        "title": subject.title,
        "mission": subject.mission,
        "kind": subject.kind,
        "columns": {name: {"unit": one.unit, "ucd": one.ucd, "doc": one.doc} for name, one in columns.items()},
        "data": {name: _plain(one.values) for name, one in columns.items()},
        "meta": description(subject, selection, seen),
        "summary": summary(seen.curve, keep_background=selection.keep_background),
        "bins": len(seen.curve),
        "events": seen.events,
        "seconds": round(seconds, 6),
        "snippet": snippet,
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _plain(values: Any) -> Any:
    """Return an array in a form that becomes JSON, infinite numbers as NaN."""
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, np.nan)
    return np.ascontiguousarray(values)


def summary(curve: LightCurve, *, keep_background: bool) -> dict[str, Any]:
    """Return the sums over all bins, flagged ones too; the rate is None without live time."""
    gross, background, live_s, variance = (
        float(np.nansum(curve[name])) for name in ("gross", "background", "exposure", "variance")
    )
    counts = gross if keep_background else gross - background
    spread = gross if keep_background else variance
    return {
        "counts": gross,
        "background": background,
        "net": gross - background,
        "exposure_s": live_s,
        "rate_ct_s": counts / live_s if live_s > 0 else None,
        "rate_error_ct_s": math.sqrt(max(spread, 0.0)) / live_s if live_s > 0 else None,
        "bins": len(curve),
        "flagged_bins": int(np.count_nonzero(curve["quality"])),
    }


def description(subject: Subject, selection: Selection, seen: Seen) -> dict[str, Any]:
    """Return what describes a light curve as it is shown; see the description of the interfaces."""
    curve, stored = seen.curve, seen.stored
    position = target_position(curve.meta)
    axis = _axis(stored)
    if not seen.of_events:
        axis = None
    return {
        **_binning(selection, stored),
        "from": "events" if seen.of_events else "curve",
        "band": str(curve.meta.get("BAND") or ""),
        "selection": _limits(curve),
        "axis": axis,
        "bands": [_band(name, limits) for name, limits in subject.bands.items() if axis],
        "background": "keep" if selection.keep_background else "subtract",
        "time": "tdb" if selection.barycentric else "utc",
        "reference_mjd": curve.reference.mjd,
        "reference_scale": curve.reference.scale,
        "reference_bjd_tdb": barycentric_edges(curve)[0] if selection.barycentric and not seen.folded else None,
        "position": list(position) if position is not None else None,
        "finest_s": seen.finest_s if seen.of_events else None,
        "start_s": float(stored["times"].min()) if len(stored) else None,
        "stop_s": float((stored["times"] + stored["bins"]).max()) if len(stored) else None,
        "quality_bits": [{"bit": int(bit), "name": bit.name, "doc": doc} for bit, doc in _QUALITY.items()],
        "datasets": len(subject.parts),
        "rootnames": [part.rootname for part in subject.parts],
        "fold": _fold(selection, seen),
    }


def _binning(selection: Selection, stored: LightCurve) -> dict[str, Any]:
    names = {"bin_s": "width", "counts": "counts", "blocks": "blocks"}
    kind = next((kind for name, kind in names.items() if getattr(selection, name) is not None), "stored")
    width = stored.meta.get("STEPSIZE") if kind == "stored" else selection.bin_s
    return {
        "binning": kind,
        "bin_width_s": width,
        "counts_per_bin": selection.counts,
        "p0": selection.blocks,
    }


def _band(name: str, limits: tuple[float, float] | None) -> dict[str, Any]:
    low, high = limits or (None, None)
    return {"name": name, "low": low, "high": high, "unit": "keV"}


def _axis(curve: LightCurve) -> str | None:
    found = spectral_range(curve.meta)
    return None if found is None else {"keV": "energy", "Angstrom": "wavelength"}[found[2]]


def _limits(curve: LightCurve) -> str:
    found = spectral_range(curve.meta)
    return "" if found is None else "{0:g} {2} .. {1:g} {2}".format(*found)


def _fold(selection: Selection, seen: Seen) -> dict[str, Any] | None:
    if selection.fold_s is None:
        return None
    return {"period_s": selection.fold_s, "epoch_mjd": seen.epoch_mjd, "phase_bins": selection.phase_bins}


def fits_product(selection: Selection, seen: Seen) -> bytes:
    """Return a light curve, not folded, as a FITS product like those that are stored."""
    curve = seen.curve
    if seen.curve is seen.stored:
        return write_light_curve(curve)
    meta = {**curve.meta, "STEPSIZE": selection.bin_s}
    return write_light_curve(replace(curve, meta=meta, provenance=seen.stored.provenance))
