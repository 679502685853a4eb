"""Texts that were written for who looks after the machine, without the folders of its disk: for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from hstlc.logs import printable, redact

__all__ = ["without_folders"]

# A slash that begins a path, not one of an address, a fraction or a unit; folders may hold a space where more follows.
_FOLDERS = re.compile(r"""(?<![\w:/.~+-])(?:file://)?/(?:[^\s/'",;:]+/)+""")


def without_folders(value: Any, folders: Iterable[Path] = ()) -> Any:
    """Return a text, or the texts in a value from JSON, with the names of files but without their folders.

    Parameters
    ----------
    value : str, list, dict or other
        Other values stay as they are.
    folders : iterable of Path
        Folders of the store; they are recognized even with a space in their names.

    Examples
    --------
    >>> without_folders("/data/in/a.fits: expected 2 ct/s, see https://archive.stsci.edu/hst/")
    'a.fits: expected 2 ct/s, see https://archive.stsci.edu/hst/'
    """
    return _clean(value, _pattern(tuple(folders)))


@lru_cache(maxsize=8)
def _pattern(folders: tuple[Path, ...]) -> re.Pattern[str] | None:
    names = sorted({str(folder).rstrip("/") for folder in folders} - {""}, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, names))})(?:(/)|(?![\w.+~-]))") if names else None


def _clean(value: Any, own: re.Pattern[str] | None) -> Any:
    if isinstance(value, dict):
        return {_clean(name, own): _clean(one, own) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one, own) for one in value]
    if not isinstance(value, str):
        return value
    if "/" not in value:
        return redact(printable(value))
    if own is not None:
        value = own.sub(lambda found: "/./" if found[1] else "the store", value)
    return _FOLDERS.sub("", redact(printable(value)))
