"""The conditions of the stand-in's mission search, against what each should find."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.testing.archive.mast_query import Kind, QueryRefusal, condition


@pytest.mark.parametrize(
    ("text", "kind", "yes", "no"),
    [
        ("COS", "string", ["COS", "cos  "], ["COSX", None, ""]),
        ("COS,STIS", "string", ["COS", "STIS"], ["WFPC", None]),
        ("!DARK,!BIAS", "string", ["M31", ""], ["DARK", "bias ", None]),
        ("HD*,!HD1", "string", ["HD2", "hd"], ["HD1", "AHD"]),
        ("*-1*", "string", ["A-1", "-1B"], ["A1"]),
        ("a.c", "string", ["A.C"], ["abc"]),
        ("STAR", "substring", ["STAR;HOT", "A STAR"], ["GALAXY", None]),
        ("5", "integer", [5, 5.0, "5"], [6, None]),
        ("<5", "float", [4.9], [5, 6, None]),
        ("<=5", "float", [5, 4], [5.1]),
        (">5", "float", [5.1], [5]),
        (">= 5", "float", [5], [4]),
        ("1..2", "float", [1, 1.5, 2], [0.9, 2.1, None]),
        ("1..2,7", "integer", [1, 7], [3]),
        ("-5..-1", "dec", [-5, -1], [0]),
        ("!1..2", "integer", [3], [1, 2]),
        (">=2026-01-02", "datetime", ["2026-01-02T00:00:00", "2026-01-03"], ["2026-01-01T23:59:59.999", None]),
        ("2026-01-01..2026-01-03", "datetime", ["2026-01-03T00:00:00"], ["2026-01-03T00:00:01"]),
        ("2026-01-01T00:00:00", "datetime", ["2026-01-01T00:00:00.000000"], ["2026-01-01T00:00:00.5"]),
    ],
)
def test_conditions_hold_for_what_they_should(text: str, kind: Kind, yes: list[Any], no: list[Any]) -> None:
    holds = condition(text, kind)
    assert [holds(value) for value in yes] == [True] * len(yes)
    assert [holds(value) for value in no] == [False] * len(no)


@pytest.mark.parametrize(("text", "kind"), [("", "string"), ("a,,b", "string"), ("x", "float"), ("<x", "datetime")])
def test_conditions_that_say_nothing_are_refused(text: str, kind: Kind) -> None:
    with pytest.raises(QueryRefusal):
        condition(text, kind)


NUMBERS = st.integers(-20, 20)
TERMS = st.one_of(
    st.builds(lambda a: (f"{a}", lambda v: v == a), NUMBERS),
    st.builds(lambda a: (f"<{a}", lambda v: v < a), NUMBERS),
    st.builds(lambda a: (f"<={a}", lambda v: v <= a), NUMBERS),
    st.builds(lambda a: (f">{a}", lambda v: v > a), NUMBERS),
    st.builds(lambda a: (f">={a}", lambda v: v >= a), NUMBERS),
    st.builds(lambda a, b: (f"{a}..{b}", lambda v: a <= v <= b), NUMBERS, NUMBERS),
)


@given(st.lists(st.tuples(st.booleans(), TERMS), min_size=1, max_size=4), st.lists(NUMBERS, max_size=30))
def test_conditions_agree_with_a_plain_filter(terms: list[tuple[bool, tuple[str, Any]]], values: list[int]) -> None:
    text = ",".join(("!" if negated else "") + term for negated, (term, _) in terms)
    no = [test for negated, (_, test) in terms if negated]
    yes = [test for negated, (_, test) in terms if not negated]
    wanted = [v for v in values if not any(test(v) for test in no) and (not yes or any(test(v) for test in yes))]
    holds = condition(text, "integer")
    assert [value for value in values if holds(value)] == wanted
