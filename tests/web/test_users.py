"""Who is let in: tokens, sessions, pages from elsewhere, wrong tokens."""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.audit import audit_rows
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.users import (
    add_user,
    new_token,
    remove_user,
    replace_token,
    set_disabled,
    token_digest,
    user_of_token,
    users,
)
from hstlc.errors import StoreError, UsageError
from hstlc.logs import redact
from hstlc.web.app import create_app
from hstlc.web.auditing import AuditWriter
from hstlc.web.session import KEY_NAME, server_key, session_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OWN = {"Origin": "http://testserver"}
NewUser = Callable[..., str]


@pytest.fixture
def site_engine(site_settings: Settings):
    engine = make_engine(site_settings.db_connection_string)
    yield engine
    engine.dispose()


@pytest.fixture
def new_user(site_engine: Engine) -> NewUser:
    """A function that adds a user and returns the token."""

    def add(name: str = "ada") -> str:
        token = new_token()
        with writing(site_engine) as connection:
            add_user(connection, name, token_digest(token), NOW)
        return token

    return add


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_in(client: TestClient, token: str, then: str = "") -> str:
    """Sign a browser in and return the token of its forms."""
    answer = client.post("/account", data={"token": token, "next": then}, headers=OWN, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    found = re.search(r'name="form_token" value="([^"]+)"', client.get("/account").text)
    assert found
    return found[1]


# --- rows


def test_a_user_is_added_once_and_found_by_the_token_alone(engine: Engine) -> None:
    token = new_token()
    with writing(engine) as connection:
        add_user(connection, "ada", token_digest(token), NOW)
        with pytest.raises(UsageError) as caught:
            add_user(connection, "ada", "0" * 64, NOW)
        assert (caught.value.code, "hstlc user token ada" in caught.value.hint) == ("usage.user-exists", True)
        assert user_of_token(connection, token)["name"] == "ada"
        for other in ("", token + "x", token[:-1], token_digest(token), "\udce9", "' OR 1=1 --"):
            assert user_of_token(connection, other) is None
        (row,) = users(connection)
        assert set(row) == {"id", "name", "made_at", "disabled_at"}
        replace_token(connection, "ada", token_digest(new_token()))
        assert user_of_token(connection, token) is None
        remove_user(connection, "ada")
        assert users(connection) == []
        for change in (lambda: remove_user(connection, "ada"), lambda: set_disabled(connection, "ada", NOW)):
            with pytest.raises(UsageError) as caught:
                change()
            assert caught.value.code == "usage.unknown-user"


@pytest.mark.parametrize("name", ["", " ada", "-x", "a b", "a\n", "a" * 65, "a;b", "a\0", "<b>"])
def test_a_name_that_is_none_is_refused(engine: Engine, name: str) -> None:
    with writing(engine) as connection, pytest.raises(UsageError) as caught:
        add_user(connection, name, "0" * 64, NOW)
    assert caught.value.code == "usage.user-name"


def test_no_log_shows_a_token() -> None:
    token = new_token()
    assert redact(f"got {token} from {token}, and 'x={token}'").count("***") == 3
    assert len({new_token() for _ in range(100)}) == 100


# --- programs


def test_a_program_needs_a_token_that_is_good(client: TestClient, new_user: NewUser, site_engine: Engine) -> None:
    token = new_user()
    answer = client.get("/api/v1/requests")
    assert (answer.status_code, answer.json()["code"]) == (401, "web.token")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/api/v1/requests", headers=bearer(token)).status_code == 200
    assert client.get("/api/v1/requests", headers={"Authorization": f"bearer  {token} "}).status_code == 200
    for wrong in (f"Basic {token}", "Bearer", token, f"Bearer {token}x", "Bearer " + "x" * 5000):
        answer = client.get("/api/v1/requests", headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
        assert "invalid_token" in answer.headers["www-authenticate"]
    assert client.get(f"/api/v1/requests?token={token}").status_code == 401  # never in an address
    with writing(site_engine) as connection:
        set_disabled(connection, "ada", NOW)
    assert client.get("/api/v1/requests", headers=bearer(token)).status_code == 401
    with writing(site_engine) as connection:
        set_disabled(connection, "ada", None)
    assert client.get("/api/v1/requests", headers=bearer(token)).status_code == 200


def test_wrong_tokens_are_slowed_down_and_the_right_one_is_not(client: TestClient, new_user: NewUser) -> None:
    token = new_user()
    answers = [client.get("/api/v1/requests", headers=bearer(f"guess{n}")) for n in range(30)]
    codes = [answer.status_code for answer in answers]
    assert codes[:10] == [401] * 10
    assert codes[-5:] == [429] * 5
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client.get("/api/v1/requests", headers=bearer(token)).status_code == 200


# --- browsers


def test_a_browser_signs_in_with_the_token_and_keeps_something_else(
    client: TestClient, new_user: NewUser, site_settings: Settings
) -> None:
    token = new_user()
    answer = client.post("/account", data={"token": f" {token} ", "next": "/sql"}, headers=OWN, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sql")
    cookie = answer.headers["set-cookie"]
    assert token not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    key = site_settings.home_dir / KEY_NAME
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    page = client.get("/account")
    assert "ada" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert client.get("/sql").status_code == 200
    assert client.get("/api/v1/requests").status_code == 200


def test_over_https_the_cookie_is_secure(site_settings: Settings, new_user: NewUser) -> None:
    token = new_user()
    with TestClient(create_app(site_settings), base_url="https://testserver") as client:
        own = {"Origin": "https://testserver"}
        answer = client.post("/account", data={"token": token}, headers=own, follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"].split("; ")


@pytest.mark.parametrize("end", ["disable", "token", "remove", "sign-out", "key"])
def test_a_session_ends_with(
    end: str, client: TestClient, new_user: NewUser, site_engine: Engine, site_settings: Settings
) -> None:
    form = sign_in(client, new_user())
    value = client.cookies["hstlc_session"]
    if end == "sign-out":
        client.post("/account/sign-out", data={"form_token": form}, headers=OWN)
        assert "hstlc_session" not in client.cookies
    elif end == "key":
        (site_settings.home_dir / KEY_NAME).unlink()
    else:
        with writing(site_engine) as connection:
            if end == "disable":
                set_disabled(connection, "ada", NOW)
            elif end == "token":
                replace_token(connection, "ada", token_digest(new_token()))
            else:
                remove_user(connection, "ada")
    answer = client.get("/requests?own=true", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?next=%2Frequests%3Fown%3Dtrue")
    assert value
    assert client.get("/api/v1/requests").status_code == 401


def test_a_session_that_nobody_signed_or_that_is_over_is_none(
    client: TestClient, new_user: NewUser, site_engine: Engine, site_settings: Settings
) -> None:
    token = new_user()
    sign_in(client, token)
    good = client.cookies["hstlc_session"]
    key = server_key(site_settings.home_dir)
    assert key is not None
    number, until, signature = good.split(".")
    over = session_of(key, int(number), token_digest(token), 1_700_000_000)
    forged = [
        f"{number}.{int(until) + 9}.{signature}",
        f"2.{until}.{signature}",
        f"{number}.{until}.",
        over,
        "x" * 3000,
    ]
    forged += ["1.2.3.4", "..", "9999999999.9999999999.x", f"{number}.{until}.é"]
    for value in forged:
        head = {b"Cookie": f"hstlc_session={value}".encode()}
        client.cookies.clear()
        assert client.get("/api/v1/requests", headers=head).status_code == 401, value
    assert client.get("/api/v1/requests", headers={"Cookie": f"hstlc_session={good}"}).status_code == 200


def test_a_visitor_with_a_made_up_cookie_makes_no_key(client: TestClient, site_settings: Settings) -> None:
    assert client.get("/account", headers={"Cookie": "hstlc_session=1.9999999999.x"}).status_code == 200
    assert not (site_settings.home_dir / KEY_NAME).exists()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", **OWN},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_what_a_page_from_elsewhere_sends_is_refused(
    headers: dict[str, str], client: TestClient, new_user: NewUser
) -> None:
    token = new_user()
    assert client.post("/account", data={"token": token}, headers=headers).status_code == 403
    form = sign_in(client, token)
    given = {"form_token": form, "kind": "reprocess", "target": "x"}
    assert client.post("/requests", data=given, headers=headers).status_code == 403
    script = {**headers, "X-Form-Token": form}
    assert client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=script).status_code == 403
    assert client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers={**script, **bearer(token)}).status_code == 200


def test_a_form_without_the_token_of_the_session_is_refused(client: TestClient, new_user: NewUser) -> None:
    form = sign_in(client, new_user())
    for given in ("", "x", form[:-1], "é"):
        answer = client.post("/sql", data={"sql": "SELECT 1", "form_token": given}, headers=OWN)
        assert answer.status_code == 403, given
    assert client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=OWN).status_code == 403
    script = {**OWN, "X-Form-Token": form}
    assert client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=script).status_code == 200
    browser = {"Sec-Fetch-Site": "same-origin", "X-Form-Token": form}
    assert client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=browser).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"token=a&token=b",
        b"token=a&other=b",
        b"token",
        b"token=%ff",
        "token=é".encode(),
        b"&".join(b"a%d=1" % n for n in range(100)),
    ],
)
def test_a_form_that_is_not_as_it_should_be_is_refused(client: TestClient, body: bytes) -> None:
    head = {**OWN, "Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/account", content=body, headers=head).status_code == 400
    assert client.post("/account", content=body, headers={**OWN, "Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(
    "then", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "/sql\r\nX: y", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere_after_the_sign_in(then: str, client: TestClient, new_user: NewUser) -> None:
    answer = client.post("/account", data={"token": new_user(), "next": then}, headers=OWN, follow_redirects=False)
    assert answer.headers["location"] == "/account"


def test_a_wrong_token_at_the_form_says_so_and_is_not_shown(client: TestClient) -> None:
    answer = client.post("/account", data={"token": "hstlc_wrong", "next": "/sql"}, headers=OWN)
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "hstlc_wrong" not in answer.text
    assert 'value="/sql"' in answer.text


# --- audit


def test_sign_ins_good_and_bad_are_recorded_without_tokens(
    site_settings: Settings, new_user: NewUser, site_engine: Engine
) -> None:
    token = new_user()
    with TestClient(create_app(site_settings)) as client:
        form = sign_in(client, token)
        client.post("/account", data={"token": "guess"}, headers=OWN)
        client.get("/api/v1/requests", headers=bearer("guess"))
        client.post("/account/sign-out", data={"form_token": form}, headers=OWN)
    with reading(site_engine) as connection:
        rows = audit_rows(connection)
    found = [(row["action"], row["status"], row["user_name"], row["address"]) for row in reversed(rows)]
    assert found == [
        ("sign-in", 303, "ada", "testclient"),
        ("sign-in", 401, "", "testclient"),
        ("token", 401, "", "testclient"),
        ("sign-out", 303, "ada", "testclient"),
    ]
    assert token not in repr(rows)


def test_a_busy_database_holds_up_no_answer_and_loses_no_audit_row(
    site_settings: Settings, new_user: NewUser, site_engine: Engine
) -> None:
    token = new_user()
    head, codes = bearer(token), []
    with TestClient(create_app(site_settings)) as client:
        with writing(site_engine):  # held, as by another process
            codes += [client.post("/api/v1/sql", json={"sql": "SELECT 1"}, headers=head).status_code for _ in range(5)]
        codes.append(client.get("/account").status_code)
    assert codes == [200] * 6
    with reading(site_engine) as connection:
        assert len(audit_rows(connection, action="sql")) == 5


def test_audit_rows_that_cannot_be_kept_are_counted_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'folder' / 'gone.db'}")
    writer = AuditWriter(engine, most=3)
    row = {"at": NOW, "user_name": "", "address": "", "action": "x", "detail": "", "status": 200, "seconds": 0.0}
    with caplog.at_level(logging.ERROR, "hstlc"):
        for _ in range(20):
            writer.add({**row, "rows": None})
        writer.close(0.1)
    assert writer.lost >= 16
    assert "audit rows are in this log alone" in caplog.text


def test_the_key_is_made_once_and_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    assert server_key(tmp_path) is None
    key = server_key(tmp_path, make=True)
    assert key is not None
    assert len(key) == 32
    assert server_key(tmp_path, make=True) == server_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == [KEY_NAME]
    (tmp_path / KEY_NAME).chmod(0o640)
    with pytest.raises(StoreError) as caught:
        server_key(tmp_path)
    assert caught.value.code == "store.web-key"
