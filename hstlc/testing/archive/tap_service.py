"""A TAP service over HTTP: queries at once and as jobs, and what the service says of itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from hstlc.testing.archive import vosi
from hstlc.testing.archive.messages import Incoming, Outgoing
from hstlc.testing.archive.rows import spoiled
from hstlc.testing.archive.tap import TapColumn, TapEngine, TapRefusedError, TapResult
from hstlc.testing.archive.tap_formats import VOTABLE_TYPE, csv_text, cxc_text, esa_json, votable, votable_error

__all__ = ["CXC_FORMATS", "ESA_FORMATS", "Format", "TapService", "spoiled_result"]

_KEPT = 64  # results and jobs that are remembered


@dataclass(frozen=True, slots=True)
class Format:
    """A form of answers."""

    content_type: str
    write: Callable[[TapResult], bytes]


_VOTABLE = Format(f"{VOTABLE_TYPE};charset=UTF-8", votable)

#: What ESA's services give; another format is refused.
ESA_FORMATS: Mapping[str, Format] = {
    "votable": _VOTABLE,
    "json": Format("application/json", esa_json),
    "csv": Format("text/csv", csv_text),
}

#: What services of the CXC give; another format is taken for the first one.
CXC_FORMATS: Mapping[str, Format] = {"votable": _VOTABLE, "text": Format("text/plain", cxc_text)}


@dataclass(slots=True)
class _Job:
    parameters: dict[str, str]
    phase: str = "PENDING"
    answer: Outgoing | None = None


@dataclass(slots=True)
class TapService:
    """Answers requests below ``<path>/``.

    Parameters
    ----------
    path : str
        Such as ``/tap-server/tap``.
    engine : callable
        Gives the tables as they are now.
    formats : mapping of str to Format
    lenient : bool
        An unknown format is no error.
    redirects : bool
        The answer to a query is 303 to the address of its rows.
    column_attributes : mapping of str to str
        What the document of tables says of every column besides.
    """

    path: str
    engine: Callable[[], TapEngine]
    formats: Mapping[str, Format]
    lenient: bool = False
    redirects: bool = False
    column_attributes: Mapping[str, str] = field(default_factory=dict)
    _results: dict[str, Outgoing] = field(default_factory=dict)
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer to a request."""
        rest = request.path.removeprefix(self.path).strip("/").split("/")
        parameters = _parameters(request)
        if rest == ["sync"]:
            return self._sync(request, parameters)
        if rest[:2] == ["sync", "result"] and len(rest) == 3:
            return self._results.get(rest[2], Outgoing.text("no such result", 404))
        if rest == ["tables"]:
            document = vosi.tableset(self.engine().tables, attributes=self.column_attributes)
            return Outgoing(200, {"Content-Type": vosi.XML_TYPE}, document)
        if rest == ["capabilities"]:
            engine = self.engine()
            limits = {"default_rows": engine.default_rows, "hard_rows": engine.hard_rows}
            document = vosi.capabilities(request.base_url + self.path, **limits)
            return Outgoing(200, {"Content-Type": vosi.XML_TYPE}, document)
        if rest[0] == "async":
            return self._asynchronous(request, rest[1:], parameters)
        return Outgoing.text("<html><body><h1>404 Not Found</h1></body></html>", 404, "text/html")

    def _sync(self, request: Incoming, parameters: Mapping[str, str]) -> Outgoing:
        answer = self._queried(request, parameters)
        if not self.redirects or answer.status != 200:
            return answer
        identifier = f"r{next(self._numbers)}"
        with self._lock:
            _remember(self._results, identifier, answer)
        return Outgoing(303, {"Location": f"{request.base_url}{self.path}/sync/result/{identifier}"})

    def _queried(self, request: Incoming, parameters: Mapping[str, str]) -> Outgoing:
        try:
            wanted = self._format(parameters)
            if parameters.get("REQUEST", "doQuery") != "doQuery" or "QUERY" not in parameters:
                raise TapRefusedError("REQUEST=doQuery and QUERY are wanted")
            if not parameters.get("LANG", "ADQL").upper().startswith("ADQL"):
                raise TapRefusedError(f"unknown LANG {parameters['LANG']}")
            maxrec = parameters.get("MAXREC", "")
            if maxrec and not maxrec.isdigit():
                raise TapRefusedError(f"MAXREC is not a number: {maxrec}")
            result = self.engine().query(parameters["QUERY"], int(maxrec) if maxrec else None)
        except TapRefusedError as refusal:
            return Outgoing(400, {"Content-Type": _VOTABLE.content_type}, votable_error(str(refusal)))
        result = spoiled_result(result, request, schema="tap_schema.columns" in parameters["QUERY"].lower())
        return Outgoing(200, {"Content-Type": wanted.content_type}, wanted.write(result))

    def _format(self, parameters: Mapping[str, str]) -> Format:
        name = parameters.get("RESPONSEFORMAT", parameters.get("FORMAT", "votable")).lower()
        for known, wanted in self.formats.items():
            if name.startswith(known) or wanted.content_type.partition(";")[0] in name:
                return wanted
        if self.lenient:
            return _VOTABLE
        raise TapRefusedError(f"unknown FORMAT {name}")

    def _asynchronous(self, request: Incoming, rest: list[str], parameters: dict[str, str]) -> Outgoing:
        here = f"{request.base_url}{self.path}/async"
        with self._lock:
            if not rest:
                identifier = f"j{next(self._numbers)}"
                _remember(self._jobs, identifier, _Job(parameters))
                self._run(self._jobs[identifier], request, parameters)
                return Outgoing(303, {"Location": f"{here}/{identifier}"})
            identifier, *what = rest
            job = self._jobs.get(identifier)
            if job is None:
                return Outgoing.text("no such job", 404)
            if request.method == "DELETE" or parameters.get("ACTION") == "DELETE":
                del self._jobs[identifier]
                return Outgoing(303, {"Location": here})
            if request.method == "POST":
                job.parameters |= parameters
                self._run(job, request, parameters)
                return Outgoing(303, {"Location": f"{here}/{identifier}"})
            phase = _advanced(job)
            if what == ["phase"]:
                return Outgoing.text(phase)
            if what in (["results", "result"], ["error"]) and job.answer is not None:
                return job.answer if phase in ("COMPLETED", "ERROR") else Outgoing.text("not yet", 404)
            result = f"{here}/{identifier}/results/result" if phase == "COMPLETED" else ""
            error = "the query failed, see error" if phase == "ERROR" else ""
            document = vosi.job(identifier, phase, job.parameters, result=result, error=error)
        return Outgoing(200, {"Content-Type": vosi.XML_TYPE}, document)

    def _run(self, job: _Job, request: Incoming, parameters: Mapping[str, str]) -> None:
        if parameters.get("PHASE") == "RUN":
            job.answer, job.phase = self._queried(request, job.parameters), "QUEUED"


def _advanced(job: _Job) -> str:
    """Return the phase of a job, which is over when it was asked for twice."""
    shown = job.phase
    if shown == "QUEUED":
        job.phase = "EXECUTING"
    elif shown == "EXECUTING" and job.answer is not None:
        job.phase = "COMPLETED" if job.answer.status == 200 else "ERROR"
    return shown


def _parameters(request: Incoming) -> dict[str, str]:
    """Return the parameters of a request, whose names are the same in upper and lower case."""
    return {name.upper(): value for name, value in request.form.items()}


def _remember(store: dict[str, Any], key: str, value: Any) -> None:
    store[key] = value
    while len(store) > _KEPT:
        del store[next(iter(store))]


def spoiled_result(result: TapResult, request: Incoming, *, schema: bool = False) -> TapResult:
    """Return rows with what is to go wrong with them; ``schema``: rows that describe columns."""
    if not request.faults:
        return result
    names = [column.name for column in result.columns]
    if schema and "column_name" in names:
        return replace(result, rows=_other_columns(result.rows, names.index("column_name"), request))
    known = {column.name: column for column in result.columns}
    for one in request.faults:
        name = str(one.get("column", ""))
        if one.kind == "type_change" and name in known:
            known[name] = replace(known[name], datatype="long" if known[name].votable_type == "char" else "char")
        if one.kind == "rename_column" and name in known:
            to = str(one.get("to", f"{name}_2"))
            known[to] = replace(known[name], name=to)
    rows = spoiled([dict(zip(names, row, strict=True)) for row in result.rows], request)
    kept = list((rows or spoiled([dict.fromkeys(names)], request) or [dict.fromkeys(names)])[0])
    columns = tuple(known.get(name, TapColumn(name)) for name in kept)
    cut = result.overflow or request.fault("overflow") is not None
    return TapResult(columns, [tuple(row[name] for name in kept) for row in rows], cut)


def _other_columns(rows: list[tuple[Any, ...]], place: int, request: Incoming) -> list[tuple[Any, ...]]:
    for one in request.faults:
        name = str(one.get("column", ""))
        if one.kind == "rename_column":
            to = str(one.get("to", f"{name}_2"))
            rows = [(*row[:place], to, *row[place + 1 :]) if row[place] == name else row for row in rows]
        elif one.kind == "drop_column":
            rows = [row for row in rows if row[place] != name]
    return rows
