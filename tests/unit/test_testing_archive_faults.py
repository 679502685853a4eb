"""What every fault of the stand-in looks like to a client, and which requests meet it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_in_client import Got

from hstlc.testing.archive import Fault, FaultPlan, StandIn, fault
from hstlc.testing.archive.faults import FILE_FAULTS, QUERY_FAULTS, ROWS, TRANSPORT
from hstlc.testing.archive.spoiling import last_unit

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def archive() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        stand_in.serve("/a.fits", CONTENT)
        yield stand_in


def one(archive: StandIn, kind: str, **arguments: Any) -> Got:
    archive.faults.add(fault(kind, arguments=arguments))
    got = Got(archive)
    assert archive.log.entries[-1].fault == kind.partition(":")[0]
    return got


@pytest.mark.parametrize("code", [500, 502, 503, 504, 508, 429, 404])
def test_fault_status(archive: StandIn, code: int) -> None:
    got = one(archive, f"status:{code}", retry_after=3)
    assert (got.status, got.headers["retry-after"]) == (code, "3")
    assert Got(archive).status == 200


def test_fault_status_with_a_date(archive: StandIn) -> None:
    assert one(archive, "status:503", retry_date=60).headers["retry-after"].endswith("GMT")


def test_fault_reset(archive: StandIn) -> None:
    assert isinstance(one(archive, "reset").error, ConnectionResetError)


def test_fault_reset_within_the_body(archive: StandIn) -> None:
    got = one(archive, "reset", after=100)
    assert got.status == 200
    assert isinstance(got.error, (ConnectionResetError, IncompleteRead))


def test_fault_hang_ends_without_an_answer(archive: StandIn) -> None:
    assert isinstance(one(archive, "hang", seconds=0.2).error, RemoteDisconnected)


def test_fault_stall_ends_within_the_body(archive: StandIn) -> None:
    got = one(archive, "stall", after=100, seconds=0.2)
    assert (got.status, got.body) == (200, CONTENT[:100])
    assert isinstance(got.error, IncompleteRead)


def test_fault_slow_drips_all_of_it(archive: StandIn) -> None:
    got = one(archive, "slow", bytes_per_s=50_000)
    assert (got.body, got.error) == (CONTENT, None)


def test_fault_truncate_with_length(archive: StandIn) -> None:
    got = one(archive, "truncate", size=77)
    assert got.headers["content-length"] == str(len(CONTENT))
    assert got.body == CONTENT[:77]
    assert isinstance(got.error, IncompleteRead)


def test_fault_truncate_without_length_goes_unnoticed(archive: StandIn) -> None:
    got = one(archive, "truncate", size=77, keep_length=False)
    assert (got.body, got.error) == (CONTENT[:77], None)
    assert "content-length" not in got.headers


@pytest.mark.parametrize("difference", [100, -100])
def test_fault_wrong_length(archive: StandIn, difference: int) -> None:
    got = one(archive, "wrong_length", difference=difference)
    assert got.headers["content-length"] == str(len(CONTENT) + difference)
    assert got.body == CONTENT[: len(CONTENT) + min(difference, 0)]
    assert isinstance(got.error, IncompleteRead) == (difference > 0)


def test_fault_no_length(archive: StandIn) -> None:
    got = one(archive, "no_length")
    assert (got.body, "content-length" in got.headers) == (CONTENT, False)


def test_fault_chunk_cut(archive: StandIn) -> None:
    got = one(archive, "chunk_cut")
    assert got.headers["transfer-encoding"] == "chunked"
    assert isinstance(got.error, IncompleteRead)


def test_fault_html_200(archive: StandIn) -> None:
    got = one(archive, "html_200")
    assert (got.status, got.headers["content-type"][:9], b"maintenance" in got.body) == (200, "text/html", True)


def test_fault_error_200(archive: StandIn) -> None:
    got = one(archive, "error_200", body='{"error": "no"}', content_type="application/json")
    assert (got.status, got.body, got.headers["content-type"]) == (200, b'{"error": "no"}', "application/json")
    assert one(archive, "error_200").body.startswith(b"Error executing query:")


def test_fault_json_garbage_fits_its_length(archive: StandIn) -> None:
    got = one(archive, "json_garbage")
    assert (got.body, got.error) == (CONTENT[: len(CONTENT) // 2], None)


def test_fault_gzip_corrupt(archive: StandIn) -> None:
    archive.serve("/a.fits", gzip.compress(CONTENT, mtime=0))
    with pytest.raises((gzip.BadGzipFile, zlib.error)):
        gzip.decompress(one(archive, "gzip_corrupt").body)


def test_fault_gzip_corrupt_of_what_is_not_compressed(archive: StandIn) -> None:
    got = one(archive, "gzip_corrupt")
    assert got.headers["content-encoding"] == "gzip"
    with pytest.raises((gzip.BadGzipFile, zlib.error)):
        gzip.decompress(got.body)


def test_fault_gzip_encoding(archive: StandIn) -> None:
    got = one(archive, "gzip_encoding")
    assert (got.headers["content-encoding"], gzip.decompress(got.body)) == ("gzip", CONTENT)


def test_fault_ignore_range(archive: StandIn) -> None:
    archive.faults.add(Fault("ignore_range"))
    got = Got(archive, Range="bytes=10-")
    assert (got.status, got.body, got.headers["accept-ranges"]) == (200, CONTENT, "bytes")


def test_fault_bad_content_range(archive: StandIn) -> None:
    archive.faults.add(Fault("bad_content_range", arguments={"shift": 5}))
    got = Got(archive, Range="bytes=10-")
    assert (got.status, got.headers["content-range"]) == (206, "bytes 15-10239/10240")


def test_fault_etag_change_gives_the_other_entity_from_its_beginning(archive: StandIn) -> None:
    etag = Got(archive, method="HEAD").headers["etag"]
    archive.faults.add(Fault("etag_change", arguments={"content": CONTENT[::-1]}))
    got = Got(archive, Range="bytes=10-", If_Range=etag)
    assert (got.status, got.body) == (200, CONTENT[::-1])
    assert got.headers["etag"] != etag


@pytest.mark.parametrize("offset", [0, 500, -1])
def test_fault_flip_byte(archive: StandIn, offset: int) -> None:
    body = one(archive, "flip_byte", offset=offset).body
    assert [i for i, (a, b) in enumerate(zip(body, CONTENT, strict=True)) if a != b] == [offset % len(CONTENT)]


def test_fault_cut_at_hdu(archive: StandIn) -> None:
    block = b" " * 2880
    whole = block + b"XTENSION= 'A'".ljust(2880) + block + b"XTENSION= 'B'".ljust(2880) + block
    archive.serve("/a.fits", whole)
    assert one(archive, "cut_at_hdu").body == whole[: 3 * 2880]
    archive.serve("/a.fits", gzip.compress(whole))
    assert gzip.decompress(one(archive, "cut_at_hdu").body) == whole[: 3 * 2880]
    assert last_unit(block) == len(block)


def test_fault_empty_file(archive: StandIn) -> None:
    got = one(archive, "empty_file")
    assert (got.status, got.body, got.headers["content-length"]) == (200, b"", "0")


def test_fault_wrong_file(archive: StandIn) -> None:
    assert one(archive, "wrong_file", content=b"another").body == b"another"


def test_fault_redirect(archive: StandIn) -> None:
    got = one(archive, "redirect", location="https://elsewhere.example/a")
    assert (got.status, got.headers["location"]) == (302, "https://elsewhere.example/a")


def test_fault_redirect_loop(archive: StandIn) -> None:
    got = one(archive, "redirect_loop")
    assert (got.status, got.headers["location"]) == (302, f"{archive.url}/a.fits")


def test_every_kind_of_the_transport_has_a_test() -> None:
    tested = {name.removeprefix("test_fault_") for name in globals() if name.startswith("test_fault_")}
    assert [kind for kind in TRANSPORT if not any(name.startswith(kind) for name in tested)] == []


def test_kinds_of_storms_are_known() -> None:
    assert {fault(kind).kind for kind in (*QUERY_FAULTS, *FILE_FAULTS)} <= {*TRANSPORT, *ROWS}


# which request meets a fault


def met(plan: FaultPlan, number: int, method: str = "GET", target: str = "/a") -> list[bool]:
    return [bool(plan.draw(method, target)) for _ in range(number)]


def test_a_fault_happens_once_unless_told_otherwise() -> None:
    plan = FaultPlan()
    plan.add(Fault("reset"))
    assert met(plan, 3) == [True, False, False]
    plan.clear()
    plan.add(Fault("reset", times=None))
    assert met(plan, 3) == [True, True, True]
    plan.clear()
    plan.add(Fault("reset", nth=2, times=2))
    assert met(plan, 5) == [False, True, True, False, False]


def test_a_fault_is_for_its_path_and_method() -> None:
    plan = FaultPlan()
    plan.add(Fault("reset", path=r"retrieve.*b\.fits", method="GET", times=None))
    targets = ("/search", "/retrieve?name=a.fits", "/retrieve?name=b.fits")
    assert [met(plan, 1, target=target)[0] for target in targets] == [False, False, True]
    assert met(plan, 1, "HEAD", targets[2]) == [False]


def test_one_fault_of_the_transport_at_a_time() -> None:
    plan = FaultPlan()
    for kind in ("reset", "hang", "dup_rows", "shuffle_rows"):
        plan.add(Fault(kind))
    assert [one.kind for one in plan.draw("GET", "/")] == ["reset", "dup_rows", "shuffle_rows"]
    assert [one.kind for one in plan.draw("GET", "/")] == ["hang"]


def drawn(seed: int, targets: list[str], probability: float = 0.2) -> dict[tuple[str, int], tuple[str, ...]]:
    plan = FaultPlan()
    plan.storm(probability, seed=seed)
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for target in targets:
        number = sum(known == target for known, _ in found)
        found[target, number] = tuple(f"{one.kind}{dict(one.arguments)}" for one in plan.draw("GET", target))
    return found


@given(st.permutations([f"/{number % 40}" for number in range(120)]), st.integers(0, 5))
def test_a_storm_does_not_depend_on_the_order_of_requests(targets: list[str], seed: int) -> None:
    assert drawn(seed, targets) == drawn(seed, sorted(targets))


def test_a_storm_meets_the_part_of_requests_that_it_should() -> None:
    storm = drawn(3, [f"/{number}" for number in range(2000)])
    hit = sum(map(bool, storm.values()))
    assert 340 < hit < 460  # 400 expected, five standard deviations are 89
    assert drawn(4, [f"/{number}" for number in range(2000)]) != storm
    assert len({kinds for kinds in storm.values() if kinds}) == len(QUERY_FAULTS)


def test_a_storm_leaves_a_request_alone_after_a_while() -> None:
    plan = FaultPlan()
    plan.storm(1.0, ("reset",), longest=2)
    assert met(plan, 4) == [True, True, False, False]
    assert met(plan, 1, target="/other") == [True]


def test_the_same_requests_give_the_same_log() -> None:
    def run() -> list[tuple[str, str, int]]:
        with StandIn(seed=5) as archive:
            archive.serve("/a.fits", CONTENT)
            archive.faults.storm(0.5, FILE_FAULTS)
            for number in range(30):
                Got(archive, f"/a.fits?{number}")
            return [(entry.path, entry.fault, entry.status) for entry in archive.log.entries]

    first = run()
    assert first == run()
    assert {kind for _, kind, _ in first} > {""}
