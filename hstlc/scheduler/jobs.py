"""What the daemon does: each job with its lane, its interval and its step.

A step does one run and returns the names of the jobs that there is work for now. What it fails at is in the summary.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hstlc.clock import Clock
from hstlc.config.daemon import DaemonSection
from hstlc.errors import UsageError
from hstlc.scheduler.agenda import Quiet, Rule

if TYPE_CHECKING:
    from hstlc.pipeline.context import Context, Lock
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.results import Summary

__all__ = ["JOBS", "REQUEST_JOBS", "Job", "Work", "chosen", "rules"]


@dataclass(frozen=True, slots=True)
class Work:
    """What a step gets.

    Attributes
    ----------
    context : Context
        The store, held as its only writer or, in the lane ``archive``, as the only one who asks archives.
    summary : Summary
        Gets the counts.
    workers : Workers
        Begin nothing more once ``stop`` is set.
    clock : Clock
    stop : threading.Event
        Once it is set the step comes to an end, with what it did.
    notes : list of str
        Gets what is not in the summary.
    epoch : int
        Of the leadership.
    """

    context: Context
    summary: Summary
    workers: Workers
    clock: Clock
    stop: threading.Event
    notes: list[str]
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    Attributes
    ----------
    name : str
        Under which people know it, and its row in ``job``.
    lane : str
        Jobs of one lane run one after the other; ``archive`` and ``store`` run beside each other.
    command : str
        Of its rows in ``run``.
    step : callable
        Does it and returns the names of the jobs that are due because of it.
    quiet : bool
        Asks archives, and so keeps their quiet hours.
    at_once : bool
        Is due at the very first start of a daemon.
    """

    name: str
    lane: Lock
    command: str
    step: Callable[[Work], Collection[str]]
    quiet: bool = False
    at_once: bool = True


def _poll(work: Work, *, full: bool = False) -> Collection[str]:
    from hstlc.pipeline.poll import poll
    from hstlc.pipeline.sources import open_sources

    archives = open_sources(work.context.settings, (), work.clock, work.stop)
    for archive in archives.values():
        if not work.stop.is_set():
            poll(work.context, archive, work.summary, full=full, clock=work.clock, stop=work.stop)
    return ("fetch",) if work.summary.products else ()


def _reconcile(work: Work) -> Collection[str]:
    return _poll(work, full=True)


def _fetch(work: Work) -> Collection[str]:
    from hstlc.pipeline.fetch import fetch
    from hstlc.pipeline.sources import open_sources

    settings = work.context.settings
    limit = settings.daemon.fetch_limit
    archives = open_sources(settings, (), work.clock, work.stop)
    done = fetch(work.context, archives, work.summary, limit=limit, clock=work.clock, stop=work.stop)
    if not work.summary.fetched and not _waits_for_nothing(work.context):
        return ()
    return ("ingest", "fetch") if len(done) >= limit else ("ingest",)


def _waits_for_nothing(context: Context) -> bool:
    """Tell whether a mission was installed that files wait for: an ingest takes them."""
    from hstlc.db.engine import reading
    from hstlc.pipeline.admission import number_waiting

    with reading(context.engine) as connection:
        return number_waiting(connection) > 0


def _ingest(work: Work) -> Collection[str]:
    from hstlc.pipeline.ingest import Options, ingest

    summary = work.summary
    ingest(work.context, Options(workers=work.workers), summary)
    changed = summary.ingested + summary.updated + sum(summary.rejected.values())
    return ("compose", "build-stats", "make-plots") if changed else ()


def _compose(work: Work) -> Collection[str]:
    from hstlc.pipeline.compose import compose

    compose(work.context, work.summary, workers=work.workers)
    return ("build-stats", "make-plots") if work.summary.composites else ()


def _build_stats(work: Work) -> Collection[str]:
    from hstlc.pipeline.statistics import build_statistics

    build_statistics(work.context, work.summary, workers=work.workers)
    return ("make-plots",) if work.summary.statistics else ()


def _make_plots(work: Work) -> Collection[str]:
    from hstlc.pipeline.plots import make_plots

    make_plots(work.context, work.summary, workers=work.workers)
    return ()


def _sweep(work: Work) -> Collection[str]:
    from hstlc.pipeline.upkeep import upkeep

    work.notes.extend(upkeep(work.context, work.clock.now()).lines())
    return ()


def _back_up(work: Work) -> Collection[str]:
    from hstlc.pipeline.back_up import back_up

    work.notes.append(back_up(work.context, work.clock.now()))
    return ()


def _reprocess(work: Work) -> Collection[str]:
    from hstlc.pipeline.requests import reprocess, work_off

    summary, context = work.summary, work.context

    def do(arguments: Mapping[str, Any], own: Summary) -> str:
        return reprocess(context, arguments, own, workers=work.workers)

    done = work_off(context, "reprocess", work.epoch, do, clock=work.clock, stop=work.stop)
    for one in done:
        work.notes.append(f"request {one.number} {one.state}")
        for name in ("ingested", "updated", "unchanged", "composites", "statistics"):
            setattr(summary, name, getattr(summary, name) + getattr(one.summary, name))
    return ("compose", "build-stats", "make-plots") if done else ()


def _get(work: Work) -> Collection[str]:
    from hstlc.pipeline.requests import get, work_off

    summary, context = work.summary, work.context

    def do(arguments: Mapping[str, Any], own: Summary) -> str:
        return get(context, arguments, own, clock=work.clock, stop=work.stop)

    done = work_off(context, "get", work.epoch, do, clock=work.clock, stop=work.stop)
    for one in done:
        work.notes.append(f"request {one.number} {one.state}")
        for name in ("datasets", "products", "fetched", "bytes_fetched"):
            setattr(summary, name, getattr(summary, name) + getattr(one.summary, name))
    return ("ingest",) if summary.fetched else ()


#: In the order of the data: in this order they are done where several are due.
JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("poll", "archive", "poll", _poll, quiet=True),
        Job("reconcile", "archive", "reconcile", _reconcile, quiet=True, at_once=False),
        Job("fetch", "archive", "fetch", _fetch, quiet=True),
        Job("ingest", "store", "ingest", _ingest),
        Job("compose", "store", "make-composites", _compose),
        Job("build-stats", "store", "build-stats", _build_stats),
        Job("make-plots", "store", "make-plots", _make_plots),
        Job("sweep", "store", "sweep", _sweep),
        Job("back-up", "store", "back-up", _back_up),
    )
}


#: What users ask for: by the kind of the request. They have no times of their own, the daemon looks for requests.
REQUEST_JOBS: dict[str, Job] = {
    job.name: job
    for job in (Job("get", "archive", "fetch", _get, quiet=True), Job("reprocess", "store", "ingest", _reprocess))
}


def chosen(names: Collection[str]) -> dict[str, Job]:
    """Return the jobs of these names, all that have times where none is named, in their order.

    Raises
    ------
    UsageError
        ``usage.unknown-job``.
    """
    every = JOBS | REQUEST_JOBS
    unknown = sorted(set(names) - set(every))
    if unknown:
        raise UsageError(
            "usage.unknown-job",
            f"expected names of jobs, found {', '.join(unknown)}",
            f"there are {', '.join(every)}",
        )
    return {name: job for name, job in every.items() if name in names} if names else dict(JOBS)


def rules(jobs: Collection[Job], section: DaemonSection) -> dict[str, Rule]:
    """Return how often the configuration wants each job to be done; those that users ask for have no rule."""
    quiet = Quiet.parse(section.quiet_hours)
    return {
        job.name: Rule(
            job.name,
            getattr(section, f"{job.name.replace('-', '_')}_s"),
            section.jitter,
            quiet if job.quiet else None,
            job.at_once,
        )
        for job in jobs
        if job.name not in REQUEST_JOBS
    }
