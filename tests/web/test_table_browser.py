"""The table of light curves, and what those with a token do, in a real browser."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browser import DESKTOP, PHONE, WatchedPage

from hstlc.config import load
from hstlc.db.engine import make_engine, writing
from hstlc.db.users import add_user, new_token, token_digest

INSIDE = "document.documentElement.scrollWidth <= window.innerWidth"
ROWS = "table.curves tbody tr"


def cells(page, column):
    """Return the texts of a column by the text of its head."""
    heads = [text.split("\n")[0] for text in page.locator("table.curves thead th").all_inner_texts()]
    return [row.locator("th, td").nth(heads.index(column)).inner_text() for row in page.locator(ROWS).all()]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_search_sort_filter_and_look(shared_server: str, watched_page: WatchedPage, size: tuple[int, int]) -> None:
    with watched_page(shared_server, size=size) as page:
        page.goto(f"{shared_server}/curves")
        assert page.evaluate(INSIDE)
        page.get_by_label("Begins with").fill("sim-fuv")
        page.locator("#f-kind").select_option("composite")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**q=sim-fuv**")
        targets = cells(page, "Target")
        assert len(targets) > 3
        assert all(target.startswith("SIM-FUV") for target in targets)
        page.locator("thead a", has_text="Counts").click()
        page.wait_for_url("**sort=-total**")
        counts = [int(text) for text in cells(page, "Counts")]
        assert counts == sorted(counts, reverse=True)
        assert page.locator('th[aria-sort="descending"]').inner_text().startswith("Counts")
        page.locator("thead a", has_text="Counts").click()
        page.wait_for_url("**sort=total**")
        assert [int(text) for text in cells(page, "Counts")] == counts[::-1]
        assert {*cells(page, "Target")} == {*targets}  # the filters stay
        page.get_by_text("More filters").click()
        page.get_by_label("Counts, at least").fill(str(counts[1]))
        page.keyboard.press("Enter")
        page.wait_for_url("**total_min=**")
        assert [int(text) for text in cells(page, "Counts")] == [one for one in counts[::-1] if one >= counts[1]]
        address = page.url
        page.goto(f"{shared_server}/curves")
        page.goto(address)  # what somebody else gets who is sent the address
        assert page.get_by_label("Counts, at least").input_value() == str(counts[1])
        page.wait_for_load_state("networkidle")
        assert page.evaluate("[...document.images].slice(0, 2).every(one => one.complete && one.naturalWidth > 0)")
        assert page.evaluate(INSIDE)
        name = page.locator(f"{ROWS} th a").first
        wanted = name.get_attribute("title")
        name.click()
        page.wait_for_url(f"**/curve/{wanted}")


def test_pages_there_and_back_and_the_file_of_all(
    shared_server: str, watched_page: WatchedPage, tmp_path: Path
) -> None:
    with watched_page(shared_server) as page:
        page.goto(f"{shared_server}/curves?sort=start_mjd&mission=xmm")
        page.wait_for_function("() => document.getElementById('count').innerText.includes('in all')")
        number = int(page.locator("#count").inner_text().split()[0])
        seen = [row.get_attribute("title") for row in page.locator(f"{ROWS} th a").all()]
        first = list(seen)
        while page.get_by_role("link", name="Next page").count():
            here = page.url
            page.get_by_role("link", name="Next page").first.click()
            page.wait_for_function("here => location.href !== here && document.readyState === 'complete'", arg=here)
            seen += [row.get_attribute("title") for row in page.locator(f"{ROWS} th a").all()]
        assert len(seen) == len(set(seen)) == number > 2 * len(first)
        page.get_by_role("link", name="First page").first.click()
        page.wait_for_url("**/curves?**mission=xmm")
        assert [row.get_attribute("title") for row in page.locator(f"{ROWS} th a").all()] == first
        with page.expect_download() as found:
            page.get_by_role("link", name="CSV", exact=True).click()
        found.value.save_as(tmp_path / "curves.csv")
        with (tmp_path / "curves.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        assert [row["filename"] for row in rows] == seen


def test_a_column_is_shown_that_was_hidden(shared_server: str, watched_page: WatchedPage) -> None:
    with watched_page(shared_server) as page:
        page.goto(f"{shared_server}/curves")
        page.get_by_text("Columns", exact=True).click()
        page.get_by_label("Pearson r", exact=True).check()
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**pearson_r**")
        assert page.get_by_role("columnheader", name="Pearson r").is_visible()


def test_no_light_curve_is_left(shared_server: str, watched_page: WatchedPage) -> None:
    with watched_page(shared_server) as page:
        page.goto(f"{shared_server}/curves?total_min=1000000000")
        assert "Widen or drop one" in page.inner_text(".empty")


def test_sign_in_sql_and_requests(served: str, site_home: Path, watched_page: WatchedPage, tmp_path: Path) -> None:
    token = new_token()
    engine = make_engine(load(None, {"HSTLC_HOME_DIR": str(site_home)}).db_connection_string)
    with writing(engine) as connection:
        add_user(connection, "ada", token_digest(token), datetime.now(UTC))
    engine.dispose()
    with watched_page(served) as page:
        page.goto(f"{served}/sql")
        page.wait_for_url("**/account?next=**")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/sql")
        statement = page.get_by_label("Statement")
        statement.fill("SELECT mission, count(*) AS n FROM light_curve GROUP BY mission ORDER BY mission")
        page.get_by_role("button", name="Run").click()
        page.wait_for_selector("#answer")
        answer = page.get_by_role("region", name="Answer")
        assert [text.split()[0] for text in answer.locator("tbody tr").all_inner_texts()] == ["chandra", "hst", "xmm"]
        with page.expect_download() as found:
            page.get_by_role("button", name="CSV").click()
        found.value.save_as(tmp_path / "answer.csv")
        assert "chandra" in (tmp_path / "answer.csv").read_text()
        page.goto(f"{served}/requests/new?kind=reprocess")
        page.get_by_label("Target", exact=True).fill("SIM-FIELD")
        page.get_by_role("button", name="Ask for it").click()
        page.wait_for_url("**/requests/1")
        assert page.get_by_role("status").inner_text().startswith("queued")
        page.get_by_role("button", name="Cancel it").click()
        page.wait_for_load_state("networkidle")
        page.goto(f"{served}/requests")
        assert "cancelled" in page.inner_text("table")
        page.goto(f"{served}/account")
        assert "ada" in page.inner_text("dl.facts")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_load_state("networkidle")
        page.goto(f"{served}/sql")
        page.wait_for_url("**/account?next=**")
