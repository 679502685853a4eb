"""Requests that mean harm: the same ones for a seed, over every route of an application."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from hostile_values import HEADERS, HUGE, NUMBERS, SQL, STATEMENTS, TEXTS, TRAVERSALS

__all__ = ["Address", "Hostile", "addresses", "hostile_requests"]

METHODS = (
    "GET",
    "GET",
    "GET",
    "HEAD",
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "BREW",
)
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True)
class Address:
    """A route: its path with the names of its parameters, its methods, and the parameters that it declares."""

    path: str
    methods: frozenset[str]
    parameters: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hostile:
    """A request as it goes over the wire."""

    kind: str
    route: str
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: tuple[bytes, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        sent = b"".join(self.body)
        return f"{self.kind}: {self.method} {self.target[:200]!r} of {self.route}, {self.headers}, {sent[:300]!r}"


def addresses(app: FastAPI) -> list[Address]:
    """Return all routes of an application, those of included routers too."""

    def walk(routes: Iterable[Any]) -> Iterator[Address]:
        for route in routes:
            if hasattr(route, "effective_candidates"):  # FastAPI from 0.140 on keeps routers as they are
                yield from walk(route.effective_candidates())
                yield from walk(route.effective_low_priority_routes())
                continue
            dependant = getattr(route, "dependant", None)
            names, fields = _declared(dependant) if dependant is not None else ((), ())
            if not hasattr(route, "path"):
                route = route.starlette_route
            path = route.path if getattr(route, "methods", None) else f"{route.path}/{{path:path}}"  # a mount
            yield Address(path, frozenset(getattr(route, "methods", None) or {"GET"}), names, fields)

    return sorted(set(walk(app.routes)), key=lambda address: (address.path, sorted(address.methods)))


def _declared(dependant: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = {one.alias for one in dependant.query_params}
    fields: set[str] = set()
    for one in dependant.body_params:
        annotation = getattr(one.field_info, "annotation", None)
        fields |= set(getattr(annotation, "model_fields", {})) or {one.alias}
    for child in dependant.dependencies:
        more, further = _declared(child)
        names |= set(more)
        fields |= set(further)
    return tuple(sorted(names)), tuple(sorted(fields))


def hostile_requests(
    routes: Sequence[Address],
    number: int,
    *,
    seed: int,
    known: Mapping[str, Sequence[str]],
    names: Sequence[str],
    token: str = "",
) -> Iterator[Hostile]:
    """Return requests.

    Parameters
    ----------
    routes : sequence of Address
        Each is asked about equally often.
    number : int
    seed : int
    known : mapping of str to sequence of str
        For parameters of paths, what exists: with it a request gets as far as it can.
    names : sequence of str
        Parameters that routes may read without declaring them.
    token : str
        Of a user, for SQL.
    """
    make = _Maker(random.Random(seed), known, names, token)
    for i in range(number):
        yield make.request(routes[i % len(routes)])


class _Maker:
    def __init__(
        self, rng: random.Random, known: Mapping[str, Sequence[str]], names: Sequence[str], token: str
    ) -> None:
        self.rng, self.known, self.names, self.token = rng, known, names, token

    def request(self, route: Address) -> Hostile:
        writes = bool(route.methods & {"POST", "PUT", "PATCH", "DELETE"})
        kinds = ["path", "query", "query", "query", "repeated", "header", "method", "huge", "many"]
        kinds += ["body", "body", "body", "stream"] if writes else ["body"]
        return getattr(self, f"_{(kind := self.rng.choice(kinds))}")(route, kind)

    def _value(self, *lists: Sequence[str]) -> str:
        return self.rng.choice(self.rng.choice(lists or (TRAVERSALS, SQL, NUMBERS, TEXTS)))

    def _path(self, route: Address, kind: str) -> Hostile:
        return self._made(kind, route, path=self._filled(route, True))

    def _query(self, route: Address, kind: str) -> Hostile:
        chosen = self._parameters(route)
        return self._made(
            kind, route, [(name, self._value(SQL, NUMBERS, NUMBERS, TEXTS, TRAVERSALS)) for name in chosen]
        )

    def _repeated(self, route: Address, kind: str) -> Hostile:
        name = self._parameters(route)[0]
        pairs = [(name, self._value()) for _ in range(self.rng.choice((2, 3, 30)))]
        return self._made(kind, route, [*pairs, (name + "[]", "1"), (name.upper(), "1"), ("", "x")])

    def _many(self, route: Address, kind: str) -> Hostile:
        chosen = (*route.parameters, *self.rng.sample(self.names, min(20, len(self.names))))
        return self._made(kind, route, [(name, self._value(NUMBERS, TEXTS, SQL)) for name in chosen][:60])

    def _huge(self, route: Address, kind: str) -> Hostile:
        if self.rng.random() < 0.3:
            return self._made(kind, route, [(f"p{i}", "1") for i in range(self.rng.choice((500, 3000)))])
        return self._made(kind, route, [(self._parameters(route)[0], self._value(HUGE))])

    def _header(self, route: Address, kind: str) -> Hostile:
        return self._made(kind, route, headers=tuple(self.rng.sample(HEADERS, self.rng.choice((1, 1, 2, 4)))))

    def _method(self, route: Address, kind: str) -> Hostile:
        return self._made(kind, route, [("q", "x")], method=self.rng.choice(METHODS))

    def _body(self, route: Address, kind: str) -> Hostile:
        json_type = (b"content-type", b"application/json")
        form_type = (b"content-type", b"application/x-www-form-urlencoded")
        fields = (
            *route.fields,
            "sql",
            "kind",
            "token",
            "newBinsize",
            "sourceName",
            "observationID",
            "instrument",
            "arguments",
        )
        values = [self._plain() for _ in fields]
        whole = dict(zip(fields, values, strict=True))
        form = "&".join(f"{name}={quote(str(value).encode('utf-8', 'surrogatepass'))}" for name, value in whole.items())
        choices: list[tuple[tuple[bytes, bytes], bytes]] = [
            (json_type, json.dumps(whole).encode()),
            (json_type, json.dumps(whole).encode()),
            (json_type, json.dumps(dict([self.rng.choice(list(whole.items()))])).encode()),
            (json_type, json.dumps(whole, ensure_ascii=False).encode("utf-16", "surrogatepass")),
            (
                json_type,
                self.rng.choice((b"", b"{", b"null", b"[]", b"1", b'"x"', b"NaN", b"\xff\xfe", b"{}" * 100, b"\0")),
            ),
            (json_type, b"[" * 40_000),
            (json_type, b'{"a":' * 15_000),
            (json_type, b'{"sql": ' + b"9" * 5000 + b', "newBinsize": 1e999, "kind": ' + b"-" * 10 + b"}"),
            (json_type, b'{"sql":"SELECT 1","sql":"DROP TABLE stats","newBinsize":NaN}'),
            (json_type, b" " * 120_000),
            (form_type, form.encode()),
            (form_type, b"token=%ff%fe&token=&&&=;%00&" + b"a=b&" * 2000),
            ((b"content-type", b"multipart/form-data; boundary=x"), _MULTIPART),
            ((b"content-type", b"text/xml"), b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
            ((b"content-type", b"application/octet-stream"), bytes(range(256)) * 20),
        ]
        header, body = self.rng.choice(choices)
        headers = (header, *self._authorized(route))
        return self._made(kind, route, method=self._writing(route), headers=headers, body=(body,))

    def _stream(self, route: Address, kind: str) -> Hostile:
        chunk = b'{"a":"' + b"x" * 8000
        headers = ((b"content-type", b"application/json"), (b"transfer-encoding", b"chunked"))
        return self._made(kind, route, method=self._writing(route), headers=headers, body=(chunk,) * 40)

    def _plain(self) -> Any:
        odd: tuple[Any, ...] = (
            None,
            True,
            [],
            {},
            [[[]]],
            {"a": {"b": []}},
            -1,
            0,
            10**30,
            1e308,
            "\ud800",
            "x\0y",
            "\uffff",
        )
        return self.rng.choice(
            (*odd, self._value(STATEMENTS), self._value(), self._value(HUGE), float("nan"), "5", "1")
        )

    def _authorized(self, route: Address) -> tuple[tuple[bytes, bytes], ...]:
        """Let what only reads be asked as a user half of the time; what makes rows would rightly make them."""
        if self.token and route.path.endswith("/sql") and self.rng.random() < 0.5:
            return ((b"authorization", b"Bearer " + self.token.encode()),)
        return ()

    def _writing(self, route: Address) -> str:
        writing = sorted(route.methods & {"POST", "PUT", "PATCH", "DELETE"})
        return self.rng.choice(writing or ["POST", "PUT"])

    def _parameters(self, route: Address) -> list[str]:
        mine = list(route.parameters)
        others = self.rng.sample(self.names, min(2, len(self.names)))
        self.rng.shuffle(mine)
        return (mine[: self.rng.choice((1, 2, 3))] or others) + (others if self.rng.random() < 0.2 else [])

    def _filled(self, route: Address, hostile: bool) -> str:
        def value(match: re.Match[str]) -> str:
            if hostile and self.rng.random() < 0.85:
                return _escaped(self._value(TRAVERSALS, TRAVERSALS, SQL, NUMBERS, TEXTS, HUGE))
            return quote(self.rng.choice(self.known.get(match[1]) or ["x"]), safe="")

        path = _PARAMETER.sub(value, route.path)
        if hostile and "{" not in route.path:
            path = path.rstrip("/") + "/" + _escaped(self._value(TRAVERSALS, TEXTS, NUMBERS))
        return path

    def _made(
        self,
        kind: str,
        route: Address,
        pairs: Sequence[tuple[str, str]] = (),
        *,
        path: str = "",
        method: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        body: tuple[bytes, ...] = (),
    ) -> Hostile:
        path = path or self._filled(route, False)
        query = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in pairs)
        target = (path + ("?" + query if query else "")).encode("ascii")
        readable = sorted(route.methods & {"GET", "HEAD"})
        return Hostile(
            kind, route.path, method or self.rng.choice(readable or sorted(route.methods)), target, headers, body
        )


def _escaped(value: str) -> str:
    """Return a value for an address: what is escaped already, and signs that servers stumble over, stay."""
    return quote(value.encode("utf-8", "surrogatepass"), safe="%/\\.:;*'\"<>{}()[]$,=@!~|^")


_MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="token"; filename="../../../../tmp/evil"\r\n\r\nx\r\n'
    b'--x\r\nContent-Disposition: form-data; name="sql"\r\nContent-Length: 99999999\r\n\r\n\xff\r\n' * 50
)
