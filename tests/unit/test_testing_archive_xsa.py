import gzip
import io
import json
import re
import tarfile
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
import requests
from astropy.io import fits

from hstlc.testing.archive import StandIn, fault
from hstlc.testing.archive.messages import Incoming
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xray_files import EpicExposure, epic_events, epic_source_list
from hstlc.testing.archive.xray_worlds import FAR_FUTURE, add_epic, add_xray_days, add_xsa
from hstlc.testing.archive.xsa import REFUSAL, XsaRouter
from hstlc.testing.clock import SimulatedClock

START = datetime(2026, 10, 25, tzinfo=UTC)


@pytest.fixture
def world():
    world = World(SimulatedClock(START + timedelta(days=7)))
    add_xsa(world, START)
    return world


@pytest.fixture
def router(world):
    return XsaRouter(world)


def query(router, adql, faults=()):
    text = urlencode({"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "json", "QUERY": adql})
    answer = router.answer(Incoming("GET", "/tap-server/tap/sync", text, faults=tuple(faults)))
    if answer.status != 200:
        return answer
    content = json.loads(answer.body)
    names = [one["name"] for one in content["metadata"]]
    return [dict(zip(names, row, strict=True)) for row in content["data"]]


def files(router, faults=(), **asked):
    path = "/nxsa-sl/servlet/data-action-aio"
    return router.answer(Incoming("GET", path, urlencode(asked), faults=tuple(faults)))


def members(answer):
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        return tar.getmembers()


def test_an_observation_is_a_row_with_its_dates_in_two_forms(router):
    [row] = query(
        router,
        "SELECT observation_id, target, start_utc, pps_proc_date, pps_version, with_science, proprietary_end_date"
        " FROM xsa.v_public_observations WHERE observation_id = '0301730401'",
    )
    assert row == {
        "observation_id": "0301730401",
        "target": "SIM-FIELD",
        "start_utc": "2026-09-25T01:00:00.0",
        "pps_proc_date": "2026-10-25 01:00:00",
        "pps_version": "21.51_20241115_1113",
        "with_science": True,
        "proprietary_end_date": "2026-10-25 01:00:00",
    }


def test_several_observations_share_a_date_of_processing(router):
    adql = "SELECT observation_id FROM v_all_observations WHERE pps_proc_date = '2026-10-25 01:00:00'"
    assert {row["observation_id"] for row in query(router, adql)} == {"0301730401", "0124710801"}


def test_truth_values_can_be_selected_and_not_compared(router):
    answer = query(router, "SELECT observation_id FROM xsa.v_public_observations WHERE with_science = true")
    assert answer.status == 400
    found = query(router, "SELECT DISTINCT is_scientific FROM xsa.v_exposure WHERE is_scientific = 'true'")
    assert found == [{"is_scientific": "true"}]


def test_a_date_of_publication_may_be_a_thousand_years_ahead(router):
    adql = "SELECT observation_id, proprietary_end_date FROM xsa.v_public_observations ORDER BY proprietary_end_date"
    assert query(router, adql)[-1] == {
        "observation_id": "0940541201",
        "proprietary_end_date": f"{FAR_FUTURE:%Y-%m-%d %H:%M:%S}",
    }


def test_exposures_say_instrument_and_mode(router):
    adql = "SELECT instrument, exposure_id, mode_friendly_name FROM xsa.v_exposure WHERE observation_id = '0560180901'"
    assert query(router, adql) == [
        {"instrument": "EPN", "exposure_id": "S003", "mode_friendly_name": "Timing"},
        {"instrument": "EMOS2", "exposure_id": "S002", "mode_friendly_name": "Full Frame"},
    ]


def test_one_file_comes_as_itself_and_cannot_be_resumed(router):
    answer = files(router, obsno="0301730401", instname="PN", level="PPS", name="PIEVLI", extension="FTZ")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == 'inline; filename="P0301730401PNS003PIEVLI0000.FTZ"'
    assert "Set-Cookie" in answer.headers
    assert not answer.ranges
    assert answer.body == epic_events("0301730401", EpicExposure("PN", "S", 3))


def test_several_files_come_as_a_tar(router):
    answer = files(router, obsno="0884250101", instname="PN", level="PPS", name="PIEVLI")
    assert re.fullmatch(r'inline; filename="GUEST\d+\.tar"', answer.headers["Content-Disposition"])
    assert [one.name for one in members(answer)] == [
        "0884250101/pps/P0884250101PNS003PIEVLI0000.FTZ",
        "0884250101/pps/P0884250101PNU002PIEVLI0000.FTZ",
    ]
    listed = files(router, obsno="0301730401", name="OBSMLI", level="PPS")
    assert [one.name[-3:] for one in members(listed)] == ["FTZ", "HTM"]


@pytest.mark.parametrize(
    "asked",
    [
        {"obsno": "0124710801", "instname": "PN", "name": "PIEVLI"},  # there is no pn
        {"obsno": "9999999999"},  # unknown
        {"obsno": "0942190201", "instname": "PN", "name": "PIEVLI"},  # not public yet
        {"obsno": "0940541201"},  # for a thousand years
        {"obsno": "0560180901", "instname": "PN", "name": "PIEVLI"},  # timing mode
        {"obsno": "0301730401", "level": "ODF"},
        {},
    ],
)
def test_what_is_not_there_and_what_is_not_public_are_refused_alike(router, asked):
    answer = files(router, **asked)
    assert (answer.status, answer.body.decode()) == (401, REFUSAL)
    assert answer.headers["Content-Type"] == "text/html"


def test_an_embargo_ends_with_the_clock(world, router):
    asked = {"obsno": "0942190201", "instname": "PN", "name": "PIEVLI"}
    assert files(router, **asked).status == 401
    world.clock.advance_to(START + timedelta(days=10, hours=6))
    assert files(router, **asked).status == 200


def test_a_list_made_again_has_other_dates_and_other_bytes(world, router):
    asked = {"obsno": "0301730401", "instname": "PN", "name": "PIEVLI"}
    before = files(router, **asked).body
    world.reprocess("xsa", "0301730401", START + timedelta(days=9))
    adql = "SELECT pps_version, pps_proc_date FROM v_public_observations WHERE observation_id = '0301730401'"
    assert query(router, adql)[0]["pps_version"] == "21.51_20241115_1113"
    world.clock.advance_to(START + timedelta(days=9))
    assert query(router, adql) == [{"pps_version": "21.52_20241115_1113", "pps_proc_date": "2026-11-03 00:00:00"}]
    assert files(router, **asked).body != before


def test_a_column_of_the_world_can_get_another_name(world, router):
    world.rename_column("xsa", "pps_version", "pps_vers", when=START + timedelta(days=8))
    adql = "SELECT TOP 1 pps_version FROM xsa.v_public_observations"
    assert len(query(router, adql)) == 1
    world.clock.advance_to(START + timedelta(days=8))
    assert query(router, adql).status == 400
    named = query(router, "SELECT column_name FROM tap_schema.columns WHERE column_name LIKE 'pps_vers%'")
    assert {row["column_name"] for row in named} == {"pps_vers"}


def test_the_service_cuts_what_has_no_limit_and_says_so():
    world = World(SimulatedClock(START + timedelta(days=1)))
    for number in range(2001):
        add_epic(world, f"{number:010d}", [EpicExposure("PN")], made=START)
    router = XsaRouter(world)
    adql = "observation_id FROM xsa.v_public_observations"
    assert len(query(router, f"SELECT {adql}")) == 2000
    assert len(query(router, f"SELECT TOP 5000 {adql}")) == 2001


def test_a_tar_may_lead_out_of_its_folder(router):
    answer = files(router, [fault("zip_slip")], obsno="0301730401", instname="PN", name="PIEVLI")
    assert [one.name for one in members(answer)] == [
        "0301730401/pps/P0301730401PNS003PIEVLI0000.FTZ",
        "../../../P0301730401PNS003PIEVLI0000.FTZ",
    ]


def test_a_tar_may_hold_a_link(router):
    answer = files(router, [fault("tar_link")], obsno="0301730401", instname="PN", name="PIEVLI")
    assert [one.issym() for one in members(answer)] == [False, True]


def test_a_tar_may_hold_very_many_members_of_different_names(router):
    bomb = fault("tar_bomb", arguments={"members": 2500})
    answer = files(router, [bomb], obsno="0301730401", instname="PN", name="PIEVLI")
    names = [one.name for one in members(answer)]
    assert len(names) == 2501
    assert len({*names[1:]}) == 2500


def test_a_wrong_file_is_that_of_another_observation(router):
    answer = files(router, [fault("wrong_file")], obsno="0301730401", instname="PN", name="PIEVLI")
    with fits.open(io.BytesIO(gzip.decompress(answer.body))) as file:
        assert file[0].header["OBS_ID"] != "0301730401"


@pytest.mark.parametrize("timing", [False, True])
@pytest.mark.parametrize(("camera", "instrument"), [("PN", "EPN"), ("M1", "EMOS1"), ("M2", "EMOS2")])
def test_event_lists_are_whole_and_say_what_they_are(camera, instrument, timing):
    content = epic_events("0884250101", EpicExposure(camera, "U", 14, timing))
    assert len(content) < 60_000
    with fits.open(io.BytesIO(gzip.decompress(content)), checksum=True) as file:
        file.verify("exception")
        names = [unit.name for unit in file]
        header = file[0].header
        assert len(file["EVENTS"].data) > 0
        assert all("CHECKSUM" in unit.header for unit in file)
    assert "EVENTS" in names
    assert {name[:6] for name in names[2:]} == {"EXPOSU", "STDGTI"}
    assert (header["SIMULATD"], header["TELESCOP"], header["INSTRUME"]) == ("T", "XMM", instrument)
    assert (header["OBS_ID"], header["EXP_ID"], header["EXPIDSTR"]) == ("0884250101", "0884250101014", "U014")
    assert header["DATAMODE"] == ("TIMING" if timing else "IMAGING")


def test_the_same_name_and_version_give_the_same_bytes():
    exposure = EpicExposure("PN", "S", 3)
    first = epic_events("0884250101", exposure), epic_source_list("0884250101")
    epic_events.cache_clear()
    epic_source_list.cache_clear()
    assert (epic_events("0884250101", exposure), epic_source_list("0884250101")) == first
    assert epic_events("0884250101", exposure, 2) != first[0]


def test_what_is_wanted_is_what_a_client_can_get(world, router):
    for moment in (START + timedelta(days=7), START + timedelta(days=11)):
        world.clock.advance_to(moment)
        wanted = [name for (_, name, _) in world.expected()]
        got = set()
        for row in query(router, "SELECT observation_id, with_science FROM xsa.v_public_observations"):
            answer = files(router, obsno=row["observation_id"], level="PPS", extension="FTZ")
            if answer.status == 200 and row["with_science"]:
                head = answer.headers["Content-Disposition"]
                single = re.search(r'filename="(P\w+\.FTZ)"', head)
                got |= {single[1]} if single else {one.name.rpartition("/")[2] for one in members(answer)}
        assert {name for name in got if "TIEVLI" not in name} == set(wanted)
    assert any("0942190201" in name for name in wanted)


def test_days_pass_in_the_same_way_from_the_same_seed():
    def history(seed):
        world = World(SimulatedClock(START), seed)
        add_xray_days(world, START, 30)
        return world.expected(START + timedelta(days=60), archives=("xsa", "cda"))

    assert len(history(1)) > 10
    assert history(1) == history(1)
    assert history(1) != history(2)


@pytest.mark.parametrize("seed", range(5))
def test_after_the_last_day_nothing_happens_for_long(seed):
    world = World(SimulatedClock(START), seed)
    add_xray_days(world, START, 40)
    end = START + timedelta(days=40)
    for archive in ("xsa", "cda"):
        moments = {moment for record in world.records(archive) for moment in record.moments()}
        assert any(START + timedelta(days=9) < moment < end for moment in moments)
        assert not any(end < moment < end + timedelta(days=300) for moment in moments)
        assert world.epoch(archive, end) == world.epoch(archive, end + timedelta(days=300))


def test_the_servlet_answers_over_the_wire_without_a_body_to_head(world):
    with StandIn(world) as archive:
        url = f"{archive.url}/nxsa-sl/servlet/data-action-aio?obsno=0301730401&instname=PN&name=PIEVLI"
        with requests.Session() as session:
            head = session.head(url, timeout=10)
            assert (head.status_code, int(head.headers["Content-Length"])) == (
                200,
                len(session.get(url, timeout=10).content),
            )
            assert "Accept-Ranges" not in head.headers
            part = session.get(url, headers={"Range": "bytes=10-"}, timeout=10)
            assert (part.status_code, len(part.content)) == (200, int(head.headers["Content-Length"]))


@pytest.mark.parametrize("kind", ["zip_slip", "tar_link", "tar_bomb"])
def test_what_is_wrong_with_a_tar_is_part_of_the_plan(world, kind):
    with StandIn(world) as archive, requests.Session() as session:
        archive.faults.add(fault(kind, path="data-action-aio"))
        url = f"{archive.url}/nxsa-sl/servlet/data-action-aio?obsno=0301730401&instname=PN&name=PIEVLI"
        types = [session.get(url, timeout=10).headers["Content-Type"] for _ in range(2)]
        assert types == ["application/x-tar", "application/x-gzip"]
        assert [entry.fault for entry in archive.log.entries] == [kind, ""]
