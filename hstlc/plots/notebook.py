"""A light curve in a notebook: panels of Bokeh that zoom together, or axes of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hstlc.errors import UsageError
from hstlc.model import LightCurve
from hstlc.plots.axis import second_ticks
from hstlc.plots.colors import BAND, FLAGGED, GAP, GRID, ODD_EVEN, lighter
from hstlc.plots.display import Display, Panel, display, runs
from hstlc.plots.document import curve_document
from hstlc.plots.page import MOST_BINS, curve_values

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from matplotlib.axes import Axes

__all__ = ["Quantity", "bokeh_layout", "matplotlib_axes"]

Quantity = Literal["rate", "flux", "background", "fraction"]

_MOST_POINTS = 4000
_SIZE = (9.0, 4.0)  # inches
_TITLE_HEIGHT, _LEAST_HEIGHT = 100, 190  # pixels: of title and legend, of a panel whose label is to be read


def bokeh_layout(curve: LightCurve, *, height: int | None = None) -> LayoutDOM:
    """Return rate, background and live part of a light curve in panels that zoom together; with a flux, that first.

    Parameters
    ----------
    curve : LightCurve
        Of one exposure, or a composite. More than 20,000 bins are merged.
    height : int, optional
        Of all panels together, in pixels of the screen.

    Returns
    -------
    bokeh.models.LayoutDOM
        For ``bokeh.plotting.show``.
    """
    from bokeh.models.annotations import Legend, LegendItem, Title

    shown = display(curve, MOST_BINS)
    layout: Any = curve_document(curve_values(shown))
    figures = [child[0] for child in layout.children]
    for figure in figures:
        figure.yaxis.axis_label_text_font_size = "11px"
        figure.height = max(figure.height, _LEAST_HEIGHT)
    first = figures[0]
    if height is not None:
        factor = max(0.1, (height - _TITLE_HEIGHT) / sum(figure.height for figure in figures))
        for figure in figures:
            figure.height = round(figure.height * factor)
    first.height += _TITLE_HEIGHT
    nowhere = [np.nan]  # a glyph without any point has no mark in the legend
    labels = [
        LegendItem(label=label, renderers=[first.scatter(nowhere, nowhere, color=color, size=7)])
        for label, color in _legend(shown)
    ]
    first.add_layout(Legend(items=labels, orientation="horizontal", border_line_color=None), "above")
    first.add_layout(Title(text=shown.setup, text_font_style="normal", text_font_size="12px"), "above")
    first.add_layout(Title(text=shown.target, text_font_size="16px"), "above")
    return layout  # type: ignore[no-any-return]


def matplotlib_axes(curve: LightCurve, *, ax: Axes | None = None, quantity: Quantity = "rate") -> Axes:
    """Draw a light curve: points with their errors, flagged bins in gray, nothing across a gap.

    Parameters
    ----------
    curve : LightCurve
        Of one exposure, or a composite: long gaps between its datasets are shown narrower than they are, and shaded.
        More than 4,000 bins are merged.
    ax : matplotlib.axes.Axes, optional
        To draw into; otherwise those of a new figure.
    quantity : str
        ``rate``, ``flux``, ``background`` or ``fraction``.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UsageError
        ``usage.bad-option``: the curve does not have the quantity.
    """
    shown = display(curve, _MOST_POINTS)
    panel = next((panel for panel in shown.panels if panel.name == quantity), None)
    if panel is None:
        known = ", ".join(panel.name for panel in shown.panels)
        raise UsageError("usage.bad-option", f"this light curve has no {quantity}", f"it has {known}")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=_SIZE, layout="constrained")
    _shade(ax, shown)
    _draw(ax, panel, shown)
    ticks = second_ticks(shown.axis, 8)
    ax.set_xticks([x for x, _ in ticks], [label for _, label in ticks])
    ax.set_xlim(*shown.axis.limits)
    ax.set_ylim(panel.low, panel.high)
    ax.set_xlabel(shown.time_label)
    ax.set_ylabel(panel.label)
    ax.set_title(f"{_plain(shown.target)}\n{_plain(shown.setup)}", fontsize="medium")
    ax.grid(color=GRID)
    ax.set_axisbelow(True)
    if len(_legend(shown)) > 1:
        ax.legend(fontsize="small")
    return ax


def _draw(ax: Axes, panel: Panel, shown: Display) -> None:
    good, even = shown.curve.good, shown.curve["dataset"] % 2 == 0
    sets = {"odd dataset": good & ~even, "even dataset": good & even, "flagged bin": ~good}
    names = dict(_legend(shown))
    error = _errors(panel, shown)
    for name, chosen in sets.items():
        if not chosen.any():
            continue
        label = name if name in names else "bin"
        color = names[label]
        ax.errorbar(
            shown.axis.x[chosen],
            panel.values[chosen],
            yerr=None if error is None else error[:, chosen],
            fmt=".",
            markersize=3 if len(good) > _MOST_POINTS // 8 else 5,
            color=color,
            ecolor=lighter(color),
            elinewidth=0.8,
            label=label,
        )


def _errors(panel: Panel, shown: Display) -> Any:
    """Return errors below and above, shape (2, n); those of few counts differ."""
    if panel.error is None:
        return None
    curve = shown.curve
    error = np.stack([panel.error, panel.error])
    if panel.name == "rate" and "rate_low" in curve and len(panel.values):
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = panel.error / curve["rate_error"]  # the power of ten that was taken out
        limits = np.stack([curve["rate"] - curve["rate_low"], curve["rate_high"] - curve["rate"]]) * factor
        error = np.where(np.isfinite(limits), limits, error)
    return np.maximum(np.nan_to_num(error), 0.0)


def _shade(ax: Axes, shown: Display) -> None:
    first, last = runs(~shown.curve.good)
    ends = shown.axis.edge + shown.curve["bins"]
    for start, end in zip(shown.axis.edge[first], ends[last], strict=True):
        ax.axvspan(start, end, color=BAND, linewidth=0, zorder=0)
    for start, end in shown.axis.gaps:
        ax.axvspan(start, end, color=GAP, linewidth=0, zorder=0)


def _legend(shown: Display) -> list[tuple[str, str]]:
    """Return what the colors mean, as far as they occur."""
    good = shown.curve.good
    entries: list[tuple[str, str]] = []
    if shown.several:
        entries += [("odd dataset", ODD_EVEN[0]), ("even dataset", ODD_EVEN[1])]
    elif good.any():
        entries.append(("bin", ODD_EVEN[int(shown.curve["dataset"][0]) % 2 == 0]))
    if not good.all():
        entries.append(("flagged bin", FLAGGED))
    return entries


def _plain(text: str) -> str:
    """Return a text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
