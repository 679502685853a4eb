"""Light-curve FITS: written byte for byte the same from the same curve, read back without loss.

HDU 1 ``LIGHTCURVE`` holds the columns of :data:`hstlc.model.COLUMNS` with TUNIT, TUCD and TCOMM, HDU 2 ``GTI`` the good
times, HDU 3 ``PROVENANCE`` one row a source file. The bins' middle is the FITS column ``TIME`` (OGIP's name; FITS
column names do not distinguish case), as ``time`` in lower case would keep ``TimeSeries.read`` from making its own.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.errors import UnsupportedModeError
from hstlc.formats.fits_file import open_fits
from hstlc.formats.keywords import KEYWORDS
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.times import TimeReference
from hstlc.units import Column

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["read_light_curve", "write_light_curve"]

#: TUNIT of a pure number: readers take an empty one for no unit at all (FITS standard 4.0, section 4.3).
DIMENSIONLESS = "10**0"

#: Columns of PROVENANCE; a file has those that its rows know.
PROVENANCE: tuple[Column, ...] = (
    Column("dataset", "i4", "", "meta.number", "number of the exposure, as in LIGHTCURVE"),
    Column("rootname", "U", "", "meta.id;obs", "exposure"),
    Column("filename", "U", "", "meta.id;meta.file", "file; of an exposure its first event list"),
    Column("kind", "U", "", "meta.code.class", "role of the file"),
    Column("sha256", "U", "", "meta.code", "SHA-256 of the file"),
    Column("inputs", "U", "", "meta.id;meta.file", "all files of the exposure that were read"),
    Column("proposid", "i4", "", "meta.id;obs.proposal", "proposal; -1: unknown"),
    Column("expstart", "f8", "d", "time.start;obs.exposure", "start, MJD UTC"),
    Column("expend", "f8", "d", "time.end;obs.exposure", "end, MJD UTC"),
    Column("exptime", "f8", "s", "time.duration;obs.exposure", "exposure time the header states"),
    Column("livetime", "f8", "s", "time.duration;obs.exposure", "live time of all bins"),
    Column("cal_ver", "U", "", "meta.version;meta.software", "calibration software"),
    Column("fppos", "i4", "", "instr.param", "grating offset index; 0: has none"),
    Column("life_adj", "i4", "", "instr.param", "lifetime position; -1: has none"),
    Column("n_events", "i4", "", "meta.number", "events in the input"),
    Column("wmin", "f8", "Angstrom", "em.wl;stat.min", "shortest wavelength that the exposure covers"),
    Column("wmax", "f8", "Angstrom", "em.wl;stat.max", "longest wavelength that the exposure covers"),
)


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
    primary.header["EXTNAME"] = "PRIMARY"
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
    provenance = _provenance_table(curve.provenance)
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
        provenance: tuple[dict[str, str | int | float], ...] = ()
        if "PROVENANCE" in names:
            rows = hdus["PROVENANCE"].data
            written = [column for column in PROVENANCE if column.name.upper() in rows.names]
            provenance = tuple({c.name: _plain(row[c.name.upper()]) for c in written} for row in rows)
    return LightCurve(data, gti, reference, meta, provenance)


_FORMATS = {"f8": "D", "i4": "J"}
_STRUCTURE = frozenset({"EXTNAME", "SIMPLE", "BITPIX", "EXTEND", "CHECKSUM", "DATASUM"})


def _fits_name(name: str) -> str:
    return "TIME" if name == "time" else name


def _provenance_table(rows: Sequence[Mapping[str, Any]]) -> fits.BinTableHDU:
    from astropy.io import fits

    columns = []
    written = [column for column in PROVENANCE if any(column.name in row for row in rows)]
    for column in written or [c for c in PROVENANCE if c.name == "filename"]:
        if column.dtype == "U":
            texts = [str(row.get(column.name, "")) for row in rows]
            width = max([1, *(len(text.encode("ascii", "replace")) for text in texts)])
            columns.append(fits.Column(column.name.upper(), f"{width}A", array=[_ascii(text) for text in texts]))
        else:
            values = np.array([row[column.name] for row in rows], dtype=column.dtype)
            unit = column.unit or None
            columns.append(fits.Column(column.name.upper(), _FORMATS[column.dtype], unit=unit, array=values))
    table = fits.BinTableHDU.from_columns(columns, name="PROVENANCE")
    for number, column in enumerate(written, 1):
        table.header[f"TUCD{number}"] = column.ucd
        table.header[f"TCOMM{number}"] = column.doc
    return table


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


def _plain(value: Any) -> str | int | float:
    return value if isinstance(value, str) else value.item()


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
