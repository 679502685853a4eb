"""One product, from its address to whole, verified files in ``ingest/.incoming/``: what a thread of a fetch does."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hstlc.archives.base import Archive, RemoteProduct, Request
from hstlc.archives.limits import DownloadSettings
from hstlc.errors import ArchiveError, HstlcError, IntegrityError
from hstlc.store.digest import sha256_file
from hstlc.store.faults import translate
from hstlc.store.layout import slug
from hstlc.store.points import point

if TYPE_CHECKING:
    from hstlc.archives.download import Downloaded
    from hstlc.archives.http import Http

__all__ = ["INCOMING", "Download", "Retrieved", "RetrievedFile", "Tried", "discard_incoming", "product_of", "retrieve"]

#: Folder in the ingest folder, hidden from ingest, for what is not whole yet.
INCOMING = ".incoming"

_FILENAME = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9._+-]{0,199}")


class Download(Protocol):
    """Gets the bytes of a request; see :func:`hstlc.archives.download.download`."""

    def __call__(
        self,
        http: Http,
        request: Request,
        folder: Path,
        name: str,
        *,
        limits: DownloadSettings,
        expected_bytes: int | None = None,
    ) -> Downloaded:
        """Return what came."""


@dataclass(frozen=True, slots=True)
class RetrievedFile:
    """A whole file that was verified; ``rejection`` says why it is not wanted all the same."""

    path: Path
    filename: str
    sha256: str
    size: int
    epoch: str
    rejection: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The files of a product.

    Attributes
    ----------
    files : tuple of RetrievedFile
        Those that are wanted.
    rejection : str
        Why none is; '' where one is.
    etag : str
    """

    files: tuple[RetrievedFile, ...]
    rejection: str
    etag: str

    @property
    def epoch(self) -> str:
        """When the latest of the files was processed."""
        return max((file.epoch for file in self.files), default="")


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try ended: with files, or with an error."""

    retrieved: Retrieved | None
    error: Exception | None
    started: datetime
    seconds: float
    status: int | None = None
    bytes_read: int = 0
    resumed_from: int = 0


def product_of(row: Mapping[str, Any]) -> RemoteProduct:
    """Return the product that a row of ``remote_product``, with the key of its dataset, stands for."""
    return RemoteProduct(
        dataset=row["dataset_key"],
        name=row["name"],
        version=row["version_key"],
        kind=row["kind"],
        group=row["group_key"],
        locator=row["locator"],
        size=row["declared_bytes"],
    )


def retrieve(
    archive: Archive[Any],
    row: Mapping[str, Any],
    incoming: Path,
    limits: DownloadSettings,
    download: Download,
    now: datetime,
) -> Tried:
    """Download a product, look at every byte of it, and return its files or what went wrong.

    Parameters
    ----------
    archive : Archive
    row : mapping
        Of ``remote_product``.
    incoming : Path
        Where the files are afterwards, in a folder of their own; what is not whole stays beside it to be gone on with.
    limits : DownloadSettings
    download : Download
    now : datetime
    """
    begun, got = time.monotonic(), None
    try:
        product = product_of(row)
        request = archive.request(product)
        name = f"{slug(product.name)}.{row['id']}"
        got = download(archive.http, request, incoming, name, limits=limits, expected_bytes=product.size)
        retrieved = _verify(archive, product, request, got, incoming / str(row["id"]))
        point("downloaded")
    except Exception as error:
        told = error.context if isinstance(error, ArchiveError) else {}
        spoiled = isinstance(error, IntegrityError) and error.code != "archive.truncated"  # that is gone on with
        discard_incoming(incoming, row["id"], parts=spoiled)
        seen = {name: getattr(got, name, told.get(name)) for name in ("status", "bytes_read", "resumed_from")}
        counts = {name: seen[name] or 0 for name in ("bytes_read", "resumed_from")}
        meant = _meaning(error, archive, row, incoming, now)
        return Tried(None, meant, now, time.monotonic() - begun, seen["status"], **counts)
    counts = {"bytes_read": got.bytes_read, "resumed_from": got.resumed_from}
    return Tried(retrieved, None, now, time.monotonic() - begun, got.status, **counts)


def _meaning(
    error: Exception, archive: Archive[Any], row: Mapping[str, Any], incoming: Path, now: datetime
) -> Exception:
    """Return an error as what it is here: the disk's, or what this archive means by what it says."""
    if isinstance(error, ArchiveError):
        return archive.refusal(error, product_of(row), now)
    if isinstance(error, OSError) and not isinstance(error, HstlcError):
        return translate(error, incoming)
    return error


def _verify(
    archive: Archive[Any], product: RemoteProduct, request: Request, got: Downloaded, folder: Path
) -> Retrieved:
    """Give the files their names, in a folder of their own, and have each looked at."""
    from hstlc.archives.unpack import is_tar, unpack
    from hstlc.archives.verify import verify_fits

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    if request.several and is_tar(got.part):
        paths = unpack(got.part, folder, accept=lambda name: _acceptable(archive, product, name))
        _unlink(got.part)
    else:
        filename = request.filename or got.filename or product.name
        if not _acceptable(archive, product, filename):
            raise IntegrityError(
                "archive.wrong-file",
                f"{archive.name}: expected a file for {product.name}, found one called {filename[:200]!r}",
                "it is asked for again later",
            )
        paths = [got.part.replace(folder / filename)]
        _unlink(got.part)
    if not paths:
        raise IntegrityError("archive.wrong-file", f"{archive.name}: {product.name}: there is no wanted file in it")
    files = []
    for path in paths:
        verify_fits(path)
        identity = archive.identify(path, product)
        digest = got.sha256 if len(paths) == 1 and not request.several else sha256_file(path)
        size = path.stat().st_size
        files.append(RetrievedFile(path, path.name, digest, size, identity.epoch, identity.rejection))
    wanted = tuple(file for file in files if not file.rejection)
    return Retrieved(wanted, "" if wanted else files[0].rejection, got.etag)


def _acceptable(archive: Archive[Any], product: RemoteProduct, filename: str) -> bool:
    return bool(_FILENAME.fullmatch(filename)) and archive.accepts(filename, product)


def _unlink(part: Path) -> None:
    for path in (part, part.with_name(f"{part.name}.json")):
        path.unlink(missing_ok=True)


def discard_incoming(incoming: Path, number: int, *, parts: bool) -> None:
    """Delete the files of a product; with ``parts`` also what a further try could go on with."""
    shutil.rmtree(incoming / str(number), ignore_errors=True)
    if parts:
        for path in incoming.glob(f"*.{number}.part*"):
            with suppress(OSError):
                path.unlink()
