import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hstlc.missions.base import Comparable, ExposureValues
from hstlc.missions.hst.cos_read import Spectrum
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.wavelengths import FEWEST_EVENTS, NO_COMMON, NO_LIMITS, Seen, comparable, limits

SETTINGS = HstSettings()
A, B = (1291.2, 1428.5), (1137.8, 1275.3)


def member(ranges, *, detector="FUV", obstype="SPECTROSCOPIC"):
    """An exposure that sees these wavelengths by segment; None where nothing is recorded."""
    extra = {} if ranges is None else {"wavelength_aa": {k: None if v is None else list(v) for k, v in ranges.items()}}
    empty = dict.fromkeys(("ra_deg", "dec_deg", "expstart_mjd", "expend_mjd", "exptime_s", "proposid"))
    texts = {"telescop": "HST", "instrume": "COS", "targname": "S", "cal_ver": "3", "aperture": "PSA"}
    return ExposureValues(
        **texts, **empty, obstype=obstype, detector=detector, opt_elem="G130M", cenwave=1291, fppos=3, extra=extra
    )


def compare(*ranges, settings=SETTINGS, **changes):
    return comparable([member(one, **changes) for one in ranges], settings)


def moved(pair, shift_aa):
    return (pair[0] + shift_aa, pair[1] + shift_aa)


# --- limits


def seen(wavelength_aa):
    """The wavelengths of events, in blocks of 40 and with one more that was not chosen."""
    found = Seen()
    for start in range(0, len(wavelength_aa), 40):
        block = np.append(wavelength_aa[start : start + 40], 9999.0)
        found.add(block, np.arange(len(block)) < len(block) - 1)
    return found


def spectrum(first, last, *, dark=0):
    """An x1d row from the first to the last wavelength, without net counts in some pixels at either end."""
    wavelength = np.linspace(first, last, 101)
    net = np.ones(101)
    net[:dark] = net[101 - dark :] = 0
    return Spectrum(wavelength, net, net)


def test_limits_are_those_of_the_events():
    events = np.concatenate((np.linspace(1300, 1400, FEWEST_EVENTS), np.zeros(50)))
    assert limits(seen(events), None) == (1300.0, 1400.0)
    assert limits(seen(events), spectrum(1000, 2000)) == (1300.0, 1400.0)


def test_few_events_do_not_tell_and_the_calibrated_pixels_do():
    events = np.linspace(1300, 1400, FEWEST_EVENTS - 1)
    assert limits(seen(events), spectrum(1290, 1430)) == (1290.0, 1430.0)
    assert limits(seen(events), spectrum(1200, 1300, dark=10)) == (1210.0, 1290.0)
    assert limits(seen(events), None) is None


def test_events_outside_the_active_area_do_not_count_as_events():
    outside = np.concatenate((np.linspace(1300, 1400, FEWEST_EVENTS - 1), np.zeros(10**4)))
    assert limits(seen(outside), None) is None


@pytest.mark.parametrize("row", [None, spectrum(1290, 1430, dark=51)])
def test_nothing_tells(row):
    assert limits(seen(np.array([])), row) is None


# --- what exposures have in common


def test_a_single_exposure_is_compared_with_itself():
    assert compare({"A": A, "B": B}) == Comparable({"A": A, "B": B}, {})


def test_the_common_range_of_a_moved_grating_is_the_intersection():
    steps = (-7.0, -3.5, 0.0, 3.5)
    found = compare(*({"A": moved(A, step), "B": moved(B, step)} for step in steps))
    assert found.selection == {"A": (A[0] + 3.5, A[1] - 7.0), "B": (B[0] + 3.5, B[1] - 7.0)}
    assert found.excluded == {}


def test_a_segment_that_one_lacks_is_left_out_for_all():
    found = compare({"A": A, "B": B}, {"A": moved(A, 1.0)}, {"A": A, "B": B})
    assert found == Comparable({"A": (A[0] + 1.0, A[1])}, {})


def test_without_a_common_segment_the_most_common_one_decides():
    found = compare({"A": A}, {"B": B}, {"B": B})
    assert found == Comparable({"B": B}, {0: NO_COMMON})


def test_of_two_segments_as_common_the_first_letter_decides():
    assert compare({"B": B}, {"A": A}) == Comparable({"A": A}, {0: NO_COMMON})


def test_three_segments_each_lacking_one_still_make_a_composite():
    c = (1868.0, 1904.0)
    found = compare({"A": A, "B": B}, {"B": B, "C": c}, {"A": A, "C": c})
    assert found.selection
    assert len(found.excluded) == 1
    assert set(found.excluded.values()) == {NO_COMMON}


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("lie", [(1500.0, 1600.0), (1291.2, 1300.0), (1420.0, 1800.0)])
def test_one_lying_member_does_not_narrow_the_others(place, lie):
    ranges = [{"A": A, "B": B} for _ in range(4)]
    ranges[place] = {"A": lie, "B": B}
    found = compare(*ranges)
    assert list(found.excluded) == [place]
    assert found.excluded[place] in (NO_COMMON, NO_LIMITS)
    assert found.selection == {"A": A, "B": B}


def test_a_segment_that_one_sees_outside_the_wanted_range_is_left_out_for_all():
    assert compare({"A": A, "B": B}, {"A": A, "B": B}, {"A": (100.0, 200.0), "B": B}) == Comparable({"B": B}, {})


def test_of_two_that_share_nothing_the_later_is_left_out():
    assert compare({"A": (1100.0, 1200.0)}, {"A": (1300.0, 1400.0)}) == Comparable(
        {"A": (1100.0, 1200.0)}, {1: NO_COMMON}
    )


# --- limits that nobody knows


@pytest.mark.parametrize("unknown", [None, {}])
def test_an_exposure_of_unknown_segments_is_left_out(unknown):
    assert compare({"A": A}, unknown) == Comparable({"A": A}, {1: NO_LIMITS})
    assert compare(unknown, unknown) == Comparable({}, {0: NO_LIMITS, 1: NO_LIMITS})


def test_a_segment_of_unknown_limits_takes_part_in_the_range_of_the_others():
    assert compare({"A": A}, {"A": A}, {"A": None}) == Comparable({"A": A}, {})
    assert compare({"A": None}) == Comparable({"A": SETTINGS.fuv_wavelength_aa}, {})


@pytest.mark.parametrize("unknown", [1, 2, 3])
def test_unknown_limits_never_exclude_a_member_whose_limits_are_known(unknown):
    found = compare({"A": A}, *[{"A": None}] * unknown)
    assert found == Comparable({"A": A}, {})


# --- settings


def test_only_what_the_settings_want_is_in_common():
    narrow = HstSettings(
        fuv_wavelength="1300 Angstrom .. 1400 Angstrom", nuv_wavelength="1700 Angstrom .. 1750 Angstrom"
    )
    assert compare({"A": A}, {"A": moved(A, 5.0)}, settings=narrow).selection == {"A": (1300.0, 1400.0)}
    assert compare({"A": (1600.0, 1720.0)}, settings=narrow, detector="NUV").selection == {"A": (1700.0, 1720.0)}


def test_settings_without_light_leave_nothing():
    elsewhere = HstSettings(fuv_wavelength="1600 Angstrom .. 1700 Angstrom")
    assert compare({"A": A, "B": B}, {"A": A}, settings=elsewhere) == Comparable({}, {0: NO_LIMITS, 1: NO_LIMITS})
    half = HstSettings(fuv_wavelength="1300 Angstrom .. 1700 Angstrom")
    assert compare({"A": A, "B": B}, {"A": A, "B": B}, settings=half).selection == {"A": (1300.0, A[1])}


# --- imaging


def test_images_always_compare():
    assert compare({}, None, {"N": None}, detector="NUV", obstype="IMAGING") == Comparable(None, {})
    assert compare({}, detector="NUV", obstype="imaging") == Comparable(None, {})


def test_an_image_among_spectra_is_left_out():
    mixed = [member({"A": A}), member({}, obstype="IMAGING")]
    assert comparable(mixed, SETTINGS) == Comparable({"A": A}, {1: NO_LIMITS})


def test_nothing_to_compare():
    assert comparable([], SETTINGS).excluded == {}


# --- properties

ranges = st.tuples(st.floats(900, 1900), st.floats(0.5, 400)).map(lambda pair: (pair[0], pair[0] + pair[1]))
exposures = st.lists(st.dictionaries(st.sampled_from("ABC"), ranges, max_size=3), min_size=1, max_size=7)


def wanted(pair):
    low, high = SETTINGS.fuv_wavelength_aa
    return max(pair[0], low), min(pair[1], high)


@given(exposures)
def test_what_is_in_common_is_seen_by_all_that_remain(several):
    found = compare(*several)
    remaining = [one for i, one in enumerate(several) if i not in found.excluded]
    assert set(found.excluded.values()) <= {NO_LIMITS, NO_COMMON}
    assert bool(found.selection) == bool(remaining)
    for letter, (low, high) in found.selection.items():
        assert low < high
        for one in remaining:
            first, last = wanted(one[letter])
            assert first <= low < high <= last
    for i, one in enumerate(several):
        seen = any(wanted(pair)[0] < wanted(pair)[1] for pair in one.values())
        assert (found.excluded.get(i) == NO_LIMITS) is not seen
    assert compare(*several) == found


@given(st.lists(st.fixed_dictionaries({"A": ranges}), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_where_all_take_part_their_order_does_not_matter(several, random):
    found = compare(*several)
    assume(not found.excluded)
    shuffled = list(several)
    random.shuffle(shuffled)
    assert compare(*shuffled) == found


def test_who_is_left_out_does_not_depend_on_the_order():
    several = [
        {"A": A, "B": B},
        {"A": moved(A, 3.5), "B": moved(B, 3.5)},
        {"A": moved(A, -7), "B": B},
        {"A": (915, 930)},
    ]
    selections, left_out = [], []
    for order in itertools.permutations(range(4)):
        found = compare(*(several[i] for i in order))
        selections.append(found.selection)
        left_out.append({order[i] for i in found.excluded})
    assert all(selection == selections[0] for selection in selections)
    assert left_out == [{3}] * 24
