"""Errors a user can cause or cure.

::

    HstlcError                 Exception
    ├── UsageError             ValueError       exit 2   wrong option, configuration, unknown name, old schema
    ├── DataError              ValueError       exit 3   a file is not what it should be
    │   ├── UnreadableError                              cannot be opened or is cut short
    │   ├── UnsupportedModeError                         readable, but not something we make curves of
    │   └── InconsistentError                            header and content, or two reads, contradict each other
    ├── StepError              RuntimeError     exit 4   at least one exposure of a run failed
    ├── StoreError             OSError          exit 5   disk full, permission, path outside the store
    │   └── DatabaseError      ConnectionError  exit 5   the database does not answer or refuses
    ├── LockHeldError          BlockingIOError  exit 6   another writer works on this store
    └── ArchiveError           ConnectionError  exit 7   an archive does not give what it was asked for
        ├── TransientError                               not now: it is worth another try
        ├── RejectedError                                never: the question is wrong, or the thing is not there
        ├── ProprietaryError   PermissionError           not yet: it is not public
        └── IntegrityError                               an answer or file that is not whole, or not the one wanted

Each error has a stable ``code``, a ``message`` that says which file, what was expected and what was found, a
``hint`` that says what to do, and a ``context`` of plain values. Programming errors are never wrapped.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "ArchiveError",
    "DataError",
    "DatabaseError",
    "HstlcError",
    "InconsistentError",
    "IntegrityError",
    "LockHeldError",
    "ProprietaryError",
    "RejectedError",
    "StepError",
    "StoreError",
    "TransientError",
    "UnreadableError",
    "UnsupportedModeError",
    "UsageError",
]


class HstlcError(Exception):
    """Base of every expected error.

    Parameters
    ----------
    code : str
        Stable name such as ``"usage.unknown-key"``; never translated or reworded.
    message : str
        What happened: which file, what was expected, what was found.
    hint : str
        What the reader can do about it.
    **context : object
        Plain, picklable values for logs and machines.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, code: str, message: str, hint: str = "", **context: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.context = context

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.code, self.message, self.hint, self.context)


def _rebuild(cls: type[HstlcError], code: str, message: str, hint: str, context: dict[str, Any]) -> HstlcError:
    return cls(code, message, hint, **context)


class UsageError(HstlcError, ValueError):
    """A wrong option, configuration value or name, or a database of another schema version."""

    exit_code = 2
    http_status = 400


class DataError(HstlcError, ValueError):
    """A file is not what it should be."""

    exit_code = 3
    http_status = 422


class UnreadableError(DataError):
    """A file cannot be opened as what it claims to be, or is cut short."""


class UnsupportedModeError(DataError):
    """A file is readable but not of a kind that light curves are made of."""


class InconsistentError(DataError):
    """Header and content, or two reads of one file, contradict each other."""


class StepError(HstlcError, RuntimeError):
    """At least one exposure of a run failed; the others were done."""

    exit_code = 4


class StoreError(HstlcError, OSError):
    """The data tree cannot be written or a path leads out of it."""

    exit_code = 5
    http_status = 503
    retryable = True


class DatabaseError(StoreError, ConnectionError):
    """The database does not answer, or refuses what it is asked."""


class LockHeldError(HstlcError, BlockingIOError):
    """Another process is writing to this store."""

    exit_code = 6
    http_status = 409
    retryable = True


class ArchiveError(HstlcError, ConnectionError):
    """An archive does not give what it was asked for."""

    exit_code = 7
    http_status = 502


class TransientError(ArchiveError):
    """No answer, a busy archive, or an answer that was cut off: worth another try."""

    retryable = True


class RejectedError(ArchiveError):
    """The archive refuses the question, or does not have the thing: asking again changes nothing."""


class ProprietaryError(ArchiveError, PermissionError):
    """The archive has it, and does not give it to the public yet."""

    http_status = 403


class IntegrityError(ArchiveError):
    """What came is not whole, not of the kind that was asked for, or of another observation."""

    retryable = True
