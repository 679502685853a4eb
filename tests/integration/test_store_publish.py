import errno
import grp
import hashlib
import logging
import multiprocessing
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hstlc.errors import InconsistentError, StoreError, UnreadableError
from hstlc.store import disk, points
from hstlc.store.digest import BLOCK_SIZE, digest, sha256_file
from hstlc.store.permissions import Access, apply_permissions
from hstlc.store.publish import (
    discard,
    free_space_guard,
    publish,
    remove,
    run_alive,
    run_id,
    stage,
    stage_bytes,
    sweep_parts,
)

RUN = "node3-4711-90210"
CONTENT = bytes(range(256)) * (3 * BLOCK_SIZE // 256) + b"end"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "ingest" / "a.fits"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    path.chmod(0o644)
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "filesystem" / "GJ-436"


@pytest.fixture
def trace():
    seen = []
    points.set_hook(seen.append)
    yield seen
    points.set_hook(None)


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir()) if folder.exists() else []


def failing(number, after=0):
    calls = []

    def function(*args):
        calls.append(args)
        if len(calls) > after:
            raise OSError(number, os.strerror(number))

    return function


def refused(error_class, code, path, call, *args, **kwargs):
    """Assert that the call is refused with this class, code and path, and with a hint."""
    with pytest.raises(error_class) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code
    assert caught.value.context["path"] == str(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.context) == (type(caught.value), str(caught.value), caught.value.context)
    return caught.value


# --- the way of one file


@pytest.mark.parametrize("link", [True, False])
def test_a_file_gets_its_name_and_the_source_stays(source, target, trace, link):
    staged = stage(source, target, "b.fits", RUN, link=link)
    assert files(target) == [f"b.fits.{RUN}.part"]
    assert (staged.sha256, staged.size) == (SHA256, len(CONTENT))
    assert publish(staged) == target / "b.fits"
    assert files(target) == ["b.fits"]
    assert sha256_file(target / "b.fits") == SHA256
    assert source.read_bytes() == CONTENT
    remove(source)
    remove(source)  # a success the second time too
    assert not source.exists()
    assert sha256_file(target / "b.fits") == SHA256
    assert trace == ["staged", "staged-fsync", "published", "published-fsync", "unlinked", "unlinked"]


def test_one_file_system_links_and_a_copy_leaves_the_sources_inode_alone(source, target):
    before = source.stat()
    copied = publish(stage(source, target, "copy.fits", RUN, link=False))
    assert copied.stat().st_ino != before.st_ino
    assert (source.stat().st_mode, source.stat().st_mtime_ns, source.stat().st_nlink) == (
        before.st_mode,
        before.st_mtime_ns,
        1,
    )
    linked = publish(stage(source, target, "link.fits", RUN, link=True))
    assert linked.stat().st_ino == before.st_ino


def test_a_file_with_other_names_is_copied_even_from_ingest(source, target, tmp_path):
    outside = tmp_path / "mine.fits"
    outside.hardlink_to(source)
    published = publish(stage(source, target, "b.fits", RUN, link=True))
    assert not published.samefile(outside)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_symbolic_link_is_copied_not_linked(source, target, tmp_path):
    outside = tmp_path / "mine.fits"
    source.rename(outside)
    source.symlink_to(outside)
    published = publish(stage(source, target, "b.fits", RUN, link=True))
    assert not published.is_symlink()
    assert not published.samefile(outside)
    assert published.read_bytes() == CONTENT
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_two_file_systems_copy(target):
    """A real second file system where there is one; the injected one is tested below."""
    shm = Path("/dev/shm")
    target.mkdir(parents=True)
    if not shm.is_dir() or shm.stat().st_dev == target.stat().st_dev:
        pytest.skip("no second file system")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        source = Path(folder, "a.fits")
        source.write_bytes(CONTENT)
        with pytest.raises(OSError, match="cross-device"):
            disk.link(source, target / "x")
        assert sha256_file(publish(stage(source, target, "b.fits", RUN, link=True))) == SHA256
        assert source.stat().st_nlink == 1


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_where_no_link_can_be_made_a_copy_is(source, target, monkeypatch, number):
    with monkeypatch.context() as patch:
        patch.setattr(disk, "link", failing(number))
        staged = stage(source, target, "b.fits", RUN, link=True)
    published = publish(staged)
    assert published.stat().st_ino != source.stat().st_ino
    assert sha256_file(published) == SHA256


@pytest.mark.parametrize("data", [b"", b"abc", memoryview(CONTENT)[1:], memoryview(b"abcd").cast("H")])
def test_bytes_are_staged(target, data, trace):
    staged = stage_bytes(data, target, "b.fits", RUN)
    assert staged.size == len(bytes(data))
    published = publish(staged)
    assert published.read_bytes() == bytes(data)
    assert staged.sha256 == hashlib.sha256(bytes(data)).hexdigest()
    assert trace == ["staged", "staged-fsync", "published", "published-fsync"]


def test_staged_travels_between_processes(target):
    staged = stage_bytes(b"abc", target, "b.fits", RUN)
    assert publish(pickle.loads(pickle.dumps(staged))).read_bytes() == b"abc"


def test_discard_leaves_nothing(target):
    staged = stage_bytes(b"abc", target, "b.fits", RUN)
    discard(staged)
    discard(staged)
    assert files(target) == []


def test_a_part_left_by_a_dead_worker_of_the_same_run_is_replaced(source, target):
    target.mkdir(parents=True)
    (target / f"b.fits.{RUN}.part").write_text("half")
    assert sha256_file(publish(stage(source, target, "b.fits", RUN, link=False))) == SHA256
    assert files(target) == ["b.fits"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/x", "a\0b"])
def test_a_name_that_is_a_path_is_refused(source, target, name):
    with pytest.raises(StoreError) as caught:
        stage(source, target, name, RUN, link=False)
    assert caught.value.code == "store.outside"
    assert caught.value.context["path"] == name
    assert "slug" in caught.value.hint
    assert not target.exists()


# --- nothing is overwritten


def identity(path):
    """Return what changes when something else takes the name, or is written; not when it is read."""
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def test_the_same_content_under_the_name_is_a_success(source, target):
    first = publish(stage(source, target, "b.fits", RUN, link=False))
    inode = first.stat().st_ino
    publish(stage(source, target, "b.fits", RUN, link=True))
    assert files(target) == ["b.fits"]
    assert first.stat().st_ino == inode


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_anything_else_under_the_name_stays(source, target, kind, tmp_path):
    target.mkdir(parents=True)
    there = target / "b.fits"
    other = tmp_path / "other"
    other.write_bytes(CONTENT)
    if kind == "file":
        there.write_text("other")
    elif kind == "folder":
        there.mkdir()
    else:
        there.symlink_to(other if kind == "link" else tmp_path / "nothing")
    before = identity(there)
    staged = stage(source, target, "b.fits", RUN, link=False)
    error = refused(StoreError, "store.exists", there, publish, staged)
    assert error.context["sha256"] == SHA256
    assert identity(there) == before
    assert not staged.part.exists()
    assert source.exists()


def test_replace_takes_the_place_of_a_product(target):
    publish(stage_bytes(b"old", target, "c.fits", RUN))
    assert publish(stage_bytes(b"new", target, "c.fits", RUN), replace=True).read_bytes() == b"new"
    assert files(target) == ["c.fits"]


def test_replace_by_another_name_of_the_same_file_leaves_no_part(target):
    published = publish(stage_bytes(b"abc", target, "c.fits", RUN))
    staged = stage(published, target, "c.fits", RUN, link=True)
    assert staged.part.samefile(published)
    assert publish(staged, replace=True).read_bytes() == b"abc"
    assert files(target) == ["c.fits"]


def _race(folder, number, barrier, results):
    staged = stage_bytes(b"%d" % number * 1000, Path(folder), "b.fits", f"{RUN}{number}")
    barrier.wait(60)
    try:
        publish(staged)
        results.put((number, "won"))
    except StoreError as error:
        results.put((number, error.code))


def test_of_two_processes_one_wins_and_the_other_is_told(target):
    context = multiprocessing.get_context("spawn")
    for attempt in range(3):
        folder = target / str(attempt)
        barrier, results = context.Barrier(2), context.Queue()
        workers = [context.Process(target=_race, args=(str(folder), n, barrier, results)) for n in (1, 2)]
        for worker in workers:
            worker.start()
        found = dict(results.get(timeout=60) for _ in workers)
        for worker in workers:
            worker.join(60)
        assert sorted(found.values()) == ["store.exists", "won"]
        winner = next(number for number, result in found.items() if result == "won")
        assert (folder / "b.fits").read_bytes() == b"%d" % winner * 1000
        assert files(folder) == ["b.fits"]


# --- faults


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(("operation", "after"), [("write", 0), ("write", 2), ("fsync", 0)])
def test_a_disk_that_fills_up_leaves_nothing_behind(source, target, monkeypatch, number, operation, after):
    real = getattr(disk, operation)
    fail = failing(number, after)

    def half(*args):
        fail(*args)
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(disk, operation, half)
        error = refused(
            StoreError, "store.full", target / f"b.fits.{RUN}.part", stage, source, target, "b.fits", RUN, link=False
        )
    assert error.context["errno"] == number
    assert "space" in error.hint
    assert error.retryable
    assert files(target) == []
    assert source.read_bytes() == CONTENT
    assert sha256_file(publish(stage(source, target, "b.fits", RUN, link=False))) == SHA256  # and again, with space


@pytest.mark.parametrize("operation", ["link", "fsync_directory"])
def test_a_disk_that_is_full_when_publishing(target, monkeypatch, operation):
    staged = stage_bytes(b"abc", target, "b.fits", RUN)
    with monkeypatch.context() as patch:
        patch.setattr(disk, operation, failing(errno.ENOSPC))
        refused(StoreError, "store.full", target / "b.fits", publish, staged)
    assert files(target) == ([] if operation == "link" else ["b.fits"])
    assert publish(stage_bytes(b"abc", target, "b.fits", RUN)).read_bytes() == b"abc"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EROFS, "store.read-only"),
        (errno.EACCES, "store.read-only"),
        (errno.EPERM, "store.read-only"),
        (errno.EIO, "store.io"),
    ],
)
def test_other_faults_of_the_store(source, target, monkeypatch, number, code):
    part = target / f"b.fits.{RUN}.part"
    with monkeypatch.context() as patch:
        patch.setattr(disk, "create", failing(number))
        refused(StoreError, code, part, stage, source, target, "b.fits", RUN, link=False)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "replace", failing(number))
        refused(StoreError, code, target / "b.fits", publish, stage_bytes(b"", target, "b.fits", RUN), replace=True)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "unlink", failing(number))
        refused(StoreError, code, source, remove, source)
    assert source.exists()
    assert files(target) == []


def test_a_link_that_fails_for_want_of_space_is_not_tried_as_a_copy(source, target, monkeypatch):
    monkeypatch.setattr(disk, "link", failing(errno.ENOSPC))
    part = target / f"b.fits.{RUN}.part"
    refused(StoreError, "store.full", part, stage, source, target, "b.fits", RUN, link=True)
    assert files(target) == []


def test_an_interrupt_in_the_middle_leaves_no_part(source, target, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(disk, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stage(source, target, "b.fits", RUN, link=False)
    assert files(target) == []


@pytest.mark.parametrize("link", [True, False])
def test_a_source_that_is_gone(source, target, link):
    source.unlink()
    refused(InconsistentError, "data.vanished", source, stage, source, target, "b.fits", RUN, link=link)
    assert files(target) == []


def test_a_source_that_goes_between_the_look_and_the_link(source, target, monkeypatch):
    real = disk.link

    def late(one, other):
        source.unlink()
        real(one, other)

    monkeypatch.setattr(disk, "link", late)
    refused(InconsistentError, "data.vanished", source, stage, source, target, "b.fits", RUN, link=True)
    assert files(target) == []


@pytest.mark.parametrize("link", [True, False])
def test_a_source_that_is_being_written_to(source, target, trace, link):
    def grow(name):
        if name == "staged":
            with source.open("ab") as handle:
                handle.write(b"more")

    points.set_hook(grow)
    refused(InconsistentError, "data.changed", source, stage, source, target, "b.fits", RUN, link=link)
    assert files(target) == []


def test_a_source_that_cannot_be_read(source, target, tmp_path):
    refused(UnreadableError, "data.unreadable", tmp_path / "ingest", sha256_file, tmp_path / "ingest")
    folder = source.parent
    refused(UnreadableError, "data.unreadable", folder, stage, folder, target, "b.fits", RUN, link=True)
    assert files(target) == []


def _mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def mount(tmp_path):
    """A folder with a file system of its own, where this user may mount one."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or not shutil.which("mount")
        or not _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    ):
        pytest.skip("mounting is not allowed here; the injected faults above cover the same errors")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_file_system_that_is_really_read_only(source, mount):
    target = mount / "t"
    kept = publish(stage_bytes(b"abc", target, "kept.fits", RUN))
    staged = stage_bytes(b"abc", target, "late.fits", RUN)
    assert _mount("-o", "remount,ro", str(mount))
    try:
        part = target / f"b.fits.{RUN}.part"
        refused(StoreError, "store.read-only", part, stage, source, target, "b.fits", RUN, link=True)
        refused(StoreError, "store.read-only", mount / "new", stage_bytes, b"", mount / "new", "b.fits", RUN)
        refused(StoreError, "store.read-only", kept, remove, kept)
        with pytest.raises(StoreError) as caught:
            publish(staged)
        assert caught.value.code == "store.read-only"
    finally:
        assert _mount("-o", "remount,rw", str(mount))
    assert publish(staged).read_bytes() == b"abc"
    assert files(target) == ["kept.fits", "late.fits"]


def test_a_file_system_that_is_really_full(source, mount):
    target = mount / "t"
    part = target / f"b.fits.{RUN}.part"
    refused(StoreError, "store.full", part, stage, source, target, "b.fits", RUN, link=True)  # 3 MB into 1 MB
    assert files(target) == []
    refused(StoreError, "store.full", mount, free_space_guard, mount, len(CONTENT), 0)
    assert source.read_bytes() == CONTENT


# --- permissions


def test_permissions_do_not_depend_on_the_umask(source, target):
    for mask in (0o000, 0o077):
        old = os.umask(mask)
        try:
            path = publish(stage(source, target / str(mask), "b.fits", RUN, link=False, access=Access(0o750)))
            staged = stage_bytes(b"", target / str(mask), "c.fits", RUN)
        finally:
            os.umask(old)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
        assert stat.S_IMODE(staged.part.stat().st_mode) == 0o600


def test_a_folder_goes_on_handing_down_its_group(tmp_path):
    tmp_path.chmod(0o2700)
    apply_permissions(tmp_path, Access(0o770))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o2770


def _other_group():
    groups = grp.getgrall() if os.geteuid() == 0 else [grp.getgrgid(number) for number in os.getgroups()]
    return next((group for group in groups if group.gr_gid != os.getegid()), None)


@pytest.mark.skipif(_other_group() is None, reason="this user is in one group only")
def test_the_group_is_set(target):
    group = _other_group()
    path = publish(stage_bytes(b"", target, "b.fits", RUN, access=Access(0o770, group.gr_name)))
    assert (path.stat().st_gid, path.parent.stat().st_gid) == (group.gr_gid, group.gr_gid)


def test_a_group_that_does_not_exist_is_one_warning(target, caplog):
    access = Access(0o770, "no-such-group-one")
    with caplog.at_level(logging.WARNING, "hstlc"):
        for name in ("b.fits", "c.fits"):
            path = publish(stage_bytes(b"", target, name, RUN, access=access))
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert caplog.text.count("no-such-group-one") == 1


def test_a_group_that_may_not_be_given_is_one_warning(target, caplog, monkeypatch):
    monkeypatch.setattr("hstlc.store.permissions._group_id", lambda _: os.getegid() + 1)
    monkeypatch.setattr("hstlc.store.permissions._chown", failing(errno.EPERM))
    with caplog.at_level(logging.WARNING, "hstlc"):
        for name in ("b.fits", "c.fits"):
            path = publish(stage_bytes(b"", target, name, RUN, access=Access(0o770, "no-member-of")))
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert caplog.text.count("no-member-of") == 1
    assert "not a member" in caplog.text


def test_another_users_file_is_left_alone(source, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: source.stat().st_uid + 1)
    apply_permissions(source, Access(0o770))
    assert stat.S_IMODE(source.stat().st_mode) == 0o644


# --- runs, sweep, space


def test_a_run_knows_whether_it_is_alive():
    host, pid, start = run_id().rsplit("-", 2)
    assert int(pid) == os.getpid()
    assert run_alive(run_id())
    assert not run_alive(f"{host}-{pid}-{int(start) + 1}")  # the number was given to another process since
    assert run_alive(f"elsewhere-{pid}-{start}")
    assert run_alive("not a run")
    ended = subprocess.run(
        [sys.executable, "-c", "from hstlc.store.run import run_id; print(run_id())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert ended.startswith(f"{host}-")
    assert not run_alive(ended)


def test_the_sweep_takes_parts_of_dead_runs_only(target, tmp_path):
    live = stage_bytes(b"live", target, "a.fits", run_id())
    host, pid, start = run_id().rsplit("-", 2)
    dead = stage_bytes(b"dead", target, "a.fits", f"{host}-{pid}-{int(start) + 1}")
    deep = stage_bytes(b"dead", target / "superseded" / "x", "b.fits", f"{host}-{2**22 + 7}-5")
    foreign = stage_bytes(b"", target, "a.fits", "elsewhere-1-2")
    (target / "user.part").write_text("not ours")
    outside = tmp_path / "outside"
    kept = stage_bytes(b"", outside, "c.fits", f"{host}-{pid}-1")
    (target / "link").symlink_to(outside)
    assert sweep_parts(target, run_alive) == sorted([dead.part, deep.part])
    assert files(outside) == [kept.part.name]
    assert files(target) == sorted([live.part.name, foreign.part.name, "user.part"])
    assert publish(live).read_bytes() == b"live"
    assert sweep_parts(target, run_alive) == []


def test_a_crash_leaves_a_part_that_the_next_run_sweeps(source, target):
    code = (
        "import os, sys; from pathlib import Path; from hstlc.store import points; "
        "from hstlc.store.publish import *; points.set_hook(lambda name: name == sys.argv[3] and os._exit(9)); "
        "publish(stage(Path(sys.argv[1]), Path(sys.argv[2]), 'b.fits', run_id(), link=sys.argv[4] == 'link'))"
    )
    for link in ("link", "copy"):
        for name in ("staged", "staged-fsync", "published", "published-fsync"):
            folder = target / f"{name}-{link}"
            done = subprocess.run([sys.executable, "-c", code, source, folder, name, link], check=False)
            assert done.returncode == 9
            published = name.startswith("published")
            assert len(sweep_parts(folder, run_alive)) == (0 if published else 1)
            assert files(folder) == (["b.fits"] if published else [])
            assert sha256_file(publish(stage(source, folder, "b.fits", RUN, link=True))) == SHA256
            assert files(folder) == ["b.fits"]
            assert source.read_bytes() == CONTENT


def test_the_guard_counts_what_is_needed_and_what_is_spared(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 1000 if folder == tmp_path else 0)
    folder = tmp_path / "not" / "yet"
    free_space_guard(folder, 600, 400)
    error = refused(StoreError, "store.full", folder, free_space_guard, folder, 601, 400)
    assert (error.context["free"], error.context["needed"]) == (1000, 601)
    assert "min_free_space" in error.hint


def test_a_point_must_be_registered():
    with pytest.raises(KeyError, match="no-such-point"):
        points.point("no-such-point")
    assert points.point("committed") is None


# --- digests


def test_sha256_of_a_file(source, tmp_path):
    assert sha256_file(source) == SHA256
    refused(InconsistentError, "data.vanished", tmp_path / "no", sha256_file, tmp_path / "no")


def test_a_digest_depends_on_values_and_not_on_the_order_of_keys():
    assert digest("a", {"x": 1, "y": [1.5, None, True]}) == digest("a", {"y": [1.5, None, True], "x": 1})
    stored = rb'["a",{"b":"\u00e9","x":1}]'  # rows hold these digests: the text must never change
    assert digest("a", {"x": 1, "b": "é"}) == hashlib.sha256(stored).hexdigest()
    different = [
        digest(),
        digest(""),
        digest("a", "b"),
        digest("b", "a"),
        digest("ab"),
        digest(["a", "b"]),
        digest(1),
        digest("1"),
        digest(1.0),
        digest(None),
    ]
    assert len(set(different)) == len(different)
    with pytest.raises(TypeError):
        digest(object())
