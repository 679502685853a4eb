"""The two reset scripts do what ``hstlc db reset`` and ``hstlc files reset`` do, and ask like them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import make_url

from hstlc.db.engine import make_engine
from hstlc.testing.cos import CosExposure, Scene, write_exposure
from hstlc.testing.databases import content

SCRIPTS = Path(__file__).parents[2] / "scripts"
FLAG = "--i-know-this-deletes-production"


@pytest.fixture
def filled_home(
    hstlc: Callable[..., Result], home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """A data tree with a good and a rejected exposure."""
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", database_url)
    source = tmp_path / "archive"
    source.mkdir()
    for rootname, flag in (("lsim00aaq", "NORMAL"), ("lbad00aaq", "FAILED")):
        exposure = CosExposure(rootname=rootname, exptime_s=40.0, expflag=flag)
        write_exposure(source, exposure, Scene(20.0, 1.0), x1d=False)
    assert hstlc("ingest", "-q", source).exit_code == 0
    return home


def _run(script: str, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(SCRIPTS / script), *arguments]
    return subprocess.run(program, input=answer, capture_output=True, text=True, check=False)


def _rows(url: str) -> dict[str, int]:
    engine = make_engine(url)
    rows = {name: len(rows) for name, rows in content(engine).items() if name in ("metadata", "stats", "bad_data")}
    engine.dispose()
    return rows


def test_reset_database(filled_home: Path, database_url: str) -> None:
    full = {"metadata": 1, "stats": 2, "bad_data": 1}
    assert _rows(database_url) == full
    assert _run("reset_database.py", "--yes").returncode == 2  # production is meant, and needs its flag
    refused = _run("reset_database.py", FLAG, answer="n\n")
    assert refused.returncode == 1
    assert "Reset production of" in refused.stdout
    assert _rows(database_url) == full
    assert _run("reset_database.py", "stats", answer="y\n").returncode == 0
    assert _rows(database_url) == full | {"stats": 0}
    assert _run("reset_database.py", FLAG, answer="y\n").returncode == 0
    assert _rows(database_url) == {"metadata": 0, "stats": 0, "bad_data": 1}
    assert _run("reset_database.py", "all", "--yes", FLAG).returncode == 0
    assert set(_rows(database_url).values()) == {0}


def test_reset_filesystem(filled_home: Path) -> None:
    def names(folder: str) -> list[str]:
        return [path.name for path in (filled_home / folder).rglob("*") if path.is_file()]

    assert _run("reset_filesystem.py", "--yes").returncode == 2
    assert _run("reset_filesystem.py", FLAG, answer="n\n").returncode == 1
    composite = "hlsp_hstlc_hst_cos-fuv_sim-constant_g130m_1291_psa_v1_sci.fits"
    assert sorted(names("outputs")) == [composite, "lsim00aaq_curve.fits"]
    assert _run("reset_filesystem.py", FLAG, answer="y\n").returncode == 0
    assert (names("filesystem"), names("outputs")) == ([], [])
    assert names("ingest") == ["lsim00aaq_corrtag_a.fits"]
    assert names("bad_data") == ["lbad00aaq_corrtag_a.fits"]


def test_no_password_is_printed(
    hstlc: Callable[..., Result], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(postgres_url)
    secret = url.set(username=url.username or "postgres", password="c4nary").render_as_string(hide_password=False)
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", secret)
    assert hstlc("db", "upgrade").exit_code == 0
    done = _run("reset_database.py", "stats", answer="n\n")
    assert ":***@" in done.stdout
    assert "c4nary" not in done.stdout + done.stderr


@pytest.mark.parametrize("script", ["reset_database.py", "reset_filesystem.py"])
def test_they_can_be_run_and_explain_themselves(script: str) -> None:
    assert os.access(SCRIPTS / script, os.X_OK)
    done = _run(script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {script}")
    assert FLAG in done.stdout
