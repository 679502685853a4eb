"""Tables, summaries and the index page in a real browser, from disk and from a server."""

import io
import json
import re
from dataclasses import replace

import pytest
from browser import DESKTOP, PHONE
from curve_rows import HOSTILE, SCRIPT, make_pages, make_rows
from PIL import Image

from hstlc.plots.summary import configuration_page, filter_page

SUMMARIES = ("exptime_histogram", "opt_elem", "pie_config_cos_fuv", "pie_config_cos_nuv")


@pytest.fixture(scope="module")
def rows():
    return make_rows()


@pytest.fixture(scope="module")
def folder(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    make_pages(folder, rows)
    return folder


@pytest.fixture(params=["file", "http"])
def site(request, folder, loopback):
    """The URL of the folder of pages, without a slash at the end."""
    return folder.resolve().as_uri() if request.param == "file" else loopback(folder)


def cells(page, column):
    """Return what a column shows."""
    place = page.locator("thead th").all_inner_texts().index(column) + 1
    return page.locator(f"tbody tr > :nth-child({place})").all_inner_texts()


def header(page, column):
    place = page.locator("thead th").all_inner_texts().index(column)
    return page.locator("thead th").nth(place)


def drawn(page):
    """Wait until all charts of a page are drawn."""
    page.wait_for_function("document.querySelectorAll('.chart').length && Bokeh.documents.every((d) => d.is_idle)")


def colors(place):
    """Return how many colors a part of a page is drawn with."""
    return len(Image.open(io.BytesIO(place.screenshot())).convert("RGB").getcolors(1 << 24))


def numbers(texts):
    return [float(text) for text in texts if text != "–"]


def test_a_column_sorts_both_ways_with_missing_values_last(watched_page, site, rows):
    known = sorted(float(f"{row.mean:.4g}") for row in rows if row.mean is not None)
    missing = len(rows) - len(known)
    with watched_page(site) as page:
        page.goto(f"{site}/all_hstlc.html")
        page.get_by_label("Kind").select_option("")
        head = header(page, "mean (counts/bin)")
        assert head.get_attribute("aria-sort") == "none"
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert numbers(cells(page, "mean (counts/bin)")) == known[:50]
        head.get_by_role("button").press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert numbers(cells(page, "mean (counts/bin)")) == known[:-51:-1]
        page.get_by_role("button", name="Last page").click()
        last = cells(page, "mean (counts/bin)")
        shown = len(rows) % 50 or 50
        assert last == (["–"] * shown if missing >= shown else [*last[: shown - missing], *["–"] * missing])
        header(page, "start (UTC)").get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "none"
        starts = cells(page, "start (UTC)")
        assert starts == sorted(row.start_utc for row in rows if row.start_utc)[:50]


def test_names_sort_by_their_numbers(watched_page, site):
    with watched_page(site) as page:
        page.goto(f"{site}/all_hstlc.html#q=GJ-&kind=individual")
        header(page, "target").get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert list(dict.fromkeys(cells(page, "target"))) == ["GJ-4", "GJ-436", "GJ-1214"]


def test_pages_show_every_row_once(watched_page, site, rows):
    with watched_page(site) as page:
        page.goto(f"{site}/all_hstlc.html")
        page.get_by_label("Kind").select_option("")
        seen = cells(page, "filename")
        assert page.get_by_role("button", name="Previous").is_disabled()
        assert page.locator(".count").inner_text() == f"1–50 of {len(rows)} light curves"
        while not page.get_by_role("button", name="Next").is_disabled():
            page.get_by_role("button", name="Next").click()
            seen += cells(page, "filename")
    assert sorted(seen) == sorted(row.filename for row in rows)


def test_kind_and_filter_restrict_the_rows(watched_page, site, rows):
    composites = [row for row in rows if row.kind == "composite"]
    wanted = [row for row in rows if row.targname == "AD-LEO" and row.opt_elem == "G160M"]
    assert wanted
    with watched_page(site) as page:
        page.goto(f"{site}/all_hstlc.html")
        assert page.get_by_label("Kind").input_value() == "composite"
        assert set(cells(page, "kind")) == {"composite"}
        assert f" of {len(composites)} light curves, from {len(rows)} in all" in page.locator(".count").inner_text()
        page.get_by_label("Kind").select_option("")
        page.get_by_label("Filter").fill("ad-leo  G160M")
        assert sorted(cells(page, "filename")) == sorted(row.filename for row in wanted)
        page.get_by_label("Filter").fill("no such star")
        assert page.get_by_text("No rows match.").is_visible()
        assert page.locator("tbody tr").count() == 0


@pytest.mark.parametrize(
    ("text", "targets"), [("GJ-4", {"GJ-4", "GJ-436"}), ("%22GJ-4%22", {"GJ-4"}), ("4C+06.41", {"4C+06.41"})]
)
def test_the_url_opens_a_table_filtered(watched_page, site, text, targets):
    with watched_page(site) as page:
        page.goto(f"{site}/all_hstlc.html#q={text}")
        assert set(cells(page, "target")) == targets
        assert page.get_by_label("Kind").input_value() == ""
        page.goto(f"{site}/all_hstlc.html#q=IR-COM")
        page.wait_for_function("document.querySelector('tbody th').textContent === 'IR-COM'")
        assert set(cells(page, "target")) == {"IR-COM"}


def test_a_thumbnail_leads_to_the_page(watched_page, site, rows):
    row = next(row for row in rows if row.kind == "individual" and row.quicklook)
    with watched_page(site) as page:
        page.goto(f"{site}/all_hstlc.html#q={row.filename}")
        picture = page.get_by_role("img", name="Light curve of ")
        assert picture.get_attribute("loading") == "lazy"
        picture.scroll_into_view_if_needed()
        page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth === 400)")
        picture.click()
        page.wait_for_url(f"{site}/{row.page}")
        assert page.title() == row.filename


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_they_are(watched_page, site, rows, name):
    wanted = [row for row in rows if row.targname == name]
    with watched_page(site) as page:
        page.goto(f"{site}/index.html")
        page.get_by_label("Filter").fill(f'"{name}"')
        assert page.locator("tbody th").all_text_contents() == [name]
        page.get_by_role("link", name=f"all {len(wanted)}", exact=True).click()
        page.wait_for_url(f"{site}/all_hstlc.html#*")
        assert page.locator("tbody th").all_text_contents() == [name] * len(wanted)


def test_a_bar_says_what_it_is(watched_page, folder):
    with watched_page(folder) as page:
        page.goto((folder / "exptime_histogram.html").as_uri())
        drawn(page)
        place = page.locator("tbody th").all_text_contents().index(HOSTILE[0])
        chart = page.locator(".chart").first
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 20 + 24.4 * place)
        page.get_by_text(re.compile(r"ks \(.* hours\), \d+ exposures")).wait_for()
        assert page.get_by_text(HOSTILE[0]).filter(visible=True).count() == 1


def test_charts_show_hostile_names_as_they_are(watched_page, rows, tmp_path):
    changed = [
        replace(row, instrume=HOSTILE[number % len(HOSTILE)], opt_elem=HOSTILE[(number + 1) % len(HOSTILE)])
        for number, row in enumerate(rows)
    ]
    make_pages(tmp_path, [])
    one = [replace(row, instrume=HOSTILE[0], detector=HOSTILE[1]) for row in changed]
    pages = {
        "elements": filter_page(changed, script=SCRIPT, static="static"),
        "configurations": configuration_page(one, HOSTILE[0], HOSTILE[1], script=SCRIPT, static="static"),
    }
    with watched_page(tmp_path) as page:
        for name, content in pages.items():
            (tmp_path / f"{name}.html").write_bytes(content)
            page.goto((tmp_path / f"{name}.html").as_uri())
            drawn(page)
            assert colors(page.locator(".chart")) > 10


def test_the_index_leads_to_everything(watched_page, site, rows, folder):
    with watched_page(site) as page:
        page.goto(f"{site}/index.html")
        assert page.locator("dd").first.inner_text() == str(len({row.targname for row in rows}))
        assert page.locator(".card").count() == 20
        links = page.locator("main li a").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
        pages = {path.name for path in folder.glob("*.html")} - {"index.html"}
        assert pages <= set(links)
        header(page, "exposures").get_by_role("button").click()
        exposures = numbers(cells(page, "exposures"))
        assert exposures == sorted(exposures)
        page.get_by_role("link", name="all light curves").click()
        page.get_by_role("link", name="Overview").click()
        page.wait_for_url(f"{site}/index.html")


@pytest.mark.parametrize("name", SUMMARIES)
def test_summaries_are_drawn(watched_page, site, name):
    with watched_page(site) as page:
        page.goto(f"{site}/{name}.html")
        drawn(page)
        charts = page.locator(".chart").count()
        assert page.evaluate("Bokeh.documents.length") == charts
        for chart in page.locator(".chart").all():
            assert chart.bounding_box()["height"] > 100
            assert colors(chart) > 10
        items = json.loads(page.locator("#charts").text_content())
        assert [item["target_id"] for item in items] == [f"chart-{number}" for number in range(1, charts + 1)]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", ["index", "all_hstlc", *SUMMARIES])
def test_a_page_is_no_wider_than_its_window(watched_page, folder, name, size):
    with watched_page(folder, size=size) as page:
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_without_scripts_a_sentence_says_what_is_missing(watched_page, folder):
    with watched_page(folder, java_script_enabled=False) as page:
        page.goto((folder / "all_hstlc.html").as_uri())
        assert page.locator("noscript p").is_visible()
        assert not page.locator(".datatable").is_visible()


def test_a_watched_page_reports_what_it_must_not_do(watched_page, tmp_path):
    (tmp_path / "bad.html").write_text("<script>console.error('wrong'); missing()</script><img src='../x.png'>")
    with pytest.raises(AssertionError) as caught, watched_page(tmp_path) as page:
        page.goto((tmp_path / "bad.html").as_uri())
    for problem in ("console error: wrong", "missing is not defined", "outside: ", "failed: "):
        assert problem in str(caught.value)
