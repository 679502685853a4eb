"""Lists of targets, and what a selection must be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives.base import Selection
from hstlc.errors import ArchiveError, TransientError, UsageError
from hstlc.pipeline.wanted import checked, place, read_targets


def _list(folder: Path, content: str | bytes) -> Path:
    path = folder / "targets.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _error(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_targets(path)
    assert caught.value.code == "usage.target-list"
    assert caught.value.context["path"] == str(path)
    assert str(path) in caught.value.message
    assert "a name a line" in caught.value.hint
    return caught.value


def test_names_and_places_are_read_and_remarks_are_not(tmp_path):
    text = "# my targets\n\n  GJ 436  # a planet\n\nM 82, 148.96 , +69.68\nSOUTH,0,-90\n\t\n"
    assert read_targets(_list(tmp_path, text)) == [
        Selection("GJ 436"),
        Selection("M 82", 148.96, 69.68),
        Selection("SOUTH", 0.0, -90.0),
    ]


@pytest.mark.parametrize("content", ["GJ 436\r\nM 82\r\n", "\ufeffGJ 436\nM 82", "GJ 436\rM 82\r"])
def test_it_does_not_matter_where_the_list_was_written(tmp_path, content):
    assert read_targets(_list(tmp_path, content)) == [Selection("GJ 436"), Selection("M 82")]


def test_a_target_counts_once_and_a_name_at_two_places_twice(tmp_path):
    text = "B\nA\nB\nA, 1, 2\nA, 1.0, 2.0\nA, 3, 4\n"
    assert read_targets(_list(tmp_path, text)) == [
        Selection("B"),
        Selection("A"),
        Selection("A", 1.0, 2.0),
        Selection("A", 3.0, 4.0),
    ]


@pytest.mark.parametrize(
    "line",
    [
        *("HD 1, the bright one", "HD 1, 10", "HD 1, 10, 20, 30", "HD 1,,", ", 10, 20", "HD 1, ten, 20"),
        *("HD 1, 361, 20", "HD 1, -1, 20", "HD 1, 10, 90.1", "HD 1, 10, -91", "HD 1, nan, 20", "HD 1, 10, inf"),
        *("HD\x001", "HD\x1b[31m1"),
    ],
)
def test_a_line_that_is_no_target_is_named(tmp_path, line):
    error = _error(_list(tmp_path, f"GJ 436\n# more\n{line}\nM 82\n"))
    assert error.context["line"] == 3
    assert f"line 3: expected a target, found {line!r}" in error.message


def test_a_very_long_line_is_cut_in_the_message(tmp_path):
    assert len(_error(_list(tmp_path, f"{'x' * 100_000}, 1\n")).message) < 1000


@pytest.mark.parametrize("content", ["", "\n\n", "# GJ 436\n  # M 82\n"])
def test_a_list_without_targets_is_none(tmp_path, content):
    assert "expected targets, found none" in _error(_list(tmp_path, content)).message


def test_bytes_that_are_no_text_are_not_read(tmp_path):
    error = _error(_list(tmp_path, b"GJ 436\n\xff\xfe\x00\n"))
    assert "found: bytes that are no text in UTF-8" in error.message


def test_a_list_that_is_not_there_and_a_folder_in_its_place(tmp_path):
    missing = tmp_path / "none"
    error = _error(missing)
    assert error.message == f"{missing}: expected a list of targets, found: No such file or directory"
    assert "Is a directory" in _error(tmp_path).message


@given(ra_deg=st.floats(0, 360), dec_deg=st.floats(-90, 90))
def test_every_place_of_the_sky_is_one(ra_deg, dec_deg):
    selection = Selection("A", ra_deg, dec_deg)
    assert checked(selection) is selection


@given(
    st.one_of(
        st.tuples(st.floats().filter(lambda x: not 0 <= x <= 360), st.floats(-90, 90)),
        st.tuples(st.floats(0, 360), st.floats().filter(lambda x: not -90 <= x <= 90)),
    )
)
def test_nothing_else_is(found):
    with pytest.raises(ValueError, match="no place of the sky: 0 to 360 and -90 to 90 degrees"):
        checked(Selection("A", *found))


@pytest.mark.parametrize("found", [(1.0, None), (None, 1.0)])
def test_half_a_place_is_none(found):
    with pytest.raises(ValueError, match="go together"):
        checked(Selection("A", *found))


def test_a_name_alone_will_do():
    assert checked(Selection("A")).ra_deg is None


@pytest.mark.parametrize("significance", [math.nan, math.inf])
def test_a_significance_is_a_number(significance):
    with pytest.raises(ValueError, match="a significance is a number"):
        checked(Selection("A", 1.0, 2.0, minimum_significance=significance))


class _Resolver:
    """Answers every question with the same bytes, or an error."""

    def __init__(self, answer: bytes | ArchiveError) -> None:
        self.answer, self.asked = answer, []

    def get(self, url):
        self.asked.append(url)
        if isinstance(self.answer, ArchiveError):
            raise self.answer
        return self

    @property
    def content(self):
        return self.answer


_FOUND = b"<Resolver><jradeg>10.5</jradeg><jdedeg>-2</jdedeg><oname>HD 1</oname></Resolver>"
KNOWN = b"<Sesame><Target>" + _FOUND + b"</Target></Sesame>"


def test_a_name_is_placed_by_the_resolver():
    resolver = _Resolver(KNOWN)
    assert place(resolver, "http://resolver/?", "HD 1+A") == (10.5, -2.0)
    assert resolver.asked == ["http://resolver/?HD%201%2BA"]


@pytest.mark.parametrize(
    "answer", [b"<Sesame><Target/></Sesame>", b"<html>", TransientError("archive.no-answer", "it is silent")]
)
def test_a_name_without_a_place_is_looked_for_as_it_is(answer, caplog):
    assert place(_Resolver(answer), "http://resolver/?", "HD 1") == (None, None)
    assert "HD 1 is looked for by its name alone" in caplog.text
