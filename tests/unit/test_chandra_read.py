"""Chandra event lists to values."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from astropy.io import fits

import hstlc
from hstlc.errors import UnsupportedModeError
from hstlc.missions.chandra.exposure import load
from hstlc.missions.chandra.identify import identify
from hstlc.missions.chandra.read import ChandraEvents, read_event_list
from hstlc.testing.chandra import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    draw_events,
    write_event_list,
    write_evt2,
    write_region_products,
)

SCENE = ChandraScene((ChandraSource(0.2),), background_ct_s=0.1)
OBSERVATION = ChandraObservation(ontime_s=2000.0)
TWO = ChandraObservation(
    ontime_s=2000.0,
    chips=MappingProxyType({7: (3584.0, 3584.0), 6: (2540.0, 3584.0)}),
    good_times=MappingProxyType({7: ((0.0, 1000.0),), 6: ((500.0, 2000.0),)}),
)


def events_of(folder: Path, observation: ChandraObservation = OBSERVATION, **more: object) -> ChandraEvents:
    path = folder / "list.fits"
    write_event_list(path, observation, draw_events(observation, SCENE), **more)  # type: ignore[arg-type]
    return read_event_list(path)


def test_every_event_and_column_is_read(tmp_path: Path) -> None:
    drawn = draw_events(OBSERVATION, SCENE)
    events = events_of(tmp_path)
    assert len(events) == len(drawn)
    met_s = events.time_s + events.offset_s
    np.testing.assert_allclose(met_s, drawn.time_s + OBSERVATION.start_s, atol=1e-6)
    np.testing.assert_allclose(events.columns["energy_kev"], drawn.energy_kev, rtol=1e-6)
    np.testing.assert_allclose(events.columns["x"], drawn.x, rtol=1e-6)
    assert set(events.ccd) == {7}
    assert all(values.dtype.isnative for values in events.columns.values())


def test_the_reference_is_exact_and_near_the_start(tmp_path: Path) -> None:
    events = events_of(tmp_path)
    assert events.reference.scale == "TT"
    assert 0 <= OBSERVATION.start_s - events.offset_s < 85
    assert (events.reference.mjd - 50814.0) * 86400.0 == events.offset_s


def test_each_chip_has_its_own_good_times(tmp_path: Path) -> None:
    events = events_of(tmp_path, TWO)
    start_s = TWO.start_s - events.offset_s
    assert {number: times.total for number, times in events.gti.items()} == {7: 1000.0, 6: 1500.0}
    assert events.gti[6].start[0] == pytest.approx(start_s + 500.0)
    assert events.good_time.total == 2000.0


def test_good_times_are_told_apart_by_name_or_number_where_the_chip_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "list.fits"
    write_event_list(path, TWO, draw_events(TWO, SCENE))
    with fits.open(path, mode="update") as hdus:
        del hdus[2].header["CCD_ID"], hdus[3].header["CCD_ID"], hdus[3].header["HDUNAME"]
        hdus[2].header["EXTNAME"], hdus[2].header["HDUNAME"] = "GTI7_CPT", "GTI7_CPT"
    events = read_event_list(path)
    assert {number: times.total for number, times in events.gti.items()} == {7: 1000.0, 6: 1500.0}


def test_energies_are_made_from_channels_where_there_are_none(tmp_path: Path) -> None:
    events = events_of(tmp_path, without=("energy",))
    channel = events.columns["pi"]
    np.testing.assert_allclose(events.columns["energy_kev"], 0.0146 * (channel - 0.5), rtol=1e-6)
    np.testing.assert_array_equal(np.floor(events.columns["energy_kev"].astype(float) / 0.0146) + 1, channel)


def test_only_the_time_is_needed(tmp_path: Path) -> None:
    rest = ("ccd_id", "x", "y", "energy", "pi", "grade", "chipx", "chipy", "detx", "dety")
    events = events_of(tmp_path, without=rest)
    assert events.columns == {}
    assert set(events.ccd) == {7}
    assert events.sky is None
    assert len(events.event_list()) == len(events)


def test_without_good_times_those_of_the_header_count(tmp_path: Path) -> None:
    events = events_of(tmp_path, without=("GTI",))
    assert not events.has_gti
    assert events.good_time.total == 2000.0


@pytest.mark.parametrize(
    ("exposed", "frame", "expected"),
    [(3.2, 3.24104, 0.98733740), (1.6, 1.64104, 0.97499147), (0.4, 0.44104, 0.90694722)],
)
def test_dead_time_of_frames_is_that_of_their_transfer(
    tmp_path: Path, exposed: float, frame: float, expected: float
) -> None:
    timing = ChandraObservation(ontime_s=200.0, exposed_s=exposed, frame_s=frame)
    assert events_of(tmp_path, timing, overrides={"DTCOR": None}).dtcor == pytest.approx(expected, abs=5e-9)


def test_dead_time_of_the_header_comes_first_and_without_any_all_is_live(tmp_path: Path) -> None:
    assert events_of(tmp_path, overrides={"DTCOR": 0.9}).dtcor == 0.9
    nothing = dict.fromkeys(("DTCOR", "EXPTIME", "LIVETIME", "ONTIME"))
    assert events_of(tmp_path, overrides=nothing).dtcor == 1.0


def test_the_mask_of_the_catalog_is_read(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, ChandraObservation(ontime_s=2000.0, region=35), SCENE)
    events = read_event_list(written.paths[0])
    assert events.mask is not None
    x, y = (events.columns[name].astype(float) for name in ("x", "y"))
    assert events.mask.inside(x, y).all()
    assert not events.mask.inside(x + 100.0, y).any()


def test_a_table_of_regions_has_no_events(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, ChandraObservation(ontime_s=500.0, region=35), SCENE)
    with pytest.raises(UnsupportedModeError) as caught:
        read_event_list(written.paths[1])
    assert caught.value.code == "data.not-events"
    assert str(written.paths[1]) in caught.value.message


def test_hrc_has_one_good_time_and_dead_times_as_they_vary(tmp_path: Path) -> None:
    written = write_evt2(tmp_path, ChandraObservation(detector="HRC-I", ontime_s=500.0), SCENE)
    found = [identify(path) for path in written.paths]
    exposure = load([one for one in found if one is not None])
    assert exposure.lead is not None
    assert exposure.lead.gti.keys() == {0}
    assert exposure.lead.frame_s == 0
    assert exposure.dead_time is not None
    good = exposure.lead.good_time
    assert exposure.dead_time.within(good).total == pytest.approx(500.0 * 0.987)


def test_the_real_list_has_its_events_channels_and_exposure(real_data: Path) -> None:
    events = hstlc.read(real_data / "chandra" / "chandra_test.fits")
    assert len(events) == 4612
    energy_ev = events["energy_kev"].astype(np.float64) * 1000
    channel = np.minimum(np.floor(energy_ev / 14.6) + 1, 1024)
    np.testing.assert_array_equal(channel, events["pi"])
    assert events.header["EXPOSURE"] == pytest.approx(18_279.339, abs=5e-4)


def test_the_real_list_without_energies_gives_those_of_its_channels(real_data: Path) -> None:
    with_energy, without = (
        hstlc.read(real_data / "chandra" / name) for name in ("chandra_test.fits", "chandra_noener_test.fits")
    )
    assert len(without) == 4612
    usual = with_energy["pi"] < 1024
    apart = np.abs(with_energy["energy_kev"] - without["energy_kev"])[usual]
    assert apart.max() <= 0.0146 / 2 + 1e-5
