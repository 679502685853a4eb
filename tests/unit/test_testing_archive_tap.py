import csv
import io
import json
import warnings
from xml.etree import ElementTree

import pytest
from astropy.io import votable as astropy_votable
from hypothesis import given
from hypothesis import strategies as st

from hstlc.testing.archive.faults import fault
from hstlc.testing.archive.messages import Incoming
from hstlc.testing.archive.tap import COMMA_JOINS_ONLY, TapColumn, TapEngine, TapRefusedError, TapResult, TapTable
from hstlc.testing.archive.tap_formats import csv_text, cxc_text, esa_json, votable, votable_error
from hstlc.testing.archive.tap_service import CXC_FORMATS, ESA_FORMATS, TapService, spoiled_result
from hstlc.testing.archive.vosi import capabilities, tableset

STAR = TapTable(
    "sky",
    "star",
    (
        TapColumn("name"),
        TapColumn("ra", "double", "deg"),
        TapColumn("made", "time"),
        TapColumn("number", "int"),
        TapColumn("public", "boolean"),
    ),
    "stars",
)
PLACE = TapTable("other", "place", (TapColumn("name"), TapColumn("site", "int")))
ROWS = [
    ("0001", 10.5, "2026-01-01 00:00:00", 3, True),
    ("0002", None, "2026-01-02T00:00:00.0", None, False),
    ("0003", 30.0, "2026-01-02 00:00:00", 5, None),
]


@pytest.fixture
def engine():
    engine = TapEngine([STAR, PLACE], {"sky.star": ROWS, "other.place": [("0001", 7), ("0003", 8)]})
    yield engine
    engine.close()


def rows_of(content):
    table = astropy_votable.parse(io.BytesIO(content)).get_first_table().array
    return [tuple(row) for row in table.tolist()]


def test_schema_and_table_are_written_as_in_the_service_or_the_table_alone(engine):
    assert engine.query("SELECT name FROM sky.star WHERE number = 5").rows == [("0003",)]
    assert engine.query("SELECT name FROM star WHERE number = 5").rows == [("0003",)]
    assert engine.query("SELECT name FROM SKY.STAR WHERE NUMBER = 5").rows == [("0003",)]


@pytest.mark.parametrize(
    ("adql", "names"),
    [
        ("SELECT TOP 2 name FROM sky.star ORDER BY name DESC", ["0003", "0002"]),
        ("select distinct top 1 name from sky.star order by name", ["0001"]),
        ("SELECT TOP 5 name FROM sky.star WHERE name <> ' TOP 1 ' ORDER BY name;", ["0001", "0002", "0003"]),
        ("SELECT s.name FROM sky.star s, other.place p WHERE s.name = p.name ORDER BY p.site DESC", ["0003", "0001"]),
        ("SELECT s.name FROM sky.star AS s JOIN other.place AS p ON s.name = p.name WHERE p.site = 8", ["0003"]),
    ],
)
def test_top_is_understood(engine, adql, names):
    assert [row[0] for row in engine.query(adql).rows] == names


@pytest.mark.parametrize("literal", ["2026-01-02 00:00:00", "2026-01-02T00:00:00", "2026-01-02T00:00:00.000"])
def test_dates_compare_as_dates_however_they_are_written(engine, literal):
    found = engine.query(f"SELECT name FROM sky.star WHERE made >= '{literal}' ORDER BY name").rows
    assert [row[0] for row in found] == ["0002", "0003"]
    assert len(engine.query(f"SELECT name FROM sky.star WHERE made = '{literal}'").rows) == 2


@pytest.mark.parametrize(
    "adql",
    [
        "DELETE FROM sky.star",
        "INSERT INTO sky.star VALUES (1)",
        "SELECT 1; DROP TABLE sky.star",
        "ATTACH 'x' AS y",
        "PRAGMA table_info(star)",
        "SELECT name FROM sky.star LIMIT 3",
        "SELECT nothing FROM sky.star",
        'SELECT "nothing" FROM sky.star',
        "SELECT name FROM sky.nothing",
        "SELECT name FROM sqlite_master",
        "SELECT load_extension('x')",
        "SELECT date('now')",
        "SELECT name FROM sky.star WHERE CONTAINS(POINT('ICRS', ra, ra), CIRCLE('ICRS', 1, 2, 3)) = 1",
        "",
    ],
)
def test_what_would_change_the_tables_or_is_no_adql_is_refused(engine, adql):
    with pytest.raises(TapRefusedError):
        engine.query(adql)
    assert len(engine.query("SELECT * FROM sky.star").rows) == 3


def test_a_query_without_end_is_stopped():
    many = TapEngine([PLACE], {"other.place": [(str(number), number) for number in range(3000)]})
    crossed = ", ".join(f"other.place p{number}" for number in range(4))
    with pytest.raises(TapRefusedError, match="interrupted"):
        many.query(f"SELECT COUNT(*) AS n FROM {crossed} WHERE p0.site + p1.site + p2.site + p3.site < 0")
    assert many.query("SELECT COUNT(*) AS n FROM other.place").rows == [(3000,)]


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        ("s.name = p.name", False),
        ("s.name = p.name WHERE s.ra > 1 AND s.ra < 50", False),
        ("s.name = p.name AND p.site = 7", True),
        ("s.name = p.name OR p.site = 7", True),
        ("s.name = 'A AND B'", False),
    ],
)
def test_a_service_may_take_one_condition_a_join(condition, refused):
    engine = TapEngine([STAR, PLACE], {"sky.star": ROWS}, refused=[COMMA_JOINS_ONLY])
    adql = f"SELECT s.name FROM sky.star s JOIN other.place p ON {condition}"
    if refused:
        with pytest.raises(TapRefusedError, match="one condition"):
            engine.query(adql)
    else:
        engine.query(adql)


@given(
    count=st.integers(0, 30),
    top=st.none() | st.integers(0, 40),
    maxrec=st.none() | st.integers(0, 40),
    hard=st.just(20),
)
def test_limits_cut_and_say_so(count, top, maxrec, hard):
    rows = [(str(number), number) for number in range(count)]
    engine = TapEngine([PLACE], {"other.place": rows}, default_rows=10, hard_rows=hard)
    result = engine.query(f"SELECT {'' if top is None else f'TOP {top}'} site FROM other.place", maxrec)
    engine.close()
    matching = count if top is None else min(count, top)
    limit = maxrec if maxrec is not None else (10 if top is None else hard)
    given_rows = min(matching, limit, hard)
    assert result.rows == [(number,) for number in range(given_rows)]
    assert result.overflow == (matching > given_rows)


def test_tap_schema_describes_the_tables(engine):
    found = engine.query(
        "SELECT column_name, datatype, unit FROM TAP_SCHEMA.columns WHERE table_name = 'sky.star' ORDER BY column_name"
    ).rows
    assert found == [
        ("made", "char", ""),
        ("name", "char", ""),
        ("number", "int", ""),
        ("public", "boolean", ""),
        ("ra", "double", "deg"),
    ]
    tables = {row[0] for row in engine.query("SELECT table_name FROM TAP_SCHEMA.tables").rows}
    assert {"sky.star", "other.place", "tap_schema.columns"} <= tables


def test_a_votable_says_types_nulls_and_overflow(engine):
    content = votable(engine.query("SELECT * FROM sky.star ORDER BY name", 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parsed = astropy_votable.parse(io.BytesIO(content))
    [table] = parsed.resources[0].tables
    assert [(field.name, field.datatype, str(field.unit or "")) for field in table.fields] == [
        ("name", "char", ""),
        ("ra", "double", "deg"),
        ("made", "char", ""),
        ("number", "int", ""),
        ("public", "boolean", ""),
    ]
    assert rows_of(content) == [
        ("0001", 10.5, "2026-01-01 00:00:00", 3, True),
        ("0002", None, "2026-01-02T00:00:00.0", None, False),
    ]
    assert [info.value for info in parsed.resources[0].infos] == ["OK", "OVERFLOW"]
    assert content.index(b"OVERFLOW") > content.index(b"</TABLE>")


def test_an_empty_votable_has_columns(engine):
    content = votable(engine.query("SELECT name, ra FROM sky.star WHERE ra > 99"))
    table = astropy_votable.parse(io.BytesIO(content)).get_first_table()
    assert [field.name for field in table.fields] == ["name", "ra"]
    assert len(table.array) == 0
    assert b"OVERFLOW" not in content


def test_columns_of_one_name_are_told_apart(engine):
    result = engine.query("SELECT s.name, p.name FROM sky.star s, other.place p WHERE s.name = p.name")
    assert [column.name for column in result.columns] == ["name", "name_2"]
    assert len(rows_of(votable(result))) == 2


def test_other_forms_say_the_same(engine):
    result = engine.query("SELECT * FROM sky.star ORDER BY name")
    written = json.loads(esa_json(result))
    assert [one["name"] for one in written["metadata"]] == ["name", "ra", "made", "number", "public"]
    assert written["metadata"][0]["arraysize"] == "*"
    assert written["data"][1] == ["0002", None, "2026-01-02T00:00:00.0", None, False]
    lines = list(csv.DictReader(io.StringIO(csv_text(result).decode())))
    assert lines[0] == {"name": "0001", "ra": "10.5", "made": "2026-01-01 00:00:00", "number": "3", "public": "true"}
    text = cxc_text(result).decode().splitlines()
    assert text[1] == "# ra\tdeg\t"
    assert text[5:7] == ["name\tra\tmade\tnumber\tpublic", "0001\t10.5\t2026-01-01 00:00:00\t3\ttrue"]


def test_an_error_is_a_votable_with_its_message():
    infos = astropy_votable.parse(io.BytesIO(votable_error("a < b"))).resources[0].infos
    assert [(info.name, info.value, info.content) for info in infos] == [("QUERY_STATUS", "ERROR", "a < b")]


def test_documents_of_the_service_name_limits_and_columns():
    told = ElementTree.fromstring(capabilities("http://x/tap", default_rows=20, hard_rows=30))
    assert [one.text for one in told.iter() if one.tag in ("default", "hard")] == ["20", "30"]
    assert next(told.iter("accessURL")).text == "http://x/tap"
    tables = ElementTree.fromstring(tableset([STAR, PLACE]))
    assert [one.findtext("name") for one in tables.iter("table")] == ["other.place", "sky.star"]


def service(engine, **options):
    return TapService("/tap", lambda: engine, options.pop("formats", ESA_FORMATS), **options)


def ask(tap, adql="SELECT name FROM sky.star ORDER BY name", path="/tap/sync", faults=(), **parameters):
    from urllib.parse import urlencode

    query = urlencode({"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": adql, **parameters})
    return tap.answer(Incoming("GET", path, query, base_url="http://x", faults=tuple(faults)))


def test_an_unknown_form_is_refused_or_taken_for_a_votable(engine):
    assert ask(service(engine), FORMAT="parquet").status == 400
    answer = ask(service(engine, formats=CXC_FORMATS, lenient=True), FORMAT="csv")
    assert rows_of(answer.body) == [("0001",), ("0002",), ("0003",)]


@pytest.mark.parametrize(
    "parameters", [{"QUERY": "SELECT x FROM y"}, {"MAXREC": "many"}, {"LANG": "PQL"}, {"REQUEST": "getCapabilities"}]
)
def test_a_wrong_request_is_status_400_with_a_votable(engine, parameters):
    answer = ask(service(engine), **parameters)
    assert answer.status == 400
    assert astropy_votable.parse(io.BytesIO(answer.body)).resources[0].infos[0].value == "ERROR"


def test_names_of_parameters_have_no_case_and_may_come_in_a_form(engine):
    tap = service(engine)
    form = b"request=doQuery&lang=ADQL&format=json&maxrec=1&query=SELECT+name+FROM+sky.star"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = tap.answer(Incoming("POST", "/tap/sync", headers=headers, body=form))
    assert json.loads(answer.body)["data"] == [["0001"]]


def test_a_service_may_lead_to_its_rows(engine):
    tap = service(engine, redirects=True)
    answer = ask(tap)
    assert (answer.status, answer.headers["Location"]) == (303, "http://x/tap/sync/result/r1")
    assert len(rows_of(tap.answer(Incoming("GET", "/tap/sync/result/r1")).body)) == 3
    assert tap.answer(Incoming("GET", "/tap/sync/result/r2")).status == 404
    assert ask(tap, "SELECT nothing").status == 400


def test_a_job_passes_through_its_phases(engine):
    tap = service(engine)
    made = ask(tap, path="/tap/async")
    assert made.headers["Location"] == "http://x/tap/async/j1"

    def get(path):
        return tap.answer(Incoming("GET", f"/tap/async/j1{path}", base_url="http://x"))

    assert get("/phase").body == b"PENDING"
    tap.answer(Incoming("POST", "/tap/async/j1/phase", "PHASE=RUN"))
    assert get("/results/result").status == 404
    assert [get("/phase").body for _ in range(2)] == [b"EXECUTING", b"COMPLETED"]
    assert b"http://x/tap/async/j1/results/result" in get("").body
    assert len(rows_of(get("/results/result").body)) == 3
    tap.answer(Incoming("DELETE", "/tap/async/j1"))
    assert get("").status == 404


RESULT = TapResult((TapColumn("name"), TapColumn("ra", "double")), [("A", 1.0), ("B", 2.0), ("C", 3.0)])


@pytest.mark.parametrize(
    ("kind", "arguments", "names", "rows"),
    [
        ("dup_rows", {}, ["name", "ra"], [("A", 1.0), ("A", 1.0), ("B", 2.0), ("B", 2.0), ("C", 3.0), ("C", 3.0)]),
        ("shuffle_rows", {}, ["name", "ra"], [("B", 2.0), ("A", 1.0), ("C", 3.0)]),
        ("drop_column", {"column": "ra"}, ["name"], [("A",), ("B",), ("C",)]),
        ("rename_column", {"column": "ra", "to": "alpha"}, ["name", "alpha"], RESULT.rows),
        ("new_column", {}, ["name", "ra", "brand_new"], [(*row, "new") for row in RESULT.rows]),
        ("null_field", {"column": "ra"}, ["name", "ra"], [(row[0], None) for row in RESULT.rows]),
        ("type_change", {"column": "ra"}, ["name", "ra"], [(row[0], str(row[1])) for row in RESULT.rows]),
        ("pad_strings", {}, ["name", "ra"], [(f"{row[0]}   ", row[1]) for row in RESULT.rows]),
        ("overflow", {"limit": 1}, ["name", "ra"], [("A", 1.0)]),
    ],
)
def test_faults_of_rows_are_seen_in_the_answer(kind, arguments, names, rows):
    request = Incoming("GET", "/tap/sync", faults=(fault(kind, arguments=arguments),))
    spoiled = spoiled_result(RESULT, request)
    assert [column.name for column in spoiled.columns] == names
    assert spoiled.rows == rows
    assert spoiled.overflow == (kind == "overflow")
    assert len(rows_of(votable(spoiled))) == len(rows)
    empty = spoiled_result(TapResult(RESULT.columns, []), request)
    assert [column.name for column in empty.columns] == names


def test_a_renamed_column_has_its_new_name_in_the_schema_too(engine):
    adql = "SELECT column_name FROM TAP_SCHEMA.columns WHERE table_name = 'sky.star'"
    renamed = fault("rename_column", arguments={"column": "ra", "to": "alpha"})
    assert ("alpha",) in rows_of(ask(service(engine), adql, faults=[renamed]).body)
    dropped = fault("drop_column", arguments={"column": "ra"})
    assert len(rows_of(ask(service(engine), adql, faults=[dropped]).body)) == len(STAR.columns) - 1
