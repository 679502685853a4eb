"""Digests: of a file's bytes, and of the values that a product was made of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hstlc.store.faults import translated

__all__ = ["BLOCK_SIZE", "digest", "sha256_file"]

BLOCK_SIZE = 1 << 20  # bytes read at a time


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, read block by block.

    Raises
    ------
    InconsistentError
        ``data.vanished``: the file is not there.
    UnreadableError
        ``data.unreadable``: the file cannot be read.
    """
    result = hashlib.sha256()
    with translated(path, reading=True), path.open("rb", buffering=0) as handle:
        while block := handle.read(BLOCK_SIZE):
            result.update(block)
    return result.hexdigest()


def digest(*parts: Any) -> str:
    """Return one SHA-256 of values: strings, numbers, booleans, None, lists, and mappings with text keys.

    The order of the parts and of lists matters, that of a mapping's keys does not. The boundaries between parts
    count too: ``digest("ab", "c")`` is not ``digest("a", "bc")``.

    Examples
    --------
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    >>> digest("ab", "c") == digest("a", "bc")
    False
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
