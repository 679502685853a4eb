"""The client of XSA, without network."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hstlc.archives.base import Archive, RemoteDataset, RemoteProduct, Selection, Window
from hstlc.errors import (
    ArchiveError,
    IntegrityError,
    ProprietaryError,
    RejectedError,
    TransientError,
)
from hstlc.logs import redact
from hstlc.missions.xmm.xsa import Xsa, XsaSettings
from hstlc.missions.xmm.xsa_files import is_true, possible, pps_name
from hstlc.testing.archive.world_tables import row
from hstlc.testing.archive.xray_files import EpicExposure, epic_events, epic_source_list
from hstlc.testing.archive.xsa import EXPOSURE, PUBLIC, REFUSAL
from tests.tap_fakes import FakeHttp

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PN = EpicExposure("PN", "S", 3)


class Fixed:
    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float, stop: Any = None) -> bool:  # noqa: ARG002
        raise AssertionError("a client does not wait")


def observation(number: int, **values: Any) -> tuple[Any, ...]:
    return row(
        PUBLIC,
        {
            "observation_id": f"{number:010d}", "target": "GJ 436", "ra": 150.0, "dec": 2.0, "with_science": True,
            "start_utc": "2001-08-12T03:14:23.0", "end_utc": "2001-08-12T05:14:23.0", "duration": 7200,
            "proprietary_end_date": "2026-04-07 00:00:00", "pps_proc_date": "2026-11-15 18:49:54",
            "pps_version": "21.51_20241115_1113", "odf_version": "001", "sas_version": "xmmsas_21.0.0",
            "revolution": 3000, **values,
        },
    )  # fmt: skip


def exposure(number: int, instrument: str, mode: str = "Full Frame", scientific: str = "true") -> tuple[Any, ...]:
    values = {"observation_id": f"{number:010d}", "instrument": instrument, "mode_friendly_name": mode}
    return row(EXPOSURE, {**values, "is_scientific": scientific, "exposure_id": "S001"})


def client(
    rows: Sequence[tuple[Any, ...]] = (), exposures: Sequence[tuple[Any, ...]] = (), **settings: Any
) -> tuple[Xsa, FakeHttp]:
    fake = FakeHttp([PUBLIC, EXPOSURE], {PUBLIC.full_name: rows, EXPOSURE.full_name: exposures})
    return Xsa(XsaSettings(**settings), fake.http, Fixed()), fake


def found(archive: Archive[Any], stream: str, since: datetime | None = None) -> list[RemoteDataset]:
    return [one for page in archive.search(Window(stream, since, NOW)) for one in page.datasets]


def dataset(number: int = 42, release: datetime | None = None) -> RemoteDataset:
    return RemoteDataset(f"{number:010d}", "v", release=release)


def product(kind: str = "PIEVLI", instrument: str = "PN", release: str = "") -> RemoteProduct:
    locator = {"instrument": instrument, "type": kind, "release": release}
    return RemoteProduct("0000000042", f"0000000042_{instrument}_{kind}", "v", kind.lower(), locator=locator)


def test_an_observation_is_told_as_it_is_in_the_archive() -> None:
    archive, _ = client([observation(42)])
    (one,) = found(archive, "pps")
    assert one.key == "0000000042"
    assert one.version == "21.51_20241115_1113|2026-11-15T18:49:54"
    assert (one.target, one.ra_deg, one.dec_deg) == ("GJ 436", 150.0, 2.0)
    assert one.start == datetime(2001, 8, 12, 3, 14, 23, tzinfo=UTC)
    assert one.release == datetime(2026, 4, 7, tzinfo=UTC)
    assert one.columns["odf_version"] == "001"
    assert set(one.columns) == Xsa.required


def test_the_version_changes_with_the_processing_and_not_with_the_form_of_its_date() -> None:
    forms = ("2026-11-15 18:49:54", "2026-11-15T18:49:54.0", "2026-11-16 18:49:54")
    versions = [found(client([observation(1, pps_proc_date=form)])[0], "full")[0].version for form in forms]
    assert versions[0] == versions[1] != versions[2]
    (other,) = found(client([observation(1, pps_version="22.0")])[0], "full")
    assert other.version != versions[0]


def test_streams_go_by_processing_and_by_the_end_of_the_embargo() -> None:
    rows = [
        observation(1, pps_proc_date="2026-11-14 00:00:00"),
        observation(2, pps_proc_date="2026-11-20 00:00:00", proprietary_end_date="2026-11-20 12:00:00"),
        observation(3, proprietary_end_date="2027-11-20 12:00:00", pps_proc_date="2026-11-13 23:59:59"),
        observation(4, pps_proc_date=None),
    ]
    archive, _ = client(rows)
    since = datetime(2026, 11, 14, tzinfo=UTC)
    assert [one.key[-1] for one in found(archive, "pps", since)] == ["1", "2"]
    assert [one.key[-1] for one in found(archive, "embargo", since)] == ["2"]
    assert [one.key[-1] for one in found(archive, "full")] == ["1", "2"]  # 3 is not public, 4 not processed
    assert {stream.name: (stream.overlap_s, stream.full) for stream in archive.streams()} == {
        "pps": (7 * 86400.0, False),
        "embargo": (7 * 86400.0, False),
        "full": (0.0, True),
    }


def test_watermarks_are_the_latest_processing_and_the_end_of_the_window() -> None:
    archive, _ = client([observation(1), observation(2, pps_proc_date="2026-11-20 00:00:00")])
    (page,) = archive.search(Window("pps", None, NOW))
    assert page.watermark == datetime(2026, 11, 20, tzinfo=UTC)
    (page,) = archive.search(Window("embargo", NOW, NOW))
    assert (page.datasets, page.watermark) == ((), NOW)
    assert page.suffix == ".vot"
    assert b"<VOTABLE" in page.reply
    (page,) = archive.search(Window("pps", NOW, NOW))
    assert page.watermark is None


def test_a_processing_in_the_future_does_not_move_the_watermark_there() -> None:
    archive, _ = client([observation(1), observation(2, pps_proc_date="2999-01-01 00:00:00")])
    assert [page.watermark for page in archive.search(Window("pps", None, NOW))] == [
        datetime(2026, 11, 15, 18, 49, 54, tzinfo=UTC)
    ]


def test_a_bulk_reprocessing_on_one_date_is_met_whole_in_small_pages() -> None:
    rows = [observation(number) for number in range(250)]
    archive, fake = client(rows, page_size=20)
    keys = [one.key for one in found(archive, "pps", NOW - timedelta(days=7))]
    assert sorted(keys) == [f"{number:010d}" for number in range(250)]
    assert len(keys) == len(set(keys))
    assert "' AND observation_id > '0000000019'" in " ".join(fake.queries)


def test_observations_without_science_are_left_out_whatever_the_type_of_the_column() -> None:
    archive, fake = client([observation(1, with_science=False), observation(2, with_science=None), observation(3)])
    assert [one.key[-1] for one in found(archive, "full")] == ["2", "3"]
    assert not any("with_science =" in query for query in fake.queries)
    assert [is_true(value, False) for value in ("T", "true", "False", "", 1, 0)] == [
        *(True, True, False, False, True, False)
    ]


@pytest.mark.parametrize("text", ["3012-01-01 00:00:00", "12026-01-01 00:00:00", "2026-11-21 00:00:01"])
def test_an_embargo_that_lasts_keeps_an_observation_out_even_if_it_is_for_a_thousand_years(text: str) -> None:
    archive, _ = client([observation(1, proprietary_end_date=text), observation(2, proprietary_end_date=None)])
    for stream in ("pps", "full"):
        assert [(one.key[-1], one.release) for one in found(archive, stream)] == [("2", None)]
    assert found(archive, "embargo") == []


def test_observations_are_found_around_a_place_and_by_name() -> None:
    rows = [
        observation(1, ra=0.05, dec=1.0),
        observation(2, ra=359.95, dec=1.0, target="O'Neill"),
        observation(3, ra=0.2, dec=1.2),
        observation(4, ra=None, dec=None),
    ]
    archive, _ = client(rows, page_size=1)
    place = Selection("x", 0.0, 1.0)
    assert sorted(one.key[-1] for page in archive.find(place) for one in page.datasets) == ["1", "2"]
    wide = Selection("x", 0.0, 1.0, radius_deg=0.3)
    assert sorted(one.key[-1] for page in archive.find(wide) for one in page.datasets) == ["1", "2", "3"]
    named = Selection("O'Neill")
    assert [one.key[-1] for page in archive.find(named) for one in page.datasets] == ["2"]
    with pytest.raises(RejectedError) as caught:
        list(archive.find(Selection()))
    assert caught.value.code == "archive.selection"


def names(products: Sequence[RemoteProduct]) -> list[str]:
    return [one.name.partition("_")[2] for one in products]


def test_products_are_those_of_the_cameras_that_took_images() -> None:
    exposures = [
        *(exposure(1, "EPN"), exposure(1, "EPN"), exposure(1, "EMOS1"), exposure(1, "RGS1")),
        *(exposure(2, "EPN", "Fast Timing"), exposure(2, "EMOS2", "Timing")),
        *(exposure(3, "EPN", scientific="false"), exposure(3, "OM")),
        exposure(4, "EPN", "Burst"),
    ]
    archive, _ = client(exposures=exposures)
    listed = archive.products([dataset(number) for number in (1, 2, 3, 4)])
    assert names(listed) == ["PN_PIEVLI", "M1_MIEVLI", "EP_OBSMLI", "M2_MIEVLI", "EP_OBSMLI"]
    assert len({(one.name, one.version) for one in listed}) == len(listed)
    timing, _ = client(exposures=exposures, products=("PN TIEVLI", "M2 TIEVLI"))
    assert names(timing.products([dataset(number) for number in (1, 2, 3, 4)])) == [
        *("PN_TIEVLI", "M2_TIEVLI", "PN_TIEVLI"),
    ]


def test_everything_is_asked_for_where_exposures_are_not_known() -> None:
    everything = ["PN_PIEVLI", "M1_MIEVLI", "M2_MIEVLI", "EP_OBSMLI"]
    archive, fake = client(exposures=[exposure(1, "EPN")])
    assert names(archive.products([dataset(2)])) == everything
    off, fake = client(exposure_table="")
    assert names(off.products([dataset(1)])) == everything
    assert fake.queries == []
    other, _ = client(exposures=[exposure(1, "EPN")], exposure_table="xsa.v_nothing")
    assert names(other.products([dataset(1)])) == everything
    silent, fake = client()
    fake.replies[f"{silent.settings.tap_url}/sync"] = RejectedError("archive.rejected", "status 400", status=400)
    with pytest.raises(RejectedError):
        silent.products([dataset(1)])


def test_other_names_of_instruments_are_a_matter_of_the_configuration() -> None:
    archive, _ = client(exposures=[exposure(1, "EPIC-pn")], instrument_names=("PN = EPIC-pn",))
    assert names(archive.products([dataset(1)])) == ["PN_PIEVLI", "EP_OBSMLI"]


def test_exposures_of_many_observations_are_asked_for_in_parts() -> None:
    archive, fake = client(exposures=[exposure(number, "EMOS1") for number in range(200)])
    assert len(archive.products([dataset(number) for number in range(200)])) == 400
    assert len(fake.queries) == 2
    assert max(query.count("'") // 2 for query in fake.queries) <= 200


def test_the_request_has_what_the_servlet_wants_and_no_account_without_one() -> None:
    archive, _ = client()
    request = archive.request(product())
    expected = {"obsno": "0000000042", "level": "PPS", "name": "PIEVLI", "extension": "FTZ", "instname": "PN"}
    assert dict(request.params) == expected
    assert request.several
    assert "instname" not in archive.request(product("OBSMLI", "EP")).params


def test_an_account_is_in_the_request_and_in_nothing_that_is_shown() -> None:
    archive, _ = client(user="me", password="canary")
    request = archive.request(product())
    assert (request.params["AIOUSER"], request.params["AIOPWD"]) == ("me", "canary")
    assert "canary" not in repr(archive.settings)
    assert "canary" not in redact(f"{request.url}?AIOUSER=me&AIOPWD={request.params['AIOPWD']}")


def test_names_of_files_are_taken_apart() -> None:
    assert pps_name("P0301730401PNS003PIEVLI0000.FTZ") is not None
    for name in ("P301730401PNS003PIEVLI0000.FTZ", "P0301730401PNS003PIEVLI0000", "../P0301730401PNS003PIEVLI0000.FTZ"):
        assert pps_name(name) is None


def test_only_members_that_were_asked_for_are_accepted() -> None:
    archive, _ = client()
    right = "P0000000042PNS003PIEVLI0000.FTZ"
    assert archive.accepts(right, product())
    for wrong in (
        right.replace("42PN", "43PN"),
        right.replace("PNS", "M1S"),
        right.replace("PIEVLI", "MIEVLI"),
        right.replace("FTZ", "HTM"),
        f"x{right}",
        f"{right}\n",
        "",
    ):
        assert not archive.accepts(wrong, product())
    assert archive.accepts("P0000000042EPX000OBSMLI0000.FTZ", product("OBSMLI", "EP"))


@given(st.text(max_size=40))
def test_no_other_text_is_accepted(name: str) -> None:
    assert not client()[0].accepts(name, product())


SAID = TransientError("archive.wrong-answer", "x: expected a file, found text", body=f"{REFUSAL}.")
FORBIDDEN = ProprietaryError("archive.forbidden", "x: status 401")


@pytest.mark.parametrize("error", [SAID, FORBIDDEN])
def test_a_refusal_means_not_yet_before_the_release_and_never_after(error: ArchiveError) -> None:
    archive, _ = client()
    later = NOW + timedelta(days=3)
    waits = archive.refusal(error, product(release=later.isoformat()), NOW)
    assert isinstance(waits, ProprietaryError)
    assert (waits.code, waits.context["until"]) == ("archive.proprietary", later.isoformat())
    for release in (NOW.isoformat(), ""):
        never = archive.refusal(error, product(release=release), NOW)
        assert isinstance(never, RejectedError)
        assert never.code == "archive.no-product"


def test_other_errors_stay_what_they_are() -> None:
    archive, _ = client()
    for error in (
        TransientError("archive.status", "x: status 503"),
        TransientError("archive.wrong-answer", "x: expected a file", body="<html>Maintenance</html>"),
        IntegrityError("archive.truncated", f"x: {REFUSAL}"),
    ):
        assert archive.refusal(error, product(), NOW) is error


def test_a_list_of_events_and_a_list_of_sources_are_what_they_say(tmp_path: Path) -> None:
    archive, _ = client()
    path = tmp_path / "x.FTZ"
    path.write_bytes(epic_events("0000000042", PN))
    assert archive.identify(path, product()).rejection == ""
    path.write_bytes(epic_source_list("0000000042"))
    assert archive.identify(path, product("OBSMLI", "EP")).rejection == ""


@pytest.mark.parametrize(
    ("content", "wanted", "said"),
    [
        (epic_events("0000000043", PN), product(), "OBS_ID 0000000042"),
        (epic_events("0000000042", EpicExposure("M1")), product(), "INSTRUME EPN"),
        (epic_source_list("0000000042"), product(), "an extension EVENTS"),
        (epic_events("0000000042", PN), product("OBSMLI", "EP"), "an extension SRCLIST"),
        (gzip.decompress(epic_events("0000000042", PN)), product(), "compressed by gzip"),
    ],
)
def test_another_file_than_the_one_asked_for_is_refused(
    tmp_path: Path, content: bytes, wanted: RemoteProduct, said: str
) -> None:
    archive, _ = client()
    path = tmp_path / "x.FTZ"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=said) as caught:
        archive.identify(path, wanted)
    assert caught.value.code == "archive.wrong-file"


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"SIMPLE  = nonsense"), epic_events("0000000042", PN)[:-2000], b""],
    ids=["no FITS", "cut", "empty"],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.FTZ"
    path.write_bytes(content)
    with pytest.raises(IntegrityError):
        client()[0].identify(path, product())


def test_an_image_without_its_exposures_is_refused(tmp_path: Path) -> None:
    from astropy.io import fits

    path, whole = tmp_path / "x.FTZ", tmp_path / "y.fits"
    whole.write_bytes(gzip.decompress(epic_events("0000000042", PN)))
    with fits.open(whole) as units:
        kept = fits.HDUList([unit for unit in units if not unit.name.startswith("EXPOSU")])
        kept.writeto(tmp_path / "z.fits")
    path.write_bytes(gzip.compress((tmp_path / "z.fits").read_bytes()))
    with pytest.raises(IntegrityError, match=r"an extension EXPOSU"):
        client()[0].identify(path, product())


def test_a_list_that_was_cut_between_two_extensions_is_refused(tmp_path: Path) -> None:
    from hstlc.testing.archive.spoiling import last_unit

    whole = gzip.decompress(epic_events("0000000042", PN))
    path = tmp_path / "x.FTZ"
    path.write_bytes(gzip.compress(whole[: last_unit(whole)]))
    with pytest.raises(IntegrityError, match="EXPOSU and STDGTI") as caught:
        client()[0].identify(path, product())
    assert caught.value.code == "archive.wrong-file"


def test_pn_in_a_timing_mode_makes_no_image_and_mos_does() -> None:
    import re

    rows: list[dict[str, Any]] = [
        {"instrument": "EPN", "mode_friendly_name": "Fast Burst", "is_scientific": None},
        {"instrument": "EMOS1", "mode_friendly_name": "Fast Uncompressed", "is_scientific": "true"},
    ]
    spelled, timing = {"PN": "EPN", "M1": "EMOS1"}, re.compile("fast")
    answers = [
        possible(camera, kind, rows, spelled, re.compile(timing.pattern, re.IGNORECASE))
        for camera, kind in (("PN", "PIEVLI"), ("PN", "TIEVLI"), ("M1", "MIEVLI"), ("M2", "MIEVLI"), ("EP", "OBSMLI"))
    ]
    assert answers == [False, True, True, False, True]


def test_facts_hold_where_the_archive_is_as_expected_and_name_the_setting_where_not() -> None:
    archive, fake = client([observation(42)], [exposure(42, "EPN"), exposure(42, "EMOS1")])
    key = "extension=FTZ&instname=PN"
    url = f"{archive.settings.files_url}?obsno=0000000042&level=PPS&name=PIEVLI&{key}"
    fake.replies[url] = b"x"
    facts = {fact.name: fact for fact in archive.facts()}
    assert len(fake.queries) == 2
    assert facts["file of an event list"].holds
    assert facts["instrument M1"].holds
    assert facts["instrument M2"].holds is None
    assert not [fact for fact in facts.values() if fact.holds is False]
    other, _ = client(renamed_columns=("pps_version = pps_vers",))
    wrong = {fact.name: fact for fact in other.facts()}["column xsa.v_public_observations.pps_vers"]
    assert (wrong.holds, wrong.setting) == (False, "archives.xsa.renamed_columns")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("products", ("PIEVLI",), "an instrument and a type"), ("timing_modes", "(", "no regular expression")],
)
def test_settings_that_make_no_sense_are_refused_at_once(key: str, value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        XsaSettings.model_validate({key: value})
