"""The server of the stand-in: files, ranges, routers and the log."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_in_client import Got

from hstlc.testing.archive import Fault, Incoming, Outgoing, StandIn
from hstlc.testing.archive.ranges import part_of

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def archive() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        stand_in.serve("/a.fits", CONTENT)
        yield stand_in


def test_a_file_comes_whole_with_validators(archive: StandIn) -> None:
    got = Got(archive)
    assert (got.status, got.body) == (200, CONTENT)
    assert got.headers["content-length"] == str(len(CONTENT))
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["etag"].startswith('"')
    assert got.headers["last-modified"].endswith("GMT")


def test_head_gives_the_headers_alone(archive: StandIn) -> None:
    got = Got(archive, method="HEAD")
    assert (got.status, got.body, got.headers["content-length"]) == (200, b"", str(len(CONTENT)))
    assert archive.log.entries[0].bytes_sent == 0


def test_what_is_not_there_is_not_found(archive: StandIn) -> None:
    assert Got(archive, "/b.fits").status == 404


def test_other_methods_are_refused(archive: StandIn) -> None:
    assert Got(archive, method="PUT").status in (405, 501)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=10-", 10, 10240), ("bytes=0-99", 0, 100), ("bytes=-5", 10235, 10240), ("bytes=10239-99999", 10239, 10240)],
)
def test_a_range_is_a_part(archive: StandIn, asked: str, first: int, last: int) -> None:
    got = Got(archive, Range=asked)
    assert (got.status, got.body) == (206, CONTENT[first:last])
    assert got.headers["content-range"] == f"bytes {first}-{last - 1}/{len(CONTENT)}"


def test_a_range_behind_the_end_is_refused(archive: StandIn) -> None:
    got = Got(archive, Range=f"bytes={len(CONTENT)}-")
    assert (got.status, got.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


@pytest.mark.parametrize("name", ["etag", "last-modified"])
def test_if_range_with_the_validator_gives_the_part(archive: StandIn, name: str) -> None:
    validator = Got(archive, method="HEAD").headers[name]
    assert Got(archive, Range="bytes=100-", If_Range=validator).status == 206
    assert Got(archive, Range="bytes=100-", If_Range='"other"').status == 200


def test_a_file_may_come_without_length_and_ranges(archive: StandIn) -> None:
    archive.serve("/b.fits", lambda: CONTENT, length=False, ranges=False)
    got = Got(archive, "/b.fits", Range="bytes=10-")
    assert (got.status, got.body) == (200, CONTENT)
    assert "content-length" not in got.headers
    assert "accept-ranges" not in got.headers


@given(
    first=st.one_of(st.none(), st.integers(0, 30)),
    last=st.one_of(st.none(), st.integers(0, 30)),
    size=st.integers(0, 25),
)
def test_parts_agree_with_slices(first: int | None, last: int | None, size: int) -> None:
    content = bytes(range(size))
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    part = part_of(Outgoing.file(content), Incoming("GET", "/", headers={"range": text}))
    if first is None and last is None:
        assert part.status == 200
        return
    wanted = (
        content[first : None if last is None else last + 1]
        if first is not None
        else content[max(size - (last or 0), 0) :]
    )
    assert (part.status, part.body) == ((206, wanted) if wanted else (416, b""))


def test_the_log_tells_what_was_asked(archive: StandIn) -> None:
    Got(archive, "/a.fits?b=1&c=%2F", Authorization="Bearer x")
    entry = archive.log.entries[0]
    assert (entry.number, entry.method, entry.path, entry.query) == (0, "GET", "/a.fits", {"b": "1", "c": "/"})
    assert (entry.status, entry.bytes_sent, entry.headers["authorization"]) == (200, len(CONTENT), "Bearer x")
    assert (archive.log.count(r"\.fits$"), archive.log.count(r"\.fits$", "POST")) == (1, 0)


def test_the_log_keeps_the_last_requests_alone_if_told_so(archive: StandIn) -> None:
    archive.log.limit = 2
    for number in range(5):
        Got(archive, f"/{number}")
    assert [(entry.number, entry.path) for entry in archive.log.entries] == [(3, "/3"), (4, "/4")]


def test_the_log_knows_the_most_requests_at_once(archive: StandIn) -> None:
    gate = threading.Barrier(3, timeout=10.0)

    class Meeting:
        prefixes = ("/meet",)

        def answer(self, _: Incoming) -> Outgoing:
            gate.wait()
            return Outgoing.text("met")

    archive.mount(Meeting())
    threads = [threading.Thread(target=Got, args=(archive, "/meet")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    for _ in range(3):
        Got(archive)
    assert (archive.log.high_water("/meet"), archive.log.high_water("/a.fits"), archive.log.high_water()) == (3, 1, 3)


def test_a_stand_in_that_is_closed_lets_nobody_wait() -> None:
    with StandIn() as archive:
        archive.serve("/a.fits", CONTENT)
        archive.faults.add(Fault("hang", arguments={"seconds": 600}))
        place = urlsplit(archive.url)
        with socket.create_connection((place.hostname or "", place.port or 0), 10.0) as client:
            client.sendall(b"GET /a.fits HTTP/1.1\r\nHost: a\r\n\r\n")
            while not archive.log.entries:
                archive.stopping.wait(0.01)
            archive.close()
            assert client.recv(10) == b""


def test_a_fault_of_a_router_is_not_overlooked() -> None:
    class Broken:
        prefixes = ("/",)

        def answer(self, _: Incoming) -> Outgoing:
            raise KeyError("gone")

    archive = StandIn()
    archive.mount(Broken())
    archive.start()
    assert Got(archive, "/").status == 500
    with pytest.raises(RuntimeError, match="fault of its own") as caught:
        archive.close()
    assert isinstance(caught.value.__cause__, KeyError)


def test_the_longest_prefix_answers(archive: StandIn) -> None:
    class Named:
        def __init__(self, prefix: str) -> None:
            self.prefixes = (prefix,)

        def answer(self, _: Incoming) -> Outgoing:
            return Outgoing(200, {}, iter([self.prefixes[0].encode(), b""]))

    archive.mount(Named("/x"))
    archive.mount(Named("/x/y"))
    assert (Got(archive, "/x/z").body, Got(archive, "/x/y/z").body) == (b"/x", b"/x/y")
