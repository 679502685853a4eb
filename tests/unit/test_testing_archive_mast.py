"""MAST in the stand-in: every route, the grammar of conditions, pages, and what faults do to rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Event
from typing import Any

import pytest
import requests
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from hstlc.testing.archive import Fault, StandIn, World
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.mast import MastRouter
from hstlc.testing.archive.mast_catalog import ARCHIVE, COLUMNS, ID
from hstlc.testing.archive.messages import Incoming
from hstlc.testing.archive.scenarios import EARLY, TARGET, add_hst, first_run, renamed_column, reprocessed

SEARCH = "/search/hst/api/v0.1/search"
RETRIEVE = "/search/hst/api/v0.1/retrieve_product"
WANTED = [
    {"sci_instrume": "COS,STIS"},
    {"sci_operating_mode": "TIME-TAG"},
    {"sci_targname": "!DARK,!BIAS,!DEUTERIUM,!WAVE,!ANY,!NONE"},
    {"sci_release_date": "<2026-11-21"},
]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Stopped:
    def __init__(self, now: datetime = NOON) -> None:
        self.present = now

    def now(self) -> datetime:
        return self.present

    def sleep(self, seconds: float, stop: Event | None = None) -> bool:
        raise AssertionError(f"nobody waits {seconds} s for {stop}")


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    with StandIn(first_run(Stopped())) as stand_in:
        yield stand_in


@pytest.fixture
def archive(running: StandIn) -> Iterator[StandIn]:
    running.faults.clear()
    running.log.clear()
    yield running
    router = running.router(MastRouter)
    router.redirect, router.length, router.nested, router.token = False, True, False, ""


def get(archive: StandIn, path: str, **options: Any) -> requests.Response:
    with requests.get(archive.url + path, timeout=20, **options) as response:
        response.content  # noqa: B018 - read while it is open
    return response


def post(archive: StandIn, path: str, body: Any) -> requests.Response:
    with requests.post(archive.url + path, json=body, timeout=20) as response:
        response.content  # noqa: B018
    return response


def search(archive: StandIn, *conditions: dict[str, str], **options: Any) -> dict[str, Any]:
    response = post(archive, SEARCH, {"conditions": list(conditions), **options})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def keys(answer: dict[str, Any]) -> list[str]:
    return [row[ID] for row in answer["results"]]


# columns


def test_the_columns_are_listed_with_their_types(archive: StandIn) -> None:
    rows = get(archive, "/search/util/api/v0.1/column_list?mission=hst").json()
    assert {row["column_name"]: row["qual_type"] for row in rows} == dict(COLUMNS)
    assert {"field_name", "description", "queryable", "default_output", "indexed", "datatype"} <= set(rows[0])


def test_a_renamed_column_is_renamed_everywhere() -> None:
    with StandIn(renamed_column(NOON, Stopped())) as archive:
        names = [row["column_name"] for row in get(archive, "/search/util/api/v0.1/column_list").json()]
        assert ("sci_target_name" in names, "sci_targname" in names) == (True, False)
        assert keys(search(archive, {"sci_target_name": TARGET})) != []
        assert "sci_target_name" in search(archive, limit=1)["results"][0]
        assert post(archive, SEARCH, {"conditions": [{"sci_targname": TARGET}]}).status_code == 400


# search


def test_a_search_has_the_shape_of_the_real_one(archive: StandIn) -> None:
    answer = search(archive, *WANTED, select_cols=[ID, "sci_instrume", "sci_actual_duration"], sort_by=[ID], limit=3)
    assert set(answer) == {"messages", "info", "search_params", "totalResults", "results"}
    assert answer["totalResults"] == 32
    assert len(answer["results"]) == 3
    first = answer["results"][0]
    assert set(first) == {ID, "sci_instrume", "sci_actual_duration", "search_key", "search_pos", "ang_sep"}
    assert first["sci_instrume"] == "COS   "
    assert {one["name"]: one["type"] for one in answer["info"]} == {
        **dict.fromkeys((ID, "sci_instrume", "search_key", "search_pos"), "VARCHAR"),
        **dict.fromkeys(("sci_actual_duration", "ang_sep"), "FLOAT"),
    }
    assert [one["name"] for one in answer["info"]] != list(first)
    assert answer["search_params"]["conditions"] == WANTED


def test_the_conditions_of_the_project_find_what_is_wanted(archive: StandIn) -> None:
    assert archive.world is not None
    wanted = {
        one.key
        for one in archive.world.visible(ARCHIVE)
        if one.public and any(file.wanted for file in one.version.files)
    }
    found = set(keys(search(archive, *WANTED)))
    # the one of the lamp is seen by its files alone
    assert found - wanted == {"LS0037A1Q"}
    assert wanted <= found


def test_dates_have_fractions_or_not_and_nulls_occur(archive: StandIn) -> None:
    rows = search(archive)["results"]
    archived = [row["sci_archive_date"] for row in rows]
    assert {"." in date for date in archived} == {True, False}
    assert any(value is None for row in rows for value in row.values())
    assert {type(row["sci_central_wavelength"]) for row in rows} == {int}


@pytest.mark.parametrize("descending", [False, True])
def test_rows_come_in_order(archive: StandIn, descending: bool) -> None:
    answer = search(archive, sort_by=["sci_targname", ID], sort_desc=[descending, False])
    rows = [(row["sci_targname"], row[ID]) for row in answer["results"]]
    assert rows == sorted(sorted(rows, key=lambda row: row[1]), key=lambda row: row[0], reverse=descending)


@pytest.mark.parametrize("limit", [1, 7, 40, 100])
def test_pages_make_up_the_whole(archive: StandIn, limit: int) -> None:
    pages = [search(archive, sort_by=["sci_archive_date", ID], limit=limit, offset=n) for n in range(0, 41, limit)]
    assert {page["totalResults"] for page in pages} == {40}
    assert [key for page in pages for key in keys(page)] == keys(search(archive, sort_by=["sci_archive_date", ID]))


def test_an_answer_is_no_longer_than_the_archive_allows(archive: StandIn) -> None:
    router = archive.router(MastRouter)
    most, router.most_rows = router.most_rows, 5
    try:
        assert len(search(archive, limit=1000)["results"]) == 5
    finally:
        router.most_rows = most


def test_the_number_of_rows_may_be_left_out(archive: StandIn) -> None:
    assert search(archive, skip_count=True)["totalResults"] is None


def test_a_place_is_searched_around(archive: StandIn) -> None:
    answer = search(archive, target=["175.54622 26.70657"], radius=30, radius_units="arcseconds")
    assert {row["sci_targname"] for row in answer["results"]} == {TARGET}
    assert [row["ang_sep"] for row in answer["results"]] == pytest.approx([0.0] * 3, abs=1e-6)
    near = search(archive, target=["175.54622 26.71657"], radius=1.0, radius_units="arcminutes")
    assert [row["ang_sep"] for row in near["results"]] == pytest.approx([0.6] * 3, rel=1e-3)
    assert keys(search(archive, target=["175.54622 26.71657"], radius=30, radius_units="arcseconds")) == []


def test_a_search_around_a_place_crosses_the_beginning_of_right_ascension() -> None:
    world = World(Stopped())
    add_hst(world, HstDataset(0, ra_deg=0.001, dec_deg=60.0), made=EARLY)
    with StandIn(world) as archive:
        assert len(search(archive, target=["359.999 60.0"], radius=10, radius_units="arcseconds")["results"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"conditions": [{"no_such_column": "1"}]},
        {"select_cols": ["no_such_column"]},
        {"sort_by": ["no_such_column"]},
        {"conditions": [{"sci_archive_date": ">=yesterday"}]},
        {"conditions": [{"sci_pep_id": "many"}]},
        {"conditions": [{"sci_targname": ""}]},
        {"target": ["GJ436"], "radius": 1},
        {"target": ["1 2"], "radius": 31, "radius_units": "arcminutes"},
        {"target": ["1 2"] * 101, "radius": 1},
        ["no object"],
    ],
)
def test_a_bad_question_is_refused_in_words(archive: StandIn, body: Any) -> None:
    response = post(archive, SEARCH, body)
    assert (response.status_code, response.headers["content-type"][:10]) == (400, "text/plain")


def test_what_is_no_json_is_refused(archive: StandIn) -> None:
    with requests.post(archive.url + SEARCH, data=b"{", timeout=20) as response:
        assert response.status_code == 400


def test_a_reprocessed_dataset_is_found_by_its_new_date() -> None:
    clock = Stopped(NOON - timedelta(days=1))
    world, key = reprocessed(NOON, clock)
    with StandIn(world) as archive:
        new = {"sci_archive_date": ">=2025-12-29"}
        assert keys(search(archive, new)) == []
        clock.present = NOON
        rows = search(archive, new)["results"]
        assert [(row[ID], row["sci_generation_date"]) for row in rows] == [(key, "2026-01-01T12:00:00")]


@given(
    names=st.lists(st.sampled_from(["DARK", "M31", "HD 1", "HD 2"]), min_size=1, max_size=12),
    excluded=st.sampled_from(["DARK", "HD 1"]),
    low=st.integers(0, 12),
    limit=st.integers(1, 5),
)
def test_a_search_agrees_with_a_plain_filter(names: list[str], excluded: str, low: int, limit: int) -> None:
    world = World(Stopped())
    datasets = [replace(HstDataset(number), targname=name) for number, name in enumerate(names)]
    for number, dataset in enumerate(datasets):
        add_hst(world, dataset, made=EARLY + timedelta(days=number))
    day = EARLY + timedelta(days=low)
    wanted = [one.key for number, one in enumerate(datasets) if one.targname != excluded and number >= low]
    body = {
        "conditions": [{"sci_targname": f"!{excluded}"}, {"sci_archive_date": f">={day:%Y-%m-%d}"}],
        "sort_by": ["sci_archive_date", ID],
        "limit": limit,
    }
    router = MastRouter(world)
    found: list[str] = []
    while True:
        request = Incoming("POST", SEARCH, body=requests.compat.json.dumps(body | {"offset": len(found)}).encode())
        answer = requests.compat.json.loads(router.answer(request).body)  # type: ignore[arg-type]
        assert answer["totalResults"] == len(wanted)
        if not answer["results"]:
            break
        found += keys(answer)
    assert found == wanted


# products and files


def products(archive: StandIn, *names: str) -> list[dict[str, Any]]:
    rows = post(archive, "/search/hst/api/v0.1/post_list_products", {"dataset_ids": list(names)}).json()["products"]
    return list(rows)


def test_products_are_listed(archive: StandIn) -> None:
    rows = products(archive, "LS0000010", "OS0021010", "NOSUCH010")
    assert {row["file_suffix"] for row in rows} == {"ASN", "CORRTAG_A", "X1D", "RAWTAG_A", "TAG", "JIT"}
    first = rows[0]
    assert first["uri"] == f"{first['dataset']}/{first['filename']}"
    assert first["product_key"] == f"{first['dataset']}_{first['filename']}"
    assert (first["access"], first["instrument_name"]) == ("PUBLIC", "COS   ")
    listed = get(archive, "/search/hst/api/v0.1/list_products?dataset_ids=LS0000010,OS0021010").json()["products"]
    assert listed == rows


def test_products_may_be_nested(archive: StandIn) -> None:
    plain = products(archive, "LS0000010")
    archive.router(MastRouter).nested = True
    assert products(archive, "LS0000010") == [plain]


def test_every_product_can_be_had_with_its_size(archive: StandIn) -> None:
    for row in products(archive, "LS0000010", "LS0011010", "LS0016010", "OS0022010"):
        got = get(archive, RETRIEVE, params={"product_name": row["uri"]})
        assert (got.status_code, len(got.content)) == (200, row["size"])
        assert {"etag", "last-modified", "accept-ranges"} <= {name.lower() for name in got.headers}
        with fits.open(BytesIO(got.content), checksum=True) as units:
            assert units[0].header["SIMULATD"] == "T"


def test_an_association_says_what_belongs_together(archive: StandIn) -> None:
    tables = {}
    for key in ("LS0001010", "OS0022010"):
        name = f"{key}/{key.lower()}_asn.fits"
        with fits.open(BytesIO(get(archive, RETRIEVE, params={"product_name": name}).content)) as units:
            tables[key] = [(row["MEMNAME"], row["MEMTYPE"], bool(row["MEMPRSNT"])) for row in units[1].data]
    assert tables["LS0001010"] == [
        ("LS0001A1Q", "EXP-FP", True),
        ("LS0001W1Q", "EXP-AWAVE", True),
        ("LS0001010", "PROD-FP", True),
    ]
    assert [kind for _, kind, _ in tables["OS0022010"]] == ["SCIENCE", "AUTO-WAVECAL", "PRODUCT"]


def test_a_part_of_a_file_can_be_had(archive: StandIn) -> None:
    params = {"product_name": "OS0021010/os0021010_tag.fits"}
    whole = get(archive, RETRIEVE, params=params)
    headers = {"Range": "bytes=2880-", "If-Range": whole.headers["etag"]}
    part = get(archive, RETRIEVE, params=params, headers=headers)
    assert (part.status_code, part.content) == (206, whole.content[2880:])


def test_files_may_come_from_elsewhere_or_without_length(archive: StandIn) -> None:
    params = {"product_name": "OS0021010/os0021010_tag.fits"}
    whole = get(archive, RETRIEVE, params=params).content
    router = archive.router(MastRouter)
    router.redirect, router.length = True, False
    moved = get(archive, RETRIEVE, params=params, allow_redirects=False)
    assert (moved.status_code, "/blob/mast/" in moved.headers["location"]) == (302, True)
    got = get(archive, RETRIEVE, params=params)
    assert (got.content, "content-length" in got.headers) == (whole, False)


def test_what_is_not_public_is_for_those_with_a_token(archive: StandIn) -> None:
    params = {"product_name": "LS0039010/ls0039a1q_corrtag_a.fits"}
    assert products(archive, "LS0039010")[0]["access"] == "PROPRIETARY"
    assert get(archive, RETRIEVE, params=params).status_code == 401
    assert get(archive, "/whoami").json()["anon"] is True
    archive.router(MastRouter).token = "canary"
    cookie = {"Cookie": "mast_token=canary"}
    assert get(archive, RETRIEVE, params=params, headers=cookie).status_code == 200
    assert get(archive, RETRIEVE, params=params, headers={"Cookie": "mast_token=other"}).status_code == 401
    assert get(archive, "/whoami", headers=cookie).json()["anon"] is False


@pytest.mark.parametrize("name", ["LS0000010/other.fits", "NOSUCH010/a.fits", "", "a.fits"])
def test_what_there_is_not_is_not_found(archive: StandIn, name: str) -> None:
    assert get(archive, RETRIEVE, params={"product_name": name}).status_code == 404


@pytest.mark.parametrize("name", ["ls0000a1q_corrtag_a.fits", "ls0002a1q_corrtag_a.fits", "os0021010_tag.fits"])
def test_files_can_be_had_by_their_uri(archive: StandIn, name: str) -> None:
    uri = f"mast:HST/product/{name}"
    got = get(archive, "/api/v0.1/Download/file", params={"uri": uri})
    assert (got.status_code, got.content[:9]) == (200, b"SIMPLE  =")
    missing = "mast:HST/product/zz0000a1q_raw.fits"
    paths = get(archive, "/api/v0.1/path_lookup/", params={"uri": [uri, missing]}).json()
    assert paths[uri]["status_code"] == 200
    assert paths[uri]["path"].endswith(f"/{name}")
    assert paths[missing] == {"status_code": 404, "path": None}
    assert get(archive, "/api/v0.1/Download/file", params={"uri": missing}).status_code == 404


# faults


def spoiled(archive: StandIn, kind: str, path: str = "/search$", **arguments: Any) -> dict[str, Any]:
    archive.faults.add(Fault(kind, path=path, arguments=arguments))
    return search(archive, *WANTED, sort_by=[ID], limit=5, offset=5)


def test_faults_change_rows(archive: StandIn) -> None:
    plain = search(archive, *WANTED, sort_by=[ID], limit=5, offset=5)
    names = keys(plain)
    assert keys(spoiled(archive, "dup_rows")) == [name for name in names for _ in range(2)]
    shuffled = keys(spoiled(archive, "shuffle_rows"))
    assert (sorted(shuffled), shuffled == names) == (names, False)
    before = search(archive, *WANTED, sort_by=[ID], limit=5)
    assert keys(spoiled(archive, "shift_page")) == [keys(before)[-1], *names[:-1]]
    assert spoiled(archive, "total_lies", difference=3)["totalResults"] == 35
    assert len(spoiled(archive, "overflow", limit=2)["results"]) == 2
    assert [row["sci_ra"] for row in spoiled(archive, "null_field", column="sci_ra")["results"]] == [None] * 5
    assert "sci_ra" not in spoiled(archive, "drop_column", column="sci_ra")["results"][0]
    renamed = spoiled(archive, "rename_column", column="sci_ra", to="ra")["results"][0]
    assert ("ra" in renamed, "sci_ra" in renamed) == (True, False)
    assert isinstance(spoiled(archive, "type_change", column="sci_ra")["results"][0]["sci_ra"], str)
    assert isinstance(spoiled(archive, "type_change", column=ID)["results"][0][ID], int)
    assert spoiled(archive, "new_column")["results"][0]["brand_new"] == "new"
    assert spoiled(archive, "pad_strings")["results"][0][ID] == f"{names[0]}   "
    far = spoiled(archive, "far_future_date", column="sci_release_date")["results"][0]
    assert far["sci_release_date"].startswith("3022")
    assert search(archive, *WANTED, sort_by=[ID], limit=5, offset=5) == plain


def test_faults_change_the_list_of_columns(archive: StandIn) -> None:
    def listed(kind: str, **arguments: str) -> dict[str, str]:
        archive.faults.add(Fault(kind, path="column_list", arguments=arguments))
        rows = get(archive, "/search/util/api/v0.1/column_list").json()
        return {row["column_name"]: row["qual_type"] for row in rows}

    assert listed("drop_column", column="sci_ra") == {k: v for k, v in COLUMNS.items() if k != "sci_ra"}
    assert listed("rename_column", column="sci_ra", to="ra").keys() ^ COLUMNS.keys() == {"ra", "sci_ra"}
    assert listed("new_column").keys() - COLUMNS.keys() == {"brand_new"}
    assert listed("type_change", column=ID)[ID] == "integer"


def test_a_wrong_file_is_one_of_another_exposure(archive: StandIn) -> None:
    archive.faults.add(Fault("wrong_file", path="retrieve_product"))
    got = get(archive, RETRIEVE, params={"product_name": "LS0001010/ls0001a1q_corrtag_a.fits"})
    with fits.open(BytesIO(got.content)) as units:
        assert units[0].header["FILENAME"] != "ls0001a1q_corrtag_a.fits"
        assert units[0].header["FILENAME"].endswith("_corrtag_a.fits")


def test_files_of_mixed_epochs_come_from_two_versions() -> None:
    world, key = reprocessed(NOON, Stopped())
    with StandIn(world) as archive:
        params = {"product_name": f"{key}/ls0000a1q_x1d.fits"}
        new = get(archive, RETRIEVE, params=params).content
        archive.faults.add(Fault("mixed_epoch", path="x1d"))
        old = get(archive, RETRIEVE, params=params).content
        first = world.record(ARCHIVE, key).versions[0]
        assert old == next(one for one in first.files if one.name.endswith("x1d.fits")).content != new


def test_other_paths_are_no_service(archive: StandIn) -> None:
    assert get(archive, "/search/jwst/api/v0.1/search").status_code == 404
