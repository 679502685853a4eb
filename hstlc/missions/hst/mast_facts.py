"""What is believed of MAST, and few small requests that tell whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hstlc.archives.base import Fact, RemoteDataset, RemoteProduct, Window
from hstlc.archives.dates import moment
from hstlc.errors import ArchiveError
from hstlc.missions.hst import mast_files, mast_rows
from hstlc.missions.hst.mast_search import Answered, ask

if TYPE_CHECKING:
    from hstlc.missions.hst.mast import Mast

__all__ = ["facts"]

_BLOCK = 80  # bytes: one card of a header


def _setting(key: str) -> str:
    return f"archives.mast.{key}"


def facts(archive: Mast) -> Iterator[Fact]:
    """Yield what was found: the columns, the newest datasets, the files of one of them, and the begin of a file."""
    try:
        columns = archive.columns()
    except ArchiveError as error:
        yield _failed("columns are listed", error, "columns_path")
    else:
        for column in sorted(mast_rows.REQUIRED):
            yield Fact(
                f"column {column}", column in columns, columns.get(column, "missing"), _setting("renamed_columns")
            )
    now = archive.clock.now()
    question = mast_rows.window_question(archive.settings, Window("archive", None, now), now)
    try:
        wanted = sorted(mast_rows.REQUIRED)
        page = ask(archive.http, archive.settings, question.turned(), columns=wanted, limit=archive.settings.page_size)
    except ArchiveError as error:
        yield _failed("the search answers", error, "search_path")
        return
    yield from _of_search(archive, page)
    rows = [row for row in page.rows if mast_rows.is_wanted(row, archive.settings, now)]
    datasets = mast_rows.datasets(rows)
    if datasets:
        yield from _of_files(archive, datasets[0])


def _of_search(archive: Mast, page: Answered) -> Iterator[Fact]:
    settings, now, rows = archive.settings, archive.clock.now(), page.rows
    known = bool(rows) or None
    yield Fact("the search finds something", bool(rows), f"{page.total} datasets", _setting("instruments"))
    whole = page.total is not None and len(rows) == min(page.total, settings.page_size)
    yield Fact(
        "an answer has as many rows as are asked for",
        whole,
        f"{len(rows)} of {page.total}, {settings.page_size} asked for",
        _setting("page_size"),
    )
    excluded = {name.upper() for name in settings.excluded_targets}
    left = sorted({str(row.get(mast_rows.TARGET)) for row in rows} & excluded)
    yield Fact(
        "excluded targets are left out", known and not left, ", ".join(left) or "none", _setting("excluded_targets")
    )
    dates = [date for row in rows if (date := moment(row.get(mast_rows.ARCHIVED))) is not None]
    newest = max(dates, default=None)
    yield Fact(
        "no date is ahead of UTC",
        None if newest is None else newest <= now,
        "" if newest is None else f"newest {newest:%Y-%m-%dT%H:%M:%S}, now {now:%Y-%m-%dT%H:%M:%S}",
        _setting("overlap"),
    )
    yield Fact(
        "datasets are sorted",
        known and dates == sorted(dates, reverse=True),
        f"{len(dates)} dates of archiving",
        _setting("page_size"),
    )


def _of_files(archive: Mast, dataset: RemoteDataset) -> Iterator[Fact]:
    try:
        rows = archive.listed([dataset])
    except ArchiveError as error:
        yield _failed("files are listed", error, "products_path")
        return
    files = mast_files.listed(rows, [dataset], archive.settings)
    yield Fact("wanted files are listed", bool(files), _names(files) or f"none of {len(rows)}", _setting("suffixes"))
    spelled = {str(row.get("filename")).strip(): str(row.get("file_suffix") or "").strip() for row in rows}
    other = sorted({spelled[file.name] for file in files if spelled.get(file.name) != file.kind.upper()})
    yield Fact(
        "file_suffix is spelled as in the name of a file",
        (not other) if files else None,
        ", ".join(other) or ", ".join(sorted({file.kind.upper() for file in files})),
        _setting("suffixes"),
    )
    if files:
        yield from _of_bytes(archive, min(files, key=lambda file: (file.size or 0, file.name)))


def _of_bytes(archive: Mast, file: RemoteProduct) -> Iterator[Fact]:
    asked = archive.request(file)
    headers = {**asked.headers, "Range": f"bytes=0-{_BLOCK - 1}", "Accept-Encoding": "identity"}
    try:
        reply = archive.http.get(asked.url, asked.params, headers=headers, redirect_hosts=asked.redirect_hosts)
    except ArchiveError as error:
        yield _failed("files can be had", error, "retrieve_path")
        return
    yield Fact(
        "files can be had", reply.content.startswith(b"SIMPLE  ="), repr(reply.content[:30]), _setting("retrieve_path")
    )
    names = {name.lower(): value for name, value in reply.headers.items()}
    yield Fact("a part of a file can be had", reply.status == 206 and len(reply.content) == _BLOCK, f"{reply.status}")
    validator = names.get("etag") or names.get("last-modified")
    yield Fact("a file has an ETag or a date", validator is not None, str(validator or "neither"))


def _names(files: Sequence[RemoteProduct]) -> str:
    return ", ".join(file.name for file in files)


def _failed(name: str, error: ArchiveError, key: str) -> Fact:
    return Fact(name, None if error.retryable else False, f"{error.code}: {error.message}", _setting(key))
