"""The page of a light curve as the server makes it: facts, links, form, picture; without a browser."""

import html
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, Engine, event, select
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.curve_page import CurveRows, curve_rows
from hstlc.db.engine import make_engine, reading
from hstlc.db.light_curves import find_light_curve
from hstlc.db.records import FILES, LIGHT_CURVES, METADATA, STATS
from hstlc.web.pages.curve_form import form_values, selection
from hstlc.web.pages.curve_values import curve_values, number_text


@pytest.fixture
def connection(site_settings: Settings) -> Iterator[Connection]:
    engine = make_engine(site_settings.db_connection_string)
    with reading(engine) as connection:
        yield connection
    engine.dispose()


def chosen(connection: Connection, *conditions: object) -> dict[str, object]:
    """Return the first light curve of some conditions."""
    query = select(LIGHT_CURVES).where(*conditions).order_by(LIGHT_CURVES.c.product_id).limit(1)
    return dict(connection.execute(query).mappings().one())


def page_of(client: TestClient, curve: dict[str, object], query: str = "") -> str:
    answer = client.get(f"/curve/{quote(str(curve['filename']), safe='')}{query}")
    assert answer.status_code == 200
    return answer.text


def test_the_page_of_one_exposure(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.kind == "individual", LIGHT_CURVES.c.source_name == "")
    text = page_of(client, curve)
    assert f"<h1>{curve['targname']}</h1>" in text
    assert f'href="/target/{curve["targname"]}"' in text
    stats = connection.execute(select(STATS).where(STATS.c.product_id == curve["product_id"])).mappings().one()
    assert f"<dd>{stats['total']:,} <span" in text
    assert STATS.c.poisson_factor.info["doc"] in text
    files = connection.execute(select(FILES).where(FILES.c.metadata_id == curve["metadata_id"])).mappings().all()
    assert {row["state"] for row in files} >= {"current"}
    for row in files:
        assert (row["filename"] in text) == (row["state"] == "current")
        assert (row["sha256"] in text) == (row["state"] == "current")


def test_the_page_of_a_composite_lists_its_exposures(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.kind == "composite", LIGHT_CURVES.c.exposures > 1)
    rows = curve_rows(connection, curve)
    text = page_of(client, curve)
    assert f"composite of {curve['exposures']} exposures" in text
    assert sum(row["dataset"] is not None for row in rows.members) == curve["exposures"]
    for row in rows.members:
        assert f'<a href="/curve/{quote(row["curve"], safe="")}">{row["rootname"]}</a>' in text


def test_the_page_of_a_source_links_its_bands_and_its_field(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.source_name != "", LIGHT_CURVES.c.kind == "individual")
    rows = curve_rows(connection, curve)
    text = page_of(client, curve)
    assert len(rows.bands) > 1
    assert {row["metadata_id"] for row in _of(connection, rows.bands)} == {curve["metadata_id"]}
    for row in rows.bands:
        assert f'href="/curve/{quote(row["filename"], safe="")}"' in text
    assert f"Source {html.escape(str(rows.source['name']))}</h2>" in text
    field = chosen(
        connection, LIGHT_CURVES.c.metadata_id == curve["metadata_id"], LIGHT_CURVES.c.source_name == "",
        LIGHT_CURVES.c.kind == "individual",
    )  # fmt: skip
    assert "Sources in the field" in page_of(client, field)


def _of(connection: Connection, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    numbers = [row["product_id"] for row in rows]
    query = select(LIGHT_CURVES).where(LIGHT_CURVES.c.product_id.in_(numbers))
    return [dict(row) for row in connection.execute(query).mappings()]


def test_before_and_after_lead_through_all_curves_of_a_target(connection: Connection) -> None:
    wanted = LIGHT_CURVES.c.kind == "individual", LIGHT_CURVES.c.source_name == ""
    names = [name for name, number in _targets(connection, *wanted).items() if number > 2]
    assert names
    for name in names[:3]:
        same = (*wanted, LIGHT_CURVES.c.targname == name)
        order = LIGHT_CURVES.c.start_mjd, LIGHT_CURVES.c.product_id
        expected = list(connection.scalars(select(LIGHT_CURVES.c.product_id).where(*same).order_by(*order)))
        row: dict[str, object] | None = dict(find_light_curve(connection, str(expected[0])) or {})
        found, back = [], []
        while row is not None:
            rows = curve_rows(connection, dict(find_light_curve(connection, str(row["product_id"])) or {}))
            found.append(rows.curve["product_id"])
            back.append(rows.previous and rows.previous["product_id"])
            row = rows.next
        assert found == expected
        assert back == [None, *expected[:-1]]


def test_the_curves_before_and_after_are_found_by_an_index_of_names(connection: Connection) -> None:
    plans: list[str] = []

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if "light_curve.start_mjd + " in statement:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.append(" ".join(row[-1] for row in cursor.fetchall()))

    event.listen(connection, "before_cursor_execute", explain)
    for condition in (LIGHT_CURVES.c.source_name == "", LIGHT_CURVES.c.source_name != ""):
        curve_rows(connection, chosen(connection, condition))
    assert len(plans) == 4
    assert all("ix_light_curve_targname" in plan for plan in plans[:2])
    assert all("ix_light_curve_source_name" in plan or "ix_light_curve_targname" in plan for plan in plans[2:])


def _targets(connection: Connection, *conditions: object) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in connection.scalars(select(LIGHT_CURVES.c.targname).where(*conditions)):
        found[name] = found.get(name, 0) + 1
    return found


def test_candidates_and_findings_are_listed(client: TestClient, connection: Connection) -> None:
    from hstlc.db.records import FINDINGS
    from hstlc.db.tables import Candidate

    product = connection.execute(select(Candidate.__table__)).mappings().first()
    assert product is not None
    text = page_of(client, dict(find_light_curve(connection, str(product["product_id"])) or {}))
    assert f'data-from-mjd="{product["start_mjd"]}"' in text
    finding = connection.execute(select(FINDINGS).where(FINDINGS.c.severity == "flag")).mappings().first()
    assert finding is not None
    exposure = select(METADATA.c.id).where(METADATA.c.rootname == finding["rootname"])
    curve = chosen(connection, LIGHT_CURVES.c.metadata_id == connection.scalar(exposure))
    assert html.escape(finding["message"], quote=False) in html.unescape(page_of(client, curve)).replace("&", "&amp;")


def test_the_form_has_what_the_address_says(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.kind == "individual")
    text = page_of(client, curve, "?counts=25&scale=log&background=keep&fold=3.5")
    assert '<option value="counts" selected>' in text
    assert '<option value="log" selected>' in text
    assert re.search(r'<input id="counts"[^>]* value="25"', text)
    assert re.search(r"<noscript>.*plot\.svg\?counts=25&amp;background=keep&amp;fold=3\.5", text, re.DOTALL)
    assert "data?counts=25&amp;background=keep&amp;fold=3.5&amp;format=votable" in text


def test_what_the_address_says_is_never_markup(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.kind == "individual")
    hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    text = page_of(
        client, curve, "?" + "&".join(f"{name}={hostile}" for name in ("bin", "energy", "zoom", "scale", "q"))
    )
    assert "<script>alert" not in text
    assert page_of(client, curve, f"?bin={'9' * 5000}") == page_of(client, curve)


def test_every_control_has_a_label(client: TestClient, connection: Connection) -> None:
    text = page_of(client, chosen(connection, LIGHT_CURVES.c.kind == "individual"))
    form = text[text.index('<form id="controls"') : text.index("</form>", text.index('<form id="controls"'))]
    controls = re.findall(r'<(?:input|select) id="([^"]+)"(?![^>]*type="hidden")', form)
    controls = [name for name in controls if f'<input type="hidden" id="{name}"' not in form]
    assert len(controls) > 12
    for name in controls:
        assert f'<label for="{name}">' in form
    described = set(re.findall(r'aria-describedby="([^"]+)"', form))
    assert described
    assert all(f'id="{name}" role="alert"' in form for name in described)


def test_nothing_of_the_page_runs_in_it_or_comes_from_elsewhere(client: TestClient, connection: Connection) -> None:
    text = page_of(client, chosen(connection, LIGHT_CURVES.c.kind == "individual"))
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    for address in re.findall(r'(?:script [^>]*src|link [^>]*href)="([^"]+)"', text):
        assert client.get(address).status_code == 200


def test_the_drawn_picture(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.kind == "individual", LIGHT_CURVES.c.lead)
    address = f"/curve/{quote(str(curve['filename']), safe='')}/plot.png"
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert f'href="{address}"' in page_of(client, curve)
    other = chosen(connection, ~LIGHT_CURVES.c.lead)
    answer = client.get(f"/curve/{quote(str(other['filename']), safe='')}/plot.png")
    assert answer.status_code == 404
    assert "plot.png" not in page_of(client, other)


@pytest.mark.parametrize("name", ["nothing.fits", "999999999", "..%2F..%2Fhstlc.db", "%00", "a" * 300, "%F0%9F%8C%9F"])
def test_an_unknown_light_curve_is_not_found(client: TestClient, name: str) -> None:
    for address in (f"/curve/{name}", f"/curve/{name}/plot.png"):
        answer = client.get(address)
        assert answer.status_code in (400, 404, 422)
        assert "<h1>" in answer.text


def test_a_curve_is_found_by_the_number_of_its_product(client: TestClient, connection: Connection) -> None:
    curve = chosen(connection, LIGHT_CURVES.c.kind == "individual")
    assert client.get(f"/curve/{curve['product_id']}").text == page_of(client, curve)


def test_rows_without_numbers_make_a_page_on_both_databases(filled: Engine) -> None:
    with reading(filled) as connection:
        for row in connection.execute(select(LIGHT_CURVES)).mappings().all():
            rows = curve_rows(connection, dict(row))
            assert isinstance(rows, CurveRows)
            values = curve_values(rows, {}, drawn=False)
            assert values["heading"]
            empty = {one.name: [] if isinstance(getattr(rows, one.name), list) else None for one in fields(CurveRows)}
            bare = CurveRows(**{**empty, "curve": {**row, "start_mjd": None, "ra_deg": None, "exptime_s": None}})
            assert curve_values(bare, {}, drawn=False)["when"] == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"bin": "10"}, [("bin", "10")]),
        ({"binning": "stored", "bin": "10"}, []),
        ({"binning": "counts", "bin": "10", "counts": "5"}, [("counts", "5")]),
        ({"binning": "width", "bin": ""}, []),
        ({"energy": "0.5,2", "time": "tdb", "axis": "mjd"}, [("energy", "0.5,2"), ("time", "tdb")]),
        ({"phase_bins": "10"}, []),
        ({"fold": "2", "phase_bins": "10"}, [("fold", "2"), ("phase_bins", "10")]),
        ({"background": "nonsense", "time": "utc"}, []),
    ],
)
def test_parameters_of_the_page_and_those_of_the_data(given: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert selection(given) == expected


def test_choices_that_are_none_are_as_usual() -> None:
    values = form_values({"binning": "evil", "scale": "x", "errors": "no", "other": "1"})
    assert (values["binning"], values["scale"], values["errors"]) == ("stored", "linear", "no")
    assert "other" not in values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (0.0, "0"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (-12345678, "-12,345,678"),
        (False, "no"),
        ("x", "x"),
    ],
)
def test_numbers_as_texts(value: object, expected: str) -> None:
    assert number_text(value) == expected
