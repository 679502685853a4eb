"""Rows of a database as columns of arrays, for FITS and VOTable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.row_tables import Field, batches, plain

__all__ = ["Column", "columns_of"]

_DTYPES: dict[str, Any] = {"bool": np.bool_, "int": np.int32, "long": np.int64, "float": np.float64}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of a field.

    Attributes
    ----------
    field : Field
    values : ndarray, shape (n,)
        bool, int32, int64, float64, or texts as objects; what is missing is False, 0, NaN or ''.
    missing : ndarray of bool, shape (n,)
        Where a value is NULL; of floats also where it is NaN.
    """

    field: Field
    values: NDArray[Any]
    missing: NDArray[np.bool_]


def columns_of(fields: Sequence[Field], rows: Iterable[Sequence[Any]]) -> list[Column]:
    """Return the columns of rows, which are read a thousand at a time.

    Parameters
    ----------
    fields : sequence of Field
    rows : iterable of sequences
        In the order of the fields.

    Examples
    --------
    >>> (column,) = columns_of([Field("a", "int")], [(3,), (None,)])
    >>> column.values.tolist(), column.missing.tolist()
    ([3, 0], [False, True])
    """
    parts: list[list[tuple[NDArray[Any], NDArray[np.bool_]]]] = [[] for _ in fields]
    for batch in batches(rows):
        for field, part, values in zip(fields, parts, zip(*batch, strict=True), strict=True):
            part.append(_array(field, values))
    return [
        Column(field, _joined([values for values, _ in part], field), _joined([gone for _, gone in part], None))
        for field, part in zip(fields, parts, strict=True)
    ]


def _array(field: Field, values: Sequence[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    missing = np.fromiter((value is None for value in values), np.bool_, len(values))
    dtype = _DTYPES.get(field.kind)
    if dtype is None:
        texts = np.empty(len(values), object)
        texts[:] = ["" if value is None else str(plain(value)) for value in values]
        return texts, missing
    empty = np.nan if dtype is np.float64 else 0
    numbers = np.array([empty if value is None else value for value in values], dtype)
    return numbers, (np.isnan(numbers) if dtype is np.float64 else missing)


def _joined(parts: list[NDArray[Any]], field: Field | None) -> NDArray[Any]:
    if parts:
        return np.concatenate(parts)
    return np.empty(0, np.bool_ if field is None else _DTYPES.get(field.kind, object))
