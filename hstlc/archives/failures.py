"""What went wrong with a request, as an error of ours: read off a status, an exception, an answer of another kind.

Texts of the libraries hold whole addresses, of others' servers whole pages: everything here passes ``redact`` and is
cut to a length that fits a line of a log.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead

from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError, TransientError
from hstlc.logs import printable, redact

__all__ = [
    *("check_answer", "classify", "excerpt", "failure", "is_fault_of_host"),
    *("retry_after_s", "shown", "stopped", "timed_out", "truncated", "wrong_answer"),
]

_LATER = "try later; hstlc asks again by itself in a run of poll, fetch or the daemon"
_BUSY = frozenset({408, 425, 429, 508})
_FAULTS_OF_HOST = frozenset({"archive.timeout", "archive.no-answer", "archive.tls", "archive.status"})

_PAGE = re.compile(rb"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_VOTABLE = re.compile(rb"<(?:\w+:)?VOTABLE\b")
_VOTABLE_END = re.compile(rb"</(?:\w+:)?VOTABLE\s*>\s*(?:<!--[^>]*-->\s*)?\Z")


def shown(url: str, longest: int = 300) -> str:
    """Return an address as messages may show it: without secrets, and cut where it is long.

    Examples
    --------
    >>> shown("https://archive.example/get?name=a&AIOPWD=hunter2")
    'https://archive.example/get?name=a&AIOPWD=***'
    """
    text = printable(redact(url))
    return text if len(text) <= longest else text[: longest - 3] + "..."


def excerpt(content: bytes, longest: int = 200) -> str:
    """Return the begin of an answer as one line of printable characters, without secrets."""
    text = redact(content[:4096].decode("utf-8", "replace"))
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line[:longest]


def classify(status: int, headers: Mapping[str, str], start: bytes, url: str = "") -> ArchiveError | None:
    """Return the error that a status means; None where the request was answered (2xx).

    Parameters
    ----------
    status : int
    headers : mapping of str to str
    start : bytes
        Begin of the body, which often says why.
    url : str

    Returns
    -------
    ProprietaryError
        401, 403: ``archive.forbidden``.
    RejectedError
        404, 410: ``archive.no-product``; any other 3xx and 4xx: ``archive.rejected``.
    TransientError
        408, 425, 429 and 5xx: ``archive.status``.

    Examples
    --------
    >>> classify(200, {}, b"") is None
    True
    >>> classify(503, {}, b"").code
    'archive.status'
    """
    if 200 <= status < 300:
        return None
    said = excerpt(start)
    kind = headers.get("Content-Type", "")
    context = {"status": status, "url": shown(url), "body": excerpt(start, 500), "content_type": kind}
    message = f"{shown(url)}: expected an answer, found status {status}" + (f": {said}" if said else "")
    if status in (401, 403):
        return ProprietaryError(
            "archive.forbidden", message, "it is not public yet, or not for this account", **context
        )
    if status in (404, 410):
        return RejectedError("archive.no-product", message, "the archive does not have it (any more)", **context)
    if status >= 500 or status in _BUSY:
        return TransientError("archive.status", message, _LATER, **context)
    hint = "see what the archive says; a changed interface is a matter of the section 'archives'"
    return RejectedError("archive.rejected", message, hint, **context)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how long a server asks to be left alone, in seconds; None where it does not say.

    Parameters
    ----------
    headers : mapping of str to str
        ``Retry-After`` is a number of seconds or a date (RFC 9110, section 10.2.3).
    now : datetime

    Examples
    --------
    >>> retry_after_s({"Retry-After": "120"}, datetime.now(UTC))
    120.0
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def failure(error: BaseException, url: str) -> ArchiveError:
    """Return an exception of requests, urllib3 or the socket as an error of ours.

    Returns
    -------
    TransientError
        ``archive.timeout``; ``archive.tls``; ``archive.no-answer`` for refused and reset connections and unknown names.
    IntegrityError
        ``archive.truncated``: the body ended early; ``archive.bad-encoding``: it cannot be unpacked.
    RejectedError
        ``archive.rejected``: the address is none.
    """
    import requests
    from urllib3 import exceptions as urllib3

    chain = _chain(error)

    def some(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in chain)

    reason = _reason(chain)
    context = {"url": shown(url)}
    if some(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
        return RejectedError("archive.rejected", f"{shown(url)} is no address", "correct it in 'archives'", **context)
    if some(ssl.SSLError, urllib3.SSLError):
        hint = "check the date of this machine and its certificates; REQUESTS_CA_BUNDLE names a file of others"
        return TransientError("archive.tls", f"{shown(url)}: no secure connection: {reason}", hint, **context)
    refused = some(urllib3.NewConnectionError)  # to urllib3 a kind of time-out
    if some(TimeoutError) or (some(urllib3.TimeoutError, requests.Timeout) and not refused):
        return timed_out(url, "an answer in time", reason)
    if some(IncompleteRead):  # of urllib3 too
        return truncated(url, "a whole answer", "its end too early")
    if some(urllib3.DecodeError, requests.exceptions.ContentDecodingError):
        message = f"{shown(url)}: expected an answer in its Content-Encoding, found: {reason}"
        return IntegrityError("archive.bad-encoding", message, _LATER, **context)
    return TransientError("archive.no-answer", f"{shown(url)}: expected an answer, found: {reason}", _LATER, **context)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception, what it was made of and what caused it; the innermost last."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo and len(found) < 20:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    return found


def _reason(chain: list[BaseException]) -> str:
    for one in reversed(chain):
        if isinstance(one, socket.gaierror):
            return "the name of the host is not known"
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message
        if isinstance(one, TimeoutError):
            return "silence"
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return excerpt(str(chain[-1]).encode("utf-8", "replace")) or type(chain[-1]).__name__


def timed_out(url: str, expected: str, found: str) -> TransientError:
    """Return ``archive.timeout``."""
    message = f"{shown(url)}: expected {expected}, found: {found}"
    return TransientError("archive.timeout", message, _LATER, url=shown(url))


def truncated(url: str, expected: str, found: str) -> IntegrityError:
    """Return ``archive.truncated``."""
    message = f"{shown(url)}: expected {expected}, found: {found}"
    return IntegrityError("archive.truncated", message, _LATER, url=shown(url))


def stopped(url: str = "") -> TransientError:
    """Return ``archive.stopped``."""
    return TransientError("archive.stopped", f"{shown(url)}: ended because hstlc is to end", "start it again")


def wrong_answer(url: str, expected: str, content: bytes, content_type: str = "") -> TransientError:
    """Return ``archive.wrong-answer``: the begin of the content is in the message and, longer, in the context."""
    found = excerpt(content) or "nothing"
    return TransientError(
        "archive.wrong-answer",
        f"{shown(url)}: expected {expected}, found: {found}",
        _LATER,
        url=shown(url),
        body=excerpt(content, 500),
        content_type=content_type,
    )


def check_answer(answer: str, content: bytes, url: str, content_type: str = "") -> None:
    """Look whether a whole answer is of the kind that was wanted, and as whole as its kind lets one see.

    Parameters
    ----------
    answer : str
        ``json``, ``votable``, ``html`` (with its end), ``text`` (anything printable but a page), ``service`` (a VOTable
        with its end, or anything but a page) or ``any``.
    content : bytes
    url, content_type : str
        For the message.

    Raises
    ------
    TransientError
        ``archive.wrong-answer``.
    """
    expected = _unlike(answer, content)
    if expected:
        raise wrong_answer(url, expected, content, content_type)


def _unlike(answer: str, content: bytes) -> str:
    page = _PAGE.match(content[:1024]) is not None
    if answer == "json":
        try:
            json.loads(content)
        except (ValueError, RecursionError):
            return "JSON"
    elif answer == "votable":
        return "" if _is_votable(content) else "a whole VOTable"
    elif answer == "html":
        return "" if b"</html" in content[-500:].lower() else "a whole page of HTML"
    elif answer == "text":
        return "plain text" if page or not content.strip() or b"\0" in content else ""
    elif answer == "service":
        begun = _VOTABLE.search(content[:2000]) is not None
        return "no page of HTML" if page else "a whole VOTable" if begun and not _is_votable(content) else ""
    return ""


def _is_votable(content: bytes) -> bool:
    return _VOTABLE.search(content[:2000]) is not None and _VOTABLE_END.search(content[-500:]) is not None


def is_fault_of_host(error: BaseException | None) -> bool:
    """Tell whether an error speaks against the host: no connection, silence, 5xx or 429; a 404 does not."""
    return isinstance(error, TransientError) and error.code in _FAULTS_OF_HOST
