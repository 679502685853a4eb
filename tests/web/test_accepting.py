"""Connections are shared evenly between processes that listen at one socket; the two here are of one loop."""

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest
from apart import run_apart

from hstlc.web import listening
from hstlc.web.listening import Accepting, Share

CLIENTS = 20


class Flaky(socket.socket):
    """A socket that has no file left for the first connection."""

    failures = 1

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def _connect(bound: socket.socket, number: int) -> list[socket.socket]:
    return [socket.create_connection(bound.getsockname()) for _ in range(number)]


async def _taken(bound: socket.socket, shares: list[Share | None], wanted: int) -> list[int]:
    """Return how many connections each of some processes got, once they have all."""
    loop, got = asyncio.get_running_loop(), [0] * len(shares)
    kept: list[socket.socket] = []

    def taker(place: int, share: Share | None):
        def take(connection: socket.socket) -> None:
            kept.append(connection)
            got[place] += 1
            if share is not None:
                share.note(got[place])

        return take

    sockets = [bound.dup() for _ in shares]
    accepting = [
        Accepting(loop, own, taker(place, share), share)
        for place, (own, share) in enumerate(zip(sockets, shares, strict=True))
    ]
    async with asyncio.timeout(10):
        while sum(got) < wanted:
            await asyncio.sleep(0.001)
    for one in [*accepting, *sockets, *kept]:
        one.close()
    return got


def test_no_process_has_more_than_one_connection_more_than_another(bound: socket.socket) -> None:
    counts = [0, 0, 0]
    clients = _connect(bound, CLIENTS)
    got = run_apart(_taken(bound, [Share(counts, slot) for slot in range(3)], CLIENTS))
    assert max(got) - min(got) <= 1
    for one in clients:
        one.close()


def test_one_that_is_away_is_not_waited_for(bound: socket.socket) -> None:
    counts = [0, 0]
    Share(counts, 1).away()
    clients = _connect(bound, CLIENTS)
    assert run_apart(_taken(bound, [Share(counts, 0)], CLIENTS)) == [CLIENTS]
    for one in clients:
        one.close()


def test_one_that_does_not_accept_is_not_waited_for_long(bound: socket.socket) -> None:
    clients = _connect(bound, 3)
    assert run_apart(_taken(bound, [Share([5, 0], 0)], 3)) == [3]
    for one in clients:
        one.close()


def test_without_files_it_tries_again(
    bound: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_SHORT_OF_FILES_S", 0.01)
    clients = _connect(bound, 2)
    flaky = Flaky(fileno=bound.dup().detach())
    monkeypatch.setattr(flaky, "dup", lambda: flaky, raising=False)
    assert run_apart(_taken(flaky, [None], 2)) == [2]
    assert "Too many open files" in caplog.text
    for one in clients:
        one.close()
