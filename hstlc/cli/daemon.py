"""``hstlc daemon``."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import command_options, load_settings

__all__ = ["daemon"]


@click.command()
@click.option("--once", is_flag=True, help="Do every job once, in order, and end: for cron, and to try it out.")
@click.option("--jobs", help="Only these, with commas between them, such as poll,fetch  [default: all].")
@click.option("-v", "--verbose", is_flag=True, help="Print every line of the log.")
@click.option("-q", "--quiet", is_flag=True, help="Print what went wrong only.")
@command_options
def daemon(once: bool, jobs: str | None, verbose: bool, quiet: bool, config: Path | None) -> None:
    """Watch the archives and do what there is to do, each job at its time, until it is told to stop.

    The jobs are poll, reconcile, fetch, ingest, compose, build-stats, make-plots, sweep and back-up; the section
    'daemon' of the configuration says how often; get and reprocess are done when users of the pages ask for them.
    It stays in the foreground, for systemd or a container. Of several daemons on one database one works and the
    others wait to take over. SIGTERM or Ctrl-C stops it within half a minute with all work kept; a second one at
    once. 'hstlc status' shows how it is doing.
    """
    from hstlc.logs import configure
    from hstlc.scheduler.daemon import Daemon
    from hstlc.scheduler.process import run_process
    from hstlc.store.permissions import apply_permissions

    settings = load_settings(config)
    names = [name.strip() for name in (jobs or "").split(",") if name.strip()]
    process = Daemon(settings, names=names)
    settings.layout.make_directories()
    verbosity = int(verbose) - int(quiet)
    path = configure(settings.log_dir, "daemon", settings.log_level, verbosity=verbosity, daily=True)
    apply_permissions(path, settings.layout.access)
    run_process(process, process.run_once if once else process.run, settings.daemon.stop_within_s)
