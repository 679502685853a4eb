"""Which run wrote a file, and whether that run is still alive."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

__all__ = ["run_alive", "run_id", "run_of_part"]

_RUN = r"[A-Za-z0-9_-]{1,40}-\d+-\d+"
_PART = re.compile(rf".+\.({_RUN})\.part", re.DOTALL)
_SPLIT = re.compile(r"(.*)-(\d+)-(\d+)", re.DOTALL)


def run_id() -> str:
    """Return the identifier of this process: ``<host>-<pid>-<start>``, free of dots.

    ``start`` is when the process began, in clock ticks after the machine did; it tells two processes apart that had
    the same number one after the other. It is 0 on systems without ``/proc``.
    """
    pid = os.getpid()
    return f"{_host()}-{pid}-{_start_ticks(pid) or 0}"


def run_alive(run: str) -> bool:
    """Tell whether the process with this identifier may still be at work.

    One of another host counts as alive: nothing here can prove the opposite.
    """
    match = _SPLIT.fullmatch(run)
    if match is None or match[1] != _host():
        return True
    pid, start = int(match[2]), int(match[3])
    if not _exists(pid):
        return False
    found = _start_ticks(pid)
    return found is None or found == start


def run_of_part(name: str) -> str | None:
    """Return the run in the name of a ``.part`` file, None for any other file.

    Examples
    --------
    >>> run_of_part("ld9m10ujq_corrtag_a.fits.node3-4711-90210.part")
    'node3-4711-90210'
    >>> run_of_part("download.part") is None
    True
    """
    match = _PART.fullmatch(name)
    return match[1] if match else None


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:40] or "localhost"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _start_ticks(pid: int) -> int | None:
    """Return field 22 of /proc/PID/stat (proc(5)), None where it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])  # the name before may have blanks and brackets in it
