"""The table of light curves and its interface for programs, on the demonstration store."""

import csv
import hashlib
import io
import os
import re
import shutil
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from astropy.io.votable import parse
from astropy.table import QTable, Table
from sqlalchemy import update
from starlette.testclient import TestClient

from hstlc.config import load
from hstlc.db.curve_columns import COLUMNS, SORTED_BY
from hstlc.db.engine import make_engine, writing
from hstlc.db.records import LIGHT_CURVES, STATS
from hstlc.errors import UsageError
from hstlc.testing.databases import KINDS
from hstlc.web.app import create_app
from hstlc.web.curve_query import KINDS as KINDS_OF_VALUES
from hstlc.web.curve_query import parameters, read_query
from scripts.benchmarks.browse import KINDS_OF_PAGES, filled_store, measure, serving, table


class Parsed(HTMLParser):
    """Heads, rows and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.heads, self.rows, self.links, self.fields = [], [], {}, []
        self._row = self._cell = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "tr":
            self._row = []
            self.rows.append(self._row)
        elif tag in ("td", "th"):
            self._cell = []
            self._row.append(self._cell)
            if given.get("scope") == "col":
                self.heads.append(given)
        elif tag == "a" and "rel" in given:
            self.links[given["rel"]] = given["href"]
        elif tag in ("input", "select"):
            self.fields.append(given)

    def handle_data(self, data):
        if self._cell is not None:
            self._cell.append(data)

    @property
    def texts(self):
        return [[" ".join("".join(cell).split()) for cell in row] for row in self.rows]


@pytest.fixture(scope="module")
def shared(demo_home, tmp_path_factory):
    """A client of one copy of the store for all tests that only look."""
    home = tmp_path_factory.mktemp("curves") / "site"
    shutil.copytree(demo_home, home)
    settings = load(None, {"HSTLC_HOME_DIR": str(home), "HSTLC_WEB__REQUESTS_PER_SECOND": "0"})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(request):
    """The shared client, or one of a store of its own where the test changes the database."""
    if "changed" not in request.fixturenames:
        yield request.getfixturevalue("shared")
        return
    settings = request.getfixturevalue("site_settings")
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def page(client):
    def get(address):
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        return Parsed(answer.text)

    return get


@pytest.fixture
def listed(client):
    def get(address="/api/v1/curves"):
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


@pytest.fixture
def changed(site_settings):
    """A function that changes the database of the store."""

    def change(*statements):
        engine = make_engine(site_settings.db_connection_string)
        with writing(engine) as connection:
            for statement in statements:
                connection.execute(statement)
        engine.dispose()

    return change


# The page -------------------------------------------------------------------------------------------------------------


def test_the_table_has_units_labels_and_fifty_rows(page):
    found = page("/curves")
    assert len(found.rows) == 51
    heads = found.texts[0]
    assert heads[0] == "Light curve"
    assert "Live times" in heads  # the unit is under the name
    assert "Counts" + COLUMNS["total"].info["unit"] in heads
    sorted_by = [head for head in found.heads if "aria-sort" in head]
    assert [head["aria-sort"] for head in sorted_by] == ["descending"]
    assert "next" in found.links
    assert "prev" not in found.links


def test_every_field_has_a_label(client):
    text = client.get("/curves").text
    found = Parsed(text)
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', text))
    for field in found.fields:
        boxed = field.get("type") in ("checkbox", "hidden")
        assert boxed or field["id"] in labelled, field


def test_following_next_shows_every_curve_once_and_back_again(page, listed):
    total = listed("/api/v1/curves/count")["count"]
    names, address, last = [], "/curves?rows=100&sort=total", ""
    while address:
        found = page(address)
        names += [row[0] for row in found.texts[1:]]
        last, address = address, found.links.get("next", "")
    assert len(names) == len(set(names)) == total > 100
    previous = page(page(last).links["prev"])
    assert [row[0] for row in previous.texts[1:]] == names[-100 - len(page(last).rows) + 1 : -len(page(last).rows) + 1]


@pytest.mark.parametrize("sort", [sign + name for sign in ("", "-") for name in SORTED_BY])
def test_every_order_is_a_page(page, sort):
    found = page(f"/curves?sort={sort}&columns={sort.lstrip('-')}")
    (head,) = (head for head in found.heads if "aria-sort" in head)
    assert head["aria-sort"] == ("descending" if sort.startswith("-") else "ascending")


def test_every_column_can_be_shown(page):
    found = page("/curves?columns=all&rows=5")
    assert len(found.rows[0]) == len(COLUMNS) + 1
    assert {len(row) for row in found.rows} == {len(COLUMNS) + 1}


def test_columns_of_the_form_are_those_of_an_address(page):
    one = page("/curves?columns=total&columns=mean")
    other = page("/curves?columns=total,mean")
    assert one.texts == other.texts
    assert len(one.rows[0]) == 3
    assert "columns=total%2Cmean" in one.links["next"]


def test_a_filter_is_kept_by_the_links(page, listed):
    mission = listed()["rows"][0]["mission"]
    found = page(f"/curves?mission={mission}&total_min=1&rows=10")
    given = dict(parse_qsl(urlsplit(found.links["next"]).query))
    assert (given["mission"], given["total_min"], given["rows"]) == (mission, "1", "10")
    assert page(found.links["next"]).rows


def test_empty_fields_of_the_form_say_nothing(page):
    assert page("/curves?q=&mission=&total_min=&total_max=&ra=&dec=&radius=").texts == page("/curves").texts


def test_nothing_found_says_what_to_do(client):
    text = client.get("/curves?q=there-is-no-such-thing").text
    assert "No light curve is left by these filters" in text
    assert '<a href="/curves">show all</a>' in text


def test_names_are_shown_as_they_are_and_never_as_markup(client, changed, listed):
    name = '<script>alert("1")</script> & #1/2? é'
    number = listed("/api/v1/curves?columns=product_id&limit=1")["rows"][0]["product_id"]
    changed(update(LIGHT_CURVES).where(LIGHT_CURVES.c.product_id == number).values(targname=name, source_name=name))
    text = client.get("/curves", params={"targname": name}).text
    assert "<script>alert" not in text
    assert f'href="/target/{quote(name, safe="")}"' in text
    assert text.count("&lt;script&gt;") >= 2
    assert len(Parsed(text).rows) == 2


def test_a_curve_without_statistics_is_not_in_the_list(changed, listed):
    names = [row["filename"] for row in listed("/api/v1/curves?limit=1000")["rows"]]
    changed(STATS.delete().where(STATS.c.lightcurve_filename == names[0]))
    assert names[0] not in [row["filename"] for row in listed("/api/v1/curves?limit=1000")["rows"]]


# Parameters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("foo=1", "usage.filter"), ("sort=path", "usage.sort"), ("sort=--total", "usage.sort"),
        ("columns=path", "usage.columns"), ("columns=total,,nothing", "usage.columns"), ("rows=0", "usage.rows"),
        ("limit=99999999", "usage.rows"), ("limit=-1", "usage.rows"), ("limit=1e3", "usage.rows"),
        ("total_min=abc", "usage.filter"), ("total_min=nan", "usage.filter"), ("mean_max=inf", "usage.filter"),
        ("mean_max=1_0", "usage.filter"), ("mean=1", "usage.filter"), ("interesting=perhaps", "usage.filter"),
        ("lead=unknown", "usage.filter"), ("cenwave=1.5", "usage.filter"), ("cenwave=9999999999", "usage.filter"),
        ("total=99999999999999999999", "usage.filter"), ("ra=1", "usage.cone"), ("ra=1&dec=91", "usage.cone"),
        ("ra=nan&dec=1", "usage.cone"), ("ra=1&dec=1&radius=-1", "usage.cone"), ("radius=1", "usage.cone"),
        ("q=" + "x" * 300, "usage.filter"), ("targname=a%00b", "web.not-text"), ("kind=indi*", "usage.filter"),
        ("targname=a*&targname=b", "usage.filter"), ("made_at_min=yesterday", "usage.filter"),
        ("made_at_min=0001-01-01T00:00:00%2B23:00", "usage.filter"), ("sort=total&sort=mean", "usage.filter"),
        ("after=%21", "usage.place"), ("after=AAAA", "usage.place"), ("after=bnVsbA", "usage.place"),
        ("after=WzEsMiwzXQ&before=WzEsMiwzXQ", "usage.place"), ("total_min=1&total_min=2", "usage.filter"),
        ("format=xml", "web.bad-parameter"), ("format=csv&after=WzEsMiwzXQ", "usage.place"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_answered_with_a_hint(client, given, code):
    answer = client.get(f"/api/v1/curves?{given}")
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == code
    assert answer.json()["hint"]


def test_a_place_is_good_in_its_own_order_only(client, listed):
    place = dict(parse_qsl(urlsplit(listed("/api/v1/curves?sort=total&limit=3")["next"]).query))["after"]
    assert client.get(f"/api/v1/curves?sort=total&after={place}").status_code == 200
    for sort in ("-total", "mean", "targname"):
        answer = client.get(f"/api/v1/curves?sort={sort}&after={place}")
        assert (answer.status_code, answer.json()["code"]) == (400, "usage.place")


@pytest.mark.parametrize("name", SORTED_BY)
def test_places_of_every_order_come_back_as_they_were(name):
    from datetime import UTC, datetime

    from hstlc.db.browse import Place

    kind = KINDS_OF_VALUES[name]
    values = {
        "float": [0.1, 1e-300, float("inf")],
        "int": [0, 5],
        "long": [0, 2**40],
        "text": ["a é ' %", ""],
        "time": [datetime.now(UTC)],
    }
    query = read_query([("sort", name)], 50)
    for value in [*values[kind], *([None] if COLUMNS[name].nullable else [])]:
        address = query.at("/curves", after=Place(value, 7))
        again = read_query(parse_qsl(urlsplit(address).query), 50)
        assert again.after == Place(value, 7)


def test_parameters_are_described_and_each_of_them_is_understood():
    described = parameters()
    assert len({one["name"] for one in described}) == len(described) > 100
    values = {"ra": "10", "dec": "10", "radius": "1", "sort": "total", "columns": "total", "after": "", "before": ""}
    for one in described:
        kind, example = one["schema"]["type"], one["schema"].get("enum", ["x"])[0]
        value = values.get(one["name"]) or {"integer": "1", "number": "1.5"}.get(kind, example)
        value = "2026-01-02T03:04:05Z" if one["schema"].get("format") == "date-time" else value
        if one["name"] in ("after", "before", "ra", "dec", "radius"):
            continue
        read_query([(one["name"], value)], 50)
        assert one["description"]
    with pytest.raises(UsageError, match="no parameter"):
        read_query([("path", "1")], 50)


def test_prefix_and_place_are_found(listed):
    row = listed("/api/v1/curves?columns=targname,ra_deg,dec_deg&limit=1&ra=150&dec=2&radius=1")["rows"][0]
    exact = listed(f"/api/v1/curves?targname={quote(row['targname'])}&limit=1000&columns=targname")["rows"]
    begins = listed(f"/api/v1/curves?targname={quote(row['targname'][:4])}*&limit=1000&columns=targname")["rows"]
    assert {one["targname"] for one in exact} == {row["targname"]}
    assert len(begins) >= len(exact) >= 1
    lower = listed(f"/api/v1/curves?q={quote(row['targname'].lower())}&limit=1000&columns=targname")["rows"]
    assert {one["targname"] for one in lower} >= {row["targname"]}


# Programs -------------------------------------------------------------------------------------------------------------


def test_json_pages_are_linked(client, listed):
    answer = client.get("/api/v1/curves?limit=7&sort=total")
    found = answer.json()
    assert found["count"] == len(found["rows"]) == 7
    assert f'<{found["next"]}>; rel="next"' == answer.headers["link"]
    following = listed(found["next"])
    assert listed(following["previous"])["rows"] == found["rows"]
    totals = [row["total"] for row in found["rows"] + following["rows"]]
    assert totals == sorted(totals)
    assert {"product_id", "filename"} <= found["rows"][0].keys()
    assert found["columns"]["total"]["unit"] == "ct"


def test_all_formats_have_the_same_rows(client):
    wanted = "columns=filename,total,mean,interesting,start_mjd&sort=filename&mission=hst"
    rows = client.get(f"/api/v1/curves?{wanted}&limit=1000").json()["rows"]
    names = [row["filename"] for row in rows]
    assert len(names) > 10
    text = client.get(f"/api/v1/curves?{wanted}&format=csv").text
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["filename"] for row in found] == names
    assert [float(row["mean"]) for row in found] == [row["mean"] for row in rows]
    body = client.get(f"/api/v1/curves?{wanted}&format=fits").content
    fits_table = Table.read(io.BytesIO(body), character_as_bytes=False)
    assert [name.strip() for name in fits_table["filename"]] == names
    assert str(fits_table["total"].unit) == "ct"
    body = client.get(f"/api/v1/curves?{wanted}&format=votable").content
    votable = parse(io.BytesIO(body), verify="exception").get_first_table()
    assert votable.array["filename"].tolist() == names
    assert votable.array["mean"].tolist() == [row["mean"] for row in rows]


@pytest.mark.parametrize("form", ["csv", "fits", "votable"])
def test_a_file_that_is_cut_says_so(client, form):
    whole = client.get(f"/api/v1/curves?format={form}&columns=filename")
    assert "x-cut-at-rows" not in whole.headers
    cut = client.get(f"/api/v1/curves?format={form}&columns=filename&limit=3")
    assert cut.headers["x-cut-at-rows"] == "3"
    assert cut.headers["content-disposition"].startswith('attachment; filename="curves.')
    if form == "votable":
        infos = {info.name: info.value for info in parse(io.BytesIO(cut.content)).resources[0].infos}
        assert infos["QUERY_STATUS"] == "OVERFLOW"


def test_what_a_client_has_already_is_not_sent(client):
    first = client.get("/api/v1/curves?limit=5")
    again = client.get("/api/v1/curves?limit=5", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_counting(client, listed):
    total = listed("/api/v1/curves/count")
    assert total == {"count": len(listed("/api/v1/curves?limit=10000")["rows"]), "complete": True}
    some = listed("/api/v1/curves/count?kind=composite")["count"]
    assert some == len(listed("/api/v1/curves?kind=composite&limit=10000")["rows"])
    assert 0 < some < total["count"]


def test_counting_that_takes_too_long_is_not_an_error(client, monkeypatch):
    def slow(*_):
        raise UsageError("usage.query-timeout", "too long", "less")

    monkeypatch.setattr("hstlc.web.api.curves.count_curves", slow)
    assert client.get("/api/v1/curves/count").json() == {"count": None, "complete": False}


def test_one_curve_by_name_and_by_number(client, listed):
    for row in listed("/api/v1/curves?kind=individual&limit=5")["rows"]:
        found = listed(f"/api/v1/curves/{quote(row['filename'], safe='')}")
        assert found == listed(f"/api/v1/curves/{row['product_id']}")
        assert found["curve"]["targname"] == row["targname"]
        assert found["statistics"]["total"] == row["total"]
        assert len(found["exposures"]) == 1
        assert len(found["sha256"]) == 64
        assert client.get(found["links"]["file"]).status_code == 200


def test_a_composite_tells_its_exposures(listed):
    row = listed("/api/v1/curves?kind=composite&limit=1&columns=filename,exposures")["rows"][0]
    found = listed(f"/api/v1/curves/{row['filename']}")
    assert len(found["exposures"]) == row["exposures"]
    assert all(one["rootname"] for one in found["exposures"])


def test_a_curve_of_a_source_tells_source_and_hardness(listed):
    rows = listed("/api/v1/curves?kind=individual&limit=1000&columns=filename,source_name&lead=true")["rows"]
    row = next(row for row in rows if row["source_name"])
    found = listed(f"/api/v1/curves/{row['filename']}")
    assert found["source"]["name"] == row["source_name"]
    assert found["other_bands"]
    assert found["columns"]["source"]["ra_deg"]["unit"] == "deg"


def test_no_folder_of_the_disk_is_in_an_answer(client, listed):
    site_home = client.app.state.site.layout.home
    name = listed("/api/v1/curves?limit=1")["rows"][0]["filename"]
    for address in ("/curves?columns=all", "/api/v1/curves?columns=all", f"/api/v1/curves/{name}"):
        text = client.get(address).text
        assert str(site_home) not in text
        assert '"path"' not in text
        assert "outputs/" not in text


@pytest.mark.parametrize("end", ["", "/file", "/plot"])
@pytest.mark.parametrize(
    "name", ["nothing.fits", "999999999", "99999999999999999999", "..%2F..%2Fhstlc.db", "%00", "é"]
)
def test_a_curve_that_is_not_there(client, name, end):
    answer = client.get(f"/api/v1/curves/{name}{end}")
    assert answer.status_code in (400, 404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_file_is_the_product_with_its_digest_as_etag(client, listed):
    name = listed("/api/v1/curves?limit=1")["rows"][0]["filename"]
    answer = client.get(f"/api/v1/curves/{name}/file")
    digest = hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["etag"] == f'"{digest}"'
    assert answer.headers["content-type"] == "application/fits"
    assert "attachment" in answer.headers["content-disposition"]
    part = client.get(f"/api/v1/curves/{name}/file", headers={"range": "bytes=2880-2889"})
    assert (part.status_code, part.content) == (206, answer.content[2880:2890])
    again = client.get(f"/api/v1/curves/{name}/file", headers={"if-none-match": f'"{digest}"'})
    assert (again.status_code, again.content) == (304, b"")
    with io.BytesIO(answer.content) as file:
        assert "mjd" in QTable.read(file, hdu=1).colnames


def test_the_plot_is_a_picture(client, listed):
    name = listed("/api/v1/curves?limit=1&lead=true")["rows"][0]["filename"]
    answer = client.get(f"/api/v1/curves/{name}/plot")
    assert answer.content.startswith(b"\x89PNG")


def test_a_file_that_is_gone_or_outside_is_not_found(client, changed, listed, site_home, tmp_path):
    first, second = listed("/api/v1/curves?limit=2&columns=filename,product_id&kind=individual")["rows"]
    changed(update(LIGHT_CURVES).where(LIGHT_CURVES.c.product_id == first["product_id"]).values(path="outputs/gone"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / second["filename"]).write_text("secret")
    paths = (os.path.relpath(outside, site_home), str(outside))
    assert client.get(f"/api/v1/curves/{first['filename']}/file").status_code == 404
    for path in paths:
        changed(update(LIGHT_CURVES).where(LIGHT_CURVES.c.product_id == second["product_id"]).values(path=path))
        answer = client.get(f"/api/v1/curves/{second['filename']}/file")
        assert answer.status_code == 404
        assert "secret" not in answer.text
        assert str(outside) not in answer.text


# Many -----------------------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_a_million_light_curves_and_twenty_clients(kind, capsys):
    with filled_store(kind, 1_000_000) as store:
        for pages in KINDS_OF_PAGES:
            with serving(store, 2) as address:
                rounds = [measure(address, 20, 20, pages=pages) for _ in range(3)]
            with capsys.disabled():
                print("\n" + table(rounds, f"{kind}, {pages}, 1,000,000 light curves, 20 clients"))
            answers = [one for found in rounds for own in found.values() for one in own]
            assert {status for _, status in answers} == {200}
            assert len(answers) > 200


@pytest.mark.parametrize("kind", KINDS)
def test_the_load_that_the_figures_come_from_runs_without_an_error(kind):
    with filled_store(kind, 500) as store, serving(store, 1) as address:
        found = measure(address, 3, 3)
    assert {status for own in found.values() for _, status in own} == {200}
    assert "all tables" in table([found, found], "figures")
