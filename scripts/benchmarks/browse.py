"""What pages cost with a million light curves: clients that ask one after the other, at once or after looking a while.

``python -m scripts.benchmarks.browse [--curves N] [--clients N] [--look S] [--seconds S] [--rounds N] [--workers N]``
makes the rows on SQLite and on PostgreSQL, starts ``hstlc serve`` and prints how long answers take: of tables alone and
targets alone, then of both with every kind of limit. The clients are a process of their own.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from hstlc.db.curve_columns import SORTED_BY
from hstlc.db.engine import make_engine
from hstlc.db.migrate import ensure_schema
from hstlc.testing.databases import KINDS, fresh_database
from hstlc.testing.many_curves import fill_curves

__all__ = ["Figures", "filled_store", "main", "measure", "serving"]

#: What clients ask for: tables without limits and the pages that follow, targets, or both with all kinds of limits.
KINDS_OF_PAGES = ("tables", "targets", "mixture")

#: Kind of page to (milliseconds of the answer, HTTP status) of each.
Figures = dict[str, list[tuple[float, int]]]

_FILTERS = (
    *("", "", "mission=hst", "mission=xmm&lead=true", "kind=composite", "interesting=true", "chi2_p_max=1e-8"),
    *("q=NGC-0001", "targname=QSO-J0*", "instrume=STIS", "total_min=10000&poisson_factor_min=1.5", "datasets_min=2"),
    *("ra=120&dec=20&radius=1", "false_alarm_probability_max=1e-7", "mission=chandra&candidates_min=1"),
)


@contextmanager
def filled_store(kind: str, curves: int) -> Iterator[dict[str, str]]:
    """Give the environment of a store with so many light curves, on a kind of database."""
    with tempfile.TemporaryDirectory(prefix="hstlc-browse-") as name, fresh_database(kind, Path(name)) as url:
        engine = make_engine(url)
        ensure_schema(engine)
        fill_curves(engine, curves)
        engine.dispose()
        yield {"HSTLC_HOME_DIR": name, "HSTLC_DB_CONNECTION_STRING": url}


@contextmanager
def given_store(url: str) -> Iterator[dict[str, str]]:
    """Give the environment of a store whose database is filled already."""
    with tempfile.TemporaryDirectory(prefix="hstlc-browse-") as name:
        yield {"HSTLC_HOME_DIR": name, "HSTLC_DB_CONNECTION_STRING": url}


@contextmanager
def serving(store: dict[str, str], workers: int) -> Iterator[tuple[str, int]]:
    """Give host and port of a server of a store; it answers one client as often as that asks.

    At the end the most memory of its processes is printed.
    """
    command = [str(Path(sys.executable).parent / "hstlc"), "serve", "--port", "0", "--workers", str(workers)]
    environ = {**os.environ, **store, "HSTLC_WEB__REQUESTS_PER_SECOND": "0"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://([^:/]+):(\d+)", process.stdout.readline())
            assert found
            yield found[1], int(found[2])
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            print(f"most memory of a process: {max(map(_memory_mb, [str(process.pid), *children])):.0f} MB", flush=True)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _memory_mb(pid: str) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def measure(
    address: tuple[str, int], clients: int, seconds: float, look: float = 0.0, pages: str = "mixture"
) -> Figures:
    """Return how long answers take when clients, who look at each for so long, ask from a process of their own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    given = theirs, address, clients, seconds, look, pages
    process = multiprocessing.get_context("spawn").Process(target=_ask, args=given)
    process.start()
    theirs.close()
    try:
        found: Figures = ours.recv()
    finally:
        process.join(seconds + 60)
        if process.is_alive():
            process.kill()
    return found


def _ask(pipe: Any, address: tuple[str, int], clients: int, seconds: float, look: float, pages: str) -> None:
    found: Figures = defaultdict(list)
    targets = _targets(address)
    end = time.monotonic() + seconds
    wanted = address, targets, end, look, pages, found
    own = [threading.Thread(target=_client, args=(number, *wanted)) for number in range(clients)]
    for thread in own:
        thread.start()
    for thread in own:
        thread.join()
    pipe.send(dict(found))


def _targets(address: tuple[str, int]) -> list[str]:
    """Return names of targets, after each worker had a first request."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    for _ in range(20):
        _get(connection, "/curves", [])
    connection.request("GET", "/api/v1/curves?sort=start_mjd&columns=targname&limit=1000&mission=hst")
    rows = json.loads(connection.getresponse().read())["rows"]
    return sorted({row["targname"] for row in rows})


def _client(
    number: int, address: tuple[str, int], targets: list[str], end: float, look: float, pages: str, found: Figures
) -> None:
    targets_of = {"tables": 0.0, "targets": 1.0, "mixture": 0.25}[pages]
    chance = random.Random(number)
    connection = http.client.HTTPConnection(*address, timeout=60)
    following = ""
    while time.monotonic() < end:
        if look:
            time.sleep(min(chance.expovariate(1 / look), max(0.0, end - time.monotonic())))
        if following and chance.random() < 0.4:
            kind, path = "table, next page", following
        elif chance.random() < targets_of:
            kind, path = "target", f"/target/{chance.choice(targets)}"
        else:
            sort = chance.choice(("", "-")) + chance.choice(list(SORTED_BY))
            limits = chance.choice(_FILTERS) if pages == "mixture" else ""
            kind, path = ("table, filtered" if limits else "table"), f"/curves?sort={sort}&{limits}".rstrip("&")
        taken, text = _get(connection, path, found[kind])
        if taken and kind.startswith("table"):
            link = re.search(r'href="([^"]+)" rel="next"', text)
            following = link[1].replace("&amp;", "&") if link else ""


def _get(connection: http.client.HTTPConnection, path: str, found: list[tuple[float, int]]) -> tuple[float, str]:
    started = time.perf_counter()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text, status = answer.read().decode(), answer.status
    except OSError:
        connection.close()
        text, status = "", 0
    taken = 1000 * (time.perf_counter() - started)
    found.append((taken, status))
    return taken, text


def table(rounds: Sequence[Figures], heading: str) -> str:
    """Return the figures of some rounds as lines of text: the median of each, and the lowest and highest p95."""
    lines = [f"{heading}: kind of page, answers, errors, ms: p50, p95 (lowest to highest of {len(rounds)} rounds), p99"]
    kinds = list(dict.fromkeys(kind for figures in rounds for kind in figures))
    groups = {kind: [kind] for kind in kinds}
    if sum(kind.startswith("table") for kind in kinds) > 1:
        groups = {"all tables": [kind for kind in kinds if kind.startswith("table")], **groups}
    for name, own in groups.items():
        answers = [[one for kind in own for one in figures.get(kind, ())] for figures in rounds]
        times = [sorted(taken for taken, _ in some) for some in answers if some]
        p50, p95, p99 = (
            sorted(some[min(len(some) - 1, int(part * len(some)))] for some in times) for part in (0.5, 0.95, 0.99)
        )
        wrong = sum(status != 200 for some in answers for _, status in some)
        span = f"({p95[0]:.0f} to {p95[-1]:.0f})"
        numbers = f"{sum(map(len, answers)):7d} {wrong:4d} {median(p50):8.1f} {median(p95):8.1f} {span:>14s}"
        lines.append(f"  {name:18s} {numbers} {median(p99):8.1f}")
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="What pages cost with many light curves.")
    parser.add_argument("--curves", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--look", type=float, default=0.0, help="seconds between answer and next request, on average")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", help="address of a database that is filled already")
    given = parser.parse_args()
    for kind in ["given store"] if given.store else KINDS:
        with given_store(given.store) if given.store else filled_store(kind, given.curves) as store:
            for pages in KINDS_OF_PAGES:
                with serving(store, given.workers) as address:
                    asked = address, given.clients, given.seconds, given.look, pages
                    rounds = [measure(*asked) for _ in range(given.rounds)]
                print(table(rounds, f"{kind}, {pages}"), flush=True)


if __name__ == "__main__":
    main()
