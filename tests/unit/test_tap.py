"""TAP: whole answers in plain values, errors with their code, and walks that lose no row."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives.keyset import KeysetWalk
from hstlc.archives.tap import Table, TapAnswer, chunks, columns_of, query, quoted
from hstlc.errors import IntegrityError, RejectedError, TransientError
from hstlc.testing.archive.tap import TapColumn, TapTable
from hstlc.testing.archive.tap_formats import votable_error
from tests.tap_fakes import FakeHttp

URL = "https://tap.example/tap"
STAR = TapTable(
    "sky",
    "star",
    (
        TapColumn("name"),
        TapColumn("ra", "double", "deg"),
        TapColumn("number", "int"),
        TapColumn("single", "boolean"),
        TapColumn("seen", "time"),
    ),
)
ROWS = [
    ("0001", 10.5, 7, True, "2026-01-01 00:00:00"),
    (" Barnard's star ", None, None, None, None),
    ("", 0.0, 0, False, "2026-01-02 00:00:00"),
]


def fake(**options: Any) -> FakeHttp:
    return FakeHttp([STAR], {"sky.star": ROWS}, **options)


def test_rows_are_plain_values_and_what_is_missing_is_none() -> None:
    answer = query(fake().http, URL, "SELECT * FROM sky.star", limit=10)
    assert answer.rows == [
        {"name": "0001", "ra": 10.5, "number": 7, "single": True, "seen": "2026-01-01 00:00:00"},
        {"name": "Barnard's star", "ra": None, "number": None, "single": None, "seen": None},
        {"name": None, "ra": 0.0, "number": 0, "single": False, "seen": "2026-01-02 00:00:00"},
    ]
    assert [type(value) for value in answer.rows[0].values()] == [str, float, int, bool, str]
    assert b"<VOTABLE" in answer.reply


def test_an_answer_without_rows_is_no_error() -> None:
    assert query(fake().http, URL, "SELECT name FROM sky.star WHERE ra > 300", limit=10).rows == []


@pytest.mark.parametrize("limit", [1, 2])
def test_an_answer_that_was_cut_is_refused_also_when_it_has_as_many_rows_as_allowed(limit: int) -> None:
    with pytest.raises(IntegrityError) as caught:
        query(fake().http, URL, "SELECT name FROM sky.star", limit=limit)
    assert caught.value.code == "archive.overflow"
    assert caught.value.context["rows"] == limit
    assert "page_size" in caught.value.hint


def test_a_limit_of_the_service_is_noticed_too() -> None:
    with pytest.raises(IntegrityError) as caught:
        query(fake(hard_rows=2).http, URL, "SELECT name FROM sky.star", limit=1000)
    assert caught.value.code == "archive.overflow"


def test_a_question_that_is_refused_says_what_the_service_says() -> None:
    with pytest.raises(RejectedError, match="no such column: colour") as caught:
        query(fake().http, URL, "SELECT colour FROM sky.star", limit=10)
    assert caught.value.code == "archive.query"


@pytest.mark.parametrize("cone", [False, True])
def test_an_error_in_an_answer_with_status_200_is_an_error(cone: bool) -> None:
    http = fake()
    http.replies[f"{URL}/sync"] = votable_error("CIRCLE not found", cone=cone)
    with pytest.raises(RejectedError, match="CIRCLE not found") as caught:
        query(http.http, URL, "SELECT name FROM sky.star", limit=10)
    assert caught.value.code == "archive.query"


@pytest.mark.parametrize("content", [b"<html>Maintenance</html>", b"", b"{}", b'<?xml version="1.0"?><VOTABLE><RES'])
def test_an_answer_that_is_no_votable_may_be_one_later(content: bytes) -> None:
    http = fake()
    http.replies[f"{URL}/sync"] = content
    with pytest.raises(TransientError) as caught:
        query(http.http, URL, "SELECT name FROM sky.star", limit=10)
    assert caught.value.code == "archive.wrong-answer"


def test_other_refusals_are_left_as_they_are() -> None:
    http = fake()
    http.replies[f"{URL}/sync"] = RejectedError("archive.no-product", "status 404")
    with pytest.raises(RejectedError) as caught:
        query(http.http, URL, "SELECT name FROM sky.star", limit=10)
    assert caught.value.code == "archive.no-product"


def test_secrets_in_addresses_stay_out_of_errors() -> None:
    url = "https://user:canary@tap.example/tap"
    http = fake()
    for reply in (votable_error("no"), b"token=canary"):
        http.replies[f"{url}/sync"] = reply
        with pytest.raises((RejectedError, TransientError)) as caught:
            query(http.http, url, "SELECT 1 FROM t WHERE password = 'canary'", limit=10)
        assert "canary" not in f"{caught.value} {caught.value.context}"


@given(st.text())
def test_any_text_comes_back_from_its_literal(text: str) -> None:
    text = text.replace("\0", "").encode("utf-8", "replace").decode()
    assert sqlite3.connect(":memory:").execute(f"SELECT {quoted(text)}").fetchone() == (text,)


@given(st.lists(st.integers()), st.integers(1, 5))
def test_chunks_are_all_items_in_order_and_none_is_too_long(items: list[int], size: int) -> None:
    parts = list(chunks(items, size))
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= size for part in parts)


def test_columns_are_those_of_the_tap_schema() -> None:
    found = columns_of(fake().http, URL, ["sky.star", "sky.planet"])
    assert set(found["sky.star"]) == {"name", "ra", "number", "single", "seen"}
    assert found["sky.planet"] == {}


def table(http: FakeHttp, *columns: str, **renamed: str) -> Table:
    return Table(http.http, URL, "sky.star", columns, renamed)


def test_a_table_is_asked_by_its_names_and_answers_by_ours() -> None:
    http = fake()
    answer = table(http, "key", "ra", key="name").select(["ra >= 0"], order=("key",), top=2)
    assert answer.rows == [{"key": None, "ra": 0.0}, {"key": "0001", "ra": 10.5}]
    assert http.queries == ["SELECT TOP 2 name, ra FROM sky.star WHERE ra >= 0 ORDER BY name"]
    assert table(http, "key", key="name").count([]) == 3


def test_a_column_that_is_gone_is_named() -> None:
    with pytest.raises(RejectedError, match="missing are: colour") as caught:
        table(fake(), "name", "colour").select([], top=2)
    assert caught.value.code == "archive.columns"
    assert caught.value.context["missing"] == ["colour"]


def test_a_table_that_is_gone_is_said_to_lack_its_columns() -> None:
    with pytest.raises(RejectedError, match=r"in sky\.comet, missing are: name") as caught:
        Table(fake().http, URL, "sky.comet", ("name",), setting="archives.x.renamed").select([], top=2)
    assert caught.value.code == "archive.columns"
    assert "archives.x.renamed" in caught.value.hint


def test_a_question_that_is_wrong_for_another_reason_is_not_blamed_on_columns() -> None:
    with pytest.raises(RejectedError) as caught:
        table(fake(), "name").select(["nonsense("], top=2)
    assert caught.value.code == "archive.query"


class SqlTable:
    """Rows (key, date) in SQLite, whose dates have microseconds that its answers do not show."""

    name, url = "t", URL

    def __init__(self, rows: Sequence[tuple[int, datetime]], most: int = 10**6) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.execute("CREATE TABLE t (key INTEGER, date TEXT)")
        self.connection.executemany(
            "INSERT INTO t VALUES (?, ?)", [(key, f"{date:%Y-%m-%d %H:%M:%S.%f}") for key, date in rows]
        )
        self.most = most
        self.asked = 0

    def theirs(self, column: str) -> str:
        return column

    def select(self, where: Sequence[str], *, order: Sequence[str], top: int) -> TapAnswer:
        self.asked += 1
        sql = f"SELECT key, substr(date, 1, 19) FROM t {self._where(where)} ORDER BY {', '.join(order)} LIMIT ?"
        rows = self.connection.execute(sql, (min(top, self.most),)).fetchall()
        return TapAnswer([{"key": key, "date": date} for key, date in rows])

    def count(self, where: Sequence[str]) -> int:
        return int(self.connection.execute(f"SELECT COUNT(*) FROM t {self._where(where)}").fetchone()[0])

    def _where(self, where: Sequence[str]) -> str:
        return f"WHERE {' AND '.join(where)}" if where else ""


def walk(rows: SqlTable, size: int, **options: Any) -> KeysetWalk:
    return KeysetWalk(cast(Table, rows), "key", str, size, **options)


DAY = datetime(2026, 11, 1, tzinfo=UTC)
moments = st.builds(
    lambda second, fraction: DAY + timedelta(seconds=second, microseconds=fraction),
    st.integers(0, 6),
    st.integers(0, 999_999),
)


@given(st.lists(moments, max_size=40), st.integers(1, 7), st.none() | st.integers(0, 6), st.integers(0, 7))
def test_a_walk_meets_every_row_of_its_window_once(
    dates: list[datetime], size: int, since: int | None, until: int
) -> None:
    begin = None if since is None else DAY + timedelta(seconds=since)
    end = DAY + timedelta(seconds=until)
    answers = walk(SqlTable(list(enumerate(dates))), size).by_date("date", begin, end)
    met = [row["key"] for answer in answers for row in answer.rows]
    expected = [
        key for key, date in enumerate(dates) if (begin is None or date >= begin) and date.replace(microsecond=0) <= end
    ]
    assert sorted(met) == expected


@given(st.integers(0, 30), st.integers(1, 7))
def test_a_walk_by_name_meets_every_row_once(number: int, size: int) -> None:
    answers = walk(SqlTable([(key, DAY) for key in range(number)]), size).by_key()
    assert [row["key"] for answer in answers for row in answer.rows] == list(range(number))


def test_a_day_on_which_everything_was_processed_again_is_walked_whole() -> None:
    rows = SqlTable([(key, DAY) for key in range(15_000)] + [(20_000, DAY + timedelta(days=1))])
    answers = list(walk(rows, 5000).by_date("date", DAY, DAY + timedelta(days=2)))
    met = [row["key"] for answer in answers for row in answer.rows]
    assert sorted(met) == [*range(15_000), 20_000]
    assert len(met) == len(set(met))
    assert rows.asked < 8


def test_an_archive_that_cuts_answers_without_a_word_is_noticed() -> None:
    rows = SqlTable([(key, DAY + timedelta(seconds=key)) for key in range(30)], most=10)
    for answers in (walk(rows, 20).by_date("date", None, DAY + timedelta(days=1)), walk(rows, 20).by_key()):
        with pytest.raises(IntegrityError, match="30 rows were promised, 10 came") as caught:
            list(answers)
        assert caught.value.code == "archive.incomplete"
    assert sum(len(one.rows) for one in walk(rows, 20, check_count=False).by_key()) == 10


def test_an_archive_that_ignores_the_order_is_noticed() -> None:
    class Shuffled(SqlTable):
        def select(self, where: Sequence[str], *, order: Sequence[str], top: int) -> TapAnswer:
            return TapAnswer(super().select(where, order=order, top=top).rows[::-1])

    rows = Shuffled([(key, DAY + timedelta(seconds=key)) for key in range(30)])
    with pytest.raises(IntegrityError) as caught:
        list(walk(rows, 20).by_date("date", None, DAY + timedelta(days=1)))
    assert caught.value.code == "archive.order"


def test_a_page_that_came_in_disorder_once_is_asked_for_again() -> None:
    class Once(SqlTable):
        def select(self, where: Sequence[str], *, order: Sequence[str], top: int) -> TapAnswer:
            rows = super().select(where, order=order, top=top).rows
            return TapAnswer(rows[::-1] if self.asked == 1 else rows)

    rows = Once([(key, DAY + timedelta(seconds=key)) for key in range(30)])
    met = [row["key"] for one in walk(rows, 7).by_date("date", None, DAY + timedelta(days=1)) for row in one.rows]
    assert met == list(range(30))


def test_an_archive_that_gives_the_same_page_for_ever_is_noticed() -> None:
    class Stuck(SqlTable):
        def select(self, where: Sequence[str], *, order: Sequence[str], top: int) -> TapAnswer:  # noqa: ARG002
            return super().select([], order=order, top=top)

    rows = Stuck([(key, DAY) for key in range(30)])
    with pytest.raises(IntegrityError) as by_key:
        list(walk(rows, 20).by_key())
    with pytest.raises(IntegrityError) as by_date:
        list(walk(rows, 20).by_date("date", None, DAY + timedelta(days=1)))
    assert {by_key.value.code, by_date.value.code} == {"archive.no-progress"}


def test_rows_without_name_or_date_are_passed_over_and_told(caplog: pytest.LogCaptureFixture) -> None:
    class Holes(SqlTable):
        def select(self, where: Sequence[str], *, order: Sequence[str], top: int) -> TapAnswer:
            answer = super().select(where, order=order, top=top)
            answer.rows[0]["key"] = None
            answer.rows[1]["date"] = "soon"
            return answer

    rows = Holes([(key, DAY + timedelta(seconds=key)) for key in range(5)])
    (answer,) = walk(rows, 20).by_date("date", None, DAY + timedelta(days=1))
    assert [row["key"] for row in answer.rows] == [2, 3, 4]
    assert caplog.text.count("is passed over") == 2


def test_rows_that_come_twice_are_met_once() -> None:
    class Double(SqlTable):
        def select(self, where: Sequence[str], *, order: Sequence[str], top: int) -> TapAnswer:
            rows = super().select(where, order=order, top=top).rows
            return TapAnswer([row for row in rows for _ in range(2)])

    rows = Double([(key, DAY + timedelta(seconds=key)) for key in range(30)])
    met = [row["key"] for one in walk(rows, 7).by_date("date", None, DAY + timedelta(days=1)) for row in one.rows]
    assert met == list(range(30))
