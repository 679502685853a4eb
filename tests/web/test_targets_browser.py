"""Targets in a real browser: found, looked at, on a desk and on a phone."""

import pytest
from browser import DESKTOP, PHONE, WatchedPage

INSIDE = "document.documentElement.scrollWidth <= window.innerWidth"
DRAWN = "[...document.images].slice(0, 2).every(one => one.complete && one.naturalWidth > 0)"


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_target_is_found_by_part_of_its_name(
    shared_server: str, watched_page: WatchedPage, size: tuple[int, int]
) -> None:
    with watched_page(shared_server, size=size) as page:
        page.goto(f"{shared_server}/targets")
        assert page.evaluate(INSIDE)
        field = page.get_by_label("Name, place or identifier", exact=True)
        field.fill("sim fuv")
        field.press("Enter")
        page.get_by_role("link", name="SIM-FUV-A-0", exact=True).click()
        page.wait_for_url("**/target/SIM-FUV-A-0")
        assert page.get_by_role("heading", level=1).inner_text() == "SIM-FUV-A-0"
        page.wait_for_load_state("networkidle")
        assert page.evaluate(INSIDE)
        assert page.evaluate(DRAWN)
        assert page.get_by_role("img", name="exposures from").is_visible()


def test_a_place_with_the_keyboard_alone(shared_server: str, watched_page: WatchedPage) -> None:
    with watched_page(shared_server) as page:
        page.goto(f"{shared_server}/targets")
        page.get_by_text("Around a place, or of one mission").focus()
        page.keyboard.press("Enter")
        for text in ("150", "2", "1"):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_url("**ra=150**")
        assert page.get_by_role("heading", level=1).inner_text() == "Targets within 1° of 10:00:00.00 +02:00:00.0"
        assert page.get_by_role("link", name="SIM-FIELD").is_visible()
        assert page.get_by_label("Right ascension, ICRS, °").input_value() == "150"
