"""A mission in a package of its own is found, configured, checked and ingested without any change of this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import hstlc as api
from hstlc.missions.registry import missions
from hstlc.store.digest import sha256_file

Run = Callable[..., Result]


def test_it_is_not_part_of_this_package() -> None:
    assert "toy" not in missions()


def test_once_it_is_installed_the_command_line_of_a_new_process_knows_it(toy_package: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HSTLC_")}
    environment |= {"PYTHONPATH": str(toy_package), "HOME": str(tmp_path)}
    program = str(Path(sys.executable).parent / "hstlc")
    done = subprocess.run([program, "mission", "list"], env=environment, capture_output=True, text=True, check=True)
    assert "toy: Toy telescope (WATCHER), 4 checks" in done.stdout.splitlines()


def test_it_passes_the_contract_of_missions(toy_package: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(toy_package)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "-k", "not postgresql", "tests"],
        cwd=toy_package.parent / "source",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "25 passed, 1 deselected" in done.stdout


def test_it_has_a_section_in_the_configuration(toy: Path, hstlc: Run, home: Path, monkeypatch) -> None:
    shown = hstlc("config", "show")
    assert shown.exit_code == 0
    assert "toy:" in shown.stdout
    assert "bin_width: 20 s" in shown.stdout
    monkeypatch.setenv("HSTLC_MISSIONS__TOY__BIN_WIDTH", "3 parsec")
    wrong = hstlc("config", "check")
    assert wrong.exit_code == 2
    assert "toy" in wrong.output


def test_its_files_are_checked_and_ingested_with_their_sources(toy: Path, hstlc: Run, home: Path) -> None:
    before = {path: sha256_file(path) for path in toy.iterdir()}
    assert hstlc("check", toy).stdout.splitlines() == ["0001: good", "0002: good"]
    result = hstlc("ingest", "--json", toy)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["ingested"], summary["failed"], summary["waiting"]) == (2, [], [])
    assert summary["composites"] == 4  # two sources in two bands
    assert summary["statistics"] == 2 * 5 + 4
    rows = json.loads(hstlc("db", "sql", "--format", "json", "SELECT name, counts FROM source ORDER BY id").stdout)
    assert rows == [{"name": "TOY A", "counts": 1600}, {"name": "TOY B", "counts": 400}] * 2
    again = json.loads(hstlc("ingest", "--json", toy).stdout)
    assert (again["unchanged"], again["composites"], again["statistics"]) == (2, 0, 0)
    assert hstlc("files", "verify").stdout == "nothing to report\n"
    assert {path: sha256_file(path) for path in toy.iterdir()} == before


def test_its_light_curves_are_drawn(toy: Path, hstlc: Run, home: Path) -> None:
    assert hstlc("ingest", toy / "toy_0001.fits").exit_code == 0
    result = hstlc("make-plots", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["plots"] == 3  # of the field and of two sources
    assert "TOY A" in (home / "plots" / "all_hstlc.html").read_text()


def test_its_files_are_read_in_a_notebook(toy: Path) -> None:
    path = toy / "toy_0001.fits"
    assert len(api.read(path)) == 2000
    sources = api.light_curves(path)
    assert [seen.source.name for seen in sources] == ["TOY A", "TOY B"]
    curve = api.light_curve(path, source="TOY B", bin_width=10.0)
    assert (len(curve), curve["source_events"].sum(), curve["exposure"].sum()) == (80, 400.0, pytest.approx(800.0))
    assert api.light_curve(path, source="")["counts"].sum() == 2000.0
