"""Writing and reading a light curve: directly, and with astropy, by turns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from hstlc.formats.curve_fits import _read_with_astropy, file_contents, read_light_curve, write_light_curve
from hstlc.formats.fast_write import fast_bytes
from hstlc.formats.fits_tables import astropy_bytes
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.times import TimeReference
from scripts.benchmarks.table import Row

__all__ = ["curve", "rows"]

ROUNDS = 25
BINS = (750, 1500)
MEMBERS = 6
META = {
    "TELESCOP": "HST", "INSTRUME": "COS", "DETECTOR": "FUV", "TARGNAME": "SIM-STAR", "RA_TARG": 187.2779,
    "DEC_TARG": 2.0524, "OBSTYPE": "SPECTROSCOPIC", "OPT_ELEM": "G130M", "CENWAVE": 1291, "APERTURE": "PSA", "FPPOS": 3,
    "LIFE_ADJ": 4, "ROOTNAME": "lsim00aaq", "PROPOSID": 99999, "CAL_VER": "3.2.1 (2017-04-28)", "EXPSTART": 58300.25,
    "EXPEND": 58300.26694481, "EXPTIME": 1500.0, "SEGMENTS": "FUVA,FUVB", "DATE": "2018-07-02", "STEPSIZE": 1.0,
    "TICK": 0.032, "MINFRAC": 0.8, "WMIN": 915.0, "WMAX": 1800.0, "DELTAWAV": 123.54101520000017, "AIRGLOW": "hstlc",
    "AIRGWIN": "1208-1225, 1298-1312", "DQMASK": 10970, "NEVENTS": 46252, "NBADDQ": 0, "NBADTIME": 0, "NWAVE": 317,
    "NSOURCE": 13214, "NBACKGR": 1964, "YLOC_A": 425.191, "YSLP_A": 0.0, "YHGT_A": 39.0, "BSCL_A": 0.5571428571428572,
    "LIVETIME": 1499.9999999999998, "STEPVER": 1,
}  # fmt: skip


def curve(bins: int, members: int = 0) -> LightCurve:
    """Return a curve of an exposure with two files, or a composite of some members."""
    generator = np.random.default_rng(bins)
    data = {c.name: (generator.normal(size=bins) * 1000).astype(c.dtype) for c in COLUMNS}
    data |= {"times": np.arange(float(bins)), "bins": np.ones(bins), "quality": np.zeros(bins, "i4")}
    provenance: list[dict[str, Any]] = [
        {"filename": f"lsim00aaq_{kind}.fits", "kind": kind, "sha256": "0" * 64, "cal_ver": "3.2.1 (2017-04-28)"}
        for kind in ("corrtag_a", "x1d")
    ]
    if members:
        provenance = [
            {
                "dataset": n,
                "rootname": f"lsim{n:02}aaq",
                "filename": f"lsim{n:02}aaq_corrtag_a.fits",
                "sha256": "0" * 64,
            }
            | {"inputs": f"lsim{n:02}aaq_corrtag_a.fits,lsim{n:02}aaq_x1d.fits", "proposid": 99999, "exptime": 1500.0}
            for n in range(1, members + 1)
        ]
    gti = Intervals.of([0.032], [bins + 0.0])
    return LightCurve(data, gti, TimeReference(58300.25), META, tuple(provenance))


def rows() -> list[Row]:
    """Return the figures of a curve of an exposure and of a composite."""
    cases = [(f"curve of {bins} bins", curve(bins)) for bins in BINS]
    cases.append((f"composite of {MEMBERS} members, {BINS[-1]} bins", curve(BINS[-1], MEMBERS)))
    return [row for name, one in cases for row in _rows(name, one)]


def _rows(name: str, one: LightCurve) -> list[Row]:
    contents = file_contents(one)
    if not fast_bytes(*contents) == astropy_bytes(*contents) == write_light_curve(one):
        raise ValueError(f"{name}: the bytes differ")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.fits"
        path.write_bytes(write_light_curve(one))
        writing = _alternately(lambda: write_light_curve(one), lambda: astropy_bytes(*file_contents(one)))
        reading = _alternately(lambda: _read_anew(path), lambda: _read_with_astropy(path))
    return [
        _row(f"write a {name} (against astropy)", writing, 1.0, 15),
        _row(f"read a {name} (against astropy)", reading, 0.3, 1),
    ]


def _row(name: str, seconds: tuple[float, float], most_ms: float, least: int) -> Row:
    ours, ratio = seconds[0] * 1e3, seconds[1] / seconds[0]
    goal = f"<= {most_ms:g} ms" + (f", >= {least}" if least > 1 else "")
    reached = ours <= most_ms and ratio >= least
    return Row(name, f"{ours:.2f} ms", f"{seconds[1] * 1e3:.1f} ms", f"{ratio:.0f}", goal, reached, "cards of headers")


def _alternately(*contenders: Callable[[], object]) -> tuple[float, float]:
    """Return the medians of seconds of two contenders."""
    seconds: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for contender, times in zip(contenders, seconds, strict=True):
            start = perf_counter()
            contender()
            times.append(perf_counter() - start)
    return median(seconds[0]), median(seconds[1])


def _read_anew(path: Path) -> LightCurve:
    path.touch()  # another file to the memory of headers
    return read_light_curve(path)
