"""Light curves and tables of the original taken over, replaced by the real files, and its recipe in an ingest."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from composite_runs import ingest, ingest_stale, make_composites, visit
from store_state import Store, expose, files_of, footprint

from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.formats.original import DOCUMENTED
from hstlc.formats.original_tables import TABLES, Row, read_tables
from hstlc.pipeline.context import open_store
from hstlc.pipeline.import_original import import_original
from hstlc.pipeline.plots import make_plots
from hstlc.pipeline.recipes import with_recipe
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.statistics import build_statistics
from hstlc.store.points import set_hook

RECIPE = "hstlc-2016"
COMPOSITE = "hlsp_hstlc_hst_cos-fuv_sim-star_g130m_1291_psa_v1_sci.fits"
STATISTICS = "12,1.5,1.2247,2.5,2.04,-0.02,0.46,1"


def take_over(store: Store, folder: Path, *tables: Path, dry_run: bool = False) -> Summary:
    """Do what ``hstlc import-original`` does."""
    summary = Summary(dry_run=dry_run)
    with open_store(store.settings) as context, recorded_run(context, "import-original", summary):
        import_original(context, folder, tables, summary, dry_run=dry_run)
        if not dry_run:
            build_statistics(context, summary)
    return summary


def original_file(path: Path, starts: tuple[float, ...], n: int = 9) -> Path:
    """Write a light curve as the original did."""
    parts = []
    for dataset, start in enumerate(starts, 1):
        times = 0.032 + 2.0 * np.arange(n)
        gross, background = np.arange(n) + 10.0 * dataset, np.full(n, 2.0)
        counts, error = gross - background, np.sqrt(gross + background)
        values = (np.full(n, dataset), times, start + times * 1.15741e-5, np.full(n, 2.0), gross, background)
        values += (counts / 16384, counts, error, error / 16384, counts / 2, gross / error)
        parts.append(dict(zip(DOCUMENTED, values, strict=True)))
    data = {name: np.concatenate([part[name] for part in parts]) for name in DOCUMENTED}
    path.parent.mkdir(parents=True, exist_ok=True)
    Table(data).write(path)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What the original left: three exposures, of which its composite has two, a rejected file, and its dump."""
    folder = tmp_path / "old"
    curves = folder / "outputs"
    for number in (1, 2, 3):
        original_file(curves / "SIMSTAR" / f"lsim{number:02d}aaq_curve.fits", (58300.25 + number,))
    original_file(curves / "composite" / COMPOSITE, (58303.25, 58301.25))
    described = "'/f','2015-10-13','HST','COS','SIM-STAR','2.21','SPECTROSCOPIC',1291,'PSA','FUV','G130M',3"
    exposures = ",".join(f"({n},'lsim{n:02d}aaq_corrtag_a.fits',{described})" for n in (1, 2, 3))
    outputs = ",".join(f"({n},{n},'/o','lsim{n:02d}aaq_curve.fits','/c','{COMPOSITE}')" for n in (1, 2, 3))
    (folder / "dump.sql").write_text(
        f"""CREATE TABLE `stats` (`id` int);
DROP TABLE stats;
INSERT INTO `metadata` VALUES {exposures};
INSERT INTO `outputs` VALUES {outputs};
INSERT INTO `stats` (lightcurve_filename,total,mean,mu,stdev,poisson_factor,pearson_r,pearson_p,periodogram,deliver)
 VALUES ('lsim01aaq_curve.fits',{STATISTICS},1),('{COMPOSITE}',{STATISTICS},0);
INSERT INTO `bad_data` VALUES (1,'lsimb1aaq_corrtag_a.fits','2015-01-02','Bad EXPFLAG');
"""
    )
    return folder


def as_csv(dump: Path, folder: Path) -> Path:
    """Write the tables of a dump as CSV files."""
    folder.mkdir()
    rows = [row for row in read_tables(dump) if isinstance(row, Row)]
    for table in TABLES:
        values = [row.values for row in rows if row.table == table]
        with (folder / f"{table}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, values[0].keys())
            writer.writeheader()
            writer.writerows(values)
    return folder


def test_everything_is_taken_over_and_nothing_of_the_user_changes(store: Store, old: Path) -> None:
    before = footprint(old)
    summary = take_over(store, old, old / "dump.sql")
    assert footprint(old) == before
    assert (summary.ingested, summary.updated, summary.failures, summary.waiting) == (3, 0, [], [])
    assert (summary.composites, summary.statistics, summary.rejected) == (1, 4, {"Bad EXPFLAG": 1})
    state = store.state()
    assert state.below("outputs") == [
        "SIM-STAR/lsim01aaq_curve.fits",
        "SIM-STAR/lsim02aaq_curve.fits",
        "SIM-STAR/lsim03aaq_curve.fits",
        f"composite/{COMPOSITE}",
    ]
    assert {digest for digest, *_ in before.values() if digest} >= store.digests()
    setup = ("rootname", "targname", "cenwave", "opt_elem", "exptime_s", "ra_deg", "path", "proposid")
    assert state.of("metadata", *setup)[0] == ("lsim01aaq", "SIM-STAR", 1291, "G130M", None, None, "", None)
    assert {row["step_version"] for row in state.rows["product"]} == {0}
    assert state.of("bad_data", "filename", "rootname", "reason", "sha256") == [
        ("lsimb1aaq_corrtag_a.fits", "lsimb1aaq", "Bad EXPFLAG", "")
    ]
    described = state.of("stats", "lightcurve_filename", "step_version", "poisson_factor", "deliver", "bins_used")
    assert described[0] == (COMPOSITE, 0, 2.04, False, 18)
    assert described[1] == ("lsim01aaq_curve.fits", 0, 2.04, True, 9)
    assert [step for _, step, *_ in described[2:]] == [described[2][1]] * 2  # those that no row described
    assert described[2][1] > 0
    members = state.of("composite_member", "metadata_id", "dataset", "excluded_reason")
    assert members == [
        (("hst", "lsim01aaq"), 2, ""),
        (("hst", "lsim02aaq"), None, "Left out by the software that made it"),
        (("hst", "lsim03aaq"), 1, ""),
    ]
    linked = dict(state.of("outputs", "individual_filename", "composite_filename"))
    assert linked == {
        "lsim01aaq_curve.fits": COMPOSITE,
        "lsim02aaq_curve.fits": None,
        "lsim03aaq_curve.fits": COMPOSITE,
    }
    assert store.verify().clean


def test_a_second_time_changes_nothing(store: Store, old: Path) -> None:
    take_over(store, old, old / "dump.sql")
    state, files = store.state(), footprint(store.home / "outputs")
    again = take_over(store, old, old / "dump.sql")
    assert (again.ingested, again.updated, again.unchanged) == (0, 0, 3)
    assert (again.composites, again.statistics, again.rejected, again.failures) == (0, 0, {}, [])
    assert store.state() == state
    assert footprint(store.home / "outputs") == files


def test_csv_files_do_the_same_as_a_dump(new_store: Callable[..., Store], old: Path, tmp_path: Path) -> None:
    first, second = new_store("dump"), new_store("csv")
    take_over(first, old, old / "dump.sql")
    assert take_over(second, old, as_csv(old / "dump.sql", tmp_path / "csv")).failures == []
    assert first.state() == second.state()


def test_other_commands_leave_what_was_imported_and_draw_it(store: Store, old: Path) -> None:
    take_over(store, old, old / "dump.sql")
    state = store.state()
    for command in (make_composites, ingest_stale):
        summary = command(store)
        assert (summary.composites, summary.waiting, summary.failures) == (0, [], [])
    assert store.state().rows["product"] == state.rows["product"]
    assert store.state().rows["composite_member"] == state.rows["composite_member"]
    summary = Summary()
    with store.open() as context:
        make_plots(context, summary)
    assert (summary.plots, summary.failures) == (4, [])
    assert store.verify().clean


def test_the_real_files_replace_what_was_imported(store: Store, old: Path, tmp_path: Path) -> None:
    take_over(store, old, old / "dump.sql")
    first = ingest(store, *visit(tmp_path / "archive", 1))
    assert (first.updated, first.composites, first.failures, first.waiting) == (1, 1, [], [])
    state = store.state()
    assert dict(state.of("metadata", "rootname", "exptime_s"))["lsim01aaq"] == 20.0
    assert state.of("composite_member", "metadata_id", "dataset", "excluded_reason") == [
        (("hst", "lsim01aaq"), 1, ""),
        (("hst", "lsim02aaq"), None, "No files to make it of"),
        (("hst", "lsim03aaq"), None, "No files to make it of"),
    ]
    assert dict(state.of("stats", "lightcurve_filename", "deliver"))["lsim01aaq_curve.fits"] is True
    assert store.verify().clean
    last = ingest(store, *visit(tmp_path / "archive", 2), *visit(tmp_path / "archive", 3))
    assert (last.updated, last.composites) == (2, 1)
    state = store.state()
    assert {row["step_version"] > 0 for row in state.rows["product"]} == {True}
    assert [row["dataset"] for row in state.rows["composite_member"]] == [1, 2, 3]
    assert store.verify().clean
    after = take_over(store, old, old / "dump.sql")
    assert (after.unchanged, after.ingested, after.updated, after.composites) == (3, 0, 0, 0)
    assert store.state() == state


def test_replaced_rows_are_those_of_a_store_that_imported_nothing(
    new_store: Callable[..., Store], old: Path, tmp_path: Path
) -> None:
    paths = [path for number in (1, 2, 3) for path in visit(tmp_path / "archive", number)]
    with_old, without = new_store("with"), new_store("without")
    take_over(with_old, old)
    ingest(with_old, *paths)
    ingest(without, *paths)
    for table in ("metadata", "product", "outputs", "composite_member", "stats", "bad_data", "exposure_file"):
        assert with_old.state().rows[table] == without.state().rows[table], table
    assert with_old.state().files == without.state().files


@pytest.mark.parametrize("expflag", ["NORMAL", "INTERRUPTED"])
def test_a_rejected_file_that_comes_is_no_longer_known_by_its_name_alone(
    store: Store, old: Path, tmp_path: Path, expflag: str
) -> None:
    take_over(store, old, old / "dump.sql")
    paths = expose(tmp_path / "archive", "lsimb1aaq", expflag=expflag)
    ingest(store, *paths)
    digests = [sha256 for (sha256,) in store.state().of("bad_data", "sha256")]
    assert "" not in digests
    assert len(digests) == (1 if expflag == "INTERRUPTED" else 0)
    assert take_over(store, old, old / "dump.sql").rejected == {}
    assert len(store.state().rows["bad_data"]) == len(digests)


def test_curves_without_tables_have_what_their_files_tell(store: Store, old: Path) -> None:
    summary = take_over(store, old)
    assert (summary.ingested, summary.statistics, summary.composites) == (3, 3, 0)
    (failure,) = summary.failures  # a composite of nobody knows what
    assert (failure.what, failure.code) == (COMPOSITE, "data.composite")
    assert "--tables" in failure.hint
    state = store.state()
    assert state.of("metadata", "rootname", "targname", "instrume", "cenwave", "filename")[0] == (
        *("lsim01aaq", "", "", 0, ""),
    )
    later = take_over(store, old, old / "dump.sql")
    assert (later.updated, later.composites, later.failures) == (3, 1, [])
    assert {row["targname"] for row in store.state().rows["metadata"]} == {"SIM-STAR"}
    assert store.verify().clean  # the copies under the earlier name are gone
    assert store.state().below("outputs")[0] == "SIM-STAR/lsim01aaq_curve.fits"


def test_bad_files_and_rows_are_reported_and_the_rest_is_taken_over(store: Store, old: Path) -> None:
    curves = old / "outputs" / "SIMSTAR"
    whole = (curves / "lsim01aaq_curve.fits").read_bytes()
    (curves / "lsim02aaq_curve.fits").write_bytes(whole[: len(whole) // 2])
    (curves / "lsim04aaq_curve.fits").write_bytes(b"no FITS file")
    shutil.copyfile(curves / "lsim03aaq_curve.fits", old / "lsim01aaq_curve.fits")
    with (old / "dump.sql").open("a") as file:
        file.write("INSERT INTO outputs VALUES (9,99,'/o','x_curve.fits',NULL,NULL),(1,SLEEP(9),'','','','');\n")
        file.write("INSERT INTO metadata VALUES (4,'unfinished")
    summary = take_over(store, old, old / "dump.sql")
    codes = sorted(failure.code for failure in summary.failures)
    assert codes == ["data.not-fits", "data.row", "data.row", "data.row", "data.truncated", "data.twice"]
    assert all(failure.message and failure.hint for failure in summary.failures)
    assert summary.ingested == 3  # one of them without its light curve
    assert summary.waiting == ["1 light curves that the tables name are not in the folder: lsim02aaq_curve.fits"]
    names = store.state().of("product", "filename")
    assert names == [(COMPOSITE,), ("lsim01aaq_curve.fits",), ("lsim03aaq_curve.fits",)]
    assert store.verify().clean


def test_a_file_of_another_in_its_place_is_never_overwritten(store: Store, old: Path) -> None:
    place = store.settings.outputs_dir / "SIM-STAR" / "lsim01aaq_curve.fits"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    summary = take_over(store, old, old / "dump.sql")
    assert [failure.code for failure in summary.failures] == ["store.exists"]
    assert place.read_bytes() == b"mine"
    assert summary.ingested == 2
    assert ("hst", "lsim01aaq") not in {(row["mission"], row["rootname"]) for row in store.state().rows["metadata"]}


def test_a_curve_that_changed_takes_the_place_of_the_earlier_copy(store: Store, old: Path) -> None:
    take_over(store, old, old / "dump.sql")
    path = old / "outputs" / "SIMSTAR" / "lsim01aaq_curve.fits"
    path.unlink()
    original_file(path, (58301.25,), n=5)
    summary = take_over(store, old, old / "dump.sql")
    assert (summary.updated, summary.unchanged, summary.statistics, summary.failures) == (1, 2, 1, [])
    curve = read_light_curve(store.home / "outputs" / "SIM-STAR" / path.name)
    assert len(curve) == 5
    assert dict(store.state().of("stats", "lightcurve_filename", "bins_used"))[path.name] == 5
    assert store.verify().clean


@pytest.mark.parametrize("point", ["published", "committed"])
def test_an_import_that_is_interrupted_is_finished_by_the_next(
    new_store: Callable[..., Store], old: Path, point: str
) -> None:
    class Interrupted(BaseException):
        pass

    def end(name: str) -> None:
        if name == point:
            raise Interrupted

    whole, broken = new_store("whole"), new_store("broken")
    take_over(whole, old, old / "dump.sql")
    set_hook(end)
    try:
        with pytest.raises(Interrupted):
            take_over(broken, old, old / "dump.sql")
    finally:
        set_hook(None)
    take_over(broken, old, old / "dump.sql")
    assert broken.state() == whole.state()
    assert broken.verify().clean


def test_a_folder_of_the_data_tree_is_refused(store: Store, old: Path) -> None:
    take_over(store, old, old / "dump.sql")
    with pytest.raises(UsageError) as caught:
        take_over(store, store.home / "outputs")
    assert caught.value.code == "usage.import-folder"
    assert take_over(store, store.home).files == 0
    for missing in (old / "nowhere", old / "dump.sql"):
        with pytest.raises(UsageError) as caught:
            take_over(store, missing)
        assert caught.value.code == "usage.no-such-path"
    with pytest.raises(UsageError) as caught:
        take_over(store, old, old / "nowhere.sql")
    assert caught.value.context["path"] == str(old / "nowhere.sql")


# the command


def test_the_command_tells_what_it_would_do_and_does_it(hstlc: Callable, home: Path, old: Path) -> None:
    arguments = ["import-original", old, "--tables", old / "dump.sql"]
    told = json.loads(hstlc(*arguments, "--dry-run", "--json").stdout)
    assert (told["ingested"], told["rejected"], told["dry_run"]) == (3, {"Bad EXPFLAG": 1}, True)
    assert list(home.iterdir()) == []
    result = hstlc(*arguments)
    assert result.exit_code == 0, result.output
    assert "ingested                       3" in result.stdout
    again = hstlc(*arguments, "--dry-run", "--json")
    assert json.loads(again.stdout)["unchanged"] == 3
    assert hstlc("files", "verify").stdout == "nothing to report\n"


def test_the_command_fails_when_a_row_was_left_out(hstlc: Callable, home: Path, old: Path) -> None:
    (old / "more.sql").write_text("INSERT INTO bad_data VALUES (1,'x.fits','never','No events');")
    result = hstlc("import-original", old, "--tables", old / "dump.sql", "--tables", old / "more.sql")
    assert result.exit_code == 4
    assert "more.sql, line 1: bad_data: ingest_date: expected a date like 2015-10-13" in result.stdout
    assert len(list((home / "outputs" / "SIM-STAR").iterdir())) == 3


# the recipe in an ingest


def test_a_recipe_is_a_setting_that_makes_curves_stale(store: Store, tmp_path: Path) -> None:
    ingest(store, *visit(tmp_path / "archive", 1))
    path = store.home / "outputs" / "SIM-STAR" / "lsim01aaq_curve.fits"
    before = read_light_curve(path)
    assert "RECIPE" not in before.meta
    other = store.configured(missions__hst__recipe=RECIPE)
    assert ingest(other).updated == 0
    again = ingest_stale(other)
    assert (again.updated, again.composites, again.failures) == (1, 1, [])
    assert fits.getval(path, "RECIPE") == RECIPE
    composite = next((store.home / "outputs" / "composite").iterdir())
    assert fits.getval(composite, "RECIPE") == RECIPE
    assert ingest_stale(other).updated == 0
    ingest_stale(store)
    np.testing.assert_array_equal(read_light_curve(path)["counts"], before["counts"])


def test_the_option_recipe_holds_for_one_run(hstlc: Callable, home: Path, tmp_path: Path) -> None:
    result = hstlc("ingest", "-q", "--recipe", RECIPE, *visit(tmp_path / "archive", 1))
    assert result.exit_code == 0, result.output
    path = home / "outputs" / "SIM-STAR" / "lsim01aaq_curve.fits"
    assert fits.getval(path, "RECIPE") == RECIPE
    assert "counts / s a detector column" in hstlc("db", "sql", "SELECT message FROM finding").stdout
    hstlc("ingest", "-q", "--stale", "--recipe", "current")
    assert "RECIPE" not in fits.getheader(path)


def test_an_image_fails_under_the_recipe_and_the_rest_is_done(store: Store, tmp_path: Path) -> None:
    image = {"detector": "NUV", "opt_elem": "MIRRORA", "obstype": "IMAGING", "segments": (), "cenwave": 0}
    paths = [*visit(tmp_path / "archive", 1), *visit(tmp_path / "archive", 2, **image)]
    summary = ingest(store.configured(missions__hst__recipe=RECIPE), *paths)
    assert summary.ingested == 1
    (failure,) = summary.failures
    assert (failure.code, failure.what) == ("data.recipe", "hst/lsim02aaq")
    assert ingest(store, *paths).ingested == 1


def test_an_unknown_recipe_is_a_usage_error(hstlc: Callable, home: Path, store: Store) -> None:
    result = hstlc("ingest", "--recipe", "hstlc-2015")
    assert result.exit_code == 2
    assert RECIPE in result.stderr
    changed = with_recipe(store.settings, RECIPE)
    assert changed.missions["hst"].recipe == RECIPE
    assert with_recipe(changed, "current") == store.settings
    assert asdict(changed.layout) == asdict(store.settings.layout)
    assert files_of(home) == {}
