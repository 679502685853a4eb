"""``hstlc archive``: how far archives are known, and whether they are as they are believed to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json

__all__ = ["archive"]


@click.group()
def archive() -> None:
    """Tell how far archives are known, and whether they answer as expected."""


@archive.command("status")
@as_json
@command_options
def status(json_output: bool, config: Path | None) -> None:
    """Tell of every archive up to which date it is known, how the last poll ended, and what waits to be fetched."""
    from hstlc.archives.registry import archives
    from hstlc.cli.summary import print_table
    from hstlc.pipeline.source_report import source_report

    settings = load_settings(config)
    report = source_report(settings)
    if json_output:
        print_json(report)
        return
    rows = [(name, client.title, settings.archives[name].enabled) for name, client in archives().items()]
    print_table(("source", "archive", "enabled"), rows)
    streams = [
        (name, stream["stream"], stream["watermark"], stream["state"], stream["finished_at"], stream["message"])
        for name, one in report.items()
        for stream in one["streams"]
    ]
    if streams:
        click.echo()
        print_table(("source", "stream", "known up to (UTC)", "last poll", "ended (UTC)", "message"), _plain(streams))
    states = [
        (name, state, found["number"], round(found["bytes"] / 1e6, 2))
        for name, one in report.items()
        for state, found in one["products"].items()
    ]
    if states:
        click.echo()
        print_table(("source", "state of products", "number", "MB"), states)
    for name, one in report.items():
        if one["paused_until"]:
            click.echo(f"\n{name} is left alone until {_short(one['paused_until'])}: {one['pause_reason']}")


@archive.command("check")
@click.argument("sources", nargs=-1)
@as_json
@command_options
def check(sources: tuple[str, ...], json_output: bool, config: Path | None) -> None:
    """Ask the archives themselves whether what is believed of them holds: a few small requests, nothing is written.

    SOURCES are archives, by default all of them. Where something does not hold, the key of the configuration that
    makes up for it is named. Exit code 7 when an archive does not answer or something does not hold.
    """
    from hstlc.archives.registry import archives
    from hstlc.cli.summary import print_table
    from hstlc.errors import RejectedError
    from hstlc.pipeline.source_report import facts_of
    from hstlc.pipeline.sources import open_sources

    settings = load_settings(config)
    opened = open_sources(settings, sources or tuple(archives()))
    report: dict[str, list[dict[str, Any]]] = {}
    for name, client in opened.items():
        report[name] = facts_of(client)
        if not json_output:
            click.echo(f"{client.title} ({name})")
            words = {True: "yes", False: "NO", None: "?"}
            rows = [(one["name"], words[one["holds"]], one["found"], one["setting"]) for one in report[name]]
            print_table(("what is believed", "holds", "found", "key"), rows)
            click.echo()
    if json_output:
        print_json(report)
    wrong = [f"{name}: {one['name']}" for name, facts in report.items() for one in facts if one["holds"] is False]
    if wrong:
        raise RejectedError(
            "archive.contract",
            f"{len(wrong)} things do not hold, the first: {wrong[0]}",
            "change the keys that are named, or leave the archive out with archives.<name>.enabled: false",
        )


def _plain(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [["" if value is None else _short(value) for value in row] for row in rows]


def _short(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else value
