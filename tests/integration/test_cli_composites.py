"""``hstlc make-composites`` as a user runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from composite_runs import visit

from hstlc.store.digest import sha256_file
from hstlc.store.lock import flock

Run = Callable[..., Result]

NAME = "hlsp_hstlc_hst_cos-fuv_sim-star_g130m_1291_psa_v1_sci.fits"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two exposures of a star."""
    for number in (1, 2):
        visit(tmp_path / "archive", number)
    return tmp_path / "archive"


def composites(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "outputs" / "composite").iterdir())


def tree(folder: Path) -> dict[str, str]:
    kept = {"filesystem", "outputs", "bad_data", "ingest"}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(p): sha256_file(p) for p in paths if p.relative_to(folder).parts[0] in kept}


def test_ingest_makes_them_and_says_so(hstlc: Run, home: Path, archive: Path) -> None:
    result = hstlc("ingest", archive)
    assert result.exit_code == 0
    assert ["composites", "1"] in [line.split() for line in result.stdout.splitlines()]
    assert composites(home) == [NAME]
    first = json.loads(hstlc("ingest", "--json", archive).stdout)
    assert (first["composites"], first["unchanged"]) == (0, 2)


def test_a_missing_one_is_made_and_a_second_run_makes_none(hstlc: Run, home: Path, archive: Path) -> None:
    hstlc("ingest", "-q", archive)
    before = tree(home)
    (home / "outputs" / "composite" / NAME).unlink()
    assert json.loads(hstlc("make-composites", "--json", "--dry-run").stdout)["composites"] == 1
    assert composites(home) == []
    result = hstlc("make-composites", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["composites"] == 1
    assert tree(home) == before
    assert json.loads(hstlc("make-composites", "--json").stdout)["composites"] == 0
    assert tree(home) == before


def test_stale_makes_what_other_settings_made(
    hstlc: Run, home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hstlc("ingest", "-q", archive)
    monkeypatch.setenv("HSTLC_HLSP__PROFILE", "mast")
    assert json.loads(hstlc("make-composites", "--json").stdout)["composites"] == 0
    assert json.loads(hstlc("make-composites", "--json", "--dry-run", "--stale").stdout)["composites"] == 1
    assert composites(home) == [NAME]
    result = hstlc("make-composites", "--stale", "-j", 2)
    assert ["composites", "1"] in [line.split() for line in result.stdout.splitlines()]
    (made,) = composites(home)
    assert made.endswith("_v1_lc.fits")
    assert json.loads(hstlc("make-composites", "--json", "--stale").stdout)["composites"] == 0
    assert hstlc("hlsp", "check", home / "outputs" / "composite" / made).exit_code == 0
    assert hstlc("build-stats", "-q").exit_code == 0
    assert hstlc("files", "verify").exit_code == 0


def test_a_dry_run_writes_nothing(hstlc: Run, home: Path, archive: Path) -> None:
    hstlc("ingest", "-q", archive)
    (home / "outputs" / "composite" / NAME).unlink()
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if not path.name.startswith("hstlc.db")}
    result = hstlc("make-composites", "--dry-run")
    assert result.stdout.startswith("dry run, nothing written:")
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path in before} == before


def test_quiet_says_nothing(hstlc: Run, archive: Path) -> None:
    hstlc("ingest", "-q", archive)
    result = hstlc("make-composites", "-q", "--stale")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_damaged_member_ends_in_exit_code_4_with_its_path_and_a_hint(hstlc: Run, home: Path, archive: Path) -> None:
    hstlc("ingest", "-q", archive)
    (home / "outputs" / "composite" / NAME).unlink()
    damaged = home / "filesystem" / "SIM-STAR" / "lsim01aaq_corrtag_a.fits"
    damaged.write_bytes(damaged.read_bytes()[:-2880] + bytes(2880))
    result = hstlc("make-composites")
    assert result.exit_code == 4
    assert f"failed: [data.changed] {damaged}" in result.stdout
    assert "hstlc files verify" in result.stdout


def test_a_member_that_is_gone_is_waited_for_with_exit_code_0(hstlc: Run, home: Path, archive: Path) -> None:
    hstlc("ingest", "-q", archive)
    (home / "outputs" / "composite" / NAME).unlink()
    (home / "filesystem" / "SIM-STAR" / "lsim01aaq_corrtag_a.fits").unlink()
    result = hstlc("make-composites")
    assert result.exit_code == 0
    assert "waits for lsim01aaq_corrtag_a.fits, which is gone; ingest it again" in result.stdout


def test_without_a_database_a_dry_run_is_refused_and_nothing_made(hstlc: Run, home: Path) -> None:
    result = hstlc("make-composites", "--dry-run")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []


def test_no_wait_leaves_when_another_writes(hstlc: Run, home: Path, archive: Path) -> None:
    hstlc("ingest", "-q", archive)
    with flock(home / ".hstlc.lock", True):
        result = hstlc("make-composites", "--no-wait")
    assert "error [lock.held]" in result.stderr
    assert result.exit_code not in (0, 4)


def test_help_tells_what_a_composite_is(hstlc: Run) -> None:
    text = " ".join(hstlc("make-composites", "--help").stdout.split())
    for words in (
        "--stale",
        "--dry-run",
        "--no-wait",
        "--json",
        "-j",
        "composite_member",
        "'hstlc ingest' does it too",
    ):
        assert words in text
