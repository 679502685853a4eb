"""The archives of a run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hstlc.archives.registry import archives
from hstlc.config import Settings, load
from hstlc.errors import UsageError
from hstlc.pipeline.sources import open_sources


def settings(home: Path, **environ: str) -> Settings:
    return load(None, {"HSTLC_HOME_DIR": str(home), **environ})


def test_those_that_are_enabled_are_opened(tmp_path):
    chosen = {f"HSTLC_ARCHIVES__{name.upper()}__ENABLED": "true" for name in ("cda", "xsa")}
    assert list(open_sources(settings(tmp_path, **chosen))) == ["cda", "mast", "xsa"]


def test_those_that_are_named_are_opened_enabled_or_not(tmp_path):
    assert list(open_sources(settings(tmp_path), ("xsa",))) == ["xsa"]
    assert list(open_sources(settings(tmp_path), tuple(archives()))) == sorted(archives())


def test_an_unknown_archive_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError) as caught:
        open_sources(settings(tmp_path), ("mast", "mats"))
    assert caught.value.code == "usage.unknown-source"


def test_all_ask_through_one_http_that_ends_with_the_process(tmp_path):
    stop = threading.Event()
    opened = open_sources(settings(tmp_path), tuple(archives()), stop=stop)
    (http,) = {id(archive.http): archive.http for archive in opened.values()}.values()
    assert http.stop is stop


def test_each_host_is_asked_as_politely_as_its_section_says(tmp_path, monkeypatch):
    from hstlc.archives.http import Http

    limits: dict[str, tuple[int, float]] = {}
    monkeypatch.setattr(Http, "limit", lambda _, host, most, spacing: limits.update({host: (most, spacing)}))
    chosen = {"HSTLC_ARCHIVES__MAST__CONCURRENCY": "1", "HSTLC_ARCHIVES__MAST__SPACING": "3 s"}
    open_sources(settings(tmp_path, **chosen), ("mast",))
    assert limits
    assert set(limits.values()) == {(1, 3.0)}
    assert all("/" not in host for host in limits)
