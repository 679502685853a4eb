"""Lists of light curves on both databases: order, NULL last, pages there and back, limits, counts, time limit."""

import itertools
import math
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text, update

from hstlc.db import browse as module
from hstlc.db.browse import Order, Place, browse, count_curves, instruments, stream
from hstlc.db.cone import Cone, separation_deg
from hstlc.db.curve_columns import COLUMNS, DEFAULT, SORTED_BY
from hstlc.db.curve_filters import Filter, Limits
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.light_curves import light_curves_differ
from hstlc.db.migrate import ensure_schema
from hstlc.db.records import LIGHT_CURVES, STATS
from hstlc.db.time_limit import time_limit
from hstlc.errors import UsageError
from hstlc.testing.databases import KINDS, fresh_database
from hstlc.testing.many_curves import fill_curves

CURVES = 300
EVERYTHING = ("product_id", *(name for name in COLUMNS if name != "product_id"))


@pytest.fixture(scope="module", params=KINDS)
def many(request, tmp_path_factory):
    """A database with some hundred light curves."""
    with fresh_database(request.param, tmp_path_factory.mktemp("many")) as url:
        engine = make_engine(url)
        ensure_schema(engine)
        fill_curves(engine, CURVES)
        with writing(engine) as connection:
            awkward = update(LIGHT_CURVES).where(LIGHT_CURVES.c.product_id < 4)
            connection.execute(awkward.values(targname="100%_'; DROP TABLE stats; -- é", source_name="%_\\"))
        yield engine
        engine.dispose()


@pytest.fixture
def connection(many):
    with reading(many) as connection:
        yield connection


@pytest.fixture(scope="module")
def rows(many):
    """Every row of the join, as plain Python sees it."""
    joined = LIGHT_CURVES.join(STATS, STATS.c.product_id == LIGHT_CURVES.c.product_id)
    query = select(*(COLUMNS[name].label(name) for name in EVERYTHING)).select_from(joined)
    with reading(many) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def expected(rows, order):
    """Return rows as Python sorts them: NULL last, whichever way; ties by number the same way."""
    with_value = [row for row in rows if row[order.name] is not None]
    without = [row for row in rows if row[order.name] is None]
    with_value.sort(key=lambda row: (row[order.name], row["product_id"]), reverse=order.falling)
    without.sort(key=lambda row: row["product_id"], reverse=order.falling)
    return [row["product_id"] for row in (*with_value, *without)]


def walk(connection, order, limits=Limits(), size=71):  # noqa: B008 - a frozen value
    """Return the products of all pages forwards, and those of all pages backwards from the last."""
    page = browse(connection, ("product_id",), order, limits, size)
    there = [row[0] for row in page.rows]
    assert page.previous is None
    while page.next is not None:
        page = browse(connection, ("product_id",), order, limits, size, after=page.next)
        there += [row[0] for row in page.rows]
    back = [row[0] for row in page.rows]
    while page.previous is not None:
        page = browse(connection, ("product_id",), order, limits, size, before=page.previous)
        back = [row[0] for row in page.rows] + back
    return there, back


@pytest.fixture(params=["few", "along", "sorted"])
def plan(request, monkeypatch):
    """Each of the ways to find the rows of a list that is limited."""
    few, most = {"few": (10_000, 50_000), "along": (0, 1), "sorted": (1, 50_000)}[request.param]
    monkeypatch.setattr(module, "_FEW", few)
    monkeypatch.setattr(module, "_SORTED", most)
    monkeypatch.setattr(module, "_STRIDE", 5)


def test_the_made_rows_are_those_that_the_pipeline_would_write(many):
    with writing(many) as connection:
        connection.execute(text("UPDATE light_curve SET targname = 'x', source_name = 'y' WHERE product_id > 3"))
        assert len(light_curves_differ(connection)) == CURVES
        connection.rollback()


@pytest.mark.parametrize(("name", "falling"), list(itertools.product(SORTED_BY, (False, True))))
def test_pages_have_every_row_once_in_order_there_and_back(connection, rows, name, falling):
    order = Order(name, falling)
    there, back = walk(connection, order)
    assert there == expected(rows, order)
    assert back == there
    assert [row[0] for row in stream(connection, ("product_id",), order, Limits(), 10_000)] == there


def test_a_page_that_ends_where_null_begins(connection, rows):
    order = Order("fractional_variability")
    number = sum(row[order.name] is not None for row in rows)
    assert 0 < number < len(rows)
    for size in (number - 1, number, number + 1):
        there, back = walk(connection, order, size=size)
        assert there == back == expected(rows, order)


def test_the_last_page_has_no_next_and_an_empty_one_neither(connection, rows):
    whole = browse(connection, ("product_id",), Order("total"), Limits(), len(rows))
    assert (whole.previous, whole.next) == (None, None)
    beyond = browse(connection, ("product_id",), Order("total"), Limits(), 5, after=Place(10**15, 1))
    assert (beyond.rows, beyond.previous, beyond.next) == ([], None, None)


def test_columns_come_as_they_were_asked_for(connection, rows):
    page = browse(connection, DEFAULT, Order("total", True), Limits(), 3)
    best = expected(rows, Order("total", True))[:3]
    by_number = {row["product_id"]: row for row in rows}
    assert [tuple(row) for row in page.rows] == [tuple(by_number[one][name] for name in DEFAULT) for one in best]


def _begins(text):
    ways = {text, text.upper(), text.lower()}
    return lambda value: any(value.startswith(way) for way in ways)


LIMITS = {
    "mission": (Limits((Filter("mission", "among", ("hst",)),)), lambda row: row["mission"] == "hst"),
    "two missions": (
        Limits((Filter("mission", "among", ("xmm", "chandra")),)),
        lambda row: row["mission"] in ("xmm", "chandra"),
    ),
    "instrument": (
        Limits((Filter("mission", "among", ("hst",)), Filter("instrume", "among", ("STIS",)))),
        lambda row: row["instrume"] == "STIS",
    ),
    "target": (Limits((Filter("targname", "among", ("NGC-000003",)),)), lambda row: row["targname"] == "NGC-000003"),
    "target begins": (
        Limits((Filter("targname", "begins", "ngc-"),)),
        lambda row: row["targname"].startswith("NGC-"),
    ),
    "awkward": (Limits((Filter("targname", "begins", "100%_'"),)), lambda row: row["product_id"] < 4),
    "wildcard": (Limits((Filter("source_name", "begins", "%"),)), lambda row: row["product_id"] < 4),
    "backslash": (Limits((Filter("source_name", "among", ("%_\\",)),)), lambda row: row["product_id"] < 4),
    "flag": (Limits((Filter("lead", "among", (False,)),)), lambda row: row["lead"] is False),
    "varies": (Limits((Filter("interesting", "among", (True,)),)), lambda row: row["interesting"] is True),
    "cannot be told": (Limits((Filter("interesting", "among", (None,)),)), lambda row: row["interesting"] is None),
    "not surely": (
        Limits((Filter("interesting", "among", (None, False)),)),
        lambda row: row["interesting"] is not True,
    ),
    "range": (
        Limits((Filter("mean", "least", 2.0), Filter("mean", "most", 40.0))),
        lambda row: row["mean"] is not None and 2.0 <= row["mean"] <= 40.0,
    ),
    "range of the order": (
        Limits((Filter("poisson_factor", "least", 1.05), Filter("total", "least", 100))),
        lambda row: row["poisson_factor"] >= 1.05 and row["total"] >= 100,
    ),
    "time": (
        Limits((Filter("made_at", "least", datetime(2025, 6, 1, tzinfo=UTC)),)),
        lambda row: row["made_at"] >= datetime(2025, 6, 1, tzinfo=UTC),
    ),
    "no index": (Limits((Filter("detector", "among", ("NUV",)),)), lambda row: row["detector"] == "NUV"),
    "index number": (Limits((Filter("gl_index", "among", (1, 2)),)), lambda row: row["gl_index"] in (1, 2)),
    "text": (
        Limits(text="sim j"),
        lambda row: _begins("sim j")(row["source_name"]) or _begins("sim j")(row["targname"]),
    ),
    "file": (Limits(text="l0000001q_curve.fits"), lambda row: row["filename"] == "l0000001q_curve.fits"),
    "place": (Limits(cone=Cone(100.0, 10.0, 40.0)), lambda row: _near(row, Cone(100.0, 10.0, 40.0))),
    "name and range": (
        Limits((Filter("targname", "begins", "NGC"), Filter("poisson_factor", "least", 1.0))),
        lambda row: row["targname"].startswith("NGC") and row["poisson_factor"] >= 1.0,
    ),
    "range and flag": (
        Limits((Filter("exptime_s", "least", 1000.0), Filter("lead", "among", (True,)), Filter("total", "most", 9000))),
        lambda row: row["exptime_s"] >= 1000 and row["lead"] and row["total"] <= 9000,
    ),
    "nothing": (Limits((Filter("total", "least", 10**9),)), lambda _: False),
}


def _near(row, cone):
    return row["ra_deg"] is not None and separation_deg(row["ra_deg"], row["dec_deg"], cone) <= cone.radius_deg


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("sort", ["-poisson_factor", "fractional_variability", "start_mjd"])
def test_limits_leave_what_python_would_leave(connection, rows, plan, name, sort):
    limits, wanted = LIMITS[name]
    order = Order(sort.lstrip("-"), sort.startswith("-"))
    left = [row for row in rows if wanted(row)]
    assert name == "nothing" or 0 < len(left) < len(rows)
    there, back = walk(connection, order, limits, size=40)
    assert there == expected(left, order)
    assert back == there
    assert count_curves(connection, limits, 10_000) == len(left)
    assert [row[0] for row in stream(connection, ("product_id",), order, limits, 10_000)] == there


@pytest.mark.parametrize("sort", ["start_mjd", "total", "fractional_variability"])
@pytest.mark.parametrize("name", ["target begins", "time", "flag", "no index"])
def test_light_curves_without_statistics_are_in_no_list(many, rows, plan, name, sort):
    limits, wanted = LIMITS[name]
    left = [row for row in rows if wanted(row) and row["product_id"] % 3]
    with writing(many) as connection:
        connection.execute(STATS.delete().where(STATS.c.product_id % 3 == 0))
        there, back = walk(connection, Order(sort), limits, size=7)
        assert there == back == expected(left, Order(sort))
        assert count_curves(connection, limits, 10_000) == len(left)
        connection.rollback()


def test_counting_and_streaming_stop_where_they_are_told(connection):
    assert count_curves(connection, Limits(), 7) == 7
    assert len(list(stream(connection, ("product_id",), Order("total"), Limits(), 7))) == 7
    across = Order("fractional_variability")
    assert len(list(stream(connection, ("product_id",), across, Limits(), CURVES - 1))) == CURVES - 1


def test_missions_and_instruments(connection, rows):
    assert instruments(connection) == sorted({(row["mission"], row["instrume"]) for row in rows})


def test_no_light_curves_at_all(engine):
    with reading(engine) as connection:
        assert browse(connection, DEFAULT, Order("total"), Limits(), 5).rows == []
        assert instruments(connection) == []
        assert count_curves(connection, Limits(text="a"), 5) == 0


def test_pages_do_not_move_when_rows_are_added(connection, many, rows):
    order = Order("total", True)
    first = browse(connection, ("product_id",), order, Limits(), 20)
    wanted = expected(rows, order)[20:40]
    connection.rollback()
    with writing(many) as other:
        spare = next(row for row in rows if row["product_id"] == expected(rows, order)[-1])["product_id"]
        old = other.scalar(select(STATS.c.total).where(STATS.c.product_id == spare))
        other.execute(update(STATS).where(STATS.c.product_id == spare).values(total=10**9))
    try:
        with reading(many) as later:
            page = browse(later, ("product_id",), order, Limits(), 20, after=first.next)
            assert [row[0] for row in page.rows] == wanted
    finally:
        with writing(many) as other:
            other.execute(update(STATS).where(STATS.c.product_id == spare).values(total=old))


def test_a_query_that_takes_long_is_stopped_with_a_hint(connection):
    endless = "SELECT count(*) FROM stats a, stats b, stats c WHERE a.mean + b.mean < c.mean"
    with pytest.raises(UsageError) as raised, time_limit(connection, 0.05):
        connection.execute(text(endless)).all()
    assert raised.value.code == "usage.query-timeout"
    assert "ask for less" in raised.value.hint


def test_after_the_limit_the_connection_is_as_before(many):
    with reading(many) as connection:
        with time_limit(connection, 0.001):
            pass
        if many.dialect.name == "sqlite":
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
            assert connection.scalar(text(numbers + "SELECT max(i) FROM n")) == 200000


def test_other_errors_pass_the_limit(connection):
    with pytest.raises(Exception, match="nonsense"), time_limit(connection, 5):
        connection.execute(text("SELECT nonsense"))


def test_numbers_without_end_are_in_their_place(engine, fill):
    fill(engine)
    with writing(engine) as connection:
        connection.execute(update(STATS).values(poisson_factor=math.inf))
    with reading(engine) as connection:
        page = browse(connection, ("poisson_factor",), Order("poisson_factor", True), Limits(), 5)
        assert page.rows[0][0] == math.inf
        after = Place(math.inf, page.rows and 10**6)
        again = browse(connection, ("poisson_factor",), Order("poisson_factor", True), Limits(), 5, after=after)
        assert len(again.rows) == 1


def test_every_order_goes_through_an_index(many):
    """On SQLite the names of the indexes are in the queries: one that is missing would be an error here."""
    names = {index.name for table in (LIGHT_CURVES, STATS) for index in table.indexes}
    assert set(SORTED_BY.values()) <= names
    with reading(many) as connection:
        for name in SORTED_BY:
            browse(connection, ("product_id",), Order(name), Limits(), 1)
