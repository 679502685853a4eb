"""The installed missions."""

from importlib.metadata import entry_points

import pytest

from hstlc.errors import UsageError
from hstlc.missions.registry import ENTRY_POINTS, mission, missions


def test_every_entry_point_is_a_mission_of_its_name() -> None:
    assert list(missions()) == sorted(point.name for point in entry_points(group=ENTRY_POINTS))
    assert all(mission(name).name == name for name in missions())


def test_nobody_adds_one_at_run_time() -> None:
    with pytest.raises(TypeError):
        missions()["other"] = mission("hst")  # type: ignore[index]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        mission("jwst")
    assert caught.value.code == "usage.unknown-mission"
    assert "'jwst'" in caught.value.message
    assert ", ".join(missions()) in caught.value.hint
