"""The pages over all light curves: index, tables, summaries, and the files that pages share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from hstlc.db import plots
from hstlc.db.engine import reading
from hstlc.pipeline.context import Context
from hstlc.pipeline.drawing import STATIC, relative_url
from hstlc.pipeline.publication import publish_all
from hstlc.pipeline.results import Summary
from hstlc.pipeline.stored import is_stored, removal, stored_path
from hstlc.store.digest import digest
from hstlc.store.layout import Layout, slug
from hstlc.store.publish import Staged, stage_bytes

if TYPE_CHECKING:
    from hstlc.plots.rows import CurveRow

__all__ = ["refresh_folder"]

_INTROS = {
    "interesting": "Light curves that a constant rate does not explain, or that have a period.",
    "boring": "Light curves that a constant rate explains.",
    "null": "Light curves that have too few counts or bins to tell.",
}


@dataclass(frozen=True, slots=True)
class _Page:
    """A file of the plot folder: its row of ``product``, and its new content where that changed."""

    row: Mapping[str, Any]
    staged: Staged | None


def refresh_folder(context: Context, summary: Summary) -> None:
    """Write the pages over all light curves that are missing or show something else, and delete those without use.

    Parameters
    ----------
    context : Context
    summary : Summary
        Gets ``pages`` and ``failures``.
    """
    from hstlc.plots.assets import SUMMARY_VERSION
    from hstlc.plots.page import bokeh_script

    layout = context.layout
    with reading(context.engine) as connection:
        rows = [_curve_row(layout, found) for found in plots.described_curves(connection)]
        before = {row["key"]: row for row in plots.folder_pages(connection)}
    script, content = bokeh_script()
    inputs = digest([script, SUMMARY_VERSION, sorted(repr(row) for row in rows)])
    current = {key: row for key, row in before.items() if not _is_older_script(key, script)}
    if current and all(row["input_digest"] == inputs and is_stored(layout, row) for row in current.values()):
        return
    pages = []
    for key, data in (*_pages(rows, script), (f"{STATIC}/{script}", content)):
        path = layout.plots / key
        row: dict[str, Any] = {
            "kind": plots.FOLDER_PAGE,
            "key": key,
            "path": layout.relative(path.parent),
            "filename": path.name,
        }
        row |= {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data), "input_digest": inputs}
        row |= {"step_version": SUMMARY_VERSION, "settings_digest": digest(script), "made_at": datetime.now(UTC)}
        same = key in before and before[key]["sha256"] == row["sha256"] and is_stored(layout, before[key])
        staged = None
        if not same:
            staged = stage_bytes(data, path.parent, path.name, context.run, access=layout.access)
        pages.append(_Page(row, staged))
    keys = {page.row["key"] for page in pages}
    gone = [row for key, row in current.items() if key not in keys]

    def record(connection: Connection, page: _Page) -> list[Mapping[str, str]]:
        plots.save_plots(connection, [page.row])
        plots.remove_plots(connection, [row["id"] for row in gone])
        return [removal(layout, row) for row in gone] if page is pages[-1] else []

    failures = publish_all(
        context.engine,
        layout,
        pages,
        name=lambda page: str(page.row["key"]),
        files=lambda page: [(page.staged, True)] if page.staged is not None else [],
        record=record,
    )
    summary.failures += failures
    summary.pages += sum(page.staged is not None for page in pages) - len(failures)


def _is_older_script(key: str, script: str) -> bool:
    """Tell whether a file is the script of another version: pages that were drawn with it still need it."""
    return key.startswith(f"{STATIC}/") and key.endswith(".min.js") and key != f"{STATIC}/{script}"


def _pages(rows: Sequence[CurveRow], script: str) -> Iterator[tuple[str, bytes]]:
    """Yield path in the plot folder and content of every page and of what they share."""
    from hstlc.plots.assets import asset_files
    from hstlc.plots.index import index_page
    from hstlc.plots.rows import Verdict
    from hstlc.plots.summary import configuration_page, exposure_page, filter_page
    from hstlc.plots.tables import ALL_CURVES, INDEX, table_page

    for name, content in asset_files().items():
        yield f"{STATIC}/{name}", content
    tables = {"All light curves": (ALL_CURVES, len(rows))}
    yield ALL_CURVES, table_page("All light curves", rows, intro="Every light curve there is.", static=STATIC)
    for verdict in Verdict:
        chosen = [row for row in rows if row.verdict is verdict]
        title = f"{verdict.value.capitalize()} light curves"
        tables[title] = (f"{verdict.value}_hstlc.html", len(chosen))
        yield tables[title][0], table_page(title, chosen, intro=_INTROS[verdict.value], static=STATIC)
    shared = {"script": f"{STATIC}/{script}", "static": STATIC}
    summaries = {"Exposure time per target": "exptime_histogram.html", "Exposures per filter": "opt_elem.html"}
    yield "exptime_histogram.html", exposure_page(rows, **shared)
    yield "opt_elem.html", filter_page(rows, **shared)
    for instrument, detector in sorted({(row.instrume, row.detector) for row in rows}):
        name = f"pie_config_{slug(f'{instrument}_{detector}').lower()}.html"
        summaries[f"Configurations of {instrument} {detector}"] = name
        yield name, configuration_page(rows, instrument, detector, **shared)
    yield INDEX, index_page(rows, tables=tables, summaries=summaries, static=STATIC)


def _curve_row(layout: Layout, found: Mapping[str, Any]) -> CurveRow:
    from hstlc.plots.rows import CurveRow

    plain: dict[str, Any] = {field.name: found.get(field.name) for field in fields(CurveRow)}
    urls = {
        kind: relative_url(layout.resolve(path) / name, layout.plots) for kind, (path, name) in found["plots"].items()
    }
    return CurveRow(
        **plain
        | {
            "datasets": found["members"],
            "reduced_chi2": found.get("within_reduced_chi2"),
            "chi2_p": found.get("within_chi2_p"),
            "periodogram": bool(found.get("periodogram")),
            "deliver": bool(found.get("deliver")),
            "page": urls.get("page", ""),
            "quicklook": urls.get("quicklook", ""),
            "periodogram_page": urls.get("periodogram", ""),
            "fits": relative_url(stored_path(layout, found), layout.plots),
        }
    )
