"""Running tasks: in this process, or in a pool of processes that pay for their imports once."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from hstlc.pipeline.results import Failure

__all__ = ["SerialExecutor", "make_executor", "run_tasks"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_PARENT_POLL_S = 1.0


class SerialExecutor(Executor):
    """Does each task when it is submitted, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn`` now and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            future.set_exception(error)
        return future


def make_executor(workers: int) -> Executor:
    """Return an executor: serial for one worker, else a pool of spawned processes that end with this one."""
    if workers <= 1:
        return SerialExecutor()
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
    )


def _end_with(parent: int) -> None:
    """Watch the parent from a thread: a worker must not go on writing for a run that is dead."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_tasks(
    workers: int, function: Callable[[Task], Result], tasks: Sequence[Task], name: Callable[[Task], str] = str
) -> Iterator[Result | Failure]:
    """Yield the result of each task, in order.

    A worker that dies (out of memory, say) takes only its own task with it: the tasks that were under way are tried
    again one by one, each in a fresh process, and the one that kills its process again is a failure.

    Parameters
    ----------
    workers : int
    function : callable
        Importable by its name.
    tasks : sequence
    name : callable
        What to call a task in a failure.
    """
    todo = list(tasks)
    executor = make_executor(min(workers, max(len(todo), 1)))
    try:
        futures = [executor.submit(function, task) for task in todo]
        done = 0
        try:
            for future in futures:
                yield future.result()
                done += 1
        except BrokenProcessPool:
            pass
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    for task in todo[done:]:
        yield _alone(function, task, name)


def _alone(function: Callable[[Task], Result], task: Task, name: Callable[[Task], str]) -> Result | Failure:
    with ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
    ) as executor:
        try:
            return executor.submit(function, task).result()
        except BrokenProcessPool:
            what = name(task)
            return Failure(
                what,
                "step.worker-died",
                f"{what}: its worker process ended twice without an answer",
                "it may need more memory than there is; try with -j 1",
            )
