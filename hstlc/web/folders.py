"""Texts that were written for who looks after the machine, without the folders of its disk: for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    longest = sorted((str(folder).rstrip("/") for folder in folders), key=len, reverse=True)
    return _clean(value, [folder for folder in longest if len(folder) > 1])


def _clean(value: Any, folders: list[str]) -> Any:
    if isinstance(value, dict):
        return {_clean(name, folders): _clean(one, folders) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one, folders) for one in value]
    if not isinstance(value, str):
        return value
    for folder in folders:
        value = value.replace(f"{folder}/", "/./").replace(folder, "the store")
    return _FOLDERS.sub("", redact(printable(value)))
