"""The server as a whole: how it starts, what every answer has."""

import httpx2


def test_a_server_says_where_it_is_and_guards_every_answer(served: str) -> None:
    for path in ("/nothing", "/api/v1/nothing", "/static/web.css"):
        answer = httpx2.get(served + path)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert httpx2.get(served + "/api/v1/nothing").json()["code"] == "web.not-found"
