"""The quality checks of Chandra exposures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hstlc.checks import run_checks
from hstlc.missions.chandra.mission import MISSION
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.model import Severity
from hstlc.testing.chandra import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    draw_events,
    write_event_list,
    write_evt2,
    write_region_products,
)

SCENE = ChandraScene((ChandraSource(0.02),), background_ct_s=0.05)
FIELD = ChandraObservation(ontime_s=3000.0)
REGION = replace(FIELD, region=35)
HERE = {"name": "here", "region": 'icrs; circle(150.0, 2.0, 2.5")'}


def reasons(paths: Sequence[Path], **settings: Any) -> list[str]:
    return [reason for reason, _ in found(paths, **settings)]


def found(paths: Sequence[Path], **settings: Any) -> list[tuple[str, str]]:
    identities = [MISSION.identify(path) for path in paths]
    exposure = MISSION.load([one for one in identities if one is not None])
    findings = run_checks(MISSION.checks, exposure, ChandraSettings(**settings))
    return [(one.reason, one.message) for one in findings]


def field(
    folder: Path, observation: ChandraObservation = FIELD, scene: ChandraScene = SCENE, **more: Any
) -> list[Path]:
    return [write_event_list(folder / "list.fits", observation, draw_events(observation, scene), **more)]


def test_a_good_exposure_has_no_findings(tmp_path: Path) -> None:
    assert reasons(field(tmp_path), sources=[HERE]) == []
    assert reasons(write_region_products(tmp_path, REGION, SCENE, lc3=True).paths) == []


def test_a_region_without_its_ellipse_is_flagged(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE, reg3=False)
    assert reasons(written.paths) == ["Missing reg3", "No background region"]


def test_an_ellipse_of_another_band_is_flagged(tmp_path: Path) -> None:
    paths = write_region_products(tmp_path, REGION, SCENE).paths
    with fits.open(paths[1]) as hdus:
        fits.HDUList([hdus[0], hdus["ECF90REGS"]]).writeto(tmp_path / "soft.fits")
    message = dict(found([paths[0], tmp_path / "soft.fits"]))["Missing ellipse"]
    assert "ECF90REGB" in message
    assert "ECF90REGS" in message


def test_products_of_two_releases_are_flagged(tmp_path: Path) -> None:
    new = write_region_products(tmp_path, replace(REGION, revision=30), SCENE, reg3=False)
    old = write_region_products(tmp_path, REGION, SCENE)
    message = dict(found([new.paths[0], old.paths[1]]))["Release mismatch"]
    assert "2.0" in message
    assert "2.1" in message


def test_missing_good_times_energies_and_planes_are_flagged(tmp_path: Path) -> None:
    assert reasons(field(tmp_path, without=("GTI",))) == ["Missing GTI"]
    assert reasons(field(tmp_path, without=("energy",))) == ["No energies"]
    assert reasons(field(tmp_path, without=("x", "y"))) == ["No sky coordinates"]
    planeless = field(tmp_path, overrides={"TCTYP11": None, "TCTYP12": None})
    assert reasons(planeless) == ["No sky coordinates"]


def test_a_chip_without_good_times_is_named(tmp_path: Path) -> None:
    two = replace(FIELD, chips=MappingProxyType({7: (3584.0, 3584.0), 6: (2540.0, 3584.0), 3: (2540.0, 4700.0)}))
    (path,) = field(tmp_path, two)
    with fits.open(path) as hdus:
        kept = [unit for unit in hdus if unit.header.get("CCD_ID") != 6]
        fits.HDUList(kept).writeto(tmp_path / "cut.fits")
    told = dict(found([tmp_path / "cut.fits"]))
    assert "CCD 6" in told["Missing GTI"]
    assert "Events in bad time" in told


def test_an_exposure_time_that_no_chip_has_is_flagged(tmp_path: Path) -> None:
    message = dict(found(field(tmp_path, overrides={"EXPOSURE": 2500.0})))["Header mismatch"]
    assert "2500" in message
    assert "2962" in message


@pytest.mark.parametrize(
    ("overrides", "reason"), [({"GRATING": "HETG"}, "Grating"), ({"OBS_MODE": "RASTER"}, "Not pointed")]
)
def test_gratings_and_scans_are_flagged(tmp_path: Path, overrides: dict[str, str], reason: str) -> None:
    assert reasons(field(tmp_path, overrides=overrides)) == [reason]


def test_hrc_without_its_dead_times_is_flagged(tmp_path: Path) -> None:
    hrc = ChandraObservation(detector="HRC-I", ontime_s=1000.0)
    scene = ChandraScene((ChandraSource(0.05),), background_ct_s=0.01)
    written = write_evt2(tmp_path, hrc, scene)
    assert reasons(written.paths) == []
    assert reasons(written.paths[:1]) == ["Missing dtf1"]


def test_two_lists_of_a_field_are_flagged_and_the_better_is_taken(tmp_path: Path) -> None:
    paths = [write_evt2(tmp_path, FIELD, SCENE, content=content).paths[0] for content in ("EVT2", "EVT3")]
    assert found(paths) == [("Several event lists", "there are evt3 and evt2; evt3 is taken")]


def test_a_region_without_events_is_flagged(tmp_path: Path) -> None:
    nothing = {"name": "nothing", "region": 'icrs; circle(150.03, 2.0, 0.6")'}
    assert found(field(tmp_path), sources=[nothing])[0] == (
        "No events in region",
        "nothing: no good event is in its region",
    )


def test_the_catalogs_extended_sources_are_flagged(tmp_path: Path) -> None:
    paths = write_region_products(tmp_path, REGION, SCENE).paths
    with fits.open(paths[1], mode="update") as hdus:
        hdus[1].header["SRCNAME"] = "2CXO J100000.0+020000X"
    assert dict(found(paths))["Extended source"].startswith("2CXO J100000.0+020000X")


def test_a_source_between_two_chips_is_flagged(tmp_path: Path) -> None:
    two = replace(FIELD, chips=MappingProxyType({6: (3072.5, 3584.0), 7: (4096.5, 3584.0)}))
    told = dict(found(field(tmp_path, two), sources=[HERE]))
    assert "on 6" in told["Several CCDs"]
    assert "on 7" in told["Several CCDs"]
    assert "Near chip edge" in told


def test_a_source_near_an_edge_of_its_window_is_flagged(tmp_path: Path) -> None:
    assert reasons(field(tmp_path, overrides={"FIRSTROW": 513, "NROWS": 128}), sources=[HERE]) == ["Near chip edge"]


def test_a_bright_source_piles_up(tmp_path: Path) -> None:
    bright = ChandraScene((ChandraSource(0.3),), background_ct_s=0.05)
    told = dict(found(field(tmp_path, FIELD, bright), sources=[HERE]))
    assert "counts a frame" in told["Pile-up"]
    assert 0.5 < float(told["Pile-up"].split()[1]) < 1.2


def test_severities_are_those_of_the_list() -> None:
    rejecting = {check.reason for check in MISSION.checks if check.severity is Severity.REJECT}
    assert {"Unreadable file", "No events", "No time column", "No good time", "No live time"} <= rejecting
    assert not {"Missing reg3", "Pile-up", "Dither", "Several CCDs", "Missing dtf1"} & rejecting


def test_events_that_are_all_bad_reject(tmp_path: Path) -> None:
    (path,) = field(tmp_path)
    with fits.open(path, mode="update") as hdus:
        hdus[1].data["grade"] = np.full(len(hdus[1].data), 7)
    assert reasons([path])[0] == "No good events"
