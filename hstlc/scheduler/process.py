"""The daemon as a process: signals, and an end in time whatever is under way."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from hstlc.errors import HstlcError
from hstlc.logs import close, redact
from hstlc.scheduler.daemon import Daemon

__all__ = ["run_process"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1


def run_process(daemon: Daemon, work: Callable[[], None], stop_within_s: float) -> None:
    """Do ``work`` of a daemon in a thread and let SIGTERM and SIGINT stop it; call it from the main thread.

    The first signal lets it end what is under way, for ``stop_within_s`` seconds; then, or with the second signal, the
    process ends at once. Either way the store is as whole as after a crash, that is whole, and the lease is given up.
    Does not return where something is left running: the process ends with code 0, or with that of the error.

    Parameters
    ----------
    daemon : Daemon
    work : callable
        ``daemon.run`` or ``daemon.run_once``.
    stop_within_s : float, seconds

    Raises
    ------
    HstlcError
        Of ``work``.
    """
    signals: list[int] = []
    raised: list[BaseException] = []

    def note(number: int, _: FrameType | None) -> None:
        signals.append(number)

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        thread = threading.Thread(target=run, name="daemon", daemon=True)
        thread.start()
        deadline = float("inf")
        while thread.is_alive() and len(signals) < 2 and time.monotonic() < deadline:
            thread.join(_POLL_S)
            if signals and deadline == float("inf"):
                daemon.stop.set()
                logger.info("%s: stops", signal.Signals(signals[0]).name, extra={"action": "daemon"})
                deadline = time.monotonic() + stop_within_s
        cut = thread.is_alive()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if cut:
        why = "second signal" if len(signals) > 1 else f"still busy after {stop_within_s:g} s"
        logger.warning("%s: what is under way is cut off", why, extra={"action": "daemon"})
        daemon.end()
    error = raised[0] if raised else None
    if cut or daemon.busy:  # threads of the lanes would keep the interpreter from ending
        _leave(error)
    if error is not None:
        raise error


def _leave(error: BaseException | None) -> None:
    code = 0
    if error is not None:
        code = error.exit_code if isinstance(error, HstlcError) else 1
        name = f"[{error.code}]" if isinstance(error, HstlcError) else type(error).__name__
        print(f"error {name}: {redact(str(error))}", file=sys.stderr)
    close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
