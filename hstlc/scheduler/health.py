"""The file that says, without a database, that a daemon is alive."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from hstlc.store.faults import translated
from hstlc.store.permissions import Access, apply_permissions

__all__ = ["HEALTH_NAME", "clear_health", "read_health", "write_health"]

#: Below the data tree.
HEALTH_NAME = "daemon.json"


def write_health(
    path: Path, *, owner: str, epoch: int, since: datetime, now: datetime, jobs: dict[str, datetime], access: Access
) -> None:
    """Replace the file by one that tells of now; a reader sees the old one or the new one.

    Raises
    ------
    StoreError
        ``store.full``, ``store.read-only`` or ``store.io``.
    """
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "owner": owner,
        "epoch": epoch,
        "since": since.isoformat(),
        "heartbeat": now.isoformat(),
        "jobs": {name: started.isoformat() for name, started in jobs.items()},
    }
    fresh = path.with_name(f"{path.name}.{owner}.part")
    with translated(path):
        fresh.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        apply_permissions(fresh, access)
        fresh.replace(path)


def read_health(path: Path) -> dict[str, Any]:
    """Return what the file says; nothing where there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def clear_health(path: Path, owner: str) -> None:
    """Delete the file, unless another daemon has written it."""
    if read_health(path).get("owner") == owner:
        with suppress(OSError):  # the next daemon replaces it
            path.unlink(missing_ok=True)
