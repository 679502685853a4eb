"""Where the limits of the flags are: silence, good time, count rates of stripes, and the Sun."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.checks import run_checks
from hstlc.config import load
from hstlc.errors import UsageError
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.checks import CHECKS
from hstlc.missions.hst.checks.timing import _longest_silence
from hstlc.missions.hst.daylight import at_night
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Finding, Intervals
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

FAINT = Scene(rate_ct_s=0.05, background_ct_s=0.0)
NUV = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"), exptime_s=30.0)


def _found(paths: Sequence[Path], **settings: Any) -> tuple[Finding, ...]:
    identities = [identity for path in paths if (identity := MISSION.identify(path)) is not None]
    return run_checks(CHECKS, MISSION.load(identities), HstSettings(**settings))


def _keep(path: Path, keep: Callable[[Any], Any]) -> None:
    def edit(units: Any) -> None:
        events = units["EVENTS"]
        events.data = events.data[keep(events.data["TIME"])]
        events.header["NEVENTS"] = events.header["NEVENTSA"] = len(events.data)

    edit_file(path, edit)


# --- silence


def test_the_longest_silence_that_is_left_alone_is_a_setting(tmp_path: Path) -> None:
    paths = write_exposure(tmp_path, CosExposure(exptime_s=60.0), Scene(20.0, 1.0)).paths
    _keep(paths[0], lambda time: (time < 20) | (time > 24))
    assert _found(paths) == ()
    assert [f.reason for f in _found(paths, maximum_silence="3 s")] == ["Silence"]
    assert _found(paths, maximum_silence="3 s", silence_probability=1e-300) == ()


@pytest.mark.parametrize("rows", [1000, 65_536, 70_000])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_silence_is_seen_wherever_it_is_in_the_list(tmp_path: Path, rows: int, ordered: bool) -> None:
    """Also between two blocks of rows that are read, of which the first has 65,536."""
    paths = write_exposure(tmp_path, CosExposure(exptime_s=200.0), Scene(500.0, 1.0)).paths

    def edit(units: Any) -> None:
        number = len(units["EVENTS"].data)
        assert number > 2 * 35_000
        times = np.concatenate((np.linspace(0.5, 60, rows), np.linspace(140, 199, number - rows)))
        if not ordered:
            times[5], times[6] = times[6] + 0.032, times[5]
        units["EVENTS"].data["TIME"] = times

    edit_file(paths[0], edit)
    identities = [identity for path in paths if (identity := MISSION.identify(path)) is not None]
    (events,) = MISSION.load(identities).events.values()
    assert events.times.gap_s == pytest.approx(80.0, abs=0.05)
    assert "Silence" in [f.reason for f in _found(paths, maximum_silence="79 s")]


def test_few_events_may_be_far_apart(tmp_path: Path) -> None:
    """With 0.05 counts/s beside the stimulation pulses taken away, 100 s without an event are chance."""
    paths = write_exposure(tmp_path, CosExposure(exptime_s=600.0, seed=3), FAINT).paths

    def edit(units: Any) -> None:
        events = units["EVENTS"]
        events.data = events.data[events.data["PHA"] != 19]
        events.header["NEVENTS"] = events.header["NEVENTSA"] = len(events.data)

    edit_file(paths[0], edit)
    assert "Silence" not in [f.reason for f in _found(paths)]


def test_time_that_is_not_good_may_be_silent(tmp_path: Path) -> None:
    gti = ((0.0, 30.016), (50.016, 80.0))
    assert _found(write_exposure(tmp_path, CosExposure(gti=gti), Scene(20.0, 1.0)).paths) == ()


@given(
    times=st.lists(st.floats(0, 100), max_size=30),
    starts=st.lists(st.floats(0, 100), min_size=1, max_size=4, unique=True),
    cut=st.integers(0, 30),
)
def test_the_longest_silence_is_that_of_a_fine_search(times: list[float], starts: list[float], cut: int) -> None:
    """However the times come in blocks, the longest good stretch without one is what looking at every piece gives."""
    gti = Intervals.of(starts, np.array(starts) + 20)
    times = sorted(t for t in times if t >= gti.start[0])
    blocks = iter([(np.array(part),) for part in (times[:cut], times[cut:]) if part])
    cuts = np.unique(np.concatenate((gti.start, gti.stop, times)))
    middle = (cuts[1:] + cuts[:-1]) / 2
    pieces = np.diff(cuts)[gti.contains(middle)]
    expected = pieces.max(initial=0.0)
    start_s, length_s = _longest_silence(blocks, gti, 1e-3)
    assert length_s == pytest.approx(expected if expected > 1e-3 else 0.0, abs=1e-9)
    assert not length_s or gti.contains([start_s + length_s / 2]).all()


# --- good time


@pytest.mark.parametrize(("limit", "reasons"), [("5 s", ["Header mismatch"]), ("11 s", [])])
def test_how_far_exposure_and_good_time_may_differ_is_a_setting(tmp_path: Path, limit: str, reasons: list[str]) -> None:
    exposure = CosExposure(exptime_s=60.0, overrides={"EXPTIME": 70.0})
    paths = write_exposure(tmp_path, exposure, Scene(20.0, 1.0)).paths
    assert [f.reason for f in _found(paths, maximum_gti_mismatch=limit)] == reasons


@pytest.mark.parametrize(("limit", "flags"), [(0.5, 0), (0.72, 0), (0.73, 1)])
def test_how_much_of_the_time_must_be_good_is_a_setting(tmp_path: Path, limit: float, flags: int) -> None:
    exposure = CosExposure(gti=((0.0, 20.0), (35.2, 55.2)))
    paths = write_exposure(tmp_path, exposure, Scene(20.0, 1.0)).paths
    gap = "2 good time intervals with 40.0 of 55.2 s; the longest gap is 15.2 s"
    assert [f.message for f in _found(paths, minimum_live_fraction=limit)] == [gap] * flags


# --- count rates


def test_a_stripe_is_asked_alone(tmp_path: Path) -> None:
    paths = write_exposure(tmp_path, NUV, Scene(rate_ct_s=100.0, background_ct_s=1.0)).paths
    found = _found(paths, maximum_rate_stripe=95.0)
    assert [f.message.split(" has ")[0] for f in found] == ["stripe A", "stripe B", "stripe C"]
    rates = [float(f.message.split(" has ")[1].split()[0]) for f in found]
    assert rates == pytest.approx([101.0] * 3, rel=0.1)
    assert _found(paths, maximum_rate_stripe=130.0) == ()


# --- the Sun


def test_an_altitude_has_a_unit_and_may_be_absent(tmp_path: Path) -> None:
    def section(**environ: str) -> Any:
        return load(None, {"HSTLC_HOME_DIR": str(tmp_path), **environ}).missions["hst"]

    key = "HSTLC_MISSIONS__HST__MAXIMUM_SUN_ALTITUDE"
    assert section().maximum_sun_altitude_deg is None
    assert section(**{key: "-0.1 rad"}).maximum_sun_altitude_deg == pytest.approx(-5.7296, abs=1e-4)
    for wrong, said in (("20", "20 deg"), ("91 deg", "90 deg"), ("20 s", "deg")):
        with pytest.raises(UsageError) as caught:
            section(**{key: wrong})
        assert "missions.hst.maximum_sun_altitude" in caught.value.message
        assert said in caught.value.message


def test_no_timeline_tells_nothing() -> None:
    gti = Intervals.of([0.0], [10.0])
    nothing = np.full(3, np.nan)
    for timeline in ({}, {"TIME": np.arange(3.0)}, {"TIME": np.arange(3.0), "SUN_ALT": nothing}):
        assert at_night(gti, [timeline], 0.0) is None
    assert at_night(gti, [{"TIME": np.arange(3.0), "SUN_ALT": np.full(3, -999.0)}], 0.0) is None
    night = at_night(gti, [{}, {"TIME": np.array([3.0]), "SUN_ALT": np.array([-4.0])}], 0.0)
    assert night == gti


@given(
    altitudes=st.lists(st.integers(-90, 90), min_size=2, max_size=12),
    maximum=st.integers(-91, 91),
    at=st.lists(st.floats(-20, 140), min_size=1, max_size=20),
)
def test_night_is_where_the_interpolated_altitude_is_not_above_the_limit(
    altitudes: list[int], maximum: int, at: list[float]
) -> None:
    timeline = {"TIME": 10.0 * np.arange(len(altitudes)), "SUN_ALT": np.array(altitudes, dtype=np.float64)}
    gti = Intervals.of([-15.0, 60.0], [50.0, 130.0])
    night = at_night(gti, [timeline], float(maximum))
    assert night is not None
    altitude = np.interp(at, timeline["TIME"], timeline["SUN_ALT"])
    clear = np.abs(altitude - maximum) > 1e-6  # a point on the limit may be either
    expected = gti.contains(at) & (altitude <= maximum)
    np.testing.assert_array_equal(night.contains(at)[clear], expected[clear])
