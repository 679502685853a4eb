"""The interactive page of a light curve."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.model import LightCurve
from hstlc.plots.assets import fill_template
from hstlc.plots.colors import BAND, FLAGGED, GAP, ODD_EVEN, rgba
from hstlc.plots.display import Display, display, runs
from hstlc.plots.document import curve_document, example_values
from hstlc.plots.template import Template, make_template, target_id

__all__ = ["MOST_BINS", "PLOT_VERSION", "bokeh_script", "curve_page", "curve_values", "page"]

#: Version of pages and pictures of light curves; raised whenever the same curve gives other bytes.
PLOT_VERSION = 1

MOST_BINS = 20_000

_MANY = 2000  # bins above which dots are small and error bars faint
_PICTURE = "PNG"  # the link that is named where there is no JavaScript


def curve_page(curve: LightCurve | Display, *, identity: str, script: str, links: Mapping[str, str]) -> bytes:
    """Return the page of a light curve: flux, rate, background and live part, which zoom together.

    Parameters
    ----------
    curve : LightCurve or Display
        Of one exposure, or a composite. More than 20,000 bins are merged, and the page says so.
    identity : str
        What the ids in the page derive from.
    script : str
        URL of the file of :func:`bokeh_script`, relative to the page.
    links : mapping of str to str
        URLs by their labels, shown in this order; the one called ``PNG`` is also named where there is no JavaScript.

    Returns
    -------
    bytes
        HTML in UTF-8 that asks for nothing but ``script``; the same for the same arguments.
    """
    shown = display(curve, MOST_BINS)
    document = _template(shown.panels[0].name == "flux").fill(curve_values(shown), identity)
    return page("curve.html", (shown.target, shown.setup), document, identity, script, links, legend=_legend(shown))


def page(
    template: str,
    heading: tuple[str, str],
    document: str,
    identity: str,
    script: str,
    links: Mapping[str, str],
    **values: Any,
) -> bytes:
    """Return the page of a template around the JSON of a Bokeh document, which :meth:`Template.fill` made safe."""
    target = target_id(identity)
    shell = fill_template(
        template,
        title=heading[0],
        setup=heading[1],
        links=links,
        picture=links.get(_PICTURE),
        target=target,
        script=script,
        **values,
    )
    before, place, after = shell.partition(f'id="{target}-document">'.encode())
    return b"".join((before, place, document.encode("ascii"), after))


@cache
def bokeh_script() -> tuple[str, bytes]:
    """Return name and content of the script that the pages of this version of Bokeh need."""
    from bokeh import __version__

    spec = find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("bokeh")
    content = (Path(spec.origin).parent / "server" / "static" / "js" / "bokeh.min.js").read_bytes()
    return f"bokeh-{__version__}.min.js", content


def curve_values(shown: Display) -> dict[str, Any]:
    """Return what :func:`hstlc.plots.document.curve_document` shows of a light curve, by name."""
    curve, axis = shown.curve, shown.axis
    first, last = runs(~curve.good)
    low, high = axis.limits
    dense = len(curve) > _MANY
    values: dict[str, Any] = {
        "x": axis.x,
        "since": axis.since_s,
        "mjd": curve["mjd"],
        "dataset": curve["dataset"].astype(np.int32),
        "quality": curve["quality"].astype(np.int32),
        "color": _colors(shown),
        "number": axis.number,
        "left": axis.left,
        "right": axis.right,
        "zero": axis.zero,
        "start_mjd": axis.mjd,
        "flagged_from": axis.edge[first],
        "flagged_to": axis.edge[last] + curve["bins"][last],
        "gap_from": axis.gaps[:, 0],
        "gap_to": axis.gaps[:, 1],
        "time_low": low,
        "time_high": high,
        "time_label": shown.time_label,
        "size": 3.0 if dense else 5.0,
        "bar_alpha": 0.15 if dense else 0.4,
    }
    for panel in shown.panels:
        values[panel.name] = panel.values.astype(np.float32)
        if panel.error is not None:
            values[f"{panel.name}_error"] = panel.error.astype(np.float32)
        values[f"{panel.name}_label"] = panel.label
        values[f"{panel.name}_low"], values[f"{panel.name}_high"] = panel.low, panel.high
    return values


@cache
def _template(flux: bool) -> Template:
    return make_template(curve_document, example_values(flux))


def _colors(shown: Display) -> NDArray[np.uint32]:
    odd, even = (rgba(color) for color in ODD_EVEN)
    color = np.where(shown.curve["dataset"] % 2 == 0, even, odd)
    return np.where(shown.curve.good, color, rgba(FLAGGED)).astype(np.uint32)


def _legend(shown: Display) -> list[tuple[str, str, bool]]:
    """Return what the colors mean, as far as they occur: label, color, whether it is a band."""
    good = shown.curve.good
    entries: list[tuple[str, str, bool]] = []
    if shown.several:
        entries += [("odd dataset", ODD_EVEN[0], False), ("even dataset", ODD_EVEN[1], False)]
    elif good.any():
        even = int(shown.curve["dataset"][0]) % 2 == 0
        entries.append(("bin with 1-σ errors", ODD_EVEN[even], False))
    if not good.all():
        entries += [("flagged bin", FLAGGED, False), ("time of flagged bins", BAND, True)]
    if len(shown.axis.gaps):
        entries.append(("gap, not to scale", GAP, True))
    return entries
