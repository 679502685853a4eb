"""The client of the Chandra Data Archive, without network."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hstlc.archives.base import RemoteDataset, RemoteProduct, Selection, Window
from hstlc.errors import IntegrityError, RejectedError
from hstlc.missions.chandra.cda import Cda, CdaSettings
from hstlc.missions.chandra.filenames import chandra_name, newest
from hstlc.testing.archive.cda import OBSERVATION
from hstlc.testing.archive.spoiling import last_unit
from hstlc.testing.archive.world_tables import row
from hstlc.testing.archive.xray_files import ChandraExposure, chandra_events, csc_region
from tests.tap_fakes import FakeHttp

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FILES = "https://cda.example/byobsid"


class Fixed:
    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float, stop: Any = None) -> bool:  # noqa: ARG002
        raise AssertionError("a client does not wait")


def observation(number: int, **values: Any) -> tuple[Any, ...]:
    named = {
        "obsid": number, "target_name": "ARLAC", "ra": 150.0, "dec": 2.0, "instrument": "ACIS-S", "grating": "NONE",
        "status": "archived", "start_date": "2002-08-12 03:14:23", "public_avail_date": "2026-11-15 18:49:54",
        "exposure_time": 30.5, "exposure_mode": "TE", **values,
    }  # fmt: skip
    return row(OBSERVATION, named)


def client(rows: Sequence[tuple[Any, ...]] = (), **settings: Any) -> tuple[Cda, FakeHttp]:
    fake = FakeHttp([OBSERVATION], {OBSERVATION.full_name: rows})
    return Cda(CdaSettings(files_url=FILES, **settings), fake.http, Fixed()), fake


def keys(archive: Cda, stream: str, since: datetime | None = None) -> list[str]:
    return [one.key for page in archive.search(Window(stream, since, NOW)) for one in page.datasets]


def index(*names: str) -> bytes:
    lines = "\n".join(f'<a href="{name}">{name}</a>  2020-03-01 10:00   12M' for name in names)
    return f'<html><a href="/byobsid/">Parent Directory</a>{lines}</html>'.encode()


def test_an_observation_is_told_as_it_is_in_the_archive() -> None:
    archive, _ = client([observation(2798)])
    (page,) = archive.search(Window("public", None, NOW))
    (one,) = page.datasets
    assert (one.key, one.version, one.target, one.instrument) == ("2798", "2026-11-15T18:49:54", "ARLAC", "ACIS-S")
    assert one.release == page.watermark == datetime(2026, 11, 15, 18, 49, 54, tzinfo=UTC)
    assert one.start == datetime(2002, 8, 12, 3, 14, 23, tzinfo=UTC)
    assert set(one.columns) == Cda.required


def test_only_public_archived_observations_of_wanted_instruments_are_met() -> None:
    rows = [
        observation(1),
        observation(2, status="observed"),
        observation(3, public_avail_date="2026-12-15 18:49:54"),
        observation(4, public_avail_date=None),
        observation(5, instrument="HRC-I"),
        observation(6, instrument="GRATING"),
        observation(7, public_avail_date="2020-01-01 00:00:00"),
    ]
    archive, _ = client(rows)
    assert sorted(keys(archive, "public")) == ["1", "5", "7"]
    assert sorted(keys(archive, "full")) == ["1", "5", "7"]
    assert sorted(keys(archive, "public", NOW - timedelta(days=7))) == ["1", "5"]
    assert keys(client(rows, instruments=("HRC",))[0], "full") == ["5"]
    assert [(stream.name, stream.full) for stream in archive.streams()] == [("public", False), ("full", True)]


def test_observations_that_became_public_together_are_met_once_each_in_small_pages() -> None:
    archive, _ = client([observation(number) for number in range(1, 120)], page_size=10)
    met = keys(archive, "public")
    assert sorted(met, key=int) == [str(number) for number in range(1, 120)]
    assert keys(archive, "full") == [str(number) for number in range(1, 120)]


def test_observations_are_found_around_a_place_and_by_name_without_blanks() -> None:
    rows = [observation(1, ra=0.001, dec=89.9), observation(2, ra=180.0, dec=89.95), observation(3, ra=180.0, dec=89.0)]
    archive, _ = client(rows)
    place = Selection("x", 0.001, 89.9)
    assert sorted(one.key for page in archive.find(place) for one in page.datasets) == ["1", "2"]
    assert [one.key for page in archive.find(Selection("AR  Lac")) for one in page.datasets] == ["1", "2", "3"]
    with pytest.raises(RejectedError) as caught:
        list(archive.find(Selection()))
    assert caught.value.code == "archive.selection"


def test_event_lists_are_listed_in_their_newest_version_with_their_true_size() -> None:
    archive, fake = client()
    folder = f"{FILES}/8/2798/primary/"
    old, new = "acisf02798N004_evt2.fits.gz", "acisf02798N005_evt2.fits.gz"
    others = ("acisf02798N004_fov1.fits.gz", "oif.fits", "acisf02799N004_evt2.fits.gz", "orbit/")
    fake.replies |= {folder: index(old, new, *others), f"{folder}{new}": b"x" * 77}
    (product,) = archive.products([RemoteDataset("2798", "v")])
    assert (product.name, product.version, product.kind, product.size) == ("acisf02798_evt2.fits", "N005", "evt2", 77)
    request = archive.request(product)
    assert (request.url, request.filename, request.several) == (f"{folder}{new}", new, False)


def test_a_file_that_was_made_again_has_the_same_name_and_another_version() -> None:
    archive, fake = client(ask_sizes=False)
    seen = []
    for version in ("N004", "N005"):
        fake.replies[f"{FILES}/5/735/primary/"] = index(f"acisf00735{version}_evt2.fits.gz")
        (product,) = archive.products([RemoteDataset("735", "v")])
        seen.append((product.name, product.version))
    assert seen == [("acisf00735_evt2.fits", "N004"), ("acisf00735_evt2.fits", "N005")]
    assert archive.relist_after_s == 30 * 86400


def test_an_observation_in_several_parts_has_several_files() -> None:
    archive, fake = client(ask_sizes=False)
    parts = ("acisf00433_000N004_evt2.fits.gz", "acisf00433_001N004_evt2.fits.gz")
    fake.replies[f"{FILES}/3/433/primary/"] = index(*parts)
    assert [one.name for one in archive.products([RemoteDataset("433", "v")])] == [
        *("acisf00433_000_evt2.fits", "acisf00433_001_evt2.fits"),
    ]


def test_a_folder_that_is_not_there_is_an_error_and_an_empty_one_is_not() -> None:
    archive, fake = client()
    with pytest.raises(RejectedError) as caught:
        archive.products([RemoteDataset("735", "v")])
    assert caught.value.code == "archive.no-product"
    fake.replies[f"{FILES}/5/735/primary/"] = index("oif.fits")
    assert archive.products([RemoteDataset("735", "v")]) == []


def without_the_last(packed: bytes) -> bytes:
    """Return a file without its last extension."""
    whole = gzip.decompress(packed)
    return gzip.compress(whole[: last_unit(whole)])


def product(obsid: str = "2798") -> RemoteProduct:
    return RemoteProduct(obsid, f"acisf0{obsid}_evt2.fits", "N004", "evt2")


@pytest.mark.parametrize("detector", ["ACIS-I", "HRC-I"])
def test_an_event_list_is_what_it_says(tmp_path: Path, detector: str) -> None:
    path = tmp_path / "x.fits.gz"
    path.write_bytes(chandra_events(ChandraExposure(2798, detector=detector)))
    assert client()[0].identify(path, product()).rejection == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (chandra_events(ChandraExposure(2799)), "OBS_ID 2798"),
        (csc_region(ChandraExposure(2798, region=1)), "an extension EVENTS"),
        (gzip.decompress(chandra_events(ChandraExposure(2798))), "compressed by gzip"),
        (without_the_last(chandra_events(ChandraExposure(2798))), "good times of the chips 37"),
    ],
    ids=["another observation", "a region", "not compressed", "cut between two extensions"],
)
def test_another_file_than_the_one_asked_for_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.fits.gz"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=said) as caught:
        client()[0].identify(path, product())
    assert caught.value.code == "archive.wrong-file"


def test_names_of_files_are_taken_apart() -> None:
    name = chandra_name("hrcf24564N012_evt2.fits.gz")
    assert name is not None
    assert (name.instrument, name.obsid, name.version, name.stem) == ("hrc", 24564, "N012", "hrcf24564_evt2.fits")
    for other in (
        "oif.fits",
        "../acisf02798N004_evt2.fits",
        "acisf02798N004_evt2.fits.gz.html",
        "acisf2798N4_evt2.fits",
    ):
        assert chandra_name(other) is None
    some = [chandra_name(f"acisf02798N{version:03d}_evt2.fits.gz") for version in (4, 21, 9)]
    assert [one.version for one in newest([one for one in some if one])] == ["N021"]


def test_facts_hold_where_the_archive_is_as_expected_and_name_the_setting_where_not() -> None:
    archive, fake = client([observation(2798, public_avail_date="2003-01-20 00:00:00")])
    fake.replies[f"{FILES}/8/2798/primary/"] = index("acisf02798N004_evt2.fits.gz")
    facts = {fact.name: fact for fact in archive.facts()}
    assert not [fact for fact in facts.values() if not fact.holds]
    assert facts["index of files"].found == "acisf02798N004_evt2.fits.gz"
    assert len(fake.queries) + len(fake.asked) == 3
    fake.replies.clear()
    broken = {fact.name: fact for fact in archive.facts()}["index of files"]
    assert (broken.holds, broken.setting) == (False, "archives.cda.files_url")
