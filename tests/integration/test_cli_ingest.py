"""``hstlc ingest``, ``build-stats`` and ``check`` as a user runs them."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from hstlc.store.digest import sha256_file
from hstlc.store.lock import flock
from hstlc.testing.cos import CosExposure, Scene, write_exposure

Run = Callable[..., Result]

SUMMARY_KEYS = {
    "datasets", "products", "fetched", "bytes_fetched",
    "ingested", "updated", "unchanged", "moved", "composites", "statistics", "plots", "pages", "rejected", "waiting",
    "failed", "files", "seconds", "dry_run",
}  # fmt: skip
BIN = Path(sys.executable).parent


def _exposures(folder: Path, *, good: int = 1, bad: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    exposure = CosExposure(exptime_s=40.0)
    for number in range(good):
        write_exposure(folder, replace(exposure, rootname=f"lsim{number:02d}aaq", seed=number), Scene(20.0, 1.0))
    for number in range(bad):
        name = f"lbad{number:02d}aaq"
        write_exposure(folder, replace(exposure, rootname=name, expflag="FAILED", seed=99 - number), Scene(20.0, 1.0))
    return folder


def _tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


# --- ingest


def test_a_folder_becomes_light_curves_and_the_summary_says_so(hstlc: Run, home: Path, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=2, bad=1)
    before = _tree(source)
    result = hstlc("ingest", source)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    for line in (["ingested", "2"], ["rejected", "1"], ["Bad", "EXPFLAG", "1"], ["failed", "0"], ["composites", "1"]):
        assert line in lines
    assert ["statistics", "3"] in lines
    assert "6 files in" in result.stdout
    assert "files/s" in result.stdout
    assert "hst/lbad00aaq: rejected, Bad EXPFLAG: EXPFLAG is 'FAILED', expected NORMAL" in result.stderr
    assert "lsim00aaq" not in result.stderr
    assert sorted(path.name for path in (home / "outputs").rglob("*_curve.fits")) == [
        "lsim00aaq_curve.fits",
        "lsim01aaq_curve.fits",
    ]
    assert _tree(source) == before


def test_without_a_path_the_ingest_folder_is_emptied(hstlc: Run, home: Path) -> None:
    _exposures(home / "ingest", good=1, bad=1)
    assert json.loads(hstlc("ingest", "--json").stdout)["ingested"] == 1
    assert _tree(home / "ingest") == {}
    assert len(_tree(home / "filesystem")) == len(_tree(home / "bad_data")) == 2
    assert json.loads(hstlc("ingest", "--json").stdout)["files"] == 0


def test_an_empty_folder_is_noted(hstlc: Run, home: Path, tmp_path: Path) -> None:
    assert hstlc("ingest").stderr == f"there are no FITS files in {home / 'ingest'}\n"
    assert hstlc("ingest", "-q").stderr == ""
    (tmp_path / "empty").mkdir()
    result = hstlc("ingest", tmp_path / "empty")
    assert result.exit_code == 0
    assert str(tmp_path / "empty") in result.stderr


def test_the_summary_as_json_has_a_stable_shape(hstlc: Run, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=1, bad=1)
    result = hstlc("ingest", "--json", source)
    first, second = json.loads(result.stdout), json.loads(hstlc("ingest", "--json", source).stdout)
    assert first.keys() == second.keys() == SUMMARY_KEYS
    assert (first["ingested"], first["composites"], first["statistics"]) == (1, 1, 2)
    assert first["rejected"] == {"Bad EXPFLAG": 1}
    assert (second["unchanged"], second["ingested"], second["rejected"]) == (2, 0, {})
    assert first["failed"] == first["waiting"] == []
    assert result.stderr == ""


def test_quiet_says_nothing_and_verbose_everything(hstlc: Run, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=1, bad=1)
    quiet = hstlc("ingest", "-q", source)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    other = _exposures(tmp_path / "other", good=3)
    assert "hst/lsim02aaq: ingested" in hstlc("ingest", "-v", other).stderr


def test_a_dry_run_writes_nothing_at_all(hstlc: Run, home: Path, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=1, bad=1)
    result = hstlc("ingest", "--dry-run", source)
    assert result.exit_code == 0
    assert result.stdout.startswith("dry run, nothing written:")
    assert list(home.iterdir()) == []
    hstlc("ingest", "-q", source)
    before = _tree(home)
    assert json.loads(hstlc("ingest", "--dry-run", "--json", source).stdout)["unchanged"] == 2
    assert _tree(home) == before


def test_limit_and_mission(hstlc: Run, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=3)
    assert json.loads(hstlc("ingest", "--json", "--limit", 2, source).stdout)["ingested"] == 2
    assert json.loads(hstlc("ingest", "--json", "--mission", "hst", source).stdout)["ingested"] == 1


def test_move_takes_the_files_away(hstlc: Run, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=1, bad=1)
    assert hstlc("ingest", "--move", source).exit_code == 0
    assert _tree(source) == {}


# --- build-stats


def test_statistics_are_built_once(hstlc: Run, tmp_path: Path) -> None:
    hstlc("ingest", "-q", _exposures(tmp_path / "archive"))
    assert json.loads(hstlc("build-stats", "--json").stdout)["statistics"] == 0
    assert hstlc("db", "reset", "stats", "--yes").exit_code == 0
    assert json.loads(hstlc("build-stats", "--json", "--dry-run").stdout)["statistics"] == 2
    assert json.loads(hstlc("build-stats", "--json", "composite").stdout)["statistics"] == 1
    assert json.loads(hstlc("build-stats", "--json", "individual").stdout)["statistics"] == 1
    assert json.loads(hstlc("build-stats", "--json").stdout).keys() == SUMMARY_KEYS


def test_other_settings_make_statistics_stale(hstlc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hstlc("ingest", "-q", _exposures(tmp_path / "archive"))
    monkeypatch.setenv("HSTLC_STATS__INTERESTING_P", "0.5")
    assert json.loads(hstlc("build-stats", "--json").stdout)["statistics"] == 0
    assert json.loads(hstlc("build-stats", "--json", "--stale").stdout)["statistics"] == 2


def test_a_dry_run_without_a_database_makes_none(hstlc: Run, home: Path) -> None:
    result = hstlc("build-stats", "--dry-run")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []


# --- check


def test_check_needs_no_configuration_and_writes_nothing(
    hstlc: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HSTLC_HOME_DIR")
    source = _exposures(tmp_path / "archive")
    result = hstlc("check", source)
    assert (result.exit_code, result.stdout) == (0, "lsim00aaq: good\n")
    assert list(home.iterdir()) == []


def test_check_prints_what_is_wrong_and_says_it_by_its_exit_code(hstlc: Run, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", bad=1)
    result = hstlc("check", source)
    assert result.exit_code == 3
    assert "lbad00aaq: rejected\n  reject Bad EXPFLAG: lbad00aaq_corrtag_a.fits: EXPFLAG is 'FAILED'" in result.stdout
    assert "lsim00aaq: good" in result.stdout
    assert "error [data.rejected]: 1 of 2 would be rejected: lbad00aaq" in result.stderr
    assert "lsim00aaq" not in hstlc("check", "-q", source).stdout
    assert "file   lbad00aaq_x1d.fits" in hstlc("check", "-v", source).stdout


def test_check_as_json(hstlc: Run, tmp_path: Path) -> None:
    reports = json.loads(hstlc("check", "--json", _exposures(tmp_path / "archive", bad=1)).stdout)
    assert [report["name"] for report in reports] == ["lbad00aaq", "lsim00aaq"]
    assert reports[0].keys() == {"name", "verdict", "findings", "filenames"}
    assert reports[0]["findings"][0] == {
        "check": "expflag",
        "severity": "reject",
        "reason": "Bad EXPFLAG",
        "message": "EXPFLAG is 'FAILED', expected NORMAL",
        "filename": "lbad00aaq_corrtag_a.fits",
    }


def test_check_of_real_files(hstlc: Run, real_data: Path) -> None:
    result = hstlc("check", "--json", real_data / "hst")
    verdicts = {report["name"]: report["verdict"] for report in json.loads(result.stdout)}
    assert verdicts == {
        "ld9m10ujq": "flagged",
        "ldfd01vnq": "waiting",
        "ldfd01vnq_rawtag_a.fits.gz": "refused",
        "o3zx02070_x1d.fits": "refused",
        "odlm18040": "rejected",
        "odlm21010_sx1.fits": "refused",
        "odlm21050": "waiting",
    }
    assert result.exit_code == 3


# --- exit codes


def test_a_path_that_does_not_exist(hstlc: Run, tmp_path: Path) -> None:
    for command in ("ingest", "check"):
        result = hstlc(command, tmp_path / "nowhere")
        assert result.exit_code == 2
        assert f"error [usage.no-such-path]: {tmp_path / 'nowhere'}" in result.stderr
        assert "hint: " in result.stderr
        assert result.stdout == ""


def test_an_unknown_mission(hstlc: Run, home: Path) -> None:
    result = hstlc("ingest", "--mission", "jwst")
    assert result.exit_code == 2
    assert result.stderr.startswith("error [usage.unknown-mission]: there is no mission 'jwst'\nhint: installed are: ")
    assert list(home.iterdir()) == []


def test_what_failed_is_told_and_the_rest_is_done(hstlc: Run, home: Path, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive", good=1)
    write_exposure(source, CosExposure(rootname="lsim09aaq", targname="OTHER", exptime_s=40.0), Scene(20.0, 1.0))
    (home / "outputs").mkdir()
    (home / "outputs" / "OTHER").write_text("in the way")
    result = hstlc("ingest", source)
    assert result.exit_code == 4
    assert "error [step.failed]: 1 failed, the first: " in result.stderr
    assert str(home / "outputs" / "OTHER") in result.stderr
    assert "hint: " in result.stderr
    assert ["ingested", "1"] in [line.split() for line in result.stdout.splitlines()]
    (home / "outputs" / "OTHER").unlink()
    again = hstlc("ingest", "--json", source)
    assert (again.exit_code, json.loads(again.stdout)["ingested"]) == (0, 1)


def test_another_writer(hstlc: Run, home: Path, tmp_path: Path) -> None:
    source = _exposures(tmp_path / "archive")
    hstlc("db", "upgrade")
    with flock(home / ".hstlc.lock", wait=False):
        for command in (("ingest", source), ("build-stats",)):
            result = hstlc(*command, "--no-wait")
            assert result.exit_code == 6
            assert "error [lock.held]" in result.stderr
            assert "--no-wait" in result.stderr


# --- real processes


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HSTLC_")}
    return kept | {"HSTLC_HOME_DIR": str(home), "HOME": str(home.parent), "TERM": "xterm"}


@pytest.mark.parametrize(
    "command", [["hstlc", "ingest"], ["hstlc-ingest"], ["hstlc", "build-stats"], ["hstlc-build-stats"]]
)
def test_the_installed_commands_run(home: Path, command: list[str]) -> None:
    _exposures(home / "ingest")
    program = [str(BIN / command[0]), *command[1:], "--json"]
    done = subprocess.run(program, env=_environment(home), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ingested"] == int("ingest" in command[-1])


def test_without_a_terminal_there_are_plain_lines(home: Path) -> None:
    source = _exposures(home.parent / "archive", good=1, bad=1)
    program = [str(BIN / "hstlc"), "ingest", str(source)]
    done = subprocess.run(program, env=_environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("hst/lbad00aaq: rejected, Bad EXPFLAG")


def test_on_a_terminal_there_is_a_bar(home: Path) -> None:
    source = _exposures(home.parent / "archive", good=3, bad=1)
    ours, theirs = pty.openpty()
    program = [str(BIN / "hstlc"), "ingest", str(source)]
    with subprocess.Popen(program, env=_environment(home), stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass  # the other end is closed
        assert process.stdout is not None
        summary = process.stdout.read().decode()
    os.close(ours)
    assert process.returncode == 0
    text = shown.decode()
    assert "\x1b[" in text
    for expected in ("exposures", "4/4", "/s", "composites", "1/1", "lbad00aaq: rejected"):
        assert expected in text
    assert "ingested" in summary
    assert "\x1b" not in summary
