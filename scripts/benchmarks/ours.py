"""What hstlc does, as commands of a process of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import hstlc
from hstlc.checks import run_checks
from hstlc.config import load
from hstlc.formats import fast_read
from hstlc.formats.curve_fits import write_light_curve
from hstlc.missions.registry import mission, missions
from hstlc.pipeline import ingest as pipeline
from hstlc.pipeline.context import open_store
from hstlc.pipeline.executor import Workers
from hstlc.pipeline.plots import make_plots
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.statistics import build_statistics
from scripts.benchmarks.contender import Answer, serve, timed
from scripts.benchmarks.curve_store import clocks

SIX = ("expflag", "nonlinear_time", "no_events", "singular_event", "bad_proposal", "short_exposure")
# What is told apart of an ingest by one worker: name, module that calls the function, function.
PARTS = (
    ("sha256 of the files", "hstlc.pipeline.inputs", "sha256_file"),
    ("what the files are", "hstlc.pipeline.inputs", "identify"),
    ("checks", "hstlc.pipeline.observation", "run_checks"),
    ("sums over the events", "hstlc.missions.hst.cos_extract", "sum_list"),
    ("event files to their place, on the disk", "hstlc.pipeline.placement", "stage_verified"),
    ("light curve to the disk", "hstlc.pipeline.observation", "_stage_curve"),
    ("names, folders and rows", "hstlc.pipeline.ingest", "publish_batch"),
)
made: dict[str, Any] = {}


def warm() -> Answer:
    """Import what is otherwise imported when it is first needed."""
    missions()
    for name in ("astropy.io.fits", "astropy.time", "scipy.special", "scipy.stats", "finufft", "nifty_ls"):
        import_module(name)
    return {}


def read(path: str, step: float, flux: bool, save: str = "") -> Answer:
    """Extract a light curve; without ``flux`` from the event files alone."""
    made.clear()
    fast_read._scan.cache_clear()  # each time as if the file were new
    seconds, curve = timed(lambda: hstlc.light_curve(path, bin_width=step) if flux else _events_alone(path, step))
    made["curve"] = curve
    if save:
        arrays: dict[str, Any] = {name: curve[name] for name in ("gross", "background", "flux", "exposure")}
        np.savez(save, **arrays)
    return {"seconds": seconds, "bins": len(curve)}


def _events_alone(path: str, step: float) -> Any:
    hst = mission("hst")
    paths = (file for file in (Path(path), *hst.companions(Path(path))) if "_x1d" not in file.name)
    files = [identity for identity in map(hst.identify, paths) if identity is not None]
    settings = hst.curve_options(hst.settings_model(), bin_width=step)
    return hst.extract(hst.load(files), settings).curve


def write(path: str) -> Answer:
    """Write the light curve that was read last."""
    seconds, _ = timed(lambda: Path(path).write_bytes(write_light_curve(made["curve"])))
    return {"seconds": seconds, "bins": len(made["curve"])}


def checks(path: str, six: bool) -> Answer:
    """Ask the documented six checks, or all, of one file whose rows are in memory."""
    hst = mission("hst")
    settings = hst.settings_model()
    asked = tuple(check for check in hst.checks if check.name in SIX or not six)
    assert len(asked) == len(SIX) or not six
    files = [identity for identity in (hst.identify(Path(path)),) if identity is not None]
    fast_read._scan.cache_clear()
    file_s, _ = timed(lambda: run_checks(asked, hst.load(files), settings))
    loaded = hst.load(files)
    held = {kind: replace(e, table=replace(e.table, memory=e.table.table())) for kind, e in loaded.events.items()}
    exposure = replace(loaded, events=held)
    seconds, findings = timed(lambda: run_checks(asked, exposure, settings))
    return {
        "seconds": seconds,
        "file_s": file_s,
        "passed": not [f for f in findings if f.severity.name == "REJECT"],
    }


def ingest(source: str, home: str, workers: int) -> Answer:
    """Take a folder of exposures into a fresh store: ingest, statistics, and plots of every curve.

    Workers are started, and have done the smallest exposures for another store, before the clock is.
    """
    files = sorted(Path(source).iterdir())
    smallest = sorted({file.name[:9] for file in files}, key=lambda root: _size(files, root))[: 2 * workers]
    with Workers(workers) as pool:
        _ingest([file for file in files if file.name[:9] in smallest], home, pool)
        with clocks(PARTS) as calls:
            spent, summary = _ingest(files, home, pool)
    if summary.failures:
        raise RuntimeError(f"{summary.failures}")
    counts = {"ingested": summary.ingested, "statistics": summary.statistics, "plots": summary.plots}
    parts = {name: sum(seconds) for name, seconds in calls.items()}
    return {"seconds": sum(spent.values()), "spent": spent, "parts": parts, **counts}


def _size(files: Sequence[Path], rootname: str) -> int:
    return sum(file.stat().st_size for file in files if file.name.startswith(rootname))


def _ingest(files: Sequence[Path], home: str, pool: Workers) -> tuple[dict[str, float], Summary]:
    """Return the seconds of each step; the files are in the ingest folder, finished and on the disk, when it begins."""
    shutil.rmtree(home, ignore_errors=True)
    settings = load(None, {"HSTLC_HOME_DIR": home})
    summary = Summary()
    spent: dict[str, float] = {}
    only = ("individual",)
    with open_store(settings) as context, recorded_run(context, "ingest", summary):
        for file in files:
            _copy_to_disk(file, settings.ingest_dir / file.name)
        spent["ingest"], _ = timed(lambda: pipeline.ingest(context, pipeline.Options((), pool), summary))
        spent["statistics"], _ = timed(lambda: build_statistics(context, summary, kinds=only, workers=pool))
        spent["plots"], _ = timed(lambda: make_plots(context, summary, kinds=only, workers=pool))
    shutil.rmtree(home)
    return spent, summary


def _copy_to_disk(source: Path, target: Path) -> None:
    shutil.copy2(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    serve(
        {
            "warm": warm,
            "read": read,
            "write": write,
            "checks": checks,
            "ingest": ingest,
        }
    )
