"""Plots: drawn of every light curve, and again when and only when what they show changed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from composite_runs import execute, ingest, visit
from plot_runs import (
    PAGES,
    SCRIPT,
    STATIC,
    SUMMARIES,
    TABLES,
    Links,
    broken_links,
    make_plots,
    plotted,
    snapshot,
    view,
    views,
    visits,  # noqa: F401
    whole_state,
    written,
)
from store_state import Store, files_of, footprint, recalibrated

from hstlc.config import load
from hstlc.db.plots import VIEWS
from hstlc.errors import LockHeldError, StoreError
from hstlc.pipeline.context import open_store
from hstlc.plots import page as page_of_curves
from hstlc.store import disk

# ruff: noqa: F811

FIRST, SECOND, THIRD = (f"SIM-STAR/lsim0{number}aaq_curve" for number in (1, 2, 3))
OTHER = "SIM-OTHER/lsim09aaq_curve"
STAR = "composite/hlsp_hstlc_hst_cos-fuv_sim-star_g130m_1291_psa_v1_sci"
LONE = "composite/hlsp_hstlc_hst_cos-fuv_sim-other_g130m_1291_psa_v1_sci"
CURVES = (FIRST, SECOND, OTHER, STAR, LONE)
EVERYTHING = PAGES.union(*map(views, CURVES))


@pytest.fixture
def sqlite_store(tmp_path):
    """A function that returns a new store on SQLite."""

    def make(name="home"):
        (tmp_path / name).mkdir()
        return Store(tmp_path / name, f"sqlite:///{tmp_path / name / 'hstlc.db'}")

    return make


@pytest.fixture(scope="session")
def prepared(visits, tmp_path_factory):
    """Data trees of three exposures and their two composites, ``plain`` without plots and ``drawn`` with them."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "plain").mkdir()
    store = Store(folder / "plain", f"sqlite:///{folder / 'plain' / 'hstlc.db'}")
    assert ingest(store, *visits.days[:2], visits.other).failures == []
    shutil.copytree(store.home, folder / "drawn")
    assert make_plots(Store(folder / "drawn", f"sqlite:///{folder / 'drawn' / 'hstlc.db'}")).failures == []
    return folder


@pytest.fixture
def copied(prepared, tmp_path):
    """A function that returns a store that is a copy of a prepared one."""

    def copy(which, name="home"):
        shutil.copytree(prepared / which, tmp_path / name)
        return Store(tmp_path / name, f"sqlite:///{tmp_path / name / 'hstlc.db'}")

    return copy


@pytest.fixture
def plain(copied):
    """A store on SQLite with three exposures and their two composites, without plots."""
    return copied("plain")


@pytest.fixture
def drawn(copied):
    """The same with plots."""
    return copied("drawn")


def spoil(path):
    """Change the last byte of a file; return what it was."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    return whole


# --- what is written, and when


def test_every_curve_gets_four_plots_and_a_second_run_writes_nothing(store, visits):
    ingest(store, *visits.days[:2], visits.other)
    before = snapshot(store)
    summary = make_plots(store)
    assert (summary.plots, summary.pages, summary.failures) == (len(CURVES), len(PAGES), [])
    assert plotted(store) == EVERYTHING
    assert written(store, before) == EVERYTHING
    assert broken_links(store.settings.plot_dir) == []
    assert store.verify().clean
    state, before = whole_state(store), snapshot(store)
    again = make_plots(store)
    assert (again.plots, again.pages, again.failures) == (0, 0, [])
    assert snapshot(store) == before
    assert whole_state(store) == state


def test_plots_are_rows_that_name_the_curve_they_show(drawn):
    state = whole_state(drawn)
    curves = {(row["kind"], row["key"]): row for row in state.rows["product"]}
    shown = [row for row in state.rows["product"] if row["kind"] in VIEWS]
    assert len(shown) == len(VIEWS) * len(CURVES)
    for row in shown:
        assert row["input_digest"] == curves[row["parent_id"]]["sha256"]
        assert row["key"] == row["parent_id"][1]
        assert state.files[f"{row['path']}/{row['filename']}"] == row["sha256"]
    pages = {row["key"]: row for row in state.rows["product"] if row["kind"] == "folder-page"}
    assert pages.keys() == PAGES
    assert {row["parent_id"] for row in pages.values()} == {None}


def test_one_exposure_more_writes_its_plots_those_of_its_composite_and_pages_that_changed(store, visits):
    ingest(store, *visits.days[:2], visits.other)
    make_plots(store)
    ingest(store, visits.days[2])
    before = snapshot(store)
    summary = make_plots(store)
    assert (summary.plots, summary.failures) == (2, [])
    changed = written(store, before)
    pages = changed - views(THIRD) - views(STAR)
    assert changed - pages == views(THIRD) | views(STAR)
    assert summary.pages == len(pages)
    assert {"index.html", "all_hstlc.html"} <= pages <= PAGES - STATIC
    after = snapshot(store)
    for path in changed:
        assert before.get(f"plots/{path}", ("",) * 3)[2] != after[f"plots/{path}"][2], "the same bytes, written again"
    assert broken_links(store.settings.plot_dir) == []
    assert store.verify().clean


def test_a_newer_version_redraws_its_curve_and_its_composite_alone(drawn, visits, tmp_path):
    ingest(drawn, recalibrated(tmp_path, visits.days[0], "4.0"))
    before = snapshot(drawn)
    assert make_plots(drawn).plots == 2
    assert written(drawn, before) <= views(FIRST) | views(STAR) | PAGES - STATIC
    assert drawn.verify().clean


def test_another_target_name_moves_the_plots(drawn, visits, tmp_path):
    ingest(drawn, recalibrated(tmp_path, visits.days[1], "4.0", TARGNAME="SIM-OTHER"))
    summary = make_plots(drawn)
    assert (summary.plots, summary.failures) == (3, [])
    moved = "SIM-OTHER/lsim02aaq_curve"
    assert plotted(drawn) == (EVERYTHING - views(SECOND)) | views(moved)
    assert broken_links(drawn.settings.plot_dir) == []
    assert drawn.verify().clean
    assert make_plots(drawn).plots == 0


# --- the command and its options


@pytest.fixture
def command(hstlc, home, prepared):
    """A function that runs ``hstlc make-plots ... --json`` on three exposures and returns exit code and summary."""
    shutil.copytree(prepared / "plain", home, dirs_exist_ok=True)

    def run(*arguments):
        result = hstlc("make-plots", "--json", *arguments)
        return result.exit_code, json.loads(result.stdout)

    return run


def counts(answer):
    code, summary = answer
    assert code == 0
    assert summary["failed"] == []
    return summary["plots"], summary["pages"]


def test_individual_and_composite_draw_their_own(command, home):
    plots = home / "plots"
    assert counts(command("individual")) == (3, len(PAGES))
    assert not (plots / "composite").exists()
    assert broken_links(plots) == []
    drawn, pages = counts(command("composite"))
    assert drawn == 2
    assert 0 < pages < len(PAGES)
    assert broken_links(plots) == []
    assert counts(command()) == (0, 0)


def test_summary_alone_draws_no_curve(command, home):
    assert counts(command("--summary")) == (0, len(PAGES))
    assert {str(path.relative_to(home / "plots")) for path in (home / "plots").rglob("*.*")} == PAGES
    assert broken_links(home / "plots") == []
    assert counts(command("--summary")) == (0, 0)
    assert counts(command())[0] == len(CURVES)


def test_stale_draws_again_what_other_settings_drew_and_nothing_else(command, home, monkeypatch):
    command()
    monkeypatch.setenv("HSTLC_STATS__INTERESTING_P", "0.01")
    monkeypatch.setenv("HSTLC_MISSIONS__HST__BURST_FACTOR", "7")
    assert counts(command("--stale")) == (0, 0)
    monkeypatch.setenv("HSTLC_STATS__OVERSAMPLING", "3")
    before = {name: (home / "plots" / name).read_bytes() for name in EVERYTHING}
    assert counts(command()) == (0, 0)
    assert counts(command("individual", "--stale")) == (3, 0)
    assert counts(command("--stale")) == (2, 0)
    assert counts(command("--stale")) == (0, 0)
    changed = {name for name, content in before.items() if (home / "plots" / name).read_bytes() != content}
    assert changed == {view(curve, "periodogram") for curve in CURVES}


def test_a_dry_run_counts_and_writes_nothing(command, home):
    def content():
        return {path: kept for path, kept in footprint(home).items() if not path.endswith(("-shm", "-wal"))}

    before = content()
    code, summary = command("--dry-run")
    assert (code, summary["plots"], summary["dry_run"]) == (0, len(CURVES), True)
    assert command("composite", "--dry-run")[1]["plots"] == 2
    assert content() == before
    command()
    before = content()
    assert command("--dry-run", "--stale")[1]["plots"] == 0
    assert content() == before


def test_the_command_tells_what_it_did(hstlc, command):
    said = hstlc("make-plots").stdout.split()
    assert said[said.index("plots") + 1] == str(len(CURVES))
    assert said[said.index("pages") + 1] == str(len(PAGES))
    assert said[said.index("failed") + 1] == "0"
    assert hstlc("make-plots", "--quiet").output == ""
    assert hstlc("make-plots", "neither").exit_code == 2


def test_it_leaves_at_once_when_another_process_writes(hstlc, command, home):
    before = footprint(home / "outputs")
    with open_store(load(None, {"HSTLC_HOME_DIR": str(home)})):
        ended = hstlc("make-plots", "--no-wait")
    assert ended.exit_code == 6
    assert "[lock.held]" in ended.stderr
    assert "hint: " in ended.stderr
    assert footprint(home / "outputs") == before
    assert not list((home / "plots").iterdir())


def test_postgresql_has_one_writer_too(store, visits):
    if store.url.startswith("sqlite"):
        pytest.skip("its lock is that of the command")
    ingest(store, visits.other)
    with store.open(), pytest.raises(LockHeldError):
        make_plots(store, wait=False)
    assert make_plots(store).plots == 2


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--summary",)])
def test_without_a_database_it_says_so_and_makes_none(hstlc, home, options):
    ended = hstlc("make-plots", *options)
    assert ended.exit_code == 2
    assert "[usage.no-database]" in ended.stderr
    assert "hint: " in ended.stderr
    assert list(home.iterdir()) == []


def test_a_store_without_curves_gets_pages_that_say_so(sqlite_store):
    store = sqlite_store()
    ingest(store)
    summary = make_plots(store)
    assert (summary.plots, summary.failures) == (0, [])
    assert plotted(store) == PAGES - {"pie_config_cos_fuv.html"}
    assert broken_links(store.settings.plot_dir) == []
    assert make_plots(store).pages == 0


# --- names and places

NAMES = (
    "../x",
    "..",
    "a b",
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE product --",
    "%s{0}%41",
    "#?&=:;",
    "C:\\x",
    "T" * 67,
    "static",
    "composite",
    "sim-star",
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """An exposure of each target, and one of SIM-STAR."""
    folder = tmp_path_factory.mktemp("odd")
    return [visit(folder, 10 + i, targname=name)[0] for i, name in enumerate((*NAMES, "SIM-STAR"))]


def test_hostile_target_names_stay_in_the_plot_folder_and_every_link_is_right(sqlite_store, odd, tmp_path):
    store = sqlite_store()
    assert ingest(store, *odd).failures == []
    outside = {path for path in tmp_path.rglob("*") if "plots" not in path.parts}
    summary = make_plots(store)
    curves = 2 * len(odd) - 1  # 'sim-star' is SIM-STAR
    assert (summary.plots, summary.failures) == (curves, [])
    assert {path for path in tmp_path.rglob("*") if "plots" not in path.parts} == outside
    assert len(plotted(store)) == len(VIEWS) * curves + len(PAGES)
    assert broken_links(store.settings.plot_dir) == []
    assert store.verify().clean
    assert b"<img src=x onerror" not in b"".join(path.read_bytes() for path in store.home.rglob("plots/**/*.html"))


@pytest.mark.parametrize("name", ["index.html", "opt_elem.html"])
def test_a_target_that_is_called_like_a_page_does_not_keep_it_from_being_written(sqlite_store, tmp_path, name):
    store = sqlite_store()
    ingest(store, *visit(tmp_path / "given", 5, targname=name))
    assert make_plots(store).failures == []
    assert (store.settings.plot_dir / name).is_file()


def test_plots_in_a_folder_elsewhere(plain, tmp_path):
    store = plain.configured(plot_dir=str(tmp_path / "pages #1 of 100% & more"))
    summary = make_plots(store)
    assert (summary.plots, summary.failures) == (len(CURVES), [])
    assert plotted(store) == EVERYTHING
    assert not list((store.home / "plots").rglob("*")) if (store.home / "plots").exists() else True
    assert broken_links(store.settings.plot_dir) == []
    assert make_plots(store).plots == 0
    assert store.verify().clean


@pytest.mark.parametrize("way", ["out", "back"])
def test_another_plot_folder_gets_everything(plain, tmp_path, way):
    places = [plain, plain.configured(plot_dir=str(tmp_path / "elsewhere"))]
    before, after = places if way == "out" else places[::-1]
    make_plots(before)
    assert make_plots(after).failures == []
    assert plotted(after) == EVERYTHING
    assert broken_links(after.settings.plot_dir) == []
    assert after.verify().clean


# --- plots and curves that are gone or damaged


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["deleted", "cut"])
@pytest.mark.parametrize("kind", VIEWS)
def test_a_plot_that_was_deleted_or_cut_is_drawn_again(drawn, kind, damage):
    state, before = whole_state(drawn), snapshot(drawn)
    damage(drawn.settings.plot_dir / view(SECOND, kind))
    assert make_plots(drawn, kinds=("composite",)).plots == 0
    summary = make_plots(drawn)
    assert (summary.plots, summary.pages, summary.failures) == (1, 0, [])
    assert view(SECOND, kind) in written(drawn, before) <= views(SECOND)
    assert whole_state(drawn) == state
    assert drawn.verify().clean


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["deleted", "cut"])
@pytest.mark.parametrize("name", ["index.html", "null_hstlc.html", "opt_elem.html", "static/hstlc.css", SCRIPT])
def test_a_page_over_all_that_was_deleted_or_cut_is_written_again_and_no_other(drawn, name, damage):
    state, before = whole_state(drawn), snapshot(drawn)
    damage(drawn.settings.plot_dir / name)
    summary = make_plots(drawn)
    assert (summary.plots, summary.pages, summary.failures) == (0, 1, [])
    assert written(drawn, before) == {name}
    assert whole_state(drawn) == state


def test_a_damaged_curve_is_a_failure_that_names_it_and_stops_no_other(hstlc, home, prepared):
    shutil.copytree(prepared / "plain", home, dirs_exist_ok=True)
    damaged = home / "outputs" / f"{FIRST}.fits"
    whole = spoil(damaged)
    ended = hstlc("make-plots")
    assert ended.exit_code == 4
    assert f"failed: [data.changed] {damaged}: the light curve is not the one that was recorded" in ended.stdout
    assert "hstlc ingest --stale" in ended.stdout
    found = {str(path.relative_to(home / "plots")) for path in (home / "plots").rglob("*.*")}
    assert found == EVERYTHING - views(FIRST)
    assert broken_links(home / "plots") == []
    assert hstlc("make-plots").exit_code == 4
    damaged.write_bytes(whole)
    assert hstlc("make-plots").exit_code == 0
    found = {str(path.relative_to(home / "plots")) for path in (home / "plots").rglob("*.*")}
    assert found == EVERYTHING


def test_a_curve_that_was_deleted_by_hand_is_a_failure_that_names_it(plain):
    lost = plain.home / "outputs" / f"{FIRST}.fits"
    whole = lost.read_bytes()
    lost.unlink()
    summary = make_plots(plain)
    (failure,) = summary.failures
    assert failure.code == "data.vanished"
    assert str(lost) in failure.message
    assert failure.hint
    assert summary.plots == len(CURVES) - 1
    lost.write_bytes(whole)
    assert make_plots(plain).failures == []
    assert plotted(plain) == EVERYTHING


def test_a_programming_error_in_one_curve_stops_no_other(plain, monkeypatch, caplog):
    from hstlc.pipeline import drawing

    read = drawing.read_light_curve

    def odd_one(path):
        if path.name == Path(OTHER).name + ".fits":
            raise ZeroDivisionError("nothing to divide by")
        return read(path)

    monkeypatch.setattr(drawing, "read_light_curve", odd_one)
    summary = make_plots(plain)
    assert [failure.code for failure in summary.failures] == ["step.unexpected"]
    assert "ZeroDivisionError" in caplog.text
    assert summary.plots == len(CURVES) - 1
    assert not list(plain.home.rglob("*.part"))
    monkeypatch.undo()
    assert make_plots(plain).plots == 1


# --- plots of what is gone


def test_plots_go_with_the_exposure_that_a_newer_version_rejects(store, visits, tmp_path):
    ingest(store, *visits.days[:2], visits.other)
    make_plots(store)
    for path in (visits.days[0], visits.other):
        ingest(store, recalibrated(tmp_path / "bad", path, "4.0", EXPFLAG="INTERRUPTED"))
    assert store.verify().clean
    before = snapshot(store)
    summary = make_plots(store)
    assert (summary.plots, summary.failures) == (1, [])
    assert plotted(store) == PAGES | views(SECOND) | views(STAR)
    assert written(store, before) <= EVERYTHING - views(SECOND) - STATIC
    assert not (store.settings.plot_dir / "SIM-OTHER").exists()
    state = whole_state(store)
    assert {row["key"] for row in state.rows["product"] if row["kind"] in VIEWS} == {
        "hst/lsim02aaq//", "hst/COS/FUV/SIM-STAR/G130M/1291/PSA",
    }  # fmt: skip
    assert state.rows["pending_removal"] == []
    assert broken_links(store.settings.plot_dir) == []
    assert store.verify().clean
    assert (make_plots(store).plots, make_plots(store).pages) == (0, 0)


def test_a_rejected_exposure_that_came_back_has_its_plots(drawn, visits, tmp_path):
    ingest(drawn, recalibrated(tmp_path / "bad", visits.other, "4.0", EXPFLAG="INTERRUPTED"))
    ingest(drawn, recalibrated(tmp_path / "good", visits.other, "5.0"))
    assert make_plots(drawn).plots == 2
    assert plotted(drawn) == EVERYTHING
    assert drawn.verify().clean


def test_the_page_of_a_detector_goes_with_its_last_composite(sqlite_store, visits, tmp_path):
    store = sqlite_store()
    setup = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
    near = visit(tmp_path / "given", 7, targname="SIM-NUV", **setup)[0]
    ingest(store, visits.days[0], near)
    make_plots(store)
    assert (store.settings.plot_dir / "pie_config_cos_nuv.html").is_file()
    ingest(store, recalibrated(tmp_path / "bad", near, "4.0", EXPFLAG="INTERRUPTED"))
    assert make_plots(store).failures == []
    assert plotted(store) == PAGES | views(FIRST) | views(STAR)
    assert broken_links(store.settings.plot_dir) == []
    assert store.verify().clean


def test_the_plots_of_a_renamed_composite_move_along(drawn):
    renamed = drawn.configured(hlsp__profile="mast")
    assert ingest(renamed, stale=True).composites == 2
    before = snapshot(drawn)
    assert make_plots(renamed).plots == 2
    new = [f"composite/hlsp_hstlc_hst_cos-fuv_sim-{name}_g130m-c1291-psa_v1_lc" for name in ("star", "other")]
    assert plotted(drawn) == (EVERYTHING - views(STAR) - views(LONE)).union(*map(views, new))
    assert written(drawn, before).isdisjoint(views(FIRST) | views(SECOND) | views(OTHER) | STATIC)
    assert broken_links(drawn.settings.plot_dir) == []
    assert drawn.verify().clean


def test_the_page_of_a_periodogram_goes_when_too_few_bins_are_left(drawn):
    wider = drawn.configured(missions__hst__bin_width="10 s")
    ingest(wider, stale=True)
    assert make_plots(wider).failures == []
    without = {view(curve, "periodogram") for curve in (FIRST, SECOND, OTHER, STAR, LONE)}
    kept = plotted(drawn) & without
    assert plotted(drawn) == EVERYTHING - without | kept
    assert view(OTHER, "periodogram") not in kept
    page = drawn.settings.plot_dir / view(OTHER, "page")
    assert not [url for url in Links(page).urls if url.endswith("_periodogram.html")]
    assert broken_links(drawn.settings.plot_dir) == []
    assert drawn.verify().clean
    ingest(drawn, stale=True)
    make_plots(drawn)
    assert plotted(drawn) == EVERYTHING


def test_a_curve_without_statistics_is_drawn_and_stands_in_the_null_table(plain):
    name = f"{Path(OTHER).name}.fits"
    execute(plain, f"DELETE FROM stats WHERE lightcurve_filename = '{name}'")
    assert make_plots(plain).failures == []
    assert plotted(plain) == EVERYTHING
    tables = {table: name in (plain.settings.plot_dir / table).read_text() for table in TABLES}
    assert tables == {"all_hstlc.html": True, "null_hstlc.html": True, "interesting_hstlc.html": False,
                      "boring_hstlc.html": False}  # fmt: skip
    plain.build_statistics()
    before = snapshot(plain)
    summary = make_plots(plain)
    assert summary.plots == 0
    assert 0 < summary.pages == len(written(plain, before))
    assert written(plain, before) <= TABLES | {"index.html"}


# --- the same bytes

RUN = """
import sys
from hstlc.cli.main import cli
workers, *paths = sys.argv[1:]
cli(["ingest", "--quiet", "-j", workers, *paths], standalone_mode=False)
cli(["make-plots", "--quiet", "-j", workers], standalone_mode=False)
"""


def test_two_homes_and_two_workers_give_the_same_bytes(visits, tmp_path):
    found = []
    for workers, name in (("1", "one"), ("2", "a home of another length")):
        environment = {**os.environ, "HSTLC_HOME_DIR": str(tmp_path / name), "PYTHONHASHSEED": workers}
        command = [sys.executable, "-c", RUN, workers, *map(str, visits.days), str(visits.other)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        found.append(files_of(tmp_path / name, ("plots", "outputs")))
    assert {path.removeprefix("plots/") for path in found[0] if path.startswith("plots/")} == EVERYTHING | views(THIRD)
    assert found[1] == found[0]


def test_the_way_there_does_not_show_in_the_bytes(sqlite_store, visits):
    together, one_by_one = sqlite_store("together"), sqlite_store("one by one")
    ingest(together, *visits.days, visits.other)
    make_plots(together)
    for path in (visits.other, *visits.days[::-1]):
        ingest(one_by_one, path)
        make_plots(one_by_one, kinds=("composite",))
        make_plots(one_by_one)
    assert whole_state(one_by_one) == whole_state(together)


# --- a disk that refuses


@pytest.mark.parametrize("operation", ["create", "write", "replace", "fsync_directory"])
@pytest.mark.parametrize("allowed", [1, 9, 25])
def test_a_full_disk_is_a_clear_error_and_the_next_run_draws_the_rest(drawn, visits, monkeypatch, operation, allowed):
    ingest(drawn, visits.days[2])
    given = files_of(drawn.home)
    real, calls = getattr(disk, operation), 0

    def refuse(*arguments):
        nonlocal calls
        calls += 1
        if calls > allowed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(disk, operation, refuse)
        try:
            failures = make_plots(drawn, everything=True).failures
        except StoreError as error:
            failures = [error]
    if calls > allowed:
        assert failures
    for failure in failures:
        assert failure.code == "store.full"
        assert str(drawn.settings.plot_dir) in failure.message
        assert "space" in failure.hint
    assert files_of(drawn.home) == given
    assert make_plots(drawn).failures == []
    assert plotted(drawn) == EVERYTHING | views(THIRD)
    assert broken_links(drawn.settings.plot_dir) == []
    assert drawn.verify().clean


@pytest.mark.parametrize("name", ["opt_elem.html", SCRIPT])
def test_a_new_page_that_could_not_be_written_is_written_by_the_next_run(plain, monkeypatch, name):
    real = disk.replace

    def refuse(source, target):
        if target == plain.settings.plot_dir / name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "replace", refuse)
        assert [failure.what for failure in make_plots(plain).failures] == [name]
    make_plots(plain)
    assert plotted(plain) == EVERYTHING


def test_too_little_free_space_draws_nothing(plain):
    summary = plain.configured(min_free_space="1000 TB")
    try:
        failures = make_plots(summary).failures
    except StoreError as error:
        failures = [error]
    assert {failure.code for failure in failures} == {"store.full"}
    assert plotted(plain) == set()


# --- another version of the library that draws


@pytest.fixture
def upgrade(monkeypatch):
    """A function that puts another version of Bokeh in the place of this one."""

    def change(number):
        script = f"bokeh-{number}.min.js", page_of_curves.bokeh_script()[1] + f"\n// {number}\n".encode()
        monkeypatch.setattr("hstlc.pipeline.plots.version", lambda name: {"bokeh": number}[name])
        monkeypatch.setattr(page_of_curves, "bokeh_script", lambda: script)
        return f"static/{script[0]}"

    return change


def test_an_upgrade_draws_nothing_until_asked_and_old_pages_keep_their_script(drawn, upgrade):
    before = snapshot(drawn)
    new = upgrade("99.0.0")
    summary = make_plots(drawn)
    assert (summary.plots, summary.failures) == (0, [])
    assert written(drawn, before) == SUMMARIES | {new}
    assert summary.pages == len(SUMMARIES) + 1
    assert broken_links(drawn.settings.plot_dir) == []
    pages = [drawn.settings.plot_dir / view(curve, "page") for curve in CURVES]
    assert {Path(url).name for page in pages for url in Links(page).urls if url.endswith(".js")} == {Path(SCRIPT).name}
    before = snapshot(drawn)
    assert (make_plots(drawn).pages, snapshot(drawn)) == (0, before)
    stale = make_plots(drawn, everything=True)
    assert (stale.plots, stale.pages) == (len(CURVES), 0)
    assert {Path(url).name for page in pages for url in Links(page).urls if url.endswith(".js")} == {Path(new).name}
    assert plotted(drawn) == EVERYTHING - {SCRIPT} | {new}  # no page needs the old one any more
    assert broken_links(drawn.settings.plot_dir) == []
    assert drawn.verify().clean


def test_a_curve_that_changes_after_an_upgrade_gets_the_new_script_and_the_others_keep_theirs(drawn, upgrade, visits):
    new = upgrade("99.0.0")
    ingest(drawn, visits.days[2])
    assert make_plots(drawn).plots == 2
    scripts = {}
    for curve in (*CURVES, THIRD):
        urls = Links(drawn.settings.plot_dir / view(curve, "page")).urls
        (scripts[curve],) = {Path(url).name for url in urls if url.endswith(".js")}
    renewed = {curve for curve, script in scripts.items() if script == Path(new).name}
    assert renewed == {THIRD, STAR}
    assert broken_links(drawn.settings.plot_dir) == []


def test_an_old_script_that_was_deleted_leaves_no_page_without_one(drawn, upgrade):
    upgrade("99.0.0")
    make_plots(drawn)
    (drawn.settings.plot_dir / SCRIPT).unlink()
    make_plots(drawn)
    assert broken_links(drawn.settings.plot_dir) == []
    assert drawn.verify().clean
