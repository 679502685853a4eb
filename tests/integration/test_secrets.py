"""Secrets planted in configuration, addresses and headers appear nowhere, whatever archives do with them."""

from __future__ import annotations

import gzip
import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from click.testing import CliRunner
from simulated import ARCHIVES

from hstlc import logs
from hstlc.archives.base import Archive, Page, Stream, Window
from hstlc.cli.main import cli
from hstlc.config import load
from hstlc.db.engine import make_engine, normalize_url
from hstlc.errors import HstlcError
from hstlc.pipeline.sources import open_sources
from hstlc.testing.archive import Fault, Incoming, Outgoing, StandIn, World
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.scenarios import EARLY, add_hst
from hstlc.testing.archive.xray_files import ChandraExposure, EpicExposure
from hstlc.testing.archive.xray_worlds import add_chandra, add_detection, add_epic
from hstlc.testing.databases import KINDS, content, fresh_database

TOKEN, USER, PASSWORD = "canarytoken5f1e77", "canaryuser", "canaryword&91 c3/e"
PROXY, DATABASE, READER = "canaryproxy4d20aa", "canarydb77e1f0", "canaryreader0c9b"
SESSION, LOCATION = "canarysession2b6d", "canarylocation8e3a"
CANARIES = (TOKEN, PASSWORD, PROXY, DATABASE, READER, SESSION, LOCATION)
SPELLINGS = sorted({text for one in CANARIES for text in (one, quote(one), quote(one, safe=""), one.replace("&", "+"))})
TARGET = "SIM-STAR"


class Gossip(StandIn):
    """Gives everybody a cookie, and repeats what it was told: in answers, and in why it gives none."""

    def answer_to(self, request: Incoming) -> Outgoing:
        answer = super().answer_to(request)
        answer.headers["Set-Cookie"] = f"JSESSIONID={SESSION}; Path=/; HttpOnly"
        told = [*request.headers.values(), *request.query.values()]
        if answer.status >= 400:
            lines = [f"{name}: {value}" for name, value in request.headers.items()]
            page = "\n".join([request.target, *told, *lines, f"Set-Cookie: JSESSIONID={SESSION}"])
            return Outgoing.text(page, answer.status)
        if answer.headers.get("Content-Type", "").startswith("application/json") and isinstance(answer.body, bytes):
            value = json.loads(answer.body)
            if isinstance(value, dict):
                answer.body = json.dumps({**value, "messages": told}).encode()
        return answer


@pytest.fixture
def gossip() -> Iterator[Gossip]:
    world = World()
    for number in range(3):
        add_hst(world, HstDataset(number, targname=TARGET, exptime_s=20.0), made=EARLY + timedelta(hours=number))
    add_epic(world, "0301730401", (EpicExposure("PN", "S", 3),), made=EARLY, target=TARGET)
    add_chandra(world, ChandraExposure(2798, target=TARGET), made=EARLY)
    source = ChandraExposure(7999, region=35)
    add_detection(world, "2CXO J000000.2+895400", source, made=EARLY, place=(0.001, 89.9))
    with Gossip(world) as stand_in:
        yield stand_in


def addressed(url: str, kind: str) -> str:
    """Return the address of a database with a secret in it: a password where that is taken."""
    if kind == "sqlite":
        return url
    parts = normalize_url(url)
    return parts.set(password=DATABASE).render_as_string(hide_password=False)


def _searched(archive: Archive[Any], stream: Stream, now: datetime) -> list[Page]:
    return list(archive.search(Window(stream.name, None, now)))


class Watched:
    """A data tree with secrets, the commands run on it, and all that they said."""

    def __init__(self, home: Path, url: str, gossip: Gossip) -> None:
        self.home, self.url, self.gossip = home, url, gossip
        self.said: dict[str, str] = {}
        self.codes: dict[str, int] = {}

    @property
    def environment(self) -> dict[str, str]:
        host = self.gossip.url.removeprefix("http://")
        return {
            **self.gossip.environment(ARCHIVES),
            "HSTLC_HOME_DIR": str(self.home),
            "HSTLC_DB_CONNECTION_STRING": self.url,
            "HSTLC_DB_READONLY_CONNECTION_STRING": f"postgresql://reader:{READER}@127.0.0.1:1/none",
            "HSTLC_MIN_FREE_SPACE": "1 B",
            "HSTLC_NUM_CORES": "1",
            "HSTLC_LOG_LEVEL": "DEBUG",
            "HSTLC_TARGETS__RESOLVER": "sesame",
            "HSTLC_ARCHIVES__MAST__TOKEN": TOKEN,
            "HSTLC_ARCHIVES__XSA__USER": USER,
            "HSTLC_ARCHIVES__XSA__PASSWORD": PASSWORD,
            "HSTLC_ARCHIVES__CDA__FILES_URL": f"http://me:{PROXY}@{host}/cdaftp/byobsid",
            "HSTLC_NETWORK__TRIES": "2",
            "HSTLC_NETWORK__BACKOFF": "0.01 s",
            "HSTLC_NETWORK__FAILURES_TO_PAUSE": "1000",
        }

    def run(self, *arguments: str, **environment: str) -> int:
        """Run a command, and keep what it says and what it raises."""
        name = f"{len(self.said)} {' '.join(arguments)}"
        result = CliRunner().invoke(cli, list(arguments), env={**self.environment, **environment})
        raised = "".join(traceback.format_exception(*result.exc_info)) if result.exc_info else ""
        self.said[name] = f"{result.output}\n{result.stderr}\n{raised}"
        self.codes[name] = result.exit_code
        assert result.exception is None or isinstance(result.exception, SystemExit), self.said[name]
        logs.close()
        return result.exit_code

    def everything(self, **environment: str) -> None:
        """Run all commands that ask archives."""
        self.run("poll", "-v", **environment)
        self.run("poll", "--full", "--json", **environment)
        self.run("fetch", "-v", "--retry", **environment)
        self.run("get", TARGET, "-v", "--no-plots", **environment)
        self.run("archive", "check", **environment)
        self.run("archive", "status", "--json", **environment)
        self.run("status", "--json", **environment)

    def call(self, name: str) -> None:
        """Ask every archive for everything by hand, and keep the errors."""
        archives = open_sources(load(None, self.environment))
        now = datetime.now(UTC)
        for archive in archives.values():
            for ask in (archive.columns, *(partial(_searched, archive, stream, now) for stream in archive.streams())):
                try:
                    ask()
                except HstlcError as error:
                    parts = (str(error), repr(error), error.hint, repr(error.context), repr(error.__reduce__()))
                    trace = "".join(traceback.format_exception(error))
                    self.said[f"{name} {archive.name} {len(self.said)}"] = "\n".join((*parts, trace))

    def traces(self) -> Iterator[tuple[str, str]]:
        """Yield everything that is left of it all, as text."""
        yield from self.said.items()
        for path in sorted(self.home.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                yield str(path.relative_to(self.home)), data.decode("latin-1")
                if path.suffix == ".gz":
                    yield f"{path.relative_to(self.home)} unpacked", gzip.decompress(data).decode("latin-1")
        engine = make_engine(self.url)
        try:
            yield from ((f"table {name}", repr(rows)) for name, rows in content(engine).items())
        finally:
            engine.dispose()
        settings = load(None, self.environment)
        yield "settings", f"{settings!r} {settings} {settings.archives!r}"

    def leaks(self) -> list[str]:
        """Return where a secret is, with what is around it."""
        return [
            f"{where}: ...{text[max(at - 80, 0) : at + 60]!r}"
            for where, text in self.traces()
            for secret in SPELLINGS
            if (at := text.find(secret)) >= 0
        ]


@pytest.fixture(params=KINDS)
def watched(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path, gossip: Gossip, caplog: pytest.LogCaptureFixture
) -> Iterator[Watched]:
    caplog.set_level(logging.DEBUG)
    with fresh_database(request.param, tmp_path) as url:
        yield Watched(home, addressed(url, request.param), gossip)


def assert_planted(watched: Watched) -> None:
    """Check that the archives were told the secrets, and told them on."""
    entries = watched.gossip.log.entries
    assert any(TOKEN in entry.headers.get("cookie", "") for entry in entries)
    assert any(entry.query.get("AIOPWD") == PASSWORD for entry in entries)
    assert any("cdaftp" in entry.path for entry in entries)
    assert {"me:" + PROXY} == {urlsplit(watched.environment["HSTLC_ARCHIVES__CDA__FILES_URL"]).netloc.split("@")[0]}


def test_no_secret_is_left_where_all_goes_well(watched):
    watched.run("config", "show")
    watched.run("selection", "add", "mine", "--source", "csc", "--ra", "0.001", "--dec", "89.9")
    watched.everything()
    watched.run("daemon", "--once", "-v")
    watched.run("status")
    assert_planted(watched)
    assert watched.leaks() == []
    assert [code for name, code in watched.codes.items() if " poll" in name or " fetch" in name] == [0, 0, 0]
    assert len(list((watched.home / "filesystem").rglob("*_corrtag_a.fits"))) == 3
    assert list((watched.home / "download").rglob("*.gz"))


REFUSALS = {
    "401": Fault("status", times=None, arguments={"code": 401}),
    "500": Fault("status", times=None, arguments={"code": 500}),
    "error_200": Fault("error_200", times=None, arguments={"body": f"ERROR for {TOKEN} with AIOPWD {PASSWORD}"}),
    "elsewhere": Fault(
        "redirect", times=None, arguments={"location": f"https://elsewhere.example/login?token={LOCATION}"}
    ),
    "named": Fault("redirect", times=None, arguments={"location": f"http://me:{LOCATION}@127.0.0.1:1/a"}),
    "reset": Fault("reset", times=None),
    "page": Fault("html_200", times=None),
}


@pytest.mark.parametrize("watched", ["sqlite"], indirect=True)
def test_no_secret_is_left_where_archives_refuse(watched):
    watched.run("poll")
    for name, fault in REFUSALS.items():
        watched.gossip.faults.clear()
        watched.gossip.faults.add(fault)
        watched.everything()
        watched.call(name)
    watched.run("daemon", "--once", "-v")
    assert_planted(watched)
    assert watched.leaks() == []
    assert any("elsewhere.example" in text for text in watched.said.values())
    assert sum(code != 0 for code in watched.codes.values()) > 10


@pytest.mark.parametrize("watched", ["sqlite"], indirect=True)
def test_no_secret_is_left_where_there_is_no_secure_connection(watched):
    host = watched.gossip.url.removeprefix("http://")
    secure = {
        "HSTLC_ARCHIVES__MAST__URL": f"https://me:{PROXY}@{host}",
        "HSTLC_ARCHIVES__XSA__TAP_URL": f"https://me:{PROXY}@{host}/tap-server/tap",
        "HSTLC_ARCHIVES__XSA__FILES_URL": f"https://me:{PROXY}@{host}/nxsa-sl/servlet/data-action-aio",
        "HSTLC_ARCHIVES__CDA__TAP_URL": f"https://me:{PROXY}@{host}/cxctap",
        "HSTLC_ARCHIVES__CSC__ENABLED": "false",
    }
    watched.everything(**secure)
    assert watched.leaks() == []
    assert any("no secure connection" in text for text in watched.said.values())


@pytest.mark.parametrize("watched", ["sqlite"], indirect=True)
def test_a_database_that_is_not_there_is_named_without_its_password(watched):
    nowhere = f"postgresql://writer:{DATABASE}@127.0.0.1:1/none"
    for command in (("poll",), ("daemon", "--once"), ("archive", "status")):
        assert watched.run(*command, HSTLC_DB_CONNECTION_STRING=nowhere) == 5
    watched.run("status", HSTLC_DB_CONNECTION_STRING=nowhere)
    assert watched.leaks() == []
    assert all("127.0.0.1" in text for text in watched.said.values())
