"""The list of interfaces for programs, made from the same description that programs read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from hstlc.web.figures import Figures
from hstlc.web.rendering import render

__all__ = ["operations", "router", "type_text"]

router = APIRouter()

#: Title of a group, by the beginning of its addresses; the first that fits counts.
_GROUPS = (
    ("/api/v1/curves", "Light curves"),
    ("/recalculate", "Light curves"),
    ("/api/v1/targets", "Targets"),
    ("/api/v1/candidates", "Logbook"),
    ("/api/v1/findings", "Logbook"),
    ("/api/v1/bad-data", "Logbook"),
    ("/api/v1/runs", "Logbook"),
    ("/api/v1/notices", "Logbook"),
    ("/api/v1/missions", "What there is"),
    ("/api/v1/columns", "What there is"),
    ("/vo/", "Virtual observatory"),
    ("/api/v1/sql", "SQL and requests, with a token"),
    ("/api/v1/requests", "SQL and requests, with a token"),
)
_OTHER = "Other"
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
_METHODS = ("get", "post", "put", "patch", "delete")


@router.get("/api")
def interfaces(request: Request) -> Response:
    """Show the interfaces for programs."""
    figures: Figures = request.app.state.figures
    newest = figures.news("").value.curves
    examples = {"name": newest[0]["filename"]} if newest else {}
    targets = {"name": newest[0]["targname"]} if newest else {}
    base = str(request.app.state.site.settings.web.base_url or request.base_url).rstrip("/")
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in operations(request.app.openapi()):
        known = targets if one["path"].startswith("/api/v1/targets") else examples
        groups.setdefault(one["group"], []).append({**one, "example": _example(one, known)})
    order = list(dict.fromkeys([*(title for _, title in _GROUPS), _OTHER]))
    return render(
        request,
        "api.html",
        groups=[(title, groups[title]) for title in order if title in groups],
        base=base,
        curve=examples.get("name", ""),
        virtual="Virtual observatory" in groups,
    )


def operations(description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations of an OpenAPI description as plain values.

    Parameters
    ----------
    description : mapping
        As ``app.openapi()`` gives it.

    Returns
    -------
    list of dict
        ``group``, ``method``, ``path``, ``title``, ``text``, ``body`` (whether it takes one) and ``parameters``, each
        with ``name``, ``where``, ``type``, ``usual`` (the default, '' for none), ``required``, ``text`` and
        ``example``.
    """
    schemas = description.get("components", {}).get("schemas", {})
    found = []
    for path, methods in description.get("paths", {}).items():
        for method in _METHODS:
            if method in methods:
                one = methods[method]
                found.append(
                    {
                        "group": next((title for begin, title in _GROUPS if path.startswith(begin)), _OTHER),
                        "method": method.upper(),
                        "path": path,
                        "id": re.sub(r"\W+", "-", f"{method}{path}").strip("-"),
                        "title": one.get("summary", ""),
                        "text": _paragraph(one.get("description", "")),
                        "body": "requestBody" in one,
                        "parameters": [_parameter(each, schemas) for each in one.get("parameters", ())],
                    }
                )
    return found


def _parameter(one: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    schema = one.get("schema", {})
    usual = schema.get("default")
    examples = [one.get("example"), *(schema.get("examples") or ()), schema.get("example")]
    return {
        "name": one["name"],
        "where": one["in"],
        "type": type_text(schema, schemas),
        "usual": "" if usual is None else str(usual),
        "required": one.get("required", False),
        "text": one.get("description") or schema.get("description", ""),
        "example": next((str(each) for each in examples if each is not None), ""),
    }


def type_text(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return what a value may be, for people.

    Examples
    --------
    >>> type_text({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}, {})
    'number, at least 0'
    >>> type_text({"enum": ["", "flare", "dip"]}, {})
    'flare or dip'
    """
    if "$ref" in schema:
        return type_text(schemas.get(schema["$ref"].rpartition("/")[2], {}), {})
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            texts = (type_text(one, schemas) for one in schema[several] if one.get("type") != "null")
            return " or ".join(dict.fromkeys(filter(None, texts)))
    if "enum" in schema:
        values = [str(value) for value in schema["enum"] if value != ""]
        return (" or " if len(values) < 6 else ", ").join(values)
    if "const" in schema:
        return str(schema["const"])
    bounds = [f"{word} {schema[name]:.15g}" for name, word in _BOUNDS.items() if name in schema]
    if schema.get("type") == "array":
        return f"several: {type_text(schema.get('items', {}), schemas)}"
    named = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    kind = schema.get("type", "")
    return ", ".join([named.get(kind, kind), *bounds]) if kind else ""


def _paragraph(text: str) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(text.strip().split("\n\n")[0].replace("``", "").split())


def _example(one: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """Return an address to try; '' where it is not for looking only, or a value is needed that nobody knows."""
    if one["method"] != "GET":
        return ""
    path, query = one["path"], {}
    for parameter in one["parameters"]:
        value = parameter["example"] or (known.get(parameter["name"], "") if parameter["where"] == "path" else "")
        if parameter["where"] == "path":
            if not value:
                return ""
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
        elif parameter["where"] == "query":
            if parameter["name"] == "limit" and not value:
                value = "5"
            if parameter["required"] and not value:
                return ""
            if value:
                query[parameter["name"]] = value
    return f"{path}?{urlencode(query)}" if query else path
