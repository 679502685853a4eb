"""What a user does to the plots of a store, what of its files changed by it, and where its pages lead to."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from composite_runs import visit
from store_state import FOLDERS, State, Store, files_of, rows_of

from hstlc.db.plots import VIEWS
from hstlc.pipeline import plots
from hstlc.pipeline.context import open_store
from hstlc.pipeline.drawing import plot_names
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.plots.datatable import STEM
from hstlc.plots.page import bokeh_script

TREE = (*FOLDERS, "plots")
TABLES = {"all_hstlc.html", "interesting_hstlc.html", "boring_hstlc.html", "null_hstlc.html"}
SUMMARIES = {"exptime_histogram.html", "opt_elem.html", "pie_config_cos_fuv.html"}
SCRIPT = f"static/{bokeh_script()[0]}"
STATIC = {"static/hstlc.css", "static/table.js", SCRIPT}
PAGES = TABLES | SUMMARIES | STATIC | {"index.html", "findings.html"}

Snapshot = dict[str, tuple[int, int, str]]


def make_plots(store: Store, *, wait: bool = True, **options: Any) -> Summary:
    """Do what ``hstlc make-plots`` does."""
    summary = Summary()
    with open_store(store.settings, wait=wait) as context, recorded_run(context, "make-plots", summary):
        plots.make_plots(context, summary, **options)
    return summary


@pytest.fixture(scope="session")
def visits(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Exposures of a star on three days (``days``) and one of another star (``other``); nobody writes to them."""
    folder = tmp_path_factory.mktemp("visits")
    return SimpleNamespace(
        days=[visit(folder, number)[0] for number in (1, 2, 3)],
        other=visit(folder, 9, targname="SIM-OTHER")[0],
    )


def views(curve: str) -> set[str]:
    """Return the paths of the plots of a light curve, such as ``SIM-STAR/lsim01aaq_curve``, in the plot folder."""
    folder, _, name = curve.rpartition("/")
    return {f"{folder}/{plot}" for plot in plot_names(f"{name}.fits").values()}


def view(curve: str, kind: str) -> str:
    """Return the path of one plot of a light curve."""
    folder, _, name = curve.rpartition("/")
    assert kind in VIEWS
    return f"{folder}/{plot_names(f'{name}.fits')[kind]}"


def plotted(store: Store) -> set[str]:
    """Return the paths of all files in the plot folder."""
    folder = store.settings.plot_dir
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def whole_state(store: Store) -> State:
    """Return all rows and files, plots too."""
    return State(rows_of(store.url), files_of(store.home, TREE))


def snapshot(store: Store) -> Snapshot:
    """Return inode, time of change and digest of every file of the tree."""
    found = {path: (store.home / path).stat() for path in files_of(store.home, TREE)}
    digests = files_of(store.home, TREE)
    return {path: (stat.st_ino, stat.st_mtime_ns, digests[path]) for path, stat in found.items()}


def written(store: Store, before: Snapshot) -> set[str]:
    """Return the files that are new, gone, or anything else than untouched; those of the plot folder by short paths."""
    after = snapshot(store)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return {path.removeprefix("plots/") for path in changed}


# --- where pages lead to


class Links(HTMLParser):
    """Everything that a page refers to, in its elements and in the data of its tables."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.urls: list[str] = []
        self._data = False
        self.feed(page.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.urls += [url for name in ("href", "src") if (url := known.get(name))]
        self._data = tag == "script" and str(known.get("id", "")).startswith("table-")

    def handle_endtag(self, _tag: str) -> None:
        self._data = False

    def handle_data(self, data: str) -> None:
        if self._data:
            self.urls += _urls_of_table(json.loads(data))


def _urls_of_table(table: dict[str, Any]) -> list[str]:
    """Return the URLs in the data of a table, as the script of the page puts them together."""

    def column(name: str) -> list[Any]:
        packed = table["values"][name]
        return [packed["words"][i] for i in packed["index"]] if isinstance(packed, dict) else packed

    urls: list[str] = []
    stems = [name.rpartition(".")[0] for name in column(table["stem"])] if table["stem"] else [""] * table["rows"]
    for described in table["columns"]:
        if described["kind"] == "links":
            urls += [url for links in column(described["key"]) for _, url in links]
        names = [described["key"]] if described["kind"] == "picture" else []
        for name in [*names, *([described["link"]] if "link" in described else [])]:
            urls += [url.replace(STEM, stem) for url, stem in zip(column(name), stems, strict=True)]
    return [url for url in urls if url]


def broken_links(folder: Path) -> list[str]:
    """Return which page below a folder leads to which file that is not there, or to something that is no file here."""
    problems = []
    for page in sorted(folder.rglob("*.html")):
        urls = Links(page).urls
        assert urls, page
        for url in urls:
            if url == "data:,":
                continue
            parts = urlsplit(url)
            target = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
            if parts.scheme or parts.netloc or parts.path.startswith("/") or not target.is_file():
                problems.append(f"{page.relative_to(folder)}: {url}")
    return problems
