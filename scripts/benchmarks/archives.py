"""What it costs to poll an archive with 100,000 datasets: time and memory of a first poll, a second one, a full walk.

``python -m scripts.benchmarks.archives [--quick]`` prints the table. The archive is a stand-in in a process of its own;
each database is polled by a process of its own too, so that its memory is that of polling.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hstlc.testing.databases import KINDS, fresh_database
from scripts.benchmarks.contender import environment
from scripts.benchmarks.table import Row, markdown

__all__ = ["main", "rows"]

ARCHIVES = ("mast", "xsa")
DATASETS = 100_000
GOAL_S, GOAL_MB = 60.0, 300.0
_PATIENCE_S = 1800.0


def rows(*, quick: bool = False, kinds: tuple[str, ...] = KINDS, archives: tuple[str, ...] = ARCHIVES) -> list[Row]:
    """Return the figures of both archives on both databases; ``quick`` takes a twentieth of the datasets."""
    number = DATASETS // (20 if quick else 1)
    found: list[Row] = []
    for archive in archives:
        with _peer(archive, number) as url:
            for kind in kinds:
                with (
                    tempfile.TemporaryDirectory(prefix="hstlc-benchmark-") as name,
                    fresh_database(kind, Path(name)) as database,
                ):
                    found += _rows(archive, kind, number, _measured(archive, url, database, Path(name)))
    return found


@contextmanager
def _peer(archive: str, number: int) -> Iterator[str]:
    command = [sys.executable, "-m", "scripts.benchmarks.archives_peer", archive, str(number)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(30)


def _measured(archive: str, url: str, database: str, home: Path) -> dict[str, Any]:
    given = json.dumps({"archive": archive, "url": url, "database": database, "home": str(home)})
    command = [sys.executable, "-m", "scripts.benchmarks.archives", "--measure", given]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _rows(archive: str, kind: str, number: int, answer: dict[str, Any]) -> Iterator[Row]:
    for step in answer["steps"]:
        yield Row(
            f"{step['name']}, {archive}, {number:,} datasets, {kind}",
            f"{step['seconds']:.1f} s, {step['cpu_s']:.1f} s of it computing ({step['rows']:,} rows in {step['walks']}"
            f" walks, {step['products']:,} products listed)",
            goal=f"< {GOAL_S:g} s",
            reached=step["seconds"] < GOAL_S,
            limited_by="" if step["seconds"] < GOAL_S else "the archive's answers, their tables and rows",
        )
    most = answer["peak_mb"]
    yield Row(
        f"memory of these polls, {archive}, {kind}",
        f"{most:.0f} MB ({answer['imports_mb']:.0f} MB before the first)",
        goal=f"< {GOAL_MB:g} MB",
        reached=most < GOAL_MB,
    )


# --- in the process that polls


def _measure(given: dict[str, str]) -> dict[str, Any]:
    from datetime import UTC, datetime

    from hstlc.config import load
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.poll import poll
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run
    from hstlc.pipeline.sources import open_sources
    from hstlc.testing.archive.routers import environment as pointed

    settings = load(
        None,
        {
            "HSTLC_HOME_DIR": given["home"],
            "HSTLC_DB_CONNECTION_STRING": given["database"],
            **pointed(given["url"], [given["archive"]]),
            "HSTLC_ARCHIVES__MAST__ENABLED": str(given["archive"] == "mast").lower(),
        },
    )
    archive = open_sources(settings)[given["archive"]]
    archive.columns()
    before = _peak_mb()
    early = datetime(2000, 1, 1, tzinfo=UTC)
    steps = []
    options: dict[str, dict[str, Any]] = {
        "first poll": {},
        "second poll of all": {"since": early},
        "full walk": {"full": True},
    }
    for name, chosen in options.items():
        summary, started, started_cpu = Summary(), time.perf_counter(), time.process_time()
        with open_store(settings, lock="archive") as context, recorded_run(context, "poll", summary):
            walked = poll(context, archive, summary, **chosen)
        if summary.failures or any(one.state != "done" for one in walked):
            raise RuntimeError(f"{name}: {summary.failures[:3]} {walked}")
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
        counts = {"rows": sum(one.seen for one in walked), "walks": len(walked), "products": summary.products}
        steps.append({"name": name, "seconds": seconds, "cpu_s": cpu_s, **counts})
    return {"steps": steps, "imports_mb": before, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What it costs to poll an archive with 100,000 datasets.")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the datasets")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(_measure(arguments.measure)))
        return
    print(markdown(rows(quick=arguments.quick)))


if __name__ == "__main__":
    main()
