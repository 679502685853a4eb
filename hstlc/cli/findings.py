"""``hstlc findings``: what the quality checks found in the exposures of the store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json

if TYPE_CHECKING:
    from hstlc.plots.findings import CheckRow

__all__ = ["findings"]


@click.group(invoke_without_command=True)
@click.option("--check", "name", metavar="NAME", help="One check only, with every exposure that it found something in.")
@click.option("--mission", metavar="NAME", help="Checks and exposures of one mission only.")
@as_json
@command_options
@click.pass_context
def findings(
    context: click.Context, name: str | None, mission: str | None, json_output: bool, config: Path | None
) -> None:
    """Print for each quality check what it found in how many exposures.

    'exposures' counts those in which the check found something, whatever others found. 'first' counts those in which
    it was the first to do so, in the order of the checks, and 'remaining' those in which nothing was found so far.
    """
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    from hstlc.db.engine import reading
    from hstlc.db.findings import exposures_with
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.findings import check_rows

    with open_store(_settings(config), write=False) as store, reading(store.engine) as connection:
        rows, _ = check_rows(connection)
        rows = _chosen(rows, name, mission)
        found = exposures_with(connection, name) if name is not None else []
    found = [row for row in found if mission in (None, row["mission"])]
    if json_output:
        print_json({"checks": [asdict(row) for row in rows], **({"findings": found} if name is not None else {})})
        return
    _print_checks(rows)
    for row in found:
        target = f" {row['targname']}" if row["targname"] else ""
        click.echo(f"{row['rootname']}{target}: {_about(row)}")


@findings.command()
@click.argument("exposure")
@as_json
@command_options
@click.pass_context
def show(context: click.Context, exposure: str, json_output: bool, config: Path | None) -> None:
    """Print everything that was found in one exposure.

    EXPOSURE is its rootname, or MISSION/ROOTNAME.
    """
    from hstlc.db.engine import reading
    from hstlc.db.findings import findings_of, known_exposures
    from hstlc.errors import UsageError
    from hstlc.pipeline.context import open_store

    mission, _, rootname = exposure.rpartition("/")
    with open_store(_settings(config or context.obj), write=False) as store, reading(store.engine) as connection:
        known = [
            {**one, "findings": findings_of(connection, one["mission"], one["rootname"])}
            for one in known_exposures(connection, rootname.lower())
            if mission in ("", one["mission"])
        ]
    if not known:
        raise UsageError(
            "usage.unknown-exposure",
            f"there is no exposure {exposure} in the store",
            "give its rootname, such as ld9m10ujq; 'hstlc db sql \"SELECT rootname FROM metadata\"' lists them",
        )
    if json_output:
        print_json(known)
        return
    for one in known:
        target = f" {one['targname']}" if one["targname"] else ""
        verdict = f"rejected: {one['rejected']}" if one["rejected"] else "flagged" if one["findings"] else "good"
        click.echo(f"{one['mission']}/{one['rootname']}{target}: {verdict}")
        for row in one["findings"]:
            click.echo(f"  {row['severity']:<6} {row['reason']} ({row['check_name']}): {_about(row)}")


def _settings(config: Path | None) -> Any:
    from hstlc.cli.database import require_database

    settings = load_settings(config)
    require_database(settings)
    return settings


def _chosen(rows: list[CheckRow], name: str | None, mission: str | None) -> list[CheckRow]:
    """Return the rows of a check and a mission.

    Raises
    ------
    UsageError
        ``usage.unknown-mission``, ``usage.unknown-check``.
    """
    from difflib import get_close_matches

    from hstlc.errors import UsageError
    from hstlc.missions.registry import missions

    for word, wanted, known in (
        ("mission", mission, sorted({*missions(), *(row.mission for row in rows)})),
        ("check", name, [*(c.name for m in missions().values() for c in m.checks), *(row.check for row in rows)]),
    ):
        if wanted is not None and wanted not in known:
            close = get_close_matches(wanted, known, 1)
            hint = f"did you mean {close[0]}?" if close else "'hstlc mission list --checks' lists them"
            raise UsageError(f"usage.unknown-{word}", f"there is no {word} '{wanted}'", hint)
    return [row for row in rows if mission in (None, row.mission) and name in (None, row.check)]


def _print_checks(rows: list[CheckRow]) -> None:
    from hstlc.cli.summary import print_table

    several = len({row.mission for row in rows}) > 1
    head = ("check", "severity", "exposures", "first", "remaining", "reason")
    print_table(
        (*(("mission",) if several else ()), *head),
        [
            (
                *((row.mission,) if several else ()),
                row.check,
                row.severity,
                row.found,
                row.first,
                row.remaining,
                row.reason,
            )
            for row in rows
        ],
    )


def _about(row: Any) -> str:
    return f"{row['filename']}: {row['message']}" if row["filename"] else str(row["message"])
