"""Logging: one file a run and the console, in UTC, without secrets. Nothing is set up at import."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import platform
import re
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

from hstlc.errors import StoreError

__all__ = ["close", "configure", "header_lines", "hide", "printable", "redact", "redact_bytes"]

LOGGER_NAME = "hstlc"
LINE = "%(asctime)s %(levelname)s %(action)s %(name)s: %(message)s"
DATE = "%Y-%m-%dT%H:%M:%SZ"
PACKAGES = ("hstlc", "numpy", "astropy", "sqlalchemy")

logger = logging.getLogger(LOGGER_NAME)

_HIDDEN = "***"
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s&;,'\"{}()\[\]]+)"
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # a private key to its end, or, where that is cut off, the lines that have no blank in them
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), _HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\S*(?:\r?\n\S+$)*", re.MULTILINE), _HIDDEN),
    (re.compile(r"(://[^\s:/@]*):\S*@"), rf"\1:{_HIDDEN}@"),
    (re.compile(r"(%+3A%+2F%+2F[^\s%/]*%+3A)\S*?%40", re.IGNORECASE), rf"\1{_HIDDEN}%40"),
    # headers: to the end of the line or of the quoted text
    (
        re.compile(r"(authorization|cookie)(s?[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\r\n\"'}]+)", re.IGNORECASE),
        rf"\1\2{_HIDDEN}",
    ),
    (re.compile(r"\bhstlc_[\w-]{43}(?![\w-])"), _HIDDEN),  # a token of a user
    (re.compile(r"\b(bearer|basic|token)\s+(?=\S*\d)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    (
        re.compile(
            r"(pass(?:word|wd|phrase)|pwd|secret|token|credential|signature|authorization"
            r"|(?:api|access|secret|private)[_-]?key)(s?(?:[\"']?\s*[=:]\s*|%+(?:25)?3[ad]))" + _VALUE,
            re.IGNORECASE,
        ),
        rf"\1\2{_HIDDEN}",
    ),
)


# What is in use here: those that somebody repeats to us do not always look like secrets.
_known: set[str] = set()
_SHORTEST = 6  # what is shorter is part of innocent words


def hide(secret: str) -> None:
    """Let :func:`redact` hide a text wherever it stands, as it is and as addresses write it.

    Parameters
    ----------
    secret : str
        Ignored when it is shorter than six characters.
    """
    if len(secret) >= _SHORTEST:
        _known.update((secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]))


def redact_bytes(data: bytes) -> bytes:
    """Return what an archive said without the secrets that :func:`hide` was told."""
    for secret in sorted(_known, key=len, reverse=True):
        data = data.replace(secret.encode(), _HIDDEN.encode())
    return data


def redact(text: str) -> str:
    """Return ``text`` without passwords of URLs, tokens and keys.

    Examples
    --------
    >>> redact("cannot reach postgresql://reader:s3cret@db.example/hstlc")
    'cannot reach postgresql://reader:***@db.example/hstlc'
    >>> redact("password=hunter2 host=db")
    'password=*** host=db'
    """
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def printable(text: str) -> str:
    r"""Return ``text`` so that any terminal, file and database takes it.

    A file name may hold bytes that are no text (Python has surrogates for them), a header may hold NUL.

    Examples
    --------
    >>> printable("caf\udce9.fits")
    'caf\\udce9.fits'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def configure(
    log_dir: Path,
    command: str,
    level: str = "INFO",
    *,
    verbosity: int = 0,
    now: datetime | None = None,
    daily: bool = False,
) -> Path:
    """Write the log of this run to a file of its own and to standard error, and return the file's path.

    A second call ends what the first one set up. Records may carry ``extra={"action": ...}``, a short word for the
    step they belong to.

    Parameters
    ----------
    log_dir : Path
        An existing folder; the file is ``<command>_<YYYY-MM-DD-HH-MM-SS>_<pid>.log``, time in UTC.
    command : str
        Name of the command, such as ``ingest``.
    level : str
        The lowest level that the file gets.
    verbosity : int
        The lowest level on the console: -1 ERROR, 0 WARNING, 1 INFO, 2 DEBUG.
    now : datetime, optional
        Time zone aware; the present by default.
    daily : bool
        For a process that lasts: the file is ``<command>.log``, is added to, and gets the name
        ``<command>.log.<YYYY-MM-DD>`` with the first line of the next day, UTC.

    Raises
    ------
    StoreError
        ``store.log``: the file cannot be made.
    """
    close()
    stamp = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%d-%H-%M-%S")
    name = re.sub("[^A-Za-z0-9-]+", "-", command)
    path = log_dir / (f"{name}.log" if daily else f"{name}_{stamp}_{os.getpid()}.log")
    try:
        to_file = _DailyLog(path) if daily else _LogFile(path)
    except OSError as error:
        raise StoreError(
            "store.log",
            f"{path}: expected to be able to write the log, found: {error.strerror}",
            "make the folder that log_dir names, give this user the right to write there, or free some space",
            path=str(path),
        ) from error
    to_file.setLevel(level)
    to_console = _Console()
    to_console.setLevel({-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    to_file.setFormatter(_Redacting(LINE, DATE))
    to_console.setFormatter(_Redacting("%(levelname)s: %(message)s"))
    for handler in (to_file, to_console):
        logger.addHandler(handler)
    logger.setLevel(min(to_file.level, to_console.level))
    for line in header_lines(command):
        to_file.handle(logger.makeRecord(LOGGER_NAME, logging.INFO, "", 0, line, (), None))
    return path


def close() -> None:
    """End what :func:`configure` set up."""
    for handler in logger.handlers[:]:
        if isinstance(handler, _LogFile | _Console):
            logger.removeHandler(handler)
            handler.close()
    logger.setLevel(logging.NOTSET)


def header_lines(command: str) -> tuple[str, ...]:
    """Return what the first lines of a log say: the command, the machine, and versions, read without importing."""
    versions = ", ".join(f"{package} {_version(package)}" for package in PACKAGES)
    return (
        f"{command}: process {os.getpid()} on {platform.node()} ({platform.platform()})",
        f"python {platform.python_version()}, {versions}",
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


class _Redacting(logging.Formatter):
    """Formats in UTC and hides secrets in the finished text: message, arguments, traceback and all."""

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """Return the time of a record in UTC."""
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        if not hasattr(record, "action"):
            record.action = "-"
        return redact(super().format(record))


class _LogFile(logging.FileHandler):
    """A log file that says once, not at every line, that it cannot be written."""

    _complained = False

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Report the first failure on the console and go on."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)  # a programming error in a logging call: leave it visible
        elif not self._complained:
            self._complained = True
            print(f"WARNING: {self.baseFilename}: the log is incomplete: {error.strerror}", file=sys.stderr)


class _DailyLog(_LogFile):
    """A log file that is renamed when its day is over; by this process, or by another one that writes to it too."""

    def __init__(self, path: Path) -> None:
        self._turn(path)
        super().__init__(path)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record to the file that has the name now."""
        path = Path(self.baseFilename)
        try:
            self._turn(path)
            if self.stream is not None:
                ours = os.fstat(self.stream.fileno())
                if not path.exists() or not os.path.samestat(ours, path.stat()):
                    self.stream.close()
                    self.stream = self._open()
        except OSError:
            self.handleError(record)
        super().emit(record)

    @staticmethod
    def _turn(path: Path) -> None:
        with suppress(FileNotFoundError):  # another process was faster, or there is none yet
            last = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
            if last < datetime.now(UTC).date():
                target = path.with_name(f"{path.name}.{last}")
                if not target.exists():
                    path.rename(target)


class _Console(logging.StreamHandler):  # type: ignore[type-arg]
    """Standard error as it is when a line is written, so that a test or a progress bar can redirect it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> object:
        return sys.stderr
