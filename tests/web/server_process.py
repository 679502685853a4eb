"""Servers as processes of their own, for tests: started, asked, stopped."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

HSTLC = Path(sys.executable).parent / "hstlc"
PATIENCE_S = 60.0


@contextmanager
def server(home: Path, *arguments: str, **keys: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start ``hstlc serve ARGUMENTS``; whatever is left of it at the end of the block is killed."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("HSTLC_")}
    own = {"HSTLC_HOME_DIR": str(home), "HSTLC_WEB__REQUESTS_PER_SECOND": "0"}
    own |= {f"HSTLC_WEB__{name}".upper(): text for name, text in keys.items()}
    command = [str(HSTLC), "serve", *(arguments or ("--port", "0"))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**plain, **own})
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        yield process, found[0].rstrip("/") if found else ""
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait(PATIENCE_S)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a server; return its exit code and what it said was wrong."""
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def port_of(address: str) -> str:
    return address.rpartition(":")[2]


def until_it_answers(address: str) -> httpx2.Response:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return httpx2.get(f"{address}/static/web.css")
        except httpx2.TransportError:
            assert time.monotonic() < end, "it never answers"
            time.sleep(0.05)
