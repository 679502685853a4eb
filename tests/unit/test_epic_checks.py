"""What the checks find in EPIC observations."""

from dataclasses import replace

import numpy as np
import pytest

from hstlc.checks import first_rejection, run_checks
from hstlc.missions.xmm.checks import CHECKS
from hstlc.missions.xmm.extract import extract
from hstlc.missions.xmm.identify import identify
from hstlc.missions.xmm.read import load
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.testing.cos import flare
from hstlc.testing.epic import EpicCamera, EpicObservation, EpicSource, write_observation
from hstlc.testing.epic.bad import edit_list

MOS1, MOS2 = (EpicCamera(name, "S001", background_ct_s=0.5) for name in ("m1", "m2"))
SHORT = EpicObservation(length_s=300.0, cameras=(MOS1,), sources=(EpicSource(rate_ct_s=0.5),))


def found(paths, settings=None):
    exposure = load([identify(path) for path in paths])
    return run_checks(CHECKS, exposure, settings or XmmSettings())


def reasons(paths, settings=None):
    return [finding.reason for finding in found(paths, settings)]


def write(folder, *cameras, **changes):
    return write_observation(folder, replace(SHORT, cameras=cameras, **changes)).paths


def test_a_good_observation_has_no_finding(tmp_path):
    assert found(write(tmp_path, MOS1, MOS2)) == ()


def test_a_camera_that_cannot_be_used_does_not_reject_the_others(tmp_path):
    paths = write(tmp_path, MOS1, MOS2)
    edit_list(paths[0], lambda units: setattr(units["EVENTS"], "data", units["EVENTS"].data[:0]))
    (finding,) = found(paths)
    assert (finding.reason, finding.filename) == ("Event list left out", paths[0].name)
    assert "no rows" in finding.message
    made = extract(load([identify(path) for path in paths]), XmmSettings())
    assert made.curve.meta["INSTRUME"] == "EMOS2"
    assert {band.partition("_")[0] for band in made.sources[0].curves} == {"m2"}


def test_an_observation_without_any_good_list_is_rejected_for_the_first_reason(tmp_path):
    paths = write(tmp_path, MOS1, MOS2)
    edit_list(paths[1], lambda units: setattr(units["EVENTS"], "data", units["EVENTS"].data[:0]))
    paths[0].write_bytes(paths[0].read_bytes()[:-500])
    rejection = first_rejection(found(paths))
    assert (rejection.reason, rejection.filename) == ("Unreadable file", paths[0].name)
    assert reasons(paths) == ["Unreadable file", "No events"]


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (("GTI",), ["Missing GTI", "Header mismatch"]),
        (("EXPOSU",), ["Missing frames"]),
        (("FLAG", "PATTERN"), ["Missing columns"]),
        (("PI",), ["Missing column"]),
    ],
)
def test_what_a_list_has_not_is_told(tmp_path, without, expected):
    got = reasons(write(tmp_path, replace(MOS1, without=without)))
    assert got == [reason for reason in expected if reason != "Header mismatch" or reason in got]
    assert got[0] == expected[0]


def test_an_observation_without_source_list_is_flagged_unless_the_sources_are_given(tmp_path):
    paths = write(tmp_path, MOS1, source_list=False)
    assert reasons(paths) == ["Missing source list"]
    mine = XmmSettings(sources=[{"region": 'icrs; circle(150.1, 2.2, 20")'}])
    assert reasons(paths, mine) == []
    assert reasons(paths, XmmSettings(use_source_list=False)) == []


def test_a_source_list_that_cannot_be_read_is_told(tmp_path):
    paths = write(tmp_path, MOS1)
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    assert reasons(paths) == ["Unreadable source list"]


def test_events_outside_of_the_time_of_the_header_are_told(tmp_path):
    later = replace(MOS1, keywords={"TSTOP": SHORT.start_met_s + 100.0, "ONTIME": 1000.0})
    messages = [finding.message for finding in found(write(tmp_path, later)) if finding.reason == "Header mismatch"]
    assert any("TSTART to TSTOP" in message for message in messages)
    assert any("ONTIME is 1000.0 s" in message for message in messages)


def test_little_good_time_is_told(tmp_path):
    gaps = replace(MOS1, gti=((0.0, 40.0), (260.0, 300.0)))
    assert reasons(write(tmp_path, gaps)) == ["Gaps in good time"]


def test_a_background_that_flares_all_the_time_is_told(tmp_path):
    bright = replace(MOS1, background_ct_s=30.0)
    assert reasons(write(tmp_path, bright)) == ["High background"]
    assert reasons(write(tmp_path, bright), XmmSettings(flares="off")) == []
    once = replace(MOS1, background=flare(100.0, rise_s=5.0, decay_s=30.0, amplitude=60.0))
    assert reasons(write(tmp_path, once)) == []


def test_lists_of_different_targets_are_told(tmp_path):
    other = replace(MOS2, keywords={"OBJECT": "SOMETHING ELSE"})
    assert reasons(write(tmp_path, MOS1, other)) == ["Different targets"]


def test_times_that_are_no_numbers_reject(tmp_path):
    paths = write(tmp_path, MOS1)

    def edit(units):
        units["EVENTS"].data["TIME"][3] = np.nan

    edit_list(paths[0], edit)
    assert reasons(paths)[0] == "Non-linear time"
