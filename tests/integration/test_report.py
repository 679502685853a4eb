"""``hstlc report``: the page over the sources of an object, and the folder that it is in."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from browser import DESKTOP, PHONE, WatchedPage
from click.testing import Result
from plot_runs import broken_links, visits  # noqa: F401
from source_curves import source_curves
from source_store import give_sources
from store_state import Store

from hstlc.errors import HstlcError, RejectedError, StoreError, UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.pipeline.report import INDEX, MARKER, Report, make_report
from hstlc.pipeline.report_choice import Choice, find_object
from hstlc.pipeline.results import Summary
from hstlc.pipeline.same_source import join_sources
from hstlc.pipeline.statistics import build_statistics
from hstlc.store.run import run_id

BRIGHT, FAINT, HOSTILE = "SIM J0102+0304", "SIM J0102+0305", "<script>alert(1)</script> \"'& $$x$$"

Command = Callable[..., Result]


def fill(store: Store) -> Store:
    """Give a store two exposures of three sources, one of them with a hostile name."""
    for number in (1, 2):
        seen = {
            BRIGHT: source_curves(0.05, seed=number),
            FAINT: source_curves(0.004, name=FAINT, flare=False, seed=number),
            HOSTILE: source_curves(0.01, name=HOSTILE, flare=False, seed=number),
        }
        give_sources(store, f"sim0000{number}", seen, start_mjd=54620.25 + number)
    with store.open() as context:
        join_sources(context)
        build_statistics(context, summary := Summary())
    assert not summary.failures
    return store


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with sources; nobody writes to it."""
    home = tmp_path_factory.mktemp("sources") / "home"
    home.mkdir()
    return fill(Store(home, f"sqlite:///{home}/hstlc.db"))


def report(store: Store, choice: Choice, folder: Path) -> Report:
    with store.open(write=False) as context:
        return make_report(context, choice, folder)


def text_of(folder: Path) -> str:
    return (folder / INDEX).read_text("utf-8")


ALL = Choice("All sources")


@pytest.fixture(scope="module")
def made(full: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of everything; nobody writes to it."""
    folder = tmp_path_factory.mktemp("report") / "all"
    assert report(full, ALL, folder).observations == 6
    return folder


def test_a_report_leads_to_files_of_its_own_alone(made: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "moved"
    shutil.copytree(made, elsewhere)
    assert broken_links(elsewhere) == []
    marker = json.loads((made / MARKER).read_text("utf-8"))
    files = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert set(marker["files"]) | {MARKER} == files


def test_a_report_lists_sources_with_their_observations_in_order(made: Path) -> None:
    page = text_of(made)
    assert page.count('<li><a class="bright" href="#s') == 3  # the bright source and its two observations
    assert page.count("<article ") == 6
    for text in ("01 ", "02 ", "03 ", "1,000 counts or more", "500 or more", "Counts threshold", "Sources</dt><dd>3"):
        assert text in page
    assert page.index(">sim00001 CAMERA S</a>") < page.index(">sim00002 CAMERA S</a>")


def test_names_of_sources_are_text_and_never_markup(made: Path) -> None:
    page = text_of(made)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert all("<script>alert" not in path.read_text("utf-8") for path in made.rglob("*.html"))


def test_rate_counts_and_exposure_are_those_of_the_light_curve(full: Store, made: Path) -> None:
    table = json.loads(text_of(made).partition('id="table-1">')[2].partition("</script>")[0])
    values = {
        name: [column["words"][i] for i in column["index"]] if isinstance(column, dict) else column
        for name, column in table["values"].items()
    }
    row = values["source"].index(BRIGHT)
    files = dict(values["files"][row])
    curve = read_light_curve(made / unquote(files["FITS"]))
    assert values["counts"][row] == np.sum(curve["source_events"])
    assert values["exposure"][row] == pytest.approx(np.sum(curve["exposure"]), rel=1e-6)
    assert values["rate"][row] == pytest.approx(np.sum(curve["counts"]) / np.sum(curve["exposure"]), rel=1e-6)
    assert values["index"][row] >= 6
    assert (values["offaxis"][row], values["region"][row]) == (1.5, "r0000")
    assert values["start"][row] == "2008-06-04 06:00:00"


def test_the_exports_have_the_numbers_of_the_light_curve(made: Path) -> None:
    fits = sorted(made.rglob("*_broad_curve.fits"))[0]
    curve = read_light_curve(fits)
    lines = [line for line in fits.with_suffix(".csv").read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    told = json.loads(fits.with_suffix(".json").read_text("utf-8"))
    for name in ("times", "rate", "source_events", "quality"):
        expected = curve[name].astype(float)
        found = np.array([float(row[name] or "nan") for row in rows])
        np.testing.assert_array_equal(found, expected)
        values = [np.nan if value is None else value for value in told["columns"][name]["values"]]
        np.testing.assert_array_equal(np.array(values, dtype=float), expected)
    assert told["columns"]["rate"]["unit"] == "ct/s"
    assert told["reference"] == {"mjd": curve.reference.mjd, "scale": "TT"}
    assert told["keywords"]["SRCNAME"] == curve.meta["SRCNAME"]


def test_the_stored_curve_is_copied_byte_for_byte(full: Store, made: Path) -> None:
    stored = {path.name: path.read_bytes() for path in full.settings.layout.outputs.rglob("*.fits")}
    copies = {path.name: path.read_bytes() for path in made.rglob("*.fits")}
    assert copies == stored


def test_a_report_again_is_the_same_and_leaves_every_file_alone(full: Store, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert not report(full, ALL, folder).unchanged
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    assert report(full, ALL, folder).unchanged
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_report_takes_the_place_of_another_one(full: Store, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    report(full, ALL, folder)
    assert report(full, Choice("Bright", source=BRIGHT), folder).sources == 1
    assert FAINT not in text_of(folder)
    assert broken_links(folder) == []
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("how", ["other-folder", "other-file", "file", "link"])
def test_a_folder_that_is_no_report_stays_as_it_is(full: Store, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "report"
    if how == "other-file":
        report(full, ALL, folder)
        (folder / "notes.txt").write_text("mine")
    elif how == "other-folder":
        folder.mkdir()
        (folder / "index.html").write_text("mine")
    elif how == "file":
        folder.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    before = sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*"))
    with pytest.raises(StoreError) as caught:
        report(full, Choice("Bright", source=BRIGHT), folder)
    assert caught.value.code == "store.exists"
    assert str(folder) in caught.value.message
    assert sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_a_report_that_somebody_changed_is_written_anew(full: Store, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    report(full, ALL, folder)
    good = (folder / INDEX).read_bytes()
    (folder / INDEX).write_text("changed")
    assert not report(full, ALL, folder).unchanged
    assert (folder / INDEX).read_bytes() == good


def test_sources_around_a_place_come_nearest_first(full: Store, tmp_path: Path) -> None:
    near = report(full, Choice("p", 15.51, 3.0667, radius_deg=0.001), tmp_path / "near")
    assert (near.sources, near.observations) == (1, 2)
    assert FAINT in text_of(tmp_path / "near")
    report(full, Choice("p", 15.51, 3.0667, radius_deg=0.02), tmp_path / "far")
    page = text_of(tmp_path / "far").partition('class="contents"')[2]
    assert page.index(f"01 {FAINT}") < page.index("02 ") < page.index("03 ")


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [({"minimum_counts": 500}, 1), ({"minimum_significance": 9.0}, 2), ({"minimum_counts": 10}, 3)],
)
def test_thresholds_leave_sources_out(full: Store, tmp_path: Path, threshold: dict[str, Any], expected: int) -> None:
    assert report(full, Choice("all", **threshold), tmp_path / "report").sources == expected


def test_nothing_that_fits_is_an_error_that_says_what_to_do(full: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        report(full, Choice("nowhere", 200.0, 10.0), tmp_path / "report")
    assert caught.value.code == "usage.nothing-to-report"
    assert "--radius" in caught.value.hint
    assert not (tmp_path / "report").exists()


def test_a_curve_that_is_not_the_recorded_one_stops_the_report(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = Store(home, f"sqlite:///{home}/hstlc.db")
    give_sources(store, "sim00001", {BRIGHT: source_curves()})
    path = sorted(store.settings.layout.outputs.rglob("*.fits"))[0]
    path.write_bytes(b"spoiled")
    with pytest.raises(HstlcError) as caught:
        report(store, ALL, tmp_path / "report")
    assert caught.value.code == "step.failed"
    assert path.name in caught.value.message
    assert not (tmp_path / "report").exists()


def unknown(name: str) -> tuple[float, float]:
    raise RejectedError("archive.unknown-name", f"nobody knows {name}", "")


def andromeda(name: str) -> tuple[float, float]:
    assert name == "M 31"
    return 10.68, 41.27


def test_an_object_is_a_source_a_target_or_what_a_resolver_knows(full: Store) -> None:
    with full.open(write=False) as context, context.engine.connect() as connection:
        alone = find_object(connection, BRIGHT, unknown, None)
        around = find_object(connection, BRIGHT, unknown, 0.1)
        resolved = find_object(connection, "M 31", andromeda, None)
        with pytest.raises(UsageError) as caught:
            find_object(connection, "nobody", unknown, None)
    assert (alone.source, alone.ra_deg) == (BRIGHT, 15.5)
    assert (around.source, around.radius_deg) == ("", 0.1)
    assert (resolved.title, resolved.ra_deg, resolved.dec_deg) == ("M 31", 10.68, 41.27)
    assert caught.value.code == "usage.unknown-object"
    assert "nobody knows nobody" in caught.value.message


def test_a_report_is_the_same_on_both_databases(store: Store, full: Store, made: Path, tmp_path: Path) -> None:
    fill(store)
    report(store, ALL, tmp_path / "report")
    assert (tmp_path / "report" / MARKER).read_bytes() == (made / MARKER).read_bytes()


def test_the_command_writes_a_report_of_an_exposure_without_sources(
    hstlc: Command,
    home: Path,
    tmp_path: Path,
    visits: SimpleNamespace,  # noqa: F811
) -> None:
    assert hstlc("ingest", visits.days[0]).exit_code == 0
    result = hstlc("report", "sim-star", "--output", tmp_path / "report", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["observations"] == 1
    assert broken_links(tmp_path / "report") == []
    again = hstlc("report", "--all", "--output", tmp_path / "all")
    assert "written: 1 source, 1 observation" in again.stdout
    assert hstlc("report", "--ra", "0", "--dec", "80", "--output", tmp_path / "none").exit_code == 2
    assert not (tmp_path / "none").exists()


def test_a_name_that_nobody_knows_is_an_error_that_says_why(
    hstlc: Command,
    home: Path,
    visits: SimpleNamespace,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HSTLC_TARGETS__RESOLVER_URL", "http://127.0.0.1:9/sesame?")
    assert hstlc("ingest", visits.days[0]).exit_code == 0
    result = hstlc("report", "nobody")
    assert result.exit_code == 2
    assert "error [usage.unknown-object]" in result.stderr
    assert "127.0.0.1:9" in result.stderr
    assert not (home / "reports").exists()


def test_what_a_dead_run_left_is_swept_and_what_a_living_one_makes_stays(full: Store, tmp_path: Path) -> None:
    host, pid, start = run_id().rsplit("-", 2)
    dead = f"{host}-{pid}-{int(start) + 1}"  # this process began at another time
    left = [f"report.{dead}.part", f"report.old.{dead}.part"]
    for name in (*left, "report.elsewhere-1-1.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text("half a report")
    report(full, ALL, tmp_path / "report")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "report.elsewhere-1-1.part"]


@pytest.mark.parametrize("arguments", [[], ["A", "--all"], ["--ra", "1"], ["--all", "--ra", "1", "--dec", "2"]])
def test_an_ambiguous_command_line_is_a_usage_error(hstlc: Command, arguments: list[str]) -> None:
    result = hstlc("report", *arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_browser_shows_the_report_without_errors(
    watched_page: WatchedPage, made: Path, size: tuple[int, int]
) -> None:
    with watched_page(made, size=size) as page:
        page.goto((made / INDEX).as_uri())
        page.wait_for_selector(".datatable tbody tr")
        assert page.locator(".datatable tbody tr").count() == 6
        page.get_by_role("button", name="counts", exact=False).first.click()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.locator(".contents a").first.click()
        page.locator("article a", has_text="Interactive page").first.click()
        page.wait_for_selector(".plot .bk-GridPlot, .plot > *")
        page.wait_for_timeout(500)
        page.locator("input[value=log]").check()
        names = "Bokeh.documents[0].get_model_by_name('stamp-SKY').glyph.image.field"
        assert page.evaluate(names) == "log"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
