"""Candidates, findings, rejected files, runs and notices: filters, pages by key, files, and nothing of the disk."""

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from light_curve_rows import add_light_curve
from sqlalchemy import Engine, insert, select
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.archive_tables import Notice
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.logbook import BOOKS, Book, choices, page
from hstlc.db.tables import BadData, Candidate, FindingRow, LightCurveRow, Product, Run
from hstlc.errors import UsageError
from hstlc.web.folders import without_folders

NOW = datetime(2026, 5, 6, 7, 8, 9, 123456, UTC)
PAGES = ("candidates", "findings", "bad-data", "runs", "notices")


@pytest.fixture
def site_engine(site_settings: Settings) -> Iterator[Engine]:
    engine = make_engine(site_settings.db_connection_string)
    yield engine
    engine.dispose()


def fill_books(engine: Engine, number: int = 23) -> None:
    """Rows of every book, with many equal values of what they are sorted by."""
    with writing(engine) as connection:
        product = {"kind": "individual", "key": "k", "path": "outputs", "filename": "c.fits", "sha256": "0" * 64}
        product |= {"size_bytes": 1, "input_digest": "", "step_version": 1, "settings_digest": "", "made_at": NOW}
        (curve,) = connection.execute(insert(Product).returning(Product.id), product).one()
        row = {name: "" for name in ("band", "rootname", "detector", "opt_elem", "aperture", "path")}  # noqa: C420
        row |= {"product_id": curve, "kind": "individual", "filename": "c.fits", "size_bytes": 1, "made_at": NOW}
        row |= {"mission": "hst", "targname": "AB 50%_DOR", "source_name": "Ü 1", "instrume": "COS", "cenwave": 0}
        add_light_curve(connection, {**row, "exposures": 1, "lead": True, "start_mjd": 60000.0})
        found = {"counts": 9.0, "expected_counts": 2.5, "trials": 10, "dataset": 1, "product_id": curve}
        connection.execute(
            insert(Candidate),
            [
                {
                    **found,
                    "kind": "flare" if i % 3 else "dip",
                    "probability": 10.0 ** -(i % 5),
                    "start_mjd": 60000.0 + i // 4 + 1e-9 * i,
                    "peak_mjd": 60000.5,
                    "end_mjd": 60000.6,
                    "duration_s": 3.0,
                    "peak_ratio": None if i % 2 else 3.5,
                }
                for i in range(number)
            ],
        )
        connection.execute(
            insert(FindingRow),
            [
                {
                    "mission": "hst" if i % 2 else "xmm",
                    "rootname": f"r{i}",
                    "filename": f"f{i}_X.fits",
                    "check_name": f"check{i % 3}",
                    "severity": "flag" if i % 4 else "reject",
                    "reason": f"Reason {i % 3}",
                    "message": f"expected {i}, found 100%",
                    "found_at": NOW,
                }
                for i in range(number)
            ],
        )
        connection.execute(
            insert(BadData),
            [
                {
                    "mission": "hst",
                    "filename": f"b{i}.fits",
                    "path": "bad_data",
                    "ingest_date": date(2026, 5, 6),
                    "reason": f"Reason {i % 2}",
                    "message": "m",
                    "sha256": f"{i:064}",
                    "size_bytes": i,
                }
                for i in range(number)
            ],
        )
        connection.execute(
            insert(Run),
            [
                {
                    "command": "ingest" if i % 2 else "poll",
                    "version": "2",
                    "status": ("running", "done", "failed")[i % 3],
                    "started_at": NOW,
                    "counts": {"ingested": i},
                }
                for i in range(number)
            ],
        )
        connection.execute(
            insert(Notice),
            [
                {
                    "key": f"k{i}",
                    "severity": ("info", "warning", "error")[i % 3],
                    "message": "m",
                    "count": 1,
                    "first_at": NOW,
                    "last_at": NOW + timedelta(microseconds=i // 3),
                    "cleared_at": NOW if i % 2 else None,
                }
                for i in range(number)
            ],
        )


def walked(connection: Any, book: Book, sort: str, limit: int, filters: Any = None) -> tuple[list[Any], list[Any]]:
    """Every page forwards, then every page backwards."""
    forwards, backwards, after = [], [], ""
    while True:
        found = page(connection, book, filters or {}, sort=sort, after=after, limit=limit)
        forwards.append(found)
        if not found.next:
            break
        after = found.next
    found = forwards[-1]
    backwards.append(found)
    while found.previous:
        found = page(connection, book, filters or {}, sort=sort, before=found.previous, limit=limit)
        backwards.append(found)
    return forwards, backwards[::-1]


ORDERS = [(name, sort) for name, book in BOOKS.items() for sort in book.orders]


def test_all_pages_together_are_all_rows_in_order_both_ways(engine: Engine) -> None:
    fill_books(engine)
    with reading(engine) as connection:
        for name, sort in ORDERS:
            whole = page(connection, BOOKS[name], {}, sort=sort, limit=1000)
            assert (len(whole.rows), whole.next, whole.previous) == (23, "", "")
            for limit in (1, 4, 22, 23):
                forwards, backwards = walked(connection, BOOKS[name], sort, limit)
                assert [row for one in forwards for row in one.rows] == whole.rows, (name, sort, limit)
                assert {row["id"] for one in backwards for row in one.rows} == {row["id"] for row in whole.rows}
                assert [row for one in backwards for row in one.rows] == whole.rows


def test_the_orders_are_what_they_say(engine: Engine) -> None:
    fill_books(engine)
    with reading(engine) as connection:
        newest = page(connection, BOOKS["candidates"], {}, limit=100).rows
        chance = page(connection, BOOKS["candidates"], {}, sort="probability", limit=100).rows
        start = page(connection, BOOKS["candidates"], {}, sort="start", limit=100).rows
        notices = page(connection, BOOKS["notices"], {}, limit=100).rows
    assert newest == sorted(newest, key=lambda row: -row["id"])
    assert chance == sorted(chance, key=lambda row: (row["probability"], row["id"]))
    assert start == sorted(start, key=lambda row: (-row["start_mjd"], -row["id"]))
    is_over = [row["cleared_at"] is not None for row in notices]
    assert is_over == sorted(is_over)
    open_ones = [row["last_at"] for row in notices if row["cleared_at"] is None]
    assert open_ones == sorted(open_ones, reverse=True)


@pytest.mark.parametrize(
    ("name", "filters", "passes"),
    [
        ("candidates", {"kind": "dip"}, lambda row: row["kind"] == "dip"),
        ("candidates", {"probability": 0.01}, lambda row: row["probability"] <= 0.01),
        ("candidates", {"target": "50%_d"}, lambda _: True),
        ("candidates", {"target": "5__"}, lambda _: False),
        ("candidates", {"target": "' OR 1=1 --"}, lambda _: False),
        ("candidates", {"mission": "xmm"}, lambda _: False),
        ("findings", {"severity": "reject", "mission": "xmm"}, lambda row: row["severity"] == "reject"),
        ("findings", {"reason": "Reason 1", "check": "check1"}, lambda row: row["reason"] == "Reason 1"),
        ("findings", {"text": "F7_x"}, lambda row: row["filename"] == "f7_X.fits"),
        ("findings", {"text": "7, found 100%"}, lambda row: row["rootname"] in ("r7", "r17")),
        ("bad-data", {"reason": "Reason 1"}, lambda row: row["reason"] == "Reason 1"),
        ("bad-data", {"text": "b2"}, lambda row: row["filename"].startswith("b2")),
        (
            "runs",
            {"command": "poll", "status": "done"},
            lambda row: (row["command"], row["status"]) == ("poll", "done"),
        ),
        ("notices", {"state": "open"}, lambda row: row["cleared_at"] is None),
        ("notices", {"state": "over", "severity": "info"}, lambda row: row["cleared_at"] and row["severity"] == "info"),
    ],
)
def test_filters_let_pass_what_they_say(engine: Engine, name: str, filters: Any, passes: Any) -> None:
    fill_books(engine)
    with reading(engine) as connection:
        every = page(connection, BOOKS[name], {}, limit=100).rows
        forwards, _ = walked(connection, BOOKS[name], "", 3, filters)
        found = [row for one in forwards for row in one.rows]
    assert found == [row for row in every if passes(row)]


def test_a_filter_offers_the_values_that_there_are(engine: Engine) -> None:
    fill_books(engine)
    with reading(engine) as connection:
        assert choices(connection, BOOKS["findings"]) == {
            "reason": ["Reason 0", "Reason 1", "Reason 2"],
            "check": ["check0", "check1", "check2"],
        }
        assert choices(connection, BOOKS["notices"]) == {}


@pytest.mark.parametrize("place", ["x", "1~2", "-1", "99999999999999999999", "1e400~1", "nan~1", "٣", "1~", "~"])
def test_a_place_that_is_none_is_refused(filled: Engine, place: str) -> None:
    with reading(filled) as connection:
        for name, sort in ORDERS:
            if len(BOOKS[name].orders[sort]) == place.count("~") + 1 and place == "1~2":
                continue  # a probability and a number
            with pytest.raises(UsageError) as error:
                page(connection, BOOKS[name], {}, sort=sort, after=place, limit=5)
            assert error.value.code == "usage.bad-place"
        with pytest.raises(UsageError, match="both"):
            page(connection, BOOKS["runs"], {}, after="1", before="2", limit=5)


# --- texts without folders


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/hstlc/outputs/A/x.fits: cut short", "x.fits: cut short"),
        ("cannot read '/home/a/b/x.fits'", "cannot read 'x.fits'"),
        ("the disk of /data/hstlc is full", "the disk of the store is full"),
        ("/my store/in/x.fits and /my store", "x.fits and the store"),
        ("/data/hstlc2/x.fits", "x.fits"),
        ("file:///data/x.fits", "x.fits"),
        ("see https://archive.stsci.edu/hst/x at 2 ct/s, 1/2 and/or N/A", None),
        ("expected 1 / 2, found oref$x_pfl.fits", None),
        ("", None),
    ],
)
def test_folders_are_left_out_of_texts(text: str, shown: str | None) -> None:
    folders = (Path("/data/hstlc"), Path("/data/hstlc/outputs"), Path("/my store"), Path("/"))
    assert without_folders(text, folders) == (text if shown is None else shown)
    assert without_folders({"a": [text, 1, None]}, folders) == {"a": [text if shown is None else shown, 1, None]}


# --- pages


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_heading_filters_and_files(client: TestClient, site_engine: Engine, name: str) -> None:
    fill_books(site_engine)
    text = client.get(f"/{name}").text
    assert "<h1>" in text
    assert "<script" not in text
    for label in re.findall(r'<label for="(filter-[^"]+)"', text):
        assert f'id="{label}"' in text
    for form in ("csv", "votable", "fits", "json"):
        address = html.unescape(re.search(rf'href="([^"]+format={form})"', text)[1])
        assert client.get(address).status_code == 200
    assert all("scope=" in head for head in re.findall(r"<th[ >][^>]*", text))


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("candidates", {"kind": "flare", "probability": "0.5", "target": "a b&c", "sort": "probability"}),
        ("findings", {"severity": "flag", "reason": "Never heard", "text": '<x> "'}),
        ("bad-data", {"reason": "Reason 1"}),
        ("runs", {"command": "poll", "status": "failed"}),
        ("notices", {"state": "over"}),
    ],
)
def test_a_form_keeps_what_was_chosen(client: TestClient, name: str, chosen: dict[str, str]) -> None:
    text = client.get(f"/{name}", params=chosen).text
    for field, value in chosen.items():
        shown = html.escape(value, quote=True).replace("&quot;", "&#34;")
        control = re.search(rf'id="filter-{field}".*?</p>', text, re.DOTALL)[0]
        assert f'value="{shown}"' in control
        assert "<select" not in control or re.search(rf'value="{re.escape(shown)}" selected', f"<select{control}")
    assert f'<a class="button plain" href="/{name}">All</a>' in text


def test_empty_fields_of_a_form_filter_nothing(client: TestClient) -> None:
    empty = client.get("/candidates?mission=&kind=&probability=&target=&sort=")
    assert empty.status_code == 200
    assert empty.text == client.get("/candidates").text


def test_pages_are_turned_by_links_alone(client: TestClient, site_engine: Engine) -> None:
    fill_books(site_engine, 130)
    seen: list[str] = []
    address = "/bad-data?reason=Reason+1"
    while True:
        text = client.get(address).text
        seen += re.findall(r'<td class="name">(b\d+\.fits)', text)
        found = re.search(r'<a href="([^"]+)" rel="next"', text)
        if not found:
            break
        address = html.unescape(found[1])
        assert address.startswith("/bad-data?reason=Reason+1&after=")
    assert seen == [f"b{i}.fits" for i in range(129, 0, -2)]
    back = html.unescape(re.search(r'<a href="([^"]+)" rel="prev"', text)[1])
    assert "b129.fits" in client.get(back).text
    assert "There is nothing beyond" not in text


@pytest.mark.parametrize("place", ["after=x", "before=-1", "after=1&before=2", "after=" + "9" * 100])
@pytest.mark.parametrize("name", PAGES)
def test_a_bad_place_is_the_fault_of_who_asks(client: TestClient, name: str, place: str) -> None:
    assert client.get(f"/{name}?{place}").status_code == 400
    answer = client.get(f"/api/v1/{name}?{place}")
    assert (answer.status_code, answer.json()["code"]) == (400, "usage.bad-place")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "2", "x"])
def test_a_chance_is_between_0_and_1(client: TestClient, value: str) -> None:
    assert client.get("/api/v1/candidates", params={"probability": value}).status_code == 422
    assert client.get("/candidates", params={"probability": value}).status_code == 422


def test_a_candidate_leads_to_its_stretch_of_the_light_curve(client: TestClient, site_engine: Engine) -> None:
    text = client.get("/candidates").text
    with reading(site_engine) as connection:
        own = select(Candidate.start_mjd, Candidate.end_mjd, LightCurveRow.filename).join(
            LightCurveRow, LightCurveRow.product_id == Candidate.product_id
        )
        row = connection.execute(own).first()
    query = urlencode({"from_mjd": f"{row.start_mjd:.9f}", "to_mjd": f"{row.end_mjd:.9f}"})
    assert f"/curve/{quote(row.filename)}?{query}" in html.unescape(text)
    assert '<span class="unit">s</span>' in text
    assert '<span class="unit">ct</span>' in text


def test_reasons_are_explained_and_folders_are_not_shown(
    client: TestClient, site_engine: Engine, site_home: Path
) -> None:
    with writing(site_engine) as connection:
        row = {"mission": "hst", "filename": "x.fits", "path": f"{site_home}/bad_data", "ingest_date": NOW.date()}
        row |= {"reason": "Bad EXPFLAG", "message": f"{site_home}/bad_data/x.fits: no", "sha256": "1" * 64}
        connection.execute(insert(BadData), {**row, "size_bytes": 5})
        failed = [
            {"what": f"{site_home}/ingest/y.fits", "code": "data.unreadable", "message": "/srv/in/y.fits is short"}
        ]
        row = {"command": "ingest", "version": "2", "status": "failed", "started_at": NOW}
        connection.execute(insert(Run), {**row, "counts": {"failed": failed}, "message": f"no {site_home}"})
    for name in ("bad-data", "runs"):
        for address in (f"/{name}", f"/api/v1/{name}", f"/api/v1/{name}?format=csv"):
            text = html.unescape(client.get(address).text)
            assert str(site_home) not in text, address
            assert "/srv" not in text, address
    text = client.get("/bad-data").text
    assert "EXPFLAG" in re.search(r"<dt>Bad EXPFLAG</dt><dd>(.+?)</dd>", text)[1]
    assert "y.fits is short" in client.get("/runs").text
    assert re.search(r"<dt>Missing reference file</dt><dd>.+</dd>", client.get("/findings").text)


def test_an_empty_page_says_why(client: TestClient) -> None:
    assert "No file was rejected" in client.get("/bad-data").text
    assert "Nothing matches these filters" in client.get("/findings?text=zzzzz").text


# --- programs


def test_the_rows_of_programs_are_all_rows_however_they_are_asked_for(client: TestClient, site_engine: Engine) -> None:
    fill_books(site_engine, 57)
    for name in PAGES:
        seen: list[Any] = []
        address: str | None = f"/api/v1/{name}?limit=10"
        while address:
            answer = client.get(address).json()
            seen += answer["rows"]
            address = answer["next"]
        whole = client.get(f"/api/v1/{name}?limit=1000").json()
        assert seen == whole["rows"]
        assert len(seen) >= 57
        table = list(csv.DictReader(io.StringIO(client.get(f"/api/v1/{name}?format=csv").text)))
        assert [row["id"] for row in table] == [str(row["id"]) for row in seen]
        assert list(table[0]) == list(whole["columns"])


def test_votables_have_units_and_ucds(client: TestClient) -> None:
    from astropy.io.votable import parse_single_table

    answer = client.get("/api/v1/candidates?format=votable")
    table = parse_single_table(io.BytesIO(answer.content), verify="exception")
    field = table.get_field_by_id_or_name("duration_s")
    assert (str(field.unit), field.ucd) == ("s", "time.duration")
    assert len(table.array) == 1


def test_missions_and_columns_are_listed(client: TestClient, site_engine: Engine) -> None:
    missions = {row["mission"]: row for row in client.get("/api/v1/missions").json()["rows"]}
    with reading(site_engine) as connection:
        curves = connection.execute(select(LightCurveRow.mission, LightCurveRow.kind)).all()
    for name, row in missions.items():
        for kind in ("individual", "composite"):
            assert row[kind] == sum((one.mission, one.kind) == (name, kind) for one in curves)
    columns = client.get("/api/v1/columns", params={"table": "stats"}).json()["rows"]
    mean = next(row for row in columns if row["column"] == "mean")
    assert (mean["unit"], mean["ucd"]) == ("ct", "phot.count;stat.mean")
    assert {row["table"] for row in columns} == {"stats"}
    assert client.get("/api/v1/columns", params={"table": "none"}).json()["rows"] == []


# --- the list of interfaces


def test_every_interface_is_listed_and_its_example_works(client: TestClient) -> None:
    text = client.get("/api").text
    for path in client.get("/api/v1/openapi.json").json()["paths"]:
        assert f"<code>{html.escape(path)}</code>" in text
    examples = [html.unescape(one) for one in re.findall(r'Example: <a href="([^"]+)"', text)]
    assert {"/api/v1/missions", "/api/v1/candidates?limit=5"} <= set(examples)
    for address in examples:
        if address.startswith(tuple(f"/api/v1/{name}" for name in (*PAGES, "missions", "columns"))):
            assert client.get(address).status_code == 200
        assert address.startswith("/")
