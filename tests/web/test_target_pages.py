"""Pages of targets and the same for programs: found by name, place and identifier."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db import target_pages
from hstlc.db.cone import Cone
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.records import FINDINGS, LIGHT_CURVES, METADATA, SOURCES
from hstlc.db.target_pages import named_targets, of_target, target_page, targets_around, targets_of_curves
from hstlc.db.targets import ALIASES, TARGETS, find_target
from hstlc.errors import UsageError
from hstlc.web.places import read_place, sexagesimal
from hstlc.web.timeline import Observed, timeline

ODD = ("A/B #1", "50% ?", "Ä & <b>", "a..b", "x+y z", "日本", 'O\'Neil "quoted"')


def located(client: TestClient, query: str) -> str:
    answer = client.get("/targets", params={"q": query}, follow_redirects=False)
    assert answer.status_code == 302, query
    return str(answer.headers["location"])


def names(client: TestClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return re.findall(r'<td class="name"><a href="/target/[^"]*">([^<]*)</a>', answer.text)


@pytest.fixture
def store(site_settings: Settings) -> Iterator[Engine]:
    engine = make_engine(site_settings.db_connection_string)
    yield engine
    engine.dispose()


# --- pages


@pytest.mark.parametrize("query", ["GJ436", "gj 436", "GJ-436", "GLIESE 436", " gj436 "])
def test_any_spelling_of_a_name_leads_to_the_target(client: TestClient, query: str) -> None:
    assert located(client, query) == "/target/GJ436"


def test_identifiers_lead_to_the_curve_or_the_target(client: TestClient, store: Engine) -> None:
    with reading(store) as connection:
        columns = (LIGHT_CURVES.c[name] for name in ("filename", "rootname", "targname"))
        row = connection.execute(
            select(*columns).where(LIGHT_CURVES.c.targname == "GJ436", LIGHT_CURVES.c.rootname != "")
        ).first()
        assert row is not None
        file = connection.scalar(select(METADATA.c.filename).where(METADATA.c.rootname == row.rootname))
        source = connection.execute(select(SOURCES.c.name, METADATA.c.targname).join(METADATA)).first()
        program = connection.execute(select(METADATA.c.proposid).where(METADATA.c.targname == "SIM-AGAIN")).scalar()
        assert source is not None
    assert located(client, row.filename) == f"/curve/{row.filename}"
    for query in (row.rootname, row.rootname.upper(), file):
        assert located(client, query) == "/target/GJ436"
    assert located(client, source.name) == f"/target/{source.targname}"
    assert located(client, str(program)) == "/target/SIM-AGAIN"


def test_part_of_a_name_lists_what_has_it(client: TestClient) -> None:
    found = names(client, "/targets?q=sim%20fuv")
    assert len(found) == 8
    assert all("SIM-FUV" in name for name in found)
    assert names(client, "/targets?q=no-such-thing") == []
    assert "There is no such target here" in client.get("/targets?q=no-such-thing").text


@pytest.mark.parametrize(
    "address",
    ["/targets?q=150+2+1deg", "/targets?q=10:00:00+%2B02:00:00", "/targets?ra=150.01&dec=2&radius=0.05",
     "/targets?q=10h00m00s+%2B2d00m00s", "/targets?ra=150&dec=2&radius="],
)  # fmt: skip
def test_a_place_lists_the_targets_around_it(client: TestClient, address: str) -> None:
    assert names(client, address) == ["SIM-FIELD"]
    assert '<span class="unit">arcmin</span>' in client.get(address).text


def test_around_a_place_the_nearest_come_first(client: TestClient) -> None:
    answer = client.get("/targets?ra=150&dec=2&radius=180").text
    distances = [
        float(one) for one in re.findall(r'<td class="number">([0-9.]+)</td><td class="number">[0-9.]+</td>', answer)
    ]
    assert len(distances) > 20
    assert distances == sorted(distances)


@pytest.mark.parametrize(
    "address",
    ["/targets?ra=5", "/targets?ra=5&dec=95", "/targets?q=361+5", "/targets?q=24:00:01+5:00:00", "/targets?ra=-1&dec=0",
     "/targets?q=1:61:00+5:00:00"],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert "usage.place" in answer.text


@pytest.mark.parametrize("address", ["/targets?ra=nan&dec=1", "/targets?ra=1&dec=inf", "/targets?q=" + "a" * 300,
                                     "/targets?ra=x&dec=1", "/targets?ra=1&dec=1&radius=1e9"])  # fmt: skip
def test_bad_parameters_are_refused(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 422


def test_pages_follow_one_another_there_and_back(client: TestClient, site_settings: Settings) -> None:
    site = client.app.state.site  # type: ignore[attr-defined]
    section = site_settings.web.model_copy(update={"rows": 7})
    object.__setattr__(site, "settings", site_settings.model_copy(update={"web": section}))

    def link(address: str, relation: str) -> str:
        found = re.search(rf'href="([^"]*)" rel="{relation}"', client.get(address).text)
        return found[1].replace("&amp;", "&") if found else ""

    address, forward = "/targets", []
    while address:
        forward.append(names(client, address))
        last, address = address, link(address, "next")
    everything = [name for page in forward for name in page]
    assert everything == sorted(everything)
    assert len(everything) == len(set(everything)) > 20
    back, address = [], last
    while address:
        back.append(names(client, address))
        address = link(address, "prev")
    assert [name for page in reversed(back) for name in page] == everything


def test_the_list_of_a_mission(client: TestClient) -> None:
    assert names(client, "/targets?mission=xmm") == ["SIM-FIELD"]
    assert "GJ436" in names(client, "/targets?mission=hst&ra=&dec=&radius=")
    assert names(client, "/targets?mission=none") == []


def test_the_page_of_a_target_has_what_there_is_of_it(client: TestClient) -> None:
    text = client.get("/target/SIM-FIELD").text
    parts = (
        *(
            "10:00:00.00 +02:00:00.0",
            "Composites",
            "XMM EPIC",
            "Sources in its fields",
            "Exposures",
            'class="timeline"',
        ),
        *("When it was observed", "XMMU J100000.0+020000", "/thumbnail.png", "of single cameras or of other bands"),
        "/api/v1/curves?targname=SIM-FIELD&amp;format=votable",
    )
    for part in parts:
        assert part in text, part
    for address in sorted(
        set(re.findall(r'(?:href|src)="(/(?:target|targets|candidates|findings|curve|api)[^"]*)"', text))
    ):
        answer = client.get(address.replace("&amp;", "&"))
        assert answer.status_code == 200, address
    assert client.get("/target/GJ436").text.count('<span class="unit">s</span>') == 1


@pytest.mark.parametrize("name", ["sim field", "SIM_FIELD", "Sim-Field"])
def test_another_name_of_a_target_leads_to_its_page(client: TestClient, name: str) -> None:
    answer = client.get(f"/target/{quote(name)}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/target/SIM-FIELD")


def test_an_unknown_target_is_not_found(client: TestClient) -> None:
    answer = client.get("/target/%3Cscript%3E")
    assert answer.status_code == 404
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_found_shown_and_linked(client: TestClient, store: Engine, name: str) -> None:
    with writing(store) as connection:
        row = {"name": name, "moving": True, "made_at": datetime(2024, 1, 1, tzinfo=UTC)}
        connection.execute(insert(TARGETS), row)
        connection.execute(update(LIGHT_CURVES).where(LIGHT_CURVES.c.targname == "GJ436").values(targname=name))
    address = located(client, name)
    assert address == f"/target/{quote(name, safe='')}"
    page = client.get(address)
    assert page.status_code == 200
    assert "it moves across the sky" in page.text
    assert "/thumbnail.png" in page.text
    assert "<b>" not in page.text
    assert client.get(f"/api/v1/targets/{quote(name, safe='')}").json()["target"]["name"] == name


def test_findings_are_shown_without_folders(client: TestClient, store: Engine, site_home: Path) -> None:
    with writing(store) as connection:
        own = select(METADATA.c.rootname).where(METADATA.c.targname == "GJ436").limit(1)
        row = {"mission": "hst", "rootname": connection.scalar(own), "filename": "", "check_name": "companion"}
        row |= {"severity": "flag", "reason": "Missing segment", "message": f"no segment in {site_home}/filesystem/a"}
        connection.execute(insert(FINDINGS), {**row, "found_at": datetime(2024, 1, 1, tzinfo=UTC)})
    for address in ("/target/GJ436", "/api/v1/targets/GJ436"):
        text = client.get(address).text
        assert "no segment in" in text
        assert str(site_home) not in text


# --- programs


def test_targets_for_programs(client: TestClient) -> None:
    everything = client.get("/api/v1/targets").json()
    assert everything["count"] == len(everything["rows"]) > 20
    assert everything["columns"]["ra_deg"]["unit"] == "deg"
    address, found = "/api/v1/targets?limit=5", []
    while address:
        answer = client.get(address).json()
        found += answer["rows"]
        address = answer.get("next", "")
    assert found == everything["rows"]
    near = client.get("/api/v1/targets?ra=150&dec=2.01").json()["rows"]
    assert [(row["name"], row["curves"]) for row in near] == [("SIM-FIELD", 305)]
    assert near[0]["distance_deg"] == pytest.approx(0.01)
    assert [row["name"] for row in client.get("/api/v1/targets?q=gj").json()["rows"]] == ["GJ436"]
    assert client.get("/api/v1/targets?format=csv").text.startswith("name,ra_deg,dec_deg,moving,curves,instruments\r\n")


def test_one_target_for_programs(client: TestClient, store: Engine) -> None:
    answer = client.get("/api/v1/targets/gj%20436").json()
    assert answer["target"]["name"] == "GJ436"
    with reading(store) as connection:
        files = connection.scalars(select(LIGHT_CURVES.c.filename).where(LIGHT_CURVES.c.targname == "GJ436")).all()
    assert sorted(row["filename"] for row in answer["rows"]) == sorted(files)
    assert len(answer["exposures"]) == 3
    assert (answer["not_all"], answer["sources"]) == ([], [])
    assert not {"path", "id"} & set(answer["rows"][0])
    assert client.get("/api/v1/targets/nobody").json()["code"] == "web.not-found"
    for address in ("/api/v1/targets?ra=1", "/api/v1/targets?q=a&ra=1&dec=1"):
        assert client.get(address).status_code == 400


# --- the queries, on both databases


def _many(engine: Engine, number: int) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    with writing(engine) as connection:
        rows = [
            {"name": f"T-{i:03}", "ra_deg": 1.0 * i, "dec_deg": 0.5, "moving": False, "made_at": now}
            for i in range(number)
        ]
        connection.execute(insert(TARGETS), rows)


def test_lists_are_the_same_on_both_databases(filled: Engine) -> None:
    _many(filled, 12)
    with reading(filled) as connection:
        first = target_page(connection, limit=5)
        assert [row["name"] for row in first.rows] == ["A STAR", "T-000", "T-001", "T-002", "T-003"]
        assert first.more
        assert first.rows[0]["curves"] == [{"mission": "hst", "instrume": "COS", "number": 1}]
        assert first.rows[1]["curves"] == []
        rest = target_page(connection, after="T-003", limit=50)
        assert (rest.rows[0]["name"], len(rest.rows), rest.more) == ("T-004", 8, False)
        assert [row["name"] for row in target_page(connection, before="T-002", limit=2).rows] == ["T-000", "T-001"]
        near = targets_around(connection, Cone(359.5, 0.5, 2.0), limit=10)
        assert [row["name"] for row in near.rows] == ["T-000", "T-001"]
        assert near.rows[0]["distance_deg"] == pytest.approx(0.5, abs=1e-4)
        assert [row["name"] for row in named_targets(connection, "-00", limit=20).rows][:2] == ["T-000", "T-001"]
        assert [row["name"] for row in named_targets(connection, "%", limit=20).rows] == []
        assert [row["name"] for row in named_targets(connection, "a star", limit=20).rows] == ["A STAR"]


@pytest.mark.parametrize("few", [0, 5000])
def test_targets_of_a_mission_are_found_whether_it_has_few_exposures_or_many(
    filled: Engine, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(target_pages, "_FEW", few)
    _many(filled, 3)
    with writing(filled) as connection:
        connection.execute(
            update(METADATA).values(target_id=select(TARGETS.c.id).where(TARGETS.c.name == "A STAR").scalar_subquery())
        )
    with reading(filled) as connection:
        assert [row["name"] for row in target_page(connection, mission="hst", limit=9).rows] == ["A STAR"]
        assert target_page(connection, mission="xmm", limit=9).rows == []
        assert targets_around(connection, Cone(0, 0, 180), mission="xmm", limit=9).rows == []


def test_everything_of_a_target(filled: Engine) -> None:
    with reading(filled) as connection:
        row = find_target(connection, "A STAR")
        assert row is not None
        found = of_target(connection, row)
        assert targets_of_curves(connection, "LZ0001AAQ") == ("exposure", ["A STAR"])
        assert targets_of_curves(connection, "lz0001aaq_curve.fits") == ("curve", ["lz0001aaq_curve.fits"])
        assert targets_of_curves(connection, "12345678901234") == ("", [])
    assert found.aliases == ["A STAR"]
    assert [one["rootname"] for one in found.exposures] == ["lz0001aaq"]
    assert [(one["filename"], one["total"]) for one in found.curves] == [("lz0001aaq_curve.fits", 1819)]
    assert [one["filename"] for one in found.candidates] == ["lz0001aaq_curve.fits"]
    assert [one["reason"] for one in found.findings] == ["Missing segment"]
    assert found.more == set()


def test_sources_are_named_once_and_lists_are_limited(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_pages, "_MOST", 3)
    with writing(filled) as connection:
        connection.execute(update(LIGHT_CURVES).values(source_name="SKY J0042-0315"))
        number = connection.scalar(select(TARGETS.c.id))
        rows = [
            {"alias": f"alias {i}", "normal": f"ALIAS{i}", "target_id": number, "method": "name",
             "decided_at": datetime(2024, 1, 1, tzinfo=UTC)}
            for i in range(5)
        ]  # fmt: skip
        connection.execute(insert(ALIASES), rows)
    with reading(filled) as connection:
        row = find_target(connection, "A STAR")
        assert row is not None
        found = of_target(connection, row)
    assert [(one["name"], one["exposures"]) for one in found.sources] == [("SKY J0042-0315", 1)]
    assert len(found.aliases) == 3
    assert found.more == {"aliases"}


# --- places and the timeline


@given(st.floats(0, 359.9999), st.floats(-90, 90))
def test_a_place_is_read_as_it_is_written(ra: float, dec: float) -> None:
    found = read_place(sexagesimal(ra, dec))
    assert found is not None
    assert min(abs(found.ra_deg - ra), 360 - abs(found.ra_deg - ra)) <= 0.0751 / 3600
    assert found.dec_deg == pytest.approx(dec, abs=0.0501 / 3600)
    decimal = read_place(f"{ra:.6f}, {dec:+.6f}")
    assert decimal is not None
    assert (decimal.ra_deg, decimal.dec_deg) == (pytest.approx(ra, abs=1e-6), pytest.approx(dec, abs=1e-6))


@pytest.mark.parametrize(
    "text", ["NGC 3516", "3C 273", "2 3 4", "12 -", "1e3 4", "12:00 +5:00", "HD 12345 678", "1 2 parsec", ""]
)
def test_a_name_is_no_place(text: str) -> None:
    assert read_place(text) is None


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_not(text: str) -> None:
    try:
        found = read_place(text)
    except UsageError:
        return
    assert found is None or found.radius_deg <= 180


@pytest.mark.parametrize("span_d", [0.0, 0.01, 0.7, 3.0, 40.0, 400.0, 700.0, 9000.0, 30000.0])
def test_a_timeline_has_its_marks_inside_and_a_few_ticks(span_d: float) -> None:
    marks = [Observed("HST COS", "<a>", 50000.3, 50000.31), Observed("XMM", "b", 50000.3 + span_d, 50000.3 + span_d)]
    text = str(timeline(marks))
    places = [
        (float(x), float(width)) for x, width in re.findall(r'<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)"', text)
    ]
    assert len(places) == 2
    assert all(x >= 170 and x + width <= 1000 for x, width in places)
    assert 0 <= text.count('class="tick"') <= 8
    assert span_d < 0.1 or text.count('class="tick"') >= 1
    assert "<a>" not in text
