"""A site under attack: requests straight into the application, and a watch on what it opens and changes meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from hostile_requests import Hostile
from sqlalchemy import Engine, MetaData, select

from hstlc.db.engine import reading

__all__ = ["Answer", "Asked", "asked", "opened_outside", "rows_and_files"]

PATIENCE_S = 120.0
ROOT = Path(__file__).parents[2]

#: What only reads and belongs to nobody's data: the interpreter, packages, our own package, time zones.
_LIBRARY = tuple(
    str(Path(folder).resolve()) + os.sep
    for folder in {sys.prefix, sys.base_prefix, str(ROOT / "hstlc"), "/usr/share/zoneinfo", "/usr/lib/python3", "/sys"}
)
_DEVICES = frozenset({"/dev/null", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo"})
_CHANGES = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate"}
)
_LOOKS = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect"})
_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"})


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def names(self) -> set[bytes]:
        return {name.lower() for name, _ in self.headers}

    def header(self, wanted: bytes) -> bytes:
        return next((value for name, value in self.headers if name.lower() == wanted), b"")


class Asked:
    """An application that runs, without a server."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def ask(self, request: Hostile) -> Answer:
        """Send a request as a server would hand it on."""
        path, _, query = request.target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [*(pair for pair in _HEADERS if pair[0] not in dict(request.headers)), *request.headers],
            "client": ("127.0.0.1", 4711),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        parts = list(request.body) or [b""]
        got: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not parts:
                await asyncio.Event().wait()  # the client stays, and says nothing more
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: dict[str, Any]) -> None:
            got.append(message)

        await asyncio.wait_for(self.app(scope, receive, send), PATIENCE_S)
        assert got, request
        assert got[0]["type"] == "http.response.start", request
        body = b"".join(message.get("body", b"") for message in got[1:])
        return Answer(got[0]["status"], tuple(got[0]["headers"]), body)


_HEADERS = ((b"host", b"127.0.0.1:8000"), (b"user-agent", b"test"))


@asynccontextmanager
async def asked(app: FastAPI) -> AsyncIterator[Asked]:
    """Start an application and stop it."""
    async with app.router.lifespan_context(app):
        yield Asked(app)


def rows_and_files(engine: Engine, home: Path) -> dict[str, str]:
    """Return the digests of all tables but ``audit``, and of all files but the database's and logs."""
    found: dict[str, str] = {}
    metadata = MetaData()
    metadata.reflect(engine)
    with reading(engine) as connection:
        for table in metadata.sorted_tables:
            if table.name != "audit":
                rows = sorted(map(repr, connection.execute(select(table))))
                found[f"table {table.name}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.is_file() and not name.startswith(("hstlc.db", "logs" + os.sep)):
            found[name] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


_watching: list[tuple[str, list[str]]] = []
_hooked = False


@contextmanager
def opened_outside(home: Path) -> Iterator[list[str]]:
    """Collect what is opened outside a data tree, changed anywhere, or run, as far as Python sees it."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_look)  # for the rest of the process: there is no way back
        _hooked = True
    found: list[str] = []
    _watching.append((str(home.resolve()), found))
    try:
        yield found
    finally:
        _watching.pop()


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    home, found = _watching[-1]
    if event in _PROGRAMS:
        found.append(f"{event} {arguments!r}"[:500])
    elif event in _LOOKS or event in _CHANGES:
        if not isinstance(arguments[0], str | bytes | os.PathLike):
            return  # a file that is open already
        path = os.fsdecode(arguments[0]).removeprefix("file:").partition("?")[0]
        path = os.path.realpath(path)
        flags = arguments[2] if event == "open" and isinstance(arguments[2], int) else 0
        writes = event in _CHANGES or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        looks_for_modules = event == "os.listdir" and path in map(os.path.realpath, sys.path)
        if not looks_for_modules and not _allowed(path, home, writes):
            found.append(f"{event} {'for writing ' if writes else ''}{path}"[:500])


def _allowed(path: str, home: str, writes: bool) -> bool:
    if path in _DEVICES or "__pycache__" in path or path.startswith("/dev/shm/pym-"):
        return True  # the last one: what processes of a pool share
    if path == home or path.startswith(home + os.sep):
        own = path.removeprefix(home + os.sep)
        return not writes or own.startswith(("hstlc.db", "logs"))
    return not writes and path.startswith(_LIBRARY)
