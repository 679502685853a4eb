"""Summary pages: exposure time a target, shares of configurations, exposures a grating."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hstlc.plots.assets import embedded_json, fill_template
from hstlc.plots.charts import PALETTE, bar_chart, chart_json, donut_chart, step_chart
from hstlc.plots.rows import COMPOSITE, INDIVIDUAL, CurveRow, duration_text
from hstlc.plots.tables import INDEX

if TYPE_CHECKING:
    from bokeh.plotting import figure

__all__ = ["configuration_page", "exposure_page", "filter_page"]

_LONGEST = 30
_STEPS = 500
_SMALLEST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class _Chart:
    """A chart and the heading above it."""

    heading: str
    figure: figure


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The table of the numbers that charts show; ``colors`` of its rows are '' where they have none."""

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    colors: Sequence[str] = ()
    open: bool = False


def exposure_page(rows: Sequence[CurveRow], *, script: str, static: str) -> bytes:
    """Return the page of exposure times: the 30 targets observed longest, and the distribution over all targets.

    Parameters
    ----------
    rows : sequence of CurveRow
        Light curves; the exposure times of the headers of individual ones are summed for each target.
    script : str
        Relative URL of the script of Bokeh.
    static : str
        Relative URL of the folder of :func:`hstlc.plots.assets.asset_files`.

    Returns
    -------
    bytes
        UTF-8, the same for the same rows.
    """
    times: dict[str, list[float]] = {}
    for row in rows:
        if row.kind == INDIVIDUAL and row.exptime_s is not None and 0 < row.exptime_s < math.inf:
            times.setdefault(row.targname, []).append(row.exptime_s)
    sums = sorted(((math.fsum(t), name, len(t)) for name, t in times.items()), key=lambda item: (-item[0], item[1]))
    longest = sums[:_LONGEST]
    charts = []
    if sums:
        texts = [f"{duration_text(time)} ({time / 3600:,.1f} hours), {_exposures(count)}" for time, _, count in longest]
        ks = [time / 1e3 for time, _, _ in longest]
        names = [name or "unnamed target" for _, name, _ in longest]
        bars = bar_chart(names, {"": ks}, axis="Exposure time (ks)", hover=[texts])
        share, time_ks = _distribution([time / 1e3 for time, _, _ in reversed(sums)])
        x_axis, y_axis = "Exposure time of a target (ks)", "Targets with at most this time (%)"
        which = f"The {len(longest)} targets observed longest" if len(sums) > len(longest) else "All targets"
        charts = [
            _Chart(which, bars),
            _Chart(
                f"All {len(sums):,} targets" if len(sums) > 1 else "Distribution",
                step_chart(time_ks, share, x_axis=x_axis, y_axis=y_axis),
            ),
        ]
    numbers = _Numbers(
        "Exposure time of targets",
        ("target", "exposures", "time (ks)", "time (hours)"),
        [(name, f"{count:,}", f"{time / 1e3:,.3f}", f"{time / 3600:,.2f}") for time, name, count in longest],
    )
    intro = (
        f"{duration_text(math.fsum(time for time, _, _ in sums))} of exposure time on {len(sums):,}"
        f" {'target' if len(sums) == 1 else 'targets'}, summed over all exposures as their headers state it."
        if sums
        else ""
    )
    return _page("Cumulative exposure time", intro, charts, numbers, "exposures with an exposure time", script, static)


def configuration_page(rows: Sequence[CurveRow], instrument: str, detector: str, *, script: str, static: str) -> bytes:
    """Return the page of the shares of gratings and central wavelengths in the composites of one detector.

    A composite counts with the exposures it is made of. What has less than two percent, or comes after the nine largest
    shares, is drawn as one slice; the table has all.

    Parameters
    ----------
    rows : sequence of CurveRow
        Light curves; composites of ``instrument`` and ``detector`` count.
    instrument, detector : str
        As headers have them.
    script, static : str
        As for :func:`exposure_page`.
    """
    counts: Counter[str] = Counter()
    for row in rows:
        if row.kind == COMPOSITE and (row.instrume, row.detector) == (instrument, detector) and row.datasets > 0:
            counts[row.setting or "none"] += row.datasets
    total = counts.total()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [item for item in ranked[: len(PALETTE) - 1] if item[1] >= _SMALLEST_SHARE * total]
    gathered = ranked[len(shown) :]
    if len(gathered) == 1:
        shown, gathered = ranked, []
    slices = [*shown, *([(f"{len(gathered)} others", sum(n for _, n in gathered))] if gathered else [])]
    charts = []
    if total:
        labels = [name for name, _ in slices]
        donut = donut_chart(
            labels,
            [count for _, count in slices],
            hover=[f"{_exposures(count)}, {_percent(count, total)}" for _, count in slices],
            center=_exposures(total).replace(" ", "\n"),
        )
        charts = [_Chart("", donut)]
    numbers = _Numbers(
        "Exposures of each configuration",
        ("grating/cenwave (Å)", "exposures", "share"),
        [(name, f"{count:,}", _percent(count, total)) for name, count in ranked],
        [*PALETTE[: len(shown)], *(PALETTE[-1] for _ in gathered)],
        open=True,
    )
    title = " ".join(part for part in (instrument, detector, "configurations") if part)
    intro = "Exposures in composite light curves, by grating and central wavelength." if total else ""
    return _page(title, intro, charts, numbers, "composite light curves of this detector", script, static)


def filter_page(rows: Sequence[CurveRow], *, script: str, static: str) -> bytes:
    """Return the page of the number of exposures with each grating or other optical element, by instrument.

    Parameters
    ----------
    rows : sequence of CurveRow
        Light curves; individual ones count.
    script, static : str
        As for :func:`exposure_page`.
    """
    counts = Counter((row.opt_elem, row.instrume) for row in rows if row.kind == INDIVIDUAL)
    sums: Counter[str] = Counter()
    for (element, _), count in counts.items():
        sums[element] += count
    elements = [element for element, _ in sorted(sums.items(), key=lambda item: (-item[1], item[0]))]
    instruments = sorted({instrument for _, instrument in counts})
    charts = []
    if elements:
        parts = {instrument: [counts[element, instrument] for element in elements] for instrument in instruments}
        texts = [[f"{instrument}: {_exposures(n)}" for n in lengths] for instrument, lengths in parts.items()]
        charts = [
            _Chart(
                "",
                bar_chart([e or "none" for e in elements], parts, axis="Exposures (number)", hover=texts, whole=True),
            )
        ]
    numbers = _Numbers(
        "Exposures with each optical element",
        ("optical element", *instruments, "all"),
        [(e, *(f"{counts[e, instrument]:,}" for instrument in instruments), f"{sums[e]:,}") for e in elements],
    )
    intro = "Number of exposures taken with each grating, prism or mirror." if elements else ""
    return _page("Exposures by optical element", intro, charts, numbers, "exposures", script, static)


def _page(
    title: str, intro: str, charts: Sequence[_Chart], numbers: _Numbers, noun: str, script: str, static: str
) -> bytes:
    """Return a page of charts and their numbers, or one that says that there are none."""
    items = [chart_json(chart.figure, f"chart-{number}") for number, chart in enumerate(charts, 1)]
    return fill_template(
        "summary.html",
        title=title,
        intro=intro,
        static=static,
        index=INDEX,
        script=script,
        headings=[chart.heading for chart in charts],
        items=embedded_json(items),
        numbers=numbers,
        noun=noun,
    )


def _distribution(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return percent of values up to each of them, and these values, for rising ``values``; at most 500 of them."""
    count = len(values)
    last = {value: row + 1 for row, value in enumerate(values)}
    steps = list(last.items())
    if len(steps) > _STEPS:
        steps = [steps[round(row * (len(steps) - 1) / (_STEPS - 1))] for row in range(_STEPS)]
    return [100 * rank / count for _, rank in steps], [value for value, _ in steps]


def _exposures(count: int) -> str:
    return f"{count:,} {'exposure' if count == 1 else 'exposures'}"


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"
