"""The interactive page of a periodogram."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.model import LightCurve
from hstlc.plots.colors import GRID, ODD_EVEN
from hstlc.plots.display import heading
from hstlc.plots.page import page
from hstlc.plots.template import Template, make_template

if TYPE_CHECKING:
    from bokeh.model import Model

    from hstlc.stats.periodogram import Spectrum

__all__ = ["periodogram_document", "periodogram_page", "periodogram_values"]

_MOST_SAMPLES = 4000
_HEADROOM = 1.12  # of the axis of power above what it shows
_MARGIN = 1.05  # of the axis of frequency, a factor at either end
_LABEL_WIDTH = 44  # pixels: labels of levels stand side by side, as the levels may be close
_METHOD = "Generalized Lomb-Scargle periodogram of the unflagged bins, the mean of each dataset taken off"
_PERIODS = "return String(Number((1 / tick).toPrecision(3)));"


def periodogram_page(
    curve: LightCurve, *, oversampling: int, identity: str, script: str, links: Mapping[str, str]
) -> bytes | None:
    """Return the page of the periodogram of a light curve's rate: power against frequency and period.

    The powers that noise reaches with some probabilities are lines, the highest peak a marked point.

    Parameters
    ----------
    curve : LightCurve
        Its unflagged bins with a rate are used.
    oversampling : int
        As for :func:`hstlc.stats.periodogram.spectrum`.
    identity, script, links
        As for :func:`hstlc.plots.page.curve_page`.

    Returns
    -------
    bytes or None
        HTML in UTF-8; None where there is no periodogram: fewer than five bins, or a constant rate.
    """
    from hstlc.stats.periodogram import spectrum

    used = curve.good & np.isfinite(curve["rate"])
    time_s, rate, exposure_s, dataset = (curve[name][used] for name in ("time", "rate", "exposure", "dataset"))
    found = spectrum(time_s, rate, exposure_s, dataset, oversampling, _MOST_SAMPLES)
    if found is None:
        return None
    document = _template(len(found.levels)).fill(periodogram_values(found), identity)
    peak = found.peak
    text = (
        f"Highest peak: period {peak.period_s:.6g} s, power {peak.power:.3g}, "
        f"false-alarm probability {_probability(peak.false_alarm_probability)}"
    )
    shortest_s, longest_s = 1 / float(found.frequency_hz[-1]), 1 / float(found.frequency_hz[0])
    method = (
        f"{_METHOD}; periods from {shortest_s:.4g} to {longest_s:.4g} s. "
        "Dashed: the power that noise reaches with a probability of 0.1, 0.01 and 0.001"
    )
    title, setup = heading(curve, curve)
    titles = f"{title}: periodogram", setup
    return page("periodogram.html", titles, document, identity, script, links, peak=text, method=method)


def periodogram_values(found: Spectrum) -> dict[str, Any]:
    """Return what :func:`periodogram_document` shows of a periodogram, by name."""
    frequency, peak = found.frequency_hz, found.peak
    highest = max(float(np.max(found.power)), peak.power, *(power for _, power in found.levels))
    values: dict[str, Any] = {
        "frequency": frequency,
        "period": 1 / frequency,
        "power": found.power.astype(np.float32),
        "peak_frequency": np.array([1 / peak.period_s]),
        "peak_period": np.array([peak.period_s]),
        "peak_power": np.array([peak.power]),
        "low": float(frequency[0]) / _MARGIN,
        "high": float(frequency[-1]) * _MARGIN,
        "top": highest * _HEADROOM,
    }
    for i, (probability, power) in enumerate(found.levels):
        values[f"level_{i}"], values[f"level_{i}_text"] = power, f"{probability:g}"
    return values


def periodogram_document(values: Mapping[str, Any]) -> Model:
    """Return the root model of the page.

    Parameters
    ----------
    values : mapping of str to object
        Those of :func:`periodogram_values`.
    """
    from bokeh.models import (
        ColumnDataSource,
        CustomJSTickFormatter,
        HoverTool,
        LogAxis,
        NoOverlap,
        Range1d,
    )
    from bokeh.models.annotations import Label, Span
    from bokeh.plotting import figure as make_figure

    figure: Any = make_figure(
        height=520,
        x_axis_type="log",
        x_range=Range1d(start=values["low"], end=values["high"]),
        y_range=Range1d(start=0.0, end=values["top"]),
        x_axis_label="Frequency (Hz)",
        y_axis_label="Power (0 no better than a constant, 1 a perfect sinusoid)",
        tools="xpan,xbox_zoom,box_zoom,xwheel_zoom,reset,save",
        active_drag="xbox_zoom",
        active_scroll=None,
        sizing_mode="stretch_width",
        toolbar_location="right",
    )
    figure.toolbar.logo = None
    figure.grid.grid_line_color = GRID
    figure.axis.axis_label_text_font_style = "normal"
    figure.yaxis.formatter.power_limit_low = -5
    figure.axis.major_label_policy = NoOverlap(min_distance=8)
    periods: dict[str, Any] = {"formatter": CustomJSTickFormatter(code=_PERIODS)}
    top = LogAxis(axis_label="Period (s)", **periods)
    top.axis_label_text_font_style, top.major_label_policy = "normal", NoOverlap(min_distance=8)
    figure.add_layout(top, "above")
    for i in range(sum(name.endswith("_text") for name in values)):
        level = values[f"level_{i}"]
        figure.add_layout(Span(location=level, dimension="width", line_color="#888888", line_dash="dashed"))
        label = Label(x=values["high"], x_offset=-8 - i * _LABEL_WIDTH, y=level, text=values[f"level_{i}_text"])
        label.text_align, label.text_baseline, label.text_font_size = "right", "middle", "11px"
        label.text_color, label.background_fill_color = "#555555", "white"
        figure.add_layout(label)
    samples = ColumnDataSource({name: values[name] for name in ("frequency", "period", "power")})
    peak = ColumnDataSource({name: values[f"peak_{name}"] for name in ("frequency", "period", "power")})
    figure.line("frequency", "power", source=samples, line_color=ODD_EVEN[0], line_width=1)
    points = figure.scatter("frequency", "power", source=samples, size=5, alpha=0)
    mark = figure.scatter(
        "frequency", "power", source=peak, size=11, fill_color=None, line_color=ODD_EVEN[1], line_width=2
    )
    formats: dict[str, Any] = {"@period": "printf", "@frequency": "printf", "@power": "printf"}
    tooltips = [("period", "@period{%.6g} s"), ("frequency", "@frequency{%.6g} Hz"), ("power", "@power{%.4g}")]
    figure.add_tools(HoverTool(renderers=[points, mark], tooltips=tooltips, formatters=formats, limit=1))
    root: Model = figure
    return root


@cache
def _template(levels: int) -> Template:
    arrays = ("frequency", "period", "peak_frequency", "peak_period", "peak_power")
    values: dict[str, Any] = {name: np.array([90.0 + i]) for i, name in enumerate(arrays)}
    values["power"] = np.array([95.0], dtype=np.float32)
    values |= {name: 1000.125 + i for i, name in enumerate(["low", "high", "top", *_levels(levels)])}
    return make_template(periodogram_document, values | {f"{name}_text": f"text of {name}" for name in _levels(levels)})


def _levels(number: int) -> list[str]:
    return [f"level_{i}" for i in range(number)]


def _probability(value: float) -> str:
    return "below 1e-300" if value < 1e-300 else f"{value:.2g}"
