"""Rows as JSON, CSV, FITS and VOTable: values, units, NULL, and what clients have already."""

import csv
import io
import json
import shutil
import subprocess
from datetime import UTC, date, datetime

import numpy as np
import pytest
from apart import run_apart
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import QTable
from astropy.utils.exceptions import AstropyUserWarning
from fastapi import Request

from hstlc.db.tables import Metadata, Stats
from hstlc.formats.row_columns import columns_of
from hstlc.formats.row_fits import fits_bytes
from hstlc.web.formats import Field, answer_rows, fields_of, fields_of_values

FIELDS = (
    Field("counts", "int", "ct", "phot.count", "counts <of all> bins"),
    Field("size", "long", "byte", "phys.size;meta.file", "size"),
    Field("rate", "float", "ct/s", "arith.rate;phot.count", "rate"),
    Field("varies", "bool", "", "meta.code", "whether it varies"),
    Field("name", "text", "", "meta.id;src", "name"),
    Field("made_at", "time", "", "time.processing", "when it was made"),
    Field("day", "date", "", "time.processing", "day"),
    Field("ra_deg", "float", "deg", "pos.eq.ra;meta.main", "right ascension"),
    Field("start_mjd", "float", "d", "time.start", "start"),
    Field("cenwave", "int", "Angstrom", "em.wl.central", "central wavelength"),
)
MADE = datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)
ROWS = [
    (3, 2**40, 0.1, True, "4C+06.41 é", MADE, date(2024, 5, 6), 10.5, 60000.25, 1291),
    (None, None, None, None, None, None, None, None, None, None),
    (0, -1, 1 / 3, False, "", MADE, date(2024, 5, 6), 359.0, 60001.0, 0),
]


def asked(**headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": pairs})


def answered(form: str, fields=FIELDS, rows=ROWS, **options):
    return answer_rows(asked(), fields, iter(rows), form, "curves", **options)


def test_json_has_values_units_and_null():
    found = json.loads(answered("json", extra={"next": "/a?after=b"}).body)
    assert found["columns"]["rate"] == {
        "type": "float", "unit": "ct/s", "ucd": "arith.rate;phot.count", "doc": "rate",
    }  # fmt: skip
    assert found["rows"][0]["rate"] == 0.1
    assert found["rows"][0]["made_at"] == "2024-05-06T07:08:09.123000Z"
    assert set(found["rows"][1].values()) == {None}
    assert (found["count"], found["next"]) == (3, "/a?after=b")


def test_json_has_no_number_that_is_none():
    (row,) = json.loads(answered("json", FIELDS[2:3], [(float("inf"),)]).body)["rows"]
    assert row == {"rate": None}


def test_many_rows_are_one_list_in_every_format():
    fields, rows = FIELDS[:1], [(i,) for i in range(2500)]
    assert [row["counts"] for row in json.loads(answered("json", fields, rows).body)["rows"]] == list(range(2500))
    assert answered("csv", fields, rows).body.decode().split() == ["counts", *map(str, range(2500))]
    assert QTable.read(io.BytesIO(answered("fits", fields, rows).body))["counts"].value.tolist() == list(range(2500))


def test_no_rows_are_an_answer_too():
    assert json.loads(answered("json", rows=[]).body)["rows"] == []
    assert answered("csv", rows=[]).body.count(b"\r\n") == 1
    assert len(fits.getdata(io.BytesIO(answered("fits", rows=[]).body), 1)) == 0
    assert len(parse(io.BytesIO(answered("votable", rows=[]).body), verify="exception").get_first_table().array) == 0


def test_csv_reads_back_with_full_precision():
    rows = list(csv.DictReader(io.StringIO(answered("csv").body.decode(), newline="")))
    assert float(rows[2]["rate"]) == 1 / 3
    assert rows[0]["name"] == "4C+06.41 é"
    assert rows[0]["varies"] == "true"
    assert rows[0]["made_at"] == "2024-05-06T07:08:09.123Z"
    assert set(rows[1].values()) == {""}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+cmd|' /C calc'!A0", '"\'+cmd|\' /C calc\'!A0"'),
        ("-2+3", "'-2+3"), ("\t=1", "'\t=1"), ("+12.5", "+12.5"), ("-45", "-45"), ("a=1", "a=1"), ('a"b,c', '"a""b,c"'),
    ],
)  # fmt: skip
def test_text_is_no_formula_in_a_spreadsheet(text, written):
    body = answered("csv", FIELDS[4:5], [(text,)]).body.decode()
    assert body.removeprefix("name\r\n").rstrip("\r\n") == written.replace(
        "\"'+cmd|' /C calc'!A0\"", "'+cmd|' /C calc'!A0"
    )


def test_a_negative_number_is_a_number_in_csv():
    assert answered("csv", FIELDS[2:3], [(-1.5,)]).body == b"rate\r\n-1.5\r\n"


def test_fits_has_units_and_undefined_values():
    body = answered("fits").body
    with fits.open(io.BytesIO(body), character_as_bytes=True) as hdus:
        header = hdus[1].header
        assert [header["TUNIT1"], header["TUCD1"], header["TCOMM1"]] == ["ct", "phot.count", "counts <of all> bins"]
        assert header["TNULL1"] == -(2**31)
        assert hdus[1].data["name"].tolist()[0] == b"4C+06.41 \\xe9"
        assert np.isnan(hdus[1].data["rate"][1])
    with fits.open(io.BytesIO(body), logical_as_bytes=True) as hdus:
        assert hdus[1].data["varies"].tolist() == [b"T", b"", b"F"]
    with pytest.warns(AstropyUserWarning, match="NULL"):
        table = QTable.read(io.BytesIO(body))
    assert str(table["cenwave"].unit) == "Angstrom"
    assert table["size"][0].value == 2**40


def test_fits_is_the_same_every_time():
    assert fits_bytes(columns_of(FIELDS, ROWS), "curves") == fits_bytes(columns_of(FIELDS, ROWS), "curves")


def test_votable_has_units_ucds_and_null():
    file = parse(io.BytesIO(answered("votable", title="é <b>", extra={"sort": "-rate"}).body), verify="exception")
    table = file.get_first_table()
    field = table.get_field_by_id("rate")
    assert (str(field.unit), field.ucd, field.description.strip()) == ("ct / s", "arith.rate;phot.count", "rate")
    assert table.get_field_by_id("ra_deg").ref == "icrs"
    assert table.get_field_by_id("start_mjd").ref == "utc"
    assert [(info.name, info.value) for info in file.resources[0].infos] == [("QUERY_STATUS", "OK"), ("sort", "-rate")]
    for name in ("counts", "size", "rate", "varies", "ra_deg"):
        assert table.array.mask[name].tolist() == [False, True, False], name
    assert table.array["name"].tolist()[0] == "4C+06.41 é"
    assert table.array["size"].tolist()[0] == 2**40


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed: scripts/stilts installs it")
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []])
def test_votlint_has_nothing_to_say(rows, tmp_path):
    path = tmp_path / "rows.xml"
    path.write_bytes(answered("votable", rows=rows).body)
    done = subprocess.run(["stilts", "votlint", str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("form", ["json", "csv", "fits", "votable"])
def test_a_client_that_has_it_gets_nothing(form):
    etag = answered(form).headers["etag"]
    assert not etag.startswith("W/")
    again = answer_rows(asked(if_none_match=f'"other", {etag}'), FIELDS, ROWS, form, "curves")
    assert (again.status_code, again.body, again.headers["etag"]) == (304, b"", etag)
    other = answer_rows(asked(if_none_match=etag), FIELDS, ROWS[:1], form, "curves")
    assert other.status_code == 200


def test_a_large_answer_comes_in_pieces_and_whole(monkeypatch):
    monkeypatch.setattr("hstlc.web.formats._IN_MEMORY", 1000)
    answer = answered("csv", FIELDS[4:5], [("x" * 100,)] * 100)
    assert int(answer.headers["content-length"]) > 1000
    pieces = run_apart(_pieces(answer))
    assert len(b"".join(pieces)) == int(answer.headers["content-length"])
    assert b"".join(pieces).count(b"x" * 100) == 100
    again = answer_rows(asked(if_none_match=answer.headers["etag"]), FIELDS[4:5], [("x" * 100,)] * 100, "csv", "curves")
    assert again.status_code == 304


async def _pieces(answer):
    return [piece async for piece in answer.body_iterator]


def test_what_the_rows_note_is_in_the_answer():
    notes = {}

    def rows():
        yield ROWS[0]
        notes["cut"] = "only the first row"

    assert json.loads(answered("json", rows=rows(), extra=notes).body)["cut"] == "only the first row"
    assert b'value="only the first row"' in answered("votable", rows=rows(), extra=notes).body


def test_fields_come_from_the_tables():
    kinds = {field.name: field.kind for field in fields_of([*Stats.__table__.c, ("extra", Metadata.__table__.c.extra)])}
    assert kinds["total"] == "long"
    assert kinds["interesting"] == "bool"
    assert kinds["computed_at"] == "time"
    assert kinds["extra"] == "json"
    (field,) = fields_of([("mean_ct", Stats.__table__.c.mean)])
    assert (field.name, field.unit, field.ucd) == ("mean_ct", "ct", "phot.count;stat.mean")


def test_fields_of_any_sql_get_kinds_and_names_of_their_own():
    rows = [(1, 1, True, None, 2**70, b"\xff"), (2.5, 2, None, None, 1, b"")]
    found = fields_of_values(["a", "A", "a", "b", "c", "d"], rows)
    assert [field.name for field in found] == ["a", "A_2", "a_3", "b", "c", "d"]
    assert [field.kind for field in found] == ["float", "long", "bool", "text", "text", "text"]
    for form in ("json", "csv", "fits", "votable"):
        assert answered(form, found, rows).status_code == 200
