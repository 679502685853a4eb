"""What a worker keeps between requests: exposures that are ready to be binned, as many as fit."""

from __future__ import annotations

import ctypes
import gc
from collections import OrderedDict
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

__all__ = ["Held", "array_bytes", "give_back"]


class Held:
    """Values by key; the ones that were not asked for longest go when there are too many bytes.

    Parameters
    ----------
    most_bytes : int
        Of the arrays of all values; the newest stays whatever it needs.

    Examples
    --------
    >>> held = Held(100)
    >>> [held.get(key, lambda: np.zeros(10)).nbytes for key in ("a", "b")], len(held)
    ([80, 80], 1)
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def bytes(self) -> int:
        """Of all arrays that are held."""
        return sum(size for _, size in self._values.values())

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """Return the value of a key, made when it is not there."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key][0]
        value = make()
        self._values[key] = value, array_bytes(value)
        while self.bytes > self._most and len(self._values) > 1:
            self._values.popitem(last=False)
        return value


def array_bytes(value: Any) -> int:
    """Return how much memory the arrays take that a value refers to; what is mapped from a file takes none.

    Examples
    --------
    >>> array_bytes({"a": np.zeros(10), "b": [np.zeros(5, dtype=np.int8)]})
    85
    """
    seen: set[int] = set()
    todo, found = [value], 0
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, (type, ModuleType)):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            owner = _owner(one)
            if id(owner) not in seen or owner is one:
                seen.add(id(owner))
                found += owner.nbytes if isinstance(owner, np.ndarray) else 0
        elif isinstance(one, FunctionType):
            todo += [cell.cell_contents for cell in one.__closure__ or () if cell.cell_contents is not None]
        else:
            todo += gc.get_referents(one)
    return found


def give_back(*, cycles: bool) -> None:
    """Give memory that is not needed any more back to the system, as far as it can be told to.

    The C library of Linux keeps what lies below anything that is in use: after an event list was read, that is tens of
    megabytes.

    Parameters
    ----------
    cycles : bool
        Look for what refers to itself first, which takes a tenth of a second.
    """
    if cycles:
        gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _owner(array: np.ndarray[Any, Any]) -> Any:
    base: Any = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap) and base.base is not None:
        base = base.base
    return None if isinstance(base, np.memmap) else base
