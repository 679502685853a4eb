"""``hstlc files`` as a user runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from hstlc.store.run import run_id
from hstlc.testing.cos import CosExposure, Scene, write_exposure

Run = Callable[..., Result]

REPORT_KEYS = {"deleted", "put back", "missing", "damaged", "unknown"}


@pytest.fixture
def filled_home(hstlc: Run, home: Path, tmp_path: Path) -> Path:
    """A data tree with one exposure."""
    source = tmp_path / "archive"
    source.mkdir()
    write_exposure(source, CosExposure(exptime_s=40.0), Scene(20.0, 1.0))
    assert hstlc("ingest", "-q", source).exit_code == 0
    return home


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_tree_in_order_has_nothing_to_report(hstlc: Run, filled_home: Path) -> None:
    for command in (["verify"], ["verify", "--fast"], ["sweep"]):
        result = hstlc("files", *command)
        assert (result.exit_code, result.stdout) == (0, "nothing to report\n")
    report = json.loads(hstlc("files", "verify", "--json").stdout)
    assert report == {key: [] for key in REPORT_KEYS}


def test_verify_names_every_file_that_does_not_fit(hstlc: Run, filled_home: Path) -> None:
    events, spectrum = sorted((filled_home / "filesystem").rglob("*.fits"))
    curve = next((filled_home / "outputs").rglob("*_curve.fits"))
    events.unlink()
    data = spectrum.read_bytes()
    spectrum.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    stranger = curve.with_name("stranger.fits")
    stranger.write_bytes(b"")
    result = hstlc("files", "verify")
    assert result.exit_code == 5
    assert result.stdout.splitlines() == [f"missing: {events}", f"damaged: {spectrum}", f"unknown: {stranger}"]
    assert "error [store.inconsistent]: 1 files are missing, 1 damaged, 1 unknown" in result.stderr
    assert "hint: " in result.stderr
    report = json.loads(hstlc("files", "verify", "--json").stdout)
    assert report.keys() == REPORT_KEYS
    assert report["missing"] == [str(events)]


def test_only_reading_the_files_finds_damage_that_keeps_their_size(hstlc: Run, filled_home: Path) -> None:
    spectrum = next((filled_home / "filesystem").rglob("*_x1d.fits"))
    data = spectrum.read_bytes()
    spectrum.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert hstlc("files", "verify", "--fast").exit_code == 0
    assert hstlc("files", "verify").exit_code == 5


def test_sweep_deletes_what_a_dead_run_left(hstlc: Run, filled_home: Path) -> None:
    curve = next((filled_home / "outputs").rglob("*_curve.fits"))
    host = run_id().rsplit("-", 2)[0]
    dead = curve.with_name(f"{curve.name}.{host}-{2**22 + 1}-1.part")  # no Linux process has such a number
    elsewhere = curve.with_name(f"{curve.name}.{host}-elsewhere-1-1.part")  # whether that machine works on: who knows
    for part in (dead, elsewhere):
        part.write_bytes(b"half")
    report = json.loads(hstlc("files", "sweep", "--json").stdout)
    assert report == {key: [] for key in REPORT_KEYS} | {"deleted": [str(dead)]}
    assert not dead.exists()
    assert elsewhere.exists()


def test_verify_makes_nothing(hstlc: Run, filled_home: Path) -> None:
    (filled_home / "plots").rmdir()
    assert hstlc("files", "verify").exit_code == 0
    assert not (filled_home / "plots").exists()


def test_verify_makes_no_database(hstlc: Run, home: Path) -> None:
    result = hstlc("files", "verify")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []


def test_reset_needs_its_flag_and_a_yes(hstlc: Run, filled_home: Path) -> None:
    before = _names(filled_home)
    refused = hstlc("files", "reset", "--yes")
    assert refused.exit_code == 2
    assert "error [usage.unconfirmed]" in refused.stderr
    assert "--i-know-this-deletes-production" in refused.stderr
    asked = hstlc("files", "reset", "--i-know-this-deletes-production", answer="n\n")
    assert asked.exit_code == 1
    assert f"Reset the files below {filled_home}?" in asked.output
    assert _names(filled_home) == before


def test_reset_moves_files_back_and_the_next_ingest_takes_them_in_again(hstlc: Run, filled_home: Path) -> None:
    before = _names(filled_home / "filesystem"), _names(filled_home / "outputs")
    result = hstlc("files", "reset", "--i-know-this-deletes-production", answer="y\n")
    assert result.exit_code == 0
    assert f"2 files moved back to {filled_home / 'ingest'}, 2 outputs deleted" in result.stdout
    assert (_names(filled_home / "filesystem"), _names(filled_home / "outputs")) == ([], [])
    assert _names(filled_home / "ingest") == before[0]
    assert hstlc("ingest", "-q").exit_code == 0
    assert (_names(filled_home / "filesystem"), _names(filled_home / "outputs")) == before
    assert hstlc("files", "verify").exit_code == 0
