"""A light curve as CSV and as JSON, for programs that do not read FITS."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np

from hstlc.model import COLUMNS, FURTHER_COLUMNS, LightCurve
from hstlc.units import Column

__all__ = ["curve_csv", "curve_json"]


def curve_csv(curve: LightCurve) -> bytes:
    """Return the bins of a light curve as a table of comma-separated values.

    Lines that begin with ``#`` say what each column is, with its unit, and where the seconds start; then come the names
    and one line a bin. Numbers have all their digits; what is not defined is empty.

    Returns
    -------
    bytes
        UTF-8.
    """
    columns = _columns(curve)
    stream = io.StringIO(newline="")
    stream.write(f"# time and times: seconds after MJD {curve.reference.mjd!r} ({curve.reference.scale})\n")
    for column in columns:
        stream.write(f"# {column.name}{f' ({column.unit})' if column.unit else ''}: {column.doc}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows(zip(*(_texts(curve, column) for column in columns), strict=True))
    return stream.getvalue().encode("utf-8")


def curve_json(curve: LightCurve) -> bytes:
    """Return a light curve as JSON: its keywords, columns with units, good times and files it was made of.

    What is not defined is null.

    Returns
    -------
    bytes
        UTF-8, one object with ``reference``, ``keywords``, ``columns``, ``good_times_s`` and ``made_of``.
    """
    told = {
        "reference": {"mjd": curve.reference.mjd, "scale": curve.reference.scale},
        "keywords": {name: _plain(value) for name, value in curve.meta.items()},
        "columns": {
            column.name: {
                "unit": column.unit,
                "description": column.doc,
                "values": [_plain(value) for value in curve[column.name].tolist()],
            }
            for column in _columns(curve)
        },
        "good_times_s": np.column_stack((curve.gti.start, curve.gti.stop)).tolist(),
        "made_of": [{name: _plain(value) for name, value in row.items()} for row in curve.provenance],
    }
    return json.dumps(told, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _columns(curve: LightCurve) -> list[Column]:
    return [column for column in (*COLUMNS, *FURTHER_COLUMNS) if column.name in curve.data]


def _texts(curve: LightCurve, column: Column) -> list[str]:
    return ["" if value != value else repr(value) for value in curve[column.name].tolist()]


def _plain(value: Any) -> Any:
    """Return a value that JSON has a word for."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
