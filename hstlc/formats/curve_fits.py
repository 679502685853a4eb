"""Light-curve FITS: written byte for byte the same from the same curve, read back without loss.

HDU 1 ``LIGHTCURVE`` holds the columns of :data:`hstlc.model.COLUMNS` with TUNIT, TUCD and TCOMM, HDU 2 ``GTI`` the good
times, HDU 3 ``PROVENANCE`` one row a source file. The bins' middle is the FITS column ``TIME`` (OGIP's name; FITS
column names do not distinguish case), as ``time`` in lower case would keep ``TimeSeries.read`` from making its own.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.errors import UnsupportedModeError
from hstlc.formats.fits_file import open_fits
from hstlc.formats.keywords import KEYWORDS
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.times import TimeReference

__all__ = ["read_light_curve", "write_light_curve"]

#: TUNIT of a pure number: readers take an empty one for no unit at all (FITS standard 4.0, section 4.3).
DIMENSIONLESS = "10**0"

_PROVENANCE = ("filename", "kind", "sha256", "cal_ver")


def write_light_curve(curve: LightCurve) -> bytes:
    """Return the FITS file of a light curve as bytes, with checksums and without a clock.

    Parameters
    ----------
    curve : LightCurve
        Its ``meta`` keys are FITS keywords; None values are left out.

    Returns
    -------
    bytes
    """
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(_fits_name(c.name), _FORMATS[c.dtype], unit=c.unit or DIMENSIONLESS, array=curve[c.name])
            for c in COLUMNS
        ],
        name="LIGHTCURVE",
    )
    for number, column in enumerate(COLUMNS, 1):
        table.header[f"TUCD{number}"] = column.ucd
        table.header[f"TCOMM{number}"] = column.doc
    time = _time_keywords(curve)
    for hdu, values in ((primary, curve.meta), (table, time), (table, curve.meta)):
        for keyword, value in values.items():
            if value is not None and not (isinstance(value, float) and not np.isfinite(value)):
                hdu.header[keyword] = (value, KEYWORDS.get(keyword, ""))
    gti = fits.BinTableHDU.from_columns(
        [
            fits.Column("START", "D", unit="s", array=curve.gti.start),
            fits.Column("STOP", "D", unit="s", array=curve.gti.stop),
        ],
        name="GTI",
    )
    for keyword in ("TIMESYS", "MJDREF", "TIMEUNIT", "TREFPOS"):
        gti.header[keyword] = (time[keyword], KEYWORDS[keyword])
    provenance = fits.BinTableHDU.from_columns(
        [
            fits.Column(name.upper(), f"{_width(curve, name)}A", array=[row.get(name, "") for row in curve.provenance])
            for name in _PROVENANCE
        ],
        name="PROVENANCE",
    )
    hdus = fits.HDUList([primary, table, gti, provenance])
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)  # a long value leaves no room for its comment
        for hdu in hdus:
            hdu.add_datasum(when="")
            hdu.add_checksum(when="")
        hdus.writeto(stream)
    return stream.getvalue()


def read_light_curve(path: str | Path) -> LightCurve:
    """Read a light curve that :func:`write_light_curve` wrote.

    Raises
    ------
    UnreadableError
        Not a whole FITS file.
    UnsupportedModeError
        ``data.not-light-curve``: another kind of FITS file.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        names = {hdu.name for hdu in hdus}
        if not {"LIGHTCURVE", "GTI"} <= names:
            raise UnsupportedModeError(
                "data.not-light-curve",
                f"{path} has no LIGHTCURVE and GTI extensions, only {sorted(names)}",
                "give a file that 'hstlc ingest' made",
                path=str(path),
            )
        table, header = hdus["LIGHTCURVE"].data, hdus["LIGHTCURVE"].header
        data = {c.name: np.array(table[_fits_name(c.name)], dtype=c.dtype) for c in COLUMNS}
        gti = Intervals.of(np.array(hdus["GTI"].data["START"]), np.array(hdus["GTI"].data["STOP"]))
        meta = {k: v for k, v in hdus[0].header.items() if k not in _STRUCTURE and not k.startswith("NAXIS")}
        reference = TimeReference(float(header["MJDREF"]), header["TIMESYS"], header["TREFPOS"])
        provenance: tuple[dict[str, str], ...] = ()
        if "PROVENANCE" in names:
            rows = hdus["PROVENANCE"].data
            provenance = tuple({n: str(row[n.upper()]) for n in _PROVENANCE} for row in rows)
    return LightCurve(data, gti, reference, meta, provenance)


_FORMATS = {"f8": "D", "i4": "J"}
_STRUCTURE = frozenset({"SIMPLE", "BITPIX", "EXTEND", "CHECKSUM", "DATASUM"})


def _fits_name(name: str) -> str:
    return "TIME" if name == "time" else name


def _width(curve: LightCurve, name: str) -> int:
    return max([1, *(len(row.get(name, "")) for row in curve.provenance)])


def _time_keywords(curve: LightCurve) -> Mapping[str, Any]:
    width = float(curve["bins"][0]) if len(curve) else 0.0
    return {
        "TIMESYS": curve.reference.scale,
        "MJDREF": curve.reference.mjd,
        "TIMEUNIT": "s",
        "TREFPOS": curve.reference.position,
        "TSTART": float(curve["times"][0]) if len(curve) else 0.0,
        "TSTOP": float(curve["times"][-1] + curve["bins"][-1]) if len(curve) else 0.0,
        "TIMEDEL": width,
        "TIMEPIXR": 0.5,
    }
