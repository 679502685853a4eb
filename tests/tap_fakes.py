"""An Http without network, for tests of archive clients: TAP over SQLite, and answers by address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from hstlc.archives.http import Http, Reply
from hstlc.errors import RejectedError
from hstlc.testing.archive.tap import Refused, TapEngine, TapRefusedError, TapTable
from hstlc.testing.archive.tap_formats import votable, votable_error


class FakeHttp:
    """Answers queries from tables, everything else from ``replies``, and notes what was asked."""

    def __init__(
        self,
        tables: Sequence[TapTable] = (),
        rows: Mapping[str, Iterable[tuple[Any, ...]]] | None = None,
        refused: Sequence[Refused] = (),
        hard_rows: int = 100_000,
    ) -> None:
        self.engine = TapEngine(tables, rows or {}, refused, hard_rows=hard_rows)
        self.replies: dict[str, bytes | Exception] = {}
        self.queries: list[str] = []
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def http(self) -> Http:
        return cast(Http, self)

    def post(self, url: str, *, data: Mapping[str, Any], answer: str) -> Reply:
        assert answer == "votable"
        assert url.endswith("/sync")
        self.queries.append(data["QUERY"])
        if url in self.replies:
            return self._reply(url)
        try:
            result = self.engine.query(data["QUERY"], int(data["MAXREC"]))
        except TapRefusedError as error:
            body = " ".join(votable_error(str(error)).decode().split())
            raise RejectedError("archive.rejected", f"{url}: status 400", status=400, body=body) from None
        return Reply(url, 200, {}, votable(result))

    def get(self, url: str, params: Mapping[str, str] | None = None, *, answer: str = "any") -> Reply:  # noqa: ARG002
        self.asked.append((url, dict(params or {})))
        key = "&".join([url, *(f"{name}={value}" for name, value in sorted((params or {}).items()))])
        return self._reply(key if key in self.replies else url)

    def head(self, url: str) -> Reply:
        reply = self._reply(url)
        return Reply(url, 200, {"Content-Length": str(len(reply.content))}, b"")

    def _reply(self, url: str) -> Reply:
        found = self.replies.get(url, RejectedError("archive.no-product", f"{url}: status 404", status=404))
        if isinstance(found, Exception):
            raise found
        return Reply(url, 200, {}, found)
