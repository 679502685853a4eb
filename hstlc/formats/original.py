"""Light curves of the original hstlc: FITS tables with the documented columns, without units and good times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError, UnsupportedModeError
from hstlc.formats.fits_file import header_values, open_fits
from hstlc.lightcurves.barycenter import bjd_tdb, target_position
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.times import SECONDS_PER_DAY, TimeReference

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["DOCUMENTED", "is_composite_name", "is_curve_name", "original_curve", "read_original"]

FloatArray = NDArray[np.float64]

#: Columns that the original wrote, in whatever order.
DOCUMENTED = (
    *("dataset", "times", "mjd", "bins", "gross", "background", "flux", "counts", "error", "flux_error", "net"),
    "signal_to_noise",
)

#: Those that must be numbers in every row; flux and what is divided by counts need not be.
_NUMBERS = ("dataset", "times", "mjd", "bins", "gross", "background", "counts", "error", "net")

#: No count, time or date is larger.
_LARGEST = 1e15

#: Days a second in the original's column ``mjd``.
_DAY_PER_SECOND = 1.15741e-5

_KEPT = {
    **{key: key for key in ("TELESCOP", "INSTRUME", "DETECTOR", "TARGNAME", "RA_TARG", "DEC_TARG", "OPT_ELEM")},
    **{key: key for key in ("CENWAVE", "APERTURE", "PROPOSID", "EXPSTART", "EXPEND", "EXPTIME", "SIMULATD")},
    "FILTER": "OPT_ELEM",
}
_CURVE = re.compile(r"[a-z0-9]{1,64}_curve\.fits", re.ASCII)
_COMPOSITE = re.compile(r"hlsp_hstlc_[a-z0-9._+-]{1,200}_sci\.fits", re.ASCII)


def is_curve_name(name: str) -> bool:
    """Tell whether a file is called as the light curve of an exposure was."""
    return bool(_CURVE.fullmatch(name))


def is_composite_name(name: str) -> bool:
    """Tell whether a file is called as a composite was."""
    return bool(_COMPOSITE.fullmatch(name))


def read_original(path: Path) -> LightCurve:
    """Read a light curve of the original hstlc.

    The documented columns are as in the file, but for ``times``, which are counted from the first start where there
    are several datasets; ``mjd`` is that of the left edge of a bin. The original knew no live time: every bin counts
    as live from end to end. The unit of the flux depends on reference files that the file does not name, as the
    keyword ``FLUXCAL`` says. ``provenance`` has the start of the exposure of each dataset, ``expstart``.

    Raises
    ------
    UnreadableError
        Not a whole FITS file.
    UnsupportedModeError
        ``data.not-light-curve``: it lacks a column.
    InconsistentError
        ``data.light-curve``: a number is missing or contradicts another.
    """
    with open_fits(path) as hdus:
        return original_curve(path, hdus)


def original_curve(path: Path, hdus: fits.HDUList) -> LightCurve:
    """Return the light curve of an open file; see :func:`read_original`."""
    table = hdus[1] if len(hdus) > 1 else None
    columns = {name.lower(): name for name in getattr(getattr(table, "columns", None), "names", ())}
    missing = [name for name in DOCUMENTED if name not in columns]
    if table is None or missing:
        raise UnsupportedModeError(
            "data.not-light-curve",
            f"{path} is no light curve: expected the columns {', '.join(DOCUMENTED)}, missing {', '.join(missing)}",
            "give a light curve that this software or the original hstlc made",
            path=str(path),
        )
    written = {name: np.asarray(table.data[columns[name]]) for name in DOCUMENTED}
    numeric = all(values.dtype.kind in "fiu" and values.ndim == 1 for values in written.values())
    found = {name: values.astype(np.float64) for name, values in written.items()} if numeric else {}
    problem = _problem(found)
    if problem:
        raise InconsistentError(
            "data.light-curve", f"{path}: {problem}", "the file is damaged; make the light curve again", path=str(path)
        )
    said = header_values(hdus[0].header, table.header)
    return _light_curve(found, said)


def _problem(columns: Mapping[str, FloatArray]) -> str:
    """Return what is wrong with the columns, '' when nothing is."""
    if not columns:
        return "expected one number a row in each column"
    if not len(columns["mjd"]):
        return "expected at least one bin, found none"
    for name in _NUMBERS:
        if not (np.abs(columns[name]) < _LARGEST).all():
            return f"expected finite numbers in the column {name}"
    if (columns["bins"] <= 0).any():
        return "expected bins wider than 0 s"
    if (columns["dataset"] < 1).any() or (columns["dataset"] % 1 != 0).any() or columns["dataset"].max() > 10**6:
        return "expected whole numbers from 1 in the column dataset"
    # in single precision, where a small difference of large numbers was rounded
    size = np.abs(columns["gross"]) + np.abs(columns["background"])
    if (np.abs(columns["gross"] - columns["background"] - columns["counts"]) > 1e-5 * size + 1e-6).any():
        return "expected counts to be gross - background"
    return ""


def _light_curve(found: Mapping[str, FloatArray], said: Mapping[str, Any]) -> LightCurve:
    datasets = found["dataset"].astype(np.int32)
    zero = found["mjd"] - found["times"] * _DAY_PER_SECOND
    starts = {int(number): float(np.median(zero[datasets == number])) for number in np.unique(datasets)}
    reference = TimeReference(min(starts.values()))
    times = found["times"].copy()
    for number, start in starts.items():
        times[datasets == number] += (start - reference.mjd) * SECONDS_PER_DAY
    middle = times + found["bins"] / 2
    meta = {key: said[name] for name, key in _KEPT.items() if said.get(name) not in (None, "")}
    source = Path(str(said.get("SOURCE") or "")).name
    meta |= {"ROOTNAME": source.split("_")[0]} if "_" in source and len(starts) == 1 else {}
    meta |= {"FLUXCAL": "as the original hstlc left it; unit unknown"}
    data: dict[str, NDArray[Any]] = {c.name: np.full(len(times), np.nan, dtype=np.float64) for c in COLUMNS}
    for name in DOCUMENTED:
        data[name] = np.where(np.isfinite(found[name]), found[name], np.nan)
    data |= {
        "dataset": datasets,
        "times": times,
        "time": middle,
        "exposure": found["bins"],
        "fraction": np.ones(len(times)),
        "rate": data["net"],
        "rate_error": data["error"] / data["bins"],
        "variance": data["error"] ** 2,
        "quality": np.zeros(len(times), dtype=np.int32),
        "bjd_tdb": bjd_tdb(reference, middle, target_position(meta)),
    }
    ends = [(times[datasets == n].min(), (times + found["bins"])[datasets == n].max()) for n in starts]
    provenance = tuple({"dataset": number, "expstart": start} for number, start in starts.items())
    return LightCurve(data, Intervals.of(*zip(*ends, strict=True)), reference, meta, provenance)
