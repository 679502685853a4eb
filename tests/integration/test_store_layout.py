import os
import re
import stat
import string
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hstlc.errors import StoreError
from hstlc.store.layout import MAX_SLUG_BYTES, Layout, slug

PLAIN = string.ascii_letters + string.digits + "._+-"
HOSTILE = st.text(alphabet="./\\ \0~-_$'\"ÅéΩ日 GJ436\u0301\ud800\n", max_size=100)
NAMES = st.one_of(HOSTILE, st.text(max_size=120), st.text(alphabet=PLAIN, max_size=120))


def layout(home, **folders):
    names = ("ingest", "filesystem", "outputs", "bad_data", "plots", "download", "logs")
    paths = {name: home / name for name in names} | {"composite": home / "outputs" / "composite"}
    return Layout(home=home, **(paths | folders))


@pytest.mark.parametrize(
    "name",
    [
        "GJ-436",
        "4C+06.41",
        "4C--01.61",
        "WD0308-565",
        "SDSS-J0005-0957",
        "NGC_3516",
        "2MASS-J05352184-0546085",
        "a",
        "Composites",
    ],
)
def test_plain_names_stay_as_they_are(name):
    assert slug(name) == name


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("../../etc/passwd", "etc-passwd-"),
        ("/", "unnamed-"),
        ("", "unnamed-"),
        (".", "unnamed-"),
        ("..", "unnamed-"),
        ("-rf", "rf-"),
        (".hidden", "hidden-"),
        ("α Centauri", "Centauri-"),
        ("Ångström é", "Angstrom-e-"),
        ("HD 209458 b", "HD-209458-b-"),
        ("x\0y\n", "x-y-"),
        ("composite", "composite-"),
        ("Superseded", "Superseded-"),
        ("N" * 200, "N" * 71 + "-"),
    ],
)
def test_other_names_become_safe_and_get_a_tag(name, begin):
    assert re.fullmatch(re.escape(begin) + r"[0-9a-f]{8}", slug(name))


@given(NAMES)
@example("..")
@example("\ud800")
def test_a_slug_is_always_one_safe_name(name):
    result = slug(name)
    assert re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9._+-]*", result)
    assert len(result.encode()) <= MAX_SLUG_BYTES
    assert Path("/data", result).parent == Path("/data")
    assert slug(name) == result


@given(NAMES, NAMES)
@example("GJ 436", "GJ-436")
@example("GJ/436", "GJ 436")
@example("N" * 80, "N" * 81)
@example("e\u0301", "\u00e9")
@example("GJ 436", slug("GJ 436"))  # a name made to look like the slug of another one
@example("x", slug(slug("x y")))
def test_two_names_never_share_a_folder(one, other):
    assume(one != other)
    assert slug(one) != slug(other)


def test_folders_get_the_permissions_and_existing_ones_keep_theirs(tmp_path):
    home = tmp_path / "tree"
    home.mkdir()
    home.chmod(0o711)
    tree = layout(home, plots=tmp_path / "elsewhere" / "plots")
    old = os.umask(0o077)
    try:
        tree.make_directories()
        tree.make_directories()
    finally:
        os.umask(old)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in tree.directories}
    assert modes.pop(home) == 0o711
    assert set(modes.values()) == {0o770}


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "outputs").write_text("")
    with pytest.raises(StoreError) as caught:
        layout(tmp_path).make_directories()
    assert caught.value.code == "store.io"
    assert caught.value.context["path"].startswith(str(tmp_path / "outputs"))
    assert caught.value.hint


def test_relative_and_resolve_are_inverse_and_survive_a_move(tmp_path):
    tree = layout(tmp_path / "a", plots=tmp_path / "elsewhere")
    curve = tree.outputs / "GJ-436" / "ld9m10ujq_curve.fits"
    assert tree.relative(curve) == "outputs/GJ-436/ld9m10ujq_curve.fits"
    assert tree.resolve(tree.relative(curve)) == curve
    assert tree.relative(tree.home) == "."
    outside = tree.plots / "x.png"
    assert tree.relative(outside) == str(outside)
    assert tree.resolve(tree.relative(outside)) == outside
    moved = layout(tmp_path / "b")
    assert moved.resolve("outputs/GJ-436/c.fits") == tmp_path / "b" / "outputs" / "GJ-436" / "c.fits"


@pytest.mark.parametrize(
    "text", ["../x", "outputs/../../x", "/etc/passwd", "outputs/..", "a\0b", "{home}-2/x", "{home}/../x"]
)
def test_what_leads_out_is_refused(tmp_path, text):
    text = text.replace("{home}", str(tmp_path / "a"))
    with pytest.raises(StoreError) as caught:
        layout(tmp_path / "a").resolve(text)
    assert caught.value.code == "store.outside"
    assert caught.value.context["path"] == text
    assert caught.value.hint


@given(st.text(alphabet="./a\0", max_size=12))
def test_a_resolved_path_is_always_inside(text):
    tree = layout(Path("/data/hstlc"))
    try:
        path = tree.resolve(text)
    except StoreError as error:
        assert error.code == "store.outside"  # noqa: PT017
    else:
        assert Path(os.path.normpath(path)).is_relative_to("/data/hstlc")
        assert tree.resolve(tree.relative(path)) == Path(os.path.normpath(path))
