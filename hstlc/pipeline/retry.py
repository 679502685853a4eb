"""What becomes of a product that could not be fetched: when it is tried again, and when it is given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hstlc.archives.limits import DownloadSettings
from hstlc.db.notices import Severity
from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError, StoreError, TransientError
from hstlc.logs import redact
from hstlc.pipeline.results import failure_of

__all__ = ["Decision", "given_up", "later", "retry"]

_DAY = timedelta(days=1)
_LONGEST_WAIT = 3 * _DAY
# A file that is not there may come: archives are slow to follow their own catalogues.
_TRIES_UNTIL_MISSING = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write of a product.

    Attributes
    ----------
    values : mapping
        Columns of ``remote_product`` that change.
    severity : str or None
        Of the notice that a person gets; None: there is none.
    """

    values: Mapping[str, Any]
    severity: Severity | None = None


def retry(error: Exception, row: Mapping[str, Any], now: datetime, limits: DownloadSettings) -> Decision:
    """Return what follows from an error.

    ====================================  ===============================================================
    not public                            ``forbidden``, until the date of release, or a day
    no room, no right to write            ``deferred``
    no such file                          queued, after three tries ``missing``; given up after a time
    no answer, or not a whole file        queued; after a time ``failed`` and given up
    refused, or an error of the program   ``failed``, and yet tried again; given up after a time
    ====================================  ===============================================================

    Each wait is twice as long as the one before, up to three days, and random by a quarter. What is given up has no
    ``next_try_at``.

    Parameters
    ----------
    error : Exception
    row : mapping
        Of ``remote_product``, with the ``release_date`` of its dataset.
    now : datetime
    limits : DownloadSettings
    """
    failure = failure_of(error, what=str(row["name"]))
    said = {"error_code": failure.code[:64], "message": redact(failure.message)}
    attempts = row["attempts"] + 1
    if isinstance(error, ProprietaryError):
        release = row["release_date"]
        until = release if release is not None and release > now else now + _DAY
        return Decision({**said, "state": "forbidden", "attempts": attempts, "next_try_at": until})
    if isinstance(error, StoreError) and not isinstance(error, ArchiveError):
        again = now + timedelta(seconds=limits.retry_after_s)
        return Decision({**said, "state": "deferred", "next_try_at": again})
    values = {**said, **later(row, now, limits)}
    if isinstance(error, RejectedError) and error.code == "archive.no-product":
        values["state"] = "missing" if attempts >= _TRIES_UNTIL_MISSING else "queued"
    else:
        values["state"] = "queued" if isinstance(error, (TransientError, IntegrityError)) else "failed"
    if not given_up(row, now, limits):
        return Decision(values, "warning" if values["state"] == "failed" else None)
    state = "missing" if values["state"] == "missing" else "failed"
    return Decision({**values, "state": state, "next_try_at": None}, "error")


def later(row: Mapping[str, Any], now: datetime, limits: DownloadSettings) -> dict[str, Any]:
    """Return the columns that say when a product is tried again."""
    attempts = row["attempts"] + 1
    wait = min(timedelta(seconds=limits.retry_after_s * 2.0 ** min(attempts - 1, 30)), _LONGEST_WAIT)
    jitter = Random(f"{row['id']} {attempts}").uniform(0.75, 1.25)
    since = row["failing_since_at"] or now
    return {"attempts": attempts, "next_try_at": now + wait * jitter, "failing_since_at": since}


def given_up(row: Mapping[str, Any], now: datetime, limits: DownloadSettings) -> bool:
    """Tell whether a product has failed for so long that it is not tried again."""
    since = row["failing_since_at"]
    return since is not None and now - since >= timedelta(seconds=limits.give_up_after_s)
