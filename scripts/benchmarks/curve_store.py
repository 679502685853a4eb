"""Made-up light curves for the benchmarks of statistics and plots, and a store that has nothing but them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert

from hstlc.config import Settings, load
from hstlc.db.engine import writing
from hstlc.db.keys import configuration_key, product_key
from hstlc.db.records import METADATA, OUTPUTS, PRODUCTS
from hstlc.formats.curve_fits import write_light_curve
from hstlc.model import COLUMNS, Intervals, LightCurve, Quality
from hstlc.pipeline.context import open_store
from hstlc.store.layout import Layout
from hstlc.times import SECONDS_PER_DAY, TimeReference

__all__ = ["BINS", "alternately_ms", "clocks", "curve_store", "make_curve"]

#: Bins of a typical light curve.
BINS = 750

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_NONE = hashlib.sha256(b"").hexdigest()
_TARGETS = 25
_PAUSE_S = 0.1
_MJD, _STEP_S = 58300.25, 2.0
_SETUP: dict[str, str | int] = {
    "INSTRUME": "COS",
    "DETECTOR": "FUV",
    "OPT_ELEM": "G130M",
    "CENWAVE": 1291,
    "APERTURE": "PSA",
}


def make_curve(bins: int = BINS, seed: int = 0) -> LightCurve:
    """Return a simulated curve of 2-s bins; every second one has a period, every tenth some flagged bins."""
    rng = np.random.default_rng(seed)
    times = _STEP_S * np.arange(bins)
    middle = times + _STEP_S / 2
    exposure = np.full(bins, _STEP_S)
    exposure[-1] = 0.7
    if seed % 10 == 0:
        exposure[bins // 3 : bins // 3 + 5] = 0.9
    shape = 1 + 0.3 * np.sin(2 * np.pi * middle / (40.0 + seed % 200)) if seed % 2 else np.ones(bins)
    gross = rng.poisson((2.0 + seed % 40) * shape * exposure).astype(np.float64)
    background = 0.25 * rng.poisson(0.8 * exposure)
    counts, variance = gross - background, gross + 0.25 * background
    error = np.sqrt(variance + np.where(gross == 0, 1.841**2, 0.0))
    live, per_count = exposure, 3e-16
    low = exposure / _STEP_S < 0.8
    data: dict[str, Any] = {
        "dataset": np.ones(bins),
        "times": times,
        "mjd": _MJD + middle / SECONDS_PER_DAY,
        "bins": np.full(bins, _STEP_S),
        "gross": gross,
        "background": background,
        "flux": counts / live * per_count,
        "counts": counts,
        "error": error,
        "flux_error": error / live * per_count,
        "net": counts / live,
        "signal_to_noise": counts / error,
        "time": middle,
        "exposure": exposure,
        "fraction": exposure / _STEP_S,
        "rate": counts / live,
        "rate_error": error / live,
        "variance": variance,
        "quality": np.where(low, Quality.LOW_FRACTION, 0),
        "bjd_tdb": _MJD + 2400000.5 + middle / SECONDS_PER_DAY,
    }
    data = {column.name: np.asarray(data[column.name], dtype=column.dtype) for column in COLUMNS}
    meta: dict[str, str | int | float | bool | None] = {
        "ROOTNAME": _rootname(seed),
        "TARGNAME": _target(seed),
        **_SETUP,
        "MINFRAC": 0.8,
        "SIMULATD": "T",
    }
    row: dict[str, str | int | float] = {
        "dataset": 1,
        "rootname": _rootname(seed),
        "filename": f"{_rootname(seed)}_corrtag_a.fits",
        "sha256": _NONE,
    }
    gti = Intervals.of([0.0], [_STEP_S * bins])
    return LightCurve(data, gti, TimeReference(_MJD), meta, ({**row, "kind": "corrtag_a", "cal_ver": "3.4.0"},))


@contextmanager
def curve_store(number: int, bins: int = BINS) -> Iterator[Settings]:
    """Give the settings of a new store on SQLite with so many light curves; it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="hstlc-benchmark-"))
    try:
        own = {"HSTLC_HOME_DIR": str(home), "HSTLC_DB_CONNECTION_STRING": f"sqlite:///{home / 'hstlc.db'}"}
        settings = load(None, {**own, "HSTLC_MIN_FREE_SPACE": "1 B"})
        with open_store(settings) as context:
            products = [_product(context.layout, seed, bins) for seed in range(number)]
            with writing(context.engine) as connection:
                _record(connection, products)
        yield settings
    finally:
        shutil.rmtree(home)


def _rootname(seed: int) -> str:
    return f"l{seed:07d}q"


def _target(seed: int) -> str:
    return f"SIM-{seed % _TARGETS:02d}"


def _product(layout: Layout, seed: int, bins: int) -> dict[str, Any]:
    """Write a light curve and return its row of ``product``."""
    content = write_light_curve(make_curve(bins, seed))
    folder = layout.outputs / _target(seed)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{_rootname(seed)}_curve.fits"
    (folder / name).write_bytes(content)
    return {
        "id": seed + 1,
        "kind": "individual",
        "key": product_key("hst", _rootname(seed)),
        "path": layout.relative(folder),
        "filename": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "input_digest": _NONE,
        "step_version": 1,
        "settings_digest": _NONE,
        "made_at": _NOW,
    }


def _record(connection: Connection, products: Sequence[dict[str, Any]]) -> None:
    """Write the rows that an ingest of the exposures would have written, as far as statistics and plots read them."""
    metadata, outputs = [], []
    for seed, product in enumerate(products):
        setup = {name.lower(): value for name, value in _SETUP.items()}
        row: dict[str, Any] = {
            "id": seed + 1,
            "mission": "hst",
            "rootname": _rootname(seed),
            "targname": _target(seed),
            **setup,
        }
        row |= {"filename": f"{_rootname(seed)}_corrtag_a.fits", "path": "filesystem", "ingest_date": date(2026, 1, 2)}
        row |= {"telescop": "HST", "cal_ver": "3.4.0", "obstype": "SPECTROSCOPIC", "fppos": 1, "proposid": 1}
        row |= {"ra_deg": 1.0, "dec_deg": 2.0, "expstart_mjd": _MJD + seed, "expend_mjd": _MJD + seed + 0.02}
        key = configuration_key({"mission": "hst", "targname": _target(seed), **setup})
        metadata.append({**row, "exptime_s": 1500.0, "configuration": key, "extra": {}, "updated_at": _NOW})
        place = {"individual_path": product["path"], "individual_filename": product["filename"]}
        ours = {"metadata_id": seed + 1, "source_name": "", "band": "", "individual_product_id": product["id"]}
        outputs.append({**ours, **place})
    for table, rows in ((METADATA, metadata), (PRODUCTS, products), (OUTPUTS, outputs)):
        connection.execute(insert(table), rows)


@contextmanager
def clocks(parts: Iterable[tuple[str, str, str]]) -> Iterator[dict[str, list[float]]]:
    """Give the seconds that each call of some functions took, by the names of the parts, filled while the block runs.

    Parameters
    ----------
    parts : iterable of (str, str, str)
        Name of the part, module in which its function is looked up, name of the function there.
    """
    spent: dict[str, list[float]] = {}
    real: list[tuple[Any, str, Callable[..., Any]]] = []
    for part, place, name in parts:
        module = import_module(place)
        real.append((module, name, getattr(module, name)))
        setattr(module, name, _timed(getattr(module, name), spent.setdefault(part, [])))
    try:
        yield spent
    finally:
        for module, name, function in real:
            setattr(module, name, function)


def _timed(function: Callable[..., Any], spent_s: list[float]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent_s.append(time.perf_counter() - started)

    return call


def alternately_ms(contenders: Sequence[Callable[[], Any]], turns: int) -> list[float]:
    """Return the median time of each contender in ms, of turns that each begin with a call that is not counted.

    It is the time that the calling thread computes: a call of some ms that another process interrupts would seem to
    take several times as long, one of a second hardly longer. Threads that a contender has beside its own are not
    counted; they go on spinning for a while, hence a pause before each turn.
    """
    spent_s: list[list[float]] = [[] for _ in contenders]
    for _ in range(turns):
        for contender, spent in zip(contenders, spent_s, strict=True):
            time.sleep(_PAUSE_S)
            contender()
            started = time.thread_time()
            contender()
            spent.append(time.thread_time() - started)
    return [1000 * float(np.median(spent)) for spent in spent_s]
