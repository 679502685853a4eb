"""What is to be done with an exposure depends on its files, not on their order."""

from itertools import permutations
from pathlib import Path

import pytest

from hstlc.pipeline.plan import Candidate, State, plan_exposure

EVENT_KINDS = frozenset({"corrtag"})


def _file(kind: str, version: str, path: Path, sha256: str = "", inside: bool = False) -> Candidate:
    return Candidate(kind, path, sha256 or f"{kind}-{version}", 1, version, version, State.INCOMING, inside)


def _stored(kind: str, version: str, path: Path, state: State = State.CURRENT, sha256: str = "") -> Candidate:
    return Candidate(kind, path, sha256 or f"{kind}-{version}", 1, version, version, state)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file that the store has."""
    path = tmp_path / "kept.fits"
    path.touch()
    return path


def test_the_newest_version_of_each_kind_is_chosen_in_any_order() -> None:
    files = [_file(kind, version, Path(kind + version)) for kind in ("corrtag_a", "x1d") for version in "123"]
    plans = {plan_exposure([], order, EVENT_KINDS) for order in permutations(files)}
    (plan,) = plans
    assert [(c.kind, c.version) for c in plan.chosen] == [("corrtag_a", "3"), ("x1d", "3")]
    assert [(c.kind, c.version) for c in plan.history] == [(k, v) for k in ("corrtag_a", "x1d") for v in "12"]
    assert plan.changed


def test_it_does_not_matter_what_was_here_first(kept: Path) -> None:
    one, two = _stored("corrtag_a", "1", kept), _stored("corrtag_a", "2", kept)
    newer = plan_exposure([one], [_file("corrtag_a", "2", Path("a"))], EVENT_KINDS)
    older = plan_exposure([two], [_file("corrtag_a", "1", Path("a"))], EVENT_KINDS)
    assert [c.sha256 for c in newer.chosen] == [c.sha256 for c in older.chosen] == ["corrtag_a-2"]
    assert [c.sha256 for c in newer.history] == [c.sha256 for c in older.history] == ["corrtag_a-1"]


def test_an_exposure_without_an_event_list_waits() -> None:
    plan = plan_exposure([], [_file("x1d", "1", Path("x"))], EVENT_KINDS)
    assert plan.chosen == ()
    assert plan.changed


def test_one_segment_is_enough() -> None:
    assert len(plan_exposure([], [_file("corrtag_b", "1", Path("b"))], EVENT_KINDS).chosen) == 1


def test_an_identical_file_is_redundant(kept: Path) -> None:
    stored, again = _stored("corrtag_a", "1", kept), _file("corrtag_a", "1", Path("again"))
    plan = plan_exposure([stored], [again], EVENT_KINDS)
    assert plan.redundant == ((again, stored),)
    assert plan.chosen == (stored,)
    assert not plan.changed


def test_of_two_identical_files_the_one_in_the_ingest_folder_is_taken() -> None:
    outside, inside = _file("corrtag_a", "1", Path("a")), _file("corrtag_a", "1", Path("z"), inside=True)
    plan = plan_exposure([], [outside, inside], EVENT_KINDS)
    assert plan.chosen == (inside,)
    assert plan.redundant == ((outside, inside),)


def test_a_lost_file_is_replaced_by_an_identical_one(tmp_path: Path) -> None:
    stored, again = _stored("corrtag_a", "1", tmp_path / "lost.fits"), _file("corrtag_a", "1", tmp_path / "again.fits")
    plan = plan_exposure([stored], [again], EVENT_KINDS)
    assert [(c.path, c.state) for c in plan.chosen] == [(again.path, State.INCOMING)]
    assert plan.redundant == ()
    assert plan.changed


def test_an_unreadable_file_never_takes_the_place_of_a_readable_one(kept: Path) -> None:
    stored = _stored("corrtag_a", "1", kept)
    broken = _file("corrtag_a", "", Path("broken"), sha256="f" * 64)
    plan = plan_exposure([stored], [broken], EVENT_KINDS)
    assert plan.chosen == (stored,)
    assert plan.history == (broken,)


def test_two_files_of_one_version_are_told_apart_by_their_content() -> None:
    files = [_file("corrtag_a", "1", Path(name), sha256=name) for name in ("first", "second")]
    assert {plan_exposure([], order, EVENT_KINDS).chosen for order in permutations(files)} == {(files[1],)}


def test_nothing_is_nothing() -> None:
    plan = plan_exposure([], [], EVENT_KINDS)
    assert (plan.chosen, plan.history, plan.redundant, plan.changed) == ((), (), (), False)
