"""Light curves that the server makes again from the events: seconds of the server, warm, and memory of the process.

``python -m scripts.benchmarks.rebin`` prints the table. A store is made of corrtags with an x1d and of an EPIC list, as
'hstlc ingest' makes one; then a worker of the server is asked, as the server asks it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from hstlc.config import Settings, load
from hstlc.db.records import LIGHT_CURVES
from hstlc.testing.epic import EpicCamera, EpicObservation, EpicSource, write_observation
from hstlc.web.rebin.pool import Pool
from hstlc.web.rebin.subject import Selection, Subject, find_subject
from hstlc.web.rebin.work import Job
from hstlc.web.site import open_site
from scripts.benchmarks.corrtag import Exposure, write_corrtag
from scripts.benchmarks.reference_tables import write_x1d
from scripts.benchmarks.table import Row, markdown

__all__ = ["rows"]

_TURNS = 7
_GOALS_S = {"lbig01aaq": (1_000_000, 0.1), "lbig02aaq": (10_000_000, 0.7)}
_MOST_MB = 300.0

#: What is asked for, by what it is called.
_ASKED = {
    "bins of 10 s": Selection(bin_s=10.0),
    "bins of 10 s in a band": Selection(bin_s=10.0, wavelength_aa=(1310.0, 1380.0)),
    "500 counts a bin": Selection(counts=500),
    "folded with 137 s": Selection(fold_s=137.0),
}
_ASKED_KEV = {
    "bins of 50 s": Selection(bin_s=50.0),
    "bins of 50 s in a band": Selection(bin_s=50.0, energy_kev=(0.5, 1.5)),
    "50 counts a bin": Selection(counts=50),
    "blocks": Selection(blocks=0.05),
}


def rows() -> list[Row]:
    """Return the figures; each is the median of seven answers to different questions, after two that do not count."""
    with TemporaryDirectory() as name:
        settings = _store(Path(name))
        table: list[Row] = []
        for rootname, (events, goal_s) in _GOALS_S.items():
            subject = _subject(settings, f"{rootname}_curve.fits")
            table += _measured(f"corrtag of {events:,} events", subject, _ASKED, goal_s, settings)
        name = _lead_of(settings)
        table += _measured(
            "source in an EPIC list of 2.7 million events", _subject(settings, name), _ASKED_KEV, 0.1, settings
        )
        return table


def _store(folder: Path) -> Settings:
    files, home = folder / "files", folder / "home"
    files.mkdir()
    for rootname, (events, _) in _GOALS_S.items():
        exposure = Exposure(rootname, "BIG", {"A": events}, exptime_s=3000.0)
        write_x1d(files, exposure, {"A": write_corrtag(files, exposure, "A")})
    camera = EpicCamera("pn", "S003", background_ct_s=66.0)
    sources = (EpicSource(0.0, 0.0, 1.0), EpicSource(200.0, 100.0, 0.05))
    write_observation(files, EpicObservation(length_s=40_000.0, cameras=(camera,), sources=sources))
    command = [str(Path(sys.executable).parent / "hstlc"), "ingest", str(files)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HSTLC_")}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**environ, "HSTLC_HOME_DIR": str(home)})
    return load(None, {"HSTLC_HOME_DIR": str(home)})


def _lead_of(settings: Settings) -> str:
    site = open_site(settings)
    with site.reading() as connection:
        query = LIGHT_CURVES.select().where(LIGHT_CURVES.c.source_name != "", LIGHT_CURVES.c.lead)
        found = connection.execute(query.order_by(LIGHT_CURVES.c.filename)).mappings().first()
    assert found is not None
    return str(found["filename"])


def _subject(settings: Settings, name: str) -> Subject:
    site = open_site(settings)
    with site.reading() as connection:
        return find_subject(connection, name, site.layout, settings)


def _measured(what: str, subject: Subject, asked: dict[str, Selection], goal_s: float, settings: Settings) -> list[Row]:
    pool = Pool(1, 600.0, settings.web.rebin_cache_bytes)
    try:
        table = []
        for name, selection in asked.items():
            seconds = []
            for turn in range(_TURNS + 2):
                job = Job("json", subject, _another(selection, turn))
                started = time.perf_counter()
                _answer(pool, job)
                seconds.append(time.perf_counter() - started)
            taken = median(seconds[2:])
            table.append(
                Row(
                    f"{what}: {name}",
                    f"{1000 * taken:.0f} ms (first time {1000 * seconds[0]:.0f} ms)",
                    goal=f"< {1000 * goal_s:.0f} ms",
                    reached=taken < goal_s,
                    limited_by="the sums over the events",
                )
            )
        most = _most_mb(pool.processes[0])
        memory = Row(
            f"{what}: most memory of the process",
            f"{most:.0f} MB",
            goal=f"< {_MOST_MB:.0f} MB",
            reached=most < _MOST_MB,
            limited_by="Python with NumPy, SciPy and astropy, and the columns of the events",
        )
        return [*table, memory]
    finally:
        pool.close()


def _another(selection: Selection, turn: int) -> Selection:
    """Return what somebody asks next: other bins, other blocks, another period."""
    if selection.bin_s is not None:
        return replace(selection, bin_s=selection.bin_s + 0.64 * turn)
    if selection.counts is not None:
        return replace(selection, counts=selection.counts + 10 * turn)
    if selection.blocks is not None:
        return replace(selection, blocks=selection.blocks / (1 + turn))
    return replace(selection, fold_s=(selection.fold_s or 1.0) + 0.001 * turn, phase_bins=20)


def _answer(pool: Pool, job: Job) -> Any:
    done = threading.Event()
    found: list[Any] = []

    def finish(value: Any, error: BaseException | None) -> None:
        found.append((value, error))
        done.set()

    pool.submit(job, "", finish)
    done.wait()
    value, error = found[0]
    if error is not None:
        raise error
    return value


def _most_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    print(markdown(rows()))
