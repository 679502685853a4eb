"""Two hundred people look at pages while an ingest runs: nobody sees an error, and the ingest goes on."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx2
import psutil
import pytest
from load import Load, quantile, start_load
from server_process import port_of, server, until_it_answers
from sqlalchemy import select

from hstlc.config import load
from hstlc.db.engine import make_engine, reading
from hstlc.db.tables import LightCurveRow
from hstlc.testing.cos import demo_exposures, write_exposure

HSTLC = Path(sys.executable).parent / "hstlc"
EXPOSURES = 6  # of each ingest
UNDISTURBED = 4  # ingests before, and as many after


def folders(archive: Path) -> Iterator[Path]:
    """Yield folders with new exposures of the same kind."""
    exposure, scene, _ = demo_exposures()[0]
    number = 0
    while True:
        folder = archive / f"{number:03d}"
        folder.mkdir(parents=True)
        for i in range(EXPOSURES):
            name = f"ls{number:03d}{i:01d}abq"
            write_exposure(folder, replace(exposure, rootname=name, targname=f"SIM-LOAD-{number}", seed=number), scene)
        number += 1
        yield folder


def ingest_s(home: Path, folder: Path) -> float:
    """Ingest a folder; return how long it took."""
    environ = {**os.environ, "HSTLC_HOME_DIR": str(home)}
    began = time.monotonic()
    done = subprocess.run([HSTLC, "ingest", "-q", "-j", "1", folder], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    return time.monotonic() - began


def pages(home: Path) -> list[str]:
    """Return addresses of all kinds of pages, those of the table more often."""
    engine = make_engine(load(None, {"HSTLC_HOME_DIR": str(home)}).db_connection_string)
    with reading(engine) as connection:
        rows = connection.execute(select(LightCurveRow.filename, LightCurveRow.targname)).all()
    engine.dispose()
    curves = [f"/curve/{quote(filename, safe='')}" for filename, _ in rows]
    targets = [f"/target/{quote(target, safe='')}" for target in sorted({target for _, target in rows})]
    tables = ["/curves", "/curves?sort=-start_mjd", "/curves?mission=hst&sort=targname", "/api/v1/curves", "/targets"]
    others = ["/", "/candidates", "/findings", "/bad-data", "/runs", "/notices", "/api", "/static/web.css"]
    data = [f"/api/v1/curves/{quote(filename, safe='')}/data" for filename, _ in rows[:5]]
    return [*curves, *targets, *tables * 10, *others * 5, *data]


def ask(
    home: Path, *, clients: int, every_s: float, seconds: float, batches: Iterator[Path]
) -> tuple[Load, list[float], float]:
    """Let clients ask while ingests run; return what they saw, how long each ingest took, and the server's memory."""
    with server(home, "--port", "0", requests_at_once="1000") as (process, address):
        until_it_answers(address)
        wanted = pages(home)
        for path in sorted(set(wanted))[:40]:
            assert httpx2.get(address + path, timeout=60).status_code < 500
        asking = start_load(
            ("127.0.0.1", int(port_of(address))), wanted, clients=clients, every_s=every_s, seconds=seconds
        )
        taken: list[float] = []
        while asking.poll() is None:
            taken.append(ingest_s(home, next(batches)))
        said, _ = asking.communicate()
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
    return Load(**json.loads(said)), taken, memory


def test_clients_see_no_error_while_an_ingest_runs(site_home: Path, tmp_path: Path) -> None:
    seen, taken, _ = ask(site_home, clients=10, every_s=0.5, seconds=5, batches=folders(tmp_path / "new"))
    assert not seen.errors, seen.errors[:10]
    assert seen.asked >= 20
    assert taken


@pytest.mark.soak
def test_two_hundred_clients_and_an_ingest(site_home: Path, tmp_path: Path) -> None:
    batches = folders(tmp_path / "new")
    ingest_s(site_home, next(batches))  # imports come from disk
    before = [ingest_s(site_home, next(batches)) for _ in range(UNDISTURBED)]
    seen, during, memory = ask(site_home, clients=200, every_s=5, seconds=60, batches=batches)
    after = [ingest_s(site_home, next(batches)) for _ in range(UNDISTURBED)]
    alone, loaded = statistics.median([*before, *after]), statistics.median(during)
    p50, p95, p99 = (1000 * quantile(seen.times_s, part) for part in (0.5, 0.95, 0.99))
    print(f"200 clients, each once in 5 s, for 60 s: {seen.asked} requests, {len(seen.errors)} errors")
    print(f"answers: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms; memory of the server {memory:.0f} MB")
    ratio = loaded / alone
    print(f"an ingest of {EXPOSURES} exposures: {alone:.2f} s alone, {loaded:.2f} s meanwhile ({ratio:.2f} times)")
    assert not seen.errors, seen.errors[:10]
    assert seen.asked > 2000
