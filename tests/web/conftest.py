"""Servers over copies of the demonstration store, for all tests of pages and interfaces."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from archive_demo import copied
from starlette.testclient import TestClient

from hstlc.config import Settings, load
from hstlc.web.app import create_app

HSTLC = Path(sys.executable).parent / "hstlc"


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Run a server over a data tree; gives its address."""
    environ = {**os.environ, "HSTLC_HOME_DIR": str(home), "HSTLC_WEB__REQUESTS_PER_SECOND": "0"}
    command = [str(HSTLC), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            yield found[0].rstrip("/")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.fixture
def site_home(demo_home: Path, tmp_path: Path) -> Path:
    """A copy of that data tree with a database of its own; the files are links."""
    return copied(demo_home, tmp_path / "site")


@pytest.fixture
def site_settings(site_home: Path) -> Settings:
    return load(None, {"HSTLC_HOME_DIR": str(site_home), "HSTLC_WEB__REQUESTS_PER_SECOND": "0"})


@pytest.fixture
def client(site_settings: Settings) -> Iterator[TestClient]:
    """A client of the application in this process."""
    with TestClient(create_app(site_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def served(site_home: Path) -> Iterator[str]:
    """Address of a server of its own, a process."""
    with serving(site_home) as address:
        yield address


@pytest.fixture(scope="module")
def shared_server(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that all tests of a module use: they look and change nothing."""
    with serving(copied(demo_home, tmp_path_factory.mktemp("shared") / "site")) as address:
        yield address
