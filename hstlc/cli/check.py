"""``hstlc check``."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json, talkative

__all__ = ["check"]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@as_json
@talkative
@command_options
def check(paths: tuple[Path, ...], json_output: bool, config: Path | None, verbose: bool, quiet: bool) -> None:
    """Print what the quality checks find in files; no database, nothing written.

    PATHS are files or folders. Files of one exposure are looked at together. Exit code 0: nothing would be rejected or
    refused; 3: something would.
    """
    from hstlc.errors import DataError, UsageError
    from hstlc.pipeline.inspection import check_files

    try:
        settings = load_settings(config).missions
    except UsageError as error:
        if error.code != "usage.no-home":
            raise
        settings = {}  # without a data tree the defaults are good enough to look at files
    reports = check_files(paths, settings)
    if json_output:
        print_json([report.as_dict() for report in reports])
    else:
        for report in reports:
            if quiet and not report.rejected:
                continue
            click.echo(f"{report.name}: {report.verdict}")
            for finding in report.findings:
                where = f"{finding.filename}: " if finding.filename else ""
                click.echo(f"  {finding.severity.value:<6} {finding.reason}: {where}{finding.message}")
            if verbose:
                for name in report.filenames:
                    click.echo(f"  file   {name}")
    rejected = [report.name for report in reports if report.rejected]
    if rejected:
        raise DataError(
            "data.rejected",
            f"{len(rejected)} of {len(reports)} would be rejected: {', '.join(rejected[:5])}",
            "see the findings above",
            rejected=rejected,
        )
