"""``hstlc publish``: a collection for an archive."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json, talkative

__all__ = ["publish"]


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--deliver-only", is_flag=True, help="Only composites that are marked, see 'hstlc deliver'.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes  [default: num_cores]")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, write nothing.")
@as_json
@talkative
@command_options
def publish(
    folder: Path | None,
    deliver_only: bool,
    jobs: int | None,
    dry_run: bool,
    json_output: bool,
    verbose: bool,
    quiet: bool,
    config: Path | None,
) -> None:
    """Write the composites as a collection of High Level Science Products to a new folder.

    With the names and headers of the profile 'mast', a picture of each, a README and a manifest with digests. FOLDER is
    by default publish/hlsp_IDENTIFIER_vVERSION in home_dir. Nothing is written where a light curve breaks a rule of
    'hstlc hlsp check', and a folder with anything else in it is left alone; the same collection again changes nothing.
    """
    from hstlc.cli.database import require_database
    from hstlc.cli.progress import make_progress
    from hstlc.errors import DataError
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.delivery import make_collection
    from hstlc.pipeline.executor import Workers

    settings = load_settings(config)
    require_database(settings)
    try:
        with (
            open_store(settings, write=False) as context,
            make_progress(quiet=quiet or json_output, verbose=verbose) as progress,
            Workers(jobs or settings.num_cores) as workers,
        ):
            made = make_collection(
                context, folder, marked=deliver_only, workers=workers, dry_run=dry_run, progress=progress
            )
    except DataError as error:
        for text in error.context.get("broken", ()):
            click.echo(f"broken: {text}", err=True)
        raise
    if json_output:
        print_json({**made.as_dict(), "dry_run": dry_run})
        return
    if quiet:
        return
    for name in made.files if verbose or dry_run else ():
        click.echo(name)
    what = "dry run, nothing written" if dry_run else "there already" if made.unchanged else "written"
    click.echo(f"{made.folder}: {what}: {made.curves} light curves, {made.size_bytes / 1e6:.1f} MB")
