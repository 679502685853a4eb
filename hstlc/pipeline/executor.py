"""Running tasks: in this process, or in a pool of processes that pay for their imports once."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self, TypeVar

from hstlc.pipeline.results import Failure

__all__ = ["SerialExecutor", "Workers", "make_executor", "run_tasks"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_PARENT_POLL_S = 1.0

# Tasks under way for each worker: enough that none waits for a slow one, few enough that little is staged at once.
_AHEAD = 8


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
    return SerialExecutor() if workers <= 1 else _pool(workers)


def _pool(workers: int) -> ProcessPoolExecutor:
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


class Workers:
    """Processes for the tasks of a run: started when they are first needed, kept until the end of the block.

    Parameters
    ----------
    number : int
        How many.
    stop : threading.Event, optional
        Once it is set no further task is begun: those under way end, and the run goes on as if they were all.

    Attributes
    ----------
    cut_short : bool
        Tasks were left out because of ``stop``.
    """

    def __init__(self, number: int, stop: threading.Event | None = None) -> None:
        self.number = number
        self.cut_short = False
        self._stop = stop
        self._executor: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def executor(self) -> Executor:
        """The executor, made anew after :meth:`stop`."""
        if self._executor is None:
            self._executor = make_executor(self.number)
        return self._executor

    def stopping(self) -> bool:
        """Tell whether no further task is to be begun."""
        return self._stop is not None and self._stop.is_set()

    def stop(self) -> None:
        """Let the tasks under way end and the processes go."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


def run_tasks(
    workers: int | Workers,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    name: Callable[[Task], str] = str,
) -> Iterator[Result | Failure]:
    """Yield the result of each task, in order.

    Tasks are begun as results are taken, so that what is done can be published while the rest is still to do.
    A worker that dies (out of memory, say) takes only its own task with it: the tasks that were under way are tried
    again one by one, and the one that kills its process again is a failure.

    Parameters
    ----------
    workers : int or Workers
        A number starts that many processes for these tasks alone.
    function : callable
        Importable by its name.
    tasks : sequence
    name : callable
        What to call a task in a failure.
    """
    if not isinstance(workers, Workers):
        with Workers(min(workers, max(len(tasks), 1))) as own:
            yield from run_tasks(own, function, tasks, name)
        return
    todo = deque(tasks)
    ahead = _AHEAD * workers.number if workers.number > 1 else 1
    while todo:
        under_way: deque[tuple[Task, Future[Result]]] = deque()
        try:
            while todo or under_way:
                if workers.stopping():
                    begun = deque(pair for pair in under_way if not pair[1].cancel())
                    workers.cut_short |= bool(todo) or len(begun) < len(under_way)
                    todo, under_way = deque(), begun
                    if not begun:
                        return
                while todo and len(under_way) < ahead:
                    under_way.append((todo[0], workers.executor.submit(function, todo[0])))
                    todo.popleft()
                yield under_way[0][1].result()
                under_way.popleft()
        except BrokenProcessPool:
            workers.stop()
        finally:
            for _, future in under_way:
                future.cancel()
        yield from _again(function, under_way, name)


def _again(
    function: Callable[[Task], Result], under_way: deque[tuple[Task, Future[Result]]], name: Callable[[Task], str]
) -> Iterator[Result | Failure]:
    """Yield what was answered before a worker died, and do the others again, one at a time."""
    while under_way:
        with _pool(1) as executor:
            alive = True
            while under_way and alive:
                task, future = under_way.popleft()
                try:
                    yield (future if _answered(future) else executor.submit(function, task)).result()
                except BrokenProcessPool:
                    alive = False
                    what = name(task)
                    yield Failure(
                        what,
                        "step.worker-died",
                        f"{what}: its worker process ended twice without an answer",
                        "it may need more memory than there is; try with -j 1",
                    )


def _answered(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)
