import errno
import gzip
import io
import os
import tarfile

import pytest
from hand_clock import fails
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives import unpack as unpack_module
from hstlc.archives.unpack import is_tar, unpack
from hstlc.errors import ArchiveError, IntegrityError

FILES = [("0301730401/pps/A.FTZ", b"a" * 1000), ("0301730401/pps/B.FTZ", b"b" * 600), ("C.FTZ", b"")]


def member(name, content=b"", **fields):
    one = tarfile.TarInfo(name)
    one.size = len(content)
    for field, value in fields.items():
        setattr(one, field, value)
    return one, content


def a_tar(*members, form=tarfile.PAX_FORMAT):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=form) as tar:
        for one, data in members:
            tar.addfile(one, io.BytesIO(data))
    return content.getvalue()


WHOLE = a_tar(*(member(name, data) for name, data in FILES))


def accept(name):
    return name.endswith(".FTZ")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.fixture
def unpacked(tmp_path, folder):
    def run(content):
        path = tmp_path / "GUEST1.tar"
        path.write_bytes(content)
        return unpack(path, folder, accept=accept)

    return run


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_files_come_out_side_by_side(unpacked, folder, packed, form):
    directory = member("0301730401/pps", type=tarfile.DIRTYPE)
    content = a_tar(directory, *(member(name, data) for name, data in FILES), form=form)
    paths = unpacked(gzip.compress(content) if packed else content)
    assert [path.name for path in paths] == ["A.FTZ", "B.FTZ", "C.FTZ"]
    assert [path.read_bytes() for path in paths] == [data for _, data in FILES]
    assert {path.parent for path in paths} == {folder}


def test_rights_and_owners_of_the_archive_are_not_taken(unpacked):
    (path,) = unpacked(a_tar(member("A.FTZ", b"x", mode=0o6777, uid=12345)))
    assert path.stat().st_mode & 0o7000 == 0
    assert path.stat().st_uid == os.getuid()


@pytest.mark.parametrize(
    "bad",
    [
        member("/etc/A.FTZ", b"x"),
        member("../A.FTZ", b"x"),
        member("a/../../A.FTZ", b"x"),
        member("a\\..\\A.FTZ", b"x"),
        member("a/..", b"x"),
        member("A.sh", b"x"),
        member("a/A.FTZ/", b"x", type=tarfile.REGTYPE),
        member("A.FTZ", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("A.FTZ", type=tarfile.LNKTYPE, linkname="C.FTZ"),
        member("A.FTZ", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("A.FTZ", type=tarfile.BLKTYPE),
        member("A.FTZ", type=tarfile.FIFOTYPE),
        member("x/0.FTZ", b"twice"),
    ],
    ids=lambda one: one[0].name + one[0].type.decode() if isinstance(one, tuple) else "",
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_hostile_member_makes_the_whole_archive_file_bad(unpacked, folder, tmp_path, bad, packed):
    content = a_tar(member("0.FTZ", b"first"), bad)
    before = sorted(tmp_path.iterdir())
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(gzip.compress(content) if packed else content))
    assert list(folder.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in before} | {"GUEST1.tar"}


def test_a_name_that_is_taken_is_not_overwritten(unpacked, folder):
    (folder / "B.FTZ").write_bytes(b"mine")
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(WHOLE))
    assert [path.name for path in folder.iterdir()] == ["B.FTZ"]
    assert (folder / "B.FTZ").read_bytes() == b"mine"


def test_a_link_that_waits_under_a_name_is_not_followed(unpacked, folder, tmp_path):
    (folder / "A.FTZ").symlink_to(tmp_path / "target")
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(WHOLE))
    assert not (tmp_path / "target").exists()


def test_a_bomb_of_zeros_is_refused_before_it_is_written(unpacked, folder):
    content = gzip.compress(a_tar(member("A.FTZ", bytes(60_000_000))), 9)
    assert len(content) * 200 < 60_000_000
    error = fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(content))
    assert "more than" in error.message
    assert list(folder.iterdir()) == []


def test_a_bomb_of_many_files_is_refused(unpacked, folder):
    content = a_tar(*(member(f"{n}.FTZ") for n in range(2001)))
    error = fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(content))
    assert "2000 members" in error.message
    assert list(folder.iterdir()) == []


def test_a_size_beyond_everything_is_refused_before_it_is_written(unpacked, folder):
    header = member("A.FTZ")[0]
    header.size = 1 << 50
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(header.tobuf(tarfile.GNU_FORMAT)))
    assert list(folder.iterdir()) == []


def test_a_bomb_behind_the_last_member_is_refused(unpacked):
    content = gzip.compress(WHOLE + bytes(50_000_000), 9)
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(content))


END = len(WHOLE.rstrip(b"\0"))  # of the last header that is not zero


@given(st.integers(0, END))
def test_a_tar_cut_anywhere_is_never_whole(tmp_path_factory, size):
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "a.tar"
    path.write_bytes(WHOLE[:size])
    out = folder / "out"
    out.mkdir()
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpack(path, out, accept=accept))
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("members", [1, 2, 3])
def test_a_tar_cut_between_two_members_is_not_whole(unpacked, members):
    cut = 512 * sum(1 + -(-len(data) // 512) for _, data in FILES[:members])
    error = fails(IntegrityError, "archive.bad-archive-file", lambda: unpacked(WHOLE[:cut]))
    assert "mark of its end" in error.message


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_no_bit_of_a_compressed_tar_can_flip(tmp_path_factory, offset, bit):
    content = bytearray(gzip.compress(WHOLE, mtime=0))
    content[10 + offset % (len(content) - 10)] ^= 1 << bit
    folder = tmp_path_factory.mktemp("flip")
    (folder / "a.tar.gz").write_bytes(content)
    out = folder / "out"
    out.mkdir()
    fails(IntegrityError, "archive.bad-archive-file", lambda: unpack(folder / "a.tar.gz", out, accept=accept))
    assert list(out.iterdir()) == []


@given(st.binary(max_size=3000))
def test_anything_else_is_an_integrity_error(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    for start in (b"", b"\x1f\x8b\x08", WHOLE[:700]):
        (folder / "a.tar").write_bytes(start + content)
        with pytest.raises(IntegrityError):
            unpack(folder / "a.tar", folder, accept=accept)
        assert [path.name for path in folder.iterdir()] == ["a.tar"]


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_nothing(unpacked, folder, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpack_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        unpacked(WHOLE)
    assert not isinstance(caught.value, ArchiveError)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "tar"),
    [
        (WHOLE, True),
        (gzip.compress(WHOLE, mtime=0), True),
        (gzip.compress(WHOLE, mtime=0)[:300], True),
        (gzip.compress(b"SIMPLE  =" + bytes(1000), mtime=0), False),
        (b"SIMPLE  =" + bytes(1000), False),
        (b"\x1f\x8b", False),
        (b"\x1f\x8b\x08" + bytes(50), False),
        (b"", False),
    ],
)
def test_a_tar_is_told_by_its_content(tmp_path, content, tar):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert is_tar(path) is tar
