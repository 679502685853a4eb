"""What faults do to an answer: to its content, before ranges are cut from it, and to its address."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hstlc.testing.archive.faults import Fault
from hstlc.testing.archive.messages import Incoming, Outgoing, http_date

__all__ = ["last_unit", "spoil", "wrong_status"]

_BLOCK = 2880
_GZIP = b"\x1f\x8b"

#: When an entity was last modified that took the place of another.
LATER = datetime(2021, 1, 1, tzinfo=UTC)

MAINTENANCE = (
    "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Down for maintenance</h1>"
    "<p>Please come back later.</p></body></html>"
)


def wrong_status(one: Fault, request: Incoming, now: datetime) -> Outgoing | None:
    """Return what a fault answers in place of the router; None where the router is to answer."""
    if one.kind == "status":
        answer = Outgoing.text(f"<html><body><h1>{one.get('code', 503)}</h1></body></html>", content_type="text/html")
        answer.status = int(one.get("code", 503))
        if (later := one.get("retry_after")) is not None:
            answer.headers["Retry-After"] = str(later)
        if (seconds := one.get("retry_date")) is not None:
            answer.headers["Retry-After"] = http_date(now + timedelta(seconds=float(seconds)))
        return answer
    if one.kind == "html_200":
        return Outgoing.text(MAINTENANCE, content_type="text/html; charset=utf-8")
    if one.kind == "error_200":
        body = str(one.get("body", "Error executing query: the database does not answer"))
        return Outgoing.text(body, content_type=str(one.get("content_type", "text/plain")))
    if one.kind in ("redirect", "redirect_loop"):
        location = one.get("location", request.base_url + request.target)
        return Outgoing(302, {"Location": str(location)})
    return None


def spoil(one: Fault, answer: Outgoing) -> Outgoing:
    """Return an answer with other content; lengths fit what is sent."""
    if answer.status != 200 or not isinstance(answer.body, bytes):
        return answer
    body, headers = answer.body, dict(answer.headers)
    ranges = answer.ranges
    if one.kind == "json_garbage":
        body = body[: max(len(body) // 2, 1)]
    elif one.kind == "empty_file":
        body = b""
    elif one.kind == "wrong_file" and "content" in one.arguments:
        body = bytes(one.get("content"))
    elif one.kind == "flip_byte":
        body = _flipped(body, int(one.get("offset", len(body) // 2)))
    elif one.kind == "etag_change":
        body = bytes(one.get("content", body))
        headers["ETag"] = '"another-' + headers.get("ETag", "").strip('"') + '"'
        headers["Last-Modified"] = http_date(LATER)
    elif one.kind == "cut_at_hdu":
        body = _cut(body)
    elif one.kind == "gzip_corrupt":
        if body[:2] != _GZIP:
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        body = _flipped(body, len(body) - 6)  # within the CRC
    elif one.kind == "gzip_encoding":
        body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
    elif one.kind == "ignore_range":
        ranges = False
        headers["Accept-Ranges"] = "bytes"
    return replace(answer, body=body, headers=headers, ranges=ranges)


def _flipped(body: bytes, offset: int) -> bytes:
    if not body:
        return body
    offset %= len(body)
    return body[:offset] + bytes([body[offset] ^ 1]) + body[offset + 1 :]


def _cut(body: bytes) -> bytes:
    if body[:2] == _GZIP:
        return gzip.compress(_cut(gzip.decompress(body)), mtime=0)
    return body[: last_unit(body)]


def last_unit(body: bytes) -> int:
    """Return where the last extension of a FITS file begins; its length where it has none."""
    places = range(_BLOCK, len(body), _BLOCK)
    return max((place for place in places if body.startswith(b"XTENSION= ", place)), default=len(body))
