"""Light-curve FITS: written byte for byte the same from the same curve, read back without loss.

HDU 1 ``LIGHTCURVE`` holds the columns of :data:`hstlc.model.COLUMNS` with TUNIT, TUCD and TCOMM, HDU 2 ``GTI`` the good
times, HDU 3 ``PROVENANCE`` one row a source file; :mod:`hstlc.formats.attachments` says what may follow. The bins'
middle is the FITS column ``TIME`` (OGIP's name; FITS column names do not distinguish case), as ``time`` in lower case
would keep ``TimeSeries.read`` from making its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.formats.attachments import EVENTS, STAMPS, attachment_bytes, read_attachments
from hstlc.formats.fast_read import scan
from hstlc.formats.fast_write import fast_bytes
from hstlc.formats.fits_file import open_fits
from hstlc.formats.fits_tables import Card, Table, TableColumn, astropy_bytes
from hstlc.formats.keywords import KEYWORDS
from hstlc.formats.original import original_curve
from hstlc.formats.time_cards import reference_keywords, time_keywords
from hstlc.formats.unit import Unit
from hstlc.model import COLUMNS, FURTHER_COLUMNS, Intervals, LightCurve
from hstlc.times import TimeReference
from hstlc.units import Column

__all__ = ["file_contents", "read_light_curve", "write_light_curve"]

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
    contents = file_contents(curve)
    return (fast_bytes(*contents) or astropy_bytes(*contents)) + attachment_bytes(curve)


def file_contents(curve: LightCurve) -> tuple[list[Card], list[Table]]:
    """Return what is to be in the file of a light curve: keywords of the primary header, and the tables."""
    time = _cards(time_keywords(curve))
    meta = [(keyword, value, KEYWORDS.get(keyword, "")) for keyword, value in curve.meta.items() if _is_known(value)]
    written = [c for c in (*COLUMNS, *FURTHER_COLUMNS) if c.name in curve.data]
    values = [curve[c.name] for c in written]
    columns = tuple(_COLUMNS[c.name] for c in written)
    table = Table("LIGHTCURVE", columns, values, [card for card in time if _is_known(card[1])] + meta)
    gti = Table("GTI", _GTI_COLUMNS, [curve.gti.start, curve.gti.stop], _cards(reference_keywords(curve)))
    return meta, [table, gti, _provenance_table(curve.provenance)]


def read_light_curve(path: str | Path) -> LightCurve:
    """Read a light curve that :func:`write_light_curve` wrote, or one of the original hstlc.

    Raises
    ------
    UnreadableError
        Not a whole FITS file.
    UnsupportedModeError
        ``data.not-light-curve``: another kind of FITS file.
    """
    curve = _read_fast(Path(path))
    return _read_with_astropy(Path(path)) if curve is None else curve


def _read_with_astropy(path: Path) -> LightCurve:
    with open_fits(path) as hdus:
        names = {hdu.name for hdu in hdus}
        if not {"LIGHTCURVE", "GTI"} <= names:
            return original_curve(path, hdus)
        table, header = hdus["LIGHTCURVE"].data, hdus["LIGHTCURVE"].header
        names_there = {name.upper() for name in table.names}
        data = {
            c.name: np.full(len(table), np.nan)
            if c.name in _LATER and c.name.upper() not in names_there
            else np.array(table[_fits_name(c.name)], dtype=c.dtype)
            for c in (*COLUMNS, *_further(names_there))
        }
        gti = Intervals.of(np.array(hdus["GTI"].data["START"]), np.array(hdus["GTI"].data["STOP"]))
        meta = {k: v for k, v in hdus[0].header.items() if k not in _STRUCTURE and not k.startswith("NAXIS")}
        reference = TimeReference(float(header["MJDREF"]), header["TIMESYS"], header["TREFPOS"])
        provenance: tuple[dict[str, str | int | float], ...] = ()
        if "PROVENANCE" in names:
            rows = hdus["PROVENANCE"].data
            written = [column for column in PROVENANCE if column.name.upper() in rows.names]
            provenance = tuple({c.name: _plain(row[c.name.upper()]) for c in written} for row in rows)
        arrivals, stamps = read_attachments(hdus)
    return LightCurve(data, gti, reference, meta, provenance, arrivals, stamps)


def _further(names: Collection[str]) -> list[Column]:
    return [column for column in FURTHER_COLUMNS if column.name.upper() in names]


def _read_fast(path: Path) -> LightCurve | None:
    """Return what astropy would read; None for a file that is not as :func:`write_light_curve` makes them."""
    try:
        scanned = scan(path) or ()
        units = {unit.name: unit for unit in reversed(scanned)}
        if not {"LIGHTCURVE", "GTI"} <= units.keys() or units.keys() & {EVENTS, *STAMPS}:
            return None
        if not _is_literal(path, scanned[0], units["LIGHTCURVE"]):
            return None
    except OSError:
        return None
    table, gti = units["LIGHTCURVE"], units["GTI"]
    header = table.header
    known = (*COLUMNS, *_further({name.upper() for name in (table.dtype.names or () if table.dtype else ())}))
    names = {c.name: _fits_name(c.name) for c in known}
    plain = all(_is_number(table.dtype, names[c.name], c.dtype) for c in known)
    plain = plain and _is_number(gti.dtype, "START", "f8") and _is_number(gti.dtype, "STOP", "f8")
    mjd, scale, position = (header.get(keyword) for keyword in ("MJDREF", "TIMESYS", "TREFPOS"))
    if not (plain and isinstance(mjd, float) and isinstance(scale, str) and isinstance(position, str)):
        return None
    provenance = _plain_rows(units["PROVENANCE"]) if "PROVENANCE" in units else ()
    if provenance is None:
        return None
    rows, times = table.table(), gti.table()
    data = {c.name: rows[names[c.name]].astype(c.dtype) for c in known}
    meta = {k: v for k, v in scanned[0].header.items() if k not in _STRUCTURE and not k.startswith("NAXIS")}
    intervals = Intervals.of(times["START"], times["STOP"])
    return LightCurve(data, intervals, TimeReference(mjd, scale, position), meta, provenance)


def _is_literal(path: Path, primary: Unit, table: Unit) -> bool:
    """Tell whether nothing is in the headers that a :class:`Unit` leaves out: commentary, blanks that begin a text."""
    with path.open("rb") as file:
        content = file.read(table.offset)
    cards = len(content[: primary.offset].rstrip(b" ")) // 80  # END, the last one, is shorter
    return cards == len(primary.header) and None not in primary.header.values() and not _INDENTED.search(content)


def _is_number(row: np.dtype[Any] | None, name: str, dtype: str) -> bool:
    return row is not None and name in (row.names or ()) and row[name] == np.dtype(dtype).newbyteorder(">")


def _plain_rows(unit: Unit) -> tuple[dict[str, str | int | float], ...] | None:
    """Return the rows of PROVENANCE; None where a value is neither one number nor one text in printable ASCII."""
    names = [column.name for column in PROVENANCE if column.name.upper() in unit.columns]
    if not names:
        return None
    rows = unit.table()
    columns: dict[str, list[Any]] = {}
    for name in names:
        values = rows[name.upper()]
        if values.ndim != 1:
            return None
        columns[name] = values.tolist()
        if values.dtype.kind == "S":
            texts = [value.decode("latin-1").rstrip(" ") for value in columns[name]]
            if not all(text.isascii() and text.isprintable() for text in texts):
                return None
            columns[name] = texts
    return tuple(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))


#: Columns that files of earlier versions have not: they are read as NaN.
_LATER = frozenset({"bjd_tdb"})
_INDENTED = re.compile(rb"= *' +([^ ']|'')")
_STRUCTURE = frozenset({"EXTNAME", "SIMPLE", "BITPIX", "EXTEND", "CHECKSUM", "DATASUM"})


def _fits_name(name: str) -> str:
    return "TIME" if name == "time" else name


_FORMATS = {"f8": "D", "i4": "J"}
_COLUMNS = {
    c.name: TableColumn(_fits_name(c.name), _FORMATS[c.dtype], c.unit or DIMENSIONLESS, c.ucd, c.doc)
    for c in (*COLUMNS, *FURTHER_COLUMNS)
}
_FILENAME = next(c for c in PROVENANCE if c.name == "filename")
_GTI_COLUMNS = (TableColumn("START", "D", "s"), TableColumn("STOP", "D", "s"))


def _provenance_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    written = [column for column in PROVENANCE if any(column.name in row for row in rows)]
    columns: list[TableColumn] = []
    values: list[Any] = []
    for column in written or [_FILENAME]:
        if column.dtype == "U":
            texts = [_ascii(str(row.get(column.name, ""))) for row in rows]
            values.append(texts)
            form, unit = f"{max([1, *map(len, texts)])}A", None
        else:
            values.append(np.array([row[column.name] for row in rows], dtype=column.dtype))
            form, unit = _FORMATS[column.dtype], column.unit or None
        described = (column.ucd, column.doc) if written else ()
        columns.append(TableColumn(column.name.upper(), form, unit, *described))
    return Table("PROVENANCE", tuple(columns), values)


def _is_known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


def _plain(value: Any) -> str | int | float:
    return value if isinstance(value, str) else value.item()


def _cards(keywords: Mapping[str, Any]) -> list[Card]:
    return [(keyword, value, KEYWORDS[keyword]) for keyword, value in keywords.items()]
