from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.lightcurves.composite import stack
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.times import SECONDS_PER_DAY, TimeReference

META = {
    "TELESCOP": "HST", "TARGNAME": "GJ-436", "ROOTNAME": "lsim01aaq", "EXPSTART": 58000.0, "EXPEND": 58000.1,
    "EXPTIME": 10.0, "LIVETIME": 9.5, "NEVENTS": 7, "NSOURCE": 3, "WMIN": 1130.0, "WMAX": 1400.0, "DATE": "2017-09-04",
    "CAL_VER": "3.2", "AIRGWIN": None,
}  # fmt: skip
SUMMED = ("counts", "gross", "background", "exposure", "variance")


def curve(counts, start_mjd=58000.0, *, gti=None, meta=None, bin_s=2.0):
    counts = np.asarray(counts, dtype=np.float64)
    n = len(counts)
    times = bin_s * np.arange(n)
    values = {column.name: np.full(n, 0.5, dtype=column.dtype) for column in COLUMNS}
    values |= {"dataset": np.ones(n, "i4"), "quality": np.zeros(n, "i4"), "bins": np.full(n, bin_s)}
    values |= {"times": times, "time": times + bin_s / 2, "mjd": start_mjd + (times + bin_s / 2) / SECONDS_PER_DAY}
    values |= {"counts": counts, "gross": counts + 1, "exposure": np.full(n, bin_s)}
    good = Intervals.of(*(gti or ([0.0], [bin_s * n])))
    return LightCurve(values, good, TimeReference(start_mjd), dict(META if meta is None else meta))


# --- rows


def test_seconds_are_counted_from_the_start_of_the_first():
    both = stack([curve([1, 2, 3]), curve([4, 5], 58001.5)])
    assert both.reference == TimeReference(58000.0)
    later = 1.5 * 86400
    assert both["times"].tolist() == [0, 2, 4, later, later + 2]
    assert both["time"].tolist() == [1, 3, 5, later + 1, later + 3]
    np.testing.assert_allclose(both["mjd"], 58000 + both["time"] / 86400, rtol=0, atol=1e-10)
    assert both["counts"].tolist() == [1, 2, 3, 4, 5]


def test_datasets_are_numbered_from_one_in_the_given_order():
    three = stack([curve([1, 1]), curve([2], 58001.0), curve([3, 3, 3], 58002.0)])
    assert three["dataset"].tolist() == [1, 1, 2, 3, 3, 3]
    assert three["dataset"].dtype == np.int32
    again = stack([three, curve([4], 58003.0)])
    assert again["dataset"].tolist() == [1] * 6 + [2]


def test_one_curve_stays_as_it_is():
    one = curve([0, 5, 0], gti=([0.0, 4.0], [2.0, 5.0]))
    alone = stack([one])
    for column in COLUMNS:
        np.testing.assert_array_equal(alone[column.name], one[column.name])
    assert (alone.gti, alone.reference, alone.provenance) == (one.gti, one.reference, ())
    assert alone.meta == one.meta


def test_empty_bins_are_kept():
    silent = stack([curve(np.zeros(500)), curve(np.zeros(500), 58001.0)])
    assert len(silent) == 1000
    assert silent["counts"].sum() == 0


def test_good_times_are_joined_where_they_touch_or_overlap():
    first = curve([1, 1], gti=([0.0, 3.0], [2.0, 4.0]))
    second = curve([1, 1], 58000.0 + 3.5 / 86400, gti=([0.0], [4.0]))
    both = stack([first, second])
    np.testing.assert_allclose([both.gti.start, both.gti.stop], [[0, 3], [2, 7.5]], atol=1e-5)


def test_the_members_are_not_changed():
    members = [curve([1, 2]), curve([3], 58001.0)]
    before = [{name: member[name].copy() for name in ("times", "time", "dataset")} for member in members]
    stack(members)
    for member, columns in zip(members, before, strict=True):
        for name, values in columns.items():
            np.testing.assert_array_equal(member[name], values)


# --- keywords


def test_keywords_that_agree_stay_and_those_that_differ_go():
    other = {**META, "ROOTNAME": "lsim02aaq", "CAL_VER": "3.4"}
    meta = stack([curve([1]), curve([1], 58001.0, meta=other)]).meta
    assert (meta["TELESCOP"], meta["TARGNAME"]) == ("HST", "GJ-436")
    assert not {"ROOTNAME", "CAL_VER"} & meta.keys()


def test_what_adds_is_summed_and_spans_are_widened():
    other = META | {"EXPSTART": 58001.0, "EXPEND": 58001.2, "EXPTIME": 4.0, "LIVETIME": 3.0, "NEVENTS": 9, "NSOURCE": 1}
    other |= {"WMIN": 1120.0, "WMAX": 1390.0, "DATE": "2016-01-02"}
    meta = stack([curve([1]), curve([1], 58001.0, meta=other)]).meta
    assert (meta["EXPTIME"], meta["LIVETIME"], meta["NEVENTS"], meta["NSOURCE"]) == (14.0, 12.5, 16, 4)
    assert (meta["EXPSTART"], meta["EXPEND"], meta["WMIN"], meta["WMAX"]) == (58000.0, 58001.2, 1120.0, 1400.0)
    assert meta["DATE"] == "2017-09-04"


def test_a_keyword_that_a_member_lacks_does_not_stop_the_others():
    bare = {key: value for key, value in META.items() if key not in ("DATE", "EXPTIME", "CAL_VER")}
    meta = stack([curve([1]), curve([1], 58001.0, meta=bare)]).meta
    assert (meta["DATE"], meta["EXPTIME"]) == ("2017-09-04", 10.0)
    assert "CAL_VER" not in meta
    assert stack([curve([1]), curve([1], meta=META | {"DATE": None})]).meta["DATE"] == "2017-09-04"


def test_a_sum_does_not_depend_on_which_member_knows_it():
    bare = {key: value for key, value in META.items() if key != "EXPTIME"}
    assert stack([curve([1], meta=bare), curve([1], 58001.0)]).meta["EXPTIME"] == 10.0


# --- refused


def test_nothing_is_no_composite():
    with pytest.raises(ValueError, match="at least one"):
        stack([])


@pytest.mark.parametrize("reference", [TimeReference(58001.0, "TDB"), TimeReference(58001.0, "UTC", "BARYCENTER")])
def test_curves_of_other_time_scales_are_refused(reference):
    one = curve([1])
    with pytest.raises(ValueError, match="time scales or positions"):
        stack([one, replace(one, reference=reference)])


# --- properties

members = st.lists(
    st.tuples(st.lists(st.integers(-5, 10**6), max_size=6), st.floats(50000, 60000)), min_size=1, max_size=5
)


@given(members)
def test_nothing_is_lost_and_sums_are_those_of_the_members(several):
    curves = [curve(counts, mjd) for counts, mjd in several]
    made = stack(curves)
    assert len(made) == sum(map(len, curves))
    for name in SUMMED:
        assert made[name].sum() == pytest.approx(sum(one[name].sum() for one in curves), rel=1e-12)
    for number, one in enumerate(curves, 1):
        rows = made["dataset"] == number
        assert rows.sum() == len(one)
        untouched = [c.name for c in COLUMNS if c.name not in ("dataset", "times", "time")]
        for name in untouched:
            np.testing.assert_array_equal(made[name][rows], one[name])
        shift_s = (one.reference.mjd - curves[0].reference.mjd) * SECONDS_PER_DAY
        np.testing.assert_allclose(made["times"][rows] - one["times"], shift_s, atol=1e-6)
    assert made.gti.total <= sum(one.gti.total for one in curves) + 1e-6
