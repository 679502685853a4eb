"""The index page: what there is, the newest observations, and every target with its light curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hstlc.plots.assets import fill_template
from hstlc.plots.datatable import Column, DataTable, data_table, rounded
from hstlc.plots.rows import COMPOSITE, INDIVIDUAL, CurveRow, duration_text, in_order
from hstlc.plots.tables import ALL_CURVES

__all__ = ["index_page"]

_NEWEST = 20
_MOST_SOURCES = 12  # composites of sources that a target leads to

_TARGET_COLUMNS = (
    Column("target", "target", "Name of the target, as the observer called it."),
    Column("exposures", "exposures", "Exposures of the target.", kind="number"),
    Column("composites", "composites", "Composite light curves, by configuration.", kind="links"),
    Column(
        "exptime", "exposure time", "Exposure time of all exposures, as headers state it.", "s", "number", decimals=1
    ),
    Column("last", "last observed", "Start of the latest exposure.", "UTC"),
    Column("curves", "light curves", "All light curves of the target, in the table.", kind="links"),
)


@dataclass(frozen=True, slots=True)
class _Count:
    """One number of the overview."""

    label: str
    value: str


def index_page(
    rows: Sequence[CurveRow], *, tables: Mapping[str, tuple[str, int]], summaries: Mapping[str, str], static: str
) -> bytes:
    """Return the HTML page that leads to everything.

    Parameters
    ----------
    rows : sequence of CurveRow
        All light curves; their order does not matter.
    tables : mapping of str to (str, int)
        Label of each table: its relative URL and how many rows it has.
    summaries : mapping of str to str
        Label of each summary: its relative URL.
    static : str
        Relative URL of the folder of :func:`hstlc.plots.assets.asset_files`.

    Returns
    -------
    bytes
        UTF-8, the same for the same rows.
    """
    exposures = [row for row in rows if row.kind == INDIVIDUAL and not row.source]
    return fill_template(
        "index.html",
        title="Light curves",
        intro="Light curves of photon-counting exposures and of targets observed more than once, with their statistics"
        " and plots. The tables have every curve; further down are the newest observations and all targets.",
        static=static,
        counts=_counts(rows, exposures),
        newest=_newest(exposures or rows),
        tables=[(label, url, f"{count:,}") for label, (url, count) in tables.items()],
        summaries=list(summaries.items()),
        targets=_targets(rows),
    )


def _counts(rows: Sequence[CurveRow], exposures: Sequence[CurveRow]) -> list[_Count]:
    """Return the numbers of the overview."""
    composites = sum(row.kind == COMPOSITE for row in rows)
    vary = {row.targname for row in rows if row.interesting}
    numbers = {
        "targets": len({row.targname for row in rows}),
        "exposures": len(exposures),
        **({"sources": sources} if (sources := len({row.source for row in rows if row.source})) else {}),
        "composite light curves": composites,
    }
    return [
        *(_Count(label, f"{number:,}") for label, number in numbers.items()),
        _Count("exposure time", duration_text(_exposure_time(exposures))),
        _Count("targets that vary", f"{len(vary):,}"),
    ]


def _newest(rows: Iterable[CurveRow]) -> list[CurveRow]:
    dated = [row for row in rows if row.start_utc]
    return sorted(dated, key=lambda row: (row.expstart_mjd or 0.0, row.filename), reverse=True)[:_NEWEST]


def _targets(rows: Sequence[CurveRow]) -> DataTable:
    """Return the table of all targets."""
    groups: dict[str, list[CurveRow]] = {}
    for row in in_order(rows):
        groups.setdefault(row.targname, []).append(row)
    targets = sorted(groups.items())
    exposures = [[row for row in group if row.kind == INDIVIDUAL and not row.source] for _, group in targets]
    values: dict[str, list[Any]] = {
        "target": [name for name, _ in targets],
        "exposures": [len(group) for group in exposures],
        "composites": [_links_to([row for row in group if row.kind == COMPOSITE]) for _, group in targets],
        "exptime": [rounded(_exposure_time(group)) for group in exposures],
        "last": [max(row.start_utc for row in group) for _, group in targets],
        "curves": [[[f"all {len(group):,}", _curves_url(name)]] for name, group in targets],
    }
    return data_table(
        _TARGET_COLUMNS,
        values,
        caption="All targets",
        noun="targets",
        search=("target",),
        searched="name of the target",
    )


def _links_to(composites: Sequence[CurveRow]) -> list[list[str]]:
    """Return name and URL of each composite, but of the first sources only: the table has all."""
    whole = [[row.configuration or row.filename, row.page] for row in composites if not row.source]
    return whole + [[row.source, row.page] for row in composites if row.source][:_MOST_SOURCES]


def _curves_url(target: str) -> str:
    """Return the URL of the table of all curves, filtered to those of exactly this target."""
    return (
        f"{ALL_CURVES}#q={quote(chr(34) + target + chr(34), safe='', errors='surrogatepass')}" if target else ALL_CURVES
    )


def _exposure_time(rows: Iterable[CurveRow]) -> float:
    """Return the sum of the exposure times that are known, in seconds."""
    return math.fsum(row.exptime_s for row in rows if row.exptime_s is not None and math.isfinite(row.exptime_s))
