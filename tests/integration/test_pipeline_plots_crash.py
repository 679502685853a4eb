"""A process that dies while it draws loses nothing, and the next run ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from composite_runs import ingest, visit
from plot_runs import TREE, broken_links, make_plots, visits, whole_state  # noqa: F401
from store_state import CRASHED, Store, act_and_die, files_of, points_of, recalibrated
from test_pipeline_crash import copies

# ruff: noqa: F811

warm = multiprocessing.get_context("forkserver")
LIBRARIES = "pytest alembic.command astropy.io.fits astropy.table scipy.stats nifty_ls bokeh.plotting PIL.Image jinja2"
OURS = "testing.cos testing.databases missions.hst pipeline.ingest pipeline.plots plots.page plots.periodogram"
warm.set_forkserver_preload([*LIBRARIES.split(), *(f"hstlc.{name}" for name in OURS.split())])

DRAWING = {"staged", "staged-fsync", "published", "published-fsync", "before-commit", "committed"}


def draw(store):
    return make_plots(store)


def everything(store, visits, tmp_path):
    """No plots as yet."""
    ingest(store, *visits.days[:2], visits.other)


def one_more(store, visits, tmp_path):
    """One curve without plots, one that changed, pages that show both."""
    everything(store, visits, tmp_path)
    make_plots(store)
    ingest(store, visits.days[2])


def gone(store, visits, tmp_path):
    """Plots of which there are no curves any more."""
    everything(store, visits, tmp_path)
    make_plots(store)
    ingest(store, recalibrated(tmp_path / "bad", visits.other, "4.0", EXPFLAG="INTERRUPTED"))


def back_again(store, visits, tmp_path):
    """The same, but another version of the exposure came: new plots take the names of the old ones."""
    gone(store, visits, tmp_path)
    ingest(store, recalibrated(tmp_path / "good", visits.other, "5.0"))


def fewer_plots(store, visits, tmp_path):
    """Curves of so few bins that their periodograms go."""
    everything(store, visits, tmp_path)
    make_plots(store)
    ingest(store.configured(missions__hst__bin_width="10 s"), stale=True)


def a_detector_less(store, visits, tmp_path):
    """A page over all curves that is to go."""
    setup = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
    near = visit(tmp_path / "given", 7, targname="SIM-NUV", **setup)[0]
    ingest(store, visits.days[0], near)
    make_plots(store)
    ingest(store, recalibrated(tmp_path / "bad", near, "4.0", EXPFLAG="INTERRUPTED"))


SCENARIOS = {
    everything: DRAWING,
    one_more: DRAWING,
    a_detector_less: DRAWING | {"unlinked"},
    back_again: DRAWING | {"unlinked"},
    fewer_plots: DRAWING | {"unlinked"},
}


@pytest.fixture
def prepared(tmp_path, visits):
    """A function that returns a store on SQLite that a scenario prepared."""

    def prepare(scenario):
        home = tmp_path / "home"
        home.mkdir()
        store = Store(home, f"sqlite:///{home / 'database.db'}")
        scenario(store, visits, tmp_path)
        return store

    return prepare


def crash(store, point, number):
    process = warm.Process(target=act_and_die, args=(store, draw, point, number))
    process.start()
    process.join(120)
    return process.exitcode


def assert_in_order(store, expected, where):
    """Assert that rows and files are as expected, and nothing is left over."""
    state = whole_state(store)
    assert state.rows == expected.rows, where
    assert state.files == expected.files, where
    assert not list(store.home.rglob("*.part")), where
    assert broken_links(store.settings.plot_dir) == [], where
    assert store.verify().clean, where


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_crash_while_drawing_loses_nothing_and_the_next_run_ends_the_same(scenario, prepared, tmp_path):
    store = prepared(scenario)
    kept = {digest for path, digest in files_of(store.home, TREE).items() if not path.startswith("plots/")}
    with copies("sqlite", store, tmp_path) as copy:
        undisturbed = copy("undisturbed")
        trace = points_of(undisturbed, draw)
        assert set(trace) == SCENARIOS[scenario]
        expected = whole_state(undisturbed)
        for point in sorted(set(trace)):
            for number in sorted({1, trace.count(point)} if scenario is one_more else {trace.count(point)}):
                where = f"{point}, time {number} of {trace.count(point)}"
                tried = copy(f"{point}-{number}")
                assert crash(tried, point, number) == CRASHED, where
                assert kept <= set(files_of(tried.home, TREE).values()), where
                assert draw(tried).failures == [], where
                assert_in_order(tried, expected, where)


def test_what_an_interrupted_deletion_left_to_be_deleted_is_not_what_is_drawn_next(prepared):
    store = prepared(back_again)
    assert crash(store, "unlinked", 1) == CRASHED
    draw(store)
    rows = [row for row in whole_state(store).rows["product"] if row["kind"] in ("page", "plot", "quicklook")]
    assert [row["filename"] for row in rows if not (store.home / row["path"] / row["filename"]).is_file()] == []


def test_a_crash_in_a_plot_folder_elsewhere_leaves_nothing_there(prepared, tmp_path):
    store = prepared(everything)
    elsewhere = replace(store, environ={"HSTLC_PLOT_DIR": str(tmp_path / "elsewhere")})
    assert crash(elsewhere, "staged-fsync", 3) == CRASHED
    assert list(Path(tmp_path / "elsewhere").rglob("*.part"))
    assert draw(elsewhere).failures == []
    assert not list(Path(tmp_path / "elsewhere").rglob("*.part"))
    assert elsewhere.verify().clean
