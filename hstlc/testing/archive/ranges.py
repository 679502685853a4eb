"""Parts of files: Range, If-Range, and what answers to them look like."""

from __future__ import annotations

import re
from dataclasses import replace

from hstlc.testing.archive.messages import Incoming, Outgoing

__all__ = ["part_of"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def part_of(answer: Outgoing, request: Incoming) -> Outgoing:
    """Return the part of an answer that a request asks for: 206, 416, or all of it."""
    if not answer.ranges or answer.status != 200 or not isinstance(answer.body, bytes):
        return answer
    whole, body = replace(answer, headers={**answer.headers, "Accept-Ranges": "bytes"}), answer.body
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    condition = request.headers.get("if-range")
    known = (answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
    if not found or not any(found.groups()) or (condition is not None and condition not in known):
        return whole
    first, last = found.groups()
    if first:
        start, stop = int(first), min(int(last) + 1 if last else len(body), len(body))
    else:
        start, stop = max(len(body) - int(last), 0), len(body)
    if start >= len(body) or start >= stop:
        return Outgoing(416, {"Content-Range": f"bytes */{len(body)}", "Content-Type": "text/plain"})
    if (shifted := request.fault("bad_content_range")) is not None:
        shift = int(shifted.get("shift", 1))
        said = f"bytes {start + shift}-{stop - 1}/{len(body)}"
    else:
        said = f"bytes {start}-{stop - 1}/{len(body)}"
    return replace(whole, status=206, headers={**whole.headers, "Content-Range": said}, body=body[start:stop])
