"""Names that an archive gives to things otherwise than we do: lists of 'OURS = THEIRS' in the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

__all__ = ["Renamed", "theirs"]

_PAIR = re.compile(r"\s*(\w+)\s*=\s*([\w.\"-]+)\s*")


def _pairs(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not _PAIR.fullmatch(text):
            raise ValueError(f"{text!r}: 'OURS = THEIRS' is wanted, such as 'target = target_name'")
    return texts


#: A list of such pairs.
Renamed = Annotated[tuple[str, ...], AfterValidator(_pairs)]


def theirs(pairs: Iterable[str]) -> dict[str, str]:
    """Return the archive's name by ours.

    Examples
    --------
    >>> theirs(["target = target_name"])
    {'target': 'target_name'}
    """
    matches = (_PAIR.fullmatch(pair) for pair in pairs)
    return {match[1]: match[2] for match in matches if match}
