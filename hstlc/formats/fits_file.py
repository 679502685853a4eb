"""Opening FITS files so that a bad one gives a clear error and third-party warnings become notes."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hstlc.errors import HstlcError, InconsistentError, UnreadableError

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["FITS_SUFFIXES", "header_values", "is_fits_name", "open_fits"]

FITS_SUFFIXES = (".fits", ".fit", ".fits.gz", ".fit.gz", ".ftz")

_GZIP = b"\x1f\x8b"

Value = str | int | float | bool | None


def is_fits_name(path: Path) -> bool:
    """Tell whether a file name has an ending of FITS files."""
    return path.name.lower().endswith(FITS_SUFFIXES)


@contextmanager
def open_fits(path: Path, notes: list[str] | None = None) -> Iterator[fits.HDUList]:
    """Open a FITS file for reading and check that it is whole.

    Parameters
    ----------
    path : Path
        The file; gzip is unpacked on the fly.
    notes : list of str, optional
        Gets the text of each warning raised while the file was open.

    Yields
    ------
    astropy.io.fits.HDUList

    Raises
    ------
    InconsistentError
        ``data.vanished``: the file is gone.
    UnreadableError
        ``data.empty``, ``data.not-fits``, ``data.truncated``, ``data.unreadable``.
    """
    from astropy.io import fits

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            source, size = _unpacked(path)
            with fits.open(source, memmap=False, lazy_load_hdus=False) as hdus:
                _check_whole(path, hdus, size, [str(w.message) for w in caught])
                yield hdus
        except HstlcError:
            raise
        except FileNotFoundError as error:
            raise InconsistentError(
                "data.vanished",
                f"{path} is gone",
                "it was moved or deleted while being read; ingest again",
                path=str(path),
            ) from error
        except EOFError as error:
            raise _truncated(path, "its compressed data end early") from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableError(
                "data.unreadable", f"{path} has broken compressed data: {error}", "download it again", path=str(path)
            ) from error
        except OSError as error:
            if error.errno is not None:
                raise UnreadableError(
                    "data.unreadable",
                    f"{path} cannot be read: {error.strerror}",
                    "check the path and its permissions",
                    path=str(path),
                ) from error
            raise UnreadableError(
                "data.not-fits", f"{path} is not a FITS file: {error}", "check what was downloaded", path=str(path)
            ) from error
        except (fits.VerifyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            if _raised_here(error):
                raise
            raise UnreadableError(
                "data.unreadable",
                f"{path} has a broken FITS structure: {error}",
                "download it again",
                path=str(path),
            ) from error
        finally:
            if notes is not None:
                notes.extend(dict.fromkeys(str(w.message) for w in caught))


def _unpacked(path: Path) -> tuple[Path | io.BytesIO, int]:
    """Return what to read and its size: the file, or all the bytes of a compressed one, its checksum verified."""
    with path.open("rb") as file:
        start = file.read(len(_GZIP))
        if not start:
            raise UnreadableError("data.empty", f"{path} is empty (0 bytes)", "download it again", path=str(path))
        if start != _GZIP:
            return path, path.stat().st_size
        file.seek(0)
        with gzip.GzipFile(fileobj=file) as packed:
            content = packed.read()
    return io.BytesIO(content), len(content)


def _raised_here(error: BaseException) -> bool:
    """Tell whether an error comes from our own code (a programming error) and not from reading the file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("hstlc.")


def _truncated(path: Path, detail: str) -> UnreadableError:
    return UnreadableError("data.truncated", f"{path} is cut short: {detail}", "download it again", path=str(path))


def _check_whole(path: Path, hdus: fits.HDUList, size: int, notes: list[str]) -> None:
    info = hdus[-1].fileinfo()
    expected = info["datLoc"] + info["datSpan"]
    if size < expected:
        raise _truncated(path, f"its headers promise {expected} bytes, it has {size}")
    for note in notes:
        if "truncated" in note or "Error validating header" in note:
            raise _truncated(path, note)


def header_values(*headers: Any) -> dict[str, Value]:
    """Return the keywords of headers as a plain dict: strings stripped, commentary left out, later ones first.

    Extension headers come after the primary one and win, as they describe the data.
    """
    values: dict[str, Value] = {}
    for header in headers:
        for card in header.cards:
            if card.keyword in ("", "COMMENT", "HISTORY"):
                continue
            value = card.value
            if isinstance(value, str):
                value = value.strip()
            elif not isinstance(value, (bool, int, float)):
                value = None  # undefined card
            values[card.keyword] = value
    return values
