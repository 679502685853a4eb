"""What a Chandra file is, by its content."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import UnreadableError
from hstlc.missions.base import Role
from hstlc.missions.chandra.identify import companions, identify, release
from hstlc.testing.chandra import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    WrittenChandra,
    draw_events,
    write_event_list,
    write_evt2,
    write_region_products,
)

SCENE = ChandraScene((ChandraSource(0.02),), background_ct_s=0.02)
FIELD = ChandraObservation(ontime_s=1000.0)
REGION = ChandraObservation(ontime_s=1000.0, region=35)


def one(folder: Path, observation: ChandraObservation = FIELD, content: str = "EVT2", **overrides: object) -> Path:
    path = folder / "some.fits"
    return write_event_list(path, observation, draw_events(observation, SCENE), content=content, overrides=overrides)


def seen(path: Path) -> tuple[str, str, Role]:
    identity = identify(path)
    assert identity is not None
    return identity.rootname, identity.kind, identity.role


def products(folder: Path, **more: bool) -> WrittenChandra:
    return write_region_products(folder, REGION, SCENE, lc3=True, **more)


@pytest.mark.parametrize("compressed", [False, True])
def test_products_of_a_region_are_one_exposure_and_keep_the_names_of_the_archive(
    tmp_path: Path, compressed: bool
) -> None:
    written = products(tmp_path, compressed=compressed)
    found = [identify(path) for path in written.paths]
    assert [(one.rootname, one.kind) for one in found if one is not None] == [
        ("acisf07999_000_r0035", "regevt3"),
        ("acisf07999_000_r0035", "reg3"),
        ("acisf07999_000_r0035", "lc3_b"),
    ]
    assert [one.archive_name for one in found if one is not None] == [path.name for path in written.paths]


def test_a_field_is_another_exposure_than_its_regions(tmp_path: Path) -> None:
    field = write_evt2(tmp_path, FIELD, SCENE)
    catalog = write_evt2(tmp_path, FIELD, SCENE, content="EVT3")
    assert seen(field.paths[0]) == ("acisf07999_000", "evt2", Role.EVENTS)
    assert seen(catalog.paths[0]) == ("acisf07999_000", "evt3", Role.EVENTS)
    identity = identify(field.paths[0])
    assert identity is not None
    assert identity.archive_name == "acisf07999N021_evt2.fits"


def test_dead_times_belong_to_their_field(tmp_path: Path) -> None:
    written = write_evt2(tmp_path, ChandraObservation(detector="HRC-I", ontime_s=500.0), SCENE)
    assert [seen(path) for path in written.paths] == [
        ("hrcf07999_000", "evt2", Role.EVENTS),
        ("hrcf07999_000", "dtf1", Role.COMPANION),
    ]


def test_interleaved_exposures_are_two(tmp_path: Path) -> None:
    assert seen(one(tmp_path, DTYCYCLE=6, CYCLE="P"))[0] == "acisf07999_000_e1"
    assert seen(one(tmp_path, DTYCYCLE=6, CYCLE="S"))[0] == "acisf07999_000_e2"


def test_without_content_a_region_tells_the_kind(tmp_path: Path) -> None:
    assert seen(one(tmp_path, content=""))[1] == "evt2"
    assert seen(one(tmp_path, REGION, content=""))[:2] == ("acisf07999_000_r0035", "regevt3")


def test_the_light_curve_of_a_band_says_which(tmp_path: Path) -> None:
    path = products(tmp_path).paths[2]
    with fits.open(path, mode="update", checksum=False) as hdus:
        hdus[1].header["DSTYP2"], hdus[1].header["DSVAL2"] = "energy", "2000.0:7000.0"
    assert seen(path)[1] == "lc3_h"


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"CONTENT": "EVT1", "HDUCLAS2": "ALL"}, "Not filtered"),
        ({"READMODE": "CONTINUOUS"}, "Continuous clocking"),
        ({"INSTRUME": "EPHIN"}, "Wrong instrument"),
    ],
)
def test_what_gives_no_light_curve_is_refused_with_a_reason(
    tmp_path: Path, overrides: dict[str, str], reason: str
) -> None:
    identity = identify(one(tmp_path, **overrides))
    assert identity is not None
    assert (identity.role, identity.reason) == (Role.REFUSED, reason)
    assert identity.message.startswith("some.fits: ")


def test_images_and_regions_of_stacks_are_refused(tmp_path: Path) -> None:
    primary = fits.PrimaryHDU(np.zeros((2, 2)))
    primary.header["TELESCOP"], primary.header["INSTRUME"] = "CHANDRA", "ACIS"
    primary.writeto(tmp_path / "image.fits")
    stack = products(tmp_path).paths[1]
    with fits.open(stack, mode="update") as hdus:
        for unit in hdus:
            unit.header.pop("OBS_ID", None)
    for path in (tmp_path / "image.fits", stack):
        identity = identify(path)
        assert identity is not None
        assert (identity.role, identity.reason) == (Role.REFUSED, "Unsupported product")


def test_a_later_processing_sorts_after_an_earlier_one(tmp_path: Path) -> None:
    def version(**more: object) -> str:
        identity = identify(one(tmp_path, **more))
        assert identity is not None
        return identity.version

    in_order = [
        version(REVISION=1, ASCDSVER="10.9.2"),
        version(REVISION=2, ASCDSVER="9.3"),
        version(REVISION=2, ASCDSVER="10.1"),
        version(REVISION=2, ASCDSVER="10.1", DATE="2024-01-01T00:00:00"),
        version(REVISION=10, ASCDSVER="8.4"),
    ]
    assert in_order == sorted(in_order)
    assert len(set(in_order)) == len(in_order)


@pytest.mark.parametrize(("revision", "expected"), [(1, "1"), (21, "2.0"), (30, "2.1"), (None, "")])
def test_the_number_of_a_product_tells_the_release(revision: int | None, expected: str) -> None:
    assert release({"REVISION": revision}) == expected


def test_a_file_that_cannot_be_read_is_placed_by_its_name(tmp_path: Path) -> None:
    for name, rootname, kind in (
        ("acisf02798N004_evt2.fits.gz", "acisf02798_000", "evt2"),
        ("acisf07999_001N021_e2_r0035b_lc3.fits", "acisf07999_001_e2_r0035", "lc3_b"),
        ("hrcf24564_000N030_r0001_reg3.fits", "hrcf24564_000_r0001", "reg3"),
    ):
        path = tmp_path / name
        path.write_bytes(b"no FITS")
        identity = identify(path)
        assert identity is not None
        assert (identity.rootname, identity.kind) == (rootname, kind)
        assert str(path) in identity.problem
    (tmp_path / "acisf02798N004_asol1.fits").write_bytes(b"no FITS")
    with pytest.raises(UnreadableError):
        identify(tmp_path / "acisf02798N004_asol1.fits")


def test_companions_are_of_the_same_region(tmp_path: Path) -> None:
    first = products(tmp_path)
    write_region_products(tmp_path, ChandraObservation(ontime_s=500.0, region=36), SCENE)
    write_evt2(tmp_path, FIELD, SCENE)
    assert companions(first.paths[0]) == sorted(first.paths[1:])


def test_real_files_are_known(real_data: Path) -> None:
    for name in ("chandra_test.fits", "chandra_noener_test.fits"):
        assert seen(real_data / "chandra" / name) == ("acisf10027_000", "evt2", Role.EVENTS)
    assert seen(real_data / "chandra" / "structure_only_evt.fits") == ("acisf00732_000", "evt2", Role.EVENTS)
