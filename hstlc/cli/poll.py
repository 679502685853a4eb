"""``hstlc poll``, ``hstlc fetch`` and ``hstlc get``: from archives to files, and all the way to plots."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json, talkative
from hstlc.cli.run import RunOptions, run_command, run_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hstlc.archives.base import Selection
    from hstlc.pipeline.context import Context
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.fetch import Fetched
    from hstlc.pipeline.poll import Walked
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["archive_options", "fetch", "get", "poll", "radius_degrees", "radius_option", "walk_line"]

_SOURCE = "Only this archive, see 'hstlc archive status'; may be repeated  [default: those that are enabled]"


def archive_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that ask archives, given as the argument ``options``."""

    def run(**arguments: Any) -> Any:
        names = ("no_wait", "dry_run", "json_output", "verbose", "quiet", "config")
        given = {name: arguments.pop(name) for name in names}
        return function(options=RunOptions(jobs=1, stale=False, **given), **arguments)

    run.__doc__, run.__name__ = function.__doc__, function.__name__
    run.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    added: Any = run
    for option in (
        click.option("--dry-run", is_flag=True, help="Ask and tell, write nothing."),
        click.option("--no-wait", is_flag=True, help="Leave at once when another process asks the archives."),
    ):
        added = option(added)
    return as_json(talkative(command_options(added)))


def radius_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--radius``, in degrees."""
    return click.option(
        "--radius", default="2 arcmin", show_default=True, callback=radius_degrees, help="Distance from the place."
    )(function)


def walk_line(walk: Walked) -> str:
    """Return how a walk ended, as a line; why it failed is in the summary."""
    if not walk.stream:
        return f"{walk.source}: {walk.state}"
    start = f"{walk.since:%Y-%m-%d %H:%M}" if walk.since else "the beginning"
    counts = f"{walk.new} new, {walk.changed} changed, {walk.missing} missing"
    ended = "" if walk.state == "done" else f"; {walk.state}"
    return f"{walk.source} {walk.stream} from {start}: {_number(walk.seen, 'dataset')}, {counts}{ended}"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _some(archives: dict[str, Any]) -> dict[str, Any]:
    """Return the archives if there are any.

    Raises
    ------
    UsageError
        ``usage.no-source``.
    """
    from hstlc.errors import UsageError

    if not archives:
        hint = "name one, or set archives.<name>.enabled: true in the configuration; see 'hstlc archive status'"
        raise UsageError("usage.no-source", "no archive is switched on", hint)
    return archives


def radius_degrees(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return what ``--radius`` says, in degrees."""
    from hstlc.units import parse_quantity

    if value is None:
        return None
    try:
        radius = parse_quantity(value, "deg")
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not 0 < radius <= 1:
        raise click.BadParameter("a distance up to '1 deg' is wanted")
    return radius


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("a date is wanted, such as 2026-11-01 or 2026-11-01T12:00:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--since", callback=_moment, help="From this date on, UTC, instead of from where the last poll ended.")
@click.option("--full", is_flag=True, help="Compare everything that the archives have with what is known.")
@click.option(
    "--accept-shrunk", is_flag=True, help="With --full: believe an archive that shows far fewer datasets than before."
)
@archive_options
def poll(
    sources: tuple[str, ...], since: datetime | None, full: bool, accept_shrunk: bool, options: RunOptions
) -> None:
    """Ask archives what is new, made again, or gone, and note what is to be fetched.

    SOURCES are archives such as mast, by default those that are enabled. A poll that fails is repeated from where the
    last whole one ended. Nothing is downloaded but lists: see 'hstlc fetch'.
    """
    from hstlc.cli.database import require_database
    from hstlc.pipeline.poll import poll as poll_archive
    from hstlc.pipeline.sources import open_sources

    if full and since:
        raise click.UsageError("--full compares everything: leave --since out")
    if accept_shrunk and not full:
        raise click.UsageError("--accept-shrunk is for --full")
    settings = load_settings(options.config)
    archives = _some(open_sources(settings, sources))
    if options.dry_run:
        require_database(settings)
    how: dict[str, Any] = {"since": since, "full": full, "accept_shrunk": accept_shrunk, "dry_run": options.dry_run}

    told: dict[str, Any] = {"walks": []}

    def work(context: Context, summary: Summary, _: Progress, __: Workers) -> None:
        for archive in archives.values():
            walks = poll_archive(context, archive, summary, **how)
            told["walks"] += [asdict(walk) for walk in walks]
            if options.quiet or options.json_output:
                continue
            for walk in walks:
                click.echo(walk_line(walk))
            if not walks:
                add = f"'hstlc selection add NAME --source {archive.name}' stores one"
                click.echo(f"{archive.name}: is asked for stored selections alone, and there is none; {add}")

    run_command(settings, "reconcile" if full else "poll", options, work, lock="archive", told=told)


@click.command()
@click.option("--limit", type=click.IntRange(min=1), help="Fetch at most so many products.")
@click.option("--source", "sources", multiple=True, help=_SOURCE)
@click.option("--retry", is_flag=True, help="Also those that were given up, and at once those that are put off.")
@archive_options
def fetch(limit: int | None, sources: tuple[str, ...], retry: bool, options: RunOptions) -> None:
    """Download what polls found and verify it; whole files go to the ingest folder.

    What cannot be had now is tried again by later runs, with growing waits: 'hstlc status' tells what and why.
    """
    from hstlc.cli.database import require_database
    from hstlc.clock import SystemClock
    from hstlc.db.downloads import requeue
    from hstlc.db.engine import writing
    from hstlc.pipeline.fetch import fetch as fetch_products
    from hstlc.pipeline.sources import open_sources

    settings = load_settings(options.config)
    require_database(settings)
    archives = _some(open_sources(settings, sources))

    told: dict[str, Any] = {"fetches": []}

    def work(context: Context, summary: Summary, _: Progress, __: Workers) -> None:
        if retry and not options.dry_run:
            with writing(context.engine) as connection:
                for name in archives:
                    requeue(connection, name, now=SystemClock().now())
        fetched = fetch_products(context, archives, summary, limit=limit, dry_run=options.dry_run)
        told["fetches"] += [asdict(one) for one in fetched]
        if not (options.quiet or options.json_output):
            _print_fetched(fetched, verbose=options.verbose or options.dry_run)
            _print_admissible(context)

    run_command(settings, "fetch", options, work, lock="archive", told=told)


def _print_fetched(fetched: Sequence[Fetched], *, verbose: bool) -> None:
    """Print what became of products, and how many wait for their mission; what failed is in the summary."""
    for one in fetched:
        if verbose or one.state == "rejected":
            size = f", {one.bytes} bytes" if one.bytes and one.state == "due" else ""
            click.echo(f"{one.source} {one.name}: {one.state}{size}{f', {one.message}' if one.message else ''}")
    due = sum(one.state == "due" for one in fetched)
    if due:
        click.echo(f"{_number(due, 'product')} due")
    waiting = Counter(one.source for one in fetched if one.state == "waiting")
    for source, number in sorted(waiting.items()):
        click.echo(f"{source}: {_number(number, 'product')} in download/waiting until the mission is installed")


def _print_admissible(context: Context) -> None:
    """Print how many files waited for a mission that is installed now."""
    from hstlc.db.engine import reading
    from hstlc.pipeline.admission import number_waiting

    with reading(context.engine) as connection:
        number = number_waiting(connection)
    if number:
        click.echo(
            f"{_number(number, 'file')} waited for a mission that is installed now: 'hstlc ingest' takes them in"
        )


@click.command()
@click.argument("targets", nargs=-1)
@click.option(
    "--file", "listed", type=click.Path(path_type=Path), help="List of targets: NAME or NAME, RA, DEC a line."
)
@click.option("--source", "sources", multiple=True, help=_SOURCE)
@radius_option
@click.option(
    "--significance",
    type=click.FloatRange(min=0),
    help="Of catalogs of sources: only those of at least this significance.",
)
@click.option("--no-plots", is_flag=True, help="End before the plots.")
@run_options
def get(
    targets: tuple[str, ...],
    listed: Path | None,
    sources: tuple[str, ...],
    radius: float,
    significance: float | None,
    no_plots: bool,
    options: RunOptions,
) -> None:
    """Find targets in the archives, fetch all there is of them, and make light curves, statistics and plots now.

    TARGETS are names such as GJ436, which a name resolver places on the sky. One that fails does not stop the others,
    and what was fetched before is not fetched again. How far it is tell 'hstlc status' and the table remote_product.
    """
    from hstlc.cli.database import require_database
    from hstlc.cli.summary import print_summary
    from hstlc.errors import UsageError

    wanted = _wanted(targets, listed, radius, significance)
    if not wanted:
        raise UsageError("usage.no-target", "there is no target to get", "name one, such as GJ436, or give --file LIST")
    settings = load_settings(options.config)
    if options.dry_run:
        require_database(settings)
    fetched, found = _fetch_wanted(settings, wanted, sources, options)
    told = {"found": [{"source": source, "dataset": key} for source, key in found]}
    if options.dry_run:
        if options.json_output:
            print_json(fetched.as_dict() | told)
        elif not options.quiet:
            print_summary(fetched)
        fetched.raise_for_failures()
        return

    def work(context: Context, summary: Summary, progress: Progress, workers: Workers) -> None:
        from hstlc.pipeline import ingest as pipeline
        from hstlc.pipeline.compose import compose
        from hstlc.pipeline.plots import make_plots
        from hstlc.pipeline.statistics import build_statistics

        for name in ("datasets", "products", "fetched", "bytes_fetched", "waiting", "failures"):
            setattr(summary, name, getattr(fetched, name))
        pipeline.ingest(context, pipeline.Options((), workers, stale=options.stale), summary, progress)
        compose(context, summary, workers=workers, everything=options.stale, progress=progress)
        build_statistics(context, summary, workers=workers, everything=options.stale, progress=progress)
        if not no_plots:
            make_plots(context, summary, workers=workers, everything=options.stale, progress=progress)

    run_command(settings, "ingest", options, work, told=told)


def _wanted(
    targets: Sequence[str], listed: Path | None, radius_deg: float, significance: float | None
) -> list[Selection]:
    from hstlc.archives.base import Selection
    from hstlc.pipeline.wanted import read_targets

    named = [Selection(target.strip()) for target in targets if target.strip()]
    every = dict.fromkeys([*named, *(read_targets(listed) if listed else ())])
    return [replace(one, radius_deg=radius_deg, minimum_significance=significance) for one in every]


def _fetch_wanted(
    settings: Any, wanted: Sequence[Selection], sources: tuple[str, ...], options: RunOptions
) -> tuple[Summary, list[tuple[str, str]]]:
    """Find and fetch, and tell on the way what was found; return also source and key of the datasets."""
    from hstlc.cli.options import run_log
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.fetch import fetch as fetch_products
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run
    from hstlc.pipeline.sources import open_sources
    from hstlc.pipeline.wanted import find_wanted, place

    archives = _some(open_sources(settings, sources))
    http = next(iter(archives.values())).http
    summary = Summary(dry_run=options.dry_run)
    talking = not (options.quiet or options.json_output)
    if not options.dry_run:
        run_log(settings, "get", verbose=options.verbose, quiet=options.quiet)
    found: dict[tuple[str, str], None] = {}
    with open_store(settings, write=not options.dry_run, wait=not options.no_wait, lock="archive") as context:
        with nullcontext() if options.dry_run else recorded_run(context, "poll", summary):
            for number, one in enumerate(wanted, 1):
                if one.ra_deg is None:
                    ra_deg, dec_deg = place(http, settings.targets.resolver_url, one.target)
                    one = replace(one, ra_deg=ra_deg, dec_deg=dec_deg)
                keys = find_wanted(context, archives, [one], summary, dry_run=options.dry_run)
                found |= dict.fromkeys(keys)
                if talking:
                    place_in_list = f"{number}/{len(wanted)} " if len(wanted) > 1 else ""
                    click.echo(f"{place_in_list}{one.target}: {_shares(keys)}")
        if options.dry_run:
            return summary, list(found)
        with recorded_run(context, "fetch", summary):
            if found:
                fetched = fetch_products(context, archives, summary, only=found)
                if talking:
                    _print_fetched(fetched, verbose=options.verbose)
        if talking and found:
            amount = f"{_number(summary.fetched, 'product')} fetched, {summary.bytes_fetched / 1e6:.1f} MB"
            click.echo(amount if summary.fetched or summary.failures or summary.waiting else "nothing new to fetch")
    return summary, list(found)


def _shares(keys: Sequence[tuple[str, str]]) -> str:
    """Return how many datasets each archive has.

    Examples
    --------
    >>> _shares([("one", "a"), ("two", "b"), ("two", "c")])
    '3 datasets (one 1, two 2)'
    >>> _shares([])
    'no dataset'
    """
    counts = Counter(source for source, _ in keys)
    parts = ", ".join(f"{source} {number}" for source, number in sorted(counts.items()))
    return f"{_number(len(keys), 'dataset')} ({parts})" if keys else "no dataset"
