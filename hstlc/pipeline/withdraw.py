"""Exposures that the archive took back: they stay as they are, and leave their composites."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping

from hstlc.db import records
from hstlc.db.engine import reading, writing
from hstlc.db.withdraw import find_exposures, mark_withdrawn
from hstlc.errors import UsageError
from hstlc.pipeline.context import Context
from hstlc.pipeline.results import Summary
from hstlc.store.points import point

__all__ = ["withdraw"]

logger = logging.getLogger(__name__)


def withdraw(
    context: Context,
    rootnames: Sequence[str],
    reason: str,
    summary: Summary,
    *,
    missions: Collection[str] = (),
    dry_run: bool = False,
) -> dict[str, bool]:
    """Mark exposures as withdrawn, all of them or none; the composites they leave or enter are due from then on.

    Parameters
    ----------
    context : Context
    rootnames : sequence of str
    reason : str
        Why; '' takes the mark away.
    summary : Summary
        Gets ``updated`` and ``unchanged``, in a dry run also ``composites``: those that are concerned.
    missions : collection of str
        Only exposures of these; empty for all.
    dry_run : bool
        Tell only.

    Returns
    -------
    dict of str to bool
        By rootname, whether its mark changes.

    Raises
    ------
    UsageError
        ``usage.unknown-exposure``, ``usage.ambiguous-exposure``, ``usage.bad-reason``.
    """
    problem = records.unstorable("metadata", {"withdrawn": reason})
    if problem:
        raise UsageError("usage.bad-reason", problem, "give a shorter reason, in plain text")
    with reading(context.engine) as connection:
        rows = [row for row in find_exposures(connection, rootnames) if not missions or row["mission"] in missions]
    _check_known(rootnames, rows)
    changed = [row for row in rows if row["withdrawn"] != reason]
    summary.updated += len(changed)
    summary.unchanged += len(rows) - len(changed)
    if dry_run:
        # another reason changes the mark, and no composite
        summary.composites += len({row["configuration"] for row in changed if not (row["withdrawn"] and reason)})
    elif changed:
        with writing(context.engine) as connection:
            mark_withdrawn(connection, [row["id"] for row in changed], reason)
            point("before-commit")
        point("committed")
        for row in changed:
            what = f"withdrawn: {reason}" if reason else "no longer withdrawn"
            logger.info("%s/%s: %s", row["mission"], row["rootname"], what, extra={"action": "withdrawn"})
    ids = {row["id"] for row in changed}
    return {row["rootname"]: row["id"] in ids for row in rows}


def _check_known(rootnames: Sequence[str], rows: Sequence[RowMapping]) -> None:
    """Raise unless every rootname is that of one exposure."""
    missions: dict[str, list[str]] = {name: [] for name in sorted(set(rootnames))}
    for row in rows:
        missions[row["rootname"]].append(row["mission"])
    unknown = [name for name, found in missions.items() if not found]
    if unknown:
        raise UsageError(
            "usage.unknown-exposure",
            f"no exposure with a light curve is called {' or '.join(unknown)}; nothing was changed",
            'hstlc db sql "SELECT rootname FROM metadata" lists them; case matters',
            rootnames=unknown,
        )
    several = {name: found for name, found in missions.items() if len(found) > 1}
    if several:
        name, found = next(iter(several.items()))
        raise UsageError(
            "usage.ambiguous-exposure",
            f"{name} is an exposure of {' and of '.join(found)}; nothing was changed",
            "say which with --mission",
            rootnames=list(several),
        )
