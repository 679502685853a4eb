"""``hstlc report``: the sources of an object on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json, talkative
from hstlc.cli.poll import radius_degrees

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hstlc.config import Settings
    from hstlc.pipeline.report_choice import Choice, Resolver

__all__ = ["report"]

_RADIUS = "Distance from the place  [default: 2 arcmin; of a source by its name: that source alone]"


@click.command()
@click.argument("name", metavar="OBJECT", required=False)
@click.option("--ra", "ra_deg", type=click.FloatRange(0, 360), help="Right ascension, ICRS, in degrees.")
@click.option("--dec", "dec_deg", type=click.FloatRange(-90, 90), help="Declination, ICRS, in degrees.")
@click.option("--all", "everything", is_flag=True, help="All sources of the store.")
@click.option("--radius", callback=radius_degrees, help=_RADIUS)
@click.option(
    "--minimum-counts",
    type=click.IntRange(min=0),
    default=0,
    help="Leave out sources that never have so many events  [default: none]",
)
@click.option("--minimum-significance", type=float, help="Leave out sources whose catalog states less  [default: none]")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the report  [default: reports/OBJECT]")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes  [default: num_cores]")
@as_json
@talkative
@command_options
def report(
    name: str | None,
    ra_deg: float | None,
    dec_deg: float | None,
    everything: bool,
    radius: float | None,
    minimum_counts: int,
    minimum_significance: float | None,
    output: Path | None,
    jobs: int | None,
    json_output: bool,
    verbose: bool,
    quiet: bool,
    config: Path | None,
) -> None:
    """Write a folder with one page over the sources of an object: numbers, pictures, light curves to download.

    OBJECT is a source or a target of the store, else a name that a name resolver places on the sky; or give a place
    with --ra and --dec, or --all. The page lists the sources around it, nearest first, with their observations.
    The folder needs no server and no network: open index.html in a browser, or pack it and send it. A report of before
    is replaced, a folder with anything else in it is left alone.
    """
    from dataclasses import replace

    from hstlc.cli.database import require_database
    from hstlc.cli.progress import make_progress
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.report import make_report

    if (ra_deg is None) != (dec_deg is None):
        raise click.UsageError("--ra and --dec go together")
    if (name is not None and bool(name.strip())) + (ra_deg is not None) + everything != 1:
        raise click.UsageError("give one of OBJECT, --ra with --dec, and --all")
    settings = load_settings(config)
    require_database(settings)
    with (
        open_store(settings, write=False) as context,
        make_progress(quiet=quiet or json_output, verbose=verbose) as progress,
        Workers(jobs or settings.num_cores) as workers,
    ):
        from hstlc.db.engine import reading

        with reading(context.engine) as connection:
            choice = _choice(connection, settings, name, ra_deg, dec_deg, radius)
        choice = replace(choice, minimum_counts=minimum_counts, minimum_significance=minimum_significance)
        made = make_report(context, choice, output, workers=workers, progress=progress)
    if json_output:
        print_json(made.as_dict())
    elif not quiet:
        what = "there already" if made.unchanged else "written"
        number = f"{made.sources} source{'' if made.sources == 1 else 's'}"
        observations = f"{made.observations} observation{'' if made.observations == 1 else 's'}"
        click.echo(f"{made.folder / 'index.html'}: {what}: {number}, {observations}")


def _choice(
    connection: Connection,
    settings: Settings,
    name: str | None,
    ra_deg: float | None,
    dec_deg: float | None,
    radius: float | None,
) -> Choice:
    from hstlc.pipeline.report_choice import RADIUS_DEG, Choice, find_object, place_text

    if name is not None:
        return find_object(connection, name.strip(), _resolver(settings), radius)
    if ra_deg is None or dec_deg is None:
        return Choice("All sources")
    return Choice(place_text(ra_deg, dec_deg), ra_deg, dec_deg, radius or RADIUS_DEG)


def _resolver(settings: Settings) -> Resolver:
    """Return what asks the name resolver that 'hstlc get' asks, too."""

    def ask(name: str) -> Any:
        from hstlc.archives.http import Http  # nobody else here needs the network
        from hstlc.archives.sesame import impatient, place_of

        return place_of(Http(impatient(settings.network)), settings.targets.resolver_url, name)

    return ask
