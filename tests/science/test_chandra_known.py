"""Chandra light curves against known answers, and against stingray."""

import math
import warnings
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

import hstlc
from hstlc.lightcurves.poisson import li_ma_significance
from hstlc.testing.chandra import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    EventTable,
    write_event_list,
    write_evt2,
    write_regions,
)

#: Region 35 of observation 7999: x, y, half axes and angle, pixels and degrees; its counts and those of its background.
ELLIPSE = (3145.8947, 4520.7895, 37.0615, 15.3882, 92.2273)
COUNTS, BACKGROUND_COUNTS = 51, 695

OBSERVATION = ChandraObservation(
    obsid=7999,
    region=35,
    revision=21,
    detector="ACIS-I",
    chips=MappingProxyType({0: (2900.0, 4000.0)}),
    start_s=280834899.68046,
    ontime_s=30041.599888,
)


def clone(folder: Path) -> Path:
    """Write products like those of region 35: as many events in the ellipse and in the ring around it."""
    x, y, a, b, angle = ELLIPSE
    random, turn = np.random.default_rng(35), math.radians(angle)

    def ring(number: int, inner: float, outer: float) -> tuple[np.ndarray, np.ndarray]:
        radius = np.sqrt(random.uniform(inner**2, outer**2, number))
        along = random.uniform(0, 2 * np.pi, number)
        u, v = a * radius * np.cos(along), b * radius * np.sin(along)
        return x + u * math.cos(turn) - v * math.sin(turn), y + u * math.sin(turn) + v * math.cos(turn)

    parts = [ring(COUNTS, 0.0, 0.999), ring(BACKGROUND_COUNTS, 1.101, 4.999), ring(40, 1.001, 1.099)]
    event_x, event_y = (np.concatenate([part[axis] for part in parts]) for axis in (0, 1))
    number = len(event_x)
    frame = random.integers(0, 9269, number)
    time_s = (frame + 0.5) * OBSERVATION.frame_s
    events = EventTable(time_s, event_x, event_y, np.full(number, 1.5), np.zeros(number, dtype=np.int64))
    events = events.select(np.argsort(time_s))
    path = folder / "acisf07999_000N021_r0035_regevt3.fits"
    write_event_list(path, OBSERVATION, events, content="REGEVT3")
    write_regions(folder / "acisf07999_000N021_r0035_reg3.fits", OBSERVATION, {"ECF90REGB": ELLIPSE})
    return path


def test_region_35_of_observation_7999_has_its_counts_area_and_net_counts(tmp_path: Path) -> None:
    (made,) = hstlc.light_curves(clone(tmp_path))
    source, curve = made.source, made.curves["broad"]
    assert (source.counts, source.background_counts) == (51, 695)
    area = math.pi * ELLIPSE[2] * ELLIPSE[3]
    assert area == pytest.approx(1791.677, abs=0.005)  # the axes are rounded
    # the catalog counts pixels of the ring, 42646; the ellipses themselves have 42624
    assert area / source.scale == pytest.approx(42646, rel=1e-3)
    assert curve["counts"].sum() == pytest.approx(21.801, abs=0.02)
    assert math.sqrt(curve["variance"].sum()) == pytest.approx(7.227, abs=0.001)
    assert li_ma_significance(51, 695, source.scale) == pytest.approx(3.554, abs=0.005)
    assert (source.ra_deg, source.dec_deg) == pytest.approx((150.13, 2.058), abs=0.01)


def test_live_time_of_observation_7999_is_its_ontime_less_the_transfer_of_frames(tmp_path: Path) -> None:
    (made,) = hstlc.light_curves(clone(tmp_path))
    curve = made.curves["broad"]
    frames = 30041.599888 / 3.24104
    assert frames == pytest.approx(9269.12, abs=5e-3)
    assert curve["exposure"].sum() == pytest.approx(30041.599888 * 0.98733740, rel=1e-7)
    assert made.source.exposure_s == pytest.approx(curve["exposure"].sum())
    whole = curve["fraction"][1:-1]
    np.testing.assert_allclose(whole, 1.0, atol=1e-6)


def test_counts_and_exposure_of_a_list_of_one_chip_are_those_of_stingray(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for other packages, and knows no column of this list by itself
        import stingray
        import stingray.gti

        times = MappingProxyType({7: ((0.0, 4000.0), (4500.0, 9000.0))})
        observation = ChandraObservation(ontime_s=9000.0, good_times=times)
        scene = ChandraScene((ChandraSource(0.1),), background_ct_s=0.1)
        path = write_evt2(tmp_path, observation, scene).paths[0]
        theirs = stingray.EventList.read(str(path), "hea")
    curve = hstlc.light_curve(path)
    offset_s = (curve.reference.mjd - 50814.0) * 86400.0
    edges = np.append(curve["times"], curve["times"][-1] + curve["bins"][-1]) + offset_s
    assert len(theirs.time) == curve["gross"].sum() == curve.meta["NEVENTS"]
    np.testing.assert_array_equal(np.histogram(np.asarray(theirs.time, dtype=np.float64), edges)[0], curve["gross"])
    for number, live_s in enumerate(curve["exposure"]):
        common = stingray.gti.cross_two_gtis(
            np.asarray(theirs.gti, dtype=np.float64), np.array([[edges[number], edges[number + 1]]])
        )
        assert live_s == pytest.approx(float(np.sum(np.diff(common))) * observation.dtcor, abs=1e-5)


def test_the_real_list_has_the_exposure_of_its_good_time(real_data: Path) -> None:
    curve = hstlc.light_curve(real_data / "chandra" / "chandra_test.fits", bin_width=100.0)
    assert curve["exposure"].sum() == pytest.approx(945.3364763 * 0.4 / 0.44104, rel=1e-7)
    assert curve.meta["NEVENTS"] == 4612
    assert curve.meta["NBADTIME"] == 4  # at the very end of the good time, which is half-open
    assert curve.meta["EXPTIME"] == pytest.approx(18_279.339, abs=5e-4)


def test_dates_are_of_the_right_clock(tmp_path: Path) -> None:
    path = write_evt2(tmp_path, replace(OBSERVATION, region=None, ontime_s=500.0), ChandraScene()).paths[0]
    curve = hstlc.light_curve(path)
    assert (curve.reference.scale, curve.reference.position) == ("TT", "GEOCENTER")
    start_mjd = 50814.0 + OBSERVATION.start_s / 86400.0
    assert curve["mjd"][0] - curve["bins"][0] / 2 / 86400 == pytest.approx(start_mjd, abs=2 / 86400)
    assert (start_mjd - curve.meta["EXPSTART"]) * 86400 == pytest.approx(65.184, abs=1e-3)  # of 2006
    assert np.isfinite(curve["bjd_tdb"]).all()
    assert curve["bjd_tdb"] - 2400000.5 - curve["mjd"] == pytest.approx(0, abs=499.1 / 86400 + 1e-6)
