"""Asking for work over the interface for programs and over the pages."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.audit import audit_rows
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.requests import take_request
from hstlc.db.tables import Metadata, Output, Target
from hstlc.db.users import add_user, new_token, token_digest
from hstlc.web.app import create_app

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OWN = {"Origin": "http://testserver"}


@pytest.fixture
def site_engine(site_settings: Settings) -> Iterator[Engine]:
    engine = make_engine(site_settings.db_connection_string)
    yield engine
    engine.dispose()


@pytest.fixture
def heads(site_engine: Engine) -> dict[str, dict[str, str]]:
    """Headers of two users."""
    found = {}
    with writing(site_engine) as connection:
        for name in ("ada", "bob"):
            token = new_token()
            add_user(connection, name, token_digest(token), NOW)
            found[name] = {"Authorization": f"Bearer {token}"}
    return found


@pytest.fixture
def known(site_engine: Engine) -> dict[str, Any]:
    """An exposure of the store, with its target and its configuration."""
    with reading(site_engine) as connection:
        columns = (Metadata.mission, Metadata.rootname, Output.configuration, Target.name)
        joined = select(*columns).join(Output, Output.metadata_id == Metadata.id).join(Target)
        row = connection.execute(joined.where(Output.configuration != "").order_by(Metadata.id).limit(1)).one()
    return {"mission": row[0], "rootname": row[1], "configuration": row[2], "target": row[3]}


def browser(client: TestClient, head: dict[str, str]) -> str:
    """Sign a browser in and return the token of its forms."""
    token = head["Authorization"].split()[1]
    client.post("/account", data={"token": token}, headers=OWN)
    found = re.search(r'name="form_token" value="([^"]+)"', client.get("/account").text)
    assert found
    return found[1]


@pytest.mark.parametrize("names", [("mission", "rootname"), ("target",), ("configuration",)])
def test_work_is_queued_once_and_can_be_followed(
    names: tuple[str, ...], client: TestClient, heads: dict[str, Any], known: dict[str, Any]
) -> None:
    body = {"kind": "reprocess", **{name: known[name] for name in names}}
    answer = client.post("/api/v1/requests", json=body, headers=heads["ada"])
    assert answer.status_code == 202
    row = answer.json()
    assert answer.headers["location"] == row["href"] == f"/api/v1/requests/{row['id']}"
    assert row["arguments"] == {name: known[name] for name in names}
    assert (row["state"], row["user"], row["counts"], row["attempts"]) == ("queued", "ada", {}, 0)
    again = client.post("/api/v1/requests", json=body, headers=heads["bob"])
    assert (again.status_code, again.json()["id"]) == (200, row["id"])
    shown = client.get(row["href"], headers=heads["bob"]).json()
    assert shown == {**row, "before": 0}
    assert datetime.fromisoformat(shown["requested_at"]).tzinfo is not None
    listed = client.get("/api/v1/requests?state=queued", headers=heads["bob"]).json()["requests"]
    assert [one["id"] for one in listed] == [row["id"]]
    assert client.get("/api/v1/requests?own=true", headers=heads["bob"]).json() == {"requests": []}


def test_a_target_and_a_place_can_be_got(client: TestClient, heads: dict[str, Any]) -> None:
    wanted = [
        ({"target": " GJ 436 "}, {"target": "GJ 436", "radius_deg": 2 / 60, "sources": []}),
        (
            {"ra_deg": 175.5, "dec_deg": 26.7, "radius_deg": 0.1, "sources": ["mast"]},
            {"ra_deg": 175.5, "dec_deg": 26.7, "radius_deg": 0.1, "sources": ["mast"]},
        ),
    ]
    for given, kept in wanted:
        answer = client.post("/api/v1/requests", json={"kind": "get", **given}, headers=heads["ada"])
        assert (answer.status_code, answer.json()["arguments"]) == (202, kept)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"kind": "delete"}, 422),
        ({"kind": "get"}, 422),
        ({"kind": "get", "ra_deg": 1.0}, 422),
        ({"kind": "get", "ra_deg": 400, "dec_deg": 0}, 422),
        ({"kind": "get", "target": "X", "radius_deg": 0}, 422),
        ({"kind": "get", "target": "X", "radius_deg": 2}, 422),
        ({"kind": "get", "target": "X", "radius_deg": "NaN"}, 422),
        ({"kind": "get", "target": "X\n"}, 202),  # stripped
        ({"kind": "get", "target": "X\nY"}, 422),
        ({"kind": "get", "target": "X\u0000Y"}, 422),
        ({"kind": "get", "target": "X" * 129}, 422),
        ({"kind": "get", "target": "X", "other": 1}, 422),
        ({"kind": "get", "target": "X", "sources": ["nowhere"]}, 400),
        ({"kind": "get", "target": "X", "sources": ["x"] * 21}, 422),
        ({"kind": "reprocess"}, 422),
        ({"kind": "reprocess", "mission": "hst"}, 422),
        ({"kind": "reprocess", "target": "a", "configuration": "b"}, 422),
        ({"kind": "reprocess", "target": "NOBODY"}, 404),
        ({"kind": "reprocess", "mission": "nope", "rootname": "x"}, 404),
        ({"kind": "reprocess", "configuration": "' OR 1=1 --"}, 404),
        ([], 422),
        ("x", 422),
    ],
)
def test_arguments_are_looked_at_closely(body: Any, status: int, client: TestClient, heads: dict[str, Any]) -> None:
    answer = client.post("/api/v1/requests", json=body, headers=heads["ada"])
    assert answer.status_code == status, answer.text
    if status != 202:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"]
        assert client.get("/api/v1/requests", headers=heads["ada"]).json() == {"requests": []}


def test_one_cancels_ones_own_queued_requests_alone(
    client: TestClient, heads: dict[str, Any], site_engine: Engine
) -> None:
    def post(target: str) -> str:
        body = {"kind": "get", "target": target}
        return str(client.post("/api/v1/requests", json=body, headers=heads["ada"]).json()["href"])

    first, second = post("A"), post("B")
    assert client.get(second, headers=heads["ada"]).json()["before"] == 1
    assert client.delete(first).status_code == 401
    answer = client.delete(first, headers=heads["bob"])
    assert (answer.status_code, "ada" in answer.json()["title"]) == (403, True)
    assert client.delete(first, headers=heads["ada"]).json()["state"] == "cancelled"
    answer = client.delete(first, headers=heads["ada"])
    assert (answer.status_code, answer.json()["code"]) == (409, "web.not-queued")
    with writing(site_engine) as connection:
        taken = take_request(connection, "get", 1, NOW)
    assert taken is not None
    assert taken["arguments"]["target"] == "B"
    assert client.delete(second, headers=heads["ada"]).status_code == 409
    for number in ("0", "99", "x", "99999999999"):
        status = client.delete(f"/api/v1/requests/{number}", headers=heads["ada"]).status_code
        assert status == (404 if number == "99" else 422)


def test_a_user_has_so_many_requests_queued_and_no_more(site_settings: Settings, heads: dict[str, Any]) -> None:
    section = site_settings.web.model_copy(update={"requests_queued": 2})
    with TestClient(create_app(site_settings.model_copy(update={"web": section}))) as client:
        answers = [
            client.post("/api/v1/requests", json={"kind": "get", "target": f"T{n}"}, headers=heads["ada"])
            for n in range(4)
        ]
        assert [answer.status_code for answer in answers] == [202, 202, 429, 429]
        assert answers[-1].headers["retry-after"] == "60"
        assert client.post("/api/v1/requests", json={"kind": "get", "target": "T9"}, headers=heads["bob"]).is_success


def test_a_request_waits_for_a_writer_and_is_durable_when_it_is_answered(
    client: TestClient, heads: dict[str, Any], site_engine: Engine
) -> None:
    answers: list[Any] = []

    def post() -> None:
        answers.append(client.post("/api/v1/requests", json={"kind": "get", "target": "X"}, headers=heads["ada"]))

    with writing(site_engine):
        thread = threading.Thread(target=post)
        thread.start()
        thread.join(0.5)
        assert answers == []  # the database is held: nothing is promised
    thread.join(60)
    assert answers[0].status_code == 202
    other = make_engine(site_engine.url)
    with reading(other) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job_request").scalar() == 1
    other.dispose()


def test_requests_are_recorded_with_who_asked(
    site_settings: Settings, heads: dict[str, Any], site_engine: Engine
) -> None:
    with TestClient(create_app(site_settings)) as client:
        href = client.post("/api/v1/requests", json={"kind": "get", "target": "X"}, headers=heads["ada"]).json()["href"]
        client.delete(href, headers=heads["ada"])
    with reading(site_engine) as connection:
        rows = [(row["action"], row["user_name"], row["status"]) for row in audit_rows(connection)]
    assert rows == [("cancel", "ada", 200), ("request", "ada", 202)]


# --- pages


def test_the_pages_queue_show_and_cancel(client: TestClient, heads: dict[str, Any], known: dict[str, Any]) -> None:
    form = {"form_token": browser(client, heads["ada"])}
    page = client.get("/requests/new", params={"kind": "reprocess", "target": '<b>"x"'})
    assert "&lt;b&gt;&#34;x&#34;" in page.text
    answer = client.post("/requests", data={**form, "kind": "reprocess", "target": known["target"]}, headers=OWN)
    assert answer.status_code == 200
    assert answer.url.path == "/requests/1"
    assert "queued" in answer.text
    assert "Cancel it" in answer.text
    listed = client.get("/requests?state=queued&own=true").text
    assert known["target"] in listed
    assert client.get("/requests?state=done").text.count("/requests/1") == 0
    answer = client.post("/requests/1/cancel", data=form, headers=OWN)
    assert "cancelled" in answer.text
    assert "Cancel it" not in answer.text
    assert client.post("/requests/1/cancel", data=form, headers=OWN).status_code == 409
    assert client.get("/requests/77").status_code == 404


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"kind": "get", "ra_deg": "12"}, 400, "go together"),
        ({"kind": "get", "ra_deg": "x", "dec_deg": "1"}, 400, "ra_deg"),
        ({"kind": "get", "target": "X", "radius_deg": "nan"}, 400, "radius_deg"),
        ({"kind": "get"}, 400, "give a target or a place"),
        ({"kind": "reprocess", "target": "NOBODY<i>"}, 404, "NOBODY&lt;i&gt;"),
        ({"kind": "other"}, 400, "does not say"),
        ({"kind": "get", "target": "X", "extra": "1"}, 400, "extra"),
    ],
)
def test_a_form_that_makes_no_sense_says_so(
    given: dict[str, str], status: int, said: str, client: TestClient, heads: dict[str, Any]
) -> None:
    form = browser(client, heads["ada"])
    answer = client.post("/requests", data={"form_token": form, **given}, headers=OWN)
    assert answer.status_code == status
    assert said in answer.text
    assert client.get("/api/v1/requests", headers=heads["ada"]).json() == {"requests": []}


def test_pages_of_users_send_strangers_to_the_sign_in(client: TestClient) -> None:
    for path in ("/requests", "/requests/1", "/requests/new?kind=get&target=A%2FB", "/sql"):
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code == 303
        page = client.get(answer.headers["location"])
        assert page.status_code == 200
        assert f'name="next" value="{path.replace("&", "&amp;")}"' in page.text
    assert client.post("/requests", data={"kind": "get"}, headers=OWN).status_code == 401


def test_the_list_goes_on_where_it_ended(client: TestClient, heads: dict[str, Any], site_engine: Engine) -> None:
    from hstlc.db.requests import add_request
    from hstlc.db.users import users

    with writing(site_engine) as connection:
        ada = users(connection)[0]
        for n in range(60):
            add_request(connection, "get", {"target": f"T{n}", "radius_deg": 0.1}, ada, NOW, most=99)
    browser(client, heads["ada"])
    page = client.get("/requests").text
    older = re.search(r'href="(/requests\?[^"]*before=\d+)"', page)
    assert older
    rest = client.get(older[1].replace("&amp;", "&")).text
    numbers = [set(map(int, re.findall(r'href="/requests/(\d+)"', text))) for text in (page, rest)]
    assert [len(found) for found in numbers] == [50, 10]
    assert numbers[0] | numbers[1] == set(range(1, 61))
