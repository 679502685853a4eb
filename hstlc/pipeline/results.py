"""What the steps of a run return, and the summary that a person reads at its end."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hstlc.errors import HstlcError, StepError
from hstlc.logs import printable

__all__ = ["Failure", "Summary", "failure_of"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """One exposure or file that could not be done; the run goes on without it.

    Attributes
    ----------
    what : str
        The exposure or file.
    code, message, hint : str
        Of the error.
    """

    what: str
    code: str
    message: str
    hint: str = ""


def failure_of(error: BaseException, *, path: Path | None = None, what: str = "") -> Failure:
    """Return an error as a value; one that is not ours is a programming error and is logged with its traceback."""
    name = what or str(path or "")
    if isinstance(error, HstlcError):
        return Failure(name, error.code, error.message, error.hint)
    logger.error("unexpected error at %s\n%s", name, "".join(traceback.format_exception(error)))
    return Failure(
        name,
        "step.unexpected",
        f"{name}: {type(error).__name__}: {error}",
        "this is an error of the program; the log file has the details",
    )


@dataclass(slots=True)
class Summary:
    """How a run ended, counted in exposures (rejected, waiting and failed ones also in single files).

    Of archives: datasets that are new or changed, products that were listed for the first time, files that were
    fetched, and their bytes.
    """

    datasets: int = 0
    products: int = 0
    fetched: int = 0
    bytes_fetched: int = 0
    ingested: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    composites: int = 0
    statistics: int = 0
    plots: int = 0
    pages: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    waiting: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    files: int = 0
    seconds: float = 0.0
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values for JSON."""
        return {
            "datasets": self.datasets,
            "products": self.products,
            "fetched": self.fetched,
            "bytes_fetched": self.bytes_fetched,
            "ingested": self.ingested,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "composites": self.composites,
            "statistics": self.statistics,
            "plots": self.plots,
            "pages": self.pages,
            "rejected": dict(sorted(self.rejected.items())),
            "waiting": [printable(text) for text in self.waiting],
            "failed": [{name: printable(text) for name, text in asdict(f).items()} for f in self.failures],
            "files": self.files,
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
        }

    def raise_for_failures(self) -> None:
        """Raise when something failed, so that the exit code says so.

        Raises
        ------
        StepError
            ``step.failed``.
        """
        if self.failures:
            first = self.failures[0]
            raise StepError(
                "step.failed",
                f"{len(self.failures)} failed, the first: {first.message}",
                first.hint or "run again once the cause is gone: what was done stays done",
                failed=[f.what for f in self.failures],
            )
