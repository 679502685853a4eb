"""Where an answer leads to, and whether one goes there."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urldefrag, urljoin, urlsplit

import requests

from hstlc.archives.failures import shown
from hstlc.archives.hosts import host_of
from hstlc.errors import RejectedError, TransientError

__all__ = ["MOST", "is_allowed", "looping", "redirected"]

#: More redirects than this are a loop.
MOST = 5

_TO_OTHER_HOSTS = ("User-Agent", "Accept", "Accept-Encoding", "Range", "If-Range")
_OF_BODY = ("Content-Length", "Content-Type", "Transfer-Encoding")


def is_allowed(host: str, patterns: Iterable[str]) -> bool:
    """Tell whether a host is one of some; a pattern is a host, or '.example.org' for all hosts below it.

    Examples
    --------
    >>> is_allowed("data.example.org", [".example.org"])
    True
    >>> is_allowed("badexample.org", [".example.org"])
    False
    """
    return any(host == one.lower() or (one.startswith(".") and host.endswith(one.lower())) for one in patterns)


def redirected(
    request: requests.PreparedRequest, response: requests.Response, hosts: Iterable[str] = ()
) -> requests.PreparedRequest | None:
    """Return the request that an answer asks to be sent instead; None where it is an answer itself.

    303 turns any request, 301 and 302 a POST into a GET without body, as browsers do; 307 and 308 keep it. Another host
    gets no header but the harmless ones.

    Parameters
    ----------
    request : requests.PreparedRequest
    response : requests.Response
    hosts : iterable of str
        Further hosts that may be gone to; see :func:`is_allowed`.

    Raises
    ------
    RejectedError
        ``archive.redirect``: to another host, or from https to http.
    """
    if not response.is_redirect:
        return None
    source, location = request.url or "", response.headers["Location"]
    target = urldefrag(urljoin(source, location.encode("latin-1", "replace").decode("utf-8", "replace"))).url
    old, new = urlsplit(source), urlsplit(target)
    same = host_of(source) == host_of(target)
    if new.scheme not in ("http", "https") or new.username is not None:
        raise _refused(source, target, "an address of another kind")
    if old.scheme == "https" and new.scheme == "http":
        raise _refused(source, target, "a connection that is not secure")
    if not same and not is_allowed(host_of(target), hosts):
        raise _refused(source, target, f"the host {host_of(target)}")
    following = request.copy()
    following.url = requests.Request("GET", target).prepare().url
    if (response.status_code == 303 and request.method != "HEAD") or (
        request.method == "POST" and (response.status_code in (301, 302))
    ):
        following.method, following.body = "GET", None
        for name in _OF_BODY:
            following.headers.pop(name, None)
    if not same:
        for name in [name for name in following.headers if name.title() not in _TO_OTHER_HOSTS + _OF_BODY]:
            del following.headers[name]
    return following


def _refused(source: str, target: str, what: str) -> RejectedError:
    return RejectedError(
        "archive.redirect",
        f"{shown(source)}: expected an answer, found a redirect to {what} ({shown(target)})",
        "add the host to redirect_hosts of the archive if it is to be trusted",
        url=shown(source),
        target=shown(target),
    )


def looping(url: str) -> TransientError:
    """Return ``archive.redirect-loop``."""
    return TransientError(
        "archive.redirect-loop",
        f"{shown(url)}: expected an answer after at most {MOST} redirects, found another redirect",
        "try later; the archive sends requests in a circle",
        url=shown(url),
    )
