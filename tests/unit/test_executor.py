"""Tasks in this process and in others: in order, each answered, whoever dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hstlc.pipeline.executor import SerialExecutor, Workers, make_executor, run_tasks
from hstlc.pipeline.results import Failure


def double(task: int) -> int:
    return 2 * task


def process_of(_: int) -> int:
    return os.getpid()


def refuse(task: int) -> int:
    raise KeyError(task)


def die(task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * task


def die_once(task: tuple[int, Path]) -> int:
    number, marker = task
    if number == 3 and not marker.exists():
        marker.touch()
        os._exit(1)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_the_order_of_the_tasks(workers: int) -> None:
    assert list(run_tasks(workers, double, range(40))) == list(range(0, 80, 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_no_tasks_no_answers(workers: int) -> None:
    assert list(run_tasks(workers, double, [])) == []


def test_one_worker_is_this_process() -> None:
    assert set(run_tasks(1, process_of, range(3))) == {os.getpid()}


def test_more_workers_are_other_processes_that_are_used_again() -> None:
    processes = set(run_tasks(2, process_of, range(20)))
    assert os.getpid() not in processes
    assert 1 <= len(processes) <= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_program_is_not_hidden(workers: int) -> None:
    with pytest.raises(KeyError, match="0"):
        list(run_tasks(workers, refuse, range(3)))


def test_work_that_nobody_waits_for_is_not_begun() -> None:
    done: list[int] = []
    answers = run_tasks(1, done.append, range(100))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert len(done) < 100


def test_a_worker_that_dies_takes_only_its_own_task_with_it() -> None:
    answers = list(run_tasks(2, die, range(40), lambda task: f"task {task}"))
    failure = answers.pop(3)
    assert answers == [2 * task for task in range(40) if task != 3]
    assert isinstance(failure, Failure)
    assert (failure.what, failure.code) == ("task 3", "step.worker-died")
    assert "task 3" in failure.message
    assert failure.hint


def test_a_task_whose_worker_died_once_is_tried_again(tmp_path: Path) -> None:
    tasks = [(number, tmp_path / "died") for number in range(6)]
    assert list(run_tasks(2, die_once, tasks)) == list(range(6))
    assert (tmp_path / "died").exists()


def test_interrupts_pass_through_the_serial_executor() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SerialExecutor().submit(interrupt)


def test_one_worker_has_no_pool() -> None:
    assert isinstance(make_executor(1), SerialExecutor)


PARENT = """
import os, sys, time
from hstlc.pipeline.executor import make_executor
if __name__ == "__main__":
    executor = make_executor(2)
    print(executor.submit(os.getpid).result(), flush=True)
    executor.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    program, quiet = [sys.executable, str(script)], subprocess.DEVNULL
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=quiet, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    for _ in range(600):
        if not _runs(worker):
            return
        time.sleep(0.1)
    pytest.fail(f"worker {worker} goes on without its parent")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [1, 2])
def test_workers_that_are_told_to_stop_end_what_they_began_and_begin_nothing_more(number: int) -> None:
    stop = threading.Event()
    done = []
    with Workers(number, stop) as workers:
        for answer in run_tasks(workers, double, range(1000)):
            done.append(answer)
            if len(done) == 3:
                stop.set()
        assert workers.cut_short
    assert 3 <= len(done) < 1000
    assert done == list(range(0, 2 * len(done), 2))


def test_workers_that_are_told_to_stop_at_the_end_left_nothing_out() -> None:
    stop = threading.Event()
    with Workers(1, stop) as workers:
        for answer in run_tasks(workers, double, range(3)):
            if answer == 4:
                stop.set()
        assert not workers.cut_short
