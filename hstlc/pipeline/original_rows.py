"""Rows of the original's tables, judged and brought into the form of ours: values in, values out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hstlc.db import records
from hstlc.formats.original_tables import Problem, Row
from hstlc.pipeline.placement import curve_name

__all__ = ["Catalog", "Key", "catalog", "unknown_exposure"]

Key = tuple[str, str]
Values = Mapping[str, Any]


@dataclass(slots=True)
class Catalog:
    """What the tables say.

    Attributes
    ----------
    exposures : dict of (mission, rootname) to mapping
        Columns of our ``metadata`` that the original had.
    curves : set of str
        File names of light curves of single exposures.
    composites : dict of str to list of (mission, rootname)
        File name of a composite to its exposures, in order of their rows.
    statistics : dict of str to mapping
        File name of a light curve to the columns of our ``stats`` that the original had.
    bad : dict of str to mapping
        File name to columns of our ``bad_data``.
    problems : list of Problem
        Rows that are left out, and why.
    """

    exposures: dict[Key, Values] = field(default_factory=dict)
    curves: set[str] = field(default_factory=set)
    composites: dict[str, list[Key]] = field(default_factory=dict)
    statistics: dict[str, Values] = field(default_factory=dict)
    bad: dict[str, Values] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def catalog(
    found: Iterable[Row | Problem], missions: Collection[str], default: str, reasons: Collection[str]
) -> Catalog:
    """Judge the rows of the tables; those that cannot be taken over are listed with the reason.

    Two rows of one exposure (of a segment that came later) become one, that of the first file name.

    Parameters
    ----------
    found : iterable of Row or Problem
    missions : collection of str
        Installed missions, one of which ``telescop`` must name.
    default : str
        The mission of a row without ``telescop``.
    reasons : collection of str
        Registered reasons of ``bad_data``.
    """
    result = Catalog()
    tables: dict[str, list[tuple[str, dict[str, Any]]]] = {name: [] for name in _KINDS}
    for row in found:
        if isinstance(row, Problem):
            result.problems.append(row)
            continue
        try:
            tables[row.table].append((row.place, _typed(row)))
        except ValueError as error:
            result.problems.append(Problem(row.place, f"{row.table}: {error}"))

    def each(table: str, take: Callable[[dict[str, Any]], None]) -> None:
        for place, values in tables[table]:
            try:
                take(values)
            except ValueError as error:
                result.problems.append(Problem(place, f"{table}: {error}"))

    numbers: dict[int, Key] = {}

    def take_exposure(values: dict[str, Any]) -> None:
        key = _mission(values["telescop"], missions, default), _rootname(values["filename"])
        named = {name: value for name, value in values.items() if name not in ("id", "path")}
        _storable("metadata", {**named, "mission": key[0], "rootname": key[1]})
        if values["id"] is not None and numbers.setdefault(values["id"], key) != key:
            raise ValueError(f"another row has the id {values['id']}")
        before = result.exposures.get(key)
        if before is None or named["filename"] < before["filename"]:
            result.exposures[key] = named

    def take_output(values: dict[str, Any]) -> None:
        key = numbers.get(values["metadata_id"])
        if key is None:
            raise ValueError(f"expected the id of a row of metadata, found metadata_id {values['metadata_id']}")
        curve, composite = values["individual_filename"], values["composite_filename"]
        if curve and curve != curve_name(key[1]):
            raise ValueError(f"individual_filename is {curve!r}, expected {curve_name(key[1])!r}")
        if curve:
            result.curves.add(curve)
        if composite and key not in result.composites.setdefault(composite, []):
            result.composites[composite].append(key)

    def take_statistics(values: dict[str, Any]) -> None:
        named = {name: value for name, value in values.items() if name not in ("id", "lightcurve_path")}
        name = named.pop("lightcurve_filename")
        if abs(named["total"]) >= 2**63:
            raise ValueError(f"total is {named['total']:.6g}, more than any detector counts")
        if name in result.statistics and result.statistics[name] != named:
            raise ValueError(f"{name} has other statistics already, in a row before this one")
        result.statistics[name] = named

    def take_bad(values: dict[str, Any]) -> None:
        if values["reason"] not in reasons:
            raise ValueError(f"{values['reason']!r} is not a reason for which files are rejected")
        name = values["filename"]
        where = {"mission": default, "rootname": _rootname(name), "kind": "", "path": "", "message": ""}
        row = {**where, "filename": name, "ingest_date": values["ingest_date"], "reason": values["reason"]}
        _storable("bad_data", row)
        result.bad[name] = {**row, "sha256": "", "size_bytes": 0}

    each("metadata", take_exposure)
    each("outputs", take_output)
    each("stats", take_statistics)
    each("bad_data", take_bad)
    return result


def unknown_exposure(today: date) -> dict[str, Any]:
    """Return the columns of ``metadata`` of an exposure that no table describes."""
    blank = {
        name: "" if kind is _text else 0 for name, kind in _KINDS["metadata"].items() if name not in ("id", "path")
    }
    return {**blank, "ingest_date": today}


def _mission(telescope: str, missions: Collection[str], default: str) -> str:
    name = telescope.lower() or default
    if name not in missions:
        raise ValueError(f"telescop is {telescope!r}, expected that of an installed mission: {', '.join(missions)}")
    return name


def _rootname(filename: str) -> str:
    rootname = filename.split("_")[0].split(".")[0].lower()
    if not re.fullmatch(r"[a-z0-9]{1,64}", rootname, re.ASCII):
        raise ValueError(f"filename is {filename[:60]!r}, expected one that begins with the name of an exposure")
    return rootname


def _storable(table: str, row: Values) -> None:
    problem = records.unstorable(table, row)
    if problem:
        raise ValueError(problem)


# --- types of the columns


def _text(value: Any) -> str:
    text = str(value).strip()
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"expected text, found {text[:60]!r}")
    return text


def _whole(value: Any) -> int:
    number = _real(value)
    if number != int(number):
        raise ValueError(f"expected a whole number, found {value!r}")
    return int(value) if isinstance(value, int) or str(value).strip().lstrip("+-").isdecimal() else int(number)


def _real(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a number, found {str(value)[:60]!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, found {value!r}")
    return number


def _flag(value: Any) -> bool:
    flags = {"0": False, "1": True, "false": False, "true": True, "\0": False, "\1": True}
    text = str(value).lower()
    if text not in flags:
        raise ValueError(f"expected 0 or 1, found {text[:60]!r}")
    return flags[text]


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ValueError(f"expected a date like 2015-10-13, found {str(value)[:60]!r}") from None


def _columns(kind: Callable[[Any], Any], names: str) -> dict[str, Callable[[Any], Any]]:
    return dict.fromkeys(names.split(), kind)


_KINDS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "metadata": _columns(_text, "filename path telescop instrume targname cal_ver obstype aperture detector opt_elem")
    | _columns(_whole, "id cenwave fppos")
    | _columns(_day, "ingest_date"),
    "outputs": _columns(_whole, "metadata_id") | _columns(_text, "individual_filename composite_filename"),
    "bad_data": _columns(_text, "filename reason") | _columns(_day, "ingest_date"),
    "stats": _columns(_text, "lightcurve_filename")
    | _columns(_whole, "total")
    | _columns(_real, "mean mu stdev poisson_factor pearson_r pearson_p")
    | _columns(_flag, "periodogram deliver"),
}
_NEEDED = {"filename", "ingest_date", "metadata_id", "reason", "lightcurve_filename", "total"}
_DEFAULTS: Mapping[Callable[[Any], Any], Any] = {_text: "", _flag: False}
_ZERO = ("cenwave", "fppos")  # what the original wrote where there is none


def _typed(row: Row) -> dict[str, Any]:
    """Return the values of a row by column; columns that it has not, or that are NULL, have what stands for nothing."""
    result = {}
    for name, kind in _KINDS[row.table].items():
        value = row.values.get(name)
        if value is None or (value == "" and kind is not _text):
            if name in _NEEDED:
                raise ValueError(f"expected {name}, found nothing")
            result[name] = 0 if name in _ZERO else _DEFAULTS.get(kind)
            continue
        try:
            result[name] = kind(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if name in _NEEDED and result[name] == "":
            raise ValueError(f"expected {name}, found nothing")
    return result
