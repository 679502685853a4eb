import threading
from datetime import timedelta

import pytest
from hand_clock import NOON, HandClock, fails, network

from hstlc.archives.hosts import Hosts, host_of
from hstlc.archives.http import Http
from hstlc.clock import SystemClock
from hstlc.errors import IntegrityError, RejectedError, TransientError
from hstlc.testing.archive import StandIn, fault

SILENT = TransientError("archive.timeout", "silence")


def hosts(clock=None, stop=None, failures=3):
    return Hosts(clock or HandClock(), stop or threading.Event(), failures_to_pause=failures, pause_s=900.0)


def ask(hosts, error=None, name="a"):
    try:
        with hosts.turn(name) as turn:
            if error is not None:
                raise error
            turn.answered()
    except Exception as raised:
        return raised.code if isinstance(raised, TransientError) else ""
    return ""


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://Archive.Example/x", "archive.example"),
        ("http://archive.example:8080/x", "archive.example"),
        ("archive.example", "archive.example"),
        ("archive.example:443", "archive.example"),
        ("http://127.0.0.1:99/x", "127.0.0.1:99"),
        ("127.0.0.1:99", "127.0.0.1:99"),
        ("http://localhost/x", "localhost:80"),
        ("http://[::1]:7/", "::1:7"),
        ("https://me:pw@archive.example/x", "archive.example"),
    ],
)
def test_what_counts_as_one_host(address, host):
    assert host_of(address) == host


def test_no_more_requests_run_at_once_than_allowed():
    some, peak, now = hosts(SystemClock()), [], []
    some.limit("a", 2, 0.0)
    lock, go = threading.Lock(), threading.Barrier(2, timeout=10)

    def work():
        with some.turn("a"):
            with lock:
                now.append(1)
                peak.append(len(now))
            go.wait()  # two must be inside at the same time
            with lock:
                now.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(peak) == 6
    assert max(peak) == 2


def test_the_starts_of_requests_keep_their_distance():
    clock = HandClock()
    some = hosts(clock)
    some.limit("a", 2, 0.5)
    starts = []
    for _ in range(4):
        with some.turn("a"):
            starts.append((clock.now() - NOON).total_seconds())
    clock.sleep(10)
    with some.turn("a"):
        starts.append((clock.now() - NOON).total_seconds())
    assert starts == [0, 0.5, 1.0, 1.5, 11.5]


def test_a_clock_that_was_set_back_stops_nothing():
    clock = HandClock()
    some = hosts(clock)
    some.limit("a", 1, 0.5)
    ask(some)
    clock.present -= timedelta(hours=5)
    ask(some)
    assert clock.waits == []


def test_of_two_limits_the_stricter_hold():
    some = hosts()
    some.limit("a", 8, 0.1)
    some.limit("a", 1, 0.0)
    some.limit("a", 4, 2.0)
    host = some._host("a")
    assert (host.concurrency, host.spacing_s) == (1, 2.0)


@pytest.mark.parametrize("code", ["archive.timeout", "archive.no-answer", "archive.tls", "archive.status"])
def test_a_host_that_fails_again_and_again_is_left_alone_then_tried_once(code):
    clock = HandClock()
    some = hosts(clock)
    error = TransientError(code, "broken")
    assert [ask(some, error) for _ in range(4)] == [code, code, code, "archive.paused"]
    assert ask(some, None, "b") == ""
    clock.present += timedelta(seconds=899)
    refused = fails(TransientError, "archive.paused", lambda: some.turn("a").__enter__())
    assert refused.context["until"] == NOON + timedelta(seconds=900)
    assert "3 failures in a row" in refused.message
    assert "broken" in refused.message
    clock.present += timedelta(seconds=1)
    assert ask(some, error) == code  # the trial
    assert ask(some) == "archive.paused"
    clock.present += timedelta(seconds=900)
    assert [ask(some) for _ in range(3)] == ["", "", ""]
    assert [ask(some, error) for _ in range(2)] == [code, code]
    assert ask(some) == ""


@pytest.mark.parametrize(
    "error",
    [
        RejectedError("archive.no-product", "not there"),
        IntegrityError("archive.truncated", "short"),
        TransientError("archive.wrong-answer", "a page"),
        OSError(28, "disk full"),
    ],
)
def test_what_does_not_speak_against_the_host_counts_as_an_answer(error):
    some = hosts()
    for _ in range(5):
        assert ask(some, SILENT) == "archive.timeout"
        assert ask(some, SILENT) == "archive.timeout"
        ask(some, error)
    assert ask(some) == ""


def test_the_end_of_the_process_says_nothing_about_the_host():
    some = hosts(failures=2)
    ask(some, SILENT)
    ask(some, TransientError("archive.stopped", "end"))
    ask(some, SILENT)
    assert ask(some) == "archive.paused"


def test_during_the_trial_others_wait_for_its_answer():
    clock = HandClock()
    some = hosts(clock, failures=1)
    some.limit("a", 4, 0.0)
    ask(some, SILENT)
    clock.present += timedelta(seconds=900)
    results = []
    threads = [threading.Thread(target=lambda: results.append(ask(some))) for _ in range(3)]
    with some.turn("a") as turn:
        for thread in threads:
            thread.start()
        assert all(thread.is_alive() for thread in threads)
        assert results == []
        turn.answered()  # its body may take long
        for thread in threads:
            thread.join(10)
        assert results == ["", "", ""]


def test_after_a_failed_trial_those_who_waited_are_refused():
    clock = HandClock()
    some = hosts(clock, failures=1)
    ask(some, SILENT)
    clock.present += timedelta(seconds=900)
    results = []
    thread = threading.Thread(target=lambda: results.append(ask(some)))

    def trial():
        with some.turn("a"):
            thread.start()
            raise SILENT

    fails(TransientError, "archive.timeout", trial)
    thread.join(10)
    assert results == ["archive.paused"]


def test_who_waits_for_a_turn_sees_the_end_of_the_process():
    stop = threading.Event()
    some = hosts(SystemClock(), stop)
    some.limit("a", 1, 0.0)
    results = []
    with some.turn("a"):
        thread = threading.Thread(target=lambda: results.append(ask(some)))
        thread.start()
        stop.set()
        thread.join(10)
    assert results == ["archive.stopped"]


def test_a_shorter_pause_does_not_end_a_longer_one():
    some = hosts()
    some.pause("a", NOON + timedelta(hours=2), "long")
    some.pause("a", NOON + timedelta(seconds=2), "short", wait=True)
    error = fails(TransientError, "archive.paused", lambda: some.turn("a").__enter__())
    assert error.context["reason"] == "long"
    assert some.paused_until("b") is None


def test_a_broken_host_is_asked_no_more_than_it_takes_to_know():
    clock = HandClock()
    http = Http(network(tries=20, failures_to_pause=5, pause="900 s"), clock)
    with StandIn() as server:
        server.serve("/x", b"x")
        server.faults.add(fault("status:500", times=None))
        error = fails(TransientError, "archive.paused", lambda: http.get(server.url + "/x"))
        assert len(server.log.entries) == 5
        assert error.context["until"] == http.paused_until(server.url)
        clock.present = error.context["until"]
        server.faults.clear()
        assert http.get(server.url + "/x").status == 200
