"""Walking through the answer to a search of MAST, page by page, though rows may move meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from hstlc.archives.renaming import theirs
from hstlc.errors import ArchiveError, RejectedError, TransientError
from hstlc.logs import redact
from hstlc.missions.hst.mast_rows import ID, OPTIONAL, REQUIRED, Question, Row, translated, version_of
from hstlc.missions.hst.mast_settings import MastSettings

if TYPE_CHECKING:
    from hstlc.archives.http import Http, Reply

__all__ = ["Answered", "address", "ask", "columns_of", "cookie", "pages", "wrong_answer"]

logger = logging.getLogger(__name__)

#: Times that an answer is walked through before it counts as one that never stands still.
_WALKS = 2


@dataclass(frozen=True, slots=True)
class Answered:
    """A page: rows with our names of the columns, how many rows there are on all pages, and the answer as it came."""

    rows: Sequence[Row]
    total: int | None
    reply: bytes


@dataclass(slots=True)
class _Walk:
    """What a walk has met so far.

    Attributes
    ----------
    offset : int
        Where the next page begins.
    total : int or None
        Rows that there are, as the last page said.
    names : set of str
        Datasets met.
    nameless : int
        Rows without a name.
    first : list of str
        Datasets on the first page.
    repeated : bool
        A dataset came on two pages.
    changed : bool
        The number of rows is another than at first, or a further page is the first one again.
    """

    offset: int = 0
    total: int | None = None
    names: set[str] = field(default_factory=set)
    nameless: int = 0
    first: list[str] = field(default_factory=list)
    repeated: bool = False
    changed: bool = False

    def add(self, page: Answered, limit: int) -> bool:
        """Count a page, and return whether it is the last one."""
        start, named = self.offset, [str(row[ID]) for row in page.rows if row.get(ID)]
        new, nameless = set(named) - self.names, len(page.rows) - len(named)
        if start == 0:
            self.first = named
        elif page.rows and named == self.first:  # the archive does not heed where it is to begin
            self.changed = True
            return True
        self.repeated |= not self.names.isdisjoint(named)
        self.changed |= start > 0 and page.total != self.total
        self.names |= new
        self.nameless += nameless
        # Rows that moved back by a few places come again: then the next page begins earlier by as many.
        self.offset += len(new) + nameless or len(page.rows)
        self.total = page.total
        end = self.total is not None and start + len(page.rows) >= self.total and len(page.rows) < limit
        return end or not page.rows

    @property
    def steady(self) -> bool:
        """No sign that rows moved."""
        whole = self.total in (None, len(self.names) + self.nameless)
        return whole and not self.repeated and not self.changed


def address(settings: MastSettings, path: str) -> str:
    """Return a URL: a path below that of the archive, or a whole one as it is.

    Examples
    --------
    >>> address(MastSettings(url="http://127.0.0.1:80/copy"), "search/a")
    'http://127.0.0.1:80/copy/search/a'
    >>> address(MastSettings(), "https://other.example/a")
    'https://other.example/a'
    """
    return urljoin(f"{settings.url.rstrip('/')}/", path)


def cookie(settings: MastSettings, url: str) -> dict[str, str]:
    """Return the header that says who asks; empty for nobody in particular, and for other hosts than the search's."""
    search = urlsplit(address(settings, settings.search_path))
    ours = (search.scheme, search.netloc) == urlsplit(url)[:2]
    return {"Cookie": f"mast_token={settings.token}"} if settings.token and ours else {}


def wrong_answer(url: str, wanted: str, found: object) -> TransientError:
    """Return the error of an answer that is JSON and not what it should be."""
    return TransientError(
        "archive.wrong-answer",
        redact(f"{url}: expected {wanted}, found {str(found)[:200]}"),
        "try later; hstlc archive check tells whether the archive has changed",
    )


def columns_of(http: Http, settings: MastSettings) -> dict[str, str]:
    """Return the names, ours where they differ, and types of the columns that can be searched now.

    Raises
    ------
    ArchiveError
        ``archive.wrong-answer`` if they are no list, beside those of :class:`hstlc.archives.http.Http`.
    """
    url = address(settings, settings.columns_path)
    rows = http.get(url, answer="json", headers=cookie(settings, url)).json()
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and row.get("column_name") for row in rows):
        raise wrong_answer(url, "a list of columns with column_name", rows)
    found = {str(row["column_name"]): str(row.get("qual_type") or row.get("datatype") or "") for row in rows}
    return translated(found, theirs(settings.renamed_columns))


def ask(
    http: Http, settings: MastSettings, question: Question, *, columns: Sequence[str], limit: int, offset: int = 0
) -> Answered:
    """Return one page of the answer to a question.

    Raises
    ------
    RejectedError
        ``archive.columns``: a column that is needed is not in the answer.
    ArchiveError
        ``archive.wrong-answer`` if it holds no rows, beside those of :class:`hstlc.archives.http.Http`.
    """
    url = address(settings, settings.search_path)
    names = theirs(settings.renamed_columns)
    body: dict[str, Any] = {
        "limit": limit,
        "offset": offset,
        "sort_by": [names.get(column, column) for column in question.order],
        "sort_desc": [question.newest_first] + [False] * (len(question.order) - 1),
        "skip_count": False,
        "select_cols": [names.get(column, column) for column in columns],
        "conditions": [{names.get(column, column): text} for column, text in question.conditions.items()],
        **(question.place or {}),
    }
    reply = http.post(url, json=body, answer="json", headers=cookie(settings, url))
    return _answered(url, reply, settings)


def _answered(url: str, reply: Reply, settings: MastSettings) -> Answered:
    content = reply.json()
    rows = content.get("results") if isinstance(content, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise wrong_answer(url, "an object with a list of results", content)
    translated_rows = [translated(row, theirs(settings.renamed_columns)) for row in rows]
    if translated_rows:
        check_columns(set().union(*translated_rows), url)
    total = content.get("totalResults")
    try:
        number = None if total is None or isinstance(total, bool) else int(total)
    except (TypeError, ValueError):
        raise wrong_answer(url, "a number in totalResults", total) from None
    return Answered(translated_rows, number, reply.content)


def check_columns(found: set[str], url: str) -> None:
    """Raise RejectedError ``archive.columns`` if a column is missing without which rows say nothing."""
    if missing := sorted(REQUIRED - found):
        raise RejectedError(
            "archive.columns",
            f"{url}: expected the columns {', '.join(missing)}, found {', '.join(sorted(found)[:80])}",
            f"if it has another name now, set archives.mast.renamed_columns: ['{missing[0]} = NEW NAME']",
            columns=missing,
        )


def pages(http: Http, settings: MastSettings, question: Question) -> Iterator[Answered]:
    """Yield the answer to a question in pages, each version of a dataset once.

    Rows that come or go meanwhile shift those behind them. When the number of all rows changes on the way, when it is
    not the number of rows that came, or when a dataset comes on two pages, everything is asked for once more.

    Raises
    ------
    TransientError
        ``archive.shifting``: the number of rows changed the second time, too.
    ArchiveError
        As :func:`ask`.
    """
    url, columns = address(settings, settings.search_path), [*sorted(REQUIRED), *OPTIONAL]
    yielded: set[tuple[str, str]] = set()
    for _ in range(_WALKS):
        walk, last = _Walk(), False
        while not last:
            limit = settings.page_size
            try:
                page = ask(http, settings, question, columns=columns, limit=limit, offset=walk.offset)
            except RejectedError as error:
                columns = _columns_left(http, settings, columns, error)
                continue
            last = walk.add(page, limit)
            yield replace(page, rows=_not_yet(page.rows, yielded))
        if walk.steady:
            return
    if walk.changed:
        raise TransientError(
            "archive.shifting",
            f"{url}: expected an answer that stands still, found other rows on each of {_WALKS} walks through it",
            "the archive is being changed: try later",
        )
    logger.warning("%s: %d datasets in %s rows, some of them on two pages", url, len(walk.names), walk.total)


def _not_yet(rows: Sequence[Row], yielded: set[tuple[str, str]]) -> list[Row]:
    """Return the rows that were not yielded before, and note that they are now."""
    fresh = []
    for row in rows:
        version = str(row.get(ID) or ""), version_of(row)
        if not version[0] or version not in yielded:
            yielded.add(version)
            fresh.append(row)
    return fresh


def _columns_left(http: Http, settings: MastSettings, columns: Sequence[str], refused: RejectedError) -> list[str]:
    """Return the columns that the archive still has, after it refused a question.

    Raises
    ------
    RejectedError
        ``archive.columns`` if one is missing without which nothing can be done; what was refused if none is missing.
    """
    if refused.code == "archive.columns":
        raise refused
    try:
        found = set(columns_of(http, settings))
    except ArchiveError:
        raise refused from None
    check_columns(found, address(settings, settings.columns_path))
    left = [column for column in columns if column in found]
    if left == list(columns):
        raise refused
    logger.warning("no longer among the columns, and left out: %s", ", ".join(sorted({*columns} - found)))
    return left
