"""After a change of one setting ``--stale`` makes again what reads it, and touches nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from composite_runs import ingest, snapshot, visit, written
from plot_runs import make_plots, plotted, views
from sqlalchemy import select
from store_state import Store, recalibrated

from hstlc.db.engine import reading
from hstlc.db.records import PRODUCTS, RUNS, STATS
from hstlc.formats.curve_fits import read_light_curve
from hstlc.testing.cos import demo_exposures, edit_file, write_exposure

KINDS = ("individual", "composite")
NUV = {"detector": "NUV", "segments": ("A", "B", "C")}

# Exposures: two of one star, one each of three others, and one that is rejected.
FIRST, SECOND, LONG, NEAR, IMAGE = EXPOSURES = ("lsim01aaq", "lsim02aaq", "lsim03aaq", "lsim04aaq", "lsim05aaq")
FUV = {FIRST, SECOND, LONG}
COMPOSITES = {"sim-star": {FIRST, SECOND}, "sim-long": {LONG}, "sim-near": {NEAR}, "sim-image": {IMAGE}}


@pytest.fixture(scope="session")
def observed(tmp_path_factory) -> list[Path]:
    """Files of FUV exposures of two gratings, of an NUV spectrum and an image, and of an interrupted exposure."""
    folder = tmp_path_factory.mktemp("observed")
    both = {"segments": ("A", "B"), "x1d": True}
    given = [
        visit(folder, 1, **both),
        visit(folder, 2, **both),
        visit(folder, 3, targname="SIM-LONG", opt_elem="G140L", cenwave=1105, ra_deg=20.0),
        visit(folder, 4, targname="SIM-NEAR", opt_elem="G185M", cenwave=1786, ra_deg=30.0, **NUV),
        visit(folder, 5, targname="SIM-IMAGE", opt_elem="MIRRORA", obstype="IMAGING", ra_deg=40.0, **NUV),
        visit(folder, 6, targname="SIM-BAD", expflag="INTERRUPTED", ra_deg=50.0),
    ]
    return [path for paths in given for path in paths]


@dataclass(frozen=True)
class Made:
    """When and with which content every light curve and its statistics were made, by kind and key."""

    curves: dict[tuple[str, str], tuple[str, datetime]]
    statistics: dict[tuple[str, str], datetime]

    @classmethod
    def of(cls, store: Store) -> Made:
        with store.open(write=False) as context, reading(context.engine) as connection:
            known = PRODUCTS.outerjoin(STATS, STATS.c.product_id == PRODUCTS.c.id)
            columns = (PRODUCTS.c.kind, PRODUCTS.c.key, PRODUCTS.c.sha256, PRODUCTS.c.made_at, STATS.c.computed_at)
            found = select(*columns).select_from(known).where(PRODUCTS.c.kind.in_(KINDS))
            rows = connection.execute(found).all()
        return cls(
            {(row.kind, row.key): (row.sha256, row.made_at) for row in rows},
            {(row.kind, row.key): row.computed_at for row in rows},
        )

    def made_since(self, before: Made) -> set[tuple[str, str]]:
        return {key for key, value in self.curves.items() if before.curves.get(key) != value}

    def changed_since(self, before: Made) -> set[tuple[str, str]]:
        return {key for key, (sha256, _) in self.curves.items() if before.curves.get(key, ("",))[0] != sha256}

    def computed_since(self, before: Made) -> set[tuple[str, str]]:
        return {key for key, value in self.statistics.items() if before.statistics.get(key) != value}


def individual(*rootnames: str, band: str = "") -> set[tuple[str, str]]:
    return {("individual", f"hst/{rootname}//{band}") for rootname in rootnames}


def composite(*rootnames: str) -> set[tuple[str, str]]:
    """The composites that some exposures are members of."""
    setups = {
        **dict.fromkeys((FIRST, SECOND), "COS/FUV/SIM-STAR/G130M/1291"), LONG: "COS/FUV/SIM-LONG/G140L/1105",
        NEAR: "COS/NUV/SIM-NEAR/G185M/1786", IMAGE: "COS/NUV/SIM-IMAGE/MIRRORA/0",
    }  # fmt: skip
    return {("composite", f"hst/{setups[rootname]}/PSA") for rootname in rootnames}


@dataclass(frozen=True)
class Step:
    """A setting that changes, and what must be made again.

    Attributes
    ----------
    setting, value : str
    exposures : set of str
        Whose curves are made again.
    composites : set of str
        Whose composites are.
    same : set of str
        Exposures whose whole-aperture curve comes out as it was: nobody looks at it again.
    bands : set of (kind, key)
        Curves of bands that are new.
    statistics : bool
        All statistics are computed again.
    """

    setting: str
    value: str
    exposures: frozenset[str] = frozenset()
    composites: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset()
    bands: frozenset[tuple[str, str]] = frozenset()
    statistics: bool = False


def step(setting: str, value: str, exposures: Any = (), composites: Any = None, **more: Any) -> Step:
    members = exposures if composites is None else composites
    return Step(setting, value, frozenset(exposures), frozenset(members), **more)


# Each changes one setting of the store that the one before left.
STEPS = [
    # the windows of G140L are the same in both tables
    step("missions__hst__airglow", "calcos", {FIRST, SECOND}),
    step("missions__hst__airglow", "none", FUV),
    step("missions__hst__nuv_wavelength", "1670 Angstrom .. 1900 Angstrom", {NEAR}),
    step("missions__hst__fuv_wavelength", "1150 Angstrom .. 1700 Angstrom", FUV),
    step("missions__hst__minimum_fraction", "0.7", EXPOSURES),
    step("missions__hst__bin_width", "4 s", EXPOSURES),
    # G130M/1291 sees nothing of C IV
    step("missions__hst__bands", '["C IV"]', {LONG}, (), same={LONG}, bands=individual(LONG, band="CIV")),
    step("missions__hst__bands", '["Mg II", "CIV"]'),
    step(
        "missions__hst__bands", '["Si IV", "Mg II"]', FUV, (), same=FUV, bands=individual(*FUV, band="SiIV")
    ),
    step("missions__hst__bands", "[]", FUV, (), same=FUV),
    step("stats__interesting_p", "0.01", statistics=True),
    step("stats__rule", "hstlc-2016", statistics=True),
    step("hlsp__lead", "Somebody Else", (), EXPOSURES),
    step("hlsp__profile", "mast", (), EXPOSURES),
    # what checks and tasks of the run read is in no product
    step("missions__hst__maximum_rate_fuv", "0.001"),
    step("missions__hst__minimum_planned_fraction", "1"),
    step("missions__hst__minimum_exptime", "2 s"),
    step("commit_batch", "7"),
    step("commit_batch", "7"),
]  # fmt: skip


def test_each_setting_makes_again_exactly_what_reads_it(store, observed):
    ingest(store, *observed)
    assert make_plots(store).failures == []
    drawn = Made.of(store)
    assert set(drawn.curves) == individual(*EXPOSURES) | composite(*EXPOSURES)
    findings = [row for row in store.state().rows["finding"] if row["rootname"] in EXPOSURES]
    for number, one in enumerate(STEPS):
        name = f"step {number}: {one.setting} = {one.value}"
        store = store.configured(**{one.setting: one.value})
        before, files = Made.of(store), snapshot(store)
        summary = ingest(store, stale=True)
        after = Made.of(store)
        # light curves
        gone = {(kind, key) for kind, key in before.curves if kind == "individual" and not key.endswith("//")}
        gone -= set(after.curves)
        made = individual(*one.exposures) | composite(*one.composites) | one.bands
        assert after.made_since(before) == made, name
        changed = made - individual(*one.same)
        assert after.changed_since(before) == changed, name
        assert set(before.curves) - set(after.curves) == gone, name
        # statistics
        assert after.computed_since(before) == (set(after.curves) if one.statistics else changed), name
        # what the run says of itself, and the rejected exposure, which is asked again
        assert summary.failures == summary.waiting == [], name
        assert (summary.updated, summary.unchanged) == (len(one.exposures), 5 - len(one.exposures)), name
        assert summary.composites == len(composite(*one.composites)), name
        assert summary.statistics == (len(after.curves) if one.statistics else len(changed)), name
        assert summary.rejected == {"Bad EXPFLAG": 1}, name
        assert last_run(store) == {**summary.as_dict(), "seconds": last_run(store)["seconds"]}, name
        # the files of the others
        allowed = set(one.exposures) | {
            f"_{target}_" for target, members in COMPOSITES.items() if members & one.composites
        }
        assert all(any(part in path for part in allowed) for path in written(store, files)), name
        # plots: all that show another curve than the one that was drawn
        assert make_plots(store, dry_run=True).plots == len(after.changed_since(drawn)), name
    # those of accepted exposures are of the last ingest, whatever the thresholds are now
    assert [row for row in store.state().rows["finding"] if row["rootname"] in EXPOSURES] == findings
    assert make_plots(store).plots == len(after.changed_since(drawn))
    assert make_plots(store).plots == 0
    assert store.verify().clean


def last_run(store: Store) -> dict[str, Any]:
    """Return what the last run of ingest recorded of itself."""
    with store.open(write=False) as context, reading(context.engine) as connection:
        rows = connection.execute(select(RUNS.c.counts).where(RUNS.c.command == "ingest").order_by(RUNS.c.id.desc()))
        return dict(rows.scalars().first() or {})


# --- bands


def curve(folder: str, rootname: str, band: str = "") -> str:
    return f"{folder}/{rootname}_{band}_curve" if band else f"{folder}/{rootname}_curve"


def test_bands_come_and_go_with_their_files_rows_statistics_and_plots(store, observed):
    ingest(store, *observed)
    make_plots(store)
    plain, pages = store.state(), plotted(store)
    banded = store.configured(missions__hst__bands='["Si IV", "blue = 1150 Angstrom .. 1190 Angstrom"]')
    assert ingest(banded, stale=True).statistics == 6
    assert make_plots(banded).plots == 6
    state = banded.state()
    names = {
        curve(folder, rootname, band)
        for folder, rootname in (("SIM-STAR", FIRST), ("SIM-STAR", SECOND), ("SIM-LONG", LONG))
        for band in ("SiIV", "blue")
    }
    files = {f"{name.split('/')[1]}.fits" for name in names}
    new = [row for row in state.rows["outputs"] if row["band"]]
    assert {(row["metadata_id"][1], row["band"]) for row in new} == {(r, b) for r in FUV for b in ("SiIV", "blue")}
    assert {row["individual_filename"] for row in new} == files
    assert {row["individual_product_id"] for row in new} == individual(*FUV, band="SiIV") | individual(
        *FUV, band="blue"
    )
    assert {row["composite_filename"] for row in new} == {row["composite_product_id"] for row in new} == {None}
    assert state.files.keys() - plain.files.keys() == {f"outputs/{name}.fits" for name in names}
    assert {row["lightcurve_filename"] for row in state.rows["stats"]} >= files
    # nothing else moved: curves, composites, their statistics and members
    for table in ("metadata", "exposure_file", "composite_member", "bad_data", "finding", "target", "target_alias"):
        assert state.rows[table] == plain.rows[table], table
    for table in ("outputs", "stats"):
        assert all(row in state.rows[table] for row in plain.rows[table]), table
    assert plain.files.items() <= state.files.items()
    # a page and a picture of each, and none in the tables
    assert set().union(*map(views, names)) - plotted(banded) == set()
    page = (store.settings.plot_dir / f"{curve('SIM-STAR', FIRST, 'SiIV')}.html").read_text("utf-8")
    assert "band SiIV" in page
    for table in store.settings.plot_dir.glob("*.html"):
        text = table.read_text("utf-8")
        assert "SiIV_curve" not in text, table
        assert "blue_curve" not in text, table
    found = read_light_curve(store.home / f"outputs/{curve('SIM-STAR', FIRST, 'SiIV')}.fits")
    assert (found.meta["BAND"], found.meta["WMIN"], found.meta["WMAX"]) == ("SiIV", 1393.0, 1404.0)
    assert [row["kind"] for row in found.provenance] == ["corrtag_a", "corrtag_b", "x1d"]
    assert banded.verify().clean
    # and back
    assert ingest(store, stale=True).updated == 3
    assert make_plots(store).plots == 0
    last = store.state()
    assert last.rows == plain.rows | {"product": last.rows["product"]}
    assert [(row["key"], row["sha256"], row["settings_digest"]) for row in without_pages(last)] == [
        (row["key"], row["sha256"], row["settings_digest"]) for row in without_pages(plain)
    ]
    assert last.files == plain.files
    assert plotted(store) == pages
    assert store.verify().clean


def without_pages(state: Any) -> list[dict[str, Any]]:
    return [row for row in state.rows["product"] if row["kind"] in KINDS]


def test_a_newer_version_makes_its_bands_again_and_one_that_sees_less_loses_them(store, tmp_path):
    both = visit(tmp_path / "first", 1, segments=("A", "B"))
    banded = store.configured(missions__hst__bands='["N V", "Si IV"]')
    ingest(banded, *both)
    before = Made.of(banded)
    newer = recalibrated(tmp_path / "newer", both[0], "4.0")
    assert ingest(banded, newer).statistics == 4
    assert Made.of(banded).changed_since(before) == set(before.curves)

    def dim(units):
        """Leave nothing of the wavelengths of Si IV, as another position of the grating does."""
        wavelength = units["EVENTS"].data["WAVELENGTH"]
        units["EVENTS"].data = units["EVENTS"].data[wavelength < 1390.0]

    narrow = edit_file(recalibrated(tmp_path / "narrow", both[0], "5.0"), dim)
    ingest(banded, narrow)
    assert banded.state().of("outputs", "band") == [("",), ("NV",)]
    assert banded.state().below("outputs/SIM-STAR") == ["lsim01aaq_NV_curve.fits", "lsim01aaq_curve.fits"]
    assert banded.verify().clean


def test_a_lost_band_curve_is_made_again_and_so_is_its_row(store, observed):
    banded = store.configured(missions__hst__bands='["Si IV"]')
    ingest(banded, *observed[:3])
    state = banded.state()
    lost = store.home / f"outputs/{curve('SIM-STAR', FIRST, 'SiIV')}.fits"
    lost.unlink()
    assert ingest(banded, *observed[:3]).updated == 1
    assert banded.state() == state


# --- the documentation


def questions(page: Path) -> list[tuple[str, str]]:
    """Return the SQL of a page that is given to the command, and the answer below it."""
    found = re.findall(r'hstlc db sql "([^"]*)"\n```\n```text\n(.*?)```', page.read_text("utf-8"), re.DOTALL)
    assert found, page
    return found


def words(text: str) -> list[Any]:
    """Return what a table says, numbers as such, without its widths and rules."""

    def value(word: str) -> Any:
        try:
            return pytest.approx(float(word), rel=1e-3)
        except ValueError:
            return word

    return [[value(word) for word in line.split()] for line in text.strip().splitlines() if set(line) - {"-", " "}]


def test_the_pages_show_what_their_questions_give(hstlc, home, monkeypatch):
    docs = Path(__file__).parents[2] / "docs" / "howto"
    (inbox := home / "ingest").mkdir()
    for exposure, scene, _ in demo_exposures():
        if exposure.targname in ("SIM-FLARE", "SIM-PULSE", "SIM-TRANSIT", "SIM-VISITS"):
            write_exposure(inbox, exposure, scene)
    bands = json.dumps(["Si IV", "blue = 1320 Angstrom .. 1390 Angstrom"])
    assert f"HSTLC_MISSIONS__HST__BANDS='{bands}'" in (docs / "make-band-light-curves.md").read_text("utf-8")
    monkeypatch.setenv("HSTLC_MISSIONS__HST__BANDS", bands)
    assert hstlc("ingest", "-q").exit_code == 0
    assert hstlc("withdraw", "lsim08abq", "--reason", "bad pointing", "-q").exit_code == 0
    for page in ("make-band-light-curves.md", "reprocess.md"):
        for sql, answer in questions(docs / page):
            assert words(hstlc("db", "sql", sql).stdout) == words(answer), sql


def test_the_questions_of_the_pages_run_on_both_databases(engine):
    docs = Path(__file__).parents[2] / "docs" / "howto"
    with reading(engine) as connection:
        for page in ("make-band-light-curves.md", "reprocess.md"):
            for sql in re.findall(r'hstlc db sql "([^"]*)"', (docs / page).read_text("utf-8")):
                connection.exec_driver_sql(sql).fetchall()
