"""The server as a whole: how it starts, what every answer has."""

import httpx2

from hstlc.config.web import WebSection
from hstlc.web.security import is_local


def test_a_server_says_where_it_is_and_guards_every_answer(served: str) -> None:
    for path in ("/nothing", "/api/v1/nothing", "/static/web.css"):
        answer = httpx2.get(served + path)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert httpx2.get(served + "/api/v1/nothing").json()["code"] == "web.not-found"


def test_a_name_of_elsewhere_that_leads_here_gets_nothing(served: str) -> None:
    port = served.rpartition(":")[2]
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
    ):
        answer = httpx2.get(served + "/curves", headers={"host": host})
        assert (answer.status_code, "this machine alone" in answer.text) == (421, True), host
    for host in ("127.0.0.1", f"LOCALHOST:{port}", "[::1]:8000", "hstlc.localhost"):
        assert httpx2.get(served + "/curves", headers={"host": host}).status_code == 200, host


def test_a_server_for_others_answers_by_any_name() -> None:
    assert is_local(WebSection())
    assert is_local(WebSection(host="::1"))
    assert not is_local(WebSection(host="0.0.0.0"))
    assert not is_local(WebSection(host="archive.example.org"))
    assert not is_local(WebSection(base_url="https://curves.example.org"))
    assert not is_local(WebSection(proxies="127.0.0.1"))
