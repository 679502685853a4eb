"""What plots of many light curves cost, and that a second run has nothing to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from composite_runs import visit
from plot_runs import PAGES, TREE, plotted, snapshot, views
from store_state import Store

from hstlc.db.plots import VIEWS
from hstlc.plots.page import bokeh_script
from hstlc.testing.cos import Scene, sinusoid

CURVES = 500
BINS = 750
AT_ONCE = 50
TARGETS = 25

# One process from its start to its end, so that its memory is that of the command alone. Timers go around the functions
# that draw; everything else is what the command does.
RUN = """
import importlib, json, resource, sys, time
from hstlc.cli.main import cli

spent = {}

def timed(kind, module, name):
    module = importlib.import_module(module)
    real = getattr(module, name)

    def draw(*arguments, **options):
        started = time.perf_counter()
        try:
            return real(*arguments, **options)
        finally:
            spent.setdefault(kind, []).append(time.perf_counter() - started)

    setattr(module, name, draw)

timed("page", "hstlc.plots.page", "curve_page")
timed("plot", "hstlc.plots.static", "static_png")
timed("quicklook", "hstlc.plots.quicklook", "quicklook_png")
timed("periodogram", "hstlc.plots.periodogram", "periodogram_page")
timed("tables", "hstlc.pipeline.plots", "refresh_folder")
started = time.perf_counter()
cli(["make-plots", "--json", "-j", "1"], standalone_mode=False)
total = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"spent": spent, "total": total, "peak_kib": peak}))
"""


@pytest.fixture
def stored(tmp_path):
    """A store of many ingested exposures with their statistics, without plots; deleted at the end, as it is large."""
    home = tmp_path / "home"
    home.mkdir()
    store = Store(home, f"sqlite:///{home / 'hstlc.db'}")
    for first in range(0, CURVES, AT_ONCE):
        for number in range(first, first + AT_ONCE):
            shape = sinusoid(40.0 + number, 0.5) if number % 2 else None
            visit(
                store.inbox,
                number,
                scene=Scene(rate_ct_s=2.0, background_ct_s=0.2, shape=shape),
                x1d=True,
                rootname=rootname(number),
                targname=target(number),
                exptime_s=2.0 * BINS - 2.0,
            )
        summary = store.ingest()
        assert (summary.ingested, summary.statistics, summary.failures) == (AT_ONCE, AT_ONCE, [])
    yield store
    shutil.rmtree(home)


def rootname(number):
    return f"ls{number:04d}aaq"


def target(number):
    return f"SIM-{number % TARGETS:02d}"


def make_plots(store):
    """Run the command in a process of its own; return its summary and what it measured."""
    environment = {
        **os.environ,
        "HSTLC_HOME_DIR": str(store.home),
        "HSTLC_DB_CONNECTION_STRING": store.url,
        "HSTLC_MIN_FREE_SPACE": "1 B",
    }
    ended = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    return json.loads("\n".join(lines[:-1])), json.loads(lines[-1])


@pytest.mark.soak
def test_many_curves_are_drawn_once_and_a_second_run_writes_nothing(stored):
    from astropy.io import fits

    curves = sorted((stored.home / "outputs").rglob("*.fits"))
    assert len(curves) == CURVES
    for path in curves[:: CURVES // 10]:
        assert fits.getheader(path)["SIMULATD"] == "T"
        assert fits.getheader(path, 1)["NAXIS2"] == BINS

    summary, first = make_plots(stored)
    assert (summary["plots"], summary["pages"], summary["failed"]) == (CURVES, len(PAGES), [])
    names = [f"{target(number)}/{rootname(number)}_curve" for number in range(CURVES)]
    assert plotted(stored) == PAGES.union(*map(views, names))
    assert {kind: len(spent) for kind, spent in first["spent"].items()} == {**dict.fromkeys(VIEWS, CURVES), "tables": 1}
    tell(stored, first)

    before = snapshot(stored)
    assert {path.split("/")[0] for path in before} == set(TREE) - {"ingest", "bad_data"}
    summary, second = make_plots(stored)
    assert (summary["plots"], summary["pages"], summary["failed"]) == (0, 0, [])
    assert second["spent"].keys() == {"tables"}
    assert snapshot(stored) == before
    print(f"second run: {second['total']:.2f} s, of which tables {second['spent']['tables'][0]:.2f} s, nothing drawn")
    print(f"second run: peak memory {second['peak_kib'] / 1024:.0f} MiB")


def tell(store, measured):
    """Print what one run cost."""
    print(f"{CURVES} curves of {BINS} bins, one worker")
    folder = store.settings.plot_dir
    endings = dict(zip(VIEWS, ("_curve.html", "_curve.png", "_quicklook.png", "_periodogram.html"), strict=True))
    for kind, ending in endings.items():
        spent_ms = sorted(1000 * seconds for seconds in measured["spent"][kind])
        sizes = [path.stat().st_size for path in folder.rglob(f"*{ending}")]
        assert len(sizes) == CURVES
        print(
            f"{kind}: mean {sum(spent_ms) / CURVES:.2f} ms, median {spent_ms[CURVES // 2]:.2f} ms, "
            f"longest {spent_ms[-1]:.1f} ms; mean size {sum(sizes) / CURVES / 1000:.1f} kB"
        )
    drawing = sum(sum(measured["spent"][kind]) for kind in VIEWS)
    print(f"index, tables and summaries: {measured['spent']['tables'][0]:.2f} s")
    print(f"script shared by all pages: {len(bokeh_script()[1]) / 1000:.0f} kB")
    print(f"all: {measured['total']:.2f} s, {1000 * measured['total'] / CURVES:.1f} ms a curve")
    print(f"of that drawing: {1000 * drawing / CURVES:.1f} ms a curve")
    print(f"peak memory: {measured['peak_kib'] / 1024:.0f} MiB")
