"""The frozen values."""

import dataclasses

import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable.ucd import check_ucd

from hstlc.model import COLUMNS, EventList, Finding, Intervals, LightCurve, Quality, Severity
from hstlc.times import TimeReference


@pytest.fixture
def events():
    columns = {"x": np.array([1.0, 2.0, 3.0]), "dq": np.array([0, 4, 8])}
    return EventList(np.array([0.1, 0.2, 0.3]), columns, Intervals.of([0], [1]), TimeReference(58000.0), 0.032)


@pytest.fixture
def curve():
    data = {c.name: np.arange(3, dtype=c.dtype) for c in COLUMNS}
    return LightCurve(data, Intervals.of([0], [6]), TimeReference(58000.0), {"TARGNAME": "A STAR"})


def test_a_selection_takes_the_same_rows_of_every_column(events):
    chosen = events.select(events["dq"] > 0)
    assert len(events) == 3
    assert chosen.time_s.tolist() == [0.2, 0.3]
    assert chosen["x"].tolist() == [2.0, 3.0]
    assert (chosen.gti, chosen.tick_s) == (events.gti, events.tick_s)


def test_values_are_frozen(events, curve):
    finding = Finding("expflag", Severity.FLAG, "Bad EXPFLAG", "found 'X'")
    for value, name in ((events, "time_s"), (curve, "data"), (finding, "reason"), (events.gti, "start")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)


def test_a_curve_knows_its_good_bins(curve):
    assert curve.good.tolist() == [True, False, False]
    assert curve["quality"][2] == Quality.LOW_FRACTION
    assert len(curve) == 3


def test_a_curve_becomes_a_table_with_units(curve):
    table = curve.to_table()
    assert table.colnames == [c.name for c in COLUMNS]
    assert table["rate"].unit == u.ct / u.s
    assert table["flux"].unit == u.erg / u.s / u.cm**2 / u.AA
    assert table["quality"].dtype.kind == "i"
    assert table["gross"].info.description
    assert table.meta["TARGNAME"] == "A STAR"


def test_every_column_says_what_it_is():
    for column in COLUMNS:
        assert column.doc
        u.Unit(column.unit, format="fits")
        assert column.dtype in ("f8", "i4")
    assert len({c.name for c in COLUMNS}) == len(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_descriptors_are_of_the_controlled_vocabulary(column):
    assert check_ucd(column.ucd, check_controlled_vocabulary=True)


def test_severities_are_the_words_in_the_database():
    assert [str(severity) for severity in Severity] == ["reject", "flag"]
