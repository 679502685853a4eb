"""``hstlc mission``: what is installed."""

from __future__ import annotations

import click

from hstlc.cli.options import as_json, print_json, report_errors

__all__ = ["mission"]


@click.group()
def mission() -> None:
    """Show the installed missions."""


@mission.command("list")
@click.option("--checks", is_flag=True, help="Also list the quality checks.")
@as_json
@report_errors
def list_missions(checks: bool, json_output: bool) -> None:
    """List the missions, their instruments and quality checks."""
    from hstlc.missions.registry import missions

    found = missions().values()
    if json_output:
        print_json(
            [
                {
                    "name": m.name,
                    "title": m.title,
                    "instruments": m.instruments,
                    "checks": [
                        {"name": c.name, "reason": c.reason, "severity": c.severity, "explanation": c.explanation}
                        for c in m.checks
                    ],
                }
                for m in found
            ]
        )
        return
    for m in found:
        click.echo(f"{m.name}: {m.title} ({', '.join(m.instruments)}), {len(m.checks)} checks")
        if checks:
            for c in m.checks:
                click.echo(f"  {c.severity.value:<6} {c.reason}: {c.explanation}")
