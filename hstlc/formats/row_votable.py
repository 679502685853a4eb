"""Rows of a database as a VOTable."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hstlc.formats.row_columns import Column
from hstlc.formats.row_tables import Field

if TYPE_CHECKING:
    from astropy.io.votable.tree import Field as VOField
    from astropy.io.votable.tree import VOTableFile

__all__ = ["make_votable", "votable_bytes"]

_TYPES = {"bool": "boolean", "int": "int", "long": "long", "float": "double"}
_DTYPES = {"bool": "?", "int": "<i4", "long": "<i8", "float": "<f8"}


def make_votable(
    columns: Sequence[Column], name: str, *, title: str = "", infos: Mapping[str, str] | None = None
) -> VOTableFile:
    """Return a VOTable 1.4 of one table; more can be added to it before it is written.

    Places refer to a system of coordinates, ICRS; columns whose names end in ``_mjd`` to a system of times: UTC, at the
    observatory. NULL is an empty cell.

    Parameters
    ----------
    columns : sequence of Column
    name : str
        Name of the table.
    title : str
        Its description.
    infos : mapping of str to str, optional
        INFO elements of the resource, such as ``QUERY_STATUS``.

    Returns
    -------
    astropy.io.votable.tree.VOTableFile
    """
    from astropy.io.votable import tree

    file = tree.VOTableFile(version="1.4")
    resource = tree.Resource(name=name, type="results")
    resource.description = title or None
    for key, value in (infos or {}).items():
        resource.infos.append(tree.Info(name=key, value=value))
    systems = [_system(column.field) for column in columns]
    if "icrs" in systems:
        resource.coordinate_systems.append(tree.CooSys(ID="icrs", system="ICRS"))
    if "utc" in systems:
        options = {"timeorigin": "MJD-origin", "timescale": "UTC", "refposition": "TOPOCENTER"}
        resource.time_systems.append(tree.TimeSys(ID="utc", config=file._config, **options))
    table = tree.TableElement(file, ID=_identifier(name), name=name)
    table.fields.extend(_field(file, column, system) for column, system in zip(columns, systems, strict=True))
    table.create_arrays(len(columns[0].values) if columns else 0)
    for column, field in zip(columns, table.fields, strict=True):
        table.array[field.ID] = np.ma.array(column.values, mask=column.missing)
    resource.tables.append(table)
    file.resources.append(resource)
    return file


def _identifier(name: str) -> str:
    """Return a name as XML takes it for an ID.

    Examples
    --------
    >>> _identifier("0124710801_XMMU-J10+02"), _identifier("curves")
    ('_0124710801_XMMU-J10_02', 'curves')
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return plain if plain[:1].isalpha() else f"_{plain}"


def votable_bytes(file: VOTableFile) -> bytes:
    """Return a VOTable as the bytes of its XML."""
    written = io.BytesIO()
    file.to_xml(written, tabledata_format="tabledata")
    return written.getvalue()


def _system(field: Field) -> str:
    if field.ucd.startswith(("pos.eq.ra", "pos.eq.dec")) and field.unit == "deg":
        return "icrs"
    return "utc" if field.name.endswith("_mjd") and field.unit == "d" else ""


def _unit(unit: str) -> str | None:
    """Return a unit as VOUnits 1.0 spells it: deprecated ones by what they are made of, Angstrom as 0.1nm."""
    from astropy.units import Unit

    return str(Unit(unit).to_string("vounit", deprecations="convert")) if unit else None


def _field(file: VOTableFile, column: Column, system: str) -> VOField:
    from astropy.io.votable import tree

    field = column.field
    made = tree.Field(
        file,
        name=field.name,
        datatype=_TYPES.get(field.kind) or ("char" if all(map(str.isascii, column.values)) else "unicodeChar"),
        arraysize=None if field.kind in _TYPES else "*",
        unit=_unit(field.unit),
        ucd=field.ucd or None,
        ref=system or None,
        xtype="timestamp" if field.kind in ("time", "date") else None,
    )
    made.description = field.doc or None
    return made
