"""Bokeh charts of the summary pages, as JSON whose ids depend on nothing but the chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bokeh.model import Model
    from bokeh.plotting import figure

__all__ = ["PALETTE", "bar_chart", "chart_json", "donut_chart", "step_chart"]

#: Colors that stay apart with color-blind eyes (Tol, "muted", SRON/EPS/TN/09-002); the last one is for all others.
PALETTE = ("#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499", "#b8bfc6")

_BLUE, _INK, _SOFT, _LINE = "#1a5a96", "#1c2833", "#55646f", "#dfe5ea"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_LONGEST_LABEL, _LONGEST_HOVER = 22, 48
_BAR_HEIGHT = 24


def chart_json(root: Model, target: str) -> dict[str, Any]:
    """Return what ``Bokeh.embed.embed_item`` draws into the element with the id ``target``.

    Ids of models are renamed in the order they appear, so that equal charts give equal JSON.
    """
    from bokeh.document import Document

    document = Document(title="")
    document.add_root(root)
    item = {"target_id": target, "root_id": root.id, "doc": document.to_json(deferred=False)}
    renamed: dict[str, Any] = _renamed(item, {}, target)
    return renamed


def bar_chart(
    labels: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    *,
    axis: str,
    hover: Sequence[Sequence[str]],
    whole: bool = False,
) -> figure:
    """Return horizontal bars, the first one on top, each stacked of the parts.

    Parameters
    ----------
    labels : sequence of str
        Names of the bars; need not differ.
    parts : mapping of str to sequence of float
        Length of each part in each bar; the names of the parts are the legend, if there is more than one.
    axis : str
        Label of the axis of lengths, with unit.
    hover : sequence of sequence of str
        For each part in its order, what to say of each bar.
    whole : bool
        Whether lengths are whole numbers.
    """
    from bokeh.models import BasicTicker, ColumnDataSource, FixedTicker, HoverTool, PlainText, Range1d
    from bokeh.models.annotations import Legend, LegendItem

    count = len(labels)
    plot = _figure(
        height=_BAR_HEIGHT * count + 70 + (35 if len(parts) > 1 else 0),
        y_range=Range1d(start=count - 0.4, end=-0.6),
        x_range=Range1d(start=0, end=1.03 * float(np.max(np.sum(list(parts.values()), axis=0)))),
    )
    left = np.zeros(count)
    items = []
    for (name, lengths), texts, color in zip(parts.items(), hover, _colors(len(parts)), strict=True):
        right = left + np.asarray(lengths, dtype=float)
        data = {
            "y": np.arange(count),
            "left": left,
            "right": right,
            "name": [_short(label, _LONGEST_HOVER) for label in labels],
            "text": list(texts),
        }
        shown = right > left
        source = ColumnDataSource(
            {key: [v for v, s in zip(values, shown, strict=True) if s] for key, values in data.items()}
        )
        bars: Any = plot.hbar(
            y="y", left="left", right="right", height=0.76, color=color, line_color=None, source=source
        )
        plot.add_tools(HoverTool(renderers=[bars], tooltips=[("", "@name"), ("", "@text")]))
        items.append(LegendItem(label={"value": name}, renderers=[bars]))
        left = right
    if len(parts) > 1:
        legend = Legend(
            items=items, orientation="horizontal", border_line_color=None, label_text_font=_FONT, ncols=4, spacing=14
        )
        plot.add_layout(legend, "above")
    plot.yaxis.ticker = FixedTicker(ticks=list(range(count)), minor_ticks=[])
    plot.yaxis.major_label_overrides = {row: PlainText(text=_short(label)) for row, label in enumerate(labels)}
    plot.yaxis.major_label_text_color = _INK
    plot.yaxis.major_tick_line_color = None
    plot.ygrid.grid_line_color = None
    plot.xaxis.ticker = BasicTicker(min_interval=1 if whole else 0, num_minor_ticks=0)
    plot.xaxis.axis_label = axis
    return plot


def step_chart(x: Sequence[float], y: Sequence[float], *, x_axis: str, y_axis: str) -> figure:
    """Return a rising step line of positive ``x`` on a logarithmic axis, and ``y`` in percent."""
    from bokeh.models import BasicTickFormatter, ColumnDataSource, HoverTool, Range1d

    low, high = (0.8 * x[0], 1.25 * x[-1]) if len(x) else (0.1, 10.0)
    plot = _figure(
        height=320, x_axis_type="log", x_range=Range1d(start=low, end=high), y_range=Range1d(start=0, end=104)
    )
    source = ColumnDataSource({"x": [low, *x, high], "y": [0.0, *y, 100.0]})
    line = plot.step("x", "y", source=source, mode="after", color=_BLUE, line_width=2)
    tooltips = [(x_axis, "@x{0.[000]}"), (y_axis, "@y{0.[0]}")]
    plot.add_tools(HoverTool(renderers=[line], tooltips=tooltips, mode="vline", line_policy="prev"))
    plot.xaxis.formatter = BasicTickFormatter(use_scientific=False)
    plot.xaxis.axis_label, plot.yaxis.axis_label = x_axis, y_axis
    return plot


def donut_chart(labels: Sequence[str], values: Sequence[float], *, hover: Sequence[str], center: str) -> figure:
    """Return a donut whose slices, clockwise from the top, have their names beside them.

    Parameters
    ----------
    labels : sequence of str
        Names of the slices, at most as many as :data:`PALETTE` has colors.
    values : sequence of float
        Their sizes, above zero.
    hover : sequence of str
        What to say of each slice.
    center : str
        Text in the hole.
    """
    from bokeh.models import ColumnDataSource, HoverTool, Range1d

    plot = _figure(
        toolbar_location=None,
        min_border=0,
        aspect_ratio=1.76,
        max_width=720,
        x_range=Range1d(start=-2.2, end=2.2),
        y_range=Range1d(start=-1.25, end=1.25),
    )
    plot.axis.visible = False
    plot.grid.visible = False
    total = math.fsum(values)
    edges = [0.0, *(math.pi / 2 - 2 * math.pi * part / total for part in accumulate(values))]
    edges[0] = math.pi / 2
    angles = [(first + second) / 2 for first, second in pairwise(edges)]
    slices = {
        "first": edges[:-1],
        "second": edges[1:],
        "color": list(PALETTE[: len(labels)]),
        "name": [_short(label, _LONGEST_HOVER) for label in labels],
        "text": list(hover),
    }
    ring = plot.annular_wedge(
        x=0,
        y=0,
        inner_radius=0.55,
        outer_radius=0.95,
        start_angle="first",
        end_angle="second",
        direction="clock",
        color="color",
        line_color="white",
        line_width=1.5,
        source=ColumnDataSource(slices),
    )
    plot.add_tools(HoverTool(renderers=[ring], tooltips=[("", "@name"), ("", "@text")]))
    _beside(plot, labels, angles)
    _write(plot, 0, 0, center, align="center", color=_SOFT)
    return plot


def _beside(plot: figure, labels: Sequence[str], angles: Sequence[float]) -> None:
    """Write the labels left and right of a ring of radius 0.95, far enough apart to be read, with lines to them."""
    for side, align in ((1, "left"), (-1, "right")):
        own = sorted(
            (
                (math.sin(a), math.cos(a), label)
                for a, label in zip(angles, labels, strict=True)
                if side * math.cos(a) >= 0
            ),
            reverse=True,
        )
        heights = _apart([1.05 * sine for sine, _, _ in own], gap=0.16, limit=1.12)
        for (sine, cosine, label), height in zip(own, heights, strict=True):
            plot.line([0.95 * cosine, 1.02 * cosine, side * 1.16], [0.95 * sine, 1.02 * sine, height], color="#98a4ad")
            _write(plot, side * 1.2, height, _short(label), align=align, color=_INK)


def _write(plot: figure, x: float, y: float, text: str, *, align: str, color: str) -> None:
    plot.text(
        x=[x],
        y=[y],
        text=[text],
        text_align=align,
        text_baseline="middle",
        text_font={"value": _FONT},
        text_font_size="12px",
        text_color=color,
    )


def _apart(heights: Sequence[float], *, gap: float, limit: float) -> list[float]:
    """Return falling heights moved as little as needed to be ``gap`` apart and within ``-limit`` to ``limit``."""
    moved: list[float] = []
    for height in heights:
        moved.append(min(height, moved[-1] - gap) if moved else min(height, limit))
    for row in reversed(range(len(moved))):
        lowest = moved[row + 1] + gap if row + 1 < len(moved) else -limit
        moved[row] = max(moved[row], lowest)
    return moved


def _figure(**settings: Any) -> figure:
    """Return an empty figure in the style of the pages, as wide as its place."""
    from bokeh.plotting import figure

    plot = figure(sizing_mode="stretch_width", tools="save", **{"toolbar_location": "right", **settings})
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.outline_line_color = None
    for axis in plot.axis:
        axis.axis_label_text_font = axis.major_label_text_font = _FONT
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size, axis.major_label_text_font_size = "13px", "12px"
        axis.axis_label_text_color = axis.major_label_text_color = _SOFT
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = _LINE
        axis.minor_tick_out = 3
    plot.grid.grid_line_color = _LINE
    return plot


def _colors(count: int) -> list[str]:
    return [_BLUE] if count == 1 else [PALETTE[row % len(PALETTE)] for row in range(count)]


def _short(label: str, longest: int = _LONGEST_LABEL) -> str:
    """Return a label that is not wider than its place; the whole text is in the table of numbers."""
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def _renamed(value: Any, names: dict[str, str], prefix: str) -> Any:
    """Return a serialized document with other ids of models; parts that it has twice may be one object."""
    if isinstance(value, (list, tuple)):
        return [_renamed(item, names, prefix) for item in value]
    if isinstance(value, dict):
        return {
            key: names.setdefault(item, f"{prefix}-{len(names) + 1}")
            if key in ("id", "root_id")
            else _renamed(item, names, prefix)
            for key, item in value.items()
        }
    return value
