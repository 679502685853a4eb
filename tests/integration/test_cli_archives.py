"""``hstlc poll``, ``fetch``, ``get``, ``selection`` and ``archive`` as a user runs them, against the stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text
from test_cli_ingest import SUMMARY_KEYS

from hstlc.db.engine import make_engine, reading
from hstlc.missions.registry import mission as find_mission
from hstlc.store.lock import flock
from hstlc.testing.archive import Fault, StandIn, World, fault
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.scenarios import EARLY, TARGET, add_hst
from hstlc.testing.archive.xray_worlds import add_cda, add_csc, add_xsa
from hstlc.testing.databases import content

Run = Callable[..., Result]

PLACE = (175.54622, 26.70657)
SOURCES = ["cda", "csc", "mast", "xsa"]
STREAMS = {"cda": ["public"], "mast": ["archive", "release"], "xsa": ["embargo", "pps"]}
IMPATIENT = {
    "NETWORK__TRIES": "2",
    "NETWORK__BACKOFF": "10 ms",
    "NETWORK__LONGEST_BACKOFF": "50 ms",
    "NETWORK__CONNECT_TIMEOUT": "2 s",
    "NETWORK__ANSWER_TIMEOUT": "10 s",
    "NETWORK__QUERY_DEADLINE": "20 s",
    "MIN_FREE_SPACE": "1 B",
}


def _world() -> World:
    """Return a world of three exposures, of which one has spectra, and the X-ray archives."""
    world = World()
    ra_deg, dec_deg = PLACE
    known = {"targname": TARGET, "ra_deg": ra_deg, "dec_deg": dec_deg, "exptime_s": 20.0}
    for number, dataset in enumerate(
        (
            HstDataset(0, "nuv", **known),
            HstDataset(1, "stis", x1d=False, **known),
            HstDataset(2, x1d=False, targname="SIM-OTHER", exptime_s=20.0),
        )
    ):
        add_hst(world, dataset, made=EARLY + timedelta(hours=number))
    for add in (add_xsa, add_csc, add_cda):
        add(world, EARLY)
    return world


@pytest.fixture
def stand_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Archives to which the environment leads; all but the catalog of sources are switched on."""
    with StandIn(_world()) as archive:
        for name, value in archive.environment(("xsa", "cda")).items():
            monkeypatch.setenv(name, value)
        for name, value in IMPATIENT.items():
            monkeypatch.setenv(f"HSTLC_{name}", value)
        yield archive


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> str:
    """A database without tables that the environment names, on SQLite and on PostgreSQL."""
    monkeypatch.setenv("HSTLC_DB_CONNECTION_STRING", database_url)
    return database_url


def _rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    engine = make_engine(url)
    try:
        with reading(engine) as connection:
            return sorted(tuple(row) for row in connection.execute(text(sql)))
    finally:
        engine.dispose()


def _content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = make_engine(url)
    try:
        return content(engine)
    finally:
        engine.dispose()


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _json(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


# --- poll


def test_a_poll_tells_of_every_stream_and_is_remembered(hstlc: Run, database: str) -> None:
    result = hstlc("poll")
    assert result.exit_code == 0
    assert "mast archive from the beginning: 3 datasets, 3 new, 0 changed, 0 missing" in result.stdout
    assert ["failed", "0"] in [line.split() for line in result.stdout.splitlines()]
    marks = _rows(database, "SELECT source, stream FROM archive_cursor")
    assert marks == [(source, stream) for source, streams in STREAMS.items() for stream in streams]
    known = Counter(row[0] for row in _rows(database, "SELECT source FROM remote_dataset"))
    assert known["mast"] == 3
    queued = _rows(database, "SELECT name FROM remote_product WHERE source = 'mast' AND state = 'queued'")
    assert [name for (name,) in queued] == [
        *("ls0000a1q_corrtag.fits", "ls0000a1q_x1d.fits", "ls0002a1q_corrtag_a.fits", "os0001010_tag.fits")
    ]
    again = hstlc("poll", "mast")
    assert "3 datasets, 0 new, 0 changed, 0 missing" in again.stdout
    assert _rows(database, "SELECT DISTINCT command, status FROM run") == [("poll", "done")]


def test_a_poll_as_json_has_a_stable_shape(hstlc: Run, stand_in: StandIn) -> None:
    result = hstlc("poll", "mast", "--json")
    told = _json(result)
    assert told.keys() == {*SUMMARY_KEYS, "walks"}
    assert (told["datasets"], told["products"], told["failed"]) == (3, 4, [])
    assert [(walk["stream"], walk["state"], walk["seen"], walk["new"]) for walk in told["walks"]] == [
        ("archive", "done", 3, 3),
        ("release", "done", 3, 0),
    ]
    assert told["walks"][0].keys() == {
        *("source", "stream", "since", "until", "state", "seen", "new", "changed", "missing", "pages", "message")
    }
    assert result.stderr == ""


def test_a_quiet_poll_says_nothing(hstlc: Run, stand_in: StandIn) -> None:
    result = hstlc("poll", "mast", "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_one_dataset_is_no_plural(hstlc: Run, stand_in: StandIn) -> None:
    since = (EARLY + timedelta(hours=2)).isoformat()
    assert f"mast archive from {since[:10]} 02:00: 1 dataset, 1 new" in hstlc("poll", "mast", "--since", since).stdout


def test_a_poll_from_a_date_on_has_a_time_zone(hstlc: Run, stand_in: StandIn) -> None:
    walks = _json(hstlc("poll", "mast", "--since", "2025-03-01T03:00:00+02:00", "--json"))["walks"]
    assert datetime.fromisoformat(walks[0]["since"]) == datetime(2025, 3, 1, 1, tzinfo=UTC)
    assert walks[0]["seen"] == 2


def test_a_full_poll_is_a_run_of_its_own_and_counts_what_is_missing(
    hstlc: Run, database: str, stand_in: StandIn
) -> None:
    hstlc("poll", "mast", "--full")
    world = stand_in.world
    assert world is not None
    world.remove("mast", "LS0002010", EARLY + timedelta(days=1))
    for _ in range(2):
        result = hstlc("poll", "mast", "--full")
        assert "mast full from the beginning: 2 datasets, 0 new, 0 changed, 1 missing" in result.stdout
    gone = "SELECT dataset_key FROM remote_dataset WHERE gone_at IS NOT NULL"
    assert _rows(database, gone) == [("LS0002010",)]
    assert _rows(database, "SELECT DISTINCT command FROM run") == [("reconcile",)]


def test_a_dry_run_makes_no_database(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    for arguments in (["poll"], ["fetch"], ["get", TARGET]):
        result = hstlc(*arguments, "--dry-run")
        assert result.exit_code == 2
        assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []
    assert stand_in.log.entries == []


def test_a_dry_run_changes_no_row_and_no_file(hstlc: Run, database: str, home: Path) -> None:
    hstlc("poll", "cda")
    rows, files = _content(database), _files(home)
    told = _json(hstlc("poll", "--dry-run", "--json"))
    assert told["dry_run"] is True
    assert {(walk["source"], walk["new"]) for walk in told["walks"]} == {("cda", 0), ("mast", 3), ("xsa", 6)}
    assert "dry run, nothing written" in hstlc("poll", "--full", "--dry-run").stdout
    assert "dry run, nothing written" in hstlc("get", TARGET, "--dry-run").stdout
    fetches = _json(hstlc("fetch", "--limit", 2, "--dry-run", "--json"))["fetches"]
    assert [(one["source"], one["state"]) for one in fetches] == [("cda", "due")] * 2
    assert "2 products due" in hstlc("fetch", "--limit", 2, "--dry-run").stdout
    assert _content(database) == rows
    assert _files(home) == files


def test_only_known_archives_are_asked(hstlc: Run, stand_in: StandIn) -> None:
    for arguments in (["poll", "nix"], ["fetch", "--source", "nix"], ["get", "A", "--source", "nix"]):
        hstlc("db", "upgrade")
        result = hstlc(*arguments)
        assert result.exit_code == 2
        assert result.stderr == (
            "error [usage.unknown-source]: there is no archive 'nix'\nhint: installed are: cda, csc, mast, xsa\n"
        )
    result = hstlc("archive", "check", "nix")
    assert result.exit_code == 2
    assert stand_in.log.entries == []


def test_at_least_one_archive_is_switched_on(hstlc: Run, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SOURCES:
        monkeypatch.setenv(f"HSTLC_ARCHIVES__{name.upper()}__ENABLED", "false")
    hstlc("db", "upgrade")
    for arguments in (["poll"], ["fetch"], ["get", TARGET]):
        result = hstlc(*arguments)
        assert result.exit_code == 2
        assert "error [usage.no-source]: no archive is switched on" in result.stderr
        assert "archives.<name>.enabled: true" in result.stderr
    assert stand_in.log.entries == []


def test_a_date_that_is_none(hstlc: Run, stand_in: StandIn) -> None:
    result = hstlc("poll", "--since", "yesterday")
    assert result.exit_code == 2
    assert "a date is wanted, such as 2026-11-01" in result.stderr


@pytest.mark.parametrize("options", [("--full", "--since", "2026-11-01"), ("--accept-shrunk",)])
def test_options_that_would_do_nothing_are_refused(hstlc: Run, stand_in: StandIn, options: tuple[str, ...]) -> None:
    result = hstlc("poll", *options)
    assert result.exit_code == 2
    assert "--full" in result.stderr
    assert stand_in.log.entries == []


def test_a_catalog_without_selections_is_not_asked(hstlc: Run, stand_in: StandIn) -> None:
    result = hstlc("poll", "csc")
    assert result.exit_code == 0
    assert "csc: is asked for stored selections alone, and there is none" in result.stdout
    assert "'hstlc selection add NAME --source csc' stores one" in result.stdout
    assert stand_in.log.count("sync") <= 1  # its columns


def test_a_poll_that_fails_says_why_once_and_the_others_go_on(hstlc: Run, database: str, stand_in: StandIn) -> None:
    stand_in.faults.add(fault("status:503", path="/api/v0.1/search$", times=2))
    result = hstlc("poll")
    assert result.exit_code == 4
    assert "mast archive from the beginning: 0 datasets, 0 new, 0 changed, 0 missing; failed" in result.stdout
    assert result.stdout.count("status 503") == 1
    assert "failed: [archive.status]" in result.stdout
    assert "error [step.failed]: 1 failed" in result.stderr
    assert Counter(row[0] for row in _rows(database, "SELECT source FROM remote_dataset"))["xsa"] == 6
    assert hstlc("poll", "mast").exit_code == 0


def test_who_may_not_wait_leaves_at_once(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    hstlc("poll", "mast")
    asked = len(stand_in.log.entries)
    (path,) = (path for path in home.iterdir() if path.name.endswith("archive.lock"))
    with flock(path, wait=False):
        for arguments in (["poll", "mast"], ["fetch"], ["get", TARGET, "--source", "mast"]):
            result = hstlc(*arguments, "--no-wait")
            assert result.exit_code == 6
            assert "error [lock." in result.stderr
    assert len(stand_in.log.entries) == asked


# --- fetch


def test_what_was_found_is_fetched_and_waits_where_its_mission_is_not_installed(
    hstlc: Run, database: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = "SELECT source, state, name FROM remote_product"
    hstlc("poll")
    with monkeypatch.context() as patched:
        for module in ("fetch", "admission"):
            patched.setattr(f"hstlc.pipeline.{module}.missions", lambda: {"hst": find_mission("hst")})
        first = hstlc("fetch", "--limit", 1)
        assert first.exit_code == 0
        assert ["fetched", "1"] in [line.split() for line in first.stdout.splitlines()]
        result = hstlc("fetch")
        assert result.exit_code == 0
        assert "cda: 3 products in download/waiting until the mission is installed" in result.stdout
        assert "is installed now" not in result.stdout
        counts = Counter(row[:2] for row in _rows(database, states))
        assert {state for _, state in counts} == {"done", "waiting"}
        assert counts["mast", "done"] == 4
        assert _files(home / "ingest") == [
            *("ls0000a1q_corrtag.fits", "ls0000a1q_x1d.fits", "ls0002a1q_corrtag_a.fits", "os0001010_tag.fits")
        ]
        assert len(_files(home / "download" / "waiting" / "cda")) == 4
        again = _json(hstlc("fetch", "--json"))
        assert (again["fetched"], again["fetches"]) == (0, [])
    waiting = len(_files(home / "download" / "waiting"))
    told = f"{waiting} files waited for a mission that is installed now: 'hstlc ingest' takes them in"
    assert told in hstlc("fetch").stdout
    assert hstlc("ingest", "--no-wait").exit_code == 0
    assert {row[1] for row in _rows(database, states)} == {"done"}
    assert (_files(home / "ingest"), (home / "download" / "waiting").exists()) == ([], False)
    assert {row[0] for row in _rows(database, "SELECT mission FROM metadata")} == {"chandra", "hst", "xmm"}
    assert "is installed now" not in hstlc("fetch").stdout


def test_a_fetch_as_json_tells_of_each_product(hstlc: Run, stand_in: StandIn) -> None:
    hstlc("poll", "mast")
    told = _json(hstlc("fetch", "--json"))
    assert told.keys() == {*SUMMARY_KEYS, "fetches"}
    assert {one["name"]: one["state"] for one in told["fetches"]} == dict.fromkeys(
        ("ls0000a1q_corrtag.fits", "ls0000a1q_x1d.fits", "ls0002a1q_corrtag_a.fits", "os0001010_tag.fits"), "done"
    )
    assert told["bytes_fetched"] == sum(one["bytes"] for one in told["fetches"])


def test_a_product_that_fails_is_told_and_waits_for_its_time(hstlc: Run, database: str, stand_in: StandIn) -> None:
    hstlc("poll", "mast")
    stand_in.faults.add(Fault("flip_byte", path="os0001010_tag"))
    result = hstlc("fetch")
    assert result.exit_code == 4
    assert "failed: [archive.bad-checksum]" in result.stdout
    assert "tried again after" in result.stdout
    assert "error [step.failed]: 1 failed, the first: " in result.stderr
    assert "os0001010_tag.fits" in result.stderr
    row = "SELECT state, attempts, error_code FROM remote_product WHERE name = 'os0001010_tag.fits'"
    assert _rows(database, row) == [("queued", 1, "archive.bad-checksum")]
    assert _json(hstlc("fetch", "--json"))["fetched"] == 0  # its time has not come
    assert "[archive.bad-checksum]" in hstlc("status").stdout
    assert _json(hstlc("fetch", "--retry", "--json"))["fetched"] == 1
    assert _rows(database, row) == [("done", 0, "")]


def test_a_fetch_needs_a_poll_before(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    result = hstlc("fetch")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []


# --- get


def test_a_target_becomes_light_curves_and_plots(hstlc: Run, database: str, home: Path) -> None:
    result = hstlc("get", TARGET)
    assert result.exit_code == 0
    assert f"{TARGET}: 2 datasets (mast 2)" in result.stdout
    assert "3 products fetched" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    for line in (["ingested", "2"], ["plots", "3"], ["failed", "0"]):
        assert line in lines
    assert _rows(database, "SELECT rootname, targname FROM metadata") == [
        *(("ls0000a1q", TARGET), ("os0001010", TARGET))
    ]
    assert (home / "plots" / "index.html").is_file()
    rows = _rows(database, "SELECT id, state, done_at FROM remote_product")
    again = hstlc("get", TARGET)
    assert again.exit_code == 0
    assert "nothing new to fetch" in again.stdout
    assert _rows(database, "SELECT id, state, done_at FROM remote_product") == rows


def test_a_process_of_its_own_gets_a_target(home: Path, stand_in: StandIn) -> None:
    program = [sys.executable, "-c", "from hstlc.cli.main import main; main()"]
    done = subprocess.run(
        [*program, "get", TARGET, "--source", "mast", "--no-plots", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() == {*SUMMARY_KEYS, "found"}
    assert told["found"] == [{"source": "mast", "dataset": key} for key in ("LS0000010", "OS0001010")]
    assert (told["datasets"], told["fetched"], told["ingested"], told["plots"]) == (2, 3, 2, 0)
    assert not list((home / "plots").rglob("*.html"))


def test_a_dry_run_of_get_tells_what_there_is(hstlc: Run, stand_in: StandIn) -> None:
    hstlc("db", "upgrade")
    result = hstlc("get", TARGET, "SIM-OTHER", "--dry-run", "--radius", "10 arcsec")
    assert f"{TARGET}: 2 datasets (mast 2)" in result.stdout
    assert "SIM-OTHER: 1 dataset (mast 1)" in result.stdout
    told = _json(hstlc("get", TARGET, TARGET, "--dry-run", "--json", "--source", "mast"))
    assert [one["dataset"] for one in told["found"]] == ["LS0000010", "OS0001010"]


def test_a_name_that_nobody_knows_is_told(hstlc: Run, database: str) -> None:
    result = hstlc("get", "NO SUCH THING", "--no-plots")
    assert result.exit_code == 0
    assert "NO SUCH THING: no dataset" in result.stdout
    assert "waiting: NO SUCH THING: cda, mast, xsa had no dataset of it" in result.stdout
    assert "NO SUCH THING is looked for by its name alone" in result.stderr
    assert _rows(database, "SELECT name FROM remote_product") == []


def test_one_target_that_fails_does_not_stop_the_others(
    hstlc: Run, database: str, stand_in: StandIn, tmp_path: Path
) -> None:
    listed = tmp_path / "targets.txt"
    listed.write_text(f"SIM-OTHER\n{TARGET}, {PLACE[0]}, {PLACE[1]}  # with a place\n")
    stand_in.faults.add(fault("status:400", path="/api/v0.1/search$"))
    result = hstlc("get", "--file", listed, "--source", "mast", "--no-plots")
    assert result.exit_code == 4
    assert "SIM-OTHER: no dataset" in result.stdout
    assert f"{TARGET}: 2 datasets (mast 2)" in result.stdout
    assert "failed: [archive.rejected]" in result.stdout
    assert "had no dataset" not in result.stdout
    assert _rows(database, "SELECT DISTINCT targname FROM metadata") == [(TARGET,)]


def test_a_list_of_objects_becomes_light_curves_of_their_sources_though_one_fails(
    hstlc: Run, database: str, home: Path, stand_in: StandIn, tmp_path: Path
) -> None:
    """A name of a catalog, a place, a source that is too faint and one that nobody knows; one curve cannot be put."""
    listed = tmp_path / "objects.txt"
    listed.write_text("2CXO J235959.9+010000\nPOLE, 0.001, 89.9\n2CXO J162624.0-242448\nNOWHERE, 10, 10\n")
    occupied = home / "outputs" / "SIM-SOURCE" / "acisf07999_000_r0035_curve.fits"
    (occupied / "not a file").mkdir(parents=True)
    result = hstlc("get", "--file", listed, "--source", "csc", "--significance", "5")
    assert result.exit_code == 4, result.output
    lines = result.stdout.splitlines()
    assert "1/4 2CXO J235959.9+010000: 1 dataset (csc 1)" in lines
    assert "2/4 POLE: 1 dataset (csc 1)" in lines
    assert "3/4 2CXO J162624.0-242448: no dataset" in lines
    assert "4/4 NOWHERE: no dataset" in lines
    assert f"failed: [store.io] {occupied}" in result.stdout
    assert _rows(database, "SELECT rootname FROM metadata") == [("acisf08478_000_r0043",)]
    leading = "SELECT s.gl_index IS NOT NULL FROM stats s JOIN outputs o ON o.individual_product_id = s.product_id"
    assert _rows(database, f"{leading} WHERE o.source_name <> '' AND o.lead") == [(True,)]
    assert list((home / "plots").rglob("acisf08478_000_r0043_*_broad_curve.html"))
    states = Counter(row[1] for row in _rows(database, "SELECT name, state FROM remote_product"))
    assert states == {"done": 4}
    (occupied / "not a file").rmdir()
    occupied.rmdir()
    again = hstlc("get", "--file", listed, "--source", "csc", "--significance", "5")
    assert again.exit_code == 0, again.output
    assert _rows(database, "SELECT COUNT(*) FROM download_attempt") == [(4,)]
    assert len(_rows(database, "SELECT rootname FROM metadata")) == 2


def test_a_bad_line_of_a_list_is_named_and_nothing_is_asked(
    hstlc: Run, home: Path, stand_in: StandIn, tmp_path: Path
) -> None:
    listed = tmp_path / "targets.txt"
    listed.write_text("# mine\nGJ436\nSIM-OTHER, 400, 3\n")
    result = hstlc("get", "--file", listed)
    assert result.exit_code == 2
    assert f"error [usage.target-list]: {listed}, line 3: expected a target, found 'SIM-OTHER, 400, 3'" in result.stderr
    assert hstlc("get", "--file", tmp_path / "none").exit_code == 2
    assert stand_in.log.entries == []
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("arguments", [(), ("",), ("  ",)])
def test_get_wants_a_target(hstlc: Run, stand_in: StandIn, arguments: tuple[str, ...]) -> None:
    result = hstlc("get", *arguments)
    assert result.exit_code == 2
    assert "error [usage.no-target]" in result.stderr


@pytest.mark.parametrize("radius", ["2 deg", "0 arcmin", "-1 arcmin", "2", "nan deg", "2 kg"])
def test_a_radius_is_a_small_distance(hstlc: Run, stand_in: StandIn, radius: str) -> None:
    assert hstlc("get", TARGET, "--radius", radius).exit_code == 2
    assert hstlc("selection", "add", "a", "--source", "csc", "--target", "b", "--radius", radius).exit_code == 2
    assert stand_in.log.entries == []


# --- selection


def test_a_selection_is_stored_polled_replaced_and_forgotten(hstlc: Run, database: str) -> None:
    name = "2CXO J000000.2+895400"
    result = hstlc("selection", "add", "pole", "--source", "csc", "--target", name, "--significance", 5)
    assert result.exit_code == 0
    assert result.stdout == (
        f"pole: {name} in csc, at 0.00100, 89.90000 deg; 'hstlc poll csc' looks for it"
        " (csc is not switched on: other polls leave it out)\n"
    )
    polled = hstlc("poll", "csc")
    assert "csc selection:pole from the beginning: 1 dataset, 1 new, 0 changed, 0 missing" in polled.stdout
    assert len(_rows(database, "SELECT name FROM remote_product WHERE source = 'csc'")) == 2
    hstlc("selection", "add", "pole", "--source", "xsa", "--ra", 10.5, "--dec", -5.25, "--radius", "3 arcmin")
    (stored,) = _json(hstlc("selection", "list", "--json"))
    assert {key: stored[key] for key in stored if key not in ("id", "made_at")} == {
        "name": "pole",
        "source": "xsa",
        "target": "",
        "ra_deg": 10.5,
        "dec_deg": -5.25,
        "radius_deg": 0.05,
        "minimum_significance": None,
    }
    assert "pole" in hstlc("selection", "list").stdout
    assert hstlc("selection", "remove", "pole").stdout == "pole: forgotten\n"
    assert _json(hstlc("selection", "list", "--json")) == []
    assert hstlc("selection", "list").stdout == "there are no selections; 'hstlc selection add' stores one\n"
    assert len(_rows(database, "SELECT name FROM remote_product WHERE source = 'csc'")) == 2
    again = hstlc("selection", "remove", "pole")
    assert again.exit_code == 2
    assert "error [usage.unknown-selection]: there is no selection 'pole'" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "--source", "csc"), "[usage.bad-selection]: a has no target and no place"),
        (("a", "--source", "csc", "--ra", "10"), "[usage.bad-selection]: right ascension and declination go together"),
        (("a", "--source", "csc", "--ra", "10", "--dec", "91"), "'--dec': 91.0 is not in the range"),
        (("a", "--source", "csc", "--ra", "361", "--dec", "9"), "'--ra': 361.0 is not in the range"),
        (("a", "--source", "csc", "--ra", "nan", "--dec", "9"), "[usage.bad-selection]: nan, 9.0 is no place"),
        (("a", "--source", "csc", "--target", "b", "--significance", "nan"), "a significance is a number, found nan"),
        (("a", "--source", "nix", "--target", "b"), "[usage.unknown-source]: there is no archive 'nix'"),
        (("a" * 65, "--source", "csc", "--ra", "1", "--dec", "1"), "expected at most 64 characters"),
        ((" ", "--source", "csc", "--ra", "1", "--dec", "1"), "name is empty"),
        (("a", "--target", "b"), "Missing option '--source'"),
    ],
)
def test_a_bad_selection_is_not_stored(
    hstlc: Run, home: Path, stand_in: StandIn, arguments: tuple[str, ...], said: str
) -> None:
    result = hstlc("selection", "add", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(home.iterdir()) == []
    assert stand_in.log.entries == []


def test_selections_need_a_database_to_be_listed(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    for arguments in (("list",), ("remove", "a")):
        result = hstlc("selection", *arguments)
        assert result.exit_code == 2
        assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []


# --- archive status and check


def test_the_status_of_archives_needs_no_database(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    told = _json(hstlc("archive", "status", "--json"))
    assert list(told) == SOURCES
    assert {name: one["enabled"] for name, one in told.items()} == {name: name != "csc" for name in SOURCES}
    for one in told.values():
        assert one == {
            "enabled": one["enabled"],
            "streams": [],
            "products": {},
            "paused_until": None,
            "pause_reason": "",
        }
    printed = hstlc("archive", "status").stdout
    assert "Mikulski Archive for Space Telescopes" in printed
    assert "known up to" not in printed
    assert list(home.iterdir()) == []
    assert stand_in.log.entries == []


def test_the_status_of_archives_tells_how_far_each_is_known(hstlc: Run, database: str) -> None:
    hstlc("poll", "mast")
    hstlc("fetch", "--limit", 1)
    told = _json(hstlc("archive", "status", "--json"))
    assert told["cda"]["streams"] == []
    assert [(one["stream"], one["state"], one["rows_seen"]) for one in told["mast"]["streams"]] == [
        ("archive", "done", 3),
        ("release", "done", 3),
    ]
    mark = datetime.fromisoformat(told["mast"]["streams"][0]["watermark"])
    assert mark == EARLY + timedelta(hours=2)
    products = told["mast"]["products"]
    assert {state: one["number"] for state, one in products.items()} == {"done": 1, "queued": 3}
    lines = [line.split() for line in hstlc("archive", "status").stdout.splitlines()]
    assert ["mast", "archive", "2025-03-01", "02:00:00", "done"] in [line[:5] for line in lines]
    (queued,) = (line for line in lines if line[:2] == ["mast", "queued"])
    assert queued[2:] == ["3", f"{products['queued']['bytes'] / 1e6:.2f}".rstrip("0")]


def test_every_fact_holds_of_the_stand_in(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    result = hstlc("archive", "check")
    assert result.exit_code == 0, result.stdout
    for title in ("(cda)", "(csc)", "(mast)", "(xsa)"):
        assert title in result.stdout
    assert "archives.mast.renamed_columns" in result.stdout
    told = _json(hstlc("archive", "check", "mast", "csc", "--json"))
    assert list(told) == ["csc", "mast"]
    for facts in told.values():
        assert facts
        assert {one["holds"] for one in facts} == {True}
        assert all(one.keys() == {"name", "holds", "found", "setting"} for one in facts)
    assert list(home.iterdir()) == []
    assert {entry.method for entry in stand_in.log.entries} <= {"GET", "HEAD", "POST"}


def test_a_renamed_column_is_found_and_its_key_named(hstlc: Run, stand_in: StandIn) -> None:
    world = stand_in.world
    assert world is not None
    world.rename_column("mast", "sci_targname", "sci_target_name")
    result = hstlc("archive", "check", "mast")
    assert result.exit_code == 7
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("column sci_targname "))
    assert " NO " in line
    assert line.endswith("archives.mast.renamed_columns")
    assert "error [archive.contract]" in result.stderr
    assert "the first: mast: column sci_targname" in result.stderr
    assert _json(hstlc("archive", "check", "cda", "--json"))


def test_a_dead_server_is_a_fact_that_does_not_hold(hstlc: Run, stand_in: StandIn) -> None:
    stand_in.close()
    result = hstlc("archive", "check", "--json")
    assert result.exit_code == 7
    told = json.loads(result.stdout)
    assert list(told) == SOURCES
    for facts in told.values():
        assert (facts[0]["name"], facts[0]["holds"]) == ("it answers", False)
        assert "archive." in facts[0]["found"]
        assert True not in {one["holds"] for one in facts}
    assert "error [archive.contract]: 4 things do not hold, the first: cda: it answers" in result.stderr


# --- pauses, and all of it in the status


def test_an_archive_that_asks_for_a_pause_gets_it(hstlc: Run, database: str, stand_in: StandIn) -> None:
    stand_in.faults.add(Fault("status", path="/api/v0.1/search$", arguments={"code": 429, "retry_after": 7200}))
    before = datetime.now(UTC)
    result = hstlc("poll", "mast")
    assert result.exit_code == 0
    assert "waiting: mast archive: " in result.stdout
    assert ["failed", "0"] in [line.split() for line in result.stdout.splitlines()]
    asked = len(stand_in.log.entries)
    told = _json(hstlc("archive", "status", "--json"))["mast"]
    until = datetime.fromisoformat(told["paused_until"])
    assert timedelta(hours=1.9) < until - before < timedelta(hours=2.1)
    assert told["pause_reason"]
    assert f"mast is left alone until {until:%Y-%m-%d %H:%M:%S}" in hstlc("archive", "status").stdout
    for arguments in (
        ["poll", "mast"],
        ["fetch", "--source", "mast"],
        ["get", TARGET, "SIM-OTHER", "--source", "mast", "--no-plots"],
    ):
        result = hstlc(*arguments)
        assert result.exit_code == 0
        assert result.stdout.count(f"waiting: mast is left alone until {until:%Y-%m-%d %H:%M} UTC") == 1
        assert "had no dataset" not in result.stdout
    walks = _json(hstlc("poll", "mast", "--json"))["walks"]
    assert [(walk["state"], walk["stream"]) for walk in walks] == [("skipped", "")]
    assert [entry for entry in stand_in.log.entries[asked:] if "/search" in entry.path] == []
    assert _rows(database, "SELECT error_code FROM archive_walk") == [("archive.paused",)]


def test_the_status_tells_what_came_and_what_did_not(hstlc: Run, database: str, stand_in: StandIn) -> None:
    hstlc("poll", "mast")
    stand_in.faults.add(fault("status:404", path="os0001010_tag"))
    hstlc("fetch")
    found = _json(hstlc("status", "--json"))
    assert found["ingest_files"] == 3
    assert [(one["source"], one["state"], one["products"]) for one in found["products"]] == [
        ("mast", "done", 3),
        ("mast", "queued", 1),
    ]
    (failed,) = found["failed_products"]
    assert (failed["code"], failed["name"]) == ("archive.no-product", "os0001010_tag.fits")
    assert found["failed_runs"][0]["command"] == "fetch"
    printed = hstlc("status").stdout
    assert "3 files wait in the ingest folder" in printed
    assert "[archive.no-product]" in printed
    assert max(map(len, printed.splitlines())) <= 100


# --- the daemon


def test_a_daemon_does_its_jobs_once(hstlc: Run, database: str, home: Path) -> None:
    result = hstlc("daemon", "--once", "--jobs", "poll, fetch")
    assert (result.exit_code, result.stdout) == (0, "")
    assert _rows(database, "SELECT name, status FROM job") == [("fetch", "done"), ("poll", "done")]
    assert len(_files(home / "ingest")) == 26
    assert not (home / "daemon.json").exists()
    found = _json(hstlc("status", "--json"))
    assert found["daemon"]["state"] == "none"
    assert [(job["name"], job["failures"]) for job in found["jobs"]] == [("poll", 0), ("fetch", 0)]
    assert hstlc("status", "--check").exit_code == 4


def test_a_daemon_has_no_other_jobs(hstlc: Run, home: Path, stand_in: StandIn) -> None:
    result = hstlc("daemon", "--once", "--jobs", "poll,dance")
    assert result.exit_code == 2
    assert "error [usage.unknown-job]: expected names of jobs, found dance" in result.stderr
    assert list(home.iterdir()) == []
    assert stand_in.log.entries == []
