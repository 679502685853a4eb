"""Walks through tables in the order of a date or name: no row is lost where thousands share a date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hstlc.archives.dates import literal, moment, second_after
from hstlc.archives.tap import Row, Table, TapAnswer
from hstlc.errors import IntegrityError
from hstlc.logs import redact

__all__ = ["KeysetWalk"]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class KeysetWalk:
    """One walk through a table.

    Dates are compared to the second, as the texts of an answer may have fewer digits than what the archive compares.
    A page begins with the second that the one before ended in, so rows come again and are passed over. Where one
    second has more rows than a page, they are read in the order of their names.

    Attributes
    ----------
    table : Table
    key : str
        Column, by our name, that no two rows share.
    quote : callable
        Gives the literal of a key: text or number.
    size : int
        Rows of a page.
    conditions : sequence of str
        That every row fulfils, in the archive's names.
    check_count : bool
        Whether the rows are counted first, so that an archive that cuts answers and does not say so is noticed.
    """

    table: Table
    key: str
    quote: Callable[[Any], str]
    size: int
    conditions: Sequence[str] = ()
    check_count: bool = True
    _seen: set[Any] = field(default_factory=set)
    _nameless: int = 0

    def by_date(self, date: str, since: datetime | None, until: datetime) -> Iterator[TapAnswer]:
        """Yield the rows whose date is within a window, both ends included, each once; at least one answer.

        Raises
        ------
        IntegrityError
            ``archive.order``, ``archive.no-progress``, ``archive.incomplete``.
        ArchiveError
            As :func:`hstlc.archives.tap.query`.
        """
        column = self.table.theirs(date)
        end = second_after(until)
        begin = since.replace(microsecond=0) if since is not None else None
        window = [*self.conditions, f"{column} < {literal(end)}"]
        total = self._count([*window, f"{column} >= {literal(begin)}"] if begin else window)
        while True:
            where = [*window, f"{column} >= {literal(begin)}"] if begin else window
            answer, dated = self._ordered(where, date, begin)
            yield self._fresh(answer, date, since, end)
            if len(answer.rows) < self.size or not dated:
                break
            if begin is None or dated[-1] > begin:
                begin = dated[-1]
                continue
            second = [*self.conditions, f"{column} >= {literal(begin)}", f"{column} < {literal(second_after(begin))}"]
            for page in self._keys(second):
                yield self._fresh(page, date, since, end)
            begin = second_after(begin)
            if begin >= end:
                break
        self._check(total)

    def _ordered(self, where: Sequence[str], date: str, begin: datetime | None) -> tuple[TapAnswer, list[datetime]]:
        """Return a page and its dates, to the second; where a full one is in disorder, what a second try gives."""
        for _ in range(2):
            answer = self.table.select(where, order=(date, self.key), top=self.size)
            dated = [found.replace(microsecond=0) for row in answer.rows if (found := moment(row[date])) is not None]
            in_order = dated == sorted(dated) and (begin is None or not dated or dated[0] >= begin)
            if in_order or len(answer.rows) < self.size:
                return answer, dated
        raise self._error("archive.order", f"rows in the order of {date} were asked for, and did not come so")

    def by_key(self) -> Iterator[TapAnswer]:
        """Yield all rows that fulfil the conditions, each once, in the order of their names; at least one answer.

        Raises
        ------
        IntegrityError
            ``archive.no-progress``, ``archive.incomplete``.
        ArchiveError
            As :func:`hstlc.archives.tap.query`.
        """
        total = self._count(self.conditions)
        for page in self._keys(self.conditions):
            yield self._fresh(page)
        self._check(total)

    def _keys(self, conditions: Sequence[str]) -> Iterator[TapAnswer]:
        column = self.table.theirs(self.key)
        met: set[Any] = set()
        last: Any = None
        while True:
            where = [*conditions, f"{column} > {self.quote(last)}"] if last is not None else conditions
            answer = self.table.select(where, order=(self.key,), top=self.size)
            yield answer
            if len(answer.rows) < self.size:
                return
            # what sorts after what is for the archive to say: texts have other orders there
            new = {row[self.key] for row in answer.rows} - met - {None}
            following = answer.rows[-1][self.key]
            if not new or following is None:
                raise self._error("archive.no-progress", f"rows after {last!r} were asked for, and known ones came")
            met |= new
            last = following

    def _fresh(
        self, answer: TapAnswer, date: str = "", since: datetime | None = None, end: datetime | None = None
    ) -> TapAnswer:
        rows: list[Row] = []
        for row in answer.rows:
            key = row[self.key]
            if key is None or (date and moment(row[date]) is None):
                logger.warning("%s: a row without %s or %s is passed over: %s", self.table.name, self.key, date, row)
                self._nameless += key is None
            elif key not in self._seen and (not date or _within(moment(row[date]), since, end)):
                rows.append(row)
            self._seen.add(key)
        return TapAnswer(rows, answer.reply)

    def _count(self, where: Sequence[str]) -> int | None:
        return self.table.count(where) if self.check_count else None

    def _check(self, total: int | None) -> None:
        came = len(self._seen - {None}) + self._nameless
        if total is not None and came < total:
            raise self._error("archive.incomplete", f"{total} rows were promised, {came} came")

    def _error(self, code: str, message: str) -> IntegrityError:
        return IntegrityError(
            code,
            redact(f"{self.table.url}: {self.table.name}: {message}"),
            "poll again; if it lasts, set page_size of the archive below what the service gives",
        )


def _within(found: datetime | None, since: datetime | None, end: datetime | None) -> bool:
    """Tell whether a date is within a window; one without a date is not."""
    if found is None:
        return False
    return (since is None or found >= since.replace(microsecond=0)) and (end is None or found < end)
