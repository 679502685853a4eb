"""What the original does, as commands: run by the Python that has it. Its library is called; its pipeline, which is not
on the package index, is acted out: its six checks.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import lightcurve  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from astropy.io import fits

from scripts.benchmarks.contender import Answer, serve, timed

REFERENCE = "lref"  # of the names of calibration tables in headers: the variable that tells their folder
BAD_PROPOSALS: tuple[int, ...] = (13635,)
made: dict[str, Any] = {}


def read(path: str, step: float, flux: bool, save: str = "") -> Answer:
    """Extract a light curve; without ``flux`` the calibration tables cannot be found."""
    os.environ.pop(REFERENCE, None)
    if flux:
        os.environ[REFERENCE] = os.environ["HSTLC_BENCHMARK_LREF"]
    made.clear()
    seconds, curve = timed(lambda: lightcurve.read(path, step=step))
    made["curve"] = curve
    if save:
        arrays: dict[str, Any] = {name: np.asarray(curve[name]) for name in ("gross", "background", "flux")}
        np.savez(save, **arrays)
    return {"seconds": seconds, "bins": len(curve)}


def read_all(paths: list[str], step: float) -> Answer:
    """Extract the light curves of many exposures, with flux."""
    answers = [read(path, step, True) for path in paths]
    return {"seconds": sum(answer["seconds"] for answer in answers)}


def write(path: str) -> Answer:
    """Write the light curve that was read last."""
    seconds, _ = timed(lambda: made["curve"].write(path, overwrite=True))
    return {"seconds": seconds}


def check_expflag(hdus: Any) -> bool:
    return bool(hdus[1].header["EXPFLAG"] == "NORMAL")


def check_linear_time(hdus: Any) -> bool:
    times = hdus[1].data["time"]
    last = times[0]
    for time in times:
        if not time >= last:
            return False
        last = time
    return True


def check_no_events(hdus: Any) -> bool:
    return len(hdus[1].data) > 0


def check_singular_event(hdus: Any) -> bool:
    return len(set(hdus[1].data["time"])) != 1


def check_bad_proposal(hdus: Any) -> bool:
    return hdus[0].header["PROPOSID"] not in BAD_PROPOSALS


def check_exptime(hdus: Any) -> bool:
    return bool(hdus[1].header["EXPTIME"] >= 1)


CHECKS = (
    check_expflag,
    check_linear_time,
    check_no_events,
    check_singular_event,
    check_bad_proposal,
    check_exptime,
)


def checks(path: str) -> Answer:
    """Ask the six checks of a file whose rows are in memory."""
    with fits.open(path) as hdus:
        hdus[1].data["time"].sum()
        seconds, passed = timed(lambda: [check(hdus) for check in CHECKS])
    return {"seconds": seconds, "passed": all(passed)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve({"read": read, "read_all": read_all, "write": write, "checks": checks})
