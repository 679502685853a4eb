"""The conditions of MAST's mission search, evaluated.

A condition is a text: terms with commas between them. ``!x`` excludes, and everything that is excluded must differ;
of the other terms one must hold: ``x``, ``<x``, ``<=x``, ``>x``, ``>=x``, ``a..b`` with both ends, and ``*`` in texts
for anything. A null fulfils nothing.

Examples
--------
>>> holds = condition("COS,STIS", "string")
>>> holds("COS   "), holds("WFPC  "), holds(None)
(True, False, False)
>>> condition("!DARK,!BIAS", "string")("M31"), condition(">=2026-01-02", "datetime")("2026-01-02T00:00:00.5")
(True, True)
>>> condition("1..2", "integer")(2), condition("HD*", "string")("hd 1")
(True, True)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["Kind", "QueryRefusal", "condition", "value_of"]

#: How values of a column are compared: the ``qual_type`` of the catalogue of columns.
Kind = Literal["string", "substring", "integer", "float", "datetime", "boolean", "ra", "dec"]

_COMPARISON = re.compile(r"(<=|>=|<|>)(.*)", re.DOTALL)

Test = Callable[[Any], bool]


class QueryRefusal(ValueError):  # noqa: N818 - what the archive answers with status 400
    """A question that the archive does not take."""


def value_of(text: Any, kind: Kind) -> Any:
    """Return a value in a form that compares; None for null.

    Raises
    ------
    QueryRefusal
    """
    if text is None:
        return None
    try:
        if kind == "datetime":
            moment = datetime.fromisoformat(str(text).strip())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        if kind in ("integer", "float", "ra", "dec"):
            return float(text)
        return str(text).strip().upper()
    except ValueError:
        raise QueryRefusal(f"{text!r} is not a value of type {kind}") from None


def condition(text: str, kind: Kind) -> Test:
    """Return what tells whether a value fulfils a condition.

    Raises
    ------
    QueryRefusal
        A value that is none of the column.
    """
    terms = [term.strip() for term in text.split(",")]
    if not all(terms):
        raise QueryRefusal(f"{text!r}: an empty condition")
    excluded = [_term(term[1:].strip(), kind) for term in terms if term.startswith("!")]
    wanted = [_term(term, kind) for term in terms if not term.startswith("!")]

    def holds(raw: Any) -> bool:
        value = value_of(raw, kind)
        if value is None or any(test(value) for test in excluded):
            return False
        return not wanted or any(test(value) for test in wanted)

    return holds


def _term(term: str, kind: Kind) -> Test:
    if match := _COMPARISON.fullmatch(term):
        return _compared(match[1], value_of(match[2], kind))
    if ".." in term:
        low, high = (value_of(part, kind) for part in term.split("..", 1))
        return lambda value: bool(low <= value <= high)
    if "*" in term and kind in ("string", "substring"):
        pattern = re.compile(".*".join(re.escape(part) for part in term.strip().upper().split("*")), re.DOTALL)
        return lambda value: bool(pattern.fullmatch(value))
    wanted = value_of(term, kind)
    if kind == "substring":
        return lambda value: wanted in value
    return lambda value: bool(value == wanted)


def _compared(operator: str, limit: Any) -> Test:
    tests: dict[str, Test] = {
        "<": lambda value: bool(value < limit),
        "<=": lambda value: bool(value <= limit),
        ">": lambda value: bool(value > limit),
        ">=": lambda value: bool(value >= limit),
    }
    return tests[operator]
