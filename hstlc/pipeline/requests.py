"""What users asked for, done one after the other by the daemon."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hstlc.archives.base import Selection
from hstlc.clock import Clock
from hstlc.db import requests as rows
from hstlc.db.engine import reading, writing
from hstlc.db.targets import find_target
from hstlc.errors import DatabaseError, HstlcError, LockHeldError, UsageError
from hstlc.logs import redact
from hstlc.missions.registry import missions
from hstlc.pipeline.compose import compose
from hstlc.pipeline.context import Context
from hstlc.pipeline.executor import Workers
from hstlc.pipeline.ingest import Options, ingest
from hstlc.pipeline.results import Summary
from hstlc.pipeline.statistics import build_statistics

__all__ = ["Done", "get", "reprocess", "work_off"]

logger = logging.getLogger(__name__)

Row = Mapping[str, Any]

_COUNTS = ("datasets", "products", "fetched", "bytes_fetched", "ingested", "updated", "unchanged", "composites")
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Done:
    """A request that was done: its number, how it ended (``done``, ``failed``, ``queued`` again), and its counts."""

    number: int
    state: str
    summary: Summary


def work_off(
    context: Context,
    kind: str,
    epoch: int,
    do: Callable[[Row, Summary], str],
    *,
    clock: Clock,
    stop: threading.Event,
) -> list[Done]:
    """Do all queued requests of a kind, the oldest first; what an earlier daemon left in the middle is done again.

    A request that fails is one that failed, and no error here.

    Parameters
    ----------
    context : Context
        The store, with the lock that the kind needs and a fence for the leadership.
    kind : str
        ``reprocess`` or ``get``.
    epoch : int
        Of the leadership.
    do : callable
        Does one: gets its arguments and a summary for its counts, returns a sentence about how it ended.
    clock : Clock
    stop : threading.Event
        Once it is set, no other is begun, and the one under way is queued again.

    Raises
    ------
    DatabaseError
        The database went away. The request under way stays ``running``, and is queued again by the next run.
    LockHeldError
        ``lock.lost``: another daemon leads.
    """
    done: list[Done] = []
    with writing(context.engine) as connection:
        left = rows.recover_requests(connection, kind, epoch, clock.now())
    if left:
        logger.warning("%d requests (%s) were left in the middle", left, kind, extra={"action": "request"})
    while not stop.is_set():
        with writing(context.engine) as connection:
            row = rows.take_request(connection, kind, epoch, clock.now())
        if row is None:
            break
        logger.info("request %d, %s, of %s begins", row["id"], kind, row["user_name"], extra={"action": "request"})
        done.append(_do_one(context, row, epoch, do, clock, stop))
    return done


def _do_one(
    context: Context, row: Row, epoch: int, do: Callable[[Row, Summary], str], clock: Clock, stop: threading.Event
) -> Done:
    summary, number = Summary(), row["id"]
    try:
        message = do(row["arguments"], summary)
        state = "failed" if summary.failures else "done"
    except (DatabaseError, LockHeldError):
        raise
    except HstlcError as error:
        state, message = "failed", f"[{error.code}] {error}"
    except Exception as error:
        logger.exception("request %d met an error of the program", number)
        state, message = "failed", f"[step.unexpected] {type(error).__name__}: {error}"
    if stop.is_set():
        with writing(context.engine) as connection:
            rows.put_back(connection, number, epoch)
        return Done(number, "queued", summary)
    message = redact(" ".join(message.split()))[:_LONGEST]
    with writing(context.engine) as connection:
        counts = _counts(summary)
        rows.finish_request(connection, number, epoch, clock.now(), state=state, counts=counts, message=message)
    logger.info("request %d %s: %s", number, state, message, extra={"action": "request"})
    return Done(number, state, summary)


def _counts(summary: Summary) -> dict[str, Any]:
    counts = {name: getattr(summary, name) for name in (*_COUNTS, "statistics") if getattr(summary, name)}
    more = {"rejected": sum(summary.rejected.values()), "failed": len(summary.failures)}
    return counts | {name: number for name, number in more.items() if number}


def reprocess(context: Context, arguments: Row, summary: Summary, *, workers: int | Workers = 1) -> str:
    """Make again what is stale of an exposure, a target or a configuration: light curves, composites, statistics.

    Like 'hstlc ingest --stale' for these alone: what the settings and programs of today made stays as it is.

    Parameters
    ----------
    context : Context
        The store, held as its only writer.
    arguments : mapping
        ``mission`` and ``rootname``, or ``target``, or ``configuration``.
    summary : Summary
        Gets the counts.
    workers : int or Workers

    Returns
    -------
    str
        What came of it, for people.

    Raises
    ------
    UsageError
        ``usage.unknown-object``: it is not in the store any more.
    """
    keys = _exposures(context, arguments)
    ingest(context, Options(workers=workers, stale=True, only=frozenset(keys)), summary)
    with reading(context.engine) as connection:
        configurations, _ = rows.configurations_of(connection, keys)
    compose(context, summary, workers=workers, everything=True, only=configurations)
    with reading(context.engine) as connection:
        _, products = rows.configurations_of(connection, keys)
    build_statistics(context, summary, workers=workers, everything=True, only=products)
    if summary.failures:
        first = summary.failures[0]
        return f"{len(summary.failures)} failed, the first: [{first.code}] {first.message}"
    parts = [
        f"{_number(len(keys), 'exposure')} looked at",
        _part(summary.ingested + summary.updated, "made again"),
        _part(summary.unchanged, "as it would be made today"),
        _part(sum(summary.rejected.values()), "rejected"),
        _part(summary.composites, "composites made again"),
        _part(summary.statistics, "with new statistics"),
    ]
    return ", ".join([*filter(None, parts), *summary.waiting])


def _exposures(context: Context, arguments: Row) -> set[tuple[str, str]]:
    with reading(context.engine) as connection:
        if "rootname" in arguments:
            key = str(arguments["mission"]), str(arguments["rootname"])
            found = {key} if rows.has_exposure(connection, *key) else set()
        elif "target" in arguments:
            target = find_target(connection, str(arguments["target"]))
            found = rows.requested_exposures(connection, target_id=target["id"]) if target else set()
        else:
            found = rows.requested_exposures(connection, configuration=str(arguments["configuration"]))
    keys = {key for key in found if key[0] in missions()}
    if not keys:
        what = " ".join(str(value) for value in arguments.values())
        raise UsageError("usage.unknown-object", f"the store has no exposure of {what}", "it may have another name now")
    return keys


def get(context: Context, arguments: Row, summary: Summary, *, clock: Clock, stop: threading.Event) -> str:
    """Find a target or a place in the archives, and fetch what there is of it; an ingest takes the files in.

    Parameters
    ----------
    context : Context
        With the lock of archives.
    arguments : mapping
        ``target``, or ``ra_deg`` and ``dec_deg``, or all three; ``radius_deg``; ``sources``, names of archives, empty
        for those that are enabled; ``minimum_significance``.
    summary : Summary
        Gets the counts.
    clock : Clock
    stop : threading.Event

    Returns
    -------
    str
        What came of it, for people.
    """
    from hstlc.pipeline.fetch import fetch
    from hstlc.pipeline.sources import open_sources
    from hstlc.pipeline.wanted import checked, find_wanted, place

    settings = context.settings
    archives = open_sources(settings, _names(arguments), clock, stop)
    if not archives:
        raise UsageError("usage.no-source", "no archive is switched on", "see 'hstlc archive status'")
    ra_deg, dec_deg = arguments.get("ra_deg"), arguments.get("dec_deg")
    name = str(arguments.get("target") or "")
    if ra_deg is None:
        ra_deg, dec_deg = place(next(iter(archives.values())).http, settings.targets.resolver_url, name)
    least = arguments.get("minimum_significance")
    wanted = checked(Selection(name, ra_deg, dec_deg, arguments["radius_deg"], least))
    found = find_wanted(context, archives, [wanted], summary, clock=clock, stop=stop)
    if found and not stop.is_set():
        fetch(context, archives, summary, only=found, clock=clock, stop=stop)
    if summary.failures:
        first = summary.failures[0]
        return f"{len(summary.failures)} failed, the first: [{first.code}] {first.message}"
    files = f"{_number(summary.fetched, 'product')} fetched"
    follow = "; the next ingest makes light curves of them" if summary.fetched else ""
    return "; ".join([f"{_number(len(found), 'dataset')} found, {files}{follow}", *summary.waiting])


def _names(arguments: Row) -> Collection[str]:
    return tuple(str(name) for name in arguments.get("sources") or ())


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _part(number: int, what: str) -> str:
    return f"{number} {what}" if number else ""
