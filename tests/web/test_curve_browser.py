"""The page of a light curve in a real browser: every control, over a real server and real photon lists."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import urlopen

import pytest
from astropy.io import fits
from astropy.table import Table
from browser import PHONE, WatchedPage
from sqlalchemy import Connection, create_engine, select

from hstlc.db.records import LIGHT_CURVES
from hstlc.db.tables import Candidate

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLOT = "#curve-plot canvas"


@pytest.fixture(scope="module")
def database(demo_home: Path) -> Any:
    engine = create_engine(f"sqlite:///file:{demo_home / 'hstlc.db'}?mode=ro&uri=true")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def name_of(database: Connection, *conditions: Any) -> str:
    query = select(LIGHT_CURVES.c.filename).where(*conditions).order_by(LIGHT_CURVES.c.product_id).limit(1)
    return str(database.scalar(query))


@pytest.fixture(scope="module")
def exposure(database: Connection) -> str:
    """A light curve of the whole aperture, of photons with wavelengths."""
    return name_of(database, LIGHT_CURVES.c.kind == "individual", LIGHT_CURVES.c.cenwave > 0)


@pytest.fixture(scope="module")
def composite(database: Connection) -> str:
    """One of several exposures, days apart."""
    several = LIGHT_CURVES.c.kind == "composite", LIGHT_CURVES.c.exposures > 1, LIGHT_CURVES.c.cenwave > 0
    return name_of(database, *several)


@pytest.fixture(scope="module")
def flaring(database: Connection) -> str:
    """One of a source, with a flare."""
    return name_of(database, LIGHT_CURVES.c.product_id == database.scalar(select(Candidate.product_id)))


def address(name: str, query: str = "") -> str:
    return f"/curve/{quote(name, safe='')}{query}"


def settled(page: Page) -> None:
    """Wait until the plot shows what the form says and nothing is under way."""
    page.wait_for_selector('#curve-figure[aria-busy="false"]:not([hidden])')
    page.wait_for_selector(PLOT, state="attached")
    page.wait_for_load_state("networkidle")


def shown(page: Page, site: str, name: str, query: str = "") -> None:
    page.goto(site + address(name, query))
    settled(page)


def status(page: Page) -> str:
    return page.inner_text("#status")


def bins(page: Page) -> int:
    found = re.match(r"([\d,]+) bins?", status(page))
    assert found, status(page)
    return int(found[1].replace(",", ""))


def query_of(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def figure(page: Page, script: str) -> Any:
    """Return what a script returns that has the figure of the rate as ``figure``."""
    find = "Bokeh.documents.map((one) => one.roots()[0]).find((one) => one?.yaxes[0].axis_label.startsWith('Rate'))"
    return page.evaluate(f"() => {{ const figure = {find}; {script}; }}")


def drag(page: Page, first: float, last: float) -> None:
    """Drag over a part of the plot, from and to a part of its width."""
    page.locator("#curve-plot").scroll_into_view_if_needed()
    box = page.locator("#curve-plot").bounding_box()
    assert box
    left, wide = box["x"] + 70, box["width"] - 90
    page.mouse.move(left + first * wide, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(left + last * wide, box["y"] + 170, steps=6)
    page.mouse.up()


def answer_of(site: str, name: str, kind: str, query: str = "") -> Any:
    with urlopen(f"{site}/api/v1/curves/{quote(name, safe='')}/{kind}{query}") as answer:
        return json.load(answer)


def test_the_curve_is_drawn_as_it_is_stored(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        stored = answer_of(shared_server, exposure, "data")
        assert bins(page) == stored["bins"]
        assert query_of(page) == {}
        assert page.locator("#bins-table tbody tr").count() == min(stored["bins"], 100)
        header = page.locator("#bins-table th").all_inner_texts
        page.click("#bins-box summary")
        assert len(header()) == len(stored["columns"])
        assert "ct/s" in " ".join(header())
        assert "time of flagged bins" in page.inner_text("#curve-legend")


@pytest.mark.parametrize(
    ("kind", "field", "value"), [("width", "bin", "5"), ("counts", "counts", "40"), ("blocks", "blocks", "0.05")]
)
def test_other_bins(
    shared_server: str, watched_page: WatchedPage, exposure: str, kind: str, field: str, value: str
) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        page.select_option("#binning", kind)
        settled(page)
        assert field in query_of(page)
        page.fill(f"#{field}", value)
        page.press(f"#{field}", "Enter")
        page.wait_for_function("(query) => location.search.includes(query)", arg=f"{field}={value}")
        settled(page)
        assert query_of(page) == {field: value}
        assert bins(page) == answer_of(shared_server, exposure, "data", f"?{field}={value}")["bins"]
        page.reload()
        settled(page)
        assert page.input_value(f"#{field}") == value
        assert bins(page) == answer_of(shared_server, exposure, "data", f"?{field}={value}")["bins"]


def test_a_band_of_wavelengths(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        whole = answer_of(shared_server, exposure, "data")["summary"]["counts"]
        page.select_option("#band", "limits")
        page.fill("#low", "1320")
        page.fill("#high", "1400")
        page.press("#high", "Enter")
        page.wait_for_function("() => location.search.includes('wavelength=1320,1400')")
        settled(page)
        part = answer_of(shared_server, exposure, "data", "?wavelength=1320,1400")["summary"]["counts"]
        assert 0 < part < whole
        assert "1320 Å to 1400 Å" in page.inner_text("#curve-caption")
        page.reload()
        settled(page)
        assert (page.input_value("#low"), page.input_value("#high")) == ("1320", "1400")


def test_a_band_of_energies(shared_server: str, watched_page: WatchedPage, flaring: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, flaring)
        assert page.inner_text("#band-legend") == "Energy"
        stored = answer_of(shared_server, flaring, "data")
        assert page.locator("#band option").count() == 2 + len(stored["meta"]["bands"])


def test_background_time_and_axes_are_kept_in_the_address(
    shared_server: str, watched_page: WatchedPage, exposure: str
) -> None:
    wanted = {"background": "keep", "time": "tdb", "axis": "mjd", "scale": "log", "errors": "no"}
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        for name, value in wanted.items():
            page.select_option(f"#{name}", value)
            settled(page)
        assert query_of(page) == wanted
        check = "return [figure.yaxes[0].type, figure.xaxes[0].axis_label]"
        assert figure(page, check) == ["LogAxis", "BJD − 2400000.5 (TDB)"]
        before = status(page)
        page.reload()
        settled(page)
        assert status(page) == before
        assert figure(page, check) == ["LogAxis", "BJD − 2400000.5 (TDB)"]
        assert {name: page.input_value(f"#{name}") for name in wanted} == wanted


def test_a_peak_of_the_periodogram_folds(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure, "?bin=0.5")
        page.wait_for_selector("#peaks button")
        peak = answer_of(shared_server, exposure, "periodogram")["peaks"][0]
        page.click("#peaks button >> nth=0")
        page.wait_for_function("() => location.search.includes('fold=')")
        settled(page)
        assert float(query_of(page)["fold"]) == pytest.approx(peak["period_s"], rel=1e-6)
        assert figure(page, "return figure.xaxes[0].axis_label") == "Phase (cycles)"
        assert bins(page) == 20
        page.fill("#phase_bins", "8")
        page.press("#phase_bins", "Enter")
        page.wait_for_function("() => document.getElementById('status').textContent.startsWith('8 bins')")
        page.fill("#fold", "")
        page.press("#fold", "Enter")
        page.wait_for_function("() => !location.search.includes('fold=')")
        settled(page)
        assert "Time after MJD" in figure(page, "return figure.xaxes[0].axis_label")


def test_a_click_on_a_peak_folds_too(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        page.wait_for_selector("#spectrum-plot canvas", state="attached")
        peak = answer_of(shared_server, exposure, "periodogram")["peaks"][0]
        page.locator("#spectrum-plot").scroll_into_view_if_needed()
        place = page.evaluate(
            """([x, y]) => {
              const roots = Bokeh.documents.map((one) => one.roots()[0]);
              const root = roots.find((one) => one?.yaxes[0].axis_label === "Power");
              const view = Bokeh.index.find_one(root);
              const frame = view.frame ?? view.plot_view.frame;
              const box = view.canvas_view.el.getBoundingClientRect();
              return [box.x + frame.x_scale.compute(x), box.y + frame.y_scale.compute(y)];
            }""",
            [peak["frequency_hz"], peak["power"]],
        )
        page.mouse.click(*place)
        page.wait_for_function("() => location.search.includes('fold=')")
        settled(page)
        assert float(query_of(page)["fold"]) == pytest.approx(peak["period_s"], rel=1e-6)


def test_a_selected_stretch_is_that_of_numbers_periodogram_and_picture(
    shared_server: str, watched_page: WatchedPage, exposure: str
) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        page.wait_for_selector("#stamps canvas")
        whole = page.inner_text("#stamps")
        drag(page, 0.2, 0.6)
        page.wait_for_function("() => location.search.includes('stop=')")
        settled(page)
        start, stop = float(query_of(page)["start"]), float(query_of(page)["stop"])
        data = answer_of(shared_server, exposure, "data")["data"]
        assert start in data["time_left"]
        assert stop in data["time_right"]
        inside = [i for i, at in enumerate(data["time"]) if start <= at <= stop]
        assert f"{len(inside)} bins" in page.inner_text("#selected")
        gross = sum(data["gross"][i] for i in inside)
        assert float(re.search(r"gross ([\d.,]+) counts", page.inner_text("#selected"))[1].replace(",", "")) == (
            pytest.approx(gross, rel=1e-3)
        )
        assert page.locator("[data-of]").all_inner_texts() == ["of the selected time"] * 2
        stamps = "document.getElementById('stamps').innerText"  # they come when the numbers have been there a while
        page.wait_for_function(f"whole => {stamps} !== whole", arg=whole)
        asked = [url for url in page.watch.requests if f"start={start:g}" in url]
        assert {urlsplit(url).path.rsplit("/", 1)[1] for url in asked} == {"periodogram", "stamp"}
        page.click("#zoom-in")
        page.wait_for_function("() => location.search.includes('zoom=')")
        low, high = figure(page, "return [figure.x_range.start, figure.x_range.end]")
        assert (low, high) == (pytest.approx(start), pytest.approx(stop))
        page.reload()
        settled(page)
        assert figure(page, "return [figure.x_range.start, figure.x_range.end]") == [low, high]
        assert f"{len(inside)} bins" in page.inner_text("#selected")
        page.click("#zoom-out")
        page.click("#unselect")
        page.wait_for_function("() => location.search === ''")
        page.wait_for_function(f"whole => {stamps} === whole", arg=whole)


def test_exposures_of_a_composite_stand_beside_each_other(
    shared_server: str, watched_page: WatchedPage, composite: str
) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, composite)
        stored = answer_of(shared_server, composite, "data")["data"]
        width, real = figure(page, "return figure.x_range.end - figure.x_range.start"), stored["time_right"][-1]
        assert width < real / 10
        labels = figure(page, "return [...figure.xaxes[0].major_label_overrides.values()]")
        assert [text for text in labels if text.startswith("#")] == [
            f"#{one}" for one in sorted(set(stored["dataset"]))
        ]
        assert "gap, shown shorter than it is" in page.inner_text("#curve-legend")
        breaks = figure(
            page,
            "const steps = figure.renderers.find((one) => one.glyph.type === 'Line').data_source.data;"
            "return Array.from(steps.x).filter(Number.isNaN).length",
        )
        assert breaks >= len(set(stored["dataset"])) - 1


def test_a_flare_leads_to_its_time(shared_server: str, watched_page: WatchedPage, flaring: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, flaring)
        assert "flare or dip" in page.inner_text("#curve-legend")
        link = page.locator("a.candidate").first
        target = link.get_attribute("href")
        stored = answer_of(shared_server, flaring, "data")
        start = (float(link.get_attribute("data-from-mjd") or 0) - stored["meta"]["reference_mjd"]) * 86400
        page.watch.problems.clear()
        page.goto(shared_server + str(target))
        settled(page)
        assert float(query_of(page)["start"]) == pytest.approx(start, abs=0.002)
        assert "from_mjd" not in query_of(page)
        assert "Bins of the selected time" in page.inner_text("#selected")


def test_downloads_are_of_what_is_seen(
    shared_server: str, watched_page: WatchedPage, exposure: str, tmp_path: Path
) -> None:
    with watched_page(shared_server, accept_downloads=True) as page:
        shown(page, shared_server, exposure, "?bin=5")
        number = bins(page)
        files = {}
        for kind in ("csv", "fits", "votable"):
            with page.expect_download() as download:
                page.click(f'a[data-format="{kind}"]')
            files[kind] = tmp_path / f"curve.{kind}"
            download.value.save_as(files[kind])
        with files["csv"].open(newline="") as opened:
            assert sum(1 for _ in csv.DictReader(opened)) == number
        assert len(fits.getdata(files["fits"], "LIGHTCURVE")) == number
        assert len(Table.read(files["votable"], format="votable")) == number
        with page.expect_download() as download:
            page.click("#png")
        download.value.save_as(tmp_path / "plot.png")
        assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
        assert download.value.suggested_filename == exposure.replace(".fits", ".png")
        assert "hstlc.light_curve(" in page.inner_text("#snippet")
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click("#copy")
        page.wait_for_function("() => document.getElementById('copied').textContent === 'Copied.'")
        assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#snippet")


def test_an_error_is_said_at_the_control_at_fault(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure, "?bin=0.0001")
        page.wait_for_function("() => document.getElementById('bins-error').textContent !== ''")
        assert "0.032" in page.inner_text("#bins-error")
        assert page.get_attribute("#bin", "aria-invalid") == "true"
        assert bins_drawn(page) == answer_of(shared_server, exposure, "data")["bins"]
        page.fill("#bin", "2")
        page.press("#bin", "Enter")
        page.wait_for_function("() => document.getElementById('bins-error').textContent === ''")
        settled(page)
        assert page.get_attribute("#bin", "aria-invalid") is None
        page.select_option("#band", "limits")
        page.fill("#low", "1200")
        page.fill("#high", "1100")
        page.press("#high", "Enter")
        page.wait_for_function("() => document.getElementById('band-error').textContent !== ''")
        _only_refusals(page)


def bins_drawn(page: Page) -> int:
    return int(page.locator("#bins-table tbody tr").count())


def _only_refusals(page: Page) -> None:
    """Take off the watch what a browser logs where the server refuses."""
    assert page.watch.problems
    assert [one for one in page.watch.problems if "400 (Bad Request)" not in one] == []
    page.watch.problems.clear()


def test_the_newest_request_wins(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure, "?bin=5")
        for value in ("0.1", "0.2", "0.5", "3"):
            page.evaluate(
                "(value) => { const field = document.getElementById('bin'); field.value = value;"
                " field.dispatchEvent(new Event('change', {bubbles: true})); }",
                value,
            )
        expected = answer_of(shared_server, exposure, "data", "?bin=3")["bins"]
        page.wait_for_function(
            "(text) => document.getElementById('status').textContent.startsWith(text)", arg=f"{expected} bins"
        )
        settled(page)
        assert bins(page) == expected
        assert query_of(page) == {"bin": "3"}


def test_with_the_keyboard_alone(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        reached = []
        for _ in range(80):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
            if reached[-1] == "stop":
                break
        order = ["binning", "band", "background", "time", "axis", "scale", "errors", "fold", "start", "stop"]
        assert [one for one in reached if one in order] == order
        page.focus("#binning")
        page.keyboard.press("ArrowDown")
        settled(page)
        assert "bin" in query_of(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "bin"
        page.keyboard.press("Control+A")
        page.keyboard.type("5")
        page.keyboard.press("Enter")
        page.wait_for_function("() => location.search === '?bin=5'")
        settled(page)
        page.focus("#start")
        page.keyboard.type("5")
        page.keyboard.press("Tab")
        page.keyboard.type("20")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.getElementById('selected').textContent.includes('3 bins')")
        settled(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(
    shared_server: str, watched_page: WatchedPage, composite: str, scheme: str
) -> None:
    with watched_page(shared_server, size=PHONE, color_scheme=scheme, has_touch=True) as page:
        shown(page, shared_server, composite)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = page.evaluate("document.getElementById('curve-plot').clientWidth")
        assert wide > 0.9 * PHONE[0]
        plot = page.locator("#curve-plot").bounding_box()
        form = page.locator("#controls").bounding_box()
        assert plot
        assert form
        assert form["y"] > plot["y"] + plot["height"]
        ground = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ground').trim()")
        assert figure(page, "return figure.background_fill_color") == ground


def test_the_plot_follows_the_theme(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        light = figure(page, "return figure.background_fill_color")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "(light) => Bokeh.documents.map((one) => one.roots()[0]).some((one) => one &&"
            " one.yaxes[0].axis_label.startsWith('Rate') && one.background_fill_color !== light)",
            arg=light,
        )
        settled(page)


def test_without_javascript_there_is_a_picture_and_the_form_works(
    shared_server: str, watched_page: WatchedPage, exposure: str
) -> None:
    with watched_page(shared_server, java_script_enabled=False) as page:
        page.goto(shared_server + address(exposure))
        picture = page.locator("img.curve-picture")
        assert str(picture.get_attribute("src")).endswith("/plot.png")
        page.select_option("#binning", "width")
        page.fill("#bin", "5")
        page.click("#controls button >> nth=0")
        page.wait_for_load_state("networkidle")
        assert "plot.svg?bin=5" in str(picture.get_attribute("src"))
        with urlopen(shared_server + str(picture.get_attribute("src"))) as answer:
            assert answer.headers["content-type"].startswith("image/svg")


def test_settings_and_versions(shared_server: str, watched_page: WatchedPage, exposure: str) -> None:
    with watched_page(shared_server) as page:
        shown(page, shared_server, exposure)
        page.click("#settings-box summary")
        page.wait_for_selector("#settings dd")
        assert "bin_width_s" in page.inner_text("#settings")
