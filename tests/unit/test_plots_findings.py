"""The page of the checks."""

import pytest
from plain_row import HOSTILE
from test_plots_tables import Tags, data_of, values_of

from hstlc.plots.findings import FINDING_COLUMNS, CheckRow, findings_page

ROWS = [
    CheckRow("hst", "expflag", "reject", "Bad EXPFLAG", "EXPFLAG is one of `accepted_expflags`.", 3, 3, 7),
    CheckRow("hst", "no_events", "reject", "No events", "The event list has rows.", 2, 1, 6),
    CheckRow("hst", "guiding", "flag", "No fine lock", "FGSLOCK is FINE.", 4, 2, 4),
]


def page_of(rows=ROWS, exposures=10):
    return findings_page(rows, exposures, static="static").decode()


def values(page, name):
    data = data_of(page)
    return values_of({"values": {**data["values"], "filename": [""] * data["rows"]}}, name)


def test_rows_keep_the_order_of_the_checks():
    page = page_of()
    assert values(page, "check") == ["expflag", "no_events", "guiding"]
    assert values(page, "found") == [3, 2, 4]
    assert values(page, "first") == [3, 1, 2]
    assert values(page, "remaining") == [7, 6, 4]
    assert values(page, "explanation")[0] == "EXPFLAG is one of accepted_expflags."


def test_the_sentence_above_tells_rejected_and_spotless():
    assert "10 exposures: 4 rejected, 4 without a finding." in page_of()
    assert "in 1 exposure: 0 rejected, 1 without" in page_of([], 1)
    assert "There are no checks here." in page_of([], 0)


def test_every_column_sorts_and_is_explained():
    page = page_of()
    assert page.count('aria-sort="none"') == len(FINDING_COLUMNS)
    assert all(column.about.endswith(".") for column in FINDING_COLUMNS)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["mission", "check", "severity", "reason", "explanation"])
def test_texts_stay_texts(name, field):
    usual = {"mission": "m", "check": "c", "severity": "flag", "reason": "r", "explanation": "e"}
    page = page_of([CheckRow(**{**usual, field: name}, found=1, first=1, remaining=0)], 1)
    assert Tags(page).tags == Tags(page_of(ROWS[:1], 1)).tags
    assert values(page, field) == [name.replace("`", "") if field == "explanation" else name]
