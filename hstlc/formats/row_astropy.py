"""Rows of a database as an astropy table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["astropy_table"]

_LARGEST = 2**63


def astropy_table(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    units: Mapping[str, str] | None = None,
    docs: Mapping[str, str] | None = None,
    booleans: frozenset[str] = frozenset(),
) -> Table:
    """Return rows as a table with units, whose columns have the type of their values and are masked where NULL.

    Parameters
    ----------
    names : sequence of str
        Of the columns; one that comes again gets ``_2``, ``_3``.
    rows : sequence of sequences
    units, docs : mapping of str to str, optional
        Unit and meaning by name, for columns of numbers and all columns.
    booleans : frozenset of str
        Columns in which 0 and 1 mean False and True.

    Returns
    -------
    astropy.table.Table
        Columns of bool, int64, float64 or text, and objects where they are none of these or mixed.

    Examples
    --------
    >>> table = astropy_table(["name", "exptime_s"], [("a", 2.5), ("b", None)], units={"exptime_s": "s"})
    >>> table["exptime_s"].unit, table["exptime_s"].tolist()
    (Unit("s"), [2.5, None])
    """
    from astropy.table import Column, MaskedColumn, Table

    table = Table()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    for name, values in zip(names, columns, strict=True):
        own, number = name, 1
        while own in table.colnames:
            number += 1
            own = f"{name}_{number}"
        missing = [value is None for value in values]
        dtype, empty = _type(values, name in booleans)
        unit = (units or {}).get(name) if dtype in (np.int64, np.float64) or not values else None
        data = np.empty(len(values), dtype=object)
        data[:] = [empty if value is None else value for value in values]
        data = data.astype(dtype)
        about = {"name": own, "unit": unit or None, "description": (docs or {}).get(name) or None}
        table[own] = MaskedColumn(data, mask=missing, **about) if any(missing) else Column(data, **about)
    return table


def _type(values: Sequence[Any], boolean: bool) -> tuple[Any, Any]:
    """Return the type of an array for values, and what stands for None there."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return (np.float64, np.nan) if not values else (object, None)
    if kinds == {bool} or (boolean and kinds <= {int, bool}):
        return np.bool_, False
    if kinds <= {int, bool}:
        small = all(value is None or -_LARGEST <= value < _LARGEST for value in values)
        return (np.int64, 0) if small else (object, None)
    if kinds <= {int, float, bool}:
        return np.float64, np.nan
    return (np.str_, "") if kinds == {str} else (object, None)
