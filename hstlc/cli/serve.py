"""``hstlc serve``: pages and interfaces over the store."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import command_options, load_settings

__all__ = ["serve"]


@click.command()
@click.option("--host", help="Address to listen at  [default: that of the configuration, 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0: any that is free  [default: 8000].")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that answer  [default: 1].")
@click.option("-v", "--verbose", is_flag=True, help="Print every line of the log.")
@click.option("-q", "--quiet", is_flag=True, help="Print what went wrong only.")
@command_options
def serve(
    host: str | None, port: int | None, workers: int | None, verbose: bool, quiet: bool, config: Path | None
) -> None:
    """Serve pages for a browser, JSON, FITS and VOTables for programs, and cone searches, until it is told to stop.

    Everything that anybody may see is only read; who wants work done or sends SQL needs a token, see 'hstlc user'.
    It listens to this machine alone unless another address is given; put a server that speaks HTTPS before it then.
    """
    from hstlc.web.server import run_server

    settings = load_settings(config)
    given = {"host": host, "port": port, "workers": workers}
    changes = {name: value for name, value in given.items() if value is not None}
    section = settings.web.model_copy(update=changes)
    run_server(settings, section, verbosity=int(verbose) - int(quiet))
