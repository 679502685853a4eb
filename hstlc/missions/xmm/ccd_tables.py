"""What an event list says of each of its CCDs: good times and frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.formats.fits_file import Value
from hstlc.formats.gz_columns import TableColumns
from hstlc.missions.xmm.identify import real
from hstlc.model import Intervals

__all__ = ["frames_of", "good_times", "is_good_time_table"]

FloatArray = NDArray[np.float64]

#: Frames that show how long one is.
_SHOWN = 10_000

_GTI = re.compile(r"(STDGTI|GTI)(\d*)")


def is_good_time_table(name: str) -> bool:
    """Tell whether a table has such a name: ``STDGTI01`` of the pipeline, ``GTI00104`` where a list was filtered."""
    return _GTI.fullmatch(name) is not None


def _number(unit: TableColumns) -> int | None:
    """Return the CCD that a table belongs to: its keyword, or the end of its name."""
    value = unit.header.get("CCDID")
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    digits = re.search(r"\d+$", unit.name)
    return int(digits[0]) if digits else None


def good_times(
    units: Sequence[TableColumns], header: Mapping[str, Value], start: float, numbers: Sequence[int]
) -> dict[int, Intervals]:
    """Return the good times of each CCD.

    A list that was filtered names the table of each CCD in its data subspace; else they are those of the standard name.
    """
    tables = {unit.name: unit for unit in units if {"START", "STOP"} <= unit.columns.keys()}
    found: dict[int, Intervals] = {}
    for ccd, name in _subspace(header).items():
        if name in tables:
            for one in numbers if ccd is None else [ccd]:
                own = _intervals(tables[name], start)
                found[one] = found[one].intersect(own) if one in found and ccd is None else own
    for name, unit in tables.items():
        number = _number(unit)
        if name.startswith("STDGTI") and number is not None:
            found.setdefault(number, _intervals(unit, start))
    if not found and len(tables) == 1:  # one table for all
        found = dict.fromkeys(numbers, _intervals(next(iter(tables.values())), start))
    return found


def _subspace(header: Mapping[str, Value]) -> dict[int | None, str]:
    """Return the table of good times that the data subspace names for each CCD; None stands for all of them.

    A component ``k`` of the subspace has the values ``kDSVALi`` and the references ``kDSREFi`` of the filters that
    ``DSTYPi`` names; those of the first have no ``k``.
    """
    kinds = {key[5:]: str(value).strip().upper() for key, value in header.items() if key.startswith("DSTYP")}
    ccd = next((number for number, kind in kinds.items() if kind == "CCDNR"), None)
    time = next((number for number, kind in kinds.items() if kind == "TIME"), None)
    found: dict[int | None, str] = {}
    for key, value in header.items():
        match = re.fullmatch(r"(\d*)DSREF(\d+)", key)
        if match is None or match[2] != time:
            continue
        chip = str(header.get(f"{match[1]}DSVAL{ccd}") or "").strip() if ccd is not None else ""
        table = str(value).strip().lstrip(":").upper()
        if ccd is None or re.fullmatch(r"\d+", chip):
            found[int(chip) if chip else None] = table
    return found


def _intervals(unit: TableColumns, start: float) -> Intervals:
    begin, end = (np.asarray(unit.columns[name], dtype=np.float64) - start for name in ("START", "STOP"))
    finite = np.isfinite(begin) & np.isfinite(end)
    return Intervals.of(begin[finite], end[finite])


def frames_of(
    units: Iterable[TableColumns], header: Mapping[str, Value], start: float
) -> tuple[dict[int, LiveClock], dict[int, float], dict[int, float]]:
    """Return what the tables EXPOSUnn tell of the frames of each CCD."""
    clocks: dict[int, LiveClock] = {}
    frame_s: dict[int, float] = {}
    integration_s: dict[int, float] = {}
    for unit in units:
        number = _number(unit)
        if not unit.name.startswith("EXPOSU") or number is None or not {"TIME", "FRACEXP"} <= unit.columns.keys():
            continue
        middle = np.asarray(unit.columns["TIME"], dtype=np.float64) - start
        part = np.fmin(np.fmax(unit.columns["FRACEXP"], 0.0), 1.0)  # of NaN: 0
        if not (middle[1:] > middle[:-1]).all():
            middle, first = np.unique(middle, return_index=True)
            part = part[first]
        length = _frame_length(middle) if len(middle) > 1 else _frame_keyword(unit.header, header)
        if not length > 0:
            continue
        clocks[number] = LiveClock.of_frames(middle, part, length).simplified(length / 2)
        frame_s[number] = length
        whole = float(np.median(unit.columns["TIMEDEL"])) if "TIMEDEL" in unit.columns and len(middle) else None
        whole = real(unit.header, "TIMEDEL") if whole is None else whole
        integration_s[number] = min(length, whole) if whole else length
    return clocks, frame_s, integration_s


def _frame_length(middle: FloatArray) -> float:
    """Return the mean length of frames, seconds: times are stored to 0.1 us, too coarse for one short frame."""
    step = max(len(middle) // _SHOWN, 1)
    typical = float(np.median(middle[1::step] - middle[:-1:step]))
    span = float(middle[-1] - middle[0])
    return span / max(round(span / typical), 1)


def _frame_keyword(*headers: Mapping[str, Value]) -> float:
    """Return the keyword FRMTIME, milliseconds, in seconds; 0 where there is none."""
    return next((value / 1000.0 for header in headers if (value := real(header, "FRMTIME"))), 0.0)
