"""Two processes that wait for work, so that contenders alternate in one run without the cost of their start.

:func:`serve` runs in a contender, of any Python 3 and with the standard library alone: it reads a command a line as
JSON, and writes what the command returned. :class:`Contender` is the other end of it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Answer", "Contender", "alternate", "environment", "serve", "timed"]

Answer = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
SAMPLE_S = 0.001


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Call a function with an emptied heap and return its seconds and its result."""
    gc.collect()
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def serve(commands: Mapping[str, Callable[..., Answer]]) -> None:
    """Answer commands until the input ends; what they print goes nowhere."""
    out = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    out.write(json.dumps({"ready": True}) + "\n")
    out.flush()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = commands[request.pop("command")](**request)
        except Exception:
            answer = {"error": traceback.format_exc()}
        out.write(json.dumps(answer) + "\n")
        out.flush()


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a contender: this process's, one thread, and this package."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT))))
    return os.environ | single | {"PYTHONPATH": path} | variables


class Contender:
    """A process that runs :func:`serve`.

    Parameters
    ----------
    name : str
        Used in errors, and for the log of what it writes to its error output.
    command : sequence of str
    environment : mapping
    log : Path
        Where its error output goes.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(environment)
            )
        started = time.perf_counter()
        self._answer(lambda: None)
        self.start_s = time.perf_counter() - started

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()

    def ask(self, command: str, *, watch: bool = False, **arguments: Any) -> Answer:
        """Have a command done and return its answer.

        Parameters
        ----------
        command : str
        watch : bool
            Add ``peak_bytes``: how far its anonymous memory rose meanwhile above what it was before.
        **arguments : object
            Plain values, for JSON.

        Raises
        ------
        RuntimeError
            The command failed; the message has the trace of the other process.
        """
        before = self.anonymous_bytes()
        peak = before

        def sample() -> None:
            nonlocal peak
            peak = max(peak, self.anonymous_bytes())

        assert self.process.stdin
        self.process.stdin.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        answer = self._answer(sample if watch else None)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {command} {arguments} failed\n{answer['error']}")
        return answer | ({"peak_bytes": peak - before} if watch else {})

    def _answer(self, sample: Callable[[], None] | None) -> Answer:
        assert self.process.stdout
        while sample and not select.select([self.process.stdout], [], [], SAMPLE_S)[0]:
            sample()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the process ended with code {self.process.wait()}")
        answer: Answer = json.loads(line)
        return answer

    def anonymous_bytes(self) -> int:
        """Return the anonymous resident memory of the process: pages of files that it reads do not count."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return 1024 * int(line.split()[1])
        return 0


def alternate(*work: Callable[[], Answer], repeat: int = 5, budget_s: float = 60.0) -> list[list[Answer]]:
    """Have each contender do its work in turn, ``repeat`` times, and return the answers of each.

    The first turn warms up and does not count. No turn begins after ``budget_s``, but one is always counted.
    """
    answers: list[list[Answer]] = [[] for _ in work]
    started = time.perf_counter()
    for turn in range(repeat + 1):
        if turn > 1 and time.perf_counter() - started > budget_s:
            break
        for own, function in zip(answers, work, strict=True):
            answer = function()
            if turn:
                own.append(answer)
    return answers
