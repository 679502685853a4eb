"""What the checks found: counted by the database, printed by the command, shown on a page."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from store_state import expose, recalibrated

from hstlc.db.engine import reading, writing
from hstlc.db.exposures import ExposureRows, save_exposures
from hstlc.db.findings import exposures_by_mission, exposures_with, findings_of, known_exposures, tallies
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.registry import mission
from hstlc.testing.cos import edit_file

DAY = datetime(2024, 5, 6, tzinfo=UTC)
ORDER = ["a", "b", "c", "d"]

# by exposure, the checks that found something, in no order
FOUND = {"one": ["b", "a"], "two": ["b", "b"], "three": [], "four": ["d", "z"], "five": ["c", "b"], "six": ["y"]}


def rows(name: str, checks: list[str], of: str = "m") -> ExposureRows:
    file = {
        "kind": "k",
        "filename": f"{name}.fits",
        "path": "p",
        "sha256": f"{of}{name}".ljust(64, "0"),
        "size_bytes": 1,
    }
    more = {"cal_ver": "", "version_key": "", "state": "rejected"}
    findings = [
        {
            "filename": "",
            "check_name": c,
            "severity": "reject" if c == "a" else "flag",
            "reason": f"R{c}",
            "message": "!",
        }
        for c in checks
    ]
    bad = {**file, "reason": "Ra", "message": "!", "ingest_date": DAY.date()}
    return ExposureRows(of, name, None, [{**file, **more, "added_at": DAY}], [], [bad], findings)


@pytest.fixture
def recorded(engine):
    """A database with exposures of two missions and findings."""
    with writing(engine) as connection:
        save_exposures(connection, [rows(name, checks) for name, checks in FOUND.items()])
        save_exposures(connection, [rows("one", ["a", "d"], "other")])
    return engine


def test_each_check_is_counted_alone_and_where_it_was_first(recorded):
    with reading(recorded) as connection:
        assert exposures_by_mission(connection) == {"m": 6, "other": 1}
        found = tallies(connection, "m", ORDER)
        other = tallies(connection, "other", ORDER)
        assert tallies(connection, "nobody", []) == {}
        assert tallies(connection, "nobody", ORDER) == {}
    expected = {}
    seen = set()
    for check in [*ORDER, "y", "z"]:
        having = {name for name, checks in FOUND.items() if check in checks}
        expected[check] = (len(having), len(having - seen))
        seen |= having
    assert {name: (tally.found, tally.first) for name, tally in found.items()} == expected
    assert list(found) == ["a", "b", "c", "d", "y", "z"]
    assert {name: tally.severity for name, tally in found.items()} == {**dict.fromkeys("bcdyz", "flag"), "a": "reject"}
    assert {name: (tally.found, tally.first) for name, tally in other.items()} == {"a": (1, 1), "d": (1, 0)}


def test_the_exposures_of_a_check_and_the_findings_of_an_exposure(recorded):
    with reading(recorded) as connection:
        assert [(row["mission"], row["rootname"]) for row in exposures_with(connection, "a")] == [
            ("m", "one"),
            ("other", "one"),
        ]
        assert exposures_with(connection, "nothing") == []
        assert [row["check_name"] for row in findings_of(connection, "m", "one")] == ["b", "a"]
        known = known_exposures(connection, "one")
        assert [(row["mission"], row["rejected"]) for row in known] == [("m", "Ra"), ("other", "Ra")]
        assert known_exposures(connection, "seven") == []


# --- the command


@pytest.fixture
def filled(hstlc, home: Path, tmp_path: Path) -> Path:
    """A data tree with a good exposure, a flagged one, and two that are rejected."""
    source = tmp_path / "archive"
    source.mkdir()
    for number, changes in enumerate(
        ({}, {"fgslock": "GYROS"}, {"expflag": "FAILED", "fgslock": "GYROS"}, {"exptime_s": 0.5})
    ):
        expose(source, f"lfind{number}aaq", **{"exptime_s": 60.0, **changes}, x1d=True)
    assert hstlc("ingest", "-q", source).exit_code in (0, 3)
    return home


def test_the_table_has_a_row_a_check_in_their_order(hstlc, filled: Path) -> None:
    lines = [line.split(maxsplit=5) for line in hstlc("findings").stdout.splitlines()]
    assert lines[0] == ["check", "severity", "exposures", "first", "remaining", "reason"]
    checks = mission("hst").checks
    assert [line[0] for line in lines[2:]] == [check.name for check in checks]
    assert [line[5] for line in lines[2:]] == [check.reason for check in checks]
    told = {line[0]: tuple(map(int, line[2:5])) for line in lines[2:]}
    assert told["unreadable"] == (0, 0, 4)
    assert told["expflag"] == (1, 1, 3)
    assert told["short_exposure"] == (1, 1, 2)
    assert told["guiding"] == (2, 1, 1)
    assert told["reader_note"] == (0, 0, 1)
    said = json.loads(hstlc("findings", "--json").stdout)
    assert {row["check"]: (row["found"], row["first"], row["remaining"]) for row in said["checks"]} == told


def test_one_check_names_its_exposures(hstlc, filled: Path) -> None:
    lines = hstlc("findings", "--check", "guiding").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:3]] == ["guiding"]
    assert lines[3:] == [
        "lfind1aaq SIM-STAR: FGSLOCK is 'GYROS', expected 'FINE'",
        "lfind2aaq: FGSLOCK is 'GYROS', expected 'FINE'",
    ]
    said = json.loads(hstlc("findings", "--check", "guiding", "--mission", "hst", "--json").stdout)
    assert [row["rootname"] for row in said["findings"]] == ["lfind1aaq", "lfind2aaq"]
    assert [row["check"] for row in said["checks"]] == ["guiding"]


def test_show_tells_what_became_of_one_exposure(hstlc, filled: Path) -> None:
    assert hstlc("findings", "show", "lfind0aaq").stdout == "hst/lfind0aaq SIM-STAR: good\n"
    flagged = hstlc("findings", "show", "hst/LFIND1AAQ").stdout.splitlines()
    assert flagged == [
        "hst/lfind1aaq SIM-STAR: flagged",
        "  flag   No fine lock (guiding): FGSLOCK is 'GYROS', expected 'FINE'",
    ]
    assert hstlc("findings", "show", "lfind2aaq").stdout.splitlines()[0] == "hst/lfind2aaq: rejected: Bad EXPFLAG"
    (said,) = json.loads(hstlc("findings", "show", "lfind2aaq", "--json").stdout)
    assert [row["check_name"] for row in said["findings"]] == ["expflag", "guiding"]


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("--check", "gidding"), "usage.unknown-check", "did you mean guiding?"),
        (("--mission", "hts"), "usage.unknown-mission", "did you mean hst?"),
        (("show", "lnone0aaq"), "usage.unknown-exposure", "rootname"),
        (("show", "xmm/lfind0aaq"), "usage.unknown-exposure", "rootname"),
    ],
)
def test_unknown_names_are_said_to_be_unknown(hstlc, filled: Path, arguments, code: str, hint: str) -> None:
    result = hstlc("findings", *arguments)
    assert result.exit_code == 2
    assert f"[{code}]" in result.stderr
    assert hint in result.stderr


@pytest.mark.parametrize("arguments", [(), ("show", "lfind0aaq")])
def test_without_a_database_none_is_made(hstlc, home: Path, arguments) -> None:
    result = hstlc("findings", *arguments)
    assert "[usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []


# --- the page


def test_the_page_tells_what_the_command_tells_and_is_written_again_when_that_changes(hstlc, filled: Path) -> None:
    assert hstlc("make-plots", "-q").exit_code == 0
    page = filled / "plots" / "findings.html"
    before = page.read_bytes()
    assert "4 exposures: 2 rejected, 1 without a finding." in before.decode()
    assert 'href="findings.html"' in (filled / "plots" / "index.html").read_text()
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', before.decode(), re.S)[1])
    said = json.loads(hstlc("findings", "--json").stdout)["checks"]
    for name in ("found", "first", "remaining"):
        assert data["values"][name] == [row[name] for row in said]
    assert hstlc("make-plots", "-q").exit_code == 0
    assert page.read_bytes() == before
    bad = filled.parent / "more"
    bad.mkdir()
    expose(bad, "lfind9aaq", exptime_s=60.0, expflag="FAILED")
    hstlc("ingest", "-q", bad)
    assert page.read_bytes() == before
    assert hstlc("make-plots", "--summary", "-q").exit_code == 0
    assert "5 exposures: 3 rejected, 1 without a finding." in page.read_text()


# --- a limit of the Sun, on both databases


def test_a_new_limit_of_the_sun_makes_cos_curves_stale_and_a_day_without_night_keeps_its_rows(new_store, tmp_path):
    source = tmp_path / "archive"
    source.mkdir()
    paths = expose(source, "lsun01aaq", exptime_s=60.0, x1d=True)

    def sun(units):
        units["TIMELINE"].data["SUN_ALT"] = units["TIMELINE"].data["TIME"]

    edit_file(paths[0], sun)
    store = new_store()
    assert store.ingest(*paths).failures == []
    for limit, live_s in (("30 deg", 30.0), ("0 deg", 0.0), ("80 deg", 60.0)):
        limited = store.configured(missions__hst__maximum_sun_altitude=limit)
        summary = limited.ingest(stale=True)
        assert (summary.updated, summary.failures) == (1, [])
        curve = read_light_curve(next((store.home / "outputs").rglob("lsun01aaq_curve.fits")))
        assert curve["exposure"].sum() == pytest.approx(live_s, abs=0.05)
        assert curve.meta["SUNALT"] == float(limit.split()[0])
        assert not np.any(curve["gross"][curve["exposure"] == 0])
        assert limited.ingest(stale=True).updated == 0
        reasons = [row[0] for row in limited.state().of("finding", "reason")]
        assert reasons == (["Daylight left out"] if live_s < 60 else [])


# --- duplicates


def test_duplicates_and_replaced_files_are_told_to_the_log(new_store, tmp_path, caplog):
    (path,) = expose(tmp_path / "first", "ldup01aaq")
    newer = recalibrated(tmp_path / "second", path, "9.9.9")
    store = new_store()
    caplog.set_level("INFO", "hstlc")

    def told(*paths):
        caplog.clear()
        store.ingest(*paths)
        actions = ("duplicate", "superseded")
        return [record.getMessage() for record in caplog.records if getattr(record, "action", "") in actions]

    assert told(path) == []
    stored = next((store.home / "filesystem").rglob(path.name))
    assert told(path) == [f"{path}: the store has it as {stored}"]
    assert told(newer) == [f"hst/ldup01aaq: {path.name} of calibration 3.2.1 (2017-04-28) is superseded"]
    (again,) = told(path)
    assert again.startswith(f"{path}: the store has it as ")
    assert "superseded" in again
