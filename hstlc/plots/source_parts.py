"""Figures of the page of a source that have no axis of clock time, and what all its figures have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hstlc.plots.colors import GRID, ODD_EVEN

__all__ = ["LEFT_BORDER", "TOOLS", "add_legend", "cumulative_figure", "periodogram_figures", "stamp_row"]

LEFT_BORDER = 76  # room of the labels: the panels line up
TOOLS = "xpan,xbox_zoom,box_zoom,xwheel_zoom,reset,save"
_SOFT, _RED = "#8a949c", "#c8201e"
_ROUND = """
const {start, end} = cb_data;
function round_numbers(low, high) {
  const found = [];
  if (high > 4 * low) {
    for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++) {
      for (const factor of [1, 2, 5]) found.push(factor * 10 ** k);
    }
  } else {
    const decade = 10 ** Math.floor(Math.log10((high - low) / 6));
    const step = [1, 2, 5, 10].map((factor) => factor * decade).find((one) => one >= (high - low) / 6);
    for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  }
  return found.filter((one) => one >= low && one <= high);
}
"""
_FREQUENCY_TICKS = f"{_ROUND}return round_numbers(start, end);"
_PERIOD_TICKS = f"{_ROUND}return round_numbers(1 / end, 1 / start).map((period) => 1 / period).reverse();"
_FREQUENCIES = "return String(Number(tick.toPrecision(4)));"
_PERIODS = "return String(Number((1 / tick).toPrecision(4)));"


def add_legend(figure: Any, items: list[tuple[str, list[Any]]]) -> None:
    """Put names beside what is drawn; a click on one hides it."""
    from bokeh.core.properties import value
    from bokeh.models.annotations import Legend, LegendItem

    legend = Legend(
        items=[LegendItem(label=value(label), renderers=renderers) for label, renderers in items],
        location="top_right",
        orientation="horizontal",
        click_policy="hide",
        label_text_font_size="11px",
        background_fill_alpha=0.75,
        border_line_color=None,
        spacing=10,
        margin=3,
    )
    figure.add_layout(legend)


def _plain_figure(**settings: Any) -> Any:
    from bokeh.plotting import figure as make_figure

    figure: Any = make_figure(min_border_left=LEFT_BORDER, min_border_right=24, active_scroll=None, **settings)
    figure.toolbar.logo = None
    figure.grid.grid_line_color = GRID
    figure.axis.axis_label_text_font_style = "normal"
    figure.axis.axis_label_text_font_size = "12px"
    return figure


def cumulative_figure(values: Mapping[str, Any]) -> Any:
    """Return the figure of the events so far against live time."""
    from bokeh.models import ColumnDataSource, Range1d

    figure = _plain_figure(
        height=260,
        sizing_mode="stretch_width",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        x_range=Range1d(start=values["live_low"], end=values["live_high"]),
        y_range=Range1d(start=values["sum_low"], end=values["sum_high"]),
        x_axis_label="Live time (s)",
        y_axis_label="Events so far (counts)",
    )
    source = ColumnDataSource({"live": values["sum_live"], "counts": values["sum_counts"]})
    even = ColumnDataSource({"live": values["even_live"], "counts": values["even_counts"]})
    steady = figure.line("live", "counts", source=even, line_color=_SOFT, line_dash="dashed")
    counted = figure.step("live", "counts", source=source, mode="after", line_color=ODD_EVEN[0], line_width=1.5)
    add_legend(figure, [("events", [counted]), ("constant rate", [steady])])
    figure.legend.location = "bottom_right"
    return figure


def periodogram_figures(values: Mapping[str, Any], levels: int) -> list[Any]:
    """Return power and spectral window against frequency, on one axis."""
    from bokeh.models import (
        ColumnDataSource,
        CustomJSTicker,
        CustomJSTickFormatter,
        HoverTool,
        LogAxis,
        NoOverlap,
        Range1d,
    )
    from bokeh.models.annotations import LabelSet

    frequency = Range1d(start=values["frequency_low"], end=values["frequency_high"])
    common: dict[str, Any] = {
        "x_axis_type": "log",
        "x_range": frequency,
        "sizing_mode": "stretch_width",
        "tools": TOOLS,
        "active_drag": "xbox_zoom",
    }
    power = _plain_figure(
        height=320, y_range=Range1d(start=0.0, end=values["power_high"]), y_axis_label="Power (0 to 1)", **common
    )
    window = _plain_figure(
        height=190,
        y_range=Range1d(start=0.0, end=1.06),
        x_axis_label="Frequency (Hz)",
        y_axis_label="Spectral window (0 to 1)",
        **common,
    )
    far = NoOverlap(min_distance=8)
    periods: dict[str, Any] = {
        "ticker": CustomJSTicker(major_code=_PERIOD_TICKS),
        "formatter": CustomJSTickFormatter(code=_PERIODS),
    }
    top = LogAxis(axis_label="Period (s)", major_label_policy=far, **periods)
    top.axis_label_text_font_style, top.axis_label_text_font_size = "normal", "12px"
    frequencies = CustomJSTicker(major_code=_FREQUENCY_TICKS)
    for figure in (power, window):
        figure.xaxis.ticker = figure.xgrid.ticker = frequencies
        figure.xaxis.formatter = CustomJSTickFormatter(code=_FREQUENCIES)
        figure.xaxis.major_label_policy = far
    power.xaxis.major_label_text_font_size = "0px"
    power.add_layout(top, "above")
    marks = ColumnDataSource({name: values[f"mark_{name}"] for name in ("frequency", "top", "text")})
    for figure in (power, window):
        lines = figure.segment(
            x0="frequency",
            x1="frequency",
            y0=0,
            y1="top",
            source=marks,
            line_color=_RED,
            line_dash="dotted",
            line_width=1.5,
        )
        figure.add_tools(HoverTool(renderers=[lines], tooltips=[("period of the observatory", "@text")]))
    names: dict[str, Any] = {
        "text_font_size": "11px",
        "text_color": _RED,
        "angle": np.pi / 2,
        "x_offset": -3,
        "y_offset": 4,
    }
    window.add_layout(LabelSet(x="frequency", y=0, text="text", source=marks, text_baseline="bottom", **names))
    if levels:
        source = ColumnDataSource({name: values[f"level_{name}"] for name in ("from", "to", "power", "text")})
        power.segment(
            x0="from", x1="to", y0="power", y1="power", source=source, line_color="#888888", line_dash="dashed"
        )
        label: dict[str, Any] = {"text_font_size": "11px", "text_color": "#555555", "text_align": "right"}
        power.add_layout(LabelSet(x="to", y="power", text="text", source=source, x_offset=-6, y_offset=1, **label))
    samples = ColumnDataSource({name: values[name] for name in ("frequency", "period", "power")})
    peak = ColumnDataSource({name: values[f"peak_{name}"] for name in ("frequency", "period", "power")})
    power.line("frequency", "power", source=samples, line_color=ODD_EVEN[0])
    points = power.scatter("frequency", "power", source=samples, size=5, alpha=0)
    mark = power.scatter(
        "frequency", "power", source=peak, size=11, fill_color=None, line_color=ODD_EVEN[1], line_width=2
    )
    formats: dict[str, Any] = {"@period": "printf", "@frequency": "printf", "@power": "printf"}
    tooltips = [("period", "@period{%.6g} s"), ("frequency", "@frequency{%.6g} Hz"), ("power", "@power{%.4g}")]
    power.add_tools(HoverTool(renderers=[points, mark], tooltips=tooltips, formatters=formats, limit=1))
    sampling = ColumnDataSource({"frequency": values["window_frequency"], "power": values["window_power"]})
    window.line("frequency", "power", source=sampling, line_color="#555555")
    return [power, window]


def stamp_row(values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the figures of the pictures, side by side."""
    from bokeh.layouts import row

    return row(*(_stamp(values, name) for name in names), styles={"flex-wrap": "wrap"})


def _stamp(values: Mapping[str, Any], name: str) -> Any:
    from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Range1d
    from bokeh.models.annotations import LabelSet
    from bokeh.palettes import Greys256

    ends = {axis: (values[f"{name}_{axis}_from"], values[f"{name}_{axis}_to"]) for axis in ("x", "y")}
    figure = _plain_figure(
        frame_width=values[f"{name}_frame_width"],
        frame_height=values[f"{name}_frame_height"],
        title=values[f"{name}_title"],
        x_range=Range1d(start=ends["x"][0], end=ends["x"][1]),
        y_range=Range1d(start=ends["y"][0], end=ends["y"][1]),
        x_axis_label=values[f"{name}_x_label"],
        y_axis_label=values[f"{name}_y_label"],
        tools="pan,box_zoom,wheel_zoom,reset,save",
        toolbar_location="right",
    )
    figure.grid.visible = False
    figure.title.text_font_style = "normal"
    picture = ColumnDataSource(
        {
            **{column: [values[f"{name}_{column}"]] for column in ("root", "log", "counts")},
            **{column: values[f"{name}_{column}"] for column in ("x", "y", "width", "height")},
        }
    )
    mapper = LinearColorMapper(palette=list(reversed(Greys256)), low=0, high=255)
    image = figure.image(
        "root",
        x="x",
        y="y",
        dw="width",
        dh="height",
        source=picture,
        color_mapper=mapper,
        name=f"stamp-{name}",
    )
    tooltips = [("x, y", "$x{0.0}, $y{0.0} pixel"), ("events", "@counts")]
    figure.add_tools(HoverTool(renderers=[image], tooltips=tooltips))
    outline = ColumnDataSource({axis: values[f"{name}_outline_{axis}"] for axis in ("x", "y")})
    figure.line("x", "y", source=outline, line_color=ODD_EVEN[0], line_width=1.5)
    bar = ColumnDataSource({part: values[f"{name}_bar_{part}"] for part in ("x0", "x1", "y", "text")})
    figure.segment(x0="x0", x1="x1", y0="y", y1="y", source=bar, line_color=_RED, line_width=3)
    figure.add_layout(
        LabelSet(x="x0", y="y", text="text", source=bar, y_offset=4, text_color=_RED, text_font_size="13px")
    )
    return figure
