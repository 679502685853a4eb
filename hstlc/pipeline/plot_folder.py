"""The pages over all light curves: index, tables, summaries, findings, and the files that pages share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from hstlc.db import plots, records
from hstlc.db.engine import reading, writing
from hstlc.errors import HstlcError
from hstlc.pipeline.context import Context
from hstlc.pipeline.drawing import STATIC, relative_url
from hstlc.pipeline.findings import check_rows
from hstlc.pipeline.publication import finish_removals, publish_all
from hstlc.pipeline.results import Summary, failure_of
from hstlc.pipeline.stored import is_stored, removals, stored_path
from hstlc.store.digest import digest
from hstlc.store.layout import Layout, slug
from hstlc.store.publish import Staged, discard, free_space_guard, stage_bytes

if TYPE_CHECKING:
    from hstlc.plots.findings import CheckRow
    from hstlc.plots.rows import CurveRow

__all__ = ["drop_plots", "is_script", "refresh_folder"]

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


def refresh_folder(context: Context, summary: Summary, settings: str) -> None:
    """Write the pages over all light curves that are missing or show something else, and delete those without use.

    Parameters
    ----------
    context : Context
    summary : Summary
        Gets ``pages`` and ``failures``.
    settings : str
        Digest of the settings of today: plots that others drew may still need the script of an earlier version.
    """
    from hstlc.plots.assets import SUMMARY_VERSION
    from hstlc.plots.page import bokeh_script

    layout = context.layout
    with reading(context.engine) as connection:
        rows = [_curve_row(layout, found) for found in plots.described_curves(connection)]
        checks, exposures = check_rows(connection)
        before = {row["key"]: row for row in plots.folder_pages(connection)}
        outdated = plots.drawn_otherwise(connection, settings)
    script, content = bokeh_script()
    pages = _pages(rows, checks, exposures, script) | {f"{STATIC}/{script}": partial(bytes, content)}
    gone = [row for key, row in before.items() if key not in pages and not (outdated and is_script(key))]
    inputs = digest([script, SUMMARY_VERSION, sorted(map(repr, rows)), exposures, list(map(repr, checks))])
    here = {key for key, row in before.items() if is_stored(layout, row, (layout.plots / key).parent)}
    if not gone and all(key in here and before[key]["input_digest"] == inputs for key in pages):
        return
    made: list[_Page] = []
    try:
        for key, build in pages.items():
            data, path = build(), layout.plots / key
            row = {
                "kind": plots.FOLDER_PAGE,
                "key": key,
                "path": layout.relative(path.parent),
                "filename": path.name,
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_bytes": len(data),
                "input_digest": inputs,
                "step_version": SUMMARY_VERSION,
                "settings_digest": digest(script),
                "made_at": datetime.now(UTC),
            }
            staged = None
            if key not in here or before[key]["sha256"] != row["sha256"]:
                free_space_guard(path.parent, len(data), context.settings.min_free_space)
                staged = stage_bytes(data, path.parent, path.name, context.run, access=layout.access)
            made.append(_Page(row, staged))
    except HstlcError as error:
        for page in made:
            if page.staged is not None:
                discard(page.staged)
        summary.failures.append(failure_of(error, what=f"pages of {layout.plots}"))
        return

    def record(connection: Connection, done: Sequence[_Page]) -> Sequence[Mapping[str, str]]:
        plots.save_plots(connection, [page.row for page in done])
        gone = []
        for page in done:
            earlier = [before[page.row["key"]]] if page.row["key"] in before else []
            gone += removals(layout, earlier, [layout.plots / page.row["key"]])
        return gone

    failures = publish_all(
        context.engine,
        layout,
        made,
        name=lambda page: str(page.row["key"]),
        files=lambda page: [(page.staged, True)] if page.staged is not None else [],
        record=record,
    )
    if not failures:
        drop_plots(context, gone)
    summary.failures += failures
    summary.pages += sum(page.staged is not None for page in made) - len(failures)


def drop_plots(context: Context, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete plots and pages that nobody needs any more."""
    if rows:
        with writing(context.engine) as connection:
            records.add_removals(connection, removals(context.layout, rows))
            plots.remove_plots(connection, [row["id"] for row in rows])
        finish_removals(context.engine, context.layout)


def is_script(key: str) -> bool:
    """Tell whether a file of the plot folder is the script of all pages, of whatever version."""
    return key.startswith(f"{STATIC}/") and key.endswith(".min.js")


def _pages(
    rows: Sequence[CurveRow], checks: Sequence[CheckRow], exposures: int, script: str
) -> dict[str, Callable[[], bytes]]:
    """Return path in the plot folder of every page and of what they share, and what makes its content."""
    from hstlc.plots.assets import asset_files
    from hstlc.plots.findings import FINDINGS, findings_page
    from hstlc.plots.index import index_page
    from hstlc.plots.rows import Verdict
    from hstlc.plots.summary import configuration_page, exposure_page, filter_page
    from hstlc.plots.tables import ALL_CURVES, INDEX, table_page

    pages: dict[str, Callable[[], bytes]] = {
        f"{STATIC}/{name}": partial(bytes, content) for name, content in asset_files().items()
    }
    tables: dict[str, tuple[str, int]] = {}

    def table(name: str, title: str, chosen: Sequence[CurveRow], intro: str) -> None:
        tables[title] = name, len(chosen)
        pages[name] = partial(table_page, title, chosen, intro=intro, static=STATIC)

    table(ALL_CURVES, "All light curves", rows, "Every light curve there is.")
    for verdict in Verdict:
        chosen = [row for row in rows if row.verdict is verdict]
        table(
            f"{verdict.value}_hstlc.html", f"{verdict.value.capitalize()} light curves", chosen, _INTROS[verdict.value]
        )
    shared = {"script": f"{STATIC}/{script}", "static": STATIC}
    summaries = {"Exposure time per target": "exptime_histogram.html", "Exposures per filter": "opt_elem.html"}
    whole = [row for row in rows if not row.source]
    pages["exptime_histogram.html"] = partial(exposure_page, whole, **shared)
    pages["opt_elem.html"] = partial(filter_page, whole, **shared)
    for instrument, detector in sorted({(row.instrume, row.detector) for row in whole}):
        name = f"pie_config_{slug(f'{instrument}_{detector}').lower()}.html"
        summaries[f"Configurations of {instrument} {detector}"] = name
        pages[name] = partial(configuration_page, whole, instrument, detector, **shared)
    summaries["Findings of the checks"] = FINDINGS
    pages[FINDINGS] = partial(findings_page, checks, exposures, static=STATIC)
    pages[INDEX] = partial(index_page, rows, tables=tables, summaries=summaries, static=STATIC)
    return pages


def _curve_row(layout: Layout, found: Mapping[str, Any]) -> CurveRow:
    from hstlc.plots.rows import CurveRow

    plain: dict[str, Any] = {field.name: found.get(field.name) for field in fields(CurveRow)}
    plain |= {name: found.get(name) or "" for name in ("source", "band")}
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
