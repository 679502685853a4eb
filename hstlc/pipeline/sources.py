"""The archives of a run, as clients that share one way to ask."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from hstlc.archives.base import Archive
from hstlc.archives.registry import archive as find_archive
from hstlc.archives.registry import archives
from hstlc.clock import Clock, SystemClock
from hstlc.config import Settings
from hstlc.logs import hide

__all__ = ["open_sources"]


def open_sources(
    settings: Settings,
    names: Collection[str] = (),
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> dict[str, Archive[Any]]:
    """Return clients of archives, by name, in order of name.

    Parameters
    ----------
    settings : Settings
    names : collection of str
        Which; empty for those that are enabled.
    clock : Clock, optional
    stop : threading.Event, optional
        Set when what they wait for is to end.

    Raises
    ------
    UsageError
        ``usage.unknown-source``.
    """
    from hstlc.archives.hosts import host_of
    from hstlc.archives.http import Http  # takes long to import

    for name in names:
        find_archive(name)
    clock = clock or SystemClock()
    http = Http(settings.network, clock, stop=stop)
    opened: dict[str, Archive[Any]] = {}
    for name, client in archives().items():
        section = settings.archives.get(name) or client.settings_model()
        if name in names or (not names and section.enabled):
            _hide_secrets(section)
            for address in _addresses(section.model_dump()):
                http.limit(host_of(address), section.concurrency, section.spacing_s)
            opened[name] = client(section, http, clock)
    return opened


def _hide_secrets(section: BaseModel) -> None:
    """Have the values hidden that are not shown with the others, and the passwords of addresses."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if not field.repr and isinstance(value, str):
            hide(value)
    for address in _addresses(section.model_dump()):
        hide(unquote(urlsplit(address).password or ""))


def _addresses(values: Any) -> set[str]:
    """Return all addresses among the values of a section."""
    if isinstance(values, dict):
        return set().union(*map(_addresses, values.values()))
    if isinstance(values, (list, tuple)):
        return set().union(*map(_addresses, values))
    return {values} if isinstance(values, str) and values.startswith(("http://", "https://")) else set()
