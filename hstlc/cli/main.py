"""The command ``hstlc``. Importing this module imports nothing heavy: each command imports what it needs."""

from __future__ import annotations

import io
import sys

import click

from hstlc.cli.archive import archive
from hstlc.cli.check import check
from hstlc.cli.config import config
from hstlc.cli.daemon import daemon
from hstlc.cli.database import db
from hstlc.cli.deliver import deliver
from hstlc.cli.demo import demo
from hstlc.cli.extract import extract
from hstlc.cli.files import files
from hstlc.cli.findings import findings
from hstlc.cli.hlsp import hlsp
from hstlc.cli.import_original import import_original
from hstlc.cli.ingest import build_stats, ingest, make_composites
from hstlc.cli.mission import mission
from hstlc.cli.plots import make_plots
from hstlc.cli.poll import fetch, get, poll
from hstlc.cli.publish import publish
from hstlc.cli.report import report
from hstlc.cli.selection import selection
from hstlc.cli.serve import serve
from hstlc.cli.status import status
from hstlc.cli.targets import targets
from hstlc.cli.user import user
from hstlc.cli.withdraw import withdraw
from hstlc.version import VERSION

__all__ = ["build_stats_main", "cli", "ingest_main", "main", "make_plots_main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="hstlc")
def cli() -> None:
    """Light curves from the photon lists of space missions, with statistics, in a database.

    Start with 'hstlc demo', or with your own files:

    \b
      export HSTLC_HOME_DIR=~/hstlc
      hstlc ingest FOLDER
      hstlc db sql "SELECT targname, exptime_s FROM metadata"
    """  # noqa: D301  click wants the backspace itself


for command in (
    get,
    poll,
    fetch,
    selection,
    archive,
    ingest,
    extract,
    make_composites,
    build_stats,
    make_plots,
    withdraw,
    targets,
    check,
    findings,
    hlsp,
    deliver,
    publish,
    report,
    db,
    files,
    config,
    mission,
    import_original,
    daemon,
    serve,
    user,
    status,
    demo,
):
    cli.add_command(command)


def _print_anything() -> None:
    """Let names of files that are no text be printed as escapes instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run ``hstlc``."""
    _print_anything()
    cli(prog_name="hstlc")


def ingest_main() -> None:
    """Run ``hstlc ingest`` as ``hstlc-ingest``."""
    _print_anything()
    ingest(prog_name="hstlc-ingest")


def build_stats_main() -> None:
    """Run ``hstlc build-stats`` as ``hstlc-build-stats``."""
    _print_anything()
    build_stats(prog_name="hstlc-build-stats")


def make_plots_main() -> None:
    """Run ``hstlc make-plots`` as ``hstlc-make-plots``."""
    _print_anything()
    make_plots(prog_name="hstlc-make-plots")
