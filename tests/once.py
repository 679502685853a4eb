"""What takes long to make and nobody changes: one test process makes it, all others wait for it and use it."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from hstlc.store.lock import flock

__all__ = ["once"]

T = TypeVar("T")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Return what a function makes in an empty folder; of all test processes, one calls it."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / f"{name}.pickle"
    with flock(folder / f"{name}.lock", wait=True):
        if not path.exists():
            path.write_bytes(pickle.dumps(make(factory.mktemp(name))))
    found: T = pickle.loads(path.read_bytes())
    return found
