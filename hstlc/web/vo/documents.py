"""VOTables of services: results, errors, and descriptions of further services (DataLink 1.1, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hstlc.logs import printable
from hstlc.web.formats import Field, votable, write_votable

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile

__all__ = ["Input", "Service", "error_document", "results"]


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter of a service.

    Attributes
    ----------
    name, doc : str
    value : str
        Its default; '': none.
    ref : str
        ID of the FIELD that has its values; '': a person chooses it.
    unit, ucd : str
    options : tuple of str
        Values it can have; none: any.
    """

    name: str
    doc: str
    value: str = ""
    ref: str = ""
    unit: str = ""
    ucd: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """What a client needs to know to call a service.

    Attributes
    ----------
    name, doc, address : str
    inputs : tuple of Input
    key : str
        XML ID that rows refer to it by; '': it applies to all rows.
    standard : str
        Identifier of the standard that it follows; '': none.
    media_type : str
        Of its answers.
    itself : bool
        Whether it is the one that wrote the document.
    """

    name: str
    doc: str
    address: str
    inputs: tuple[Input, ...]
    key: str = ""
    standard: str = ""
    media_type: str = ""
    itself: bool = False


def results(
    fields: Sequence[Field],
    rows: Iterable[Sequence[Any]],
    name: str,
    title: str,
    *,
    infos: Mapping[str, str],
    services: Iterable[Service] = (),
    ucds: Mapping[str, str] | None = None,
) -> bytes:
    """Return a VOTable of rows, with the services that are good for them.

    Parameters
    ----------
    fields : sequence of Field
    rows : iterable of sequences
        In the order of the fields.
    name, title : str
        Name and description of the table.
    infos : mapping of str to str
        INFO elements, such as ``QUERY_STATUS``.
    services : iterable of Service
    ucds : mapping of str to str, optional
        UCDs of fields in place of their own.
    """
    file = votable(fields, rows, name, title, infos)
    file.description = title
    for one in file.get_first_table().fields:
        one.ucd = (ucds or {}).get(one.name, one.ucd)
    for service in services:
        file.resources.append(_described(file, service))
    return write_votable(file)


def error_document(message: str, *, name: str = "Error") -> bytes:
    """Return the VOTable that says what went wrong.

    Parameters
    ----------
    message : str
    name : str
        ``Error``: as Simple Cone Search 1.03 has it, an INFO below VOTABLE; ``QUERY_STATUS``: as DALI has it, an INFO
        with the value ERROR in the RESOURCE.
    """
    from astropy.io.votable import tree

    file = tree.VOTableFile(version="1.4")
    resource = tree.Resource(type="results")
    if name == "Error":
        file.infos.append(tree.Info(ID="Error", name="Error", value=printable(message)))
    else:
        info = tree.Info(name=name, value="ERROR")
        info.content = printable(message)
        resource.infos.append(info)
    file.resources.append(resource)
    return write_votable(file)


def _described(file: VOTableFile, service: Service) -> Any:
    from astropy.io.votable import tree

    def text(name: str, value: str, **more: Any) -> Any:
        param = tree.Param(file, name=name, datatype="char", arraysize="*", value=value, **more)
        param.ID = None  # several services have parameters of one name
        return param

    utype = "adhoc:this" if service.itself else "adhoc:service"
    resource = tree.Resource(name=service.name, ID=service.key or None, utype=utype, type="meta")
    resource.description = service.doc
    if service.standard:
        resource.params.append(text("standardID", service.standard))
    resource.params.append(text("accessURL", service.address, ucd="meta.ref.url"))
    if service.media_type:
        resource.params.append(text("contentType", service.media_type))
    group = tree.Group(file, name="inputParams")
    group.ID = None
    for one in service.inputs:
        param = text(one.name, one.value, ref=one.ref or None, unit=one.unit or None, ucd=one.ucd or None)
        param.description = one.doc
        if one.options:
            param.values.options.extend((option, option) for option in one.options)
        group.entries.append(param)
    resource.groups.append(group)
    return resource
