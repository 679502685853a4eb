"""Files of the stand-in: valid, small, the same each time, and good enough to make light curves of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import get_args

import pytest
from astropy.io import fits

import hstlc
from hstlc.missions.hst.identify import identify
from hstlc.testing.archive.hst_files import HstDataset, Mode, _exposure, with_checksums

EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
MODES = get_args(Mode)


@pytest.mark.parametrize("mode", MODES)
def test_files_are_the_same_each_time_and_have_good_checksums(mode: Mode) -> None:
    dataset = HstDataset(7, mode, wavecal=True)
    first = {file.name: file.content for file in dataset.make(0, EARLY)}
    _exposure.cache_clear()
    assert {file.name: file.content for file in dataset.make(0, EARLY)} == first
    for name, content in first.items():
        assert len(content) % 2880 == 0
        with fits.open(BytesIO(content), checksum=True) as units:
            assert units[0].header["SIMULATD"] == "T"
            assert all("CHECKSUM" in unit.header and "DATASUM" in unit.header for unit in units), name


@pytest.mark.parametrize("mode", MODES)
def test_event_lists_are_small(mode: Mode) -> None:
    sizes = {file.name: len(file.content) for file in HstDataset(7, mode).make(0, EARLY) if "x1d" not in file.name}
    assert max(sizes.values()) < 125_000


@pytest.mark.parametrize("mode", MODES)
def test_another_version_has_the_same_sizes_and_other_bytes(mode: Mode) -> None:
    dataset = HstDataset(7, mode)
    for old, new in zip(dataset.make(0, EARLY), dataset.make(1, LATE), strict=True):
        assert (old.name, len(old.content)) == (new.name, len(new.content))
        assert old.content != new.content
        headers = [fits.Header.fromstring(one.content[:28800].decode("ascii", "replace")) for one in (old, new)]
        assert headers[0]["PROCTIME"] < headers[1]["PROCTIME"]


@pytest.mark.parametrize("mode", MODES)
def test_light_curves_can_be_made_of_them(mode: Mode, tmp_path: Path) -> None:
    dataset = HstDataset(7, mode, targname="SIM-X")
    for file in dataset.make(0, EARLY):
        if file.wanted:
            (tmp_path / file.name).write_bytes(file.content)
    events = sorted(path for path in tmp_path.iterdir() if "x1d" not in path.name)
    for path in tmp_path.iterdir():
        found = identify(path)
        assert found is not None
        assert (found.rootname, found.target, found.reason) == (path.name.split("_")[0], "SIM-X", "")
    curve = hstlc.light_curve(events[0])
    # events a second and their mean weight, in 30 s
    counts = {"fuv": 2 * 8.0 * 1.025, "fuv-a": 8.0 * 1.025, "nuv": 3 * 8.0 * 1.025, "stis": 10.0}[mode] * 30.0
    assert float(curve.data["counts"].sum()) == pytest.approx(counts, abs=5 * counts**0.5)


def test_names_follow_from_the_dataset() -> None:
    dataset = HstDataset(12, exposures=2, wavecal=True)
    assert (dataset.key, dataset.members) == ("LS0012010", ("ls0012a1q", "ls0012a2q"))
    assert HstDataset(12, association=False).key == "LS0012A1Q"
    assert HstDataset(12, "stis", association=False).key == "OS0012010"
    names = [file.name for file in dataset.make(0, EARLY) if file.wanted]
    assert names == [f"ls0012a{n}q_{kind}.fits" for n in (1, 2) for kind in ("corrtag_a", "x1d")]


def test_a_single_exposure_has_no_association() -> None:
    dataset = HstDataset(12, association=False)
    assert not any("asn" in file.name for file in dataset.make(0, EARLY))
    content = next(iter(dataset.make(0, EARLY))).content
    with fits.open(BytesIO(content)) as units:
        assert units[0].header["ASN_ID"] == "NONE"
    with pytest.raises(ValueError, match="association"):
        replace(dataset, wavecal=True)


@pytest.mark.parametrize("dataset", [HstDataset(3, association=False, lamp=True), HstDataset(3, wavecal=True)])
def test_an_exposure_of_the_lamp_says_so_in_its_header(dataset: HstDataset) -> None:
    files = {file.name: file for file in dataset.make(0, EARLY)}
    file = files["ls0003a1q_corrtag_a.fits" if dataset.lamp else "ls0003w1q_corrtag_a.fits"]
    assert not file.wanted
    with fits.open(BytesIO(file.content)) as units:
        assert (units[0].header["EXPTYPE"], units[1].header["ASN_MTYP"]) == ("WAVECAL", "EXP-AWAVE")


def test_checksums_are_those_of_astropy() -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=range(1000))], name="X")
    buffer = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer)
    ours = with_checksums(buffer.getvalue())
    assert with_checksums(ours) == ours
    with fits.open(BytesIO(ours), checksum=True) as units:
        assert units[1].header["DATASUM"] == str(units[1]._calculate_datasum())
        assert list(units[1].data["A"]) == list(range(1000))
    flipped = bytearray(ours)
    flipped[-2000] ^= 1
    with pytest.warns(UserWarning, match="verification failed"), fits.open(BytesIO(flipped), checksum=True) as units:
        units[1].data  # noqa: B018
