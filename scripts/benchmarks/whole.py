"""A mixed set of exposures through the whole pipeline, and what a command imports."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.bench import STEP_S, Bench, median, size
from scripts.benchmarks.contender import Answer, alternate, environment
from scripts.benchmarks.data import MIXED, event_files
from scripts.benchmarks.table import Row

__all__ = ["import_rows", "rows"]

EXTRACTION_GOAL = 4.0
SCALING_GOAL = 1.8
HEAVY = ("numpy", "astropy", "pandas", "scipy", "matplotlib", "bokeh", "sqlalchemy", "alembic")
ASTRONOMY = ("astropy", "pandas", "scipy", "matplotlib", "bokeh")
SHOW_MODULES = """
import sys, time
started = time.perf_counter()
from hstlc.cli.main import main
sys.argv = ["hstlc", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
else:
    code = 0
seconds = time.perf_counter() - started
print(code or 0, seconds, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def rows(bench: Bench) -> list[Row]:
    """Return the figures of the mixed set: one and two workers, and the original's extraction alone."""
    store, source = bench.scratch("store"), str(event_files(bench.data, MIXED[0])[0].parent)
    paths = [str(event_files(bench.data, exposure)[0]) for exposure in MIXED]
    with bench.start_ours() as ours, bench.start_theirs() as theirs:
        one, other, two = alternate(
            lambda: ours.ask("ingest", source=source, home=store, workers=1),
            lambda: theirs.ask("read_all", paths=paths, step=STEP_S),
            lambda: ours.ask("ingest", source=source, home=store, workers=2),
            repeat=3,
            budget_s=60.0,
        )
    number = len(MIXED)
    events = sum(sum(exposure.events.values()) for exposure in MIXED)
    assert all(answer[key] == number for answer in (*one, *two) for key in ("ingested", "statistics", "plots"))
    one_s, other_s, two_s = median(one), median(other), median(two)
    spent = ", ".join(
        f"{stage} {size(median([answer['spent'] for answer in one], stage) / number)}" for stage in one[0]["spent"]
    )
    a_minute, scaling = 60 * number / one_s, one_s / two_s
    return [
        Row(
            f"whole ingest of {number} exposures of {events / number / 1e6:.2g} million events, one worker: checks,"
            " light curves, statistics, plots, SQLite; the original: light curves alone",
            f"{size(one_s)}, {a_minute:.0f} exposures a minute",
            f"{size(other_s)}, {60 * number / other_s:.0f} a minute",
            f"{other_s / one_s:.1f} x",
            f">= {EXTRACTION_GOAL:g} x",
            other_s / one_s >= EXTRACTION_GOAL,
            f"an exposure: {spent}",
        ),
        Row(
            "the same, two workers that have been started",
            f"{size(two_s)}, {60 * number / two_s:.0f} a minute",
            "",
            f"{scaling:.2f} x one worker",
            f">= {SCALING_GOAL} x",
            scaling >= SCALING_GOAL,
            "the largest exposure alone has a fifth of the events; rows and names are given by the parent",
        ),
        *_part_rows(one, number),
    ]


def _part_rows(answers: Sequence[Answer], number: int) -> list[Row]:
    """Return what an exposure's ingest consists of, the medians of one worker."""
    parts = {name: median([answer["parts"] for answer in answers], name) / number for name in answers[0]["parts"]}
    parts["the rest"] = median([answer["spent"] for answer in answers], "ingest") / number - sum(parts.values())
    return [Row(f"ingest of an exposure: {name}", size(seconds)) for name, seconds in parts.items()]


def import_rows(bench: Bench) -> list[Row]:
    """Return what ``--help`` and a question to the database import, and how long they take."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as home:
        help_s, of_help = _imports(home, "--help")
        _imports(home, "db", "upgrade")
        sql_s, of_sql = _imports(home, "db", "sql", "SELECT count(*) FROM metadata")
    return [
        _import_row("hstlc --help", help_s, sorted(of_help & set(HEAVY)), "numpy, astropy, SQLAlchemy"),
        _import_row("hstlc db sql", sql_s, sorted(of_sql & set(ASTRONOMY)), "astropy, SciPy"),
    ]


def _import_row(name: str, seconds: float, heavy: list[str], without: str) -> Row:
    found = ", ".join(heavy) or "nothing heavy"
    return Row(f"{name}: imports and time", f"{found}; {size(seconds)}", goal=f"without {without}", reached=not heavy)


def _imports(home: str, *arguments: str, repeat: int = 3) -> tuple[float, set[str]]:
    """Run a command and return the median of its seconds, after the start of Python, and the packages it imported."""
    command = [sys.executable, "-c", SHOW_MODULES, *arguments]
    variables = environment(HSTLC_HOME_DIR=home)
    answers = []
    modules: set[str] = set()
    for _ in range(repeat):
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables, cwd=Path(home))
        code, seconds, *names = done.stderr.splitlines()[-1].split()
        if code != "0":
            raise RuntimeError(f"hstlc {' '.join(arguments)} ended with code {code}\n{done.stderr}")
        modules |= set(names)
        answers.append({"seconds": float(seconds)})
    return median(answers), modules
