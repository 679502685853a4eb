import json
import logging
import os
import signal
import subprocess
import sys
import threading

import pytest

from hstlc.errors import LockHeldError, StoreError
from hstlc.store.lock import break_lock, flock

HOLDER = """
import sys
from pathlib import Path
from hstlc.store.lock import flock
sys.argv = ["hstlc", "ingest", "--token=c4nary"]
with flock(Path({path!r}), wait=False):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hstlc.lock"


@pytest.fixture
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(path=str(path))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_leaves_with_the_name_of_the_holder(path, holder):
    with pytest.raises(LockHeldError) as caught, flock(path, wait=False):
        pytest.fail("two processes hold the lock")
    error = caught.value
    assert error.code == "lock.held"
    assert error.context["path"] == str(path)
    assert f"process {holder.pid} on " in error.context["holder"]
    assert "(hstlc ingest --token=***)" in error.message
    assert "c4nary" not in path.read_text()
    assert "--no-wait" in error.hint


def test_a_killed_holder_frees_the_lock(path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert json.loads(path.read_text())["pid"] == holder.pid  # the note is stale, the lock is not
    with flock(path, wait=False):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_waiting_ends_when_the_holder_does_and_is_announced_once(path, holder, caplog):
    entered = threading.Event()

    def work():
        with flock(path, wait=True, poll_s=0.01):
            entered.set()

    with caplog.at_level(logging.INFO, "hstlc.store.lock"):
        thread = threading.Thread(target=work)
        thread.start()
        assert not entered.wait(0.2)
        holder.communicate("go\n")
        thread.join(30)
    assert entered.is_set()
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert str(path) in messages[0]
    assert f"process {holder.pid}" in messages[0]


def test_an_interrupt_ends_the_waiting(path, holder, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("hstlc.store.lock.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt), flock(path, wait=True):
        pytest.fail("two processes hold the lock")
    assert holder.poll() is None


def test_the_lock_is_free_after_the_block_and_after_an_error(path):
    for error in (None, RuntimeError("x")):
        try:
            with flock(path, wait=False):
                if error:
                    raise error
        except RuntimeError:
            pass
        with flock(path, wait=False):
            pass
    assert path.read_text() == ""


def test_one_process_cannot_hold_it_twice(path):
    with flock(path, wait=False), pytest.raises(LockHeldError), flock(path, wait=False):
        pytest.fail("held twice")


def test_a_holder_that_left_no_note_is_another_process(path, holder):
    path.write_text("{broken")
    with pytest.raises(LockHeldError) as caught, flock(path, wait=False):
        pytest.fail("two processes hold the lock")
    assert caught.value.context["holder"] == "another process"


def test_a_lock_file_that_cannot_be_made(tmp_path):
    path = tmp_path / "missing" / "hstlc.lock"
    with pytest.raises(StoreError) as caught, flock(path, wait=False):
        pytest.fail("no file, no lock")
    assert caught.value.code == "store.io"
    assert caught.value.context["path"] == str(path)
    assert caught.value.hint


def run_of(path):
    return json.loads(path.read_text())["run"]


def test_the_lock_of_a_stopped_process_is_broken_and_it_cannot_have_it_back(path, holder):
    holder.send_signal(signal.SIGSTOP)
    run = run_of(path)
    assert break_lock(path, run)
    with flock(path, wait=False):
        assert json.loads(path.read_text())["pid"] == os.getpid()
        holder.send_signal(signal.SIGCONT)
        holder.communicate("go\n")  # it ends its block and takes away its note, of a file without a name
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with pytest.raises(LockHeldError), flock(path, wait=False):
            pytest.fail("held twice")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_only_the_lock_of_the_process_that_is_meant_is_broken(path, holder):
    assert not break_lock(path, "another-1-1")
    with pytest.raises(LockHeldError), flock(path, wait=False):
        pytest.fail("held twice")
    run = run_of(path)
    holder.kill()
    holder.wait()
    assert not break_lock(path, run)  # the system freed it
    assert not break_lock(path.with_name("missing"), run)


def test_whoever_waits_goes_on_with_the_new_file_when_a_lock_is_broken(path, holder):
    entered = threading.Event()

    def work():
        with flock(path, wait=True, poll_s=0.01):
            entered.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert not entered.wait(0.2)
    holder.send_signal(signal.SIGSTOP)
    assert break_lock(path, run_of(path))
    thread.join(30)
    assert entered.is_set()
