"""Light curves as CSV and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from astropy.table import Table
from source_curves import source_curves

from hstlc.formats.exports import curve_csv, curve_json

CURVE = source_curves(0.01)["broad"]


def test_astropy_reads_the_csv_with_all_digits() -> None:
    text = curve_csv(CURVE).decode("utf-8")
    table = Table.read(text, format="ascii.csv", comment="#", fill_values=("", "nan"))
    assert table.colnames == list(CURVE.data)
    for name, values in CURVE.data.items():
        found = np.ma.filled(np.ma.masked_array(table[name], dtype=float), np.nan)
        np.testing.assert_array_equal(found, values.astype(float))


def test_the_csv_says_what_each_column_is_with_its_unit() -> None:
    lines = curve_csv(CURVE).decode("utf-8").splitlines()
    assert lines[0] == "# time and times: seconds after MJD 54621.25 (TT)"
    assert "# exposure (s): live time of the bin" in lines


def refused(name: str) -> None:
    raise AssertionError(name)


def test_the_json_is_strict_and_has_everything() -> None:
    hostile = {**CURVE.meta, "SRCNAME": "</script>★", "BAD": float("nan")}
    told = json.loads(curve_json(replace(CURVE, meta=hostile)), parse_constant=refused)
    assert told["keywords"]["SRCNAME"] == "</script>★"
    assert told["keywords"]["BAD"] is None
    assert told["columns"]["exposure"]["unit"] == "s"
    assert len(told["columns"]["rate"]["values"]) == len(CURVE)
    assert told["columns"]["flux"]["values"] == [None] * len(CURVE)
    np.testing.assert_array_equal(told["good_times_s"], np.column_stack((CURVE.gti.start, CURVE.gti.stop)))
    assert told["made_of"][0]["filename"] == "sim00001_evt.fits"
