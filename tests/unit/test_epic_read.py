"""Event lists and source lists of EPIC as values."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

import hstlc
from hstlc.errors import UnreadableError, UnsupportedModeError
from hstlc.missions.xmm.ccd_tables import good_times
from hstlc.missions.xmm.identify import identify
from hstlc.missions.xmm.read import load, read_list
from hstlc.model import Intervals
from hstlc.testing.epic import EpicCamera, EpicObservation, EpicSource, write_observation
from hstlc.testing.epic.bad import edit_list

MOS = EpicCamera("m1", "S001", background_ct_s=0.5)
SHORT = EpicObservation(length_s=300.0, cameras=(MOS,), sources=(EpicSource(rate_ct_s=0.5),))


def written(folder, **changes):
    return write_observation(folder, replace(SHORT, cameras=(replace(MOS, **changes),)))


@pytest.mark.parametrize("camera", ["pn", "m1"])
def test_all_events_are_read_in_the_order_of_the_file(tmp_path, camera):
    path = write_observation(tmp_path, replace(SHORT, cameras=(EpicCamera(camera),))).paths[0]
    events = hstlc.read(path)
    with fits.open(path) as hdus:
        rows = hdus["EVENTS"].data
        assert len(events) == len(rows) > 100
        start = SHORT.start_met_s
        assert np.array_equal(events.time_s, rows["TIME"] - start)
        for ours, theirs in {"x": "X", "detx": "DETX", "raw_y": "RAWY", "pi": "PI", "flag": "FLAG"}.items():
            assert np.array_equal(events[ours], rows[theirs])
        assert np.array_equal(events["ccd"], rows["CCDNR"])
    assert events.reference.scale == "TT"
    assert events.reference.mjd == pytest.approx(50814.0 + start / 86400.0, abs=1e-10)


@pytest.mark.parametrize(("camera", "number"), [("m1", 31_385), ("m2", 44_547)])
def test_lists_of_a_real_observation_are_read_whole(real_data, camera, number):
    (path,) = [path for path in (real_data / "xmm").iterdir() if f"__{camera}" in path.name]
    events = hstlc.read(path)
    assert len(events) == number
    assert events.gti.contains(events.time_s).all()


def test_good_times_of_a_filtered_list_are_those_that_its_subspace_names(real_data):
    (path,) = [path for path in (real_data / "xmm").iterdir() if "__m1" in path.name]
    events = read_list(path)
    assert events.gti[1].total == pytest.approx(22_383.357, abs=1e-3)  # ONTIME01; the standard table has 22,653
    assert events.gti[2].total == pytest.approx(22_377.957, abs=1e-3)
    assert events.frames[1].within(events.gti[1]).total == pytest.approx(22_295.3, abs=0.1)
    assert events.frame_s[1] == pytest.approx(0.9, abs=1e-3)
    assert events.frame_s[2] == pytest.approx(2.7, abs=1e-3)


def test_each_ccd_has_its_own_good_times_and_frames(tmp_path):
    own = ((50.0, 100.0), (150.0, 250.0))
    events = read_list(written(tmp_path, ccd_gti={2: own}, live_part=0.75).paths[0])
    assert sorted(events.gti) == [1, 2, 3, 4, 5, 6, 7]
    assert events.gti[2] == Intervals.of(*np.array(own).T)
    assert events.gti[1].total == 300.0
    assert events.frames[1].within(events.gti[1]).total == pytest.approx(225.0, abs=1e-4)
    assert events.missing == ()


def test_the_tables_of_a_list_may_be_in_any_order(tmp_path):
    path = written(tmp_path).paths[0]
    usual = read_list(path)
    with fits.open(path) as hdus:
        turned = fits.HDUList([hdus[0], *reversed(hdus[1:])])
        assert turned[-1].name == "EVENTS"
        turned.writeto(tmp_path / "turned.fits")
    other = read_list(tmp_path / "turned.fits")
    assert np.array_equal(other.time_s, usual.time_s)
    assert (other.gti, other.frame_s, other.missing) == (usual.gti, usual.frame_s, ())
    assert {ccd: clock.total for ccd, clock in other.frames.items()} == {
        ccd: clock.total for ccd, clock in usual.frames.items()
    }


def test_a_list_without_good_times_is_good_from_its_first_event_to_its_last(tmp_path):
    events = read_list(written(tmp_path, without=("GTI",)).paths[0])
    assert events.missing == ("GTI",)
    assert events.good_time.contains(events.time_s).all()
    assert events.good_time.total < 300.0


def test_a_list_that_names_one_table_for_all_ccds_has_it_for_each(tmp_path):
    path = written(tmp_path, without=("GTI",)).paths[0]

    def edit(units):
        start = SHORT.start_met_s
        limits = [fits.Column(name, "D", array=[start + at]) for name, at in (("START", 10), ("STOP", 60))]
        units.append(fits.BinTableHDU.from_columns(limits, name="GTI00003"))
        units["EVENTS"].header.update(DSTYP1="TIME", DSVAL1="TABLE", DSREF1=":GTI00003")

    edit_list(path, edit)
    events = read_list(path)
    assert {ccd: gti.total for ccd, gti in events.gti.items()} == dict.fromkeys(range(1, 8), 50.0)


def test_a_thinned_list_says_what_it_has_not(tmp_path):
    events = read_list(written(tmp_path, without=("FLAG", "DETX", "CCDNR", "EXPOSU")).paths[0])
    assert events.missing == ("DETX", "FLAG", "CCDNR", "EXPOSU")
    assert set(events.gti) == set(np.unique(events.columns["ccd"])) == {0}
    assert events.gti[0].total == 300.0


def test_a_file_of_something_else_is_a_clear_error(tmp_path):
    path = written(tmp_path).source_list
    with pytest.raises(UnsupportedModeError) as caught:
        read_list(path)
    assert caught.value.code == "data.not-events"
    assert str(path) in caught.value.message


def test_a_file_that_is_cut_short_is_recorded_not_raised(tmp_path):
    path = written(tmp_path).paths[0]
    path.write_bytes(path.read_bytes()[:-2000])
    exposure = load([identify(path)])
    ((file, why),) = exposure.unreadable
    assert (exposure.lists, file.path) == ({}, path)
    assert "cut short" in why
    with pytest.raises(UnreadableError):
        hstlc.read(path)


def test_the_source_list_has_a_row_a_source(tmp_path):
    far = EpicSource(300.0, -200.0, rate_ct_s=0.02)
    made = write_observation(tmp_path, replace(SHORT, sources=(*SHORT.sources, far)))
    rows = load([identify(path) for path in made.paths]).source_list
    assert [row.number for row in rows] == ["1", "2"]
    assert [row.rate_ct_s for row in rows] == pytest.approx([0.5, 0.02])
    assert rows[1].ra_deg == pytest.approx(150.1 + 300 / 3600 / np.cos(np.radians(2.2)), abs=1e-5)
    assert dict(rows[0].further)["position_error_arcsec"] == pytest.approx(0.8)


def test_the_plane_of_the_sky_is_told_by_columns_then_keywords_then_pointing(tmp_path):
    path = written(tmp_path).paths[0]
    planes = [read_list(path).sky]
    for prefix in ("TC", "REF"):

        def edit(units, prefix=prefix):
            for unit in units:
                for key in [key for key in unit.header if key.startswith(prefix)]:
                    del unit.header[key]

        edit_list(path, edit)
        planes.append(read_list(path).sky)
    assert planes[0].scale_arcsec == pytest.approx(0.05)
    for plane in planes[1:]:
        assert (plane.ra_deg, plane.dec_deg, plane.x, plane.y) == (150.1, 2.2, 25921.0, 25921.0)
        assert plane.step_x_deg == pytest.approx(planes[0].step_x_deg)


def test_good_times_of_no_table_are_nothing():
    assert good_times([], {}, 0.0, [1, 2]) == {}
