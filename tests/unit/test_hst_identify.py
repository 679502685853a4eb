"""What an HST file is, by its content."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import InconsistentError, UnreadableError
from hstlc.missions.base import FileIdentity, Role
from hstlc.missions.hst.identify import companions, identify
from hstlc.testing.cos import CosExposure, Scene, bad_files, edit_file, write_exposure

SCENE = Scene(20.0, 1.0)


def _write(folder: Path, **changes: Any) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    return write_exposure(folder, CosExposure(**{"exptime_s": 20.0, **changes}), SCENE).paths


def _known(path: Path) -> FileIdentity:
    identity = identify(path)
    assert identity is not None
    return identity


def _hst_file(path: Path, columns: str, **header: object) -> Path:
    primary = fits.PrimaryHDU()
    primary.header.update({"TELESCOP": "HST", "ROOTNAME": path.name[:9], **header})
    table = fits.BinTableHDU.from_columns([fits.Column(name, "E", array=np.ones(3)) for name in columns.split()])
    fits.HDUList([primary, table]).writeto(path)
    return path


# --- what is read


def test_segments_and_spectrum_of_one_exposure(tmp_path: Path) -> None:
    found = [_known(path) for path in _write(tmp_path, segments=("A", "B"), targname="NGC 1")]
    assert [(identity.kind, identity.role) for identity in found] == [
        ("corrtag_a", Role.EVENTS),
        ("corrtag_b", Role.EVENTS),
        ("x1d", Role.COMPANION),
    ]
    assert {identity.rootname for identity in found} == {"lsim00aaq"}
    assert {identity.target for identity in found} == {"NGC 1"}
    assert {identity.cal_ver for identity in found} == {"3.2.1 (2017-04-28)"}
    assert len({identity.version for identity in found}) == 1


def test_nuv_events_are_one_file(tmp_path: Path) -> None:
    paths = _write(tmp_path, detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"))
    assert [_known(path).kind for path in paths] == ["corrtag", "x1d"]


def test_compressed_files_are_the_same(tmp_path: Path) -> None:
    path = _write(tmp_path)[0]
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert (_known(packed).kind, _known(packed).rootname) == ("corrtag_a", "lsim00aaq")


def test_rootnames_are_lower_case(tmp_path: Path) -> None:
    path = edit_file(_write(tmp_path)[0], lambda units: units[0].header.set("ROOTNAME", "LSIM00AAQ"))
    assert _known(path).rootname == "lsim00aaq"


def test_without_a_rootname_the_file_name_has_it(tmp_path: Path) -> None:
    def forget(units: Any) -> None:
        for unit in units:
            unit.header.remove("ROOTNAME", ignore_missing=True)

    path = edit_file(_write(tmp_path)[0], forget)
    assert _known(path).rootname == "lsim00aaq"
    assert _known(path.rename(tmp_path / "mine_copy.fits")).rootname == "mine"


# --- what is not read


@pytest.mark.parametrize(
    ("name", "columns", "header", "role", "reason", "said"),
    [
        ("ibaa01aaq_flt.fits", "A", {"INSTRUME": "WFC3"}, Role.REFUSED, "Wrong instrument", "a product of WFC3"),
        ("ibaa01aaq_flt.fits", "A", {}, Role.REFUSED, "Wrong instrument", "no instrument"),
        ("lbaa01aaq_x1d.fits", "A", {"INSTRUME": "COS", "OBSMODE": "ACCUM"}, Role.REFUSED, "Wrong mode", "ACCUM"),
        ("lbaa01aaq_x1d.fits", "A", {"INSTRUME": "COS"}, Role.REFUSED, "Wrong mode", "unknown"),
        (
            "lbaa01aaq_rawtag_a.fits",
            "TIME RAWX RAWY PHA",
            {"INSTRUME": "COS", "OBSMODE": "TIME-TAG"},
            Role.REFUSED,
            "Unsupported product",
            "ingest its corrtag instead",
        ),
        (
            "lbaa01010_x1dsum.fits",
            "SEGMENT WAVELENGTH FLUX NET",
            {"INSTRUME": "COS", "OBSMODE": "TIME-TAG"},
            Role.REFUSED,
            "Unsupported product",
            "a COS x1dsum file",
        ),
        (
            "obaa01aaq_tag.fits",
            "TIME AXIS1 AXIS2 DETAXIS1",
            {"INSTRUME": "STIS", "OBSMODE": "ACCUM"},
            Role.REFUSED,
            "Wrong mode",
            "a STIS tag taken in mode ACCUM",
        ),
        (
            "obaa01aaq_x1d.fits",
            "SPORDER WAVELENGTH FLUX NET",
            {"INSTRUME": "STIS", "OBSMODE": "TIME-TAG"},
            Role.REFUSED,
            "Unsupported product",
            "a STIS x1d file",
        ),
        (
            "obaa01aaq_flt.fits",
            "A",
            {"INSTRUME": "STIS", "OBSMODE": "TIME-TAG"},
            Role.REFUSED,
            "Unsupported product",
            "a STIS flt file",
        ),
    ],
)
def test_other_products_say_what_they_are(
    tmp_path: Path, name: str, columns: str, header: dict[str, object], role: Role, reason: str, said: str
) -> None:
    identity = _known(_hst_file(tmp_path / name, columns, **header))
    assert (identity.role, identity.reason) == (role, reason)
    assert name in identity.message
    assert said in identity.message


def test_a_raw_event_list_is_refused_under_the_name_of_a_corrtag(tmp_path: Path) -> None:
    raw = bad_files(tmp_path)["rawtag"].paths[0]
    identity = _known(raw.rename(tmp_path / "lbad13aaq_corrtag_a.fits"))
    assert (identity.role, identity.reason) == (Role.REFUSED, "Unsupported product")


def test_files_of_other_telescopes_are_left_to_other_missions(tmp_path: Path) -> None:
    path = _write(tmp_path)[0]
    edit_file(path, lambda units: units[0].header.set("TELESCOP", "XMM"))
    assert identify(path) is None
    edit_file(path, lambda units: units[0].header.remove("TELESCOP"))
    assert identify(path) is None


# --- what cannot be read


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize("damage", [_cut, lambda _: b"", lambda _: b"<html>503</html>"])
def test_an_unreadable_file_belongs_to_the_exposure_in_its_name(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    events, spectrum = _write(tmp_path)
    for path, kind, role in ((events, "corrtag_a", Role.EVENTS), (spectrum, "x1d", Role.COMPANION)):
        path.write_bytes(damage(path.read_bytes()))
        identity = _known(path)
        assert (identity.rootname, identity.kind, identity.role) == ("lsim00aaq", kind, role)
        assert str(path) in identity.problem
        assert identity.version == ""  # never takes the place of a version that can be read


@pytest.mark.parametrize("name", ["spectrum.fits", "lsim00aaq_asn.fits", "lsim00aa_corrtag_a.fits"])
def test_an_unreadable_file_without_such_a_name_is_nobodys(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(UnreadableError) as caught:
        identify(path)
    assert caught.value.code == "data.empty"
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_gone_is_not_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InconsistentError) as caught:
        identify(tmp_path / "lsim00aaq_corrtag_a.fits")
    assert caught.value.code == "data.vanished"


# --- versions


def test_versions_sort_by_calibration_then_processing_then_date(tmp_path: Path) -> None:
    versions = []
    for number, (cal_ver, processed) in enumerate(
        [
            ("", 59000.0),
            ("2.21 (2015)", 59000.0),
            ("3.2 (2016)", 59000.0),
            ("3.2.1 (2017)", 58000.0),
            ("3.2.1 (2017)", 58000.5),
            ("3.10", 58000.0),
        ]
    ):
        path = _write(tmp_path / str(number), cal_ver=cal_ver, proctime_mjd=processed)[0]
        versions.append(_known(path).version)
    assert versions == sorted(versions)
    assert len(set(versions)) == len(versions)


# --- companions


def test_companions_are_of_the_same_exposure_and_can_be_read(tmp_path: Path) -> None:
    paths = _write(tmp_path, segments=("A", "B"))
    _write(tmp_path, rootname="lsim01aaq")
    shutil.copy(paths[0], tmp_path / "lsim00aaq_rawtag_a.fits")
    shutil.copy(paths[0], tmp_path / "lsim00aaq_curve.fits")
    shutil.copy(paths[0], tmp_path / "notes.txt")
    assert companions(paths[0]) == [paths[1], paths[2]]
    assert companions(tmp_path / "notes.txt") == []


# --- real files


@pytest.mark.parametrize(
    ("name", "kind", "role", "reason"),
    [
        ("ld9m10ujq_corrtag_a.fits", "corrtag_a", Role.EVENTS, ""),
        ("ld9m10ujq_x1d.fits", "x1d", Role.COMPANION, ""),
        ("ldfd01vnq_rawtag_a.fits.gz", "rawtag_a", Role.REFUSED, "Unsupported product"),
        ("ldfd01vnq_x1d.fits.gz", "x1d", Role.COMPANION, ""),
        ("odlm18040_tag.fits.gz", "tag", Role.EVENTS, ""),
        ("odlm21050_x1d.fits", "x1d", Role.COMPANION, ""),
        ("o3zx02070_x1d.fits", "x1d", Role.REFUSED, "Wrong mode"),
        ("odlm21010_sx1.fits", "sx1", Role.REFUSED, "Wrong mode"),
    ],
)
def test_real_files(real_data: Path, name: str, kind: str, role: Role, reason: str) -> None:
    identity = _known(real_data / "hst" / name)
    assert (identity.rootname, identity.kind, identity.role, identity.reason) == (name[:9], kind, role, reason)


@pytest.mark.parametrize("name", ["chandra/chandra_test.fits", "chandra/structure_only_evt.fits"])
def test_real_files_of_other_missions(real_data: Path, name: str) -> None:
    assert identify(real_data / name) is None
