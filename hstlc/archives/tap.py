"""Questions in ADQL to TAP services: whole answers or an error, in plain Python values."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hstlc.errors import IntegrityError, RejectedError, TransientError
from hstlc.logs import printable, redact

if TYPE_CHECKING:
    from hstlc.archives.http import Http, Reply

__all__ = ["Row", "Table", "TapAnswer", "chunks", "columns_of", "query", "quoted", "read_votable"]

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TapAnswer:
    """Rows of plain values, None where there is none, and the bytes (VOTable) that they came in."""

    rows: list[Row]
    reply: bytes = b""


def quoted(text: str) -> str:
    """Return a text as an ADQL literal.

    Examples
    --------
    >>> quoted("Barnard's star")
    "'Barnard''s star'"
    """
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of at most ``size``: services break connections on long lists of names."""
    every = list(items)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def query(http: Http, url: str, adql: str, *, limit: int, output: str = "") -> TapAnswer:
    """Ask a TAP service, at once (sync).

    Parameters
    ----------
    http : Http
    url : str
        Of the service, without ``/sync``.
    adql : str
    limit : int
        MAXREC: more rows than any right answer has, as an answer that was cut is refused.
    output : str
        FORMAT, for services that do not answer with a VOTable by themselves.

    Raises
    ------
    IntegrityError
        ``archive.overflow``: the answer is not all.
    RejectedError
        ``archive.query``: the service does not take the question.
    TransientError
        No answer, or one that is not a VOTable (``archive.wrong-answer``).
    """
    from pyvo.dal.tap import TAPQuery

    asked = TAPQuery(url, adql, maxrec=limit, **({"format": output} if output else {}))
    try:
        reply = http.post(asked.queryurl, data=dict(asked), answer="votable")
    except RejectedError as error:
        if error.code != "archive.rejected":
            raise
        said = str(error.context.get("body") or "") or error.message
        raise _rejected(url, adql, _error_text(said)) from None
    return TapAnswer(read_votable(reply, url, adql), reply.content)


def read_votable(reply: Reply, url: str, asked: str) -> list[Row]:
    """Return the rows of a VOTable of a TAP or cone search service; see :func:`query`.

    Parameters
    ----------
    reply : Reply
    url, asked : str
        Of the service, and what it was asked, for messages.
    """
    from astropy.io.votable import parse
    from pyvo.dal import DALFormatError, DALQueryError
    from pyvo.dal.tap import TAPResults

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of VOTables that are not as the standard wants them
        try:
            file = parse(io.BytesIO(reply.content))
            refused = next((info.value for info in file.infos if info.name.lower() == "error"), None)
            if refused is not None:  # as cone searches say it
                raise DALQueryError(refused)
            results = TAPResults(file, url=url)
        except DALQueryError as error:
            raise _rejected(url, asked, str(error)) from None
        except (DALFormatError, Exception) as error:  # whatever the parser meets in an answer that is something else
            start = printable(redact(reply.text[:200])).strip()
            raise TransientError(
                "archive.wrong-answer",
                f"{redact(url)}: expected a VOTable, found {type(error).__name__} in: {start}",
                "try later; if it lasts, look whether the service moved",
                url=redact(url),
            ) from None
    if _overflowed(results.votable):
        raise IntegrityError(
            "archive.overflow",
            f"{redact(url)}: the answer was cut after {len(results)} rows; asked was: {redact(asked)}",
            "ask for less at once: set page_size of the archive below what the service gives",
            url=redact(url),
            rows=len(results),
        )
    return _plain(results.resultstable.array)


def _overflowed(votable: Any) -> bool:
    infos = [*votable.infos]
    for resource in votable.resources:
        infos += resource.infos
        for table in resource.tables:
            infos += table.infos
    return any(info.name.upper() == "QUERY_STATUS" and str(info.value).strip().upper() == "OVERFLOW" for info in infos)


def _error_text(said: str) -> str:
    """Return the message of a VOTable that tells an error; the text as it is where it is no VOTable."""
    from xml.etree import ElementTree

    try:
        infos = [element for element in ElementTree.fromstring(said).iter() if element.tag.endswith("INFO")]
    except ElementTree.ParseError:
        return said
    return " ".join(info.text or "" for info in infos if info.get("value") == "ERROR") or said


def _rejected(url: str, asked: str, said: str) -> RejectedError:
    return RejectedError(
        "archive.query",
        redact(f"{url}: the service does not take the question {asked!r}: {printable(' '.join(said.split())[:500])}"),
        "'hstlc archive check' tells which columns and tables are as expected; others can be set in archives.<name>",
        url=redact(url),
    )


def _plain(array: Any) -> list[Row]:
    """Return a masked record array as rows of plain values: masked, NaN and empty are None, texts are stripped."""
    names = array.dtype.names
    columns = [[_value(value) for value in array[name].tolist()] for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.replace("\0", "").strip() or None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "tolist"):  # an array within a field
        value = value.tolist()
    return [_value(item) for item in value] if isinstance(value, list | tuple) else value


def columns_of(http: Http, url: str, tables: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the columns and their types of each of some tables, as ``TAP_SCHEMA.columns`` has them; names as asked.

    A table that the service does not know has none.

    Raises
    ------
    ArchiveError
        As :func:`query`.
    """
    wanted = ", ".join(quoted(name) for table in tables for name in {table, table.rpartition(".")[2]})
    adql = f"SELECT table_name, column_name, datatype FROM TAP_SCHEMA.columns WHERE table_name IN ({wanted})"
    found: dict[str, dict[str, str]] = {table: {} for table in tables}
    for row in query(http, url, adql, limit=20_000).rows:
        for table in tables:
            if str(row["table_name"]).lower() in (table.lower(), table.rpartition(".")[2].lower()):
                found[table][str(row["column_name"]).strip('"')] = str(row["datatype"] or "")
    return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a service, by our own names of its columns.

    Attributes
    ----------
    http : Http
    url : str
    name : str
    columns : tuple of str
        Those that are asked for, by our names.
    renamed : mapping of str to str
        Our name to the archive's, where they differ.
    setting : str
        Key of the configuration that says so.
    """

    http: Http
    url: str
    name: str
    columns: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    setting: str = ""

    def theirs(self, column: str) -> str:
        """Return what the archive calls a column of ours."""
        return self.renamed.get(column, column)

    def select(self, where: Sequence[str], *, order: Sequence[str] = (), top: int) -> TapAnswer:
        """Return the first ``top`` rows that fulfil all conditions; ``where`` has the archive's names, ``order`` ours.

        Raises
        ------
        RejectedError
            ``archive.columns`` when the table lacks a column that is asked for, ``archive.query`` for other reasons.
        ArchiveError
            As :func:`query`.
        """
        adql = f"SELECT TOP {top} {', '.join(map(self.theirs, self.columns))} FROM {self.name}"
        if where:
            adql += f" WHERE {' AND '.join(where)}"
        if order:
            adql += f" ORDER BY {', '.join(map(self.theirs, order))}"
        try:
            answer = query(self.http, self.url, adql, limit=top + 1)
        except RejectedError as error:
            if error.code == "archive.query":
                self.require_columns()
            raise
        if not answer.rows:
            return answer
        names = self._names(answer.rows[0])
        self._require(names.values())
        return TapAnswer([{names[name]: row[name] for name in names} for row in answer.rows], answer.reply)

    def count(self, where: Sequence[str]) -> int:
        """Return how many rows fulfil all conditions."""
        adql = f"SELECT COUNT(*) AS total FROM {self.name}" + (f" WHERE {' AND '.join(where)}" if where else "")
        rows = query(self.http, self.url, adql, limit=2).rows
        return int(next(iter(rows[0].values())) or 0) if rows else 0

    def described(self) -> dict[str, str]:
        """Return the columns that the table has now and their types; those that we use by our names."""
        return self.ours(columns_of(self.http, self.url, (self.name,))[self.name])

    def ours(self, row: Mapping[str, T]) -> dict[str, T]:
        """Return a mapping by names of columns with those that we use by our names, without others of these names."""
        return {name: row[theirs] for theirs, name in self._names(row).items()}

    def _names(self, row: Iterable[str]) -> dict[str, str]:
        """Return our name by the archive's."""
        ours = {self.theirs(column).lower(): column for column in self.columns}
        named = {name: ours.get(name.lower(), "" if name in self.columns else name) for name in row}
        return {theirs: name for theirs, name in named.items() if name}

    def require_columns(self) -> None:
        """Raise RejectedError ``archive.columns`` when the service says that the table lacks a column of ours."""
        self._require(self.described())

    def _require(self, found: Iterable[str]) -> None:
        missing = sorted(set(self.columns) - set(found))
        if missing:
            raise RejectedError(
                "archive.columns",
                f"{redact(self.url)}: expected the columns {', '.join(self.columns)} in {self.name}, missing are:"
                f" {', '.join(missing)}",
                f"if the archive renamed them, say so in {self.setting or 'the configuration'}: ['OURS = THEIRS']",
                missing=missing,
            )
