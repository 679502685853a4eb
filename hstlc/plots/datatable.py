"""A table of many rows as compact data in the page, which ``table.js`` sorts, filters and shows 50 rows at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hstlc.plots.assets import embedded_json

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["STEM", "Column", "DataTable", "data_table", "pack", "rounded", "shortened_urls"]

#: Stands in a shortened URL for the file name of its row; no percent-encoded URL has it.
STEM = "\n"

_SUFFIX = re.compile(r"\.[^.]*\Z")


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is shown.

    Attributes
    ----------
    key : str
        Name of its values.
    label, unit : str
        What its header says; no unit for texts and pure numbers.
    about : str
        What it means, in one sentence.
    kind : {"text", "name", "number", "picture", "links"}
        ``name`` is long text that may break anywhere, ``picture`` the URL of a thumbnail, ``links`` a list of pairs of
        label and URL.
    link : str
        Name of the values that are URLs its cells lead to; '' for none.
    digits, decimals : int or None
        Significant digits, or digits after the point, that numbers are shown with.
    """

    key: str
    label: str
    about: str
    unit: str = ""
    kind: Literal["text", "name", "number", "picture", "links"] = "text"
    link: str = ""
    digits: int | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class DataTable:
    """What a template needs for one table.

    Attributes
    ----------
    caption, noun : str
        What the table is, and what its rows are called in the plural.
    columns : tuple of Column
        In the order they are shown; the first one names the row.
    rows : int
        How many there are.
    kinds : tuple of (str, int)
        What the rows can be restricted to, and how many rows of each there are; empty for no choice.
    searched : str
        What the text filter looks at, in words.
    data : Markup
        JSON that ``table.js`` reads.
    """

    caption: str
    noun: str
    columns: tuple[Column, ...]
    rows: int
    kinds: tuple[tuple[str, int], ...]
    searched: str
    data: Markup


def data_table(
    columns: Sequence[Column],
    values: Mapping[str, Sequence[Any]],
    *,
    caption: str,
    noun: str,
    search: Sequence[str],
    searched: str,
    stem: str = "",
    kind: str = "",
    kinds: Sequence[str] = (),
) -> DataTable:
    """Return a table of ``values``, which may have more names than there are columns.

    Parameters
    ----------
    columns : sequence of Column
        What is shown.
    values : mapping of str to sequence
        All of one length. None and '' are what is missing; URLs may be shortened (:func:`shortened_urls`).
    caption, noun, searched : str
        See :class:`DataTable`.
    search : sequence of str
        Names of the values that the text filter looks at.
    stem : str
        Name of the file names that shortened URLs use.
    kind : str
        Name of the values that rows can be restricted by; '' for none.
    kinds : sequence of str
        The choices in their order. The page opens with the first one that has rows.
    """
    count = len(values[columns[0].key])
    choices = tuple((choice, sum(value == choice for value in values[kind])) for choice in kinds) if kind else ()
    data = {
        "rows": count,
        "columns": [_described(column) for column in columns],
        "search": list(search),
        "stem": stem,
        "kind": kind,
        "values": {name: pack(column) for name, column in values.items()},
    }
    return DataTable(caption, noun, tuple(columns), count, choices, searched, embedded_json(data))


def pack(values: Sequence[Any]) -> list[Any] | dict[str, list[Any]]:
    """Return texts that repeat as a list of different ones and a number for each; everything else as it is.

    Examples
    --------
    >>> pack(["A", "A", "B", "A"])
    {'words': ['A', 'B'], 'index': [0, 0, 1, 0]}
    >>> pack([1.5, None])
    [1.5, None]
    """
    if not all(isinstance(value, str) for value in values):
        return list(values)
    words = list(dict.fromkeys(values))
    if 2 * len(words) > len(values):
        return list(values)
    number = {word: index for index, word in enumerate(words)}
    return {"words": words, "index": [number[value] for value in values]}


def shortened_urls(urls: Sequence[str], filenames: Sequence[str]) -> list[str]:
    r"""Return the URLs with :data:`STEM` for the file name without its suffix, so that few different ones stay.

    Examples
    --------
    >>> shortened_urls(["../GJ-436/a_curve.html", "../GJ-436/b_curve.html"], ["a_curve.fits", "b_curve.fits"])
    ['../GJ-436/\n.html', '../GJ-436/\n.html']
    """
    short = []
    for url, filename in zip(urls, filenames, strict=True):
        stem = _SUFFIX.sub("", filename)
        before, found, after = url.rpartition(stem) if stem else ("", "", url)
        short.append(f"{before}{STEM}{after}" if found else url)
    return short


def rounded(value: float | None, digits: int = 7) -> float | None:
    """Return ``value`` with so many significant digits; None for what is no finite number.

    Examples
    --------
    >>> rounded(1234.56789012), rounded(float("nan"))
    (1234.568, None)
    """
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def _described(column: Column) -> dict[str, Any]:
    described = {
        "key": column.key,
        "kind": column.kind,
        "link": column.link or None,
        "digits": column.digits,
        "decimals": column.decimals,
    }
    return {name: value for name, value in described.items() if value is not None}
