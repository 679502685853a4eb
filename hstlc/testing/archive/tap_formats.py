"""Rows of a query in the forms in which services give them: VOTable, ESA's JSON, CSV and the text of the CXC."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from hstlc.testing.archive.tap import TapColumn, TapResult

__all__ = ["VOTABLE_TYPE", "csv_text", "cxc_text", "esa_json", "votable", "votable_error"]

VOTABLE_TYPE = "application/x-votable+xml"


def votable(result: TapResult, *, infos: Mapping[str, str] | None = None) -> bytes:
    """Return a VOTable 1.3 in TABLEDATA; an overflow is told after the table, as services do that write row by row."""
    import numpy as np
    from astropy.io.votable.tree import Field, Info, Resource, TableElement, VOTableFile

    class CutTable(TableElement):  # type: ignore[misc]
        def to_xml(self, w: Any, **kwargs: Any) -> None:
            super().to_xml(w, **kwargs)
            told = Info(name="QUERY_STATUS", value="OVERFLOW")
            told.ID = None  # it is that of the first one
            told.to_xml(w, **kwargs)

    file = VOTableFile(version="1.3")
    resource = Resource(type="results")
    file.resources.append(resource)
    resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
    resource.infos.extend(Info(name=name, value=value) for name, value in (infos or {}).items())
    table = (CutTable if result.overflow else TableElement)(file)
    resource.tables.append(table)
    table.fields.extend(_field(Field, file, column) for column in result.columns)
    table.create_arrays(len(result.rows))
    for place, column in enumerate(result.columns):
        values = [_value(column, row[place]) for row in result.rows]
        name = table.fields[place].ID
        fill = {"char": "", "boolean": False}.get(column.votable_type, 0)
        filled = [fill if value is None else value for value in values]
        table.array[name] = np.array(filled, dtype=table.array.dtype[name]) if filled else table.array[name]
        table.array.mask[name] = [value is None for value in values]
    stream = io.BytesIO()
    # the writer in C writes one byte too far after a row of 256 bytes (astropy 8.0), and the process dies later
    file.to_xml(stream, _debug_python_based_parser=True)
    return stream.getvalue()


def votable_error(message: str, *, cone: bool = False) -> bytes:
    """Return what a TAP service, or one of cone searches, says instead of rows."""
    from astropy.io.votable.tree import Info, Resource, VOTableFile

    file = VOTableFile(version="1.3")
    resource = Resource(type="results")
    file.resources.append(resource)
    if cone:
        file.infos.append(Info(name="Error", value=message))
    else:
        info = Info(name="QUERY_STATUS", value="ERROR")
        info.content = message
        resource.infos.append(info)
    stream = io.BytesIO()
    file.to_xml(stream)
    return stream.getvalue()


def esa_json(result: TapResult) -> bytes:
    """Return the JSON of ESA's services: a list of columns and a list of rows."""
    metadata = [
        {
            "name": column.name,
            "datatype": column.votable_type,
            "xtype": None,
            "arraysize": "*" if column.votable_type == "char" else None,
            "description": column.description or None,
            "unit": column.unit or None,
            "ucd": column.ucd or None,
            "utype": None,
        }
        for column in result.columns
    ]
    rows = [[_value(column, value) for column, value in zip(result.columns, row, strict=True)] for row in result.rows]
    return json.dumps({"metadata": metadata, "data": rows}).encode()


def csv_text(result: TapResult) -> bytes:
    """Return lines of values with commas between them, below the names of the columns."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in result.columns])
    writer.writerows(result.rows)
    return stream.getvalue().encode()


def cxc_text(result: TapResult) -> bytes:
    """Return the text of the CXC: a comment a column, their names, then rows, all with tabulators."""
    lines = [f"# {column.name}\t{column.unit}\t{column.description}" for column in result.columns]
    lines.append("\t".join(column.name for column in result.columns))
    lines += ["\t".join("" if value is None else str(value) for value in row) for row in result.rows]
    return ("\n".join(lines) + "\n").encode()


def _field(field: Callable[..., Any], file: Any, column: TapColumn) -> Any:
    made = field(
        file,
        ID=column.name,
        name=column.name,
        datatype=column.votable_type,
        unit=column.unit or None,
        ucd=column.ucd or None,
        arraysize="*" if column.votable_type == "char" else None,
    )
    made.description = column.description or None
    return made


def _value(column: TapColumn, value: Any) -> Any:
    if value is None:
        return None
    if column.votable_type == "boolean":
        return str(value).lower() in ("true", "1")
    return str(value) if column.votable_type == "char" else value
