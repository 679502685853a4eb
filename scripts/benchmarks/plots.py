"""Plots of many curves as ``hstlc make-plots`` makes them, and what their parts cost.

``python -m scripts.benchmarks.plots --number 200`` prints the table.
"""

from __future__ import annotations

import argparse
import time

from hstlc.pipeline.context import open_store
from hstlc.pipeline.plots import make_plots
from hstlc.pipeline.results import Summary
from scripts.benchmarks.curve_store import BINS, clocks, curve_store
from scripts.benchmarks.table import Row, markdown

__all__ = ["rows"]

_ARCHIVE = 50_000  # curves
_GOAL_MIN = 30.0

# What is told apart, in the order of the work: name, module that calls the function, function.
_PARTS = (
    ("digest", "hstlc.pipeline.drawing", "sha256_file"),
    ("reading", "hstlc.pipeline.drawing", "read_light_curve"),
    ("page", "hstlc.plots.page", "curve_page"),
    ("PNG", "hstlc.plots.static", "static_png"),
    ("thumbnail", "hstlc.plots.quicklook", "quicklook_png"),
    ("periodogram", "hstlc.plots.periodogram", "periodogram_page"),
    ("writing .part files", "hstlc.pipeline.drawing", "stage_bytes"),
    ("names, folders and rows", "hstlc.pipeline.plots", "publish_all"),
    ("tables and summaries", "hstlc.pipeline.plots", "refresh_folder"),
)


def rows(number: int = 2000) -> list[Row]:
    """Return the figures of so many curves with one worker, scaled to an archive, and of each part.

    One curve is drawn before the clocks start: imports and templates are made once a process.
    """
    with curve_store(1) as settings, open_store(settings) as context:
        make_plots(context, Summary())
    with curve_store(number) as settings, open_store(settings) as context, clocks(_PARTS) as spent:
        summary = Summary()
        started, started_cpu = time.perf_counter(), time.process_time()
        make_plots(context, summary)
        total_s, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
    if summary.plots != number or summary.failures:
        raise RuntimeError(f"{summary.plots} of {number} curves have plots: {summary.failures[:3]}")
    minutes = total_s / number * _ARCHIVE / 60
    parts = {name: 1000 * sum(times) / number for name, times in spent.items()}
    parts["the rest"] = 1000 * total_s / number - sum(parts.values())
    slowest = max(parts, key=lambda name: parts[name])
    whole = Row(
        f"plots of {_ARCHIVE:,} curves of {BINS} bins, one core (scaled from {number:,})",
        f"{minutes:.1f} min ({1000 * total_s / number:.1f} ms a curve, {1000 * cpu_s / number:.1f} ms of it computing)",
        goal=f"<= {_GOAL_MIN:g} min",
        reached=minutes <= _GOAL_MIN,
        limited_by=f"{slowest}, {parts[slowest]:.1f} ms a curve",
    )
    return [whole, *(Row(f"plots of a curve: {name}", f"{value:.2f} ms") for name, value in parts.items())]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=2000, help="curves to draw")
    print(markdown(rows(parser.parse_args().number)))
