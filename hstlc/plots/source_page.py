"""The interactive page of a source: its light curve in all bands, what its arrivals say, and where they fell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np

from hstlc.model import LightCurve, Quality
from hstlc.plots.bands import energies
from hstlc.plots.colors import BAND, FLAGGED, FLARE, FLARE_BAND, GAP, ODD_EVEN
from hstlc.plots.page import page
from hstlc.plots.source_document import Shape, example, source_document
from hstlc.plots.source_values import SourceView, source_values, source_view
from hstlc.plots.stamp import STRETCHES
from hstlc.plots.template import Template, make_template
from hstlc.stats.artifacts import artifact_note
from hstlc.times import utc_text

__all__ = ["Number", "curve_numbers", "numbers_of", "source_page"]

#: Name, value and unit of one number; '' where it has none.
Number = tuple[str, str, str]

_METHOD = (
    "Rates are net of the background; error bars have 68.27 %. Blocks, Gregory-Loredo curve and cumulative counts are"
    " of all events in the source region, background included, on live time. A hardness ratio is positive where the"
    " source is harder. Click on a name in a legend to hide it."
)


def source_page(
    curve: LightCurve,
    others: Mapping[str, LightCurve],
    *,
    identity: str,
    script: str,
    links: Mapping[str, str],
    artifacts_s: Mapping[str, float] | None = None,
    oversampling: int = 5,
) -> bytes:
    """Return the page of a source.

    Panels that zoom together: rate, further bands, other instruments, hardness, Bayesian blocks, Gregory-Loredo curve,
    live part. Below them cumulative counts against live time, the periodogram with the periods that the observatory
    makes, the spectral window, pictures of sky and detector, and a table of numbers.

    Parameters
    ----------
    curve : LightCurve
        The one that stands for the source, of one exposure or a composite.
    others : mapping of str to LightCurve
        Its other curves, by band.
    identity : str
        What the ids in the page derive from.
    script : str
        URL of the file of :func:`hstlc.plots.page.bokeh_script`, relative to the page.
    links : mapping of str to str
        URLs by their labels; the one called ``PNG`` is also named where there is no JavaScript.
    artifacts_s : mapping of str to float, seconds, optional
        Periods that the observatory makes without the source, by what makes them.
    oversampling : int
        As for :func:`hstlc.stats.periodogram.spectrum`.

    Returns
    -------
    bytes
        HTML in UTF-8 that asks for nothing but ``script``; the same for the same arguments.
    """
    view = source_view(curve, others, artifacts_s or {}, oversampling)
    document = _template(view.shape).fill(source_values(view), identity)
    return page(
        "source.html",
        (view.shown.target, view.shown.setup),
        document,
        identity,
        script,
        links,
        legend=_legend(view),
        numbers=numbers_of(view),
        method=_METHOD,
        stamps=[f"stamp-{stamp.name}" for stamp in view.stamps],
        stretches=list(zip(STRETCHES, ("root", "log"), strict=True)),
    )


@cache
def _template(shape: Shape) -> Template:
    return make_template(partial(source_document, shape=shape), example(shape))


def _legend(view: SourceView) -> list[tuple[str, str, bool]]:
    """Return what the colors of the first panel mean, as far as they occur: label, color, whether it is a band."""
    curve = view.shown.curve
    flare = (curve["quality"] & Quality.BACKGROUND_FLARE) != 0
    entries: list[tuple[str, str, bool]] = []
    if view.shown.several:
        entries += [("odd dataset", ODD_EVEN[0], False), ("even dataset", ODD_EVEN[1], False)]
    elif curve.good.any():
        entries.append(("bin", ODD_EVEN[int(curve["dataset"][0]) % 2 == 0], False))
    if flare.any():
        entries += [("background flare", FLARE, False), ("time of flares", FLARE_BAND, True)]
    if (~curve.good & ~flare).any():
        entries += [("flagged bin", FLAGGED, False), ("time of flagged bins", BAND, True)]
    if len(view.shown.axis.gaps):
        entries.append(("gap, not to scale", GAP, True))
    return entries


def curve_numbers(curve: LightCurve) -> list[Number]:
    """Return what the bins of a curve say as a whole, with units.

    The rate is that of all unflagged bins together: their counts over their live time, not a mean of rates.
    """
    good = curve.good
    net, live, variance = (float(np.sum(curve[name][good])) for name in ("counts", "exposure", "variance"))
    gross, background = (float(np.sum(curve[name][good])) for name in ("gross", "background"))
    limits = energies(curve)
    ra, dec = curve.meta.get("RA_TARG"), curve.meta.get("DEC_TARG")
    numbers: list[Number] = []
    if isinstance(ra, (int, float)) and isinstance(dec, (int, float)):
        numbers.append(("Position (ICRS)", f"{ra:.5f} {dec:+.5f}", "deg"))
    if limits is not None:
        numbers.append(("Energies", f"{limits[0]:g} to {limits[1]:g}", "keV"))
    if len(curve):
        start, stop = float(curve["times"][0]), float(curve["times"][-1] + curve["bins"][-1])
        numbers += [
            ("Start", utc_text(curve.reference, start), "UTC"),
            ("End", utc_text(curve.reference, stop), "UTC"),
            ("Bin width", f"{float(np.median(curve['bins'])):.6g}", "s"),
        ]
    numbers += [
        ("Bins used", f"{int(good.sum()):,} of {len(curve):,}", ""),
        ("Live time", f"{live:,.1f}", "s"),
        ("Events in the source region", f"{gross:,.0f}", "counts"),
        ("Background expected there", f"{background:,.2f}", "counts"),
    ]
    if live > 0:
        numbers.append(("Net rate", f"{net / live:.4g} ± {variance**0.5 / live:.2g}", "counts/s"))
    return numbers


def numbers_of(view: SourceView) -> list[Number]:
    """Return the numbers of the page of a source."""
    numbers = curve_numbers(view.shown.whole)
    if view.arrivals is not None:
        if (odds := view.arrivals.odds) is not None:
            numbers += [
                ("Variability index", str(odds.index), "0 to 10"),
                ("Gregory-Loredo odds, log₁₀", f"{odds.log10_odds:.3g}", ""),
                ("Probability of variation", f"{odds.probability:.6g}", ""),
                ("Time scale", f"{odds.timescale_s:,.0f}", "s"),
            ]
        if (tests := view.arrivals.tests) is not None:
            numbers += [
                ("Kolmogorov-Smirnov p, constant source", f"{tests.ks_p:.3g}", ""),
                ("Kuiper p, constant source", f"{tests.kuiper_p:.3g}", ""),
            ]
        blocks = " and ".join(str(len(steps)) for steps in view.arrivals.blocks)
        numbers.append(("Bayesian blocks at p = 0.05 and 0.01", blocks, ""))
    if view.periodogram is not None:
        peak, time_s = view.periodogram.peak, view.shown.whole["time"]
        span_s = float(np.ptp(time_s))
        within = {name: period_s for name, period_s in view.artifacts_s.items() if period_s <= span_s}
        note = artifact_note(peak.period_s, span_s, within)
        numbers += [
            ("Highest peak of the periodogram", f"{peak.period_s:.6g}", "s"),
            ("Its false-alarm probability", f"{peak.false_alarm_probability:.3g}", ""),
        ]
        if note:
            numbers.append(("The observatory makes such a period by", note, ""))
    return numbers
