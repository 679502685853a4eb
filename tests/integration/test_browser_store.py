"""The pages of a store, in a real browser, from disk and from a server: as the guide on plots says they are used."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pytest
from astropy.io import fits
from browser import Serve, WatchedPage
from composite_runs import ingest, visit
from PIL import Image
from plot_runs import broken_links, make_plots, plotted
from store_state import Store

from hstlc.db.readonly import select
from hstlc.formats.curve_fits import read_light_curve
from hstlc.model import LightCurve
from hstlc.plots.axis import time_axis
from hstlc.plots.colors import ODD_EVEN
from hstlc.testing.cos import Scene, flare

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Row = dict[str, Any]

HOSTILE = "SIM-GAP-<B>&AMP;'"
ONE = "SIM-STAR/lsim02aaq_curve"
FLARE = "SIM-FLARE/lsim04aaq_curve"
STAR = "composite/hlsp_hstlc_hst_cos-fuv_sim-star_g130m_1291_psa_v1_sci"
EACH = ["individual", "composite"]
TALL = (1280, 1100)  # all panels of a page are in the window
TABLES = {"all": None, "interesting": True, "boring": False, "null": None}
SUMMARIES = {
    "exptime_histogram": ("Cumulative exposure time", "477 s of exposure time on 5 targets", 2),
    "opt_elem": ("Exposures by optical element", "Number of exposures taken with each grating", 1),
    "pie_config_cos_fuv": ("COS FUV configurations", "G130M/1291 6 100.0 %", 1),
    "pie_config_cos_nuv": ("COS NUV configurations", "G185M/1786 1 100.0 %", 1),
}
KINDS = {
    "index": ("index.html",),
    "table": tuple(f"{name}_hstlc.html" for name in TABLES),
    "summary": tuple(f"{name}.html" for name in SUMMARIES),
    "findings": ("findings.html",),
    "curve": ("SIM-*/*_curve.html",),
    "composite": ("composite/*_sci.html",),
    "periodogram": ("*/*_periodogram.html",),
}
QUERY = "SELECT s.*, p.kind AS kind FROM stats s JOIN product p ON s.product_id = p.id"
#: Which pages of light curves are opened, by a part of their names: usual ones, flagged bins, no periodogram, NUV.
OPENED = {"curve": ("lsim02", "lsim05", "lsim06"), "composite": ("sim-star", "sim-nuv")}
#: Where the panels of a page are in the window, from top to bottom, and the limits of their axes.
PANELS = """
() => [...Bokeh.index.query((view) => view.model.type === "Figure")].map((view) => {
  const box = view.el.getBoundingClientRect(), {x, y, width, height} = view.frame.bbox;
  const {x_range, y_range, left} = view.model;
  return {
    label: left[0].axis_label, left: box.x + x, top: box.y + y, width, height,
    x0: x_range.start, x1: x_range.end, y0: y_range.start, y1: y_range.end,
  };
}).sort((a, b) => a.top - b.top)
"""


@dataclass(frozen=True)
class Panel:
    """Where one panel is in the window, in pixels, and what its axes show."""

    label: str
    left: float
    top: float
    width: float
    height: float
    x0: float
    x1: float
    y0: float
    y1: float

    @property
    def factor(self) -> float:
        """Power of ten that the label takes out of the values."""
        power = re.search("10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+) ", self.label)
        digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
        return 10.0 ** int(power[1].translate(digits)) if power else 1.0

    def values(self, curve: LightCurve) -> Any:
        """What of a light curve it shows, in the unit of its axis."""
        name = self.label.partition(" (")[0]
        values = {
            "Flux": curve["flux"],
            "Rate": curve["rate"],
            "Background": curve["background"] / np.where(curve["exposure"] > 0, curve["exposure"], np.nan),
            "Live part": curve["fraction"],
        }
        return values[name] / self.factor

    def place(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Pixels of the window where a value is."""
        across, up = (x - self.x0) / (self.x1 - self.x0), (y - self.y0) / (self.y1 - self.y0)
        return self.left + across * self.width, self.top + (1 - up) * self.height


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three visits of one star, one that flares, one with a gap and a hostile name, one too short, one NUV; all drawn.

    Its folder has a name that URLs must quote.
    """
    folder = tmp_path_factory.mktemp("browser")
    given, home = folder / "given", folder / "data tree #1"
    home.mkdir()
    for number in (1, 2, 3):
        visit(given, number, x1d=True, exptime_s=60.0)
    visit(given, 4, targname="SIM-FLARE", exptime_s=200.0, scene=Scene(20.0, 0.5, flare(80.0)))
    visit(given, 5, targname=HOSTILE, gti=((0.032, 40.032), (55.532, 90.032)))
    visit(given, 6, targname="SIM-BRIEF", exptime_s=2.0)
    visit(given, 7, targname="SIM-NUV", detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"))
    store = Store(home, f"sqlite:///{folder / 'hstlc.db'}")
    assert ingest(store, given).failures == []
    summary = make_plots(store)
    assert (summary.failures, summary.plots) == ([], 12)
    return store


@pytest.fixture(scope="module")
def rows(store: Store) -> dict[str, Row]:
    """Statistics of every light curve, by its file name."""
    found = select(store.url, QUERY)
    return {row["lightcurve_filename"]: row for row in (dict(zip(found.columns, r, strict=True)) for r in found.rows)}


@pytest.fixture(params=["file", "http"])
def site(request: pytest.FixtureRequest, store: Store, loopback: Serve) -> str:
    """The URL of the folder that holds plots and outputs, without a slash at the end."""
    return store.home.resolve().as_uri() if request.param == "file" else loopback(store.home)


@pytest.fixture
def visitor(watched_page: WatchedPage) -> Callable[..., Any]:
    """A function that opens a page as ``watched_page`` does; plots and outputs must answer all that it asks for."""

    @contextmanager
    def open_page(site: str, **settings: Any) -> Iterator[Page]:
        asked: list[str] = []
        answers: list[tuple[str, int]] = []
        with watched_page(f"{site}/plots", f"{site}/outputs", size=TALL, **settings) as page:
            page.on("request", lambda request: asked.append(request.url))
            page.on("response", lambda response: answers.append((response.url, response.status)))
            yield page
        assert [answer for answer in answers if answer[1] not in (200, 304)] == []
        assert asked
        assert {url for url in asked if not url.startswith(("data:", "blob:"))} <= {url for url, _ in answers}

    return open_page


def pages_of(store: Store, kind: str) -> list[str]:
    """Return the pages of one kind, relative to the plot folder."""
    found = sorted(path for path in plotted(store) if path.endswith(".html"))
    periodogram = KINDS["periodogram"][0]
    return [
        path
        for path in found
        if any(fnmatch(path, pattern) for pattern in KINDS[kind])
        and (kind == "periodogram" or not fnmatch(path, periodogram))
    ]


def visible(place: Locator) -> str:
    """Return the text that a reader sees, with single spaces."""
    return " ".join(place.inner_text().split())


def wait_drawn(page: Page) -> None:
    page.wait_for_function(
        "document.querySelectorAll('.plot, .chart').length && Bokeh.documents.length"
        " && Bokeh.documents.every((document) => document.is_idle)"
    )


def picture_of(page: Page) -> Any:
    """Return the window as an array of shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)


def check_links(page: Page, store: Store, site: str) -> list[str]:
    """Return where a page leads to, after looking whether all of it are files of the store."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('[href], [src]')].map((e) => e.href || e.src)")
    links = [url for url in found if url != "data:,"]
    assert links
    for url in links:
        assert url.startswith((f"{site}/plots/", f"{site}/outputs/")), url
        path, _, fragment = url.removeprefix(f"{site}/").partition("#")
        assert (store.home / unquote(path)).is_file(), url
        assert not fragment or path == "plots/all_hstlc.html"
    return [unquote(url.removeprefix(f"{site}/").partition("#")[0]) for url in links]


def show_pictures(page: Page, number: int) -> None:
    """Wait until all pictures of a page are loaded, those that wait for the reader too."""
    pictures = page.get_by_role("img")
    assert pictures.count() == number
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth === 400)")


def column(page: Page, name: str) -> list[str]:
    place = page.locator("thead th").all_inner_texts().index(name) + 1
    return page.locator(f"tbody tr > :nth-child({place})").all_inner_texts()


def panels(page: Page) -> list[Panel]:
    return [Panel(**found) for found in page.evaluate(PANELS)]


def panel(page: Page, name: str) -> Panel:
    return next(found for found in panels(page) if found.label.startswith(name))


def name_of(row: Row) -> str:
    """Return what the paths of a light curve and of its plots have in common."""
    return f"{row['lightcurve_path']}/{row['lightcurve_filename']}".removeprefix("outputs/").removesuffix(".fits")


def curve_of(store: Store, name: str) -> LightCurve:
    return read_light_curve(store.home / "outputs" / f"{name}.fits")


def close_to(color: str, pixels: Any) -> Any:
    """Tell which pixels have a color that is drawn a little transparent."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels - wanted).max(axis=-1) < 40


def check_bins(page: Page, curve: LightCurve, names: Sequence[str]) -> list[Panel]:
    """Look whether every unflagged bin in view is drawn at its place, in each panel, in the color of its dataset."""
    page.mouse.move(2, 2)
    page.wait_for_function("Bokeh.documents[0].is_idle")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    picture, x, found = picture_of(page), time_axis(curve).x, panels(page)
    assert [one.label.partition(" (")[0] for one in found] == list(names)
    for one in found:
        values = one.values(curve)
        seen = curve.good & (x > one.x0) & (x < one.x1) & (values > one.y0) & (values < one.y1)
        assert seen.sum() >= 5
        across, down = (np.rint(place).astype(int) for place in one.place(x[seen], values[seen]))
        even = curve["dataset"][seen] % 2 == 0
        for is_even, color in zip((False, True), ODD_EVEN, strict=True):
            drawn = close_to(color, picture[down[even == is_even], across[even == is_even]])
            assert drawn.all(), f"{one.label}: {np.count_nonzero(~drawn)} of {len(drawn)} bins are not drawn"
    return found


# --- one page of each kind


def test_every_page_of_the_folder_is_of_one_kind_that_is_opened_here(store: Store) -> None:
    found = Counter(path for kind in KINDS for path in pages_of(store, kind))
    assert found == Counter(path for path in plotted(store) if path.endswith(".html"))
    assert {kind: len(pages_of(store, kind)) for kind in KINDS} == {
        "index": 1, "table": 4, "summary": 4, "findings": 1, "curve": 7, "composite": 5, "periodogram": 10,
    }  # fmt: skip


def test_all_links_of_all_pages_lead_to_files_that_are_there(store: Store) -> None:
    assert broken_links(store.settings.plot_dir) == []


def test_the_index_says_what_the_store_holds_and_leads_there(
    visitor: Callable[..., Any], site: str, store: Store, rows: dict[str, Row]
) -> None:
    with visitor(site) as page:
        page.goto(f"{site}/plots/index.html")
        assert page.title() == page.locator("h1").inner_text() == "Light curves"
        figures = dict(zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True))
        varying = {curve_of(store, name_of(row)).meta["TARGNAME"] for row in rows.values() if row["interesting"]}
        assert figures == {
            "targets": "5",
            "exposures": str(sum(row["kind"] == "individual" for row in rows.values())),
            "composite light curves": str(sum(row["kind"] == "composite" for row in rows.values())),
            "exposure time": "477 s",
            "targets that vary": str(len(varying)),
        }
        tables = visible(page.get_by_role("region", name="Tables", exact=True))
        verdicts = Counter(row["interesting"] for row in rows.values())
        assert tables == (
            f"Tables All light curves ({len(rows)}) Interesting light curves ({verdicts[1]}) "
            f"Boring light curves ({verdicts[0]}) Null light curves ({verdicts[None]})"
        )
        show_pictures(page, 7)
        cards = page.locator(".card strong").all_inner_texts()
        assert cards == ["SIM-NUV", "SIM-BRIEF", HOSTILE, "SIM-FLARE", *["SIM-STAR"] * 3]
        assert column(page, "target") == sorted({*cards})
        leads = check_links(page, store, site)
        for kind in ("table", "summary", "curve", "composite"):
            assert {f"plots/{path}" for path in pages_of(store, kind)} <= set(leads)


def test_tables_show_the_rows_of_the_database_with_their_plots_and_files(
    visitor: Callable[..., Any], site: str, store: Store, rows: dict[str, Row]
) -> None:
    with visitor(site) as page:
        for table, verdict in TABLES.items():
            wanted = {name: row for name, row in rows.items() if table == "all" or row["interesting"] == verdict}
            page.goto(f"{site}/plots/{table}_hstlc.html")
            assert page.title() == page.locator("h1").inner_text() == f"{table.capitalize()} light curves"
            page.get_by_label("Kind").select_option("")
            show_pictures(page, len(wanted))
            shown = dict(zip(column(page, "filename"), column(page, "total (counts)"), strict=True))
            assert shown == {name: str(row["total"]) for name, row in wanted.items()}
            assert dict(zip(column(page, "filename"), column(page, "kind"), strict=True)) == {
                name: row["kind"] for name, row in wanted.items()
            }
            leads = Counter(check_links(page, store, site))
            for row in wanted.values():
                plot = f"plots/{name_of(row)}"
                assert leads[f"outputs/{name_of(row)}.fits"] == 1
                assert (leads[f"{plot}.html"], leads[f"{plot}_quicklook.png"]) == (1, 1)
                assert leads[f"{plot}_periodogram.html"] == (row["peak_period_s"] is not None)


def test_findings_are_those_of_the_database(visitor: Callable[..., Any], site: str, store: Store) -> None:
    counted = "SELECT reason, count(DISTINCT rootname) FROM finding GROUP BY reason"
    wanted = {reason: str(number) for reason, number in select(store.url, counted).rows}
    with visitor(site) as page:
        page.goto(f"{site}/plots/findings.html")
        assert page.title() == page.locator("h1").inner_text() == "Findings"
        shown = dict(zip(column(page, "finding"), column(page, "exposures"), strict=True))
        assert wanted
        assert {reason: shown[reason] for reason in wanted if reason in shown} == wanted


def test_summaries_are_drawn_and_say_what_they_show(visitor: Callable[..., Any], site: str, store: Store) -> None:
    with visitor(site) as page:
        for name, (title, text, charts) in SUMMARIES.items():
            page.goto(f"{site}/plots/{name}.html")
            wait_drawn(page)
            assert page.title() == page.locator("h1").inner_text() == title
            assert text in visible(page.locator("body"))
            assert page.locator(".chart").count() == page.evaluate("Bokeh.documents.length") == charts
            for chart in page.locator(".chart").all():
                pixels = np.asarray(Image.open(io.BytesIO(chart.screenshot())).convert("RGB"))
                assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10
            assert "plots/index.html" in check_links(page, store, site)


@pytest.mark.parametrize(("kind", "names"), OPENED.items(), ids=OPENED)
def test_the_page_of_a_curve_says_whose_it_is(
    visitor: Callable[..., Any], site: str, store: Store, kind: str, names: Sequence[str]
) -> None:
    with visitor(site) as page:
        for path in pages_of(store, kind):
            name = path.removesuffix(".html")
            if not any(part in name for part in names):
                continue
            curve = curve_of(store, name)
            page.goto(f"{site}/plots/{path}")
            wait_drawn(page)
            assert page.title() == page.locator("h1").inner_text() == curve.meta["TARGNAME"]
            text, datasets = visible(page.locator("body")), len(set(curve["dataset"]))
            exposure = f"{datasets} exposures" if datasets > 1 else curve.meta["ROOTNAME"]
            setup = f"{curve.meta['OPT_ELEM']}/{curve.meta['CENWAVE']} · PSA · {exposure} · 2-s bins · simulated"
            assert setup in text
            assert ("gap, not to scale" in text, "even dataset" in text) == (datasets > 1, datasets > 1)
            assert ("flagged bin" in text) == (not curve.good.all())
            shown = [one.label.partition(" (")[0] for one in panels(page)]
            flux = ["Flux"] if np.isfinite(curve["flux"][curve.good]).any() else []
            assert shown == [*flux, "Rate", "Background", "Live part"]
            leads = check_links(page, store, site)
            assert f"outputs/{name}.fits" in leads
            assert f"plots/{name}.png" in leads
            Image.open(store.home / "plots" / f"{name}.png").verify()
            periodogram = f"{name}_periodogram.html"
            assert (f"plots/{periodogram}" in leads) == (periodogram in plotted(store))


def test_the_periodogram_names_the_peak_of_the_database(
    visitor: Callable[..., Any], site: str, store: Store, rows: dict[str, Row]
) -> None:
    with visitor(site) as page:
        for name in (FLARE, STAR):
            path = f"{name}_periodogram.html"
            assert path in pages_of(store, "periodogram")
            row, curve = rows[f"{Path(name).name}.fits"], curve_of(store, name)
            page.goto(f"{site}/plots/{path}")
            wait_drawn(page)
            assert page.title() == page.locator("h1").inner_text() == f"{curve.meta['TARGNAME']}: periodogram"
            assert f"Highest peak: period {row['peak_period_s']:.6g} s, power {row['peak_power']:.3g}" in visible(
                page.locator("body")
            )
            (one,) = panels(page)
            line, ring = (close_to(color, picture_of(page)) for color in ODD_EVEN)
            across = np.log(1 / (row["peak_period_s"] * one.x0)) / np.log(one.x1 / one.x0)
            x, y = one.left + across * one.width, one.place(0.0, row["peak_power"])[1]
            down, right = np.nonzero(ring)
            assert (right.min() + right.max()) / 2 == pytest.approx(x, abs=2)
            assert (down.min() + down.max()) / 2 == pytest.approx(y, abs=2)
            _, columns = np.nonzero(line)
            assert np.ptp(columns) > 0.8 * one.width
            assert {f"outputs/{name}.fits", f"plots/{name}.html"} <= set(check_links(page, store, site))


# --- what a reader does with them


def test_a_click_on_a_column_sorts_the_rows_of_the_store(
    visitor: Callable[..., Any], site: str, rows: dict[str, Row]
) -> None:
    known = {name: row["false_alarm_probability"] for name, row in rows.items()}
    present = sorted(value for value in known.values() if value is not None)
    with visitor(site) as page:
        page.goto(f"{site}/plots/all_hstlc.html")
        page.get_by_label("Kind").select_option("")
        assert column(page, "kind") == ["composite"] * 5 + ["individual"] * 7
        head = page.get_by_role("columnheader", name="false alarm")
        for order, wanted in (("ascending", present), ("descending", present[::-1])):
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == order
            names, shown = column(page, "filename"), column(page, "false alarm")
            assert [known[name] for name in names[:-2]] == wanted
            assert [float(text) for text in shown[:-2]] == pytest.approx(wanted, rel=6e-3)
            assert shown[-2:] == ["–", "–"]
            assert {known[name] for name in names[-2:]} == {None}
        page.get_by_role("columnheader", name="mean").get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "none"
        means = [rows[name]["mean"] for name in column(page, "filename")]
        assert means == sorted(row["mean"] for row in rows.values())


def test_thumbnails_lead_to_curves_and_these_to_their_files(
    visitor: Callable[..., Any], site: str, store: Store
) -> None:
    curve, own, names = curve_of(store, STAR), f"{site}/plots/{STAR}", ["Flux", "Rate", "Background", "Live part"]
    with visitor(site) as page:
        page.goto(f"{site}/plots/index.html")
        page.locator(".card").filter(has_text="2018-07-03").get_by_role("img").click()
        page.wait_for_url(f"{site}/plots/{ONE}.html")
        wait_drawn(page)
        check_bins(page, curve_of(store, ONE), names)
        page.get_by_role("link", name="all curves").click()
        page.get_by_role("link", name="All light curves").click()
        row = page.get_by_role("row").filter(has_text=f"{Path(STAR).name}.fits")
        row.get_by_role("img").click()
        page.wait_for_url(f"{own}.html")
        wait_drawn(page)
        check_bins(page, curve, names)
        with page.expect_download() as download:
            page.get_by_role("link", name="FITS file").click()
        fetched = download.value.path().read_bytes()
        target = store.home / "outputs" / f"{STAR}.fits"
        assert store.home / unquote(download.value.url.removeprefix(f"{site}/")) == target
        assert fetched == target.read_bytes()
        with fits.open(io.BytesIO(fetched), checksum=True) as units:
            units.verify("exception")
            assert units[0].header["TARGNAME"] == "SIM-STAR"
            assert len(units[1].data) == len(curve)
        page.get_by_role("link", name="periodogram").click()
        page.wait_for_url(f"{own}_periodogram.html")
        wait_drawn(page)
        page.get_by_role("link", name="light curve").click()
        page.wait_for_url(f"{own}.html")


def lonely_bin(one: Panel, curve: LightCurve, dataset: int) -> int:
    """Return the unflagged bin of a dataset that is farthest from all other bins in the window."""
    x, y = one.place(time_axis(curve).x, one.values(curve))
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    distance[np.isnan(distance)] = np.inf
    np.fill_diagonal(distance, np.inf)
    chosen = np.where(curve.good & (curve["dataset"] == dataset), distance.min(axis=0), -1.0)
    return int(np.argmax(chosen))


def parts(text: str) -> list[float]:
    return [float(part) for part in text.removesuffix(" s").split(" ± ")]


@pytest.mark.parametrize(
    ("site", "name", "datasets"), [("file", ONE, [1]), ("http", STAR, [1, 2, 3])], indirect=["site"], ids=EACH
)
def test_a_tooltip_has_the_numbers_of_the_row_of_the_file(
    visitor: Callable[..., Any], site: str, store: Store, name: str, datasets: list[int]
) -> None:
    curve = curve_of(store, name)
    table = fits.getdata(store.home / "outputs" / f"{name}.fits", 1)
    with visitor(site) as page:
        page.goto(f"{site}/plots/{name}.html")
        wait_drawn(page)
        rate, flux = panel(page, "Rate"), panel(page, "Flux")
        for dataset in datasets:
            number = lonely_bin(rate, curve, dataset)
            row = table[number]
            x, y = rate.place(time_axis(curve).x[number], row["rate"])
            page.mouse.move(2, 2)
            page.locator(".bk-tooltip-row-value").first.wait_for(state="hidden")
            page.mouse.move(x, y)
            page.locator(".bk-tooltip-row-value").first.wait_for()
            labels, texts = (page.locator(f".bk-tooltip-row-{cell}").all_inner_texts() for cell in ("label", "value"))
            shown = dict(zip([label.removesuffix(":") for label in labels], texts, strict=True))
            assert len(shown) == len(texts) == 8
            first = table[table["dataset"] == dataset][0]
            began = first["times"] if len(datasets) > 1 else 0.0
            assert (shown["dataset"], shown["quality"]) == (str(dataset), "0")
            assert parts(shown["time"]) == pytest.approx([row["times"] + row["bins"] / 2 - began], abs=6e-4)
            assert parts(shown["MJD"]) == pytest.approx([row["mjd"]], abs=6e-8)
            for one, quantity in ((flux, "flux"), (rate, "rate")):
                value, error = parts(shown[one.label])
                assert value == pytest.approx(row[quantity] / one.factor, rel=6e-4)
                assert error == pytest.approx(row[f"{quantity}_error"] / one.factor, rel=6e-2)
            background = panel(page, "Background").label
            assert parts(shown[background]) == pytest.approx([row["background"] / row["exposure"]], rel=6e-4)
            assert parts(shown["Live part"]) == pytest.approx([row["fraction"]], abs=6e-5)


@pytest.mark.parametrize(("site", "name"), [("http", ONE), ("file", STAR)], indirect=["site"], ids=EACH)
def test_a_zoom_in_one_panel_is_followed_by_all_and_can_be_undone(
    visitor: Callable[..., Any], site: str, store: Store, name: str
) -> None:
    curve, names = curve_of(store, name), ["Flux", "Rate", "Background", "Live part"]
    with visitor(site) as page:
        page.goto(f"{site}/plots/{name}.html")
        wait_drawn(page)
        before = check_bins(page, curve, names)
        rate = before[1]
        low, high = (rate.x0 + part * (rate.x1 - rate.x0) for part in (0.3, 0.6))
        (left, middle), (right, _) = (rate.place(x, (rate.y0 + rate.y1) / 2) for x in (low, high))
        page.mouse.move(left, middle)
        page.mouse.down()
        page.mouse.move((left + right) / 2, middle + 20)
        page.mouse.move(right, middle)
        page.mouse.up()
        page.wait_for_function(f"({PANELS})().some((panel) => panel.x0 > {rate.x0})")
        after = check_bins(page, curve, names)
        pixel = (rate.x1 - rate.x0) / rate.width
        for one, other in zip(after, before, strict=True):
            assert (one.x0, one.x1) == pytest.approx((low, high), abs=2 * pixel)
            assert (one.y0, one.y1) == pytest.approx((other.y0, other.y1))
        assert len({(one.x0, one.x1) for one in after}) == 1
        page.get_by_title("Reset").click()
        page.wait_for_function(f"({PANELS})().some((panel) => panel.x0 === {rate.x0})")
        assert check_bins(page, curve, names) == before


# --- the watch itself


def test_a_missing_file_is_noticed(visitor: Callable[..., Any], loopback: Serve, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "index.html").write_text("<link rel='icon' href='data:,'><img src='gone.png'>")
    site = loopback(tmp_path)
    with pytest.raises(AssertionError, match=r"404|gone\.png"), visitor(site) as page:
        page.goto(f"{site}/plots/index.html")
