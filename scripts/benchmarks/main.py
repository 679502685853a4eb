"""Make the data, install the original, measure everything and print the table."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from scripts.benchmarks import extraction, peer, whole
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.contender import ROOT
from scripts.benchmarks.data import make_data
from scripts.benchmarks.machine import Stream, describe
from scripts.benchmarks.table import Row, markdown

__all__ = ["main"]

# Those that are measured without the original's process have their own programs.
OWN = ("write", "statistics", "plots", "database", "archives", "sources", "rebin")


def _groups(bench: Bench) -> dict[str, Callable[[], list[Row]]]:
    groups: dict[str, Callable[[], list[Row]]] = {
        "extraction": lambda: extraction.rows(bench),
        "whole": lambda: whole.rows(bench),
        "imports": lambda: whole.import_rows(bench),
    }
    for name in OWN:
        module = f"{__package__}.{name}"
        if find_spec(module):
            groups[name] = lambda module=module: import_module(module).rows()  # type: ignore[misc]
    return groups


def main() -> int:
    """Print the table to standard output and progress to the error output; 1 when a group failed."""
    parser = argparse.ArgumentParser(prog="scripts/benchmarks/run", description=__doc__)
    parser.add_argument("groups", nargs="*", help="only these: extraction, whole, imports, " + ", ".join(OWN))
    parser.add_argument("--folder", type=Path, default=ROOT / ".benchmarks", help="for the data and the original")
    parser.add_argument("--output", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    started = time.perf_counter()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    stream = Stream()
    head = describe(stream)
    _say(started, "data")
    make_data(folder / "data")
    _say(started, "the original")
    original = peer.install(folder / "original", ROOT / "constraints.txt")
    bench = Bench(folder, original, stream)
    groups = _groups(bench)
    if unknown := sorted(set(arguments.groups) - set(groups)):
        parser.error(f"there is no group {', '.join(unknown)}, only {', '.join(groups)}")
    table: list[Row] = []
    failed = []
    for name in arguments.groups or groups:
        _say(started, name)
        try:
            table += groups[name]()
        except Exception:
            traceback.print_exc()
            failed.append(name)
    text = f"{head}\n{markdown(table)}\n"
    print(text, end="")
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    _say(started, f"failed: {', '.join(failed)}" if failed else "done")
    return 1 if failed else 0


def _say(started: float, what: str) -> None:
    print(f"{time.perf_counter() - started:6.1f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
