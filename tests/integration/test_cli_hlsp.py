"""``hstlc hlsp check``: what it prints, and the exit code."""

import json
from pathlib import Path

import pytest
from astropy.io import fits
from click.testing import CliRunner, Result
from hlsp_composite import write_composite

from hstlc.cli.hlsp import hlsp
from hstlc.formats.hlsp.project import Profile, Project

KNOWN = {"doi": "10.17909/abcd-ef12", "reference": "2018ApJ...1....1E"}


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(hlsp, ["check", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(params=Profile, ids=str)
def good(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_composite(tmp_path, Project(request.param, **KNOWN))


@pytest.fixture
def unlicensed(tmp_path: Path) -> Path:
    """A composite whose license is another, in a folder of its own."""
    folder = tmp_path / "unlicensed"
    folder.mkdir()
    path = write_composite(folder, Project(Profile.MAST, **KNOWN))
    with fits.open(path) as hdus:
        for hdu in hdus[:2]:
            hdu.header["LICENSE"] = "all rights reserved"
        hdus.writeto(path, overwrite=True, checksum=True)
    return path


def test_a_good_file_is_in_order(good: Path) -> None:
    content = good.read_bytes()
    result = run(good)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{good}: ")
    assert ", 0 broken, 0 unchecked" in result.stdout
    assert len(result.stdout.splitlines()) == 1
    assert good.read_bytes() == content
    assert run("-q", good).stdout == ""
    assert "  ok        checksums: " in run("-v", good).stdout


def test_what_cannot_be_told_is_shown_and_breaks_nothing(tmp_path: Path) -> None:
    result = run(write_composite(tmp_path, Project(Profile.MAST)))
    assert result.exit_code == 0
    assert "  unchecked keyword DOI: " in result.stdout


def test_a_broken_rule_is_shown_and_the_exit_code_says_so(good: Path, unlicensed: Path) -> None:
    result = run(good, unlicensed)
    assert result.exit_code == 3
    assert "  broken    keyword LICENSE: LICENSE is 'all rights reserved', expected: CC BY 4.0" in result.stdout
    assert "error [data.hlsp-broken]: 1 of 2 files" in result.stderr
    assert unlicensed.name in result.stderr
    quiet = run("-q", good, unlicensed).stdout.splitlines()
    assert len(quiet) == 2


def test_json_has_every_rule_of_every_file(good: Path, unlicensed: Path) -> None:
    result = run("--json", good, unlicensed)
    assert result.exit_code == 3
    first, second = json.loads(result.stdout)
    assert first["file"] == str(good)
    assert {rule["verdict"] for rule in first["rules"]} == {"ok"}
    broken = [rule for rule in second["rules"] if rule["verdict"] == "broken"]
    assert [rule["rule"] for rule in broken] == ["keyword LICENSE"]
    assert json.loads(run("--json", good).stdout)[0] == first


def test_the_profile_can_be_said(tmp_path: Path) -> None:
    path = write_composite(tmp_path, Project(Profile.MAST, **KNOWN))
    assert run("--profile", "mast", path).exit_code == 0
    result = run("--profile", "legacy", path)
    assert result.exit_code == 3
    assert "keyword HLSPACRN" in result.stdout
    assert run("--profile", "other", path).exit_code == 2


def test_a_bad_file_does_not_keep_others_from_being_checked(tmp_path: Path, unlicensed: Path) -> None:
    missing, text, cut, plain = (tmp_path / name for name in ("missing.fits", "text.fits", "cut.fits", "plain.fits"))
    text.write_text("no FITS at all")
    cut.write_bytes(unlicensed.read_bytes()[:-2880])
    fits.PrimaryHDU().writeto(plain)
    folder = tmp_path / "folder.fits"
    folder.mkdir()
    codes = {
        missing: "data.vanished",
        text: "data.not-fits",
        cut: "data.truncated",
        plain: "data.not-hlsp",
        folder: "data.unreadable",
    }
    result = run(*codes, unlicensed)
    assert result.exit_code == 3
    for path, code in codes.items():
        assert f"{path}: error [{code}]: " in result.stdout
    assert "keyword LICENSE" in result.stdout
    assert "6 of 6 files" in result.stderr
    reports = json.loads(run("--json", *codes, unlicensed).stdout)
    assert [report.get("error") for report in reports] == [*codes.values(), None]
    assert all(report["hint"] for report in reports[:-1])


def test_help_names_files_and_options() -> None:
    result = CliRunner().invoke(hlsp, ["check", "--help"])
    assert result.exit_code == 0
    assert "FILES" in result.stdout
    assert "--profile" in result.stdout
