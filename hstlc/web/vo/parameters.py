"""Parameters as DALI 1.1 has them: names in any case, in the address or in a form, some of them several times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from hstlc.errors import UsageError

__all__ = ["Asked", "Parameters", "documented", "plain_text"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_MOST_FIELDS = 2000

#: Values of RESPONSEFORMAT: short names and media types, the latter without their parameters.
_FORMATS = {
    "votable": "votable", "application/x-votable+xml": "votable", "text/xml": "votable",
    "csv": "csv", "text/csv": "csv", "fits": "fits", "application/fits": "fits",
}  # fmt: skip


class Parameters:
    """What a client asked for.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Names and values as they came.

    Examples
    --------
    >>> asked = Parameters([("ra", "10.5"), ("ID", "a"), ("id", "b")])
    >>> asked.number("RA", 0.0, 360.0), asked.all("ID")
    (10.5, ['a', 'b'])
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.upper(), []).append(value)

    def all(self, name: str) -> list[str]:
        """Return all values of a parameter; those that are empty are left out."""
        return [value for value in self._values.get(name, []) if value.strip()]

    def one(self, name: str) -> str:
        """Return the value of a parameter; '': it was not given.

        Raises
        ------
        UsageError
            ``usage.parameter``: it was given several times.
        """
        values = list(dict.fromkeys(self.all(name)))
        if len(values) > 1:
            raise _refused(f"{name} is given {len(values)} times with different values", f"give {name} once")
        return values[0].strip() if values else ""

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number in a range, both ends included.

        Raises
        ------
        UsageError
            ``usage.parameter``: it is missing, not a number, or out of range.
        """
        text, wanted = self.one(name), f"give {name} as decimal degrees, {low:g} to {high:g}"
        if not text:
            raise _refused(f"{name} is missing", wanted)
        if not _NUMBER.fullmatch(text):
            raise _refused(f"{name}: '{_shown(text)}' is not a number", wanted)
        if not low <= (value := float(text)) <= high:
            raise _refused(f"{name}: {_shown(text)} is out of range", wanted)
        return value

    def whole(self, name: str, default: int, low: int, high: int | None = None) -> int:
        """Return a whole number; ``default`` where it was not given.

        Raises
        ------
        UsageError
            ``usage.parameter``: it is not a whole number, or out of range.
        """
        text = self.one(name)
        if not text:
            return default
        wanted = f"give {name} as a whole number" + (f", {low} to {high}" if high is not None else f" from {low} on")
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise _refused(f"{name}: '{_shown(text)}' is not a whole number", wanted)
        if int(text) < low or (high is not None and int(text) > high):
            raise _refused(f"{name}: {text} is out of range", wanted)
        return int(text)

    def format(self) -> str:
        """Return ``votable``, ``csv`` or ``fits`` as RESPONSEFORMAT says.

        Raises
        ------
        UsageError
            ``usage.parameter``: another format.
        """
        text = self.one("RESPONSEFORMAT") or "votable"
        short = text.partition(";")[0].strip().lower()
        if short not in _FORMATS:
            raise _refused(f"RESPONSEFORMAT: '{_shown(text)}' is not known", f"one of {', '.join(_FORMATS)}")
        return _FORMATS[short]


async def _asked(request: Request) -> Parameters:
    """Return the parameters of the address, and of the form that a client posted."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.body()
        if body and kind != "application/x-www-form-urlencoded":
            raise _refused("the body is not a form", "send it as application/x-www-form-urlencoded")
        try:
            text = body.decode("utf-8", "replace")
            pairs += parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError as error:
            raise _refused("the form has too many fields", f"at most {_MOST_FIELDS}") from error
    return Parameters(pairs)


#: Parameter of a route.
Asked = Annotated[Parameters, Depends(_asked)]


def documented(parameters: Sequence[tuple[str, str, str, bool]]) -> dict[str, object]:
    """Return what OpenAPI says of parameters: name, type, meaning, and whether it must be given, of each."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": required, "description": doc, "schema": {"type": kind}}
            for name, kind, doc, required in parameters
        ]
    }


def plain_text(text: str) -> str:
    r"""Return a text that a client sent with escapes for what is no text in XML.

    Examples
    --------
    >>> plain_text("a\x01b")
    'a\\x01b'
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _shown(text: str) -> str:
    return plain_text(text[:60])


def _refused(message: str, hint: str) -> UsageError:
    return UsageError("usage.parameter", message, hint)
