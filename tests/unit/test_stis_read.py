"""STIS files to values: ticks, several imsets, good times, headers; what cannot be read."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from stis_tables import START_MJD, order_row, write_tag, write_x1d

import hstlc
from hstlc.errors import UnreadableError, UnsupportedModeError
from hstlc.missions.base import Role
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.identify import identify
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_clock import TICK_S
from hstlc.missions.hst.stis_extract import extract_stis
from hstlc.missions.hst.stis_read import read_stis_events

EVENTS = [(483, 1, 2, 3), (8000, 2048, 2047, 2046), (7999, 10, 20, 12)]


def write_old_corrtag(path, *, gti=False):
    """Write a corrtag as the original software did: lower-case names, no good times."""
    values = {"time": [0.5, 1.5], "rawx": [10, 20], "rawy": [800, 801], "xcorr": [12, 22], "ycorr": [800, 801]}
    values |= {"epsilon": [1.25, 0.5], "wavelength": [1200.0, 1500.0], "dq": [0, 8]}
    columns = [fits.Column(n, "I" if n == "dq" else "D", array=np.array(v)) for n, v in values.items()]
    tag = write_tag(path.with_name("template_tag.fits"), EVENTS)
    with fits.open(tag) as hdus:
        table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
        table.header.update(
            {key: hdus[1].header[key] for key in ("EXPSTART", "EXPEND", "EXPTIME", "EXPFLAG", "SDQFLAGS")}
        )
        fits.HDUList([hdus[0].copy(), table]).writeto(path)
    tag.unlink()
    return path


def load(*paths):
    return MISSION.load([identify(path) for path in paths])


def test_times_are_whole_ticks(tmp_path):
    events = read_stis_events(write_tag(tmp_path / "otst00010_tag.fits", EVENTS))
    (block,) = events.imset_blocks(0)
    assert block.ticks.tolist() == [483, 8000, 7999]
    assert (block.x.tolist(), block.y.tolist(), block.raw_x.tolist()) == ([1, 2048, 10], [2, 2047, 20], [3, 2046, 12])
    ((seconds,),) = events.blocks("TIME")
    assert seconds == pytest.approx([0.060375, 1.0, 0.999875], abs=1e-12)


def test_a_look_at_all_times_tells_of_one_step_back(tmp_path):
    times = read_stis_events(write_tag(tmp_path / "otst00010_tag.fits", EVENTS, gti=[(0.5, 0.9999)])).times
    assert (times.invalid, times.back, times.outside) == (0, 1, 2)
    assert times.step_back_s == pytest.approx(TICK_S)
    assert (times.first_s, times.earliest_s) == pytest.approx((482.5 * TICK_S,) * 2)
    assert times.latest_s == pytest.approx(7999.5 * TICK_S)


def test_an_empty_list_has_no_times(tmp_path):
    events = read_stis_events(write_tag(tmp_path / "otst00010_tag.fits", []))
    assert len(events) == len(events.event_list()) == 0
    assert np.isnan([events.times.first_s, events.times.earliest_s, events.times.latest_s]).all()


def test_read_gives_an_event_list(tmp_path):
    found = hstlc.read(write_tag(tmp_path / "otst00010_tag.fits", EVENTS, [(40000, 5, 6, 7)]))
    assert found.time_s == pytest.approx((np.array([483, 8000, 7999, 40000]) - 0.5) * TICK_S, abs=1e-12)
    assert (found["x"].tolist(), found["raw_x"].tolist()) == ([1, 2048, 10, 5], [3, 2046, 12, 7])
    assert found["imset"].tolist() == [1, 1, 1, 2]
    assert (found.tick_s, found.reference.mjd, found.gti.total) == (TICK_S, START_MJD, 10.0)


def test_a_compressed_tag_is_read_the_same(tmp_path):
    path = write_tag(tmp_path / "otst00010_tag.fits", EVENTS, [(40000, 5, 6, 7)])
    packed = tmp_path / "otst00010_tag.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, found = hstlc.read(path), hstlc.read(packed)
    for name in plain.columns:
        np.testing.assert_array_equal(found[name], plain[name])
    np.testing.assert_array_equal(found.time_s, plain.time_s)


def test_several_imsets_are_one_list_with_the_header_of_the_whole(tmp_path):
    path = tmp_path / "otst00010_tag.fits"
    events = read_stis_events(
        write_tag(path, EVENTS, [(160000, 5, 6, 7)], gti=[(0, 10), (20, 30)], starts_s=(0.0, 20.0))
    )
    assert (len(events), [table.ver for table in events.tables]) == (4, [1, 2])
    assert events.header["EXPTIME"] == 20.0
    assert events.header["EXPSTART"] == events.reference.mjd == START_MJD
    assert (events.header["EXPEND"] - START_MJD) * 86400 == pytest.approx(30.0, abs=1e-3)
    assert events.times.back == 1  # the one of the first imset, none between them


def test_one_imset_that_failed_makes_the_exposure_fail(tmp_path):
    path = write_tag(tmp_path / "otst00010_tag.fits", EVENTS, EVENTS)
    with fits.open(path, mode="update") as hdus:
        hdus["EVENTS", 2].header["EXPFLAG"] = "INTERRUPTED"
    assert read_stis_events(path).header["EXPFLAG"] == "INTERRUPTED"


def test_times_count_from_texpstrt_and_a_difference_is_said(tmp_path):
    path = write_tag(tmp_path / "otst00010_tag.fits", EVENTS, TEXPSTRT=START_MJD + 1 / 86400)
    exposure = load(path)
    assert exposure.events["tag"].reference.mjd == START_MJD + 1 / 86400
    found = {finding.reason: finding.message for finding in extract_stis(exposure, HstSettings()).findings}
    assert "1.000 s" in found["Zero point of time"]


@pytest.mark.parametrize("value", [None, ""])
def test_without_texpstrt_times_count_from_expstart(tmp_path, value):
    assert read_stis_events(write_tag(tmp_path / "t_tag.fits", EVENTS, TEXPSTRT=value)).reference.mjd == START_MJD


def test_a_tag_without_good_times_takes_the_exposure_time(tmp_path):
    path = write_tag(tmp_path / "otst00010_tag.fits", EVENTS)
    with fits.open(path, mode="update") as hdus:
        del hdus["GTI"]
    events = read_stis_events(path)
    assert (events.gti.start.tolist(), events.gti.stop.tolist()) == ([0.0], [10.0])
    assert events.header["HSTLCGTI"] == "MISSING"


def test_a_corrtag_of_the_original_software_is_read_as_it_is(tmp_path):
    path = write_old_corrtag(tmp_path / "otst00010_corrtag.fits")
    identity = identify(path)
    assert (identity.kind, identity.role) == ("corrtag", Role.EVENTS)
    found = hstlc.read(path)
    assert found["epsilon"].tolist() == [1.25, 0.5]
    assert found["dq"].tolist() == [0, 8]
    assert found["wavelength_aa"].tolist() == [1200.0, 1500.0]
    assert (found["x"].tolist(), found["raw_x"].tolist()) == ([12, 22], [10, 20])
    assert load(path).instrument == "STIS"


def test_where_there_are_both_the_tag_counts(tmp_path):
    tag = write_tag(tmp_path / "otst00010_tag.fits", EVENTS)
    corrtag = write_old_corrtag(tmp_path / "otst00010_corrtag.fits")
    exposure = load(corrtag, tag)
    assert list(exposure.events) == ["tag"]
    assert [file.kind for file in exposure.files] == ["corrtag", "tag"]
    assert exposure.lists[0][0] == tag.name
    corrtag.write_bytes(b"")
    assert load(tag, corrtag).unreadable == ()


def test_the_spectrum_has_a_row_an_order_of_each_imset(tmp_path):
    tag = write_tag(tmp_path / "otst00010_tag.fits", EVENTS)
    rows = [order_row(300.0, order=88, size=7.0, offsets=(16.0, -17.0)), order_row(330.0, order=87)]
    exposure = load(tag, write_x1d(tmp_path / "otst00010_x1d.fits", rows, [order_row(301.0, order=88)]))
    assert [row.order for row in exposure.imsets[1]] == [88, 87]
    assert [row.order for row in exposure.imsets[2]] == [88]
    first = exposure.imsets[1][0]
    assert (first.size, first.offsets, first.sizes, first.trace[7]) == (7.0, (16.0, -17.0), (5.0, 5.0), 300.0)
    assert sorted(exposure.spectra) == ["87", "88"]
    assert MISSION.describe(exposure).cal_ver == "3.4.2"


def test_what_describes_the_exposure(tmp_path):
    values = MISSION.describe(load(write_tag(tmp_path / "otst00010_tag.fits", EVENTS)))
    assert (values.instrume, values.detector, values.opt_elem, values.cenwave) == ("STIS", "FUV-MAMA", "G140L", 1425)
    assert (values.fppos, values.aperture, values.obstype, values.exptime_s) == (0, "52X0.2", "SPECTROSCOPIC", 10.0)
    assert (values.extra["events"], values.extra["x1d"], values.extra["simulated"]) == (3, False, True)


@pytest.mark.parametrize("name", ["otst00010_tag.fits", "otst00010_corrtag.fits", "otst00010_x1d.fits"])
def test_files_that_are_cut_short_are_told_apart_by_name(tmp_path, name):
    whole = write_tag(tmp_path / "whole.fits", EVENTS).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[:3000])
    identity = identify(path)
    assert identity.problem
    exposure = MISSION.load([identity])
    assert exposure.instrument == "STIS"
    assert [file.path for file, _ in exposure.unreadable] == [path]


def test_a_spectrum_without_its_extension_is_unreadable(tmp_path):
    tag, x1d = (
        write_tag(tmp_path / "otst00010_tag.fits", EVENTS),
        write_x1d(tmp_path / "otst00010_x1d.fits", [order_row()]),
    )
    with fits.open(x1d, mode="update") as hdus:
        hdus[1].name = "OTHER"
    ((file, why),) = load(tag, x1d).unreadable
    assert file.path == x1d
    assert "no extension SCI" in why


def test_another_table_is_no_event_list(tmp_path):
    path = write_x1d(tmp_path / "otst00010_x1d.fits", [order_row()])
    with pytest.raises(UnsupportedModeError) as caught:
        read_stis_events(path)
    assert caught.value.code == "data.not-tag"
    assert caught.value.context["path"] == str(path)
    assert caught.value.hint


def test_rows_of_another_length_than_the_columns_say_are_unreadable(tmp_path):
    path = write_tag(tmp_path / "otst00010_tag.fits", EVENTS)
    path.write_bytes(path.read_bytes().replace(b"NAXIS1  =                   10", b"NAXIS1  =                   12", 1))
    with pytest.raises(UnreadableError) as caught:
        read_stis_events(path)
    assert str(path) in caught.value.message
