"""``hstlc poll``, ``hstlc fetch`` and ``hstlc get``: from archives to files, and all the way to plots."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
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
    from hstlc.pipeline.progress import Progress
    from hstlc.pipeline.results import Summary

__all__ = ["archive_options", "fetch", "get", "poll", "radius_option"]

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
        "--radius", default="2 arcmin", show_default=True, callback=_degrees, help="Distance from the place."
    )(function)


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


def _degrees(_: click.Context, __: click.Parameter, value: str) -> float:
    from hstlc.units import parse_quantity

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

    settings = load_settings(options.config)
    archives = _some(open_sources(settings, sources))
    if options.dry_run:
        require_database(settings)
    how: dict[str, Any] = {"since": since, "full": full, "accept_shrunk": accept_shrunk, "dry_run": options.dry_run}

    def work(context: Context, summary: Summary, _: Progress, __: Workers) -> None:
        for archive in archives.values():
            walks = poll_archive(context, archive, summary, **how)
            if options.quiet or options.json_output:
                continue
            for walk in walks:
                start = f"{walk.since:%Y-%m-%d %H:%M}" if walk.since else "the beginning"
                found = f"{walk.seen} datasets, {walk.new} new, {walk.changed} changed, {walk.missing} missing"
                ended = "" if walk.state == "done" else f"; {walk.state}: {walk.message}"
                click.echo(f"{walk.source} {walk.stream} from {start}: {found}{ended}")

    run_command(settings, "reconcile" if full else "poll", options, work, lock="archive")


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

    def work(context: Context, summary: Summary, _: Progress, __: Workers) -> None:
        if retry and not options.dry_run:
            with writing(context.engine) as connection:
                for name in archives:
                    requeue(connection, name, now=SystemClock().now())
        fetched = fetch_products(context, archives, summary, limit=limit, dry_run=options.dry_run)
        if not (options.quiet or options.json_output):
            for one in fetched:
                if options.verbose or options.dry_run or one.state not in ("done", "identical"):
                    click.echo(f"{one.source} {one.name}: {one.state}{f', {one.message}' if one.message else ''}")

    run_command(settings, "fetch", options, work, lock="archive")


@click.command()
@click.argument("targets", nargs=-1)
@click.option(
    "--file", "listed", type=click.Path(path_type=Path), help="List of targets: NAME or NAME, RA, DEC a line."
)
@click.option("--source", "sources", multiple=True, help=_SOURCE)
@radius_option
@click.option("--no-plots", is_flag=True, help="End before the plots.")
@run_options
def get(
    targets: tuple[str, ...],
    listed: Path | None,
    sources: tuple[str, ...],
    radius: float,
    no_plots: bool,
    options: RunOptions,
) -> None:
    """Find targets in the archives, fetch all there is of them, and make light curves, statistics and plots now.

    TARGETS are names such as GJ436, which a name resolver places on the sky. One that fails does not stop the others,
    and what was fetched before is not fetched again.
    """
    from hstlc.cli.database import require_database
    from hstlc.cli.summary import print_summary
    from hstlc.errors import UsageError

    wanted = _wanted(targets, listed, radius)
    if not wanted:
        raise UsageError("usage.no-target", "there is no target to get", "name one, such as GJ436, or give --file LIST")
    settings = load_settings(options.config)
    if options.dry_run:
        require_database(settings)
    fetched = _fetch_wanted(settings, wanted, sources, options)
    if options.dry_run:
        if options.json_output:
            print_json(fetched.as_dict())
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

    run_command(settings, "ingest", options, work)


def _wanted(targets: Sequence[str], listed: Path | None, radius_deg: float) -> list[Selection]:
    from hstlc.archives.base import Selection
    from hstlc.pipeline.wanted import read_targets

    named = [Selection(target.strip()) for target in targets if target.strip()]
    return [replace(one, radius_deg=radius_deg) for one in (*named, *(read_targets(listed) if listed else ()))]


def _fetch_wanted(settings: Any, wanted: Sequence[Selection], sources: tuple[str, ...], options: RunOptions) -> Summary:
    """Find and fetch, and tell on the way what was found."""
    from hstlc.cli.options import run_log
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.fetch import fetch as fetch_products
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run
    from hstlc.pipeline.sources import open_sources
    from hstlc.pipeline.wanted import find_wanted, place

    archives = _some(open_sources(settings, sources))
    http = next(iter(archives.values())).http
    placed = []
    for one in wanted:
        if one.ra_deg is None:
            ra_deg, dec_deg = place(http, settings.targets.resolver_url, one.target)
            one = replace(one, ra_deg=ra_deg, dec_deg=dec_deg)
        placed.append(one)
    summary = Summary(dry_run=options.dry_run)
    talking = not (options.quiet or options.json_output)
    if not options.dry_run:
        run_log(settings, "get", verbose=options.verbose, quiet=options.quiet)
    with open_store(settings, write=not options.dry_run, wait=not options.no_wait, lock="archive") as context:
        with nullcontext() if options.dry_run else recorded_run(context, "poll", summary):
            found = find_wanted(context, archives, placed, summary, dry_run=options.dry_run)
        if talking:
            targets = placed[0].target if len(placed) == 1 else f"{len(placed)} targets"
            click.echo(f"{targets}: {len(found)} datasets in {', '.join(archives)}")
        if options.dry_run:
            return summary
        with recorded_run(context, "fetch", summary):
            if found:
                fetch_products(context, archives, summary, only=found)
        if talking:
            click.echo(f"{summary.fetched} products fetched, {summary.bytes_fetched / 1e6:.1f} MB")
    return summary
