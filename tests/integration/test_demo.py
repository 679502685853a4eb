"""The demonstration: the right answers come out, and a second run changes nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from hstlc import logs
from hstlc.cli.demo import QUESTIONS
from hstlc.cli.main import cli
from hstlc.db.engine import make_engine
from hstlc.db.readonly import select
from hstlc.formats.curve_fits import read_light_curve
from hstlc.store.digest import sha256_file
from hstlc.testing.cos import DEMO_COMPOSITE, DEMO_EXPECTED, DemoExpected, bad_files
from hstlc.testing.databases import content, sqlite_url
from hstlc.testing.examples import CosExamples


@dataclass(frozen=True)
class Demo:
    """A folder in which the demonstration ran, what it printed, and what was there afterwards."""

    folder: Path
    printed: str
    files: dict[str, str]
    rows: dict[str, list[tuple[Any, ...]]]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return select(sqlite_url(self.folder), sql).rows


def _run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from hstlc.cli.main import main; main()", "demo", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _files(folder: Path) -> dict[str, str]:
    kept = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.parent != folder)
    return {str(path.relative_to(folder)): sha256_file(path) for path in kept if path.suffix != ".log"}


def _rows(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    engine = make_engine(sqlite_url(folder))
    rows = {name: rows for name, rows in content(engine).items() if name != "run"}
    engine.dispose()
    return rows


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo") / "tree"
    printed = _run(folder)
    yield Demo(folder, printed, _files(folder), _rows(folder))
    logs.close()


@pytest.mark.parametrize("expected", DEMO_EXPECTED, ids=lambda expected: expected.targname)
def test_the_right_answers_are_in_the_database(demo: Demo, expected: DemoExpected) -> None:
    ((path, filename, total, live_s, interesting, period_s),) = demo.ask(
        "SELECT o.individual_path, o.individual_filename, s.total, s.exposure_s, s.interesting, s.peak_period_s "
        "FROM stats s JOIN outputs o ON s.product_id = o.individual_product_id "
        f"JOIN metadata m ON o.metadata_id = m.id WHERE m.rootname = '{expected.rootname}' "
        f"AND m.targname = '{expected.targname}'"
    )
    curve = read_light_curve(demo.folder / path / filename)
    assert live_s == pytest.approx(expected.live_s, abs=1e-6)
    error = float(np.sqrt(curve["variance"].sum())) / live_s
    assert total / live_s == pytest.approx(expected.net_rate_ct_s, abs=3 * error)
    assert 0 < error < 0.02 * expected.net_rate_ct_s
    assert bool(interesting) == expected.interesting
    if expected.period_s is not None:
        assert period_s == pytest.approx(expected.period_s, abs=expected.period_error_s)


def test_every_bad_file_has_its_documented_reason(demo: Demo, tmp_path: Path) -> None:
    recorded = dict(demo.ask("SELECT filename, reason FROM bad_data"))
    expected, flagged = {}, set()
    for kind, bad in bad_files(tmp_path, seed=1).items():
        reason = bad.reason or CosExamples.NEW_REASONS.get(kind)
        if reason is None:
            flagged.add(bad.paths[0].name[:9])
        else:
            expected |= {path.name: reason for path in bad.paths}
    assert recorded == expected
    assert flagged == {row[0] for row in demo.ask("SELECT rootname FROM metadata WHERE targname = 'SIM-BAD'")}
    mismatched = "SELECT m.rootname FROM finding f JOIN metadata m USING (rootname) WHERE f.reason = 'Header mismatch'"
    assert {row[0] for row in demo.ask(mismatched)} == flagged


def test_a_second_run_changes_no_row_and_no_byte(demo: Demo) -> None:
    printed = _run(demo.folder)
    assert ["unchanged", "28"] in [line.split() for line in printed.splitlines()]
    for counted in ("ingested", "updated", "rejected", "failed", "composites", "statistics", "plots", "pages"):
        assert [counted, "0"] in [line.split() for line in printed.splitlines()]
    assert _files(demo.folder) == demo.files
    assert _rows(demo.folder) == demo.rows
    answers = "What was simulated"
    assert printed.partition(answers)[2] == demo.printed.partition(answers)[2]


def test_another_folder_gets_the_same_light_curves(demo: Demo, tmp_path: Path) -> None:
    _run(tmp_path / "again")
    assert _files(tmp_path / "again") == demo.files


def test_the_composite_shows_the_period_that_no_visit_has(demo: Demo) -> None:
    ((name, live_s, total, datasets, interesting, period_s, within_p, between_p),) = demo.ask(
        "SELECT DISTINCT s.lightcurve_filename, s.exposure_s, s.total, s.datasets, s.interesting, s.peak_period_s, "
        "s.within_chi2_p, s.between_chi2_p FROM stats s JOIN outputs o ON s.product_id = o.composite_product_id "
        f"JOIN metadata m ON o.metadata_id = m.id WHERE m.targname = '{DEMO_COMPOSITE.targname}'"
    )
    expected = DEMO_COMPOSITE
    assert name == "hlsp_hstlc_hst_cos-fuv_sim-visits_g130m_1291_psa_v1_sci.fits"
    assert (live_s, datasets, bool(interesting)) == (pytest.approx(expected.live_s, abs=1e-6), 3, True)
    assert period_s == pytest.approx(expected.period_s, abs=expected.period_error_s)
    assert total / live_s == pytest.approx(expected.net_rate_ct_s, rel=0.03)
    assert min(within_p, between_p) > 1e-3


def test_everything_is_plotted(demo: Demo) -> None:
    curves = [path for path in demo.files if path.startswith("outputs/")]
    plots = {path for path in demo.files if path.startswith("plots/")}
    assert len(curves) == 21
    for path in curves:
        folder, stem = path.removesuffix(".fits").split("/")[-2:]
        for ending in (".html", ".png", "_quicklook.png", "_periodogram.html"):
            assert f"plots/{folder}/{stem}{ending}" in plots
    assert "plots/index.html" in plots
    assert f"{demo.folder}/plots/index.html" in demo.printed


def test_five_questions_are_answered(demo: Demo) -> None:
    assert len(QUESTIONS) == 5
    for number, (question, sql) in enumerate(QUESTIONS.items(), 1):
        assert f"{number}. {question}" in demo.printed
        assert sql.strip() in demo.printed
        assert demo.ask(sql)
    assert {row[0] for row in demo.ask(QUESTIONS["Which targets vary?"])} == {"SIM-FLARE", "SIM-PULSE", "SIM-TRANSIT"}
    assert max(map(len, demo.printed.splitlines())) <= 120 + len(str(demo.folder))


def test_the_folder_is_a_data_tree_afterwards(demo: Demo, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("HSTLC_HOME_DIR", str(demo.folder))
    done = CliRunner().invoke(cli, ["files", "verify", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["unknown"] == []


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = CliRunner().invoke(cli, ["demo", str(tmp_path)])
    assert done.exit_code == 2
    assert f"error [usage.not-a-demo]: {tmp_path} holds mine.txt" in done.stderr
    assert "hint: " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = CliRunner().invoke(cli, ["demo", str(tmp_path / "file" / "demo")])
    assert done.exit_code == 5
    assert "error [store." in done.stderr
    assert str(tmp_path / "file") in done.stderr
