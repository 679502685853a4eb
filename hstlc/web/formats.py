"""Rows as answers: JSON, CSV, FITS or VOTable, whole before the first byte is sent, with a strong ETag."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import IO, Annotated, Any, Literal

import orjson
from fastapi import Query, Request, Response
from sqlalchemy import JSON, BigInteger, Boolean, ColumnElement, Date, Float, Integer
from starlette.responses import StreamingResponse

from hstlc.db.types import UtcDateTime
from hstlc.formats.row_tables import Field, Kind, batches, write_csv
from hstlc.web.threads import taking_time

__all__ = [
    "MEDIA_TYPES",
    "Field",
    "RowFormat",
    "answer_rows",
    "content_etag",
    "fields_of",
    "fields_of_values",
    "not_modified",
    "votable",
    "write_votable",
]

#: Parameter ``format`` of a route.
RowFormat = Annotated[Literal["json", "csv", "fits", "votable"], Query(description="JSON, CSV, FITS or VOTable")]

#: Media type and ending of file names of each format.
MEDIA_TYPES = {
    "json": ("application/json", "json"),
    "csv": ("text/csv; charset=utf-8; header=present", "csv"),
    "fits": ("application/fits", "fits"),
    "votable": ("application/x-votable+xml", "xml"),
}

_IN_MEMORY = 4_000_000  # bytes of an answer; a larger one lies on disk while it is sent
_PIECE = 256 * 1024
_KINDS: tuple[tuple[type, Kind], ...] = (
    (Boolean, "bool"), (BigInteger, "long"), (Integer, "int"), (Float, "float"),
    (UtcDateTime, "time"), (Date, "date"), (JSON, "json"),
)  # fmt: skip
_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def fields_of(columns: Iterable[ColumnElement[Any] | tuple[str, ColumnElement[Any]]]) -> tuple[Field, ...]:
    """Return the fields of columns of our tables, with unit, UCD and description.

    Parameters
    ----------
    columns : iterable of columns
        Or of (name, column), where the name is another.

    Examples
    --------
    >>> from hstlc.db.tables import Stats
    >>> (field,) = fields_of([Stats.__table__.c.mean])
    >>> field.kind, field.unit, field.ucd
    ('float', 'ct', 'phot.count;stat.mean')
    """
    found = []
    for one in columns:
        name, column = one if isinstance(one, tuple) else (str(getattr(one, "name", one)), one)
        info = getattr(column, "info", {})
        kind: Kind = next((kind for of, kind in _KINDS if isinstance(column.type, of)), "text")
        found.append(Field(name, kind, info.get("unit", ""), info.get("ucd", ""), info.get("doc", "")))
    return tuple(found)


def fields_of_values(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Field, ...]:
    """Return fields by the values that they have: of SQL that is not ours.

    Parameters
    ----------
    names : sequence of str
        A name that comes again gets ``_2``, ``_3``.
    rows : sequence of sequences

    Examples
    --------
    >>> [(field.name, field.kind) for field in fields_of_values(["a", "a"], [(1, "x"), (2.5, None)])]
    [('a', 'float'), ('a_2', 'text')]
    """
    found: list[Field] = []
    taken: set[str] = set()
    for i, name in enumerate(names):
        own, number = name, 1
        while own.lower() in taken:
            number += 1
            own = f"{name}_{number}"
        taken.add(own.lower())
        found.append(Field(own, _kind_of(row[i] for row in rows)))
    return tuple(found)


def _kind_of(values: Iterable[Any]) -> Kind:
    kinds: set[type] = set()
    for value in values:
        if isinstance(value, int) and not -(2**63) < value < 2**63:
            return "text"
        kinds.add(type(value))
    kinds.discard(type(None))
    if kinds <= {bool}:
        return "bool" if kinds else "text"
    if kinds <= {int, bool}:
        return "long"
    return "float" if kinds <= {int, float, bool} else "text"


def content_etag(data: bytes) -> str:
    """Return the ETag of an answer, with its quotes."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def not_modified(request: Request, etag: str) -> bool:
    """Tell whether the client has what the ETag names: by ``If-None-Match``."""
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return etag in known or "*" in known


def answer_rows(
    request: Request,
    fields: Sequence[Field],
    rows: Iterable[Sequence[Any]],
    format: str,  # noqa: A002 - the name that the address has
    name: str,
    *,
    title: str = "",
    extra: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
) -> Response:
    """Return rows in the format that was asked for.

    They are written whole before the answer begins: an error is an answer of its own, no connection to the database
    waits for a slow client, and the ETag is that of the content.

    Parameters
    ----------
    request : Request
        Its ``If-None-Match`` is compared.
    fields : sequence of Field
    rows : iterable of sequences
        In the order of the fields; read in batches.
    format : str
        ``json``, ``csv``, ``fits`` or ``votable``.
    name : str
        Of the rows, and of the file without its ending; ASCII.
    title : str
        What the rows are, for the description of a VOTable.
    extra : mapping, optional
        Members of the JSON beside ``name``, ``columns``, ``rows`` and ``count``; texts and numbers are INFO elements of
        a VOTable. Read after the rows, so that what makes them can change it.
    links : mapping of str to str, optional
        Relation to address: the header ``Link``.

    Returns
    -------
    Response
        200, or 304 without content.

    Examples
    --------
    >>> request = Request({"type": "http", "headers": [(b"if-none-match", b'"other"')]})
    >>> answer = answer_rows(request, [Field("a", "int")], [(1,), (None,)], "csv", "numbers")
    >>> answer.status_code, answer.headers["content-disposition"]
    (200, 'attachment; filename="numbers.csv"')
    """
    media, ending = MEDIA_TYPES[format]
    headers = {"cache-control": "no-cache"}
    if format != "json":
        headers["content-disposition"] = f'attachment; filename="{name}.{ending}"'
    if links:
        headers["link"] = ", ".join(f'<{address}>; rel="{relation}"' for relation, address in links.items())
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    try:
        with nullcontext() if format == "json" else taking_time():
            _write(file, fields, rows, format, name, title, {} if extra is None else extra)
        length, digest = file.tell(), _digest(file)
        headers |= {"etag": f'"{digest[:32]}"', "content-length": str(length)}
        if not_modified(request, headers["etag"]):
            file.close()
            del headers["content-length"]
            return Response(status_code=304, headers=headers)
        if length <= _IN_MEMORY:
            content = file.read()
            file.close()
            return Response(content, media_type=media, headers=headers)
    except BaseException:
        file.close()
        raise
    return StreamingResponse(_pieces(file), media_type=media, headers=headers)


def _write(
    file: IO[bytes],
    fields: Sequence[Field],
    rows: Iterable[Sequence[Any]],
    form: str,
    name: str,
    title: str,
    extra: Mapping[str, Any],
) -> None:
    if form == "json":
        _write_json(file, fields, rows, name, extra)
    elif form == "csv":
        text = io.TextIOWrapper(file, "utf-8", "xmlcharrefreplace", newline="", write_through=True)
        write_csv(fields, rows, text)
        text.detach()
    elif form == "fits":
        from hstlc.formats.row_columns import columns_of
        from hstlc.formats.row_fits import fits_bytes

        file.write(fits_bytes(columns_of(fields, rows), name))
    else:
        from hstlc.formats.row_columns import columns_of
        from hstlc.formats.row_votable import make_votable

        columns = columns_of(fields, rows)
        infos = {key: str(value) for key, value in extra.items() if isinstance(value, str | int | float)}
        file.write(write_votable(make_votable(columns, name, title=title, infos={"QUERY_STATUS": "OK", **infos})))


def _write_json(
    file: IO[bytes], fields: Sequence[Field], rows: Iterable[Sequence[Any]], name: str, extra: Mapping[str, Any]
) -> None:
    names = [field.name for field in fields]
    about = {one.name: {"type": one.kind, "unit": one.unit, "ucd": one.ucd, "doc": one.doc} for one in fields}
    head = orjson.dumps({"name": name, "columns": about})
    file.write(head[:-1] + b',"rows":[')
    written = 0
    for batch in batches(rows):
        own = [dict(zip(names, row, strict=True)) for row in batch]
        try:
            body = orjson.dumps(own, _plain_json, _JSON_OPTIONS)
        except TypeError:  # a whole number of more than 64 bits
            own = [{name: _short(value) for name, value in row.items()} for row in own]
            body = orjson.dumps(own, _plain_json, _JSON_OPTIONS)
        file.write((b"," if written else b"") + body[1:-1])
        written += len(batch)
    file.write(b"]," + orjson.dumps({"count": written, **extra}, _plain_json, _JSON_OPTIONS)[1:])


def _plain_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} is no value of a row")


def _short(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value


def _digest(file: IO[bytes]) -> str:
    """Return the SHA-256 of a file, which is left at its beginning."""
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_PIECE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def votable(
    fields: Sequence[Field],
    rows: Iterable[Sequence[Any]],
    name: str,
    title: str = "",
    infos: Mapping[str, str] | None = None,
) -> Any:
    """Return rows as :class:`astropy.io.votable.tree.VOTableFile`, to which more can be added.

    See :func:`hstlc.formats.row_votable.make_votable`.
    """
    from hstlc.formats.row_columns import columns_of
    from hstlc.formats.row_votable import make_votable

    return make_votable(columns_of(fields, rows), name, title=title, infos=infos)


def write_votable(file: Any) -> bytes:
    """Return a VOTable as the bytes of its XML."""
    from hstlc.formats.row_votable import votable_bytes

    return votable_bytes(file)
