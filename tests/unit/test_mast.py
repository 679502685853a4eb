"""The client of MAST against answers in the recorded shapes, without a network."""

import io
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives.base import RemoteDataset, RemoteProduct, Selection, Window
from hstlc.archives.http import Reply
from hstlc.errors import IntegrityError, RejectedError, TransientError, UsageError
from hstlc.missions.hst.mast import Mast, MastSettings
from hstlc.missions.hst.mast_rows import OPTIONAL, REQUIRED

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)

ROW = {
    "sci_data_set_name": "LABC01010",
    "sci_targname": "GJ-436",
    "sci_instrume": "COS   ",
    "sci_operating_mode": "TIME-TAG",
    "sci_status": "PUBLIC",
    "sci_release_date": "2026-11-19T23:03:09",
    "sci_generation_date": "2026-11-20T10:00:16.633000",
    "sci_archive_date": "2026-11-20T12:00:00",
    "sci_ra": 175.55,
    "sci_dec": 26.7,
    "sci_start_time": "2026-05-19T01:02:03.5",
    "sci_actual_duration": 2100,
    "sci_asn_id": None,
    "search_key": "40.66963 -0.01328LABC01010",
    "ang_sep": 1.5182,
}


class Clock:
    def now(self):
        return NOW

    def sleep(self, *_):
        return False


class FakeHttp:
    """Gives what functions return; keeps what was asked."""

    def __init__(self, search=None, products=None, columns=None, files=None):
        self.answers = {"/search": search, "post_list_products": products}
        self.columns, self.files = columns, files or {}
        self.asked = []

    def post(self, url, *, json=None, headers=None, **_):
        self.asked.append((url, json, dict(headers or {})))
        return _reply(url, next(give(json) for end, give in self.answers.items() if url.endswith(end)))

    def get(self, url, params=None, *, headers=None, **_):
        self.asked.append((url, dict(params or {}), dict(headers or {})))
        if "column_list" in url:
            return _reply(url, self.columns)
        return self.files[(params or {})["product_name"]]


def _reply(url, content, status=200, **headers):
    if isinstance(content, Exception):
        raise content
    return Reply(url, status, headers, content if isinstance(content, bytes) else json.dumps(content).encode())


def rows_of(number, **changes):
    return [{**ROW, "sci_data_set_name": f"L{place:05d}010", **changes} for place in range(number)]


def page(rows, total=None):
    return {"messages": [], "info": [], "totalResults": len(rows) if total is None else total, "results": rows}


def serving(rows):
    """Answer from a list as it is when it is asked."""
    return lambda body: page(rows[body["offset"] : body["offset"] + body["limit"]], len(rows))


def mast(http, **settings):
    return Mast(MastSettings(**settings), http, Clock())


def keys(pages):
    return [dataset.key for one in pages for dataset in one.datasets]


WINDOW = Window("archive", NOW - 4 * DAY, NOW)


# --- questions


def test_new_data_are_asked_for_by_the_date_of_archiving():
    http = FakeHttp(serving([]))
    (only,) = mast(http).search(WINDOW)
    assert (only.datasets, only.watermark, only.suffix) == ((), None, ".json")
    ((url, body, headers),) = http.asked
    assert url == "https://mast.stsci.edu/search/hst/api/v0.1/search"
    assert headers == {}
    assert {"sci_instrume": "COS,STIS"} in body["conditions"]
    assert {"sci_operating_mode": "TIME-TAG"} in body["conditions"]
    assert {"sci_targname": "!DARK,!BIAS,!DEUTERIUM,!WAVE,!ANY,!NONE"} in body["conditions"]
    assert {"sci_archive_date": ">=2026-11-16"} in body["conditions"]  # a day more: there are no zones
    assert {"sci_release_date": "<2026-11-23"} in body["conditions"]
    assert body["sort_by"] == ["sci_archive_date", "sci_data_set_name"]
    assert (body["limit"], body["offset"]) == (2000, 0)
    assert set(body["select_cols"]) == {*REQUIRED, *OPTIONAL}


def test_data_that_become_public_are_asked_for_by_the_date_of_release():
    http = FakeHttp(serving([]))
    (only,) = mast(http).search(Window("release", NOW - 4 * DAY, NOW))
    assert only.watermark == NOW
    body = http.asked[0][1]
    assert body["sort_by"] == ["sci_release_date", "sci_data_set_name"]
    assert [one for one in body["conditions"] if "sci_release_date" in one] == [
        {"sci_release_date": "2026-11-16..2026-11-22"}
    ]


def test_a_full_walk_asks_for_everything_that_is_public():
    http = FakeHttp(serving(rows_of(2, sci_archive_date="2009-01-01T00:00:00")))
    (only,) = mast(http).search(Window("full", NOW - DAY, NOW))
    assert (len(only.datasets), only.watermark) == (2, None)
    body = http.asked[0][1]
    assert body["sort_by"] == ["sci_data_set_name"]
    assert not any("sci_archive_date" in one for one in body["conditions"])


def test_no_column_has_two_conditions():
    http = FakeHttp(serving([]))
    archive = mast(http)
    for stream in archive.streams():
        list(archive.search(Window(stream.name, NOW - DAY, NOW)))
    list(archive.find(Selection("GJ 436", 175.5, 26.7)))
    for _, body, _ in http.asked:
        columns = [column for one in body["conditions"] for column in one]
        assert len(columns) == len(set(columns))


# --- rows


def test_a_row_becomes_a_dataset():
    ((only,),) = (one.datasets for one in mast(FakeHttp(serving([ROW]))).search(WINDOW))
    assert only.key == "LABC01010"
    assert only.version == "2026-11-20T10:00:16"
    assert (only.target, only.instrument) == ("GJ-436", "COS")
    assert (only.ra_deg, only.dec_deg) == (175.55, 26.7)
    assert only.start == datetime(2026, 5, 19, 1, 2, 3, 500000, UTC)
    assert only.release == datetime(2026, 11, 19, 23, 3, 9, tzinfo=UTC)
    assert only.columns["sci_instrume"] == "COS"
    assert only.columns["sci_asn_id"] is None
    assert not {"search_key", "ang_sep"} & only.columns.keys()
    assert json.loads(json.dumps(only.columns)) == only.columns


@pytest.mark.parametrize(
    "spelled", ["2026-11-20T10:00:16", "2026-11-20 10:00:16.6", " 2026-11-20T10:00:16.633000  ", "2026-11-20T10:00:16Z"]
)
def test_a_version_does_not_depend_on_the_spelling_of_its_date(spelled):
    (only,) = mast(FakeHttp(serving([{**ROW, "sci_generation_date": spelled}]))).search(WINDOW)
    assert only.datasets[0].version == "2026-11-20T10:00:16"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True),
        ({"sci_instrume": "STIS"}, True),
        ({"sci_instrume": "FOC   "}, False),
        ({"sci_operating_mode": "ACCUM"}, False),
        ({"sci_operating_mode": "time-tag "}, True),
        ({"sci_targname": "DARK"}, False),
        ({"sci_targname": " wave "}, False),
        ({"sci_targname": "DARK-STAR"}, True),
        ({"sci_targname": None}, True),
        ({"sci_instrume": None, "sci_operating_mode": None}, True),  # its files tell
        ({"sci_release_date": "2026-11-21T06:30:00"}, True),
        ({"sci_release_date": "2026-11-21T06:30:01"}, False),
        ({"sci_release_date": "3026-01-01T00:00:00", "sci_status": "PROPRIETARY"}, False),
        ({"sci_release_date": None}, True),
        ({"sci_release_date": None, "sci_status": "PROPRIETARY"}, False),
        ({"sci_release_date": None, "sci_status": None}, False),
        ({"sci_status": None}, True),
        ({"sci_archive_date": "2026-11-17T06:30:00"}, True),
        ({"sci_archive_date": "2026-11-17T06:29:59.999"}, False),
        ({"sci_archive_date": "2026-11-21 06:30:00"}, True),
        ({"sci_archive_date": "2026-11-21T06:30:00.5"}, False),
        ({"sci_archive_date": None}, True),
    ],
)
def test_every_condition_is_looked_at_again(changes, wanted):
    found = keys(mast(FakeHttp(serving([{**ROW, **changes}]))).search(WINDOW))
    assert found == ([ROW["sci_data_set_name"]] if wanted else [])


def test_what_is_public_by_date_and_not_by_status_is_taken_and_told(caplog):
    with caplog.at_level(logging.WARNING):
        found = keys(mast(FakeHttp(serving([{**ROW, "sci_status": "PROPRIETARY"}]))).search(WINDOW))
    assert found == ["LABC01010"]
    assert "LABC01010" in caplog.text
    assert "PROPRIETARY" in caplog.text


@pytest.mark.parametrize("column", ["sci_data_set_name", "sci_generation_date"])
def test_a_row_without_name_or_version_is_left_out_and_told(column, caplog):
    rows = [{**row, column: None} if number == 1 else row for number, row in enumerate(rows_of(3))]
    with caplog.at_level(logging.WARNING):
        found = keys(mast(FakeHttp(serving(rows))).search(WINDOW))
    assert found == ["L00000010", "L00002010"]
    assert column in caplog.text


def test_versions_that_are_no_dates_are_noticed():
    rows = rows_of(3, sci_generation_date="Nov 20 2026")
    with pytest.raises(RejectedError) as caught:
        list(mast(FakeHttp(serving(rows))).search(WINDOW))
    assert caught.value.code == "archive.columns"
    assert "'Nov 20 2026'" in caught.value.message
    rows[1] = rows_of(2)[1]
    assert keys(mast(FakeHttp(serving(rows))).search(WINDOW)) == ["L00001010"]


def test_the_watermark_is_the_latest_date_and_never_in_the_future():
    rows = [
        {**row, "sci_archive_date": date}
        for row, date in zip(
            rows_of(3), ["2026-11-18T00:00:00", "2026-11-20T12:00:00.25", "2999-01-01T00:00:00"], strict=True
        )
    ]
    (only,) = mast(FakeHttp(serving(rows))).search(WINDOW)
    assert only.watermark == datetime(2026, 11, 20, 12, 0, 0, 250000, UTC)


# --- pages


@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 7, 100])
def test_all_pages_are_read(page_size):
    rows = rows_of(7)
    http = FakeHttp(serving(rows))
    assert keys(mast(http, page_size=page_size).search(WINDOW)) == [row["sci_data_set_name"] for row in rows]
    assert len(http.asked) <= 7 // page_size + 1


def test_an_archive_with_smaller_pages_than_asked_for_is_read_to_its_end():
    rows = rows_of(10)
    http = FakeHttp(lambda body: page(rows[body["offset"] : body["offset"] + 3], len(rows)))
    assert len(keys(mast(http).search(WINDOW))) == 10


def test_a_number_of_rows_that_is_too_small_ends_nothing():
    rows = rows_of(9)
    http = FakeHttp(lambda body: page(rows[body["offset"] : body["offset"] + body["limit"]], 4))
    assert set(keys(mast(http, page_size=4).search(WINDOW))) == {row["sci_data_set_name"] for row in rows}


def test_without_a_number_of_rows_an_empty_page_is_the_end():
    rows = rows_of(9)
    http = FakeHttp(lambda body: {"results": rows[body["offset"] : body["offset"] + body["limit"]]})
    assert len(keys(mast(http, page_size=4).search(WINDOW))) == 9
    assert len(http.asked) == 4


def test_rows_that_come_twice_are_given_once():
    rows = rows_of(6)
    for size in (2, 4, 100):
        http = FakeHttp(lambda body: page([r for row in serving(rows)(body)["results"] for r in (row, row)], 6))
        assert keys(mast(http, page_size=size).search(WINDOW)) == [row["sci_data_set_name"] for row in rows]
    http = FakeHttp(serving([row for row in rows for _ in range(2)]))  # the archive itself has them twice
    assert keys(mast(http, page_size=4).search(WINDOW)) == [row["sci_data_set_name"] for row in rows]


def test_when_rows_move_everything_is_asked_for_once_more():
    rows, asked = rows_of(6), []

    def search(body):
        asked.append(body["offset"])
        if len(asked) == 2:
            del rows[0]  # what follows moves to an earlier page
        return serving(rows)(body)

    found = keys(mast(FakeHttp(search), page_size=3).search(WINDOW))
    assert sorted(found) == [f"L{number:05d}010" for number in range(6)]
    assert asked.count(0) == 2


def test_an_answer_that_never_stands_still_is_an_error():
    rows = rows_of(3)

    def search(body):
        rows.append({**ROW, "sci_data_set_name": f"NEW{len(rows)}"})
        return serving(rows)(body)

    with pytest.raises(TransientError) as caught:
        list(mast(FakeHttp(search), page_size=2).search(WINDOW))
    assert caught.value.code == "archive.shifting"
    assert "try later" in str(caught.value)


def test_an_archive_that_always_gives_the_first_page_is_an_error():
    http = FakeHttp(lambda _: page(rows_of(2), 10))
    with pytest.raises(TransientError) as caught:
        list(mast(http, page_size=2).search(WINDOW))
    assert caught.value.code == "archive.shifting"
    assert len(http.asked) == 4


@given(
    number=st.integers(0, 12),
    page_size=st.integers(1, 5),
    moves=st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.integers(0, 12)), max_size=4),
)
def test_no_row_that_is_there_all_the_time_is_lost(number, page_size, moves):
    """Whatever is put in or taken away between two pages of the first walk, one thing at a time."""
    rows = rows_of(number)
    always = {row["sci_data_set_name"] for row in rows}
    left = {at: (put_in, place) for at, put_in, place in moves}
    asked = 0

    def search(body):
        nonlocal asked
        asked += 1
        if asked > 1 and body["offset"] == 0:
            left.clear()
        if asked in left:
            put_in, place = left[asked]
            if put_in:
                rows.insert(place % (len(rows) + 1), {**ROW, "sci_data_set_name": f"NEW{asked}"})
            elif rows:
                always.discard(rows.pop(place % len(rows))["sci_data_set_name"])
        return serving(rows)(body)

    found = keys(mast(FakeHttp(search), page_size=page_size).search(WINDOW))
    assert always <= set(found)
    assert len(found) == len(set(found))


def test_a_version_that_comes_during_the_walk_is_given_too():
    rows = rows_of(4)

    def search(body):
        if body["offset"] and "2026-11-21" not in rows[-1]["sci_generation_date"]:
            rows[0] = {**rows[0], "sci_generation_date": "2026-11-21T00:00:00"}
            rows.append(rows.pop(0))
        return serving(rows)(body)

    pages = list(mast(FakeHttp(search), page_size=2).search(WINDOW))
    versions = {(dataset.key, dataset.version) for one in pages for dataset in one.datasets}
    assert ("L00000010", "2026-11-21T00:00:00") in versions


# --- columns


COLUMNS = [{"column_name": name, "qual_type": "string", "queryable": "yes"} for name in (*REQUIRED, *OPTIONAL, "other")]


def test_columns_are_listed_with_their_types():
    http = FakeHttp(columns=COLUMNS)
    archive = mast(http)
    assert archive.columns() == {**dict.fromkeys((*REQUIRED, *OPTIONAL, "other"), "string")}
    assert archive.required <= archive.columns().keys()
    assert http.asked[0][0] == "https://mast.stsci.edu/search/util/api/v0.1/column_list?mission=hst"


@pytest.mark.parametrize("column", sorted(REQUIRED))
def test_an_answer_without_a_column_that_is_needed_names_it_and_the_setting(column):
    rows = [{key: value for key, value in row.items() if key != column} for row in rows_of(2)]
    with pytest.raises(RejectedError) as caught:
        list(mast(FakeHttp(serving(rows))).search(WINDOW))
    assert caught.value.code == "archive.columns"
    assert column in caught.value.message
    assert f"archives.mast.renamed_columns: ['{column} = NEW NAME']" in caught.value.hint


REFUSED = RejectedError("archive.rejected", "status 400: unknown column")


def test_a_question_that_is_refused_for_a_needed_column_names_it():
    gone = [column for column in COLUMNS if column["column_name"] != "sci_archive_date"]
    with pytest.raises(RejectedError) as caught:
        list(mast(FakeHttp(lambda _: REFUSED, columns=gone)).search(WINDOW))
    assert caught.value.code == "archive.columns"
    assert "sci_archive_date" in caught.value.message


def test_a_column_that_is_not_needed_may_go(caplog):
    gone = [column for column in COLUMNS if column["column_name"] != "sci_expflag"]
    http = FakeHttp(lambda body: REFUSED if "sci_expflag" in body["select_cols"] else page([ROW]), columns=gone)
    with caplog.at_level(logging.WARNING):
        assert keys(mast(http).search(WINDOW)) == ["LABC01010"]
    assert "sci_expflag" in caplog.text


@pytest.mark.parametrize("columns", [COLUMNS, TransientError("archive.status", "down")])
def test_another_refusal_stays_what_it_is(columns):
    with pytest.raises(RejectedError) as caught:
        list(mast(FakeHttp(lambda _: REFUSED, columns=columns)).search(WINDOW))
    assert caught.value is REFUSED


def test_a_renamed_column_is_a_setting():
    row = {("sci_put_date" if key == "sci_archive_date" else key): value for key, value in ROW.items()}
    columns = [
        {**one, "column_name": one["column_name"].replace("sci_archive_date", "sci_put_date")} for one in COLUMNS
    ]
    http = FakeHttp(serving([row]), columns=columns)
    archive = mast(http, renamed_columns=("sci_archive_date = sci_put_date",))
    (only,) = archive.search(WINDOW)
    assert only.datasets[0].columns["sci_archive_date"] == ROW["sci_archive_date"]
    assert only.watermark is not None
    body = http.asked[0][1]
    assert body["sort_by"][0] == "sci_put_date"
    assert {"sci_put_date": ">=2026-11-16"} in body["conditions"]
    assert archive.required <= archive.columns().keys()


@pytest.mark.parametrize(
    "content", [[], {"results": None}, {"results": [1]}, "text", {"results": [], "totalResults": "x"}]
)
def test_json_that_is_no_answer_is_worth_another_try(content):
    with pytest.raises(TransientError) as caught:
        list(mast(FakeHttp(lambda _: content)).search(WINDOW))
    assert caught.value.code == "archive.wrong-answer"
    with pytest.raises(TransientError):
        mast(FakeHttp(columns={"error": "maintenance"})).columns()


# --- places and names


def test_a_target_is_found_by_name_and_by_place_once():
    near = {**ROW, "sci_data_set_name": "LNEAR1010", "sci_targname": "OTHER", "sci_ra": 175.551}
    far = {**ROW, "sci_data_set_name": "LFARR1010", "sci_targname": "OTHER", "sci_ra": 176.5}
    named = {**ROW, "sci_data_set_name": "LNAME1010", "sci_ra": 5.0, "sci_targname": "GJ436"}
    lamp = {**ROW, "sci_data_set_name": "LLAMP1010", "sci_targname": "WAVE"}
    secret = {**ROW, "sci_data_set_name": "LSECR1010", "sci_release_date": "2027-01-01T00:00:00"}
    http = FakeHttp(serving([near, far, named, lamp, secret, ROW]))
    found = keys(mast(http).find(Selection("GJ 436", 175.55, 26.7, radius_deg=2 / 60)))
    assert sorted(found) == ["LABC01010", "LNAME1010", "LNEAR1010"]
    by_name, by_place = (body for _, body, _ in http.asked)
    (names,) = (one["sci_targname"] for one in by_name["conditions"] if "sci_targname" in one)
    assert {"GJ 436", "GJ-436", "GJ436"} == set(names.split(","))
    assert by_place["target"] == ["175.55000000 26.70000000"]
    assert (by_place["radius"], by_place["radius_units"]) == (120.0, "arcseconds")


def test_signs_in_a_name_are_no_operators():
    http = FakeHttp(serving([{**ROW, "sci_targname": "!A,B..C<D"}, {**ROW, "sci_targname": "OTHER"}]))
    assert len(keys(mast(http).find(Selection("!A,B..C<D")))) == 1
    (names,) = (one["sci_targname"] for one in http.asked[0][1]["conditions"] if "sci_targname" in one)
    assert names == "*A*B*C*D"


def test_a_radius_that_the_archive_does_not_search_is_refused():
    with pytest.raises(RejectedError) as caught:
        list(mast(FakeHttp(serving([]))).find(Selection("", 1.0, 2.0, radius_deg=0.51)))
    assert caught.value.code == "archive.radius"
    assert "30 arcmin" in caught.value.message


def test_neither_a_name_nor_a_place_is_an_error():
    with pytest.raises(UsageError) as caught:
        list(mast(FakeHttp(serving([ROW]))).find(Selection(" ", 1.0)))
    assert caught.value.code == "usage.selection"


# --- products


def product_row(dataset, name, suffix, **changes):
    return {
        "product_key": f"{dataset}_{name}", "access": "PUBLIC", "dataset": dataset, "filename": name,
        "uri": f"{dataset}/{name}", "file_suffix": suffix, "size": 31680, "type": "science", **changes,
    }  # fmt: skip


def association(**kinds):
    """Return the bytes of an association: members and their types."""
    names = fits.Column("MEMNAME", "14A", array=[name.upper() for name in kinds])
    types = fits.Column("MEMTYPE", "14A", array=[kind.replace("_", "-") for kind in kinds.values()])
    present = fits.Column("MEMPRSNT", "L", array=[True] * len(kinds))
    primary = fits.PrimaryHDU()
    primary.header["SIMULATD"] = True
    file = io.BytesIO()
    fits.HDUList([primary, fits.BinTableHDU.from_columns([names, types, present], name="ASN")]).writeto(file)
    return file.getvalue()


ASSOCIATED = [
    product_row("LABC01010", "labc01010_asn.fits", "ASN"),
    product_row("LABC01010", "labc01a1q_corrtag_a.fits", "CORRTAG_A"),
    product_row("LABC01010", "labc01a1q_corrtag_b.fits", "CORRTAG_B", size=None),
    product_row("LABC01010", "labc01a1q_x1d.fits", "X1D"),
    product_row("LABC01010", "labc01a1q_rawtag_a.fits", "RAWTAG_A"),
    product_row("LABC01010", "labc01010_x1dsum.fits", "X1DSUM"),
    product_row("LABC01010", "labc01a2q_corrtag_a.fits", "CORRTAG_A"),
    product_row("LABC01010", "labc01a2q_x1d.fits", "X1D"),
    product_row("LABC01010", "labc01a1q_jif.fits", "JIF"),
    product_row("LABC01010", "labc01a1q_x1d_prev.jpg", "PREVIEW"),
]
DATASET = RemoteDataset("LABC01010", "2026-11-20T10:00:16")


def files_of(content):
    return {"LABC01010/labc01010_asn.fits": _reply("https://mast", content)}


def test_files_of_wanted_members_are_listed():
    http = FakeHttp(
        products=lambda _: {"products": ASSOCIATED},
        files=files_of(association(labc01a1q="EXP-FP", labc01a2q="EXP-AWAVE", labc01010="PROD-FP")),
    )
    found = mast(http).products([DATASET])
    assert [file.name for file in found] == [
        "labc01a1q_corrtag_a.fits", "labc01a1q_corrtag_b.fits", "labc01a1q_x1d.fits"
    ]  # fmt: skip
    assert http.asked[0][1] == {"dataset_ids": ["LABC01010"]}
    first = found[0]
    assert (first.dataset, first.version, first.kind, first.group, first.size) == (
        "LABC01010", "2026-11-20T10:00:16", "corrtag_a", "labc01a1q", 31680
    )  # fmt: skip
    assert found[1].size is None


def test_files_of_the_association_itself_are_kept():
    rows = [product_row("ODLM18040", f"odlm18040_{kind}.fits", kind.upper()) for kind in ("asn", "tag", "x1d")]
    content = association(odlm18ftq="SCIENCE", odlm18fuq="AUTO-WAVECAL", odlm18040="PRODUCT")
    http = FakeHttp(products=lambda _: {"products": rows}, files={"ODLM18040/odlm18040_asn.fits": _reply("x", content)})
    assert [file.kind for file in mast(http).products([RemoteDataset("ODLM18040", "1")])] == ["tag", "x1d"]
    assert len(http.asked) == 1  # nobody needs to know the members
    rows.append(product_row("ODLM18040", "odlm18fuq_tag.fits", "TAG"))
    assert [file.kind for file in mast(http).products([RemoteDataset("ODLM18040", "1")])] == ["tag", "x1d"]


def test_a_single_exposure_needs_no_association():
    rows = [row for row in ASSOCIATED if "asn" not in row["filename"]]
    found = mast(FakeHttp(products=lambda _: {"products": [rows[:2], rows[2:]]})).products([DATASET])
    assert {file.group for file in found} == {"labc01a1q", "labc01a2q"}


def test_a_file_in_two_datasets_is_listed_once_with_the_first():
    other = RemoteDataset("LABC01020", "2")
    rows = [product_row(key, "labc01a1q_x1d.fits", "X1D") for key in ("LABC01020", "LABC01010", "labc01010")]
    http = FakeHttp(products=lambda _: {"products": rows})
    for asked in ([DATASET, other], [other, DATASET]):
        (only,) = mast(http).products(asked)
        assert (only.dataset, only.version) == (asked[0].key, asked[0].version)


def test_a_file_of_a_dataset_that_was_not_asked_for_is_left_out_and_told(caplog):
    others = [product_row(key, f"{key.lower()[:6]}a1q_spt.fits", "SPT") for key in (DATASET.key, "LABC02010")]
    rows = [*others, product_row("XXXX01010", "xxxx01a1q_x1d.fits", "X1D")]
    http = FakeHttp(products=lambda _: {"products": rows})
    with caplog.at_level(logging.WARNING):
        assert mast(http).products([DATASET, replace(DATASET, key="LABC02010")]) == []
    assert "xxxx01a1q_x1d.fits" in caplog.text


def test_a_list_that_has_nothing_of_a_dataset_is_not_believed():
    rows = [product_row(DATASET.key, "labc01a1q_x1d.fits", "X1D")]
    archive = mast(FakeHttp(products=lambda _: {"products": rows}))
    with pytest.raises(TransientError, match="LABC02010") as caught:
        archive.products([DATASET, replace(DATASET, key="LABC02010")])
    assert caught.value.code == "archive.incomplete"
    with pytest.raises(RejectedError) as refused:
        archive.products([replace(DATASET, key="LABC02010")])
    assert refused.value.code == "archive.no-product"


def test_nothing_is_asked_for_no_datasets():
    http = FakeHttp()
    assert mast(http).products([]) == []
    assert http.asked == []


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>maintenance</html>", association(labc01a1q="EXP-FP")[:-10], association(labc01a1q="EXP-FP")[:2880]],
)
def test_an_association_that_is_none_is_worth_another_try(content):
    http = FakeHttp(products=lambda _: {"products": ASSOCIATED}, files=files_of(content))
    with pytest.raises(TransientError) as caught:
        mast(http).products([DATASET])
    assert caught.value.code == "archive.wrong-answer"
    assert "labc01010_asn.fits" in caught.value.message


@pytest.mark.parametrize("content", [[], {"products": None}, {"products": [1]}, {"products": [[1]]}])
def test_a_list_of_products_that_is_none_is_worth_another_try(content):
    with pytest.raises(TransientError) as caught:
        mast(FakeHttp(products=lambda _: content)).products([DATASET])
    assert caught.value.code == "archive.wrong-answer"


PRODUCT = RemoteProduct(
    "LABC01010",
    "labc01a1q_corrtag_a.fits",
    "1",
    "corrtag_a",
    "labc01a1q",
    {"uri": "LABC01010/labc01a1q_corrtag_a.fits"},
)


def test_a_file_is_asked_for_by_its_uri():
    asked = mast(FakeHttp(), url="http://127.0.0.1:8/", redirect_hosts=("other.example",)).request(PRODUCT)
    assert asked.url == "http://127.0.0.1:8/search/hst/api/v0.1/retrieve_product"
    assert asked.params == {"product_name": "LABC01010/labc01a1q_corrtag_a.fits"}
    assert asked.filename == "labc01a1q_corrtag_a.fits"
    assert (asked.headers, asked.redirect_hosts, asked.several) == ({}, ("other.example",), False)


def test_the_token_goes_to_the_host_of_the_search_alone():
    settings = {"token": "canary-7", "retrieve_path": "https://other.example/get"}
    rows = [product_row(DATASET.key, "labc01a1q_x1d.fits", "X1D")]
    http = FakeHttp(serving([ROW]), lambda _: {"products": rows}, COLUMNS)
    archive = mast(http, **settings)
    list(archive.search(WINDOW))
    archive.products([DATASET])
    archive.columns()
    assert [headers for *_, headers in http.asked] == [{"Cookie": "mast_token=canary-7"}] * 3
    assert archive.request(PRODUCT).headers == {}
    assert mast(http, token="canary-7").request(PRODUCT).headers == {"Cookie": "mast_token=canary-7"}
    assert "canary-7" not in repr(archive.settings)


# --- files


def write_file(path, tables=("EVENTS", "GTI", "TIMELINE"), *, first=None, **primary):
    header = {"TELESCOP": "HST", "INSTRUME": "COS", "ROOTNAME": "labc01a1q", "FILENAME": "labc01a1q_corrtag_a.fits"}
    header |= {"EXPTYPE": "EXTERNAL/SCI", "PROCTIME": 58109.25, "SIMULATD": True, **primary}
    units = [fits.PrimaryHDU()]
    units[0].header.update({key: value for key, value in header.items() if value is not None})
    for name in tables:
        units.append(fits.BinTableHDU.from_columns([fits.Column("TIME", "E", array=np.arange(3.0))], name=name))
    if units[1:]:
        units[1].header.update({"ASN_MTYP": "EXP-FP", **(first or {})})
    fits.HDUList(units).writeto(path)
    return path


def test_a_file_says_when_it_was_processed(tmp_path):
    found = mast(FakeHttp()).identify(write_file(tmp_path / "a.part"), PRODUCT)
    assert (found.epoch, found.rejection) == ("0058109.25000000", "")


@pytest.mark.parametrize(
    ("changes", "rejection"),
    [
        ({"first": {"ASN_MTYP": "EXP-AWAVE"}}, "not science member"),
        ({"EXPTYPE": "WAVECAL"}, "not science member"),
        ({"first": {"ASN_MTYP": ""}}, ""),
        ({"FILENAME": None}, ""),
        ({"ROOTNAME": "LABC01A1Q", "FILENAME": None}, ""),
    ],
)
def test_files_that_are_not_of_the_target_are_told_by_their_headers(tmp_path, changes, rejection):
    assert mast(FakeHttp()).identify(write_file(tmp_path / "a.part", **changes), PRODUCT).rejection == rejection


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"TELESCOP": "XMM"}, "TELESCOP"),
        ({"INSTRUME": "ACS"}, "INSTRUME"),
        ({"ROOTNAME": "labc01a2q"}, "ROOTNAME"),
        ({"FILENAME": "labc01a1q_corrtag_b.fits"}, "FILENAME"),
        ({"FILENAME": None, "ROOTNAME": None}, "FILENAME or ROOTNAME"),
        ({"tables": ("EVENTS", "GTI")}, "TIMELINE"),
        ({"tables": ()}, "EVENTS"),
    ],
)
def test_a_file_that_is_another_one_is_refused(tmp_path, changes, named):
    with pytest.raises(IntegrityError) as caught:
        mast(FakeHttp()).identify(write_file(tmp_path / "a.part", **changes), PRODUCT)
    assert caught.value.code == "archive.wrong-file"
    assert named in caught.value.message
    assert PRODUCT.name in caught.value.message


def test_what_is_no_fits_file_is_refused(tmp_path):
    (tmp_path / "a.part").write_text("<html>maintenance</html>")
    with pytest.raises(IntegrityError) as caught:
        mast(FakeHttp()).identify(tmp_path / "a.part", PRODUCT)
    assert caught.value.code == "archive.wrong-file"


@pytest.mark.parametrize(
    ("name", "kind", "epoch"),
    [
        ("ld9m10ujq_corrtag_a.fits", "corrtag_a", "0058109.10077546"),
        ("ld9m10ujq_x1d.fits", "x1d", "0058109.10077546"),
        ("odlm18040_tag.fits.gz", "tag", "0058779.84295139"),
        ("odlm21050_x1d.fits", "x1d", "0058295.88333333"),
    ],
)
def test_real_files_are_recognized(real_data, name, kind, epoch):
    product = RemoteProduct("X", name, "1", kind, name[:9])
    found = mast(FakeHttp()).identify(real_data / "hst" / name, product)
    assert (found.epoch, found.rejection) == (epoch, "")


# --- facts


def fact_http(**changes):
    answers = {
        "search": lambda _: page([ROW], 1),
        "products": lambda _: {"products": ASSOCIATED},
        "columns": COLUMNS,
        "files": {
            file["uri"]: _reply("u", b"SIMPLE  =".ljust(80), status=206, ETag='"1"') for file in ASSOCIATED
        },
    }  # fmt: skip
    return FakeHttp(**(answers | changes))


def test_facts_hold_of_an_archive_that_is_as_it_is_believed_to_be():
    http = fact_http()
    found = list(mast(http).facts())
    assert [fact for fact in found if fact.holds is not True] == []
    assert len(http.asked) == 4
    assert http.asked[-1][2]["Range"] == "bytes=0-79"


@pytest.mark.parametrize(
    ("changes", "name", "setting"),
    [
        ({"columns": COLUMNS[1:]}, "column ", "renamed_columns"),
        ({"search": lambda _: page(rows_of(2), 4)}, "as many rows", "page_size"),
        ({"search": lambda _: page([{**ROW, "sci_targname": "DARK"}])}, "excluded", "excluded_targets"),
        ({"search": lambda _: page([{**ROW, "sci_archive_date": "2026-11-21T10:00:00"}])}, "UTC", "overlap"),
        ({"search": lambda _: page([])}, "finds something", "instruments"),
        ({"search": lambda _: REFUSED}, "the search answers", "search_path"),
        ({"products": lambda _: REFUSED}, "files are listed", "products_path"),
        ({"products": lambda _: {"products": []}}, "wanted files", "suffixes"),
        (
            {"products": lambda _: {"products": [{**r, "file_suffix": "CTA"} for r in ASSOCIATED]}},
            "spelled",
            "suffixes",
        ),
    ],
)
def test_a_fact_that_does_not_hold_names_the_setting(changes, name, setting):
    broken = [fact for fact in mast(fact_http(**changes)).facts() if fact.holds is False]
    assert broken
    assert all(fact.setting == f"archives.mast.{setting}" for fact in broken if name in fact.name)
    assert any(name in fact.name for fact in broken)


def test_what_cannot_be_asked_is_unknown():
    down = TransientError("archive.status", "status 503")
    found = list(mast(fact_http(columns=down, search=lambda _: down)).facts())
    assert [fact.holds for fact in found] == [None, None]
    assert all("archive.status" in fact.found for fact in found)
