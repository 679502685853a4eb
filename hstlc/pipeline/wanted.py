"""Targets that somebody wants now: their place, and the datasets that archives have of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from hstlc.archives.base import Archive, Selection
from hstlc.clock import Clock
from hstlc.errors import ArchiveError, HstlcError, UsageError
from hstlc.pipeline.context import Context
from hstlc.pipeline.poll import poll_selection
from hstlc.pipeline.results import Summary, failure_of

__all__ = ["checked", "find_wanted", "place", "read_targets"]

logger = logging.getLogger(__name__)


def read_targets(path: Path) -> list[Selection]:
    """Read a list of targets: a line each, ``NAME`` or ``NAME, RA, DEC`` in degrees; ``#`` begins a remark.

    A target that is listed twice is returned once, at its first place.

    Raises
    ------
    UsageError
        ``usage.target-list``: it cannot be read, has no target, or a line is neither; the message names the line.
    """
    wanted = "write a name a line, or a name and its place: 'GJ 436, 175.546, 26.707'"
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        seen = error.strerror if isinstance(error, OSError) else f"bytes that are no text in UTF-8, {error.reason}"
        problem = f"{path}: expected a list of targets, found: {seen}"
        raise UsageError("usage.target-list", problem, wanted, path=str(path)) from error
    found: dict[Selection, None] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name, *place_ = (part.strip() for part in text.split(","))
        try:
            if len(place_) not in (0, 2) or not (name and name.isprintable()):
                raise ValueError("no name, or a name and two numbers")
            ra_deg, dec_deg = (float(part) for part in place_) if place_ else (None, None)
            found[checked(Selection(name, ra_deg, dec_deg))] = None
        except ValueError:
            problem = f"{path}, line {number}: expected a target, found {text[:200]!r}"
            raise UsageError("usage.target-list", problem, wanted, path=str(path), line=number) from None
    if not found:
        raise UsageError("usage.target-list", f"{path}: expected targets, found none", wanted, path=str(path))
    return list(found)


def checked(selection: Selection) -> Selection:
    """Return the selection if its place is one of the sky, and its significance a number.

    Raises
    ------
    ValueError
    """
    ra_deg, dec_deg = selection.ra_deg, selection.dec_deg
    if (ra_deg is None) != (dec_deg is None):
        raise ValueError("right ascension and declination go together")
    if ra_deg is not None and dec_deg is not None and not (0 <= ra_deg <= 360 and -90 <= dec_deg <= 90):
        raise ValueError(f"{ra_deg}, {dec_deg} is no place of the sky: 0 to 360 and -90 to 90 degrees are wanted")
    if selection.minimum_significance is not None and not isfinite(selection.minimum_significance):
        raise ValueError(f"a significance is a number, found {selection.minimum_significance}")
    return selection


def place(http: Any, address: str, name: str) -> tuple[float | None, float | None]:
    """Return where a name is, ICRS degrees; None twice where the resolver does not know it or does not answer.

    Archives are then asked for the name alone.
    """
    from hstlc.archives.sesame import place_of

    try:
        return place_of(http, address, name)
    except ArchiveError as error:
        logger.warning("%s is looked for by its name alone: %s", name, error.message)
        return None, None


def find_wanted(
    context: Context,
    archives: Mapping[str, Archive[Any]],
    wanted: Sequence[Selection],
    summary: Summary,
    *,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
    dry_run: bool = False,
) -> list[tuple[str, str]]:
    """Ask every archive for every target; return source and key of the datasets that it has.

    One that fails is a failure of the summary, one that wants to be left alone is among what waits, and the others go
    on.

    Parameters
    ----------
    context : Context
        With the lock of archives, unless it is a dry run.
    archives : mapping of str to Archive
    wanted : sequence of Selection
    summary : Summary
    clock : Clock, optional
    stop : threading.Event, optional
    dry_run : bool
    """
    found: dict[tuple[str, str], None] = {}
    for selection in wanted:
        met, answered = 0, []
        for name, archive in archives.items():
            before = len(summary.waiting), len(summary.failures)
            try:
                keys = poll_selection(context, archive, selection, summary, dry_run=dry_run, clock=clock, stop=stop)
            except HstlcError as error:
                summary.failures.append(failure_of(error, what=f"{selection.target} in {archive.title}"))
                continue
            found |= {(name, key): None for key in keys}
            met += len(keys)
            if before == (len(summary.waiting), len(summary.failures)):
                answered.append(name)
        if answered and not met:
            summary.waiting.append(f"{selection.target}: {', '.join(answered)} had no dataset of it")
    summary.waiting[:] = dict.fromkeys(summary.waiting)
    return list(found)
