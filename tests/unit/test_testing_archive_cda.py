import gzip
import io
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
import requests
from astropy.io import fits, votable

from hstlc.archives.sesame import read_answer
from hstlc.testing.archive import StandIn, fault
from hstlc.testing.archive.cda import CdaRouter
from hstlc.testing.archive.messages import Incoming
from hstlc.testing.archive.sesame import KNOWN, SesameRouter
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xray_worlds import add_cda, add_xsa
from hstlc.testing.clock import SimulatedClock

START = datetime(2026, 10, 25, tzinfo=UTC)
FOLDER = "/cdaftp/byobsid/8/2798/primary/"
EVENTS = f"{FOLDER}acisf02798N004_evt2.fits.gz"


@pytest.fixture
def world():
    world = World(SimulatedClock(START + timedelta(days=7)))
    add_cda(world, START)
    add_xsa(world, START)
    return world


@pytest.fixture
def router(world):
    return CdaRouter(world)


def get(router, path, faults=(), **asked):
    return router.answer(Incoming("GET", path, urlencode(asked), base_url="http://x", faults=tuple(faults)))


def rows_of(answer):
    array = votable.parse(io.BytesIO(answer.body)).get_first_table().array
    return [dict(zip(array.dtype.names, row, strict=True)) for row in array.tolist()]


def query(router, adql, **more):
    answer = get(router, "/cxctap/sync", REQUEST="doQuery", LANG="ADQL", QUERY=adql, **more)
    if answer.status != 303:
        return answer
    return router.answer(Incoming("GET", answer.headers["Location"].removeprefix("http://x")))


class Links(HTMLParser):
    """Addresses and texts of links."""

    def __init__(self, page):
        super().__init__()
        self.found, self.address = [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.address = dict(attrs)["href"] if tag == "a" else self.address

    def handle_data(self, data):
        if self.address is not None:
            self.found.append((self.address, data))

    def handle_endtag(self, tag):  # noqa: ARG002
        self.address = None


def test_a_query_leads_to_its_rows(router):
    assert get(router, "/cxctap/sync", QUERY="SELECT TOP 1 obsid FROM cxc.observation").status == 303
    adql = "SELECT obsid, target_name, status, public_avail_date FROM cxc.observation WHERE obsid = 2798"
    assert rows_of(query(router, adql)) == [
        {
            "obsid": 2798,
            "target_name": "SIMGALAXY",
            "status": "archived",
            "public_avail_date": "2026-10-25 00:00:00",
        }
    ]


def test_a_wrong_query_leads_nowhere(router):
    answer = query(router, "SELECT nothing FROM cxc.observation")
    assert answer.status == 400
    assert b"ERROR" in answer.body


def test_text_describes_its_columns(router):
    answer = query(router, "SELECT obsid, status FROM cxc.observation WHERE obsid = 2798", FORMAT="text")
    assert answer.body == b"# obsid\t\tObservation id\n# status\t\t\nobsid\tstatus\n2798\tarchived\n"


def test_observations_that_are_not_public_yet_are_listed_with_a_date_ahead(router):
    adql = "SELECT obsid FROM cxc.observation WHERE public_avail_date > '2026-11-01 00:00:00'"
    assert rows_of(query(router, adql)) == [{"obsid": 31001}]


def test_links_of_an_index_have_their_address_as_text_where_they_are_files(router):
    links = Links(get(router, FOLDER).body.decode()).found
    assert [address for address, text in links if text == address] == [
        "acisf02798N004_evt2.fits.gz",
        "acisf02798N004_fov1.fits.gz",
        "acisf02798N004_bpix1.fits.gz",
        "oif.fits",
    ]
    assert ("/cdaftp/byobsid/8/2798/", "Parent Directory") in links
    above = Links(get(router, "/cdaftp/byobsid/8/2798/").body.decode()).found
    assert [address for address, text in above if text == address] == ["primary/", "secondary/"]


@pytest.mark.parametrize(
    "path",
    [
        "/cdaftp/byobsid/7/2798/primary/",
        "/cdaftp/byobsid/9/9999/primary/",
        "/cdaftp/byobsid/1/31001/primary/",
        "/cdaftp/byobsid/8/2798/tertiary/",
        f"{FOLDER}acisf02798N005_evt2.fits.gz",
        "/cdaftp/byobsid/",
    ],
)
def test_what_is_not_there_or_not_public_is_not_found(router, path):
    assert get(router, path).status == 404


def test_an_embargo_ends_with_the_clock(world, router):
    path = "/cdaftp/byobsid/1/31001/primary/acisf31001N004_evt2.fits.gz"
    assert get(router, path).status == 404
    world.clock.advance_to(START + timedelta(days=10, hours=6))
    assert get(router, path).status == 200


def test_a_later_version_takes_the_place_of_the_earlier_one(world, router):
    old, new = (f"/cdaftp/byobsid/5/735/primary/acisf00735N00{number}_evt2.fits.gz" for number in (4, 5))
    assert [get(router, path).status for path in (old, new)] == [200, 404]
    before = get(router, old).body
    world.clock.advance_to(START + timedelta(days=12))
    assert [get(router, path).status for path in (old, new)] == [404, 200]
    after = get(router, new).body
    versions = [fits.getheader(io.BytesIO(gzip.decompress(content)))["ASCDSVER"] for content in (before, after)]
    assert versions == ["10.4", "10.5"]


def test_compressed_files_say_so_and_are_given_in_parts(world):
    with StandIn(world) as archive, requests.Session() as session:
        url = archive.url + EVENTS
        whole = session.get(url, headers={"Accept-Encoding": "identity"}, stream=True, timeout=10)
        content = whole.raw.read(decode_content=False)
        assert whole.headers["Content-Encoding"] == "gzip"
        assert content[:2] == b"\x1f\x8b"
        assert fits.getheader(io.BytesIO(gzip.decompress(content)))["OBS_ID"] == "2798"
        head = session.head(url, timeout=10)
        assert int(head.headers["Content-Length"]) == len(content)
        part = session.get(url, headers={"Range": "bytes=100-"}, stream=True, timeout=10)
        assert (part.status_code, part.raw.read(decode_content=False)) == (206, content[100:])
        plain = session.get(f"{archive.url}{FOLDER}oif.fits", timeout=10)
        assert "Content-Encoding" not in plain.headers
        assert plain.content.startswith(b"SIMPLE  =")


def test_a_wrong_file_is_that_of_another_observation(router):
    answer = get(router, EVENTS, [fault("wrong_file")])
    assert fits.getheader(io.BytesIO(gzip.decompress(answer.body)))["OBS_ID"] != "2798"


def test_footprints_are_those_around_a_place_of_some_instruments(router):
    path = "/fps-dbdal-rest/jax-rs/main/footprints"
    found = rows_of(get(router, path, POS="148.96,69.68", SIZE="0.2"))
    assert [(row["ObsId"], row["Instrument"]) for row in found] == [(2798, "ACIS-I")]
    assert rows_of(get(router, path, POS="148.96,69.68", SIZE="0.2", INST="HRC-I,HRC-S")) == []
    assert get(router, path, POS="here").status == 400


def sesame(world, name, options="-oxpI"):
    return SesameRouter(world).answer(Incoming("GET", f"/cgi-bin/nph-sesame/{options}", quote(name)))


@pytest.mark.parametrize("name", ["GJ436", "gj 436", "Ross 905", "GJ_436"])
def test_sesame_knows_a_star_by_all_its_names(world, name):
    answer = read_answer(sesame(world, name).body)
    assert answer.place == pytest.approx(KNOWN[0][:2])
    assert answer.names[0] == "Ross 905"
    assert "GJ 436" in answer.names


def test_sesame_knows_the_targets_of_the_world(world):
    assert read_answer(sesame(world, "SIM-MOS").body).place == (0.02, 89.9)
    assert read_answer(sesame(world, "SIM GALAXY").body).place == (148.96, 69.68)


def test_sesame_says_that_it_found_nothing(world):
    assert read_answer(sesame(world, "No Such Star").body) is None
    text = sesame(world, "No Such Star", "SNV").body.decode()
    assert "%J" not in text
    assert "#!SIMBAD: Nothing found" in text


def test_sesame_gives_a_place_as_text_without_x(world):
    lines = sesame(world, "M81", "SNV").body.decode().splitlines()
    assert "%J 148.8882194 +69.0652951 = 09:55:33.17 +69:03:55.1" in lines
