"""The parameters of lists of light curves: from an address to what is asked for, and back."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from hstlc.db.browse import Order, Place
from hstlc.db.cone import Cone
from hstlc.db.curve_columns import COLUMNS, DEFAULT, LIKE_NAMES, SORTED_BY
from hstlc.db.curve_filters import Filter, Limits
from hstlc.errors import UsageError
from hstlc.web.formats import fields_of

__all__ = ["DEFAULT_ORDER", "KINDS", "CurveQuery", "parameters", "read_query"]

DEFAULT_ORDER = "-poisson_factor"

#: Kind of values by name of column.
KINDS = {field.name: field.kind for field in fields_of(COLUMNS.values())}

_RADIUS_DEG = 0.1
_MOST_TEXT, _MOST_VALUES, _MOST_PLACE = 255, 20, 1000
_BOOLS = {"true": True, "false": False, "unknown": None}
_LARGEST = {"int": 2**31 - 1, "long": 2**63 - 1}


@dataclass(frozen=True, slots=True)
class CurveQuery:
    """What list is asked for.

    Attributes
    ----------
    order : Order
    limits : Limits
    columns : tuple of str
    size : int
        Rows of a page.
    after, before : Place or None
        Where the page begins or ends.
    chosen : tuple of (str, str)
        The parameters that say so, but for the place: nothing that is usual anyway.
    """

    order: Order
    limits: Limits
    columns: tuple[str, ...]
    size: int
    after: Place | None = None
    before: Place | None = None
    chosen: tuple[tuple[str, str], ...] = ()

    @property
    def sort(self) -> str:
        """The parameter ``sort``."""
        return ("-" if self.order.falling else "") + self.order.name

    def address(self, path: str, *, without: Iterable[str] = (), **other: str) -> str:
        """Return an address of the same list: at the path, without some parameters, and with others instead.

        Examples
        --------
        >>> read_query([("mission", "hst"), ("sort", "total")], 50).address("/curves", sort="-total")
        '/curves?mission=hst&sort=-total'
        """
        dropped = {*without, *other}
        kept = [(name, value) for name, value in self.chosen if name not in dropped]
        given = urlencode([*kept, *((name, value) for name, value in other.items() if value)])
        return f"{path}?{given}" if given else path

    def at(self, path: str, *, after: Place | None = None, before: Place | None = None) -> str:
        """Return the address of the page after or before a row; '' where neither is given."""
        if after is None and before is None:
            return ""
        name, place = ("after", after) if after is not None else ("before", before)
        return self.address(path, **{name: _place_text(self.sort, place)})


def read_query(given: Sequence[tuple[str, str]], size: int, most: int = 1000) -> CurveQuery:
    """Return what the parameters of an address ask for; empty ones say nothing.

    Parameters
    ----------
    given : sequence of (str, str)
        Names and values, in their order; ``format`` does not matter.
    size : int
        Rows of a page, unless ``rows`` or ``limit`` say otherwise.
    most : int
        Most of these.

    Raises
    ------
    UsageError
        ``usage.filter``, ``usage.sort``, ``usage.columns``, ``usage.place``, ``usage.rows`` or ``usage.cone``.

    Examples
    --------
    >>> query = read_query([("targname", "NGC*"), ("total_min", "100"), ("total_max", "")], 50)
    >>> [(one.name, one.relation, one.value) for one in query.limits.filters]
    [('targname', 'begins', 'NGC'), ('total', 'least', 100)]
    """
    values: dict[str, list[str]] = {}
    for name, value in given:
        if "\0" in value or len(value) > max(_MOST_PLACE, _MOST_TEXT):
            raise _error("filter", f"{name} is longer than any value, or has a zero character in it")
        if value.strip():
            values.setdefault(name, []).append(value.strip())
    values.pop("format", None)
    order = _order(_only(values, "sort") or DEFAULT_ORDER)
    columns = _columns(values.pop("columns", []))
    rows = _only(values, "rows") or _only(values, "limit")
    places = {name: _only(values, name) for name in ("after", "before")}
    text = _only(values, "q")
    cone = _cone({name: _only(values, name) for name in ("ra", "dec", "radius")})
    if len(text) > _MOST_TEXT:
        raise _error("filter", f"q is longer than {_MOST_TEXT} characters")
    filters = tuple(_filter(name, own) for name, own in values.items())
    query = CurveQuery(order, Limits(filters, cone, text), columns, _size(rows, size, most))
    if places["after"] and places["before"]:
        raise _error("place", "both after and before are given")
    chosen = [(name, value) for name, value in _chosen(given) if name not in ("after", "before", "format")]
    after, before = (_place(value, query.sort) if value else None for value in places.values())
    return replace(query, after=after, before=before, chosen=tuple(chosen))


def _chosen(given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters that say something, the columns as one."""
    found = [(name, value.strip()) for name, value in given if value.strip() and name != "columns"]
    names = [one for name, value in given if name == "columns" for one in value.split(",") if one.strip()]
    if names and tuple(names) != DEFAULT:
        found.append(("columns", ",".join(names)))
    return [pair for pair in found if pair != ("sort", DEFAULT_ORDER)]


def _error(code: str, message: str, hint: str = "the parameters of /api/v1/curves are listed at /api") -> UsageError:
    return UsageError(f"usage.{code}", message, hint)


def _only(values: dict[str, list[str]], name: str) -> str:
    found = values.pop(name, [""])
    if len(found) > 1:
        raise _error("filter", f"{name} is given {len(found)} times")
    return found[0]


def _order(sort: str) -> Order:
    name = sort.removeprefix("-")
    if name not in SORTED_BY:
        raise _error("sort", f"cannot sort by {name[:60]!r}", f"sort by one of {', '.join(SORTED_BY)}")
    return Order(name, sort.startswith("-"))


def _columns(given: list[str]) -> tuple[str, ...]:
    names = [name.strip() for value in given for name in value.split(",") if name.strip()]
    if names == ["all"]:
        return tuple(COLUMNS)
    for name in names:
        if name not in COLUMNS:
            raise _error("columns", f"there is no column {name[:60]!r}", f"there are {', '.join(COLUMNS)}")
    return tuple(dict.fromkeys(names)) or DEFAULT


def _size(text: str, usual: int, most: int) -> int:
    if not text:
        return min(usual, most)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise _error("rows", f"{text[:60]!r} rows cannot be given at once", f"ask for 1 to {most}")
    return int(text)


def _cone(given: Mapping[str, str]) -> Cone | None:
    if not any(given.values()):
        return None
    if not (given["ra"] and given["dec"]):
        raise _error("cone", "a place needs both ra and dec", "give ra, dec and radius in degrees")
    try:
        return Cone(float(given["ra"]), float(given["dec"]), float(given["radius"] or _RADIUS_DEG))
    except ValueError:
        hint = "give ra (0 to 360), dec (-90 to 90) and radius (0 to 180) in degrees"
        raise _error("cone", "ra, dec or radius is no place on the sky", hint) from None


def _filter(name: str, given: list[str]) -> Filter:
    """Return the filter that a parameter means: the name of a column, or that with ``_min`` or ``_max``."""
    if name not in COLUMNS:
        base, _, end = name.rpartition("_")
        if end in ("min", "max") and KINDS.get(base) in ("int", "long", "float", "time") and len(given) == 1:
            return Filter(base, "least" if end == "min" else "most", _value(base, given[0], bound=True))
        raise _error("filter", f"there is no parameter {name[:60]!r}, or it is given more than once")
    kind = KINDS[name]
    if len(given) > _MOST_VALUES or kind in ("float", "time"):
        raise _error("filter", f"{name} has no value that could be equal, or too many", f"use {name}_min, {name}_max")
    if kind == "text" and given[0].endswith("*"):
        if name not in LIKE_NAMES or len(given) > 1:
            raise _error("filter", f"{name} cannot be one of several beginnings", "write its whole value")
        return Filter(name, "begins", _value(name, given[0][:-1]))
    return Filter(name, "among", tuple(dict.fromkeys(_value(name, one) for one in given)))


def _value(name: str, text: str, *, bound: bool = False) -> Any:
    """Return the value that a text means for a column; a bound of whole numbers may be any number."""
    kind = KINDS[name]
    if kind == "text":
        if len(text) <= _MOST_TEXT:
            return text
    elif kind == "bool":
        if text in _BOOLS and (_BOOLS[text] is not None or COLUMNS[name].nullable):
            return _BOOLS[text]
    elif kind == "time":
        return _moment(name, text)
    elif text.isascii() and len(text) < 40:
        number = _number(text)
        whole = kind != "float" and number is not None and number == int(number)
        if number is not None and whole and abs(number) <= _LARGEST[kind]:
            return int(number)
        if number is not None and (kind == "float" or bound):
            return number
    raise _error("filter", f"{text[:60]!r} is no value of {name}")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _error("filter", f"{text[:60]!r} is no value of {name}", "write it as 2026-01-31T12:00:00Z") from None


def _place_text(sort: str, place: Place | None) -> str:
    assert place is not None
    value = place.value
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)
    data = orjson.dumps([sort, value, place.product_id], option=orjson.OPT_UTC_Z)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _place(text: str, sort: str) -> Place:
    """Return the row that a text names in the order of a list."""
    bad = _error("place", "this is no place in a list in this order", "begin again without after and before")
    if len(text) > _MOST_PLACE or not text.isascii():
        raise bad
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        own, value, product = orjson.loads(data)
    except (ValueError, TypeError):
        raise bad from None
    name = sort.removeprefix("-")
    kind = KINDS[name]
    if own != sort or type(product) is not int or not 0 < product < 2**31:
        raise bad
    if value is None:
        if COLUMNS[name].nullable:
            return Place(None, product)
        raise bad
    if kind == "float" and (isinstance(value, int | float) or value in ("nan", "inf", "-inf")):
        return Place(float(value), product)
    if kind in _LARGEST and type(value) is int and abs(value) <= _LARGEST[kind]:
        return Place(value, product)
    if kind == "time" and isinstance(value, str):
        return Place(_moment(name, value), product)
    if kind == "text" and isinstance(value, str) and "\0" not in value and len(value) <= _MOST_TEXT:
        return Place(value, product)
    raise bad


def parameters(*, rows: str = "limit", most: int = 1000) -> list[dict[str, Any]]:
    """Return the description of the parameters for OpenAPI.

    Parameters
    ----------
    rows : str
        Name of the parameter of the number of rows.
    most : int
        Most rows of an answer.
    """
    text: dict[str, Any] = {"type": "string", "maxLength": _MOST_TEXT}
    number = {"type": "number"}
    found = [
        ("q", text, "what target, source, exposure or file begin with"),
        ("ra", {**number, "minimum": 0, "maximum": 360}, "right ascension of a place, ICRS, degrees"),
        ("dec", {**number, "minimum": -90, "maximum": 90}, "its declination, degrees"),
        ("radius", {**number, "minimum": 0, "maximum": 180}, f"how far around it, degrees; {_RADIUS_DEG} if not given"),
        ("sort", {"type": "string", "enum": [sign + name for name in SORTED_BY for sign in ("", "-")]},
         f"what to sort by, with - before it the highest first; {DEFAULT_ORDER} if not given"),
        ("columns", text, "names with commas between them, or all"),
        (rows, {"type": "integer", "minimum": 1, "maximum": most}, "rows at most"),
        ("after", {"type": "string", "maxLength": _MOST_PLACE}, "place of an earlier answer: what follows it"),
        ("before", {"type": "string", "maxLength": _MOST_PLACE}, "place of an earlier answer: what precedes it"),
    ]  # fmt: skip
    for field in fields_of(COLUMNS.values()):
        unit = f", {field.unit}" if field.unit else ""
        about = f"{field.doc}{unit}"
        if field.kind in ("text", "bool", "int", "long"):
            kinds: Any = {"enum": list(_BOOLS)} if field.kind == "bool" else {"maxLength": _MOST_TEXT}
            kinds = {"type": "integer"} if field.kind in _LARGEST else {"type": "string", **kinds}
            ending = "; with * at the end: what it begins with" if field.name in LIKE_NAMES else ""
            found.append((field.name, kinds, about + ending))
        if field.kind in ("int", "long", "float", "time"):
            bound: dict[str, Any] = number if field.kind != "time" else {"type": "string", "format": "date-time"}
            found.append((f"{field.name}_min", bound, f"at least: {about}"))
            found.append((f"{field.name}_max", bound, f"at most: {about}"))
    return [
        {"name": name, "in": "query", "required": False, "schema": dict(schema), "description": doc}
        for name, schema, doc in found
    ]
