"""Periods of a pointing that moves along two axes."""

import pytest

from hstlc.stats.artifacts import artifact_note

SPAN_S = 1e6
DITHER = {"dither old y": 1000.0, "dither old z": 707.1, "dither new y": 2000.0, "dither new z": 1414.0}


@pytest.mark.parametrize(
    ("period_s", "note"),
    [
        (1000.0, "dither old y"),
        (1009.0, "dither old y"),
        (1015.0, ""),
        (707.1, "dither old z"),
        (333.3, "dither old y, harmonic 3"),
        (414.21, "dither old z + dither old y"),
        (2414.0, "dither old z - dither old y"),
        (4826.0, "dither new z - dither new y"),
        (1000 / 1.7, ""),
    ],
)
def test_sums_and_differences_of_the_axes_are_known(period_s, note):
    assert artifact_note(period_s, SPAN_S, DITHER) == note


def test_axes_of_different_patterns_are_not_put_together():
    mixed = {"dither old y": 1000.0, "dither new z": 1414.0}
    assert artifact_note(1 / (1 / 1000 - 1 / 1414), SPAN_S, mixed) == ""
    assert artifact_note(1 / (1 / 1000 + 1 / 1414), SPAN_S, mixed) == ""


def test_other_artifacts_are_not_put_together():
    others = {"orbit y": 1000.0, "orbit z": 707.1}
    assert artifact_note(2414.0, SPAN_S, others) == ""
    assert artifact_note(707.1, SPAN_S, others) == "orbit z"
