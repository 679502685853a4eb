"""The process that makes light curves: it takes one request after the other, and ends with the server."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from hstlc.errors import HstlcError

__all__ = ["CRASHED", "DONE", "REFUSED", "STOPPED", "serve"]

#: What became of a request; with the answer, the error, nothing, or the text of a traceback.
DONE, REFUSED, STOPPED, CRASHED = "done", "refused", "stopped", "crashed"

_PARENT_POLL_S = 1.0

#: What steps import when they need it, loaded here before the first request rather than while it waits.
_LIBRARIES = ("astropy.io.fits", "astropy.timeseries", "erfa", "nifty_ls", "scipy.ndimage")


class _StoppedError(Exception):
    """The answer is not wanted any more."""


def serve(connection: Connection, stop: Any, most_bytes: int, parent: int) -> None:
    """Take pairs of number and job from a connection until it ends, and send what became of each.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
    stop : shared value of int
        The number of the last request that is not wanted any more.
    most_bytes : int
        Of arrays that are kept.
    parent : int
        Process number of the server; when it is gone, this process ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    from hstlc.missions.registry import missions
    from hstlc.web.rebin.held import Held
    from hstlc.web.rebin.work import do

    missions()
    for name in _LIBRARIES:
        import_module(name)
    held = Held(most_bytes)
    while True:
        try:
            number, job = connection.recv()
        except (EOFError, OSError):
            return

        def check(number: int = number) -> None:
            if stop.value >= number:
                raise _StoppedError

        try:
            answer: tuple[str, Any] = DONE, do(job, held, check)
        except _StoppedError:
            answer = STOPPED, None
        except HstlcError as error:
            answer = REFUSED, error
        except Exception:
            answer = CRASHED, traceback.format_exc()
        try:
            connection.send((number, *answer))
        except (BrokenPipeError, OSError):
            return


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    os._exit(1)
