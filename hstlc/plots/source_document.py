"""The Bokeh models of the page of a source, made from plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.plots.colors import BAND, FLARE_BAND, GAP, GRID, ODD_EVEN, SERIES
from hstlc.plots.document import SEGMENTS, label_time
from hstlc.plots.source_parts import LEFT_BORDER, TOOLS, add_legend, cumulative_figure, periodogram_figures, stamp_row

if TYPE_CHECKING:
    from bokeh.model import Model

__all__ = ["Shape", "example", "source_document"]

_MORE = 40  # for the axis on top or at the bottom
_HEIGHTS = {"rate": 240, "bands": 190, "cameras": 190, "hardness": 190, "blocks": 180, "odds": 180, "fraction": 110}
_STRIPS = (("flagged", BAND), ("flare", FLARE_BAND), ("gap", GAP))
_SOFT, _INK = "#8a949c", "#1c2833"
_BLOCK_LINES = ((ODD_EVEN[0], 5.0, 0.4), (ODD_EVEN[1], 1.5, 1.0))
_SIGMAS = (3, 2, 1)


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
        parts.append(cumulative_figure(values))
    if shape.levels is not None:
        parts += periodogram_figures(values, shape.levels)
    if shape.stamps:
        parts.append(stamp_row(values, shape.stamps))
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
        tools=TOOLS,
        active_drag="xbox_zoom",
        active_scroll=None,
        min_border_left=LEFT_BORDER,
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
    add_legend(figure, items)


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
    add_legend(figure, items)


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
    add_legend(figure, [(label, [one]) for label, one in zip(labels, [line, *reversed(areas)], strict=True)])


_DRAW = {
    "rate": _rate,
    "bands": _bands,
    "cameras": _cameras,
    "hardness": _hardness,
    "blocks": _blocks,
    "odds": _odds,
    "fraction": _fraction,
}


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
