"""What files of the EPIC cameras are, by content."""

import shutil
from dataclasses import replace

import pytest

from hstlc.errors import UnreadableError
from hstlc.missions.base import Role
from hstlc.missions.xmm.identify import companions, identify
from hstlc.testing.epic import EpicCamera, EpicObservation, EpicSource, write_observation
from hstlc.testing.epic.bad import edit_list

MOS = EpicCamera("m1", "S001", background_ct_s=0.2)
SHORT = EpicObservation(length_s=200.0, cameras=(MOS,), sources=(EpicSource(rate_ct_s=0.3),))


def test_the_kind_is_camera_and_exposure_whatever_the_name(tmp_path):
    cameras = (EpicCamera("pn", "S003"), EpicCamera("m1", "S001"), EpicCamera("m2", "U002"))
    written = write_observation(tmp_path, replace(SHORT, cameras=cameras))
    found = {}
    for number, path in enumerate(written.paths):
        renamed = tmp_path / f"file{number}.fits.gz"
        shutil.copy(path, renamed)
        one = identify(renamed)
        found[one.kind] = (one.role, one.rootname, one.archive_name == path.name)
    events = (Role.EVENTS, "0999990101", True)
    assert found == {
        "pn_s003": events,
        "m1_s001": events,
        "m2_u002": events,
        "obsmli": (Role.COMPANION, "0999990101", True),
    }


def test_target_and_position_are_those_of_the_proposal(tmp_path):
    one = identify(write_observation(tmp_path, SHORT).paths[0])
    assert (one.target, one.ra_deg, one.dec_deg, one.cal_ver) == ("SIM-FIELD", 150.1, 2.2, "21.1")


def test_later_processings_sort_after_earlier_ones(tmp_path):
    versions = []
    for number in (1, 2, 10):
        path = write_observation(tmp_path / str(number), replace(SHORT, version=number)).paths[0]
        versions.append(identify(path).version)
    assert versions == sorted(versions)
    assert len(set(versions)) == 3


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"DATAMODE": "TIMING"}, "Timing mode"),
        ({"SUBMODE": "FastUncompressed"}, "Unsupported submode"),
        ({"FILTER": "CalClosed"}, "Closed filter"),
        ({"FILTER": "Closed"}, "Closed filter"),
        ({"OBS_MODE": "SLEW"}, "Slew"),
        ({"INSTRUME": "OM"}, "Wrong instrument"),
    ],
)
def test_what_makes_no_light_curve_is_refused_with_its_reason(tmp_path, keywords, reason):
    camera = replace(MOS, keywords=keywords)
    path = write_observation(tmp_path, replace(SHORT, cameras=(camera,))).paths[0]
    one = identify(path)
    assert (one.role, one.reason) == (Role.REFUSED, reason)
    assert path.name in one.message


@pytest.mark.parametrize("submode", ["PrimePartialRFS", "PrimePartialW2", "PrimePartialW6", "PrimeFullWindow"])
def test_window_modes_of_mos_are_event_lists(tmp_path, submode):
    camera = replace(MOS, keywords={"SUBMODE": submode})
    assert identify(write_observation(tmp_path, replace(SHORT, cameras=(camera,))).paths[0]).role is Role.EVENTS


def test_an_image_of_a_camera_is_no_event_list(tmp_path):
    path = write_observation(tmp_path, SHORT).paths[0]
    edit_list(path, lambda units: setattr(units["EVENTS"], "name", "IMAGE"))
    assert identify(path).reason == "Unsupported product"


def test_a_file_without_content_is_known_by_its_name_alone(tmp_path):
    path = tmp_path / "P0999990101PNU014PIEVLI0000.FTZ"
    path.write_bytes(b"")
    one = identify(path)
    assert (one.kind, one.rootname) == ("pn_u014", "0999990101")
    assert str(path) in one.problem
    other = path.rename(tmp_path / "some.fits")
    with pytest.raises(UnreadableError):
        identify(other)


def test_companions_are_the_files_of_the_same_observation(tmp_path):
    first = write_observation(tmp_path, SHORT)
    write_observation(tmp_path, replace(SHORT, obs_id="0999990201"))
    assert companions(first.paths[0]) == [first.source_list]


def test_lists_of_the_analysis_software_are_recognized(real_data):
    kinds = {}
    for path in sorted((real_data / "xmm").iterdir()):
        one = identify(path)
        kinds[one.kind] = (one.rootname, one.role, one.target, one.cal_ver)
    expected = ("0810230601", Role.EVENTS, "EGGR-38", "20.0.0")
    assert kinds == {"m1_s002": expected, "m2_s003": expected}
