"""Every client of an archive passes the contract of archives, against the stand-in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hstlc.archives.base import Page, RemoteProduct, Selection, Window
from hstlc.archives.download import download
from hstlc.archives.limits import DownloadSettings
from hstlc.archives.registry import archives
from hstlc.archives.unpack import unpack
from hstlc.clock import Clock
from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError
from hstlc.missions.chandra.csc import Csc
from hstlc.missions.hst.mast import Mast
from hstlc.testing.archive import Fault
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.mast import MastRouter
from hstlc.testing.archive.scenarios import add_hst
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xray_files import ChandraExposure
from hstlc.testing.archive.xray_worlds import add_chandra, add_csc, add_xsa
from hstlc.testing.contract_archive import ArchiveCase, ArchiveContract, Bench

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mast_world(clock: Clock) -> World:
    """Datasets of both instruments: associated with a lamp exposure and alone, public, not public, of no target."""
    world = World(clock)
    long_ago = NOW - 100 * 24 * HOUR
    datasets = [
        HstDataset(0, "fuv-a", "GJ436", ra_deg=175.55, dec_deg=26.7, wavecal=True, x1d=False),
        HstDataset(1, "nuv", "GJ-436", association=False, ra_deg=175.551, dec_deg=26.7),
        HstDataset(2, "stis", "SIM-STAR", wavecal=True, ra_deg=0.001, dec_deg=-5.0),
        HstDataset(3, "fuv-a", "SIM-NEAR", exposures=2, ra_deg=359.999, dec_deg=-5.0, x1d=False),
        HstDataset(4, "nuv", "SIM-LAMP", association=False, lamp=True),
        HstDataset(5, "stis", "WAVE"),
        HstDataset(6, "stis", "SIM-STAR"),
    ]
    for number, dataset in enumerate(datasets):
        made = long_ago + number * HOUR
        release = made + 20 * HOUR if number != 6 else NOW + HOUR
        add_hst(world, dataset, made=made, archived=made + HOUR / 2, release=release)
    return world


MAST = ArchiveCase(
    name="mast",
    world=mast_world,
    now=NOW,
    queries=r"/search/hst/api/v0.1/(search|post_list)",
    renamed="sci_archive_date",
    selections=[
        (Selection("GJ 436"), frozenset({"LS0000010", "LS0001A1Q"})),
        (Selection("", 175.55, 26.7, radius_deg=1 / 3600), frozenset({"LS0000010"})),
        (Selection("", 175.55, 26.7, radius_deg=4 / 3600), frozenset({"LS0000010", "LS0001A1Q"})),
        (Selection("GJ436", 175.55, 26.7), frozenset({"LS0000010", "LS0001A1Q"})),
        (Selection("", 0.0, -5.0, radius_deg=4 / 3600), frozenset({"OS0002010", "LS0003010"})),
        (Selection("SIM-NOTHING"), frozenset()),
    ],
    dates={
        "archive": lambda shown: shown.version.archived,
        "release": lambda shown: shown.release or shown.version.archived,
    },
    release_stream="release",
    settings={"page_size": "2"},
)


class TestMast(ArchiveContract):
    case = MAST

    @pytest.mark.parametrize("kind", ["rename_column", "drop_column"])
    def test_a_column_that_is_missing_in_an_answer_is_noticed(self, bench: Bench, kind: str) -> None:
        bench.stand_in.faults.add(Fault(kind, path=MAST.queries, arguments={"column": "sci_generation_date"}))
        with pytest.raises(RejectedError) as caught:
            bench.everything()
        assert caught.value.code == "archive.columns"
        assert "sci_generation_date" in caught.value.message

    @pytest.mark.parametrize(
        "column",
        ["sci_targname", "sci_instrume", "sci_operating_mode", "sci_status", "sci_archive_date", "sci_ra", "ang_sep"],
    )
    @pytest.mark.parametrize("kind", ["null_field", "pad_strings"])
    def test_a_column_that_says_nothing_loses_nothing(self, bench: Bench, kind: str, column: str) -> None:
        wanted = [(dataset.key, dataset.version) for dataset in bench.everything()]
        bench.stand_in.faults.add(Fault(kind, path=MAST.queries, times=None, arguments={"column": column}))
        assert [(dataset.key, dataset.version) for dataset in bench.everything()] == wanted

    def test_a_date_far_ahead_does_not_become_the_watermark(self, bench: Bench) -> None:
        far = Fault("far_future_date", path=MAST.queries, times=None, arguments={"column": "sci_archive_date"})
        bench.stand_in.faults.add(far)
        for stream in bench.archive.streams():
            for page in bench.search(stream.name, None, NOW):
                assert page.watermark is None or page.watermark <= NOW

    @pytest.mark.parametrize("difference", [-2, 7])
    @pytest.mark.parametrize("times", [1, None])
    def test_a_wrong_number_of_rows_loses_nothing(self, bench: Bench, difference: int, times: int | None) -> None:
        wanted = sorted(dataset.key for dataset in bench.everything())
        lie = Fault("total_lies", path=MAST.queries, times=times, arguments={"difference": difference})
        bench.stand_in.faults.add(lie)
        assert sorted(dataset.key for dataset in bench.everything()) == wanted

    @pytest.mark.parametrize("variant", [{"redirect": True}, {"nested": True}, {"length": False}, {"most_rows": 1}])
    def test_other_ways_to_answer_are_understood(self, bench: Bench, variant: dict[str, Any], tmp_path: Path) -> None:
        router = bench.stand_in.router(MastRouter)
        for name, value in variant.items():
            setattr(router, name, value)
        self.test_what_is_asked_for_comes_and_is_recognized(bench, tmp_path)
        if not variant.get("length", True) or "redirect" in variant:
            assert [fact for fact in bench.archive.facts() if fact.holds is False] == []

    def test_a_token_opens_what_is_not_public(self, bench: Bench) -> None:
        bench.stand_in.router(MastRouter).token = "canary-1"
        uri = {"uri": "OS0006010/os0006010_tag.fits"}
        product = RemoteProduct("OS0006010", "os0006010_tag.fits", "1", "tag", "os0006010", uri)
        asked = bench.archive.request(product)
        with pytest.raises(ProprietaryError) as caught:
            bench.archive.http.get(asked.url, asked.params, headers=asked.headers)
        assert caught.value.code == "archive.forbidden"
        settings = bench.archive.settings.model_copy(update={"token": "canary-1"})
        asked = Mast(settings, bench.archive.http, bench.clock).request(product)
        reply = bench.archive.http.get(asked.url, asked.params, headers=asked.headers)
        assert reply.content.startswith(b"SIMPLE  =")


def xsa_world(clock: Clock) -> World:
    """Observations with one and two exposures of pn, without, of others, and such as are not to be taken in."""
    world = World(clock)
    add_xsa(world, NOW - 100 * 24 * HOUR)
    world.embargo("xsa", "0942190201", NOW + HOUR)
    return world


XSA = ArchiveCase(
    name="xsa",
    world=xsa_world,
    now=NOW,
    queries="/tap-server/tap/sync",
    renamed="pps_proc_date",
    selections=[
        (Selection("SIM-PULSAR"), frozenset({"0560180901", "0560181001"})),
        (Selection("GJ436", 150.1, 2.1), frozenset({"0301730401"})),
        (Selection("", 180.0, 89.95), frozenset({"0124710801"})),
        (Selection("", 10.5, -5.25, radius_deg=1.0), frozenset({"0884250101"})),
        (Selection("SIM-NOTHING"), frozenset()),
    ],
    dates={
        "pps": lambda shown: shown.version.archived,
        "embargo": lambda shown: shown.release or shown.version.archived,
    },
    release_stream="embargo",
    settings={"page_size": "2"},
)


class TestXsa(ArchiveContract):
    case = XSA

    def test_a_date_far_ahead_does_not_become_the_watermark(self, bench: Bench) -> None:
        far = Fault("far_future_date", path=XSA.queries, times=None, arguments={"column": "pps_proc_date"})
        bench.stand_in.faults.add(far)
        pages: list[Page] = []
        with pytest.raises(IntegrityError):  # the archive said that there are more rows than have a date
            pages.extend(bench.archive.search(Window("pps", None, NOW)))
        marks = [page.watermark for page in pages]
        assert marks
        assert all(mark is None or mark <= NOW for mark in marks)

    def test_a_product_that_is_not_there_is_refused_as_a_secret_one_and_told_apart(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        for release, code in ((NOW - HOUR, "archive.no-product"), (NOW + HOUR, "archive.proprietary")):
            locator = {"instrument": "PN", "type": "PIEVLI", "release": release.isoformat()}
            product = RemoteProduct("0124710801", "0124710801_PN_PIEVLI", "1", "pievli", locator=locator)
            with pytest.raises(ArchiveError) as caught:
                download(bench.archive.http, bench.archive.request(product), tmp_path, "x", limits=DownloadSettings())
            assert bench.archive.refusal(caught.value, product, NOW).code == code

    @pytest.mark.parametrize("kind", ["zip_slip", "tar_link", "tar_bomb"])
    def test_a_tar_with_something_else_in_it_is_refused(self, bench: Bench, tmp_path: Path, kind: str) -> None:
        listed = bench.products(bench.everything())
        (product,) = (one for one in listed if one.name == "0884250101_PN_PIEVLI")
        bench.stand_in.faults.add(Fault(kind, path="data-action-aio", times=None))
        got = download(bench.archive.http, bench.archive.request(product), tmp_path, "x", limits=DownloadSettings())
        with pytest.raises(IntegrityError) as caught:
            unpack(got.part, tmp_path, accept=lambda name: bench.archive.accepts(name, product))
        assert caught.value.code == "archive.bad-archive-file"
        assert not list(tmp_path.parent.glob("P*"))


def csc_world(clock: Clock) -> World:
    """A source with many observations and two detections in one, and others."""
    world = World(clock)
    add_csc(world, NOW - 100 * 24 * HOUR)
    return world


_SOURCE = frozenset(
    {*(f"{5644 + number:05d}_000_r{10 + number:04d}" for number in range(11)), "01411_000_r0001", "24564_000_r0001"}
)

CSC = ArchiveCase(
    name="csc",
    world=csc_world,
    now=NOW,
    queries="/csc21tap/sync",
    renamed="flux_significance_b",
    selections=[
        (Selection("2CXO J095550.1+694046"), _SOURCE),
        (Selection("M 81", 148.95875, 69.67944, radius_deg=1 / 3600), _SOURCE),
        (Selection("", 180.0, 89.95, radius_deg=0.2), frozenset({"07999_000_r0035"})),
        (Selection("", 0.0001, 1.0), frozenset({"08478_000_r0043"})),
        (Selection("", 246.6, -24.41333), frozenset({"00617_000_r0091"})),
        (Selection("", 246.6, -24.41333, minimum_significance=3.0), frozenset()),
        (Selection("2CXO J000000.0+000000"), frozenset()),
    ],
    settings={"page_size": "2", "names_at_once": "1"},
)


class TestCsc(ArchiveContract):
    case = CSC

    def test_the_cone_service_finds_the_same(self, bench: Bench) -> None:
        settings = bench.archive.settings.model_copy(update={"search": "cone"})
        bench.archive = Csc(settings, bench.archive.http, bench.clock)
        self.test_names_and_places_are_found(bench)
        assert bench.stand_in.log.count("coneSearch") > 0


def cda_world(clock: Clock) -> World:
    """Observations with both instruments, and one that is not public yet."""
    world = World(clock)
    long_ago = NOW - 100 * 24 * HOUR
    for number, detector in enumerate(("ACIS-I", "HRC-I", "ACIS-S")):
        exposure = ChandraExposure(2798 + number, detector=detector, target=f"SIM GALAXY {number}")
        add_chandra(world, exposure, made=long_ago + number * HOUR, place=(0.1 - 0.2 * (number % 2), 60.0 + number))
    near = ChandraExposure(24564, target="SIM NEAR")
    add_chandra(world, near, made=long_ago, release=long_ago + 5 * HOUR, place=(359.9, 60.1))
    add_chandra(world, ChandraExposure(31001, target="SIM SOON"), made=long_ago, release=NOW + HOUR)
    return world


CDA = ArchiveCase(
    name="cda",
    world=cda_world,
    now=NOW,
    queries="/cxctap/sync$",
    renamed="public_avail_date",
    selections=[
        (Selection("sim galaxy 1"), frozenset({"2799"})),
        (Selection("GJ436", 0.0, 60.0), frozenset({"2798", "24564"})),
        (Selection("", 0.1, 60.0, radius_deg=1 / 3600), frozenset({"2798", "24564"})),
        (Selection("", 180.0, 60.0), frozenset()),
        (Selection("SIM SOON"), frozenset()),
    ],
    dates={"public": lambda shown: shown.release or shown.version.archived},
    release_stream="public",
    settings={"page_size": "2"},
)


class TestCda(ArchiveContract):
    case = CDA

    def test_a_file_that_was_replaced_in_place_is_listed_again_though_the_observation_looks_the_same(
        self, bench: Bench
    ) -> None:
        (dataset,) = (one for one in bench.everything() if one.key == "24564")
        (before,) = bench.products([dataset])
        bench.world.reprocess("cda", "24564", NOW + HOUR)
        bench.clock.advance_to(NOW + 2 * HOUR)
        assert dataset in bench.everything()
        (after,) = bench.products([dataset])
        assert (before.name, before.version, after.name, after.version) == (
            *("acisf24564_evt2.fits", "N004", "acisf24564_evt2.fits", "N005"),
        )
        assert bench.archive.relist_after_s


def test_every_installed_archive_is_tested() -> None:
    tested = {value.case.name for value in globals().values() if isinstance(value, type) and hasattr(value, "case")}
    assert tested == archives().keys()
