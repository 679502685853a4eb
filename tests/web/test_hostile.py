"""Thousands of requests that mean harm: no failure, no secret, no file outside the store, no change."""

import hashlib
import mimetypes
import random
import re
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from apart import run_apart
from hostile_requests import Hostile, addresses, hostile_requests
from hostile_site import Answer, asked, opened_outside, rows_and_files
from hostile_values import RAW
from server_process import PATIENCE_S, ended, port_of, server, until_it_answers
from sqlalchemy import insert, select

from hstlc.config import Settings
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.tables import LightCurveRow, Stats, Target, WebUser
from hstlc.web.app import create_app
from hstlc.web.security import SECURITY_HEADERS

TOKEN = "hstlc_not-a-secret-but-long-enough-to-be-one-0123456"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()
COMMON = [
    "sort",
    "after",
    "before",
    "columns",
    "format",
    "limit",
    "q",
    "ra",
    "dec",
    "radius",
    "mission",
    "target",
    "bin",
    "counts",
    "blocks",
    "fold",
    "RA",
    "DEC",
    "SR",
    "ID",
]
#: What tells how the server is made: tracebacks, source, folders, libraries.
TELLTALE = re.compile(
    rb"Traceback|File \"/|site-packages|from __future__|sqlalchemy|root:x:0|\[SQL:|jinja2", re.IGNORECASE
)
ALIVE = re.compile(rb"<script>alert\(1\)|<img src=x|<svg/onload")
#: Where an answer may lead to: this server, by the name that the request has for it.
HERE = re.compile(rb"/(?![/\\\\])|http://(127\.0\.0\.1:8000|evil\.example)/(?!/)|https?://127\.0\.0\.1(:\d+)?/")


def complaints(request: Hostile, answer: Answer, home: Path) -> Iterator[str]:
    """Yield what is wrong with an answer."""
    if answer.status >= 500:
        yield f"status {answer.status}"
    if missing := {name for name, _ in SECURITY_HEADERS} - answer.names:
        yield f"no {missing}"
    if str(home).encode() in answer.body or str(home.parent).encode() in answer.body:
        yield "tells where its files are"
    if (found := TELLTALE.search(answer.body)) and not request.route.startswith("/static/bokeh/"):
        yield f"tells {found[0]!r}"
    if b"html" in answer.header(b"content-type") and (found := ALIVE.search(answer.body)):
        yield f"repeats {found[0]!r} in a page"
    if DIGEST.encode() in answer.body and not any(name == b"authorization" for name, _ in request.headers):
        yield "tells a digest"
    for name, value in answer.headers:
        if b"\r" in value or b"\n" in value or (name == b"set-cookie" and b"evil" in value):
            yield f"header {name!r}: {value!r}"
    if (address := answer.header(b"location")) and not HERE.match(address):
        yield f"leads to {address!r}"
    if request.method == "HEAD" and answer.body:
        yield "a body for HEAD"


def attack(settings: Settings, number: int, seed: int) -> tuple[list[str], Counter[int], set[str]]:
    """Send requests; return complaints with their requests, how often each status came, and the routes asked."""
    home = settings.layout.home
    engine = make_engine(settings.db_connection_string)
    with writing(engine) as connection:
        row = {"name": "reader", "token_sha256": DIGEST, "made_at": datetime.now(UTC)}
        connection.execute(insert(WebUser), row)
    with reading(engine) as connection:
        curves = list(connection.scalars(select(LightCurveRow.filename).order_by(LightCurveRow.product_id)))
        targets = list(connection.scalars(select(Target.name).order_by(Target.id)))
    known = {"name": [*curves, *targets, "1"], "number": ["1"], "id": ["1"], "path": ["web.css"]}
    columns = [column.name for table in (LightCurveRow, Stats) for column in table.__table__.columns]
    names = [*COMMON, *columns, *(f"{name}_min" for name in columns[:10])]
    app = create_app(settings)
    routes = addresses(app)
    mimetypes.init()
    found: list[str] = []
    statuses: Counter[int] = Counter()

    async def send(requests: Sequence[Hostile]) -> None:
        async with asked(app) as site:
            for address in ("/", "/curves", "/api", "/static/web.css"):  # what is made on first use
                await site.ask(Hostile("first", address, "GET", address.encode()))
            with opened_outside(home) as opened:
                for request in requests:
                    answer = await site.ask(request)
                    statuses[answer.status] += 1
                    found.extend(f"{problem}: {request}" for problem in complaints(request, answer, home))
                    found.extend(f"{event}: {request}" for event in opened)
                    opened.clear()

    before = rows_and_files(engine, home)
    requests = list(hostile_requests(routes, number, seed=seed, known=known, names=names, token=TOKEN))
    run_apart(send(requests))
    after = rows_and_files(engine, home)
    engine.dispose()
    found.extend(
        f"{name} changed" for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)
    )
    assert not Path("/tmp/evil.db").exists()
    return found, statuses, {request.route for request in requests}


def test_hostile_requests_get_polite_answers_and_change_nothing(site_settings: Settings) -> None:
    found, statuses, routes = attack(site_settings, 1500, seed=1)
    assert not found, "\n".join(found[:40])
    assert {"/curves", "/curve/{name}", "/api/v1/curves/{name}/data", "/static/{path:path}"} <= routes
    assert statuses[200] > 50, statuses  # some get as far as an answer
    assert statuses[404] > 50, statuses


@pytest.mark.soak
def test_ten_thousand_hostile_requests(site_settings: Settings) -> None:
    found, statuses, routes = attack(site_settings, 10_000, seed=2)
    print(f"{sum(statuses.values())} hostile requests to {len(routes)} routes: {dict(sorted(statuses.items()))}")
    assert not found, "\n".join(found[:40])


def speak(address: tuple[str, int], sent: bytes) -> bytes:
    """Send bytes and return what comes back until the other side has enough, or says nothing for a while."""
    answer = b""
    with socket.create_connection(address, PATIENCE_S) as client, suppress(ConnectionError):
        sender = threading.Thread(target=_pour, args=(client, sent), daemon=True)
        sender.start()
        while part := client.recv(65536):
            answer += part
            if len(answer) > 1_000_000:
                break
    sender.join(PATIENCE_S)
    return answer


def _pour(client: socket.socket, sent: bytes) -> None:
    with suppress(OSError):
        client.sendall(sent)


def test_bytes_on_a_socket_that_are_no_decent_requests(site_settings: Settings, site_home: Path) -> None:
    engine = make_engine(site_settings.db_connection_string)
    before = rows_and_files(engine, site_home)
    rng = random.Random(3)
    valid = b"GET /static/web.css HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    sent = [*RAW, *(_damaged(rng, rng.choice((*RAW[:24], valid))) for _ in range(200 - len(RAW)))]
    with server(site_home, idle="1 s") as (process, address):
        assert until_it_answers(address).status_code == 200
        place = ("127.0.0.1", int(port_of(address)))
        with ThreadPoolExecutor(20) as clients:
            answers = list(clients.map(partial(speak, place), sent))
        assert until_it_answers(address).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, "")
    for request, answer in zip(sent, answers, strict=True):
        assert not answer or answer.startswith(b"HTTP/1."), request[:200]
        statuses = re.findall(rb"^HTTP/1\.1 (\d+) ", answer, re.MULTILINE)
        assert not {status for status in statuses if status.startswith(b"5")}, request[:200]
        assert answer.count(b"content-security-policy") >= len([one for one in statuses if one != b"100"]), request[
            :200
        ]
        assert not TELLTALE.search(answer.replace(b"site-packages", b"")), request[:200]
        assert str(site_home).encode() not in answer
    assert sum(answer.startswith(b"HTTP/1.1 200") for answer in answers) >= 3
    log = (site_home / "logs" / "serve.log").read_text("utf-8")
    assert "Traceback" not in log
    after = rows_and_files(engine, site_home)
    engine.dispose()
    assert before == after


def _damaged(rng: random.Random, request: bytes) -> bytes:
    """Change some bytes of a request, or cut it."""
    data = bytearray(request[:5000])
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                del data[place : place + rng.randrange(1, 20)]
            case 2:
                data[place:place] = rng.randbytes(rng.randrange(1, 30))
            case _:
                data = data[: max(1, place)]
        data = data or bytearray(b"x")
    return bytes(data)
