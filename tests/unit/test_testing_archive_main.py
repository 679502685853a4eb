"""The stand-in as a program, and the settings that lead to it."""

from __future__ import annotations

import re
import threading

import pytest

from hstlc.config import load
from hstlc.testing.archive import StandIn
from hstlc.testing.archive.__main__ import main
from hstlc.testing.archive.scenarios import first_run


def test_the_program_prints_what_points_a_configuration_at_it(capsys: pytest.CaptureFixture[str]) -> None:
    stop = threading.Event()
    stop.set()
    main([], stop)
    lines = capsys.readouterr().out.splitlines()
    assert all(re.fullmatch(r"export HSTLC_\w+=(\S+|'[^']+')", line) for line in lines)
    assert any(re.fullmatch(r"export HSTLC_ARCHIVES__MAST__URL=http://127\.0\.0\.1:\d+", line) for line in lines)


def test_its_environment_is_a_configuration_without_any_other_address() -> None:
    with StandIn(first_run()) as archive:
        settings = load(environ={"HSTLC_HOME_DIR": "/nowhere", **archive.environment(("xsa", "csc", "cda"))})
        url = archive.url
    assert set(settings.archives) == {"cda", "csc", "mast", "xsa"}
    for section in (*settings.archives.values(), settings.targets):
        urls = [value for value in section.model_dump().values() if str(value).startswith("http")]
        assert urls
        assert all(value.startswith(url) for value in urls)
    assert all(section.enabled for section in settings.archives.values())
