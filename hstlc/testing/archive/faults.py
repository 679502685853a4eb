"""What can go wrong on purpose: faults, and the plan that says which request meets which.

A fault of :data:`TRANSPORT` is done by the server itself, whatever the answer is; one of :data:`ROWS` changes the rows
of an answer and is done by the router that makes them, see :func:`hstlc.testing.archive.rows.spoiled`. Routers may
know further kinds of their own.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FILE_FAULTS", "QUERY_FAULTS", "ROWS", "TRANSPORT", "Fault", "FaultPlan", "fault"]

#: Kinds that the server does, with their arguments.
TRANSPORT: Mapping[str, str] = {
    "status": "another status: code, retry_after (seconds, or text as it is), retry_date (seconds from now, as a date)",
    "reset": "the connection is reset: after (bytes of the body)",
    "hang": "no answer at all: seconds",
    "stall": "silence within the body: after (bytes of the body; half of it), seconds",
    "slow": "the body comes in drops: bytes_per_s",
    "truncate": "the body ends early: size (half of it), keep_length (True; False: without Content-Length)",
    "wrong_length": "Content-Length is wrong: difference (bytes; +100)",
    "no_length": "Content-Length is left out",
    "chunk_cut": "chunked, without the last chunk",
    "html_200": "a page on maintenance with status 200",
    "json_garbage": "the second half of the body is missing, and all lengths fit",
    "error_200": "an error as text with status 200: body, content_type",
    "gzip_corrupt": "a byte of the compressed body is wrong; what is not compressed is, with Content-Encoding",
    "gzip_encoding": "compressed with Content-Encoding, though nobody asked for it",
    "ignore_range": "Range is not heeded",
    "bad_content_range": "Content-Range begins elsewhere: shift (bytes; 1)",
    "etag_change": "the entity is another one: ETag and Last-Modified differ, and content if it is given: content",
    "flip_byte": "a byte of the body differs: offset (the middle)",
    "cut_at_hdu": "the last header unit of a FITS file is missing, and all lengths fit",
    "empty_file": "nothing, with status 200",
    "wrong_file": "something else: content; routers give the file of another observation",
    "redirect": "to another address: location",
    "redirect_loop": "to the same address",
}

#: Kinds that routers do to rows of an answer, with their arguments.
ROWS: Mapping[str, str] = {
    "dup_rows": "every row comes twice",
    "shuffle_rows": "rows out of order",
    "shift_page": "the last row of the page before comes again as the first, as if a row had been put in",
    "total_lies": "the number of all rows is wrong: difference (7)",
    "null_field": "a column is null: column",
    "type_change": "values of a column have another type: column",
    "rename_column": "a column has another name: column, to",
    "drop_column": "a column is missing: column",
    "new_column": "an unknown column comes along: column (brand_new)",
    "pad_strings": "texts are padded with blanks",
    "far_future_date": "a date column is far ahead: column",
    "overflow": "fewer rows than there are, and the answer says so: limit (1)",
}

#: Faults that a careful client of a query gets over by asking again.
QUERY_FAULTS = (
    *("status:500", "status:502", "status:503", "status:504", "status:429", "reset", "truncate", "chunk_cut"),
    *("html_200", "json_garbage", "wrong_length", "empty_file", "dup_rows", "shuffle_rows", "pad_strings"),
)

#: The same for a download of a file with checksums.
FILE_FAULTS = (
    *("status:500", "status:503", "status:504", "status:404", "reset", "truncate", "chunk_cut", "wrong_length"),
    *("no_length", "html_200", "flip_byte", "cut_at_hdu", "empty_file", "ignore_range", "etag_change", "wrong_file"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, and with which requests.

    Attributes
    ----------
    kind : str
        Of :data:`TRANSPORT` or :data:`ROWS`, or one that a router knows; ``status:503`` is short for a code.
    path : str
        Regular expression that is found in path and query; '' for any.
    method : str
        GET, HEAD or POST; '' for any.
    nth : int or None
        Begin with the n-th request that fits, counted from 1.
    times : int or None
        How often; None for ever.
    probability : float
        Of each request that fits; drawn from what is asked and how often it was, not from the order of requests.
    arguments : mapping
        See :data:`TRANSPORT` and :data:`ROWS`.
    """

    kind: str
    path: str = ""
    method: str = ""
    nth: int | None = None
    times: int | None = 1
    probability: float = 1.0
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument."""
        return self.arguments.get(name, default)

    def fits(self, method: str, target: str) -> bool:
        """Tell whether a request is one of those that are meant."""
        return (not self.method or self.method == method) and (not self.path or bool(re.search(self.path, target)))


def fault(kind: str, **options: Any) -> Fault:
    """Return a fault from a short form such as ``status:503``."""
    name, _, code = kind.partition(":")
    arguments = {**({"code": int(code)} if code else {}), **options.pop("arguments", {})}
    return Fault(name, arguments=arguments, **options)


@dataclass(slots=True)
class _Rule:
    fault: Fault
    kinds: tuple[Fault, ...] = ()
    seed: int = 0
    seen: int = 0
    done: int = 0
    asked: Counter[bytes] = field(default_factory=Counter)


class FaultPlan:
    """Which requests go wrong, and how.

    Parameters
    ----------
    seed : int
        Of what is left to chance. The same requests meet the same faults, in whatever order they come.

    Examples
    --------
    >>> plan = FaultPlan()
    >>> plan.add(Fault("status", path="/search", nth=2, arguments={"code": 503}))
    >>> [[one.kind for one in plan.draw("GET", "/search")] for _ in range(3)]
    [[], ['status'], []]
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(self, one: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._rules.append(_Rule(one, seed=self.seed + len(self._rules)))

    def storm(
        self,
        probability: float,
        kinds: Iterable[str | Fault] = QUERY_FAULTS,
        seed: int | None = None,
        *,
        path: str = "",
        longest: int | None = None,
    ) -> None:
        """Let a part of all requests go wrong, each in one of some ways.

        Parameters
        ----------
        probability : float
        kinds : iterable of str or Fault
            Arguments of a Fault are used, its conditions are not.
        seed : int, optional
        path : str
            Regular expression: which requests.
        longest : int, optional
            The same request goes wrong at most so often altogether.
        """
        ways = tuple(one if isinstance(one, Fault) else fault(one) for one in kinds)
        template = Fault("storm", path=path, times=longest, probability=probability)
        with self._lock:
            self._rules.append(_Rule(template, ways, self.seed if seed is None else seed))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._rules.clear()

    def draw(self, method: str, target: str, body: bytes = b"") -> tuple[Fault, ...]:
        """Return what goes wrong with a request, at most one of :data:`TRANSPORT` among it."""
        drawn: list[Fault] = []
        with self._lock:
            for rule in self._rules:
                taken = any(one.kind in TRANSPORT for one in drawn)
                one = self._apply(rule, method, target, body, taken=taken)
                if one is not None:
                    drawn.append(one)
        return tuple(drawn)

    @staticmethod
    def _apply(rule: _Rule, method: str, target: str, body: bytes, *, taken: bool) -> Fault | None:
        one = rule.fault
        if not one.fits(method, target):
            return None
        rule.seen += 1
        if (one.nth is not None and rule.seen < one.nth) or (taken and (rule.kinds or one.kind in TRANSPORT)):
            return None
        if not rule.kinds and one.times is not None and rule.done >= one.times:
            return None
        if one.probability < 1.0 or rule.kinds:
            what = hashlib.blake2b(f"{method} {target}\0".encode() + body, digest_size=8).digest()
            rule.asked[what] += 1
            chance = hashlib.blake2b(what + f"{rule.seed} {rule.asked[what]}".encode(), digest_size=16).digest()
            if int.from_bytes(chance[:8], "big") / 2**64 >= one.probability:
                return None
            if rule.kinds:
                failed = what + b"!"
                if one.times is not None and rule.asked[failed] >= one.times:
                    return None
                rule.asked[failed] += 1
                one = rule.kinds[int.from_bytes(chance[8:], "big") % len(rule.kinds)]
        rule.done += 1
        return one
