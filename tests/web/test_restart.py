"""A server that starts, stops and dies: what is under way is finished, and what is wrong is said."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
import pytest
from server_process import PATIENCE_S, ended, port_of, server, until_it_answers


def test_a_restart_in_the_middle_of_requests_loses_none(site_home: Path) -> None:
    refused: list[str] = []
    whole: list[int] = []
    under_way = threading.Event()
    with server(site_home) as (first, address):
        length = len(until_it_answers(address).content)

        def ask(number: int) -> None:
            time.sleep(0.02 * (number % 10))
            end = time.monotonic() + PATIENCE_S
            while True:
                try:
                    path = "/static/web.css" if number % 2 else "/curves"
                    answer = httpx2.get(address + path, timeout=PATIENCE_S)
                except httpx2.ConnectError as error:
                    refused.append(str(error))
                    assert time.monotonic() < end, "refused for too long"
                    time.sleep(0.1)
                    continue
                assert answer.status_code == 200
                assert number % 2 == 0 or len(answer.content) == length
                whole.append(number)
                under_way.set()
                return

        with ThreadPoolExecutor(50) as clients:
            asked = [clients.submit(ask, number) for number in range(50)]
            assert under_way.wait(PATIENCE_S)
            first.send_signal(signal.SIGTERM)
            code, said = ended(first)
            assert (code, said) == (0, "")
            with server(site_home, "--port", port_of(address)) as (second, again):
                assert again == address
                for future in asked:
                    future.result(PATIENCE_S)
                assert sorted(whole) == list(range(50))
                second.send_signal(signal.SIGTERM)
                code, said = ended(second)
                assert (code, said) == (0, ""), said


def test_what_is_under_way_is_answered_and_a_second_signal_ends_at_once(site_home: Path) -> None:
    with server(site_home, idle="30 s") as (process, address):
        until_it_answers(address)
        with socket.create_connection(("127.0.0.1", int(port_of(address))), PATIENCE_S) as half:
            half.sendall(b"GET /static/web.css HTTP/1.1\r\nHost: 127.0.0.1\r\n")  # not whole yet
            with socket.create_connection(("127.0.0.1", int(port_of(address))), PATIENCE_S) as late:
                late.sendall(b"GET /static/icon.svg HTTP/1.1\r\n")
                until_it_answers(address)  # both are accepted now
                process.send_signal(signal.SIGTERM)
                time.sleep(1)
                late.sendall(b"Host: 127.0.0.1\r\n\r\n")
                assert late.makefile("rb").read().startswith(b"HTTP/1.1 200")
                assert process.poll() is None  # for the other one
                process.send_signal(signal.SIGTERM)
                code, _ = ended(process)
                assert code == 128 + signal.SIGTERM


def test_a_worker_that_dies_is_replaced_and_none_outlives_the_first_process(site_home: Path) -> None:
    def workers() -> list[psutil.Process]:
        found = []
        for one in psutil.Process(process.pid).children():
            with suppress(psutil.Error):  # it has just ended
                if "spawn_main" in " ".join(one.cmdline()):
                    found.append(one)
        return found

    def wait_for(number: int, without: set[int]) -> list[psutil.Process]:
        end = time.monotonic() + PATIENCE_S
        while len(found := [one for one in workers() if one.pid not in without]) < number:
            assert time.monotonic() < end
            time.sleep(0.1)
        return found

    with server(site_home, "--port", "0", "--workers", "2") as (process, address):
        first = wait_for(2, set())
        until_it_answers(address)
        first[0].kill()
        wait_for(2, {first[0].pid})
        assert until_it_answers(address).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    with server(site_home, "--port", "0", "--workers", "2") as (process, address):
        left = wait_for(2, set())
        until_it_answers(address)
        process.kill()
        process.wait(PATIENCE_S)
        _, alive = psutil.wait_procs(left, timeout=PATIENCE_S)
        assert not alive


def test_a_port_in_use_and_an_empty_store_are_told_without_a_traceback(site_home: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with server(site_home, "--port", port) as (process, _):
            code, said = ended(process)
        assert code == 5
        assert port in said
        assert "--port" in said
        assert "Traceback" not in said
    with server(tmp_path / "nothing") as (process, _):
        code, said = ended(process)
    assert code == 2
    assert "no database" in said
    assert "hstlc ingest" in said


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 408"),
        (b"POST /recalculate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"HTTP/1.1 4"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 300_000, b"HTTP/1.1 431"),
        (b"\x16\x03\x01\x02\x00", b"HTTP/1.1 400"),
    ],
    ids=["nothing", "half a head", "half a body", "a head without end", "not HTTP"],
)
def test_clients_that_are_slow_or_make_no_sense_are_cut_off(site_home: Path, sent: bytes, status: bytes) -> None:
    with server(site_home, idle="1 s") as (_, address):
        until_it_answers(address)
        with socket.create_connection(("127.0.0.1", int(port_of(address))), PATIENCE_S) as client:
            client.sendall(sent)
            answer = b""
            try:
                while part := client.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass  # it had more to say than anybody reads
        assert answer.startswith(status)
        assert not answer or b"content-security-policy" in answer
        assert until_it_answers(address).status_code == 200


def test_what_clients_say_of_proxies_is_not_believed(site_home: Path) -> None:
    with server(site_home, requests_per_second="0.001", requests_at_once="3") as (_, address):
        path = f"{address}/api/v1/openapi.json"
        statuses = [httpx2.get(path, headers={"X-Forwarded-For": f"10.0.0.{i}"}).status_code for i in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    with server(site_home, requests_per_second="0.001", requests_at_once="3", proxies="127.0.0.1") as (_, address):
        path = f"{address}/api/v1/openapi.json"
        statuses = [httpx2.get(path, headers={"X-Forwarded-For": f"10.0.0.{i}"}).status_code for i in range(5)]
    assert statuses == [200] * 5
