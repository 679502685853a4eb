"""What a worker does with a request. Everything that comes in and goes out can be pickled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from hstlc.errors import UsageError
from hstlc.web.rebin.answer import fits_product, json_answer, summary
from hstlc.web.rebin.columns import Shown, shown_columns
from hstlc.web.rebin.engine import Seen, see
from hstlc.web.rebin.held import Held
from hstlc.web.rebin.periods import no_periodogram, periodogram
from hstlc.web.rebin.picture import curve_picture
from hstlc.web.rebin.snippet import snippet
from hstlc.web.rebin.stamps import stamps
from hstlc.web.rebin.subject import Selection, Subject

__all__ = ["Job", "Kind", "do"]

Kind = Literal["json", "columns", "fits", "periodogram", "stamp", "snippet", "picture", "row"]


@dataclass(frozen=True, slots=True)
class Job:
    """A light curve to make, and what of it is wanted.

    Attributes
    ----------
    kind : str
        ``json``: all of it; ``columns``: mapping of name to :class:`hstlc.web.rebin.columns.Shown`; ``fits``: a
        product; ``picture``: SVG; ``row``: sums and dates; others as the addresses are called.
    subject : Subject
    selection : Selection
    """

    kind: Kind
    subject: Subject
    selection: Selection

    @property
    def key(self) -> str:
        """By which requests for the same events are known."""
        return self.subject.key


def do(job: Job, held: Held, check: Callable[[], None] = lambda: None) -> Any:
    """Return what is wanted.

    Parameters
    ----------
    job : Job
    held : Held
        What this process keeps between requests.
    check : callable
        Called between steps; raises to end the work.

    Returns
    -------
    bytes or mapping
    """
    started = time.perf_counter()
    subject, selection = job.subject, job.selection
    if job.kind == "stamp":
        return _json(stamps(subject, selection, held, check), started)
    if job.kind == "periodogram":
        selection = replace(selection, counts=None, blocks=None, fold_s=None)
    try:
        seen = see(subject, selection, held, check)
    except UsageError as error:
        if job.kind != "periodogram" or error.code != "usage.time-range":
            raise
        return _json(no_periodogram("the stretch is shorter than a bin"), started)  # it was chosen among finer bins
    check()
    if job.kind == "periodogram":
        return _json(periodogram(subject, selection, seen), started)
    if job.kind == "snippet":
        return snippet(subject, selection, seen).encode()
    if job.kind == "fits" and not seen.folded:
        return fits_product(selection, seen)
    if job.kind == "row":
        return _row(seen, selection)
    columns = shown_columns(seen, keep_background=selection.keep_background, barycentric=selection.barycentric)
    if job.kind == "json":
        text = snippet(subject, selection, seen)
        return json_answer(subject, selection, seen, columns, text, time.perf_counter() - started)
    if job.kind == "picture":
        return curve_picture(subject.title, columns).encode()
    return {name: Shown(*one) for name, one in columns.items()}


def _json(answer: dict[str, Any], started: float) -> bytes:
    timed = {**answer, "seconds": round(time.perf_counter() - started, 6)}
    return orjson.dumps(timed, option=orjson.OPT_SERIALIZE_NUMPY)


def _row(seen: Seen, selection: Selection) -> dict[str, Any]:
    curve = seen.curve
    start_s = float(curve["times"][0]) if len(curve) else 0.0
    return {
        **summary(curve, keep_background=selection.keep_background),
        "raw_start_s": start_s,
        "meta": dict(curve.meta),
    }
