"""What the page of a source shows, as plain values by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.rebin import dataset_starts
from hstlc.model import LightCurve, Quality, Stamp
from hstlc.plots.arrivals import CHANCES, ArrivalView, Steps, arrival_view
from hstlc.plots.bands import RatioSeries, band_label, bands_and_cameras, hardness_series
from hstlc.plots.colors import FLAGGED, FLARE, ODD_EVEN, rgba
from hstlc.plots.display import Display, bounded, display, runs
from hstlc.plots.source_document import Shape
from hstlc.plots.stamp import STRETCHES, scale_bar, stamp_extent, stamp_title, stretched
from hstlc.stats.periodogram import Spectrum, spectrum

__all__ = ["SourceView", "source_values", "source_view", "spectral_window"]

FloatArray = NDArray[np.float64]
Place = Callable[[FloatArray], FloatArray]

_MOST_BINS = 20_000
_MOST_OTHER_BINS = 4000  # of each further band
_MANY = 2000  # bins above which dots are small
_SAMPLES = 3000  # of the periodogram
_WINDOW_CELLS = 4_000_000  # frequencies times bins of the spectral window
_MARGIN, _LEGEND_ROOM = 0.06, 0.22  # of a panel's height, below and above what it shows
_STAMP_SIZE, _LEAST_SIZE = 256, 40  # pixels of the longer and, at least, of the shorter side
_FREQUENCY_MARGIN, _HEADROOM = 1.05, 1.15


@dataclass(frozen=True, slots=True, eq=False)
class SourceView:
    """A source ready to be drawn.

    Attributes
    ----------
    shown : Display
        The lead curve.
    bands, cameras : mapping of str to LightCurve
        See :func:`hstlc.plots.bands.bands_and_cameras`.
    ratios : tuple of RatioSeries
        Hardness along time.
    arrivals : ArrivalView or None
    periodogram : Spectrum or None
    artifacts_s : mapping of str to float, seconds
        Periods that the observatory makes without the source.
    stamps : tuple of Stamp
    """

    shown: Display
    bands: Mapping[str, LightCurve]
    cameras: Mapping[str, LightCurve]
    ratios: tuple[RatioSeries, ...]
    ratio_curve: LightCurve
    arrivals: ArrivalView | None
    periodogram: Spectrum | None
    artifacts_s: Mapping[str, float]
    stamps: tuple[Stamp, ...]

    @property
    def shape(self) -> Shape:
        """Which panels there are."""
        return Shape(
            len(self.bands),
            len(self.cameras),
            len(self.ratios),
            self.arrivals is not None,
            self.arrivals is not None and self.arrivals.odds is not None,
            None if self.periodogram is None else len(self.periodogram.levels),
            tuple(stamp.name for stamp in self.stamps),
        )


def source_view(
    curve: LightCurve,
    others: Mapping[str, LightCurve],
    artifacts_s: Mapping[str, float],
    oversampling: int,
) -> SourceView:
    """Return what to draw of the lead curve of a source and of its curves in other bands, by band."""
    bands, cameras = bands_and_cameras(curve, others)
    lead = str(curve.meta.get("BAND") or "lead")
    ratios = hardness_series({lead: curve, **bands})
    used = curve.good & np.isfinite(curve["rate"])
    time_s, rate, exposure_s, dataset = (curve[name][used] for name in ("time", "rate", "exposure", "dataset"))
    return SourceView(
        display(curve, _MOST_BINS),
        {name: bounded(one, _MOST_OTHER_BINS) for name, one in bands.items()},
        {name: bounded(one, _MOST_OTHER_BINS) for name, one in cameras.items()},
        tuple(ratios),
        bands[ratios[0].hard] if ratios and ratios[0].hard in bands else curve,
        arrival_view(curve),
        spectrum(time_s, rate, exposure_s, dataset, oversampling, _SAMPLES),
        artifacts_s,
        curve.stamps,
    )


def source_values(view: SourceView) -> dict[str, Any]:
    """Return what :func:`hstlc.plots.source_document.source_document` shows, by name."""
    place = _place(view.shown)
    values = _time(view.shown) | _rate(view.shown)
    for kind, curves in (("band", view.bands), ("camera", view.cameras)):
        for i, (name, curve) in enumerate(curves.items()):
            low, high = _limits_of(curve)
            values |= _series(f"{kind}_{i}", band_label(name, curve), place(curve["time"]), curve["rate"], low, high)
    for panel, kind in (("bands", "band"), ("cameras", "camera")):
        if count := len(view.bands if kind == "band" else view.cameras):
            ends = [values[f"{kind}_{i}_{end}"] for i in range(count) for end in ("from", "to")]
            values |= _panel(panel, "Rate (counts s⁻¹)", np.concatenate(ends), _LEGEND_ROOM)
    if view.ratios:
        values |= _ratios(view, place)
    if view.arrivals is not None:
        values |= _arrivals(view.arrivals, place)
    if view.periodogram is not None:
        values |= _periodogram(view, view.periodogram)
    for stamp in view.stamps:
        values |= _stamp(stamp)
    return values


def _place(shown: Display) -> Place:
    """Return what puts seconds after the reference on the axis, which shows gaps between datasets narrower."""
    curve, axis = shown.curve, shown.axis
    start = curve["times"][dataset_starts(curve["dataset"])]
    if not len(start):
        return lambda time_s: time_s

    def place(time_s: FloatArray) -> FloatArray:
        number = np.clip(np.searchsorted(start, time_s, side="right") - 1, 0, len(start) - 1)
        return np.asarray(np.minimum(time_s + (axis.left - start)[number], axis.right[number]))

    return place


def _time(shown: Display) -> dict[str, Any]:
    curve, axis = shown.curve, shown.axis
    flare = (curve["quality"] & Quality.BACKGROUND_FLARE) != 0
    low, high = axis.limits
    values: dict[str, Any] = {
        "number": axis.number,
        "left": axis.left,
        "right": axis.right,
        "zero": axis.zero,
        "start_mjd": axis.mjd,
        "gap_from": axis.gaps[:, 0],
        "gap_to": axis.gaps[:, 1],
        "time_low": low,
        "time_high": high,
        "time_label": shown.time_label,
        "date_label": f"MJD ({curve.reference.scale})",
    }
    for name, chosen in (("flagged", ~curve.good & ~flare), ("flare", flare)):
        first, last = runs(chosen)
        values[f"{name}_from"], values[f"{name}_to"] = axis.edge[first], axis.edge[last] + curve["bins"][last]
    return values


def _rate(shown: Display) -> dict[str, Any]:
    curve, axis = shown.curve, shown.axis
    good = curve.good
    low, high = _limits_of(curve)
    even, odd = curve["dataset"] % 2 == 0, curve["dataset"] % 2 == 1
    flare = (curve["quality"] & Quality.BACKGROUND_FLARE) != 0
    sets = [flare & ~good, ~good, odd, even]
    color = np.select(sets, [rgba(one) for one in (FLARE, FLAGGED, *ODD_EVEN)], rgba(FLAGGED))
    shown_rates = np.concatenate((low[good], high[good]) if good.any() else (low, high))
    return {
        "x": axis.x,
        "since": axis.since_s,
        "mjd": curve["mjd"],
        "dataset": curve["dataset"].astype(np.int32),
        "quality": curve["quality"].astype(np.int32),
        "color": color.astype(np.uint32),
        "rate": curve["rate"].astype(np.float32),
        "rate_from": low.astype(np.float32),
        "rate_to": high.astype(np.float32),
        "fraction": curve["fraction"].astype(np.float32),
        "size": 3.0 if len(curve) > _MANY else 5.5,
        **_panel("rate", "Net rate (counts s⁻¹)", shown_rates, _MARGIN),
        "fraction_label": "Live part",
        "fraction_low": -0.05,
        "fraction_high": 1.1,
    }


def _limits_of(curve: LightCurve) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of the rate, those of Poisson statistics where the curve has them."""
    if "rate_low" in curve.data:
        return curve["rate_low"], curve["rate_high"]
    return curve["rate"] - curve["rate_error"], curve["rate"] + curve["rate_error"]


def _series(
    name: str, label: str, x: FloatArray, value: FloatArray, low: FloatArray, high: FloatArray
) -> dict[str, Any]:
    columns = {"x": x, "value": value.astype(np.float32), "from": low.astype(np.float32), "to": high.astype(np.float32)}
    return {f"{name}_label": label, **{f"{name}_{part}": column for part, column in columns.items()}}


def _panel(name: str, label: str, values: NDArray[Any], room: float) -> dict[str, Any]:
    """Return label and limits of a panel that shows some values and zero."""
    finite = values[np.isfinite(values)]
    low, high = (min(0.0, float(finite.min())), max(0.0, float(finite.max()))) if len(finite) else (0.0, 1.0)
    high = high if high > low else low + 1.0
    size = high - low
    return {f"{name}_label": label, f"{name}_low": low - _MARGIN * size, f"{name}_high": high + room * size}


def _ratios(view: SourceView, place: Place) -> dict[str, Any]:
    curve = view.ratio_curve
    values: dict[str, Any] = {"hardness_label": "Hardness (−1 to 1)", "hardness_low": -1.08, "hardness_high": 1.5}
    for i, one in enumerate(view.ratios):
        start, stop = curve["times"][one.first], curve["times"][one.last] + curve["bins"][one.last]
        beside = (i - (len(view.ratios) - 1) / 2) * 0.12 * (stop - start)
        label = f"({one.hard} − {one.soft})/sum"
        values |= _series(f"ratio_{i}", label, place((start + stop) / 2 + beside), one.ratio, one.low, one.high)
    return values


def _arrivals(view: ArrivalView, place: Place) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for i, (steps, chance) in enumerate(zip(view.blocks, CHANCES, strict=True)):
        values[f"block_{i}_x"], values[f"block_{i}_rate"] = _outline(steps, place)
        number = f"{len(steps)} block{'' if len(steps) == 1 else 's'}"
        values[f"block_{i}_label"] = f"{number}, p = {chance:g}"
    rates = np.concatenate([steps.rate for steps in view.blocks])
    values |= _panel("blocks", "Blocks (counts s⁻¹)", rates, _LEGEND_ROOM)
    counts, live = view.cumulative.counts, view.cumulative.live_s
    values |= {
        "sum_live": live,
        "sum_counts": counts,
        "even_live": np.array([0.0, view.live_s]),
        "even_counts": np.array([0.0, float(view.arrivals)]),
        "live_low": -0.01 * view.live_s,
        "live_high": 1.01 * view.live_s,
        "sum_low": -0.03 * max(view.arrivals, 1),
        "sum_high": 1.05 * max(view.arrivals, 1),
    }
    if view.odds is None:
        return values
    curve = view.odds.curve
    values["odds_x"] = place((curve.start_s + curve.stop_s) / 2)
    values["odds_rate"] = curve.rate.astype(np.float32)
    for sigma in (1, 2, 3):
        values[f"odds_from_{sigma}"] = np.maximum(curve.rate - sigma * curve.sigma, 0.0).astype(np.float32)
        values[f"odds_to_{sigma}"] = (curve.rate + sigma * curve.sigma).astype(np.float32)
    return values | _panel("odds", "Gregory-Loredo (counts s⁻¹)", values["odds_to_3"], _LEGEND_ROOM)


def _outline(steps: Steps, place: Place) -> tuple[FloatArray, FloatArray]:
    """Return the line along steps, which NaN breaks where there is a gap between two."""
    x: list[float] = []
    y: list[float] = []
    starts, stops = place(steps.start_s), place(steps.stop_s)
    for start, stop, rate in zip(starts, stops, steps.rate, strict=True):
        if x and start > x[-1]:
            x.append(np.nan)
            y.append(np.nan)
        x += [float(start), float(stop)]
        y += [float(rate)] * 2
    return np.array(x), np.array(y)


def _periodogram(view: SourceView, found: Spectrum) -> dict[str, Any]:
    frequency, peak = found.frequency_hz, found.peak
    low, high = float(frequency[0]) / _FREQUENCY_MARGIN, float(frequency[-1]) * _FREQUENCY_MARGIN
    top = _HEADROOM * max(float(np.max(found.power)), peak.power, *(power for _, power in found.levels))
    seen = {name: 1 / period for name, period in view.artifacts_s.items() if low <= 1 / period <= high}
    curve = view.shown.whole
    used = curve.good & np.isfinite(curve["rate"])
    window_hz = frequency[:: max(1, -(-int(used.sum()) * len(frequency) // _WINDOW_CELLS))]
    values: dict[str, Any] = {
        "frequency": frequency,
        "period": 1 / frequency,
        "power": found.power.astype(np.float32),
        "peak_frequency": np.array([1 / peak.period_s]),
        "peak_period": np.array([peak.period_s]),
        "peak_power": np.array([peak.power]),
        "frequency_low": low,
        "frequency_high": high,
        "power_high": top,
        "mark_frequency": np.array(list(seen.values())),
        "mark_top": np.full(len(seen), max(top, 1.06)),
        "mark_text": [f"{name}, {1 / hz:.4g} s" for name, hz in seen.items()],
        "window_frequency": window_hz,
        "window_power": spectral_window(curve["time"][used], curve["exposure"][used], window_hz).astype(np.float32),
    }
    if found.levels:
        number = len(found.levels)
        values["level_from"], values["level_to"] = np.full(number, low), np.full(number, high)
        values["level_power"] = np.array([power for _, power in found.levels])
        values["level_text"] = [f"false alarm {chance:g}" for chance, _ in found.levels]
    return values


def spectral_window(time_s: FloatArray, exposure_s: FloatArray, frequency_hz: FloatArray) -> FloatArray:
    """Return what the sampling alone makes of a constant: ``|sum w exp(2 pi i f t)|**2 / (sum w)**2``.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,), seconds
        Middles of the bins.
    exposure_s : ndarray of float64, shape (n,), seconds
        Live time of the bins, their weights w.
    frequency_hz : ndarray of float64, shape (m,), Hz

    Returns
    -------
    ndarray of float64, shape (m,)
        1 at frequency zero, and at those whose periods the sampling cannot tell from it.

    Examples
    --------
    >>> spectral_window(np.arange(8) * 2.0, np.ones(8), np.array([0.0, 0.25, 0.5])).round(6)
    array([1., 0., 1.])
    """
    if not len(time_s):
        return np.zeros(len(frequency_hz))
    since_s = time_s - time_s[0]
    total = float(np.sum(exposure_s))
    block = max(1, _WINDOW_CELLS // (4 * len(time_s)))
    parts = [
        np.abs(np.exp(2j * np.pi * frequency_hz[first : first + block, None] * since_s) @ exposure_s) ** 2
        for first in range(0, len(frequency_hz), block)
    ]
    return np.asarray(np.concatenate(parts) / total**2)


def _stamp(stamp: Stamp) -> dict[str, Any]:
    x0, x1, y0, y1 = stamp_extent(stamp)
    bar = scale_bar(stamp)
    inset = 0.05 * (x1 - x0), 0.06 * (y1 - y0)
    counts = np.clip(stamp.counts, 0, None)
    pixel = "X" if stamp.name == "SKY" else "Detector x"
    return {
        f"{stamp.name}_{key}": value
        for key, value in {
            "root": stretched(counts, STRETCHES[0]),
            "log": stretched(counts, STRETCHES[1]),
            "counts": counts.astype(np.uint16 if counts.max(initial=0) < 1 << 16 else np.int32),
            "x": np.array([x0]),
            "y": np.array([y0]),
            "width": np.array([x1 - x0]),
            "height": np.array([y1 - y0]),
            "frame_width": max(_LEAST_SIZE, round(_STAMP_SIZE * (x1 - x0) / max(x1 - x0, y1 - y0))),
            "frame_height": max(_LEAST_SIZE, round(_STAMP_SIZE * (y1 - y0) / max(x1 - x0, y1 - y0))),
            "x_from": x0,
            "x_to": x1,
            "y_from": y0,
            "y_to": y1,
            "outline_x": stamp.outline_x,
            "outline_y": stamp.outline_y,
            "bar_x0": np.array([x0 + inset[0]] if bar else []),
            "bar_x1": np.array([x0 + inset[0] + bar.length] if bar else []),
            "bar_y": np.array([y0 + inset[1]] if bar else []),
            "bar_text": [bar.label] if bar else [],
            "title": stamp_title(stamp),
            "x_label": f"{pixel} (pixel)",
            "y_label": f"{pixel.replace('X', 'Y').replace(' x', ' y')} (pixel)",
        }.items()
    }
