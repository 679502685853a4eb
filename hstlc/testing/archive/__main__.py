"""Run the stand-in until Ctrl-C: ``python -m hstlc.testing.archive --port 8700``."""

from __future__ import annotations

import argparse
import shlex
import threading
from collections.abc import Sequence

from hstlc.testing.archive.scenarios import first_run
from hstlc.testing.archive.server import StandIn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, stop: threading.Event | None = None) -> None:
    """Serve a first run, and print what points a configuration at it.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.
    stop : threading.Event, optional
        Ends it, as Ctrl-C does.
    """
    parser = argparse.ArgumentParser(prog="python -m hstlc.testing.archive", description="A stand-in for archives.")
    parser.add_argument("--port", type=int, default=0, help="by default one that is free")
    options = parser.parse_args(arguments)
    stop = stop or threading.Event()
    with StandIn(first_run(xray=True), port=options.port) as archive:
        for name, value in archive.environment(("xsa", "csc", "cda")).items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        try:
            stop.wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
