"""The Bokeh models of the page of a light curve, made from plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.plots.colors import BAND, GAP, GRID
from hstlc.plots.ticks import MJD_LABELS, MJD_TICKS, SECOND_LABELS, SECOND_TICKS

if TYPE_CHECKING:
    from bokeh.model import Model
    from bokeh.models import ColumnDataSource, HoverTool, Range1d
    from bokeh.models.annotations import Span

__all__ = ["SEGMENTS", "curve_document", "example_values", "label_time"]

_HEIGHTS = {"flux": 250, "rate": 210, "background": 180, "fraction": 130}
_MORE = 40  # for the axis on top or at the bottom
_LEFT_BORDER = 76  # room of the labels: the panels line up
_BINS = ("x", "since", "mjd", "dataset", "quality", "color")
_STRIPS = (("flagged_from", "flagged_to", BAND), ("gap_from", "gap_to", GAP))

#: Columns of the data source of :func:`label_time`, and the names of their values.
SEGMENTS = {"number": "number", "left": "left", "right": "right", "zero": "zero", "mjd": "start_mjd"}
_LOW = "const {{{0}, {0}_error}} = this.data; return {0}.map((value, i) => value - {0}_error[i]);"
_HIGH = "const {{{0}, {0}_error}} = this.data; return {0}.map((value, i) => value + {0}_error[i]);"


def example_values(flux: bool) -> dict[str, Any]:
    """Return values for :func:`curve_document` of which no two are alike, with a flux or without one."""
    panels = ("flux", "rate", "background", "fraction") if flux else ("rate", "background", "fraction")
    arrays = {
        "float64": ["x", "since", "mjd", "left", "right", "zero", "start_mjd"]
        + [name for first, last, _ in _STRIPS for name in (first, last)],
        "int32": ["dataset", "quality", "number"],
        "uint32": ["color"],
        "float32": [*panels, *(f"{name}_error" for name in panels if name in ("flux", "rate"))],
    }
    numbers = [
        "time_low",
        "time_high",
        "size",
        "bar_alpha",
        *(f"{name}_{end}" for name in panels for end in ("low", "high")),
    ]
    labels = ["time_label", *(f"{name}_label" for name in panels)]
    values: dict[str, Any] = {}
    for dtype, names in arrays.items():
        values |= {name: np.array([90 + i], dtype=dtype) for i, name in enumerate(names)}
    values |= {name: 0.125 + i / 1000 for i, name in enumerate(numbers)}
    return values | {name: f"label {i}" for i, name in enumerate(labels)}


def curve_document(values: Mapping[str, Any]) -> Model:
    """Return the root model of the page.

    Parameters
    ----------
    values : mapping of str to object
        Those of :func:`hstlc.plots.page.curve_values`; without ``flux`` there is no panel for it.
    """
    from bokeh.layouts import gridplot
    from bokeh.models import ColumnDataSource, Range1d
    from bokeh.models.annotations import Span

    names = [name for name in _HEIGHTS if name in values]
    columns = [*_BINS, *names, *(f"{name}_error" for name in names if f"{name}_error" in values)]
    bins = ColumnDataSource({name: values[name] for name in columns})
    segments = ColumnDataSource({name: values[source] for name, source in SEGMENTS.items()})
    strips = [(ColumnDataSource({"x0": values[a], "x1": values[b]}), color) for a, b, color in _STRIPS]
    time = Range1d(start=values["time_low"], end=values["time_high"])
    cursor = Span(dimension="height", line_color="#888888", line_dash="dotted")
    figures = []
    for name in names:
        figure = _figure(name, values, time, first=name == names[0], last=name == names[-1])
        for source, color in strips:
            figure.vstrip(x0="x0", x1="x1", source=source, fill_color=color, line_color=None)
        _draw(figure, name, bins, values, cursor)
        label_time(figure, segments, values, first=name == names[0], last=name == names[-1])
        figures.append(figure)
    return gridplot(
        [[figure] for figure in figures],
        sizing_mode="stretch_width",
        toolbar_location="right",
        toolbar_options={"logo": None},
    )


def _figure(name: str, values: Mapping[str, Any], time: Range1d, *, first: bool, last: bool) -> Any:
    from bokeh.models import Range1d
    from bokeh.plotting import figure as make_figure

    figure: Any = make_figure(
        height=_HEIGHTS[name] + _MORE * (first + last),
        x_range=time,
        y_range=Range1d(start=values[f"{name}_low"], end=values[f"{name}_high"]),
        tools="xpan,xbox_zoom,box_zoom,xwheel_zoom,reset,save",
        active_drag="xbox_zoom",
        active_scroll=None,
        min_border_left=_LEFT_BORDER,
        min_border_right=24,
        sizing_mode="stretch_width",
    )
    figure.yaxis.axis_label = values[f"{name}_label"]
    figure.yaxis.axis_label_text_font_style = "normal"
    figure.yaxis.ticker.desired_num_ticks = 4 if name == "fraction" else 6
    figure.grid.grid_line_color = GRID
    return figure


def _draw(figure: Any, name: str, bins: ColumnDataSource, values: Mapping[str, Any], cursor: Span) -> None:
    from bokeh.core.properties import expr, field
    from bokeh.models import CrosshairTool, CustomJSExpr

    if f"{name}_error" in values:
        low, high = (CustomJSExpr(code=code.format(name)) for code in (_LOW, _HIGH))
        bars: dict[str, Any] = {"x0": "x", "x1": "x", "y0": expr(low), "y1": expr(high)}
        figure.segment(**bars, source=bins, line_color=field("color"), line_alpha=values["bar_alpha"])
    points = figure.scatter(
        "x", name, source=bins, size=values["size"], fill_color=field("color"), line_color=None, fill_alpha=0.9
    )
    figure.add_tools(_hover(values, points), CrosshairTool(overlay=cursor))


def _hover(values: Mapping[str, Any], points: Any) -> HoverTool:
    from bokeh.models import HoverTool

    tooltips = [("dataset", "@dataset"), ("time", "@since{%.3f} s"), ("MJD", "@mjd{%.7f}")]
    for name in ("flux", "rate"):
        if name in values:
            tooltips.append((values[f"{name}_label"], f"@{name}{{%.4g}} ± @{name}_error{{%.2g}}"))
    tooltips += [
        (values["background_label"], "@background{%.4g}"),
        (values["fraction_label"], "@fraction{%.4f}"),
        ("quality", "@quality"),
    ]
    printf = ("since", "mjd", "flux", "flux_error", "rate", "rate_error", "background", "fraction")
    return HoverTool(
        renderers=[points],
        tooltips=tooltips,
        formatters={f"@{column}": "printf" for column in printf},
        limit=3,
    )


def label_time(figure: Any, segments: ColumnDataSource, values: Mapping[str, Any], *, first: bool, last: bool) -> None:
    """Put seconds below and dates above; between the panels there are ticks only."""
    from bokeh.models import CustomJSTicker, CustomJSTickFormatter, LinearAxis, NoOverlap

    args = {"segments": segments}
    seconds = CustomJSTicker(args=args, major_code=SECOND_TICKS)
    figure.xaxis.ticker = seconds
    figure.xgrid.ticker = seconds
    if last:
        figure.xaxis.formatter = CustomJSTickFormatter(args=args, code=SECOND_LABELS)
        figure.xaxis.major_label_policy = NoOverlap(min_distance=8)
        figure.xaxis.axis_label = values["time_label"]
        figure.xaxis.axis_label_text_font_style = "normal"
    else:
        figure.xaxis.major_label_text_font_size = "0px"
    if first:
        dates: dict[str, Any] = {
            "ticker": CustomJSTicker(args=args, major_code=MJD_TICKS),
            "formatter": CustomJSTickFormatter(args=args, code=MJD_LABELS),
            "major_label_policy": NoOverlap(min_distance=8),
        }
        top = LinearAxis(axis_label=values.get("date_label", "MJD"), axis_label_text_font_style="normal", **dates)
        figure.add_layout(top, "above")
