"""What each kind of page costs, how much memory the server takes, and what compression would save.

``python -m scripts.benchmarks.serve HOME [--clients N] [--seconds S] [--workers N] [--database URL]`` starts
``hstlc serve`` over a data tree (that of ``hstlc demo --archive HOME``), and lets clients, a process of their own, ask
for one kind of page after the other, each as fast as it is answered. A million rows come with
``scripts.benchmarks.browse``; an address of a database that has them goes with ``--database``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from sqlalchemy import select

from hstlc.config import load
from hstlc.db.engine import make_engine, reading
from hstlc.db.tables import LightCurveRow

_QUANTILES = (0.5, 0.95, 0.99)
_EXAMPLES = 40  # light curves and targets that are asked for


def kinds_of_pages(rows: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return addresses by what they show, for light curves given as file name and target."""
    curves = [quote(filename, safe="") for filename, _ in rows]
    targets = sorted({quote(target, safe="") for _, target in rows})
    return {
        "overview": ["/"],
        "table": ["/curves", "/curves?sort=-start_mjd", "/curves?mission=hst"],
        "table as JSON": ["/api/v1/curves?limit=100"],
        "table as VOTable": ["/api/v1/curves?limit=100&format=votable"],
        "targets": ["/targets"],
        "target": [f"/target/{target}" for target in targets],
        "light curve": [f"/curve/{curve}" for curve in curves],
        "its data": [f"/api/v1/curves/{curve}/data" for curve in curves[:8]],
        "its file": [f"/api/v1/curves/{curve}/file" for curve in curves],
        "candidates": ["/candidates"],
        "findings": ["/findings"],
        "cone search": ["/vo/scs?RA=180&DEC=0&SR=10"],
        "static file": ["/static/web.css"],
    }


@contextmanager
def serving(environ: dict[str, str], workers: int) -> Iterator[tuple[psutil.Process, tuple[str, int]]]:
    """Start a server; give its process, and its host and port."""
    command = [str(Path(sys.executable).parent / "hstlc"), "serve", "--port", "0", "--workers", str(workers)]
    environ = {**os.environ, **environ, "HSTLC_WEB__REQUESTS_PER_SECOND": "0"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://([^:/]+):(\d+)", process.stdout.readline())
            assert found
            yield psutil.Process(process.pid), (found[1], int(found[2]))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def ask(host: str, port: int, paths: Sequence[str], clients: int, seconds: float) -> list[tuple[float, int]]:
    """Return seconds and status of each answer when clients ask without a pause."""
    from tests.web.load import ask_once

    found: list[tuple[float, int]] = []
    end = time.monotonic() + seconds

    async def client(number: int) -> None:
        rng = random.Random(number)
        reader, writer = await asyncio.open_connection(host, port, limit=2**20)
        while time.monotonic() < end:
            began = time.perf_counter()
            status = await ask_once(reader, writer, rng.choice(paths))
            found.append((time.perf_counter() - began, status))
        writer.close()

    await asyncio.gather(*map(client, range(clients)))
    return found


def measured(address: tuple[str, int], paths: Sequence[str], clients: int, seconds: float) -> list[tuple[float, int]]:
    """Do that in another process."""
    command = [sys.executable, "-m", "scripts.benchmarks.serve", "--client", *map(str, (*address, clients, seconds))]
    done = subprocess.run(command, input="\n".join(paths), stdout=subprocess.PIPE, text=True, check=True)
    return [(float(taken), int(status)) for taken, status in json.loads(done.stdout)]


def line(kind: str, answers: Sequence[tuple[float, int]], seconds: float, body: bytes) -> str:
    """Return the figures of a kind of page as a line."""
    times = sorted(1000 * taken for taken, _ in answers)
    marks = [times[min(len(times) - 1, int(part * len(times)))] for part in _QUANTILES]
    wrong = sum(status != 200 for _, status in answers)
    began = time.perf_counter()
    packed = zlib.compress(body, 1, -15)
    zip_ms = 1000 * (time.perf_counter() - began)
    values = (f"{len(answers) / seconds:8.0f}", f"{wrong:6d}", *(f"{mark:8.1f}" for mark in marks))
    return f"{kind:17s} {' '.join(values)} {len(body) / 1000:9.1f} {len(packed) / 1000:9.1f} {zip_ms:8.2f}"


def main() -> None:
    """Print the figures."""
    if sys.argv[1:2] == ["--client"]:
        host, port, clients, seconds = sys.argv[2:]
        paths = sys.stdin.read().split("\n")
        print(json.dumps(asyncio.run(ask(host, int(port), paths, int(clients), float(seconds)))))
        return
    parser = argparse.ArgumentParser(description="What each kind of page costs.")
    parser.add_argument("home", type=Path)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", help="address of a database in place of that of the data tree")
    given = parser.parse_args()
    environ = {"HSTLC_HOME_DIR": str(given.home.resolve())}
    if given.database:
        environ["HSTLC_DB_CONNECTION_STRING"] = given.database
    engine = make_engine(load(None, environ).db_connection_string)
    chosen: Any = (
        select(LightCurveRow.filename, LightCurveRow.targname).order_by(LightCurveRow.product_id).limit(_EXAMPLES)
    )
    with reading(engine) as connection:
        rows = [(row.filename, row.targname) for row in connection.execute(chosen)]
    engine.dispose()
    print(
        f"{given.clients} clients, {given.workers} workers, {given.seconds:g} s each; compression is not done: zlib, 1"
    )
    print("kind              answers/s  wrong   p50 ms   p95 ms   p99 ms       kB  kB zipped  zip ms")
    with serving(environ, given.workers) as (process, address):
        for kind, paths in kinds_of_pages(rows).items():
            measured(address, paths, 2, 0.5)  # imports and caches
            answers = measured(address, paths, given.clients, given.seconds)
            try:
                with urllib.request.urlopen(f"http://{address[0]}:{address[1]}{paths[0]}") as answer:
                    body = answer.read()
            except OSError as error:
                body = str(error).encode()
            print(line(kind, answers, given.seconds, body), flush=True)
        for child in [process, *process.children(recursive=True)]:
            print(f"memory: {child.memory_info().rss / 1e6:.0f} MB of {' '.join(child.cmdline())[:60]}")


if __name__ == "__main__":
    main()
