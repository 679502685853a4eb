"""The demonstration with archives: what comes, what fails and comes later, and that a further day brings nothing."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from archive_demo import Made, copied, demonstrate
from click.testing import CliRunner

from hstlc.cli.demo_archive import MARK, QUESTIONS
from hstlc.cli.main import cli
from hstlc.db.readonly import select
from hstlc.store.digest import sha256_file
from hstlc.testing.archive.demonstration import AGAIN, ROUNDS, demonstration
from hstlc.testing.clock import SimulatedClock
from hstlc.testing.databases import sqlite_url

_HELD = """
SELECT p.source, p.name, p.version_key, f.sha256 FROM remote_product p JOIN remote_file f ON f.product_id = p.id"""

_TRIES = """
SELECT p.name, a.status, a.error_code, a.resumed_from FROM download_attempt a
JOIN remote_product p ON a.product_id = p.id ORDER BY a.id"""


@dataclass(frozen=True)
class Demo(Made):
    """The same, with questions."""

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return select(sqlite_url(self.folder), sql).rows

    def lines(self, since: str = "", until: str = "\n1. ") -> list[list[str]]:
        """Return the words of the lines between two texts."""
        return [line.split() for line in self.printed.partition(since)[2].partition(until)[0].splitlines()]


@pytest.fixture(scope="module")
def demo(archive_demo: Made) -> Demo:
    return Demo(archive_demo.folder, archive_demo.printed)


def _tries(demo: Demo) -> dict[str, list[tuple[int, str]]]:
    tries: dict[str, list[tuple[int, str]]] = {}
    for name, status, code, _ in demo.ask(_TRIES):
        tries.setdefault(name, []).append((status, code))
    return tries


def test_everything_public_is_held_once_a_version(demo: Demo) -> None:
    held = demo.ask(_HELD)
    lamp = {row[0] for row in demo.ask("SELECT name FROM remote_product WHERE state = 'rejected'")}
    world = demonstration(SimulatedClock(ROUNDS[-1].when))
    expected = world.expected(archives=("mast", "cda"))
    found = {tuple(row[:3]): row[3] for row in held if row[0] in ("mast", "cda")}
    files = Counter((source, digest) for (source, _, _), digest in expected.items())
    assert Counter((source, digest) for (source, _, _), digest in found.items()) == files
    assert {name[:9] for name in lamp} == {"ls0037a1q"}
    assert Counter(row[0] for row in held) == {"mast": 80, "cda": 5, "csc": 26, "xsa": 18}
    states = Counter(row[0] for row in demo.ask("SELECT state FROM remote_product"))
    assert states == {"done": 128, "rejected": 2}


def test_what_was_made_again_is_held_in_both_versions(demo: Demo) -> None:
    rows = demo.ask(QUESTIONS["What did the archives make again, and what came of it?"])
    versions = Counter(row[:2] for row in rows)
    stem = AGAIN[:6].lower()
    assert versions == {
        ("cda", "acisf00735_evt2.fits"): 2,
        ("mast", f"{stem}a1q_corrtag_a.fits"): 2,
        ("mast", f"{stem}a1q_x1d.fits"): 2,
    }
    current = f"SELECT state, cal_ver FROM exposure_file WHERE rootname = '{stem}a1q' AND kind = 'corrtag_a'"
    assert sorted(demo.ask(current)) == [
        ("current", "3.3.5 (2017-04-28)"),
        ("superseded", "3.3.4 (2017-04-28)"),
    ]


def test_each_planned_fault_left_its_mark(demo: Demo) -> None:
    tries = _tries(demo)
    assert {name: told for name, told in tries.items() if any(code for _, code in told)} == {
        "ls0004a2q_x1d.fits": [(404, "archive.no-product"), (200, "")],
        "ls0016a1q_corrtag.fits": [(200, "archive.bad-checksum"), (200, "")],
        "os0024010_x1d.fits": [(200, "archive.wrong-answer"), (200, "")],
    }
    resumed = {name: start for name, _, _, start in demo.ask(_TRIES) if start}
    assert list(resumed) == ["ls0003a1q_corrtag_a.fits"]
    assert resumed["ls0003a1q_corrtag_a.fits"] > 0
    walks = demo.ask("SELECT source, stream, retries FROM archive_walk WHERE retries > 0")
    assert walks == [("mast", "archive", 2)]
    assert demo.ask("SELECT COUNT(*) FROM archive_walk WHERE state <> 'done'") == [(0,)]


def test_the_rounds_tell_what_happened(demo: Demo) -> None:
    first, second = (one.title for one in ROUNDS)
    before, after = demo.lines(first, second), demo.lines(second)
    for line in (["datasets", "53"], ["failed", "3"]):
        assert line in before
    for line in (["updated", "4"], ["failed", "0"]):
        assert line in after
    assert "csc selection:bright-source from the beginning: 13 datasets, 13 new" in demo.printed
    assert demo.printed.count("tried again after 2025-03-04") == 3
    assert "SIM-SECRET" in {row[0] for row in demo.ask("SELECT targname FROM metadata")}


def test_its_questions_are_answered(demo: Demo) -> None:
    assert len(QUESTIONS) == 5
    for number, (question, sql) in enumerate(QUESTIONS.items(), 1):
        assert f"{number}. {question}" in demo.printed
        assert sql.strip() in demo.printed
        assert demo.ask(sql)
    asked = demo.ask(QUESTIONS["Which downloads needed more than one try?"])
    assert {(row[1], row[5]) for row in asked} == {
        ("ls0003a1q_corrtag_a.fits", ""),
        ("ls0004a2q_x1d.fits", ""),
        ("ls0004a2q_x1d.fits", "archive.no-product"),
        ("ls0016a1q_corrtag.fits", ""),
        ("ls0016a1q_corrtag.fits", "archive.bad-checksum"),
        ("os0024010_x1d.fits", ""),
        ("os0024010_x1d.fits", "archive.wrong-answer"),
    }
    tables = demo.printed.partition("\n1. ")[2].replace(str(demo.folder), "")
    assert max(map(len, tables.splitlines())) <= 120


def test_every_file_was_taken_in_and_every_exposure_and_source_has_a_page(demo: Demo) -> None:
    assert (demo.folder / "plots" / "index.html").is_file()
    leading = "SELECT individual_filename FROM outputs WHERE lead = 1"
    pages = {path.stem for path in (demo.folder / "plots").rglob("*_curve.html")}
    assert pages == {name.removesuffix(".fits") for (name,) in demo.ask(leading)}
    curves = {path.name for path in (demo.folder / "outputs").rglob("*_curve.fits")}
    assert curves == {name for (name,) in demo.ask("SELECT individual_filename FROM outputs")}
    exposures = Counter(row[0] for row in demo.ask("SELECT mission, rootname FROM metadata"))
    assert exposures == {"hst": 36, "chandra": 17, "xmm": 5}
    expected = demonstration(SimulatedClock(ROUNDS[-1].when)).expected(archives=("mast",))
    assert {name for (name,) in demo.ask("SELECT rootname FROM metadata WHERE mission = 'hst'")} == {
        product[:9] for _, product, _ in expected
    }
    assert {path.parent.name for path in (demo.folder / "download").rglob("*_evt2.fits*")} == set()
    assert [path for path in (demo.folder / "ingest").rglob("*") if path.is_file()] == []
    assert demo.ask("SELECT filename FROM bad_data") == []


def test_sources_that_several_observations_see_have_composites(demo: Demo) -> None:
    """The three bright ones of a field, in each camera and all of them, and the one of the catalog."""
    names = """SELECT m.mission, s.same_as, COUNT(DISTINCT m.id) FROM source s
        JOIN metadata m ON s.metadata_id = m.id GROUP BY m.mission, s.same_as"""
    seen = {(mission, name): number for mission, name, number in demo.ask(names)}
    assert sorted(number for (mission, _), number in seen.items() if mission == "xmm") == [5, 5, 5]
    assert sum(number for (mission, _), number in seen.items() if mission == "chandra") >= 13
    made = "SELECT COUNT(*) FROM product WHERE kind = 'composite' AND key LIKE 'xmm/%'"
    ((number,),) = demo.ask(made)
    assert number == 3 * 5 * 4  # three sources, five bands, three cameras and their sum


def test_a_further_run_is_a_day_on_which_nothing_is_new(archive_demo: Made, tmp_path: Path) -> None:
    demo = Demo(copied(archive_demo.folder, tmp_path / "tree"), archive_demo.printed)
    tables = "SELECT source, name, version_key, state, attempts, done_at FROM remote_product ORDER BY id"
    curves = {path: sha256_file(path) for path in (demo.folder / "outputs").rglob("*.fits")}
    products, tries = demo.ask(tables), demo.ask(_TRIES)
    printed = demonstrate(demo.folder).printed
    assert "2025-03-15. The next day: nothing has happened since the last demonstration" in printed
    assert "nothing is new in the archives" in printed
    assert ["failed", "0"] in [line.split() for line in printed.splitlines()]
    assert set(re.findall(r"datasets?, (\d+ new, \d+ changed)", printed)) == {"0 new, 0 changed"}
    assert demo.ask(tables) == products
    assert demo.ask(_TRIES) == tries
    assert {path: sha256_file(path) for path in (demo.folder / "outputs").rglob("*.fits")} == curves
    assert (demo.folder / MARK).read_text().startswith("2025-03-15T")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = CliRunner().invoke(cli, ["demo", "--archive", str(tmp_path)])
    assert done.exit_code == 2
    assert f"error [usage.not-a-demo]: {tmp_path} holds mine.txt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
