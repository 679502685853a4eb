import gzip
import json
import logging
import random
import socket
import threading
import time
import traceback
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hand_clock import NOON, HandClock, fails, network
from hypothesis import given
from hypothesis import strategies as st
from pyvo.dal import DALFormatError, DALQueryError, TAPService

from hstlc.archives.base import Request
from hstlc.archives.failures import check_answer, classify, excerpt, retry_after_s, shown
from hstlc.archives.http import Http
from hstlc.archives.redirects import is_allowed
from hstlc.clock import SystemClock
from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError, TransientError
from hstlc.testing.archive import Incoming, Outgoing, StandIn, fault

CANARY = "c4nary-t0ken"
HTML = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>"
VOTABLE = (
    b'<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
    b'<INFO name="QUERY_STATUS" value="OK"/><TABLE><FIELD name="n" datatype="int"/><DATA><TABLEDATA>'
    b"<TR><TD>7</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


class Place:
    """A router that answers as it is told and remembers what it was asked."""

    def __init__(self, prefix, *answers):
        self.prefixes, self.answers, self.asked = (prefix,), list(answers), []

    def answer(self, request: Incoming) -> Outgoing:
        self.asked.append(request)
        one = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return one(request) if callable(one) else one


@pytest.fixture
def stand_in():
    with StandIn() as server:
        server.serve("/a.json", b'{"a": NaN}', content_type="application/json")
        yield server


@contextmanager
def raw_server(answer):
    """Give the address of a server of one connection after another, each handled by ``answer(connection, end)``."""
    end = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept():
            while not end.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.settimeout(5)
                        connection.recv(65536)
                        answer(connection, end)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            end.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, ProprietaryError, "archive.forbidden"),
        (403, ProprietaryError, "archive.forbidden"),
        (404, RejectedError, "archive.no-product"),
        (410, RejectedError, "archive.no-product"),
        *((status, RejectedError, "archive.rejected") for status in (300, 304, 400, 402, 405, 409, 418, 422, 451)),
        *(
            (status, TransientError, "archive.status")
            for status in (408, 425, 429, 500, 501, 502, 503, 504, 507, 508, 520, 599)
        ),
    ],
)
def test_every_status_has_its_class(status, kind, code):
    error = classify(status, {"Content-Type": "text/html"}, b"<b>no\x00 way</b> token=hunter2", "https://a.example/x")
    assert type(error) is kind
    assert error.code == code
    assert error.context["status"] == status
    assert "https://a.example/x" in error.message
    assert str(status) in error.message
    assert "no way" in error.message
    assert "hunter2" not in error.message + error.context["body"]
    assert error.hint


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299])
def test_an_answer_is_no_error(status):
    assert classify(status, {}, b"") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("", None),
        ("Sat, 99 Foo 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read(text, seconds):
    assert retry_after_s({"Retry-After": text}, NOON) == seconds


@given(st.text())
def test_no_retry_after_breaks_anything(text):
    seconds = retry_after_s({"Retry-After": text}, NOON)
    assert seconds is None or seconds >= 0


@given(st.binary(max_size=300))
def test_an_excerpt_is_one_short_printable_line(content):
    line = excerpt(content)
    assert line.isprintable()
    assert len(line) <= 200


def test_a_long_address_is_cut_and_has_no_secret():
    text = shown(f"https://a.example/x?token={CANARY}&query={'x' * 1000}")
    assert CANARY not in text
    assert len(text) == 300


@pytest.mark.parametrize(
    ("answer", "content", "right"),
    [
        ("json", b'{"a": [NaN, Infinity]}', True),
        ("json", b'{"a": [1, 2', False),
        ("json", HTML, False),
        ("json", b"", False),
        ("json", b"[" * 100_000, False),
        ("votable", VOTABLE, True),
        ("votable", b'<?xml version="1.0"?>\n<!-- c -->' + VOTABLE + b"\n<!-- end -->\n", True),
        ("votable", VOTABLE.replace(b"VOTABLE", b"vot:VOTABLE"), True),
        ("votable", VOTABLE[:-3], False),
        ("votable", b"a text", False),
        ("votable", HTML, False),
        ("html", b"<html><body>x</body></HTML>\n", True),
        ("html", HTML[:-8], False),
        ("text", b"#Column\tname\nname\nx\n", True),
        ("text", HTML, False),
        ("text", b"  \n <HTML>", False),
        ("text", b" \n", False),
        ("text", b"a\0b", False),
        ("service", VOTABLE, True),
        ("service", VOTABLE[:-3], False),
        ("service", b"<uws:job/>", True),
        ("service", HTML, False),
        ("any", b"", True),
        ("any", HTML, True),
    ],
)
def test_an_answer_of_another_kind_is_seen(answer, content, right):
    if right:
        check_answer(answer, content, "https://a.example")
    else:
        error = fails(
            TransientError, "archive.wrong-answer", lambda: check_answer(answer, content, "https://a.example")
        )
        assert error.context["body"] == excerpt(content, 500)


def test_an_answer_comes_whole_with_its_headers(stand_in):
    http = Http(network(contact="me@example.org"))
    reply = http.get(stand_in.url + "/a.json", {"b": "1 2"}, answer="json", headers={"X-Asked": "yes"})
    assert str(reply.json()) == "{'a': nan}"
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.url == stand_in.url + "/a.json?b=1+2"
    (entry,) = stand_in.log.entries
    assert entry.headers["user-agent"].startswith("hstlc/")
    assert entry.headers["user-agent"].endswith(" (me@example.org)")
    assert entry.headers["x-asked"] == "yes"
    assert (http.traffic.requests, http.traffic.retries, http.traffic.bytes) == (1, 0, 10)


def test_forms_and_json_are_posted(stand_in):
    place = Place("/ask", Outgoing.of_json({"ok": True}))
    stand_in.mount(place)
    http = Http(network())
    http.post(stand_in.url + "/ask", data={"QUERY": "a b"}, answer="json")
    http.post(stand_in.url + "/ask", json={"limit": 3}, answer="json")
    assert place.asked[0].form == {"QUERY": "a b"}
    assert place.asked[1].json() == {"limit": 3}


def test_the_headers_alone_are_asked_for(stand_in):
    stand_in.serve("/big", bytes(5000))
    http = Http(network())
    reply = http.head(stand_in.url + "/big")
    assert reply.headers["Content-Length"] == "5000"
    assert reply.content == b""
    assert http.traffic.bytes == 0


@pytest.mark.parametrize(
    ("kind", "arguments", "wanted", "code"),
    [
        *((f"status:{code}", {}, TransientError, "archive.status") for code in (500, 502, 503, 504, 508, 429)),
        ("reset", {}, TransientError, "archive.no-answer"),
        ("reset", {"after": 3}, TransientError, "archive.no-answer"),
        ("hang", {"seconds": 2}, TransientError, "archive.timeout"),
        ("stall", {"seconds": 2}, TransientError, "archive.timeout"),
        ("truncate", {}, IntegrityError, "archive.truncated"),
        ("truncate", {"keep_length": False}, TransientError, "archive.wrong-answer"),
        ("wrong_length", {}, IntegrityError, "archive.truncated"),
        ("wrong_length", {"difference": -3}, TransientError, "archive.wrong-answer"),
        ("chunk_cut", {}, IntegrityError, "archive.truncated"),
        ("html_200", {}, TransientError, "archive.wrong-answer"),
        ("json_garbage", {}, TransientError, "archive.wrong-answer"),
        ("error_200", {}, TransientError, "archive.wrong-answer"),
        ("empty_file", {}, TransientError, "archive.wrong-answer"),
        ("gzip_corrupt", {}, IntegrityError, "archive.bad-encoding"),
    ],
)
def test_what_may_pass_is_asked_again_and_named_when_it_stays(stand_in, kind, arguments, wanted, code):
    http = Http(network())
    stand_in.faults.add(fault(kind, arguments=arguments))
    assert http.get(stand_in.url + "/a.json", answer="json").content == b'{"a": NaN}'
    assert http.traffic.retries == 1
    stand_in.faults.add(fault(kind, arguments=arguments, times=None))
    error = fails(
        wanted, code, lambda: Http(network(tries=2)).get(stand_in.url + "/a.json", {"token": CANARY}, answer="json")
    )
    assert error.retryable
    assert f"{stand_in.url}/a.json?token=***" in error.message


def test_a_circle_of_redirects_is_seen(stand_in):
    stand_in.faults.add(fault("redirect_loop", times=None))
    http = Http(network(tries=2))
    fails(TransientError, "archive.redirect-loop", lambda: http.get(stand_in.url + "/a.json"))
    assert http.traffic.requests == 12


@pytest.mark.parametrize("kind", ["no_length", "gzip_encoding"])
def test_what_is_only_unusual_is_taken(stand_in, kind):
    stand_in.faults.add(fault(kind))
    http = Http(network())
    assert http.get(stand_in.url + "/a.json", answer="json").content == b'{"a": NaN}'
    assert http.traffic.requests == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(400, RejectedError, "archive.rejected"), (403, ProprietaryError, "archive.forbidden")],
)
def test_what_cannot_pass_is_asked_once(stand_in, status, kind, code):
    stand_in.faults.add(fault(f"status:{status}", times=None))
    http = Http(network())
    fails(kind, code, lambda: http.get(stand_in.url + "/a.json"))
    assert http.traffic.requests == 1


def test_an_answer_that_is_too_long_is_refused(stand_in):
    stand_in.serve("/big", bytes(50_000))
    error = fails(
        RejectedError,
        "archive.too-long",
        lambda: Http(network(longest_answer="20 kB")).get(stand_in.url + "/big"),
    )
    assert "20000" in error.message


def test_a_little_that_unpacks_to_too_much_is_refused(stand_in):
    bomb = gzip.compress(bytes(20_000_000))
    stand_in.serve("/bomb", bomb, headers={"Content-Encoding": "gzip"})
    http = Http(network(longest_answer="1 MB"))
    fails(RejectedError, "archive.too-long", lambda: http.get(stand_in.url + "/bomb"))


def test_a_slow_drip_ends_by_the_deadline(stand_in):
    stand_in.serve("/long", bytes(10_000))
    stand_in.faults.add(fault("slow", arguments={"bytes_per_s": 20}, times=None))
    error = fails(
        TransientError,
        "archive.timeout",
        lambda: Http(network(tries=1, query_deadline="0.5 s")).get(stand_in.url + "/long"),
    )
    assert "0.5 s" in error.message


def test_headers_that_come_byte_by_byte_end_by_the_deadline():
    def drip(connection, end):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not end.is_set():
            connection.sendall(b"X")
            end.wait(0.05)

    with raw_server(drip) as url:
        http = Http(network(tries=1, query_deadline="0.5 s", answer_timeout="5 s"))
        error = fails(TransientError, "archive.timeout", lambda: http.get(url + "/x"))
    assert "0.5 s" in error.message


def test_the_sizes_of_chunks_that_come_byte_by_byte_end_by_the_deadline():
    def drip(connection, end):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not end.is_set():
            connection.sendall(b"0")
            end.wait(0.05)

    with raw_server(drip) as url:
        fails(TransientError, "archive.timeout", lambda: Http(network(tries=1, query_deadline="0.5 s")).get(url + "/x"))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ],
)
def test_what_is_no_http_is_an_archive_error(said):
    with raw_server(lambda connection, _: connection.sendall(said)) as url, pytest.raises(ArchiveError) as caught:
        Http(network(tries=1)).get(url + f"/x?token={CANARY}")
    assert caught.value.retryable
    assert CANARY not in str(caught.value)


def test_a_refused_connection_has_a_name():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = fails(TransientError, "archive.no-answer", lambda: Http(network(tries=1)).get(f"http://127.0.0.1:{port}/x"))
    assert "Connection refused" in error.message


def test_an_unknown_host_has_a_name(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = fails(TransientError, "archive.no-answer", lambda: Http(network(tries=1)).get("http://archive.invalid/x"))
    assert "name of the host is not known" in error.message


def test_a_connection_that_is_not_secure_has_a_name(stand_in):
    address = stand_in.url.replace("http:", "https:") + "/a.json"
    error = fails(TransientError, "archive.tls", lambda: Http(network(tries=1)).get(address))
    assert "certificates" in error.hint


@pytest.mark.parametrize("address", ["", "archive.example/x", "ftp://archive.example/x", "http://", "http://[x"])
def test_what_is_no_address_is_rejected(address):
    fails(RejectedError, "archive.rejected", lambda: Http(network()).get(address))


def test_waits_are_random_up_to_twice_the_last_limit(stand_in):
    stand_in.faults.add(fault("status:500", times=None))
    clock = HandClock()
    settings = network(tries=8, backoff="5 s", longest_backoff="60 s", failures_to_pause=99)
    fails(TransientError, "archive.status", lambda: Http(settings, clock, seed=3).get(stand_in.url + "/a.json"))
    limits = [5, 10, 20, 40, 60, 60, 60]
    assert clock.waits == [random_one * limit for random_one, limit in zip(_random(3), limits, strict=False)]


def _random(seed):
    generator = random.Random(seed)
    while True:
        yield generator.uniform(0.0, 1.0)


def test_two_clients_do_not_wait_the_same(stand_in):
    stand_in.faults.add(fault("status:500", times=None))
    waits = []
    for _ in range(2):
        clock = HandClock()
        with pytest.raises(TransientError):
            Http(network(), clock).get(stand_in.url + "/a.json")
        waits.append(clock.waits)
    assert waits[0] != waits[1]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_short_pause_that_is_asked_for_is_waited_for(stand_in, form):
    until = format_datetime(NOON + timedelta(seconds=100), usegmt=True)
    stand_in.faults.add(fault("status:429", arguments={"retry_after": 100 if form == "seconds" else until}))
    clock = HandClock()
    Http(network(), clock).get(stand_in.url + "/a.json")
    assert clock.waits == [100.0]


def test_a_pause_holds_for_all_threads_of_the_host(stand_in):
    stand_in.faults.add(fault("status:503", path="first", arguments={"retry_after": 100}))
    clock = HandClock()
    http = Http(network(tries=1), clock)
    fails(TransientError, "archive.status", lambda: http.get(stand_in.url + "/a.json?first"))
    assert http.paused_until(stand_in.url) == NOON + timedelta(seconds=100)
    thread = threading.Thread(target=lambda: http.get(stand_in.url + "/a.json?second"))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert clock.waits == [100.0]


def test_a_long_pause_that_is_asked_for_is_not_sat_through(stand_in):
    stand_in.faults.add(fault("status:503", arguments={"retry_after": 7200}))
    clock = HandClock()
    http = Http(network(), clock)
    for _ in range(2):
        error = fails(TransientError, "archive.paused", lambda: http.get(stand_in.url + "/a.json"))
        assert error.context["until"] == NOON + timedelta(seconds=7200)
    assert clock.waits == []
    assert len(stand_in.log.entries) == 1
    clock.present += timedelta(seconds=7200)
    assert http.get(stand_in.url + "/a.json").status == 200


def test_a_pause_has_an_upper_limit(stand_in):
    stand_in.faults.add(fault("status:503", arguments={"retry_after": 999_999_999}))
    clock = HandClock()
    error = fails(TransientError, "archive.paused", lambda: Http(network(), clock).get(stand_in.url + "/a.json"))
    assert error.context["until"] == NOON + timedelta(hours=6)


def test_a_pause_is_put_back_after_a_restart(stand_in):
    clock = HandClock()
    http = Http(network(), clock)
    http.pause(stand_in.url, NOON + timedelta(seconds=5), f"token={CANARY}")
    error = fails(TransientError, "archive.paused", lambda: http.get(stand_in.url + "/a.json"))
    assert CANARY not in str(error)
    assert stand_in.log.entries == []
    clock.present += timedelta(seconds=5)
    http.get(stand_in.url + "/a.json")


def test_the_end_of_the_process_ends_waits(stand_in):
    stand_in.faults.add(fault("status:503", times=None))
    stop = threading.Event()
    http = Http(network(backoff="600 s", longest_backoff="600 s"), SystemClock(), stop=stop, seed=1)
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    fails(TransientError, "archive.stopped", lambda: http.get(stand_in.url + "/a.json"))
    timer.join()
    fails(TransientError, "archive.stopped", lambda: http.get(stand_in.url + "/a.json"))
    assert len(stand_in.log.entries) == 1


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_the_end_of_the_process_does_not_wait_for_a_silent_server(stand_in, kind):
    stand_in.faults.add(fault(kind, arguments={"seconds": 60}, times=None))
    stop = threading.Event()
    http = Http(network(answer_timeout="60 s", read_timeout="60 s", query_deadline="60 s"), stop=stop)
    codes = []

    def ask():
        try:
            http.get(stand_in.url + "/a.json")
        except TransientError as error:
            codes.append(error.code)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    while not stand_in.log.entries:
        time.sleep(0.01)
    stop.set()
    thread.join(30)  # the server is silent for twice as long
    assert codes == ["archive.stopped"]


def to(address, status=302):
    return Outgoing(status, {"Location": address}, b"moved")


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"),
        (302, "GET", "GET"),
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_redirects_are_followed(stand_in, status, method, then):
    stand_in.mount(Place("/from", to("/to?x=1#part", status)))
    target = Place("/to", Outgoing.of_json({}))
    stand_in.mount(target)
    http = Http(network())
    ask = http.get if method == "GET" else lambda url: http.post(url, data={"QUERY": "q"}, headers={"X-Key": "k"})
    reply = ask(stand_in.url + "/from")
    assert reply.url == stand_in.url + "/to?x=1"
    (request,) = target.asked
    assert request.method == then
    assert request.body == (b"QUERY=q" if then == "POST" else b"")
    assert ("content-type" in request.headers) == (then == "POST")
    assert request.headers.get("x-key") == ("k" if method == "POST" else None)


def test_a_redirect_to_another_host_is_followed_only_where_that_is_allowed(stand_in):
    with StandIn() as other:
        target = Place("/to", Outgoing.of_json({}))
        other.mount(target)
        stand_in.mount(Place("/from", to(other.url + "/to")))
        http = Http(network())
        headers = {"Authorization": f"Bearer {CANARY}", "Cookie": f"mast_token={CANARY}", "X-Api-Key": CANARY}
        error = fails(RejectedError, "archive.redirect", lambda: http.get(stand_in.url + "/from", headers=headers))
        assert "redirect_hosts" in error.hint
        assert target.asked == []
        host = other.url.removeprefix("http://")
        http.get(stand_in.url + "/from", headers=headers, redirect_hosts=[host])
        request = Request(stand_in.url + "/from", headers=headers, redirect_hosts=(host,))
        with http.open(request) as response:
            assert response.status_code == 200
    for asked in target.asked:
        assert CANARY not in str(asked.headers)
        assert asked.headers["user-agent"].startswith("hstlc/")
    assert len(target.asked) == 2
    assert stand_in.log.entries[-1].headers["cookie"] == f"mast_token={CANARY}"


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://me:pw@127.0.0.1:{port}/x"])
def test_a_redirect_to_something_else_is_refused(stand_in, target):
    stand_in.mount(Place("/from", to(target.format(port=stand_in.url.rpartition(":")[2]))))
    fails(RejectedError, "archive.redirect", lambda: Http(network()).get(stand_in.url + "/from"))


def test_a_redirect_to_a_connection_that_is_not_secure_is_refused():
    import requests

    from hstlc.archives.redirects import redirected

    request = requests.Request("GET", "https://archive.example/x").prepare()
    response = requests.Response()
    response.status_code, response.headers["Location"] = 302, "http://archive.example/x"
    error = fails(RejectedError, "archive.redirect", lambda: redirected(request, response))
    assert "not secure" in error.message
    response.headers["Location"] = "https://archive.example/y"
    assert redirected(request, response).url == "https://archive.example/y"


@pytest.mark.parametrize(
    ("host", "patterns", "allowed"),
    [
        ("a.example.org", ("a.example.org",), True),
        ("a.example.org", ("A.Example.org",), True),
        ("b.a.example.org", (".example.org",), True),
        ("example.org", (".example.org",), False),
        ("badexample.org", (".example.org", "example.org"), False),
        ("example.org.evil.net", (".example.org", "example.org"), False),
        ("x", (), False),
    ],
)
def test_allowed_hosts(host, patterns, allowed):
    assert is_allowed(host, patterns) is allowed


def test_cookies_are_not_kept(stand_in):
    stand_in.mount(Place("/c", Outgoing.of_json({})))
    stand_in.serve("/set", b"x", headers={"Set-Cookie": "JSESSIONID=1; Path=/"})
    http = Http(network())
    http.get(stand_in.url + "/set")
    http.session.get(stand_in.url + "/set")
    http.get(stand_in.url + "/c")
    assert [entry.headers.get("cookie") for entry in stand_in.log.entries] == [None] * 3


def test_credentials_of_the_person_are_not_sent(stand_in, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {CANARY}\ndefault login me password {CANARY}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    http = Http(network())
    http.get(stand_in.url + "/a.json")
    http.session.get(stand_in.url + "/a.json")
    with http.open(Request(stand_in.url + "/a.json")):
        pass
    assert ["authorization" in entry.headers for entry in stand_in.log.entries] == [False] * 3


def test_a_proxy_is_not_used_for_this_machine(stand_in, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert Http(network(tries=1)).get(stand_in.url + "/a.json").status == 200


@pytest.mark.parametrize(
    "kind", ["status:500", "status:401", "status:404", "reset", "hang", "truncate", "html_200", "redirect_loop"]
)
def test_no_secret_is_in_an_exception_or_a_log(stand_in, kind, caplog):
    stand_in.faults.add(fault(kind, arguments={"seconds": 2} if kind == "hang" else {}, times=None))
    caplog.set_level(logging.DEBUG, "hstlc")
    address = f"{stand_in.url.replace('//', f'//me:{CANARY}@')}/a.json?AIOPWD={CANARY}&mast_token={CANARY}"
    with pytest.raises(ArchiveError) as caught:
        Http(network(tries=2)).get(address, answer="json", headers={"Cookie": f"a={CANARY}"})
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(caught.value.context)
    assert CANARY not in told
    assert "a.json" in told
    seen = set()
    error = caught.value
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        assert CANARY not in str(error)
        assert not hasattr(error, "request")
        error = error.__cause__ or error.__context__


def test_pyvo_gets_over_a_busy_service(stand_in):
    place = Place("/tap/sync", Outgoing(200, {"Content-Type": "application/x-votable+xml"}, VOTABLE))
    stand_in.mount(place)
    stand_in.faults.add(fault("status:503", arguments={"retry_after": 1}, times=2))
    stand_in.faults.add(fault("truncate", nth=3, arguments={"keep_length": False}))
    stand_in.faults.add(fault("html_200", nth=4))
    clock = HandClock()
    http = Http(network(tries=6), clock)
    table = TAPService(stand_in.url + "/tap", session=http.session).run_sync("SELECT n FROM t")
    assert list(table["n"]) == [7]
    assert clock.waits[:2] == [1.0, 1.0]
    assert http.traffic.requests == 5
    assert place.asked[-1].form["QUERY"] == "SELECT n FROM t"


def test_pyvo_reads_what_is_wrong_with_a_query(stand_in):
    said = VOTABLE.replace(b'value="OK"/>', b'value="ERROR">no such column: m</INFO>')
    stand_in.mount(Place("/tap/sync", Outgoing(400, {"Content-Type": "application/x-votable+xml"}, said)))
    http = Http(network())
    with pytest.raises(DALQueryError, match="no such column: m"):
        TAPService(stand_in.url + "/tap", session=http.session).run_sync("SELECT m FROM t")
    assert http.traffic.requests == 1


def test_what_pyvo_meets_is_the_cause_of_its_error(stand_in):
    with pytest.raises(DALFormatError) as caught:
        TAPService(stand_in.url + "/none", session=Http(network()).session).run_sync("SELECT 1")
    assert isinstance(caught.value.cause, RejectedError)
    assert caught.value.cause.code == "archive.no-product"


def test_the_session_follows_redirects_and_gives_bodies_in_every_way(stand_in):
    content = json.dumps({"x": "y" * 1000}).encode()
    stand_in.mount(Place("/job", to("/result/1", 303)))
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json", "Set-Cookie": "a=b"}
    stand_in.serve("/result/1", gzip.compress(content), headers=packed)
    session = Http(network()).session
    response = session.post(stand_in.url + "/job", {"QUERY": "q"}, stream=True, timeout=0.0001)
    assert response.url == stand_in.url + "/result/1"
    assert response.content == content
    assert response.json()["x"][0] == "y"
    assert response.raw.read(decode_content=True) == content
    assert b"".join(response.iter_content(100)) == content
    assert "Set-Cookie" not in response.headers
    assert session.get(stand_in.url + "/job", allow_redirects=False).status_code == 303


def test_a_download_is_opened_without_being_read_or_unpacked(stand_in):
    packed = gzip.compress(b"x" * 1000)
    stand_in.serve("/f", packed, headers={"Content-Encoding": "gzip"})
    http = Http(network())
    with http.open(Request(stand_in.url + "/f", {"name": "a/b"}, {"X-Asked": "1"})) as response:
        assert http.traffic.bytes == 0
        assert response.raw.read(decode_content=False) == packed
    (entry,) = stand_in.log.entries
    assert entry.headers["accept-encoding"] == "identity"
    assert entry.headers["x-asked"] == "1"
    assert "range" not in entry.headers
    assert entry.query == {"name": "a/b"}


def test_a_download_is_gone_on_with(stand_in):
    stand_in.serve("/f", b"0123456789")
    http = Http(network())
    with http.open(Request(stand_in.url + "/f")) as response:
        etag = response.headers["ETag"]
    with http.open(Request(stand_in.url + "/f"), start=4, validator=etag) as response:
        assert response.status_code == 206
        assert response.raw.read() == b"456789"
    with http.open(Request(stand_in.url + "/f"), start=4, validator='"other"') as response:
        assert response.status_code == 200
    with http.open(Request(stand_in.url + "/f"), start=10, validator=etag) as response:
        assert response.status_code == 416


def test_counters_are_right_with_many_threads(stand_in):
    http = Http(network())
    http.limit(stand_in.url, 8, 0.0)
    threads = [threading.Thread(target=http.get, args=(stand_in.url + "/a.json",)) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (http.traffic.requests, http.traffic.bytes) == (24, 240)
    assert 1 <= stand_in.log.high_water("/a.json") <= 8


def test_no_thread_is_left_behind(stand_in):
    http = Http(network())
    http.get(stand_in.url + "/a.json")
    end = time.monotonic() + 10
    while any(thread.name == "hstlc-watch" for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.02)
