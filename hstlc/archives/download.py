"""One file from an archive to the disk: streamed, taken up where it broke off, watched for speed, and hashed.

What comes is not trusted: it must begin as a FITS file, a gzip or a tar does, and be as long as the server said.
Whether it is whole and the right one is then for :mod:`hstlc.archives.verify`, :mod:`hstlc.archives.unpack` and the
archive's client to say.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import BinaryIO

from hstlc.archives.base import Request
from hstlc.archives.failures import shown, timed_out, truncated, wrong_answer
from hstlc.archives.http import Http, Open
from hstlc.archives.limits import DownloadSettings
from hstlc.archives.parts import Part, PartNotes
from hstlc.errors import ArchiveError, IntegrityError

__all__ = ["Downloaded", "discard", "download", "safe_filename"]

_START = 512  # bytes that tell what a file is
_BLOCK = 1 << 20
_SYNC_BYTES = 64 << 20  # after so many, what came is brought to the disk
_MOST_UNPACKED = 50 << 30
_PACKED = (".gz", ".ftz", ".tgz", ".z")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that came as a whole, as far as its size tells.

    Attributes
    ----------
    part : Path
        Where it is; :func:`discard` removes it with its notes.
    sha256 : str
        Of the whole file, 64 hexadecimal digits.
    size : int, bytes
    etag, last_modified : str
        As the server said them.
    status : int
        HTTP status of the answer that ended it.
    bytes_read : int
        Received in all tries.
    resumed_from : int, bytes
        Where the last try went on.
    filename : str
        What the server calls it, a plain name; '' where it says nothing or something that is not safe.
    content_type : str
    warnings : tuple of str
        What is odd, and does no harm.
    """

    part: Path
    sha256: str
    size: int
    etag: str = ""
    last_modified: str = ""
    status: int = 200
    bytes_read: int = 0
    resumed_from: int = 0
    filename: str = ""
    content_type: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tally:
    status: int | None = None
    bytes_read: int = 0
    resumed_from: int = 0


def download(
    http: Http,
    request: Request,
    folder: Path,
    name: str,
    *,
    limits: DownloadSettings,
    expected_bytes: int | None = None,
) -> Downloaded:
    """Fetch a file into ``folder/name.part``.

    Parameters
    ----------
    http : Http
        Tries as often and waits as long as its settings say; goes on where it broke off when the server can.
    request : Request
    folder : Path
        An existing folder.
    name : str
        Unique to the product; a part that is there from an earlier run is gone on with.
    limits : DownloadSettings
    expected_bytes : int, optional
        Size as the archive's catalogue says; not always true, so that a difference is a warning.

    Raises
    ------
    TransientError
        ``archive.wrong-answer``: neither FITS nor gzip (nor tar, where several files may come); ``body`` in the context
        is its begin. ``archive.timeout``: silent, too slow or past the deadline. Others as of
        :meth:`hstlc.archives.http.Http.get`; after ``archive.stopped`` the part is kept.
    IntegrityError
        ``archive.truncated``, ``archive.bad-range``, ``archive.bad-gzip``.
    RejectedError, ProprietaryError
        At once.
    OSError
        The disk is full or refuses; the part is gone.

    Notes
    -----
    The context of every ArchiveError has ``status``, ``bytes_read`` and ``resumed_from`` as of :class:`Downloaded`.
    """
    part, tally = Part(folder, name), _Tally()
    try:
        return http.retried(lambda: _once(http, request, part, limits, expected_bytes, tally), _may_pass)
    except ArchiveError as error:
        known = {"status": tally.status, "bytes_read": tally.bytes_read, "resumed_from": tally.resumed_from}
        error.context = {**known, **error.context}
        raise


def discard(part: Path) -> None:
    """Remove a part and its notes, as far as they are there."""
    Part(part.parent, part.name.removesuffix(".part")).discard()


def _may_pass(error: ArchiveError) -> bool:
    """Tell what may pass: a page of a server, or nothing; a sentence instead of a file is an answer."""
    return error.code != "archive.wrong-answer" or str(error.context.get("body", ""))[:1] in ("<", "{", "[", "")


def _once(
    http: Http, request: Request, part: Part, limits: DownloadSettings, expected: int | None, tally: _Tally
) -> Downloaded:
    known = part.resumable(shown(request.url))
    start = known.size if known else 0
    with http.opened(request, start=start, validator=known.validator if known else "") as answer:
        headers = answer.response.headers
        tally.status = answer.response.status_code
        begin, total = _place(answer, known, part)
        tally.resumed_from = begin
        answer.watch.extend(limits.deadline_s + (total or expected or limits.unknown_size) / limits.deadline_rate)
        notes = PartNotes(shown(request.url), _validator(headers), _takes_ranges(answer, begin), total)
        digest = part.digest(begin) if begin else hashlib.sha256()
        if not begin:
            part.discard()
        size = _receive(http, answer, part, begin, notes, digest, request.several, limits, tally)
    filename = safe_filename(headers.get("Content-Disposition", ""))
    warnings = []
    if expected is not None and size != expected:
        warnings.append(f"the catalogue says {expected} bytes, the file has {size}")
    sha256, packed_size = digest.hexdigest(), size
    if "gzip" in headers.get("Content-Encoding", "") and _is_plain(request.filename or filename):
        sha256, size = _unpack_encoding(part, answer.url)
        warnings.append(f"it came with Content-Encoding gzip, {packed_size} bytes")
    return Downloaded(
        part.path,
        sha256,
        size,
        headers.get("ETag", ""),
        headers.get("Last-Modified", ""),
        answer.response.status_code,
        tally.bytes_read,
        begin,
        filename,
        headers.get("Content-Type", ""),
        tuple(warnings),
    )


def _place(answer: Open, known: PartNotes | None, part: Part) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and the size of the file where it says so."""
    status, headers = answer.response.status_code, answer.response.headers
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise wrong_answer(answer.url, "bytes as they are", f"Content-Encoding {encoding}".encode())
    if status == 200:
        length = headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch(r"\d{1,18}", length) else None
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if status == 206 and known and found and int(found[1]) == known.size:
        total = None if found[3] == "*" else int(found[3])
        same = known.validator in (headers.get("ETag", known.validator), headers.get("Last-Modified", known.validator))
        if same and (known.total is None or total is None or known.total == total):
            return known.size, total or known.total
    if status not in (206, 416):
        raise wrong_answer(answer.url, f"a file, not status {status}", b"")
    part.discard()
    wanted = f"the bytes from {known.size} on" if known else "a whole file"
    raise IntegrityError(
        "archive.bad-range",
        f"{shown(answer.url)}: expected {wanted}, found status {status} with the range"
        f" {headers.get('Content-Range', 'nothing')[:80]!r}",
        "it is fetched from the beginning at the next try",
        url=shown(answer.url),
    )


def _validator(headers: Mapping[str, str]) -> str:
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _takes_ranges(answer: Open, begin: int) -> bool:
    return begin > 0 or "bytes" in answer.response.headers.get("Accept-Ranges", "").lower()


def _receive(
    http: Http,
    answer: Open,
    part: Part,
    begin: int,
    notes: PartNotes,
    digest: hashlib._Hash,
    several: bool,
    limits: DownloadSettings,
    tally: _Tally,
) -> int:
    """Write the body behind the first ``begin`` bytes and return the size of the file."""
    size = synced = begin
    paced = _paced(http.blocks(answer), answer, limits)
    try:
        with part.open(begin) as file:
            try:
                for block in paced if begin else _checked(paced, answer, several):
                    _write(file, block)
                    digest.update(block)
                    size += len(block)
                    tally.bytes_read += len(block)
                    if size - synced >= _SYNC_BYTES:
                        part.keep(file, _grown(notes, size))
                        synced = size
                if notes.total is not None and size != notes.total:
                    raise truncated(answer.url, f"{notes.total} bytes", f"{size}")
            finally:
                part.keep(file, _grown(notes, size))
    except ArchiveError:  # an OSError too
        if not size or not (notes.ranges and notes.validator):
            part.discard()
        raise
    except OSError:
        part.discard()
        raise
    return size


def _grown(notes: PartNotes, size: int) -> PartNotes:
    return PartNotes(notes.url, notes.validator, notes.ranges, notes.total, size)


def _write(file: BinaryIO, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


def _checked(blocks: Iterator[bytes], answer: Open, several: bool) -> Iterator[bytes]:
    """Yield blocks once the first bytes look like a file that is wanted."""
    start = b""
    for block in blocks:
        start += block
        if len(start) >= _START:
            break
    _check_start(start, answer, several)
    yield start
    yield from blocks


def _check_start(start: bytes, answer: Open, several: bool) -> None:
    if start[:9] == b"SIMPLE  =" or start[:2] == b"\x1f\x8b" or (several and start[257:262] == b"ustar"):
        return
    kind = "a FITS file, gzip or tar" if several else "a FITS file or gzip"
    raise wrong_answer(answer.url, kind, start, answer.response.headers.get("Content-Type", ""))


def _paced(blocks: Iterator[bytes], answer: Open, limits: DownloadSettings) -> Iterator[bytes]:
    """Yield blocks while they come fast enough."""
    begun, received = time.monotonic(), 0
    for block in blocks:
        yield block
        received += len(block)
        elapsed_s = time.monotonic() - begun
        if elapsed_s >= limits.minimum_rate_time_s:
            if received < limits.minimum_rate * elapsed_s:
                expected = f"at least {limits.minimum_rate} bytes/s"
                raise timed_out(answer.url, expected, f"{received} bytes in {elapsed_s:.1f} s")
            begun, received = time.monotonic(), 0


def _is_plain(name: str) -> bool:
    return bool(name) and not name.lower().endswith(_PACKED)


def _unpack_encoding(part: Part, url: str) -> tuple[str, int]:
    """Undo a compression that the server did for the way; return digest and size of the file itself."""
    plain = part.path.with_suffix(".unpacked")
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(part.path) as source, plain.open("wb", buffering=0) as target:
            while block := source.read(_BLOCK):
                size += len(block)
                if size > _MOST_UNPACKED:
                    raise gzip.BadGzipFile(f"more than {_MOST_UNPACKED} bytes")
                digest.update(block)
                _write(target, block)
            os.fsync(target.fileno())
        part.notes_path.unlink(missing_ok=True)
        plain.replace(part.path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        part.discard()
        raise IntegrityError(
            "archive.bad-gzip",
            f"{shown(url)}: expected whole compressed data, found: {error}",
            "it is fetched again",
            url=shown(url),
        ) from None
    except OSError:
        part.discard()
        raise
    finally:
        plain.unlink(missing_ok=True)
    return digest.hexdigest(), size


def safe_filename(disposition: str) -> str:
    """Return the file name of a Content-Disposition without any path; '' where there is none that is safe.

    Examples
    --------
    >>> safe_filename('inline; filename="events.fits.gz"')
    'events.fits.gz'
    >>> safe_filename('attachment; filename="../../etc/passwd"')
    'passwd'
    >>> safe_filename("attachment; filename=.profile")
    ''
    """
    message = EmailMessage()
    try:
        message["Content-Disposition"] = " ".join(disposition.split())
        name = message.get_filename() or ""
    except (ValueError, IndexError, KeyError, AttributeError, LookupError):
        return ""
    name = re.split(r"[/\\]", name)[-1].strip()
    return name if _SAFE.fullmatch(name) else ""
