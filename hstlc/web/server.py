"""The processes that answer: one, or several that share a port; they end what is under way before they stop."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import click
from fastapi import FastAPI

from hstlc.config import Settings, load
from hstlc.config.web import WebSection
from hstlc.errors import StoreError, UsageError
from hstlc.logs import configure
from hstlc.pipeline.context import database_exists
from hstlc.store.permissions import apply_permissions
from hstlc.web.app import create_app

__all__ = ["application", "run_server"]

#: Section ``web`` as JSON, for the processes of several.
_SECTION = "SERVED_HSTLC_SECTION"


def run_server(settings: Settings, section: WebSection, *, config_file: Path | None = None, verbosity: int = 0) -> None:
    """Answer requests until SIGTERM or Ctrl-C.

    Parameters
    ----------
    settings : Settings
    section : WebSection
        In place of that of the settings: what the command line says is in it.
    config_file : Path, optional
        Where the settings come from, for further processes.
    verbosity : int
        1: every line of the log; -1: what went wrong only.

    Raises
    ------
    UsageError
        ``usage.no-database``: there is nothing to serve yet; ``usage.schema``.
    StoreError
        ``store.port``: another program listens there.
    """
    import uvicorn

    if not database_exists(settings):
        raise UsageError(
            "usage.no-database", "there is no database yet", "run 'hstlc ingest FOLDER' or 'hstlc demo' first"
        )
    settings.layout.make_directories()
    path = configure(settings.log_dir, "serve", settings.log_level, verbosity=verbosity, daily=True)
    apply_permissions(path, settings.layout.access)
    listening = _listen(section)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"hstlc is at http://{shown}:{port}/ (stop it with Ctrl-C)")
    settings = settings.model_copy(update={"web": section.model_copy(update={"port": port})})
    config = uvicorn.Config(
        "hstlc.web.server:application",
        factory=True,
        workers=section.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=max(1, round(section.idle_s)),
        timeout_graceful_shutdown=20,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=65536,
    )
    with listening:
        if section.workers == 1:
            config.app, config.factory = create_app(settings), False
            uvicorn.Server(config).run(sockets=[listening])
        else:
            from uvicorn.supervisors import Multiprocess

            os.environ[_SECTION] = settings.web.model_dump_json(by_alias=True)
            if config_file is not None:
                os.environ["HSTLC_CONFIG"] = str(config_file)
            Multiprocess(config, [listening]).run()


def application() -> FastAPI:
    """Return the application in a process of several; what to serve is in its environment."""
    settings = load(None)
    configure(settings.log_dir, "serve", settings.log_level, verbosity=-1, daily=True)
    section = WebSection.model_validate_json(os.environ[_SECTION])
    return create_app(settings.model_copy(update={"web": section}))


def _listen(section: WebSection) -> socket.socket:
    """Return a socket that listens where the section says; its port is known then, also that of 0."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            section.host, section.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        listening.set_inheritable(True)
    except OSError as error:
        raise StoreError(
            "store.port",
            f"cannot listen at {section.host}, port {section.port}: {error.strerror or error}",
            "give another port with --port, or 0 for any that is free",
        ) from error
    return listening
