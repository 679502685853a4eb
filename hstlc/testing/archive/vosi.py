"""What a TAP service says of itself, and of jobs: documents of VOSI and UWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, tostring

from hstlc.testing.archive.tap import TapTable

__all__ = ["ESA_COLUMN", "XML_TYPE", "capabilities", "job", "tableset"]

XML_TYPE = "text/xml;charset=UTF-8"

_NAMESPACES = {
    "cap": "http://www.ivoa.net/xml/VOSICapabilities/v1.0",
    "esatapplus": "http://esa.int/xml/EsaTapPlus",
    "tr": "http://www.ivoa.net/xml/TAPRegExt/v1.0",
    "uws": "http://www.ivoa.net/xml/UWS/v1.0",
    "vosi": "http://www.ivoa.net/xml/VOSITables/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}

#: What ESA's services say of every column.
ESA_COLUMN: Mapping[str, str] = MappingProxyType({"esatapplus:flags": "0"})

_STANDARDS = {"capabilities": "ivo://ivoa.net/std/VOSI#capabilities", "tables": "ivo://ivoa.net/std/VOSI#tables"}


def capabilities(url: str, *, default_rows: int, hard_rows: int) -> bytes:
    """Return which interfaces a service has and how many rows it gives."""
    root = _root("cap:capabilities")
    tap = SubElement(root, "capability", {"standardID": "ivo://ivoa.net/std/TAP", "xsi:type": "tr:TableAccess"})
    _interface(tap, url, "base")
    language = SubElement(tap, "language")
    SubElement(language, "name").text = "ADQL"
    SubElement(language, "version").text = "2.0"
    output = SubElement(tap, "outputFormat")
    SubElement(output, "mime").text = "application/x-votable+xml"
    SubElement(output, "alias").text = "votable"
    limit = SubElement(tap, "outputLimit")
    SubElement(limit, "default", unit="row").text = str(default_rows)
    SubElement(limit, "hard", unit="row").text = str(hard_rows)
    for name, standard in _STANDARDS.items():
        _interface(SubElement(root, "capability", standardID=standard), f"{url}/{name}", "full")
    return _document(root)


def _interface(capability: Element, url: str, use: str) -> None:
    interface = SubElement(capability, "interface", {"xsi:type": "vs:ParamHTTP", "role": "std"})
    SubElement(interface, "accessURL", use=use).text = url


def tableset(tables: Sequence[TapTable], *, attributes: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Return all tables with their columns, each of which has some further attributes."""
    root = _root("vosi:tableset")
    for name, members in groupby(sorted(tables, key=lambda table: table.schema), key=lambda table: table.schema):
        schema = SubElement(root, "schema")
        SubElement(schema, "name").text = name
        for member in members:
            table = SubElement(schema, "table", type="table")
            SubElement(table, "name").text = member.full_name
            SubElement(table, "description").text = member.description
            for one in member.columns:
                column = SubElement(table, "column", dict(attributes))
                SubElement(column, "name").text = one.name
                SubElement(column, "description").text = one.description
                if one.unit:
                    SubElement(column, "unit").text = one.unit
                if one.ucd:
                    SubElement(column, "ucd").text = one.ucd
                size = {"arraysize": "*"} if one.votable_type == "char" else {}
                kind = SubElement(column, "dataType", {"xsi:type": "vs:VOTableType", **size})
                kind.text = one.votable_type
    return _document(root)


def job(identifier: str, phase: str, parameters: dict[str, str], *, result: str = "", error: str = "") -> bytes:
    """Return the state of an asynchronous query; ``result`` is the address of its rows."""
    root = _root("uws:job", version="1.0")
    for name, value in (("jobId", identifier), ("phase", phase), ("quote", ""), ("executionDuration", "600")):
        SubElement(root, f"uws:{name}").text = value
    given = SubElement(root, "uws:parameters")
    for name, value in parameters.items():
        SubElement(given, "uws:parameter", id=name).text = value
    results = SubElement(root, "uws:results")
    if result:
        SubElement(results, "uws:result", {"id": "result", "xlink:href": result})
    if error:
        summary = SubElement(root, "uws:errorSummary", type="fatal", hasDetail="true")
        SubElement(summary, "uws:message").text = error
    return _document(root)


def _root(name: str, **attributes: str) -> Element:
    return Element(name, {f"xmlns:{prefix}": uri for prefix, uri in _NAMESPACES.items()} | attributes)


def _document(root: Element) -> bytes:
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return document
