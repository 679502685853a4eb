"""The client of the Chandra Source Catalog, without network."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hstlc.archives.base import RemoteDataset, RemoteProduct, Selection, Window
from hstlc.errors import IntegrityError, RejectedError, TransientError, UsageError
from hstlc.missions.chandra.csc import Csc, CscSettings
from hstlc.missions.chandra.csc_sources import strongest
from hstlc.testing.archive.csc_tables import ASSOCIATION, MASTER, OBSERVATION, STACK, STACK_OBSERVATION, TABLES
from hstlc.testing.archive.tap import TapResult
from hstlc.testing.archive.tap_formats import votable
from hstlc.testing.archive.world_tables import row
from hstlc.testing.archive.xray_files import ChandraExposure, chandra_events, csc_light_curve, csc_region
from tests.tap_fakes import FakeHttp

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BROWSE = "https://csc.example/browse"


def detection(name: str, obsid: int, region: int, **values: Any) -> dict[str, Any]:
    return {
        "name": name, "ra": 150.0, "dec": 2.0, "significance": 20.0, "obsid": obsid, "obi": 0, "region_id": region,
        "instrument": "ACIS", "gti_mjd_obs": 54064.5, "livetime": 2960.0, "theta": 3.5, "flux_significance_b": 10.0,
        "detect_stack_id": f"acisfS{obsid}_{region}", "match_type": "u", **values,
    }  # fmt: skip


def client(detections: Iterable[dict[str, Any]] = (), **settings: Any) -> tuple[Csc, FakeHttp]:
    every = list(detections)
    rows = {
        table.full_name: [row(table, one) for one in every]
        for table in (ASSOCIATION, STACK, STACK_OBSERVATION, OBSERVATION)
    }
    masters = {one["name"]: one for one in every}
    fake = FakeHttp(TABLES, {**rows, MASTER.full_name: [row(MASTER, one) for one in masters.values()]})
    return Csc(CscSettings(browse_url=BROWSE, **settings), fake.http), fake


def found(archive: Csc, selection: Selection) -> list[RemoteDataset]:
    return [one for page in archive.find(selection) for one in page.datasets]


NAME = "2CXO J095550.1+694046"


def test_there_is_nothing_to_poll() -> None:
    archive, _ = client()
    assert archive.streams() == ()
    with pytest.raises(UsageError) as caught:
        list(archive.search(Window("full", None, NOW)))
    assert caught.value.code == "usage.unknown-stream"


def test_a_source_is_found_by_name_with_all_its_observations() -> None:
    archive, _ = client(
        [detection(NAME, 617, 91), detection(NAME, 24564, 1, instrument="HRC"), detection("2CXO J1", 7, 1)]
    )
    one, other = found(archive, Selection("2cxo  J095550.1+694046".replace("2cxo", "2CXO")))
    assert (one.key, other.key) == ("00617_000_r0091", "24564_000_r0001")
    assert (one.version, one.target, one.instrument, other.instrument) == ("rel2.1", NAME, "ACIS", "HRC")
    assert one.start == datetime(2006, 11, 25, 12, tzinfo=UTC)
    assert (one.columns["significance"], one.columns["region_id"]) == (20.0, 91)
    assert one.release is None


def test_a_place_near_the_pole_and_right_ascension_0_gives_what_is_within_the_distance() -> None:
    near = detection("2CXO A", 1, 1, ra=0.001, dec=89.9)
    across = detection("2CXO B", 2, 1, ra=180.0, dec=89.99)
    outside = detection("2CXO C", 3, 1, ra=0.001, dec=89.6)
    archive, fake = client([near, across, outside])
    place = Selection("anything", 0.001, 89.9, radius_deg=0.2)
    assert [one.target for one in found(archive, place)] == ["2CXO A", "2CXO B"]
    assert not any(word in query for query in fake.queries for word in ("CIRCLE", "CONTAINS", "POINT", "JOIN"))


def test_a_place_at_right_ascension_0_looks_on_both_sides() -> None:
    rows = [detection("2CXO A", 1, 1, ra=359.99), detection("2CXO B", 2, 1, ra=0.01), detection("2CXO C", 3, 1, ra=0.5)]
    archive, _ = client(rows)
    assert sorted(one.target for one in found(archive, Selection("", 0.0, 2.0))) == ["2CXO A", "2CXO B"]


def test_faint_sources_are_left_out() -> None:
    rows = [detection("2CXO A", 1, 1, significance=5.0), detection("2CXO B", 2, 1, significance=50.0)]
    archive, _ = client([*rows, detection("2CXO C", 3, 1, significance=None)])
    assert [one.target for one in found(archive, Selection("", 150.0, 2.0, minimum_significance=10.0))] == ["2CXO B"]
    assert [one.target for one in found(archive, Selection(minimum_significance=10.0))] == ["2CXO B"]
    assert len(found(archive, Selection("", 150.0, 2.0))) == 3
    default, _ = client(rows, minimum_significance=10.0)
    assert [one.target for one in found(default, Selection("", 150.0, 2.0))] == ["2CXO B"]


def test_a_name_of_something_else_without_a_place_is_refused() -> None:
    for selection in (Selection("M 81"), Selection(), Selection("M 81", minimum_significance=3.0)):
        with pytest.raises(RejectedError) as caught:
            found(client()[0], selection)
        assert caught.value.code == "archive.selection"


def test_of_two_detections_in_one_observation_the_stronger_one_is_kept() -> None:
    faint = detection(NAME, 617, 77, flux_significance_b=3.0)
    strong = detection(NAME, 617, 91, flux_significance_b=9.0)
    wide = detection(NAME, 24564, 2, instrument="HRC", flux_significance_b=None, flux_significance_w=2.0)
    for rows in ([faint, strong, wide], [wide, strong, faint]):
        archive, _ = client(rows)
        assert sorted(one.key for one in found(archive, Selection(NAME))) == ["00617_000_r0091", "24564_000_r0002"]


def test_a_region_of_two_sources_stays_with_the_more_significant_one() -> None:
    columns = {"obsid": 1, "obi": 0, "region_id": 1, "flux_significance_b": 1.0, "flux_significance_w": None}
    rows = [{"name": "A", "significance": 1.0, **columns}, {"name": "B", "significance": 2.0, **columns}]
    assert [one["name"] for one in strongest(rows)] == ["B"]
    assert [one["name"] for one in strongest(rows[::-1])] == ["B"]
    assert strongest([{**rows[0], "region_id": None}]) == []


def test_many_sources_are_asked_for_in_parts() -> None:
    every = [detection(f"2CXO J{number:06d}", number, 1) for number in range(450)]
    archive, fake = client(every, page_size=100)
    assert len(found(archive, Selection(minimum_significance=1.0))) == 450
    assert max(query.count("'2CXO") for query in fake.queries) <= 200


def test_an_answer_that_is_too_long_is_asked_for_in_halves() -> None:
    every = [detection(f"2CXO J{source}", number, source) for source in range(4) for number in range(20)]
    archive, fake = client(every)
    fake.engine.hard_rows = 45
    assert len(found(archive, Selection(minimum_significance=1.0))) == 80
    fake.engine.hard_rows = 15
    with pytest.raises(IntegrityError) as caught:
        found(archive, Selection(minimum_significance=1.0))
    assert caught.value.code == "archive.overflow"


def test_the_cone_service_may_be_asked_instead() -> None:
    archive, fake = client([detection(NAME, 617, 91), detection("2CXO B", 2, 1, ra=151.0)], search="cone")
    rows = fake.engine.query("SELECT name, ra, dec, significance FROM csc21.master_source")
    fake.replies[archive.settings.cone_url] = votable(rows)
    assert [one.target for one in found(archive, Selection("", 150.0, 2.0))] == [NAME]
    assert fake.asked == [
        (archive.settings.cone_url, {"RA": "150.000000000", "DEC": "2.000000000", "SR": "0.033333333", "VERB": "2"})
    ]
    fake.replies[archive.settings.cone_url] = votable(TapResult(rows.columns[:3], [one[:3] for one in rows.rows]))
    with pytest.raises(RejectedError, match="missing are: significance") as caught:
        found(archive, Selection("", 150.0, 2.0))
    assert caught.value.code == "archive.columns"


def test_a_column_that_is_gone_is_named() -> None:
    archive, _ = client([detection(NAME, 617, 91)], renamed_columns=("theta = off_axis",))
    with pytest.raises(RejectedError, match="missing are: theta") as caught:
        found(archive, Selection(NAME))
    assert caught.value.code == "archive.columns"
    assert set(client()[0].columns()) > Csc.required
    assert "observation_source.theta" not in archive.columns()


def dataset(instrument: str = "ACIS") -> RemoteDataset:
    columns = {"obsid": 617, "obi": 0, "region_id": 91}
    return RemoteDataset("00617_000_r0091", "rel2.1", instrument=instrument, columns=columns)


def browse(fake: FakeHttp, package: str, *names: str) -> None:
    answer = json.dumps([{"filename": name} for name in names]).encode()
    fake.replies[f"{BROWSE}&packageset={package}&version=rel2.1"] = answer


def test_each_file_has_a_version_of_its_own() -> None:
    archive, fake = client()
    browse(fake, "617.0.91/regevt3/", "acisf00617_000N020_r0091_regevt3.fits")
    browse(fake, "617.0.91/srcreg/", "acisf00617_000N021_r0091_reg3.fits")
    events, region = archive.products([dataset()])
    assert (events.name, events.version, events.kind) == ("acisf00617_000_r0091_regevt3.fits", "N020", "regevt3")
    assert (region.name, region.version, region.kind) == ("acisf00617_000_r0091_reg3.fits", "N021", "srcreg")
    assert events.group == region.group == "00617_000_r0091"
    request = archive.request(events)
    assert request.filename == "acisf00617_000N020_r0091_regevt3.fits.gz"
    assert dict(request.params) == {
        "filetype": "regevt3",
        "filename": "acisf00617_000N020_r0091_regevt3.fits",
        "version": "rel2.1",
    }


@pytest.mark.parametrize(("instrument", "band"), [("ACIS", "b"), ("HRC", "w")])
def test_light_curves_are_those_of_the_widest_band(instrument: str, band: str) -> None:
    archive, fake = client(products=("lightcurve", "evt3"))
    letters = instrument.lower()
    browse(fake, f"617.0.91/lightcurve/{band}", f"{letters}f00617_000N020_r0091{band}_lc3.fits")
    browse(fake, "617.0./evt3/", f"{letters}f00617_000N020_evt3.fits")
    curve, events = archive.products([dataset(instrument)])
    assert curve.name == f"{letters}f00617_000_r0091{band}_lc3.fits"
    assert events.name == f"{letters}f00617_000_evt3.fits"


def test_a_file_that_the_catalog_does_not_have_is_no_product() -> None:
    archive, fake = client()
    browse(fake, "617.0.91/regevt3/")
    browse(fake, "617.0.91/srcreg/")
    assert archive.products([dataset()]) == []


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (b'[{"name": "x"}]', RejectedError, "archive.columns"),
        (b"3", RejectedError, "archive.columns"),
        (b'[{"filename": "../../etc/passwd"}]', IntegrityError, "archive.wrong-answer"),
        (b'[{"filename": "acisf00618_000N020_r0091_regevt3.fits"}]', IntegrityError, "archive.wrong-answer"),
        (b'[{"filename": "acisf00617_000N020_r0092_regevt3.fits"}]', IntegrityError, "archive.wrong-answer"),
        (TransientError("archive.status", "status 503"), TransientError, "archive.status"),
    ],
)
def test_an_answer_that_names_no_such_file_is_an_error(
    answer: bytes | Exception, kind: type[Exception], code: str
) -> None:
    archive, fake = client()
    fake.replies[BROWSE] = answer
    with pytest.raises(kind) as caught:
        archive.products([dataset()])
    assert getattr(caught.value, "code", "") == code


EXPOSURE = ChandraExposure(617, region=91)


def product(kind: str) -> RemoteProduct:
    return RemoteProduct("00617_000_r0091", f"x_{kind}", "N020", kind)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (chandra_events(EXPOSURE), "regevt3"),
        (chandra_events(ChandraExposure(617, detector="HRC-I", region=91)), "regevt3"),
        (csc_region(EXPOSURE), "srcreg"),
        (csc_light_curve(EXPOSURE), "lightcurve"),
    ],
)
def test_files_are_what_they_say(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "x.fits.gz"
    path.write_bytes(content)
    assert client()[0].identify(path, product(kind)).rejection == ""


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (chandra_events(ChandraExposure(618, region=91)), "regevt3", "OBS_ID 617"),
        (chandra_events(ChandraExposure(617, region=92)), "regevt3", "REGIONID 91"),
        (chandra_events(ChandraExposure(617, obi=1, region=91)), "regevt3", "OBI_NUM 0"),
        (csc_region(EXPOSURE), "regevt3", "an extension EVENTS"),
        (chandra_events(EXPOSURE), "srcreg", "an extension .*REG"),
        (gzip.decompress(chandra_events(EXPOSURE)), "regevt3", "compressed by gzip"),
    ],
)
def test_another_file_than_the_one_asked_for_is_refused(tmp_path: Path, content: bytes, kind: str, said: str) -> None:
    path = tmp_path / "x.fits.gz"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=said) as caught:
        client()[0].identify(path, product(kind))
    assert caught.value.code == "archive.wrong-file"


def test_facts_tell_whether_there_is_a_newer_release() -> None:
    archive, fake = client([detection(NAME, 617, 91)])
    browse(fake, "617.0.91/regevt3/", "acisf00617_000N020_r0091_regevt3.fits")
    facts = {fact.name: fact for fact in archive.facts()}
    assert not [fact for fact in facts.values() if not fact.holds]
    assert facts["name of a file"].found == "acisf00617_000N020_r0091_regevt3.fits"
    assert len(fake.queries) + len(fake.asked) == 3
    newer, _ = client(next_schema="csc21")
    fact = {fact.name: fact for fact in newer.facts()}["release is the newest"]
    assert (fact.holds, fact.setting) == (False, "archives.csc.release")
