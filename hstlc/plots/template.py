"""A Bokeh document made once, and filled with the values of each light curve.

Making the models of a page in Python takes some hundred times as long as writing their JSON, and all pages of a kind
differ in their data alone. So the models are built once a process with :class:`Slot` names where values go, and their
JSON is cut at those places; a page is the pieces with the JSON of its own values between them.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bokeh.model import Model

__all__ = ["Template", "document_json", "make_template", "target_id", "value_json"]

_COMPRESSED = 2000  # values of an array up to which compression is worth its time
_IDENTITY = "@identity@"
_SLOT = re.compile(r'"@slot:(\w+)@"')
_ID = re.compile(r"p\d+\Z")


@dataclass(frozen=True, slots=True)
class Template:
    """The JSON of a document, cut where values go.

    Attributes
    ----------
    pieces : tuple of str
        Text before, between and after the values.
    slots : tuple of str
        Name of the value after each piece but the last.
    """

    pieces: tuple[str, ...]
    slots: tuple[str, ...]

    def fill(self, values: Mapping[str, Any], identity: str) -> str:
        """Return the JSON that ``Bokeh.embed.embed_item`` takes, safe inside a script element.

        Parameters
        ----------
        values : mapping of str to object
            Arrays, numbers, texts and lists by the name of their slot.
        identity : str
            The ids of the models derive from it.
        """
        prefix = _prefix(identity)
        parts = [self.pieces[0].replace(_IDENTITY, prefix)]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            parts += [value_json(values[slot]), piece.replace(_IDENTITY, prefix)]
        return "".join(parts)


def make_template(build: Callable[[Mapping[str, Any]], Model], example: Mapping[str, Any]) -> Template:
    """Return the template of the document that ``build`` makes.

    Parameters
    ----------
    build : callable
        Makes the root model from values.
    example : mapping of str to object
        Values, all different and none of them a default of Bokeh or part of the models otherwise.

    Raises
    ------
    ValueError
        A value of the example is not in the document.
    """
    item = document_json(build(example), _IDENTITY)
    places: dict[str, str] = {_canonical(value): name for name, value in example.items()}
    text = _escaped(json.dumps(_with_slots(item, places), separators=(",", ":")))
    parts = _SLOT.split(text)
    if missing := set(example) - set(parts[1::2]):
        raise ValueError(f"the document has no place for {sorted(missing)}")
    return Template(tuple(parts[::2]), tuple(parts[1::2]))


def document_json(root: Model, identity: str) -> dict[str, Any]:
    """Return the JSON of a document with ids that depend on nothing but the order of its models and ``identity``."""
    from bokeh.embed import json_item

    item: dict[str, Any] = json.loads(json.dumps(json_item(root)))
    prefix = identity if identity == _IDENTITY else _prefix(identity)
    known: dict[str, str] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: new(value) if key in ("id", "root_id") else renamed(value) for key, value in node.items()}
        return [renamed(value) for value in node] if isinstance(node, list) else node

    def new(value: Any) -> Any:
        if isinstance(value, str) and _ID.match(value):
            return known.setdefault(value, f"{prefix}-{len(known) + 1}")
        return renamed(value)

    item = renamed({"doc": item["doc"], "root_id": item["root_id"], "version": item["version"]})
    return {**item, "target_id": f"{prefix}-plot"}


def target_id(identity: str) -> str:
    """Return the id of the element that the document of ``identity`` is drawn in."""
    return f"{_prefix(identity)}-plot"


def value_json(value: Any) -> str:
    """Return the JSON in which Bokeh writes a value; bytes of long rows are stored without compression."""
    if isinstance(value, np.ndarray):
        data = base64.b64encode(_packed(value)).decode("ascii")
        return (
            f'{{"type":"ndarray","array":{{"type":"bytes","data":"{data}"}},'
            f'"shape":{list(value.shape)},"dtype":"{value.dtype.name}","order":"little"}}'
        )
    return _escaped(json.dumps(value, separators=(",", ":"), allow_nan=False))


def _packed(value: NDArray[Any]) -> bytes:
    plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).tobytes()
    return gzip.compress(plain, 1 if value.ndim > 1 or len(value) <= _COMPRESSED else 0, mtime=1)


def _prefix(identity: str) -> str:
    return "h" + hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _escaped(text: str) -> str:
    """Return JSON that ends no script element and starts no comment in one."""
    return text.replace("<", "\\u003c")


def _canonical(value: Any) -> str:
    if isinstance(value, np.ndarray):
        from bokeh.core.serialization import Serializer

        value = Serializer(deferred=False).encode(value)
    return json.dumps(value)


def _with_slots(node: Any, places: Mapping[str, str]) -> Any:
    """Return ``node`` with the name of a slot in place of each example value."""
    name = places.get(json.dumps(node))
    if name is not None:
        return f"@slot:{name}@"
    if isinstance(node, dict):
        return {key: _with_slots(value, places) for key, value in node.items()}
    return [_with_slots(value, places) for value in node] if isinstance(node, list) else node
