"""Clients that ask now and then, as people do: ``python load.py HOST PORT CLIENTS EVERY_S SECONDS``, paths on stdin.

Each client asks once in ``EVERY_S`` seconds, over a connection that it keeps, for a path drawn from those given.
JSON comes out: requests, what went wrong, and times of answers. Only for servers of this machine.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Load", "ask_once", "quantile", "start_load"]

PATIENCE_S = 60.0


@dataclass
class Load:
    """What clients saw."""

    asked: int = 0
    errors: list[str] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that ``part`` of all are below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def start_load(
    address: tuple[str, int], paths: Sequence[str], *, clients: int, every_s: float, seconds: float
) -> "subprocess.Popen[str]":
    """Start clients as a process of their own; ``Load(**json.loads(...))`` of what it prints tells how it went."""
    command = [sys.executable, str(Path(__file__).resolve()), *address[:1], str(address[1])]
    command += [str(clients), str(every_s), str(seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write("\n".join(paths))
    process.stdin.close()
    process.stdin = None  # communicate() would close it again
    return process


async def load(host: str, port: int, paths: Sequence[str], *, clients: int, every_s: float, seconds: float) -> Load:
    """Ask for a while."""
    found = Load()
    end = time.monotonic() + seconds
    await asyncio.gather(*(_client(host, port, paths, i, every_s, end, found) for i in range(clients)))
    return found


async def _client(
    host: str, port: int, paths: Sequence[str], number: int, every_s: float, end: float, found: Load
) -> None:
    rng = random.Random(number)
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    await asyncio.sleep(rng.random() * every_s)
    while time.monotonic() < end:
        path, began = rng.choice(paths), time.monotonic()
        found.asked += 1
        try:
            for attempt in (1, 2):
                fresh = streams is None or streams[1].is_closing()
                try:
                    if fresh or streams is None:
                        streams = await asyncio.open_connection(host, port, limit=2**20)
                    status = await asyncio.wait_for(ask_once(*streams, path), PATIENCE_S)
                    break
                except (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError):
                    streams = None
                    if fresh or attempt == 2:  # only a connection that was kept may have ended meanwhile
                        raise
            if status >= 400:
                found.errors.append(f"{status} {path}")
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            found.errors.append(f"{type(error).__name__} {error} {path}")
            streams = None
        taken = time.monotonic() - began
        found.times_s.append(taken)
        await asyncio.sleep(max(0.0, every_s - taken))
    if streams is not None:
        streams[1].close()


async def ask_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    """Ask over a connection that stays open; return the status of the whole answer."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    if headers.get("transfer-encoding") == "chunked":
        while length := int(await reader.readline(), 16):
            await reader.readexactly(length + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(headers.get("content-length", "0")))
    if headers.get("connection") == "close":
        writer.close()
    return int(head[0].split()[1])


if __name__ == "__main__":
    host, port, clients, every_s, seconds = sys.argv[1:]
    assert host == "127.0.0.1"
    paths = sys.stdin.read().split("\n")
    ended = asyncio.run(
        load(host, int(port), paths, clients=int(clients), every_s=float(every_s), seconds=float(seconds))
    )
    print(json.dumps(asdict(ended)))
