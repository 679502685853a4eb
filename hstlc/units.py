"""Numbers with a unit: text at the border, plain floats inside.

A configuration says ``bin_width: 2 s``; the field that receives it is a float in seconds. The types below do the
conversion, refuse a wrong or missing unit with a sentence, and print the same text back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

__all__ = [
    *("AngstromRange", "Arcseconds", "Bytes", "Column", "Degrees", "KevRange", "Rate", "Seconds"),
    *("format_quantity", "parse_quantity", "parse_range", "to_float"),
]

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\W\d].*?)?\s*$")


@dataclass(frozen=True, slots=True)
class Column:
    """What a number means: one description for FITS columns, SQL columns, labels and VOTable fields.

    Attributes
    ----------
    name : str
        Column name.
    dtype : str
        NumPy type code, native byte order.
    unit : str
        Unit in FITS notation, '' for a pure number.
    ucd : str
        IVOA unified content descriptor, UCD1+.
    doc : str
        One sentence.
    """

    name: str
    dtype: str
    unit: str
    ucd: str
    doc: str


def parse_quantity(value: object, unit: str) -> float:
    """Return ``value`` as a float in ``unit``.

    Parameters
    ----------
    value : str, float or astropy Quantity
        A text such as ``"2 s"``, or a Quantity. A bare number is refused: a number without unit is a guess.
    unit : str
        The unit wanted, in astropy's notation.

    Raises
    ------
    ValueError
        No unit, an unknown unit, a unit of another physical type, or a number that is not finite.

    Examples
    --------
    >>> parse_quantity("2 s", "s")
    2.0
    >>> parse_quantity("1.5 min", "s")
    90.0
    """
    if not isinstance(value, str):
        return to_float(value, unit, bare=False)
    match = _QUANTITY.match(value)
    if match is None or not match[2]:
        raise ValueError(f"{value!r} is not a number with a unit: write it like '2 {unit}'")
    number = float(match[1])
    if match[2] != unit:
        from astropy import units as u

        try:
            number = float((number * u.Unit(match[2])).to_value(unit))
        except (ValueError, TypeError, u.UnitConversionError):
            raise ValueError(f"{value!r} has not a unit of the kind of '{unit}': write it like '2 {unit}'") from None
    return number


def to_float(value: object, unit: str, *, bare: bool = True) -> float:
    """Return a Quantity, a text with a unit, or (where ``bare``) a plain number in ``unit``, as a float in ``unit``.

    Raises
    ------
    ValueError
        A unit of another physical type, a text without one, or a bare number where ``bare`` is False.
    """
    if isinstance(value, str):
        return parse_quantity(value, unit)
    convert = getattr(value, "to_value", None)
    if convert is not None:
        from astropy import units as u

        try:
            return float(convert(unit))
        except u.UnitConversionError as error:
            raise ValueError(f"{value} cannot be converted to '{unit}'") from error
    if not bare:
        raise ValueError(f"{value!r} has no unit: write it like '{value} {unit}'")
    return float(value)  # type: ignore[arg-type]


def format_quantity(value: float, unit: str) -> str:
    """Return the text that :func:`parse_quantity` reads back to the same number."""
    return f"{value:.15g} {unit}"


def _quantity_type(unit: str, accept: Callable[[float], bool], wanted: str) -> Any:
    def validate(value: object) -> float:
        number = parse_quantity(value, unit)
        if not accept(number):
            raise ValueError(f"{value!r} must be {wanted}")
        return number

    return Annotated[
        float, BeforeValidator(validate), PlainSerializer(lambda v: format_quantity(v, unit), return_type=str)
    ]


def parse_range(value: object, unit: str) -> tuple[float, float]:
    """Return a text such as ``"1 s .. 2 s"`` as two floats in ``unit``.

    Raises
    ------
    ValueError
        Not two numbers with units, or the first not the smaller.

    Examples
    --------
    >>> parse_range("1150 Angstrom .. 1200 Angstrom", "Angstrom")
    (1150.0, 1200.0)
    """
    parts = value.split("..") if isinstance(value, str) else []
    if len(parts) != 2:
        raise ValueError(f"{value!r} is not a range: write it like '1 {unit} .. 2 {unit}'")
    low, high = (parse_quantity(part, unit) for part in parts)
    if not low < high:
        raise ValueError(f"{value!r} is empty: the first number must be the smaller")
    return low, high


def _range_type(unit: str) -> Any:
    return Annotated[
        tuple[float, float],
        BeforeValidator(lambda value: parse_range(value, unit)),
        PlainSerializer(lambda v: f"{format_quantity(v[0], unit)} .. {format_quantity(v[1], unit)}", return_type=str),
    ]


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B\s*")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def _size(value: object) -> int:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a size with its unit is wanted, such as '1 GB' or '500 MB'")
    number, prefix, binary = match.groups()
    factor: int = (1024 if binary else 1000) ** _POWERS[prefix]
    return round(float(number) * factor)


def _size_text(size: int) -> str:
    prefix = next((p for p in "TGMk" if size and size % 1000 ** _POWERS[p] == 0), "")
    return f"{size // 1000 ** _POWERS[prefix]} {prefix}B"


def _rate(value: object) -> int:
    if not isinstance(value, str) or not value.rstrip().endswith("/s"):
        raise ValueError("bytes per second are wanted, such as '1 kB/s'")
    return _size(value.rstrip().removesuffix("/s"))


#: A number of bytes.
Bytes = Annotated[int, BeforeValidator(_size), PlainSerializer(_size_text, return_type=str)]
#: Bytes per second.
Rate = Annotated[int, BeforeValidator(_rate), PlainSerializer(lambda rate: f"{_size_text(rate)}/s", return_type=str)]


def _positive(number: float) -> bool:
    return 0 < number < float("inf")


Seconds = _quantity_type("s", _positive, "a positive, finite time")
Degrees = _quantity_type("deg", lambda number: 0 < number <= 180, "an angle up to 180 deg")
Arcseconds = _quantity_type("arcsec", lambda number: 0 < number < 36_000, "a positive angle below 10 deg")
AngstromRange = _range_type("Angstrom")
KevRange = _range_type("keV")
