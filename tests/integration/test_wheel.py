"""The built wheel works on its own: in an empty folder, without the repository."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hstlc.testing.cos import CosExposure, Scene, write_exposure

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "build", *options, str(PROJECT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was installed into, alone."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(wheel)],
        check=True,
        capture_output=True,
    )
    return folder


def _python(installed: Path, cwd: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HSTLC_")}
    environment |= {"PYTHONPATH": str(installed), "HSTLC_HOME_DIR": str(cwd / "home"), "HOME": str(cwd)}
    done = subprocess.run(
        [sys.executable, "-P", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _hstlc(installed: Path, cwd: Path, *arguments: str) -> str:
    return _python(installed, cwd, str(installed / "bin" / "hstlc"), *arguments)


def test_what_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"hstlc/config.example.yaml", "hstlc/py.typed", "hstlc/migrations/env.py"} <= names
    for path in (PROJECT / "migrations" / "versions").glob("[0-9]*.py"):
        assert f"hstlc/migrations/versions/{path.name}" in names
    modules = {str(path.relative_to(PROJECT)) for path in (PROJECT / "hstlc").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith("tests/") or name.endswith(".pyc")]


def test_it_is_the_wheel_that_answers(installed: Path, tmp_path: Path) -> None:
    script = "import hstlc, hstlc.missions.hst as m, hstlc.db.migrate as d; print(hstlc.__file__, m.__file__)"
    script += "; print(d.migrations_folder())"
    for place in _python(installed, tmp_path, "-c", script).split():
        assert Path(place).is_relative_to(installed)


def test_it_ingests(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    source = tmp_path / "archive"
    source.mkdir()
    write_exposure(source, CosExposure(segments=("A", "B"), exptime_s=40.0), Scene(20.0, 1.0))
    summary = json.loads(_hstlc(installed, tmp_path, "ingest", "--json", "-j", "2", "archive"))
    assert (summary["ingested"], summary["composites"], summary["statistics"], summary["failed"]) == (1, 1, 2, [])
    (row,) = json.loads(_hstlc(installed, tmp_path, "db", "sql", "SELECT targname FROM metadata", "--format", "json"))
    assert row == {"targname": "SIM-CONSTANT"}
    assert json.loads(_hstlc(installed, tmp_path, "make-plots", "--json"))["plots"] == 2
    assert (tmp_path / "home" / "plots" / "index.html").is_file()
    assert _hstlc(installed, tmp_path, "files", "verify") == "nothing to report\n"
    assert "up to date" in _hstlc(installed, tmp_path, "db", "check")


def test_its_commands_and_missions_are_registered(installed: Path, tmp_path: Path) -> None:
    for command in ("hstlc", "hstlc-ingest", "hstlc-build-stats", "hstlc-make-plots"):
        assert "Usage: " in _python(installed, tmp_path, str(installed / "bin" / command), "--help")
    listed = _hstlc(installed, tmp_path, "mission", "list").splitlines()
    assert [line.partition(":")[0] for line in listed] == ["chandra", "hst", "xmm"]
