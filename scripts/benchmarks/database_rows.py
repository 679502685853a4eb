"""Made-up rows of exposures, as the pipeline hands them to the database."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, date, datetime
from typing import Any

from hstlc.db.exposures import ExposureRows
from hstlc.db.keys import configuration_key

__all__ = ["exposure_rows", "statistics_row"]

MISSION = "hst"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETUPS = (("FUV", "G130M", 1291), ("FUV", "G160M", 1577), ("FUV", "G140L", 1105), ("NUV", "G230L", 2950))
KINDS = ("corrtag_a", "corrtag_b", "x1d")


def _rootname(number: int) -> str:
    return f"l{number:07d}q"


def _target(number: int) -> str:
    return f"TARGET-{number // 15:06d}"


def _sha256(*words: object) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()


def exposure_rows(number: int) -> ExposureRows:
    """Return the rows of a good exposure: two segments, an x1d and a light curve; one in ten has a finding."""
    name, target = _rootname(number), _target(number)
    detector, grating, wave = SETUPS[number // 3 % len(SETUPS)]
    folder = f"filesystem/{name[:4]}/{name}"
    setup = {
        "telescop": "HST", "instrume": "COS", "targname": target, "cal_ver": "3.4.1", "obstype": "SPECTROSCOPIC",
        "cenwave": wave, "aperture": "PSA", "detector": detector, "opt_elem": grating, "fppos": number % 4 + 1,
        "ra_deg": number % 360.0, "dec_deg": number % 180 - 90.0, "expstart_mjd": 55200 + number / 200,
        "expend_mjd": 55200.02 + number / 200, "exptime_s": 100.0 + number * 37 % 2800,
        "proposid": 11000 + number // 40, "extra": {"segments": ["A", "B"], "edges": [1132.5, 1433.25]},
    }  # fmt: skip
    files = [
        {
            "kind": kind, "filename": f"{name}_{kind}.fits", "path": folder, "sha256": _sha256(name, kind),
            "size_bytes": 31_000_000, "cal_ver": "3.4.1", "version_key": "3.4.1", "state": "current", "added_at": NOW,
        }
        for kind in KINDS
    ]  # fmt: skip
    product = {
        "kind": "individual", "band": "",
        "path": f"outputs/{target}", "filename": f"{name}_curve.fits", "sha256": _sha256(name, "curve"),
        "size_bytes": 250_000, "input_digest": _sha256(name, "inputs"), "step_version": 1,
        "settings_digest": _sha256("settings"), "made_at": NOW,
    }  # fmt: skip
    finding = {"filename": "", "check_name": "header", "severity": "flag", "reason": "Header mismatch", "message": "m"}
    return ExposureRows(
        MISSION,
        name,
        metadata={
            **setup,
            "configuration": configuration_key({"mission": MISSION, **setup}),
            "filename": files[0]["filename"],
            "path": folder,
            "ingest_date": date(2026, 1, 2),
            "updated_at": NOW,
        },
        files=files,
        products=(product,),
        bad=(),
        findings=[finding] if number % 10 == 0 else (),
    )


def statistics_row(number: int) -> dict[str, Any]:
    """Return the columns of ``stats`` of the light curve of an exposure but ``product_id``."""
    chance = random.Random(number)
    mean, factor = chance.lognormvariate(2, 1), chance.gauss(1, 0.03)
    return {
        "lightcurve_path": f"outputs/{_target(number)}", "lightcurve_filename": f"{_rootname(number)}_curve.fits",
        "total": int(1500 * mean), "mean": mean, "mu": mean**0.5, "stdev": factor * mean**0.5, "poisson_factor": factor,
        "pearson_r": chance.gauss(0, 0.03), "pearson_p": chance.random(), "periodogram": chance.random() < 0.01,
        "excess_factor": factor, "reduced_chi2": factor**2, "chi2_p": chance.random(),
        "within_reduced_chi2": factor**2, "within_chi2_p": chance.random(), "between_reduced_chi2": None,
        "between_chi2_p": None, "peak_period_s": chance.uniform(4, 1500), "peak_power": chance.random(),
        "false_alarm_probability": chance.random(), "shortest_period_s": 4.0, "datasets": 1, "bins_used": 1500,
        "exposure_s": 1500.25, "interesting": False, "curve_sha256": _sha256(_rootname(number), "curve"),
        "step_version": 1, "settings_digest": _sha256("settings"), "computed_at": NOW,
    }  # fmt: skip
