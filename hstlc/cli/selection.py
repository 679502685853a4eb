"""``hstlc selection``: places and names that polls look after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json
from hstlc.cli.poll import radius_option

__all__ = ["selection"]


@click.group()
def selection() -> None:
    """Targets and places of which every poll looks for new data.

    An archive that shows its whole catalogue needs none; of a source catalogue a selection is all that is asked for.
    """


@selection.command("add")
@click.argument("name")
@click.option("--source", required=True, help="The archive, see 'hstlc archive status'.")
@click.option("--target", default="", help="Name of the target; a resolver places it on the sky.")
@click.option("--ra", "ra_deg", type=click.FloatRange(0, 360), help="Right ascension, ICRS, degrees.")
@click.option("--dec", "dec_deg", type=click.FloatRange(-90, 90), help="Declination, ICRS, degrees.")
@radius_option
@click.option("--significance", type=click.FloatRange(min=0), help="Only sources of at least this significance.")
@command_options
def add(
    name: str,
    source: str,
    target: str,
    ra_deg: float | None,
    dec_deg: float | None,
    radius: float,
    significance: float | None,
    config: Path | None,
) -> None:
    """Store a selection under NAME; one of that name is replaced."""
    from hstlc.archives.base import Selection
    from hstlc.clock import SystemClock
    from hstlc.db.engine import writing
    from hstlc.db.records import unstorable
    from hstlc.db.selections import add_selection
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.sources import open_sources
    from hstlc.pipeline.wanted import checked, place

    settings = load_settings(config)
    archive = open_sources(settings, (source,))[source]
    try:
        wanted = checked(Selection(target, ra_deg, dec_deg, radius, significance, name))
    except ValueError as error:
        raise UsageError("usage.bad-selection", str(error), "give both --ra and --dec, as numbers in degrees") from None
    if not target and ra_deg is None:
        raise UsageError(
            "usage.bad-selection", f"{name} has no target and no place", "give --target, or --ra and --dec"
        )
    if ra_deg is None:
        ra_deg, dec_deg = place(archive.http, settings.targets.resolver_url, target)
    row: dict[str, Any] = {"name": name, "source": source, "target": target, "ra_deg": ra_deg, "dec_deg": dec_deg}
    row |= {"radius_deg": wanted.radius_deg, "minimum_significance": significance}
    if problem := unstorable("archive_selection", row) or ("" if name.strip() else "name is empty"):
        raise UsageError("usage.bad-selection", problem, "give a shorter name, in plain text")
    with open_store(settings, lock="archive") as context, writing(context.engine) as connection:
        add_selection(connection, row, SystemClock().now())
    where = "by its name alone" if ra_deg is None else f"at {ra_deg:.5f}, {dec_deg:.5f} deg"
    off = "" if settings.archives[source].enabled else f" ({source} is not switched on: other polls leave it out)"
    click.echo(f"{name}: {target or 'a place'} in {source}, {where}; 'hstlc poll {source}' looks for it{off}")


@selection.command("list")
@as_json
@command_options
def list_(json_output: bool, config: Path | None) -> None:
    """List the stored selections."""
    from hstlc.cli.database import require_database
    from hstlc.cli.summary import print_table
    from hstlc.db.engine import reading
    from hstlc.db.selections import selections
    from hstlc.pipeline.context import open_store

    settings = load_settings(config)
    require_database(settings)
    with open_store(settings, write=False) as context, reading(context.engine) as connection:
        rows = [dict(row) for row in selections(connection)]
    if json_output:
        print_json(rows)
        return
    if not rows:
        click.echo("there are no selections; 'hstlc selection add' stores one")
        return
    head = ("name", "source", "target", "ra_deg", "dec_deg", "radius_deg", "minimum_significance")
    print_table(head, [[row[column] for column in head] for row in rows])


@selection.command("remove")
@click.argument("name")
@command_options
def remove(name: str, config: Path | None) -> None:
    """Forget the selection NAME; what was found by it stays."""
    from hstlc.cli.database import require_database
    from hstlc.db.engine import writing
    from hstlc.db.selections import remove_selection
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import open_store

    settings = load_settings(config)
    require_database(settings)
    with open_store(settings, lock="archive") as context, writing(context.engine) as connection:
        if not remove_selection(connection, name):
            raise UsageError(
                "usage.unknown-selection", f"there is no selection {name!r}", "'hstlc selection list' lists them"
            )
    click.echo(f"{name}: forgotten")
