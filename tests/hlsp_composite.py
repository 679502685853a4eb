"""A small composite light curve of two exposures, as file and as values."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hstlc.formats.curve_fits import write_light_curve
from hstlc.formats.hlsp.headers import hlsp_keywords
from hstlc.formats.hlsp.names import Configuration, composite_name
from hstlc.formats.hlsp.project import Project
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.times import TimeReference

STAR = Configuration("hst", "HST", "COS", "FUV", "GJ-436", "G130M", 1291, "PSA")
START = np.array([0.0, 2.0, 4.0, 86400.0, 86402.0])
META = {
    "TELESCOP": "HST", "INSTRUME": "COS", "DETECTOR": "FUV", "TARGNAME": "GJ-436", "RA_TARG": 175.5462,
    "DEC_TARG": 26.7066, "OPT_ELEM": "G130M", "CENWAVE": 1291, "APERTURE": "PSA", "PROPOSID": 14767,
    "EXPSTART": 58108.512, "EXPEND": 58109.513, "EXPTIME": 10.0, "LIVETIME": 9.5, "SIMULATD": "T",
}  # fmt: skip
MEMBERS = tuple(
    {"filename": f"lsim0{n}aaq_corrtag_a.fits", "kind": "corrtag_a", "sha256": f"{n}" * 64, "cal_ver": "3.4"}
    for n in (1, 2)
)


def composite(**meta) -> LightCurve:
    """Two exposures a day apart, of three and of two bins of 2 s, the last half live."""
    values = {column.name: np.ones(5, dtype=column.dtype) for column in COLUMNS}
    values |= {"times": START, "bins": np.full(5, 2.0), "exposure": np.array([2, 2, 2, 2, 1.0])}
    values |= {"time": START + 1, "mjd": 58108.5 + (START + 1) / 86400, "dataset": np.array([1, 1, 1, 2, 2], "i4")}
    gti = Intervals.of([0.0, 86400.0], [6.0, 86403.0])
    return LightCurve(values, gti, TimeReference(58108.5), {**META, **meta}, MEMBERS)


def write_composite(folder: Path, project: Project, configuration: Configuration = STAR, **meta) -> Path:
    """Write the composite under its name, as a run does."""
    curve = composite(**meta)
    curve = replace(curve, meta={**curve.meta, **hlsp_keywords(curve, configuration, project)})
    path = folder / composite_name(configuration, project)
    path.write_bytes(write_light_curve(curve))
    return path
