"""The Bokeh models of the page of a source, made from plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.plots.colors import BAND, FLARE_BAND, GAP, GRID, ODD_EVEN, SERIES
from hstlc.plots.document import SEGMENTS, label_time

if TYPE_CHECKING:
    from bokeh.model import Model

__all__ = ["Shape", "example", "source_document"]

_LEFT_BORDER = 76  # room of the labels: the panels line up
_MORE = 40  # for the axis on top or at the bottom
_HEIGHTS = {"rate": 240, "bands": 190, "cameras": 190, "hardness": 190, "blocks": 180, "odds": 180, "fraction": 110}
_STRIPS = (("flagged", BAND), ("flare", FLARE_BAND), ("gap", GAP))
_TOOLS = "xpan,xbox_zoom,box_zoom,xwheel_zoom,reset,save"
_SOFT, _INK, _RED = "#8a949c", "#1c2833", "#c8201e"
_BLOCK_LINES = ((ODD_EVEN[0], 5.0, 0.4), (ODD_EVEN[1], 1.5, 1.0))
_SIGMAS = (3, 2, 1)
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
_PERIOD_TICKS = f"{_ROUND}return round_numbers(1 / end, 1 / start).map((period) => 1 / period);"
_FREQUENCIES = "return String(Number(tick.toPrecision(4)));"
_PERIODS = "return String(Number((1 / tick).toPrecision(4)));"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which panels there are: pages that have the same ones differ in their values alone.

    Attributes
    ----------
    bands, cameras, ratios : int
        Number of further bands, of other instruments, of hardness ratios; 0: no such panel.
    arrivals, odds : bool
        Whether there are blocks and cumulative counts, and a Gregory-Loredo curve.
    levels : int or None
        Levels of false alarm in the periodogram; None: there is no periodogram.
    stamps : tuple of str
        Names of the pictures.
    """

    bands: int
    cameras: int
    ratios: int
    arrivals: bool
    odds: bool
    levels: int | None
    stamps: tuple[str, ...]

    @property
    def panels(self) -> tuple[str, ...]:
        """Names of the panels that share the axis of time, from top to bottom."""
        there = {
            "bands": self.bands > 0,
            "cameras": self.cameras > 0,
            "hardness": self.ratios > 0,
            "blocks": self.arrivals,
            "odds": self.odds,
        }
        return tuple(name for name in _HEIGHTS if there.get(name, True))

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the quantities that have a mark of their own in a panel of several."""
        numbers = {"band": self.bands, "camera": self.cameras, "ratio": self.ratios}
        return tuple(f"{kind}_{i}" for kind, number in numbers.items() for i in range(number))


def source_document(values: Mapping[str, Any], shape: Shape) -> Model:
    """Return the root model of the page.

    Parameters
    ----------
    values : mapping of str to object
        Those of :func:`hstlc.plots.source_values.source_values`.
    shape : Shape
    """
    from bokeh.layouts import column, gridplot
    from bokeh.models import ColumnDataSource, Range1d
    from bokeh.models.annotations import Span

    time = Range1d(start=values["time_low"], end=values["time_high"])
    segments = ColumnDataSource({name: values[source] for name, source in SEGMENTS.items()})
    strips = [
        (ColumnDataSource({"x0": values[f"{name}_from"], "x1": values[f"{name}_to"]}), color) for name, color in _STRIPS
    ]
    bins = ColumnDataSource({name: values[name] for name in _BINS})
    cursor = Span(dimension="height", line_color="#888888", line_dash="dotted")
    figures = []
    for name in shape.panels:
        ends = {"first": name == shape.panels[0], "last": name == shape.panels[-1]}
        figure = _time_figure(name, values, time, **ends)
        for source, color in strips:
            figure.vstrip(x0="x0", x1="x1", source=source, fill_color=color, line_color=None)
        _DRAW[name](figure, values, shape, bins)
        _follow(figure, cursor)
        label_time(figure, segments, values, **ends)
        figures.append(figure)
    parts: list[Any] = [
        gridplot(
            [[figure] for figure in figures],
            sizing_mode="stretch_width",
            toolbar_location="right",
            toolbar_options={"logo": None},
        )
    ]
    if shape.arrivals:
        parts.append(_cumulative(values))
    if shape.levels is not None:
        parts += _periodogram(values, shape.levels)
    if shape.stamps:
        parts.append(_stamps(values, shape.stamps))
    root: Model = column(*parts, sizing_mode="stretch_width")
    return root


_BINS = ("x", "since", "mjd", "dataset", "quality", "color", "rate", "rate_from", "rate_to", "fraction")


def _time_figure(name: str, values: Mapping[str, Any], time: Any, *, first: bool, last: bool) -> Any:
    from bokeh.models import Range1d
    from bokeh.plotting import figure as make_figure

    figure: Any = make_figure(
        height=_HEIGHTS[name] + _MORE * (first + last),
        x_range=time,
        y_range=Range1d(start=values[f"{name}_low"], end=values[f"{name}_high"]),
        tools=_TOOLS,
        active_drag="xbox_zoom",
        active_scroll=None,
        min_border_left=_LEFT_BORDER,
        min_border_right=24,
        sizing_mode="stretch_width",
    )
    figure.yaxis.axis_label = values[f"{name}_label"]
    figure.yaxis.axis_label_text_font_style = "normal"
    figure.yaxis.axis_label_text_font_size = "12px"
    figure.yaxis.ticker.desired_num_ticks = 3 if name == "fraction" else 5
    figure.grid.grid_line_color = GRID
    return figure


def _follow(figure: Any, cursor: Any) -> None:
    from bokeh.models import CrosshairTool

    figure.add_tools(CrosshairTool(overlay=cursor))


def _rate(figure: Any, values: Mapping[str, Any], _: Shape, bins: Any) -> None:
    from bokeh.core.properties import field

    figure.segment(x0="x", x1="x", y0="rate_from", y1="rate_to", source=bins, line_color=field("color"), line_alpha=0.5)
    points = figure.scatter("x", "rate", source=bins, size=values["size"], fill_color=field("color"), line_color=None)
    _hover(figure, [points], [("rate", "@rate{%.4g} (@rate_from{%.4g} to @rate_to{%.4g})")])


def _fraction(figure: Any, values: Mapping[str, Any], _: Shape, bins: Any) -> None:
    from bokeh.core.properties import field

    points = figure.scatter(
        "x", "fraction", source=bins, size=values["size"], fill_color=field("color"), line_color=None
    )
    _hover(figure, [points], [("live part", "@fraction{%.4f}")])


def _hover(figure: Any, renderers: list[Any], tooltips: list[tuple[str, str]]) -> None:
    from bokeh.models import HoverTool

    about = [*tooltips, ("time", "@since{%.3f} s"), ("MJD", "@mjd{%.7f}"), ("quality", "@quality")]
    names = ("rate", "rate_from", "rate_to", "since", "mjd", "fraction")
    formatters: dict[str, Any] = {f"@{name}": "printf" for name in names}
    figure.add_tools(HoverTool(renderers=renderers, tooltips=about, formatters=formatters, limit=3))


def _several(figure: Any, values: Mapping[str, Any], kind: str, number: int) -> None:
    """Draw several quantities with their limits; the legend switches each off and on."""
    from bokeh.models import ColumnDataSource, HoverTool

    renderers, items = [], []
    for i in range(number):
        name, color = f"{kind}_{i}", SERIES[i % len(SERIES)]
        source = ColumnDataSource({part: values[f"{name}_{part}"] for part in ("x", "value", "from", "to")})
        bars = figure.segment(x0="x", x1="x", y0="from", y1="to", source=source, line_color=color, line_alpha=0.45)
        points = figure.scatter("x", "value", source=source, size=5, fill_color=color, line_color=None)
        renderers.append(points)
        items.append((values[f"{name}_label"], [points, bars]))
    formatters: dict[str, Any] = {f"@{part}": "printf" for part in ("value", "from", "to")}
    tooltips = [("", "@value{%.4g} (@from{%.4g} to @to{%.4g})")]
    figure.add_tools(HoverTool(renderers=renderers, tooltips=tooltips, formatters=formatters, limit=3))
    _legend(figure, items)


def _bands(figure: Any, values: Mapping[str, Any], shape: Shape, _: Any) -> None:
    _several(figure, values, "band", shape.bands)


def _cameras(figure: Any, values: Mapping[str, Any], shape: Shape, _: Any) -> None:
    _several(figure, values, "camera", shape.cameras)


def _hardness(figure: Any, values: Mapping[str, Any], shape: Shape, _: Any) -> None:
    from bokeh.models.annotations import Span

    figure.add_layout(Span(location=0, dimension="width", line_color=_SOFT, line_dash="dotted"))
    _several(figure, values, "ratio", shape.ratios)


def _blocks(figure: Any, values: Mapping[str, Any], _: Shape, __: Any) -> None:
    from bokeh.models import ColumnDataSource

    items = []
    for i, (color, width, alpha) in enumerate(_BLOCK_LINES):
        source = ColumnDataSource({"x": values[f"block_{i}_x"], "rate": values[f"block_{i}_rate"]})
        line = figure.line("x", "rate", source=source, line_color=color, line_width=width, line_alpha=alpha)
        items.append((values[f"block_{i}_label"], [line]))
    _legend(figure, items)


def _odds(figure: Any, values: Mapping[str, Any], _: Shape, __: Any) -> None:
    from bokeh.models import ColumnDataSource

    ends = [f"{end}_{sigma}" for sigma in _SIGMAS for end in ("from", "to")]
    source = ColumnDataSource({name: values[f"odds_{name}"] for name in ("x", "rate", *ends)})
    areas = [
        figure.varea("x", f"from_{sigma}", f"to_{sigma}", source=source, fill_color=ODD_EVEN[0], fill_alpha=alpha)
        for sigma, alpha in zip(_SIGMAS, (0.12, 0.18, 0.25), strict=True)
    ]
    line = figure.line("x", "rate", source=source, line_color=_INK, line_width=1.2)
    labels = ["mean", *(f"{sigma} σ" for sigma in reversed(_SIGMAS))]
    _legend(figure, [(label, [one]) for label, one in zip(labels, [line, *reversed(areas)], strict=True)])


_DRAW = {
    "rate": _rate,
    "bands": _bands,
    "cameras": _cameras,
    "hardness": _hardness,
    "blocks": _blocks,
    "odds": _odds,
    "fraction": _fraction,
}


def _legend(figure: Any, items: list[tuple[str, list[Any]]]) -> None:
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

    figure: Any = make_figure(min_border_left=_LEFT_BORDER, min_border_right=24, active_scroll=None, **settings)
    figure.toolbar.logo = None
    figure.grid.grid_line_color = GRID
    figure.axis.axis_label_text_font_style = "normal"
    figure.axis.axis_label_text_font_size = "12px"
    return figure


def _cumulative(values: Mapping[str, Any]) -> Any:
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
    _legend(figure, [("events", [counted]), ("constant rate", [steady])])
    figure.legend.location = "bottom_right"
    return figure


def _periodogram(values: Mapping[str, Any], levels: int) -> list[Any]:
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
        "tools": _TOOLS,
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


def _stamps(values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    from bokeh.layouts import row

    return row(*(_stamp(values, name) for name in names))


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


def example(shape: Shape) -> dict[str, Any]:
    """Return values for :func:`source_document` of which no two are alike."""
    arrays = [
        *_BINS,
        *(f"{name}_{end}" for name, _ in _STRIPS for end in ("from", "to")),
        *SEGMENTS.values(),
        *(f"{name}_{part}" for name in shape.series for part in ("x", "value", "from", "to")),
    ]
    numbers = ["time_low", "time_high", "size", *(f"{name}_{end}" for name in shape.panels for end in ("low", "high"))]
    texts = ["time_label", "date_label", *(f"{name}_label" for name in (*shape.panels, *shape.series))]
    lists: list[str] = []
    sizes: list[str] = []
    if shape.arrivals:
        arrays += [f"block_{i}_{part}" for i in range(2) for part in ("x", "rate")]
        arrays += ["sum_live", "sum_counts", "even_live", "even_counts"]
        numbers += ["live_low", "live_high", "sum_low", "sum_high"]
        texts += ["block_0_label", "block_1_label"]
    if shape.odds:
        arrays += ["odds_x", "odds_rate", *(f"odds_{end}_{sigma}" for sigma in _SIGMAS for end in ("from", "to"))]
    if shape.levels is not None:
        arrays += ["frequency", "period", "power", "peak_frequency", "peak_period", "peak_power"]
        arrays += ["window_frequency", "window_power", "mark_frequency", "mark_top"]
        numbers += ["frequency_low", "frequency_high", "power_high"]
        lists.append("mark_text")
        if shape.levels:
            arrays += [f"level_{part}" for part in ("from", "to", "power")]
            lists.append("level_text")
    values: dict[str, Any] = {}
    for name in shape.stamps:
        arrays += [f"{name}_{part}" for part in ("x", "y", "width", "height", "outline_x", "outline_y")]
        arrays += [f"{name}_bar_{part}" for part in ("x0", "x1", "y")]
        numbers += [f"{name}_{axis}_{end}" for axis in ("x", "y") for end in ("from", "to")]
        sizes += [f"{name}_frame_width", f"{name}_frame_height"]
        texts += [f"{name}_{part}" for part in ("title", "x_label", "y_label")]
        lists.append(f"{name}_bar_text")
        for column in ("root", "log", "counts"):
            values[f"{name}_{column}"] = np.full((1, 1), 1 + len(values), dtype=np.uint8)
    values |= {name: np.array([1000.5 + i]) for i, name in enumerate(arrays)}
    values |= {name: 90000.125 + i for i, name in enumerate(numbers)}
    values |= {name: f"text of {name}" for name in texts}
    values |= {name: 70000 + i for i, name in enumerate(sizes)}
    return values | {name: [f"list of {name}"] for name in lists}
