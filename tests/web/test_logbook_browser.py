"""Overview, logbook and list of interfaces in a real browser: by mouse, by keyboard, on a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser import DESKTOP, PHONE, WatchedPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATHS = ("/", "/candidates", "/findings", "/bad-data", "/runs", "/notices", "/api")


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")])
def test_every_page_fits_its_window(
    watched_page: WatchedPage, shared_server: str, size: tuple[int, int], scheme: str
) -> None:
    with watched_page(shared_server, size=size, color_scheme=scheme) as page:
        for path in PATHS:
            page.goto(shared_server + path)
            assert too_wide(page) <= 0, path
            assert page.locator("h1").count() == 1
            for control in page.locator("form.filters select, form.filters input").all():
                assert page.locator(f"label[for='{control.get_attribute('id')}']").count() == 1


def test_thumbnails_are_loaded_and_a_mission_is_chosen_by_its_link(
    watched_page: WatchedPage, shared_server: str
) -> None:
    with watched_page(shared_server) as page:
        page.goto(shared_server)
        first = page.locator("ul.new img").first
        first.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete && image.naturalWidth === 400", arg=first.element_handle())
        page.get_by_role("navigation", name="Missions").get_by_role("link", name="Hubble").click()
        assert page.url.endswith("/?mission=hst")
        assert page.locator("nav.choice [aria-current]").inner_text() == "Hubble Space Telescope"
        assert page.get_by_role("row", name=re.compile("^COS")).count() == 1
        assert page.get_by_role("row", name=re.compile("^EPN")).count() == 0


def test_the_map_is_reached_and_left_by_keyboard(watched_page: WatchedPage, shared_server: str) -> None:
    with watched_page(shared_server) as page:
        page.goto(shared_server)
        skip = page.get_by_role("link", name="Skip the map")
        skip.focus()
        assert skip.bounding_box()["x"] >= 0
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.querySelector('title').textContent").endswith(
            ("exposure", "exposures")
        )
        name = page.evaluate("document.activeElement.querySelector('title').textContent").rpartition(", ")[0]
        assert page.get_by_role("link", name=re.compile(re.escape(name) + ",")).count() == 1
        skip.focus()
        page.keyboard.press("Enter")
        assert page.url.endswith("#work")


def test_filters_work_by_keyboard_and_stay_in_the_address(watched_page: WatchedPage, shared_server: str) -> None:
    with watched_page(shared_server) as page:
        page.goto(shared_server + "/findings")
        every = page.locator("tbody tr").count()
        page.get_by_label("Exposure, file or message").focus()
        page.keyboard.type("os0024010")
        page.keyboard.press("Enter")
        page.wait_for_url("**/findings?*text=os0024010*")
        assert 0 < page.locator("tbody tr").count() < every
        assert page.get_by_label("Exposure, file or message").input_value() == "os0024010"
        page.get_by_text("What these reasons mean").click()
        assert page.locator(".meanings dd").first.is_visible()
        page.get_by_role("link", name="All", exact=True).click()
        assert page.locator("tbody tr").count() == every


def test_files_of_what_is_chosen_are_downloaded(watched_page: WatchedPage, shared_server: str) -> None:
    with watched_page(shared_server) as page:
        page.goto(shared_server + "/findings?mission=hst")
        rows = page.locator("tbody tr").count()
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == "findings.csv"
        text = download.value.path().read_text()
        assert len(re.findall(r"(?m)^\d+,", text)) == rows


def test_an_interface_is_opened_and_its_example_is_right(watched_page: WatchedPage, shared_server: str) -> None:
    with watched_page(shared_server) as page:
        page.goto(shared_server + "/api")
        operation = page.locator("#get-api-v1-candidates")
        operation.locator("summary").focus()
        page.keyboard.press("Enter")
        assert operation.get_by_role("rowheader", name="probability").is_visible()
        answer = page.request.get(shared_server + str(operation.get_by_role("link").first.get_attribute("href")))
        assert answer.json()["name"] == "candidates"
