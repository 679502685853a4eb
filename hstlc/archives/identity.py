"""Whether a downloaded FITS file is the one that was asked for, by its extensions and keywords."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hstlc.archives.verify import verify_fits
from hstlc.errors import IntegrityError

if TYPE_CHECKING:
    from hstlc.archives.base import RemoteProduct

__all__ = ["HeaderUnit", "packed_units", "require_keywords", "require_pairs", "require_tables", "wrong_file"]


class HeaderUnit(Protocol):
    """A unit of a FITS file: its name in capitals, and its keywords."""

    @property
    def name(self) -> str:
        """EXTNAME."""

    @property
    def header(self) -> Mapping[str, Any]:
        """Keywords."""


@dataclass(frozen=True, slots=True)
class _Unit:
    name: str
    header: Mapping[str, Any] = field(default_factory=dict)


def wrong_file(path: Path, product: RemoteProduct, expected: str, found: str) -> IntegrityError:
    """Return the error for a file that is not what was asked for."""
    return IntegrityError(
        "archive.wrong-file",
        f"{path.name}: asked for {product.name} of {product.dataset}, expected {expected}, found {found}",
        "it is asked for again; if it lasts, tell the archive",
        name=product.name,
    )


def packed_units(path: Path, product: RemoteProduct) -> tuple[HeaderUnit, ...]:
    """Return the units of a FITS file that must be compressed, the first two with keywords; no events are kept.

    Raises
    ------
    IntegrityError
        ``archive.wrong-file`` when it is not compressed, and as :func:`hstlc.archives.verify.verify_fits`.
    """
    facts = verify_fits(path)
    if not facts.packed:
        raise wrong_file(path, product, "a file compressed by gzip", "one that is not")
    headers = [facts.primary, *([] if facts.first is None else [facts.first])]
    known = [{key: value for key, value in header.items() if key} for header in headers]
    names = ("PRIMARY", *facts.extensions)
    return tuple(_Unit(name, known[number] if number < len(known) else {}) for number, name in enumerate(names))


def require_tables(path: Path, product: RemoteProduct, units: Sequence[HeaderUnit], patterns: Sequence[str]) -> None:
    """Raise IntegrityError unless each pattern, a regular expression, fits the name of an extension."""
    names = [unit.name for unit in units[1:]]
    for pattern in patterns:
        if not any(re.fullmatch(pattern, name) for name in names):
            raise wrong_file(path, product, f"an extension {pattern}", f"these: {', '.join(names) or 'none'}")


def require_pairs(path: Path, product: RemoteProduct, units: Sequence[HeaderUnit], first: str, second: str) -> None:
    """Raise IntegrityError unless there is an extension of one name for every one of another, such as of each CCD.

    A file that was cut between two extensions is whole in every other respect.
    """
    ends = [
        {unit.name.removeprefix(start) for unit in units if unit.name.startswith(start)} for start in (first, second)
    ]
    alone = sorted(ends[0] ^ ends[1])
    if alone:
        raise wrong_file(path, product, f"{first} and {second} of the same numbers", f"one alone of {', '.join(alone)}")


def require_keywords(
    path: Path, product: RemoteProduct, units: Sequence[HeaderUnit], expected: Mapping[str, Sequence[str]]
) -> None:
    """Raise IntegrityError unless each keyword, of the second unit before the first, has one of its values.

    Numbers are compared as numbers: ``617`` and ``'00617'`` are the same observation.
    """
    header = {key: value for unit in units[:2] for key, value in unit.header.items()}
    for keyword, values in expected.items():
        if _plain(header.get(keyword)) not in {_plain(value) for value in values}:
            raise wrong_file(path, product, f"{keyword} {' or '.join(values)}", repr(header.get(keyword)))


def _plain(value: object) -> str:
    text = str(value if value is not None else "").strip().upper()
    return text.lstrip("0") or "0" if text.isdigit() else text
